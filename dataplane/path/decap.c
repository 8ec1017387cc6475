/* SPDX-License-Identifier: BSD-3-Clause */
/* The tunnel around a packet: which path it came by, which connection it belongs to. */
#include <rte_ether.h>
#include <rte_udp.h>

#include "dataplane/path/path.h"
#include "dataplane/wire/bfdpacket.h"
#include "dataplane/wire/ippacket.h"
#include "dataplane/wire/tunnel.h"

struct outer {
	const uint8_t *ip;
	struct ippacket packet;
	const uint8_t *source, *destination;
	uint8_t family, tos;
};

static unsigned outer_reason(unsigned verdict)
{
	return verdict == DROP_IP_CHECKSUM ? DROP_OUTER_CHECKSUM : DROP_OUTER_HEADER;
}

static inline unsigned read_outer4(struct outer *o, uint32_t available)
{
	unsigned verdict = ippacket_inspect4(o->ip, available, &o->packet);

	if (unlikely_(verdict != VERDICT_GO))
		return outer_reason(verdict);
	o->source = o->ip + 12;
	o->destination = o->ip + 16;
	o->tos = o->ip[1];
	return o->packet.fragment ? DROP_OUTER_FRAGMENT : VERDICT_GO;
}

static inline unsigned read_outer6(struct outer *o, uint32_t available)
{
	unsigned verdict = ippacket_inspect6(o->ip, available, &o->packet);

	if (unlikely_(verdict != VERDICT_GO))
		return outer_reason(verdict);
	o->source = o->ip + 8;
	o->destination = o->ip + 24;
	o->tos = (uint8_t)(ippacket_be16(o->ip) >> 4);
	return o->packet.fragment ? DROP_OUTER_FRAGMENT : VERDICT_GO;
}

/* What a packet that is none of a path's dies of: the operator wants to know which part was wrong.
 */
static unsigned no_tunnel(const struct forwarder *f, const struct burst *b, unsigned slot,
	const struct outer *o, unsigned reason)
{
	struct ip_address destination = {.family = o->family};

	memcpy(destination.bytes, o->destination, o->family == IP_4 ? 4 : 16);
	return snapshot_port_has(&f->snapshot->port[b->port[slot]], &destination)
		       ? reason
		       : DROP_OUTER_NOT_LOCAL;
}

static unsigned verify_udp(
	const struct outer *o, const uint8_t *udp, uint32_t length, const struct fwd_path *path)
{
	size_t bytes = o->family == IP_6 ? 16 : 4;
	uint64_t sum;

	if (udp[6] == 0 && udp[7] == 0)
		return o->family == IP_4 || path->accept_zero6 ? VERDICT_GO
							       : DROP_UDP_ZERO_CHECKSUM;
	sum = checksum_pseudo(o->source, o->destination, bytes, IPPROTO_UDP, length);
	return checksum_fold(checksum_add(sum, udp, length)) == 0xffff ? VERDICT_GO
								       : DROP_UDP_CHECKSUM;
}

static inline bool device_verified(const struct forwarder *f, const struct burst *b, unsigned slot)
{
	uint64_t flags = b->m[slot]->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;

	return f->port[b->port[slot]].rx_checksum && flags == RTE_MBUF_F_RX_L4_CKSUM_GOOD;
}

/* What lies inside: an IP packet, or a frame to our router MAC. */
static unsigned read_inner(struct forwarder *f, struct burst *b, unsigned slot,
	const struct fwd_endpoint *endpoint, uint16_t protocol, uint32_t at, uint32_t end)
{
	const uint8_t *frame = burst_data(b, slot) + at;

	b->frame[slot] = BURST_NO_FRAME;
	b->ip[slot] = (uint16_t)at;
	if (protocol == TUNNEL_ETHERNET) {
		if (end - at < 14)
			return DROP_INNER_FRAME;
		if (!(frame[0] & 1) && memcmp(frame, endpoint->mac, 6) != 0)
			return DROP_INNER_MAC;
		if (frame[6] & 1)
			return DROP_GROUP_SOURCE;
		protocol = ippacket_be16(frame + 12);
		b->frame[slot] = (uint16_t)at;
		b->ip[slot] = (uint16_t)(at + 14);
		if (protocol == RTE_ETHER_TYPE_ARP)
			return local_arp(f, b, slot);
		if (protocol != RTE_ETHER_TYPE_IPV4 && protocol != RTE_ETHER_TYPE_IPV6)
			return DROP_INNER_FRAME;
	}
	if (protocol != RTE_ETHER_TYPE_IPV4 && protocol != RTE_ETHER_TYPE_IPV6)
		return DROP_TUNNEL_PROTOCOL;
	if (b->frame[slot] != BURST_NO_FRAME && (frame[0] & 1) && protocol == RTE_ETHER_TYPE_IPV4)
		return DROP_MULTICAST;
	b->family[slot] = protocol == RTE_ETHER_TYPE_IPV4 ? IP_4 : IP_6;
	return VERDICT_GO;
}

/* What decap keeps of each tunnel header while its endpoint is looked up. */
struct tunnels {
	unsigned count;
	uint64_t key[BURST];		/* of site and VNI */
	uint32_t id[BURST];		/* of the endpoint */
	uint32_t at[BURST], end[BURST]; /* of the payload */
	uint16_t protocol[BURST];
};

/* Of the management VNI: for the gateway itself, never a customer's (RFC 9772). */
static unsigned manage(struct forwarder *f, const struct burst *b, unsigned slot, uint32_t at,
	uint32_t end, uint16_t protocol)
{
	b->m[slot]->data_len = (uint16_t)end;
	b->m[slot]->pkt_len = end;
	return forwarder_put_aside(f, b, slot, at, protocol);
}

static unsigned refuse_tunnel(struct forwarder *f, const struct burst *b, unsigned slot,
	const uint8_t *header, uint32_t length, unsigned reason)
{
	uint32_t at = (uint32_t)(header - burst_data(b, slot));

	/* With a sound header, or it would not be known as a control packet. */
	if (reason != DROP_GENEVE_CONTROL || ippacket_be32(header + 4) >> 8 != TUNNEL_MANAGEMENT)
		return reason;
	return manage(f, b, slot, at + 8 + (header[0] & 0x3fu) * 4, at + length,
		ippacket_be16(header + 2));
}

static unsigned read_tunnel(struct forwarder *f, struct burst *b, unsigned slot,
	const struct fwd_path *path, const uint8_t *header, uint32_t length, struct tunnels *t)
{
	uint32_t at = (uint32_t)(header - burst_data(b, slot));
	struct tunnel tunnel;
	unsigned verdict = path->encapsulation == FWD_GENEVE
				   ? tunnel_geneve(header, length, &tunnel)
				   : tunnel_vxlan(header, length, &tunnel);

	if (unlikely_(verdict != VERDICT_GO))
		return refuse_tunnel(f, b, slot, header, length, verdict);
	if (tunnel.bytes > 8 && path->option_offset != 0)
		lanes_receive(f->lanes, f->worker, b->path[slot], header + 8, tunnel.bytes - 8u,
			length - tunnel.bytes, f->arrival);
	t->count++;
	t->key[slot] = idmap_vni_key(path->site, tunnel.vni);
	t->at[slot] = at + tunnel.bytes;
	t->end[slot] = at + length;
	t->protocol[slot] = tunnel.protocol;
	idmap_prefetch(f->fwd->endpoints, t->key[slot]);
	return VERDICT_GO;
}

static unsigned not_tunnel(struct forwarder *f, const struct burst *b, unsigned slot,
	const struct outer *o, uint32_t port)
{
	unsigned reason = no_tunnel(f, b, slot, o, DROP_OUTER_PROTOCOL);

	if (reason != DROP_OUTER_PROTOCOL ||
		(port != BFDPACKET_SINGLE_HOP && port != BFDPACKET_MULTIHOP))
		return reason;
	return forwarder_put_aside(f, b, slot, b->ip[slot],
		o->family == IP_4 ? RTE_ETHER_TYPE_IPV4 : RTE_ETHER_TYPE_IPV6);
}

static unsigned decap_udp(struct forwarder *f, struct burst *b, unsigned slot,
	const struct outer *o, struct tunnels *t)
{
	const uint8_t *udp = o->ip + o->packet.l4_offset;
	uint32_t room = (uint32_t)o->packet.length - o->packet.l4_offset;
	uint32_t length = ippacket_be16(udp + 4), port = ippacket_be16(udp + 2);
	const struct fwd_path *path;
	uint16_t id;
	unsigned verdict;

	if (unlikely_(port != FWD_GENEVE_PORT && port != FWD_VXLAN_PORT))
		return not_tunnel(f, b, slot, o, port);
	id = snapshot_tunnel_at(f->snapshot, o->destination, o->source, o->family,
		port == FWD_GENEVE_PORT ? FWD_GENEVE : FWD_VXLAN);
	path = snapshot_path(f->snapshot, id);
	/* A customer's port must not be a way into the backbone: the path's own port it is. */
	if (unlikely_(id == 0 || path->port != b->port[slot]))
		return no_tunnel(f, b, slot, o, DROP_UNKNOWN_TUNNEL);
	if (unlikely_(length < 8 || length > room))
		return DROP_UDP_LENGTH;
	if (!device_verified(f, b, slot)) {
		verdict = verify_udp(o, udp, length, path);
		if (unlikely_(verdict != VERDICT_GO))
			return verdict;
	}
	b->path[slot] = id;
	b->outer_tos[slot] = o->tos;
	return read_tunnel(f, b, slot, path, udp + 8, length - 8, t);
}

/* The outer headers of one packet of the underlay. */
static inline unsigned decap_one(
	struct forwarder *f, struct burst *b, unsigned slot, struct tunnels *t)
{
	uint32_t available = b->m[slot]->data_len - (uint32_t)b->ip[slot];
	struct outer o = {.ip = burst_data(b, slot) + b->ip[slot], .family = b->family[slot]};
	unsigned verdict =
		o.family == IP_4 ? read_outer4(&o, available) : read_outer6(&o, available);

	if (unlikely_(verdict != VERDICT_GO))
		return verdict;
	if (likely_(o.packet.l4_protocol == IPPROTO_UDP))
		return decap_udp(f, b, slot, &o, t);
	b->length[slot] = o.packet.length;
	b->l4_offset[slot] = o.packet.l4_offset;
	b->l4_protocol[slot] = o.packet.l4_protocol;
	return local_underlay(f, b, slot);
}

static void find_endpoints(struct forwarder *f, const struct burst *b, struct tunnels *t)
{
	for (unsigned i = 0; i < b->count; i++) {
		unsigned slot = b->live[i];

		if (value_kind(b->link[slot]) != LINK_PORT)
			continue;
		t->id[slot] = idmap_get(f->fwd->endpoints, t->key[slot]);
		if (likely_(t->id[slot] != IDMAP_NONE))
			rte_prefetch0(snapshot_endpoint(f->snapshot, t->id[slot]));
	}
}

/* The endpoint is known: whose packet it is, and what lies inside. */
static inline unsigned enter(
	struct forwarder *f, struct burst *b, unsigned slot, const struct tunnels *t)
{
	const struct fwd_endpoint *endpoint;

	if (unlikely_(t->id[slot] == IDMAP_NONE))
		return (t->key[slot] & 0xffffff) == TUNNEL_MANAGEMENT
			       ? manage(f, b, slot, t->at[slot], t->end[slot], t->protocol[slot])
			       : DROP_UNKNOWN_VNI;
	endpoint = snapshot_endpoint(f->snapshot, t->id[slot]);
	if (unlikely_(!endpoint->used))
		return DROP_UNKNOWN_VNI;
	b->link[slot] = value_make(LINK_ENDPOINT, t->id[slot]);
	b->connection[slot] = endpoint->connection;
	b->side[slot] = METER_PATH;
	b->check[slot] = FWD_UNCHECKED;
	b->from_site[slot] = endpoint->site;
	rte_prefetch0(&f->meter->connection[endpoint->connection].side[METER_PATH]);
	/* The frame ends with the UDP payload: what pads the outer frame is not ours. */
	b->m[slot]->data_len = (uint16_t)t->end[slot];
	b->m[slot]->pkt_len = t->end[slot];
	return read_inner(f, b, slot, endpoint, t->protocol[slot], t->at[slot], t->end[slot]);
}

static void enter_burst(struct forwarder *f, struct burst *b, const struct tunnels *t)
{
	const unsigned count = b->count;
	uint64_t gone = 0;

	for (unsigned i = 0; i < count; i++) {
		unsigned slot = b->live[i];
		unsigned verdict = VERDICT_GO;

		if (value_kind(b->link[slot]) == LINK_PORT)
			verdict = enter(f, b, slot, t);
		if (unlikely_(verdict != VERDICT_GO))
			forwarder_refuse(f, b, i, verdict, &gone);
	}
	burst_forget(b, gone);
}

void decap_burst(struct forwarder *f, struct burst *b)
{
	const unsigned count = b->count;
	struct tunnels t;
	uint64_t gone = 0;

	t.count = 0;
	/* Later than the burst itself: the queues before this one took their time. */
	if (f->snapshot->port[b->port[0]].addresses > 0)
		f->arrival = clock_lane(clock_tsc(), f->lane_rate);
	for (unsigned i = 0; i < count; i++) {
		unsigned slot = b->live[i];
		unsigned verdict = VERDICT_GO;

		if (value_kind(b->link[slot]) == LINK_PORT)
			verdict = decap_one(f, b, slot, &t);
		if (unlikely_(verdict != VERDICT_GO))
			forwarder_refuse(f, b, i, verdict, &gone);
	}
	burst_forget(b, gone);
	if (t.count == 0)
		return;
	find_endpoints(f, b, &t);
	enter_burst(f, b, &t);
}
