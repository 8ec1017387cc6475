/* SPDX-License-Identifier: BSD-3-Clause */
/* Members written whole, and as differences. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "control/tally.h"

#define CELLS 4

struct values {
	uint64_t sum, some;
	bool flag;
	uint64_t level;
};

static struct text text;
static uint64_t row[CELLS];

static bool write(const struct values *v, bool remembers, bool first, bool nonzero)
{
	struct emit emit;
	struct tally t;

	text_free(&text);
	emit_init(&emit, &text);
	emit_array(&emit, NULL);
	tally_init(&t, &emit, remembers ? row : NULL, CELLS, first, nonzero);
	tally_begin(&t, NULL);
	tally_identity(&t, "name", "a");
	tally_count(&t, "sum", v->sum);
	tally_group(&t, "in");
	tally_some(&t, "some", v->some);
	tally_group_end(&t);
	tally_flag(&t, "flag", v->flag);
	tally_level(&t, "level", v->level);
	first = tally_end(&t);
	emit_end(&emit);
	return first;
}

static int tear_down(void **state)
{
	(void)state;
	text_free(&text);
	memset(row, 0, sizeof(row));
	return 0;
}

static void whole_values_show_zeros_but_no_empty_groups(void **state)
{
	(void)state;
	assert_true(write(&(struct values){.level = 2}, false, false, false));
	assert_string_equal(text.data, "[{\"name\":\"a\",\"sum\":0,\"flag\":false,\"level\":2}]");
	assert_true(write(&(struct values){.some = 3}, false, false, false));
	assert_string_equal(text.data,
		"[{\"name\":\"a\",\"sum\":0,\"in\":{\"some\":3},\"flag\":false,"
		"\"level\":0}]");
}

static void nonzero_takes_back_what_counted_nothing(void **state)
{
	(void)state;
	assert_false(write(&(struct values){.flag = true}, false, false, true));
	assert_string_equal(text.data, "[]");
	assert_true(write(&(struct values){.some = 1}, false, false, true));
	assert_string_equal(text.data, "[{\"name\":\"a\",\"in\":{\"some\":1},\"flag\":false,"
				       "\"level\":0}]");
}

static void the_first_time_is_whole_then_differences_follow(void **state)
{
	struct values v = {.sum = 10, .some = 5, .flag = true, .level = 7};

	(void)state;
	assert_true(write(&v, true, true, false));
	assert_string_equal(text.data, "[{\"name\":\"a\",\"sum\":10,\"in\":{\"some\":5},"
				       "\"flag\":true,\"level\":7}]");
	assert_false(write(&v, true, false, false));
	assert_string_equal(text.data, "[]");
	v.some = 8;
	assert_true(write(&v, true, false, false));
	assert_string_equal(text.data, "[{\"name\":\"a\",\"in\":{\"some\":3}}]");
	v.flag = false;
	assert_true(write(&v, true, false, false));
	assert_string_equal(text.data, "[{\"name\":\"a\",\"flag\":false}]");
}

static void a_sum_that_fell_began_anew(void **state)
{
	struct values v = {.sum = 10};

	(void)state;
	write(&v, true, true, false);
	v.sum = 4;
	assert_true(write(&v, true, false, false));
	assert_string_equal(text.data, "[{\"name\":\"a\",\"sum\":4}]");
}

static void too_few_cells_are_a_failure_not_an_overrun(void **state)
{
	struct emit emit;
	struct tally t;
	uint64_t one[2] = {0, 99};

	(void)state;
	emit_init(&emit, &text);
	tally_init(&t, &emit, one, 1, false, false);
	tally_begin(&t, NULL);
	tally_count(&t, "a", 1);
	tally_count(&t, "b", 1);
	assert_true(text.failed);
	assert_int_equal(one[1], 99);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(whole_values_show_zeros_but_no_empty_groups),
		TEST(nonzero_takes_back_what_counted_nothing),
		TEST(the_first_time_is_whole_then_differences_follow),
		TEST(a_sum_that_fell_began_anew),
		TEST(too_few_cells_are_a_failure_not_an_overrun),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
