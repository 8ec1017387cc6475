/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Queues and buckets that change workers while packets come in, without a packet overtaking another
 * of its flow. Internal to dataplane/worker.
 *
 * Control writes what it wants on the board. Each worker compares that with what it holds, at the
 * start of a turn, and does its part:
 *
 * A bucket (packets of a receive queue, by flow hash) that gets another worker is held by the
 * worker that polls the queue, until the old worker has finished with all that was handed to it
 * (hop_done) and the frames which that left in rings to the owners of transmit queues are sent
 * (send_done).
 *
 * A receive queue is not polled until the same holds for everything that came in by it; then its
 * worker lets it go, with its buckets, and the new one begins to poll.
 *
 * A transmit queue: each worker that uses it holds its frames and says so (stopped); when all have,
 * each sends what is still in its rings and says so (sent); when all have, the new owner has it.
 *
 * Nothing waits: turns go on, for all that does not move.
 */
#ifndef DATAPLANE_WORKER_MOVE_H
#define DATAPLANE_WORKER_MOVE_H

#include "dataplane/path/forwarder.h"
#include "dataplane/worker/plane.h"

struct worker;

/* A receive queue. */
struct move_queue {
	/* Of the worker that holds it; passed on with holder. */
	uint8_t bucket[PLANE_BUCKETS]; /* worker, or FORWARDER_HELD */
	uint8_t old[PLANE_BUCKETS];    /* of a held one: whose it was */
	uint8_t next[PLANE_BUCKETS];   /* of a held one that is let go: whose it will be */
	bool leaving;
	uint8_t port;
	uint16_t queue;
	/* TSC until which all that came in by it has been seen; where it is never found empty, that
	 * follows from having taken as many frames as it has room for, since mark. */
	uint64_t drained, mark;
	uint32_t taken, depth; /* frames */

	_Atomic uint8_t want;	/* writer: control */
	_Atomic uint8_t holder; /* writer: the holder (release); readers acquire */
};

struct move_board {
	/* Counts what there is to look at anew. Writers: control after it changed a wish, a worker
	 * after it let a queue go (release); readers: workers (acquire). */
	_Atomic uint32_t version;
	_Atomic uint8_t bucket[FWD_PORTS][PLANE_BUCKETS]; /* wished; writer: control */

	/* The round in which transmit queues of one port change owners; writer: control, which
	 * begins one only when the last is over. Owners are stored before the round (release). */
	_Atomic uint32_t round;
	_Atomic uint8_t round_port;
	_Atomic uint8_t owner[FWD_PORTS][PLANE_PORT_QUEUES];

	uint16_t device[FWD_PORTS];
	uint16_t tx_queues[FWD_PORTS], rx_queues[FWD_PORTS];
	bool distribute[FWD_PORTS];
	unsigned workers;
	uint64_t limit; /* TSC cycles that something is held for at most */
	struct worker *const *worker;
	struct move_queue queue[FWD_PORTS][PLANE_PORT_QUEUES];
};

enum move_phase {
	MOVE_REST,  /* nothing moves */
	MOVE_HOP,   /* until other workers have finished what they got */
	MOVE_SEND,  /* until what they made of it has been sent */
	MOVE_LETGO, /* until what was held has gone on */
};

/* A worker's own state. */
struct move {
	enum move_phase phase;
	uint32_t version; /* of the board, last looked at */
	bool again;	  /* something given up is to be tried again */
	uint32_t from;	  /* bit = worker that is waited for */
	uint64_t begun, deadline;
	uint64_t retry; /* TSC */
	uint64_t hop_mark[PLANE_WORKERS];
	uint64_t send_mark[PLANE_WORKERS][PLANE_WORKERS];
	uint32_t round; /* finished */
	uint64_t round_deadline;
	bool stopped, sent; /* in the round under way */
};

/* Before workers run: the route of each worker's frames, who polls which queue. */
void move_prepare(struct worker *w);

/* At the start of a turn, between two bursts. */
void move_turn(struct worker *w);

/* Something of this worker's is on the move. */
bool move_busy(const struct worker *w);

/* The worker's transmit queue on a port and its owner, by the owners on the board. *queue comes in
 * as the one used so far. */
void move_route(const struct move_board *board, unsigned port, unsigned worker, uint16_t *queue,
	uint8_t *owner);

#endif
