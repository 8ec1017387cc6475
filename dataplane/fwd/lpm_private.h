/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The inside of the route store, shared by lpm*.c only. docs/decisions/001-own-lpm.md tells why.
 *
 * What readers walk is a tree of 32-bit references. A reference is a value (bit 31 clear, 0: none)
 * or names a block of the arena: five bits of kind, 26 bits of position in units of 16 bytes.
 *
 *   bucket     a few prefixes of one region (a region is all addresses that share their first
 *              `start` bits), longest first: the bits after the region's, a one, and zeroes
 *   directory  2^k references for the next k bits; a bucket whose region is wider than one slot
 *              stands in all slots of its region (extendible hashing on the address)
 *   skip       the region holds prefixes only under one longer common prefix
 *
 * A prefix that covers a whole block is not in the block but is its `fall`: the answer where
 * nothing longer matches. The default route is not in the tree at all but in the head of the table.
 *
 * Writers and readers: references and values are atomic words, stored with release and loaded with
 * acquire, so that a block's bytes are there before its reference. All else in a block is written
 * before it is linked, and after it is unlinked only once no reader can hold it. fall_length and
 * stale are the writer's own.
 */
#ifndef DATAPLANE_FWD_LPM_PRIVATE_H
#define DATAPLANE_FWD_LPM_PRIVATE_H

#include <rte_rcu_qsbr.h>

#include "dataplane/base/macros.h"
#include "dataplane/fwd/lpm.h"

/* An address of either family, first bit in bit 127; IPv4 fills the top 32 bits. */
__extension__ typedef unsigned __int128 lpm_bits;

enum lpm_side { LPM_4, LPM_6, LPM_SIDES };

#define LPM_REF	       0x80000000u
#define LPM_INDEX_BITS 26
#define LPM_INDEX_MASK ((1u << LPM_INDEX_BITS) - 1)
#define LPM_UNIT       16u
#define LPM_DIR_MAX    20u /* bits of the widest directory: 4 MiB */

enum lpm_kind {
	/* Keys of 16, 32, 64 or 128 bits: the shortest that holds the longest prefix and its one.
	 */
	LPM_BUCKET16,
	LPM_BUCKET32,
	LPM_BUCKET64,
	LPM_BUCKET128,
	LPM_SKIP,
	LPM_DIR = 8, /* LPM_DIR + k: 2^k references */
};

#define LPM_BUCKET_MAX 9u /* prefixes in a bucket of any width */

/* Head of a bucket; keys and values follow, each as an array of count, values at a multiple of
 * four bytes. */
struct lpm_bucket {
	_Atomic uint32_t fall;
	uint8_t count;
	uint8_t start;
	uint8_t fall_length; /* of the prefix that gave fall; 0: none */
	uint8_t stale;	     /* holds deleted prefixes, whose values repeat their cover's */
};

struct lpm_skip {
	_Atomic uint32_t fall;
	uint8_t length; /* of the common prefix */
	uint8_t fall_length;
	uint16_t unused;
	_Atomic uint32_t child;
	uint32_t unused2;
	uint64_t high, low; /* the common prefix */
};

/* What a look-up starts from, one per table and family. */
struct lpm_head {
	_Atomic uint32_t root;
	_Atomic uint32_t fall; /* value of the default route */
};

/* A prefix outside the tree: input and output of the writer's functions. */
struct lpm_entry {
	lpm_bits key;
	uint32_t value;
	uint8_t length;
};

/* Writer's own copy: a path-compressed binary trie for each table and family. */
struct lpm_rib_node {
	uint64_t high, low;
	uint32_t child[2]; /* 0: none */
	uint32_t value;	   /* 0: a fork that is no route itself */
	uint8_t length;
};

struct lpm_rib {
	struct lpm_rib_node *node; /* 0 is never used */
	uint32_t used, limit;	   /* high-water mark and size */
	uint32_t free;
	uint32_t live;
};

/* Memory of the blocks: one range of address space, backed as it is touched, never moved. */
struct lpm_node {
	uint8_t *base;
	uint32_t used, limit; /* in units */
	uint32_t free[LPM_INDEX_BITS];
	uint64_t live[LPM_SIDES]; /* bytes in use */

	/* Unlinked blocks in order of unlinking: [head, marked) wait for token. An empty queue
	 * begins anew, so that it touches little memory. */
	uint64_t *queue;
	uint64_t head, marked, tail, token;
	uint64_t waiting; /* bytes */
	struct rte_rcu_qsbr *qsbr;
};

struct lpm_table {
	uint32_t rib[LPM_SIDES];
	uint32_t routes[LPM_SIDES];
};

struct lpm {
	struct lpm_head *head[LPM_SIDES];
	struct lpm_node node;
	struct lpm_rib rib;
	struct lpm_ahead *ahead; /* NULL: memory is backed as it is touched */
	struct lpm_table *table;
	uint32_t tables, limit;
	uint64_t routes[LPM_SIDES];
	uint32_t reserved[LPM_SIDES];
};

static inline enum lpm_kind lpm_ref_kind(uint32_t ref)
{
	return (enum lpm_kind)(ref >> LPM_INDEX_BITS & 31);
}

static inline bool lpm_ref_is_dir(uint32_t ref)
{
	return (ref & LPM_REF) != 0 && lpm_ref_kind(ref) > LPM_DIR;
}

static inline bool lpm_ref_is_bucket(uint32_t ref)
{
	return (ref & LPM_REF) != 0 && lpm_ref_kind(ref) < LPM_SKIP;
}

static inline bool lpm_ref_is_skip(uint32_t ref)
{
	return (ref & LPM_REF) != 0 && lpm_ref_kind(ref) == LPM_SKIP;
}

static inline void *lpm_ref_block(const struct lpm_node *node, uint32_t ref)
{
	return node->base + (size_t)(ref & LPM_INDEX_MASK) * LPM_UNIT;
}

static inline unsigned lpm_ref_dir_bits(uint32_t ref)
{
	return (unsigned)lpm_ref_kind(ref) - LPM_DIR;
}

/* Width of a key of this kind of bucket, in bytes. */
static inline size_t lpm_bucket_width(enum lpm_kind kind)
{
	return (size_t)2 << kind;
}

/* From the head to the values. */
static inline size_t lpm_bucket_values(enum lpm_kind kind, unsigned count)
{
	return sizeof(struct lpm_bucket) + ((lpm_bucket_width(kind) * count + 3) & ~(size_t)3);
}

static inline size_t lpm_bucket_bytes(enum lpm_kind kind, unsigned count)
{
	return lpm_bucket_values(kind, count) + sizeof(uint32_t) * count;
}

static inline lpm_bits lpm_mask(unsigned length)
{
	return length == 0 ? 0 : ~(lpm_bits)0 << (128 - length);
}

static inline bool lpm_match(lpm_bits a, lpm_bits b, unsigned length)
{
	return ((a ^ b) & lpm_mask(length)) == 0;
}

static inline unsigned lpm_bit(lpm_bits key, unsigned position)
{
	return (unsigned)(key >> (127 - position)) & 1;
}

static inline lpm_bits lpm_join(uint64_t high, uint64_t low)
{
	return (lpm_bits)high << 64 | low;
}

/* Bits that a and b share from the left, at most limit. */
static inline unsigned lpm_common(lpm_bits a, lpm_bits b, unsigned limit)
{
	lpm_bits differ = a ^ b;
	uint64_t high = (uint64_t)(differ >> 64), low = (uint64_t)differ;
	unsigned same = high != 0  ? (unsigned)__builtin_clzll(high)
			: low != 0 ? 64 + (unsigned)__builtin_clzll(low)
				   : 128;

	return same < limit ? same : limit;
}

/* lpm_node.c: blocks. All by the writer. */

int lpm_node_create(struct lpm_node *node, uint64_t bytes, struct rte_rcu_qsbr *qsbr);
void lpm_node_destroy(struct lpm_node *node);
/* Reference to a fresh block of this kind, or 0. */
uint32_t lpm_node_alloc(
	struct lpm_node *node, enum lpm_side side, enum lpm_kind kind, size_t bytes);
/* For a block that was never linked. */
void lpm_node_free(struct lpm_node *node, enum lpm_side side, uint32_t ref);
/* For a block that readers may hold. It must be unlinked before the next reclaim or alloc. */
void lpm_node_retire(struct lpm_node *node, enum lpm_side side, uint32_t ref);
void lpm_node_reclaim(struct lpm_node *node);
/* True where blocks of so many bytes in all can be had, whatever their sizes. */
bool lpm_node_has(struct lpm_node *node, uint64_t bytes);

/* lpm_rib.c: the writer's copy. root: of one table and family. */

int lpm_rib_create(struct lpm_rib *rib, uint32_t routes);
void lpm_rib_destroy(struct lpm_rib *rib);
/* Puts or replaces; returns the value before, 0 where the prefix is new. Cannot fail while there
 * are at most as many prefixes as the trie was created for. */
uint32_t lpm_rib_put(struct lpm_rib *rib, uint32_t *root, const struct lpm_entry *entry);
/* The value before; 0 where there was none. */
uint32_t lpm_rib_remove(struct lpm_rib *rib, uint32_t *root, lpm_bits key, unsigned length);
uint32_t lpm_rib_get(const struct lpm_rib *rib, uint32_t root, lpm_bits key, unsigned length);
/* Longest prefix, of 1 to length bits, that holds the whole region (key, length). value 0: none. */
struct lpm_entry lpm_rib_cover(
	const struct lpm_rib *rib, uint32_t root, lpm_bits key, unsigned length);
/* Prefixes inside the region and longer than it, ascending, at most limit; how many. */
unsigned lpm_rib_gather(const struct lpm_rib *rib, uint32_t root, lpm_bits key, unsigned length,
	struct lpm_entry *entry, unsigned limit);
int lpm_rib_walk(const struct lpm_rib *rib, uint32_t root,
	int (*visit)(const struct lpm_entry *entry, void *context), void *context);

/* lpm_bucket.c: blocks with prefixes in them. */

/* True where one bucket can hold these prefixes of a region of start bits. */
bool lpm_bucket_fits(const struct lpm_entry *entry, unsigned count, unsigned start);
/* Reference to a new bucket, or the plain value of cover if there is no entry; LPM_REF alone on
 * lack of memory. Reorders entry. */
uint32_t lpm_bucket_make(struct lpm_node *node, enum lpm_side side, struct lpm_entry *entry,
	unsigned count, unsigned start, const struct lpm_entry *cover);
/* The stored entry number i of a bucket whose region begins at key. */
struct lpm_entry lpm_bucket_entry(
	const struct lpm_bucket *b, enum lpm_kind kind, lpm_bits key, unsigned i);
void lpm_bucket_set(struct lpm_bucket *b, enum lpm_kind kind, unsigned i, uint32_t value);

/* lpm_tree.c: changes the tree after a change of the trie. */

/* entry was put into the trie, new or with another value. 0, or -ENOMEM: the tree is as before. */
int lpm_tree_put(struct lpm *lpm, uint32_t table, enum lpm_side side, const struct lpm_entry *entry,
	bool fresh);
/* (key, length) was removed from the trie. Cannot fail. */
void lpm_tree_delete(
	struct lpm *lpm, uint32_t table, enum lpm_side side, lpm_bits key, unsigned length);

#endif
