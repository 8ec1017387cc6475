/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/worker/plane.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_errno.h>

#include "dataplane/base/log.h"
#include "dataplane/worker/worker.h"

struct plane {
	struct plane_config config;
	struct fwd *fwd;
	struct worker *worker[PLANE_WORKERS];
	struct move_board *board;
	struct oam *oam[PLANE_WORKERS];
	struct rte_ring *punt[PLANE_WORKERS]; /* worker → control */
	struct meter *meter[PLANE_WORKERS + 1];
	unsigned next_punt; /* fairness of plane_take */
	struct lanes *lanes;
	_Atomic uint64_t *icmp_clock; /* by connection id, for all workers: see forwarder.h */
	bool started;
};

/* Rings are told apart by process-wide names. */
static struct rte_ring *make_ring(const char *kind, unsigned from, unsigned to, uint32_t size)
{
	static unsigned serial;
	char name[RTE_RING_NAMESIZE];
	struct rte_ring *ring;

	snprintf(name, sizeof(name), "tl%u_%s_%u_%u", serial++ % 100000, kind, from, to);
	ring = rte_ring_create(name, size, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	if (ring == NULL)
		log_error("ring %s of %u packets: %s", kind, size, rte_strerror(rte_errno));
	return ring;
}

static void free_ring(struct rte_ring *ring)
{
	void *m;

	if (ring == NULL)
		return;
	while (rte_ring_sc_dequeue(ring, &m) == 0)
		rte_pktmbuf_free(m);
	rte_ring_free(ring);
}

static int make_meters(struct plane *p)
{
	const struct snapshot_limits *limits = &p->fwd->limits.snapshot;
	struct meter_sizes sizes = {.connections = limits->connections + 1,
		.attachments = limits->attachments + 1,
		.paths = limits->paths + 1,
		.ports = FWD_PORTS,
		.workers = p->config.workers + 1};

	for (unsigned i = 0; i <= p->config.workers; i++) {
		p->meter[i] = meter_create(&sizes);
		if (p->meter[i] == NULL)
			return -ENOMEM;
	}
	return 0;
}

static void fill_board(struct plane *p)
{
	const struct plane_config *config = &p->config;
	struct move_board *board = p->board;

	board->version = 1;
	board->workers = config->workers;
	board->worker = p->worker;
	board->limit = clock_us(config->hold_us);
	for (unsigned i = 0; i < FWD_PORTS; i++) {
		const struct plane_port *port = &config->port[i];

		board->device[i] = port->device;
		board->rx_queues[i] = port->rx_queues;
		board->tx_queues[i] = port->tx_queues;
		board->distribute[i] = port->distribute;
		for (unsigned q = 0; q < port->tx_queues; q++)
			board->owner[i][q] = port->tx_owner[q];
		for (unsigned b = 0; b < PLANE_BUCKETS; b++)
			board->bucket[i][b] = (uint8_t)(b % config->workers);
		for (unsigned q = 0; q < port->rx_queues; q++) {
			struct move_queue *queue = &board->queue[i][q];

			queue->port = (uint8_t)i;
			queue->queue = (uint16_t)q;
			queue->want = queue->holder = port->rx_owner[q];
			queue->depth = port->rx_depth != 0 ? port->rx_depth : PLANE_DEPTH;
			for (unsigned b = 0; b < PLANE_BUCKETS; b++)
				queue->bucket[b] = (uint8_t)(b % config->workers);
		}
	}
}

/* A lease is a hundredth of the rate: few writes to what is shared, and little that lies unused
 * with other workers. */
static void set_icmp(struct forwarder *f, const struct plane *p)
{
	uint64_t rate = RTE_MAX(p->config.icmp_rate, 1u), interval = rte_get_tsc_hz() / rate;

	f->icmp_lease = (uint8_t)RTE_MIN(1 + rate / 100, (uint64_t)UINT8_MAX);
	f->icmp_step = interval * f->icmp_lease;
	f->icmp_ahead = interval * rate;
	f->icmp_clock = p->icmp_clock;
	f->icmp_left = calloc(p->fwd->limits.snapshot.connections + 1, 1);
}

static int make_oam(struct plane *p, unsigned index)
{
	struct worker *w = p->worker[index];
	struct rte_mempool *pool = p->config.oam_pool;

	w->oam = p->oam[index] = aligned_alloc(CACHE_LINE, sizeof(struct oam));
	if (w->oam == NULL)
		return -ENOMEM;
	memset(w->oam, 0, sizeof(*w->oam));
	return oam_create(w->oam, &w->forwarder, p->oam, pool != NULL ? pool : p->config.pool);
}

static int make_worker(struct plane *p, unsigned index)
{
	const struct plane_config *config = &p->config;
	uint32_t connections = p->fwd->limits.snapshot.connections + 1;
	struct worker *w =
		aligned_alloc(CACHE_LINE, (sizeof(*w) + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE);

	if (w == NULL)
		return -ENOMEM;
	memset(w, 0, sizeof(*w));
	p->worker[index] = w;
	w->idle = config->idle;
	w->idle_sleep_us = config->idle_sleep_us;
	w->cpu = config->cpu[index];
	w->ns_rate = clock_ns_rate();
	w->forwarder.fwd = p->fwd;
	w->forwarder.snapshot = fwd_snapshot(p->fwd);
	w->forwarder.meter = p->meter[index];
	w->forwarder.worker = index;
	w->forwarder.workers = config->workers;
	w->forwarder.pool = config->pool;
	w->forwarder.lanes = p->lanes;
	w->forwarder.lane_rate = clock_lane_rate();
	set_icmp(&w->forwarder, p);
	w->forwarder.committed = calloc(connections, sizeof(struct policer_lease));
	w->forwarder.excess = calloc(connections, sizeof(struct policer_lease));
	w->inject = make_ring("in", config->workers, index, config->punt_size);
	p->punt[index] = make_ring("out", index, config->workers, config->punt_size);
	w->forwarder.punt = p->punt[index];
	w->board = p->board;
	for (unsigned i = 0; i < FWD_PORTS; i++)
		w->forwarder.port[i].rx_checksum = config->port[i].rx_checksum;
	move_prepare(w);
	if (w->forwarder.committed == NULL || w->forwarder.excess == NULL ||
		w->forwarder.icmp_left == NULL || w->inject == NULL || p->punt[index] == NULL ||
		make_oam(p, index) < 0)
		return -ENOMEM;
	rte_rcu_qsbr_thread_register(p->fwd->qsbr, index);
	return 0;
}

static int connect_pair(struct plane *p, unsigned from, unsigned to)
{
	uint32_t size = from == to ? p->config.hold_size : p->config.ring_size;
	struct rte_ring *hop = make_ring("hop", from, to, size);
	struct rte_ring *send = make_ring("tx", from, to, size);
	struct rte_ring *oam = from == to ? NULL : make_ring("oam", from, to, PLANE_OAM);

	p->worker[from]->forwarder.hop[to] = p->worker[to]->hop_in[from] = hop;
	p->worker[from]->forwarder.send[to] = p->worker[to]->send_in[from] = send;
	p->oam[from]->out[to] = p->oam[to]->in[from] = oam;
	return hop == NULL || send == NULL || (oam == NULL && from != to) ? -ENOMEM : 0;
}

static int connect_workers(struct plane *p)
{
	for (unsigned from = 0; from < p->config.workers; from++)
		for (unsigned to = 0; to < p->config.workers; to++)
			if (connect_pair(p, from, to) < 0)
				return -ENOMEM;
	return 0;
}

struct plane *plane_create(const struct plane_config *config, struct fwd *fwd)
{
	struct plane *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->config = *config;
	p->fwd = fwd;
	if (p->config.hold_size == 0)
		p->config.hold_size = PLANE_HOLD;
	if (p->config.hold_us == 0)
		p->config.hold_us = PLANE_HOLD_US;
	p->board = calloc(1, sizeof(*p->board));
	if (p->board == NULL)
		goto fail;
	fill_board(p);
	p->icmp_clock = calloc(fwd->limits.snapshot.connections + 1, sizeof(*p->icmp_clock));
	p->lanes = lanes_create(fwd->limits.snapshot.paths, config->workers);
	if (p->icmp_clock == NULL || p->lanes == NULL || make_meters(p) < 0)
		goto fail;
	for (unsigned i = 0; i < config->workers; i++)
		if (make_worker(p, i) < 0)
			goto fail;
	if (connect_workers(p) < 0)
		goto fail;
	return p;
fail:
	log_error("plane: not enough memory for %u workers", config->workers);
	plane_destroy(p);
	return NULL;
}

static void free_oam(struct oam *oam)
{
	if (oam == NULL)
		return;
	for (unsigned from = 0; from < PLANE_WORKERS; from++)
		free_ring(oam->in[from]);
	oam_destroy(oam);
	free(oam);
}

static void free_worker(struct plane *p, unsigned index)
{
	struct worker *w = p->worker[index];

	if (w == NULL)
		return;
	for (unsigned from = 0; from < PLANE_WORKERS; from++) {
		free_ring(w->hop_in[from]);
		free_ring(w->send_in[from]);
	}
	free_oam(w->oam);
	free_ring(w->inject);
	free_ring(p->punt[index]);
	free(w->forwarder.icmp_left);
	free(w->forwarder.committed);
	free(w->forwarder.excess);
	rte_rcu_qsbr_thread_unregister(p->fwd->qsbr, index);
	free(w);
}

void plane_destroy(struct plane *p)
{
	if (p == NULL)
		return;
	for (unsigned i = 0; i < PLANE_WORKERS; i++)
		free_worker(p, i);
	for (unsigned i = 0; i <= PLANE_WORKERS; i++)
		meter_destroy(p->meter[i]);
	lanes_destroy(p->lanes);
	free(p->icmp_clock);
	free(p->board);
	free(p);
}

static int start_worker(struct worker *w)
{
	pthread_attr_t attributes;
	cpu_set_t cpus;
	int error;

	pthread_attr_init(&attributes);
	if (w->cpu >= 0) {
		CPU_ZERO(&cpus);
		CPU_SET((size_t)w->cpu, &cpus);
		pthread_attr_setaffinity_np(&attributes, sizeof(cpus), &cpus);
	}
	atomic_store(&w->stop, false);
	error = pthread_create(&w->thread, &attributes, worker_main, w);
	pthread_attr_destroy(&attributes);
	if (error != 0)
		log_error("worker %u on CPU %d: %s", w->forwarder.worker, w->cpu, strerror(error));
	return -error;
}

static void stop_workers(struct plane *p, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		atomic_store(&p->worker[i]->stop, true);
	for (unsigned i = 0; i < count; i++)
		pthread_join(p->worker[i]->thread, NULL);
}

int plane_start(struct plane *p)
{
	for (unsigned i = 0; i < p->config.workers; i++) {
		int error = start_worker(p->worker[i]);

		if (error < 0) {
			stop_workers(p, i);
			return error;
		}
	}
	p->started = true;
	return 0;
}

void plane_stop(struct plane *p)
{
	if (!p->started)
		return;
	stop_workers(p, p->config.workers);
	p->started = false;
}

bool plane_turn(struct plane *p, unsigned worker)
{
	bool found;

	rte_rcu_qsbr_thread_online(p->fwd->qsbr, worker);
	found = worker_turn(p->worker[worker]);
	rte_rcu_qsbr_thread_offline(p->fwd->qsbr, worker);
	return found;
}

struct forwarder *plane_forwarder(const struct plane *p, unsigned worker)
{
	return &p->worker[worker]->forwarder;
}

unsigned plane_take(struct plane *p, struct rte_mbuf **packet, unsigned count)
{
	unsigned taken = 0;

	for (unsigned i = 0; i < p->config.workers && taken < count; i++) {
		unsigned from = (p->next_punt + i) % p->config.workers;

		taken += rte_ring_sc_dequeue_burst(
			p->punt[from], (void **)(packet + taken), count - taken, NULL);
	}
	p->next_punt++;
	return taken;
}

bool plane_give(struct plane *p, unsigned worker, struct rte_mbuf *packet)
{
	return rte_ring_sp_enqueue(p->worker[worker]->inject, packet) == 0;
}

static void ask(struct plane *p)
{
	/* Release: the wishes it is about. */
	atomic_fetch_add_explicit(&p->board->version, 1, memory_order_release);
}

void plane_spread(struct plane *p, unsigned port, const uint8_t worker[PLANE_BUCKETS])
{
	for (unsigned b = 0; b < PLANE_BUCKETS; b++)
		atomic_store_explicit(&p->board->bucket[port][b], worker[b], memory_order_relaxed);
	ask(p);
}

void plane_poll(struct plane *p, unsigned port, unsigned queue, unsigned worker)
{
	atomic_store_explicit(
		&p->board->queue[port][queue].want, (uint8_t)worker, memory_order_relaxed);
	ask(p);
}

void plane_own(struct plane *p, unsigned port, const uint8_t worker[PLANE_PORT_QUEUES])
{
	struct move_board *board = p->board;

	for (unsigned q = 0; q < board->tx_queues[port]; q++)
		atomic_store_explicit(&board->owner[port][q], worker[q], memory_order_relaxed);
	atomic_store_explicit(&board->round_port, (uint8_t)port, memory_order_relaxed);
	/* Release: the owners, and whose they are. */
	atomic_fetch_add_explicit(&board->round, 1, memory_order_release);
}

bool plane_settled(const struct plane *p)
{
	uint32_t version = atomic_load_explicit(&p->board->version, memory_order_acquire);
	uint32_t round = atomic_load_explicit(&p->board->round, memory_order_relaxed);

	for (unsigned i = 0; i < p->config.workers; i++) {
		const struct worker *w = p->worker[i];

		if (atomic_load_explicit(&w->settled, memory_order_acquire) != version ||
			atomic_load_explicit(&w->round_over, memory_order_acquire) != round)
			return false;
	}
	return true;
}

void plane_set_resting(struct plane *p, unsigned worker, bool resting)
{
	atomic_store_explicit(&p->worker[worker]->resting, resting, memory_order_relaxed);
}

bool plane_resting(const struct plane *p, unsigned worker)
{
	return atomic_load_explicit(&p->worker[worker]->resting, memory_order_relaxed);
}

unsigned plane_pick(const struct plane *p, uint64_t number)
{
	unsigned active = 0, worker = 0;

	for (unsigned i = 0; i < p->config.workers; i++)
		active += !plane_resting(p, i);
	for (uint64_t skip = number % RTE_MAX(active, 1u);; worker++)
		if (!plane_resting(p, worker) && skip-- == 0)
			return worker;
}

const struct plane_config *plane_setup(const struct plane *p)
{
	return &p->config;
}

void plane_buckets(const struct plane *p, unsigned port, uint8_t worker[PLANE_BUCKETS])
{
	for (unsigned b = 0; b < PLANE_BUCKETS; b++)
		worker[b] = atomic_load_explicit(&p->board->bucket[port][b], memory_order_relaxed);
}

unsigned plane_poller(const struct plane *p, unsigned port, unsigned queue)
{
	return atomic_load_explicit(&p->board->queue[port][queue].want, memory_order_relaxed);
}

unsigned plane_polling(const struct plane *p, unsigned port, unsigned queue)
{
	return atomic_load_explicit(&p->board->queue[port][queue].holder, memory_order_relaxed);
}

unsigned plane_owner(const struct plane *p, unsigned port, unsigned queue)
{
	return atomic_load_explicit(&p->board->owner[port][queue], memory_order_relaxed);
}

unsigned plane_held(const struct plane *p)
{
	unsigned held = 0;

	for (unsigned i = 0; i < p->config.workers; i++)
		held += rte_ring_count(p->worker[i]->hop_in[i]) +
			rte_ring_count(p->worker[i]->send_in[i]);
	return held;
}

uint64_t plane_generation(const struct plane *p, unsigned worker)
{
	return atomic_load_explicit(&p->worker[worker]->generation, memory_order_acquire);
}

struct lanes *plane_lanes(const struct plane *p)
{
	return p->lanes;
}

struct meter *plane_meter(const struct plane *p, unsigned writer)
{
	return p->meter[writer];
}

unsigned plane_workers(const struct plane *p)
{
	return p->config.workers;
}

unsigned plane_ring_count(const struct plane *p, unsigned from, unsigned to)
{
	if (from == p->config.workers)
		return rte_ring_count(p->worker[to]->inject);
	if (to == p->config.workers)
		return rte_ring_count(p->punt[from]);
	if (from == to)
		return 0;
	return rte_ring_count(p->worker[to]->hop_in[from]) +
	       rte_ring_count(p->worker[to]->send_in[from]) + rte_ring_count(p->oam[to]->in[from]);
}

bool plane_session(const struct plane *p, uint32_t path, struct session *out)
{
	const struct fwd_bfd *bfd = snapshot_bfd(fwd_snapshot(p->fwd), path);

	if (bfd->mode == FWD_BFD_OFF || bfd->owner >= p->config.workers)
		return false;
	return sessions_read(&p->oam[bfd->owner]->sessions, path, out);
}
