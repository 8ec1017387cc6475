/* SPDX-License-Identifier: BSD-3-Clause */
/* stats.get and metrics, and the names behind their numbers (census), on a whole gateway that
 * rests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/boot.h"
#include "control/change.h"
#include "control/loop.h"
#include "control/rpc.h"
#include "control/stats.h"
#include "tests/tools/testbed.h"
#include "tests/unit/jsonpath.h"

#define CONNECTIONS 20

#define DOCUMENT \
	"{\"sites\":[{\"name\":\"far\"}]," \
	"\"paths\":[{\"name\":\"p1\",\"site\":\"far\",\"port\":\"bb\",\"local\":\"10.1.0.1/30\"," \
	"\"remote\":\"10.1.0.2\",\"encapsulation\":\"vxlan\"}]," \
	"\"connections\":[{\"name\":\"acme\",\"vni\":1001,\"endpoints\":[{\"site\":\"far\"," \
	"\"addresses\":[\"10.9.9.1/30\"],\"peer_addresses\":[\"10.9.9.2\"]}]}]," \
	"\"attachments\":[{\"name\":\"a1\",\"connection\":\"acme\",\"port\":\"cust\"," \
	"\"addresses\":[\"192.0.2.1/24\"]}]," \
	"\"routes\":[{\"connection\":\"acme\",\"prefix\":\"10.3.0.0/16\",\"via\":{\"next_hops\":" \
	"[{\"attachment\":\"a1\",\"address\":\"192.0.2.2\"}]}}]}"

static struct testbed *g;
static struct boot boot;
static json_t *answers; /* responses so far */
static char *plain;	/* the last answer that is no JSON */

static void take(struct rpc_call *call, json_t *response)
{
	(void)call;
	json_array_append_new(answers, response);
}

static void take_text(struct rpc_call *call, char *text, size_t length)
{
	(void)call;
	if (text[0] == '{') {
		json_array_append_new(answers, json_loadb(text, length, 0, NULL));
		free(text);
		return;
	}
	free(plain);
	plain = text;
	plain[length] = '\0'; /* what stands behind is not the sink's */
}

static const struct rpc_sink sink = {.answer = take, .answer_text = take_text};

static int set_up(void **state)
{
	const struct testbed_setup setup = {.ports = 2,
		.workers = 2,
		.connections = CONNECTIONS,
		.port = {{.name = "cust"}, {.name = "bb"}}};

	(void)state;
	g = testbed_create(&setup);
	if (g == NULL || testbed_document(g, DOCUMENT) != 0)
		return -1;
	testbed_settle(g, 100);
	boot = (struct boot){.name = "gw-a",
		.ports = 2,
		.port = {{.name = "cust"}, {.name = "bb"}},
		.limits = {
			.connections = CONNECTIONS, .attachments = 4 * CONNECTIONS, .paths = 128}};
	g->parts.boot = &boot;
	g->parts.loop = loop_create();
	g->parts.stats = stats_create(&g->parts);
	answers = json_array();
	return g->parts.stats != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	stats_destroy(g->parts.stats);
	loop_destroy(g->parts.loop);
	g->parts.stats = NULL;
	g->parts.loop = NULL;
	g->parts.boot = NULL;
	testbed_destroy(g);
	json_decref(answers);
	free(plain);
	plain = NULL;
	return 0;
}

static struct rpc_call *give(const struct rpc_method *method, const char *params)
{
	json_t *given = json_loads(params, 0, NULL), *id = json_integer(1);
	struct rpc_call *call = rpc_call_create(&g->parts, method, given, id, &sink, NULL);

	assert_non_null(given);
	json_decref(given);
	json_decref(id);
	method->handle(&g->parts, call);
	return call;
}

static void wait_for(size_t count)
{
	for (unsigned i = 0; i < 2000 && json_array_size(answers) < count; i++)
		loop_turn(g->parts.loop, 1);
	assert_int_equal(json_array_size(answers), count);
}

/* The whole response to one stats.get. */
static json_t *get(const char *params)
{
	json_array_clear(answers);
	give(rpc_find(stats_methods, "stats.get"), params);
	wait_for(1);
	return json_array_get(answers, 0);
}

static void assert_text(json_t *value, const char *path, const char *text)
{
	const char *found = json_string_value(jsonpath_at(value, path));

	if (found == NULL || strcmp(found, text) != 0)
		fail_msg("%s is %s, not %s", path, found != NULL ? found : "absent", text);
}

static void numbers_have_their_names(void **state)
{
	json_t *v = get("{}");

	(void)state;
	assert_text(v, "result/name", "gw-a");
	assert_int_equal(json_integer_value(jsonpath_at(v, "result/generation")), 1);
	assert_text(v, "result/ports/1/name", "bb");
	assert_text(v, "result/connections/0/name", "acme");
	assert_int_equal(json_array_size(jsonpath_at(v, "result/connections")), 1);
	assert_text(v, "result/attachments/0/name", "a1");
	assert_text(v, "result/attachments/0/connection", "acme");
	assert_text(v, "result/attachments/0/port", "cust");
	assert_text(v, "result/paths/0/site", "far");
	assert_text(v, "result/paths/0/port", "bb");
	assert_true(json_is_false(jsonpath_at(v, "result/paths/0/live")));
	assert_int_equal(json_array_size(jsonpath_at(v, "result/workers")), 2);
}

static void neighbours_have_the_names_of_their_links(void **state)
{
	static const struct {
		const char *address, *kind, *link;
	} wanted[] = {{"10.1.0.2", "port", "bb"}, {"10.9.9.2", "endpoint", "acme to far"},
		{"192.0.2.2", "attachment", "a1"}};
	json_t *v = get("{\"sections\":[\"neighbours\"]}"), *entry;
	size_t index, found = 0;

	(void)state;
	json_array_foreach(jsonpath_at(v, "result/neighbours/entries"), index, entry)
	{
		for (unsigned i = 0; i < 3; i++) {
			if (strcmp(json_string_value(jsonpath_at(entry, "address")),
				    wanted[i].address) != 0)
				continue;
			assert_text(entry, wanted[i].kind, wanted[i].link);
			assert_text(entry, "state", "incomplete");
			found++;
		}
	}
	assert_int_equal(found, 3);
	assert_null(jsonpath_at(v, "result/ports"));
}

static void only_so_many_answers_are_made_at_once(void **state)
{
	const struct rpc_method *method = rpc_find(stats_methods, "stats.get");

	(void)state;
	for (unsigned i = 0; i <= STATS_JOBS; i++)
		give(method, "{}");
	/* The one too many is told at once; the others get theirs. */
	assert_int_equal(json_array_size(answers), 1);
	assert_int_equal(json_integer_value(jsonpath_at(json_array_get(answers, 0), "error/code")),
		RPC_BUSY);
	wait_for(1 + STATS_JOBS);
	for (unsigned i = 1; i <= STATS_JOBS; i++)
		assert_non_null(
			jsonpath_at(json_array_get(answers, i), "result/connections/0/name"));
	assert_non_null(jsonpath_at(get("{}"), "result"));
}

static void metrics_name_the_same(void **state)
{
	(void)state;
	give(&stats_metrics, "{}");
	for (unsigned i = 0; i < 2000 && plain == NULL; i++)
		loop_turn(g->parts.loop, 1);
	assert_non_null(plain);
	assert_non_null(strstr(plain, "trunkline_info{name=\"gw-a\""));
	assert_non_null(strstr(plain, "connection=\"acme\""));
	assert_string_equal(plain + strlen(plain) - 5, "# EOF");
}

/* Who takes over an id does not inherit what was counted under it. */
static void a_new_owner_starts_at_nothing(void **state)
{
	uint32_t id = model_find(g->parts.model, MODEL_CONNECTION, "acme");
	struct change_object object = {.kind = MODEL_CONNECTION,
		.id = id,
		.after = model_object(g->parts.model, MODEL_CONNECTION, id)};
	const struct change change = {.object_count = 1, .object = &object};
	struct meter_side *side = &plane_meter(g->parts.plane, 0)->connection[id].side[0];
	json_int_t before;

	(void)state;
	side->rx += 7;
	side->consumed += 7;
	before = json_integer_value(jsonpath_at(
		get("{\"connection\":\"acme\"}"), "result/connections/0/attachment/rx"));
	assert_true(before >= 7);
	/* A change of what is there already takes nothing over. */
	object.before = object.after;
	stats_adopt(g->parts.stats, &change);
	assert_int_equal(
		json_integer_value(jsonpath_at(get("{}"), "result/connections/0/attachment/rx")),
		before);
	object.before = NULL;
	stats_adopt(g->parts.stats, &change);
	assert_int_equal(
		json_integer_value(jsonpath_at(get("{}"), "result/connections/0/attachment/rx")),
		0);
	side->rx++;
	side->consumed++;
	assert_int_equal(
		json_integer_value(jsonpath_at(get("{}"), "result/connections/0/attachment/rx")),
		1);
}

static void answers_under_way_are_given_up(void **state)
{
	struct rpc_call *call = give(rpc_find(stats_methods, "stats.get"), "{}");

	(void)state;
	stats_destroy(g->parts.stats);
	g->parts.stats = NULL;
	loop_turn(g->parts.loop, 0);
	assert_int_equal(json_array_size(answers), 0);
	rpc_call_free(call);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(numbers_have_their_names),
		TEST(neighbours_have_the_names_of_their_links),
		TEST(only_so_many_answers_are_made_at_once),
		TEST(metrics_name_the_same),
		TEST(a_new_owner_starts_at_nothing),
		TEST(answers_under_way_are_given_up),
	};

	if (testbed_eal() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
