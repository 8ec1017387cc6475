/* SPDX-License-Identifier: BSD-3-Clause */
/* Which worker has what: shares by weight, the methods that change it, and moves step by step. What
 * the methods answer and refuse is in tests/golden/socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "control/boot.h"
#include "control/loop.h"
#include "control/rings.h"
#include "control/spread.h"
#include "tests/tools/testbed.h"

#define WORKERS 3
#define CUST	0

/* Shares */

static void shares_follow_weights(void **state)
{
	static const struct {
		uint32_t weight[PLANE_WORKERS];
		unsigned share[4];
	} cases[] = {{{1, 1, 1, 1}, {128, 128, 128, 128}}, {{1, 1, 1, 0}, {171, 171, 170, 0}},
		{{0, 0, 1000, 1}, {0, 0, 511, 1}}, {{3, 1, 0, 0}, {384, 128, 0, 0}},
		{{1, 0, 0, 0}, {512, 0, 0, 0}}, {{7, 7, 7, 3}, {150, 149, 149, 64}}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t table[PLANE_BUCKETS], before[PLANE_BUCKETS];
		unsigned count[PLANE_WORKERS], moved, differ = 0, wanted = 0;

		for (unsigned b = 0; b < PLANE_BUCKETS; b++)
			before[b] = table[b] = (uint8_t)(b % 4);
		moved = spread_by_weight(table, cases[i].weight, 4);
		spread_count(table, count);
		for (unsigned w = 0; w < 4; w++) {
			assert_int_equal(count[w], cases[i].share[w]);
			wanted += count[w] > 128 ? count[w] - 128 : 0;
		}
		for (unsigned b = 0; b < PLANE_BUCKETS; b++)
			differ += table[b] != before[b];
		/* No more than have to. */
		assert_int_equal(moved, differ);
		assert_int_equal(moved, wanted);
		assert_int_equal(spread_by_weight(table, cases[i].weight, 4), 0);
	}
}

static void single_moves_end_where_nothing_is_left(void **state)
{
	uint8_t table[PLANE_BUCKETS] = {0};
	unsigned count[PLANE_WORKERS];

	(void)state;
	assert_int_equal(spread_move(table, 0, 1, 12), 12);
	assert_int_equal(spread_move(table, 1, 2, 100), 12);
	assert_int_equal(spread_move(table, 0, 0, 5), 0);
	spread_count(table, count);
	assert_int_equal(count[0], 500);
	assert_int_equal(count[2], 12);
}

/* Methods */

static struct testbed *g;
static struct boot boot;
static json_t *response;

static int setup(void **state)
{
	struct testbed_setup s = {.workers = WORKERS,
		.ports = 2,
		.hold_us = 100000,
		.port = {{.name = "cust", .rx_queues = 2, .distribute = true},
			{.name = "bb", .tx_queues = 1}}};

	(void)state;
	g = testbed_create(&s);
	if (g == NULL)
		return -1;
	memset(&boot, 0, sizeof(boot));
	boot.ports = 2;
	strcpy(boot.port[0].name, "cust");
	strcpy(boot.port[1].name, "bb");
	g->parts.boot = &boot;
	g->parts.loop = loop_create();
	g->parts.rings = rings_create(&g->parts);
	return g->parts.loop == NULL || g->parts.rings == NULL ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	rings_destroy(g->parts.rings);
	loop_destroy(g->parts.loop);
	json_decref(response);
	response = NULL;
	testbed_destroy(g);
	return 0;
}

static void take(struct rpc_call *call, json_t *answer)
{
	(void)call;
	json_decref(response);
	response = answer;
}

/* The result; params in single quotes. */
static json_t *ask(const char *name, const char *params)
{
	static const struct rpc_sink sink = {.answer = take};
	const struct rpc_method *method = rpc_find(rings_methods, name);
	char *text = strdup(params);
	json_t *parsed, *id = json_integer(1);

	for (char *c = text; *c != 0; c++)
		*c = *c == '\'' ? '"' : *c;
	parsed = json_loads(text, 0, NULL);
	assert_non_null(parsed);
	json_decref(response);
	response = NULL;
	if (method == NULL)
		method = rpc_find(rings_reads, name);
	method->handle(&g->parts, rpc_call_create(&g->parts, method, parsed, id, &sink, NULL));
	json_decref(parsed);
	json_decref(id);
	free(text);
	for (unsigned i = 0; i < 20000 && response == NULL; i++) {
		for (unsigned w = 0; w < WORKERS; w++)
			plane_turn(g->parts.plane, w);
		loop_turn(g->parts.loop, 0);
	}
	assert_non_null(response);
	return json_object_get(response, "result");
}

static void expect_number(const json_t *result, const char *name, long long value)
{
	assert_int_equal(json_integer_value(json_object_get(result, name)), value);
}

static void flows_and_queues_go_where_they_are_told(void **state)
{
	uint8_t table[PLANE_BUCKETS];
	unsigned count[PLANE_WORKERS];

	(void)state;
	expect_number(ask("rings.spread", "{'port':'cust','weights':[0,1,1]}"), "buckets", 171);
	expect_number(
		ask("rings.move", "{'port':'cust','from':1,'to':0,'buckets':6}"), "buckets", 6);
	plane_buckets(g->parts.plane, CUST, table);
	spread_count(table, count);
	assert_int_equal(count[0], 6);
	assert_int_equal(count[1], 250);
	expect_number(
		ask("queue.move", "{'port':'cust','direction':'receive','queue':1,'worker':2}"),
		"queues", 1);
	assert_int_equal(plane_polling(g->parts.plane, CUST, 1), 2);
	expect_number(
		ask("queue.move", "{'port':'bb','direction':'transmit','queue':0,'worker':1}"),
		"queues", 1);
	assert_int_equal(plane_owner(g->parts.plane, 1, 0), 1);
}

static void a_worker_leaves_with_nothing_and_comes_back(void **state)
{
	uint8_t table[PLANE_BUCKETS];
	unsigned count[PLANE_WORKERS];
	json_t *result;

	(void)state;
	expect_number(ask("worker.set", "{'worker':0,'in_service':false}"), "buckets", 171);
	plane_buckets(g->parts.plane, CUST, table);
	spread_count(table, count);
	assert_int_equal(count[0], 0);
	assert_int_not_equal(plane_polling(g->parts.plane, CUST, 0), 0);
	for (unsigned q = 0; q < WORKERS; q++)
		assert_int_not_equal(plane_owner(g->parts.plane, CUST, q), 0);
	assert_int_not_equal(plane_owner(g->parts.plane, 1, 0), 0);
	for (uint64_t number = 0; number < 10; number++)
		assert_int_not_equal(plane_pick(g->parts.plane, number), 0);
	ask("worker.set", "{'worker':1,'in_service':false}");
	ask("worker.set", "{'worker':0,'in_service':true}");
	ask("worker.set", "{'worker':1,'in_service':true}");
	result = ask("rings.get", "{}");
	assert_true(json_is_true(json_object_get(result, "settled")));
	expect_number(result, "held", 0);
	plane_buckets(g->parts.plane, CUST, table);
	spread_count(table, count);
	for (unsigned w = 0; w < WORKERS; w++)
		assert_in_range(count[w], 170, 171);
	for (unsigned q = 0; q < WORKERS; q++)
		assert_int_equal(plane_owner(g->parts.plane, CUST, q), q);
	assert_int_equal(plane_polling(g->parts.plane, CUST, 0), 0);
	assert_int_equal(plane_owner(g->parts.plane, 1, 0), 0);
}

/* Moves by hand: a worker that is never turned does not answer. */

static void turn(unsigned worker, unsigned times)
{
	while (times-- > 0)
		plane_turn(g->parts.plane, worker);
}

static void nothing_moves_before_the_old_worker_answers(void **state)
{
	(void)state;
	for (unsigned w = 0; w < WORKERS; w++)
		turn(w, 2);
	assert_true(plane_settled(g->parts.plane));
	plane_poll(g->parts.plane, CUST, 0, 1);
	assert_false(plane_settled(g->parts.plane));
	turn(1, 3);
	assert_int_equal(plane_polling(g->parts.plane, CUST, 0), 0);
	turn(0, 3);
	assert_int_equal(plane_polling(g->parts.plane, CUST, 0), 1);
	for (unsigned w = 0; w < WORKERS; w++)
		turn(w, 2);
	assert_true(plane_settled(g->parts.plane));
}

static void a_round_needs_every_worker(void **state)
{
	uint8_t owner[PLANE_PORT_QUEUES] = {2};

	(void)state;
	for (unsigned w = 0; w < WORKERS; w++)
		turn(w, 2);
	plane_own(g->parts.plane, 1, owner);
	for (unsigned i = 0; i < 5; i++) {
		turn(0, 1);
		turn(2, 1);
	}
	assert_false(plane_settled(g->parts.plane));
	for (unsigned i = 0; i < 5; i++)
		for (unsigned w = 0; w < WORKERS; w++)
			turn(w, 1);
	assert_true(plane_settled(g->parts.plane));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shares_follow_weights),
		cmocka_unit_test(single_moves_end_where_nothing_is_left),
		TEST(flows_and_queues_go_where_they_are_told),
		TEST(a_worker_leaves_with_nothing_and_comes_back),
		TEST(nothing_moves_before_the_old_worker_answers),
		TEST(a_round_needs_every_worker),
	};

	if (testbed_eal() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
