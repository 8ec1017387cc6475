/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A few commands on DPDK's own telemetry socket, for dpdk-telemetry.py:
 *   /trunkline/info     name, version, generation, what there is
 *   /trunkline/workers  a dictionary for each worker, named worker_0 …
 *   /trunkline/drops    packets dropped by the whole gateway, by reason
 * The answers come from threads of DPDK, so from a copy that the control thread renews.
 */
#ifndef CONTROL_TELEMETRY_H
#define CONTROL_TELEMETRY_H

#include "control/collect.h"
#include "dataplane/base/drop.h"

#define TELEMETRY_TEXT 64

struct telemetry {
	char name[TELEMETRY_TEXT], version[TELEMETRY_TEXT];
	uint64_t generation, live_generation;
	uint64_t time_ns; /* CLOCK_MONOTONIC when the copy was made */
	uint64_t started_ns;
	uint32_t connections, attachments, paths, ports;
	unsigned workers;
	struct collect_worker worker[PLANE_WORKERS];
	uint64_t drop[DROP_COUNT];
};

/* Registers the commands; they answer once there is a copy. 0 or -errno of DPDK. Once a process:
 * DPDK has no way back, later calls do nothing. */
int telemetry_register(void);
/* Replaces the copy; NULL: no answers any more. The lock behind it is held for as long as copying
 * takes, and never by a worker. */
void telemetry_set(const struct telemetry *view);

#endif
