/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/fwd/lpm_private.h"

#include <rte_prefetch.h>

#define BURST 64 /* look-ups in flight: enough to hide memory, few enough to stay in L1 */

/* Look-ups of a burst that are not answered yet, in step: each round takes each of them one block
 * further and asks for the next one's memory. */
struct walk {
	uint32_t ref[BURST];
	uint8_t start[BURST]; /* bits of the address used up */
	uint8_t live[BURST];
	unsigned count;
};

static inline uint32_t load(const _Atomic uint32_t *slot)
{
	/* Acquire: the block's bytes were written before the reference to it. */
	return atomic_load_explicit(slot, memory_order_acquire);
}

static inline uint32_t hit(const struct lpm_bucket *b, const _Atomic uint32_t *value, unsigned hits)
{
	return load(hits != 0 ? &value[__builtin_ctz(hits)] : &b->fall);
}

static inline uint32_t find16(const struct lpm_bucket *b, uint16_t x)
{
	const uint16_t *key = (const void *)(b + 1), *mask = key + b->count;
	unsigned hits = 0;

	for (unsigned i = 0; i < b->count; i++)
		hits |= (unsigned)(((x ^ key[i]) & mask[i]) == 0) << i;
	return hit(b, (const void *)(mask + b->count), hits);
}

static inline uint32_t find32(const struct lpm_bucket *b, uint32_t x)
{
	const uint32_t *key = (const void *)(b + 1), *mask = key + b->count;
	unsigned hits = 0;

	for (unsigned i = 0; i < b->count; i++)
		hits |= (unsigned)(((x ^ key[i]) & mask[i]) == 0) << i;
	return hit(b, (const void *)(mask + b->count), hits);
}

static inline uint32_t find64(const struct lpm_bucket *b, uint64_t x)
{
	const uint64_t *key = (const void *)(b + 1), *mask = key + b->count;
	unsigned hits = 0;

	for (unsigned i = 0; i < b->count; i++)
		hits |= (unsigned)(((x ^ key[i]) & mask[i]) == 0) << i;
	return hit(b, (const void *)(mask + b->count), hits);
}

static inline uint32_t find128(const struct lpm_bucket *b, lpm_bits x)
{
	const uint64_t *key = (const void *)(b + 1), *mask = key + 2 * b->count;
	uint64_t high = (uint64_t)(x >> 64), low = (uint64_t)x;
	unsigned hits = 0;

	for (unsigned i = 0; i < b->count; i++) {
		uint64_t differ = (high ^ key[2 * i]) & mask[2 * i];

		differ |= (low ^ key[2 * i + 1]) & mask[2 * i + 1];
		hits |= (unsigned)(differ == 0) << i;
	}
	return hit(b, (const void *)(mask + 2 * b->count), hits);
}

static inline uint32_t skip(const struct lpm_skip *s, uint64_t high, uint64_t low, uint8_t *start)
{
	if (!lpm_match(lpm_join(high, low), lpm_join(s->high, s->low), s->length))
		return load(&s->fall);
	*start = s->length;
	return load(&s->child);
}

/* IPv4: the address in the top half of 64 bits; less than 32 are ever used up before a bucket. */

static inline void prefetch4(const struct lpm *lpm, uint32_t ref, uint64_t address, unsigned start)
{
	const uint8_t *block = lpm_ref_block(&lpm->node, ref);

	if (lpm_ref_is_dir(ref))
		block += (address << start >> (64 - lpm_ref_dir_bits(ref))) * sizeof(uint32_t);
	rte_prefetch0(block);
}

static inline uint32_t bucket4(const struct lpm_bucket *b, enum lpm_kind kind, uint64_t address)
{
	uint64_t x = address << b->start;

	return kind == LPM_BUCKET16 ? find16(b, (uint16_t)(x >> 48))
				    : find32(b, (uint32_t)(x >> 32));
}

/* One block further. */
static inline uint32_t step4(const struct lpm *lpm, uint32_t ref, uint64_t address, uint8_t *start)
{
	const void *block = lpm_ref_block(&lpm->node, ref);
	enum lpm_kind kind = lpm_ref_kind(ref);
	unsigned bits = lpm_ref_dir_bits(ref), from = *start;

	if (kind < LPM_SKIP)
		return bucket4(block, kind, address);
	if (kind == LPM_SKIP)
		return skip(block, address, 0, start);
	*start = (uint8_t)(from + bits);
	return load((const _Atomic uint32_t *)block + (address << from >> (64 - bits)));
}

static inline uint32_t answer(const struct lpm_head *head, uint32_t value)
{
	return value != 0 ? value : load(&head->fall);
}

static void burst4(const struct lpm *lpm, const uint32_t *table, const uint32_t *address,
	uint32_t *value, unsigned count)
{
	const struct lpm_head *head = lpm->head[LPM_4];
	struct walk w;

	for (unsigned i = 0; i < count; i++)
		rte_prefetch0(&head[table[i]]);
	w.count = count;
	for (unsigned i = 0; i < count; i++) {
		w.ref[i] = load(&head[table[i]].root);
		w.start[i] = 0;
		w.live[i] = (uint8_t)i;
		prefetch4(lpm, w.ref[i], (uint64_t)address[i] << 32, 0);
	}
	while (w.count > 0) {
		unsigned left = 0;

		for (unsigned j = 0; j < w.count; j++) {
			unsigned i = w.live[j];
			uint64_t a = (uint64_t)address[i] << 32;

			if ((w.ref[i] & LPM_REF) == 0) {
				value[i] = answer(&head[table[i]], w.ref[i]);
				continue;
			}
			w.ref[i] = step4(lpm, w.ref[i], a, &w.start[i]);
			prefetch4(lpm, w.ref[i], a, w.start[i]);
			w.live[left++] = (uint8_t)i;
		}
		w.count = left;
	}
}

/* IPv6. */

static inline uint64_t shift6(const struct lpm6_key *a, unsigned start)
{
	return (uint64_t)(lpm_join(a->high, a->low) << start >> 64);
}

static inline void prefetch6(
	const struct lpm *lpm, uint32_t ref, const struct lpm6_key *a, unsigned start)
{
	const uint8_t *block = lpm_ref_block(&lpm->node, ref);

	if (lpm_ref_is_dir(ref))
		block += (shift6(a, start) >> (64 - lpm_ref_dir_bits(ref))) * sizeof(uint32_t);
	rte_prefetch0(block);
}

static inline uint32_t bucket6(
	const struct lpm_bucket *b, enum lpm_kind kind, const struct lpm6_key *a)
{
	uint64_t x = shift6(a, b->start);

	switch (kind) {
	case LPM_BUCKET16:
		return find16(b, (uint16_t)(x >> 48));
	case LPM_BUCKET32:
		return find32(b, (uint32_t)(x >> 32));
	case LPM_BUCKET64:
		return find64(b, x);
	default:
		return find128(b, lpm_join(a->high, a->low) << b->start);
	}
}

static inline uint32_t step6(
	const struct lpm *lpm, uint32_t ref, const struct lpm6_key *a, uint8_t *start)
{
	const void *block = lpm_ref_block(&lpm->node, ref);
	enum lpm_kind kind = lpm_ref_kind(ref);
	unsigned bits = lpm_ref_dir_bits(ref), from = *start;

	if (kind < LPM_SKIP)
		return bucket6(block, kind, a);
	if (kind == LPM_SKIP)
		return skip(block, a->high, a->low, start);
	*start = (uint8_t)(from + bits);
	return load((const _Atomic uint32_t *)block + (shift6(a, from) >> (64 - bits)));
}

static void burst6(const struct lpm *lpm, const uint32_t *table, const struct lpm6_key *address,
	uint32_t *value, unsigned count)
{
	const struct lpm_head *head = lpm->head[LPM_6];
	struct walk w;

	for (unsigned i = 0; i < count; i++)
		rte_prefetch0(&head[table[i]]);
	w.count = count;
	for (unsigned i = 0; i < count; i++) {
		w.ref[i] = load(&head[table[i]].root);
		w.start[i] = 0;
		w.live[i] = (uint8_t)i;
		prefetch6(lpm, w.ref[i], &address[i], 0);
	}
	while (w.count > 0) {
		unsigned left = 0;

		for (unsigned j = 0; j < w.count; j++) {
			unsigned i = w.live[j];

			if ((w.ref[i] & LPM_REF) == 0) {
				value[i] = answer(&head[table[i]], w.ref[i]);
				continue;
			}
			w.ref[i] = step6(lpm, w.ref[i], &address[i], &w.start[i]);
			prefetch6(lpm, w.ref[i], &address[i], w.start[i]);
			w.live[left++] = (uint8_t)i;
		}
		w.count = left;
	}
}

void lpm_find4(const struct lpm *lpm, const uint32_t *table, const uint32_t *address,
	uint32_t *value, unsigned count)
{
	for (; count > BURST; count -= BURST) {
		burst4(lpm, table, address, value, BURST);
		table += BURST;
		address += BURST;
		value += BURST;
	}
	burst4(lpm, table, address, value, count);
}

void lpm_find6(const struct lpm *lpm, const uint32_t *table, const struct lpm6_key *address,
	uint32_t *value, unsigned count)
{
	for (; count > BURST; count -= BURST) {
		burst6(lpm, table, address, value, BURST);
		table += BURST;
		address += BURST;
		value += BURST;
	}
	burst6(lpm, table, address, value, count);
}
