/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/loop.h"

#define MS UINT64_C(1000000)

static struct loop *loop;

static int make_loop(void **state)
{
	(void)state;
	loop = loop_create();
	return loop ? 0 : -1;
}

static int drop_loop(void **state)
{
	(void)state;
	loop_destroy(loop);
	return 0;
}

/* Timers */

struct alarm {
	struct loop_timer timer;
	uint64_t due;
	unsigned fired;
};

static uint64_t last_due;
static unsigned fired_all;

static void fired(void *context)
{
	struct alarm *alarm = context;

	assert_true(loop_now() >= alarm->due);
	assert_true(alarm->due >= last_due);
	assert_false(loop_timer_running(&alarm->timer));
	last_due = alarm->due;
	alarm->fired++;
	fired_all++;
}

static void timers_fire_in_order(void **state)
{
	struct alarm alarm[200];
	uint64_t start = loop_now();

	(void)state;
	last_due = fired_all = 0;
	memset(alarm, 0, sizeof(alarm));
	for (unsigned i = 0; i < 200; i++) {
		alarm[i].timer = (struct loop_timer){.fire = fired, .context = &alarm[i]};
		for (int again = 0; again < 3; again++) {
			alarm[i].due = start + (uint64_t)(rand() % 20000) * 1000;
			loop_timer_start_at(loop, &alarm[i].timer, alarm[i].due);
		}
	}
	for (unsigned i = 0; i < 200; i += 3)
		loop_timer_stop(loop, &alarm[i].timer);
	while (loop_now() < start + 40 * MS || fired_all < 133)
		assert_int_equal(loop_turn(loop, 5), 0);
	for (unsigned i = 0; i < 200; i++)
		assert_int_equal(alarm[i].fired, i % 3 != 0);
}

static void a_turn_waits_for_the_next_timer(void **state)
{
	struct alarm alarm = {.due = 0};
	uint64_t start = loop_now();

	(void)state;
	last_due = 0;
	alarm.timer = (struct loop_timer){.fire = fired, .context = &alarm};
	loop_timer_start(loop, &alarm.timer, 3 * MS);
	while (!alarm.fired)
		loop_turn(loop, -1);
	assert_true(loop_now() - start >= 3 * MS);
}

/* Slices */

struct job {
	struct loop_slice slice;
	unsigned left, done;
	struct job *rival;
};

static bool work(void *context)
{
	struct job *job = context;

	job->done++;
	/* In turn: nobody is more than one call ahead while both have work. */
	if (job->rival && job->rival->left)
		assert_true(job->done <= job->rival->done + 1);
	return --job->left > 0;
}

static void slices_take_turns(void **state)
{
	struct job a = {.left = 50}, b = {.left = 20};

	(void)state;
	a.rival = &b;
	a.slice = (struct loop_slice){.work = work, .context = &a};
	b.slice = (struct loop_slice){.work = work, .context = &b};
	loop_slice_start(loop, &a.slice);
	loop_slice_start(loop, &b.slice);
	loop_slice_start(loop, &a.slice);
	while (a.left || b.left)
		loop_turn(loop, -1);
	assert_int_equal(a.done, 50);
	assert_int_equal(b.done, 20);
	assert_false(a.slice.queued);
}

static bool burn(void *context)
{
	uint64_t end = loop_now() + MS / 10;

	(void)context;
	while (loop_now() < end)
		continue;
	return true;
}

static void endless_slices_leave_room_for_events(void **state)
{
	struct loop_slice slice = {.work = burn};
	struct alarm alarm = {.due = 0};

	(void)state;
	last_due = 0;
	alarm.timer = (struct loop_timer){.fire = fired, .context = &alarm};
	loop_timer_start(loop, &alarm.timer, 10 * MS);
	loop_slice_start(loop, &slice);
	while (!alarm.fired)
		loop_turn(loop, -1);
	loop_slice_stop(loop, &slice);
	assert_true(loop_times_busy(loop)->turns > 1);
	assert_int_equal(loop_times_busy(loop)->over_limit, 0);
}

static struct job *victim;

static bool stop_other(void *context)
{
	(void)context;
	loop_slice_stop(loop, &victim->slice);
	return false;
}

static void a_slice_may_stop_another(void **state)
{
	struct job other = {.left = 3};
	struct loop_slice slice = {.work = stop_other};

	(void)state;
	victim = &other;
	other.slice = (struct loop_slice){.work = work, .context = &other};
	loop_slice_start(loop, &slice);
	loop_slice_start(loop, &other.slice);
	loop_turn(loop, 0);
	assert_int_equal(other.done, 0);
}

/* Descriptors */

struct pair {
	struct loop_watch *watch[2];
	unsigned calls;
};

/* Whoever comes first takes the other away, whose event has been fetched already. */
static void take_away(void *context, uint32_t events)
{
	struct pair *pair = context;

	(void)events;
	pair->calls++;
	loop_unwatch(pair->watch[0]);
	loop_unwatch(pair->watch[1]);
}

static void a_callback_may_unwatch_what_is_ready(void **state)
{
	int fd[2] = {eventfd(1, 0), eventfd(1, 0)};
	struct pair pair = {.calls = 0};

	(void)state;
	pair.watch[0] = loop_watch(loop, fd[0], EPOLLIN, take_away, &pair);
	pair.watch[1] = loop_watch(loop, fd[1], EPOLLIN, take_away, &pair);
	assert_non_null(pair.watch[1]);
	loop_turn(loop, 100);
	loop_turn(loop, 0);
	assert_int_equal(pair.calls, 1);
	close(fd[0]);
	close(fd[1]);
}

/* Signals and time */

static int got;

static void note(void *context, int number)
{
	(void)context;
	got = number;
	loop_stop(loop);
}

static void signals_come_by_the_loop(void **state)
{
	sigset_t set;

	(void)state;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	assert_int_equal(loop_signals(loop, &set, note, NULL), 0);
	kill(getpid(), SIGUSR2);
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(got, SIGUSR2);
}

static bool burn_long(void *context)
{
	uint64_t end = loop_now() + 12 * MS;

	(void)context;
	while (loop_now() < end)
		continue;
	return false;
}

static void long_turns_are_counted(void **state)
{
	struct loop_slice slice = {.work = burn_long};
	const struct loop_times *times = loop_times_wall(loop);
	uint64_t sum = 0;

	(void)state;
	loop_slice_start(loop, &slice);
	loop_turn(loop, 0);
	loop_turn(loop, 0);
	assert_int_equal(times->turns, 2);
	assert_true(times->over_limit >= 1);
	assert_true(times->max_ns >= 12 * MS);
	for (unsigned i = 0; i < LOOP_TIME_BUCKETS; i++)
		sum += times->bucket[i];
	assert_int_equal(sum, 2);
	for (unsigned i = 0; i <= 13; i++)
		sum -= times->bucket[i];
	assert_true(sum >= 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_loop, drop_loop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(timers_fire_in_order),
		TEST(a_turn_waits_for_the_next_timer),
		TEST(slices_take_turns),
		TEST(endless_slices_leave_room_for_events),
		TEST(a_slice_may_stop_another),
		TEST(a_callback_may_unwatch_what_is_ready),
		TEST(signals_come_by_the_loop),
		TEST(long_turns_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
