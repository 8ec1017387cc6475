/* SPDX-License-Identifier: BSD-3-Clause */
/* config.get and table.digest: walks over everything, in slices. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/field.h"
#include "control/query.h"
#include "control/render.h"
#include "control/siphash.h"
#include "dataplane/base/macros.h"

#define CHUNK 64

/* Digests are compared between gateways, so the key is part of the contract (docs/api.md). */
static const uint64_t digest_key[2] = {0x6b6e6c6e7572542d, 0x7465676964736574};

struct query_job {
	const struct model *model;
	enum query_job_kind kind;
	struct text *answer;
	struct emit emit;
	char owner[MODEL_NAME_MAX + 1];
	bool routes;	  /* config: routes are wanted */
	uint32_t only;	  /* digest: this connection; 0: all */
	unsigned section; /* config: place in sections */
	uint32_t id;	  /* last object written, or the connection at hand */
	uint8_t family;
	bool begun;   /* the walk of this tree has begun */
	bool walking; /* id is a connection whose routes are not all seen */
	bool group_open;
	struct model_route last; /* last route seen */
	uint32_t group_connection;
	uint32_t group_via;
	uint16_t group_preference;
	uint64_t sum, count; /* digest of the table at hand */
	uint32_t text_via;   /* whose text this is */
	struct text via_text;
};

static const struct {
	enum model_kind kind;
	const char *key;
} sections[] = {
	{MODEL_SITE, "sites"},
	{MODEL_PATH, "paths"},
	{MODEL_CONNECTION, "connections"},
	{MODEL_ATTACHMENT, "attachments"},
};

static int read_config(struct query_job *job, const struct field *root)
{
	static const char *const names[] = {"owner", "routes", NULL};
	struct field field;

	strcpy(job->owner, "document");
	job->routes = true;
	if (field_object(root, names) < 0 || field_bool(root, "routes", &job->routes) < 0)
		return -EINVAL;
	return field_child(root, "owner", &field) ? field_name(&field, job->owner) : 0;
}

static int read_digest(struct query_job *job, const struct field *root)
{
	static const char *const names[] = {"connection", NULL};
	char name[MODEL_NAME_MAX + 1];
	struct field field;

	if (field_object(root, names) < 0)
		return -EINVAL;
	if (!field_child(root, "connection", &field))
		return 0;
	if (field_name(&field, name) < 0)
		return -EINVAL;
	job->only = model_find(job->model, MODEL_CONNECTION, name);
	if (job->only == 0)
		return field_refuse(
			&field, REFUSAL_NOT_FOUND, "there is no connection \"%s\"", name);
	job->id = job->only - 1;
	return 0;
}

struct query_job *query_job_begin(const struct model *model, enum query_job_kind kind,
	const json_t *params, struct refusal *refusal, struct text *answer)
{
	struct field root = field_root(params, "", refusal);
	struct query_job *job = calloc(1, sizeof(*job));

	if (job == NULL) {
		refusal_set(refusal, REFUSAL_NO_MEMORY, "", "out of memory");
		return NULL;
	}
	job->model = model;
	job->kind = kind;
	job->answer = answer;
	job->family = IP_4;
	if ((kind == QUERY_CONFIG ? read_config(job, &root) : read_digest(job, &root)) < 0) {
		free(job);
		return NULL;
	}
	emit_init(&job->emit, answer);
	emit_object(&job->emit, NULL);
	emit_u64(&job->emit, "generation", model_generation(model));
	if (kind == QUERY_CONFIG) {
		emit_string(&job->emit, "owner", job->owner);
		emit_object(&job->emit, "document");
	} else {
		emit_array(&job->emit, "tables");
		job->section = ARRAY_SIZE(sections);
	}
	return job;
}

void query_job_end(struct query_job *job)
{
	if (job == NULL)
		return;
	text_free(&job->via_text);
	free(job);
}

static bool owned(const struct query_job *job, uint8_t owner)
{
	return strcmp(model_owner_name(job->model, owner), job->owner) == 0;
}

/* One chunk of the objects of one kind. */
static void write_objects(struct query_job *job)
{
	struct render render = {&job->emit, job->model, NULL};
	enum model_kind kind = sections[job->section].kind;

	if (!job->begun)
		emit_array(&job->emit, sections[job->section].key);
	job->begun = true;
	for (unsigned i = 0; i < CHUNK; i++) {
		const struct model_object *object;

		job->id = model_next(job->model, kind, job->id);
		if (job->id == 0) {
			emit_end(&job->emit);
			job->begun = false;
			job->section++;
			break;
		}
		object = model_object(job->model, kind, job->id);
		if (owned(job, object->owner))
			render_object(&render, NULL, object, false);
	}
	if (job->section == ARRAY_SIZE(sections) && job->routes)
		emit_array(&job->emit, "routes");
}

static void close_group(struct query_job *job)
{
	if (!job->group_open)
		return;
	emit_end(&job->emit);
	emit_end(&job->emit);
	job->group_open = false;
}

static void open_group(struct query_job *job, const struct model_route *route)
{
	struct render render = {&job->emit, job->model, NULL};

	emit_object(&job->emit, NULL);
	emit_string(&job->emit, "connection", render_name(&render, MODEL_CONNECTION, job->id));
	render_via(&render, "via", route->via);
	emit_u64(&job->emit, "preference", route->preference);
	emit_array(&job->emit, "prefixes");
	job->group_open = true;
	job->group_connection = job->id;
	job->group_via = route->via;
	job->group_preference = route->preference;
}

static void write_route(struct query_job *job, const struct model_route *route)
{
	if (!owned(job, route->owner))
		return;
	if (job->group_connection != job->id || job->group_via != route->via ||
		job->group_preference != route->preference)
		close_group(job);
	if (!job->group_open)
		open_group(job, route);
	render_prefix(&job->emit, NULL, &route->prefix);
}

/* Of several owners' routes for one prefix one counts. */
static bool wins(const struct query_job *job, const struct model_route *route)
{
	struct routetree_entry best;

	return store_route_best(job->model, job->id, &route->prefix, &best) &&
	       best.owner == route->owner;
}

/* Sum of hashes: the order in which routes come does not matter. */
static void digest_route(struct query_job *job, const struct model_route *route)
{
	char line[IP_TEXT_MAX + 1 + 4096];
	struct render render;
	struct emit emit;
	int length;

	if (!wins(job, route))
		return;
	if (job->text_via != route->via) {
		text_free(&job->via_text);
		emit_init(&emit, &job->via_text);
		render = (struct render){&emit, job->model, NULL};
		render_via(&render, NULL, route->via);
		job->text_via = route->via;
		job->answer->failed |= job->via_text.failed;
	}
	ip_prefix_format(&route->prefix, line, IP_TEXT_MAX);
	length = (int)strlen(line);
	length += snprintf(&line[length], sizeof(line) - (size_t)length, " %s",
		job->via_text.data != NULL ? job->via_text.data : "");
	job->sum += siphash(digest_key, line, (size_t)length);
	job->count++;
}

static void write_digest(struct query_job *job)
{
	char hex[24];

	if (job->kind != QUERY_DIGEST)
		return;
	if (job->family == IP_4) {
		emit_object(&job->emit, NULL);
		emit_string(&job->emit, "connection",
			model_connection(job->model, job->id)->object.name);
	}
	snprintf(hex, sizeof(hex), "%016llx", (unsigned long long)job->sum);
	emit_object(&job->emit, job->family == IP_4 ? "ipv4" : "ipv6");
	emit_u64(&job->emit, "routes", job->count);
	emit_string(&job->emit, "digest", hex);
	emit_end(&job->emit);
	if (job->family == IP_6)
		emit_end(&job->emit);
	job->sum = 0;
	job->count = 0;
}

/* The next connection, or 0 at the end. */
static uint32_t next_connection(const struct query_job *job)
{
	if (job->only != 0)
		return job->id < job->only ? job->only : 0;
	return model_next(job->model, MODEL_CONNECTION, job->id);
}

static int finish(struct query_job *job)
{
	close_group(job);
	if (job->kind == QUERY_DIGEST || job->routes)
		emit_end(&job->emit);
	if (job->kind == QUERY_CONFIG)
		emit_end(&job->emit);
	emit_end(&job->emit);
	return 0;
}

static void end_tree(struct query_job *job)
{
	write_digest(job);
	job->begun = false;
	if (job->family == IP_4) {
		job->family = IP_6;
		return;
	}
	job->family = IP_4;
	job->walking = false;
}

static int walk_routes(struct query_job *job)
{
	struct model_route route[CHUNK];
	size_t count;

	if (!job->walking) {
		job->id = next_connection(job);
		job->walking = true;
		return job->id != 0 ? 1 : finish(job);
	}
	count = model_route_list(
		job->model, job->id, job->family, job->begun ? &job->last : NULL, route, CHUNK);
	for (size_t i = 0; i < count; i++) {
		if (job->kind == QUERY_CONFIG)
			write_route(job, &route[i]);
		else
			digest_route(job, &route[i]);
	}
	job->begun = true;
	if (count > 0)
		job->last = route[count - 1];
	if (count < CHUNK)
		end_tree(job);
	return 1;
}

int query_job_step(struct query_job *job)
{
	if (job->section < ARRAY_SIZE(sections)) {
		write_objects(job);
		return 1;
	}
	if (job->kind == QUERY_CONFIG && !job->routes)
		return finish(job);
	return walk_routes(job);
}
