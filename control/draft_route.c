/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/draft.h"
#include "control/siphash.h"
#include "control/vias.h"

static uint64_t prefix_key(
	const struct draft *draft, uint32_t connection, const struct ip_prefix *prefix)
{
	uint8_t text[4 + sizeof(*prefix)];

	memcpy(text, &connection, 4);
	memcpy(&text[4], prefix, sizeof(*prefix));
	return siphash(draft->model->secret, text, sizeof(text));
}

bool draft_route_names(
	const struct draft *draft, uint32_t connection, const struct ip_prefix *prefix)
{
	return keymap_get(draft->prefixes, prefix_key(draft, connection, prefix)) != 0;
}

bool draft_route_name(struct draft *draft, uint32_t connection, const struct ip_prefix *prefix)
{
	uint64_t key = prefix_key(draft, connection, prefix);

	if (keymap_get(draft->prefixes, key) != 0)
		return false;
	keymap_put(draft->prefixes, key, 1);
	return true;
}

/* endpoint: of the connection for the via's site, before or after the change. */
static void count_users(struct draft *draft, uint32_t endpoint, uint32_t id, int by)
{
	const struct model_via *via = model_via(draft->model, id);

	draft->via_change[id] += by;
	if (via->kind == MODEL_VIA_SITE)
		draft->user_change[MODEL_ENDPOINT][endpoint] += by;
	for (unsigned i = 0; i < via->hop_count; i++)
		draft->user_change[MODEL_ATTACHMENT][via->hop[i].attachment] += by;
}

static void count_change(struct draft *draft, const struct draft_route *route)
{
	uint32_t old = route->own_before, new = route->entry.via;
	int more = (new != 0) - (old != 0);

	if (old != 0)
		count_users(draft,
			model_endpoint_find(draft->model, route->connection,
				model_via(draft->model, old)->site),
			old, -1);
	if (new != 0)
		count_users(draft,
			draft_endpoint(
				draft, route->connection, model_via(draft->model, new)->site),
			new, 1);
	draft->user_change[MODEL_CONNECTION][route->connection] += more;
	draft->route_change += more;
	draft->added += more > 0;
	draft->changed += more == 0;
	draft->removed += more < 0;
}

static struct draft_route *route_add(struct draft *draft)
{
	if (draft->route_count == draft->route_room) {
		uint32_t room = draft->route_room > 0 ? draft->route_room * 2 : 16;
		void *route = realloc(draft->route, room * sizeof(draft->route[0]));

		if (route == NULL)
			return NULL;
		draft->route = route;
		draft->route_room = room;
	}
	return &draft->route[draft->route_count++];
}

static uint32_t winner(const struct model *model, const struct routetree_entry *own,
	const struct routetree_entry *other)
{
	if (own->via == 0 || (other->via != 0 && store_route_wins(model, other, own)))
		return other->via;
	return own->via;
}

int draft_route(struct draft *draft, uint32_t connection, const struct ip_prefix *prefix,
	uint16_t preference, uint32_t via)
{
	struct model *model = draft->model;
	struct routetree_entry own, other;
	struct draft_route *route;

	store_route_scan(model, connection, prefix, draft->owner, &own, &other);
	if (own.via == via && (via == 0 || own.preference == preference))
		return 0;
	route = route_add(draft);
	if (route == NULL)
		return draft_no_memory(draft);
	*route = (struct draft_route){
		.entry = store_route_entry(prefix),
		.connection = connection,
		.own_before = own.via,
		.best_before = winner(model, &own, &other),
		.family = prefix->ip.family,
	};
	route->entry.owner = draft->owner;
	route->entry.preference = preference;
	route->entry.via = via;
	route->best_after = winner(model, &route->entry, &other);
	vias_hold(model, route->entry.via);
	vias_hold(model, route->own_before);
	vias_hold(model, route->best_before);
	vias_hold(model, route->best_after);
	count_change(draft, route);
	return 0;
}
