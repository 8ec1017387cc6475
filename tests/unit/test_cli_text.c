/* SPDX-License-Identifier: BSD-3-Clause */
/* What people type and read: options, fields, tables, units, refusals. No gateway is needed. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/cli/cli_args.h"
#include "control/cli/cli_fields.h"
#include "control/cli/cli_refusal.h"
#include "control/cli/cli_route.h"
#include "control/cli/cli_table.h"
#include "control/cli/cli_units.h"

/* Tables */

static char *printed;
static size_t printed_size;

static FILE *paper(void)
{
	FILE *file = open_memstream(&printed, &printed_size);

	assert_non_null(file);
	return file;
}

static int tear_down(void **state)
{
	(void)state;
	free(printed);
	printed = NULL;
	return 0;
}

static void columns_line_up(void **state)
{
	struct cli_table *table = cli_table_create("NAME|>COUNT|STATE");
	FILE *file = paper();

	(void)state;
	cli_table_cell(table, "%s", "a");
	cli_table_cell(table, "%d", 1234567);
	cli_table_cell(table, "up");
	cli_table_cell(table, "%s", "longer");
	cli_table_cell(table, "%d", 1);
	cli_table_print(table, file, NULL);
	fclose(file);
	assert_string_equal(printed, "NAME      COUNT  STATE\n"
				     "a       1234567  up\n"
				     "longer        1  \n");
}

static void width_is_that_of_a_terminal(void **state)
{
	struct cli_table *table;
	FILE *file;

	(void)state;
	if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
		skip();
	table = cli_table_create("NAME|>N");
	file = paper();
	cli_table_cell(table, "%s", "Zürich");
	cli_table_cell(table, "1");
	cli_table_cell(table, "%s", "東京");
	cli_table_cell(table, "2");
	cli_table_print(table, file, NULL);
	fclose(file);
	assert_string_equal(printed, "NAME    N\nZürich  1\n東京    2\n");
}

static void an_empty_table_says_so(void **state)
{
	FILE *file = paper();

	(void)state;
	cli_table_print(cli_table_create("A|B"), file, "no paths");
	fclose(file);
	assert_string_equal(printed, "no paths\n");
}

/* Units */

static void numbers_have_units(void **state)
{
	char text[CLI_UNITS_MAX];

	(void)state;
	assert_string_equal(cli_units_count(0, text), "0");
	assert_string_equal(cli_units_count(999, text), "999");
	assert_string_equal(cli_units_count(1000, text), "1,000");
	assert_string_equal(cli_units_count(UINT64_MAX, text), "18,446,744,073,709,551,615");
	assert_string_equal(cli_units_rate(0, text), "0");
	assert_string_equal(cli_units_rate(0.42, text), "0.4");
	assert_string_equal(cli_units_rate(12345.6, text), "12,346");
	assert_string_equal(cli_units_mbps(0, text), "0");
	assert_string_equal(cli_units_mbps(1000, text), "0.008");
	assert_string_equal(cli_units_mbps(117650000, text), "941.2");
	assert_string_equal(cli_units_percent(1, 0, text), "0");
	assert_string_equal(cli_units_percent(1, 8, text), "12.5");
	assert_string_equal(cli_units_time(950, text), "950 ns");
	assert_string_equal(cli_units_time(1500000, text), "1.5 ms");
	assert_string_equal(cli_units_time(UINT64_C(12000000000), text), "12 s");
	assert_string_equal(cli_units_time(UINT64_C(3700) * 1000000000, text), "61 min 40 s");
	assert_string_equal(cli_units_time(UINT64_C(273600) * 1000000000, text), "3 d 4 h");
}

/* Options */

static int nothing(struct cli *cli)
{
	(void)cli;
	return CLI_OK;
}

static const struct cli_option options[] = {
	{"mtu", "BYTES", ""}, {"wait", NULL, ""}, {"watch", "[SECONDS]", ""}, {NULL, NULL, NULL}};
static const struct cli_command commands[] = {{"show", "", "", NULL, options, nothing},
	{"show ports", "", "", NULL, options, nothing},
	{"path add", "", "", NULL, options, nothing}, {NULL, NULL, NULL, NULL, NULL, NULL}};
static const struct cli_command *const tables[] = {commands, NULL};

static struct cli cli;
static bool help;

/* Words up to NULL behind the program's name. */
static int parse(char **word)
{
	int argc = 0;

	while (word[argc] != NULL)
		argc++;
	cli = (struct cli){0};
	return cli_args_parse(&cli, tables, argc, word, &help);
}

#define WORDS(...) ((char *[]){(char[]){"trunkline"}, __VA_ARGS__, NULL})
#define W(word)	   ((char[]){word})

static void the_longest_name_is_the_command(void **state)
{
	(void)state;
	assert_int_equal(parse(WORDS(W("show"))), CLI_OK);
	assert_string_equal(cli.command->name, "show");
	assert_int_equal(parse(WORDS(W("show"), W("ports"))), CLI_OK);
	assert_string_equal(cli.command->name, "show ports");
	assert_int_equal(cli.argc, 0);
	assert_int_equal(parse(WORDS(W("show"), W("me"))), CLI_OK);
	assert_string_equal(cli.command->name, "show");
	assert_int_equal(cli.argc, 1);
}

static void options_may_stand_anywhere(void **state)
{
	(void)state;
	assert_int_equal(parse(WORDS(W("--socket"), W("/d"), W("path"), W("add"), W("--mtu=1400"),
				 W("b1"), W("--wait"), W("--json"))),
		CLI_OK);
	assert_string_equal(cli.command->name, "path add");
	assert_string_equal(cli.run_dir, "/d");
	assert_string_equal(cli_args_value(&cli, "mtu"), "1400");
	assert_true(cli_args_flag(&cli, "wait"));
	assert_true(cli.json);
	assert_int_equal(cli.argc, 1);
	assert_string_equal(cli.argv[0], "b1");
}

static void a_value_may_be_optional(void **state)
{
	double seconds;

	(void)state;
	assert_int_equal(parse(WORDS(W("show"), W("--watch"), W("0.5"))), CLI_OK);
	assert_true(cli_args_number(&cli, "watch", 0.1, 1, &seconds));
	assert_true(seconds > 0.49 && seconds < 0.51);
	assert_int_equal(parse(WORDS(W("show"), W("--watch"), W("--wait"))), CLI_OK);
	assert_null(cli_args_value(&cli, "watch"));
	assert_true(cli_args_flag(&cli, "watch"));
	assert_true(cli_args_flag(&cli, "wait"));
}

static void mistakes_are_usage(void **state)
{
	double number;

	(void)state;
	assert_int_equal(parse(WORDS(W("fly"))), CLI_USAGE);
	assert_int_equal(parse(WORDS(W("path"))), CLI_USAGE);
	assert_int_equal(parse(WORDS(W("path"), W("paint"))), CLI_USAGE);
	assert_int_equal(parse(WORDS(W("show"), W("--colour"))), CLI_USAGE);
	assert_int_equal(parse(WORDS(W("show"), W("--mtu"))), CLI_USAGE);
	assert_int_equal(parse(WORDS(W("show"), W("--wait=1"))), CLI_USAGE);
	assert_int_equal(parse(WORDS(W("show"), W("--mtu"), W("much"))), CLI_OK);
	assert_false(cli_args_number(&cli, "mtu", 0, 1, &number));
	assert_int_equal(parse(WORDS(W("path"), W("--help"))), CLI_OK);
	assert_true(help);
	assert_null(cli.command);
}

/* Fields */

static void assert_value(enum cli_fields_form form, const char *text, const char *json)
{
	json_t *value = cli_fields_value(form, text);
	char *dumped = value != NULL ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

	if (json == NULL)
		assert_null(dumped);
	else
		assert_string_equal(dumped, json);
	free(dumped);
	json_decref(value);
}

static void fields_are_read_as_people_write_them(void **state)
{
	(void)state;
	assert_value(CLI_FIELDS_NUMBER, "1500", "1500");
	assert_value(CLI_FIELDS_NUMBER, "15x", NULL);
	assert_value(CLI_FIELDS_EITHER, "auto", "\"auto\"");
	assert_value(CLI_FIELDS_LIST, "a,b", "[\"a\",\"b\"]");
	assert_value(CLI_FIELDS_TAGS, "1101", "[{\"type\":\"0x8100\",\"vlan\":1101}]");
	assert_value(CLI_FIELDS_TAGS, "200.1101",
		"[{\"type\":\"0x88a8\",\"vlan\":200},{\"type\":\"0x8100\",\"vlan\":1101}]");
	assert_value(CLI_FIELDS_TAGS, "0x8100:200.1101",
		"[{\"type\":\"0x8100\",\"vlan\":200},{\"type\":\"0x8100\",\"vlan\":1101}]");
	assert_value(CLI_FIELDS_TAGS, "none", "[]");
	assert_value(CLI_FIELDS_TAGS, "12.", NULL);
	assert_value(CLI_FIELDS_TAGS, "x", NULL);
	assert_value(CLI_FIELDS_DSCP, "uniform", "{\"mode\":\"uniform\"}");
	assert_value(CLI_FIELDS_DSCP, "46", "{\"mode\":\"pipe\",\"value\":46}");
	assert_value(CLI_FIELDS_ENDPOINTS, "gw-b,vni=7,peer=10.0.0.1,peer=10.0.0.2,payload=ip",
		"[{\"site\":\"gw-b\",\"vni\":7,\"peer_addresses\":[\"10.0.0.1\",\"10.0.0.2\"],"
		"\"payload\":\"ip\"}]");
	assert_value(CLI_FIELDS_ENDPOINTS, "gw-b,colour=red", NULL);
	assert_value(CLI_FIELDS_ENDPOINTS, "", NULL);
}

/* Routes */

static void assert_via(const char *words, const char *json)
{
	char copy[256], *rest = copy, *word[16], *dumped, *back;
	const char *wrong;
	int count = 0;
	json_t *via;

	strcpy(copy, words);
	while (count < 16 && *copy != '\0' && (word[count] = strsep(&rest, " ")) != NULL)
		count++;
	via = cli_route_via(word, count, &wrong);
	if (json == NULL) {
		assert_null(via);
		return;
	}
	dumped = json_dumps(via, JSON_COMPACT);
	assert_string_equal(dumped, json);
	back = cli_route_words(via);
	assert_string_equal(back, words);
	free(back);
	free(dumped);
	json_decref(via);
}

static void routes_are_read_and_written_in_words(void **state)
{
	(void)state;
	assert_via("via site gw-b", "{\"site\":\"gw-b\"}");
	assert_via("blackhole", "{\"blackhole\":true}");
	assert_via("local", "{\"local\":true}");
	assert_via("via a 10.0.0.1 weight 3 via b fe80::1",
		"{\"next_hops\":[{\"attachment\":\"a\",\"address\":\"10.0.0.1\",\"weight\":3},"
		"{\"attachment\":\"b\",\"address\":\"fe80::1\"}]}");
	assert_via("", NULL);
	assert_via("via site", NULL);
	assert_via("via site gw-b more", NULL);
	assert_via("to gw-b", NULL);
	assert_via("via a 10.0.0.1 weight x", NULL);
	assert_via("blackhole please", NULL);
}

/* Refusals */

static void a_refusal_shows_place_value_and_hint(void **state)
{
	json_t *params =
		json_loads("{\"document\":{\"routes\":[{\"a/b~\":\"10.2.0.1/16\"}]}}", 0, NULL);
	json_t *error = json_loads("{\"code\":-32003,\"message\":\"too many\",\"data\":{\"field\":"
				   "\"/document/routes/0/a~1b~0\"}}",
		0, NULL);
	FILE *file = paper();

	(void)state;
	cli_refusal_write(file, error, params);
	fclose(file);
	assert_string_equal(printed,
		"trunkline: refused: too many\n"
		"  at /document/routes/0/a~1b~0 = \"10.2.0.1/16\"\n"
		"Raise the limit in gateway.json and restart the gateway, or remove something.\n");
	json_decref(params);
	json_decref(error);
}

static void pointers_to_nothing_find_nothing(void **state)
{
	json_t *params = json_loads("{\"a\":[1]}", 0, NULL);

	(void)state;
	assert_ptr_equal(cli_refusal_at(params, ""), params);
	assert_non_null(cli_refusal_at(params, "/a/0"));
	assert_null(cli_refusal_at(params, "/a/1"));
	assert_null(cli_refusal_at(params, "/a/x"));
	assert_null(cli_refusal_at(params, "/b/c"));
	json_decref(params);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(columns_line_up, tear_down),
		cmocka_unit_test_teardown(width_is_that_of_a_terminal, tear_down),
		cmocka_unit_test_teardown(an_empty_table_says_so, tear_down),
		cmocka_unit_test(numbers_have_units),
		cmocka_unit_test(the_longest_name_is_the_command),
		cmocka_unit_test(options_may_stand_anywhere),
		cmocka_unit_test(a_value_may_be_optional),
		cmocka_unit_test(mistakes_are_usage),
		cmocka_unit_test(fields_are_read_as_people_write_them),
		cmocka_unit_test(routes_are_read_and_written_in_words),
		cmocka_unit_test_teardown(a_refusal_shows_place_value_and_hint, tear_down),
		cmocka_unit_test(pointers_to_nothing_find_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
