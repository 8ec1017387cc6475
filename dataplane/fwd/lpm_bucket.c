/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/fwd/lpm_private.h"

#include <string.h>

/* Chosen so that a full bucket just fills its block: 64, 64, 128 and 256 bytes. */
static const uint8_t capacity[] = {
	[LPM_BUCKET16] = 7, [LPM_BUCKET32] = 4, [LPM_BUCKET64] = 6, [LPM_BUCKET128] = 6};

static enum lpm_kind width_for(const struct lpm_entry *entry, unsigned count, unsigned start)
{
	unsigned longest = 0;

	for (unsigned i = 0; i < count; i++)
		if (entry[i].length > longest)
			longest = entry[i].length;
	if (longest <= start + 16)
		return LPM_BUCKET16;
	if (longest <= start + 32)
		return LPM_BUCKET32;
	return longest <= start + 64 ? LPM_BUCKET64 : LPM_BUCKET128;
}

bool lpm_bucket_fits(const struct lpm_entry *entry, unsigned count, unsigned start)
{
	return count <= capacity[width_for(entry, count, start)];
}

/* Longest first: then the first match is the answer. */
static void sort(struct lpm_entry *entry, unsigned count)
{
	for (unsigned i = 1; i < count; i++) {
		struct lpm_entry e = entry[i];
		unsigned j = i;

		for (; j > 0 && entry[j - 1].length < e.length; j--)
			entry[j] = entry[j - 1];
		entry[j] = e;
	}
}

/* The first bits of number as an array element of this kind. */
static void store(uint8_t *array, enum lpm_kind kind, unsigned i, lpm_bits number)
{
	size_t width = lpm_bucket_width(kind);
	uint64_t high = (uint64_t)(number >> 64), both[2] = {high, (uint64_t)number};
	uint16_t h16 = (uint16_t)(high >> 48);
	uint32_t h32 = (uint32_t)(high >> 32);
	const void *from = kind == LPM_BUCKET16	  ? (const void *)&h16
			   : kind == LPM_BUCKET32 ? (const void *)&h32
						  : (const void *)both;

	memcpy(array + i * width, from, width);
}

static lpm_bits load(const uint8_t *array, enum lpm_kind kind, unsigned i)
{
	size_t width = lpm_bucket_width(kind);
	uint64_t both[2] = {0, 0};
	uint16_t h16;
	uint32_t h32;

	if (kind == LPM_BUCKET16) {
		memcpy(&h16, array + i * width, width);
		return (lpm_bits)h16 << 112;
	}
	if (kind == LPM_BUCKET32) {
		memcpy(&h32, array + i * width, width);
		return (lpm_bits)h32 << 96;
	}
	memcpy(both, array + i * width, width);
	return lpm_join(both[0], both[1]);
}

uint32_t lpm_bucket_make(struct lpm_node *node, enum lpm_side side, struct lpm_entry *entry,
	unsigned count, unsigned start, const struct lpm_entry *cover)
{
	enum lpm_kind kind = width_for(entry, count, start);
	struct lpm_bucket *b;
	uint8_t *array;
	size_t width;
	uint32_t ref;

	if (count == 0)
		return cover->value;
	/* What is left of a bucket of long keys may be too many for one of the right width. */
	while (count > capacity[kind])
		kind++;
	width = lpm_bucket_width(kind);
	ref = lpm_node_alloc(node, side, kind, sizeof(*b) + (2 * width + 4) * count);
	if (ref == 0)
		return LPM_REF;
	sort(entry, count);
	b = lpm_ref_block(node, ref);
	atomic_store_explicit(&b->fall, cover->value, memory_order_relaxed);
	b->count = (uint8_t)count;
	b->start = (uint8_t)start;
	b->fall_length = cover->length;
	b->stale = 0;
	array = (uint8_t *)(b + 1);
	for (unsigned i = 0; i < count; i++) {
		store(array, kind, i, entry[i].key << start);
		store(array + width * count, kind, i, lpm_mask(entry[i].length - start));
		lpm_bucket_set(b, kind, i, entry[i].value);
	}
	return ref;
}

struct lpm_entry lpm_bucket_entry(
	const struct lpm_bucket *b, enum lpm_kind kind, lpm_bits key, unsigned i)
{
	struct lpm_entry e = {0};
	lpm_bits mask = load(lpm_bucket_masks(b, kind), kind, i);

	e.length = (uint8_t)(b->start + lpm_common(mask, ~(lpm_bits)0, 128));
	e.key = (key & lpm_mask(b->start)) | load(lpm_bucket_keys(b), kind, i) >> b->start;
	e.value = atomic_load_explicit(&lpm_bucket_values(b, kind)[i], memory_order_relaxed);
	return e;
}

void lpm_bucket_set(struct lpm_bucket *b, enum lpm_kind kind, unsigned i, uint32_t value)
{
	_Atomic uint32_t *v =
		(void *)((uint8_t *)(b + 1) + 2 * lpm_bucket_width(kind) * b->count + 4 * i);

	/* Release: what the value's id names was written before. */
	atomic_store_explicit(v, value, memory_order_release);
}
