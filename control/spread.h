/* SPDX-License-Identifier: BSD-3-Clause */
/* Which worker gets which bucket of the flow hash: by weights, and so that few buckets move. */
#ifndef CONTROL_SPREAD_H
#define CONTROL_SPREAD_H

#include <stdint.h>

#include "dataplane/worker/plane.h"

/* Changes table so that each worker has its share of the buckets (largest remainders; not all
 * weights are 0), and only as many buckets as have to change. Answers how many. */
unsigned spread_by_weight(
	uint8_t table[PLANE_BUCKETS], const uint32_t weight[PLANE_WORKERS], unsigned workers);

/* Gives up to count buckets of one worker to another. Answers how many. */
unsigned spread_move(uint8_t table[PLANE_BUCKETS], unsigned from, unsigned to, unsigned count);

/* Buckets of each worker. */
void spread_count(const uint8_t table[PLANE_BUCKETS], unsigned count[PLANE_WORKERS]);

#endif
