/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/fwd/lpm_edit.h"

/* A prefix that covers whole blocks: their fall changes, in place. */

void lpm_cover_slots(struct lpm_edit *e, const struct lpm_level *level, lpm_bits key,
	uint32_t first, uint32_t count)
{
	uint32_t before = 0;

	key &= lpm_mask(level->start);
	for (uint32_t i = first; i < first + count; i++) {
		uint32_t ref = lpm_slot_get(&level->slot[i]);
		lpm_bits at =
			level->bits == 0 ? key : key | (lpm_bits)i << (128 - lpm_level_end(level));

		if (!lpm_ref_is_bucket(ref) || ref != before)
			lpm_cover_slot(e, &level->slot[i], at, lpm_level_end(level));
		before = ref;
	}
}

static void cover_fall(const struct lpm_edit *e, _Atomic uint32_t *fall, uint8_t *fall_length)
{
	bool ours = e->put ? *fall_length <= e->length : *fall_length == e->length;

	if (!ours)
		return;
	lpm_slot_set(fall, e->cover.value);
	*fall_length = e->cover.length;
}

static void cover_value(struct lpm_edit *e, _Atomic uint32_t *slot, lpm_bits key, unsigned length)
{
	uint32_t old = lpm_slot_get(slot), value = e->cover.value;

	/* A bare value does not say which prefix it is from. */
	if (old != 0)
		value = lpm_rib_cover(&e->lpm->rib, e->rib, key, length).value;
	if (old != value)
		lpm_slot_set(slot, value);
}

void lpm_cover_slot(struct lpm_edit *e, _Atomic uint32_t *slot, lpm_bits key, unsigned length)
{
	uint32_t ref = lpm_slot_get(slot);
	struct lpm_bucket *b = lpm_ref_block(e->node, ref);
	struct lpm_skip *skip = lpm_ref_block(e->node, ref);
	struct lpm_level level;

	if ((ref & LPM_REF) == 0) {
		cover_value(e, slot, key, length);
	} else if (lpm_ref_is_bucket(ref)) {
		cover_fall(e, &b->fall, &b->fall_length);
	} else if (lpm_ref_is_skip(ref)) {
		cover_fall(e, &skip->fall, &skip->fall_length);
		lpm_cover_slot(e, &skip->child, lpm_join(skip->high, skip->low), skip->length);
	} else {
		level = (struct lpm_level){
			lpm_ref_block(e->node, ref), length, lpm_ref_dir_bits(ref)};
		lpm_cover_slots(e, &level, key, 0, 1u << level.bits);
	}
}
