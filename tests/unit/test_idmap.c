/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "dataplane/fwd/idmap.h"
#include "dataplane/wire/ethernet.h"

static void test_keys_differ(void **state)
{
	(void)state;
	assert_int_not_equal(idmap_tags_key(1, ethernet_tags(0, 100, 200)),
		idmap_tags_key(1, ethernet_tags(1, 100, 200)));
	assert_int_not_equal(idmap_tags_key(1, ethernet_tags(0, 100, 200)),
		idmap_tags_key(2, ethernet_tags(0, 100, 200)));
	assert_int_not_equal(idmap_tags_key(1, ethernet_tags(0, 100, ETHERNET_NO_TAG)),
		idmap_tags_key(1, ethernet_tags(0, 100, 0)));
	assert_int_not_equal(idmap_vni_key(1, 7), idmap_vni_key(2, 7));
}

static void test_put_replace_delete(void **state)
{
	struct idmap *map = idmap_create(10);

	(void)state;
	assert_non_null(map);
	assert_int_equal(idmap_get(map, 0), IDMAP_NONE);
	assert_int_equal(idmap_delete(map, 5), -ENOENT);
	assert_int_equal(idmap_put(map, 0, 0), 0);
	assert_int_equal(idmap_get(map, 0), 0);
	assert_int_equal(idmap_put(map, 0, 9), 0);
	assert_int_equal(idmap_get(map, 0), 9);
	assert_int_equal(map->used, 1);
	assert_int_equal(idmap_delete(map, 0), 0);
	assert_int_equal(idmap_get(map, 0), IDMAP_NONE);
	assert_int_equal(map->used, 0);
	idmap_destroy(map);
}

static void test_limit(void **state)
{
	struct idmap *map = idmap_create(3);

	(void)state;
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(idmap_put(map, i + 1, i), 0);
	assert_int_equal(idmap_put(map, 99, 1), -ENOSPC);
	assert_int_equal(idmap_put(map, 2, 7), 0);
	assert_int_equal(idmap_delete(map, 1), 0);
	assert_int_equal(idmap_put(map, 99, 1), 0);
	idmap_destroy(map);
}

#define KEYS  3000
#define ROOM  2000
#define STEPS 400000

/* Against a plain array: what is in the map is what was put last and not deleted. */
static void test_oracle(void **state)
{
	struct idmap *map = idmap_create(ROOM);
	static uint32_t want[KEYS]; /* id + 1 */
	unsigned seed = (unsigned)time(NULL);
	uint32_t used = 0;

	(void)state;
	print_message("seed %u\n", seed);
	srand(seed);
	for (unsigned step = 0; step < STEPS; step++) {
		uint32_t k = (uint32_t)rand() % KEYS;
		uint64_t key = idmap_tags_key(
			(uint16_t)(k / 1000), ethernet_tags(k & 1, (uint16_t)k, ETHERNET_NO_TAG));
		uint32_t id = (uint32_t)rand() & 0x7fffff;

		if (rand() % 5 < 2) {
			int expected = want[k] != 0 ? 0 : -ENOENT;

			assert_int_equal(idmap_delete(map, key), expected);
			used -= want[k] != 0;
			want[k] = 0;
		} else if (want[k] != 0 || used < ROOM) {
			assert_int_equal(idmap_put(map, key, id), 0);
			used += want[k] == 0;
			want[k] = id + 1;
		} else {
			assert_int_equal(idmap_put(map, key, id), -ENOSPC);
		}
		assert_int_equal(idmap_get(map, key), want[k] == 0 ? IDMAP_NONE : want[k] - 1);
		assert_int_equal(map->used, used);
	}
	for (uint32_t k = 0; k < KEYS; k++) {
		uint64_t key = idmap_tags_key(
			(uint16_t)(k / 1000), ethernet_tags(k & 1, (uint16_t)k, ETHERNET_NO_TAG));

		assert_int_equal(idmap_get(map, key), want[k] == 0 ? IDMAP_NONE : want[k] - 1);
	}
	idmap_destroy(map);
}

/* Lines that were full once keep their keys behind them reachable through deletions. */
static void test_overflowing_line(void **state)
{
	struct idmap *map = idmap_create(64);
	uint64_t key[24];
	unsigned found = 0;

	(void)state;
	for (uint64_t k = 1; found < 24; k++) {
		if ((idmap_hash(k) & map->mask) == 3)
			key[found++] = k;
	}
	for (uint32_t i = 0; i < 24; i++)
		assert_int_equal(idmap_put(map, key[i], i), 0);
	for (uint32_t i = 0; i < 16; i++)
		assert_int_equal(idmap_delete(map, key[i]), 0);
	for (uint32_t i = 0; i < 24; i++)
		assert_int_equal(idmap_get(map, key[i]), i < 16 ? IDMAP_NONE : i);
	for (uint32_t i = 0; i < 16; i++)
		assert_int_equal(idmap_put(map, key[i], i + 100), 0);
	for (uint32_t i = 0; i < 24; i++)
		assert_int_equal(idmap_get(map, key[i]), i < 16 ? i + 100 : i);
	idmap_destroy(map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys_differ),
		cmocka_unit_test(test_put_replace_delete),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_oracle),
		cmocka_unit_test(test_overflowing_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
