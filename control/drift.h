/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How fast two gateways' clocks drift apart, and when the path or a clock has jumped, from the
 * least transit time of each epoch in one direction.
 *
 * Nothing makes a transit time shorter than the path is long, much makes it longer. So the lower
 * convex hull of (epoch, least transit time) follows the clocks, whatever queues do: its edge below
 * the mean epoch is the line that touches the points from below and is nearest to them all (the
 * linear programme of Moon, Skelly and Towsley 1999; the hull of Zhang, Liu and Xia 2002).
 *
 * A segment is a time in which that line holds. It ends with a jump: the least falls below the line
 * by more than DRIFT_JUMP, or stays above it for DRIFT_HOLD epochs by an amount that varies less
 * than DRIFT_FLAT, as it does when a route has become longer; a queue that never empties varies
 * more. Until the rate is known, a jump of up to a millisecond may pass for drift.
 *
 * Pure; one struct for each path and direction, of one thread. Times in ns, as whole numbers.
 */
#ifndef CONTROL_DRIFT_H
#define CONTROL_DRIFT_H

#include <stdbool.h>
#include <stdint.h>

#define DRIFT_POINTS  256 /* the newest of a segment: what the line is made of */
#define DRIFT_KNOWN   16  /* points over as many epochs before a slope is believed */
#define DRIFT_JUMP    INT64_C(100000)
#define DRIFT_FLAT    INT64_C(50000)
#define DRIFT_HOLD    5
#define DRIFT_FASTEST 200000 /* parts in 10^9 that two clocks may differ while it is not known */
#define DRIFT_WANDER  1000   /* and by which a known difference may have changed */

struct drift_point {
	int64_t at;    /* epochs since the first of the segment */
	int64_t least; /* transit time above the segment's first, ns */
};

struct drift {
	uint64_t epoch_ns; /* how long an epoch is */
	uint64_t segments; /* begun so far */
	int64_t jump;	   /* by how much the last one was off the line before, ns; 0: unknown */
	uint32_t first;	   /* epoch of the segment's first point */
	uint32_t origin;   /* its transit time, units of DELAY_NS modulo 2^32 */
	struct drift_point last; /* the newest point, held or not */
	struct drift_point point[DRIFT_POINTS], held[DRIFT_HOLD];
	unsigned points, holding;
	/* The line: through two points; of one point where there is one. */
	struct drift_point from, to;
	int64_t residual; /* the farthest that the hull bends away from the line, ns */
};

enum drift_verdict {
	DRIFT_ON = 0, /* the point belongs to the segment */
	DRIFT_HELD,   /* too far above: a queue, or the beginning of a jump */
	DRIFT_BROKEN, /* a jump: a new segment begins */
};

/* Forgets everything. */
void drift_init(struct drift *drift, uint64_t epoch_ns);

/* The least transit time of an epoch, in units of DELAY_NS modulo 2^32 (delay_least). Epochs come
 * in order, some may be missing; after more than DRIFT_POINTS without one, or one that is not newer
 * than the last, a segment begins and is no jump. */
enum drift_verdict drift_add(struct drift *drift, uint32_t epoch, uint32_t transit);

/* By how much the receiver's clock runs faster than the sender's, parts in 10^9. False: there are
 * too few points yet. */
bool drift_rate(const struct drift *drift, int64_t *rate);

/* What delays of an epoch to come should be counted from: where its least transit time is
 * expected, as delay_add() takes it. 0 where nothing is known. */
uint64_t drift_reference(const struct drift *drift, uint32_t epoch);

enum drift_cause { DRIFT_ROUTE = 0, DRIFT_CLOCK };

/* Whose jump it was, from both directions' jumps of about the same time (0: none): a clock's moves
 * them apart by the same amount, a route's does not. */
enum drift_cause drift_cause(int64_t here, int64_t there);

#endif
