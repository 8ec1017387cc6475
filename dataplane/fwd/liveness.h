/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which paths of a site are alive: one 64-bit word per cause, bit = the path's index in the site,
 * set = this cause does not object. Each word has one writer; a reader ANDs them. No failure of a
 * path writes any table: a worker sees the cleared bit at its next burst.
 */
#ifndef DATAPLANE_FWD_LIVENESS_H
#define DATAPLANE_FWD_LIVENESS_H

#include "dataplane/base/macros.h"

enum liveness_cause {
	LIVENESS_PORT,	    /* link of the path's port; writer: control */
	LIVENESS_ADMIN,	    /* administratively up, not drained; writer: control */
	LIVENESS_NEIGHBOUR, /* underlay next hop resolved; writer: control */
	LIVENESS_BFD,	    /* writer: the worker that owns the session */
	LIVENESS_DEGRADED,  /* grey failure; writer: control */
	LIVENESS_CAUSES
};

#define LIVENESS_WORDS 8

/* All ones where nothing objects (also for indices that no path has). Relaxed atomics: a word is
 * data of its own, nothing else is ordered by it. */
struct liveness {
	alignas(CACHE_LINE) _Atomic uint64_t word[LIVENESS_WORDS];
};

static inline uint64_t liveness_mask(const struct liveness *site)
{
	uint64_t mask = UINT64_MAX;

	for (unsigned i = 0; i < LIVENESS_CAUSES; i++)
		mask &= atomic_load_explicit(&site->word[i], memory_order_relaxed);
	return mask;
}

static inline void liveness_set(
	struct liveness *site, enum liveness_cause cause, unsigned path, bool live)
{
	uint64_t word = atomic_load_explicit(&site->word[cause], memory_order_relaxed);
	uint64_t bit = UINT64_C(1) << path;

	atomic_store_explicit(
		&site->word[cause], live ? word | bit : word & ~bit, memory_order_relaxed);
}

#endif
