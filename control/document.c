/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/document.h"

#include <errno.h>
#include <stdlib.h>

#include "control/check.h"
#include "control/document_state.h"

#define POOL_STEP  256 /* nodes put aside or given back in one step */
#define POOL_KEEP  64  /* free nodes kept for small changes */
#define VIA_STEP   1024
#define STAGE_STEP 16 /* each may touch several pages for the first time */

struct document *document_begin(struct model *model, enum document_mode mode, unsigned kind,
	const json_t *params, struct refusal *refusal)
{
	struct document *document = calloc(1, sizeof(*document));

	if (document == NULL) {
		refusal_set(refusal, REFUSAL_NO_MEMORY, "", "out of memory");
		return NULL;
	}
	document->model = model;
	document->mode = mode;
	document->kind = kind;
	document->params = params;
	document->refusal = refusal;
	return document;
}

static int no_memory(const struct document *document)
{
	return refusal_set(document->refusal, REFUSAL_NO_MEMORY, "", "out of memory");
}

static struct field section_field(
	const struct document *document, const struct document_section *section)
{
	return field_root(section->json, section->base, document->refusal);
}

static struct field item_field(
	const struct document_section *section, const struct field *list, size_t index)
{
	return section->single ? *list : field_item(list, index);
}

/* The next item of the sections; false at their end. */
static bool next_item(struct document *document)
{
	while (document->at_section < document->section_count &&
		document->at_item >= document->section[document->at_section].count) {
		document->at_section++;
		document->at_item = 0;
	}
	return document->at_section < document->section_count;
}

static void rewind_sections(struct document *document)
{
	document->at_section = 0;
	document->at_item = 0;
	document->at_prefix = 0;
}

static void count_item(struct document *document)
{
	const struct document_section *section = &document->section[document->at_section];
	const json_t *item =
		section->single ? section->json : json_array_get(section->json, document->at_item);

	document->at_item++;
	if (section->kind == DOCUMENT_ROUTES && document->packed.at != NULL)
		return;
	if (section->kind != DOCUMENT_ROUTES) {
		document->items += 1 + json_array_size(json_object_get(item, "endpoints"));
		return;
	}
	item = json_object_get(item, "prefixes");
	document->prefixes += item != NULL ? json_array_size(item) : 1;
}

static int refuse_bulk(const struct document *document)
{
	const struct document_section *section = &document->section[0];

	return refusal_set(document->refusal, REFUSAL_LIMIT, section->base,
		"%zu prefixes given, at most %d in one request", document->prefixes,
		DOCUMENT_BULK_MOST);
}

static int begin_draft(struct document *document)
{
	bool bulk = document->mode == DOCUMENT_PUT || document->mode == DOCUMENT_DELETE;

	if (bulk && document->prefixes > DOCUMENT_BULK_MOST)
		return refuse_bulk(document);
	document->drafting = true;
	if (document->packed.at != NULL)
		document->prefixes = packed_count(document->packed);
	if (draft_begin(&document->draft, document->model, document->refusal, document->items,
		    document->prefixes) < 0)
		return no_memory(document);
	document->draft.owner = store_owner(document->model, document->owner);
	if (document->draft.owner == 0)
		return refusal_set(document->refusal, REFUSAL_LIMIT, "/owner",
			"no more than %d owners", MODEL_OWNERS);
	rewind_sections(document);
	return 0;
}

static int phase_params(struct document *document)
{
	return document_params_read(document);
}

static int phase_count(struct document *document)
{
	if (document->repeat != NULL)
		return 0;
	for (unsigned i = 0; i < DOCUMENT_CHUNK; i++) {
		if (!next_item(document))
			return begin_draft(document);
		count_item(document);
	}
	return 1;
}

static int remove_named(struct document *document, const struct document_section *section,
	const struct field *field)
{
	struct draft *draft = &document->draft;
	char name[MODEL_NAME_MAX + 1];
	const struct model_object *object;
	uint32_t id;

	if (field_name(field, name) < 0)
		return -EINVAL;
	id = model_find(document->model, section->kind, name);
	object = model_object(document->model, section->kind, id);
	if (object == NULL)
		return field_refuse(field, REFUSAL_NOT_FOUND, "there is no \"%s\"", name);
	if (object->owner != draft->owner)
		return field_refuse(field, REFUSAL_OTHER_OWNER, "\"%s\" belongs to owner \"%s\"",
			name, model_owner_name(document->model, object->owner));
	if (draft_item(draft, section->kind, id) != NULL)
		return field_refuse(field, REFUSAL_DUPLICATE_NAME, "\"%s\" is named twice", name);
	return draft_remove(draft, section->kind, id, (uint32_t)document->at_item);
}

static int put_object(struct document *document, const struct document_section *section,
	const struct field *field)
{
	static int (*const put[])(
		struct draft * draft, const struct field *field, uint32_t place) = {
		[MODEL_SITE] = document_site_put,
		[MODEL_PATH] = document_path_put,
		[MODEL_CONNECTION] = document_connection_put,
		[MODEL_ATTACHMENT] = document_attachment_put,
	};

	return put[section->kind](&document->draft, field, (uint32_t)document->at_item);
}

static void close_group(struct document *document)
{
	vias_drop(document->model, document->routes.via);
	document->routes_open = false;
	document->at_prefix = 0;
	document->at_item++;
}

static int stage_routes(struct document *document, const struct document_section *section,
	const struct field *group)
{
	struct document_routes *routes = &document->routes;

	if (!document->routes_open) {
		if (document_route_open(&document->draft, group, section->removal, false, routes) <
			0)
			return -EINVAL;
		document->routes_open = true;
	}
	for (unsigned i = 0; i < STAGE_STEP && document->at_prefix < routes->count; i++) {
		if (document_route_stage(&document->draft, group, section->removal, routes,
			    document->at_prefix) < 0)
			return -EINVAL;
		document->at_prefix++;
	}
	if (document->at_prefix == routes->count)
		close_group(document);
	return 1;
}

static int phase_items(struct document *document)
{
	const struct document_section *section;
	struct field list, item;
	int result;

	if (!next_item(document))
		return 0;
	section = &document->section[document->at_section];
	if (section->kind == DOCUMENT_ROUTES && document->packed.at != NULL)
		return document_packed_stage(document, section);
	list = section_field(document, section);
	item = item_field(section, &list, document->at_item);
	if (section->kind == DOCUMENT_ROUTES)
		return stage_routes(document, section, &item);
	document->draft.section[section->kind] = section->base;
	document->draft.single[section->kind] = section->single;
	result = section->removal ? remove_named(document, section, &item)
				  : put_object(document, section, &item);
	document->at_item++;
	return result < 0 ? result : 1;
}

static int phase_check(struct document *document)
{
	for (unsigned i = 0; i < 8; i++) {
		if (document->at_item == document->draft.item_count)
			return 0;
		if (check_item(&document->draft, &document->draft.item[document->at_item]) < 0)
			return -EINVAL;
		document->at_item++;
	}
	return 1;
}

static int phase_vias(struct document *document)
{
	int64_t next;

	if (!document->draft.moved_subnets)
		return 0;
	next = check_vias(&document->draft, (uint32_t)document->at_prefix, VIA_STEP);
	document->at_prefix = (size_t)next;
	return next < 0 ? -EINVAL : next > 0;
}

static int phase_limits(struct document *document)
{
	const struct model *model = document->model;
	int64_t routes = (int64_t)model_routes(model) + document->draft.route_change;
	const char *base = "";

	for (unsigned i = 0; i < document->section_count; i++)
		if (document->section[i].kind == DOCUMENT_ROUTES && !document->section[i].removal)
			base = document->section[i].base;
	if (document->draft.route_change > 0 && routes > model->limits.routes)
		return refusal_set(document->refusal, REFUSAL_LIMIT, base,
			"this would make %lld routes, the limit of the boot file is %u",
			(long long)routes, model->limits.routes);
	return 0;
}

static int phase_pool(struct document *document)
{
	struct routetree_pool *pool = &document->model->pool;
	size_t trees = 2 * (size_t)document->model->limits.connections;
	int result;

	if (document->dry_run || document->draft.route_count == 0)
		return 0;
	result = routetree_pool_fill(
		pool, routetree_worst(pool, document->draft.route_count, trees), POOL_STEP);
	return result == -ENOMEM ? no_memory(document) : result;
}

struct phase {
	int (*work)(struct document *document);
	bool repeats; /* also for a request that was answered before */
};

static const struct phase phases[] = {
	{phase_params, true},
	{phase_count, true},
	{phase_items, false},
	{document_sweep_objects, false},
	{document_sweep_routes, false},
	{phase_check, false},
	{phase_vias, false},
	{phase_limits, false},
	{phase_pool, false},
	{document_build_change, false},
	{document_build_routes, false},
	{document_record_write, false},
	{document_answer_write, true},
};

int document_step(struct document *document)
{
	const struct phase *phase = &phases[document->phase];
	int result = 0;

	if (phase->repeats || document->repeat == NULL)
		result = phase->work(document);
	if (result != 0)
		return result;
	rewind_sections(document);
	document->phase++;
	return document->phase < ARRAY_SIZE(phases);
}

bool document_is_dry_run(const struct document *document)
{
	return document->dry_run;
}

bool document_is_repeat(const struct document *document)
{
	return document->repeat != NULL;
}

bool document_has_effect(const struct document *document)
{
	return document->draft.added + document->draft.changed + document->draft.removed > 0;
}

struct change *document_change(struct document *document)
{
	return document->change;
}

char *document_take_record(struct document *document, size_t *length)
{
	return text_take(&document->record, length);
}

char *document_take_answer(struct document *document, size_t *length)
{
	return text_take(&document->answer, length);
}

int document_commit(struct document *document)
{
	return document_build_commit(document);
}

static int end_draft(struct document *document)
{
	if (document->routes_open)
		close_group(document);
	if (document->drafting &&
		draft_clear(&document->draft, document->committed, 16 * DOCUMENT_CHUNK))
		return 1;
	document->drafting = false;
	return routetree_pool_trim(&document->model->pool, POOL_KEEP, POOL_STEP);
}

int document_end(struct document *document)
{
	if (end_draft(document))
		return 1;
	if (!document->committed)
		document_build_abandon(document);
	document_packed_close(document);
	packed_free(&document->record_packed);
	text_free(&document->record);
	text_free(&document->answer);
	free(document);
	return 0;
}

int document_run(struct model *model, enum document_mode mode, unsigned kind, const json_t *params,
	struct refusal *refusal, struct change **change, char **answer)
{
	struct document *document = document_begin(model, mode, kind, params, refusal);
	size_t length;
	int result = 1;

	*change = NULL;
	if (document == NULL)
		return -EINVAL;
	while (result == 1)
		result = document_step(document);
	if (result == 0 && answer != NULL)
		*answer = document_take_answer(document, &length);
	if (result == 0 && !document->dry_run && document->repeat == NULL) {
		*change = document_change(document);
		while (document_commit(document) != 0)
			;
	}
	while (document_end(document) != 0)
		;
	return result;
}
