/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/worker/worker.h"

#include <stdio.h>
#include <sys/prctl.h>
#include <time.h>

#include <rte_lcore.h>
#include <rte_pause.h>

#include "dataplane/base/log.h"

/* The ladder: that many empty turns at full speed, then as many with a pause, then sleeps. */
#define EMPTY_BUSY  256
#define EMPTY_PAUSE 512
#define PAUSES	    32

/* Packets to be routed here: from control, or handed over by another worker. */
static unsigned poll_rest(struct worker *w, struct rte_ring *ring)
{
	struct forwarder *f = &w->forwarder;
	struct rte_mbuf *m[BURST];
	unsigned count = rte_ring_sc_dequeue_burst(ring, (void **)m, BURST, NULL);

	if (count == 0)
		return 0;
	/* The lines that another worker has just written, before they are needed. */
	for (unsigned i = 0; i < count; i++) {
		rte_prefetch0(packet_of(m[i]));
		rte_prefetch0(m[i]);
	}
	meter_begin(f->meter);
	for (unsigned i = 0; i < count; i++) {
		rte_prefetch0(rte_pktmbuf_mtod(m[i], void *));
		forwarder_count_ring_in(f, packet_of(m[i]));
	}
	path_resume(f, &f->burst, m, count);
	path_finish(f);
	meter_end(f->meter);
	return count;
}

void worker_finished(struct worker *w)
{
	if (!rte_ring_empty(w->forwarder.send[w->forwarder.worker]))
		return;
	for (unsigned i = 0; i < w->forwarder.workers; i++)
		/* Release: after these packets were sent, or put into a ring. */
		atomic_store_explicit(&w->hop_done[i], w->hop_taken[i], memory_order_release);
}

static unsigned poll_hop(struct worker *w, unsigned from)
{
	unsigned count = poll_rest(w, w->hop_in[from]);

	if (count == 0)
		return 0;
	w->hop_taken[from] += count;
	if (likely_(rte_ring_empty(w->forwarder.send[w->forwarder.worker])))
		/* Release: see worker_finished. */
		atomic_store_explicit(&w->hop_done[from], w->hop_taken[from], memory_order_release);
	return count;
}

static unsigned poll_send(struct worker *w, unsigned from)
{
	struct forwarder *f = &w->forwarder;
	struct rte_mbuf *m[BURST];
	unsigned count = rte_ring_sc_dequeue_burst(w->send_in[from], (void **)m, BURST, NULL);

	if (count == 0)
		return 0;
	meter_begin(f->meter);
	tx_frames(f, m, count);
	tx_flush(f);
	meter_end(f->meter);
	/* Release: after they were sent. */
	atomic_store_explicit(&w->send_done[from],
		atomic_load_explicit(&w->send_done[from], memory_order_relaxed) + count,
		memory_order_release);
	return count;
}

static void count_seen(struct move_queue *q, unsigned count, uint64_t turn)
{
	q->taken += count;
	if (count < BURST)
		q->drained = turn;
	else if (q->taken < q->depth)
		return;
	else
		q->drained = q->mark;
	q->mark = turn;
	q->taken = 0;
}

static unsigned poll_queue(struct worker *w, struct move_queue *q)
{
	struct forwarder *f = &w->forwarder;
	unsigned count = rx_burst(f, &f->burst, q->port, q->queue);

	count_seen(q, count, f->burst.arrived);
	/* An empty poll leaves the meter alone, so that readers find it at rest. */
	if (count == 0)
		return 0;
	f->queue = q->queue;
	f->bucket = q->bucket;
	meter_begin(f->meter);
	path_run(f, &f->burst, count, q->port);
	if (unlikely_(f->oams > 0))
		oam_take(w->oam);
	path_finish(f);
	meter_end(f->meter);
	return count;
}

static unsigned poll_all(struct worker *w)
{
	unsigned found = oam_begin(w->oam) + poll_rest(w, w->inject);

	for (unsigned from = 0; from < w->forwarder.workers; from++) {
		if (from == w->forwarder.worker)
			continue;
		found += poll_send(w, from);
		found += poll_hop(w, from);
	}
	for (unsigned i = 0; i < w->queues; i++)
		found += poll_queue(w, w->queue[i]);
	return found;
}

/* Until when all that came in by this worker's queues has been seen. */
static uint64_t drained(const struct worker *w)
{
	uint64_t least = w->forwarder.burst.arrived;

	for (unsigned i = 0; i < w->queues; i++)
		least = RTE_MIN(least, w->queue[i]->drained);
	return least;
}

static void count_gap(struct worker *w, uint64_t now)
{
	struct meter *meter = w->forwarder.meter;
	uint64_t gap = now - w->last_turn;

	meter->poll_gap[histogram_index(clock_ns(gap, w->ns_rate))]++;
	if (gap > meter->poll_gap_max)
		meter->poll_gap_max = gap;
	if (w->last_busy)
		meter->busy_cycles += gap;
}

bool worker_turn(struct worker *w)
{
	struct forwarder *f = &w->forwarder;
	uint64_t now = clock_tsc();
	unsigned found;
	bool behind;

	f->snapshot = fwd_snapshot(f->fwd);
	/* Release: whoever sees this generation knows that no older one is read by this worker. */
	atomic_store_explicit(&w->generation, f->snapshot->generation, memory_order_release);
	f->burst.arrived = f->again.arrived = now;
	f->epoch = atomic_load_explicit(&f->fwd->epoch, memory_order_relaxed);
	if (w->last_turn != 0)
		count_gap(w, now);
	w->last_turn = now;
	move_turn(w);
	found = poll_all(w);
	behind = oam_end(w->oam, drained(w));
	/* Control watches this one go on: see publisher_drain. */
	__atomic_store_n(&f->meter->turns, f->meter->turns + 1, __ATOMIC_RELAXED);
	f->meter->busy_turns += found > 0;
	f->meter->packets += found;
	w->last_busy = found > 0;
	rte_rcu_qsbr_quiescent(f->fwd->qsbr, f->worker);
	return found > 0 || behind || move_busy(w);
}

/* No longer than until OAM has something to do. */
static uint64_t nap_us(const struct worker *w, uint64_t now)
{
	uint64_t deadline = oam_deadline(w->oam);

	if (deadline <= now)
		return 0;
	return RTE_MIN((uint64_t)w->idle_sleep_us, (deadline - now) / (clock_us(1) | 1));
}

static void nap(struct worker *w)
{
	struct meter *meter = w->forwarder.meter;
	uint64_t from = clock_tsc();
	struct timespec time = {.tv_nsec = (long)nap_us(w, from) * 1000};

	if (time.tv_nsec == 0)
		return;
	/* A sleeping worker holds nothing: control need not wait for it. */
	rte_rcu_qsbr_thread_offline(w->forwarder.fwd->qsbr, w->forwarder.worker);
	nanosleep(&time, NULL);
	rte_rcu_qsbr_thread_online(w->forwarder.fwd->qsbr, w->forwarder.worker);
	meter->sleeps++;
	meter->sleep_cycles += clock_tsc() - from;
}

static void step_down(struct worker *w)
{
	if (w->idle == PLANE_IDLE_BUSY && !atomic_load_explicit(&w->resting, memory_order_relaxed))
		return;
	w->empty_turns++;
	if (w->empty_turns < EMPTY_BUSY)
		return;
	if (w->empty_turns < EMPTY_PAUSE) {
		for (unsigned i = 0; i < PAUSES; i++)
			rte_pause();
		return;
	}
	nap(w);
}

void *worker_main(void *argument)
{
	struct worker *w = argument;
	struct rte_rcu_qsbr *qsbr = w->forwarder.fwd->qsbr;
	char name[16];

	snprintf(name, sizeof(name), "trunk-w%u", w->forwarder.worker);
	pthread_setname_np(pthread_self(), name);
	/* Else a nap of 50 us takes twice that. */
	prctl(PR_SET_TIMERSLACK, 1000UL, 0, 0, 0);
	if (rte_thread_register() < 0)
		log_warning("worker %u: no lcore id left; buffer pools work without a cache",
			w->forwarder.worker);
	rte_rcu_qsbr_thread_online(qsbr, w->forwarder.worker);
	while (!atomic_load_explicit(&w->stop, memory_order_relaxed)) {
		if (worker_turn(w))
			w->empty_turns = 0;
		else
			step_down(w);
	}
	rte_rcu_qsbr_thread_offline(qsbr, w->forwarder.worker);
	rte_thread_unregister();
	return NULL;
}
