/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Carries accepted changes of the model to the workers, without ever waiting for them: a state
 * machine that is ticked from the loop. Control thread only.
 *
 * Changes that are submitted while one generation is on its way are carried together by the next.
 * One round is:
 *   compile   the new and changed entries go into a snapshot edit, references to what was removed
 *             leave it; the snapshot is published
 *   pass      until every worker has reported a quiescent state since
 *   place     id maps, own addresses and connected prefixes, then the routes of each change in
 *             order, adds and replaces before deletes; then what was removed leaves the maps
 *   settle    until every worker has passed once more: the round's changes are live
 *   drain     only where ids were removed: until the rings between workers have passed on what
 *             may still name them
 *   clear     the removed entries leave the snapshot; once workers have passed that, change_free()
 * A worker that does not run is offline for RCU and holds up nothing.
 */
#ifndef CONTROL_PUBLISHER_H
#define CONTROL_PUBLISHER_H

#include <stdbool.h>
#include <stdint.h>

#include "control/change.h"
#include "control/compile.h"
#include "dataplane/fwd/fwd.h"

struct loop;
struct neighbours;
struct plane;
struct publisher;

struct publisher_config {
	struct loop *loop; /* NULL: the owner calls publisher_tick() until it says no */
	struct fwd *fwd;
	struct plane *plane; /* NULL: there are no rings to wait for */
	const struct model *model;
	struct neighbours *neighbours;
	const char *gateway; /* its name: default router MACs are derived from it */
	struct compile_port port[FWD_PORTS];
	/* Told of each change as it is submitted; NULL: nobody. */
	void (*submitted)(void *context, const struct change *change);
	void *context;
};

/* NULL on lack of memory. Publishes the ports at once. */
struct publisher *publisher_create(const struct publisher_config *config);
/* Workers must have been stopped. Changes still held are given back with change_free(). */
void publisher_destroy(struct publisher *publisher);

/*
 * Before a change is accepted: sets aside all that carrying it out may need (routes, next-hop sets,
 * neighbours, memory). 0; -ENOSPC where a limit is in the way; -ENOMEM. On failure nothing has
 * changed. After success, exactly one of submit or release must follow for this change; changes
 * are submitted in the order in which the model took them. Until then nothing is compiled from the
 * model, which may be changed in slices meanwhile.
 */
int publisher_reserve(struct publisher *publisher, const struct change *change);
/* The change will not be made after all. It stays the caller's. */
void publisher_release(struct publisher *publisher, const struct change *change);

/* The model has changed. Takes the change over; cannot fail. */
void publisher_submit(struct publisher *publisher, struct change *change);

/* Model generation that every worker has passed with all its routes in place. */
uint64_t publisher_live(const struct publisher *publisher);
/* True where nothing is under way. */
bool publisher_idle(const struct publisher *publisher);

/* done is called once the generation is live, from within this call where it is already. The struct
 * is the caller's and must stay until then, or until publisher_wait_cancel. */
struct publisher_wait {
	uint64_t generation;
	void (*done)(struct publisher_wait *wait);
	void *context;
	struct publisher_wait *next;
};

void publisher_wait(struct publisher *publisher, struct publisher_wait *wait);
/* May be called when not waiting. */
void publisher_wait_cancel(struct publisher *publisher, struct publisher_wait *wait);

/* One short slice of work (under LOOP_SLICE_ONE_NS where the parts allow it). What to do next: */
enum publisher_next {
	PUBLISHER_IDLE,	   /* nothing until the next submit */
	PUBLISHER_AGAIN,   /* call again soon, there is work */
	PUBLISHER_WAITING, /* call again when workers may have moved on, say in 100 µs */
};
enum publisher_next publisher_tick(struct publisher *publisher);

#endif
