/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The configured routes of one connection and family: a B+ tree ordered by (address, length,
 * owner). Nodes come from a pool that is filled before a change is accepted, so that a put cannot
 * fail. Control thread only.
 */
#ifndef CONTROL_ROUTETREE_H
#define CONTROL_ROUTETREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Address as two numbers in host order; an IPv4 address is the upper half of high. */
struct routetree_entry {
	uint64_t high, low;
	uint8_t length;
	uint8_t owner;
	uint16_t preference; /* from here on: not part of the order */
	uint32_t via;
};

struct routetree_node;

struct routetree {
	struct routetree_node *root; /* NULL: empty */
	uint32_t count;
};

struct routetree_pool {
	struct routetree_node *free;
	size_t free_count, used_count, leaf_count;
};

/* < 0, 0, > 0 by (address, length, owner). */
int routetree_compare(const struct routetree_entry *a, const struct routetree_entry *b);

/* Nodes that putting count entries may take at most, over any number of trees up to trees. */
size_t routetree_worst(const struct routetree_pool *pool, size_t count, size_t trees);
/* Fills the pool up to want free nodes, at most step new ones a call. 0: full; 1: call again;
 * -ENOMEM. */
int routetree_pool_fill(struct routetree_pool *pool, size_t want, size_t step);
/* Gives back free nodes beyond keep, at most step a call. True where more are left to give back. */
bool routetree_pool_trim(struct routetree_pool *pool, size_t keep, size_t step);
size_t routetree_pool_bytes(const struct routetree_pool *pool);

/* The entry with this (address, length, owner), or NULL. Valid until the tree changes. */
const struct routetree_entry *routetree_find(
	const struct routetree *tree, const struct routetree_entry *key);
/* Puts or replaces; the via that was replaced, or 0. The pool holds enough nodes. */
uint32_t routetree_put(
	struct routetree *tree, struct routetree_pool *pool, const struct routetree_entry *entry);
/* False where there is no such entry. */
bool routetree_delete(
	struct routetree *tree, struct routetree_pool *pool, const struct routetree_entry *key);
/* Up to count entries not before from (strictly after it where past is set); how many. */
size_t routetree_list(const struct routetree *tree, const struct routetree_entry *from, bool past,
	struct routetree_entry *entry, size_t count);
/* All nodes to the pool. */
void routetree_clear(struct routetree *tree, struct routetree_pool *pool);

#endif
