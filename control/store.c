/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/store.h"

#include <stdlib.h>
#include <string.h>

#include "control/siphash.h"

/* The top four bits keep the kinds of keys apart; names are hashes under a secret, so two names
 * meet only by an accident of 2^-60. */
enum key_space { KEY_NAME = 1, KEY_TAGS, KEY_VNI, KEY_SITE_VNI, KEY_ENDPOINT };

static uint64_t key_make(enum key_space space, uint64_t value)
{
	return (uint64_t)space << 60 | (value & (UINT64_MAX >> 4));
}

uint64_t store_key_name(const struct model *model, enum model_kind kind, const char *name)
{
	uint64_t secret[2] = {model->secret[0] ^ kind, model->secret[1]};

	return key_make(KEY_NAME, siphash(secret, name, strlen(name)));
}

static uint64_t tag_bits(const struct model_attachment *attachment, unsigned at)
{
	const struct model_tag *tag = &attachment->tag[at];

	if (at >= attachment->tag_count)
		return 0;
	return (uint64_t)(tag->type == 0x88a8) << 12 | tag->vlan;
}

static uint64_t key_tags(const struct model_attachment *attachment)
{
	return key_make(KEY_TAGS, (uint64_t)attachment->port << 32 | tag_bits(attachment, 0) << 16 |
					  tag_bits(attachment, 1));
}

uint64_t store_key_endpoint(uint32_t connection, uint32_t site)
{
	return key_make(KEY_ENDPOINT, (uint64_t)connection << 24 | site);
}

unsigned store_keys(const struct model *model, const struct model_object *object, uint64_t key[2])
{
	const struct model_endpoint *endpoint = (const void *)object;

	if (object->kind == MODEL_ENDPOINT) {
		key[0] = store_key_endpoint(endpoint->connection, endpoint->site);
		key[1] = key_make(KEY_SITE_VNI, (uint64_t)endpoint->site << 24 | endpoint->vni);
		return 2;
	}
	key[0] = store_key_name(model, object->kind, object->name);
	if (object->kind == MODEL_CONNECTION) {
		key[1] = key_make(KEY_VNI, ((const struct model_connection *)object)->vni);
		return 2;
	}
	if (object->kind == MODEL_ATTACHMENT) {
		key[1] = key_tags((const void *)object);
		return 2;
	}
	return 1;
}

uint32_t store_id_take(struct model *model, enum model_kind kind)
{
	struct store_shelf *shelf = &model->shelf[kind];

	return shelf->free_count > 0 ? shelf->free[--shelf->free_count] : 0;
}

void store_id_give(struct model *model, enum model_kind kind, uint32_t id)
{
	struct store_shelf *shelf = &model->shelf[kind];

	shelf->free[shelf->free_count++] = id;
}

uint8_t store_owner(struct model *model, const char *name)
{
	for (unsigned i = 1; i <= model->owner_count; i++)
		if (strcmp(model->owner[i], name) == 0)
			return (uint8_t)i;
	if (model->owner_count == MODEL_OWNERS)
		return 0;
	model->owner_count++;
	strncpy(model->owner[model->owner_count], name, MODEL_NAME_MAX);
	return (uint8_t)model->owner_count;
}

size_t store_size(enum model_kind kind, size_t endpoints)
{
	static const size_t size[MODEL_KINDS] = {
		[MODEL_SITE] = sizeof(struct model_site),
		[MODEL_PATH] = sizeof(struct model_path),
		[MODEL_CONNECTION] = sizeof(struct model_connection),
		[MODEL_ENDPOINT] = sizeof(struct model_endpoint),
		[MODEL_ATTACHMENT] = sizeof(struct model_attachment),
	};

	return size[kind] + endpoints * sizeof(struct model_endpoint *);
}

struct model_object *store_object(enum model_kind kind, size_t endpoints)
{
	struct model_object *object = calloc(1, store_size(kind, endpoints));

	if (object == NULL)
		return NULL;
	object->kind = (uint8_t)kind;
	object->holders = 1;
	return object;
}

/* Objects are const for everybody; the count of holders is the one field that lives on. */
static struct model_object *writable(const struct model_object *object)
{
	return (struct model_object *)(uintptr_t)object;
}

void store_hold(const struct model_object *object)
{
	writable(object)->holders++;
}

void store_drop(const struct model_object *object)
{
	if (object == NULL || --writable(object)->holders > 0)
		return;
	if (object->kind == MODEL_CONNECTION) {
		const struct model_connection *connection = (const void *)object;

		for (unsigned i = 0; i < connection->endpoint_count; i++)
			store_drop(&connection->endpoint[i]->object);
	}
	free(writable(object));
}

static void attachment_link(struct model *model, const struct model_attachment *attachment)
{
	struct store_slot *slot = model->shelf[MODEL_ATTACHMENT].slot;
	struct store_slot *connection =
		&model->shelf[MODEL_CONNECTION].slot[attachment->connection];
	uint32_t id = attachment->object.id;

	slot[id].next = connection->first;
	slot[id].prev = 0;
	if (connection->first != 0)
		slot[connection->first].prev = id;
	connection->first = id;
}

static void attachment_unlink(struct model *model, const struct model_attachment *attachment)
{
	struct store_slot *slot = model->shelf[MODEL_ATTACHMENT].slot;
	struct store_slot *self = &slot[attachment->object.id];

	if (self->prev != 0)
		slot[self->prev].next = self->next;
	else
		model->shelf[MODEL_CONNECTION].slot[attachment->connection].first = self->next;
	if (self->next != 0)
		slot[self->next].prev = self->prev;
	self->next = self->prev = 0;
}

static void own_link(struct model *model, const struct model_object *object)
{
	struct store_slot *slot = model->shelf[object->kind].slot;
	struct store_owned *owned = &model->owned[object->kind][object->owner];

	slot[object->id].own_next = 0;
	slot[object->id].own_prev = owned->last;
	if (owned->last != 0)
		slot[owned->last].own_next = object->id;
	else
		owned->first = object->id;
	owned->last = object->id;
}

static void own_unlink(struct model *model, const struct model_object *object)
{
	struct store_slot *slot = model->shelf[object->kind].slot, *self = &slot[object->id];
	struct store_owned *owned = &model->owned[object->kind][object->owner];

	if (self->own_prev != 0)
		slot[self->own_prev].own_next = self->own_next;
	else
		owned->first = self->own_next;
	if (self->own_next != 0)
		slot[self->own_next].own_prev = self->own_prev;
	else
		owned->last = self->own_prev;
	self->own_next = self->own_prev = 0;
}

/* Links to other objects; they last as long as the object, whatever changes in it. */
static void link_object(struct model *model, const struct model_object *object)
{
	const struct model_path *path = (const void *)object;
	const struct model_endpoint *endpoint = (const void *)object;

	if (object->kind == MODEL_PATH)
		model->site_paths[path->site][path->index] = object->id;
	else if (object->kind == MODEL_ENDPOINT)
		model->shelf[MODEL_SITE].slot[endpoint->site].users++;
	else if (object->kind == MODEL_ATTACHMENT)
		attachment_link(model, (const void *)object);
	own_link(model, object);
	model->shelf[object->kind].count++;
}

static void unlink_object(struct model *model, const struct model_object *object)
{
	const struct model_path *path = (const void *)object;
	const struct model_endpoint *endpoint = (const void *)object;

	if (object->kind == MODEL_PATH)
		model->site_paths[path->site][path->index] = 0;
	else if (object->kind == MODEL_ENDPOINT)
		model->shelf[MODEL_SITE].slot[endpoint->site].users--;
	else if (object->kind == MODEL_ATTACHMENT)
		attachment_unlink(model, (const void *)object);
	own_unlink(model, object);
	model->shelf[object->kind].count--;
}

void store_place(
	struct model *model, const struct model_object *before, const struct model_object *after)
{
	uint64_t key[2];
	unsigned count = store_keys(model, after, key);

	for (unsigned i = 0; i < count; i++)
		keymap_put(model->keys, key[i], after->id);
	if (before == NULL)
		link_object(model, after);
	model->shelf[after->kind].slot[after->id].object = after;
	store_hold(after);
}

void store_retire(
	struct model *model, const struct model_object *before, const struct model_object *after)
{
	uint64_t old[2], new[2] = {0, 0};
	unsigned count;

	if (before == NULL)
		return;
	count = store_keys(model, before, old);
	if (after != NULL)
		store_keys(model, after, new);
	for (unsigned i = 0; i < count; i++)
		if (old[i] != new[i] && keymap_get(model->keys, old[i]) == before->id)
			keymap_delete(model->keys, old[i]);
	if (after == NULL) {
		unlink_object(model, before);
		model->shelf[before->kind].slot[before->id].object = NULL;
	}
	store_drop(before);
}

const struct store_request *store_request_find(
	const struct model *model, const char *owner, const char *id)
{
	for (unsigned i = 0; i < STORE_REQUESTS; i++)
		if (strcmp(model->requests[i].id, id) == 0 &&
			strcmp(model->requests[i].owner, owner) == 0)
			return &model->requests[i];
	return NULL;
}

void store_request_remember(struct model *model, const struct store_request *request)
{
	model->requests[model->request_next] = *request;
	model->request_next = (model->request_next + 1) % STORE_REQUESTS;
}
