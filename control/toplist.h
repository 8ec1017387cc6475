/* SPDX-License-Identifier: BSD-3-Clause */
/* flows.top: the flows that carry most, merged from the tables of the workers (meter/flows.h). */
#ifndef CONTROL_TOPLIST_H
#define CONTROL_TOPLIST_H

#include "control/rpc.h"
#include "dataplane/meter/flows.h"

#define TOPLIST_COUNT	  10
#define TOPLIST_COUNT_MAX 64
#define TOPLIST_MERGED	  (32 * FLOWS_ENTRIES)

extern const struct rpc_method toplist_methods[]; /* for both sockets */

/* One flow over all workers, per second. */
struct toplist_flow {
	struct flows_key key;
	double packets, bytes;
	double over; /* packets that may be another flow's */
	uint64_t samples;
};

struct toplist {
	unsigned flows;
	double packets; /* of all flows, per second */
	struct toplist_flow flow[TOPLIST_MERGED];
};

/* Adds one worker's window. */
void toplist_add(struct toplist *list, const struct flows_bank *bank, double tsc_hz);
/* Most first, by bytes or by packets. */
void toplist_sort(struct toplist *list, bool by_bytes);

#endif
