/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "dataplane/meter/lanes.h"

#define PATHS 4

/* From one gateway to the other and back again: what is sent on a lane is received on it. */
static void carry(struct lanes *from, struct lanes *to, uint16_t path, uint16_t lane, bool lost)
{
	struct lane_sender *sender = lanes_sender(from, path, lane, 7);
	struct lane_receiver *receiver = lanes_receiver(to, path, lane);
	struct laneoption option;
	uint8_t bytes[LANEOPTION_BYTES];

	lane_send(sender, 1, 0, 100, bytes);
	assert_true(laneoption_read(bytes, sizeof(bytes), &option));
	assert_int_equal(option.lane, lane);
	if (!lost)
		lane_receive(receiver, &option, 1, 100);
}

static void test_paths_apart(void **state)
{
	struct lanes *a = lanes_create(PATHS, 1), *b = lanes_create(PATHS, 1);
	struct lanes_view view;

	(void)state;
	assert_non_null(a);
	assert_non_null(b);
	for (unsigned i = 0; i < 100; i++)
		carry(a, b, PATHS, (uint16_t)(i % 3 * 400), i == 50);
	lanes_view(a, PATHS, &view);
	assert_int_equal(view.sent.packets, 100);
	assert_int_equal(view.sent.bytes, 10000);
	assert_int_equal(view.received.packets, 0);
	lanes_view(b, PATHS, &view);
	assert_int_equal(view.received.packets, 99);
	assert_int_equal(view.received.skipped, 1);
	assert_int_equal(view.received.resyncs, 0);
	for (uint16_t path = 0; path < PATHS; path++) {
		lanes_view(b, path, &view);
		assert_int_equal(view.received.packets, 0);
	}
	lanes_destroy(a);
	lanes_destroy(b);
}

static void test_lanes_beyond(void **state)
{
	struct lanes *lanes = lanes_create(PATHS, 1);

	(void)state;
	assert_non_null(lanes_sender(lanes, 1, LANES_PATH - 1, 0));
	assert_null(lanes_sender(lanes, 1, LANES_PATH, 0));
	assert_null(lanes_receiver(lanes, PATHS, UINT16_MAX));
	lanes_destroy(lanes);
	lanes_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths_apart),
		cmocka_unit_test(test_lanes_beyond),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
