/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rates kept by several workers over simulated time: each polls at its own moments, with a clock
 * that is up to 50 us old, and offers its share of the packets that have fallen due.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "dataplane/fwd/policer.h"

#define HZ	 UINT64_C(2600000000)
#define US	 (HZ / 1000000)
#define WORKERS	 4
#define MTU	 1500
#define STALEST	 50 /* us that a worker's clock may be behind */
#define POLL	 60 /* us between two polls of one worker, at most */
#define ALL	 1000
#define MBPS	 125000.0
#define FAR_PAST (UINT64_MAX - 2 * HZ) /* the clock wraps in the middle of each run */

static uint64_t random_state;

static uint32_t below(uint32_t limit)
{
	uint64_t z = random_state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (uint32_t)((z ^ z >> 31) % limit);
}

struct world {
	struct policer *policer;
	struct policer_rate rate;
	unsigned workers;
	unsigned share[WORKERS]; /* of ALL */
	double offered;		 /* bytes a second, all workers */
	uint32_t largest;	 /* packet */
	uint64_t now;
	/* By worker. */
	struct policer_lease lease[WORKERS];
	uint64_t next[WORKERS], polled[WORKERS];
	double due[WORKERS];
	uint32_t packet[WORKERS];
	/* Sums. */
	double passed, lost;
	uint64_t packets_lost, asked, leased;
};

static struct policer_rate rate_of(double mbps, uint64_t burst, unsigned workers)
{
	uint64_t bytes = (uint64_t)(mbps * MBPS);

	return policer_rate(
		bytes, burst != 0 ? burst : policer_default_burst(bytes, MTU), MTU, workers, HZ);
}

static void start(struct world *w, double mbps, uint64_t burst, unsigned workers)
{
	memset(w, 0, sizeof(*w));
	w->policer = policer_create(1);
	assert_non_null(w->policer);
	w->now = FAR_PAST;
	policer_fill(w->policer, w->now);
	w->rate = rate_of(mbps, burst, workers);
	w->workers = workers;
	w->largest = mbps < 10 ? 500 : mbps > 20000 ? 65535 : MTU;
	for (unsigned i = 0; i < workers; i++) {
		w->share[i] = ALL / workers;
		w->next[i] = w->polled[i] = w->now;
	}
}

static void finish(struct world *w)
{
	free(w->policer);
}

static bool offer(struct world *w, unsigned worker, uint32_t bytes, uint64_t now)
{
	struct policer_lease *lease = &w->lease[worker];

	if (policer_spend(lease, bytes, now))
		return true;
	w->asked++;
	if (!policer_ask(&w->policer->committed, &w->rate, lease, bytes, now))
		return false;
	w->leased++;
	return true;
}

static void poll(struct world *w, unsigned worker)
{
	double seconds = (double)(w->now - w->polled[worker]) / (double)HZ;
	uint64_t now = w->now - below(STALEST) * US;

	w->polled[worker] = w->now;
	w->due[worker] += w->offered * w->share[worker] / ALL * seconds;
	for (;;) {
		uint32_t bytes = w->packet[worker];

		if (bytes == 0)
			bytes = w->packet[worker] = 64 + below(w->largest - 63);
		if (w->due[worker] < bytes)
			break;
		w->due[worker] -= bytes;
		w->packet[worker] = 0;
		if (offer(w, worker, bytes, now)) {
			w->passed += bytes;
		} else {
			w->lost += bytes;
			w->packets_lost++;
		}
	}
}

static void run(struct world *w, double seconds)
{
	uint64_t end = w->now + (uint64_t)(seconds * (double)HZ);

	w->passed = w->lost = 0;
	w->packets_lost = w->asked = w->leased = 0;
	while (true) {
		unsigned first = 0;

		for (unsigned i = 1; i < w->workers; i++)
			if ((int64_t)(w->next[i] - w->next[first]) < 0)
				first = i;
		if ((int64_t)(w->next[first] - end) >= 0)
			break;
		w->now = w->next[first];
		poll(w, first);
		w->next[first] += (1 + below(POLL)) * US;
	}
	w->now = end;
}

/* One packet more or less is as close as it gets. */
static void assert_rate(const struct world *w, double mbps, double seconds)
{
	double want = mbps * MBPS * seconds, room = want / 100;

	if (room < w->largest)
		room = w->largest;
	if (w->passed < want - room || w->passed > want + room)
		fail_msg("%.0f Mb/s, %u workers: %.4f of the rate in %g s", mbps, w->workers,
			w->passed / want, seconds);
}

static const double rates[] = {1, 3, 30, 100, 1000, 20000, 400000};

static const unsigned splits[][WORKERS] = {
	{250, 250, 250, 250}, {970, 10, 10, 10}, {400, 300, 200, 100}, {0, 999, 0, 1}};

static void each_second_is_within_one_percent(void **state)
{
	struct world w;

	(void)state;
	for (unsigned r = 0; r < ARRAY_SIZE(rates); r++)
		for (unsigned workers = 1; workers <= WORKERS; workers *= 2)
			for (unsigned s = 0; s < (workers == WORKERS ? ARRAY_SIZE(splits) : 2);
				s++) {
				start(&w, rates[r], 0, workers);
				w.offered = 3 * rates[r] * MBPS;
				if (workers == WORKERS)
					memcpy(w.share, splits[s], sizeof(w.share));
				else if (workers == 2 && s == 1)
					memcpy(w.share, (unsigned[WORKERS]){985, 15}, 16);
				run(&w, 0.3);
				run(&w, 1);
				assert_rate(&w, rates[r], 1);
				finish(&w);
			}
}

/* The flows move to another worker ten times a second, and leave their leases behind. */
static void flows_that_move_cost_nothing(void **state)
{
	struct world w;

	(void)state;
	for (unsigned r = 0; r < ARRAY_SIZE(rates); r++) {
		double passed = 0;

		start(&w, rates[r], 0, WORKERS);
		w.offered = 3 * rates[r] * MBPS;
		run(&w, 0.3);
		for (unsigned i = 0; i < 10; i++) {
			memset(w.share, 0, sizeof(w.share));
			w.share[i % WORKERS] = ALL;
			run(&w, 0.1);
			passed += w.passed;
		}
		w.passed = passed;
		assert_rate(&w, rates[r], 1);
		finish(&w);
	}
}

/* About one lease in 200 us or for 16 KiB, also where three packets come for each that may pass. */
static void leases_are_few(void **state)
{
	static const double fast[] = {100, 1000, 10000, 100000, 400000};
	struct world w;

	(void)state;
	for (unsigned r = 0; r < ARRAY_SIZE(fast); r++) {
		start(&w, fast[r], 0, 1);
		w.offered = 3 * fast[r] * MBPS;
		run(&w, 0.2);
		run(&w, 1);
		assert_in_range(w.leased, 1, 3 * 5000);
		finish(&w);
	}
}

static void what_conforms_passes(void **state)
{
	struct world w;

	(void)state;
	for (unsigned r = 0; r < ARRAY_SIZE(rates); r++)
		for (unsigned s = 0; s < ARRAY_SIZE(splits); s++) {
			start(&w, rates[r], 0, WORKERS);
			memcpy(w.share, splits[s], sizeof(w.share));
			w.offered = 0.98 * rates[r] * MBPS;
			run(&w, 0.5);
			assert_int_equal(w.packets_lost, 0);
			finish(&w);
		}
}

static void raising_loses_nothing(void **state)
{
	static const uint64_t bursts[] = {0, 2000000};
	struct world w;

	(void)state;
	for (unsigned b = 0; b < ARRAY_SIZE(bursts); b++)
		for (unsigned workers = 1; workers <= WORKERS; workers *= 2) {
			/* What conformed goes on conforming, through any number of changes. */
			start(&w, 100, bursts[b], workers);
			w.offered = 90 * MBPS;
			run(&w, 0.3);
			for (double mbps = 200; mbps < 400000; mbps *= 3) {
				w.rate = rate_of(mbps, bursts[b], workers);
				run(&w, 0.05);
				assert_int_equal(w.packets_lost, 0);
			}
			finish(&w);

			/* Too much before, not after: only a lease's wait is still to pass. */
			start(&w, 100, bursts[b], workers);
			w.offered = 300 * MBPS;
			run(&w, 0.5);
			assert_true(w.packets_lost > 0);
			w.rate = rate_of(400, bursts[b], workers);
			run(&w, 0.003);
			run(&w, 0.5);
			assert_int_equal(w.packets_lost, 0);
			finish(&w);
		}
}

static void lowering_holds_from_the_next_burst_on(void **state)
{
	struct world w;

	(void)state;
	for (unsigned workers = 1; workers <= WORKERS; workers *= 2) {
		start(&w, 400000, 0, workers);
		w.largest = MTU;
		w.offered = 50 * MBPS;
		run(&w, 0.1);
		w.rate = rate_of(10, 0, workers);
		run(&w, 0.2);
		run(&w, 1);
		assert_rate(&w, 10, 1);
		finish(&w);
	}
}

static void leases_keep_their_bounds(void **state)
{
	(void)state;
	for (double mbps = 1; mbps <= 10000000; mbps *= 1.7)
		for (unsigned workers = 1; workers <= 32; workers++) {
			struct policer_rate rate = rate_of(mbps, 0, workers);
			double burst = (double)rate.depth * mbps * MBPS / (double)HZ;
			double cost = (double)rate.cost / (1 << POLICER_SHIFT);

			assert_true(rate.lease * workers <= mbps * MBPS * 0.0025);
			assert_true(rate.lease * workers <= burst * 0.25001 + 1);
			assert_true(burst > 0.999 * mbps * MBPS / 100 && burst > 3.99 * MTU);
			assert_true(cost * mbps * MBPS > 0.9999 * (double)HZ &&
				    cost * mbps * MBPS < 1.0001 * (double)HZ);
		}
}

static void small_bursts_are_raised(void **state)
{
	struct policer_rate rate;

	(void)state;
	rate = policer_rate(125000, 1, 9000, 1, HZ);
	assert_true(rate.depth >= HZ * 18000 / 125000 - 1);
	rate = policer_rate(UINT64_C(50000000000), 1, 9000, 1, HZ);
	assert_in_range(rate.depth, HZ / 1000 - 1, HZ / 1000 + 1);
	rate = policer_rate(125000000, 5000000, 9000, 1, HZ);
	assert_in_range(rate.depth, HZ / 25 - 1, HZ / 25 + 1);
}

/* All that can be had at once from all workers, as bytes. */
static double drain(struct world *w)
{
	double sum = 0;

	for (unsigned i = 0; i < w->workers; i++) {
		w->lease[i].partial = 0;
		while (offer(w, i, 64, w->now))
			sum += 64;
	}
	return sum;
}

static void after_long_rest_there_is_one_burst(void **state)
{
	static const uint64_t rest[] = {HZ / 10, HZ * 60, HZ * 86400 * 365};
	struct world w;

	(void)state;
	for (unsigned workers = 1; workers <= WORKERS; workers *= 2) {
		start(&w, 1000, 0, workers);
		for (unsigned i = 0; i < ARRAY_SIZE(rest); i++) {
			double burst = 1250000, sum;

			/* Everybody holds a lease when the rest begins. */
			w.now += HZ;
			for (unsigned k = 0; k < workers; k++)
				assert_true(offer(&w, k, 64, w.now));
			w.now += rest[i];
			sum = drain(&w);
			assert_true(sum > burst - 200 * workers);
			assert_true(sum <= burst * (workers == 1 ? 1 : 1.25));
			assert_true(drain(&w) < 100 * workers);
		}
		finish(&w);
	}
}

static void a_packet_of_any_size_passes(void **state)
{
	struct world w;

	(void)state;
	start(&w, 1, 0, WORKERS);
	w.rate = policer_rate(125000, 0, 65535, WORKERS, HZ);
	for (unsigned i = 0; i < 20; i++) {
		w.now += HZ;
		assert_true(offer(&w, i % WORKERS, 65535, w.now));
		w.now += HZ;
		assert_true(offer(&w, i % WORKERS, 1, w.now));
	}
	finish(&w);
}

static void an_old_clock_takes_nothing_twice(void **state)
{
	struct world w;
	uint64_t before;

	(void)state;
	start(&w, 1000, 0, 2);
	drain(&w);
	before = atomic_load(&w.policer->committed);
	/* 20 ms late, with nothing in hand: no, and the clock stays as it is. */
	w.lease[1] = (struct policer_lease){0};
	assert_false(offer(&w, 1, 64, w.now - HZ / 50));
	assert_int_equal(atomic_load(&w.policer->committed), before);
	/* What is in hand may still be spent. */
	w.lease[1] = (struct policer_lease){.bytes = 1000, .until = w.now - HZ};
	assert_true(offer(&w, 1, 64, w.now - HZ / 50));
	assert_int_equal(w.lease[1].bytes, 936);
	finish(&w);
}

static void a_new_owner_finds_all_credit(void **state)
{
	struct world w;

	(void)state;
	start(&w, 1000, 0, 1);
	drain(&w);
	assert_true(drain(&w) == 0);
	policer_fill(w.policer, w.now);
	assert_true(drain(&w) > 1249000);
	finish(&w);
}

static void marks(void **state)
{
	static const uint8_t cases[][3] = {
		/* DSCP, mark, becomes */
		{0, 8, 8},
		{46, 0, 0},
		{10, 63, 63},
		{10, POLICER_PRECEDENCE, 12},
		{18, POLICER_PRECEDENCE, 20},
		{26, POLICER_PRECEDENCE, 28},
		{34, POLICER_PRECEDENCE, 36},
		{12, POLICER_PRECEDENCE, 12},
		{14, POLICER_PRECEDENCE, 14},
		{38, POLICER_PRECEDENCE, 38},
		{0, POLICER_PRECEDENCE, 0},
		{2, POLICER_PRECEDENCE, 2},
		{42, POLICER_PRECEDENCE, 42},
		{46, POLICER_PRECEDENCE, 46},
		{8, POLICER_PRECEDENCE, 8},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++)
		for (unsigned ecn = 0; ecn < 4; ecn++)
			assert_int_equal(policer_mark((uint8_t)((unsigned)cases[i][0] << 2 | ecn),
						 cases[i][1]),
				(unsigned)cases[i][2] << 2 | ecn);
}

int main(void)
{
	const char *seed = getenv("TRUNKLINE_SEED");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_second_is_within_one_percent),
		cmocka_unit_test(flows_that_move_cost_nothing),
		cmocka_unit_test(leases_are_few),
		cmocka_unit_test(what_conforms_passes),
		cmocka_unit_test(raising_loses_nothing),
		cmocka_unit_test(lowering_holds_from_the_next_burst_on),
		cmocka_unit_test(leases_keep_their_bounds),
		cmocka_unit_test(small_bursts_are_raised),
		cmocka_unit_test(after_long_rest_there_is_one_burst),
		cmocka_unit_test(a_packet_of_any_size_passes),
		cmocka_unit_test(an_old_clock_takes_nothing_twice),
		cmocka_unit_test(a_new_owner_finds_all_credit),
		cmocka_unit_test(marks),
	};

	random_state = seed != NULL ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL);
	printf("seed %llu\n", (unsigned long long)random_state);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
