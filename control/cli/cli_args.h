/* SPDX-License-Identifier: BSD-3-Clause */
/* Command lines: which subcommand, which options, what they say. */
#ifndef CONTROL_CLI_CLI_ARGS_H
#define CONTROL_CLI_CLI_ARGS_H

#include "control/cli/cli.h"

/* Tables end with name NULL; the list with NULL. Fills cli from argv, which is reordered and kept.
 * CLI_OK; CLI_USAGE after a sentence on standard error. cli->command is NULL where --help or
 * nothing but options was given; *help: --help was. */
int cli_args_parse(struct cli *cli, const struct cli_command *const *tables, int argc, char **argv,
	bool *help);

/* The value of the option's last (or only) appearance; NULL: not given, or without value. */
const char *cli_args_value(const struct cli *cli, const char *name);
bool cli_args_flag(const struct cli *cli, const char *name);
/* Walks all appearances: *at starts at 0. NULL at the end. */
const char *cli_args_next(const struct cli *cli, const char *name, unsigned *at);
/* A decimal number of at least least; fallback where the option is absent. False after a sentence.
 */
bool cli_args_number(
	const struct cli *cli, const char *name, double least, double fallback, double *value);

/* A sentence and where to find help, on standard error. Returns CLI_USAGE. */
int cli_args_wrong(const struct cli *cli, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* CLI_OK where the number of arguments is right. most < 0: any number. */
int cli_args_count(const struct cli *cli, int least, int most);

void cli_args_help(const struct cli *cli, const struct cli_command *const *tables);

#endif
