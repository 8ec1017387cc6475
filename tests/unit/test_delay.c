/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Delay variation against plain floating point on recorded series: PDV and IPDV by sorting, jitter
 * by the formula of RFC 3550, and what banks, references and merging must not change.
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

#include "dataplane/meter/delay.h"
#include "tests/tools/chance.h"

#define PACKETS 20000
#define LANES	3
#define WRITERS 2
#define REACH	64

static struct {
	struct chance chance;
	struct delay writer[WRITERS];
	struct delay_seen seen[WRITERS][LANE_EPOCHS];
	struct lane_receiver lane[LANES]; /* lane i belongs to writer i % WRITERS */
	uint64_t window[LANES][REACH / 64];
	uint32_t sequence[LANES];
	/* The record, in units, and what floating point makes of it. */
	double transit[PACKETS], step[PACKETS], jitter[WRITERS], last[LANES];
	unsigned packets, steps, received[WRITERS];
	uint64_t sign[DELAY_SIGNS];
} w;

static struct delay_sum sum;

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void begin(void)
{
	struct chance chance = w.chance;

	memset(&w, 0, sizeof(w));
	memset(&sum, 0, sizeof(sum));
	w.chance = chance;
	for (unsigned i = 0; i < LANES; i++)
		lane_receiver_init(&w.lane[i], w.window[i], REACH);
}

static enum lane_verdict receive(
	unsigned lane, uint32_t sequence, uint32_t epoch, uint64_t reference, uint32_t transit)
{
	const struct laneoption option = {.epoch = (uint8_t)epoch, .sequence = sequence};
	enum lane_verdict verdict = lane_receive(&w.lane[lane], &option, epoch, 100);

	delay_add(&w.writer[lane % WRITERS], &w.lane[lane], verdict, epoch, reference, transit);
	return verdict;
}

/* The next packet of a lane that is received, with so many lost before it. */
static void record(unsigned lane, unsigned lost, uint32_t epoch, uint64_t reference, double units,
	uint32_t origin)
{
	unsigned writer = lane % WRITERS;
	bool first = w.lane[lane].timed == LANE_UNTIMED;
	double step = units - w.last[lane];

	w.sequence[lane] += lost;
	receive(lane, w.sequence[lane]++, epoch, reference, origin + (uint32_t)(int64_t)units);
	w.received[writer]++;
	w.transit[w.packets++] = units;
	w.last[lane] = units;
	if (first)
		return;
	w.jitter[writer] += (fabs(step) * DELAY_NS - w.jitter[writer]) / 16;
	if (lost > 0)
		return;
	w.step[w.steps++] = fabs(step) * DELAY_NS;
	w.sign[step < 0 ? DELAY_SHORTER : step > 0 ? DELAY_LONGER : DELAY_EQUAL]++;
}

static void gain(uint32_t epoch)
{
	for (unsigned i = 0; i < WRITERS; i++)
		assert_true(delay_gained(&w.writer[i], epoch, w.seen[i], &sum));
}

/* offset: how far the reference was from the least, ns. */
static void check_pdv(double offset, bool same_reference)
{
	static const double share[] = {0, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1};
	struct histogram_sum pdv = {0};
	double least;

	qsort(w.transit, w.packets, sizeof(double), by_value);
	least = w.transit[0];
	delay_add_pdv(&sum, &pdv);
	assert_int_equal(histogram_total(&pdv), w.packets);
	for (unsigned i = 0; i < ARRAY_SIZE(share); i++) {
		double truth = w.transit[histogram_rank(w.packets, share[i]) - 1] * DELAY_NS -
			       least * DELAY_NS;
		double said = (double)delay_percentile(&sum, share[i]);
		double far = fabs(truth) + fabs(offset);
		double bound = far / 32 + DELAY_NS + (same_reference ? 0 : far / 64);

		if (fabs(said - truth) > bound)
			fail_msg("PDV %.3f: %.0f is said, %.0f is true", share[i], said, truth);
		said = (double)histogram_percentile(&pdv, share[i]);
		assert_true(fabs(said - truth) <= bound + far / 64 + truth / 32);
	}
	assert_true(delay_percentile(&sum, 0) == 0 || w.packets > 1);
}

static void check_steps(void)
{
	static const double share[] = {0, 0.1, 0.5, 0.9, 0.99, 1};

	assert_int_equal(sum.steps, w.steps);
	for (unsigned i = 0; i < DELAY_SIGNS; i++)
		assert_int_equal(sum.sign[i], w.sign[i]);
	qsort(w.step, w.steps, sizeof(double), by_value);
	for (unsigned i = 0; i < ARRAY_SIZE(share) && w.steps > 0; i++) {
		double truth = w.step[histogram_rank(w.steps, share[i]) - 1];
		double said = (double)histogram_percentile(&sum.step, share[i]);

		assert_true(fabs(said - truth) <= truth / 32);
	}
}

static void check_jitter(void)
{
	double truth = 0;

	for (unsigned i = 0; i < WRITERS; i++) {
		/* Whole numbers: off by half a unit a step, which the filter sums up to 16 halves
		 * of a sixteenth. */
		assert_true(fabs((double)w.writer[i].jitter - w.jitter[i]) <= DELAY_NS);
		truth += w.jitter[i] * w.received[i] / w.packets;
	}
	assert_true(fabs((double)delay_jitter(&sum) - truth) <= DELAY_NS);
}

/* Some hundred units of queueing now and then, on noise. */
static double draw_transit(unsigned noise, unsigned queue)
{
	double units = chance_below(&w.chance, noise);

	if (chance_below(&w.chance, 20) == 0)
		units -= log(1 - chance_share(&w.chance)) * queue;
	return floor(units);
}

/* How far a writer's reference was from the least, ns. */
static double farthest(uint32_t epoch)
{
	double far = 0;

	for (unsigned i = 0; i < WRITERS; i++) {
		const struct delay_bank *bank = &w.writer[i].bank[epoch % LANE_EPOCHS];

		if (bank->opened > 0)
			far = fmax(
				far, fabs((double)(int32_t)(bank->reference - delay_least(&sum))));
	}
	return far * DELAY_NS;
}

static void one_series(uint32_t reference_at, bool known)
{
	unsigned noise = 1 + chance_below(&w.chance, 2000),
		 queue = 1 + chance_below(&w.chance, 200000);
	unsigned count = 1 + chance_below(&w.chance, PACKETS);
	/* Near the wrap, as often as not. */
	uint32_t origin = (uint32_t)chance_next(&w.chance),
		 epoch = (uint32_t)chance_next(&w.chance);
	uint64_t reference;

	begin();
	if (chance_below(&w.chance, 2))
		origin = (uint32_t)chance_below(&w.chance, 2000) - 1000;
	reference = known ? DELAY_KNOWN | (uint32_t)(origin + reference_at) : 0;
	for (unsigned i = 0; i < count; i++) {
		unsigned lost = chance_below(&w.chance, 10) ? 0 : chance_below(&w.chance, 3);

		record(chance_below(&w.chance, LANES), lost, epoch, reference,
			draw_transit(noise, queue), origin);
	}
	gain(epoch);
	assert_int_equal(sum.packets, count);
	qsort(w.transit, w.packets, sizeof(double), by_value);
	assert_int_equal(delay_least(&sum), origin + (uint32_t)w.transit[0]);
	assert_int_equal(sum.most - sum.least,
		(int64_t)(w.transit[w.packets - 1] - w.transit[0]) * DELAY_NS);
	check_pdv(farthest(epoch), known);
	check_steps();
	check_jitter();
}

/* With the reference far below, within and far above what comes, and without one. */
static void test_oracle(void **state)
{
	static const int32_t at[] = {-100000, -1, 0, 50, 3000, 1000000};

	(void)state;
	w.chance = chance_seed("delay");
	for (unsigned round = 0; round < 60; round++) {
		one_series((uint32_t)at[round % ARRAY_SIZE(at)], true);
		one_series(0, false);
	}
}

static void test_pairs(void **state)
{
	(void)state;
	begin();
	receive(0, 10, 1, 0, 1000);
	receive(0, 11, 1, 0, 1002);
	/* After a gap there is no pair; nor after one that was reordered, which only counts itself.
	 */
	assert_int_equal(receive(0, 13, 1, 0, 1010), LANE_GAP);
	assert_int_equal(receive(0, 12, 1, 0, 1500), LANE_REORDERED);
	assert_int_equal(receive(0, 14, 1, 0, 1010), LANE_IN_ORDER);
	assert_int_equal(receive(0, 15, 1, 0, 1009), LANE_IN_ORDER);
	assert_int_equal(receive(0, 16, 1, 0, 1009), LANE_IN_ORDER);
	/* Nothing is taken of what does not count. */
	assert_int_equal(receive(0, 16, 1, 0, 9), LANE_DUPLICATE);
	assert_int_equal(receive(0, 17, 1, 0, 1009), LANE_IN_ORDER);
	gain(1);
	assert_int_equal(sum.packets, 8);
	assert_int_equal(sum.steps, 4);
	assert_int_equal(sum.sign[DELAY_LONGER], 1);
	assert_int_equal(sum.sign[DELAY_SHORTER], 1);
	assert_int_equal(sum.sign[DELAY_EQUAL], 2);
	assert_int_equal(sum.least, 0);
	assert_int_equal(sum.most, 500 * DELAY_NS);
	assert_int_equal(delay_percentile(&sum, 1), 500 * DELAY_NS);
}

static void test_banks(void **state)
{
	(void)state;
	begin();
	/* Epochs alternate, as where packets are reordered; each has its own extremes. */
	for (unsigned i = 0; i < 100; i++)
		receive(0, i, 255 + i % 2, DELAY_KNOWN | 500, 1000 * (1 + i % 2) + i);
	gain(255);
	assert_int_equal(sum.packets, 50);
	assert_int_equal(delay_least(&sum), 1000);
	assert_int_equal(sum.most, (1098 - 500) * DELAY_NS);
	memset(&sum, 0, sizeof(sum));
	gain(256);
	assert_int_equal(delay_least(&sum), 2001);
	/* Nothing came in this one; then the bank is used again. */
	memset(&sum, 0, sizeof(sum));
	gain(257);
	assert_int_equal(sum.packets, 0);
	assert_int_equal(delay_percentile(&sum, 0.5), 0);
	assert_int_equal(delay_jitter(&sum), 0);
	receive(0, 100, 259, 0, 70);
	gain(259);
	assert_int_equal(sum.packets, 1);
	assert_int_equal(delay_least(&sum), 70);
	assert_int_equal(sum.most, sum.least);
}

static void test_epochs_missed(void **state)
{
	(void)state;
	begin();
	receive(0, 0, 1, 0, 70);
	receive(0, 1, 5, 0, 70);
	receive(0, 2, 5, 0, 71);
	/* Epoch 1 was never read: it cannot be told from 5. */
	assert_false(delay_gained(&w.writer[0], 5, w.seen[0], &sum));
	assert_int_equal(sum.packets, 0);
	receive(0, 3, 9, 0, 72);
	gain(9);
	assert_int_equal(sum.packets, 1);
	/* Read too late. */
	receive(0, 4, 14, 0, 72);
	assert_false(delay_gained(&w.writer[0], 10, w.seen[0], &sum));
	assert_int_equal(sum.packets, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_oracle),
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_banks),
		cmocka_unit_test(test_epochs_missed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
