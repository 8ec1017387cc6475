/* SPDX-License-Identifier: BSD-3-Clause */
/* What a customer sends beyond the connection's rate is dropped, or marked up to a peak. */
#include "dataplane/path/path.h"

#define AHEAD 4 /* slots between a lease's prefetch and its use */

static void mark(struct forwarder *f, struct burst *b, unsigned slot)
{
	struct meter_police *police = &f->meter->connection[b->connection[slot]].police;

	b->flags[slot] |= PACKET_EXCESS;
	police->marked_packets++;
	police->marked_bytes += b->length[slot];
}

/* The credit in hand does not do. */
static unsigned police_ask(struct forwarder *f, struct burst *b, unsigned slot, uint64_t now)
{
	uint32_t id = b->connection[slot];
	const struct fwd_connection *c = snapshot_connection(f->snapshot, id);
	struct policer *policer = &f->fwd->policer[id];
	uint16_t bytes = b->length[slot];

	if (policer_ask(&policer->committed, &c->committed, &f->committed[id], bytes, now))
		return VERDICT_GO;
	if (c->excess.cost != 0 &&
		policer_take(&policer->excess, &c->excess, &f->excess[id], bytes, now)) {
		mark(f, b, slot);
		return VERDICT_GO;
	}
	f->meter->connection[id].police.policed_bytes += bytes;
	return DROP_POLICED;
}

void police_burst(struct forwarder *f, struct burst *b)
{
	uint64_t now = b->arrived;
	unsigned kept = 0;

	for (unsigned i = 0; i < b->count; i++) {
		unsigned slot = b->live[i], verdict = VERDICT_GO;
		uint32_t id = b->connection[slot];

		/* Behind the last slot stand those of an earlier burst, which do no harm. */
		__builtin_prefetch(&f->committed[b->connection[b->live[(i + AHEAD) % BURST]]], 1);
		if ((b->flags[slot] & PACKET_POLICED) &&
			unlikely_(!policer_spend(&f->committed[id], b->length[slot], now))) {
			/* A worker that was held up since would find the credit overdrawn. */
			if (now == b->arrived)
				now = clock_tsc();
			verdict = police_ask(f, b, slot, now);
		}
		if (likely_(verdict == VERDICT_GO))
			b->live[kept++] = (uint8_t)slot;
		else
			forwarder_drop(f, b, slot, verdict);
	}
	b->count = kept;
}
