/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/system.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "control/boot.h"
#include "control/gateway.h"
#include "control/journal.h"
#include "control/loop.h"
#include "control/model.h"
#include "control/publisher.h"
#include "control/server.h"
#include "drivers/device.h"

/* system.info */

static json_t *limits_of(const struct boot_limits *l)
{
	return json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i}",
		"connections", l->connections, "attachments", l->attachments, "endpoints",
		l->endpoints, "sites", l->sites, "paths", l->paths, "routes", l->routes,
		"neighbours", l->neighbours, "next_hop_sets", l->next_hop_sets,
		"icmp_errors_per_second", l->icmp_errors_per_second, "held_packets",
		l->held_packets, "held_packets_per_neighbour", l->held_packets_per_neighbour,
		"neighbours_per_attachment", l->neighbours_per_attachment);
}

static json_t *port_of(const struct boot_port *port, const struct device *device)
{
	char mac[IP_TEXT_MAX];

	return json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:s}", "name", port->name, "device",
		port->device, "driver", device->driver, "mac",
		ip_mac_format(device->mac, mac, sizeof(mac)), "mtu", device->mtu, "rx_queues",
		device->rx_queues, "tx_queues", device->tx_queues, "distribute",
		port->distribute ? "rings" : "off");
}

static json_t *ports_of(const struct gateway *gateway)
{
	json_t *ports = json_array();

	for (unsigned i = 0; gateway->device && i < gateway->boot->ports; i++)
		json_array_append_new(ports, port_of(&gateway->boot->port[i], &gateway->device[i]));
	return ports;
}

static json_t *times_of(const struct loop_times *times)
{
	json_t *buckets = json_array();

	for (unsigned i = 0; i < LOOP_TIME_BUCKETS; i++)
		json_array_append_new(buckets, json_integer((json_int_t)times->bucket[i]));
	return json_pack("{s:I, s:I, s:I, s:I, s:o}", "turns", (json_int_t)times->turns, "total_ns",
		(json_int_t)times->total_ns, "max_ns", (json_int_t)times->max_ns, "over_5ms",
		(json_int_t)times->over_limit, "below_power_of_two_us", buckets);
}

static json_t *loop_of(const struct loop *loop)
{
	return json_pack("{s:o, s:o}", "busy", times_of(loop_times_busy(loop)), "wall",
		times_of(loop_times_wall(loop)));
}

static json_t *journal_of(const struct gateway *gateway)
{
	struct journal_stats s = journal_stats(gateway->journal);

	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b}", "directory",
		gateway->boot->state_dir, "sequence", (json_int_t)s.sequence, "durable",
		(json_int_t)s.durable, "log_bytes", (json_int_t)s.log_bytes, "checkpoint_bytes",
		(json_int_t)s.checkpoint_bytes, "checkpoints", (json_int_t)s.checkpoints, "syncs",
		(json_int_t)s.syncs, "sync_max_ns", (json_int_t)s.sync_max_ns, "read_only",
		s.read_only);
}

static json_t *server_of(const struct gateway *gateway)
{
	const struct server_stats *s = server_stats(gateway->server);

	return json_pack("{s:i, s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "clients", s->clients,
		"calls", s->calls, "accepted", (json_int_t)s->accepted, "turned_away",
		(json_int_t)s->refused_clients, "requests", (json_int_t)s->requests, "errors",
		(json_int_t)s->rejects, "slow", (json_int_t)s->slow, "idle", (json_int_t)s->idle,
		"too_long", (json_int_t)s->oversize);
}

static void info(struct gateway *gateway, struct rpc_call *call)
{
	static const char *const names[] = {NULL};
	const struct boot *boot = gateway->boot;
	json_t *result;

	if (rpc_only(call, names) < 0)
		return;
	result = json_pack("{s:s, s:s, s:i, s:I, s:I, s:I, s:i, s:b, s:i}", "name", boot->name,
		"version", TRUNKLINE_VERSION, "pid", (int)getpid(), "generation",
		(json_int_t)model_generation(gateway->model), "live_generation",
		(json_int_t)publisher_live(gateway->publisher), "uptime_ms",
		(json_int_t)((loop_now() - gateway->started_ns) / 1000000), "workers",
		boot->workers.count, "hugepages", gateway->hugepages, "memory_megabytes",
		boot->memory.megabytes);
	json_object_set_new(result, "limits", limits_of(&boot->limits));
	json_object_set_new(result, "ports", ports_of(gateway));
	json_object_set_new(result, "journal", journal_of(gateway));
	json_object_set_new(result, "server", server_of(gateway));
	json_object_set_new(result, "loop", loop_of(gateway->loop));
	rpc_reply(call, result);
}

/* generation.wait */

struct system_wait {
	struct publisher_wait wait;
	struct loop_timer timer;
	struct gateway *gateway;
	struct rpc_call *call;
	struct system_wait *next;
};

static void forget(struct system_wait *waiting)
{
	struct system_wait **at = &waiting->gateway->waits;

	while (*at != waiting)
		at = &(*at)->next;
	*at = waiting->next;
	loop_timer_stop(waiting->gateway->loop, &waiting->timer);
	free(waiting);
}

static void came(struct publisher_wait *wait)
{
	struct system_wait *waiting = wait->context;
	struct gateway *gateway = waiting->gateway;
	struct rpc_call *call = waiting->call;
	uint64_t generation = wait->generation;

	forget(waiting);
	rpc_reply(call, json_pack("{s:I, s:I}", "generation", (json_int_t)generation,
				"live_generation", (json_int_t)publisher_live(gateway->publisher)));
}

static void too_late(void *context)
{
	struct system_wait *waiting = context;
	struct gateway *gateway = waiting->gateway;
	struct rpc_call *call = waiting->call;

	publisher_wait_cancel(gateway->publisher, &waiting->wait);
	forget(waiting);
	rpc_reject(call, RPC_TIMEOUT, NULL, "the newest generation that is live is %" PRIu64,
		publisher_live(gateway->publisher));
}

static void start_wait(
	struct gateway *gateway, struct rpc_call *call, uint64_t generation, uint64_t timeout_ms)
{
	struct system_wait *waiting = calloc(1, sizeof(*waiting));

	if (!waiting) {
		rpc_reply(call, NULL);
		return;
	}
	waiting->gateway = gateway;
	waiting->call = call;
	waiting->next = gateway->waits;
	gateway->waits = waiting;
	waiting->timer = (struct loop_timer){.fire = too_late, .context = waiting};
	loop_timer_start(gateway->loop, &waiting->timer, timeout_ms * 1000000);
	waiting->wait =
		(struct publisher_wait){.generation = generation, .done = came, .context = waiting};
	publisher_wait(gateway->publisher, &waiting->wait);
}

static void wait_for(struct gateway *gateway, struct rpc_call *call)
{
	static const char *const names[] = {"generation", "timeout_ms", NULL};
	uint64_t newest = model_generation(gateway->model), generation = newest;
	uint64_t timeout_ms = SYSTEM_WAIT_MS;

	if (rpc_only(call, names) < 0 ||
		rpc_get_u64(call, "generation", 0, INT64_MAX, &generation) < 0 ||
		rpc_get_u64(call, "timeout_ms", 0, SYSTEM_WAIT_MS_MAX, &timeout_ms) < 0)
		return;
	if (generation > newest) {
		rpc_reject(call, RPC_PARAMS, "/generation",
			"no change has this generation yet; the newest is %" PRIu64, newest);
		return;
	}
	start_wait(gateway, call, generation, timeout_ms);
}

void system_stop(struct gateway *gateway)
{
	while (gateway->waits) {
		publisher_wait_cancel(gateway->publisher, &gateway->waits->wait);
		forget(gateway->waits);
	}
}

const struct rpc_method system_methods[] = {
	{"system.info", true, info},
	{"generation.wait", true, wait_for},
	{NULL, false, NULL},
};
