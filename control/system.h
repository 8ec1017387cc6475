/* SPDX-License-Identifier: BSD-3-Clause */
/* The methods about the gateway as a whole: system.info and generation.wait. */
#ifndef CONTROL_SYSTEM_H
#define CONTROL_SYSTEM_H

#include "control/rpc.h"

#define SYSTEM_WAIT_MS	   10000
#define SYSTEM_WAIT_MS_MAX 600000

extern const struct rpc_method system_methods[];

/* Forgets who waits for a generation; their calls are not answered. Before the publisher goes. */
void system_stop(struct gateway *gateway);

#endif
