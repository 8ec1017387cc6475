/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A rate that all workers keep together without an atomic operation for each packet.
 *
 * A rate has one 64-bit word, a virtual clock in TSC cycles. What lies between it and now is
 * credit, as time at the rate; never more than the rate's depth. Taking n bytes moves the word
 * forward by what n bytes cost. Workers take credit in leases by compare-and-swap, about one in 200
 * us or for 16 KiB, and spend them alone. Credit being time, a change of rate or depth needs no
 * change of any state: what was saved stays saved, and no debt is ever made.
 *
 * A worker that is told no, or gets less than it asked for, asks again only when a lease's worth of
 * time has passed. So credit gathers meanwhile, and workers with few packets find some, too. A
 * lease that is not spent within the time that saves up all credit lapses: its rest goes back
 * when the worker next asks.
 *
 * All that are out together are at most a quarter of the depth and 0.25 % of a second's rate.
 */
#ifndef DATAPLANE_FWD_POLICER_H
#define DATAPLANE_FWD_POLICER_H

#include "dataplane/base/macros.h"

#define POLICER_SHIFT	   24	/* fraction bits of the cost */
#define POLICER_PRECEDENCE 0xff /* mark: the drop precedence within the packet's AF class */

struct policer_rate {
	uint64_t cost;	/* of a byte, in TSC cycles times 2^POLICER_SHIFT; 0: there is no rate */
	uint64_t depth; /* the most credit, in TSC cycles */
	uint32_t lease; /* bytes taken at a time; a larger packet takes what it needs */
};

/* The clocks of one connection. Writers: all workers (compare-and-swap), control for a new owner.
 * Relaxed: a word is data of its own, nothing else is ordered by it. */
struct policer {
	alignas(CACHE_LINE) _Atomic uint64_t committed;
	_Atomic uint64_t excess; /* between bandwidth and peak */
};

/* What one worker has in hand of one rate; touched by that worker only. All zero: nothing. */
struct policer_lease {
	uint64_t until; /* TSC at which it lapses; partial: before which not to ask again */
	uint32_t bytes;
	uint32_t partial; /* there was less than was asked for */
};

/* Control. bytes_per_second > 0, burst size in bytes, workers: how many may hold leases. hz: of the
 * TSC. The depth is at least two packets of that size and a millisecond at the rate, or the
 * gateway's own bursts would count as the customer's. */
struct policer_rate policer_rate(
	uint64_t bytes_per_second, uint64_t burst, uint32_t packet, unsigned workers, uint64_t hz);

/* 10 ms at the rate, and at least four packets of that size. */
uint64_t policer_default_burst(uint64_t bytes_per_second, uint32_t packet);

/* For connection ids from 0, with all credit. NULL on lack of memory; free() gives it back.
 */
struct policer *policer_create(uint32_t count);
/* Control, before any worker knows the connection that takes this place over: all credit. */
void policer_fill(struct policer *policer, uint64_t now);

/* Takes the bytes from what is in hand, where there is enough that has not lapsed. */
static inline bool policer_spend(struct policer_lease *lease, uint32_t bytes, uint64_t now)
{
	if (lease->bytes < bytes || (int64_t)(lease->until - now) < 0)
		return false;
	lease->bytes -= bytes;
	return true;
}

/* After policer_spend() answered no: leases more and takes the bytes from it. False: over the rate.
 * now: TSC, at most a little older than that of other workers. */
bool policer_ask(_Atomic uint64_t *word, const struct policer_rate *rate,
	struct policer_lease *lease, uint32_t bytes, uint64_t now);

static inline bool policer_take(_Atomic uint64_t *word, const struct policer_rate *rate,
	struct policer_lease *lease, uint32_t bytes, uint64_t now)
{
	return policer_spend(lease, bytes, now) || policer_ask(word, rate, lease, bytes, now);
}

/* The TOS byte (ECN kept) of a packet over the committed rate. mark: a DSCP or POLICER_PRECEDENCE,
 * which raises the first drop precedence of an assured-forwarding class (RFC 2597) to the second
 * and leaves all else. */
static inline uint8_t policer_mark(uint8_t tos, uint8_t mark)
{
	uint8_t dscp = tos >> 2;

	if (mark != POLICER_PRECEDENCE)
		return (uint8_t)(mark << 2 | (tos & 3));
	if (dscp >= 10 && dscp <= 34 && (dscp & 7) == 2)
		return (uint8_t)(tos + (2 << 2));
	return tos;
}

#endif
