/* SPDX-License-Identifier: BSD-3-Clause */
/* Timers against a list that is searched: none is lost, early or late. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "dataplane/oam/wheel.h"

#define HZ     UINT64_C(2600000000)
#define TICK   (HZ / 16384) /* no slot is longer */
#define TIMERS 300u

static void test_one(void **unused)
{
	struct wheel *w = wheel_create(TIMERS, HZ, 7 * HZ);
	uint64_t when = 7 * HZ + HZ / 10;

	(void)unused;
	assert_int_equal(wheel_take(w, 7 * HZ), 0);
	assert_true(wheel_next(w) == WHEEL_NEVER);
	wheel_put(w, 5, when);
	assert_in_range(wheel_next(w), when, when + TICK);
	assert_int_equal(wheel_take(w, when - 1), 0);
	assert_int_equal(wheel_take(w, when + TICK), 5);
	assert_int_equal(wheel_take(w, when + TICK), 0);
	assert_int_equal(wheel_take(w, when + 9 * HZ), 0);
	wheel_destroy(w);
}

static void test_stopped_and_moved(void **unused)
{
	struct wheel *w = wheel_create(TIMERS, HZ, 0);

	(void)unused;
	for (uint32_t i = 1; i <= 3; i++)
		wheel_put(w, i, HZ / 100);
	wheel_put(w, 2, WHEEL_NEVER);
	wheel_put(w, 1, HZ / 50);
	assert_int_equal(wheel_take(w, HZ / 100 + TICK), 3);
	assert_int_equal(wheel_take(w, HZ / 100 + TICK), 0);
	assert_int_equal(wheel_take(w, HZ / 50 + TICK), 1);
	assert_int_equal(wheel_take(w, HZ), 0);
	wheel_destroy(w);
}

/* What is put for the past comes up at the next tick, not while the same one is being taken. */
static void test_past_does_not_loop(void **unused)
{
	struct wheel *w = wheel_create(TIMERS, HZ, HZ);
	unsigned taken = 0;

	(void)unused;
	wheel_put(w, 1, 0);
	while (wheel_take(w, HZ + 2 * TICK) != 0 && taken++ < 10)
		wheel_put(w, 1, 0);
	assert_true(taken <= 4);
	wheel_destroy(w);
}

/* After a day without any, a timer is not taken for one long due. */
static void test_after_rest(void **unused)
{
	struct wheel *w = wheel_create(TIMERS, HZ, 0);
	uint64_t now = 86400 * HZ;

	(void)unused;
	assert_int_equal(wheel_take(w, now), 0);
	wheel_put(w, 1, now + HZ / 10);
	assert_int_equal(wheel_take(w, now + HZ / 20), 0);
	assert_int_equal(wheel_take(w, now + HZ / 10 + TICK), 1);
	wheel_destroy(w);
}

static uint64_t due[TIMERS + 1];

static uint64_t some(uint64_t most)
{
	return ((uint64_t)random() << 31 | (uint64_t)random()) % most;
}

/* As its owner does: one that comes up early, from beyond a turn of the wheel, is put again. */
static void take_all(struct wheel *w, uint64_t now)
{
	uint32_t timer;

	while ((timer = wheel_take(w, now)) != 0) {
		assert_true(due[timer] != WHEEL_NEVER);
		if (due[timer] > now) {
			wheel_put(w, timer, due[timer]);
			continue;
		}
		due[timer] = WHEEL_NEVER;
	}
	for (uint32_t i = 1; i <= TIMERS; i++)
		assert_true(due[i] == WHEEL_NEVER || due[i] + TICK >= now);
}

static void test_against_list(void **unused)
{
	unsigned seed = (unsigned)time(NULL);
	uint64_t now = some(HZ);
	struct wheel *w = wheel_create(TIMERS, HZ, now);

	(void)unused;
	printf("seed %u\n", seed);
	srandom(seed);
	for (uint32_t i = 0; i <= TIMERS; i++)
		due[i] = WHEEL_NEVER;
	for (unsigned step = 0; step < 20000; step++) {
		uint32_t timer = 1 + (uint32_t)some(TIMERS);

		due[timer] =
			some(10) == 0 ? WHEEL_NEVER : now + some(some(4) == 0 ? 5 * HZ : HZ / 50);
		wheel_put(w, timer, due[timer]);
		now += some(some(100) == 0 ? 3 * HZ : HZ / 2000);
		take_all(w, now);
	}
	wheel_destroy(w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one),
		cmocka_unit_test(test_stopped_and_moved),
		cmocka_unit_test(test_past_does_not_loop),
		cmocka_unit_test(test_after_rest),
		cmocka_unit_test(test_against_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
