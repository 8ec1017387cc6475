/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Watches of the counters: each tells its client at an interval what was added since, by the
 * notification stats.update. The first update tells whole values, and so does the one after an
 * update that could not be sent. Control thread.
 */
#ifndef CONTROL_WATCHES_H
#define CONTROL_WATCHES_H

#include "control/report.h"
#include "control/rpc.h"

struct loop;
struct watch;

#define WATCHES_MAX 32

struct watches {
	struct loop *loop;
	const struct collect *collect;
	const struct roster *roster;
	const struct loop_times *turns;
	struct watch *first;
	unsigned count;
	uint64_t number; /* of the newest */
};

/* Answers the call. request: without memory, which is the watch's own. */
void watches_open(struct watches *watches, struct rpc_call *call,
	const struct report_request *request, uint64_t interval_ms);
/* Closes all streams. */
void watches_close(struct watches *watches);

#endif
