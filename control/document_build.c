/* SPDX-License-Identifier: BSD-3-Clause */
/* From the checked draft to the change, and from there into the model. */
#include <errno.h>
#include <stdlib.h>

#include "control/document_state.h"
#include "control/vias.h"

static size_t count_winners(const struct draft *draft)
{
	size_t count = 0;

	for (uint32_t i = 0; i < draft->route_count; i++)
		count += draft->route[i].best_before != draft->route[i].best_after;
	return count;
}

static struct change *change_create(const struct draft *draft)
{
	struct change *change = calloc(1, sizeof(*change));

	if (change == NULL)
		return NULL;
	change->model = draft->model;
	change->object = calloc((size_t)draft->item_count + 1, sizeof(change->object[0]));
	change->route = calloc(count_winners(draft) + 1, sizeof(change->route[0]));
	if (change->object != NULL && change->route != NULL)
		return change;
	free(change->object);
	free(change->route);
	free(change);
	return NULL;
}

static void list_kind(const struct draft *draft, enum model_kind kind, struct change *change)
{
	for (uint32_t i = 0; i < draft->item_count; i++) {
		const struct draft_item *item = &draft->item[i];

		if (item->kind != kind || !item->changed)
			continue;
		change->object[change->object_count++] = (struct change_object){
			.kind = item->kind,
			.id = item->id,
			.before = item->before,
			.after = item->after,
		};
		if (item->before != NULL)
			store_hold(item->before);
		if (item->after != NULL)
			store_hold(item->after);
	}
}

int document_build_change(struct document *document)
{
	if (document->dry_run || !document_has_effect(document))
		return 0;
	document->change = change_create(&document->draft);
	if (document->change == NULL)
		return draft_no_memory(&document->draft);
	document->change->generation = document->generation;
	for (unsigned kind = 0; kind < MODEL_KINDS; kind++)
		list_kind(&document->draft, kind, document->change);
	return 0;
}

static void list_route(struct model *model, const struct draft_route *route, struct change *change)
{
	bool ip6 = route->family == IP_6;

	if (route->best_before == route->best_after)
		return;
	vias_hold(model, route->best_before);
	vias_hold(model, route->best_after);
	change->routes_added[ip6] += route->best_before == 0;
	change->routes_removed[ip6] += route->best_after == 0;
	change->route[change->route_count++] = (struct change_route){
		.connection = route->connection,
		.before = route->best_before,
		.after = route->best_after,
		.prefix = store_route_prefix(&route->entry, route->family),
	};
}

int document_build_routes(struct document *document)
{
	if (document->change == NULL)
		return 0;
	for (unsigned i = 0; i < 4 * DOCUMENT_CHUNK; i++) {
		if (document->at_item == document->draft.route_count)
			return 0;
		list_route(document->model, &document->draft.route[document->at_item++],
			document->change);
	}
	return 1;
}

/* The change was never made: what it holds goes back, but no id is freed through it, as those of
 * new objects belong to the draft and those of removed ones are in use. */
void document_build_abandon(struct document *document)
{
	struct change *change = document->change;

	for (size_t i = 0; change != NULL && i < change->object_count; i++) {
		store_drop(change->object[i].before);
		store_drop(change->object[i].after);
	}
	if (change == NULL)
		return;
	change->object_count = 0;
	change_free(change);
}

static int commit_objects(struct document *document)
{
	for (unsigned i = 0; i < DOCUMENT_CHUNK; i++) {
		const struct draft_item *item;

		if (document->at_item == document->draft.item_count)
			return 0;
		item = &document->draft.item[document->at_item++];
		if (item->changed && item->after != NULL)
			store_place(document->model, item->before, item->after);
	}
	return 1;
}

static int commit_routes(struct document *document)
{
	for (unsigned i = 0; i < DOCUMENT_CHUNK; i++) {
		const struct draft_route *route;

		if (document->at_item == document->draft.route_count)
			return 0;
		route = &document->draft.route[document->at_item++];
		store_route_set(document->model, route->connection, route->family, &route->entry);
	}
	return 1;
}

/* Endpoints before sites, attachments before connections: users are counted down first. */
static int commit_removals(struct document *document)
{
	for (unsigned i = 0; i < DOCUMENT_CHUNK; i++) {
		const struct draft_item *item;

		if (document->at_item == document->draft.item_count)
			return 0;
		item = &document->draft.item[document->draft.item_count - ++document->at_item];
		if (item->changed)
			store_retire(document->model, item->before, item->after);
	}
	return 1;
}

static int commit_end(struct document *document)
{
	if (document_has_effect(document) || document->mode == DOCUMENT_RECORD)
		document->model->generation = document->generation;
	document_record_remember(document);
	document->change = NULL;
	document->committed = true;
	return 0;
}

int document_build_commit(struct document *document)
{
	static int (*const steps[])(struct document * document) = {
		commit_objects, commit_routes, commit_removals, commit_end};
	int result = steps[document->at_section](document);

	if (result != 0)
		return result;
	document->at_item = 0;
	document->at_section++;
	return document->at_section < ARRAY_SIZE(steps);
}
