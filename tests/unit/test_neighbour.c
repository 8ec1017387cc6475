/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dataplane/fwd/liveness.h"
#include "dataplane/fwd/neighbour.h"

static void test_word(void **state)
{
	static const uint8_t mac[6] = {0x02, 0x11, 0x22, 0x33, 0x44, 0xff};
	uint64_t word = neighbour_word(mac, NEIGHBOUR_STALE, 0x81);

	(void)state;
	assert_memory_equal(&word, mac, 6);
	assert_int_equal(neighbour_state(word), NEIGHBOUR_STALE);
	assert_int_equal(word >> 56, 0x81);
}

static void test_usable(void **state)
{
	static const bool usable[] = {
		[NEIGHBOUR_FREE] = false,
		[NEIGHBOUR_INCOMPLETE] = false,
		[NEIGHBOUR_REACHABLE] = true,
		[NEIGHBOUR_STALE] = true,
		[NEIGHBOUR_PERMANENT] = true,
		[NEIGHBOUR_FAILED] = false,
	};
	static const uint8_t mac[6];

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(usable); i++)
		assert_int_equal(neighbour_usable(neighbour_word(mac, i, 0)), usable[i]);
}

static void test_set_steps_version(void **state)
{
	static const uint8_t mac[6] = {1, 2, 3, 4, 5, 6};
	struct neighbour_table table;

	(void)state;
	assert_int_equal(neighbour_table_init(&table, 4), 0);
	assert_int_equal(neighbour_load(&table.entry[3]), 0);
	for (unsigned i = 1; i < 300; i++) {
		neighbour_set(&table.entry[3], mac, NEIGHBOUR_REACHABLE);
		assert_int_equal(neighbour_load(&table.entry[3]),
			neighbour_word(mac, NEIGHBOUR_REACHABLE, i & 0xff));
	}
	neighbour_table_fini(&table);
	assert_null(table.entry);
}

static void test_liveness(void **state)
{
	struct liveness site;

	(void)state;
	for (unsigned i = 0; i < LIVENESS_WORDS; i++)
		atomic_init(&site.word[i], UINT64_MAX);
	assert_int_equal(liveness_mask(&site), UINT64_MAX);
	liveness_set(&site, LIVENESS_PORT, 63, false);
	liveness_set(&site, LIVENESS_ADMIN, 0, false);
	assert_int_equal(liveness_mask(&site), UINT64_MAX >> 1 & ~UINT64_C(1));
	liveness_set(&site, LIVENESS_PORT, 63, true);
	liveness_set(&site, LIVENESS_ADMIN, 0, true);
	assert_int_equal(liveness_mask(&site), UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_word),
		cmocka_unit_test(test_usable),
		cmocka_unit_test(test_set_steps_version),
		cmocka_unit_test(test_liveness),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
