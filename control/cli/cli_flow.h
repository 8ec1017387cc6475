/* SPDX-License-Identifier: BSD-3-Clause */
/* "show flows". */
#ifndef CONTROL_CLI_CLI_FLOW_H
#define CONTROL_CLI_CLI_FLOW_H

#include "control/cli/cli.h"

extern const struct cli_command cli_flow_commands[];

#endif
