/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Threads lease of one rate as fast as they can. The clock in the word must have moved by
 * exactly what all leases together cost, whatever came between a look and a swap; and nobody got
 * more than the rate. A second rate changes all the time beside it.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <rte_cycles.h>

#include "dataplane/fwd/policer.h"

#define THREADS	  2
#define HZ	  UINT64_C(2000000000) /* as the rates see it; the TSC may differ */
#define RATE	  UINT64_C(2000000000) /* bytes in HZ cycles: one each */
#define LONG_TIME 1000		       /* seconds of burst: never full */

struct leaser {
	pthread_t thread;
	uint64_t random;
	struct policer_lease lease, other;
	uint64_t passed, other_passed, asked;
};

static struct policer *policer;
static struct policer_rate steady, rates[2];
static _Atomic(const struct policer_rate *) changing;
static atomic_bool stop;

static uint32_t size_of_next(struct leaser *l)
{
	l->random = l->random * 6364136223846793005u + 1442695040888963407u;
	return 64 + (uint32_t)(l->random >> 33) % 1437;
}

static void *leaser_main(void *argument)
{
	struct leaser *l = argument;

	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		const struct policer_rate *now_valid = atomic_load(&changing);
		uint64_t now = rte_rdtsc();

		for (unsigned i = 0; i < 64; i++) {
			uint32_t bytes = size_of_next(l);

			l->asked += l->lease.bytes < bytes;
			if (policer_take(&policer->committed, &steady, &l->lease, bytes, now))
				l->passed += bytes;
			if (policer_take(&policer->excess, now_valid, &l->other, bytes, now))
				l->other_passed += bytes;
		}
	}
	return NULL;
}

static int judge(const struct leaser *leaser, uint64_t moved, uint64_t elapsed)
{
	uint64_t passed = 0, leased = 0, asked = 0, other = 0;
	bool good;

	for (unsigned i = 0; i < THREADS; i++) {
		passed += leaser[i].passed;
		leased += leaser[i].passed + leaser[i].lease.bytes;
		asked += leaser[i].asked;
		other += leaser[i].other_passed;
	}
	/* A byte costs a cycle, so there is nothing to round. */
	good = leased == moved && leased <= elapsed && passed > elapsed / 2;
	/* At most twice the rate, and what the burst holds. */
	good &= other > elapsed / 2 && other <= 2 * elapsed + RATE / 50;
	printf("%" PRIu64 " cycles, clock moved by %" PRIu64 ", leased %" PRIu64 ", passed %" PRIu64
	       ", %" PRIu64 " looks; changing rate: %" PRIu64 "\n%s\n",
		elapsed, moved, leased, passed, asked, other, good ? "good" : "FAILED");
	return good ? 0 : 1;
}

int main(void)
{
	struct leaser leaser[THREADS] = {0};
	struct timespec nap = {.tv_nsec = 200000};
	uint64_t start, end, first;

	policer = policer_create(1);
	steady = policer_rate(RATE, RATE * LONG_TIME, 1500, THREADS, HZ);
	rates[0] = policer_rate(RATE, 0, 1500, THREADS, HZ);
	rates[1] = policer_rate(2 * RATE, 0, 1500, THREADS, HZ);
	atomic_init(&changing, &rates[0]);
	if (policer == NULL || steady.cost != UINT64_C(1) << POLICER_SHIFT)
		return 1;
	start = first = rte_rdtsc();
	atomic_store(&policer->committed, first);
	for (unsigned i = 0; i < THREADS; i++) {
		leaser[i].random = first + i;
		if (pthread_create(&leaser[i].thread, NULL, leaser_main, &leaser[i]) != 0)
			return 1;
	}
	for (unsigned i = 0; i < 5000 && rte_rdtsc() - start < 2 * HZ; i++) {
		atomic_store(&changing, &rates[i % 2]);
		nanosleep(&nap, NULL);
	}
	atomic_store(&stop, true);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(leaser[i].thread, NULL);
	end = rte_rdtsc();
	first = atomic_load(&policer->committed) - first;
	free(policer);
	return judge(leaser, first, end - start);
}
