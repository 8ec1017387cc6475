/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/draft.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/siphash.h"
#include "control/vias.h"

int draft_begin(struct draft *draft, struct model *model, struct refusal *refusal, size_t items,
	size_t prefixes)
{
	*draft = (struct draft){.model = model, .refusal = refusal};
	for (unsigned kind = 0; kind < MODEL_KINDS; kind++) {
		size_t places = (size_t)model->shelf[kind].limit + 1;

		draft->item_of[kind] = calloc(places, sizeof(draft->item_of[kind][0]));
		draft->user_change[kind] = calloc(places, sizeof(draft->user_change[kind][0]));
		if (draft->item_of[kind] == NULL || draft->user_change[kind] == NULL)
			return -ENOMEM;
	}
	draft->siblings = calloc((size_t)model->limits.connections + 1, sizeof(draft->siblings[0]));
	draft->via_change = calloc((size_t)model->vias.limit + 1, sizeof(draft->via_change[0]));
	draft->keys = keymap_create(2 * items);
	draft->prefixes = keymap_create(prefixes);
	if (draft->siblings == NULL || draft->via_change == NULL || draft->keys == NULL ||
		draft->prefixes == NULL)
		return -ENOMEM;
	return 0;
}

static void item_clear(struct draft *draft, struct draft_item *item, bool kept)
{
	const struct model_path *path = (const void *)item->after;

	if (item->before == NULL && !kept) {
		if (item->kind == MODEL_PATH)
			draft->model->site_taken[path->site] &= ~(UINT64_C(1) << path->index);
		store_id_give(draft->model, item->kind, item->id);
	}
	store_drop(item->before);
	store_drop(item->after);
}

bool draft_clear(struct draft *draft, bool kept, uint32_t routes)
{
	for (; draft->route_count > 0 && routes > 0; routes--) {
		struct draft_route *route = &draft->route[--draft->route_count];

		vias_drop(draft->model, route->entry.via);
		vias_drop(draft->model, route->own_before);
		vias_drop(draft->model, route->best_before);
		vias_drop(draft->model, route->best_after);
	}
	if (draft->route_count > 0)
		return true;
	while (draft->item_count > 0)
		item_clear(draft, &draft->item[--draft->item_count], kept);
	for (unsigned kind = 0; kind < MODEL_KINDS; kind++) {
		free(draft->item_of[kind]);
		free(draft->user_change[kind]);
	}
	free(draft->siblings);
	free(draft->via_change);
	keymap_destroy(draft->keys);
	keymap_destroy(draft->prefixes);
	free(draft->item);
	free(draft->route);
	*draft = (struct draft){0};
	return false;
}

int draft_no_memory(const struct draft *draft)
{
	return refusal_set(draft->refusal, REFUSAL_NO_MEMORY, "", "out of memory");
}

struct draft_item *draft_item(const struct draft *draft, enum model_kind kind, uint32_t id)
{
	uint32_t at = draft->item_of[kind][id];

	return at != 0 ? &draft->item[at - 1] : NULL;
}

const struct model_object *draft_object(
	const struct draft *draft, enum model_kind kind, uint32_t id)
{
	const struct draft_item *item = draft_item(draft, kind, id);

	return item != NULL ? item->after : model_object(draft->model, kind, id);
}

uint32_t draft_find(const struct draft *draft, enum model_kind kind, const char *name)
{
	uint32_t id = keymap_get(draft->keys, store_key_name(draft->model, kind, name));

	return id != 0 ? id : model_find(draft->model, kind, name);
}

uint32_t draft_endpoint(const struct draft *draft, uint32_t connection, uint32_t site)
{
	uint64_t key = store_key_endpoint(connection, site);
	uint32_t id = keymap_get(draft->keys, key);

	if (id == 0)
		id = keymap_get(draft->model->keys, key);
	return draft_object(draft, MODEL_ENDPOINT, id) != NULL ? id : 0;
}

uint32_t draft_key_taken(const struct draft *draft, enum model_kind kind, uint64_t key, uint32_t id)
{
	uint32_t holder = keymap_get(draft->keys, key);

	if (holder != 0 && holder != id)
		return holder;
	holder = keymap_get(draft->model->keys, key);
	/* What the draft touches holds after the change only what draft->keys says. */
	return holder != id && draft->item_of[kind][holder] == 0 ? holder : 0;
}

int64_t draft_users(const struct draft *draft, enum model_kind kind, uint32_t id)
{
	return (int64_t)draft->model->shelf[kind].slot[id].users + draft->user_change[kind][id];
}

/* *at: first the staged ones (place + 1), then, with bit 32 set, those of the model. */
const struct model_attachment *draft_attachment(
	const struct draft *draft, uint32_t connection, uint64_t *at)
{
	const uint64_t in_model = UINT64_C(1) << 32;
	uint32_t id;

	while ((*at & in_model) == 0) {
		uint32_t item =
			*at == 0 ? draft->siblings[connection] : draft->item[*at - 1].sibling;

		*at = item != 0 ? item : in_model;
		if (item != 0 && draft->item[item - 1].after != NULL)
			return (const void *)draft->item[item - 1].after;
	}
	do {
		id = model_connection_attachment(draft->model, connection, (uint32_t)*at);
		*at = in_model | id;
	} while (id != 0 && draft->item_of[MODEL_ATTACHMENT][id] != 0);
	return model_attachment(draft->model, id);
}

const struct model_object *draft_next(const struct draft *draft, enum model_kind kind, uint32_t *id)
{
	uint32_t limit = draft->model->shelf[kind].limit;

	while (++*id <= limit) {
		const struct model_object *object = draft_object(draft, kind, *id);

		if (object != NULL)
			return object;
	}
	return NULL;
}

static struct draft_item *item_add(struct draft *draft)
{
	if (draft->item_count == draft->item_room) {
		uint32_t room = draft->item_room > 0 ? draft->item_room * 2 : 16;
		void *item = realloc(draft->item, room * sizeof(draft->item[0]));

		if (item == NULL)
			return NULL;
		draft->item = item;
		draft->item_room = room;
	}
	draft->item[draft->item_count] = (struct draft_item){.place = DRAFT_NOWHERE};
	return &draft->item[draft->item_count++];
}

static const char *const kind_names[MODEL_KINDS] = {
	"site", "path", "connection", "endpoint", "attachment"};

/* What speaks against staging the object at all. */
static int check_put(const struct draft *draft, const struct model_object *after,
	const struct model_object *before, const struct field *where)
{
	if (before != NULL ? draft->item_of[after->kind][before->id] != 0
			   : after->kind != MODEL_ENDPOINT &&
				     draft_find(draft, after->kind, after->name) != 0)
		return field_refuse(where, REFUSAL_DUPLICATE_NAME, "%s \"%s\" is named twice",
			kind_names[after->kind], after->name);
	if (before != NULL && before->owner != draft->owner)
		return field_refuse(where, REFUSAL_OTHER_OWNER, "%s \"%s\" belongs to owner \"%s\"",
			kind_names[after->kind], after->name,
			model_owner_name(draft->model, before->owner));
	if (before == NULL && draft->model->shelf[after->kind].free_count == 0)
		return field_refuse(where, REFUSAL_LIMIT,
			"no more than %u %ss: see limits in the boot file",
			draft->model->shelf[after->kind].limit, kind_names[after->kind]);
	return 0;
}

static void stage_keys(struct draft *draft, const struct model_object *after)
{
	uint64_t key[2];
	unsigned count = store_keys(draft->model, after, key);

	for (unsigned i = 0; i < count; i++)
		if (keymap_get(draft->keys, key[i]) == 0)
			keymap_put(draft->keys, key[i], after->id);
}

uint32_t draft_put(struct draft *draft, struct model_object *after,
	const struct model_object *before, const struct field *where)
{
	struct draft_item *item;

	if (check_put(draft, after, before, where) < 0)
		goto refused;
	item = item_add(draft);
	if (item == NULL) {
		draft_no_memory(draft);
		goto refused;
	}
	after->owner = draft->owner;
	after->id = before != NULL ? before->id : store_id_take(draft->model, after->kind);
	item->kind = after->kind;
	item->id = after->id;
	item->before = before;
	item->after = after;
	if (before != NULL)
		store_hold(before);
	if (after->kind == MODEL_ATTACHMENT) {
		uint32_t *first = &draft->siblings[((struct model_attachment *)after)->connection];

		item->sibling = *first;
		*first = draft->item_count;
	}
	if (after->kind == MODEL_ENDPOINT && before == NULL)
		draft->user_change[MODEL_SITE][((struct model_endpoint *)after)->site]++;
	draft->item_of[after->kind][after->id] = draft->item_count;
	stage_keys(draft, after);
	return draft->item_count;

refused:
	store_drop(after);
	return 0;
}

/* Objects come zeroed, so equal contents are equal bytes. */
static bool same(const struct model_object *a, const struct model_object *b)
{
	size_t fixed = store_size(a->kind, 0), bytes = fixed;

	if (a->kind == MODEL_CONNECTION)
		bytes = store_size(a->kind, ((const struct model_connection *)a)->endpoint_count);
	/* Where the numbers of endpoints differ, the fixed part ends the comparison early. */
	return memcmp((const char *)a + sizeof(*a), (const char *)b + sizeof(*b),
		       fixed - sizeof(*a)) == 0 &&
	       memcmp((const char *)a + sizeof(*a), (const char *)b + sizeof(*b),
		       bytes - sizeof(*a)) == 0;
}

static bool lost_address(
	const struct model_attachment *before, const struct model_attachment *after)
{
	return before->address_count != after->address_count ||
	       memcmp(before->address, after->address, sizeof(before->address)) != 0;
}

void draft_settle(struct draft *draft, uint32_t place)
{
	struct draft_item *item = &draft->item[place - 1];
	bool counts = item->kind != MODEL_ENDPOINT;

	item->changed = item->before == NULL || !same(item->before, item->after);
	if (!item->changed) {
		store_drop(item->after);
		item->after = item->before;
		store_hold(item->after);
		return;
	}
	draft->added += counts && item->before == NULL;
	draft->changed += counts && item->before != NULL;
	if (item->kind == MODEL_ATTACHMENT && item->before != NULL &&
		lost_address((const void *)item->before, (const void *)item->after))
		draft->moved_subnets = true;
}

int draft_path_index(struct draft *draft, uint32_t site)
{
	uint64_t *taken = &draft->model->site_taken[site];

	if (*taken == UINT64_MAX)
		return -ENOSPC;
	for (int index = 0;; index++) {
		if ((*taken >> index & 1) == 0) {
			*taken |= UINT64_C(1) << index;
			return index;
		}
	}
}

static int remove_one(struct draft *draft, const struct model_object *before, uint32_t place)
{
	struct draft_item *item = item_add(draft);

	if (item == NULL)
		return draft_no_memory(draft);
	item->kind = before->kind;
	item->id = before->id;
	item->before = before;
	item->changed = true;
	item->place = place;
	store_hold(before);
	draft->item_of[before->kind][before->id] = draft->item_count;
	if (before->kind == MODEL_ENDPOINT)
		draft->user_change[MODEL_SITE][((const struct model_endpoint *)before)->site]--;
	else
		draft->removed++;
	return 0;
}

int draft_remove(struct draft *draft, enum model_kind kind, uint32_t id, uint32_t place)
{
	const struct model_object *before = model_object(draft->model, kind, id);
	const struct model_connection *connection = (const void *)before;

	if (remove_one(draft, before, place) < 0)
		return -EINVAL;
	for (unsigned i = 0; kind == MODEL_CONNECTION && i < connection->endpoint_count; i++)
		if (remove_one(draft, &connection->endpoint[i]->object, place) < 0)
			return -EINVAL;
	return 0;
}

int draft_refuse(const struct draft *draft, const struct draft_item *item, const char *suffix,
	int code, const char *format, ...)
{
	char pointer[REFUSAL_POINTER_MAX], text[REFUSAL_TEXT_MAX], place[24] = "", inner[40] = "";
	enum model_kind section = item->kind;
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (item->kind == MODEL_ENDPOINT) {
		section = MODEL_CONNECTION;
		if (item->after != NULL)
			snprintf(inner, sizeof(inner), "/endpoints/%u", item->inner);
	}
	if (item->place != DRAFT_NOWHERE && !draft->single[section])
		snprintf(place, sizeof(place), "/%u", item->place);
	snprintf(pointer, sizeof(pointer), "%s%s%s%s",
		draft->section[section] != NULL ? draft->section[section] : "", place, inner,
		item->after != NULL ? suffix : "");
	return refusal_set(draft->refusal, code, pointer, "%s", text);
}
