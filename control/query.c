/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/query.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/field.h"
#include "control/render.h"

static const char *const plural[] = {
	[MODEL_SITE] = "sites",
	[MODEL_PATH] = "paths",
	[MODEL_CONNECTION] = "connections",
	[MODEL_ATTACHMENT] = "attachments",
};

int query_get(const struct model *model, enum model_kind kind, const json_t *params,
	struct refusal *refusal, struct text *answer)
{
	static const char *const names[] = {"name", NULL};
	struct field root = field_root(params, "", refusal), field;
	struct emit emit;
	struct render render = {&emit, model, NULL};
	char name[MODEL_NAME_MAX + 1];
	uint32_t id;

	if (field_object(&root, names) < 0 || field_need(&root, "name", &field) < 0 ||
		field_name(&field, name) < 0)
		return -EINVAL;
	id = model_find(model, kind, name);
	if (id == 0)
		return field_refuse(&field, REFUSAL_NOT_FOUND, "there is no \"%s\"", name);
	emit_init(&emit, answer);
	render_object(&render, NULL, model_object(model, kind, id), true);
	return 0;
}

/* A page goes on after the id that the page before ended with. */
static int read_cursor(const struct field *root, uint32_t *after)
{
	struct field field;
	const char *text;
	char rest;

	if (!field_child(root, "cursor", &field))
		return 0;
	if (field_text(&field, &text) < 0)
		return -EINVAL;
	if (sscanf(text, "%" SCNu32 "%c", after, &rest) != 1 || *after == UINT32_MAX)
		return field_refuse(
			&field, REFUSAL_BAD_CURSOR, "a cursor is the \"next\" of the page before");
	return 0;
}

int query_list(const struct model *model, enum model_kind kind, const json_t *params,
	struct refusal *refusal, struct text *answer)
{
	static const char *const names[] = {"cursor", "limit", NULL};
	struct field root = field_root(params, "", refusal);
	uint64_t limit = 100;
	struct emit emit;
	struct render render = {&emit, model, NULL};
	uint32_t after = 0;
	char next[16];

	if (field_object(&root, names) < 0 || read_cursor(&root, &after) < 0 ||
		field_number(&root, "limit", 1, QUERY_LIST_MOST, &limit) < 0)
		return -EINVAL;
	emit_init(&emit, answer);
	emit_object(&emit, NULL);
	emit_u64(&emit, "generation", model_generation(model));
	emit_u64(&emit, "total", model_count(model, kind));
	emit_array(&emit, plural[kind]);
	for (; limit > 0; limit--) {
		uint32_t id = model_next(model, kind, after);

		if (id == 0)
			break;
		render_object(&render, NULL, model_object(model, kind, id), true);
		after = id;
	}
	emit_end(&emit);
	if (model_next(model, kind, after) != 0) {
		snprintf(next, sizeof(next), "%" PRIu32, after);
		emit_string(&emit, "next", next);
	}
	emit_end(&emit);
	return 0;
}
