/* SPDX-License-Identifier: BSD-3-Clause */
/* What the gateway refused, in words: the sentence, the place, what stood there, what to do. */
#ifndef CONTROL_CLI_CLI_REFUSAL_H
#define CONTROL_CLI_CLI_REFUSAL_H

#include <stdio.h>

#include <jansson.h>

#include "control/cli/cli.h"

/* To standard error; with --json the error object to standard output. params: what was asked. */
void cli_refusal_print(const struct cli *cli, json_t *error, json_t *params);

/* For tests: the text alone. */
void cli_refusal_write(FILE *file, json_t *error, json_t *params);

/* What stands at a JSON pointer (RFC 6901), borrowed; NULL: nothing does. */
json_t *cli_refusal_at(json_t *root, const char *pointer);

#endif
