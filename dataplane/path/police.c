/* SPDX-License-Identifier: BSD-3-Clause */
/* What a customer sends beyond the connection's rate is dropped, or marked up to a peak. */
#include "dataplane/path/path.h"

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

/* One look at all slots; those not live may say yes in vain. */
static inline bool any_policed(const struct burst *b)
{
	uint64_t word[BURST / 8], any = 0;

	memcpy(word, b->flags, sizeof(word));
	for (unsigned i = 0; i < ARRAY_SIZE(word); i++)
		any |= word[i];
	return any & UINT64_C(0x0101010101010101) * PACKET_POLICED;
}

/* A burst of one customer: all its bytes from what is in hand. */
static inline bool spend_at_once(struct forwarder *f, const struct burst *b)
{
	const unsigned count = b->count;
	uint32_t id = b->connection[b->live[0]], bytes = 0, other;

	/* Two looks tell most bursts of many from those of one. */
	other = id ^ b->connection[b->live[count - 1]];
	other |= id ^ b->connection[b->live[count / 2]];
	for (unsigned i = 0; i < count && other == 0; i++) {
		unsigned slot = b->live[i];

		other = (id ^ b->connection[slot]) | (~b->flags[slot] & PACKET_POLICED);
		bytes += b->length[slot];
	}
	return other == 0 && policer_spend(&f->committed[id], bytes, b->arrived);
}

void police_burst(struct forwarder *f, struct burst *b)
{
	struct policer_lease *lease = f->committed;
	uint64_t now = b->arrived, gone = 0;
	const unsigned count = b->count;

	if (count == 0 || !any_policed(b) || spend_at_once(f, b))
		return;
	for (unsigned i = 0; i < count; i++) {
		unsigned slot = b->live[i], verdict;

		if (likely_(!(b->flags[slot] & PACKET_POLICED) ||
			    policer_spend(&lease[b->connection[slot]], b->length[slot], now)))
			continue;
		/* A worker that was held up since would find the credit overdrawn. */
		if (now == b->arrived)
			now = clock_tsc();
		verdict = police_ask(f, b, slot, now);
		if (likely_(verdict == VERDICT_GO))
			continue;
		forwarder_drop(f, b, slot, verdict);
		gone |= UINT64_C(1) << i;
	}
	burst_forget(b, gone);
}
