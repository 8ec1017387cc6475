/* SPDX-License-Identifier: BSD-3-Clause */
/* "trunkline site|path|connection|attachment add|set|delete|show". */
#ifndef CONTROL_CLI_CLI_OBJECT_H
#define CONTROL_CLI_CLI_OBJECT_H

#include "control/cli/cli.h"

extern const struct cli_command cli_object_commands[];

/* Who holds what is added by hand, unless --owner says otherwise: so that applying a document does
 * not remove it. */
#define CLI_OBJECT_OWNER "cli"

#endif
