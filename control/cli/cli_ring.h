/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands about workers: which flows and queues each has. */
#ifndef CONTROL_CLI_CLI_RING_H
#define CONTROL_CLI_CLI_RING_H

#include "control/cli/cli.h"

extern const struct cli_command cli_ring_commands[];

/* "show rings". */
int cli_ring_show(struct cli *cli);

#endif
