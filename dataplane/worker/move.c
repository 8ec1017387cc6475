/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/worker/move.h"

#include <rte_ring_peek.h>

#include "dataplane/worker/worker.h"

/* What was given up is tried again after that many times the limit. */
#define RETRY 4

static void list_queues(struct worker *w)
{
	struct move_board *board = w->board;

	w->queues = 0;
	for (unsigned port = 0; port < FWD_PORTS; port++)
		for (unsigned q = 0; q < board->rx_queues[port]; q++) {
			struct move_queue *queue = &board->queue[port][q];

			/* Acquire: the buckets as the last holder left them. */
			if (atomic_load_explicit(&queue->holder, memory_order_acquire) ==
					w->forwarder.worker &&
				!queue->leaving)
				w->queue[w->queues++] = queue;
		}
}

void move_route(const struct move_board *board, unsigned port, unsigned worker, uint16_t *queue,
	uint8_t *owner)
{
	const _Atomic uint8_t *owners = board->owner[port];
	unsigned queues = board->tx_queues[port], q = *queue;

	/* The one it has, if it is its own; another of its own; else one that it shares. */
	if (atomic_load_explicit(&owners[q], memory_order_relaxed) != worker)
		for (q = 0; q < queues; q++)
			if (atomic_load_explicit(&owners[q], memory_order_relaxed) == worker)
				break;
	if (q == queues)
		q = worker % queues;
	*queue = (uint16_t)q;
	*owner = atomic_load_explicit(&owners[q], memory_order_relaxed);
}

void move_prepare(struct worker *w)
{
	struct move_board *board = w->board;

	for (unsigned i = 0; i < FWD_PORTS; i++) {
		struct forwarder_port *port = &w->forwarder.port[i];

		port->device = board->device[i];
		port->distribute = board->distribute[i];
		port->owner = FORWARDER_NOBODY;
		if (board->tx_queues[i] > 0)
			move_route(board, i, w->forwarder.worker, &port->queue, &port->owner);
	}
	list_queues(w);
}

/* Buckets and receive queues */

/* Holds the buckets of a queue that are to have another worker. */
static void hold_buckets(struct worker *w, struct move_queue *queue)
{
	const _Atomic uint8_t *wish = w->board->bucket[queue->port];

	for (unsigned i = 0; i < PLANE_BUCKETS; i++) {
		uint8_t to = atomic_load_explicit(&wish[i], memory_order_relaxed);

		if (to == queue->bucket[i])
			continue;
		queue->old[i] = queue->bucket[i];
		queue->bucket[i] = FORWARDER_HELD;
		w->move.from |= 1u << queue->old[i];
	}
}

static void begin(struct worker *w, uint64_t now)
{
	struct move_board *board = w->board;
	struct move *move = &w->move;

	list_queues(w);
	for (unsigned i = 0; i < w->queues; i++) {
		struct move_queue *queue = w->queue[i];

		if (atomic_load_explicit(&queue->want, memory_order_relaxed) !=
			w->forwarder.worker) {
			queue->leaving = true;
			move->from = (uint32_t)((UINT64_C(1) << board->workers) - 1);
		} else if (board->distribute[queue->port]) {
			hold_buckets(w, queue);
		}
	}
	if (move->from == 0)
		return;
	list_queues(w);
	for (unsigned i = 0; i < board->workers; i++)
		move->hop_mark[i] = w->forwarder.hop_sent[i];
	move->begun = now;
	move->deadline = now + board->limit;
	move->phase = MOVE_HOP;
}

/* All that this worker handed to those has been finished by them. */
static bool hops_done(struct worker *w)
{
	unsigned self = w->forwarder.worker;

	for (unsigned i = 0; i < w->board->workers; i++) {
		const struct worker *other = w->board->worker[i];

		if (i == self || !(w->move.from >> i & 1))
			continue;
		/* Acquire: pairs with finished(); its send_sent is then as far as those packets. */
		if (atomic_load_explicit(&other->hop_done[self], memory_order_acquire) <
			w->move.hop_mark[i])
			return false;
	}
	/* Its own are finished by the end of a burst, unless they are held themselves. */
	return rte_ring_empty(w->forwarder.send[self]);
}

static void mark_sends(struct worker *w)
{
	for (unsigned i = 0; i < w->board->workers; i++) {
		const struct forwarder *other = &w->board->worker[i]->forwarder;

		for (unsigned to = 0; to < w->board->workers; to++)
			w->move.send_mark[i][to] =
				atomic_load_explicit(&other->send_sent[to], memory_order_relaxed);
	}
}

static bool sends_done(const struct worker *w)
{
	for (unsigned i = 0; i < w->board->workers; i++) {
		if (!(w->move.from >> i & 1))
			continue;
		for (unsigned to = 0; to < w->board->workers; to++) {
			const struct worker *owner = w->board->worker[to];

			/* Acquire: what is sent from here on is sent after that. */
			if (to != i && atomic_load_explicit(&owner->send_done[i],
					       memory_order_acquire) < w->move.send_mark[i][to])
				return false;
		}
	}
	return true;
}

/* Calls for each receive queue that this worker holds, also one that leaves. */
static void each_held(struct worker *w, void (*call)(struct worker *, struct move_queue *))
{
	for (unsigned port = 0; port < FWD_PORTS; port++)
		for (unsigned q = 0; q < w->board->rx_queues[port]; q++) {
			struct move_queue *queue = &w->board->queue[port][q];

			/* Acquire: one may just have come. */
			if (atomic_load_explicit(&queue->holder, memory_order_acquire) ==
				w->forwarder.worker)
				call(w, queue);
		}
}

static void let_go(struct worker *w, struct move_queue *queue)
{
	const _Atomic uint8_t *wish = w->board->bucket[queue->port];
	uint8_t want = atomic_load_explicit(&queue->want, memory_order_relaxed);

	for (unsigned i = 0; i < PLANE_BUCKETS && !queue->leaving; i++)
		if (queue->bucket[i] == FORWARDER_HELD)
			queue->next[i] = atomic_load_explicit(&wish[i], memory_order_relaxed);
	if (!queue->leaving)
		return;
	queue->leaving = false;
	if (want == w->forwarder.worker)
		return;
	w->forwarder.meter->move.queues++;
	/* Release: the new holder sees the queue's state, and its packets come after ours. */
	atomic_store_explicit(&queue->holder, want, memory_order_release);
	atomic_fetch_add_explicit(&w->board->version, 1, memory_order_release);
}

static void take_back(struct worker *w, struct move_queue *queue)
{
	(void)w;
	queue->leaving = false;
	for (unsigned i = 0; i < PLANE_BUCKETS; i++)
		queue->next[i] = queue->old[i];
}

static void end_wait(struct worker *w, uint64_t now, bool in_time)
{
	struct move *move = &w->move;

	each_held(w, in_time ? let_go : take_back);
	if (!in_time) {
		w->forwarder.meter->move.given_up++;
		move->retry = now + RETRY * w->board->limit;
	}
	list_queues(w);
	move->deadline = now + w->board->limit;
	move->phase = MOVE_LETGO;
}

static void adopt(struct worker *w, struct move_queue *queue)
{
	for (unsigned i = 0; i < PLANE_BUCKETS; i++)
		if (queue->bucket[i] == FORWARDER_HELD) {
			w->forwarder.meter->move.buckets += queue->next[i] != queue->old[i];
			queue->bucket[i] = queue->next[i];
		}
}

static unsigned next_of(const struct worker *w, const struct rte_mbuf *m)
{
	const struct packet *record = packet_of((struct rte_mbuf *)(uintptr_t)m);
	const struct move_queue *queue = &w->board->queue[record->port][record->queue];

	return queue->next[forwarder_bucket(record->hash)];
}

/* One held packet into the ring to its new worker. False: no room, and it stays. */
static bool hand_on(struct worker *w, unsigned to, struct rte_mbuf *m)
{
	struct forwarder *f = &w->forwarder;
	const struct packet *record = packet_of(m);

	f->meter->connection[record->connection].side[record->side].ring_out++;
	if (rte_ring_sp_enqueue(f->hop[to], m) < 0) {
		f->meter->connection[record->connection].side[record->side].ring_out--;
		return false;
	}
	f->hop_sent[to]++;
	f->meter->ring_sent[to]++;
	f->meter->spread[to]++;
	return true;
}

static void resume(struct worker *w, struct rte_mbuf **m, unsigned count)
{
	w->forwarder.meter->spread[w->forwarder.worker] += count;
	path_resume(&w->forwarder, &w->forwarder.burst, m, count);
	path_finish(&w->forwarder);
}

/* The held packet that is next, unless the ring it goes to is full and there is time to wait. */
static struct rte_mbuf *unhold(struct worker *w, bool late)
{
	struct forwarder *f = &w->forwarder;
	struct rte_ring *hold = f->hop[f->worker];
	void *m = NULL;
	unsigned to;

	if (rte_ring_dequeue_bulk_start(hold, &m, 1, NULL) == 0)
		return NULL;
	to = next_of(w, m);
	if (to != f->worker && !late && rte_ring_full(f->hop[to])) {
		rte_ring_dequeue_finish(hold, 0);
		return NULL;
	}
	rte_ring_dequeue_finish(hold, 1);
	forwarder_count_ring_in(f, packet_of(m));
	return m;
}

/* Lets held packets go on, in their order, as far as rings take them; all where late. */
static void flush_packets(struct worker *w, bool late)
{
	struct forwarder *f = &w->forwarder;
	struct rte_mbuf *own[BURST], *m;
	unsigned owns = 0;

	while ((m = unhold(w, late)) != NULL) {
		unsigned to = next_of(w, m);

		if (to == f->worker) {
			own[owns++] = m;
		} else if (!hand_on(w, to, m)) {
			f->meter->ring_full[to]++;
			forwarder_drop_record(f, m, DROP_RING_FULL);
		}
		if (owns == BURST) {
			resume(w, own, owns);
			owns = 0;
		}
	}
	if (owns > 0)
		resume(w, own, owns);
}

static void step(struct worker *w, uint64_t now)
{
	struct move *move = &w->move;
	struct forwarder *f = &w->forwarder;

	if (move->phase == MOVE_HOP && hops_done(w)) {
		mark_sends(w);
		move->phase = MOVE_SEND;
	}
	if (move->phase == MOVE_SEND && sends_done(w))
		end_wait(w, now, true);
	else if (move->phase != MOVE_LETGO && now > move->deadline)
		end_wait(w, now, false);
	if (move->phase != MOVE_LETGO)
		return;
	meter_begin(f->meter);
	flush_packets(w, now > move->deadline);
	meter_end(f->meter);
	if (!rte_ring_empty(f->hop[f->worker]))
		return;
	each_held(w, adopt);
	f->meter->move.longest = RTE_MAX(f->meter->move.longest, now - move->begun);
	move->from = 0;
	move->phase = MOVE_REST;
	/* For what was asked meanwhile, and to say that this is done. */
	move->again = true;
}

/* Transmit queues */

static bool all_at_round(const struct worker *w, uint32_t round, bool sent)
{
	for (unsigned i = 0; i < w->board->workers; i++) {
		const struct worker *other = w->board->worker[i];

		/* Acquire: what it sent into rings, or to a device, before it said so. */
		if (atomic_load_explicit(sent ? &other->round_sent : &other->round_stopped,
			    memory_order_acquire) != round)
			return false;
	}
	return true;
}

/* Every frame that was in a ring to this worker when its senders stopped has left. */
static bool rings_sent(const struct worker *w)
{
	unsigned self = w->forwarder.worker;

	for (unsigned i = 0; i < w->board->workers; i++) {
		const struct worker *other = w->board->worker[i];

		if (i != self && atomic_load_explicit(&w->send_done[i], memory_order_relaxed) <
					 atomic_load_explicit(&other->forwarder.send_sent[self],
						 memory_order_relaxed))
			return false;
	}
	return true;
}

/* Frames go on by the new owner; or, where they waited too long, not at all. */
static void flush_frames(struct worker *w, bool late)
{
	struct forwarder *f = &w->forwarder;
	void *m;

	meter_begin(f->meter);
	while (rte_ring_sc_dequeue(f->send[f->worker], &m) == 0) {
		forwarder_count_ring_in(f, packet_of(m));
		if (late)
			forwarder_drop_record(f, m, DROP_HOLD_FULL);
		else
			tx_again(f, m);
	}
	tx_flush(f);
	worker_finished(w);
	meter_end(f->meter);
}

static void stop_frames(struct worker *w, uint32_t round, uint64_t now)
{
	unsigned index = atomic_load_explicit(&w->board->round_port, memory_order_relaxed);
	struct forwarder_port *port = &w->forwarder.port[index];
	uint16_t queue = port->queue;
	uint8_t owner;

	move_route(w->board, index, w->forwarder.worker, &queue, &owner);
	if (queue != port->queue || owner != port->owner)
		port->owner = FORWARDER_HELD;
	w->move.stopped = true;
	w->move.round_deadline = now + w->board->limit;
	/* Release: what went into rings before. */
	atomic_store_explicit(&w->round_stopped, round, memory_order_release);
}

static void step_round(struct worker *w, uint32_t round, uint64_t now)
{
	unsigned index = atomic_load_explicit(&w->board->round_port, memory_order_relaxed);
	struct move *move = &w->move;
	struct forwarder_port *port = &w->forwarder.port[index];

	if (!move->stopped)
		stop_frames(w, round, now);
	if (!move->sent && all_at_round(w, round, false) && rings_sent(w)) {
		move->sent = true;
		/* Release: this worker uses no queue any more that it loses. */
		atomic_store_explicit(&w->round_sent, round, memory_order_release);
	}
	if (move->sent && all_at_round(w, round, true)) {
		move_route(w->board, index, w->forwarder.worker, &port->queue, &port->owner);
		flush_frames(w, false);
		move->stopped = move->sent = false;
		move->round = round;
		/* Release: this worker is through; control may begin another. */
		atomic_store_explicit(&w->round_over, round, memory_order_release);
	} else if (now > move->round_deadline) {
		flush_frames(w, true);
		move->round_deadline = now + w->board->limit;
	}
}

/* All together */

bool move_busy(const struct worker *w)
{
	return w->move.phase != MOVE_REST || w->move.stopped;
}

static void look_at_board(struct worker *w, uint64_t now)
{
	struct move *move = &w->move;
	/* Acquire: the wishes, or the queue let go, that this version is about. */
	uint32_t version = atomic_load_explicit(&w->board->version, memory_order_acquire);

	if (version == move->version && !(move->again && now >= move->retry))
		return;
	move->version = version;
	move->again = false;
	move->retry = 0;
	begin(w, now);
	if (move->phase == MOVE_REST)
		/* Release: this worker is as control wished it at that version. */
		atomic_store_explicit(&w->settled, version, memory_order_release);
}

void move_turn(struct worker *w)
{
	/* Acquire: the owners of the round. */
	uint32_t round = atomic_load_explicit(&w->board->round, memory_order_acquire);
	uint64_t now = w->last_turn;

	if (unlikely_(round != w->move.round))
		step_round(w, round, now);
	if (w->move.phase == MOVE_REST)
		look_at_board(w, now);
	if (unlikely_(w->move.phase != MOVE_REST)) {
		step(w, now);
		if (w->move.phase == MOVE_REST)
			look_at_board(w, now);
	}
}
