/* SPDX-License-Identifier: BSD-3-Clause */
/* The tree of routes against a plain sorted array. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "control/routetree.h"

#define MOST 20000

static struct routetree_entry oracle[MOST];
static size_t oracle_count;
static unsigned seed;

static uint32_t random_below(uint32_t limit)
{
	return (uint32_t)rand_r(&seed) % limit;
}

static size_t oracle_rank(const struct routetree_entry *key)
{
	size_t low = 0, high = oracle_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (routetree_compare(&oracle[middle], key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool oracle_has(size_t at, const struct routetree_entry *key)
{
	return at < oracle_count && routetree_compare(&oracle[at], key) == 0;
}

static void put(
	struct routetree *tree, struct routetree_pool *pool, const struct routetree_entry *entry)
{
	size_t at = oracle_rank(entry);
	uint32_t replaced = 0;

	assert_int_equal(routetree_pool_fill(pool, routetree_worst(pool, 1, 1), SIZE_MAX), 0);
	if (oracle_has(at, entry)) {
		replaced = oracle[at].via;
	} else {
		memmove(&oracle[at + 1], &oracle[at], (oracle_count++ - at) * sizeof(oracle[0]));
	}
	oracle[at] = *entry;
	assert_int_equal(routetree_put(tree, pool, entry), replaced);
}

static void delete (
	struct routetree *tree, struct routetree_pool *pool, const struct routetree_entry *key)
{
	size_t at = oracle_rank(key);
	bool has = oracle_has(at, key);

	assert_int_equal(routetree_delete(tree, pool, key), has);
	if (has)
		memmove(&oracle[at], &oracle[at + 1], (--oracle_count - at) * sizeof(oracle[0]));
}

static void compare(const struct routetree *tree)
{
	static struct routetree_entry all[MOST];
	struct routetree_entry first = {0};

	assert_int_equal(tree->count, oracle_count);
	assert_int_equal(routetree_list(tree, &first, false, all, MOST), oracle_count);
	assert_memory_equal(all, oracle, oracle_count * sizeof(all[0]));
}

static struct routetree_entry any_entry(uint32_t range)
{
	struct routetree_entry entry;

	memset(&entry, 0, sizeof(entry));
	entry.high = (uint64_t)random_below(range) << 32;
	entry.length = (uint8_t)(30 + random_below(3));
	entry.owner = (uint8_t)(1 + random_below(2));
	entry.via = 1 + random_below(1000);
	return entry;
}

static void random_changes_agree_with_a_sorted_array(void **state)
{
	struct routetree tree = {0};
	struct routetree_pool pool = {0};

	(void)state;
	oracle_count = 0;
	for (unsigned round = 0; round < 40; round++) {
		bool grows = round % 4 != 3;

		for (unsigned i = 0; i < 1500; i++) {
			struct routetree_entry entry = any_entry(3000);

			if (random_below(4) != 0 ? grows : !grows)
				put(&tree, &pool, &entry);
			else
				delete (&tree, &pool, &entry);
			assert_int_equal(routetree_find(&tree, &entry) != NULL,
				oracle_has(oracle_rank(&entry), &entry));
		}
		compare(&tree);
	}
	routetree_clear(&tree, &pool);
	assert_int_equal(pool.used_count, 0);
	routetree_pool_trim(&pool, 0, SIZE_MAX);
}

static void ordered_changes_agree_with_a_sorted_array(void **state)
{
	struct routetree tree = {0};
	struct routetree_pool pool = {0};
	struct routetree_entry entry;

	(void)state;
	memset(&entry, 0, sizeof(entry));
	oracle_count = 0;
	for (uint32_t i = 0; i < 15000; i++) {
		entry.high = (uint64_t)i << 40;
		entry.via = i + 1;
		put(&tree, &pool, &entry);
	}
	compare(&tree);
	assert_true(pool.used_count * 2032 < 15000 * 30);
	for (uint32_t i = 0; i < 15000; i++) {
		entry.high = (uint64_t)i << 40;
		delete (&tree, &pool, &entry);
	}
	compare(&tree);
	assert_null(tree.root);
	routetree_pool_trim(&pool, 0, SIZE_MAX);
}

/* The promise of routetree_worst: a bulk never takes more, whatever the order. */
static void a_bulk_fits_what_was_put_aside(void **state)
{
	struct routetree tree = {0};
	struct routetree_pool pool = {0};

	(void)state;
	for (unsigned bulk = 0; bulk < 60; bulk++) {
		uint32_t range = 1u << (4 + random_below(14)), count = 1 + random_below(3000);

		assert_int_equal(
			routetree_pool_fill(&pool, routetree_worst(&pool, count, 1), SIZE_MAX), 0);
		for (uint32_t i = 0; i < count; i++) {
			struct routetree_entry entry = any_entry(range);

			assert_int_not_equal(pool.free_count, 0);
			if (random_below(3) != 0)
				routetree_put(&tree, &pool, &entry);
			else
				routetree_delete(&tree, &pool, &entry);
		}
		routetree_pool_trim(&pool, 0, SIZE_MAX);
	}
	routetree_clear(&tree, &pool);
	routetree_pool_trim(&pool, 0, SIZE_MAX);
}

static void a_list_goes_on_after_any_entry(void **state)
{
	struct routetree tree = {0};
	struct routetree_pool pool = {0};
	struct routetree_entry got[7];

	(void)state;
	oracle_count = 0;
	for (unsigned i = 0; i < 3000; i++) {
		struct routetree_entry entry = any_entry(5000);

		put(&tree, &pool, &entry);
	}
	for (size_t at = 0; at < oracle_count; at++) {
		size_t left = oracle_count - at - 1, want = left < 7 ? left : 7;

		assert_int_equal(routetree_list(&tree, &oracle[at], true, got, 7), want);
		assert_memory_equal(got, &oracle[at + 1], want * sizeof(got[0]));
	}
	routetree_clear(&tree, &pool);
	routetree_pool_trim(&pool, 0, SIZE_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_changes_agree_with_a_sorted_array),
		cmocka_unit_test(ordered_changes_agree_with_a_sorted_array),
		cmocka_unit_test(a_bulk_fits_what_was_put_aside),
		cmocka_unit_test(a_list_goes_on_after_any_entry),
	};

	seed = (unsigned)time(NULL);
	print_message("seed %u\n", seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
