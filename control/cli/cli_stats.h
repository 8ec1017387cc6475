/* SPDX-License-Identifier: BSD-3-Clause */
/* "trunkline stats" and "trunkline info". */
#ifndef CONTROL_CLI_CLI_STATS_H
#define CONTROL_CLI_CLI_STATS_H

#include "control/cli/cli.h"

extern const struct cli_command cli_stats_commands[];

#endif
