/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/fwd/lpm_private.h"

#include <rte_prefetch.h>

#define BURST 64 /* look-ups in flight: enough to hide memory, few enough to stay in L1 */

/* A burst goes down the trees in rounds, each look-up one block further in each, and asks for the
 * memory of the next. What comes next is not branched on, since it differs from one look-up to the
 * next: each is put into the lot of its kind, and a lot is worked off in a loop of its own. */
struct lot {
	uint8_t number[BURST];
	unsigned count;
};

struct walk {
	const _Atomic uint32_t *slot[BURST];	       /* where the next reference stands */
	const void *block[BURST];		       /* what the last one named */
	_Atomic uint32_t ref[BURST];		       /* the last one */
	uint8_t start[BURST];			       /* bits of the address used up */
	struct lot live, skip;			       /* go on; go on behind a skip */
	struct lot short_keys, long_keys, longer_keys; /* end in a bucket */
};

static inline uint32_t load(const _Atomic uint32_t *slot)
{
	/* Acquire: the block's bytes were written before the reference to it. */
	return atomic_load_explicit(slot, memory_order_acquire);
}

/* Compares all the elements that a full bucket holds at once, those past count too: prefixes stand
 * longest first, so what matches there counts only if nothing before does, and then the answer is
 * fall. Loads may run into the next block (lpm_node.c leaves room), which the sanitizers must not
 * judge. Plain vectors of the compiler, no one machine's.
 *
 * key ^ (key - 1) is the one that ends a key and the zeroes after it: the bits not compared. */
#define UNJUDGED __attribute__((no_sanitize("address", "thread")))

typedef uint16_t lanes16 __attribute__((vector_size(16)));
typedef uint32_t lanes32 __attribute__((vector_size(16)));
typedef uint8_t lanes8 __attribute__((vector_size(8)));
typedef uint8_t bytes __attribute__((vector_size(16)));

/* Of the first element that hits, `bits` of hits each. */
static inline uint32_t hit(
	const struct lpm_bucket *b, enum lpm_kind kind, uint64_t hits, unsigned bits, unsigned most)
{
	unsigned first = hits != 0 ? (unsigned)__builtin_ctzll(hits) / bits : most;
	uintptr_t values = (uintptr_t)b + lpm_bucket_values(kind, b->count);
	const _Atomic uint32_t *value = (const _Atomic uint32_t *)values + first;

	return load(first < b->count ? value : &b->fall);
}

UNJUDGED static inline uint32_t find16(const struct lpm_bucket *b, uint16_t x)
{
	lanes16 key;
	lanes8 narrow;
	uint64_t hits;

	__builtin_memcpy(&key, b + 1, sizeof(key));
	narrow = __builtin_convertvector((lanes16)(((key ^ x) & ~(key ^ (key - 1))) == 0), lanes8);
	__builtin_memcpy(&hits, &narrow, sizeof(hits));
	return hit(b, LPM_BUCKET16, hits, 8, 8);
}

UNJUDGED static inline bytes hits32(const void *keys, uint32_t x)
{
	lanes32 key;

	__builtin_memcpy(&key, keys, sizeof(key));
	return (bytes)(((key ^ x) & ~(key ^ (key - 1))) == 0);
}

/* One byte of each hit: a conversion of 32-bit lanes to bytes is taken apart by some compilers. */
UNJUDGED static inline uint32_t find32(const struct lpm_bucket *b, uint32_t x)
{
	bytes low = hits32(b + 1, x), high = hits32((const char *)(b + 1) + sizeof(low), x), narrow;
	uint64_t hits;

	narrow = __builtin_shufflevector(
		low, high, 0, 4, 8, 12, 16, 20, 24, 28, 0, 4, 8, 12, 16, 20, 24, 28);
	__builtin_memcpy(&hits, &narrow, sizeof(hits));
	return hit(b, LPM_BUCKET32, hits, 8, 8);
}

static inline uint32_t find64(const struct lpm_bucket *b, uint64_t x)
{
	const uint64_t *key = (const void *)(b + 1);
	uint64_t hits = 0;

	for (unsigned i = 0; i < b->count; i++)
		hits |= (uint64_t)(((x ^ key[i]) & ~(key[i] ^ (key[i] - 1))) == 0) << i;
	return hit(b, LPM_BUCKET64, hits, 1, LPM_BUCKET_MAX);
}

static inline uint32_t find128(const struct lpm_bucket *b, lpm_bits x)
{
	const uint64_t *half = (const void *)(b + 1);
	uint64_t hits = 0;

	for (unsigned i = 0; i < b->count; i++) {
		lpm_bits key = lpm_join(half[2 * i], half[2 * i + 1]);

		hits |= (uint64_t)(((x ^ key) & ~(key ^ (key - 1))) == 0) << i;
	}
	return hit(b, LPM_BUCKET128, hits, 1, LPM_BUCKET_MAX);
}

static inline uint32_t skip(const struct lpm_skip *s, uint64_t high, uint64_t low, uint8_t *start)
{
	if (!lpm_match(lpm_join(high, low), lpm_join(s->high, s->low), s->length))
		return load(&s->fall);
	*start = s->length;
	return load(&s->child);
}

/* 0 for what is no directory. */
static inline unsigned dir_bits(uint32_t ref)
{
	int bits = (int)(ref >> LPM_INDEX_BITS) - (int)(LPM_REF >> LPM_INDEX_BITS) - LPM_DIR;

	return bits > 0 ? (unsigned)bits : 0;
}

/* An address of either family, from its first bit after start on. `side` is known where this is
 * compiled, so that IPv4 pays for 64 bits only. */
static inline lpm_bits rest(enum lpm_side side, const void *address, unsigned i, unsigned start)
{
	const struct lpm6_key *six = address;
	const uint32_t *four = address;

	if (side == LPM_4)
		return lpm_join((uint64_t)four[i] << 32 << start, 0);
	/* After the last bit only a value can follow: what is read here is not used then. */
	return lpm_join(six[i].high, six[i].low) << (start & 127);
}

static inline uint64_t rest64(enum lpm_side side, const void *address, unsigned i, unsigned start)
{
	return (uint64_t)(rest(side, address, i, start) >> 64);
}

/* Takes look-ups over the references in their slots and sorts them. What is counted is counted in
 * registers. No branch: a number that is not kept is written over by the next. */
static inline void sort(
	const struct lpm *lpm, struct walk *w, enum lpm_side side, const void *address)
{
	const uint32_t first = LPM_REF >> LPM_INDEX_BITS;
	unsigned count = w->live.count, live = 0, skip = w->skip.count,
		 short_keys = w->short_keys.count;
	unsigned long_keys = w->long_keys.count, longer_keys = w->longer_keys.count;
	uint8_t *base = lpm->node.base;

	for (unsigned j = 0; j < count; j++) {
		unsigned i = w->live.number[j], start = w->start[i];
		uint32_t ref = load(w->slot[i]), kind = ref >> LPM_INDEX_BITS;
		unsigned bits = dir_bits(ref);
		uint64_t index = rest64(side, address, i, start) >> 1 >> (63 - bits);
		const uint8_t *block = base + (uint64_t)(ref & LPM_INDEX_MASK) * LPM_UNIT;
		const uint8_t *next = block + index * sizeof(uint32_t);

		rte_prefetch0(next);
		w->slot[i] = (const void *)next;
		w->block[i] = block;
		w->start[i] = (uint8_t)(start + bits);
		atomic_store_explicit(&w->ref[i], ref, memory_order_relaxed);
		w->live.number[live] = (uint8_t)i;
		live += bits != 0;
		w->short_keys.number[short_keys] = (uint8_t)i;
		short_keys += kind == first + LPM_BUCKET16;
		w->long_keys.number[long_keys] = (uint8_t)i;
		long_keys += kind == first + LPM_BUCKET32;
		w->longer_keys.number[longer_keys] = (uint8_t)i;
		longer_keys += kind - first - LPM_BUCKET64 < 2;
		w->skip.number[skip] = (uint8_t)i;
		skip += kind == first + LPM_SKIP;
	}
	w->live.count = live;
	w->skip.count = skip;
	w->short_keys.count = short_keys;
	w->long_keys.count = long_keys;
	w->longer_keys.count = longer_keys;
}

/* Takes look-ups over their skips: they go on with the others. */
static inline void jump(struct walk *w, enum lpm_side side, const void *address)
{
	unsigned live = w->live.count;

	for (unsigned j = 0; j < w->skip.count; j++) {
		unsigned i = w->skip.number[j];
		lpm_bits a = rest(side, address, i, 0);
		uint32_t ref = skip(w->block[i], (uint64_t)(a >> 64), (uint64_t)a, &w->start[i]);

		atomic_store_explicit(&w->ref[i], ref, memory_order_relaxed);
		w->slot[i] = &w->ref[i];
		w->live.number[live++] = (uint8_t)i;
	}
	w->skip.count = 0;
	w->live.count = live;
}

static inline void buckets(struct walk *w, enum lpm_side side, const void *address, uint32_t *value)
{
	unsigned short_keys = w->short_keys.count, long_keys = w->long_keys.count;
	unsigned longer_keys = w->longer_keys.count;

	for (unsigned j = 0; j < short_keys; j++) {
		unsigned i = w->short_keys.number[j];
		const struct lpm_bucket *b = w->block[i];

		value[i] = find16(b, (uint16_t)(rest64(side, address, i, b->start) >> 48));
	}
	for (unsigned j = 0; j < long_keys; j++) {
		unsigned i = w->long_keys.number[j];
		const struct lpm_bucket *b = w->block[i];

		value[i] = find32(b, (uint32_t)(rest64(side, address, i, b->start) >> 32));
	}
	for (unsigned j = 0; j < longer_keys; j++) {
		unsigned i = w->longer_keys.number[j];
		const struct lpm_bucket *b = w->block[i];
		lpm_bits x = rest(side, address, i, b->start);
		uint32_t ref = atomic_load_explicit(&w->ref[i], memory_order_relaxed);

		value[i] = lpm_ref_kind(ref) == LPM_BUCKET64 ? find64(b, (uint64_t)(x >> 64))
							     : find128(b, x);
	}
}

/* All look-ups in the lot `live`, from the roots on, all of whose heads are in the cache. */
static inline void finish(const struct lpm *lpm, struct walk *w, enum lpm_side side,
	const uint32_t *table, const void *address, uint32_t *value)
{
	const struct lpm_head *head = lpm->head[side];
	unsigned count = w->live.count;
	uint8_t number[BURST];

	for (unsigned j = 0; j < count; j++) {
		unsigned i = number[j] = w->live.number[j];

		w->slot[i] = &head[table[i]].root;
		w->start[i] = 0;
	}
	w->skip.count = w->short_keys.count = w->long_keys.count = w->longer_keys.count = 0;
	do {
		sort(lpm, w, side, address);
		jump(w, side, address);
	} while (w->live.count > 0);
	/* Where no bucket answers, the last reference is a value itself. */
	for (unsigned j = 0; j < count; j++)
		value[number[j]] = load(&w->ref[number[j]]);
	buckets(w, side, address, value);
}

static inline void answer(
	const struct lpm_head *head, const uint32_t *table, uint32_t *value, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		uint32_t fall = load(&head[table[i]].fall);

		value[i] = value[i] != 0 ? value[i] : fall;
	}
}

/* Nearly all IPv4 look-ups are a directory and a value or a bucket, and need no rounds: what is
 * left after these begins anew. */
static void burst4(const struct lpm *lpm, const uint32_t *table, const uint32_t *address,
	uint32_t *value, unsigned count)
{
	const uint32_t first = LPM_REF >> LPM_INDEX_BITS;
	const struct lpm_head *head = lpm->head[LPM_4];
	const uint8_t *base = lpm->node.base;
	unsigned live = 0, short_keys = 0, long_keys = 0;
	struct walk w;

	for (unsigned i = 0; i < count; i++)
		rte_prefetch0(&head[table[i]]);
	for (unsigned i = 0; i < count; i++) {
		const _Atomic uint32_t *root = &head[table[i]].root;
		uint32_t ref = load(root);
		unsigned bits = dir_bits(ref);
		uint64_t index = (uint64_t)address[i] << 31 >> (63 - bits);
		uint64_t unit = (uint64_t)(ref & LPM_INDEX_MASK) * LPM_UNIT;
		const void *next = base + unit + index * sizeof(uint32_t);

		rte_prefetch0(next);
		w.slot[i] = bits != 0 ? next : root;
	}
	for (unsigned i = 0; i < count; i++) {
		uint32_t ref = load(w.slot[i]), kind = ref >> LPM_INDEX_BITS;

		value[i] = ref;
		w.block[i] = base + (uint64_t)(ref & LPM_INDEX_MASK) * LPM_UNIT;
		rte_prefetch0(w.block[i]);
		w.short_keys.number[short_keys] = (uint8_t)i;
		short_keys += kind == first + LPM_BUCKET16;
		w.long_keys.number[long_keys] = (uint8_t)i;
		long_keys += kind == first + LPM_BUCKET32;
		w.live.number[live] = (uint8_t)i;
		live += kind > first + LPM_BUCKET32;
	}
	w.short_keys.count = short_keys;
	w.long_keys.count = long_keys;
	w.longer_keys.count = 0;
	buckets(&w, LPM_4, address, value);
	w.live.count = live;
	if (live > 0)
		finish(lpm, &w, LPM_4, table, address, value);
	answer(head, table, value, count);
}

static void burst6(const struct lpm *lpm, const uint32_t *table, const struct lpm6_key *address,
	uint32_t *value, unsigned count)
{
	const struct lpm_head *head = lpm->head[LPM_6];
	struct walk w;

	for (unsigned i = 0; i < count; i++) {
		rte_prefetch0(&head[table[i]]);
		w.live.number[i] = (uint8_t)i;
	}
	w.live.count = count;
	finish(lpm, &w, LPM_6, table, address, value);
	answer(head, table, value, count);
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
