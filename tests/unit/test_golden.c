/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The request/response pairs of tests/golden against the model. Each step is first run with every
 * one of its allocations failing once; whatever is refused, for lack of memory or by the checks,
 * must leave the state as it was. At the end a model made from the checkpoint must be the same.
 * What is refused before it comes to the model goes through the line of requests and the journal.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>
#include <sys/resource.h>
#include <unistd.h>

#include "control/checkpoint.h"
#include "control/document.h"
#include "control/gateway.h"
#include "control/journal.h"
#include "control/loop.h"
#include "control/model_methods.h"
#include "control/provision.h"
#include "control/query.h"
#include "control/query_route.h"
#include "control/store.h"
#include "control/rpc.h"
#include "dataplane/base/macros.h"
#include "tests/unit/failing.h"
#include "tests/unit/modelstate.h"

static const char *const files[] = {"apply", "bfd", "get", "put", "refuse_shape", "refuse_meaning",
	"refuse_bulk", "refuse_mtu", "refuse_query"};
static const char *directory;
static bool seen[REFUSAL_IMMUTABLE + 1];

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
	struct text text = modelstate_text(model);
	size_t length;

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
		failing_begin(n);
		answer = run(model, method, params, refusal);
		if (failing_end() < n)
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
	const char *text = json_string_value(json_object_get(wanted, "text"));

	if (strcmp(refusal_name(refusal->code), reason) != 0 ||
		strcmp(refusal->pointer, field) != 0 ||
		(text != NULL && strcmp(refusal->text, text) != 0))
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

/* "many": so many different prefixes stand in the place of those of the last route. */
static void add_many(const json_t *step)
{
	json_int_t many = json_integer_value(json_object_get(step, "many"));
	json_t *routes = json_object_get(json_object_get(step, "params"), "routes");
	json_t *prefixes = json_array();
	char text[24];

	if (many == 0) {
		json_decref(prefixes);
		return;
	}
	for (unsigned i = 0; i < (unsigned)many; i++) {
		snprintf(
			text, sizeof(text), "11.%u.%u.%u/32", i >> 16 & 255, i >> 8 & 255, i & 255);
		json_array_append_new(prefixes, json_string(text));
	}
	json_object_set_new(
		json_array_get(routes, json_array_size(routes) - 1), "prefixes", prefixes);
}

static void run_step(struct model *model, const json_t *step, const char *where)
{
	const char *method = json_string_value(json_object_get(step, "method"));
	const json_t *params = json_object_get(step, "params");
	struct refusal refusal = {0};
	char *answer;

	add_many(step);
	answer = json_is_true(json_object_get(step, "memory_lasts"))
			 ? run(model, method, params, &refusal)
			 : run_out_of_memory(model, method, params, &refusal);

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
	struct document_replay *replay = document_replay_begin(copy, &refusal);
	char *bytes, *before, *after;
	size_t length;
	int result;

	while ((result = checkpoint_next(checkpoint, &bytes, &length)) != 0) {
		if (result != 1)
			continue;
		if (document_replay_record(replay, bytes, length) < 0)
			fail_msg("replay: %s: %s", refusal.pointer, refusal.text);
		free(bytes);
	}
	document_replay_end(replay);
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

/* Whole requests, as the server hands them to the line: a loop, a model and a journal on a disk
 * that can be full. */
struct line {
	struct gateway gateway;
	char state[64];
	json_t *answered; /* responses in the order they were given */
};

static void take_response(struct rpc_call *call, json_t *response)
{
	struct line *line = call->owner;

	json_array_append_new(line->answered, response);
}

static void line_open(struct line *line)
{
	char error[JOURNAL_ERROR_TEXT];

	*line = (struct line){.state = "/tmp/trunkline-golden-XXXXXX", .answered = json_array()};
	assert_non_null(mkdtemp(line->state));
	line->gateway.model = create();
	line->gateway.loop = loop_create();
	line->gateway.journal = journal_open(line->gateway.loop, line->state, error);
	if (line->gateway.journal == NULL)
		fail_msg("%s", error);
	line->gateway.provision = provision_create(&line->gateway);
	assert_int_equal(provision_restore(line->gateway.provision, error), 0);
}

static void line_close(struct line *line)
{
	char path[96];

	journal_close(line->gateway.journal);
	provision_destroy(line->gateway.provision);
	loop_destroy(line->gateway.loop);
	model_destroy(line->gateway.model);
	json_decref(line->answered);
	snprintf(path, sizeof(path), "%s/log", line->state);
	unlink(path);
	assert_int_equal(rmdir(line->state), 0);
}

static void line_ask(struct line *line, const json_t *request)
{
	static const struct rpc_sink sink = {.answer = take_response};
	const char *name = json_string_value(json_object_get(request, "method"));
	const struct rpc_method *method = rpc_find(model_methods, name);
	struct rpc_call *call = rpc_call_create(&line->gateway, method,
		json_object_get(request, "params"), json_object_get(request, "id"), &sink, line);

	method->handle(&line->gateway, call);
}

static void line_wait(struct line *line, size_t answers)
{
	for (unsigned i = 0; i < 5000 && json_array_size(line->answered) < answers; i++)
		loop_turn(line->gateway.loop, 1);
	assert_int_equal(json_array_size(line->answered), answers);
}

/* No file may grow beyond this; 0: as at the start. */
static void limit_files(rlim_t bytes)
{
	static struct rlimit before;
	struct rlimit limit;

	if (before.rlim_max == 0)
		assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = bytes != 0 ? bytes : before.rlim_cur;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* As many requests as there is room for stand before this one. */
static size_t fill_line(struct line *line)
{
	json_t *query = json_pack("{s:i, s:s}", "id", 0, "method", "table.digest");

	for (unsigned i = 0; i < PROVISION_WAITING_MOST; i++)
		line_ask(line, query);
	json_decref(query);
	return PROVISION_WAITING_MOST;
}

static void check_response(const json_t *step, struct line *line)
{
	const json_t *wanted = json_object_get(step, "response");
	const json_t *got = json_array_get(line->answered, 0);
	const json_t *data = json_object_get(json_object_get(got, "error"), "data");

	if (!json_equal(wanted, got))
		fail_msg("wanted %s, got %s", json_dumps(wanted, 0), json_dumps(got, 0));
	assert_non_null(data);
	seen[json_integer_value(json_object_get(data, "number")) - REFUSAL_UNKNOWN_FIELD] = true;
}

/* What is refused changes nothing; once there is room, the same request is accepted. */
static void line_step(const json_t *step)
{
	const char *given = json_string_value(json_object_get(step, "given"));
	const json_t *request = json_object_get(step, "request");
	bool full = strcmp(given, "the disk is full") == 0;
	struct line line;
	char *before, *after;
	size_t waiting = 0;

	assert_true(full || strcmp(given, "the line is full") == 0);
	/* Room for the head of the log, and none ahead of what is needed. */
	limit_files(full ? 4096 : 0);
	line_open(&line);
	before = state_of(line.gateway.model);
	limit_files(full ? 1 : 0);
	if (!full)
		waiting = fill_line(&line);
	line_ask(&line, request);
	/* Who finds no room in the line is told so at once, before those who wait. */
	line_wait(&line, 1);
	check_response(step, &line);
	after = state_of(line.gateway.model);
	assert_string_equal(before, after);
	limit_files(0);
	line_wait(&line, 1 + waiting);
	line_ask(&line, request);
	line_wait(&line, 2 + waiting);
	assert_non_null(json_object_get(json_array_get(line.answered, 1 + waiting), "result"));
	line_close(&line);
	free(before);
	free(after);
}

static void the_line_answers_as_written(void **state)
{
	char path[512];
	json_error_t error;
	const json_t *step;
	json_t *file;
	size_t index;

	(void)state;
	snprintf(path, sizeof(path), "%s/refuse_line.json", directory);
	file = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
	if (file == NULL)
		fail_msg("%s:%d: %s", path, error.line, error.text);
	json_array_foreach(json_object_get(file, "steps"), index, step) line_step(step);
	json_decref(file);
}

static void every_refusal_was_seen(void **state)
{
	(void)state;
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
		cmocka_unit_test(the_line_answers_as_written),
		cmocka_unit_test(every_refusal_was_seen),
	};

	/* A full disk is answered, not died of. */
	signal(SIGXFSZ, SIG_IGN);
	if (argc != 2) {
		fprintf(stderr, "usage: test_golden DIRECTORY\n");
		return 2;
	}
	directory = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
