/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/gateway.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include <rte_errno.h>
#include <rte_mbuf.h>

#include "control/boot.h"
#include "control/journal.h"
#include "control/loop.h"
#include "control/methods.h"
#include "control/tracker.h"
#include "control/model.h"
#include "control/neighbours.h"
#include "control/ports.h"
#include "control/provision.h"
#include "control/publisher.h"
#include "control/rings.h"
#include "control/server.h"
#include "control/stats.h"
#include "control/steering.h"
#include "control/system.h"
#include "dataplane/base/log.h"
#include "dataplane/path/packet.h"

#define POOL_CACHE 256
#define PUNT_SIZE  1024

/* Of one session no more than a packet or two are under way at a time. */
#define OAM_BUFFERS 4095
#define OAM_CACHE   64
#define OAM_ROOM    256

/* Packets and devices */

static int open_pool(struct gateway *gateway)
{
	const struct boot_memory *memory = &gateway->boot->memory;

	gateway->pool = rte_pktmbuf_pool_create("trunkline", memory->buffers, POOL_CACHE,
		PACKET_PRIVATE_SIZE, (uint16_t)memory->buffer_size, SOCKET_ID_ANY);
	gateway->oam_pool = rte_pktmbuf_pool_create("trunkline_oam", OAM_BUFFERS, OAM_CACHE,
		PACKET_PRIVATE_SIZE, RTE_PKTMBUF_HEADROOM + OAM_ROOM, SOCKET_ID_ANY);
	if (gateway->pool && gateway->oam_pool)
		return 0;
	log_error("no room for %u buffers of %u bytes in %u MiB: %s (memory.megabytes)",
		memory->buffers, memory->buffer_size, memory->megabytes, rte_strerror(rte_errno));
	return -ENOMEM;
}

static int open_ports(struct gateway *gateway)
{
	gateway->ports = ports_open(gateway->boot, gateway->pool);
	if (!gateway->ports)
		return -ENODEV;
	gateway->device = ports_devices(gateway->ports);
	return 0;
}

/* Tables and workers */

static int open_fwd(struct gateway *gateway)
{
	const struct boot_limits *l = &gateway->boot->limits;
	struct fwd_limits limits = {
		.snapshot = {.connections = l->connections,
			.attachments = l->attachments,
			.endpoints = l->endpoints,
			.sites = l->sites,
			.paths = l->paths,
			.sets = l->next_hop_sets},
		.routes = l->routes,
		.neighbours = l->neighbours,
		.workers = gateway->boot->workers.count,
	};
	uint64_t seed;

	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		return -errno;
	gateway->fwd = fwd_create(&limits, seed);
	if (gateway->fwd)
		return 0;
	log_error("not enough memory for the forwarding tables that the limits ask for");
	return -ENOMEM;
}

static int open_plane(struct gateway *gateway)
{
	const struct boot *boot = gateway->boot;
	struct plane_config config = {
		.workers = boot->workers.count,
		.idle = boot->workers.idle,
		.idle_sleep_us = boot->workers.idle_sleep_us,
		.ring_size = boot->workers.ring_size,
		.punt_size = PUNT_SIZE,
		.icmp_rate = boot->limits.icmp_errors_per_second,
		.pool = gateway->pool,
		.oam_pool = gateway->oam_pool,
	};

	memcpy(config.cpu, boot->workers.cpu, sizeof(config.cpu));
	for (unsigned i = 0; i < boot->ports; i++)
		ports_describe(gateway->ports, i, &config.port[i]);
	gateway->plane = plane_create(&config, gateway->fwd);
	return gateway->plane ? 0 : -ENOMEM;
}

/* The model and what carries it to the workers */

static int open_model(struct gateway *gateway)
{
	const struct boot *boot = gateway->boot;
	const struct boot_limits *l = &boot->limits;
	struct model_port port[FWD_PORTS];
	struct model_config config = {
		.limits = {.connections = l->connections,
			.attachments = l->attachments,
			.endpoints = l->endpoints,
			.sites = l->sites,
			.paths = l->paths,
			.routes = l->routes,
			.next_hop_sets = l->next_hop_sets},
		.ports = port,
		.port_count = boot->ports,
	};

	for (unsigned i = 0; i < boot->ports; i++)
		port[i] = (struct model_port){.name = boot->port[i].name,
			.mtu = gateway->device[i].mtu,
			.tells_tags = gateway->device[i].tells_service_tags};
	gateway->model = model_create(&config);
	return gateway->model ? 0 : -ENOMEM;
}

static int open_neighbours(struct gateway *gateway)
{
	const struct boot_limits *l = &gateway->boot->limits;
	struct neighbours_config config = {
		.loop = gateway->loop,
		.fwd = gateway->fwd,
		.plane = gateway->plane,
		.pool = gateway->pool,
		.model = gateway->model,
		.limits = {.held = l->held_packets,
			.held_each = l->held_packets_per_neighbour,
			.per_attachment = l->neighbours_per_attachment},
	};

	gateway->neighbours = neighbours_create(&config);
	return gateway->neighbours ? 0 : -ENOMEM;
}

static struct compile_port compile_port(const struct device *device)
{
	struct compile_port port = {.used = true, .mtu = device->mtu};

	if (device->tx_ip_checksum)
		port.flags |= FWD_PORT_IP_CHECKSUM;
	if (device->tx_udp_checksum)
		port.flags |= FWD_PORT_UDP_CHECKSUM;
	memcpy(port.mac, device->mac, sizeof(port.mac));
	return port;
}

static void submitted(void *context, const struct change *change)
{
	steering_change(context, change);
}

static int open_steering(struct gateway *gateway)
{
	gateway->steering = steering_create(gateway->loop, gateway->device, gateway->boot->ports);
	return gateway->steering ? 0 : -ENOMEM;
}

static int open_publisher(struct gateway *gateway)
{
	struct publisher_config config = {
		.loop = gateway->loop,
		.fwd = gateway->fwd,
		.plane = gateway->plane,
		.model = gateway->model,
		.neighbours = gateway->neighbours,
		.gateway = gateway->boot->name,
		.submitted = submitted,
		.context = gateway->steering,
	};

	for (unsigned i = 0; i < gateway->boot->ports; i++)
		config.port[i] = compile_port(&gateway->device[i]);
	gateway->publisher = publisher_create(&config);
	return gateway->publisher ? 0 : -ENOMEM;
}

static int open_stats(struct gateway *gateway)
{
	gateway->tracker = tracker_create(gateway);
	gateway->stats = stats_create(gateway);
	gateway->rings = rings_create(gateway);
	return gateway->tracker && gateway->stats && gateway->rings ? 0 : -ENOMEM;
}

/* The state */

static int open_journal(struct gateway *gateway)
{
	char error[JOURNAL_ERROR_TEXT];

	gateway->journal = journal_open(gateway->loop, gateway->boot->state_dir, error);
	if (gateway->journal)
		return 0;
	log_error("%s", error);
	return -EBADMSG;
}

static int restore_state(struct gateway *gateway)
{
	char error[JOURNAL_ERROR_TEXT] = "";
	int result;

	gateway->provision = provision_create(gateway);
	if (!gateway->provision)
		return -ENOMEM;
	result = provision_restore(gateway->provision, error);
	if (!result)
		return 0;
	log_error("%s", error);
	return result == -ENOMEM ? result : -EBADMSG;
}

static void link_changed(void *context, unsigned index, bool up)
{
	struct gateway *gateway = context;

	neighbours_port_link(gateway->neighbours, index, up);
}

static int start_workers(struct gateway *gateway)
{
	int error = plane_start(gateway->plane);

	if (error) {
		log_error("workers cannot be started: %s", strerror(-error));
		return error;
	}
	ports_watch(gateway->ports, gateway->loop, link_changed, gateway);
	return 0;
}

/* All routes are in place before anyone is told that we are ready. */
static int settle(struct gateway *gateway)
{
	int error = 0;

	while (!error && publisher_live(gateway->publisher) < model_generation(gateway->model))
		error = loop_turn(gateway->loop, 10);
	return error;
}

/* Sockets */

static int group_of(const struct boot_socket *socket, gid_t *group)
{
	struct group *entry;

	*group = (gid_t)-1;
	if (!socket->group[0])
		return 0;
	entry = getgrnam(socket->group);
	if (!entry) {
		log_error(
			"there is no group \"%s\", to which a socket shall belong", socket->group);
		return -ENOENT;
	}
	*group = entry->gr_gid;
	return 0;
}

static int open_server(struct gateway *gateway)
{
	const struct boot *boot = gateway->boot;
	char control[BOOT_PATH + 16], stats[BOOT_PATH + 16], audit[BOOT_PATH + 16];
	struct server_config config = {
		.path = {control, stats},
		.mode = {boot->control.mode, boot->stats.mode},
		.audit = audit,
	};
	int error = group_of(&boot->control, &config.group[SERVER_CONTROL]);

	error = error ? error : group_of(&boot->stats, &config.group[SERVER_STATS]);
	if (error)
		return error;
	snprintf(control, sizeof(control), "%s/control.sock", boot->run_dir);
	snprintf(stats, sizeof(stats), "%s/stats.sock", boot->run_dir);
	snprintf(audit, sizeof(audit), "%s/audit.log", boot->state_dir);
	methods_serve(&config);
	gateway->server = server_create(gateway->loop, gateway, &config);
	return gateway->server ? 0 : -EIO;
}

/* The order matters: each needs those before it. */
static int (*const steps[])(struct gateway *gateway) = {
	open_journal,
	open_pool,
	open_ports,
	open_fwd,
	open_plane,
	open_model,
	open_neighbours,
	open_steering,
	open_publisher,
	restore_state,
	open_stats,
	start_workers,
	settle,
	open_server,
};

int gateway_open(struct gateway *gateway)
{
	int error = 0;

	gateway->started_ns = loop_now();
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && !error; i++)
		error = steps[i](gateway);
	if (error == -ENOMEM)
		log_error("out of memory");
	if (error)
		gateway_close(gateway);
	return error;
}

static void close_control(struct gateway *gateway)
{
	provision_destroy(gateway->provision);
	gateway->provision = NULL;
	stats_destroy(gateway->stats);
	gateway->stats = NULL;
	tracker_destroy(gateway->tracker);
	gateway->tracker = NULL;
	rings_destroy(gateway->rings);
	gateway->rings = NULL;
	if (gateway->publisher) {
		system_stop(gateway);
		publisher_destroy(gateway->publisher);
	}
	steering_destroy(gateway->steering);
	server_destroy(gateway->server);
	neighbours_destroy(gateway->neighbours);
	model_destroy(gateway->model);
	gateway->publisher = NULL;
	gateway->steering = NULL;
	gateway->server = NULL;
	gateway->neighbours = NULL;
	gateway->model = NULL;
}

void gateway_close(struct gateway *gateway)
{
	if (gateway->server)
		server_quiesce(gateway->server);
	if (gateway->plane)
		plane_stop(gateway->plane);
	/* Answers what becomes durable meanwhile. */
	journal_close(gateway->journal);
	gateway->journal = NULL;
	close_control(gateway);
	if (gateway->plane)
		plane_destroy(gateway->plane);
	if (gateway->fwd)
		fwd_destroy(gateway->fwd);
	ports_close(gateway->ports);
	rte_mempool_free(gateway->pool);
	rte_mempool_free(gateway->oam_pool);
	gateway->plane = NULL;
	gateway->fwd = NULL;
	gateway->ports = NULL;
	gateway->device = NULL;
	gateway->pool = NULL;
	gateway->oam_pool = NULL;
}
