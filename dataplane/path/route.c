/* SPDX-License-Identifier: BSD-3-Clause */
/* Where a packet goes, and whether it may: everything that can refuse it, before anything is
 * stored. */
#include "dataplane/path/path.h"
#include "dataplane/wire/ippacket.h"
#include "dataplane/wire/flowhash.h"

/* Destination and source look-ups of a burst, to be answered in one go. */
struct keys {
	unsigned count4, count6;
	uint32_t table4[2 * BURST], table6[2 * BURST];
	uint32_t address4[2 * BURST];
	struct lpm6_key address6[2 * BURST];
	uint32_t value4[2 * BURST], value6[2 * BURST];
	uint32_t *answer4[2 * BURST], *answer6[2 * BURST];
};

static inline void add_key(struct keys *k, const struct burst *b, unsigned slot, unsigned at4,
	unsigned at6, uint32_t *answer)
{
	const uint8_t *packet = burst_packet(b, slot);

	if (b->family[slot] == IP_4) {
		k->table4[k->count4] = b->connection[slot];
		k->address4[k->count4] = ippacket_be32(packet + at4);
		k->answer4[k->count4++] = answer;
	} else {
		k->table6[k->count6] = b->connection[slot];
		k->address6[k->count6].high = ippacket_be64(packet + at6);
		k->address6[k->count6].low = ippacket_be64(packet + at6 + 8);
		k->answer6[k->count6++] = answer;
	}
}

static void look_up(struct forwarder *f, struct burst *b, uint32_t *source)
{
	struct keys k;

	k.count4 = k.count6 = 0;
	for (unsigned i = 0; i < b->count; i++) {
		unsigned slot = b->live[i];

		if (unlikely_(b->ready[slot]))
			continue;
		add_key(&k, b, slot, 16, 24, &b->value[slot]);
		if (b->check[slot] != FWD_UNCHECKED)
			add_key(&k, b, slot, 12, 8, &source[slot]);
	}
	if (k.count4 > 0)
		lpm4_lookup(f->fwd->lpm, k.table4, k.address4, k.value4, k.count4);
	if (k.count6 > 0)
		lpm6_lookup(f->fwd->lpm, k.table6, k.address6, k.value6, k.count6);
	for (unsigned i = 0; i < k.count4; i++)
		*k.answer4[i] = k.value4[i];
	for (unsigned i = 0; i < k.count6; i++)
		*k.answer6[i] = k.value6[i];
}

static inline const struct neighbour *neighbour_at(const struct forwarder *f, uint32_t id)
{
	return &f->fwd->neighbours.entry[id];
}

/* One of the route's next hops is on this attachment. */
static bool names_attachment(const struct forwarder *f, uint32_t value, uint32_t attachment)
{
	const struct fwd_set *set;

	switch (value_kind(value)) {
	case VALUE_GLEAN:
		return value_id(value) == attachment;
	case VALUE_NEIGHBOUR:
		return neighbour_at(f, value_id(value))->link ==
		       value_make(LINK_ATTACHMENT, attachment);
	case VALUE_SET:
		set = snapshot_set(f->snapshot, value_id(value));
		for (unsigned i = 0; i < set->hops; i++)
			if (set->attachment[i] == attachment)
				return true;
		return false;
	default:
		return false;
	}
}

static inline bool source_allowed(
	const struct forwarder *f, const struct burst *b, unsigned slot, uint32_t value)
{
	uint32_t id = value_id(b->link[slot]);
	unsigned kind = value_kind(value);
	bool by_attachment = kind == VALUE_GLEAN || kind == VALUE_NEIGHBOUR || kind == VALUE_SET;

	switch (b->check[slot]) {
	case FWD_FEASIBLE:
		return by_attachment;
	case FWD_STRICT:
		return names_attachment(f, value, id);
	default: /* loose */
		return by_attachment || kind == VALUE_ENDPOINT;
	}
}

/* What the packets of a burst mostly share: the site last looked at, with its live paths. */
struct last_site {
	uint16_t id; /* 0: none yet */
	uint64_t live;
	const struct fwd_site *site;
};

static inline void look_at_site(const struct forwarder *f, struct last_site *last, uint16_t id)
{
	if (likely_(last->id == id))
		return;
	last->id = id;
	last->live = liveness_mask(&f->fwd->liveness[id]);
	last->site = snapshot_site(f->snapshot, id);
}

/* The best live path of the flow's bucket; failing all its ranks, any live path. 0: none. */
static inline uint16_t choose_path(const struct last_site *last, uint64_t hash)
{
	const struct fwd_site *site = last->site;
	const uint8_t *rank = site->bucket[flowhash_bucket(hash) % FWD_BUCKETS];

	for (unsigned i = 0; i < FWD_RANKS && rank[i] != FWD_NO_PATH; i++)
		if (likely_(last->live >> rank[i] & 1))
			return site->path[rank[i]];
	for (unsigned i = 0; i < FWD_SITE_PATHS; i++)
		if ((last->live >> i & 1) && site->path[i] != 0)
			return site->path[i];
	return 0;
}

static inline unsigned to_endpoint(
	struct forwarder *f, struct burst *b, unsigned slot, uint32_t id, struct last_site *last)
{
	const struct fwd_endpoint *endpoint = snapshot_endpoint(f->snapshot, id);
	const struct fwd_path *path;
	uint16_t chosen;

	if (unlikely_(b->from_site[slot] == endpoint->site && !b->ready[slot]))
		return DROP_SAME_SITE;
	look_at_site(f, last, endpoint->site);
	chosen = choose_path(last, b->hash[slot]);
	path = snapshot_path(f->snapshot, chosen);
	b->out[slot] = value_make(LINK_ENDPOINT, id);
	b->out_path[slot] = chosen;
	b->endpoint[slot] = endpoint;
	b->leave_by[slot] = path;
	if (unlikely_(chosen == 0))
		return DROP_NO_LIVE_PATH;
	b->next_hop[slot] = neighbour_load(neighbour_at(f, path->neighbour));
	if (unlikely_(!neighbour_usable(b->next_hop[slot])))
		return DROP_NO_LIVE_PATH;
	if (endpoint->payload == FWD_PAYLOAD_IP && path->payload == FWD_PAYLOAD_IP)
		return VERDICT_GO;
	b->peer[slot] = neighbour_load(neighbour_at(f, endpoint->peer[b->family[slot] == IP_6]));
	/* A ready frame brings its own inner addresses: it may be the very question. */
	return neighbour_usable(b->peer[slot]) || b->ready[slot] ? VERDICT_GO
								 : DROP_NEIGHBOUR_UNRESOLVED;
}

static unsigned to_neighbour(struct forwarder *f, struct burst *b, unsigned slot, uint32_t id)
{
	const struct neighbour *neighbour = neighbour_at(f, id);

	b->next_hop[slot] = neighbour_load(neighbour);
	b->out[slot] = neighbour->link;
	if (likely_(neighbour_usable(b->next_hop[slot])))
		return VERDICT_GO;
	b->value[slot] = value_make(VALUE_NEIGHBOUR, id);
	if (neighbour_state(b->next_hop[slot]) == NEIGHBOUR_FAILED)
		return DROP_NEIGHBOUR_UNRESOLVED;
	return local_hold(f, b, slot);
}

/* The flow's next hop of a set, or the first after it that can be used. */
static unsigned to_set(struct forwarder *f, struct burst *b, unsigned slot, uint32_t id)
{
	const struct fwd_set *set = snapshot_set(f->snapshot, id);
	unsigned first = set->bucket[flowhash_bucket(b->hash[slot]) % FWD_SET_BUCKETS];

	for (unsigned i = 0; i < set->hops; i++) {
		uint32_t hop = set->neighbour[(first + i) % set->hops];

		if (neighbour_usable(neighbour_load(neighbour_at(f, hop))))
			return to_neighbour(f, b, slot, hop);
	}
	return set->hops == 0 ? DROP_STALE : to_neighbour(f, b, slot, set->neighbour[first]);
}

static inline uint8_t time_to_live(const struct burst *b, unsigned slot)
{
	return burst_packet(b, slot)[b->family[slot] == IP_4 ? 8 : 7];
}

/* What is neither one path group nor one next hop, and what lives no longer. */
static unsigned elsewhere(struct forwarder *f, struct burst *b, unsigned slot, bool expired)
{
	switch (value_kind(b->value[slot])) {
	case VALUE_NONE:
		icmp_send(f, b, slot, ICMPERROR_NO_ROUTE, 0);
		return DROP_NO_ROUTE;
	case VALUE_BLACKHOLE:
		return DROP_BLACKHOLE;
	case VALUE_LOCAL:
	case VALUE_LOCAL_ENDPOINT:
		return local_deliver(f, b, slot);
	default:
		break;
	}
	if (expired) {
		icmp_send(f, b, slot, ICMPERROR_TIME, 0);
		return DROP_TTL_EXPIRED;
	}
	return value_kind(b->value[slot]) == VALUE_SET
		       ? to_set(f, b, slot, value_id(b->value[slot]))
		       : local_hold(f, b, slot); /* VALUE_GLEAN */
}

static inline unsigned next_hop(
	struct forwarder *f, struct burst *b, unsigned slot, struct last_site *last)
{
	uint32_t id = value_id(b->value[slot]);
	unsigned kind = value_kind(b->value[slot]);
	bool expired = time_to_live(b, slot) <= 1 && !(b->flags[slot] & PACKET_OURS);

	if (likely_(kind == VALUE_ENDPOINT && !expired))
		return to_endpoint(f, b, slot, id, last);
	if (likely_(kind == VALUE_NEIGHBOUR && !expired))
		return to_neighbour(f, b, slot, id);
	return elsewhere(f, b, slot, expired);
}

static unsigned oversize(
	struct forwarder *f, struct burst *b, unsigned slot, uint16_t mtu, bool fragment)
{
	bool keep_whole = b->family[slot] == IP_6 || (burst_packet(b, slot)[6] & 0x40);

	if (keep_whole) {
		icmp_send(f, b, slot, ICMPERROR_TOO_BIG, mtu);
		return DROP_MTU_EXCEEDED;
	}
	return fragment ? fragment_packet(f, b, slot, mtu) : DROP_MTU_EXCEEDED;
}

static inline unsigned check_size(struct forwarder *f, struct burst *b, unsigned slot)
{
	const struct fwd_endpoint *endpoint;
	const struct fwd_attachment *attachment;
	uint32_t id = value_id(b->out[slot]);

	if (value_kind(b->out[slot]) == LINK_ENDPOINT) {
		endpoint = b->endpoint[slot];
		if (likely_(b->length[slot] <= endpoint->mtu))
			return VERDICT_GO;
		return oversize(f, b, slot, endpoint->mtu, endpoint->fragment);
	}
	attachment = snapshot_attachment(f->snapshot, id);
	if (likely_(b->length[slot] <= attachment->mtu))
		return VERDICT_GO;
	return oversize(f, b, slot, attachment->mtu, true);
}

static inline unsigned route_one(struct forwarder *f, struct burst *b, unsigned slot,
	uint32_t source, struct last_site *last)
{
	unsigned verdict;

	if (unlikely_(b->ready[slot]))
		return value_kind(b->out[slot]) == LINK_ENDPOINT
			       ? to_endpoint(f, b, slot, value_id(b->out[slot]), last)
			       : VERDICT_GO;
	if (b->check[slot] != FWD_UNCHECKED && unlikely_(!source_allowed(f, b, slot, source)))
		return DROP_SOURCE_CHECK;
	verdict = next_hop(f, b, slot, last);
	return likely_(verdict == VERDICT_GO) ? check_size(f, b, slot) : verdict;
}

static inline unsigned prefetch_neighbour(const struct forwarder *f, uint32_t id)
{
	rte_prefetch0(neighbour_at(f, id));
	return 1;
}

/* With thousands of customers what a route names is in no near cache: all of a burst's are asked
 * for before the first is needed, and then what those name in turn. */
static void fetch_ahead(struct forwarder *f, const struct burst *b)
{
	const unsigned count = b->count;
	unsigned neighbours = 0;

	for (unsigned i = 0; i < count; i++) {
		unsigned slot = b->live[i];
		uint32_t value = b->value[slot];

		rte_prefetch0(snapshot_connection(f->snapshot, b->connection[slot]));
		if (value_kind(value) == VALUE_ENDPOINT && !b->ready[slot])
			rte_prefetch0(snapshot_endpoint(f->snapshot, value_id(value)));
		else if (value_kind(value) == VALUE_NEIGHBOUR && !b->ready[slot])
			neighbours += prefetch_neighbour(f, value_id(value));
	}
	for (unsigned i = 0; i < b->count && neighbours > 0; i++) {
		uint32_t value = b->value[b->live[i]], link;

		if (value_kind(value) != VALUE_NEIGHBOUR || b->ready[b->live[i]])
			continue;
		link = neighbour_at(f, value_id(value))->link;
		if (likely_(value_kind(link) == LINK_ATTACHMENT)) {
			rte_prefetch0(snapshot_attachment(f->snapshot, value_id(link)));
			rte_prefetch0(&f->meter->attachment[value_id(link)]);
		}
	}
}

void route_burst(struct forwarder *f, struct burst *b)
{
	struct last_site last = {0};
	const unsigned count = b->count;
	uint32_t source[BURST];
	uint64_t gone = 0;

	look_up(f, b, source);
	fetch_ahead(f, b);
	for (unsigned i = 0; i < count; i++) {
		unsigned slot = b->live[i];
		unsigned verdict = route_one(f, b, slot, source[slot], &last);

		if (unlikely_(verdict != VERDICT_GO))
			forwarder_refuse(f, b, i, verdict, &gone);
	}
	burst_forget(b, gone);
}
