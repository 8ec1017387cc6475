/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/stress/flowpeer.h"

#include <time.h>

#include <rte_cycles.h>

#include "tests/stress/flowframe.h"
#include "tests/tools/answer.h"
#include "tests/tools/testbed.h"

#define AT_ONCE 128 /* packets: no ring is too small for them */

static bool send_one(struct flowpeer *p)
{
	unsigned flow = (unsigned)(p->sent % p->flows);
	uint8_t f[FLOWFRAME_ROOM];

	flowframe_make(f, flow, p->next[flow]);
	if (!testbed_inject(p->gateway, 0, flow % p->queues, f, FLOWFRAME_BYTES, 1))
		return false;
	p->next[flow]++;
	p->sent++;
	return true;
}

/* from: TSC at which the first packet was due. */
static void send_due(struct flowpeer *p, uint64_t from)
{
	uint64_t step = rte_get_tsc_hz() / atomic_load(&p->rate), now = rte_rdtsc();

	for (unsigned i = 0;
		i < AT_ONCE && now > from && p->sent < p->wanted && p->sent < (now - from) / step;
		i++)
		if (!send_one(p))
			break;
}

void flowpeer_drain(struct flowpeer *p, unsigned port)
{
	if (answer_port(p->gateway, port, p->take) > 0)
		atomic_store(&p->ready, true);
}

static void *run(void *argument)
{
	struct timespec nap = {.tv_nsec = 50000};
	struct flowpeer *p = argument;
	uint64_t from = 0;

	while (!atomic_load(&p->stop)) {
		flowpeer_drain(p, 0);
		flowpeer_drain(p, 1);
		if (from == 0 && atomic_load(&p->ready))
			from = rte_rdtsc() + rte_get_tsc_hz() / 20;
		if (from != 0)
			send_due(p, from);
		if (p->sent == p->wanted)
			atomic_store(&p->all_sent, true);
		nanosleep(&nap, NULL);
	}
	return NULL;
}

int flowpeer_start(struct flowpeer *p)
{
	return -pthread_create(&p->thread, NULL, run, p);
}

void flowpeer_stop(struct flowpeer *p)
{
	atomic_store(&p->stop, true);
	pthread_join(p->thread, NULL);
}
