/* SPDX-License-Identifier: BSD-3-Clause */
/* One change of the tree, shared by the files that make it. The writer's thread only. */
#ifndef DATAPLANE_FWD_LPM_EDIT_H
#define DATAPLANE_FWD_LPM_EDIT_H

#include "dataplane/fwd/lpm_private.h"

#define LPM_GATHER_MAX (LPM_BUCKET_MAX + 2)
#define LPM_PLAN_MAX   48
#define LPM_DENSE_BITS 4   /* 16 slots cost as much as one full bucket */
#define LPM_DEPTH_MAX  264 /* each level takes a bit, and a skip may stand before each */

/* 2^bits slots for the bits from start on. The head and a skip's child are levels of 0 bits. */
struct lpm_level {
	_Atomic uint32_t *slot;
	unsigned start, bits;
};

/* What the change is about and the way down to where it happens. */
struct lpm_edit {
	struct lpm *lpm;
	struct lpm_node *node;
	enum lpm_side side;
	uint32_t rib;	 /* root */
	uint32_t routes; /* of this table and family */
	lpm_bits key;
	unsigned length;
	struct lpm_entry cover; /* what holds the prefix's region now: itself or what is above */
	bool put;
	unsigned depth;
	struct lpm_level path[LPM_DEPTH_MAX];
};

/* References for runs of slots, made aside. */
struct lpm_plan {
	unsigned count;
	struct {
		uint32_t first, slots, ref;
	} item[LPM_PLAN_MAX];
};

static inline uint32_t lpm_slot_get(const _Atomic uint32_t *slot)
{
	return atomic_load_explicit(slot, memory_order_relaxed);
}

/* Release: the block that ref names is complete before a reader can see it. */
static inline void lpm_slot_set(_Atomic uint32_t *slot, uint32_t ref)
{
	atomic_store_explicit(slot, ref, memory_order_release);
}

static inline uint32_t lpm_level_index(const struct lpm_level *level, lpm_bits key)
{
	return level->bits == 0 ? 0 : (uint32_t)((key << level->start) >> (128 - level->bits));
}

static inline _Atomic uint32_t *lpm_level_slot(const struct lpm_level *level, lpm_bits key)
{
	return &level->slot[lpm_level_index(level, key)];
}

static inline unsigned lpm_level_end(const struct lpm_level *level)
{
	return level->start + level->bits;
}

static inline struct lpm_level *lpm_edit_last(struct lpm_edit *e)
{
	return &e->path[e->depth - 1];
}

/* lpm_build.c */

/* Frees a tree: linked if readers may hold it. */
void lpm_build_drop(struct lpm_edit *e, uint32_t ref, bool linked);
/* Plans the slots of one region of a directory that ends at bit end. dense: every prefix gets slots
 * of its own. -ENOMEM: the plan holds what was made so far. */
int lpm_build_region(struct lpm_edit *e, struct lpm_plan *plan, struct lpm_entry *entry,
	unsigned count, unsigned start, unsigned end, uint32_t first, const struct lpm_entry *cover,
	bool dense);
void lpm_build_plan_drop(struct lpm_edit *e, struct lpm_plan *plan);
void lpm_build_plan_link(const struct lpm_plan *plan, _Atomic uint32_t *slot);
/* 0 and the new block in ref, or -ENOMEM. */
int lpm_build_skip(struct lpm_edit *e, lpm_bits key, unsigned length, uint32_t child,
	const struct lpm_entry *cover, uint32_t *ref);

/* lpm_grow.c */

/* Gives the last directory of the path one more bit where that pays; then the path is stale. */
bool lpm_grow(struct lpm_edit *e);

/* lpm_cover.c: the prefix covers whole blocks, whose fall changes in place. */

void lpm_cover_slot(struct lpm_edit *e, _Atomic uint32_t *slot, lpm_bits key, unsigned length);
void lpm_cover_slots(struct lpm_edit *e, const struct lpm_level *level, lpm_bits key,
	uint32_t first, uint32_t count);

#endif
