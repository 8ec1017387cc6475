/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/bucket.h"

#define BUCKETS 1024
#define RANKS	8
#define WEIGHTS 8

static uint8_t table[BUCKETS][RANKS], other[BUCKETS][RANKS];

static struct bucket_member named(unsigned number, uint32_t weight)
{
	char name[16];
	int length = snprintf(name, sizeof(name), "path-%u", number);

	return (struct bucket_member){.key = bucket_key(name, (unsigned)length), .weight = weight};
}

static unsigned count_first(unsigned member)
{
	unsigned count = 0;

	for (unsigned b = 0; b < BUCKETS; b++)
		count += table[b][0] == member;
	return count;
}

static void assert_ranks_distinct(unsigned members)
{
	for (unsigned b = 0; b < BUCKETS; b++) {
		uint64_t seen = 0;

		for (unsigned r = 0; r < RANKS; r++) {
			if (r >= members) {
				assert_int_equal(table[b][r], BUCKET_NONE);
				continue;
			}
			assert_true(table[b][r] < BUCKET_MEMBERS);
			assert_false(seen >> table[b][r] & 1);
			seen |= UINT64_C(1) << table[b][r];
		}
	}
}

static void test_nobody(void **state)
{
	struct bucket_member none[3] = {{0}};

	(void)state;
	memset(table, 0, sizeof(table));
	bucket_fill(none, 3, BUCKETS, RANKS, &table[0][0]);
	assert_int_equal(count_first(BUCKET_NONE), BUCKETS);
	bucket_fill(none, 0, BUCKETS, RANKS, &table[0][0]);
	assert_int_equal(count_first(BUCKET_NONE), BUCKETS);
}

static void test_weights_to_one_bucket(void **state)
{
	static const uint32_t weight[WEIGHTS] = {1, 2, 3, 1000, 17, 1, 0, 500};
	struct bucket_member member[WEIGHTS] = {{0}};
	uint64_t total = 0;

	(void)state;
	for (unsigned i = 0; i < WEIGHTS; i++) {
		member[i] = named(i, weight[i]);
		total += weight[i];
	}
	bucket_fill(member, WEIGHTS, BUCKETS, RANKS, &table[0][0]);
	for (unsigned i = 0; i < WEIGHTS; i++) {
		unsigned least = (unsigned)(weight[i] * BUCKETS / total);
		unsigned count = count_first(i);

		assert_in_range(count, least, least + 1);
	}
}

static void test_all_numbers_of_members(void **state)
{
	struct bucket_member member[BUCKET_MEMBERS] = {{0}};

	(void)state;
	for (unsigned n = 1; n <= BUCKET_MEMBERS; n++) {
		member[n - 1] = named(n, 1 + n % 3);
		bucket_fill(member, n, BUCKETS, RANKS, &table[0][0]);
		assert_ranks_distinct(n);
	}
}

static void test_deterministic(void **state)
{
	struct bucket_member member[4];

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		member[i] = named(i, 1);
	bucket_fill(member, 4, BUCKETS, RANKS, &table[0][0]);
	bucket_fill(member, 4, BUCKETS, RANKS, &other[0][0]);
	assert_memory_equal(table, other, sizeof(table));
}

/* The buckets of a dead member fall to the others by weight: within a fifth of what they should. */
static void test_dead_member_spreads(void **state)
{
	static const uint32_t weight[] = {4, 1, 2, 3};
	struct bucket_member member[4];
	unsigned second[4] = {0}, buckets = 0;

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		member[i] = named(i, weight[i]);
	bucket_fill(member, 4, BUCKETS, RANKS, &table[0][0]);
	for (unsigned b = 0; b < BUCKETS; b++) {
		if (table[b][0] != 0)
			continue;
		buckets++;
		second[table[b][1]]++;
	}
	for (unsigned i = 1; i < 4; i++) {
		unsigned fair = buckets * weight[i] / 6;

		assert_in_range(second[i], fair - fair / 3, fair + fair / 3);
	}
}

/* One more member takes its share, and little else moves. */
static void test_newcomer_moves_little(void **state)
{
	struct bucket_member member[5];
	unsigned moved = 0;

	(void)state;
	for (unsigned i = 0; i < 5; i++)
		member[i] = named(i, 1);
	bucket_fill(member, 4, BUCKETS, RANKS, &table[0][0]);
	bucket_fill(member, 5, BUCKETS, RANKS, &other[0][0]);
	for (unsigned b = 0; b < BUCKETS; b++)
		moved += other[b][0] != 4 && other[b][0] != table[b][0];
	assert_true(moved < BUCKETS / 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_weights_to_one_bucket),
		cmocka_unit_test(test_all_numbers_of_members),
		cmocka_unit_test(test_deterministic),
		cmocka_unit_test(test_dead_member_spreads),
		cmocka_unit_test(test_newcomer_moves_little),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
