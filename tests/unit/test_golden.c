/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The request/response pairs of tests/golden against the model. Each step is first run with every
 * one of its allocations failing once; whatever is refused, for lack of memory or by the checks,
 * must leave the state as it was. At the end a model made from the checkpoint must be the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "control/checkpoint.h"
#include "control/document.h"
#include "control/query.h"
#include "control/query_route.h"
#include "control/store.h"
#include "dataplane/base/macros.h"

static const char *const files[] = {"apply", "get", "put", "refuse_shape", "refuse_meaning"};
static const char *directory;
static bool seen[REFUSAL_IMMUTABLE + 1];

/* Of the code under test; jansson has its own. */
static unsigned fail_at, allocations;

static bool fails(void)
{
	return ++allocations == fail_at;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return fails() ? NULL : __real_realloc(old, size);
}

static struct model *create(void)
{
	static const struct model_port ports[] = {
		{"bb1", 1500, true}, {"bb2", 9000, true}, {"cust", 1500, false}};
	const struct model_config config = {
		.limits = {.connections = 8,
			.attachments = 16,
			.endpoints = 16,
			.sites = 8,
			.paths = 70,
			.routes = 1000,
			.next_hop_sets = 8},
		.ports = ports,
		.port_count = ARRAY_SIZE(ports),
	};
	struct model *model = model_create(&config);

	assert_non_null(model);
	return model;
}

/* All that a refusal must not touch, as text. */
static char *state_of(const struct model *model)
{
	struct checkpoint *checkpoint = checkpoint_create(model);
	struct text text = {0};
	char *bytes;
	size_t length;
	int result;

	while ((result = checkpoint_next(checkpoint, &bytes, &length)) != 0) {
		assert_true(result > 0);
		if (result != 1)
			continue;
		text_add(&text, bytes, length);
		free(bytes);
	}
	checkpoint_destroy(checkpoint);
	for (unsigned kind = 0; kind < MODEL_KINDS; kind++)
		text_format(&text, " %u", model->shelf[kind].free_count);
	for (unsigned site = 0; site <= model->limits.sites; site++)
		text_format(&text, " %llx", (unsigned long long)model->site_taken[site]);
	text_format(&text, " %u %zu", model->vias.free_count, model->pool.used_count);
	return text_take(&text, &length);
}

static unsigned kind_of(const char *method)
{
	static const struct {
		const char *name;
		unsigned kind;
	} kinds[] = {{"site.", MODEL_SITE}, {"path.", MODEL_PATH},
		{"connection.", MODEL_CONNECTION}, {"attachment.", MODEL_ATTACHMENT},
		{"route.", DOCUMENT_ROUTES}};

	for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strncmp(method, kinds[i].name, strlen(kinds[i].name)) == 0)
			return kinds[i].kind;
	return 0;
}

static int run_job(const struct model *model, enum query_job_kind kind, const json_t *params,
	struct refusal *refusal, struct text *text)
{
	struct query_job *job = query_job_begin(model, kind, params, refusal, text);

	if (job == NULL)
		return -1;
	while (query_job_step(job) != 0)
		;
	query_job_end(job);
	return 0;
}

static int run_query(const struct model *model, const char *method, const json_t *params,
	struct refusal *refusal, struct text *text)
{
	const char *verb = strchr(method, '.') + 1;
	unsigned kind = kind_of(method);

	if (strcmp(method, "config.get") == 0)
		return run_job(model, QUERY_CONFIG, params, refusal, text);
	if (strcmp(method, "table.digest") == 0)
		return run_job(model, QUERY_DIGEST, params, refusal, text);
	if (strcmp(verb, "lookup") == 0)
		return query_route_lookup(model, NULL, params, refusal, text);
	if (strcmp(verb, "get") == 0)
		return kind == DOCUMENT_ROUTES ? query_route_get(model, params, refusal, text)
					       : query_get(model, kind, params, refusal, text);
	return kind == DOCUMENT_ROUTES ? query_route_list(model, params, refusal, text)
				       : query_list(model, kind, params, refusal, text);
}

/* The answer, or NULL with the refusal. */
static char *run(
	struct model *model, const char *method, const json_t *params, struct refusal *refusal)
{
	const char *verb = strchr(method, '.') + 1;
	enum document_mode mode = strcmp(verb, "apply") == 0 ? DOCUMENT_APPLY
				  : strcmp(verb, "put") == 0 ? DOCUMENT_PUT
							     : DOCUMENT_DELETE;
	struct text text = {0};
	struct change *change;
	char *answer = NULL;
	size_t length;

	if (mode == DOCUMENT_DELETE && strcmp(verb, "delete") != 0) {
		if (run_query(model, method, params, refusal, &text) < 0) {
			text_free(&text);
			return NULL;
		}
		answer = text_take(&text, &length);
		if (answer == NULL)
			refusal_set(refusal, REFUSAL_NO_MEMORY, "", "out of memory");
		return answer;
	}
	document_run(model, mode, kind_of(method), params, refusal, &change, &answer);
	change_free(change);
	return answer;
}

/* Runs the step with each allocation failing once; returns what it answers when none does. */
static char *run_out_of_memory(
	struct model *model, const char *method, const json_t *params, struct refusal *refusal)
{
	char *before = state_of(model), *after, *answer;

	for (unsigned n = 1;; n++) {
		*refusal = (struct refusal){0};
		allocations = 0;
		fail_at = n;
		answer = run(model, method, params, refusal);
		fail_at = 0;
		if (allocations < n)
			break;
		if (answer != NULL || refusal->code != REFUSAL_NO_MEMORY)
			fail_msg("%s: allocation %u failed without notice", method, n);
		after = state_of(model);
		assert_string_equal(before, after);
		free(after);
		/* Steps with many allocations of the same kind: look at the first hundred. */
		n += n > 100 ? 50 : 0;
	}
	seen[REFUSAL_NO_MEMORY - REFUSAL_UNKNOWN_FIELD] = true;
	after = state_of(model);
	if (answer == NULL)
		assert_string_equal(before, after);
	free(before);
	free(after);
	return answer;
}

static void check_refused(const json_t *step, const struct refusal *refusal, const char *where)
{
	const json_t *wanted = json_object_get(step, "refused");
	const char *reason = json_string_value(json_object_get(wanted, "reason"));
	const char *field = json_string_value(json_object_get(wanted, "field"));

	if (strcmp(refusal_name(refusal->code), reason) != 0 ||
		strcmp(refusal->pointer, field) != 0)
		fail_msg("%s: wanted %s at %s, got %s at %s (%s)", where, reason, field,
			refusal_name(refusal->code), refusal->pointer, refusal->text);
	seen[refusal->code - REFUSAL_UNKNOWN_FIELD] = true;
}

static void check_answer(const json_t *step, const char *answer, const char *where)
{
	const json_t *wanted = json_object_get(step, "result");
	json_t *got = json_loads(answer, JSON_REJECT_DUPLICATES, NULL);

	assert_non_null(got);
	if (wanted != NULL && !json_equal(wanted, got))
		fail_msg("%s: got %s", where, answer);
	json_decref(got);
}

static void run_step(struct model *model, const json_t *step, const char *where)
{
	const char *method = json_string_value(json_object_get(step, "method"));
	struct refusal refusal;
	char *answer = run_out_of_memory(model, method, json_object_get(step, "params"), &refusal);

	if (json_object_get(step, "refused") != NULL) {
		if (answer != NULL)
			fail_msg("%s: not refused: %s", where, answer);
		check_refused(step, &refusal, where);
	} else if (answer == NULL) {
		fail_msg("%s: refused at %s: %s", where, refusal.pointer, refusal.text);
	} else {
		check_answer(step, answer, where);
	}
	free(answer);
}

/* A checkpoint makes the same model again. */
static void check_replay(const struct model *model)
{
	struct checkpoint *checkpoint = checkpoint_create(model);
	struct model *copy = create();
	struct refusal refusal = {0};
	char *bytes, *before, *after;
	size_t length;
	int result;

	while ((result = checkpoint_next(checkpoint, &bytes, &length)) != 0) {
		struct change *change;
		json_t *record;

		if (result != 1)
			continue;
		record = json_loadb(bytes, length, JSON_REJECT_DUPLICATES, NULL);
		free(bytes);
		if (document_run(copy, DOCUMENT_RECORD, 0, record, &refusal, &change, NULL) < 0)
			fail_msg("replay: %s: %s", refusal.pointer, refusal.text);
		change_free(change);
		json_decref(record);
	}
	checkpoint_destroy(checkpoint);
	before = state_of(model);
	after = state_of(copy);
	assert_string_equal(before, after);
	free(before);
	free(after);
	model_destroy(copy);
}

static void run_file(const char *name)
{
	struct model *model = create();
	char path[512], where[640];
	json_error_t error;
	json_t *file;
	const json_t *step;
	size_t index;

	snprintf(path, sizeof(path), "%s/%s.json", directory, name);
	file = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
	if (file == NULL)
		fail_msg("%s:%d: %s", path, error.line, error.text);
	json_array_foreach(json_object_get(file, "steps"), index, step)
	{
		snprintf(where, sizeof(where), "%s, step %zu", path, index);
		run_step(model, step, where);
	}
	check_replay(model);
	json_decref(file);
	model_destroy(model);
}

static void answers_are_as_written(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(files); i++)
		run_file(files[i]);
}

static void every_refusal_was_seen(void **state)
{
	/* Answers of the journal and of the line of requests, which have no model. */
	static const int elsewhere[] = {REFUSAL_NO_SPACE, REFUSAL_BUSY};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(elsewhere); i++)
		seen[elsewhere[i] - REFUSAL_UNKNOWN_FIELD] = true;
#define CHECK_SEEN(name, number, text) \
	if (!seen[number - REFUSAL_UNKNOWN_FIELD]) \
		fail_msg("no golden case is refused with %s", text);
	REFUSAL_LIST(CHECK_SEEN)
#undef CHECK_SEEN
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_as_written),
		cmocka_unit_test(every_refusal_was_seen),
	};

	if (argc != 2) {
		fprintf(stderr, "usage: test_golden DIRECTORY\n");
		return 2;
	}
	directory = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
