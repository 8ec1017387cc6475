/* SPDX-License-Identifier: BSD-3-Clause */
/* Spreading what one queue received over all workers, by bucket of the flow hash, so that the order
 * in a flow is kept. Which worker a bucket has changes in worker/move.c only, never inside a burst.
 */
#include "dataplane/path/path.h"

static void hand_over(
	struct forwarder *f, struct burst *b, unsigned to, const uint8_t *slots, unsigned count)
{
	void *m[BURST];
	unsigned taken;

	for (unsigned i = 0; i < count; i++) {
		forwarder_store(b, slots[i], PACKET_ROUTE);
		packet_of(b->m[slots[i]])->queue = f->queue;
		m[i] = b->m[slots[i]];
		/* Counted before the other side can see it; taken back below for what did not fit.
		 */
		f->meter->connection[b->connection[slots[i]]].side[b->side[slots[i]]].ring_out++;
	}
	taken = rte_ring_sp_enqueue_burst(f->hop[to], m, count, NULL);
	f->hop_sent[to] += taken;
	f->meter->ring_sent[to] += taken;
	f->meter->spread[to] += to == f->worker ? 0 : taken;
	f->meter->ring_full[to] += count - taken;
	for (unsigned i = taken; i < count; i++) {
		f->meter->connection[b->connection[slots[i]]].side[b->side[slots[i]]].ring_out--;
		forwarder_drop(f, b, slots[i], to == f->worker ? DROP_HOLD_FULL : DROP_RING_FULL);
	}
}

void hop_burst(struct forwarder *f, struct burst *b)
{
	uint8_t out[FORWARDER_WORKERS][BURST];
	uint8_t outs[FORWARDER_WORKERS] = {0};
	unsigned kept = 0;

	for (unsigned i = 0; i < b->count; i++) {
		unsigned slot = b->live[i];
		unsigned to = f->bucket[forwarder_bucket(b->hash[slot])];

		if (to == f->worker)
			b->live[kept++] = (uint8_t)slot;
		else if (likely_(to != FORWARDER_HELD))
			out[to][outs[to]++] = (uint8_t)slot;
		else
			out[f->worker][outs[f->worker]++] = (uint8_t)slot;
	}
	f->meter->spread[f->worker] += kept;
	b->count = kept;
	for (unsigned to = 0; to < f->workers; to++)
		if (outs[to] > 0)
			hand_over(f, b, to, out[to], outs[to]);
}
