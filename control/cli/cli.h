/* SPDX-License-Identifier: BSD-3-Clause */
/* What all subcommands of trunkline share. */
#ifndef CONTROL_CLI_CLI_H
#define CONTROL_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>

/* Exit codes; scripts rely on them. */
enum cli_exit {
	CLI_OK = 0,
	CLI_REFUSED = 1,     /* the gateway said no */
	CLI_USAGE = 2,	     /* the command line, or a file named on it, is wrong */
	CLI_UNREACHABLE = 3, /* no gateway answers */
};

#define CLI_GIVEN_MAX 128

struct cli_option {
	const char *name;  /* without the dashes */
	const char *value; /* what it takes, as shown by --help; NULL: nothing; "[…]": perhaps */
	const char *help;
};

struct cli;

struct cli_command {
	const char *name;  /* one or two words: "show ports" */
	const char *usage; /* of the arguments behind the name */
	const char *summary;
	const char *more; /* examples and details; NULL: none */
	const struct cli_option *options;
	/* Returns enum cli_exit. */
	int (*run)(struct cli *cli);
};

struct cli {
	const struct cli_command *command;
	const char *run_dir; /* where the sockets are */
	bool json;
	int argc; /* arguments behind the name, options taken out */
	char **argv;
	struct cli_given {
		const struct cli_option *option;
		const char *value;
	} given[CLI_GIVEN_MAX];
	unsigned given_count;
};

#endif
