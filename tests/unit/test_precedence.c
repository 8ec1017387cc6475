/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "control/precedence.h"
#include "tests/unit/failing.h"

#define CONNECTION 3

static struct lpm *lpm;
static struct precedence *p;

static int setup(void **state)
{
	const struct lpm_config config = {.tables = 8, .routes = 2000};

	(void)state;
	lpm = lpm_create(&config);
	p = precedence_create(lpm);
	return lpm == NULL || p == NULL;
}

static int teardown(void **state)
{
	(void)state;
	precedence_destroy(p);
	lpm_destroy(lpm);
	return 0;
}

static struct ip_prefix prefix(const char *text)
{
	struct ip_prefix out;

	assert_int_equal(ip_prefix_parse(text, &out), 0);
	return out;
}

static void test_order(void **state)
{
	struct ip_prefix a = prefix("10.0.0.1/32");

	(void)state;
	assert_int_equal(precedence_put(p, CONNECTION, &a, PRECEDENCE_CONFIGURED, 4), 0);
	assert_int_equal(lpm_get(lpm, CONNECTION, &a), 4);
	assert_int_equal(precedence_put(p, CONNECTION, &a, PRECEDENCE_CONNECTED, 3), 0);
	assert_int_equal(lpm_get(lpm, CONNECTION, &a), 3);
	assert_int_equal(precedence_put(p, CONNECTION, &a, PRECEDENCE_LOCAL, 1), 0);
	assert_int_equal(precedence_put(p, CONNECTION, &a, PRECEDENCE_NEIGHBOUR, 2), 0);
	assert_int_equal(lpm_get(lpm, CONNECTION, &a), 1);
	assert_int_equal(precedence_put(p, CONNECTION, &a, PRECEDENCE_CONFIGURED, 5), 0);
	assert_int_equal(lpm_get(lpm, CONNECTION, &a), 1);
	precedence_drop(p, CONNECTION, &a, PRECEDENCE_LOCAL, 1);
	assert_int_equal(lpm_get(lpm, CONNECTION, &a), 2);
	precedence_drop(p, CONNECTION, &a, PRECEDENCE_NEIGHBOUR, 2);
	assert_int_equal(lpm_get(lpm, CONNECTION, &a), 3);
	precedence_drop(p, CONNECTION, &a, PRECEDENCE_CONNECTED, 3);
	assert_int_equal(lpm_get(lpm, CONNECTION, &a), 5);
	precedence_drop(p, CONNECTION, &a, PRECEDENCE_CONFIGURED, 0);
	assert_int_equal(lpm_get(lpm, CONNECTION, &a), 0);
}

static void test_drop_of_another(void **state)
{
	struct ip_prefix a = prefix("2001:db8::/64");

	(void)state;
	assert_int_equal(precedence_put(p, CONNECTION, &a, PRECEDENCE_CONNECTED, 7), 0);
	precedence_drop(p, CONNECTION, &a, PRECEDENCE_CONNECTED, 8);
	assert_int_equal(lpm_get(lpm, CONNECTION, &a), 7);
	precedence_drop(p, CONNECTION, &a, PRECEDENCE_LOCAL, 0);
	assert_int_equal(lpm_get(lpm, CONNECTION, &a), 7);
	precedence_drop(p, CONNECTION, &a, PRECEDENCE_CONNECTED, 0);
	assert_int_equal(lpm_get(lpm, CONNECTION, &a), 0);
}

/* A connected prefix and a configured route that lead to the same place are still two claims. */
static void test_same_value_twice(void **state)
{
	struct ip_prefix a = prefix("10.9.9.0/30");

	(void)state;
	assert_int_equal(precedence_put(p, CONNECTION, &a, PRECEDENCE_CONNECTED, 9), 0);
	assert_int_equal(precedence_put(p, CONNECTION, &a, PRECEDENCE_CONFIGURED, 9), 0);
	assert_int_equal(precedence_put(p, CONNECTION, &a, PRECEDENCE_LOCAL, 1), 0);
	precedence_drop(p, CONNECTION, &a, PRECEDENCE_LOCAL, 1);
	precedence_drop(p, CONNECTION, &a, PRECEDENCE_CONFIGURED, 0);
	assert_int_equal(lpm_get(lpm, CONNECTION, &a), 9);
	precedence_drop(p, CONNECTION, &a, PRECEDENCE_CONNECTED, 9);
	assert_int_equal(lpm_get(lpm, CONNECTION, &a), 0);
}

#define PREFIXES 300

/* Against an array of claims. */
static void test_oracle(void **state)
{
	static uint32_t want[PREFIXES][PRECEDENCE_RANKS];
	unsigned seed = (unsigned)time(NULL);

	(void)state;
	print_message("seed %u\n", seed);
	srand(seed);
	for (unsigned step = 0; step < 100000; step++) {
		unsigned k = (unsigned)rand() % PREFIXES;
		unsigned rank = (unsigned)rand() % PRECEDENCE_RANKS;
		uint32_t value = (uint32_t)rand() % 100 + 1, expected = 0;
		struct ip_prefix a = {.ip = {.family = k % 2 ? IP_4 : IP_6}, .length = 24};

		a.ip.bytes[0] = 10;
		a.ip.bytes[1] = (uint8_t)(k >> 8);
		a.ip.bytes[2] = (uint8_t)k;
		if (rand() % 2 == 0) {
			assert_int_equal(precedence_put(p, CONNECTION, &a, rank, value), 0);
			want[k][rank] = value;
		} else {
			precedence_drop(p, CONNECTION, &a, rank, 0);
			want[k][rank] = 0;
		}
		for (unsigned r = PRECEDENCE_RANKS; r-- > 0;)
			expected = want[k][r] != 0 ? want[k][r] : expected;
		assert_int_equal(lpm_get(lpm, CONNECTION, &a), expected);
		for (unsigned r = 0; r < PRECEDENCE_RANKS; r++)
			assert_int_equal(precedence_get(p, CONNECTION, &a, r), want[k][r]);
	}
}

static void test_reserve_limit(void **state)
{
	struct precedence_need need = {.prefixes = {1500, 0}, .claims = 10};
	struct precedence_need more = {.prefixes = {0, 501}};
	struct ip_prefix a = prefix("10.0.0.0/8");

	(void)state;
	assert_int_equal(precedence_reserve(p, &need), 0);
	assert_int_equal(precedence_reserve(p, &more), -ENOSPC);
	more.prefixes[1] = 500;
	assert_int_equal(precedence_reserve(p, &more), 0);
	/* All is set aside for others. */
	assert_int_equal(precedence_put_spare(p, CONNECTION, &a, PRECEDENCE_NEIGHBOUR, 1), -ENOSPC);
	precedence_unreserve(p, &more);
	assert_int_equal(precedence_put_spare(p, CONNECTION, &a, PRECEDENCE_NEIGHBOUR, 1), 0);
	precedence_unreserve(p, &need);
}

/* What was reserved is put without memory; what could not be reserved has changed nothing. */
static void test_allocations_fail(void **state)
{
	struct precedence_need need = {.prefixes = {20, 0}, .claims = 20};
	int error;

	(void)state;
	for (unsigned i = 1;; i++) {
		failing_begin(i);
		error = precedence_reserve(p, &need);
		failing_end();
		if (error == 0)
			break;
		assert_int_equal(error, -ENOMEM);
		assert_true(i < 1000);
	}
	failing_begin(1);
	for (unsigned k = 0; k < 20; k++) {
		struct ip_prefix a = {
			.ip = {.family = IP_4, .bytes = {10, (uint8_t)k}}, .length = 16};

		assert_int_equal(precedence_put(p, CONNECTION, &a, PRECEDENCE_LOCAL, k + 1), 0);
		assert_int_equal(lpm_get(lpm, CONNECTION, &a), k + 1);
	}
	failing_end();
	precedence_unreserve(p, &need);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_drop_of_another, setup, teardown),
		cmocka_unit_test_setup_teardown(test_same_value_twice, setup, teardown),
		cmocka_unit_test_setup_teardown(test_oracle, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reserve_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_allocations_fail, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
