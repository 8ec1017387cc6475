/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/fwd/lpm_private.h"

#include <string.h>

/* Chosen so that a full bucket just fills its block: 64, 64, 128 and 128 bytes. find16 and find32
 * count on theirs. */
static const uint8_t capacity[] = {
	[LPM_BUCKET16] = 8, [LPM_BUCKET32] = 7, [LPM_BUCKET64] = 9, [LPM_BUCKET128] = 6};

static enum lpm_kind width_for(const struct lpm_entry *entry, unsigned count, unsigned start)
{
	unsigned longest = 0;

	for (unsigned i = 0; i < count; i++)
		if (entry[i].length > longest)
			longest = entry[i].length;
	if (longest < start + 16)
		return LPM_BUCKET16;
	if (longest < start + 32)
		return LPM_BUCKET32;
	return longest < start + 64 ? LPM_BUCKET64 : LPM_BUCKET128;
}

bool lpm_bucket_fits(const struct lpm_entry *entry, unsigned count, unsigned start)
{
	for (unsigned i = 0; i < count; i++)
		if (entry[i].length - start >= 128)
			return false; /* no room for the one */
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

/* The first bits of number as element i. */
static void store(struct lpm_bucket *b, enum lpm_kind kind, unsigned i, lpm_bits number)
{
	size_t width = lpm_bucket_width(kind);
	uint64_t high = (uint64_t)(number >> 64), both[2] = {high, (uint64_t)number};
	uint16_t h16 = (uint16_t)(high >> 48);
	uint32_t h32 = (uint32_t)(high >> 32);
	const void *from = kind == LPM_BUCKET16	  ? (const void *)&h16
			   : kind == LPM_BUCKET32 ? (const void *)&h32
						  : (const void *)both;

	memcpy((uint8_t *)(b + 1) + i * width, from, width);
}

static lpm_bits load(const struct lpm_bucket *b, enum lpm_kind kind, unsigned i)
{
	size_t width = lpm_bucket_width(kind);
	const uint8_t *at = (const uint8_t *)(b + 1) + i * width;
	uint64_t both[2] = {0, 0};
	uint16_t h16;
	uint32_t h32;

	if (kind == LPM_BUCKET16) {
		memcpy(&h16, at, width);
		return (lpm_bits)h16 << 112;
	}
	if (kind == LPM_BUCKET32) {
		memcpy(&h32, at, width);
		return (lpm_bits)h32 << 96;
	}
	memcpy(both, at, width);
	return lpm_join(both[0], both[1]);
}

/* The bits of a prefix after those of its region, and the one that ends them. */
static lpm_bits marked(const struct lpm_entry *e, unsigned start)
{
	return e->key << start | (lpm_bits)1 << (127 - (e->length - start));
}

static unsigned trailing_zeroes(lpm_bits number)
{
	uint64_t low = (uint64_t)number;

	return low != 0 ? (unsigned)__builtin_ctzll(low)
			: 64 + (unsigned)__builtin_ctzll((uint64_t)(number >> 64));
}

uint32_t lpm_bucket_make(struct lpm_node *node, enum lpm_side side, struct lpm_entry *entry,
	unsigned count, unsigned start, const struct lpm_entry *cover)
{
	enum lpm_kind kind = width_for(entry, count, start);
	struct lpm_bucket *b;
	uint32_t ref;

	if (count == 0)
		return cover->value;
	/* What is left of a bucket of long keys may be too many for one of the right width. */
	while (count > capacity[kind])
		kind++;
	ref = lpm_node_alloc(node, side, kind, lpm_bucket_bytes(kind, count));
	if (ref == 0)
		return LPM_REF;
	sort(entry, count);
	b = lpm_ref_block(node, ref);
	atomic_store_explicit(&b->fall, cover->value, memory_order_relaxed);
	b->count = (uint8_t)count;
	b->start = (uint8_t)start;
	b->fall_length = cover->length;
	b->stale = 0;
	for (unsigned i = 0; i < count; i++) {
		store(b, kind, i, marked(&entry[i], start));
		lpm_bucket_set(b, kind, i, entry[i].value);
	}
	return ref;
}

static _Atomic uint32_t *value_at(const struct lpm_bucket *b, enum lpm_kind kind, unsigned i)
{
	uintptr_t values = (uintptr_t)b + lpm_bucket_values(kind, b->count);

	return (_Atomic uint32_t *)values + i;
}

struct lpm_entry lpm_bucket_entry(
	const struct lpm_bucket *b, enum lpm_kind kind, lpm_bits key, unsigned i)
{
	struct lpm_entry e = {0};
	lpm_bits stored = load(b, kind, i);

	e.length = (uint8_t)(b->start + 127 - trailing_zeroes(stored));
	e.key = (key & lpm_mask(b->start)) | (stored & (stored - 1)) >> b->start;
	e.value = atomic_load_explicit(value_at(b, kind, i), memory_order_relaxed);
	return e;
}

void lpm_bucket_set(struct lpm_bucket *b, enum lpm_kind kind, unsigned i, uint32_t value)
{
	/* Release: what the value's id names was written before. */
	atomic_store_explicit(value_at(b, kind, i), value, memory_order_release);
}
