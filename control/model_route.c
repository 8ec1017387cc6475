/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/store.h"
#include "control/vias.h"

#define AT_ONCE 64

uint32_t model_route_best(
	const struct model *model, uint32_t connection, const struct ip_prefix *prefix)
{
	struct routetree_entry best;

	return store_route_best(model, connection, prefix, &best) ? best.via : 0;
}

static struct model_route to_route(const struct routetree_entry *entry, uint8_t family)
{
	return (struct model_route){
		.prefix = store_route_prefix(entry, family),
		.owner = entry->owner,
		.preference = entry->preference,
		.via = entry->via,
	};
}

bool model_route_match(const struct model *model, uint32_t connection,
	const struct ip_address *address, struct model_route *route)
{
	struct routetree_entry best;

	for (int length = (int)ip_bits(address->family); length >= 0; length--) {
		struct ip_prefix prefix = {ip_mask(address, (uint8_t)length), (uint8_t)length};

		if (store_route_best(model, connection, &prefix, &best)) {
			*route = to_route(&best, address->family);
			return true;
		}
	}
	return false;
}

size_t model_route_list(const struct model *model, uint32_t connection, uint8_t family,
	const struct model_route *after, struct model_route *route, size_t count)
{
	const struct routetree *tree = store_route_tree(model, connection, family);
	struct routetree_entry at = {0}, entry[AT_ONCE];
	bool past = after != NULL;
	size_t written = 0, got;

	if (after != NULL) {
		at = store_route_entry(&after->prefix);
		at.owner = after->owner;
	}
	do {
		size_t want = count - written < AT_ONCE ? count - written : AT_ONCE;

		got = routetree_list(tree, &at, past, entry, want);
		for (size_t i = 0; i < got; i++)
			route[written++] = to_route(&entry[i], family);
		if (got > 0)
			at = entry[got - 1];
		past = true;
	} while (got == AT_ONCE && written < count);
	return written;
}

uint64_t model_route_bytes(const struct model *model)
{
	return routetree_pool_bytes(&model->pool) + vias_bytes(&model->vias);
}
