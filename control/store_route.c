/* SPDX-License-Identifier: BSD-3-Clause */
#include <endian.h>
#include <string.h>

#include "control/store.h"
#include "control/vias.h"

struct routetree *store_route_tree(const struct model *model, uint32_t connection, uint8_t family)
{
	return &model->routes[connection][family == IP_6];
}

struct routetree_entry store_route_entry(const struct ip_prefix *prefix)
{
	struct routetree_entry entry = {.length = prefix->length};

	/* Bytes beyond an IPv4 address are zero, so both families read alike. */
	memcpy(&entry.high, &prefix->ip.bytes[0], 8);
	memcpy(&entry.low, &prefix->ip.bytes[8], 8);
	entry.high = be64toh(entry.high);
	entry.low = be64toh(entry.low);
	return entry;
}

struct ip_prefix store_route_prefix(const struct routetree_entry *entry, uint8_t family)
{
	struct ip_prefix prefix = {.ip.family = family, .length = entry->length};
	uint64_t high = htobe64(entry->high), low = htobe64(entry->low);

	memcpy(&prefix.ip.bytes[0], &high, 8);
	memcpy(&prefix.ip.bytes[8], &low, 8);
	return prefix;
}

static uint32_t take_out(
	struct model *model, struct routetree *tree, const struct routetree_entry *entry)
{
	const struct routetree_entry *found = routetree_find(tree, entry);
	uint32_t via = found != NULL ? found->via : 0;

	routetree_delete(tree, &model->pool, entry);
	return via;
}

void store_route_set(struct model *model, uint32_t connection, uint8_t family,
	const struct routetree_entry *entry)
{
	struct routetree *tree = store_route_tree(model, connection, family);
	uint32_t count = tree->count, before;

	if (entry->via != 0) {
		vias_use(model, connection, entry->via, 1);
		model->route_owners[connection] |= UINT64_C(1) << entry->owner % 64;
		before = routetree_put(tree, &model->pool, entry);
	} else {
		before = take_out(model, tree, entry);
	}
	if (before != 0)
		vias_use(model, connection, before, -1);
	model->route_count += tree->count - (uint64_t)count;
	model->shelf[MODEL_CONNECTION].slot[connection].users += tree->count - count;
}

bool store_route_wins(
	const struct model *model, const struct routetree_entry *a, const struct routetree_entry *b)
{
	if (a->preference != b->preference)
		return a->preference < b->preference;
	return strcmp(model->owner[a->owner], model->owner[b->owner]) < 0;
}

bool store_route_scan(const struct model *model, uint32_t connection,
	const struct ip_prefix *prefix, uint8_t owner, struct routetree_entry *own,
	struct routetree_entry *other)
{
	const struct routetree *tree = store_route_tree(model, connection, prefix->ip.family);
	struct routetree_entry at = store_route_entry(prefix), next[2];
	size_t count = 2;

	own->via = 0;
	other->via = 0;
	/* Owners of one prefix stand side by side; owner numbers start at 1. Nearly always there is
	 * one, and the first look sees that. */
	while (count == 2) {
		count = routetree_list(tree, &at, true, next, 2);
		for (size_t i = 0; i < count; i++) {
			if (next[i].high != at.high || next[i].low != at.low ||
				next[i].length != at.length)
				return own->via != 0 || other->via != 0;
			if (next[i].owner == owner)
				*own = next[i];
			else if (other->via == 0 || store_route_wins(model, &next[i], other))
				*other = next[i];
		}
		if (count > 0)
			at = next[count - 1];
	}
	return own->via != 0 || other->via != 0;
}

bool store_route_best(const struct model *model, uint32_t connection,
	const struct ip_prefix *prefix, struct routetree_entry *best)
{
	struct routetree_entry none;

	return store_route_scan(model, connection, prefix, 0, &none, best);
}
