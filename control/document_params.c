/* SPDX-License-Identifier: BSD-3-Clause */
/* The frame of a request: who asks, under what conditions, and which sections of objects there are.
 */
#include <errno.h>
#include <string.h>

#include "control/document_state.h"

static const char *const plural[] = {
	[MODEL_SITE] = "sites",
	[MODEL_PATH] = "paths",
	[MODEL_CONNECTION] = "connections",
	[MODEL_ATTACHMENT] = "attachments",
	[DOCUMENT_ROUTES] = "routes",
};

static const char *const singular[] = {
	[MODEL_SITE] = "site",
	[MODEL_PATH] = "path",
	[MODEL_CONNECTION] = "connection",
	[MODEL_ATTACHMENT] = "attachment",
	[DOCUMENT_ROUTES] = "route",
};

/* Sections are read in this order, so that what is named stands before who names it. */
static const unsigned order[] = {
	MODEL_SITE, MODEL_PATH, MODEL_CONNECTION, MODEL_ATTACHMENT, DOCUMENT_ROUTES};

static const char *base_of(const char *parent, const char *key)
{
	static const char *const known[] = {"/document/sites", "/document/paths",
		"/document/connections", "/document/attachments", "/document/routes", "/put/sites",
		"/put/paths", "/put/connections", "/put/attachments", "/put/routes",
		"/delete/sites", "/delete/paths", "/delete/connections", "/delete/attachments",
		"/delete/routes", "/sites", "/paths", "/connections", "/attachments", "/routes",
		"/site", "/path", "/connection", "/attachment", "/route", "/name", "/names"};
	size_t length = strlen(parent);

	for (unsigned i = 0; i < ARRAY_SIZE(known); i++)
		if (strncmp(known[i], parent, length) == 0 && known[i][length] == '/' &&
			strcmp(known[i] + length + 1, key) == 0)
			return known[i];
	return "";
}

int document_params_section(struct document *document, const struct field *parent, const char *key,
	unsigned kind, bool removal, bool single)
{
	struct document_section *section = &document->section[document->section_count];
	size_t most = document->mode == DOCUMENT_PUT || document->mode == DOCUMENT_DELETE
			      ? DOCUMENT_BULK_MOST
			      : SIZE_MAX;
	struct field field;

	if (!field_child(parent, key, &field))
		return 0;
	*section = (struct document_section){
		.kind = kind,
		.removal = removal,
		.single = single,
		.json = field.json,
		.base = base_of(
			parent->key != NULL
				? (parent->key[0] == 'd' && parent->key[1] == 'o' ? "/document"
					  : removal				  ? "/delete"
										  : "/put")
				: "",
			key),
		.count = 1,
	};
	document->section_count++;
	if (!single) {
		long count = field_array(&field, 0, most);

		if (count < 0)
			return -EINVAL;
		section->count = (size_t)count;
	}
	return 1;
}

static int read_sections(struct document *document, const struct field *parent, bool removal)
{
	static const char *const names[] = {
		"sites", "paths", "connections", "attachments", "routes", NULL};

	if (field_object(parent, names) < 0)
		return -EINVAL;
	for (unsigned i = 0; i < ARRAY_SIZE(order); i++)
		if (document_params_section(
			    document, parent, plural[order[i]], order[i], removal, false) < 0)
			return -EINVAL;
	return 0;
}

/* Exactly one of the two forms. */
static int read_either(struct document *document, const struct field *params, const char *one,
	const char *many, bool removal)
{
	int single = document_params_section(document, params, one, document->kind, removal, true);
	int list = document_params_section(document, params, many, document->kind, removal, false);
	struct field field;

	if (single < 0 || list < 0)
		return -EINVAL;
	if (single + list == 1)
		return 0;
	field_child(params, single + list == 0 ? one : many, &field);
	return field_refuse(&field, single + list == 0 ? REFUSAL_MISSING_FIELD : REFUSAL_BAD_VALUE,
		"exactly one of \"%s\" and \"%s\" is wanted", one, many);
}

static int read_request_id(struct document *document, const struct field *params)
{
	struct field field;

	if (!field_child(params, "request_id", &field))
		return 0;
	return field_name(&field, document->request_id);
}

static int read_frame(struct document *document, const struct field *params)
{
	const struct model *model = document->model;
	uint64_t wanted = model_generation(model);
	struct field field;

	strcpy(document->owner, "document");
	if (field_child(params, "owner", &field) && field_name(&field, document->owner) < 0)
		return -EINVAL;
	if (read_request_id(document, params) < 0 ||
		field_bool(params, "dry_run", &document->dry_run) < 0 ||
		field_number(params, "if_generation", 0, INT64_MAX, &wanted) < 0)
		return -EINVAL;
	/* A repeated request gets its answer whatever has happened since. */
	if (document->request_id[0] != '\0' && !document->dry_run)
		document->repeat = store_request_find(model, document->owner, document->request_id);
	field_child(params, "if_generation", &field);
	if (document->repeat == NULL && wanted != model_generation(model))
		return field_refuse(&field, REFUSAL_GENERATION, "the model is at generation %llu",
			(unsigned long long)model_generation(model));
	document->generation = model_generation(model) + 1;
	return 0;
}

static int read_apply(struct document *document, const struct field *params)
{
	static const char *const names[] = {
		"document", "owner", "dry_run", "if_generation", "request_id", NULL};
	struct field field;

	if (field_object(params, names) < 0 || field_need(params, "document", &field) < 0 ||
		read_frame(document, params) < 0)
		return -EINVAL;
	return read_sections(document, &field, false);
}

static int read_change(
	struct document *document, const struct field *params, const char *one, const char *many)
{
	const char *const names[] = {
		one, many, "owner", "dry_run", "if_generation", "request_id", NULL};

	if (field_object(params, names) < 0 || read_frame(document, params) < 0)
		return -EINVAL;
	return read_either(document, params, one, many, document->mode == DOCUMENT_DELETE);
}

static int read_record(struct document *document, const struct field *params)
{
	static const char *const names[] = {
		"generation", "owner", "request_id", "counts", "put", "delete", "requests", NULL};
	struct field field;

	if (field_object(params, names) < 0 || read_frame(document, params) < 0 ||
		field_number(params, "generation", 0, INT64_MAX, &document->generation) < 0)
		return -EINVAL;
	document->repeat = NULL;
	if (field_child(params, "put", &field) && read_sections(document, &field, false) < 0)
		return -EINVAL;
	if (field_child(params, "delete", &field) && read_sections(document, &field, true) < 0)
		return -EINVAL;
	return 0;
}

int document_params_read(struct document *document)
{
	struct field params = field_root(document->params, "", document->refusal);
	bool routes = document->kind == DOCUMENT_ROUTES;

	switch (document->mode) {
	case DOCUMENT_APPLY:
		return read_apply(document, &params);
	case DOCUMENT_RECORD:
		return read_record(document, &params);
	case DOCUMENT_DELETE:
		if (!routes)
			return read_change(document, &params, "name", "names");
		/* fall through */
	default:
		return read_change(
			document, &params, singular[document->kind], plural[document->kind]);
	}
}
