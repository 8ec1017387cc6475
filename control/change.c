/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/change.h"

#include <stdlib.h>

#include "control/store.h"
#include "control/vias.h"

static void whole_objects(struct change *change)
{
	struct model *model = change->model;

	for (unsigned kind = 0; kind < MODEL_KINDS; kind++) {
		for (uint32_t id = model_next(model, kind, 0); id != 0;
			id = model_next(model, kind, id)) {
			const struct model_object *object = model_object(model, kind, id);

			store_hold(object);
			change->object[change->object_count++] =
				(struct change_object){.kind = kind, .id = id, .after = object};
		}
	}
}

#define LISTED 64

static void whole_route(struct change *change, uint32_t connection, uint8_t family,
	const struct routetree_entry *best)
{
	vias_hold(change->model, best->via);
	change->routes_added[family == IP_6]++;
	change->route[change->route_count++] = (struct change_route){.connection = connection,
		.after = best->via,
		.prefix = store_route_prefix(best, family)};
}

/* The owners of one prefix stand side by side. */
static void whole_table(struct change *change, uint32_t connection, uint8_t family)
{
	const struct routetree *tree = store_route_tree(change->model, connection, family);
	struct routetree_entry entry[LISTED], best = {0};
	size_t count = routetree_list(tree, &best, false, entry, LISTED);

	while (count > 0) {
		for (size_t i = 0; i < count; i++) {
			bool same = best.via != 0 && entry[i].high == best.high &&
				    entry[i].low == best.low && entry[i].length == best.length;

			if (same && !store_route_wins(change->model, &entry[i], &best))
				continue;
			if (best.via != 0 && !same)
				whole_route(change, connection, family, &best);
			best = entry[i];
		}
		count = routetree_list(tree, &entry[count - 1], true, entry, LISTED);
	}
	if (best.via != 0)
		whole_route(change, connection, family, &best);
}

struct change *change_whole(struct model *model)
{
	struct change *change = calloc(1, sizeof(*change));
	size_t objects = 0;

	if (change == NULL)
		return NULL;
	for (unsigned kind = 0; kind < MODEL_KINDS; kind++)
		objects += model_count(model, kind);
	change->model = model;
	change->generation = model_generation(model);
	change->object = calloc(objects + 1, sizeof(change->object[0]));
	change->route = calloc(model_routes(model) + 1, sizeof(change->route[0]));
	if (change->object == NULL || change->route == NULL) {
		change_free(change);
		return NULL;
	}
	whole_objects(change);
	for (uint32_t id = model_next(model, MODEL_CONNECTION, 0); id != 0;
		id = model_next(model, MODEL_CONNECTION, id)) {
		whole_table(change, id, IP_4);
		whole_table(change, id, IP_6);
	}
	return change;
}

static void object_release(struct model *model, const struct change_object *touched)
{
	if (touched->after == NULL && touched->kind == MODEL_PATH) {
		const struct model_path *path = (const void *)touched->before;

		model->site_taken[path->site] &= ~(UINT64_C(1) << path->index);
	}
	if (touched->after == NULL)
		store_id_give(model, touched->kind, touched->id);
	store_drop(touched->before);
	store_drop(touched->after);
}

#define SHRINK_BYTES ((size_t)1 << 20) /* giving back tens of megabytes at once takes long */

bool change_free_some(struct change *change, size_t routes)
{
	for (; change->route_count > 0 && routes > 0; routes--) {
		const struct change_route *route = &change->route[--change->route_count];

		vias_drop(change->model, route->before);
		vias_drop(change->model, route->after);
	}
	if (change->route_count * sizeof(change->route[0]) > SHRINK_BYTES) {
		void *less = realloc(change->route, change->route_count * sizeof(change->route[0]));

		change->route = less != NULL ? less : change->route;
	}
	if (change->route_count > 0)
		return true;
	for (size_t i = 0; i < change->object_count; i++)
		object_release(change->model, &change->object[i]);
	free(change->object);
	free(change->route);
	free(change);
	return false;
}

void change_free(struct change *change)
{
	if (change != NULL)
		change_free_some(change, SIZE_MAX);
}
