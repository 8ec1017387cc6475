/* SPDX-License-Identifier: BSD-3-Clause */
/* "trunkline apply" and "trunkline get": the whole configuration as one document. */
#ifndef CONTROL_CLI_CLI_APPLY_H
#define CONTROL_CLI_CLI_APPLY_H

#include <jansson.h>

#include "control/cli/cli.h"

extern const struct cli_command cli_apply_commands[];

/* Options of every command that changes something, for its table of options. */
#define CLI_APPLY_CHANGE_OPTIONS \
	{"owner", "NAME", "act as this owner"}, \
		{"dry-run", NULL, "check and show the difference, change nothing"}, \
		{"if-generation", "N", "only if nobody changed anything since generation N"}, \
		{"wait", NULL, "return when every worker follows the change"}, \
	{ \
		"timeout", "SECONDS", "how long to wait (default 10)" \
	}

/* Sends a change with these options and says what came of it. params is taken over. owner: NULL for
 * the gateway's default. */
int cli_apply_change(const struct cli *cli, const char *method, json_t *params, const char *owner);
/* Waits until a generation is live. quiet: says nothing on success. */
int cli_apply_wait(const struct cli *cli, unsigned long long generation, bool quiet);

#endif
