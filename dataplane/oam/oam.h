/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a worker answers and originates in time: failure detection. The worker calls it at four
 * places of its turn: at the start, after each burst that left something aside, at the end, and
 * before a nap.
 *
 * A packet for a session of another worker goes there over a ring of its own kind, one per pair,
 * which is polled before everything else.
 *
 * Expiry is judged by what has been seen, not by the clock alone: each worker says until when it
 * has seen all that came in (drained), and a session expires once that holds, for every worker, of
 * the end of its detection time.
 */
#ifndef DATAPLANE_OAM_OAM_H
#define DATAPLANE_OAM_OAM_H

#include "dataplane/oam/sessions.h"

struct oam {
	struct sessions sessions;
	struct forwarder *forwarder;
	unsigned workers;
	struct oam *const *all;			 /* by worker */
	struct rte_ring *in[FORWARDER_WORKERS];	 /* by sending worker */
	struct rte_ring *out[FORWARDER_WORKERS]; /* by receiving worker */
	uint64_t others; /* all other workers have seen what came in until then, and it is here */
	uint64_t coming; /* the same, once the rings have been emptied; 0: not asked */
	/* Writer: the worker (release, after what it found is in rings); readers: workers
	 * (acquire). TSC until which all that came in by its queues has been seen. */
	alignas(CACHE_LINE) _Atomic uint64_t drained;
};

/* 0 or -ENOMEM. all: every worker's, complete before any runs; the rings are the caller's. */
int oam_create(struct oam *oam, struct forwarder *forwarder, struct oam *const *all,
	struct rte_mempool *pool);
void oam_destroy(struct oam *oam);

/* Takes what other workers found. Answers how many packets. */
unsigned oam_begin(struct oam *oam);

/* Takes what the burst in hand left aside; within the burst's view of the meter. */
void oam_take(struct oam *oam);

/* Timers and configuration. drained: TSC until which the worker itself has seen all. True while
 * there is configuration left to follow. */
bool oam_end(struct oam *oam, uint64_t drained);

/* TSC at which there is work without any packet coming in; UINT64_MAX: never. Asked between turns,
 * when oam_end() left nothing behind: the last turn's snapshot may be gone, and is not looked at.
 */
uint64_t oam_deadline(const struct oam *oam);

#endif
