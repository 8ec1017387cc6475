/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/neighbours.h"
#include "control/publisher_private.h"
#include "dataplane/worker/plane.h"

/* A worker takes at least this many packets from each of its rings in a turn, if they are there. */
#define TAKEN_A_TURN 32

static uint64_t turns_of(const struct publisher *p, unsigned worker)
{
	const uint64_t *turns = &plane_meter(p->config.plane, worker)->turns;

	return __atomic_load_n(turns, __ATOMIC_RELAXED);
}

void publisher_drain_begin(struct publisher *p)
{
	unsigned workers;

	if (p->config.neighbours != NULL)
		p->drain_control = neighbours_drained(p->config.neighbours);
	if (p->config.plane == NULL)
		return;
	p->drain_held = plane_held(p->config.plane) > 0;
	workers = plane_workers(p->config.plane);
	for (unsigned from = 0; from <= workers; from++) {
		for (unsigned to = 0; to < workers; to++) {
			struct publisher_pair *pair = &p->pair[from][to];
			unsigned count = plane_ring_count(p->config.plane, from, to);

			/* Two more: the turn that was under way, and the one that it was left in.
			 */
			pair->turns = turns_of(p, to) + count / TAKEN_A_TURN + 2;
			pair->passed = count == 0;
		}
	}
}

static bool pair_passed(struct publisher *p, unsigned from, unsigned to)
{
	struct publisher_pair *pair = &p->pair[from][to];

	if (!pair->passed)
		pair->passed = plane_ring_count(p->config.plane, from, to) == 0 ||
			       turns_of(p, to) >= pair->turns;
	return pair->passed;
}

bool publisher_drain_done(struct publisher *p)
{
	unsigned workers;
	bool all = true;

	if (p->config.plane == NULL)
		return true;
	workers = plane_workers(p->config.plane);
	for (unsigned from = 0; from <= workers; from++) {
		for (unsigned to = 0; to < workers; to++)
			all &= pair_passed(p, from, to);
	}
	if (!all || neighbours_drained(p->config.neighbours) <= p->drain_control)
		return false;
	/* What workers held goes through rings afterwards: such a pass shows nothing. */
	if (!p->drain_held && plane_held(p->config.plane) == 0)
		return true;
	publisher_drain_begin(p);
	return false;
}
