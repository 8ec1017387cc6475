/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/fwd/lpm_edit.h"

/* Growing: a directory of one more bit takes the place of the last one on the path. */

/* A bucket must not stand in two directories: one that fills a half takes the half's place. */
static bool uniform(const _Atomic uint32_t *slot, uint32_t count)
{
	for (uint32_t i = 1; i < count; i++)
		if (lpm_slot_get(&slot[i]) != lpm_slot_get(&slot[0]))
			return false;
	return true;
}

/* The part of a full-depth slot that lies on one side of the next bit. Never fails: the caller has
 * made sure of the memory. */
static uint32_t narrow(struct lpm_edit *e, uint32_t ref, unsigned end, unsigned side)
{
	const _Atomic uint32_t *from;
	_Atomic uint32_t *to;
	struct lpm_skip *skip;
	unsigned bits;
	uint32_t half;

	if (lpm_ref_is_skip(ref)) {
		skip = lpm_ref_block(e->node, ref);
		if (lpm_bit(lpm_join(skip->high, skip->low), end) != side)
			return lpm_slot_get(&skip->fall);
		if (skip->length == end + 1)
			return lpm_slot_get(&skip->child);
		return ref;
	}
	if (!lpm_ref_is_dir(ref))
		return ref;
	from = lpm_ref_block(e->node, ref);
	bits = lpm_ref_dir_bits(ref) - 1;
	from += side << bits;
	if (uniform(from, 1u << bits))
		return lpm_slot_get(&from[0]);
	half = lpm_node_alloc(e->node, e->side, (enum lpm_kind)(LPM_DIR + bits), (size_t)4 << bits);
	to = lpm_ref_block(e->node, half);
	for (uint32_t i = 0; i < 1u << bits; i++)
		atomic_store_explicit(&to[i], lpm_slot_get(&from[i]), memory_order_relaxed);
	return half;
}

/* After narrow() in both halves: does nothing point at ref any more? */
static bool gone(const struct lpm_edit *e, uint32_t ref, unsigned end)
{
	const struct lpm_skip *skip;

	if (lpm_ref_is_dir(ref))
		return true;
	if (!lpm_ref_is_skip(ref))
		return false;
	skip = lpm_ref_block(e->node, ref);
	return skip->length == end + 1;
}

/* A directory pays when a good part of its slots would use the next bit. Looks at 64 of them. */
static bool crowded(const struct lpm_edit *e, const struct lpm_level *level)
{
	uint32_t slots = 1u << level->bits, step = slots > 64 ? slots / 64 : 1;
	unsigned deep = 0, seen = 0;

	for (uint32_t i = 0; i < slots; i += step, seen++) {
		uint32_t ref = lpm_slot_get(&level->slot[i]);
		const struct lpm_bucket *b = lpm_ref_block(e->node, ref);

		if (lpm_ref_is_bucket(ref))
			deep += b->start == lpm_level_end(level);
		else
			deep += (ref & LPM_REF) != 0;
	}
	return deep * 4 >= seen;
}

/* The first directory of the path, in which few look-ups should need a second one. */
static struct lpm_level *top(struct lpm_edit *e)
{
	unsigned i = 0;

	while (i + 1 < e->depth && e->path[i].bits == 0)
		i++;
	return &e->path[i];
}

/* It may have about as many slots as the table has routes. */
static bool affordable(const struct lpm_edit *e, const struct lpm_level *level)
{
	return (8u << level->bits) <= 5 * e->routes;
}

static bool memory_to_grow(struct lpm_edit *e, const struct lpm_level *level)
{
	uint64_t bytes = (uint64_t)8 << level->bits;

	for (uint32_t i = 0; i < 1u << level->bits; i++) {
		uint32_t ref = lpm_slot_get(&level->slot[i]);

		if (lpm_ref_is_dir(ref))
			bytes += 128 + ((uint64_t)4 << lpm_ref_dir_bits(ref));
	}
	return lpm_node_has(e->node, bytes + 4096);
}

static bool grow(struct lpm_edit *e, struct lpm_level *level)
{
	_Atomic uint32_t *owner, *to;
	unsigned end = lpm_level_end(level), bits = level->bits + 1;
	uint32_t old, wide;

	if (!memory_to_grow(e, level))
		return false;
	owner = lpm_level_slot(level - 1, e->key);
	old = lpm_slot_get(owner);
	wide = lpm_node_alloc(e->node, e->side, (enum lpm_kind)(LPM_DIR + bits), (size_t)4 << bits);
	if (wide == 0)
		return false;
	to = lpm_ref_block(e->node, wide);
	for (uint32_t i = 0; i < 2u << level->bits; i++)
		atomic_store_explicit(&to[i],
			narrow(e, lpm_slot_get(&level->slot[i / 2]), end, i & 1),
			memory_order_relaxed);
	lpm_slot_set(owner, wide);
	for (uint32_t i = 0; i < 1u << level->bits; i++)
		if (gone(e, lpm_slot_get(&level->slot[i]), end))
			lpm_node_retire(e->node, e->side, lpm_slot_get(&level->slot[i]));
	lpm_node_retire(e->node, e->side, old);
	return true;
}

static bool pays(const struct lpm_edit *e, const struct lpm_level *level)
{
	return level->bits != 0 && level->bits < LPM_DIR_MAX &&
	       (level->bits < LPM_DENSE_BITS || crowded(e, level));
}

bool lpm_grow(struct lpm_edit *e)
{
	struct lpm_level *first = top(e), *last = lpm_edit_last(e);

	if (first->bits != 0 && first->bits < LPM_DIR_MAX && affordable(e, first) && grow(e, first))
		return true;
	return pays(e, last) && grow(e, last);
}
