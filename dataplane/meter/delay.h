/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How long packets of a path were under way, as far as two clocks that nobody set can tell.
 *
 * The transit time of a packet is the receiver's clock at its arrival less the sender's in the
 * packet: in units of 16 ns, modulo 2^32 (68.7 s), and wrong by a constant that nobody knows. What
 * does not depend on that is kept, for each epoch of the sender:
 *
 *   PDV (RFC 5481 4.2)   transit time above the least of the epoch, as a histogram
 *   IPDV (RFC 3393)      transit time less that of the packet before, as a histogram of its
 *                        magnitude and as counts of signs; for packets of one lane of which the
 *                        second has the next number and came next
 *   jitter (RFC 3550 A.8) of all packets as they came, each against the one before on its lane
 *
 * The least is not known before the epoch is over. So packets are counted from a reference that
 * control publishes for each epoch ahead (the least of an earlier one, moved on by the clocks'
 * drift), above it and below it apart; the reader shifts that to the least. All workers take the
 * same reference, so what they counted is added up bucket by bucket.
 *
 * One struct for each (path, worker) that receives. Writer: that worker. Histograms and counts are
 * sums in LANE_EPOCHS banks by epoch, never reset; extremes are begun anew with each epoch. Reader:
 * control, once an epoch is closed to all workers (see lane_open).
 */
#ifndef DATAPLANE_METER_DELAY_H
#define DATAPLANE_METER_DELAY_H

#include "dataplane/base/histogram.h"
#include "dataplane/meter/lane.h"

#define DELAY_NS    16			/* in one unit of a transit time */
#define DELAY_KNOWN (UINT64_C(1) << 32) /* with a reference: there is one */

/* Of a transit time: above the reference or below. Of a step: longer (or equal), or shorter. */
enum delay_side { DELAY_ABOVE = 0, DELAY_BELOW, DELAY_SIDES };
enum delay_sign { DELAY_SHORTER = 0, DELAY_EQUAL, DELAY_LONGER, DELAY_SIGNS };

struct delay_bank {
	alignas(CACHE_LINE) uint32_t epoch; /* that what follows is of; whole */
	uint32_t reference;		    /* transit time that is counted from; units */
	int32_t least, most;		    /* transit time less reference; units */
	uint64_t opened;		    /* epochs this bank has had */
	/* By enum delay_side, ns. */
	struct histogram distance[DELAY_SIDES]; /* from the reference */
	struct histogram step[DELAY_SIDES];	/* |IPDV| */
};

struct delay {
	/* RFC 3550's jitter times 16 in units, so in ns. A level. */
	alignas(CACHE_LINE) uint64_t jitter;
	uint64_t open; /* epoch of the last packet and 1; 0: none came yet */
	struct delay_bank *now;
	struct delay_bank bank[LANE_EPOCHS];
};

static inline uint32_t delay_magnitude(int32_t value)
{
	uint32_t sign = (uint32_t)(value >> 31);

	return ((uint32_t)value ^ sign) - sign;
}

static inline void delay_count(struct histogram side[DELAY_SIDES], int32_t value)
{
	histogram_add(&side[value < 0], (uint64_t)delay_magnitude(value) * DELAY_NS);
}

static inline void delay_distance(struct delay_bank *bank, uint32_t transit)
{
	int32_t offset = (int32_t)(transit - bank->reference);

	delay_count(bank->distance, offset);
	if (unlikely_(offset < bank->least))
		bank->least = offset;
	if (unlikely_(offset > bank->most))
		bank->most = offset;
}

static inline void delay_jitter_step(struct delay *delay, int32_t step)
{
	delay->jitter += delay_magnitude(step) - ((delay->jitter + 8) >> 4);
}

/* Every other packet: the first of an epoch or a lane, after a gap, behind its time. */
void delay_other(struct delay *delay, struct lane_receiver *lane, enum lane_verdict verdict,
	uint32_t epoch, uint64_t reference, uint32_t transit);

/* Writer: counts a packet with a valid time that lane_receive() has judged; of one that does not
 * count as received nothing is taken. epoch: whole (lane_epoch). reference: what control published
 * for this epoch, DELAY_KNOWN and a transit time; looked at where the epoch is new. 0: none, and
 * the first packet's is taken. transit: units, modulo 2^32. */
static inline void delay_add(struct delay *delay, struct lane_receiver *lane,
	enum lane_verdict verdict, uint32_t epoch, uint64_t reference, uint32_t transit)
{
	int32_t step = (int32_t)(transit - lane->transit);

	if (unlikely_(delay->open != (uint64_t)epoch + 1 || verdict != LANE_IN_ORDER ||
		      lane->timed != LANE_TIMED)) {
		delay_other(delay, lane, verdict, epoch, reference, transit);
		return;
	}
	delay_distance(delay->now, transit);
	delay_count(delay->now->step, step);
	delay_jitter_step(delay, step);
	lane->transit = transit;
}

/* Packets of a path and epoch over all workers, as control adds them up. All zero: none. */
struct delay_sum {
	uint64_t packets, steps; /* in distance, in step */
	uint32_t reference;	 /* units */
	int64_t least, most;	 /* transit time less reference; ns */
	struct histogram_sum distance[DELAY_SIDES];
	struct histogram_sum step;
	uint64_t sign[DELAY_SIGNS];
	uint64_t jitter; /* of each worker, ns, times its packets */
};

/* What the reader last saw of one writer's bank. All zero at first. */
struct delay_seen {
	uint64_t opened;
	struct histogram distance[DELAY_SIDES], step[DELAY_SIDES];
};

/* Reader: adds to sum what a writer counted in a closed epoch. seen: for that writer's bank of this
 * epoch. False: epochs since the last reading can no longer be told apart; nothing was added. */
bool delay_gained(const struct delay *writer, uint32_t epoch, struct delay_seen seen[LANE_EPOCHS],
	struct delay_sum *sum);

/* PDV that this share (0 to 1) of the packets does not exceed, ns; 0 where there were none. Wrong
 * by at most 1/32 of the distance from the reference, and one unit. */
uint64_t delay_percentile(const struct delay_sum *sum, double share);

/* Adds the PDV of each packet to a histogram that epochs of any references share: as if each was in
 * the middle of its bucket, so wrong by up to 1/64 of the distance from the reference beside what
 * the histogram itself is. */
void delay_add_pdv(const struct delay_sum *sum, struct histogram_sum *pdv);

/* Least transit time, units modulo 2^32: of a sum with packets. */
static inline uint32_t delay_least(const struct delay_sum *sum)
{
	return sum->reference + (uint32_t)(sum->least / DELAY_NS);
}

/* Jitter by RFC 3550 over all workers, by their packets; ns. */
static inline uint64_t delay_jitter(const struct delay_sum *sum)
{
	return sum->packets == 0 ? 0 : sum->jitter / sum->packets;
}

#endif
