/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/cli/cli_args.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct cli_option common[] = {
	{"json", NULL, "print what the gateway said as JSON"},
	{"socket", "DIR",
		"where the gateway's sockets are (default $TRUNKLINE_RUN_DIR, else "
		"/run/trunkline)"},
	{"help", NULL, "this text"},
	{NULL, NULL, NULL},
};

int cli_args_wrong(const struct cli *cli, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("trunkline: ", stderr);
	vfprintf(stderr, format, args);
	va_end(args);
	if (cli->command != NULL)
		fprintf(stderr, "\nusage: trunkline %s %s\nTry \"trunkline %s --help\".\n",
			cli->command->name, cli->command->usage, cli->command->name);
	else
		fputs("\nTry \"trunkline --help\".\n", stderr);
	return CLI_USAGE;
}

int cli_args_count(const struct cli *cli, int least, int most)
{
	if (cli->argc < least)
		return cli_args_wrong(cli, "too few arguments");
	if (most >= 0 && cli->argc > most)
		return cli_args_wrong(cli, "\"%s\" is one argument too many", cli->argv[most]);
	return CLI_OK;
}

/* Whether name is the first words of argv; how many in *words. */
static bool is_named(const char *name, int argc, char **argv, int *words)
{
	const char *space = strchr(name, ' ');
	size_t first = space != NULL ? (size_t)(space - name) : strlen(name);

	*words = space != NULL ? 2 : 1;
	if (argc < *words || strlen(argv[0]) != first || strncmp(argv[0], name, first) != 0)
		return false;
	return space == NULL || strcmp(argv[1], space + 1) == 0;
}

/* The longest name that fits. */
static const struct cli_command *find(
	const struct cli_command *const *tables, int argc, char **argv, int *words)
{
	const struct cli_command *best = NULL;
	int most = 0;

	for (; *tables != NULL; tables++)
		for (const struct cli_command *c = *tables; c->name != NULL; c++)
			if (is_named(c->name, argc, argv, words) && *words > most) {
				best = c;
				most = *words;
			}
	*words = most;
	return best;
}

static bool begins_some(const struct cli_command *const *tables, const char *word)
{
	size_t length = strlen(word);

	for (; *tables != NULL; tables++)
		for (const struct cli_command *c = *tables; c->name != NULL; c++)
			if (strncmp(c->name, word, length) == 0 && c->name[length] == ' ')
				return true;
	return false;
}

static const struct cli_option *find_option(
	const struct cli_option *list, const char *name, size_t length)
{
	for (; list != NULL && list->name != NULL; list++)
		if (strlen(list->name) == length && strncmp(list->name, name, length) == 0)
			return list;
	return NULL;
}

static bool is_number(const char *word)
{
	char *end;

	if (word == NULL || *word == '\0')
		return false;
	strtod(word, &end);
	return *end == '\0';
}

/* One option at *at; steps over its value. */
static int take_option(struct cli *cli, char **argv, int argc, int *at)
{
	const char *name = argv[*at] + 2, *equals = strchr(name, '=');
	size_t length = equals != NULL ? (size_t)(equals - name) : strlen(name);
	const struct cli_option *option = find_option(common, name, length);
	struct cli_given *given = &cli->given[cli->given_count];

	if (option == NULL && cli->command != NULL)
		option = find_option(cli->command->options, name, length);
	if (option == NULL)
		return cli_args_wrong(cli, "there is no option --%.*s here", (int)length, name);
	if (cli->given_count == CLI_GIVEN_MAX)
		return cli_args_wrong(cli, "too many options");
	*given = (struct cli_given){option, equals != NULL ? equals + 1 : NULL};
	cli->given_count++;
	if (option->value == NULL && equals != NULL)
		return cli_args_wrong(cli, "--%s takes no value", option->name);
	if (option->value == NULL || equals != NULL)
		return CLI_OK;
	if (option->value[0] == '[') {
		if (*at + 1 < argc && is_number(argv[*at + 1]))
			given->value = argv[++*at];
		return CLI_OK;
	}
	if (*at + 1 == argc)
		return cli_args_wrong(cli, "--%s wants %s", option->name, option->value);
	given->value = argv[++*at];
	return CLI_OK;
}

/* Options that stand before the subcommand: only the common ones, of which one takes a value. */
static int words_before(int argc, char **argv)
{
	int at = 0;

	while (at < argc && strncmp(argv[at], "--", 2) == 0)
		at += strcmp(argv[at], "--socket") == 0 ? 2 : 1;
	return at < argc ? at : argc;
}

/* "trunkline path --help" is a question, not a mistake: then there is no command. */
static int find_command(struct cli *cli, const struct cli_command *const *tables, int argc,
	char **argv, int *words, bool help)
{
	*words = 0;
	if (argc == 0)
		return CLI_OK;
	cli->command = find(tables, argc, argv, words);
	if (cli->command != NULL || (help && begins_some(tables, argv[0])))
		return CLI_OK;
	if (!begins_some(tables, argv[0]))
		return cli_args_wrong(cli, "there is no command \"%s\"", argv[0]);
	if (argc == 1 || strncmp(argv[1], "--", 2) == 0)
		return cli_args_wrong(cli, "\"%s\" wants to know what to do", argv[0]);
	return cli_args_wrong(cli, "there is no command \"%s %s\"", argv[0], argv[1]);
}

static void read_common(struct cli *cli, bool *help)
{
	const char *dir = cli_args_value(cli, "socket");

	if (dir == NULL)
		dir = getenv("TRUNKLINE_RUN_DIR");
	cli->run_dir = dir != NULL && *dir != '\0' ? dir : "/run/trunkline";
	cli->json = cli_args_flag(cli, "json");
	*help = cli_args_flag(cli, "help");
}

static bool wants_help(int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		if (strcmp(argv[i], "--help") == 0)
			return true;
	return false;
}

int cli_args_parse(
	struct cli *cli, const struct cli_command *const *tables, int argc, char **argv, bool *help)
{
	int before = words_before(argc - 1, argv + 1) + 1;
	int words, out = 0, rc;

	*help = wants_help(argc, argv);
	rc = find_command(cli, tables, argc - before, argv + before, &words, *help);
	if (rc != CLI_OK)
		return rc;
	cli->argv = argv;
	for (int i = 1; i < argc; i++) {
		if (i >= before && i < before + words)
			continue;
		if (strcmp(argv[i], "--") == 0) {
			while (++i < argc)
				argv[out++] = argv[i];
			break;
		}
		if (strncmp(argv[i], "--", 2) != 0)
			argv[out++] = argv[i];
		else if ((rc = take_option(cli, argv, argc, &i)) != CLI_OK)
			return rc;
	}
	cli->argc = out;
	read_common(cli, help);
	return CLI_OK;
}

const char *cli_args_next(const struct cli *cli, const char *name, unsigned *at)
{
	for (; *at < cli->given_count; ++*at)
		if (strcmp(cli->given[*at].option->name, name) == 0)
			return cli->given[(*at)++].value;
	return NULL;
}

const char *cli_args_value(const struct cli *cli, const char *name)
{
	const char *value = NULL;

	for (unsigned i = 0; i < cli->given_count; i++)
		if (strcmp(cli->given[i].option->name, name) == 0)
			value = cli->given[i].value;
	return value;
}

bool cli_args_flag(const struct cli *cli, const char *name)
{
	for (unsigned i = 0; i < cli->given_count; i++)
		if (strcmp(cli->given[i].option->name, name) == 0)
			return true;
	return false;
}

bool cli_args_number(
	const struct cli *cli, const char *name, double least, double fallback, double *value)
{
	const char *text = cli_args_value(cli, name);

	*value = fallback;
	if (text == NULL)
		return true;
	if (is_number(text))
		*value = strtod(text, NULL);
	if (is_number(text) && *value >= least && *value <= 1e18)
		return true;
	cli_args_wrong(cli, "--%s wants a number of at least %g, not \"%s\"", name, least, text);
	return false;
}

static void print_options(const struct cli_option *list)
{
	char left[64];

	for (; list != NULL && list->name != NULL; list++) {
		snprintf(left, sizeof(left), "--%s %s", list->name, list->value ? list->value : "");
		printf("  %-28s %s\n", left, list->help);
	}
}

static void print_commands(const struct cli_command *const *tables)
{
	for (; *tables != NULL; tables++)
		for (const struct cli_command *c = *tables; c->name != NULL; c++)
			printf("  %-22s %s\n", c->name, c->summary);
}

void cli_args_help(const struct cli *cli, const struct cli_command *const *tables)
{
	const struct cli_command *c = cli->command;

	if (c == NULL) {
		puts("trunkline: operate a Trunkline gateway\n\n"
		     "usage: trunkline [OPTION…] COMMAND [ARGUMENT…]\n\nCommands:");
		print_commands(tables);
		puts("\nOptions of all commands:");
		print_options(common);
		puts("\nExit codes: 0 done, 1 refused by the gateway, 2 wrong usage, 3 no gateway "
		     "answers.\n\"trunkline COMMAND --help\" tells more.");
		return;
	}
	printf("trunkline %s: %s\n\nusage: trunkline %s %s\n", c->name, c->summary, c->name,
		c->usage);
	if (c->more != NULL)
		printf("\n%s\n", c->more);
	puts("\nOptions:");
	print_options(c->options);
	print_options(common);
}
