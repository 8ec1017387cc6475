/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/fwd/lpm_private.h"

#include <rte_prefetch.h>

#define BURST 64 /* look-ups in flight: enough to hide memory, few enough to stay in L1 */

/* Look-ups of a burst that are not answered yet, in step: each round takes each of them one block
 * further and asks for the next one's memory. */
struct walk {
	const _Atomic uint32_t *slot[BURST]; /* where the next reference stands */
	_Atomic uint32_t ref[BURST];	     /* or here, where it is known already */
	uint8_t start[BURST];		     /* bits of the address used up */
	uint8_t live[BURST];
	unsigned count;
};

static inline uint32_t load(const _Atomic uint32_t *slot)
{
	/* Acquire: the block's bytes were written before the reference to it. */
	return atomic_load_explicit(slot, memory_order_acquire);
}

/* Compares all the elements a cache line can hold at once, those past count too: prefixes stand
 * longest first, so what matches there counts only if nothing before does, and then the answer is
 * fall. Loads may run into the next block (lpm_node.c leaves room), which the sanitizers must not
 * judge. Plain vectors of the compiler, no one machine's. */
#define UNJUDGED __attribute__((no_sanitize("address", "thread")))

typedef uint16_t lanes16 __attribute__((vector_size(16)));
typedef uint32_t lanes32 __attribute__((vector_size(16)));
typedef uint8_t lanes8 __attribute__((vector_size(8)));
typedef uint16_t lanes16x4 __attribute__((vector_size(8)));

static inline uint32_t hit(const struct lpm_bucket *b, const void *values, unsigned first)
{
	const _Atomic uint32_t *value = values;

	return load(first < b->count ? &value[first] : &b->fall);
}

UNJUDGED static inline uint32_t find16(const struct lpm_bucket *b, uint16_t x)
{
	const uint8_t *at = (const uint8_t *)(b + 1);
	size_t count = b->count;
	lanes16 key, mask, same;
	lanes8 narrow;
	uint64_t hits;

	__builtin_memcpy(&key, at, sizeof(key));
	__builtin_memcpy(&mask, at + 2 * count, sizeof(mask));
	same = (lanes16)(((key ^ x) & mask) == 0);
	narrow = __builtin_convertvector(same, lanes8);
	__builtin_memcpy(&hits, &narrow, sizeof(hits));
	/* A bucket has at most seven: the eighth lane ends the search. */
	hits |= (uint64_t)0xff << 56;
	return hit(b, at + 4 * count, (unsigned)__builtin_ctzll(hits) / 8);
}

UNJUDGED static inline uint32_t find32(const struct lpm_bucket *b, uint32_t x)
{
	const uint8_t *at = (const uint8_t *)(b + 1);
	size_t count = b->count;
	lanes32 key, mask, same;
	lanes16x4 narrow;
	uint64_t hits;
	unsigned first;

	__builtin_memcpy(&key, at, sizeof(key));
	__builtin_memcpy(&mask, at + 4 * count, sizeof(mask));
	same = (lanes32)(((key ^ x) & mask) == 0);
	narrow = __builtin_convertvector(same, lanes16x4);
	__builtin_memcpy(&hits, &narrow, sizeof(hits));
	first = hits != 0 ? (unsigned)__builtin_ctzll(hits) / 16 : 4;
	return hit(b, at + 8 * count, first);
}

static inline uint32_t find64(const struct lpm_bucket *b, uint64_t x)
{
	const uint64_t *key = (const void *)(b + 1), *mask = key + b->count;
	unsigned hits = 0;

	for (unsigned i = 0; i < b->count; i++)
		hits |= (unsigned)(((x ^ key[i]) & mask[i]) == 0) << i;
	return hit(b, mask + b->count, hits != 0 ? (unsigned)__builtin_ctz(hits) : b->count);
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
	return hit(b, mask + 2 * b->count, hits != 0 ? (unsigned)__builtin_ctz(hits) : b->count);
}

static inline uint32_t skip(const struct lpm_skip *s, uint64_t high, uint64_t low, uint8_t *start)
{
	if (!lpm_match(lpm_join(high, low), lpm_join(s->high, s->low), s->length))
		return load(&s->fall);
	*start = s->length;
	return load(&s->child);
}

static inline uint32_t answer(const struct lpm_head *head, uint32_t value)
{
	return value != 0 ? value : load(&head->fall);
}

/* 0 for what is no directory. */
static inline unsigned dir_bits(uint32_t ref)
{
	int bits = (int)(ref >> LPM_INDEX_BITS) - (int)(LPM_REF >> LPM_INDEX_BITS) - LPM_DIR;

	return bits > 0 ? (unsigned)bits : 0;
}

/* Notes where the reference after ref will be found, with index in the directory, and asks for that
 * memory. What is no directory is found again in ref itself, and it is its block that is asked for:
 * a choice of pointers and not a branch, since tables of all sizes meet in a burst. */
static inline void aim(const struct lpm *lpm, struct walk *w, unsigned i, uint32_t ref,
	size_t index, unsigned bits)
{
	const _Atomic uint32_t *block = lpm_ref_block(&lpm->node, ref);
	const _Atomic uint32_t *next = block + index;

	atomic_store_explicit(&w->ref[i], ref, memory_order_relaxed);
	rte_prefetch0((const void *)(uintptr_t)next);
	w->slot[i] = bits != 0 ? next : &w->ref[i];
	w->start[i] = (uint8_t)(w->start[i] + bits);
}

/* IPv4: the address in the top half of 64 bits. */

static inline void aim4(
	const struct lpm *lpm, struct walk *w, unsigned i, uint32_t ref, uint64_t address)
{
	unsigned bits = dir_bits(ref);
	size_t index = (size_t)(address << w->start[i] >> 1 >> (63 - bits));

	aim(lpm, w, i, ref, index, bits);
}

static inline uint32_t bucket4(const struct lpm_bucket *b, enum lpm_kind kind, uint64_t address)
{
	uint64_t x = address << b->start;

	return kind == LPM_BUCKET16 ? find16(b, (uint16_t)(x >> 48))
				    : find32(b, (uint32_t)(x >> 32));
}

/* What burst4 has not answered: one block further each round, until none is left. */
static void rest4(const struct lpm *lpm, struct walk *w, const uint32_t *table,
	const uint32_t *address, uint32_t *value)
{
	for (unsigned left = 0; w->count > 0; w->count = left, left = 0) {
		for (unsigned j = 0; j < w->count; j++) {
			unsigned i = w->live[j];
			uint64_t a = (uint64_t)address[i] << 32;
			uint32_t ref = load(w->slot[i]);
			const void *block = lpm_ref_block(&lpm->node, ref);

			if ((ref & LPM_REF) == 0 || lpm_ref_is_bucket(ref)) {
				if ((ref & LPM_REF) != 0)
					ref = bucket4(block, lpm_ref_kind(ref), a);
				value[i] = answer(&lpm->head[LPM_4][table[i]], ref);
				continue;
			}
			if (lpm_ref_is_skip(ref))
				ref = skip(block, a, 0, &w->start[i]);
			aim4(lpm, w, i, ref, a);
			w->live[left++] = (uint8_t)i;
		}
	}
}

/* Most look-ups are a directory and a bucket of short keys: these go without branches. */
static void burst4(const struct lpm *lpm, const uint32_t *table, const uint32_t *address,
	uint32_t *value, unsigned count)
{
	const struct lpm_head *head = lpm->head[LPM_4];
	struct walk w;

	for (unsigned i = 0; i < count; i++)
		rte_prefetch0(&head[table[i]]);
	for (unsigned i = 0; i < count; i++) {
		w.start[i] = 0;
		aim4(lpm, &w, i, load(&head[table[i]].root), (uint64_t)address[i] << 32);
	}
	for (unsigned i = 0; i < count; i++)
		aim4(lpm, &w, i, load(w.slot[i]), (uint64_t)address[i] << 32);
	w.count = 0;
	for (unsigned i = 0; i < count; i++) {
		uint32_t ref = atomic_load_explicit(&w.ref[i], memory_order_relaxed);

		if (likely_(ref >> LPM_INDEX_BITS == LPM_REF >> LPM_INDEX_BITS)) {
			ref = bucket4(lpm_ref_block(&lpm->node, ref), LPM_BUCKET16,
				(uint64_t)address[i] << 32);
			value[i] = answer(&head[table[i]], ref);
			continue;
		}
		w.live[w.count++] = (uint8_t)i;
	}
	rest4(lpm, &w, table, address, value);
}

/* IPv6. */

static inline uint64_t shift6(const struct lpm6_key *a, unsigned start)
{
	return (uint64_t)(lpm_join(a->high, a->low) << start >> 64);
}

static inline void aim6(const struct lpm *lpm, struct walk *w, unsigned i, uint32_t ref,
	const struct lpm6_key *address)
{
	unsigned bits = dir_bits(ref);
	size_t index = (size_t)(shift6(address, w->start[i]) >> 1 >> (63 - bits));

	aim(lpm, w, i, ref, index, bits);
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

static void rest6(const struct lpm *lpm, struct walk *w, const uint32_t *table,
	const struct lpm6_key *address, uint32_t *value)
{
	for (unsigned left = 0; w->count > 0; w->count = left, left = 0) {
		for (unsigned j = 0; j < w->count; j++) {
			unsigned i = w->live[j];
			const struct lpm6_key *a = &address[i];
			uint32_t ref = load(w->slot[i]);
			const void *block = lpm_ref_block(&lpm->node, ref);

			if ((ref & LPM_REF) == 0 || lpm_ref_is_bucket(ref)) {
				if ((ref & LPM_REF) != 0)
					ref = bucket6(block, lpm_ref_kind(ref), a);
				value[i] = answer(&lpm->head[LPM_6][table[i]], ref);
				continue;
			}
			if (lpm_ref_is_skip(ref))
				ref = skip(block, a->high, a->low, &w->start[i]);
			aim6(lpm, w, i, ref, a);
			w->live[left++] = (uint8_t)i;
		}
	}
}

static void burst6(const struct lpm *lpm, const uint32_t *table, const struct lpm6_key *address,
	uint32_t *value, unsigned count)
{
	const struct lpm_head *head = lpm->head[LPM_6];
	struct walk w;

	for (unsigned i = 0; i < count; i++)
		rte_prefetch0(&head[table[i]]);
	for (unsigned i = 0; i < count; i++) {
		w.start[i] = 0;
		aim6(lpm, &w, i, load(&head[table[i]].root), &address[i]);
		w.live[i] = (uint8_t)i;
	}
	for (unsigned i = 0; i < count; i++)
		aim6(lpm, &w, i, load(w.slot[i]), &address[i]);
	w.count = count;
	rest6(lpm, &w, table, address, value);
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
