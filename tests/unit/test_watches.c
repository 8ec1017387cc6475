/* SPDX-License-Identifier: BSD-3-Clause */
/* Watches alone: a loop, meters and names made up here, and a client that may be slow or gone. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/loop.h"
#include "control/watches.h"
#include "tests/unit/fakemeters.h"
#include "tests/unit/fakeroster.h"

#define WORKERS	    1
#define INTERVAL_MS 1

static const struct report_request ports = {.sections = 1u << REPORT_PORTS};

static struct meter *meter[WORKERS + 1];
static struct collect collect;
static struct watches watches;

/* The client. */
static struct {
	struct rpc_stream stream; /* first: what the watch gets */
	bool none, slow;
	unsigned opened, closed_by_us, updates;
	void (*closed)(void *context);
	void *context;
	json_t *answer, *update; /* the last ones */
} client;

static const struct rpc_sink sink;

static void take_answer(struct rpc_call *call, json_t *response)
{
	(void)call;
	json_decref(client.answer);
	client.answer = response;
}

static struct rpc_stream *open_stream(
	struct rpc_call *call, void (*closed)(void *context), void *context)
{
	(void)call;
	if (client.none)
		return NULL;
	client.stream.sink = &sink;
	client.closed = closed;
	client.context = context;
	client.opened++;
	return &client.stream;
}

static int take_update(struct rpc_stream *stream, json_t *message)
{
	(void)stream;
	if (client.slow) {
		json_decref(message);
		return -EAGAIN;
	}
	json_decref(client.update);
	client.update = message;
	client.updates++;
	return 0;
}

static void close_stream(struct rpc_stream *stream)
{
	(void)stream;
	client.closed_by_us++;
}

static const struct rpc_sink sink = {.answer = take_answer,
	.stream = open_stream,
	.notify = take_update,
	.stream_close = close_stream};

static int set_up(void **state)
{
	(void)state;
	memset(&client, 0, sizeof(client));
	fakemeters_create(&collect, meter, WORKERS, FAKEROSTER_CONNECTIONS);
	watches =
		(struct watches){.loop = loop_create(), .collect = &collect, .roster = &fakeroster};
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	watches_close(&watches);
	assert_int_equal(watches.count, 0);
	loop_destroy(watches.loop);
	fakemeters_destroy(&collect, meter, WORKERS);
	json_decref(client.answer);
	json_decref(client.update);
	return 0;
}

static void open_watch(void)
{
	json_t *id = json_integer(7);

	watches_open(
		&watches, rpc_call_create(NULL, NULL, NULL, id, &sink, NULL), &ports, INTERVAL_MS);
	json_decref(id);
}

/* Until the client has heard so many updates. */
static void wait_for(unsigned updates)
{
	for (unsigned i = 0; i < 2000 && client.updates < updates; i++)
		loop_turn(watches.loop, 1);
	assert_true(client.updates >= updates);
}

static json_int_t number(const char *member)
{
	return json_integer_value(
		json_object_get(json_object_get(client.update, "params"), member));
}

static bool full(void)
{
	return json_is_true(json_object_get(json_object_get(client.update, "params"), "full"));
}

static json_int_t received(void)
{
	json_t *list = json_object_get(json_object_get(client.update, "params"), "ports");

	return json_integer_value(json_object_get(json_array_get(list, 0), "rx_packets"));
}

static void first_whole_then_what_was_added(void **state)
{
	json_t *result;

	(void)state;
	meter[0]->port[0].rx = 9;
	open_watch();
	result = json_object_get(client.answer, "result");
	assert_int_equal(json_integer_value(json_object_get(result, "watch")), 1);
	assert_int_equal(json_integer_value(json_object_get(result, "interval_ms")), INTERVAL_MS);
	wait_for(1);
	assert_string_equal(
		json_string_value(json_object_get(client.update, "method")), "stats.update");
	assert_true(full());
	assert_int_equal(number("watch"), 1);
	assert_int_equal(number("elapsed_ns"), 0);
	assert_int_equal(received(), 9);
	meter[0]->port[0].rx += 5;
	wait_for(2);
	assert_false(full());
	assert_int_equal(received(), 5);
	assert_true(number("elapsed_ns") >= INTERVAL_MS * 1000000);
}

static void what_was_missed_is_told_whole(void **state)
{
	(void)state;
	meter[0]->port[0].rx = 9;
	open_watch();
	wait_for(2);
	client.slow = true;
	meter[0]->port[0].rx = 30;
	for (unsigned i = 0; i < 20; i++)
		loop_turn(watches.loop, 2);
	client.slow = false;
	wait_for(client.updates + 1);
	assert_true(full());
	assert_int_equal(received(), 30);
	meter[0]->port[0].rx = 32;
	wait_for(client.updates + 1);
	assert_false(full());
	assert_int_equal(received(), 2);
}

static void nothing_is_said_to_who_has_gone(void **state)
{
	(void)state;
	open_watch();
	wait_for(1);
	client.closed(client.context);
	assert_int_equal(watches.count, 0);
	assert_null(watches.first);
	client.updates = 0;
	for (unsigned i = 0; i < 10; i++)
		loop_turn(watches.loop, 2);
	assert_int_equal(client.updates, 0);
	assert_int_equal(client.closed_by_us, 0);
}

static void no_more_than_there_may_be(void **state)
{
	json_t *error;

	(void)state;
	for (unsigned i = 0; i < WATCHES_MAX; i++)
		open_watch();
	assert_non_null(json_object_get(client.answer, "result"));
	open_watch();
	error = json_object_get(client.answer, "error");
	assert_int_equal(json_integer_value(json_object_get(error, "code")), RPC_LIMIT);
	assert_int_equal(client.opened, WATCHES_MAX);
	watches_close(&watches);
	assert_int_equal(client.closed_by_us, WATCHES_MAX);
	open_watch();
	assert_non_null(json_object_get(client.answer, "result"));
	assert_int_equal(watches.count, 1);
}

static void a_call_that_cannot_stream_is_told(void **state)
{
	json_t *error;

	(void)state;
	client.none = true;
	open_watch();
	error = json_object_get(client.answer, "error");
	assert_int_equal(json_integer_value(json_object_get(error, "code")), RPC_INTERNAL);
	assert_int_equal(watches.count, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(first_whole_then_what_was_added),
		TEST(what_was_missed_is_told_whole),
		TEST(nothing_is_said_to_who_has_gone),
		TEST(no_more_than_there_may_be),
		TEST(a_call_that_cannot_stream_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
