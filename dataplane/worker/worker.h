/* SPDX-License-Identifier: BSD-3-Clause */
/* One worker: its queues, its rings, and the turn of its poll loop. Internal to dataplane/worker.
 */
#ifndef DATAPLANE_WORKER_WORKER_H
#define DATAPLANE_WORKER_WORKER_H

#include <pthread.h>

#include "dataplane/path/path.h"
#include "dataplane/worker/plane.h"

struct worker_queue {
	uint8_t port;
	uint16_t queue;
};

struct worker {
	/* Touched by the worker only, once it runs. */
	struct forwarder forwarder;
	unsigned queues;
	struct worker_queue queue[FWD_PORTS * PLANE_PORT_QUEUES];
	struct rte_ring *hop_in[PLANE_WORKERS];	 /* by sending worker; NULL at its own index */
	struct rte_ring *send_in[PLANE_WORKERS]; /* the same */
	struct rte_ring *inject;		 /* from control */
	uint64_t last_turn;			 /* TSC */
	bool last_busy;
	unsigned empty_turns;
	enum plane_idle idle;
	uint32_t idle_sleep_us;
	int cpu;
	pthread_t thread;

	/* Writer: the worker (release, after it loaded that snapshot); reader: control. */
	alignas(CACHE_LINE) _Atomic uint64_t generation;
	/* Writer: control; reader: the worker. Relaxed: it orders nothing. */
	atomic_bool stop;
};

/* One poll of everything this worker owns. True where there was work. */
bool worker_turn(struct worker *w);

/* The thread's function; argument is the worker. */
void *worker_main(void *argument);

#endif
