/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/tools/testbed.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_bus_vdev.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>

#include "control/document.h"
#include "control/neighbours.h"
#include "control/publisher.h"
#include "control/refusal.h"
#include "dataplane/base/macros.h"
#include "tests/tools/ringpool.h"

#define SETTLE_ROUNDS 100000
#define ANY_SOCKET    ((unsigned)SOCKET_ID_ANY)

static cpu_set_t cpus; /* that the process had when it began */

int testbed_eal_named(const char *program, bool huge)
{
	char prefix[64], name[64];
	char *argv[] = {name, prefix, (char[]){"-m"}, (char[]){"512"}, (char[]){"--no-pci"},
		(char[]){"--no-telemetry"}, (char[]){"--log-level=lib.eal:error"}, (char[]){"-l"},
		(char[]){"0"}, huge ? (char[]){"--in-memory"} : (char[]){"--no-huge"},
		(char[]){"--no-shconf"}};

	pthread_getaffinity_np(pthread_self(), sizeof(cpus), &cpus);
	snprintf(name, sizeof(name), "%s", program);
	snprintf(prefix, sizeof(prefix), "--file-prefix=%s%d", program, (int)getpid());
	if (rte_eal_init((int)ARRAY_SIZE(argv), argv) < 0)
		return -EINVAL;
	/* EAL binds the calling thread, and with it all that it will start, to one CPU. */
	testbed_unpin();
	return 0;
}

int testbed_eal(void)
{
	return testbed_eal_named("test", false);
}

static int cpu_of(unsigned place)
{
	int cpu = -1;

	place %= (unsigned)CPU_COUNT(&cpus);
	for (unsigned seen = 0; seen <= place; seen += CPU_ISSET((size_t)cpu, &cpus) != 0)
		cpu++;
	return cpu;
}

void testbed_pin(unsigned place)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET((size_t)cpu_of(place), &one);
	pthread_setaffinity_np(pthread_self(), sizeof(one), &one);
}

void testbed_unpin(void)
{
	pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus);
}

void testbed_mac(unsigned port, uint8_t mac[6])
{
	const uint8_t bytes[6] = {2, 0, 0, 0, 1, (uint8_t)port};

	memcpy(mac, bytes, 6);
}

static void fill_defaults(struct testbed_setup *s)
{
	s->name = s->name != NULL ? s->name : "test";
	s->workers = s->workers != 0 ? s->workers : 1;
	s->ring_size = s->ring_size != 0 ? s->ring_size : 1024;
	s->punt_size = s->punt_size != 0 ? s->punt_size : 1024;
	s->icmp_rate = s->icmp_rate != 0 ? s->icmp_rate : 1000;
	s->held = s->held != 0 ? s->held : 1024;
	s->held_each = s->held_each != 0 ? s->held_each : 16;
	s->gleaned = s->gleaned != 0 ? s->gleaned : 256;
	s->connections = s->connections != 0 ? s->connections : 300;
	s->routes = s->routes != 0 ? s->routes : 100000;
	s->neighbours = s->neighbours != 0 ? s->neighbours : 16384 + 8 * s->connections;
	s->buffers = s->buffers != 0 ? s->buffers : 8191;
	for (unsigned i = 0; i < s->ports; i++) {
		struct testbed_port *p = &s->port[i];

		p->mtu = p->mtu != 0 ? p->mtu : 1500;
		p->rx_queues = p->rx_queues != 0 ? p->rx_queues : 1;
		p->ring_size = p->ring_size != 0 ? p->ring_size : 4096;
		if (p->tx_queues == 0)
			p->tx_queues = (uint16_t)s->workers;
	}
}

static struct rte_ring *make_ring(unsigned port, char side, unsigned queue, uint32_t size)
{
	static unsigned serial;
	char name[32];

	snprintf(name, sizeof(name), "g%u_%u%c%u", serial++ % 100000, port, side, queue);
	return rte_ring_create(name, size, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
}

static int start_device(struct testbed *g, unsigned index)
{
	const struct testbed_port *p = &g->setup.port[index];
	struct rte_eth_conf conf = {0};
	uint16_t id = g->device[index];

	if (rte_eth_dev_configure(id, p->rx_queues, g->tx_queues[index], &conf) < 0)
		return -EINVAL;
	for (uint16_t q = 0; q < p->rx_queues; q++)
		if (rte_eth_rx_queue_setup(id, q, 512, ANY_SOCKET, NULL, g->source) < 0)
			return -EINVAL;
	for (uint16_t q = 0; q < g->tx_queues[index]; q++)
		if (rte_eth_tx_queue_setup(id, q, 512, ANY_SOCKET, NULL) < 0)
			return -EINVAL;
	for (uint16_t q = 0; q < p->rx_queues && p->device == NULL; q++)
		ringpool_watch_rx(id, q, g->rx[index][q]);
	for (uint16_t q = 0; q < g->tx_queues[index] && p->device == NULL; q++)
		ringpool_watch_tx(id, q, g->tx[index][q]);
	return rte_eth_dev_start(id);
}

static int make_device(struct testbed *g, unsigned index)
{
	static unsigned serial;
	char name[32];

	g->tx_queues[index] = g->setup.port[index].tx_queues;
	snprintf(name, sizeof(name), "net_null%u", serial++);
	if (rte_vdev_init(name, g->setup.port[index].device) < 0 ||
		rte_eth_dev_get_port_by_name(name, &g->device[index]) < 0)
		return -ENODEV;
	return start_device(g, index);
}

static int make_port(struct testbed *g, unsigned index)
{
	static unsigned serial;
	const struct testbed_port *p = &g->setup.port[index];
	char name[32];
	int id;

	/* A port without transmit queues still has one as far as the device goes. */
	g->tx_queues[index] = p->tx_queues == TESTBED_NO_TX ? 1 : p->tx_queues;
	for (unsigned q = 0; q < p->rx_queues; q++)
		g->rx[index][q] = make_ring(index, 'r', q, p->ring_size);
	for (unsigned q = 0; q < g->tx_queues[index]; q++)
		g->tx[index][q] = make_ring(index, 't', q, p->ring_size);
	snprintf(name, sizeof(name), "gp%u", serial++);
	id = rte_eth_from_rings(
		name, g->rx[index], p->rx_queues, g->tx[index], g->tx_queues[index], ANY_SOCKET);
	if (id < 0)
		return -ENODEV;
	g->device[index] = (uint16_t)id;
	return start_device(g, index);
}

static struct plane_config plane_config(const struct testbed *g)
{
	const struct testbed_setup *s = &g->setup;
	struct plane_config c = {.workers = s->workers,
		.idle = s->idle,
		.idle_sleep_us = 50,
		.ring_size = s->ring_size,
		.punt_size = s->punt_size,
		.icmp_rate = s->icmp_rate,
		.hold_size = s->hold_size,
		.hold_us = s->hold_us,
		.pool = g->parts.pool};

	for (unsigned w = 0; w < s->workers; w++)
		c.cpu[w] = s->pinned ? cpu_of(w) : -1;
	for (unsigned i = 0; i < s->ports; i++) {
		struct plane_port *p = &c.port[i];

		p->device = g->device[i];
		p->rx_queues = s->port[i].rx_queues;
		p->tx_queues = s->port[i].tx_queues == TESTBED_NO_TX ? 0 : g->tx_queues[i];
		p->distribute = s->port[i].distribute;
		for (unsigned q = 0; q < p->rx_queues; q++)
			p->rx_owner[q] = (uint8_t)(q % s->workers);
		for (unsigned q = 0; q < p->tx_queues; q++)
			p->tx_owner[q] = (uint8_t)(q % s->workers);
	}
	return c;
}

static int make_tables(struct testbed *g)
{
	const struct testbed_setup *s = &g->setup;
	struct fwd_limits limits = {.snapshot = {.connections = s->connections,
					    .attachments = s->connections * 4,
					    .endpoints = s->connections * 4,
					    .sites = 16,
					    .paths = 128,
					    .sets = 256},
		.routes = s->routes,
		.neighbours = s->neighbours,
		.workers = s->workers};
	struct model_config model = {.limits = {.connections = s->connections,
					     .attachments = s->connections * 4,
					     .endpoints = s->connections * 4,
					     .sites = 16,
					     .paths = 128,
					     .routes = s->routes,
					     .next_hop_sets = 256},
		.port_count = s->ports};
	struct plane_config plane;

	g->model_port = calloc(s->ports, sizeof(*g->model_port));
	for (unsigned i = 0; g->model_port != NULL && i < s->ports; i++)
		g->model_port[i] = (struct model_port){.name = s->port[i].name,
			.mtu = s->port[i].mtu,
			.tells_tags = !s->port[i].mixes_tags};
	model.ports = g->model_port;
	g->parts.fwd = fwd_create(&limits, s->seed);
	g->parts.model = model_create(&model);
	if (g->model_port == NULL || g->parts.fwd == NULL || g->parts.model == NULL)
		return -ENOMEM;
	plane = plane_config(g);
	g->parts.plane = plane_create(&plane, g->parts.fwd);
	return g->parts.plane == NULL ? -ENOMEM : 0;
}

static int make_control(struct testbed *g)
{
	const struct testbed_setup *s = &g->setup;
	struct neighbours_config neighbours = {.fwd = g->parts.fwd,
		.plane = g->parts.plane,
		.pool = g->parts.pool,
		.model = g->parts.model,
		.limits = {
			.held = s->held, .held_each = s->held_each, .per_attachment = s->gleaned}};
	struct publisher_config publisher = {.loop = s->loop,
		.fwd = g->parts.fwd,
		.plane = g->parts.plane,
		.model = g->parts.model,
		.gateway = s->name};

	for (unsigned i = 0; i < s->ports; i++) {
		publisher.port[i].used = true;
		publisher.port[i].mtu = s->port[i].mtu;
		testbed_mac(i, publisher.port[i].mac);
	}
	g->parts.neighbours = neighbours_create(&neighbours);
	if (g->parts.neighbours == NULL)
		return -ENOMEM;
	publisher.neighbours = g->parts.neighbours;
	g->parts.publisher = publisher_create(&publisher);
	return g->parts.publisher == NULL ? -ENOMEM : 0;
}

static struct rte_mempool *make_pool(
	const char *kind, const struct testbed_setup *setup, uint16_t mtu)
{
	static unsigned serial;
	char name[32];
	uint16_t room = (uint16_t)RTE_MAX(mtu + 256 + RTE_PKTMBUF_HEADROOM, 2304);

	snprintf(name, sizeof(name), "%s%u", kind, serial++);
	return setup->cached ? rte_pktmbuf_pool_create(name, setup->buffers, 256,
				       PACKET_PRIVATE_SIZE, room, SOCKET_ID_ANY)
			     : ringpool_create(name, setup->buffers, PACKET_PRIVATE_SIZE, room);
}

struct testbed *testbed_create(const struct testbed_setup *setup)
{
	struct testbed *g = calloc(1, sizeof(*g));
	uint16_t mtu = 0;

	if (g == NULL)
		return NULL;
	g->setup = *setup;
	g->now_ms = 1000;
	fill_defaults(&g->setup);
	for (unsigned i = 0; i < g->setup.ports; i++)
		mtu = (uint16_t)RTE_MAX(mtu, g->setup.port[i].mtu);
	g->parts.pool = make_pool("gw", &g->setup, mtu);
	g->source = make_pool("src", &g->setup, mtu);
	if (g->parts.pool == NULL || g->source == NULL)
		goto fail;
	for (unsigned i = 0; i < g->setup.ports; i++)
		if ((g->setup.port[i].device != NULL ? make_device(g, i) : make_port(g, i)) < 0)
			goto fail;
	if (make_tables(g) < 0 || make_control(g) < 0)
		goto fail;
	return g;
fail:
	fprintf(stderr, "test gateway: cannot be made\n");
	testbed_destroy(g);
	return NULL;
}

static void empty_ring(struct rte_ring *ring)
{
	void *m;

	while (ring != NULL && rte_ring_dequeue(ring, &m) == 0)
		rte_pktmbuf_free(m);
	rte_ring_free(ring);
}

void testbed_destroy(struct testbed *g)
{
	if (g == NULL)
		return;
	testbed_stop(g);
	if (g->parts.publisher != NULL)
		publisher_destroy(g->parts.publisher);
	if (g->parts.neighbours != NULL)
		neighbours_destroy(g->parts.neighbours);
	plane_destroy(g->parts.plane);
	if (g->parts.model != NULL)
		model_destroy(g->parts.model);
	if (g->parts.fwd != NULL)
		fwd_destroy(g->parts.fwd);
	for (unsigned i = 0; i < g->setup.ports; i++) {
		if (g->rx[i][0] == NULL && g->setup.port[i].device == NULL)
			break;
		rte_eth_dev_stop(g->device[i]);
		rte_eth_dev_close(g->device[i]);
		for (unsigned q = 0; q < PLANE_PORT_QUEUES; q++) {
			empty_ring(g->rx[i][q]);
			empty_ring(g->tx[i][q]);
		}
	}
	rte_mempool_free(g->parts.pool);
	rte_mempool_free(g->source);
	free(g->model_port);
	free(g);
}

static int request(struct testbed *g, enum document_mode mode, unsigned kind, const json_t *params,
	char *text, size_t size)
{
	struct refusal refusal = {0};
	struct change *change = NULL;
	int error = document_run(g->parts.model, mode, kind, params, &refusal, &change, NULL);

	if (error < 0) {
		snprintf(text, size, "%s: %s", refusal.pointer, refusal.text);
		return error;
	}
	if (change == NULL)
		return 0;
	error = publisher_reserve(g->parts.publisher, change);
	if (error < 0) {
		snprintf(text, size, "publisher: %s", strerror(-error));
		return error;
	}
	publisher_submit(g->parts.publisher, change);
	return 0;
}

int testbed_apply(struct testbed *g, const json_t *params, char *text, size_t size)
{
	return request(g, DOCUMENT_APPLY, 0, params, text, size);
}

int testbed_routes(struct testbed *g, bool put, const json_t *params, char *text, size_t size)
{
	return request(
		g, put ? DOCUMENT_PUT : DOCUMENT_DELETE, DOCUMENT_ROUTES, params, text, size);
}

int testbed_document(struct testbed *g, const char *document)
{
	json_error_t error;
	json_t *parsed = json_loads(document, 0, &error), *params;
	char text[512];
	int result;

	if (parsed == NULL) {
		fprintf(stderr, "document: %s at byte %d\n", error.text, error.position);
		return -EINVAL;
	}
	params = json_pack("{s:o}", "document", parsed);
	result = testbed_apply(g, params, text, sizeof(text));
	if (result < 0)
		fprintf(stderr, "document: %s\n", text);
	json_decref(params);
	return result;
}

static struct rte_mbuf *build(
	struct testbed *g, const uint8_t *frame, uint16_t length, unsigned segments)
{
	struct rte_mbuf *first = NULL;
	uint16_t each = (uint16_t)(length / segments), at = 0;

	for (unsigned i = 0; i < segments; i++) {
		uint16_t bytes = i + 1 == segments ? (uint16_t)(length - at) : each;
		struct rte_mbuf *m = rte_pktmbuf_alloc(g->source);

		if (m == NULL || rte_pktmbuf_tailroom(m) < bytes) {
			rte_pktmbuf_free(m);
			rte_pktmbuf_free(first);
			return NULL;
		}
		memcpy(rte_pktmbuf_append(m, bytes), frame + at, bytes);
		at = (uint16_t)(at + bytes);
		if (first == NULL)
			first = m;
		else
			rte_pktmbuf_chain(first, m);
	}
	return first;
}

bool testbed_inject(struct testbed *g, unsigned port, unsigned queue, const void *frame,
	uint16_t length, unsigned segments)
{
	struct rte_mbuf *m = build(g, frame, length, segments == 0 ? 1 : segments);

	if (m == NULL)
		return false;
	ringpool_give(g->rx[port][queue]);
	if (rte_ring_enqueue(g->rx[port][queue], m) == 0)
		return true;
	rte_pktmbuf_free(m);
	return false;
}

unsigned testbed_collect(struct testbed *g, unsigned port, struct rte_mbuf **frame, unsigned count)
{
	unsigned taken = 0;

	for (unsigned q = 0; q < g->tx_queues[port] && taken < count; q++) {
		taken += rte_ring_dequeue_burst(
			g->tx[port][q], (void **)(frame + taken), count - taken, NULL);
		ringpool_take(g->tx[port][q]);
	}
	return taken;
}

void testbed_control(struct testbed *g, uint64_t ms)
{
	g->now_ms += ms;
	publisher_tick(g->parts.publisher);
	neighbours_tick(g->parts.neighbours, g->now_ms);
}

static bool turn_workers(struct testbed *g)
{
	bool found = false;

	for (unsigned w = 0; w < g->setup.workers; w++)
		found |= plane_turn(g->parts.plane, w);
	return found;
}

void testbed_settle(struct testbed *g, uint64_t ms)
{
	unsigned quiet = 0;

	g->now_ms += ms;
	for (unsigned i = 0; i < SETTLE_ROUNDS && quiet < 3; i++) {
		bool more = publisher_tick(g->parts.publisher) != PUBLISHER_IDLE;

		more |= neighbours_tick(g->parts.neighbours, g->now_ms);
		more |= turn_workers(g);
		quiet = more ? 0 : quiet + 1;
	}
}

void testbed_publish(struct testbed *g)
{
	do {
		testbed_control(g, 0);
		rte_pause();
	} while (!publisher_idle(g->parts.publisher));
}

int testbed_start(struct testbed *g)
{
	int error = plane_start(g->parts.plane);

	g->started = error == 0;
	return error;
}

void testbed_stop(struct testbed *g)
{
	if (g->started)
		plane_stop(g->parts.plane);
	g->started = false;
}
