/* SPDX-License-Identifier: BSD-3-Clause */
/* Text that grows, and JSON written into it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "control/emit.h"

static void nothing_is_empty_text(void **state)
{
	struct text text = {0};
	size_t length = 7;
	char *taken = text_take(&text, &length);

	(void)state;
	assert_non_null(taken);
	assert_string_equal(taken, "");
	assert_int_equal(length, 0);
	free(taken);
}

static void text_grows_past_its_first_room(void **state)
{
	struct text text = {0};
	size_t length;
	char *taken;

	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		text_format(&text, "%03u,", i);
	taken = text_take(&text, &length);
	assert_int_equal(length, 4000);
	assert_memory_equal(taken + 3996, "999,", 5);
	free(taken);
}

static void numbers_have_all_their_digits(void **state)
{
	struct text text = {0};

	(void)state;
	text_u64(&text, 0);
	text_add(&text, " ", 1);
	text_u64(&text, UINT64_MAX);
	assert_string_equal(text.data, "0 18446744073709551615");
	text_free(&text);
}

static void labels_are_escaped(void **state)
{
	struct text text = {0};

	(void)state;
	text_label(&text, "a\"b\\c\nd");
	assert_string_equal(text.data, "a\\\"b\\\\c\\nd");
	text_free(&text);
}

static void what_failed_is_not_handed_out(void **state)
{
	struct text text = {0};

	(void)state;
	text_put(&text, "half");
	text.failed = true;
	text_put(&text, "lost");
	assert_null(text_take(&text, NULL));
	assert_null(text.data);
}

static void nested_values_parse_back(void **state)
{
	struct text text = {0};
	struct emit emit;
	json_t *value;

	(void)state;
	emit_init(&emit, &text);
	emit_object(&emit, NULL);
	emit_string(&emit, "name", "q\"\\\x01\x7f\xc3\xa9");
	emit_array(&emit, "list");
	for (unsigned i = 0; i < 3; i++) {
		emit_object(&emit, NULL);
		emit_u64(&emit, "n", i);
		emit_end(&emit);
	}
	emit_u64(&emit, NULL, 9);
	emit_end(&emit);
	emit_array(&emit, "empty");
	emit_end(&emit);
	emit_bool(&emit, "yes", true);
	emit_end(&emit);

	value = json_loads(text.data, 0, NULL);
	assert_non_null(value);
	assert_string_equal(
		json_string_value(json_object_get(value, "name")), "q\"\\\x01\x7f\xc3\xa9");
	assert_int_equal(json_array_size(json_object_get(value, "list")), 4);
	assert_int_equal(json_array_size(json_object_get(value, "empty")), 0);
	assert_true(json_is_true(json_object_get(value, "yes")));
	json_decref(value);
	text_free(&text);
}

static void too_deep_is_a_failure_not_an_overrun(void **state)
{
	struct text text = {0};
	struct emit emit;

	(void)state;
	emit_init(&emit, &text);
	for (unsigned i = 0; i < 40; i++)
		emit_array(&emit, NULL);
	assert_true(text.failed);
	text_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_empty_text),
		cmocka_unit_test(text_grows_past_its_first_room),
		cmocka_unit_test(numbers_have_all_their_digits),
		cmocka_unit_test(labels_are_escaped),
		cmocka_unit_test(what_failed_is_not_handed_out),
		cmocka_unit_test(nested_values_parse_back),
		cmocka_unit_test(too_deep_is_a_failure_not_an_overrun),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
