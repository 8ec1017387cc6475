/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/fwd/policer.h"

#include <stdlib.h>
#include <string.h>

#define LEASES_A_SECOND 5000  /* one in 200 us */
#define LEASE_LEAST	16384 /* bytes */
#define LEASE_SHARE	400   /* of a second's rate over all workers: 0.25 % */
#define LEASE_DEPTH	4     /* of the depth over all workers: a quarter */
#define LEASE_MOST	UINT32_C(0x40000000)
#define PACKET_MOST	65535

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t most(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

struct policer_rate policer_rate(
	uint64_t bytes_per_second, uint64_t burst, uint32_t packet, unsigned workers, uint64_t hz)
{
	struct policer_rate rate;
	double cycles = (double)hz / (double)bytes_per_second;
	uint64_t lease = most(bytes_per_second / LEASES_A_SECOND, LEASE_LEAST);

	burst = most(burst, most(2 * (uint64_t)packet, bytes_per_second / 1000));
	lease = least(lease, bytes_per_second / LEASE_SHARE / workers);
	lease = least(lease, burst / LEASE_DEPTH / workers);
	rate.cost = most((uint64_t)(cycles * (1 << POLICER_SHIFT) + 0.5), 1);
	rate.depth = (uint64_t)((double)burst * cycles);
	rate.lease = (uint32_t)least(lease, LEASE_MOST);
	return rate;
}

uint64_t policer_default_burst(uint64_t bytes_per_second, uint32_t packet)
{
	return most(bytes_per_second / 100, 4 * (uint64_t)packet);
}

struct policer *policer_create(uint32_t count)
{
	struct policer *policer = aligned_alloc(CACHE_LINE, sizeof(*policer) * (size_t)count);

	for (uint32_t i = 0; policer != NULL && i < count; i++)
		policer_fill(&policer[i], 0);
	return policer;
}

void policer_fill(struct policer *policer, uint64_t now)
{
	uint64_t full = now - (uint64_t)INT64_MAX / 2;

	atomic_store_explicit(&policer->committed, full, memory_order_relaxed);
	atomic_store_explicit(&policer->excess, full, memory_order_relaxed);
}

static uint64_t cost_of(const struct policer_rate *rate, uint64_t bytes)
{
	return bytes * rate->cost >> POLICER_SHIFT;
}

/* Bytes that so many cycles pay for, up to what is wanted. */
static uint32_t affordable(const struct policer_rate *rate, int64_t cycles, uint32_t want)
{
	if (cycles < 0)
		return 0;
	if ((uint64_t)cycles >= cost_of(rate, want))
		return want;
	return (uint32_t)(((uint64_t)cycles << POLICER_SHIFT) / rate->cost);
}

/* The next to ask is a lease's worth of time later. */
static void wait(const struct policer_rate *rate, struct policer_lease *lease, uint64_t now)
{
	lease->until = now + cost_of(rate, rate->lease);
	lease->partial = 1;
}

bool policer_ask(_Atomic uint64_t *word, const struct policer_rate *rate,
	struct policer_lease *lease, uint32_t bytes, uint64_t now)
{
	uint64_t rest, next, old;
	uint32_t want, have;

	if (lease->partial && (int64_t)(lease->until - now) > 0)
		return false;
	want = (uint32_t)most(rate->lease, bytes);
	/* Of a lease under an earlier, higher rate only what could be one of this rate counts. */
	rest = cost_of(rate, least(lease->bytes, most(rate->lease, PACKET_MOST)));
	old = atomic_load_explicit(word, memory_order_relaxed);
	do {
		int64_t credit = (int64_t)(now - old), depth = (int64_t)rate->depth;

		/* What is in hand goes back first. */
		credit = (credit < depth ? credit : depth) + (int64_t)rest;
		credit = credit < depth ? credit : depth;
		have = affordable(rate, credit, want);
		if (have < bytes) {
			wait(rate, lease, now);
			return policer_spend(lease, bytes, now);
		}
		next = now - (uint64_t)credit + cost_of(rate, have);
	} while (!atomic_compare_exchange_weak_explicit(
		word, &old, next, memory_order_relaxed, memory_order_relaxed));
	lease->bytes = have - bytes;
	lease->partial = 0;
	lease->until = now + rate->depth;
	if (have < want)
		wait(rate, lease, now);
	return true;
}
