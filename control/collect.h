/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Merges what the workers and the control thread counted into totals. Only reads: a writer is never
 * stopped, slowed or waited for. Called on the control thread.
 *
 * Ids are reused and counters are never reset, so each new owner of an id gets a baseline
 * (collect_adopt) that is subtracted from what the id shows.
 */
#ifndef CONTROL_COLLECT_H
#define CONTROL_COLLECT_H

#include "dataplane/meter/meter.h"
#include "dataplane/worker/plane.h"

#define COLLECT_WRITERS (PLANE_WORKERS + 1)

/* Whether the conservation equation of meter.h held in every view that went into a total. */
enum collect_state {
	COLLECT_CONSERVED,
	COLLECT_TORN,	/* a writer was never seen at rest: nothing can be said */
	COLLECT_BROKEN, /* a packet was lost or counted twice: a defect of the gateway */
};

struct collect_connection {
	struct meter_connection sum;
	enum collect_state conserved;
	uint64_t in_rings; /* between writers; views are moments apart, so exact only at rest */
};

struct collect {
	const struct plane *plane; /* NULL in tests without one */
	unsigned workers;	   /* writers are workers + 1: control is the last */
	const struct meter *meter[COLLECT_WRITERS];
	struct meter_sizes sizes;
	uint64_t tsc_hz;
	struct meter_connection **connection_base;	   /* by id: one per writer, or NULL */
	struct meter_traffic *attachment_base, *path_base; /* by id */
	struct lanes_view *lanes_base;			   /* by path id */
	struct meter_connection *view;			   /* room for a batch of them */
	struct collect_connection *batch;
	/* How many owners an id has had, by id. */
	uint32_t *connection_owner, *attachment_owner, *path_owner;
};

struct collect_port {
	struct meter_port sum;
	bool torn;
};

struct collect_worker {
	uint64_t generation; /* newest that it has passed */
	uint64_t turns, busy_turns, packets, sleeps;
	uint64_t
		spread; /* packets of ports that distribute, by the worker that goes on with them */
	uint64_t moved_buckets, moved_queues, moves_given_up;
	uint64_t held,
		hold_full; /* packets held while something moved; not held for want of room */
	uint64_t hold_max_ns;
	uint64_t busy_ns, sleep_ns;
	uint64_t poll_gap_max_ns;
};

struct collect_ring {
	uint64_t sent, full; /* packets taken, packets refused */
	uint64_t depth;	     /* packets in it now */
};

/* 0 or -ENOMEM. plane and sizes as the plane was made; both are kept. */
int collect_init(
	struct collect *collect, const struct plane *plane, const struct meter_sizes *sizes);
/* The same over single meters: workers of them, then the one of control. */
int collect_init_meters(struct collect *collect, const struct meter *const *meter, unsigned workers,
	const struct meter_sizes *sizes);
void collect_fini(struct collect *collect);

uint64_t collect_now_ns(void); /* CLOCK_MONOTONIC */

/* A new object takes over an id; nothing may be counted for it yet, and all packets of the previous
 * owner must have ended. 0 or -ENOMEM (then the previous owner's counts stay visible). */
int collect_adopt_connection(struct collect *collect, uint32_t id);
void collect_adopt_attachment(struct collect *collect, uint32_t id);
void collect_adopt_path(struct collect *collect, uint32_t id);

void collect_connection(const struct collect *collect, uint32_t id, struct collect_connection *out);
/* The same for count ids from first on, at most collect_batch(): one wait for each writer, not one
 * for each connection. What all owners that these ids ever had lost is added to drop, where that is
 * not NULL. The answer is valid until the next call. */
const struct collect_connection *collect_connections(
	const struct collect *collect, uint32_t first, unsigned count, uint64_t drop[DROP_COUNT]);
/* As many as can be read in a slice. */
unsigned collect_batch(const struct collect *collect);
/* What one writer counted for it; its own view, so exact. */
void collect_connection_of(const struct collect *collect, unsigned writer, uint32_t id,
	struct collect_connection *out);
/* Adds what all owners that id ever had lost, by reason: sums that never go back. */
void collect_connection_drops(
	const struct collect *collect, uint32_t id, uint64_t drop[DROP_COUNT]);

void collect_port(const struct collect *collect, uint32_t index, struct collect_port *out);
void collect_port_of(
	const struct collect *collect, unsigned writer, uint32_t index, struct collect_port *out);
void collect_attachment(const struct collect *collect, uint32_t id, struct meter_traffic *out);
void collect_path(const struct collect *collect, uint32_t id, struct meter_traffic *out);
/* What is counted on the lanes of a path. */
void collect_lanes(const struct collect *collect, uint32_t id, struct lanes_view *out);
void collect_worker(const struct collect *collect, unsigned worker, struct collect_worker *out);
/* Times between its polls, ns. */
void collect_poll_gap(const struct collect *collect, unsigned worker, struct histogram_sum *out);
/* from may be control (== workers); to is a worker. */
void collect_ring(
	const struct collect *collect, unsigned from, unsigned to, struct collect_ring *out);

/* a - b, word by word, except levels (held), which stay as in a. */
void collect_subtract(struct collect_connection *a, const struct collect_connection *b);

/* "true", "torn" or "false": the value of every member named conserved. */
const char *collect_state_name(enum collect_state state);

#endif
