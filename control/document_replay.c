/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Records of the journal into the model, at the start. What a record says was checked when it was
 * made, and nobody looks at the model yet; so where there are only routes, which is where there are
 * many of anything, they go into their trees at once, without a draft and without a change. A
 * record that cannot be carried out leaves a model that is of no use.
 */
#include <errno.h>
#include <stdlib.h>

#include "control/document_state.h"

#define AT_ONCE 64 /* routes for which the pool is looked after */

struct document_replay {
	struct model *model;
	struct refusal *refusal;
	struct draft draft; /* empty: the state as it is */
};

struct document_replay *document_replay_begin(struct model *model, struct refusal *refusal)
{
	struct document_replay *replay = calloc(1, sizeof(*replay));

	if (replay == NULL)
		return NULL;
	replay->model = model;
	replay->refusal = refusal;
	if (draft_begin(&replay->draft, model, refusal, 0, 0) == 0)
		return replay;
	document_replay_end(replay);
	return NULL;
}

void document_replay_end(struct document_replay *replay)
{
	if (replay == NULL)
		return;
	draft_clear(&replay->draft, false, 0);
	while (routetree_pool_trim(&replay->model->pool, AT_ONCE, SIZE_MAX))
		;
	free(replay);
}

static int set_route(struct document *document, const struct document_section *section,
	const struct document_routes *group, const struct ip_prefix *prefix)
{
	struct model *model = document->model;
	struct field where = field_root(section->json, section->base, document->refusal);
	struct routetree_entry entry = store_route_entry(prefix);
	uint64_t before = model->route_count;

	if (group->local && prefix->length != ip_bits(prefix->ip.family))
		return field_refuse(
			&where, REFUSAL_BAD_PREFIX, "a local route is one address: /32 or /128");
	entry.owner = document->draft.owner;
	entry.preference = group->preference;
	entry.via = group->via;
	store_route_set(model, group->connection, prefix->ip.family, &entry);
	if (section->removal && model->route_count == before)
		return field_refuse(&where, REFUSAL_NOT_FOUND, "the owner has no such route");
	return 0;
}

/* 1: more of the section is left; 0; -EINVAL. */
static int load_some(struct document *document, const struct document_section *section)
{
	struct routetree_pool *pool = &document->model->pool;
	const struct document_routes *group;
	struct ip_prefix prefix;
	int next = 1;

	if (routetree_pool_fill(pool, routetree_worst(pool, AT_ONCE, AT_ONCE), SIZE_MAX) < 0)
		return draft_no_memory(&document->draft);
	for (unsigned i = 0; i < AT_ONCE && next == 1; i++) {
		next = document_packed_next(document, section, &group, &prefix);
		if (next == 1 && set_route(document, section, group, &prefix) < 0)
			return -EINVAL;
	}
	return next;
}

static int load_section(struct document *document, const struct document_section *section)
{
	int result = 1;

	if (section->count == 0)
		return 0;
	while (result == 1)
		result = document_packed_open(document, section);
	if (result == 0)
		result = 1;
	while (result == 1)
		result = load_some(document, section);
	document_packed_close(document);
	return result;
}

static int load(struct document_replay *replay, struct document *document)
{
	struct model *model = replay->model;
	int result = 0;

	document->draft = replay->draft;
	document->draft.owner = store_owner(model, document->owner);
	if (document->draft.owner == 0)
		return refusal_set(replay->refusal, REFUSAL_LIMIT, "/owner",
			"no more than %d owners", MODEL_OWNERS);
	for (unsigned i = 0; i < document->section_count && result == 0; i++)
		result = load_section(document, &document->section[i]);
	if (result == 0 && model_routes(model) > model->limits.routes)
		return refusal_set(replay->refusal, REFUSAL_LIMIT, "",
			"this makes %llu routes, the limit of the boot file is %u",
			(unsigned long long)model_routes(model), model->limits.routes);
	if (result == 0) {
		model->generation = document->generation;
		document_record_remember(document);
	}
	return result;
}

/* Nothing but routes, and those packed. */
static bool is_load(const struct document *document)
{
	for (unsigned i = 0; i < document->section_count; i++)
		if (document->section[i].count > 0 &&
			(document->section[i].kind != DOCUMENT_ROUTES ||
				document->packed.at == NULL))
			return false;
	return true;
}

static int carry_out(struct document *document, int result)
{
	struct change *change;

	while (result == 1)
		result = document_step(document);
	if (result == 0) {
		change = document_change(document);
		while (document_commit(document) != 0)
			;
		change_free(change);
	}
	while (document_end(document) != 0)
		;
	return result;
}

static int replay_json(
	struct document_replay *replay, const json_t *json, const struct packed_reader *packed)
{
	struct document *document =
		document_begin(replay->model, DOCUMENT_RECORD, 0, json, replay->refusal);
	int result;

	if (document == NULL)
		return -EINVAL;
	document->packed = *packed;
	result = document_params_read(document);
	if (result == 0 && is_load(document)) {
		result = load(replay, document);
		document_packed_close(document);
		free(document);
		return result;
	}
	document->phase++; /* the params are read */
	return carry_out(document, result < 0 ? result : 1);
}

int document_replay_record(struct document_replay *replay, const char *record, size_t length)
{
	size_t text;
	struct packed_reader packed = packed_open(record, length, &text);
	json_t *json = json_loadb(record, text, JSON_REJECT_DUPLICATES, NULL);
	int result;

	if (json == NULL)
		return -EBADMSG;
	result = replay_json(replay, json, &packed);
	json_decref(json);
	return result;
}
