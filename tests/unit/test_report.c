/* SPDX-License-Identifier: BSD-3-Clause */
/* The JSON of stats.get and stats.watch, from meters and names made up here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <jansson.h>

#include "control/loop.h"
#include "control/report.h"
#include "tests/unit/fakemeters.h"
#include "tests/unit/fakeroster.h"
#include "tests/unit/jsonpath.h"

#define WORKERS	     2
#define MANY	     4096
#define STEP_CPU_MAX 5000000 /* ns: what a turn of the control loop may last */

static struct meter *meter[WORKERS + 1];
static struct collect collect;
static struct loop_times turns;
static struct report_memory memory;

static int set_up(void **state)
{
	(void)state;
	fakemeters_create(&collect, meter, WORKERS, MANY);
	turns = (struct loop_times){.turns = 3, .total_ns = 30000};
	turns.bucket[4] = 3;
	turns.bucket[LOOP_TIME_BUCKETS - 1] = 1;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	report_memory_free(&memory);
	fakemeters_destroy(&collect, meter, WORKERS);
	fakeroster_connections = FAKEROSTER_CONNECTIONS;
	return 0;
}

static char *text_of(const struct report_request *request)
{
	struct report report;
	char *text;

	report_start(&report, request, &collect, &fakeroster, &turns);
	while (report_step(&report))
		;
	text = report_take(&report, NULL);
	report_free(&report);
	assert_non_null(text);
	return text;
}

static json_t *value_of(const struct report_request *request)
{
	char *text = text_of(request);
	json_error_t error;
	json_t *value = json_loads(text, JSON_REJECT_DUPLICATES, &error);

	if (value == NULL)
		fail_msg("%s in %s", error.text, text);
	free(text);
	return value;
}

#define assert_number(value, path, number) \
	do { \
		assert_true(json_is_integer(jsonpath_at(value, path))); \
		assert_int_equal(json_integer_value(jsonpath_at(value, path)), number); \
	} while (0)

static void all_sections_have_their_members(void **state)
{
	json_t *v;

	(void)state;
	meter[1]->port[0].rx = 9;
	meter_port_drop(meter[1], 0, DROP_UNKNOWN_TAG);
	meter[0]->attachment[1].tx_bytes = 77;
	meter[0]->ring_sent[1] = 6;
	v = value_of(&(struct report_request){.sections = REPORT_ALL});
	assert_string_equal(json_string_value(jsonpath_at(v, "name")), "gw-a");
	assert_number(v, "generation", 12);
	assert_true(json_integer_value(jsonpath_at(v, "time_ns")) > 0);
	assert_number(v, "ports/0/rx_packets", 9);
	assert_number(v, "ports/0/drops/unknown_tag", 1);
	assert_number(v, "ports/1/steering/kernel", 17);
	assert_null(jsonpath_at(v, "ports/1/drops"));
	assert_number(v, "workers/1/worker", 1);
	assert_int_equal(
		json_array_size(jsonpath_at(v, "connections")), FAKEROSTER_CONNECTIONS - 10);
	assert_string_equal(
		json_string_value(jsonpath_at(v, "connections/1/name")), "odd \"2\" \\ \n");
	assert_string_equal(json_string_value(jsonpath_at(v, "connections/0/conserved")), "true");
	assert_number(v, "attachments/0/tx_bytes", 77);
	assert_string_equal(json_string_value(jsonpath_at(v, "paths/0/objections/0")), "admin");
	assert_true(json_is_false(jsonpath_at(v, "paths/0/live")));
	assert_string_equal(json_string_value(jsonpath_at(v, "paths/0/bfd/state")), "up");
	assert_number(v, "paths/0/bfd/detection_us", 30000);
	assert_number(v, "paths/0/bfd/downs", 1);
	assert_int_equal(json_array_size(jsonpath_at(v, "rings")), 4);
	assert_number(v, "rings/0/sent", 6);
	assert_string_equal(json_string_value(jsonpath_at(v, "rings/3/from")), "control");
	assert_number(v, "neighbours/states/reachable", FAKEROSTER_NEIGHBOURS);
	assert_int_equal(
		json_array_size(jsonpath_at(v, "neighbours/entries")), FAKEROSTER_NEIGHBOURS);
	assert_number(v, "neighbours/entries/69/held", 70);
	assert_null(jsonpath_at(v, "neighbours/entries/0/age_ms"));
	assert_number(v, "control/turn_us/16", 3);
	assert_number(v, "control/turn_us/more", 1);
	json_decref(v);
}

static void only_the_sections_asked_for_are_there(void **state)
{
	json_t *v;

	(void)state;
	for (unsigned s = 0; s < REPORT_SECTION_COUNT; s++) {
		v = value_of(&(struct report_request){.sections = 1u << s});
		assert_int_equal(json_object_size(v), 6);
		assert_non_null(json_object_get(v, report_section_name(s)));
		assert_int_equal(report_section_find(report_section_name(s)), s);
		json_decref(v);
	}
	assert_int_equal(report_section_find("weather"), -1);
}

static void one_connection_alone_can_be_asked_for(void **state)
{
	json_t *v;

	(void)state;
	meter_drop(meter[0], 2, METER_PATH, DROP_NO_ROUTE);
	meter_drop(meter[0], 3, METER_PATH, DROP_NO_ROUTE);
	v = value_of(&(struct report_request){.sections = REPORT_ALL, .connection = 3});
	assert_int_equal(json_array_size(jsonpath_at(v, "connections")), 1);
	assert_string_equal(json_string_value(jsonpath_at(v, "connections/0/name")), "c3");
	assert_int_equal(json_array_size(jsonpath_at(v, "attachments")), 0);
	assert_int_equal(json_array_size(jsonpath_at(v, "drops/connections")), 1);
	assert_null(jsonpath_at(v, "drops/total"));
	json_decref(v);
}

static void drops_stand_by_connection_side_worker_and_reason(void **state)
{
	json_t *v;

	(void)state;
	for (unsigned w = 0; w <= WORKERS; w++)
		meter_drop(meter[w], 3, METER_PATH, DROP_NO_ROUTE);
	meter_port_drop(meter[1], 1, DROP_NO_ROUTE);
	v = value_of(&(struct report_request){.sections = 1u << REPORT_DROPS});
	assert_int_equal(json_array_size(jsonpath_at(v, "drops/connections")), 3);
	assert_string_equal(
		json_string_value(jsonpath_at(v, "drops/connections/0/connection")), "c3");
	assert_string_equal(json_string_value(jsonpath_at(v, "drops/connections/0/side")), "path");
	assert_string_equal(
		json_string_value(jsonpath_at(v, "drops/connections/0/reason")), "no_route");
	assert_number(v, "drops/connections/1/worker", 1);
	assert_string_equal(
		json_string_value(jsonpath_at(v, "drops/connections/2/worker")), "control");
	assert_int_equal(json_array_size(jsonpath_at(v, "drops/ports")), 1);
	assert_string_equal(json_string_value(jsonpath_at(v, "drops/ports/0/port")), "cust");
	assert_number(v, "drops/total/0/packets", 4);
	assert_non_null(jsonpath_at(v, "drops/total/0/meaning"));
	json_decref(v);
}

static void rates_stand_with_what_they_did(void **state)
{
	struct report_request request = {.sections = 1u << REPORT_CONNECTIONS, .memory = &memory};
	json_t *v;

	(void)state;
	for (unsigned w = 0; w < WORKERS; w++) {
		for (unsigned i = 0; i < 3; i++)
			meter_drop(meter[w], 5, METER_ATTACHMENT, DROP_POLICED);
		meter[w]->connection[5].police = (struct meter_police){
			.policed_bytes = 3000, .marked_packets = 4, .marked_bytes = 400};
	}
	v = value_of(&request);
	assert_number(v, "connections/4/bandwidth_mbps", 100);
	assert_number(v, "connections/4/peak_mbps", 150);
	assert_number(v, "connections/4/policing/policed_packets", 6);
	assert_number(v, "connections/4/policing/policed_bytes", 6000);
	assert_number(v, "connections/4/policing/marked_packets", 8);
	assert_number(v, "connections/4/policing/marked_bytes", 800);
	assert_number(v, "connections/5/bandwidth_mbps", 0);
	assert_null(jsonpath_at(v, "connections/5/policing"));
	json_decref(v);
	meter[1]->connection[5].police.marked_packets += 2;
	v = value_of(&request);
	assert_int_equal(json_array_size(jsonpath_at(v, "connections")), 1);
	assert_number(v, "connections/0/policing/marked_packets", 2);
	assert_null(jsonpath_at(v, "connections/0/policing/policed_bytes"));
	assert_null(jsonpath_at(v, "connections/0/bandwidth_mbps"));
	json_decref(v);
}

static void nonzero_leaves_out_what_counted_nothing(void **state)
{
	json_t *v;

	(void)state;
	meter[0]->connection[7].side[METER_PATH] = (struct meter_side){.rx = 1, .tx = 1};
	v = value_of(
		&(struct report_request){.sections = 1u << REPORT_CONNECTIONS, .nonzero = true});
	assert_int_equal(json_array_size(jsonpath_at(v, "connections")), 1);
	assert_number(v, "connections/0/path/rx", 1);
	assert_null(jsonpath_at(v, "connections/0/path/dropped"));
	assert_null(jsonpath_at(v, "connections/0/attachment/rx"));
	json_decref(v);
}

static void a_watch_is_told_what_was_added(void **state)
{
	struct report_request request = {.sections = REPORT_ALL, .memory = &memory};
	struct meter_side *side = &meter[0]->connection[7].side[METER_PATH];
	json_t *v;

	(void)state;
	*side = (struct meter_side){.rx = 10, .tx = 10};
	json_decref(value_of(&request));
	side->rx += 3;
	side->tx += 2;
	meter_drop(meter[0], 7, METER_PATH, DROP_NO_ROUTE);
	meter[0]->path[8].rx_packets = 3;
	v = value_of(&request);
	assert_int_equal(json_array_size(jsonpath_at(v, "connections")), 1);
	assert_number(v, "connections/0/path/rx", 3);
	assert_number(v, "connections/0/path/drops/no_route", 1);
	assert_null(jsonpath_at(v, "connections/0/path/consumed"));
	assert_int_equal(json_array_size(jsonpath_at(v, "ports")), 0);
	assert_number(v, "paths/0/rx_packets", 3);
	assert_number(v, "drops/connections/0/packets", 1);
	assert_null(jsonpath_at(v, "drops/connections/0/worker"));
	assert_number(v, "drops/total/0/packets", 1);
	json_decref(v);
	v = value_of(&request);
	assert_int_equal(json_array_size(jsonpath_at(v, "connections")), 0);
	assert_int_equal(json_array_size(jsonpath_at(v, "drops/total")), 0);
	json_decref(v);
}

static void a_new_owner_of_an_id_is_told_whole(void **state)
{
	struct report_request request = {.sections = 1u << REPORT_CONNECTIONS, .memory = &memory};
	json_t *v;

	(void)state;
	meter[0]->connection[7].side[METER_PATH] = (struct meter_side){.rx = 10, .tx = 10};
	json_decref(value_of(&request));
	assert_int_equal(collect_adopt_connection(&collect, 7), 0);
	meter[0]->connection[7].side[METER_PATH] = (struct meter_side){.rx = 40, .tx = 40};
	v = value_of(&request);
	assert_number(v, "connections/0/path/rx", 30);
	assert_number(v, "connections/0/attachment/rx", 0);
	json_decref(v);
}

static uint64_t cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint64_t longest_step(const struct report_request *request)
{
	struct report report;
	uint64_t longest = 0, begun, took;
	bool more;

	report_start(&report, request, &collect, &fakeroster, &turns);
	do {
		begun = cpu_ns();
		more = report_step(&report);
		took = cpu_ns() - begun;
		longest = took > longest ? took : longest;
	} while (more);
	assert_false(report.text.failed);
	report_free(&report);
	return longest;
}

/* A machine that is busy with other things lengthens a step now and then, not every time. */
static bool stays_short(const struct report_request *request)
{
	for (int i = 0; i < 8; i++)
		if (longest_step(request) < STEP_CPU_MAX)
			return true;
	return false;
}

/* How long a step takes says nothing where every access is watched. */
static bool is_sanitized(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	return true;
#elif defined(__has_feature)
	return __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
	return false;
#endif
}

static void no_step_holds_up_the_loop(void **state)
{
	struct report_request request = {.sections = REPORT_ALL};

	(void)state;
	if (is_sanitized()) {
		print_message("[  SKIPPED ] report: a sanitizer slows down what is timed here\n");
		skip();
	}
	fakeroster_connections = MANY;
	for (uint32_t id = 1; id <= MANY; id++)
		for (unsigned r = 0; r < DROP_COUNT; r++)
			meter_drop(meter[id % WORKERS], id, r % METER_SIDES, r);
	assert_true(stays_short(&request));
	request.memory = &memory;
	assert_true(stays_short(&request));
	assert_true(stays_short(&request));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(all_sections_have_their_members),
		TEST(only_the_sections_asked_for_are_there),
		TEST(one_connection_alone_can_be_asked_for),
		TEST(drops_stand_by_connection_side_worker_and_reason),
		TEST(rates_stand_with_what_they_did),
		TEST(nonzero_leaves_out_what_counted_nothing),
		TEST(a_watch_is_told_what_was_added),
		TEST(a_new_owner_of_an_id_is_told_whole),
		TEST(no_step_holds_up_the_loop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
