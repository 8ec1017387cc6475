/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/cli/cli_apply.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/cli/cli_args.h"
#include "control/cli/cli_client.h"
#include "control/cli/cli_json.h"

#define WAIT_SECONDS 10

/* The file's JSON, or NULL after a sentence. */
static json_t *read_document(const char *file)
{
	json_error_t error;
	json_t *document;
	FILE *stream = strcmp(file, "-") == 0 ? stdin : fopen(file, "re");

	if (stream == NULL) {
		fprintf(stderr, "trunkline: cannot read %s: %s\n", file, strerror(errno));
		return NULL;
	}
	document = json_loadf(stream, JSON_REJECT_DUPLICATES, &error);
	if (document == NULL)
		fprintf(stderr, "trunkline: %s is not JSON: line %d, column %d: %s\n", file,
			error.line, error.column, error.text);
	else if (!json_is_object(document))
		fprintf(stderr,
			"trunkline: %s is not a document: it must be an object with sites, "
			"paths, connections, attachments and routes\n",
			file);
	if (document != NULL && !json_is_object(document)) {
		json_decref(document);
		document = NULL;
	}
	if (stream != stdin)
		fclose(stream);
	return document;
}

static void print_difference(json_t *result)
{
	json_t *change;
	size_t i;
	unsigned long long rest = cli_json_u64(result, "not_listed");

	json_array_foreach(json_object_get(result, "changes"), i, change)
	{
		const char *action = cli_json_text(change, "action");
		char sign = *action == 'a' ? '+' : *action == 'r' ? '-' : '~';

		printf("%c %s ", sign, cli_json_text(change, "kind"));
		if (json_object_get(change, "prefix") != NULL)
			printf("%s %s\n", cli_json_text(change, "connection"),
				cli_json_text(change, "prefix"));
		else
			puts(cli_json_text(change, "name"));
	}
	if (rest != 0)
		printf("… and %llu more\n", rest);
}

static void print_outcome(json_t *result, bool dry_run)
{
	unsigned long long added = cli_json_u64(result, "added");
	unsigned long long changed = cli_json_u64(result, "changed");
	unsigned long long removed = cli_json_u64(result, "removed");
	unsigned long long generation = cli_json_u64(result, "generation");

	print_difference(result);
	if (added + changed + removed == 0)
		printf("nothing to change: generation %llu is that already\n", generation);
	else if (dry_run)
		printf("would add %llu, change %llu, remove %llu; nothing was changed\n", added,
			changed, removed);
	else
		printf("generation %llu: added %llu, changed %llu, removed %llu\n", generation,
			added, changed, removed);
}

int cli_apply_wait(const struct cli *cli, unsigned long long generation, bool quiet)
{
	double seconds;
	json_t *result;
	int rc;

	if (!cli_args_number(cli, "timeout", 0, WAIT_SECONDS, &seconds))
		return CLI_USAGE;
	rc = cli_client_call(cli, CLI_CLIENT_CONTROL, "generation.wait",
		json_pack("{s:I, s:I}", "generation", (json_int_t)generation, "timeout_ms",
			(json_int_t)(seconds * 1000)),
		&result);
	if (rc != CLI_OK)
		return rc;
	if (cli->json && !quiet)
		cli_json_print(result);
	else if (!cli->json)
		printf("generation %llu is live\n", generation);
	json_decref(result);
	return CLI_OK;
}

static int add_options(const struct cli *cli, json_t *params, const char *owner)
{
	double generation;

	if (cli_args_value(cli, "owner") != NULL)
		owner = cli_args_value(cli, "owner");
	if (owner != NULL)
		json_object_set_new(params, "owner", json_string(owner));
	if (cli_args_flag(cli, "dry-run"))
		json_object_set_new(params, "dry_run", json_true());
	if (!cli_args_number(cli, "if-generation", 0, -1, &generation))
		return CLI_USAGE;
	if (generation >= 0)
		json_object_set_new(params, "if_generation", json_integer((json_int_t)generation));
	return CLI_OK;
}

int cli_apply_change(const struct cli *cli, const char *method, json_t *params, const char *owner)
{
	bool dry_run = cli_args_flag(cli, "dry-run");
	json_t *result;
	int rc = add_options(cli, params, owner);

	if (rc != CLI_OK) {
		json_decref(params);
		return rc;
	}
	rc = cli_client_call(cli, CLI_CLIENT_CONTROL, method, params, &result);
	if (rc != CLI_OK)
		return rc;
	if (cli->json)
		cli_json_print(result);
	else
		print_outcome(result, dry_run);
	if (cli_args_flag(cli, "wait") && !dry_run)
		rc = cli_apply_wait(cli, cli_json_u64(result, "generation"), true);
	json_decref(result);
	return rc;
}

static int apply(struct cli *cli)
{
	int rc = cli_args_count(cli, 1, 1);
	json_t *document;

	if (rc != CLI_OK)
		return rc;
	document = read_document(cli->argv[0]);
	if (document == NULL)
		return CLI_USAGE;
	return cli_apply_change(
		cli, "config.apply", json_pack("{s:o}", "document", document), NULL);
}

static int get(struct cli *cli)
{
	const char *owner = cli_args_value(cli, "owner");
	json_t *params = json_object(), *result, *document;
	int rc = cli_args_count(cli, 0, 0);

	if (rc == CLI_OK && owner != NULL)
		json_object_set_new(params, "owner", json_string(owner));
	if (rc != CLI_OK) {
		json_decref(params);
		return rc;
	}
	rc = cli_client_call(cli, CLI_CLIENT_CONTROL, "config.get", params, &result);
	if (rc != CLI_OK)
		return rc;
	document = json_object_get(result, "document");
	cli_json_print(cli->json || document == NULL ? result : document);
	json_decref(result);
	return CLI_OK;
}

static int wait_live(struct cli *cli)
{
	char *end;
	unsigned long long generation;
	int rc = cli_args_count(cli, 1, 1);

	if (rc != CLI_OK)
		return rc;
	generation = strtoull(cli->argv[0], &end, 10);
	if (*end != '\0' || end == cli->argv[0] || cli->argv[0][0] == '-')
		return cli_args_wrong(cli, "a generation is a number, not \"%s\"", cli->argv[0]);
	return cli_apply_wait(cli, generation, false);
}

static const struct cli_option apply_options[] = {CLI_APPLY_CHANGE_OPTIONS, {NULL, NULL, NULL}};
static const struct cli_option get_options[] = {
	{"owner", "NAME", "only what this owner holds"}, {NULL, NULL, NULL}};
static const struct cli_option wait_options[] = {
	{"timeout", "SECONDS", "how long to wait (default 10)"}, {NULL, NULL, NULL}};

const struct cli_command cli_apply_commands[] = {
	{"apply", "[--dry-run] FILE", "make the configuration what a document says",
		"FILE is a JSON document (\"-\": standard input) with sites, paths, connections,\n"
		"attachments and routes. What its owner holds and the document lacks is removed.\n"
		"All of it is accepted, or nothing is.",
		apply_options, apply},
	{"get", "[--owner NAME]", "print the configuration as a document",
		"The output can be applied again. With --json the gateway's whole answer is "
		"printed,\n"
		"generation included.",
		get_options, get},
	{"wait", "GENERATION [--timeout SECONDS]", "wait until every worker follows a generation",
		NULL, wait_options, wait_live},
	{NULL, NULL, NULL, NULL, NULL, NULL},
};
