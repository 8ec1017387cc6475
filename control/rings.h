/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The methods by which flows, queues and workers are told where to be: rings.get, rings.spread,
 * rings.move, queue.move, worker.set. They change the running gateway only; the boot file says how
 * it starts. One change at a time; it is answered when the workers have carried it out.
 */
#ifndef CONTROL_RINGS_H
#define CONTROL_RINGS_H

#include "control/rpc.h"

#define RINGS_PATIENCE_MS 5000

struct rings;

extern const struct rpc_method rings_methods[];
extern const struct rpc_method rings_reads[]; /* for both sockets */

/* When boot, loop and plane of the gateway stand. NULL on lack of memory. gateway->rings is the
 * caller's to set. */
struct rings *rings_create(struct gateway *gateway);
/* A change not answered yet is forgotten. NULL is allowed. */
void rings_destroy(struct rings *rings);

#endif
