/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Clock drift on made-up series whose truth is known: rates, queues, longer and shorter routes,
 * clocks that are set; and the line against one found by trying all pairs of points.
 *
 * TRUNKLINE_SEED sets the seed (printed).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "control/drift.h"
#include "dataplane/meter/delay.h"
#include "tests/tools/chance.h"

#define SECOND UINT64_C(1000000000)
#define ROUNDS 40

/* A path whose least transit times are floor + rate * time + noise, and a queue now and then. */
struct series {
	double floor, rate; /* ns; parts in 10^9 */
	double noise;	    /* mean, ns */
	double queue;	    /* ns; 0: none */
	uint32_t epoch;
	uint64_t epoch_ns;
};

static struct chance chance;
static struct drift drift;

static uint32_t next_transit(struct series *s)
{
	double ns = s->floor + s->rate * (double)s->epoch_ns / 1e9 -
		    log(1 - chance_share(&chance)) * s->noise;

	s->floor += s->rate * (double)s->epoch_ns / 1e9;
	/* A queue that never empties in this epoch, never as long as in the one before. */
	if (s->queue > 0)
		ns += s->queue * (0.2 + 0.5 * (s->epoch % 2) + 0.3 * chance_share(&chance));
	return (uint32_t)(int64_t)floor(ns / DELAY_NS);
}

static enum drift_verdict add(struct series *s)
{
	enum drift_verdict verdict = drift_add(&drift, s->epoch, next_transit(s));

	s->epoch++;
	return verdict;
}

static struct series begin(uint64_t epoch_ns)
{
	struct series s = {.floor = chance_share(&chance) * 68e9,
		.rate = (chance_share(&chance) - 0.5) * 2 * 100000,
		.noise = 1000 + chance_share(&chance) * 5000,
		.epoch = (uint32_t)chance_next(&chance),
		.epoch_ns = epoch_ns};

	drift_init(&drift, epoch_ns);
	return s;
}

static void assert_rate(const struct series *s, double within)
{
	int64_t rate = 0;

	assert_true(drift_rate(&drift, &rate));
	if (fabs((double)rate - s->rate) > within)
		fail_msg("%ld parts in 10^9 are said, %.0f are true", (long)rate, s->rate);
}

/* What is expected of the next epoch is where its floor will be. */
static void assert_reference(const struct series *s, double within)
{
	uint64_t reference = drift_reference(&drift, s->epoch);
	double next = s->floor + s->rate * (double)s->epoch_ns / 1e9;
	int32_t off = (int32_t)((uint32_t)reference - (uint32_t)(int64_t)(next / DELAY_NS));

	assert_true(reference & DELAY_KNOWN);
	if (fabs((double)off * DELAY_NS) > within)
		fail_msg("the reference is %d ns off", off * DELAY_NS);
}

static void test_rates(void **state)
{
	(void)state;
	chance = chance_seed("drift");
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct series s = begin(round % 2 ? SECOND : SECOND / 10);
		double span = (double)s.epoch_ns / 1e9;
		int64_t rate;

		for (unsigned i = 0; i + 1 < DRIFT_KNOWN; i++)
			assert_int_equal(add(&s), DRIFT_ON);
		assert_false(drift_rate(&drift, &rate));
		assert_int_equal(add(&s), DRIFT_ON);
		/* Noise of some us over as many epochs. */
		assert_rate(&s, 10 * s.noise / (DRIFT_KNOWN * span));
		for (unsigned i = 0; i < 2 * DRIFT_POINTS; i++) {
			s.queue = i / 20 % 3 == 1 ? 3e6 : 0;
			if (chance_below(&chance, 10) == 0)
				s.epoch++, next_transit(&s);
			assert_int_not_equal(add(&s), DRIFT_BROKEN);
		}
		assert_rate(&s, 2 * s.noise / (DRIFT_POINTS / 2 * span));
		s.queue = 0;
		add(&s);
		assert_reference(&s, 3 * s.noise + 1000);
		assert_int_equal(drift.segments, 1);
	}
}

/* A step of the floor is found, when, and by how much. */
static void check_step(double step)
{
	struct series s = begin(SECOND);
	enum drift_verdict verdict = DRIFT_ON;
	unsigned epochs = 0, before = 1 + chance_below(&chance, 400);
	uint32_t at;

	/* Before its rate is known, a small jump may be taken for drift. */
	before = fabs(step) < 1e7 ? before + DRIFT_KNOWN : before;
	for (unsigned i = 0; i < before; i++)
		assert_int_equal(add(&s), DRIFT_ON);
	s.floor += step;
	at = s.epoch;
	for (; verdict != DRIFT_BROKEN && epochs < 30; epochs++)
		verdict = add(&s);
	assert_int_equal(drift.segments, 2);
	assert_true(step < 0 ? epochs == 1 : epochs <= DRIFT_HOLD + 2);
	assert_true(drift.first - at < epochs);
	if (before >= DRIFT_KNOWN)
		assert_true(
			fabs((double)drift.jump - step) < 15 * s.noise + (before < 64 ? 5e4 : 1e3));
	assert_reference(&s, 2 * fabs(s.rate) + 10 * s.noise + 1000);
	for (unsigned i = 0; i < 100; i++)
		assert_int_not_equal(add(&s), DRIFT_BROKEN);
	assert_rate(&s, 10 * s.noise / 64);
}

static void test_steps(void **state)
{
	static const double step[] = {-2e5, 2e5, -1e6, 1e6, -3e7, 3e7, 3e9, -3e9};

	(void)state;
	chance = chance_seed("drift");
	for (unsigned round = 0; round < ROUNDS; round++)
		check_step(step[round % (sizeof(step) / sizeof(step[0]))]);
}

/* A queue that stands for a minute is no longer route, however it is; its end is no shorter one. */
static void test_queue_is_no_route(void **state)
{
	(void)state;
	chance = chance_seed("drift");
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct series s = begin(SECOND);

		for (unsigned i = 0; i < 50; i++)
			assert_int_equal(add(&s), DRIFT_ON);
		s.queue = 5e6;
		for (unsigned i = 0; i < 60; i++)
			assert_int_not_equal(add(&s), DRIFT_BROKEN);
		s.queue = 0;
		assert_int_equal(add(&s), DRIFT_ON);
		assert_reference(&s, 3 * s.noise + 1000);
	}
}

/* Sum of the points' heights above a line, which is above none of them; else infinite. */
static double height(const struct drift_point *point, unsigned count, const struct drift_point *a,
	const struct drift_point *b)
{
	double slope = (double)(b->least - a->least) / (double)(b->at - a->at), sum = 0;

	for (unsigned i = 0; i < count; i++) {
		double off =
			(double)(point[i].least - a->least) - slope * (double)(point[i].at - a->at);

		if (off < -1e-3)
			return INFINITY;
		sum += off;
	}
	return sum;
}

static void test_line_against_all_pairs(void **state)
{
	(void)state;
	chance = chance_seed("drift");
	for (unsigned round = 0; round < 100; round++) {
		struct series s = begin(SECOND);
		double best = INFINITY;

		s.noise = 20000;
		for (unsigned i = 1 + chance_below(&chance, 60); i-- > 0;) {
			s.queue = chance_below(&chance, 4) ? 0 : 20000;
			add(&s);
		}
		if (drift.points < 2)
			continue;
		for (unsigned a = 0; a < drift.points; a++)
			for (unsigned b = a + 1; b < drift.points; b++)
				best = fmin(best, height(drift.point, drift.points, &drift.point[a],
							  &drift.point[b]));
		assert_true(
			fabs(height(drift.point, drift.points, &drift.from, &drift.to) - best) < 1);
	}
}

static void test_bends(void **state)
{
	(void)state;
	drift_init(&drift, SECOND);
	/* A clock that warms up: its rate changes by a part in 10^8 each second. */
	for (uint32_t i = 0; i < 200; i++)
		assert_int_equal(drift_add(&drift, i, (uint32_t)(i * i * 5 / DELAY_NS)), DRIFT_ON);
	/* At a quarter of the span a parabola is that far from the tangent in the middle. */
	assert_true(drift.residual > 45000 && drift.residual < 55000);
	drift_init(&drift, SECOND);
	for (uint32_t i = 0; i < 200; i++)
		drift_add(&drift, i, 7 * i);
	assert_int_equal(drift.residual, 0);
}

/* Points that came high at the ends do not bend the hull. */
static void test_high_ends(void **state)
{
	(void)state;
	drift_init(&drift, SECOND);
	for (uint32_t i = 0; i < 40; i++)
		assert_int_equal(
			drift_add(&drift, i, i == 0 || i == 39 ? 80000 / DELAY_NS : 0), DRIFT_ON);
	assert_int_equal(drift.residual, 0);
}

/* A rate learnt from few points says little of what comes much later. */
static void test_young_rate(void **state)
{
	int64_t rate;

	(void)state;
	drift_init(&drift, SECOND / 10);
	for (uint32_t i = 0; i < DRIFT_KNOWN; i++)
		assert_int_equal(drift_add(&drift, i, (15 - i) * 160), DRIFT_ON);
	assert_true(drift_rate(&drift, &rate));
	assert_int_equal(rate, -25600);
	assert_int_equal(drift_add(&drift, 75, 0), DRIFT_ON);
}

/* What is held may be the new floor: delays are counted from there. */
static void test_reference_while_held(void **state)
{
	(void)state;
	drift_init(&drift, SECOND);
	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(drift_add(&drift, i, 7 * i), DRIFT_ON);
	assert_int_equal(drift_reference(&drift, 102), DELAY_KNOWN | 714);
	for (uint32_t i = 100; i < 100 + DRIFT_HOLD - 1; i++) {
		assert_int_equal(drift_add(&drift, i, 7 * i + 100000), DRIFT_HELD);
		assert_int_equal(drift_reference(&drift, i + 2), DELAY_KNOWN | (7 * i + 100014));
	}
	assert_int_equal(drift_add(&drift, 110, 770), DRIFT_ON);
	assert_int_equal(drift_reference(&drift, 112), DELAY_KNOWN | 784);
}

static void test_begins_anew(void **state)
{
	(void)state;
	drift_init(&drift, SECOND);
	assert_int_equal(drift_reference(&drift, 1), 0);
	assert_int_equal(drift_add(&drift, 100, 5000), DRIFT_ON);
	assert_int_equal(drift_reference(&drift, 102), DELAY_KNOWN | 5000);
	assert_int_equal(drift_add(&drift, 100 + DRIFT_POINTS, 5010), DRIFT_ON);
	/* Too long ago, or the sender's epochs went back. */
	assert_int_equal(drift_add(&drift, 101 + 2 * DRIFT_POINTS, 5010), DRIFT_BROKEN);
	assert_int_equal(drift.jump, 0);
	assert_int_equal(drift_add(&drift, 90, 77), DRIFT_BROKEN);
	assert_int_equal(drift_add(&drift, 90, 77), DRIFT_BROKEN);
	assert_int_equal(drift.segments, 4);
	assert_int_equal(drift_reference(&drift, 91), DELAY_KNOWN | 77);
}

static void test_causes(void **state)
{
	(void)state;
	assert_int_equal(drift_cause(2000000, -1990000), DRIFT_CLOCK);
	assert_int_equal(drift_cause(2000000, 0), DRIFT_ROUTE);
	assert_int_equal(drift_cause(2000000, 2000000), DRIFT_ROUTE);
	assert_int_equal(drift_cause(2000000, -1900000), DRIFT_ROUTE);
	assert_int_equal(drift_cause(0, 0), DRIFT_ROUTE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rates),
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_queue_is_no_route),
		cmocka_unit_test(test_line_against_all_pairs),
		cmocka_unit_test(test_bends),
		cmocka_unit_test(test_high_ends),
		cmocka_unit_test(test_young_rate),
		cmocka_unit_test(test_reference_while_held),
		cmocka_unit_test(test_begins_anew),
		cmocka_unit_test(test_causes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
