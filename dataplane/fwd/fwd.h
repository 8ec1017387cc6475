/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All that workers read, in one place. Created by control before the workers start; workers hold it
 * const. What changes in it changes through its own rules: the snapshot is swapped, routes and maps
 * are edited in place under RCU, neighbours and liveness are single atomic words.
 */
#ifndef DATAPLANE_FWD_FWD_H
#define DATAPLANE_FWD_FWD_H

#include <rte_rcu_qsbr.h>

#include "dataplane/fwd/idmap.h"
#include "dataplane/fwd/liveness.h"
#include "dataplane/fwd/lpm.h"
#include "dataplane/fwd/neighbour.h"
#include "dataplane/fwd/policer.h"
#include "dataplane/fwd/snapshot.h"
#include "dataplane/fwd/value.h"

struct fwd_limits {
	struct snapshot_limits snapshot;
	uint32_t routes;
	uint32_t neighbours;
	uint32_t workers; /* RCU readers: ids 0 .. workers - 1 */
};

struct fwd {
	_Atomic(const struct snapshot *) snapshot; /* writer: control (release); workers acquire */
	struct rte_rcu_qsbr *qsbr;		   /* each worker reports for itself */
	struct lpm *lpm;			   /* table number: connection id */
	struct idmap *attachments;		   /* idmap_tags_key → attachment id */
	struct idmap *endpoints;		   /* idmap_vni_key → endpoint id */
	struct neighbour_table neighbours;
	struct liveness *liveness; /* by site id */
	struct policer *policer;   /* by connection id; the one thing here that workers write */
	uint64_t hash_seed;	   /* of this gateway; constant after create */
	_Atomic uint32_t epoch;	   /* writer: control (relaxed); a worker takes it on once a turn */
	struct fwd_limits limits;
};

/* NULL on lack of memory. seed: any number, different per gateway. */
struct fwd *fwd_create(const struct fwd_limits *limits, uint64_t seed);
/* No worker may run any more. */
void fwd_destroy(struct fwd *fwd);

static inline const struct snapshot *fwd_snapshot(const struct fwd *fwd)
{
	/* Acquire: the blocks were written before the root was published. */
	return atomic_load_explicit(&fwd->snapshot, memory_order_acquire);
}

/* Control thread: makes the next generation visible. */
static inline void fwd_publish(struct fwd *fwd, const struct snapshot *next)
{
	atomic_store_explicit(&fwd->snapshot, next, memory_order_release);
}

#endif
