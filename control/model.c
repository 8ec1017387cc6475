/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "control/store.h"
#include "control/vias.h"

static int shelf_create(struct store_shelf *shelf, uint32_t limit)
{
	shelf->limit = limit;
	shelf->slot = calloc((size_t)limit + 1, sizeof(shelf->slot[0]));
	shelf->free = calloc((size_t)limit + 1, sizeof(shelf->free[0]));
	if (shelf->slot == NULL || shelf->free == NULL)
		return -ENOMEM;
	for (uint32_t id = limit; id > 0; id--)
		shelf->free[shelf->free_count++] = id;
	return 0;
}

static void shelf_destroy(struct store_shelf *shelf)
{
	for (uint32_t id = 0; shelf->slot != NULL && id <= shelf->limit; id++)
		store_drop(shelf->slot[id].object);
	free(shelf->slot);
	free(shelf->free);
}

static int shelves_create(struct model *model, const struct model_limits *limits)
{
	const uint32_t limit[MODEL_KINDS] = {
		[MODEL_SITE] = limits->sites,
		[MODEL_PATH] = limits->paths,
		[MODEL_CONNECTION] = limits->connections,
		[MODEL_ENDPOINT] = limits->endpoints,
		[MODEL_ATTACHMENT] = limits->attachments,
	};
	/* Two keys for an object, and twice that while a change is applied. */
	size_t keys = 4 * ((size_t)limits->sites + limits->paths + limits->connections +
				  limits->endpoints + limits->attachments);

	model->keys = keymap_create(keys);
	if (model->keys == NULL)
		return -ENOMEM;
	for (unsigned kind = 0; kind < MODEL_KINDS; kind++)
		if (shelf_create(&model->shelf[kind], limit[kind]) < 0)
			return -ENOMEM;
	return 0;
}

static int ports_copy(struct model *model, const struct model_config *config)
{
	model->ports = calloc(config->port_count + 1, sizeof(model->ports[0]));
	if (model->ports == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < config->port_count; i++) {
		model->ports[i] = config->ports[i];
		model->ports[i].name = strdup(config->ports[i].name);
		if (model->ports[i].name == NULL)
			return -ENOMEM;
		model->port_count++;
	}
	return 0;
}

static int fill(struct model *model, const struct model_config *config)
{
	size_t sites = (size_t)config->limits.sites + 1;

	model->limits = config->limits;
	model->site_paths = calloc(sites, sizeof(model->site_paths[0]));
	model->site_taken = calloc(sites, sizeof(model->site_taken[0]));
	model->routes = calloc((size_t)config->limits.connections + 1, sizeof(model->routes[0]));
	model->route_owners =
		calloc((size_t)config->limits.connections + 1, sizeof(model->route_owners[0]));
	model->requests = calloc(STORE_REQUESTS, sizeof(model->requests[0]));
	if (model->site_paths == NULL || model->site_taken == NULL || model->routes == NULL ||
		model->route_owners == NULL || model->requests == NULL)
		return -ENOMEM;
	if (getrandom(model->secret, sizeof(model->secret), 0) != sizeof(model->secret))
		return -EIO;
	if (ports_copy(model, config) < 0 || shelves_create(model, &config->limits) < 0)
		return -ENOMEM;
	return vias_create(&model->vias, &config->limits);
}

struct model *model_create(const struct model_config *config)
{
	struct model *model = calloc(1, sizeof(*model));

	if (model == NULL)
		return NULL;
	if (fill(model, config) < 0) {
		model_destroy(model);
		return NULL;
	}
	return model;
}

void model_destroy(struct model *model)
{
	if (model == NULL)
		return;
	for (uint32_t id = 0; model->routes != NULL && id <= model->limits.connections; id++) {
		routetree_clear(&model->routes[id][0], &model->pool);
		routetree_clear(&model->routes[id][1], &model->pool);
	}
	routetree_pool_trim(&model->pool, 0, SIZE_MAX);
	for (unsigned kind = 0; kind < MODEL_KINDS; kind++)
		shelf_destroy(&model->shelf[kind]);
	vias_destroy(&model->vias);
	for (unsigned i = 0; i < model->port_count; i++)
		free((void *)(uintptr_t)model->ports[i].name);
	free(model->ports);
	keymap_destroy(model->keys);
	free(model->site_paths);
	free(model->site_taken);
	free(model->routes);
	free(model->route_owners);
	free(model->requests);
	free(model);
}

uint64_t model_generation(const struct model *model)
{
	return model->generation;
}

const struct model_limits *model_limits(const struct model *model)
{
	return &model->limits;
}

unsigned model_port_count(const struct model *model)
{
	return model->port_count;
}

const struct model_port *model_port(const struct model *model, unsigned index)
{
	return index < model->port_count ? &model->ports[index] : NULL;
}

int model_port_find(const struct model *model, const char *name)
{
	for (unsigned i = 0; i < model->port_count; i++)
		if (strcmp(model->ports[i].name, name) == 0)
			return (int)i;
	return -ENOENT;
}

const char *model_owner_name(const struct model *model, uint8_t owner)
{
	return owner <= model->owner_count ? model->owner[owner] : "";
}

const struct model_object *model_object(
	const struct model *model, enum model_kind kind, uint32_t id)
{
	const struct store_shelf *shelf = &model->shelf[kind];

	return id <= shelf->limit ? shelf->slot[id].object : NULL;
}

const struct model_site *model_site(const struct model *model, uint32_t id)
{
	return (const void *)model_object(model, MODEL_SITE, id);
}

const struct model_path *model_path(const struct model *model, uint32_t id)
{
	return (const void *)model_object(model, MODEL_PATH, id);
}

const struct model_connection *model_connection(const struct model *model, uint32_t id)
{
	return (const void *)model_object(model, MODEL_CONNECTION, id);
}

const struct model_endpoint *model_endpoint(const struct model *model, uint32_t id)
{
	return (const void *)model_object(model, MODEL_ENDPOINT, id);
}

const struct model_attachment *model_attachment(const struct model *model, uint32_t id)
{
	return (const void *)model_object(model, MODEL_ATTACHMENT, id);
}

const struct model_via *model_via(const struct model *model, uint32_t id)
{
	return id <= model->vias.limit ? model->vias.via[id] : NULL;
}

uint32_t model_next(const struct model *model, enum model_kind kind, uint32_t after)
{
	const struct store_shelf *shelf = &model->shelf[kind];

	for (uint32_t id = after + 1; id <= shelf->limit; id++)
		if (shelf->slot[id].object != NULL)
			return id;
	return 0;
}

uint32_t model_count(const struct model *model, enum model_kind kind)
{
	return model->shelf[kind].count;
}

uint32_t model_find(const struct model *model, enum model_kind kind, const char *name)
{
	uint32_t id = keymap_get(model->keys, store_key_name(model, kind, name));
	const struct model_object *object = model_object(model, kind, id);

	return object != NULL && strcmp(object->name, name) == 0 ? id : 0;
}

uint32_t model_endpoint_find(const struct model *model, uint32_t connection, uint32_t site)
{
	return keymap_get(model->keys, store_key_endpoint(connection, site));
}

uint32_t model_connection_attachment(const struct model *model, uint32_t connection, uint32_t after)
{
	if (after != 0)
		return model->shelf[MODEL_ATTACHMENT].slot[after].next;
	return model->shelf[MODEL_CONNECTION].slot[connection].first;
}

uint32_t model_site_path(const struct model *model, uint32_t site, unsigned index)
{
	return model->site_paths[site][index];
}

uint64_t model_routes(const struct model *model)
{
	return model->route_count;
}

uint32_t model_connection_routes(const struct model *model, uint32_t connection)
{
	return model->shelf[MODEL_CONNECTION].slot[connection].users;
}
