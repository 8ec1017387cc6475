/* SPDX-License-Identifier: BSD-3-Clause */
/* Epochs of the other end, closed and read while packets go on; time is the test's. */
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <setjmp.h>
#include <cmocka.h>

#include "control/loop.h"
#include "control/model.h"
#include "control/tracker.h"
#include "dataplane/fwd/fwd.h"
#include "dataplane/worker/plane.h"

#define WORKERS 2
#define PATH	3
#define PATHS	8
#define MS	UINT64_C(1000000)
#define UNIT	16 /* ns, of a time in an option */

static struct {
	struct gateway gateway;
	struct fwd fwd;
	struct lanes *lanes;
	struct meter meter[WORKERS];
	struct model_path path;
	struct tracker *tracker;
	uint64_t now;
	struct lane_sender sender;
} world;

unsigned __wrap_plane_workers(const struct plane *plane);
struct meter *__wrap_plane_meter(const struct plane *plane, unsigned writer);
struct lanes *__wrap_plane_lanes(const struct plane *plane);
const struct model_path *__wrap_model_path(const struct model *model, uint32_t id);

unsigned __wrap_plane_workers(const struct plane *plane)
{
	(void)plane;
	return WORKERS;
}

struct meter *__wrap_plane_meter(const struct plane *plane, unsigned writer)
{
	(void)plane;
	return &world.meter[writer];
}

struct lanes *__wrap_plane_lanes(const struct plane *plane)
{
	(void)plane;
	return world.lanes;
}

const struct model_path *__wrap_model_path(const struct model *model, uint32_t id)
{
	(void)model;
	return id == PATH ? &world.path : NULL;
}

static int set_up(void **state)
{
	(void)state;
	memset(&world, 0, sizeof(world));
	world.gateway.loop = loop_create();
	world.gateway.fwd = &world.fwd;
	world.fwd.limits.snapshot.paths = PATHS;
	world.lanes = lanes_create(PATHS, WORKERS);
	world.path.measured = true;
	world.tracker = tracker_create(&world.gateway);
	world.now = loop_now();
	lane_start(&world.sender, 5, 1, 1000);
	return world.tracker == NULL || world.lanes == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)state;
	tracker_destroy(world.tracker);
	lanes_destroy(world.lanes);
	loop_destroy(world.gateway.loop);
	return 0;
}

/* A packet of the sender's epoch, that many units under way. */
static void packet(uint32_t epoch, uint32_t transit)
{
	uint32_t sent = (uint32_t)(world.now / UNIT);
	uint8_t option[LANEOPTION_BYTES];

	lane_send(&world.sender, epoch, sent, 100, option);
	lanes_receive(world.lanes, 0, PATH, option, sizeof(option), 100, sent + transit);
}

/* Time passes; the workers turn. */
static void pass(unsigned ms)
{
	for (unsigned i = 0; i < ms; i += 10) {
		world.now += 10 * MS;
		for (unsigned w = 0; w < WORKERS; w++)
			world.meter[w].turns += 2;
		tracker_turn(world.tracker, world.now);
	}
}

static struct tracker_delay told(void)
{
	struct tracker_delay delay;

	tracker_delay(world.tracker, PATH, &delay);
	return delay;
}

static void test_epoch_closes_behind_its_successor(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 1000; i++)
		packet(77, 5000 + i);
	pass(500);
	assert_int_equal(told().packets, 0);
	packet(78, 5000);
	pass(TRACKER_GUARD_MS - 20);
	assert_int_equal(told().packets, 0);
	/* What comes late, within the guard time, still counts. */
	packet(78, 5000);
	pass(60);
	assert_int_equal(told().packets, 1000);
	assert_in_range(told().pdv_p50, 499 * UNIT * 96 / 100, 501 * UNIT * 104 / 100);
	assert_in_range(told().pdv_p99, 989 * UNIT * 96 / 100, 991 * UNIT * 104 / 100);
	assert_int_equal(told().pdv_max, 999 * UNIT);
	assert_int_equal(told().unread, 0);
}

static void test_workers_that_do_not_turn(void **state)
{
	(void)state;
	packet(1, 10);
	packet(2, 10);
	for (unsigned i = 0; i < 100; i++) {
		world.now += 10 * MS;
		world.meter[0].turns += 2;
		tracker_turn(world.tracker, world.now);
	}
	/* One of them may still be counting in the old one. */
	assert_int_equal(told().closed, 0);
	pass(100);
	assert_true(told().closed >= 1);
}

static void test_every_epoch_once(void **state)
{
	uint64_t packets = 0;

	(void)state;
	/* Through all numbers that packets carry, and around. */
	for (uint32_t epoch = 200; epoch < 200 + 300; epoch++) {
		for (unsigned i = 0; i < 10; i++) {
			packet(epoch, 100 + i);
			pass(100);
		}
		if (epoch > 201)
			packets += told().packets;
	}
	assert_int_equal(told().unread, 0);
	assert_in_range(told().closed, 297, 300);
	assert_int_equal(packets, 10 * 298);
}

static void test_silence_and_another_clock(void **state)
{
	struct lanes_view view;

	(void)state;
	packet(9, 100);
	packet(9, 200);
	pass(TRACKER_SILENT_MS + 200);
	/* The one before it as well, of which something might have come. */
	assert_int_equal(told().closed, 2);
	assert_int_equal(told().packets, 2);
	pass(2 * TRACKER_SILENT_MS);
	assert_int_equal(told().packets, 0);
	/* A sender that began anew: an epoch behind the last, numbers and clock of its own. */
	lane_start(&world.sender, 5, 2, 70);
	world.sender.epoch = 0;
	for (unsigned i = 0; i < 5; i++)
		packet(3, 0x70000000 + 10 * i);
	packet(4, 0x70000000);
	pass(2 * TRACKER_GUARD_MS);
	assert_int_equal(told().packets, 5);
	assert_int_equal(told().pdv_max, 40 * UNIT);
	lanes_view(world.lanes, PATH, &view);
	assert_int_equal(view.received.late, 0);
	assert_int_equal(view.received.skipped, 0);
	assert_int_equal(view.received.resyncs, 1);
}

/* The route becomes longer by a millisecond, and stays so. */
static void test_jump_of_the_route(void **state)
{
	uint64_t before;

	(void)state;
	for (uint32_t epoch = 10; epoch < 60; epoch++)
		for (unsigned i = 0; i < 10; i++) {
			packet(epoch, 1000 + i % 3);
			pass(100);
		}
	before = told().segments;
	assert_int_equal(before, 1);
	for (uint32_t epoch = 60; epoch < 80; epoch++)
		for (unsigned i = 0; i < 10; i++) {
			packet(epoch, 1000 + 1000000 / UNIT + i % 3);
			pass(100);
		}
	assert_int_equal(told().segments, 2);
	assert_in_range(told().pdv_max, 0, 3 * UNIT);
}

static void test_our_own_epochs(void **state)
{
	uint32_t first = atomic_load(&world.fwd.epoch);

	(void)state;
	pass(10 * TRACKER_EPOCH_MS);
	assert_in_range(atomic_load(&world.fwd.epoch), first + 9, first + 10);
}

static void test_path_not_measured_any_more(void **state)
{
	(void)state;
	packet(1, 10);
	packet(2, 10);
	pass(200);
	assert_int_equal(told().closed, 2);
	world.path.measured = false;
	pass(20);
	assert_int_equal(told().closed, 0);
	world.path.measured = true;
	/* What was counted in between is not taken for an epoch of its own. */
	packet(3, 10);
	packet(4, 10);
	pass(300);
	assert_true(told().closed >= 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_epoch_closes_behind_its_successor, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_workers_that_do_not_turn, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_every_epoch_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_silence_and_another_clock, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_jump_of_the_route, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_our_own_epochs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_path_not_measured_any_more, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
