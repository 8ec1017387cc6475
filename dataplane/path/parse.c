/* SPDX-License-Identifier: BSD-3-Clause */
/* Ethernet and VLAN tags: which attachment a frame belongs to, or that it is the underlay's. */
#include <rte_ether.h>

#include "dataplane/path/path.h"
#include "dataplane/wire/ippacket.h"
#include "dataplane/wire/ethernet.h"

/* Is this station, or a group that may concern us. A group frame with our own source is our own,
 * handed back by the device. */
static inline bool for_us(const uint8_t *frame, const uint8_t mac[6])
{
	if (likely_(memcmp(frame, mac, 6) == 0))
		return true;
	return (frame[0] & 1) && memcmp(frame + 6, mac, 6) != 0;
}

static inline uint8_t family_of(uint16_t type)
{
	return type == RTE_ETHER_TYPE_IPV4 ? IP_4 : type == RTE_ETHER_TYPE_IPV6 ? IP_6 : IP_NONE;
}

/* A frame to a group that carries a packet to one station (RFC 1812 5.3.4): not to be forwarded. */
static inline bool is_stray_group(const uint8_t *frame, const struct ethernet *at, uint32_t length)
{
	if (likely_(!(frame[0] & 1)))
		return false;
	if (at->type == RTE_ETHER_TYPE_IPV6)
		return length >= at->header + 40u && frame[at->header + 24] != 0xff;
	return at->type == RTE_ETHER_TYPE_IPV4;
}

/* What parse keeps of each frame while its attachment is looked up. */
struct parsed {
	uint64_t key[BURST]; /* of its tags */
	uint32_t id[BURST];  /* of the attachment */
	struct ethernet frame[BURST];
};

/* The frame alone: sound, and for this station. */
static inline unsigned read_frame(
	struct forwarder *f, struct burst *b, unsigned slot, struct parsed *p)
{
	const struct rte_mbuf *m = b->m[slot];
	const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);
	struct ethernet *frame = &p->frame[slot];
	unsigned verdict;

	b->connection[slot] = 0;
	b->ip[slot] = 0;
	if (unlikely_(m->nb_segs > 1))
		return DROP_RX_CHAINED;
	verdict = ethernet_parse(data, m->data_len, frame);
	if (unlikely_(verdict != VERDICT_GO))
		return verdict;
	if (unlikely_(!for_us(data, f->snapshot->port[b->port[slot]].mac)))
		return DROP_NOT_OUR_MAC;
	if (unlikely_(data[6] & 1))
		return DROP_GROUP_SOURCE;
	p->key[slot] = idmap_tags_key(b->port[slot], frame->service, frame->outer, frame->inner);
	return VERDICT_GO;
}

static void read_frames(struct forwarder *f, struct burst *b, struct parsed *p)
{
	uint64_t last = UINT64_MAX;
	unsigned kept = 0;

	for (unsigned i = 0; i < b->count; i++) {
		unsigned slot = b->live[i];
		unsigned verdict = read_frame(f, b, slot, p);

		if (unlikely_(verdict != VERDICT_GO)) {
			forwarder_drop(f, b, slot, verdict);
			continue;
		}
		if (p->key[slot] != last)
			idmap_prefetch(f->fwd->attachments, p->key[slot]);
		last = p->key[slot];
		b->live[kept++] = (uint8_t)slot;
	}
	b->count = kept;
}

/* Frames one behind the other with the same tags are looked up once. */
static void find_attachments(struct forwarder *f, const struct burst *b, struct parsed *p)
{
	uint64_t last = UINT64_MAX;
	uint32_t id = IDMAP_NONE;

	for (unsigned i = 0; i < b->count; i++) {
		unsigned slot = b->live[i];

		if (p->key[slot] != last) {
			last = p->key[slot];
			id = idmap_get(f->fwd->attachments, last);
			if (likely_(id != IDMAP_NONE)) {
				rte_prefetch0(snapshot_attachment(f->snapshot, id));
				rte_prefetch0(&f->meter->attachment[id]);
			}
		}
		p->id[slot] = id;
	}
}

/* Which connection, from the tags; underlay where there are none and no attachment claims that. */
static inline unsigned classify(
	struct forwarder *f, struct burst *b, unsigned slot, const struct parsed *p)
{
	unsigned port = b->port[slot];
	uint32_t id = p->id[slot];

	b->side[slot] = METER_ATTACHMENT;
	if (id != IDMAP_NONE) {
		const struct fwd_attachment *attachment = snapshot_attachment(f->snapshot, id);

		b->link[slot] = value_make(LINK_ATTACHMENT, id);
		b->connection[slot] = attachment->connection;
		b->flags[slot] = (uint8_t)(attachment->policed * PACKET_POLICED);
		b->check[slot] = attachment->source_check;
		rte_prefetch0(&f->meter->connection[attachment->connection].side[METER_ATTACHMENT]);
		return attachment->used ? VERDICT_GO : DROP_UNKNOWN_TAG;
	}
	b->connection[slot] = 0;
	b->link[slot] = value_make(LINK_PORT, port);
	if (p->frame[slot].outer == IDMAP_NO_TAG && f->snapshot->port[port].addresses > 0)
		return VERDICT_GO;
	return DROP_UNKNOWN_TAG;
}

static inline unsigned parse_one(
	struct forwarder *f, struct burst *b, unsigned slot, const struct parsed *p)
{
	const struct ethernet *frame = &p->frame[slot];
	unsigned verdict = classify(f, b, slot, p);

	if (unlikely_(verdict != VERDICT_GO))
		return verdict;
	b->frame[slot] = 0;
	b->ip[slot] = frame->header;
	if (unlikely_(is_stray_group(burst_data(b, slot), frame, b->m[slot]->data_len)))
		return DROP_MULTICAST;
	b->family[slot] = family_of(frame->type);
	if (likely_(b->family[slot] != IP_NONE))
		return VERDICT_GO;
	return frame->type == RTE_ETHER_TYPE_ARP ? local_arp(f, b, slot) : DROP_UNKNOWN_ETHERTYPE;
}

void parse_burst(struct forwarder *f, struct burst *b)
{
	struct parsed p;
	unsigned kept = 0;

	read_frames(f, b, &p);
	find_attachments(f, b, &p);
	for (unsigned i = 0; i < b->count; i++) {
		unsigned slot = b->live[i];
		unsigned verdict = parse_one(f, b, slot, &p);

		if (likely_(verdict == VERDICT_GO))
			b->live[kept++] = (uint8_t)slot;
		else if (verdict != VERDICT_TAKEN)
			forwarder_drop(f, b, slot, verdict);
	}
	b->count = kept;
}
