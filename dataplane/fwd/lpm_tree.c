/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/fwd/lpm_edit.h"

#include <errno.h>

#define MERGE_MAX 5 /* a region of so few prefixes becomes one bucket again */
#define MERGE_TRY 3 /* and is looked at only where a bucket has become as small as this */

enum outcome { AGAIN = 1 };

static void descend(struct lpm_edit *e, struct lpm_head *head)
{
	e->path[0] = (struct lpm_level){&head->root, 0, 0};
	e->depth = 1;
	for (;;) {
		const struct lpm_level *level = lpm_edit_last(e);
		uint32_t ref = lpm_slot_get(lpm_level_slot(level, e->key));
		unsigned end = lpm_level_end(level);
		struct lpm_skip *skip;

		if (e->length <= end)
			return;
		if (lpm_ref_is_dir(ref)) {
			e->path[e->depth++] = (struct lpm_level){
				lpm_ref_block(e->node, ref), end, lpm_ref_dir_bits(ref)};
			continue;
		}
		if (!lpm_ref_is_skip(ref))
			return;
		skip = lpm_ref_block(e->node, ref);
		if (e->length <= skip->length ||
			!lpm_match(e->key, lpm_join(skip->high, skip->low), skip->length))
			return;
		e->path[e->depth++] = (struct lpm_level){&skip->child, skip->length, 0};
	}
}

/* Links ref in the slots of the region of start bits around the key; retires what was there. */
static void replace(struct lpm_edit *e, const struct lpm_level *level, unsigned start, uint32_t ref)
{
	uint32_t slots = 1u << (lpm_level_end(level) - start), before = 0;
	_Atomic uint32_t *slot = lpm_level_slot(level, e->key & lpm_mask(start));

	for (uint32_t i = 0; i < slots; i++) {
		uint32_t old = lpm_slot_get(&slot[i]);

		lpm_slot_set(&slot[i], ref);
		if (old != before)
			lpm_build_drop(e, old, true);
		before = old;
	}
}

static struct lpm_entry cover_of(const struct lpm_edit *e, unsigned start)
{
	return lpm_rib_cover(&e->lpm->rib, e->rib, e->key & lpm_mask(start), start);
}

static unsigned gather(
	const struct lpm_edit *e, unsigned start, struct lpm_entry *entry, unsigned limit)
{
	return lpm_rib_gather(&e->lpm->rib, e->rib, e->key & lpm_mask(start), start, entry, limit);
}

/* The prefixes in the bucket around the key that have not been deleted, and what covers them: where
 * they stand together the trie need not be asked. */
static unsigned contents(
	const struct lpm_edit *e, uint32_t ref, struct lpm_entry *entry, struct lpm_entry *cover)
{
	const struct lpm_bucket *b = lpm_ref_block(e->node, ref);
	const struct lpm_rib *rib = &e->lpm->rib;
	unsigned n = 0;

	*cover = (struct lpm_entry){0, lpm_slot_get(&b->fall), b->fall_length};
	for (unsigned i = 0; i < b->count; i++) {
		entry[n] = lpm_bucket_entry(b, lpm_ref_kind(ref), e->key, i);
		if (!b->stale || lpm_rib_get(rib, e->rib, entry[n].key, entry[n].length) != 0)
			n++;
	}
	return n;
}

/* The prefix is new inside a region of start bits that was a bucket or a bare value. */
static int put_inside(struct lpm_edit *e, unsigned start)
{
	struct lpm_level *level = lpm_edit_last(e);
	unsigned end = lpm_level_end(level), count = 0;
	struct lpm_entry entry[LPM_GATHER_MAX], cover;
	uint32_t first = lpm_level_index(level, e->key & lpm_mask(start));
	uint32_t old = lpm_slot_get(&level->slot[first]);
	struct lpm_plan plan = {0};
	int rc;

	if (lpm_ref_is_bucket(old))
		count = contents(e, old, entry, &cover);
	else
		cover = cover_of(e, start); /* a value does not say which prefix it is from */
	entry[count++] = e->cover;
	if (!lpm_bucket_fits(entry, count, start) && start == end && lpm_grow(e))
		return AGAIN;
	rc = lpm_build_region(e, &plan, entry, count, start, end, first, &cover, false);
	if (rc < 0) {
		lpm_build_plan_drop(e, &plan);
		return rc;
	}
	lpm_build_plan_link(&plan, level->slot);
	lpm_build_drop(e, old, true);
	return 0;
}

/* Brings every value of a bucket that holds deleted prefixes in line with the trie. */
static void refresh(struct lpm_edit *e, struct lpm_bucket *b, enum lpm_kind kind)
{
	for (unsigned i = 0; i < b->count; i++) {
		struct lpm_entry at = lpm_bucket_entry(b, kind, e->key, i);

		at = lpm_rib_cover(&e->lpm->rib, e->rib, at.key, at.length);
		lpm_bucket_set(b, kind, i, at.value);
	}
}

/* The prefix is in the bucket and has another value now. */
static void change_inside(struct lpm_edit *e, uint32_t ref)
{
	struct lpm_bucket *b = lpm_ref_block(e->node, ref);
	enum lpm_kind kind = lpm_ref_kind(ref);

	if (b->stale) {
		refresh(e, b, kind);
		return;
	}
	for (unsigned i = 0; i < b->count; i++) {
		struct lpm_entry at = lpm_bucket_entry(b, kind, e->key, i);

		if (at.length == e->length && at.key == e->key)
			lpm_bucket_set(b, kind, i, e->cover.value);
	}
}

/* The prefix lies above a skip's common prefix: a skip of its own before it. */
static int put_above_skip(struct lpm_edit *e, _Atomic uint32_t *slot)
{
	uint32_t old = lpm_slot_get(slot), below, above;
	struct lpm_skip *skip = lpm_ref_block(e->node, old);
	struct lpm_entry fall = {0, lpm_slot_get(&skip->fall), skip->fall_length};
	lpm_bits key = lpm_join(skip->high, skip->low);
	int rc;

	rc = lpm_build_skip(e, key, skip->length, lpm_slot_get(&skip->child), &e->cover, &below);
	if (rc < 0)
		return rc;
	rc = lpm_build_skip(e, e->key, e->length, below, &fall, &above);
	if (rc < 0) {
		lpm_node_free(e->node, e->side, below);
		return rc;
	}
	lpm_slot_set(slot, above);
	skip = lpm_ref_block(e->node, below);
	lpm_cover_slot(e, &skip->child, key, skip->length);
	lpm_node_retire(e->node, e->side, old);
	return 0;
}

/* The two sides of the bit where the prefix leaves the skip's common prefix. */
static int fork_sides(struct lpm_edit *e, const struct lpm_skip *skip, unsigned at, uint32_t *ours,
	uint32_t *theirs)
{
	struct lpm_entry fall = {0, lpm_slot_get(&skip->fall), skip->fall_length};
	struct lpm_entry self = e->cover;
	int rc = 0;

	*theirs = lpm_slot_get(&skip->child);
	if (skip->length > at + 1)
		rc = lpm_build_skip(
			e, lpm_join(skip->high, skip->low), skip->length, *theirs, &fall, theirs);
	if (rc < 0)
		return rc;
	*ours = self.value;
	if (e->length > at + 1)
		*ours = lpm_bucket_make(e->node, e->side, &self, 1, at + 1, &fall);
	if (*ours != LPM_REF)
		return 0;
	if (skip->length > at + 1)
		lpm_node_free(e->node, e->side, *theirs);
	return -ENOMEM;
}

/* The prefix and the skip's common prefix part at a bit: a directory of that bit, behind a skip of
 * what they share. */
static int put_beside_skip(struct lpm_edit *e, _Atomic uint32_t *slot, unsigned start, unsigned at)
{
	uint32_t old = lpm_slot_get(slot), ours, theirs, fork, top;
	struct lpm_skip *skip = lpm_ref_block(e->node, old);
	struct lpm_entry fall = {0, lpm_slot_get(&skip->fall), skip->fall_length};
	unsigned bit = lpm_bit(e->key, at);
	_Atomic uint32_t *side;
	int rc;

	rc = fork_sides(e, skip, at, &ours, &theirs);
	if (rc < 0)
		return rc;
	fork = lpm_node_alloc(e->node, e->side, (enum lpm_kind)(LPM_DIR + 1), 8);
	if (fork == 0)
		goto no_fork;
	side = lpm_ref_block(e->node, fork);
	lpm_slot_set(&side[bit], ours);
	lpm_slot_set(&side[!bit], theirs);
	top = fork;
	if (at > start && lpm_build_skip(e, e->key, at, fork, &fall, &top) < 0)
		goto no_top;
	lpm_slot_set(slot, top);
	lpm_node_retire(e->node, e->side, old);
	return 0;

no_top:
	lpm_node_free(e->node, e->side, fork);
no_fork:
	if ((ours & LPM_REF) != 0)
		lpm_node_free(e->node, e->side, ours);
	if (skip->length > at + 1)
		lpm_node_free(e->node, e->side, theirs);
	return -ENOMEM;
}

static int put_at_skip(struct lpm_edit *e, _Atomic uint32_t *slot, unsigned start)
{
	struct lpm_skip *skip = lpm_ref_block(e->node, lpm_slot_get(slot));
	lpm_bits key = lpm_join(skip->high, skip->low);
	unsigned limit = e->length < skip->length ? e->length : skip->length;
	unsigned at = lpm_common(e->key, key, limit);

	if (at < limit)
		return put_beside_skip(e, slot, start, at);
	if (e->length < skip->length)
		return put_above_skip(e, slot);
	lpm_cover_slot(e, &skip->child, key, skip->length);
	return 0;
}

static void cover_slots(struct lpm_edit *e, const struct lpm_level *level)
{
	lpm_cover_slots(e, level, e->key, lpm_level_index(level, e->key),
		1u << (lpm_level_end(level) - e->length));
}

/* First bit of the bucket that ref names if the prefix lies inside it, else -1. */
static int bucket_around(const struct lpm_edit *e, uint32_t ref)
{
	const struct lpm_bucket *b = lpm_ref_block(e->node, ref);

	return lpm_ref_is_bucket(ref) && b->start < e->length ? b->start : -1;
}

static int put_once(struct lpm_edit *e, struct lpm_head *head, bool fresh)
{
	const struct lpm_level *level;
	_Atomic uint32_t *slot;
	uint32_t ref;
	int start;

	descend(e, head);
	level = lpm_edit_last(e);
	slot = lpm_level_slot(level, e->key);
	ref = lpm_slot_get(slot);
	start = bucket_around(e, ref);
	if (start >= 0 && fresh)
		return put_inside(e, (unsigned)start);
	if (start >= 0)
		change_inside(e, ref);
	else if (e->length <= lpm_level_end(level))
		cover_slots(e, level);
	else if (lpm_ref_is_skip(ref))
		return put_at_skip(e, slot, lpm_level_end(level));
	else
		return put_inside(e, lpm_level_end(level));
	return 0;
}

int lpm_tree_put(struct lpm *lpm, uint32_t table, enum lpm_side side, const struct lpm_entry *entry,
	bool fresh)
{
	struct lpm_edit e;
	struct lpm_head *head = &lpm->head[side][table];
	int rc;

	if (entry->length == 0) {
		lpm_slot_set(&head->fall, entry->value);
		return 0;
	}
	e.lpm = lpm;
	e.node = &lpm->node;
	e.side = side;
	e.rib = lpm->table[table].rib[side];
	e.routes = lpm->table[table].routes[side];
	e.key = entry->key;
	e.length = entry->length;
	e.cover = *entry;
	e.put = true;
	do
		rc = put_once(&e, head, fresh);
	while (rc == AGAIN);
	return rc;
}

/* The widest region around the key, from the last level up, that few enough prefixes are in. */
static struct lpm_level *mergeable(struct lpm_edit *e, unsigned below, unsigned *start)
{
	struct lpm_entry entry[LPM_GATHER_MAX];
	struct lpm_level *best = NULL;
	unsigned count;

	for (unsigned j = e->depth; j-- > 0;) {
		struct lpm_level *level = &e->path[j];
		unsigned low = level->start + (level->bits != 0), top = lpm_level_end(level) + 1;

		/* Counts down from the level's end, but not from beyond where the change was. */
		if (j == e->depth - 1 && below < top)
			top = below;
		while (top-- > low) {
			count = gather(e, top, entry, MERGE_MAX + 1);
			if (count > MERGE_MAX || !lpm_bucket_fits(entry, count, top))
				return best;
			best = level;
			*start = top;
		}
	}
	return best;
}

static void merge(struct lpm_edit *e, unsigned below)
{
	struct lpm_entry entry[LPM_GATHER_MAX], cover;
	unsigned start = 0, count;
	struct lpm_level *level = mergeable(e, below, &start);
	uint32_t ref;

	if (level == NULL)
		return;
	cover = cover_of(e, start);
	count = gather(e, start, entry, LPM_GATHER_MAX);
	ref = lpm_bucket_make(e->node, e->side, entry, count, start, &cover);
	if (ref != LPM_REF)
		replace(e, level, start, ref);
}

static void delete_inside(struct lpm_edit *e, uint32_t old)
{
	struct lpm_bucket *b = lpm_ref_block(e->node, old);
	struct lpm_entry entry[LPM_GATHER_MAX], cover;
	unsigned start = b->start, count = contents(e, old, entry, &cover), left = 0;
	uint32_t ref;

	for (unsigned i = 0; i < count; i++)
		if (entry[i].length != e->length || entry[i].key != e->key)
			entry[left++] = entry[i];
	ref = lpm_bucket_make(e->node, e->side, entry, left, start, &cover);
	if (ref == LPM_REF) {
		/* No memory: the prefix stays but answers as its cover does. */
		b->stale = 1;
		refresh(e, b, lpm_ref_kind(old));
		return;
	}
	replace(e, lpm_edit_last(e), start, ref);
	if (left <= MERGE_TRY)
		merge(e, start);
}

static void delete_covering(struct lpm_edit *e, _Atomic uint32_t *slot)
{
	const struct lpm_level *level = lpm_edit_last(e);
	uint32_t ref = lpm_slot_get(slot);
	struct lpm_skip *skip = lpm_ref_block(e->node, ref);

	e->cover = cover_of(e, e->length);
	if (e->length <= lpm_level_end(level))
		cover_slots(e, level);
	else if (lpm_ref_is_skip(ref))
		lpm_cover_slot(e, &skip->child, lpm_join(skip->high, skip->low), skip->length);
	merge(e, e->length);
}

static void delete_all(struct lpm_edit *e, struct lpm_head *head)
{
	uint32_t old = lpm_slot_get(&head->root);

	lpm_slot_set(&head->fall, 0);
	lpm_slot_set(&head->root, 0);
	lpm_build_drop(e, old, true);
}

void lpm_tree_delete(
	struct lpm *lpm, uint32_t table, enum lpm_side side, lpm_bits key, unsigned length)
{
	struct lpm_head *head = &lpm->head[side][table];
	_Atomic uint32_t *slot;
	struct lpm_edit e;

	e.lpm = lpm;
	e.node = &lpm->node;
	e.side = side;
	e.rib = lpm->table[table].rib[side];
	e.routes = lpm->table[table].routes[side];
	e.key = key;
	e.length = length;
	e.put = false;
	if (e.rib == 0) {
		delete_all(&e, head);
		return;
	}
	if (length == 0) {
		lpm_slot_set(&head->fall, 0);
		return;
	}
	descend(&e, head);
	slot = lpm_level_slot(lpm_edit_last(&e), key);
	if (bucket_around(&e, lpm_slot_get(slot)) >= 0)
		delete_inside(&e, lpm_slot_get(slot));
	else
		delete_covering(&e, slot);
}
