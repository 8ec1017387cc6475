/* SPDX-License-Identifier: BSD-3-Clause */
/* One worker: its queues, its rings, and the turn of its poll loop. Internal to dataplane/worker.
 */
#ifndef DATAPLANE_WORKER_WORKER_H
#define DATAPLANE_WORKER_WORKER_H

#include <pthread.h>

#include "dataplane/oam/oam.h"
#include "dataplane/path/path.h"
#include "dataplane/worker/move.h"
#include "dataplane/worker/plane.h"

struct worker {
	/* Touched by the worker only, once it runs. */
	struct forwarder forwarder;
	unsigned queues;
	struct move_queue *queue[FWD_PORTS * PLANE_PORT_QUEUES]; /* that it polls */
	struct move_board *board;
	struct move move;
	uint64_t hop_taken[PLANE_WORKERS];	 /* from those rings, by sending worker */
	struct rte_ring *hop_in[PLANE_WORKERS];	 /* by sending worker; at its own index: held */
	struct rte_ring *send_in[PLANE_WORKERS]; /* the same */
	struct rte_ring *inject;		 /* from control */
	struct oam *oam;
	uint64_t ns_rate;   /* clock_ns_rate() */
	uint64_t last_turn; /* TSC */
	bool last_busy;
	unsigned empty_turns;
	enum plane_idle idle;
	uint32_t idle_sleep_us;
	int cpu;
	pthread_t thread;

	/* Writer: the worker (release, after it loaded that snapshot); reader: control. */
	alignas(CACHE_LINE) _Atomic uint64_t generation;
	/* Of the board: the newest version and round that this worker is through with, and how far
	 * it is in a round (move.h). Writer: the worker (release); readers: control, workers. */
	_Atomic uint32_t settled, round_stopped, round_sent, round_over;
	/* Writer: control; reader: the worker. Relaxed: they order nothing. */
	atomic_bool stop;
	atomic_bool resting; /* out of service: sleeps, whatever the ladder says */

	/* By sending worker: packets of its hop ring that have been finished, up to being in a ring
	 * to an owner; frames of its send ring that have been sent. Counted after that (release).
	 */
	alignas(CACHE_LINE) _Atomic uint64_t hop_done[PLANE_WORKERS];
	_Atomic uint64_t send_done[PLANE_WORKERS];
};

/* Says how much of what other workers handed over is finished; nothing is while frames are held. */
void worker_finished(struct worker *w);

/* One poll of everything this worker owns. True where there was work. */
bool worker_turn(struct worker *w);

/* The thread's function; argument is the worker. */
void *worker_main(void *argument);

#endif
