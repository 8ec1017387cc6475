/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Epochs. Turns the gateway's own once a second, which goes onto the packets of measured paths, and
 * follows those of the other ends: an epoch of a path is closed a guard time after the first packet
 * of its successor, or when the path has been silent; then what the workers counted in it is read
 * once, and kept until the next is closed.
 *
 * Control thread.
 */
#ifndef CONTROL_TRACKER_H
#define CONTROL_TRACKER_H

#include "control/gateway.h"

#define TRACKER_EPOCH_MS  1000
#define TRACKER_GUARD_MS  50   /* for what comes after the first of the next epoch */
#define TRACKER_SILENT_MS 2500 /* without a packet of a newer epoch: the newest is over */

/* The delay variation of one closed epoch; nanoseconds. Percentiles are of PDV (RFC 5481 4.2) and
 * of |IPDV| (RFC 3393), within the histogram's 3.1 %. */
struct tracker_delay {
	uint64_t closed;  /* epochs of this path so far, empty ones too */
	uint64_t unread;  /* of them not read, for the workers were too late */
	uint64_t packets; /* with a valid time */
	uint64_t pdv_p50, pdv_p90, pdv_p99, pdv_p999, pdv_max;
	uint64_t ipdv_p50, ipdv_p99;
	uint64_t jitter; /* RFC 3550 */
	/* Times, since it came up, in which the least transit time kept to one line: one more than
	 * the jumps of route or clock that were seen. 0: not known. */
	uint64_t segments;
};

struct tracker;

/* When loop, fwd, plane and model of the gateway stand. NULL on lack of memory. gateway->tracker is
 * the caller's to set. */
struct tracker *tracker_create(struct gateway *gateway);
/* NULL is allowed. */
void tracker_destroy(struct tracker *tracker);

/* What is due at that time by loop_now(): the tracker's own timer calls it, and tests do. */
void tracker_turn(struct tracker *tracker, uint64_t now_ns);

/* What the last closed epoch of a path showed. tracker: may be NULL. */
void tracker_delay(const struct tracker *tracker, uint32_t path, struct tracker_delay *out);

#endif
