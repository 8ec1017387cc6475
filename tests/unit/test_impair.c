/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "tests/tools/delayline.h"
#include "tests/tools/impair.h"

#define FRAMES 100000
#define LENGTH 100u

static uint64_t in_flight(const struct impair *impair)
{
	const struct impair_counts *c = &impair->counts;

	return c->received + c->duplicated - c->sent - c->lost - c->cut - c->queue_full -
	       c->refused;
}

static void set(struct impair *impair, const char *assignment)
{
	assert_int_equal(impair_set(&impair->settings, assignment), 0);
}

static void test_passes_all_unchanged(void **state)
{
	struct impair impair;

	(void)state;
	impair_start(&impair, 1);
	for (uint64_t i = 1; i <= 1000; i++) {
		struct impair_fate fate = impair_decide(&impair, i, LENGTH);

		assert_int_equal(fate.copies, 1);
		assert_int_equal(fate.number, i);
		assert_int_equal(fate.due_ns, i);
		assert_int_equal(fate.corrupt_bit, 0);
		impair_sent(&impair, fate.number, LENGTH);
	}
	assert_int_equal(impair.counts.received, 1000);
	assert_int_equal(impair.counts.sent, 1000);
	assert_int_equal(impair.counts.sent_bytes, 1000 * LENGTH);
	assert_int_equal(impair.counts.late, 0);
	assert_int_equal(in_flight(&impair), 0);
}

/* Every count is checked against what the caller saw happen, and against the wanted share. */
static void test_counts_are_what_happened(void **state)
{
	uint64_t lost = 0, twice = 0, corrupt = 0, sent = 0;
	struct impair impair;

	(void)state;
	impair_start(&impair, 42);
	set(&impair, "loss=2%");
	set(&impair, "duplicate=0.01");
	set(&impair, "corrupt=3%");
	for (uint64_t i = 0; i < FRAMES; i++) {
		struct impair_fate fate = impair_decide(&impair, i, LENGTH);

		lost += fate.copies == 0;
		twice += fate.copies == 2;
		corrupt += fate.corrupt_bit > 0;
		if (fate.corrupt_bit > 0)
			assert_in_range(fate.corrupt_bit, 14 * 8, LENGTH * 8 - 1);
		for (uint32_t copy = 0; copy < fate.copies; copy++, sent++)
			impair_sent(&impair, fate.number, LENGTH);
	}
	assert_int_equal(impair.counts.received, FRAMES);
	assert_int_equal(impair.counts.lost, lost);
	assert_int_equal(impair.counts.duplicated, twice);
	assert_int_equal(impair.counts.corrupted, corrupt);
	assert_int_equal(impair.counts.sent, sent);
	assert_int_equal(in_flight(&impair), 0);
	/* Five standard deviations. */
	assert_in_range(lost, 2000 - 222, 2000 + 222);
	assert_in_range(twice, 980 - 157, 980 + 157);
	assert_in_range(corrupt, 2940 - 267, 2940 + 267);
}

static void test_same_seed_same_fate(void **state)
{
	struct impair first, second, other;
	unsigned different = 0;

	(void)state;
	impair_start(&first, 7);
	impair_start(&second, 7);
	impair_start(&other, 8);
	set(&first, "loss=50%");
	set(&second, "loss=50%");
	set(&other, "loss=50%");
	for (uint64_t i = 0; i < 1000; i++) {
		uint32_t copies = impair_decide(&first, i, LENGTH).copies;

		/* Another time and another length change nothing of what is lost. */
		assert_int_equal(copies, impair_decide(&second, 5 * i, LENGTH + 400).copies);
		different += copies != impair_decide(&other, i, LENGTH).copies;
	}
	assert_in_range(different, 400, 600);
}

static void test_settings_do_not_shift_each_other(void **state)
{
	struct impair plain, busy;

	(void)state;
	impair_start(&plain, 9);
	impair_start(&busy, 9);
	set(&plain, "loss=10%");
	set(&busy, "loss=10%");
	set(&busy, "jitter=3ms");
	set(&busy, "corrupt=20%");
	set(&busy, "reorder=20%");
	for (uint64_t i = 0; i < 5000; i++)
		assert_int_equal(impair_decide(&plain, i, LENGTH).copies,
			impair_decide(&busy, i, LENGTH).copies);
}

static void test_jitter_keeps_order(void **state)
{
	struct impair impair;
	uint64_t last = 0, least = UINT64_MAX, most = 0;

	(void)state;
	impair_start(&impair, 3);
	set(&impair, "delay=10ms");
	set(&impair, "jitter=2ms");
	for (uint64_t i = 0; i < 10000; i++) {
		uint64_t now = i * 10000000;
		struct impair_fate fate = impair_decide(&impair, now, LENGTH);
		uint64_t delay = fate.due_ns - now;

		assert_true(fate.due_ns >= last);
		last = fate.due_ns;
		least = delay < least ? delay : least;
		most = delay > most ? delay : most;
		impair_sent(&impair, fate.number, LENGTH);
	}
	assert_in_range(least, 10000000, 10010000);
	assert_in_range(most, 11990000, 12000000);
	/* Frames closer together than the jitter still do not overtake. */
	for (uint64_t i = 0; i < 10000; i++) {
		uint64_t due = impair_decide(&impair, last + i, LENGTH).due_ns;

		assert_true(due >= last);
		last = due;
	}
}

static void send_due(struct impair *impair, struct delayline *line, uint64_t now)
{
	const struct delayline_frame *first;

	while ((first = delayline_first(line)) && first->due_ns <= now) {
		impair_sent(impair, first->number, first->length);
		delayline_drop_first(line);
	}
}

/* "late" counts what a receiver would call reordered, not what was meant. */
static void test_reordering_is_counted_as_seen(void **state)
{
	struct delayline line = {0};
	struct impair impair;
	uint8_t bytes[LENGTH] = {0};

	(void)state;
	impair_start(&impair, 11);
	set(&impair, "reorder=5%");
	set(&impair, "reorder_by=1us");
	for (uint64_t i = 0; i < 20000; i++) {
		struct impair_fate fate = impair_decide(&impair, i * 100, LENGTH);

		assert_int_equal(fate.copies, 1);
		assert_int_equal(delayline_put(&line, fate.due_ns, fate.number, bytes, LENGTH), 0);
		send_due(&impair, &line, i * 100);
	}
	send_due(&impair, &line, UINT64_MAX);
	assert_int_equal(impair.counts.sent, 20000);
	assert_in_range(impair.counts.held_back, 1000 - 155, 1000 + 155);
	/* At the end nothing comes to overtake the last ones; near neighbours may all be held. */
	assert_in_range(impair.counts.late, impair.counts.held_back - 10, impair.counts.held_back);
	assert_int_equal(in_flight(&impair), 0);
	delayline_free(&line);
}

static void test_cut_stops_everything(void **state)
{
	struct impair impair;
	struct impair_fate under_way;

	(void)state;
	impair_start(&impair, 1);
	under_way = impair_decide(&impair, 0, LENGTH);
	assert_true(impair_may_leave(&impair));
	set(&impair, "cut=1");
	assert_false(impair_may_leave(&impair));
	impair_cut(&impair);
	assert_int_equal(impair_decide(&impair, 1, LENGTH).copies, 0);
	assert_int_equal(impair.counts.cut, 1 + under_way.copies);
	set(&impair, "cut=0");
	assert_int_equal(impair_decide(&impair, 2, LENGTH).copies, 1);
	impair_refused(&impair);
	assert_int_equal(impair.counts.refused, 1);
	assert_int_equal(in_flight(&impair), 0);
}

static void test_limit_drops_as_queue_full(void **state)
{
	struct impair impair;

	(void)state;
	impair_start(&impair, 1);
	set(&impair, "limit=10");
	for (uint64_t i = 0; i < 25; i++)
		(void)impair_decide(&impair, i, LENGTH);
	assert_int_equal(impair.in_flight, 10);
	assert_int_equal(impair.counts.queue_full, 15);
	assert_int_equal(in_flight(&impair), 10);
}

static void test_settings_are_read(void **state)
{
	static const char *const wrong[] = {"", "loss", "loss=", "loss=2", "loss=101%", "loss=-1",
		"loss=nan", "loss=1%%", "delay=5", "delay=5m", "delay=ms", "delay=-1ms", "cut=yes",
		"limit=1.5e9", "los=1%", "lossy=1%", "=1"};
	struct impair_settings settings = {0}, before;

	(void)state;
	assert_int_equal(impair_set(&settings, "delay=1.5ms"), 0);
	assert_int_equal(settings.delay_ns, 1500000);
	assert_int_equal(impair_set(&settings, "jitter=20us"), 0);
	assert_int_equal(settings.jitter_ns, 20000);
	assert_int_equal(impair_set(&settings, "reorder_by=2s"), 0);
	assert_int_equal(settings.reorder_ns, 2000000000);
	assert_int_equal(impair_set(&settings, "loss=0.5%"), 0);
	assert_int_equal(settings.loss, 5000);
	assert_int_equal(impair_set(&settings, "corrupt=1"), 0);
	assert_int_equal(settings.corrupt, IMPAIR_PPM);
	assert_int_equal(impair_set(&settings, "delay=0"), 0);
	assert_int_equal(settings.delay_ns, 0);
	before = settings;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(impair_set(&settings, wrong[i]), -EINVAL);
	assert_memory_equal(&before, &settings, sizeof(settings));
}

/* Against sorting by hand: due times fall and rise, equal ones keep their order. */
static void test_line_orders_by_due_time(void **state)
{
	struct delayline line = {0};
	uint64_t due = 0, number = 0, random = 1;
	uint8_t byte = 0;

	(void)state;
	for (uint64_t i = 0; i < 5000; i++) {
		random = random * 6364136223846793005u + 1442695040888963407u;
		byte = (uint8_t)i;
		assert_int_equal(delayline_put(&line, random >> 56, i, &byte, 1), 0);
	}
	for (uint32_t left = 5000; left > 0; left--) {
		const struct delayline_frame *first = delayline_first(&line);

		assert_true(
			first->due_ns > due || (first->due_ns == due && first->number >= number));
		assert_int_equal(first->bytes[0], (uint8_t)first->number);
		due = first->due_ns;
		number = first->number;
		delayline_drop_first(&line);
	}
	assert_null(delayline_first(&line));
	delayline_free(&line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_passes_all_unchanged),
		cmocka_unit_test(test_counts_are_what_happened),
		cmocka_unit_test(test_same_seed_same_fate),
		cmocka_unit_test(test_settings_do_not_shift_each_other),
		cmocka_unit_test(test_jitter_keeps_order),
		cmocka_unit_test(test_reordering_is_counted_as_seen),
		cmocka_unit_test(test_cut_stops_everything),
		cmocka_unit_test(test_limit_drops_as_queue_full),
		cmocka_unit_test(test_settings_are_read),
		cmocka_unit_test(test_line_orders_by_due_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
