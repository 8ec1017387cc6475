/* SPDX-License-Identifier: BSD-3-Clause */
/* Ethernet and VLAN tags: which attachment a frame belongs to, or that it is the underlay's. */
#include <rte_ether.h>

#include "dataplane/path/path.h"
#include "dataplane/wire/ippacket.h"
#include "dataplane/wire/ethernet.h"

/* What parse keeps of each frame while its attachment is looked up. */
struct parsed {
	uint64_t key[BURST];  /* of port and tags */
	uint32_t id[BURST];   /* of the attachment */
	uint16_t type[BURST]; /* EtherType after the tags */
	uint64_t groups;      /* slots of frames to a group */
};

/* To this station. */
static inline bool for_us(const uint8_t *frame, const uint8_t mac[6])
{
	return memcmp(frame, mac, 6) == 0;
}

/* To a group that may concern us. One with our own source is our own, handed back by the device. */
static bool for_group(const uint8_t *frame, const uint8_t mac[6])
{
	return (frame[0] & 1) && memcmp(frame + 6, mac, 6) != 0;
}

static inline uint8_t family_of(uint16_t type)
{
	return type == RTE_ETHER_TYPE_IPV4 ? IP_4 : type == RTE_ETHER_TYPE_IPV6 ? IP_6 : IP_NONE;
}

/* A frame to a group that carries a packet to one station (RFC 1812 5.3.4): not to be forwarded. */
static bool is_stray(const struct burst *b, unsigned slot, uint16_t type)
{
	if (type == RTE_ETHER_TYPE_IPV6)
		return b->m[slot]->data_len >= b->ip[slot] + 40u &&
		       burst_data(b, slot)[b->ip[slot] + 24] != 0xff;
	return type == RTE_ETHER_TYPE_IPV4;
}

/* The frame alone: sound, and for this station. */
static inline unsigned read_frame(
	struct burst *b, unsigned slot, const uint8_t mac[6], unsigned port, struct parsed *p)
{
	const struct rte_mbuf *m = b->m[slot];
	const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);
	struct ethernet frame;
	unsigned verdict;

	if (unlikely_(m->nb_segs > 1))
		return DROP_RX_CHAINED;
	verdict = ethernet_parse(data, m->data_len, &frame);
	if (unlikely_(verdict != VERDICT_GO))
		return verdict;
	if (unlikely_(!for_us(data, mac))) {
		if (!for_group(data, mac))
			return DROP_NOT_OUR_MAC;
		p->groups |= UINT64_C(1) << slot;
	}
	if (unlikely_(data[6] & 1))
		return DROP_GROUP_SOURCE;
	p->key[slot] = idmap_tags_key((uint16_t)port, frame.tags);
	p->type[slot] = frame.type;
	b->ip[slot] = frame.header;
	return VERDICT_GO;
}

static void read_frames(struct forwarder *f, struct burst *b, unsigned port, struct parsed *p)
{
	const uint8_t *mac = f->snapshot->port[port].mac;
	const struct idmap *attachments = f->fwd->attachments;
	const unsigned count = b->count;
	uint64_t last = UINT64_MAX, gone = 0;

	for (unsigned i = 0; i < count; i++) {
		unsigned slot = b->live[i];
		unsigned verdict = read_frame(b, slot, mac, port, p);

		if (unlikely_(verdict != VERDICT_GO)) {
			forwarder_refuse(f, b, i, verdict, &gone);
			continue;
		}
		if (p->key[slot] != last)
			idmap_prefetch(attachments, p->key[slot]);
		last = p->key[slot];
	}
	burst_forget(b, gone);
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

/* Untagged, and no attachment claims that: of the underlay, where the port has one. */
static unsigned classify_underlay(
	struct forwarder *f, struct burst *b, unsigned slot, unsigned port, const struct parsed *p)
{
	if ((uint32_t)p->key[slot] != ETHERNET_UNTAGGED || f->snapshot->port[port].addresses == 0)
		return DROP_UNKNOWN_TAG;
	b->link[slot] = value_make(LINK_PORT, port);
	return VERDICT_GO;
}

/* Which connection, from the tags. */
static inline unsigned classify(
	struct forwarder *f, struct burst *b, unsigned slot, unsigned port, const struct parsed *p)
{
	const struct fwd_attachment *attachment;
	uint32_t id = p->id[slot];

	if (id == IDMAP_NONE)
		return classify_underlay(f, b, slot, port, p);
	attachment = snapshot_attachment(f->snapshot, id);
	b->link[slot] = value_make(LINK_ATTACHMENT, id);
	b->connection[slot] = attachment->connection;
	b->flags[slot] = (uint8_t)(attachment->policed * PACKET_POLICED);
	b->check[slot] = attachment->source_check;
	rte_prefetch0(&f->meter->connection[attachment->connection].side[METER_ATTACHMENT]);
	return likely_(attachment->used) ? VERDICT_GO : DROP_UNKNOWN_TAG;
}

static inline unsigned parse_one(
	struct forwarder *f, struct burst *b, unsigned slot, unsigned port, const struct parsed *p)
{
	uint16_t type = p->type[slot];
	unsigned verdict = classify(f, b, slot, port, p);

	if (unlikely_(verdict != VERDICT_GO))
		return verdict;
	if (unlikely_(p->groups >> slot & 1) && is_stray(b, slot, type))
		return DROP_MULTICAST;
	b->family[slot] = family_of(type);
	if (likely_(b->family[slot] != IP_NONE))
		return VERDICT_GO;
	return type == RTE_ETHER_TYPE_ARP ? local_arp(f, b, slot) : DROP_UNKNOWN_ETHERTYPE;
}

void parse_burst(struct forwarder *f, struct burst *b, unsigned port)
{
	struct parsed p;
	uint64_t gone = 0;
	unsigned count;

	p.groups = 0;
	read_frames(f, b, port, &p);
	find_attachments(f, b, &p);
	count = b->count;
	for (unsigned i = 0; i < count; i++) {
		unsigned verdict = parse_one(f, b, b->live[i], port, &p);

		if (unlikely_(verdict != VERDICT_GO))
			forwarder_refuse(f, b, i, verdict, &gone);
	}
	burst_forget(b, gone);
}
