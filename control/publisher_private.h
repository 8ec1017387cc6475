/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the publisher share; for no one else. */
#ifndef CONTROL_PUBLISHER_PRIVATE_H
#define CONTROL_PUBLISHER_PRIVATE_H

#include "control/loop.h"
#include "control/nexthops.h"
#include "control/precedence.h"
#include "control/publisher.h"
#include "dataplane/worker/plane.h"

/* All that a change had set aside. */
struct publisher_need {
	struct precedence_need routes;
	struct nexthops_need hops;
	uint32_t neighbours; /* those of hops included */
	uint32_t releases;
};

/* A change from its reservation to its end. */
struct publisher_submission {
	struct publisher_submission *next;
	struct change *change; /* NULL until submitted */
	const struct change *reserved;
	struct publisher_need need;
};

struct publisher_list {
	struct publisher_submission *first, **end;
};

enum publisher_phase {
	PUBLISHER_PHASE_IDLE = 0,
	PUBLISHER_PHASE_COMPILE,
	PUBLISHER_PHASE_PASS,
	PUBLISHER_PHASE_PLACE,
	PUBLISHER_PHASE_SETTLE,
	PUBLISHER_PHASE_DRAIN,
	PUBLISHER_PHASE_CLEAR,
	PUBLISHER_PHASE_CLEARED,
};

/* Ids of one kind, each once, in the order they came. */
struct publisher_ids {
	uint32_t *id;
	uint8_t *state; /* by id: 0 where it is not in the list */
	uint32_t count;
};

/* What one round does, by kind of object. */
struct publisher_kind {
	struct publisher_ids dirty;   /* to be compiled and placed */
	struct publisher_ids removed; /* to be cleared */
	uint32_t compiled;	      /* so many of dirty are */
	/* By id: what workers see, and what they will see once this round is placed. NULL: nothing.
	 * The objects are held by the model or by a change not yet given back. */
	const struct model_object **published, **next;
	/* By id: the neighbour that a path or an endpoint holds, or 0. */
	uint32_t *neighbour;
};

/* A ring between two writers that must pass what lies in it. */
struct publisher_pair {
	uint64_t turns; /* of the receiver, at which all of it has been taken */
	bool passed;
};

#define PUBLISHER_WRITERS (PLANE_WORKERS + 1)

struct publisher {
	struct publisher_config config;
	struct compile compile;
	struct nexthops *nexthops;
	struct precedence *precedence;
	struct publisher_kind kind[MODEL_KINDS];
	uint8_t *site_touched; /* by id: its endpoints must be compiled again */
	bool sites_touched, paths_touched;

	struct publisher_list reserved, queue, round;
	struct publisher_list over; /* done with, to be freed some at a time */
	enum publisher_phase phase;
	struct snapshot_edit *edit;
	struct snapshot_garbage *garbage;
	uint64_t token;

	/* Place: where it stands. */
	unsigned step;
	enum model_kind step_kind;
	uint32_t step_at;
	struct publisher_submission *step_change;
	size_t step_route;
	/* Compile: where it stands in the routes. */
	struct publisher_submission *via_change;
	size_t via_route;

	uint32_t *release; /* neighbours to be released at the end of the round */
	uint32_t releases, release_room, release_reserved;

	unsigned drain_pass;
	bool drain_held;	/* workers held packets when the pass began */
	uint64_t drain_control; /* neighbours_drained() to be exceeded */
	struct publisher_pair pair[PUBLISHER_WRITERS][PLANE_WORKERS];

	uint64_t live;
	struct publisher_wait *waiting;
	struct loop_slice slice;
	struct loop_timer timer;
};

/* True while there is time left in this slice of work. */
bool publisher_has_time(uint64_t deadline_ns);

/* publisher_need.c: sets aside what the change may need; 0 or -errno and nothing has changed. */
int publisher_need_reserve(
	struct publisher *p, const struct change *change, struct publisher_need *need);
/* All but what nexthops_unreserve() gives back, which is due when the routes are counted. */
void publisher_need_return(struct publisher *p, const struct publisher_need *need);

/* publisher_compile.c: marks what a submitted change touched; 1: more to do, 0: done, -ENOMEM: try
 * again later. */
void publisher_compile_absorb(struct publisher *p, const struct change *change);
int publisher_compile_step(struct publisher *p, uint64_t deadline_ns);
int publisher_compile_clear(struct publisher *p);
bool publisher_compile_removes(const struct publisher *p);
/* The round is over: empties the lists. */
void publisher_compile_forget(struct publisher *p);

/* publisher_place.c: 1: more to do, 0: done. */
int publisher_place_step(struct publisher *p, uint64_t deadline_ns);

/* publisher_drain.c: begins a pass over all rings; true once all of it is through. */
void publisher_drain_begin(struct publisher *p);
bool publisher_drain_done(struct publisher *p);

#endif
