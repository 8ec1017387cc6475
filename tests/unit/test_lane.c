/* SPDX-License-Identifier: BSD-3-Clause */
/* Lanes, case by case: what each number is judged to be, what epochs add up to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/meter/lane.h"

#define REACH 128
#define BYTES 100

static struct lane_sender sender;
static struct lane_receiver receiver;
static uint64_t window[REACH / 64];
static struct lane_end seen[LANE_EPOCHS];

/* A receiver that has had just this number, in epoch 8. */
static void begin(uint32_t first)
{
	lane_receiver_init(&receiver, window, REACH);
	memset(seen, 0, sizeof(seen));
	assert_int_equal(
		lane_receive(&receiver,
			&(struct laneoption){.epoch = 8, .flags = 1, .sequence = first}, 8, BYTES),
		LANE_RESYNC);
	assert_int_equal(receiver.resyncs, 0);
}

static enum lane_verdict receive(uint32_t sequence, uint32_t epoch, uint8_t flags)
{
	const struct laneoption option = {
		.epoch = (uint8_t)epoch, .flags = flags, .sequence = sequence};

	return lane_receive(&receiver, &option, 8, BYTES);
}

static struct lane_totals totals(void)
{
	struct lane_totals t = {0};

	lane_total(&receiver, &t);
	assert_int_equal(t.bytes, t.packets * BYTES);
	return t;
}

static struct laneoption sent_one(uint32_t epoch, uint32_t sent)
{
	uint8_t bytes[LANEOPTION_BYTES];
	struct laneoption option;

	lane_send(&sender, epoch, sent, BYTES, bytes);
	assert_true(laneoption_read(bytes, sizeof(bytes), &option));
	return option;
}

static void start(uint32_t first)
{
	memset(&sender, 0, sizeof(sender));
	lane_start(&sender, 77, 5, first);
}

static void test_sender(void **state)
{
	struct laneoption option;

	(void)state;
	start(UINT32_MAX);
	option = sent_one(0x1fe, 1234);
	assert_int_equal(option.lane, 77);
	assert_int_equal(option.epoch, 0xfe);
	assert_int_equal(option.flags, LANEOPTION_TIMED | LANEOPTION_START | 5);
	assert_int_equal(option.sequence, UINT32_MAX);
	assert_int_equal(option.sent, 1234);
	option = sent_one(0x1ff, 1235);
	assert_int_equal(option.sequence, 0);
	assert_int_equal(option.epoch, 0xff);
	/* The epoch the numbers began in is over: S is gone. */
	assert_int_equal(option.flags, LANEOPTION_LOSS | LANEOPTION_TIMED | 5);
	assert_int_equal(sent_one(0x1ff, 0).sequence, 1);
	lane_take_back(&sender, BYTES);
	assert_int_equal(sent_one(0x1ff, 0).sequence, 1);
	lane_start(&sender, 77, 21, 1000);
	option = sent_one(0x200, 0);
	assert_int_equal(option.sequence, 1000);
	assert_int_equal(option.flags, LANEOPTION_TIMED | LANEOPTION_START | 5);
	assert_int_equal(sender.packets, 4);
	assert_int_equal(sender.taken_back, 1);
}

static void test_ends(void **state)
{
	struct lane_end end;

	(void)state;
	start(500);
	for (unsigned i = 0; i < 10; i++)
		sent_one(20, 0);
	/* Under way, and after it as long as nothing else is sent. */
	assert_true(lane_ended(&sender, 20, &end));
	assert_int_equal(end.packets, 10);
	assert_true(lane_ended(&sender, 23, &end));
	assert_int_equal(end.packets, 10);
	sent_one(22, 0);
	assert_true(lane_ended(&sender, 20, &end));
	assert_int_equal(end.packets, 10);
	assert_int_equal(end.bytes, 10 * BYTES);
	assert_int_equal(lane_last(&sender, end.packets), 509);
	/* An epoch without a packet. */
	assert_true(lane_ended(&sender, 21, &end));
	assert_int_equal(end.packets, 10);
	assert_true(lane_ended(&sender, 22, &end));
	assert_int_equal(end.packets, 11);
	sent_one(24, 0);
	assert_true(lane_ended(&sender, 20, &end));
	assert_int_equal(end.packets, 10);
	sent_one(25, 0);
	assert_false(lane_ended(&sender, 20, &end));
	assert_true(lane_ended(&sender, 21, &end));
	assert_int_equal(end.packets, 10);
	/* Silent for many epochs. */
	sent_one(1000, 0);
	for (uint32_t epoch = 996; epoch < 1000; epoch++) {
		assert_true(lane_ended(&sender, epoch, &end));
		assert_int_equal(end.packets, 13);
	}
}

static void test_in_order_over_the_wrap(void **state)
{
	(void)state;
	begin(UINT32_MAX - 1);
	for (uint32_t i = 0; i < 1000; i++)
		assert_int_equal(receive(UINT32_MAX + i, 8, 1), LANE_IN_ORDER);
	assert_int_equal(totals().packets, 1001);
	assert_int_equal(totals().skipped, 0);
	/* All that came, as far back as the window reaches, came once. */
	assert_int_equal(receive(998, 8, 1), LANE_DUPLICATE);
	assert_int_equal(receive(999 - REACH, 8, 1), LANE_DUPLICATE);
	assert_int_equal(receive(998 - REACH, 8, 1), LANE_LATE);
	assert_int_equal(totals().packets, 1001);
}

static void test_gap_and_return(void **state)
{
	struct lane_totals t;

	(void)state;
	begin(10);
	assert_int_equal(receive(14, 8, 1), LANE_GAP);
	assert_int_equal(totals().skipped, 3);
	assert_int_equal(receive(15, 8, 1), LANE_IN_ORDER);
	assert_int_equal(receive(12, 8, 1), LANE_REORDERED);
	assert_int_equal(receive(12, 8, 1), LANE_DUPLICATE);
	assert_int_equal(receive(14, 8, 1), LANE_DUPLICATE);
	assert_int_equal(receive(10, 8, 1), LANE_DUPLICATE);
	t = totals();
	assert_int_equal(t.packets, 4);
	assert_int_equal(t.skipped - t.reordered, 2);
	assert_int_equal(t.duplicates, 3);
	/* Just inside and just outside of the window. */
	assert_int_equal(receive(11 + REACH - 1, 8, 1), LANE_GAP);
	assert_int_equal(receive(11, 8, 1), LANE_REORDERED);
	assert_int_equal(receive(13 + REACH, 8, 1), LANE_GAP);
	assert_int_equal(receive(13, 8, 1), LANE_LATE);
	assert_int_equal(totals().late, 1);
	/* A gap wider than the window. */
	assert_int_equal(receive(10000, 8, 1), LANE_GAP);
	for (uint32_t i = 1; i <= REACH; i++)
		assert_int_equal(
			receive(10001 - i, 8, 1), i == 1 ? LANE_DUPLICATE : LANE_REORDERED);
}

static void test_before_the_first(void **state)
{
	struct lane_totals t;

	(void)state;
	begin(0);
	assert_int_equal(receive(UINT32_MAX, 8, 1), LANE_REORDERED);
	assert_int_equal(receive(UINT32_MAX, 8, 1), LANE_DUPLICATE);
	t = totals();
	assert_int_equal(t.packets, 2);
	assert_int_equal(t.skipped - t.reordered, 0);
}

static void test_jumps(void **state)
{
	(void)state;
	begin(100);
	assert_int_equal(receive(101 + LANE_JUMP, 8, 1), LANE_GAP);
	assert_int_equal(totals().skipped, LANE_JUMP);
	assert_int_equal(receive(103 + 2 * LANE_JUMP, 8, 1), LANE_RESYNC);
	assert_int_equal(totals().skipped, LANE_JUMP);
	assert_int_equal(receive(104 + 2 * LANE_JUMP, 8, 1), LANE_IN_ORDER);
	assert_int_equal(receive(105 + LANE_JUMP, 8, 1), LANE_LATE);
	assert_int_equal(receive(104 + LANE_JUMP, 8, 1), LANE_RESYNC);
	assert_int_equal(totals().resyncs, 2);
	assert_int_equal(totals().packets, 5);
}

static void test_generations(void **state)
{
	(void)state;
	begin(100);
	receiver.timed = LANE_TIMED;
	assert_int_equal(receive(7000, 8, 2), LANE_RESYNC);
	assert_int_equal(receiver.timed, LANE_UNTIMED);
	assert_int_equal(receive(7001, 8, 2), LANE_IN_ORDER);
	/* What was still under way of the last. */
	assert_int_equal(receive(101, 8, 1), LANE_LATE);
	assert_int_equal(receive(7002, 8, 2), LANE_IN_ORDER);
	/* It comes back with S. */
	assert_int_equal(receive(50, 8, LANEOPTION_START | 1), LANE_RESYNC);
	assert_int_equal(receive(51, 8, 1), LANE_IN_ORDER);
	assert_int_equal(totals().resyncs, 2);
	/* It comes back, and those with S were lost: not ignored for ever. */
	for (unsigned i = 0; i < LANE_STRAYS; i++)
		assert_int_equal(receive(900 + i, 8, 2), LANE_LATE);
	assert_int_equal(receive(900 + LANE_STRAYS, 8, 2), LANE_RESYNC);
	assert_int_equal(receive(901 + LANE_STRAYS, 8, 2), LANE_IN_ORDER);
	/* No other generation is waited for. */
	assert_int_equal(receive(1, 8, 9), LANE_RESYNC);
	assert_int_equal(totals().late, 1 + LANE_STRAYS);
}

static void test_epochs(void **state)
{
	struct lane_totals t;

	(void)state;
	begin(0);
	/* Open are 8 to 11. */
	assert_int_equal(receive(1, 9, 1), LANE_IN_ORDER);
	assert_int_equal(receive(2, 11, 1), LANE_IN_ORDER);
	assert_int_equal(receive(3, 7, 1), LANE_LATE);
	assert_int_equal(receive(4, 12, 1), LANE_LATE);
	assert_int_equal(receive(6, 7, 1), LANE_LATE);
	assert_int_equal(receive(5, 7, 1), LANE_LATE);
	assert_int_equal(receive(5, 8, 1), LANE_DUPLICATE);
	assert_int_equal(receive(7, 8, 1), LANE_IN_ORDER);
	t = totals();
	assert_int_equal(t.packets, 4);
	assert_int_equal(t.late, 4);
	/* All numbers that did not count are lost. */
	assert_int_equal(t.skipped - t.reordered, 4);
	assert_int_equal(lane_gained(&receiver, 8, seen).packets, 2);
	assert_int_equal(lane_gained(&receiver, 8, seen).packets, 0);
	assert_int_equal(lane_gained(&receiver, 9, seen).bytes, BYTES);
	assert_int_equal(lane_gained(&receiver, 10, seen).packets, 0);
	assert_int_equal(lane_gained(&receiver, 11, seen).packets, 1);
	assert_int_equal(lane_epoch(0x1fe, 0x01), 0x201);
	assert_true(lane_open(0x1fe, 0x01));
	assert_false(lane_open(0x1fe, 0x02));
	assert_false(lane_open(0x1fe, 0xfd));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sender),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_in_order_over_the_wrap),
		cmocka_unit_test(test_gap_and_return),
		cmocka_unit_test(test_before_the_first),
		cmocka_unit_test(test_jumps),
		cmocka_unit_test(test_generations),
		cmocka_unit_test(test_epochs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
