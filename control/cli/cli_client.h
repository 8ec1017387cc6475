/* SPDX-License-Identifier: BSD-3-Clause */
/* Talks to the gateway, and says on standard error what went wrong and what to do about it. */
#ifndef CONTROL_CLI_CLI_CLIENT_H
#define CONTROL_CLI_CLI_CLIENT_H

#include <jansson.h>

#include "control/cli/cli.h"

enum cli_client_socket { CLI_CLIENT_CONTROL, CLI_CLIENT_STATS };

struct cli_client;

/* One request and its answer. params is taken over (NULL: none). CLI_OK: *result is the caller's
 * reference. Else the sentence has been printed. */
int cli_client_call(const struct cli *cli, enum cli_client_socket socket, const char *method,
	json_t *params, json_t **result);

/* The same without an error report for refusals with this code: CLI_REFUSED then, *result NULL. */
int cli_client_try(const struct cli *cli, enum cli_client_socket socket, const char *method,
	json_t *params, int code, json_t **result);

/* A request whose answer is followed by notifications. */
int cli_client_open(const struct cli *cli, enum cli_client_socket socket, const char *method,
	json_t *params, struct cli_client **client, json_t **result);
/* Params of the next notification; NULL: the gateway has gone. The caller's reference. */
json_t *cli_client_next(struct cli_client *client);
void cli_client_close(struct cli_client *client);

#endif
