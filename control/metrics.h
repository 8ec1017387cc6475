/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The counters of the gateway for monitoring systems, made in slices: each connection is read once,
 * so that all of its samples belong to one view. docs/metrics.md explains every family.
 */
#ifndef CONTROL_METRICS_H
#define CONTROL_METRICS_H

#include "control/collect.h"
#include "control/exposition.h"
#include "control/roster.h"

struct loop_times;

struct metrics {
	const struct collect *collect;
	const struct roster *roster;
	const struct loop_times *turns; /* of the control loop; NULL: not told */
	unsigned phase;
	uint32_t next; /* id, inside a phase */
	uint64_t connections;
	struct roster_gateway gateway;
	uint64_t drops[DROP_COUNT]; /* of the whole gateway, so far */
	struct exposition out;
};

/* Nothing is read yet. turns may be NULL. All pointers must outlive the work. */
void metrics_start(struct metrics *metrics, const struct collect *collect,
	const struct roster *roster, const struct loop_times *turns, enum exposition_form form);

/* One slice of work, well under a millisecond. True: call again. Control thread. */
bool metrics_step(struct metrics *metrics);

/* After the last step: the text, to be freed with free(), or NULL on lack of memory. */
char *metrics_take(struct metrics *metrics, size_t *length);
/* At any time; gives everything back. */
void metrics_free(struct metrics *metrics);

#endif
