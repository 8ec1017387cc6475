/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/routetree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LEAF_MAX   84 /* a node of either kind fills 2,032 bytes */
#define BRANCH_MAX 63

struct routetree_node {
	uint16_t count;
	bool leaf;
	struct routetree_node *next; /* the leaf to the right; in the pool: the next free node */
	union {
		struct routetree_entry entry[LEAF_MAX];
		struct {
			struct routetree_entry least[BRANCH_MAX]; /* not after any entry below */
			struct routetree_node *child[BRANCH_MAX];
		};
	};
};

int routetree_compare(const struct routetree_entry *a, const struct routetree_entry *b)
{
	if (a->high != b->high)
		return a->high < b->high ? -1 : 1;
	if (a->low != b->low)
		return a->low < b->low ? -1 : 1;
	if (a->length != b->length)
		return a->length < b->length ? -1 : 1;
	return (int)a->owner - (int)b->owner;
}

size_t routetree_worst(const struct routetree_pool *pool, size_t count, size_t trees)
{
	size_t full = count < pool->leaf_count ? count : pool->leaf_count;
	size_t touched = count < trees ? count : trees;
	/* A leaf that is full splits at once; after that, splits (also of leaves that deletes of
	 * the same change have merged) are at least 20 puts apart. */
	size_t leaves = full + count / 16 + 1;

	return leaves + leaves / 16 + 2 * touched + 8;
}

int routetree_pool_fill(struct routetree_pool *pool, size_t want, size_t step)
{
	while (pool->free_count < want) {
		struct routetree_node *node;

		if (step-- == 0)
			return 1;
		node = malloc(sizeof(*node));
		if (node == NULL)
			return -ENOMEM;
		node->next = pool->free;
		pool->free = node;
		pool->free_count++;
	}
	return 0;
}

bool routetree_pool_trim(struct routetree_pool *pool, size_t keep, size_t step)
{
	while (pool->free_count > keep) {
		struct routetree_node *node = pool->free;

		if (step-- == 0)
			return true;
		pool->free = node->next;
		pool->free_count--;
		free(node);
	}
	return false;
}

size_t routetree_pool_bytes(const struct routetree_pool *pool)
{
	return (pool->free_count + pool->used_count) * sizeof(struct routetree_node);
}

static struct routetree_node *node_take(struct routetree_pool *pool, bool leaf)
{
	struct routetree_node *node = pool->free;

	pool->free = node->next;
	pool->free_count--;
	pool->used_count++;
	pool->leaf_count += leaf;
	node->count = 0;
	node->leaf = leaf;
	node->next = NULL;
	return node;
}

static void node_give(struct routetree_pool *pool, struct routetree_node *node)
{
	pool->leaf_count -= node->leaf;
	pool->used_count--;
	node->next = pool->free;
	pool->free = node;
	pool->free_count++;
}

/* As routetree_compare, without a jump: which way the search goes cannot be foretold. */
static bool is_before(const struct routetree_entry *a, const struct routetree_entry *b)
{
	unsigned last_a = (unsigned)a->length << 8 | a->owner;
	unsigned last_b = (unsigned)b->length << 8 | b->owner;
	bool last = last_a < last_b;
	bool low = (a->low < b->low) | ((a->low == b->low) & last);

	return (a->high < b->high) | ((a->high == b->high) & low);
}

/* Number of entries before key. */
static unsigned rank(
	const struct routetree_entry *entry, unsigned count, const struct routetree_entry *key)
{
	const struct routetree_entry *at = entry;

	if (count == 0)
		return 0;
	while (count > 1) {
		unsigned half = count / 2;

		at += is_before(&at[half - 1], key) ? half : 0;
		count -= half;
	}
	return (unsigned)(at - entry) + is_before(at, key);
}

/* The child that holds key, if any does. */
static unsigned branch_of(const struct routetree_node *node, const struct routetree_entry *key)
{
	unsigned at = rank(node->least, node->count, key);

	if (at < node->count && routetree_compare(&node->least[at], key) == 0)
		return at;
	return at > 0 ? at - 1 : 0;
}

static const struct routetree_node *leaf_of(
	const struct routetree *tree, const struct routetree_entry *key)
{
	const struct routetree_node *node = tree->root;

	while (node != NULL && !node->leaf)
		node = node->child[branch_of(node, key)];
	return node;
}

const struct routetree_entry *routetree_find(
	const struct routetree *tree, const struct routetree_entry *key)
{
	const struct routetree_node *leaf = leaf_of(tree, key);
	unsigned at;

	if (leaf == NULL)
		return NULL;
	at = rank(leaf->entry, leaf->count, key);
	if (at == leaf->count || routetree_compare(&leaf->entry[at], key) != 0)
		return NULL;
	return &leaf->entry[at];
}

static void entry_insert(struct routetree_entry *entry, unsigned count, unsigned at,
	const struct routetree_entry *new)
{
	memmove(&entry[at + 1], &entry[at], (count - at) * sizeof(*entry));
	entry[at] = *new;
}

static void leaf_insert(
	struct routetree_node *leaf, unsigned at, const struct routetree_entry *entry)
{
	entry_insert(leaf->entry, leaf->count, at, entry);
	leaf->count++;
}

/* An entry at the very end leaves the left leaf full: ascending puts then fill nodes wholly. */
static struct routetree_node *leaf_split(struct routetree_node *leaf, struct routetree_pool *pool,
	unsigned at, const struct routetree_entry *entry)
{
	unsigned keep = at == LEAF_MAX ? LEAF_MAX : LEAF_MAX / 2;
	struct routetree_node *right = node_take(pool, true);

	right->count = (uint16_t)(LEAF_MAX - keep);
	memcpy(right->entry, &leaf->entry[keep], right->count * sizeof(*entry));
	leaf->count = (uint16_t)keep;
	right->next = leaf->next;
	leaf->next = right;
	if (at <= keep && keep < LEAF_MAX)
		leaf_insert(leaf, at, entry);
	else
		leaf_insert(right, at - keep, entry);
	return right;
}

static void branch_insert(struct routetree_node *branch, unsigned at, struct routetree_node *child,
	const struct routetree_entry *least)
{
	entry_insert(branch->least, branch->count, at, least);
	memmove(&branch->child[at + 1], &branch->child[at],
		(branch->count - at) * sizeof(branch->child[0]));
	branch->child[at] = child;
	branch->count++;
}

static const struct routetree_entry *least_of(const struct routetree_node *node)
{
	return node->leaf ? &node->entry[0] : &node->least[0];
}

static struct routetree_node *branch_split(struct routetree_node *branch,
	struct routetree_pool *pool, unsigned at, struct routetree_node *child)
{
	unsigned keep = at == BRANCH_MAX ? BRANCH_MAX - 1 : BRANCH_MAX / 2;
	struct routetree_node *right = node_take(pool, false);

	right->count = (uint16_t)(BRANCH_MAX - keep);
	memcpy(right->least, &branch->least[keep], right->count * sizeof(branch->least[0]));
	memcpy(right->child, &branch->child[keep], right->count * sizeof(branch->child[0]));
	branch->count = (uint16_t)keep;
	if (at <= keep)
		branch_insert(branch, at, child, least_of(child));
	else
		branch_insert(right, at - keep, child, least_of(child));
	return right;
}

/* What one put carries down and brings back up. */
struct put {
	struct routetree *tree;
	struct routetree_pool *pool;
	const struct routetree_entry *entry;
	uint32_t replaced;
};

static struct routetree_node *put_leaf(struct put *put, struct routetree_node *leaf)
{
	unsigned at = rank(leaf->entry, leaf->count, put->entry);

	if (at < leaf->count && routetree_compare(&leaf->entry[at], put->entry) == 0) {
		put->replaced = leaf->entry[at].via;
		leaf->entry[at] = *put->entry;
		return NULL;
	}
	put->tree->count++;
	if (leaf->count == LEAF_MAX)
		return leaf_split(leaf, put->pool, at, put->entry);
	leaf_insert(leaf, at, put->entry);
	return NULL;
}

/* The new right neighbour where node was split, else NULL. */
static struct routetree_node *put_below(struct put *put, struct routetree_node *node)
{
	struct routetree_node *split;
	unsigned at;

	if (node->leaf)
		return put_leaf(put, node);
	at = branch_of(node, put->entry);
	if (routetree_compare(put->entry, &node->least[at]) < 0)
		node->least[at] = *put->entry;
	split = put_below(put, node->child[at]);
	if (split == NULL)
		return NULL;
	if (node->count == BRANCH_MAX)
		return branch_split(node, put->pool, at + 1, split);
	branch_insert(node, at + 1, split, least_of(split));
	return NULL;
}

uint32_t routetree_put(
	struct routetree *tree, struct routetree_pool *pool, const struct routetree_entry *entry)
{
	struct put put = {.tree = tree, .pool = pool, .entry = entry};
	struct routetree_node *right, *root;

	if (tree->root == NULL)
		tree->root = node_take(pool, true);
	right = put_below(&put, tree->root);
	if (right == NULL)
		return put.replaced;
	root = node_take(pool, false);
	branch_insert(root, 0, tree->root, least_of(tree->root));
	branch_insert(root, 1, right, least_of(right));
	tree->root = root;
	return put.replaced;
}

static void branch_remove(struct routetree_node *branch, unsigned at)
{
	branch->count--;
	memmove(&branch->least[at], &branch->least[at + 1],
		(branch->count - at) * sizeof(branch->least[0]));
	memmove(&branch->child[at], &branch->child[at + 1],
		(branch->count - at) * sizeof(branch->child[0]));
}

/* Joins child at + 1 into child at where one is empty or both leave a quarter of a node free. */
static void join(struct routetree_node *branch, struct routetree_pool *pool, unsigned at)
{
	struct routetree_node *left = branch->child[at], *right = branch->child[at + 1];
	unsigned most = left->leaf ? LEAF_MAX * 3 / 4 : BRANCH_MAX * 3 / 4;

	if ((unsigned)left->count + right->count > most && left->count > 0 && right->count > 0)
		return;
	if (left->leaf) {
		memcpy(&left->entry[left->count], right->entry,
			right->count * sizeof(right->entry[0]));
		left->next = right->next;
	} else {
		memcpy(&left->least[left->count], right->least,
			right->count * sizeof(right->least[0]));
		memcpy(&left->child[left->count], right->child,
			right->count * sizeof(right->child[0]));
	}
	left->count = (uint16_t)(left->count + right->count);
	branch_remove(branch, at + 1);
	node_give(pool, right);
}

static bool delete_below(
	struct routetree_node *node, struct routetree_pool *pool, const struct routetree_entry *key)
{
	unsigned at;

	if (node->leaf) {
		at = rank(node->entry, node->count, key);
		if (at == node->count || routetree_compare(&node->entry[at], key) != 0)
			return false;
		node->count--;
		memmove(&node->entry[at], &node->entry[at + 1],
			(node->count - at) * sizeof(node->entry[0]));
		return true;
	}
	at = branch_of(node, key);
	if (!delete_below(node->child[at], pool, key))
		return false;
	if (at + 1 < node->count)
		join(node, pool, at);
	if (at > 0)
		join(node, pool, at - 1);
	return true;
}

bool routetree_delete(
	struct routetree *tree, struct routetree_pool *pool, const struct routetree_entry *key)
{
	struct routetree_node *root = tree->root;

	if (root == NULL || !delete_below(root, pool, key))
		return false;
	tree->count--;
	while (!root->leaf && root->count == 1) {
		tree->root = root->child[0];
		node_give(pool, root);
		root = tree->root;
	}
	if (root->count == 0) {
		node_give(pool, root);
		tree->root = NULL;
	}
	return true;
}

size_t routetree_list(const struct routetree *tree, const struct routetree_entry *from, bool past,
	struct routetree_entry *entry, size_t count)
{
	const struct routetree_node *leaf = leaf_of(tree, from);
	size_t written = 0;
	unsigned at;

	if (leaf == NULL)
		return 0;
	at = rank(leaf->entry, leaf->count, from);
	if (past && at < leaf->count && routetree_compare(&leaf->entry[at], from) == 0)
		at++;
	for (; leaf != NULL && written < count; leaf = leaf->next, at = 0) {
		size_t take = leaf->count - at;

		if (take > count - written)
			take = count - written;
		memcpy(&entry[written], &leaf->entry[at], take * sizeof(*entry));
		written += take;
	}
	return written;
}

static void clear_below(struct routetree_node *node, struct routetree_pool *pool)
{
	for (unsigned i = 0; !node->leaf && i < node->count; i++)
		clear_below(node->child[i], pool);
	node_give(pool, node);
}

void routetree_clear(struct routetree *tree, struct routetree_pool *pool)
{
	if (tree->root != NULL)
		clear_below(tree->root, pool);
	tree->root = NULL;
	tree->count = 0;
}
