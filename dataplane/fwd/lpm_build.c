/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/fwd/lpm_edit.h"

#include <errno.h>

static int build(struct lpm_edit *e, struct lpm_entry *entry, unsigned count, unsigned start,
	const struct lpm_entry *cover, uint32_t *ref);

/* Freeing. `free` is for blocks never linked, `retire` for those that readers may hold. */

static void drop_slots(
	struct lpm_edit *e, const _Atomic uint32_t *slot, uint32_t count, bool linked)
{
	uint32_t before = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t ref = lpm_slot_get(&slot[i]);

		if (ref != before)
			lpm_build_drop(e, ref, linked);
		before = ref;
	}
}

void lpm_build_drop(struct lpm_edit *e, uint32_t ref, bool linked)
{
	if ((ref & LPM_REF) == 0)
		return;
	if (lpm_ref_is_dir(ref))
		drop_slots(e, lpm_ref_block(e->node, ref), 1u << lpm_ref_dir_bits(ref), linked);
	else if (lpm_ref_is_skip(ref))
		drop_slots(e, &((struct lpm_skip *)lpm_ref_block(e->node, ref))->child, 1, linked);
	if (linked)
		lpm_node_retire(e->node, e->side, ref);
	else
		lpm_node_free(e->node, e->side, ref);
}

/* Building aside. */

void lpm_build_plan_drop(struct lpm_edit *e, struct lpm_plan *plan)
{
	for (unsigned i = 0; i < plan->count; i++)
		lpm_build_drop(e, plan->item[i].ref, false);
	plan->count = 0;
}

static int plan_add(struct lpm_plan *plan, uint32_t first, uint32_t slots, uint32_t ref)
{
	if (ref == LPM_REF || plan->count == LPM_PLAN_MAX)
		return -ENOMEM;
	plan->item[plan->count].first = first;
	plan->item[plan->count].slots = slots;
	plan->item[plan->count++].ref = ref;
	return 0;
}

void lpm_build_plan_link(const struct lpm_plan *plan, _Atomic uint32_t *slot)
{
	for (unsigned i = 0; i < plan->count; i++)
		for (uint32_t j = 0; j < plan->item[i].slots; j++)
			lpm_slot_set(&slot[plan->item[i].first + j], plan->item[i].ref);
}

/* What of a region's prefixes lies in one half of it: those inside go to half, the prefix that is
 * the half itself becomes its cover. */
static unsigned take_half(const struct lpm_entry *entry, unsigned count, unsigned start,
	unsigned side, struct lpm_entry *half, struct lpm_entry *cover)
{
	unsigned n = 0;

	for (unsigned i = 0; i < count; i++) {
		if (lpm_bit(entry[i].key, start) != side)
			continue;
		if (entry[i].length == start + 1)
			*cover = entry[i];
		else
			half[n++] = entry[i];
	}
	return n;
}

/* Plans the slots of one region of a directory that ends at bit end. dense: every prefix gets slots
 * of its own. */
int lpm_build_region(struct lpm_edit *e, struct lpm_plan *plan, struct lpm_entry *entry,
	unsigned count, unsigned start, unsigned end, uint32_t first, const struct lpm_entry *cover,
	bool dense)
{
	struct lpm_entry half[LPM_GATHER_MAX], half_cover;
	uint32_t slots = 1u << (end - start), ref;
	unsigned n;
	int rc = 0;

	if (count == 0 || (!dense && lpm_bucket_fits(entry, count, start))) {
		ref = lpm_bucket_make(e->node, e->side, entry, count, start, cover);
		return plan_add(plan, first, slots, ref);
	}
	if (start == end) {
		rc = build(e, entry, count, start, cover, &ref);
		return rc < 0 ? rc : plan_add(plan, first, 1, ref);
	}
	for (unsigned side = 0; side < 2 && rc == 0; side++) {
		half_cover = *cover;
		n = take_half(entry, count, start, side, half, &half_cover);
		rc = lpm_build_region(e, plan, half, n, start + 1, end, first + side * slots / 2,
			&half_cover, dense);
	}
	return rc;
}

static unsigned longest(const struct lpm_entry *entry, unsigned count)
{
	unsigned n = 0;

	for (unsigned i = 0; i < count; i++)
		if (entry[i].length > n)
			n = entry[i].length;
	return n;
}

static unsigned common(const struct lpm_entry *entry, unsigned count)
{
	unsigned n = entry[0].length;

	for (unsigned i = 1; i < count; i++) {
		if (entry[i].length < n)
			n = entry[i].length;
		n = lpm_common(entry[0].key, entry[i].key, n);
	}
	return n;
}

int lpm_build_skip(struct lpm_edit *e, lpm_bits key, unsigned length, uint32_t child,
	const struct lpm_entry *cover, uint32_t *ref)
{
	struct lpm_skip *skip;

	*ref = lpm_node_alloc(e->node, e->side, LPM_SKIP, sizeof(*skip));
	if (*ref == 0)
		return -ENOMEM;
	key &= lpm_mask(length);
	skip = lpm_ref_block(e->node, *ref);
	atomic_store_explicit(&skip->fall, cover->value, memory_order_relaxed);
	atomic_store_explicit(&skip->child, child, memory_order_relaxed);
	skip->fall_length = cover->length;
	skip->length = (uint8_t)length;
	skip->high = (uint64_t)(key >> 64);
	skip->low = (uint64_t)key;
	return 0;
}

static int build_dir(struct lpm_edit *e, struct lpm_entry *entry, unsigned count, unsigned start,
	const struct lpm_entry *cover, uint32_t *ref)
{
	unsigned span = longest(entry, count) - start;
	bool dense = span <= LPM_DENSE_BITS;
	unsigned bits = dense ? span : 2;
	struct lpm_plan plan = {0};
	int rc;

	*ref = lpm_node_alloc(e->node, e->side, (enum lpm_kind)(LPM_DIR + bits), (size_t)4 << bits);
	if (*ref == 0)
		return -ENOMEM;
	rc = lpm_build_region(e, &plan, entry, count, start, start + bits, 0, cover, dense);
	if (rc < 0) {
		lpm_build_plan_drop(e, &plan);
		lpm_node_free(e->node, e->side, *ref);
		return rc;
	}
	lpm_build_plan_link(&plan, lpm_ref_block(e->node, *ref));
	return 0;
}

/* A tree for more prefixes than a bucket holds. */
static int build(struct lpm_edit *e, struct lpm_entry *entry, unsigned count, unsigned start,
	const struct lpm_entry *cover, uint32_t *ref)
{
	unsigned length = common(entry, count), n = 0;
	struct lpm_entry inner = *cover, whole = *cover;
	lpm_bits key = entry[0].key;
	uint32_t child;
	int rc;

	for (unsigned i = 0; i < count; i++) {
		if (entry[i].length == length)
			inner = entry[i];
		else
			entry[n++] = entry[i];
	}
	if (lpm_bucket_fits(entry, n, length)) {
		child = lpm_bucket_make(e->node, e->side, entry, n, length, &inner);
		rc = child == LPM_REF ? -ENOMEM : 0;
	} else {
		rc = build_dir(e, entry, n, length, &inner, &child);
	}
	if (rc < 0 || length == start) {
		*ref = child;
		return rc;
	}
	rc = lpm_build_skip(e, key, length, child, &whole, ref);
	if (rc < 0)
		lpm_build_drop(e, child, false);
	return rc;
}
