/* SPDX-License-Identifier: BSD-3-Clause */
/* Histograms against sorting. TRUNKLINE_SEED sets the seed (printed). */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/base/histogram.h"
#include "tests/tools/chance.h"

#define VALUES	50000
#define WRITERS 4

static struct histogram writer[WRITERS], seen[WRITERS];
static struct histogram_sum sum;
static uint64_t value[VALUES];

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void test_buckets(void **state)
{
	(void)state;
	assert_int_equal(histogram_index(0), 0);
	assert_int_equal(histogram_index(63), 63);
	assert_int_equal(histogram_index(64), 64);
	assert_int_equal(histogram_index(HISTOGRAM_LIMIT - 1), HISTOGRAM_BUCKETS - 1);
	assert_int_equal(histogram_index(HISTOGRAM_LIMIT), HISTOGRAM_BUCKETS - 1);
	assert_int_equal(histogram_index(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
	/* One behind the other, none left out, none wider than it may be. */
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		uint64_t least = histogram_least(i), most = histogram_most(i);

		assert_int_equal(histogram_index(least), i);
		assert_int_equal(histogram_index(most), i);
		assert_true(least <= most);
		assert_int_equal(least, i == 0 ? 0 : histogram_most(i - 1) + 1);
		assert_true(i < 64 ? least == most : 32 * (most - least + 1) <= least);
	}
	assert_int_equal(histogram_most(HISTOGRAM_BUCKETS - 1), HISTOGRAM_LIMIT - 1);
}

static void check_percentile(uint64_t count, double share)
{
	uint64_t truth = value[histogram_rank(count, share) - 1];
	uint64_t said = histogram_percentile(&sum, share);
	uint64_t error = said > truth ? said - truth : truth - said;

	/* Both are in one bucket, of which the truth is at least 32 times the width. */
	if (histogram_index(said) != histogram_index(truth) || 32 * error > truth)
		fail_msg("%.4f of %" PRIu64 ": %" PRIu64 " is said, %" PRIu64 " is true", share,
			count, said, truth);
}

/* Values of any magnitude, by several writers and in several instalments. */
static void test_oracle(void **state)
{
	static const double share[] = {0, 0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999, 1};
	struct chance chance = chance_seed("histogram");

	(void)state;
	for (unsigned round = 0; round < 20; round++) {
		unsigned count = 1 + chance_below(&chance, VALUES);
		unsigned bits = 1 + chance_below(&chance, 36);

		memset(&sum, 0, sizeof(sum));
		for (unsigned i = 0; i < count; i++) {
			unsigned to = chance_below(&chance, WRITERS);

			value[i] = chance_next(&chance) >> (64 - bits) >> chance_below(&chance, 8);
			histogram_add(&writer[to], value[i]);
			if (chance_below(&chance, 1000) == 0)
				histogram_gained(&writer[to], &seen[to], &sum);
		}
		for (unsigned i = 0; i < WRITERS; i++)
			histogram_gained(&writer[i], &seen[i], &sum);
		assert_int_equal(histogram_total(&sum), count);
		qsort(value, count, sizeof(value[0]), by_value);
		for (unsigned i = 0; i < ARRAY_SIZE(share); i++)
			check_percentile(count, share[i]);
	}
}

static void test_wrap_and_merge(void **state)
{
	struct histogram_sum other = {0};

	(void)state;
	memset(&sum, 0, sizeof(sum));
	memset(writer, 0, sizeof(writer));
	memset(seen, 0, sizeof(seen));
	writer[0].bucket[7] = seen[0].bucket[7] = UINT32_MAX;
	histogram_add(&writer[0], 7);
	histogram_add(&writer[0], 7);
	histogram_gained(&writer[0], &seen[0], &sum);
	assert_int_equal(sum.bucket[7], 2);
	histogram_gained(&writer[0], &seen[0], &sum);
	assert_int_equal(histogram_total(&sum), 2);
	other.bucket[3] = UINT64_C(1) << 40;
	histogram_merge(&sum, &other);
	assert_int_equal(histogram_total(&sum), (UINT64_C(1) << 40) + 2);
	assert_int_equal(histogram_percentile(&sum, 0.5), 3);
	assert_int_equal(histogram_percentile(&sum, 1), 7);
}

static void test_nothing(void **state)
{
	(void)state;
	memset(&sum, 0, sizeof(sum));
	assert_int_equal(histogram_percentile(&sum, 0.5), 0);
	assert_int_equal(histogram_rank(0, 0.5), 0);
	assert_int_equal(histogram_rank(10, 0), 1);
	assert_int_equal(histogram_rank(10, 0.5), 5);
	assert_int_equal(histogram_rank(10, 0.51), 6);
	assert_int_equal(histogram_rank(10, 2), 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buckets),
		cmocka_unit_test(test_oracle),
		cmocka_unit_test(test_wrap_and_merge),
		cmocka_unit_test(test_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
