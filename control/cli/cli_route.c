/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/cli/cli_route.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/cli/cli_apply.h"
#include "control/cli/cli_args.h"
#include "control/cli/cli_client.h"
#include "control/cli/cli_json.h"
#include "control/cli/cli_object.h"
#include "control/cli/cli_table.h"
#include "control/cli/cli_units.h"

static bool is(const char *word, const char *wanted)
{
	return strcmp(word, wanted) == 0;
}

/* One "ATTACHMENT ADDRESS [weight N]" at *at. */
static json_t *hop(char *const *word, int count, int *at, const char **wrong)
{
	json_t *value;
	char *end;

	*wrong = NULL;
	if (*at + 2 > count)
		return NULL;
	value = json_pack("{s:s, s:s}", "attachment", word[*at], "address", word[*at + 1]);
	*at += 2;
	if (*at + 1 < count && is(word[*at], "weight")) {
		long weight = strtol(word[*at + 1], &end, 10);

		*wrong = word[*at + 1];
		if (*end != '\0') {
			json_decref(value);
			return NULL;
		}
		json_object_set_new(value, "weight", json_integer(weight));
		*at += 2;
	}
	return value;
}

static json_t *hops(char *const *word, int count, const char **wrong)
{
	json_t *list = json_array(), *value;
	int at = 0;

	while (at < count) {
		*wrong = word[at];
		if (!is(word[at], "via"))
			goto malformed;
		at++;
		value = hop(word, count, &at, wrong);
		if (value == NULL)
			goto malformed;
		json_array_append_new(list, value);
	}
	return json_pack("{s:o}", "next_hops", list);

malformed:
	json_decref(list);
	return NULL;
}

json_t *cli_route_via(char *const *word, int count, const char **wrong)
{
	*wrong = NULL;
	if (count == 0)
		return NULL;
	if (count == 1 && (is(word[0], "blackhole") || is(word[0], "local")))
		return json_pack("{s:b}", word[0], 1);
	if (count >= 2 && is(word[0], "via") && is(word[1], "site")) {
		*wrong = count > 3 ? word[3] : NULL;
		return count == 3 ? json_pack("{s:s}", "site", word[2]) : NULL;
	}
	return hops(word, count, wrong);
}

char *cli_route_words(json_t *via)
{
	char *text = NULL;
	size_t size, i;
	FILE *file = open_memstream(&text, &size);
	json_t *one;

	if (file == NULL)
		return NULL;
	if (json_object_get(via, "site") != NULL)
		fprintf(file, "via site %s", cli_json_text(via, "site"));
	else if (json_object_get(via, "blackhole") != NULL)
		fputs("blackhole", file);
	else if (json_object_get(via, "local") != NULL)
		fputs("local", file);
	json_array_foreach(json_object_get(via, "next_hops"), i, one)
	{
		unsigned long long weight = cli_json_u64(one, "weight");

		fprintf(file, "%svia %s %s", i != 0 ? " " : "", cli_json_text(one, "attachment"),
			cli_json_text(one, "address"));
		if (weight > 1)
			fprintf(file, " weight %llu", weight);
	}
	fclose(file);
	return text;
}

static bool is_prefix(const char *word)
{
	return strchr(word, '/') != NULL;
}

static json_t *prefixes(const struct cli *cli, int *at)
{
	json_t *list = json_array();

	for (; *at < cli->argc && is_prefix(cli->argv[*at]); ++*at)
		json_array_append_new(list, json_string(cli->argv[*at]));
	return list;
}

static int add(struct cli *cli)
{
	int at = 1, rc = cli_args_count(cli, 3, -1);
	json_t *list, *via, *route;
	const char *wrong;
	double preference;

	if (rc != CLI_OK || !cli_args_number(cli, "preference", 0, -1, &preference))
		return CLI_USAGE;
	list = prefixes(cli, &at);
	via = cli_route_via(cli->argv + at, cli->argc - at, &wrong);
	if (json_array_size(list) == 0 || via == NULL) {
		rc = json_array_size(list) == 0
			     ? cli_args_wrong(cli, "\"%s\" is no prefix", cli->argv[1])
		     : wrong != NULL
			     ? cli_args_wrong(cli, "\"%s\" does not fit behind the prefix", wrong)
			     : cli_args_wrong(cli, "where shall the route lead?");
		json_decref(list);
		json_decref(via);
		return rc;
	}
	route = json_pack(
		"{s:s, s:o, s:o}", "connection", cli->argv[0], "prefixes", list, "via", via);
	if (preference >= 0)
		json_object_set_new(route, "preference", json_integer((json_int_t)preference));
	return cli_apply_change(
		cli, "route.put", json_pack("{s:o}", "route", route), CLI_OBJECT_OWNER);
}

static int delete (struct cli *cli)
{
	int at = 1, rc = cli_args_count(cli, 2, -1);
	json_t *list;

	if (rc != CLI_OK)
		return rc;
	list = prefixes(cli, &at);
	if (at < cli->argc) {
		json_decref(list);
		return cli_args_wrong(cli, "\"%s\" is no prefix", cli->argv[at]);
	}
	return cli_apply_change(cli, "route.delete",
		json_pack("{s:{s:s, s:o}}", "route", "connection", cli->argv[0], "prefixes", list),
		CLI_OBJECT_OWNER);
}

/* All pages of a list, as one array. */
static int fetch_all(
	struct cli *cli, const char *method, const char *member, json_t *params, json_t **all)
{
	json_t *result = NULL, *cursor = NULL, *list;
	int rc;

	*all = json_array();
	do {
		json_t *asked = json_copy(params);

		if (cursor != NULL)
			json_object_set(asked, "cursor", cursor);
		json_decref(result);
		rc = cli_client_call(cli, CLI_CLIENT_CONTROL, method, asked, &result);
		if (rc != CLI_OK)
			break;
		list = json_object_get(result, member);
		json_array_extend(*all, list);
		cursor = json_object_get(result, "next");
	} while (cursor != NULL && !json_is_null(cursor) && json_array_size(list) != 0);
	json_decref(result);
	json_decref(params);
	if (rc != CLI_OK)
		json_decref(*all);
	return rc;
}

static void print_routes(json_t *routes)
{
	struct cli_table *t = cli_table_create("CONNECTION|PREFIX|LEADS|>PREFERENCE|OWNER");
	json_t *route;
	size_t i;

	json_array_foreach(routes, i, route)
	{
		char *words = cli_route_words(json_object_get(route, "via"));

		cli_table_cell(t, "%s", cli_json_text(route, "connection"));
		cli_table_cell(t, "%s", cli_json_text(route, "prefix"));
		cli_table_cell(t, "%s", words != NULL ? words : "");
		cli_table_cell(t, "%llu", (unsigned long long)cli_json_u64(route, "preference"));
		cli_table_cell(t, "%s", cli_json_text(route, "owner"));
		free(words);
	}
	cli_table_print(t, stdout, "no routes");
}

/* Adds the routes of one connection to all. */
static int connection_routes(struct cli *cli, const char *connection, json_t *all)
{
	json_t *routes;
	int rc = fetch_all(
		cli, "route.list", "routes", json_pack("{s:s}", "connection", connection), &routes);

	if (rc != CLI_OK)
		return rc;
	json_array_extend(all, routes);
	json_decref(routes);
	return CLI_OK;
}

static int every_connection(struct cli *cli, json_t *all)
{
	json_t *connections, *connection;
	size_t i;
	int rc = fetch_all(cli, "connection.list", "connections", json_object(), &connections);

	if (rc != CLI_OK)
		return rc;
	json_array_foreach(connections, i, connection) if (rc == CLI_OK) rc =
		connection_routes(cli, cli_json_text(connection, "name"), all);
	json_decref(connections);
	return rc;
}

static int routes(struct cli *cli)
{
	json_t *all = json_array();
	int rc = cli_args_count(cli, 0, 1);

	if (rc == CLI_OK && cli->argc == 1)
		rc = connection_routes(cli, cli->argv[0], all);
	else if (rc == CLI_OK)
		rc = every_connection(cli, all);
	if (rc == CLI_OK && cli->json)
		cli_json_print(all);
	else if (rc == CLI_OK)
		print_routes(all);
	json_decref(all);
	return rc;
}

static void print_sites(json_t *sites, json_t *paths)
{
	struct cli_table *t = cli_table_create("SITE|OWNER|>PATHS|PATH NAMES");
	json_t *site, *path;
	size_t i, k;

	json_array_foreach(sites, i, site)
	{
		const char *name = cli_json_text(site, "name");
		json_t *names = json_pack("{s:[]}", "n");
		char *joined;

		json_array_foreach(paths, k, path) if (is(cli_json_text(path, "site"), name))
			json_array_append(
				json_object_get(names, "n"), json_object_get(path, "name"));
		joined = cli_json_joined(names, "n");
		cli_table_cell(t, "%s", name);
		cli_table_cell(t, "%s", cli_json_text(site, "owner"));
		cli_table_cell(t, "%zu", json_array_size(json_object_get(names, "n")));
		cli_table_cell(t, "%s", joined != NULL ? joined : "");
		free(joined);
		json_decref(names);
	}
	cli_table_print(t, stdout, "no sites");
}

static int sites(struct cli *cli)
{
	json_t *all, *paths;
	int rc = cli_args_count(cli, 0, 0);

	if (rc == CLI_OK)
		rc = fetch_all(cli, "site.list", "sites", json_object(), &all);
	if (rc != CLI_OK)
		return rc;
	rc = fetch_all(cli, "path.list", "paths", json_object(), &paths);
	if (rc == CLI_OK) {
		if (cli->json)
			cli_json_print(all);
		else
			print_sites(all, paths);
		json_decref(paths);
	}
	json_decref(all);
	return rc;
}

/* Members of the answer that are no via, one a line. */
static void print_lookup(const struct cli *cli, json_t *result)
{
	json_t *via = json_object_get(result, "via"), *value;
	char *words = via != NULL ? cli_route_words(via) : NULL;
	const char *key;

	printf("%s in %s\n", cli->argv[1], cli->argv[0]);
	if (words != NULL && *words != '\0')
		printf("  %-14s %s\n", "leads", words);
	free(words);
	json_object_foreach(result, key, value)
	{
		char *text;

		if (is(key, "via") || json_is_null(value))
			continue;
		text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
		printf("  %-14s %s\n", key,
			json_is_string(value) ? json_string_value(value) : text);
		free(text);
	}
}

static int lookup(struct cli *cli)
{
	json_t *result;
	int rc = cli_args_count(cli, 2, 2);

	if (rc == CLI_OK)
		rc = cli_client_call(cli, CLI_CLIENT_CONTROL, "route.lookup",
			json_pack(
				"{s:s, s:s}", "connection", cli->argv[0], "address", cli->argv[1]),
			&result);
	if (rc != CLI_OK)
		return rc;
	if (cli->json)
		cli_json_print(result);
	else
		print_lookup(cli, result);
	json_decref(result);
	return CLI_OK;
}

static const struct cli_option add_options[] = {
	{"preference", "NUMBER", "the lowest of several owners' wins (default 100)"},
	CLI_APPLY_CHANGE_OPTIONS,
	{NULL, NULL, NULL},
};
static const struct cli_option delete_options[] = {CLI_APPLY_CHANGE_OPTIONS, {NULL, NULL, NULL}};

const struct cli_command cli_route_commands[] = {
	{"route add",
		"CONNECTION PREFIX… (via site SITE | via ATTACHMENT ADDRESS [weight N] [via …] | "
		"blackhole | local)",
		"routes of a connection",
		"Examples:\n"
		"  trunkline route add acme 10.2.0.0/16 via site gw-b\n"
		"  trunkline route add acme 10.3.0.0/16 2001:db8:3::/48 via acme-1 169.254.1.2\n"
		"  trunkline route add acme 10.66.0.0/16 blackhole\n"
		"They belong to owner \"cli\" unless --owner says otherwise.",
		add_options, add},
	{"route delete", "CONNECTION PREFIX…",
		"remove routes that owner \"cli\", or --owner, holds", NULL, delete_options,
		delete},
	{"show routes", "[CONNECTION]", "configured routes of all owners", NULL, NULL, routes},
	{"show sites", "", "sites and the paths that lead there", NULL, NULL, sites},
	{"lookup", "CONNECTION ADDRESS", "where a packet to this address would go", NULL, NULL,
		lookup},
	{NULL, NULL, NULL, NULL, NULL, NULL},
};
