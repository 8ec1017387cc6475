/* SPDX-License-Identifier: BSD-3-Clause */
/* What the client is told: generation and counts; under dry_run also what would change. */
#include "control/document_state.h"
#include "control/render.h"

#define LISTED_MOST 1000

static const char *const kinds[] = {"site", "path", "connection", "endpoint", "attachment"};

static const char *action_of(bool before, bool after)
{
	if (before && after)
		return "change";
	return after ? "add" : "remove";
}

static void list_item(struct emit *emit, const struct draft_item *item)
{
	const struct model_object *object = item->after != NULL ? item->after : item->before;

	emit_object(emit, NULL);
	emit_string(emit, "action", action_of(item->before != NULL, item->after != NULL));
	emit_string(emit, "kind", kinds[item->kind]);
	emit_string(emit, "name", object->name);
	emit_end(emit);
}

static void list_route(const struct render *render, const struct draft_route *route)
{
	struct ip_prefix prefix = store_route_prefix(&route->entry, route->family);
	struct emit *emit = render->emit;

	emit_object(emit, NULL);
	emit_string(emit, "action", action_of(route->own_before != 0, route->entry.via != 0));
	emit_string(emit, "kind", "route");
	emit_string(emit, "connection", render_name(render, MODEL_CONNECTION, route->connection));
	render_prefix(emit, "prefix", &prefix);
	emit_end(emit);
}

static void list_changes(const struct document *document, struct emit *emit)
{
	const struct draft *draft = &document->draft;
	struct render render = {emit, document->model, draft};
	unsigned listed = 0;
	uint32_t total = draft->added + draft->changed + draft->removed;

	emit_bool(emit, "dry_run", true);
	emit_array(emit, "changes");
	for (uint32_t i = 0; i < draft->item_count && listed < LISTED_MOST; i++) {
		if (!draft->item[i].changed || draft->item[i].kind == MODEL_ENDPOINT)
			continue;
		list_item(emit, &draft->item[i]);
		listed++;
	}
	for (uint32_t i = 0; i < draft->route_count && listed < LISTED_MOST; i++, listed++)
		list_route(&render, &draft->route[i]);
	emit_end(emit);
	emit_u64(emit, "not_listed", total - listed);
}

int document_answer_write(struct document *document)
{
	const struct store_request *repeat = document->repeat;
	const struct draft *draft = &document->draft;
	bool moves = document_has_effect(document) && !document->dry_run;
	struct emit emit;

	emit_init(&emit, &document->answer);
	emit_object(&emit, NULL);
	emit_u64(&emit, "generation",
		repeat != NULL ? repeat->generation
		: moves	       ? document->generation
			       : document->model->generation);
	emit_u64(&emit, "added", repeat != NULL ? repeat->added : draft->added);
	emit_u64(&emit, "changed", repeat != NULL ? repeat->changed : draft->changed);
	emit_u64(&emit, "removed", repeat != NULL ? repeat->removed : draft->removed);
	if (document->dry_run)
		list_changes(document, &emit);
	emit_end(&emit);
	if (document->answer.failed)
		return refusal_set(document->refusal, REFUSAL_NO_MEMORY, "", "out of memory");
	return 0;
}
