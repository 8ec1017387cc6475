/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/fwd/lpm_private.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define DEPTH_MAX 130 /* a path in the trie has at most one node for each length */

int lpm_rib_create(struct lpm_rib *rib, uint32_t routes)
{
	void *p;

	memset(rib, 0, sizeof(*rib));
	/* n routes have at most n - 1 forks; one route more may be tried. */
	rib->limit = 2 * routes + 3;
	rib->used = 1;
	p = mmap(NULL, rib->limit * sizeof(rib->node[0]), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return -ENOMEM;
	(void)madvise(p, rib->limit * sizeof(rib->node[0]), MADV_HUGEPAGE);
	rib->node = p;
	return 0;
}

void lpm_rib_destroy(struct lpm_rib *rib)
{
	munmap(rib->node, rib->limit * sizeof(rib->node[0]));
}

static lpm_bits key_of(const struct lpm_rib_node *n)
{
	return lpm_join(n->high, n->low);
}

static uint32_t make(struct lpm_rib *rib, lpm_bits key, unsigned length, uint32_t value)
{
	uint32_t id = rib->free;
	struct lpm_rib_node *n;

	if (id != 0)
		rib->free = rib->node[id].child[0];
	else
		id = rib->used++;
	rib->live++;
	key &= lpm_mask(length);
	n = &rib->node[id];
	*n = (struct lpm_rib_node){.high = (uint64_t)(key >> 64), .low = (uint64_t)key};
	n->value = value;
	n->length = (uint8_t)length;
	return id;
}

static void drop(struct lpm_rib *rib, uint32_t id)
{
	rib->node[id].child[0] = rib->free;
	rib->free = id;
	rib->live--;
}

/* Puts a new node above the node that *link names. */
static void insert_above(
	struct lpm_rib *rib, uint32_t *link, const struct lpm_entry *entry, unsigned common)
{
	uint32_t below = *link, leaf = make(rib, entry->key, entry->length, entry->value), fork;
	unsigned side = lpm_bit(key_of(&rib->node[below]), common);

	if (common == entry->length) {
		rib->node[leaf].child[side] = below;
		*link = leaf;
		return;
	}
	fork = make(rib, entry->key, common, 0);
	rib->node[fork].child[side] = below;
	rib->node[fork].child[!side] = leaf;
	*link = fork;
}

uint32_t lpm_rib_put(struct lpm_rib *rib, uint32_t *root, const struct lpm_entry *entry)
{
	uint32_t *link = root, before;

	while (*link != 0) {
		struct lpm_rib_node *n = &rib->node[*link];
		unsigned limit = entry->length < n->length ? entry->length : n->length;
		unsigned common = lpm_common(entry->key, key_of(n), limit);

		if (common < n->length) {
			insert_above(rib, link, entry, common);
			return 0;
		}
		if (n->length == entry->length) {
			before = n->value;
			n->value = entry->value;
			return before;
		}
		link = &n->child[lpm_bit(entry->key, n->length)];
	}
	*link = make(rib, entry->key, entry->length, entry->value);
	return 0;
}

/* Takes a node that is no route and no fork of two out of the path; true if it did. */
static bool splice(struct lpm_rib *rib, uint32_t *link)
{
	uint32_t id = *link;
	const struct lpm_rib_node *n = &rib->node[id];

	if (n->value != 0 || (n->child[0] != 0 && n->child[1] != 0))
		return false;
	*link = n->child[0] != 0 ? n->child[0] : n->child[1];
	drop(rib, id);
	return true;
}

uint32_t lpm_rib_remove(struct lpm_rib *rib, uint32_t *root, lpm_bits key, unsigned length)
{
	uint32_t *link = root, *above = NULL, before;
	struct lpm_rib_node *n;

	for (;;) {
		if (*link == 0)
			return 0;
		n = &rib->node[*link];
		if (n->length > length || !lpm_match(key, key_of(n), n->length))
			return 0;
		if (n->length == length)
			break;
		above = link;
		link = &n->child[lpm_bit(key, n->length)];
	}
	before = n->value;
	n->value = 0;
	if (before != 0 && splice(rib, link) && above != NULL)
		splice(rib, above);
	return before;
}

uint32_t lpm_rib_get(const struct lpm_rib *rib, uint32_t root, lpm_bits key, unsigned length)
{
	while (root != 0) {
		const struct lpm_rib_node *n = &rib->node[root];

		if (n->length > length || !lpm_match(key, key_of(n), n->length))
			return 0;
		if (n->length == length)
			return n->value;
		root = n->child[lpm_bit(key, n->length)];
	}
	return 0;
}

struct lpm_entry lpm_rib_cover(
	const struct lpm_rib *rib, uint32_t root, lpm_bits key, unsigned length)
{
	struct lpm_entry best = {0};

	while (root != 0) {
		const struct lpm_rib_node *n = &rib->node[root];

		if (n->length > length || !lpm_match(key, key_of(n), n->length))
			break;
		if (n->value != 0 && n->length != 0) {
			best.key = key_of(n);
			best.value = n->value;
			best.length = n->length;
		}
		if (n->length == length)
			break;
		root = n->child[lpm_bit(key, n->length)];
	}
	return best;
}

/* The highest node whose prefix lies in the region, itself included; 0: none. */
static uint32_t region(const struct lpm_rib *rib, uint32_t root, lpm_bits key, unsigned length)
{
	while (root != 0 && rib->node[root].length < length) {
		const struct lpm_rib_node *n = &rib->node[root];

		if (!lpm_match(key, key_of(n), n->length))
			return 0;
		root = n->child[lpm_bit(key, n->length)];
	}
	return root != 0 && lpm_match(key, key_of(&rib->node[root]), length) ? root : 0;
}

unsigned lpm_rib_gather(const struct lpm_rib *rib, uint32_t root, lpm_bits key, unsigned length,
	struct lpm_entry *entry, unsigned limit)
{
	uint32_t stack[DEPTH_MAX];
	unsigned depth = 0, count = 0;

	root = region(rib, root, key, length);
	if (root != 0)
		stack[depth++] = root;
	while (depth > 0 && count < limit) {
		const struct lpm_rib_node *n = &rib->node[stack[--depth]];

		if (n->value != 0 && n->length > length) {
			entry[count].key = key_of(n);
			entry[count].value = n->value;
			entry[count++].length = n->length;
		}
		for (int side = 1; side >= 0; side--)
			if (n->child[side] != 0)
				stack[depth++] = n->child[side];
	}
	return count;
}

int lpm_rib_walk(const struct lpm_rib *rib, uint32_t root,
	int (*visit)(const struct lpm_entry *entry, void *context), void *context)
{
	uint32_t stack[DEPTH_MAX];
	unsigned depth = 0;
	int rc = 0;

	if (root != 0)
		stack[depth++] = root;
	while (depth > 0 && rc == 0) {
		const struct lpm_rib_node *n = &rib->node[stack[--depth]];

		if (n->value != 0) {
			struct lpm_entry e = {key_of(n), n->value, n->length};

			rc = visit(&e, context);
		}
		for (int side = 1; side >= 0; side--)
			if (n->child[side] != 0)
				stack[depth++] = n->child[side];
	}
	return rc;
}
