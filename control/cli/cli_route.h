/* SPDX-License-Identifier: BSD-3-Clause */
/* "trunkline route add|delete", "show routes", "show sites", "lookup". */
#ifndef CONTROL_CLI_CLI_ROUTE_H
#define CONTROL_CLI_CLI_ROUTE_H

#include <jansson.h>

#include "control/cli/cli.h"

extern const struct cli_command cli_route_commands[];

/* Words such as "via site gw-b", "via acme-1 169.254.1.2 weight 3 via …", "blackhole", "local" as a
 * via object; NULL: they are none, and *wrong is the word that does not fit (or NULL: too few). */
json_t *cli_route_via(char *const *word, int count, const char **wrong);
/* A via object in these words, for free(). */
char *cli_route_words(json_t *via);

#endif
