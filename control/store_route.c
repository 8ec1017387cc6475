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

void store_route_set(struct model *model, uint32_t connection, uint8_t family,
	const struct routetree_entry *entry)
{
	struct routetree *tree = store_route_tree(model, connection, family);
	const struct routetree_entry *found = routetree_find(tree, entry);
	uint32_t before = found != NULL ? found->via : 0;
	uint32_t count = tree->count;

	if (entry->via != 0) {
		vias_use(model, connection, entry->via, 1);
		routetree_put(tree, &model->pool, entry);
	} else {
		routetree_delete(tree, &model->pool, entry);
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

const struct routetree_entry *store_route_best(const struct model *model, uint32_t connection,
	const struct ip_prefix *prefix, uint8_t without, struct routetree_entry *best)
{
	const struct routetree *tree = store_route_tree(model, connection, prefix->ip.family);
	struct routetree_entry at = store_route_entry(prefix), next;
	bool found = false;

	/* Owners of one prefix stand side by side; owner numbers start at 1. */
	while (routetree_list(tree, &at, true, &next, 1) == 1 && next.high == at.high &&
		next.low == at.low && next.length == at.length) {
		if (next.owner != without && (!found || store_route_wins(model, &next, best))) {
			*best = next;
			found = true;
		}
		at = next;
	}
	return found ? best : NULL;
}
