/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The roster of a running gateway, answered from its model, devices, liveness words and neighbours.
 * Parts that are NULL in the gateway answer as if they were empty.
 */
#ifndef CONTROL_CENSUS_H
#define CONTROL_CENSUS_H

#include "control/gateway.h"
#include "control/roster.h"

struct census {
	struct gateway *gateway;
	uint64_t started_ns; /* CLOCK_REALTIME */
	struct roster roster;
};

/* The gateway must outlive it. */
void census_init(struct census *census, struct gateway *gateway);

/* How many objects are configured. */
void census_count(
	const struct census *census, uint32_t *connections, uint32_t *attachments, uint32_t *paths);

#endif
