/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The statistics of a running gateway: the methods of the stats socket, the line "metrics", the
 * copy for DPDK's telemetry. All on the control thread, in slices of the loop.
 */
#ifndef CONTROL_STATS_H
#define CONTROL_STATS_H

#include "control/rpc.h"

struct change;
struct collect;
struct gateway;
struct stats;

#define STATS_JOBS	      32 /* answers under way at once */
#define STATS_INTERVAL_MS_MIN 100
#define STATS_INTERVAL_MS_MAX 3600000
#define STATS_INTERVAL_MS     1000

/* stats.get and stats.watch. */
extern const struct rpc_method stats_methods[];
/* For server_config. */
extern const struct rpc_method stats_metrics;

/* Made when boot, loop, fwd and plane of the gateway stand. NULL and a log line on lack of memory.
 * gateway->stats is the caller's to set. */
struct stats *stats_create(struct gateway *gateway);
/* Before server_destroy: closes the streams. Calls not answered yet are forgotten. NULL is allowed.
 */
void stats_destroy(struct stats *stats);

/* New objects of a change take over their ids. Before the change is published. */
void stats_adopt(struct stats *stats, const struct change *change);

/* For tests that look at single counters. */
struct collect *stats_collect(struct stats *stats);

#endif
