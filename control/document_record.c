/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The journal's record of a change: its outcome, object by object, in the form of a request, with
 * the prefixes packed behind it. What was refused, or changes nothing, is not in it.
 */
#include <string.h>

#include "control/document_state.h"
#include "control/render.h"

struct stage {
	unsigned kind;
	const char *key;
};

static const struct stage stages[] = {
	{MODEL_SITE, "sites"},
	{MODEL_PATH, "paths"},
	{MODEL_CONNECTION, "connections"},
	{MODEL_ATTACHMENT, "attachments"},
	{DOCUMENT_ROUTES, "routes"},
};

#define STAGES ARRAY_SIZE(stages)

static struct render record_render(struct document *document)
{
	return (struct render){&document->record_emit, document->model, &document->draft};
}

static void write_head(struct document *document)
{
	struct emit *emit = &document->record_emit;
	uint64_t generation =
		document_has_effect(document) ? document->generation : document->model->generation;

	emit_init(emit, &document->record);
	emit_object(emit, NULL);
	emit_u64(emit, "generation", generation);
	emit_string(emit, "owner", document->owner);
	if (document->request_id[0] == '\0')
		return;
	emit_string(emit, "request_id", document->request_id);
	emit_array(emit, "counts");
	emit_u64(emit, NULL, document->draft.added);
	emit_u64(emit, NULL, document->draft.changed);
	emit_u64(emit, NULL, document->draft.removed);
	emit_end(emit);
}

static void write_item(
	struct document *document, const struct draft_item *item, unsigned kind, bool removal)
{
	struct render render = record_render(document);

	if (item->kind != kind || !item->changed || (item->after == NULL) != removal)
		return;
	if (removal)
		emit_string(&document->record_emit, NULL, item->before->name);
	else
		render_object(&render, NULL, item->after, false);
}

static void write_group(struct document *document, const struct draft_route *route)
{
	struct emit *emit = &document->record_emit;
	struct render render = record_render(document);

	emit_object(emit, NULL);
	emit_string(emit, "connection", render_name(&render, MODEL_CONNECTION, route->connection));
	if (route->entry.via != 0) {
		render_via(&render, "via", route->entry.via);
		emit_u64(emit, "preference", route->entry.preference);
	}
	emit_end(emit);
}

static void write_route(struct document *document, uint32_t at, bool removal)
{
	const struct draft_route *route = &document->draft.route[at];
	struct ip_prefix prefix = store_route_prefix(&route->entry, route->family);
	const struct packed_group group = {
		route->connection, route->entry.via, removal ? 0 : route->entry.preference};

	if ((route->entry.via == 0) != removal)
		return;
	if (packed_select(&document->record_packed, &group))
		write_group(document, route);
	packed_prefix(&document->record_packed, &prefix);
}

static bool write_some(struct document *document, const struct stage *stage, bool removal)
{
	bool routes = stage->kind == DOCUMENT_ROUTES;
	size_t count = routes ? document->draft.route_count : document->draft.item_count;

	for (unsigned i = 0; i < DOCUMENT_CHUNK; i++) {
		size_t at = document->at_item;

		if (at == count)
			return false;
		if (routes)
			write_route(document, (uint32_t)at, removal);
		else
			write_item(document, &document->draft.item[at], stage->kind, removal);
		document->at_item++;
	}
	return true;
}

/* at_section counts half stages: open, write; 2 × STAGES of them for puts, as many for deletes. */
static int write_stage(struct document *document)
{
	struct emit *emit = &document->record_emit;
	unsigned stage = document->at_section / 2 % STAGES;
	bool removal = document->at_section / 2 >= STAGES;

	if (document->at_section % 2 == 0) {
		if (stage == 0)
			emit_object(emit, removal ? "delete" : "put");
		emit_array(emit, stages[stage].key);
		document->at_section++;
		return 1;
	}
	if (write_some(document, &stages[stage], removal))
		return 1;
	emit_end(emit);
	packed_end(&document->record_packed);
	if (stage == STAGES - 1)
		emit_end(emit);
	document->at_item = 0;
	document->at_section++;
	return 1;
}

int document_record_write(struct document *document)
{
	if (document->mode == DOCUMENT_RECORD || document->dry_run ||
		(!document_has_effect(document) && document->request_id[0] == '\0'))
		return 0;
	if (document->record.length == 0)
		write_head(document);
	if (document_has_effect(document) && document->at_section < 4 * STAGES)
		return write_stage(document);
	emit_end(&document->record_emit);
	if (document->draft.route_count > 0)
		packed_join(&document->record_packed, &document->record);
	return document->record.failed ? draft_no_memory(&document->draft) : 0;
}

static void read_counts(const json_t *counts, struct store_request *request)
{
	request->added = (uint32_t)json_integer_value(json_array_get(counts, 0));
	request->changed = (uint32_t)json_integer_value(json_array_get(counts, 1));
	request->removed = (uint32_t)json_integer_value(json_array_get(counts, 2));
}

static void copy_name(char to[MODEL_NAME_MAX + 1], const json_t *from)
{
	if (json_is_string(from))
		strncpy(to, json_string_value(from), MODEL_NAME_MAX);
}

/* A checkpoint carries the answers of earlier requests in a list. */
static void remember_list(struct document *document)
{
	const json_t *list = json_object_get(document->params, "requests"), *item;
	size_t index;

	json_array_foreach(list, index, item)
	{
		struct store_request request = {0};

		copy_name(request.owner, json_object_get(item, "owner"));
		copy_name(request.id, json_object_get(item, "request_id"));
		request.generation =
			(uint64_t)json_integer_value(json_object_get(item, "generation"));
		read_counts(json_object_get(item, "counts"), &request);
		if (request.id[0] != '\0')
			store_request_remember(document->model, &request);
	}
}

void document_record_remember(struct document *document)
{
	struct store_request request = {
		.generation = document->model->generation,
		.added = document->draft.added,
		.changed = document->draft.changed,
		.removed = document->draft.removed,
	};

	if (document->mode == DOCUMENT_RECORD)
		remember_list(document);
	if (document->request_id[0] == '\0')
		return;
	if (document->mode == DOCUMENT_RECORD)
		read_counts(json_object_get(document->params, "counts"), &request);
	strcpy(request.id, document->request_id);
	strcpy(request.owner, document->owner);
	store_request_remember(document->model, &request);
}
