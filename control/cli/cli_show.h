/* SPDX-License-Identifier: BSD-3-Clause */
/* "trunkline show …": what the gateway does, as tables. */
#ifndef CONTROL_CLI_CLI_SHOW_H
#define CONTROL_CLI_CLI_SHOW_H

#include "control/cli/cli_sample.h"

extern const struct cli_command cli_show_commands[];

#endif
