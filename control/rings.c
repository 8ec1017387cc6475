/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/rings.h"

#include <stdlib.h>
#include <string.h>

#include "control/boot.h"
#include "control/gateway.h"
#include "control/loop.h"
#include "control/spread.h"
#include "dataplane/worker/plane.h"

#define LOOK_NS	   UINT64_C(200000)
#define WEIGHT_MAX 1000

/* A change under way: wishes about one kind of thing after another, each when the last has come
 * true. */
struct rings {
	struct gateway *gateway;
	struct rpc_call *call; /* NULL: none, or nobody waits any more */
	bool busy;
	struct loop_timer timer;
	uint64_t begun_ns;
	uint32_t ports; /* bit = port whose transmit queues are still to get their owners */
	uint8_t owner[FWD_PORTS][PLANE_PORT_QUEUES];
	unsigned buckets, queues;
};

static void finish(struct rings *rings)
{
	struct rpc_call *call = rings->call;

	rings->busy = false;
	rings->call = NULL;
	if (call)
		rpc_reply(call, json_pack("{s:i, s:i, s:I}", "buckets", rings->buckets, "queues",
					rings->queues, "took_us",
					(json_int_t)((loop_now() - rings->begun_ns) / 1000)));
}

static void look(void *context)
{
	struct rings *rings = context;
	struct plane *plane = rings->gateway->plane;

	if (plane_settled(plane) && rings->ports == 0) {
		finish(rings);
		return;
	}
	if (plane_settled(plane)) {
		unsigned port = (unsigned)__builtin_ctz(rings->ports);

		rings->ports &= rings->ports - 1;
		plane_own(plane, port, rings->owner[port]);
	} else if (rings->call && loop_now() - rings->begun_ns > RINGS_PATIENCE_MS * 1000000ull) {
		rpc_reject(rings->call, RPC_TIMEOUT, NULL,
			"a worker has not answered for %d ms; the change goes on when it does",
			RINGS_PATIENCE_MS);
		rings->call = NULL;
	}
	loop_timer_start(rings->gateway->loop, &rings->timer, LOOK_NS);
}

static void begin(struct rings *rings, struct rpc_call *call)
{
	rings->call = call;
	rings->busy = true;
	rings->begun_ns = loop_now();
	loop_timer_start(rings->gateway->loop, &rings->timer, 0);
}

/* Nothing is under way; clears what the last change left. */
static int ready(struct gateway *gateway, struct rpc_call *call)
{
	struct rings *rings = gateway->rings;

	if (rings->busy) {
		rpc_reject(call, RPC_BUSY, NULL, "another change of queues or flows is under way");
		return -1;
	}
	rings->ports = 0;
	rings->buckets = rings->queues = 0;
	return 0;
}

/* Params */

static int read_port(struct gateway *gateway, struct rpc_call *call, unsigned *port)
{
	const char *name = NULL;
	int found = rpc_get_string(call, "port", &name);

	if (found < 0)
		return found;
	if (found == 0) {
		rpc_reject(call, RPC_PARAMS, "/port", "port is missing");
		return -1;
	}
	for (*port = 0; *port < gateway->boot->ports; ++*port)
		if (strcmp(gateway->boot->port[*port].name, name) == 0)
			return 0;
	rpc_reject(call, RPC_NOT_FOUND, "/port", "there is no port \"%s\"", name);
	return -1;
}

static int read_spread_port(struct gateway *gateway, struct rpc_call *call, unsigned *port)
{
	int error = read_port(gateway, call, port);

	if (error || plane_setup(gateway->plane)->port[*port].distribute)
		return error;
	rpc_reject(call, RPC_PARAMS, "/port",
		"port \"%s\" does not distribute (\"distribute\": \"rings\" in the boot file)",
		gateway->boot->port[*port].name);
	return -1;
}

static int read_number(struct rpc_call *call, const char *name, uint64_t max, unsigned *number)
{
	uint64_t value = 0;
	char field[64];
	int found = rpc_get_u64(call, name, 0, max, &value);

	*number = (unsigned)value;
	if (found > 0)
		return 0;
	snprintf(field, sizeof(field), "/%s", name);
	if (found == 0)
		rpc_reject(call, RPC_PARAMS, field, "%s is missing", name);
	return -1;
}

/* One that is in service, where active. */
static int read_worker(struct gateway *gateway, struct rpc_call *call, const char *name,
	bool active, unsigned *worker)
{
	char field[64];

	if (read_number(call, name, plane_workers(gateway->plane) - 1, worker) < 0)
		return -1;
	if (!active || !plane_resting(gateway->plane, *worker))
		return 0;
	snprintf(field, sizeof(field), "/%s", name);
	rpc_reject(call, RPC_PARAMS, field, "worker %u is out of service", *worker);
	return -1;
}

static int read_weight(struct gateway *gateway, struct rpc_call *call, unsigned worker,
	const json_t *item, uint32_t *weight)
{
	json_int_t value = json_is_integer(item) ? json_integer_value(item) : -1;
	char field[64];

	snprintf(field, sizeof(field), "/weights/%u", worker);
	*weight = (uint32_t)value;
	if (value < 0 || value > WEIGHT_MAX)
		rpc_reject(
			call, RPC_PARAMS, field, "a weight is a number from 0 to %d", WEIGHT_MAX);
	else if (value > 0 && plane_resting(gateway->plane, worker))
		rpc_reject(call, RPC_PARAMS, field, "worker %u is out of service", worker);
	else
		return 0;
	return -1;
}

static int read_weights(
	struct gateway *gateway, struct rpc_call *call, uint32_t weight[PLANE_WORKERS])
{
	const json_t *list = json_object_get(call->params, "weights");
	unsigned workers = plane_workers(gateway->plane);
	uint64_t sum = 0;

	if (!json_is_array(list) || json_array_size(list) != workers) {
		rpc_reject(call, RPC_PARAMS, "/weights", "weights must be a list of %u numbers",
			workers);
		return -1;
	}
	for (unsigned w = 0; w < workers; w++) {
		if (read_weight(gateway, call, w, json_array_get(list, w), &weight[w]) < 0)
			return -1;
		sum += weight[w];
	}
	if (sum > 0)
		return 0;
	rpc_reject(call, RPC_PARAMS, "/weights", "one weight at least must not be 0");
	return -1;
}

/* Flows */

static void spread(struct gateway *gateway, struct rpc_call *call)
{
	static const char *const members[] = {"port", "weights", NULL};
	struct rings *rings = gateway->rings;
	uint32_t weight[PLANE_WORKERS] = {0};
	uint8_t table[PLANE_BUCKETS];
	unsigned port;

	if (rpc_only(call, members) < 0 || read_spread_port(gateway, call, &port) < 0 ||
		read_weights(gateway, call, weight) < 0 || ready(gateway, call) < 0)
		return;
	plane_buckets(gateway->plane, port, table);
	rings->buckets = spread_by_weight(table, weight, plane_workers(gateway->plane));
	plane_spread(gateway->plane, port, table);
	begin(rings, call);
}

static void move(struct gateway *gateway, struct rpc_call *call)
{
	static const char *const members[] = {"port", "from", "to", "buckets", NULL};
	struct rings *rings = gateway->rings;
	uint8_t table[PLANE_BUCKETS];
	unsigned port, from, to, count;

	if (rpc_only(call, members) < 0 || read_spread_port(gateway, call, &port) < 0 ||
		read_worker(gateway, call, "from", false, &from) < 0 ||
		read_worker(gateway, call, "to", true, &to) < 0 ||
		read_number(call, "buckets", PLANE_BUCKETS, &count) < 0 || ready(gateway, call) < 0)
		return;
	plane_buckets(gateway->plane, port, table);
	rings->buckets = spread_move(table, from, to, count);
	plane_spread(gateway->plane, port, table);
	begin(rings, call);
}

/* Queues */

static void ask_owner(struct rings *rings, unsigned port, unsigned queue, unsigned worker)
{
	const struct plane *plane = rings->gateway->plane;

	if (!(rings->ports >> port & 1))
		for (unsigned q = 0; q < plane_setup(plane)->port[port].tx_queues; q++)
			rings->owner[port][q] = (uint8_t)plane_owner(plane, port, q);
	rings->queues += rings->owner[port][queue] != worker;
	rings->owner[port][queue] = (uint8_t)worker;
	rings->ports |= 1u << port;
}

static void ask_poller(struct rings *rings, unsigned port, unsigned queue, unsigned worker)
{
	rings->queues += plane_poller(rings->gateway->plane, port, queue) != worker;
	plane_poll(rings->gateway->plane, port, queue, worker);
}

/* Answers 1 for receive, 0 for transmit. */
static int read_direction(struct rpc_call *call)
{
	const char *direction = "";

	if (rpc_get_string(call, "direction", &direction) < 0)
		return -1;
	if (strcmp(direction, "receive") == 0)
		return 1;
	if (strcmp(direction, "transmit") == 0)
		return 0;
	rpc_reject(call, RPC_PARAMS, "/direction", "direction must be receive or transmit");
	return -1;
}

static void move_queue(struct gateway *gateway, struct rpc_call *call)
{
	static const char *const members[] = {"port", "direction", "queue", "worker", NULL};
	const struct plane_port *setup;
	unsigned port, queue, worker, queues;
	int receive;

	if (rpc_only(call, members) < 0 || read_port(gateway, call, &port) < 0)
		return;
	receive = read_direction(call);
	if (receive < 0 || read_number(call, "queue", UINT16_MAX, &queue) < 0 ||
		read_worker(gateway, call, "worker", true, &worker) < 0)
		return;
	setup = &plane_setup(gateway->plane)->port[port];
	queues = receive ? setup->rx_queues : setup->tx_queues;
	if (queue >= queues) {
		rpc_reject(call, RPC_PARAMS, "/queue", "the port has %u such queues", queues);
		return;
	}
	if (ready(gateway, call) < 0)
		return;
	if (receive)
		ask_poller(gateway->rings, port, queue, worker);
	else
		ask_owner(gateway->rings, port, queue, worker);
	begin(gateway->rings, call);
}

/* Workers */

/* Among those in service, the one with the fewest queues of this kind. */
static unsigned least_loaded(const struct plane *plane, unsigned count[PLANE_WORKERS])
{
	unsigned best = PLANE_WORKERS;

	for (unsigned w = 0; w < plane_workers(plane); w++)
		if (!plane_resting(plane, w) && (best == PLANE_WORKERS || count[w] < count[best]))
			best = w;
	count[best]++;
	return best;
}

/* Each queue to the worker that the boot file names, else, where that rests, to another. */
static void place_queues(struct rings *rings, unsigned port)
{
	const struct plane *plane = rings->gateway->plane;
	const struct plane_port *setup = &plane_setup(plane)->port[port];
	unsigned polls[PLANE_WORKERS] = {0}, owns[PLANE_WORKERS] = {0};

	for (unsigned q = 0; q < setup->rx_queues; q++)
		polls[setup->rx_owner[q]]++;
	for (unsigned q = 0; q < setup->rx_queues; q++)
		ask_poller(rings, port, q,
			plane_resting(plane, setup->rx_owner[q]) ? least_loaded(plane, polls)
								 : setup->rx_owner[q]);
	for (unsigned q = 0; q < setup->tx_queues; q++)
		owns[setup->tx_owner[q]]++;
	for (unsigned q = 0; q < setup->tx_queues; q++)
		ask_owner(rings, port, q,
			plane_resting(plane, setup->tx_owner[q]) ? least_loaded(plane, owns)
								 : setup->tx_owner[q]);
}

static void place_flows(struct rings *rings, unsigned port)
{
	struct plane *plane = rings->gateway->plane;
	uint32_t weight[PLANE_WORKERS] = {0};
	uint8_t table[PLANE_BUCKETS];

	for (unsigned w = 0; w < plane_workers(plane); w++)
		weight[w] = !plane_resting(plane, w);
	plane_buckets(plane, port, table);
	rings->buckets += spread_by_weight(table, weight, plane_workers(plane));
	plane_spread(plane, port, table);
}

static void set_worker(struct gateway *gateway, struct rpc_call *call)
{
	static const char *const members[] = {"worker", "in_service", NULL};
	struct rings *rings = gateway->rings;
	struct plane *plane = gateway->plane;
	bool in_service = true;
	unsigned worker, others = 0;

	if (rpc_only(call, members) < 0 || read_worker(gateway, call, "worker", false, &worker) < 0)
		return;
	if (!json_object_get(call->params, "in_service")) {
		rpc_reject(call, RPC_PARAMS, "/in_service", "in_service is missing");
		return;
	}
	if (rpc_get_bool(call, "in_service", &in_service) < 0)
		return;
	for (unsigned w = 0; w < plane_workers(plane); w++)
		others += w != worker && !plane_resting(plane, w);
	if (!in_service && others == 0) {
		rpc_reject(call, RPC_PARAMS, "/in_service", "worker %u is the last in service",
			worker);
		return;
	}
	if (ready(gateway, call) < 0)
		return;
	if (plane_resting(plane, worker) == in_service) {
		/* Nothing new goes to it; what it has is given away next. */
		plane_set_resting(plane, worker, !in_service);
		for (unsigned port = 0; port < gateway->boot->ports; port++) {
			place_queues(rings, port);
			if (plane_setup(plane)->port[port].distribute)
				place_flows(rings, port);
		}
	}
	begin(rings, call);
}

/* rings.get */

static json_t *port_of(const struct gateway *gateway, unsigned port)
{
	const struct plane *plane = gateway->plane;
	const struct plane_port *setup = &plane_setup(plane)->port[port];
	json_t *receive = json_array(), *transmit = json_array(), *buckets, *result;
	unsigned count[PLANE_WORKERS];
	uint8_t table[PLANE_BUCKETS];

	for (unsigned q = 0; q < setup->rx_queues; q++)
		json_array_append_new(receive, json_integer(plane_polling(plane, port, q)));
	for (unsigned q = 0; q < setup->tx_queues; q++)
		json_array_append_new(transmit, json_integer(plane_owner(plane, port, q)));
	result = json_pack("{s:s, s:o, s:o}", "name", gateway->boot->port[port].name, "receive",
		receive, "transmit", transmit);
	if (!setup->distribute || !result)
		return result;
	buckets = json_array();
	plane_buckets(plane, port, table);
	spread_count(table, count);
	for (unsigned w = 0; w < plane_workers(plane); w++)
		json_array_append_new(buckets, json_integer(count[w]));
	json_object_set_new(result, "buckets", buckets);
	return result;
}

static void get(struct gateway *gateway, struct rpc_call *call)
{
	static const char *const members[] = {NULL};
	const struct plane *plane = gateway->plane;
	json_t *ports, *workers;

	if (rpc_only(call, members) < 0)
		return;
	ports = json_array();
	workers = json_array();
	for (unsigned w = 0; w < plane_workers(plane); w++)
		json_array_append_new(workers, json_pack("{s:i, s:b}", "worker", w, "in_service",
						       !plane_resting(plane, w)));
	for (unsigned port = 0; port < gateway->boot->ports; port++)
		json_array_append_new(ports, port_of(gateway, port));
	rpc_reply(call, json_pack("{s:b, s:i, s:i, s:o, s:o}", "settled", plane_settled(plane),
				"held", plane_held(plane), "buckets", PLANE_BUCKETS, "workers",
				workers, "ports", ports));
}

const struct rpc_method rings_methods[] = {
	{"rings.spread", false, spread},
	{"rings.move", false, move},
	{"queue.move", false, move_queue},
	{"worker.set", false, set_worker},
	{NULL, false, NULL},
};

const struct rpc_method rings_reads[] = {
	{"rings.get", true, get},
	{NULL, true, NULL},
};

/* Life */

struct rings *rings_create(struct gateway *gateway)
{
	struct rings *rings = calloc(1, sizeof(*rings));

	if (!rings)
		return NULL;
	rings->gateway = gateway;
	rings->timer.fire = look;
	rings->timer.context = rings;
	return rings;
}

void rings_destroy(struct rings *rings)
{
	if (!rings)
		return;
	loop_timer_stop(rings->gateway->loop, &rings->timer);
	free(rings);
}
