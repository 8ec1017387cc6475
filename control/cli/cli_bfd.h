/* SPDX-License-Identifier: BSD-3-Clause */
/* The BFD sessions of paths. */
#ifndef CONTROL_CLI_CLI_BFD_H
#define CONTROL_CLI_CLI_BFD_H

#include "control/cli/cli_sample.h"

void cli_bfd_view(const struct cli_sample *sample);

#endif
