/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/fwd/lpm_private.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define LINE_CLASS 2   /* 16 << 2: a cache line; smaller blocks are parts of one */
#define TAIL	   256 /* readers may load past a block, never past the range */

/* A queued block: position, then size class, then side. */
#define QUEUE_CLASS_SHIFT 32
#define QUEUE_SIDE_SHIFT  40

static void *reserve(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

int lpm_node_create(struct lpm_node *node, uint64_t bytes, struct rte_rcu_qsbr *qsbr)
{
	uint64_t most = (uint64_t)LPM_UNIT << LPM_INDEX_BITS;

	memset(node, 0, sizeof(*node));
	if (bytes > most)
		bytes = most;
	node->limit = (uint32_t)(bytes / LPM_UNIT);
	node->used = 1u << LINE_CLASS; /* position 0 stays unused: it ends free lists */
	node->qsbr = qsbr;
	node->base = reserve((size_t)node->limit * LPM_UNIT + TAIL);
	if (node->base == NULL)
		return -ENOMEM;
	/* Fewer TLB misses for readers; where it is not possible nothing is lost. */
	(void)madvise(node->base, (size_t)node->limit * LPM_UNIT, MADV_HUGEPAGE);
	node->queue = reserve(node->limit * sizeof(node->queue[0]));
	if (node->queue == NULL) {
		munmap(node->base, (size_t)node->limit * LPM_UNIT + TAIL);
		return -ENOMEM;
	}
	return 0;
}

void lpm_node_destroy(struct lpm_node *node)
{
	munmap(node->queue, node->limit * sizeof(node->queue[0]));
	munmap(node->base, (size_t)node->limit * LPM_UNIT + TAIL);
}

static unsigned class_of(size_t bytes)
{
	size_t units = (bytes + LPM_UNIT - 1) / LPM_UNIT;

	return units <= 1 ? 0 : 64 - (unsigned)__builtin_clzll(units - 1);
}

static uint32_t *link_of(const struct lpm_node *node, uint32_t index)
{
	return (uint32_t *)(void *)(node->base + (size_t)index * LPM_UNIT);
}

static void push(struct lpm_node *node, unsigned class, uint32_t index)
{
	*link_of(node, index) = node->free[class];
	node->free[class] = index;
}

static uint32_t pop(struct lpm_node *node, unsigned class)
{
	uint32_t index = node->free[class];

	node->free[class] = *link_of(node, index);
	return index;
}

/* Takes the smallest free block that is large enough and gives the rest back in halves. */
static uint32_t split(struct lpm_node *node, unsigned class)
{
	unsigned from = class;
	uint32_t index;

	while (from < LPM_INDEX_BITS && node->free[from] == 0)
		from++;
	if (from == LPM_INDEX_BITS)
		return 0;
	index = pop(node, from);
	while (from > class) {
		from--;
		push(node, from, index + (1u << from));
	}
	return index;
}

static uint32_t extend(struct lpm_node *node, unsigned class)
{
	unsigned size = class < LINE_CLASS ? LINE_CLASS : class;
	uint32_t index = node->used;

	if ((1u << size) > node->limit - node->used)
		return 0;
	node->used += 1u << size;
	while (size > class) {
		size--;
		push(node, size, index + (1u << size));
	}
	return index;
}

static uint32_t take(struct lpm_node *node, unsigned class)
{
	uint32_t index = 0;

	/* A block of the right size or a part of a line; larger ones are cut only when the range is
	 * used up, so that freed directories find their way back. */
	if (node->free[class] != 0)
		return pop(node, class);
	if (class < LINE_CLASS)
		for (unsigned c = class + 1; c <= LINE_CLASS && index == 0; c++)
			if (node->free[c] != 0)
				index = split(node, class);
	if (index == 0)
		index = extend(node, class);
	return index != 0 ? index : split(node, class);
}

static size_t block_bytes(const struct lpm_node *node, uint32_t ref)
{
	enum lpm_kind kind = lpm_ref_kind(ref);
	const struct lpm_bucket *b;

	if (kind > LPM_DIR)
		return (size_t)4 << lpm_ref_dir_bits(ref);
	if (kind == LPM_SKIP)
		return sizeof(struct lpm_skip);
	b = lpm_ref_block(node, ref);
	return lpm_bucket_bytes(kind, b->count);
}

uint32_t lpm_node_alloc(struct lpm_node *node, enum lpm_side side, enum lpm_kind kind, size_t bytes)
{
	unsigned class = class_of(bytes);
	uint32_t index = take(node, class);

	if (index == 0 && node->head != node->tail) {
		lpm_node_reclaim(node);
		index = take(node, class);
	}
	if (index == 0)
		return 0;
	node->live[side] += (uint64_t)LPM_UNIT << class;
	return LPM_REF | (uint32_t)kind << LPM_INDEX_BITS | index;
}

void lpm_node_free(struct lpm_node *node, enum lpm_side side, uint32_t ref)
{
	unsigned class = class_of(block_bytes(node, ref));

	node->live[side] -= (uint64_t)LPM_UNIT << class;
	push(node, class, ref & LPM_INDEX_MASK);
}

void lpm_node_retire(struct lpm_node *node, enum lpm_side side, uint32_t ref)
{
	unsigned class = class_of(block_bytes(node, ref));

	node->live[side] -= (uint64_t)LPM_UNIT << class;
	node->waiting += (uint64_t)LPM_UNIT << class;
	node->queue[node->tail++ % node->limit] = (ref & LPM_INDEX_MASK) |
						  (uint64_t) class << QUEUE_CLASS_SHIFT |
						  (uint64_t)side << QUEUE_SIDE_SHIFT;
}

static void release(struct lpm_node *node, uint64_t until)
{
	for (; node->head != until; node->head++) {
		uint64_t item = node->queue[node->head % node->limit];
		unsigned class = (unsigned)(item >> QUEUE_CLASS_SHIFT) & 0xff;

		node->waiting -= (uint64_t)LPM_UNIT << class;
		push(node, class, (uint32_t)item & LPM_INDEX_MASK);
	}
	if (node->head == node->tail)
		node->head = node->marked = node->tail = 0;
}

void lpm_node_reclaim(struct lpm_node *node)
{
	if (node->qsbr == NULL) {
		release(node, node->tail);
		node->marked = node->tail;
		return;
	}
	if (node->head != node->marked) {
		if (rte_rcu_qsbr_check(node->qsbr, node->token, false) != 1)
			return;
		release(node, node->marked);
	}
	if (node->tail == node->marked)
		return;
	/* One token for all that was unlinked so far: everything in the queue is unreachable. */
	node->marked = node->tail;
	node->token = rte_rcu_qsbr_start(node->qsbr);
	if (rte_rcu_qsbr_check(node->qsbr, node->token, false) == 1)
		release(node, node->marked);
}

bool lpm_node_has(struct lpm_node *node, uint64_t bytes)
{
	if ((uint64_t)(node->limit - node->used) * LPM_UNIT >= bytes)
		return true;
	lpm_node_reclaim(node);
	return (uint64_t)(node->limit - node->used) * LPM_UNIT >= bytes;
}
