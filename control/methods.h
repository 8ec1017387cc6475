/* SPDX-License-Identifier: BSD-3-Clause */
/* Every method of the gateway, by the socket that serves it. */
#ifndef CONTROL_METHODS_H
#define CONTROL_METHODS_H

#include "control/server.h"

/* Sets tables and metrics of config. */
void methods_serve(struct server_config *config);

#endif
