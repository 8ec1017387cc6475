/* SPDX-License-Identifier: BSD-3-Clause */
/* The stores: what forwarding changes in a packet, and the header it leaves with. Nothing here
 * fails. */
#include <arpa/inet.h>

#include <rte_ether.h>

#include "dataplane/wire/mss.h"
#include "dataplane/path/path.h"
#include "dataplane/wire/ippacket.h"
#include "dataplane/wire/ecn.h"
#include "dataplane/wire/ipedit.h"
#include "dataplane/wire/flowhash.h"
#include "dataplane/wire/tunnel.h"

/* What the tunnel's end does to the packet inside: ECN by RFC 6040, DSCP under uniform. */
static inline void leave_tunnel(struct forwarder *f, const struct burst *b, unsigned slot,
	uint8_t *packet, const struct fwd_connection *connection)
{
	uint8_t outer = b->outer_tos[slot], before, ecn, dscp;

	if (likely_((outer & ECN_MASK) == ECN_NOT && !connection->dscp_uniform))
		return;
	before = ipedit_tos(packet, b->family[slot]);
	ecn = ecn_decapsulate[before & ECN_MASK][outer & ECN_MASK] & ECN_MASK;
	dscp = connection->dscp_uniform ? outer & 0xfc : before & 0xfc;
	if ((dscp | ecn) == before)
		return;
	if (ecn != (before & ECN_MASK))
		forwarder_note(f, b->connection[slot], METER_NOTE_ECN_MARKED);
	ipedit_set_tos(packet, b->family[slot], dscp | ecn);
}

static inline uint16_t lower_mss(uint16_t a, uint16_t b)
{
	return a != 0 && (b == 0 || a < b) ? a : b;
}

static uint16_t mss_of(const struct forwarder *f, uint32_t link, uint8_t family)
{
	uint32_t id = value_id(link);

	if (value_kind(link) == LINK_ENDPOINT) {
		const struct fwd_endpoint *e = snapshot_endpoint(f->snapshot, id);

		return family == IP_4 ? e->mss4 : e->mss6;
	}
	if (value_kind(link) == LINK_ATTACHMENT) {
		const struct fwd_attachment *a = snapshot_attachment(f->snapshot, id);

		return family == IP_4 ? a->mss4 : a->mss6;
	}
	return 0;
}

static void clamp_mss(struct forwarder *f, struct burst *b, unsigned slot, uint8_t *packet)
{
	uint16_t mss = lower_mss(mss_of(f, b->link[slot], b->family[slot]),
		mss_of(f, b->out[slot], b->family[slot]));

	if (mss != 0 && mss_clamp(packet + b->l4_offset[slot],
				(uint32_t)(b->length[slot] - b->l4_offset[slot]), mss))
		forwarder_note(f, b->connection[slot], METER_NOTE_MSS_CLAMPED);
}

static inline void forward_packet(struct forwarder *f, struct burst *b, unsigned slot,
	const struct fwd_connection *connection)
{
	uint8_t *packet = burst_packet(b, slot);

	if (unlikely_(b->flags[slot] & (PACKET_OURS | PACKET_EXCESS))) {
		if (b->flags[slot] & PACKET_OURS)
			return;
		/* Under pipe the customer's DSCP is his own: only the outer one says it. */
		if (connection->dscp_uniform)
			ipedit_set_tos(packet, b->family[slot],
				policer_mark(ipedit_tos(packet, b->family[slot]),
					connection->excess_mark));
	}
	ipedit_decrement_ttl(packet, b->family[slot]);
	if (b->side[slot] == METER_PATH)
		leave_tunnel(f, b, slot, packet, connection);
	/* SYN set: the only segments that carry an MSS. */
	if (b->l4_protocol[slot] == IPPROTO_TCP && (packet[b->l4_offset[slot] + 13] & 0x02))
		clamp_mss(f, b, slot, packet);
}

static inline uint8_t *prepend(struct rte_mbuf *m, uint16_t bytes)
{
	m->data_off = (uint16_t)(m->data_off - bytes);
	m->data_len = (uint16_t)(m->data_len + bytes);
	m->pkt_len += bytes;
	return rte_pktmbuf_mtod(m, uint8_t *);
}

static inline void store_mac(uint8_t *frame, uint64_t word)
{
	memcpy(frame, &word, 6);
}

static inline void store_type(uint8_t *at, uint8_t family)
{
	uint16_t type = family == IP_4 ? htons(RTE_ETHER_TYPE_IPV4) : htons(RTE_ETHER_TYPE_IPV6);

	memcpy(at, &type, 2);
}

static inline void encap_attachment(struct forwarder *f, struct burst *b, unsigned slot)
{
	uint32_t id = value_id(b->out[slot]);
	const struct fwd_attachment *attachment = snapshot_attachment(f->snapshot, id);
	uint8_t *frame;

	if (unlikely_(b->ready[slot])) {
		uint8_t mac[6], type[2];

		/* An untagged frame of ours: the tags go between its addresses and its type. */
		memcpy(mac, burst_data(b, slot), 6);
		memcpy(type, burst_data(b, slot) + 12, 2);
		frame = prepend(b->m[slot], (uint16_t)(attachment->l2_length - 14));
		memcpy(frame, attachment->l2, attachment->l2_length);
		memcpy(frame, mac, 6);
		memcpy(frame + attachment->l2_length - 2, type, 2);
	} else {
		frame = prepend(b->m[slot], attachment->l2_length);
		memcpy(frame, attachment->l2, attachment->l2_length);
		store_mac(frame, b->next_hop[slot]);
		store_type(frame + attachment->l2_length - 2, b->family[slot]);
	}
	b->out_port[slot] = attachment->port;
	b->count_as[slot] = b->out[slot];
}

/* The payload's own header, where it is a frame. Answers the tunnel's protocol type, in
 * network order. */
static inline uint16_t inner_frame(struct burst *b, unsigned slot,
	const struct fwd_endpoint *endpoint, const struct fwd_path *path)
{
	uint8_t *frame;

	if (unlikely_(b->ready[slot]))
		return htons(TUNNEL_ETHERNET);
	if (likely_((endpoint->payload | path->payload) == FWD_PAYLOAD_IP))
		return b->family[slot] == IP_4 ? htons(RTE_ETHER_TYPE_IPV4)
					       : htons(RTE_ETHER_TYPE_IPV6);
	frame = prepend(b->m[slot], 14);
	store_mac(frame, b->peer[slot]);
	memcpy(frame + 6, endpoint->mac, 6);
	store_type(frame + 12, b->family[slot]);
	return htons(TUNNEL_ETHERNET);
}

/* What a device needs to know to complete checksums. */
static inline void order(struct rte_mbuf *m, const struct fwd_path *path, uint64_t flags)
{
	m->l2_len = (uint64_t)path->ip_offset & 0x7f;
	m->l3_len = (uint64_t)(path->udp_offset - path->ip_offset) & 0x1ff;
	m->ol_flags |= flags | (path->family == IP_6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4);
}

static inline void store_ip(
	uint8_t *ip, const struct fwd_path *path, struct rte_mbuf *m, uint16_t length, uint8_t tos)
{
	uint16_t be = htons(length), sum;

	if (path->family == IP_6) {
		be = htons((uint16_t)(length - 40));
		memcpy(ip + 4, &be, 2);
		ip[0] = (uint8_t)(0x60 | tos >> 4);
		ip[1] = (uint8_t)(tos << 4);
		return;
	}
	ip[1] = tos;
	memcpy(ip + 2, &be, 2);
	if (path->ip_checksum_device) {
		order(m, path, RTE_MBUF_F_TX_IP_CKSUM);
		return;
	}
	sum = (uint16_t)~checksum_fold((uint64_t)path->ip_sum + be + htons(tos));
	memcpy(ip + 10, &sum, 2);
}

static inline void store_udp(uint8_t *udp, const struct fwd_path *path, struct rte_mbuf *m,
	uint16_t length, uint16_t source)
{
	uint16_t be = htons(length), port = htons(source), sum;
	uint64_t pseudo;

	memcpy(udp, &port, 2);
	memcpy(udp + 4, &be, 2);
	if (path->udp_checksum == FWD_CHECKSUM_ZERO)
		return;
	pseudo = (uint64_t)path->pseudo_sum + be;
	if (path->udp_checksum == FWD_CHECKSUM_DEVICE) {
		sum = checksum_fold(pseudo);
		order(m, path, RTE_MBUF_F_TX_UDP_CKSUM);
	} else {
		sum = (uint16_t)~checksum_fold(checksum_add(pseudo, udp, length));
		/* Zero would say that there is none (RFC 768). */
		sum = sum == 0 ? 0xffff : sum;
	}
	memcpy(udp + 6, &sum, 2);
}

static inline uint16_t lane_port(
	const struct forwarder *f, const struct fwd_path *path, uint64_t hash)
{
	unsigned queue = f->port[path->port].queue & 0xff;

	return (uint16_t)(LANES_FIRST_PORT + queue * LANES_QUEUE +
			  flowhash_lane(hash) % LANES_QUEUE);
}

static inline uint8_t outer_tos(
	const struct burst *b, unsigned slot, const struct fwd_connection *connection)
{
	uint8_t tos;

	if (unlikely_(b->ready[slot]))
		return (uint8_t)(connection->dscp << 2);
	tos = (ipedit_tos(burst_packet(b, slot), b->family[slot]) & connection->tos_keep) |
	      connection->tos_set;
	if (unlikely_(b->flags[slot] & PACKET_EXCESS))
		tos = policer_mark(tos, connection->excess_mark);
	return tos;
}

/* The template before the packet, in whole words: what they hold before the header is room. */
static inline uint8_t *put_template(struct rte_mbuf *m, const struct fwd_path *path)
{
	const uint8_t *end = path->header + FWD_TEMPLATE;
	uint8_t *packet = rte_pktmbuf_mtod(m, uint8_t *);

	_Static_assert(FWD_TEMPLATE_USED + 14 <= RTE_PKTMBUF_HEADROOM, "fits before any packet");
	memcpy(packet - 64, end - 64, 64);
	if (path->outer_length > 64)
		memcpy(packet - FWD_TEMPLATE_USED, end - FWD_TEMPLATE_USED, FWD_TEMPLATE_USED - 64);
	return prepend(m, path->outer_length);
}

static inline void encap_path(struct forwarder *f, struct burst *b, unsigned slot,
	const struct fwd_connection *connection)
{
	const struct fwd_endpoint *endpoint = b->endpoint[slot];
	const struct fwd_path *path = b->leave_by[slot];
	struct rte_mbuf *m = b->m[slot];
	uint8_t tos = outer_tos(b, slot, connection);
	uint16_t protocol = inner_frame(b, slot, endpoint, path);
	uint8_t *frame = put_template(m, path), *tunnel = frame + path->tunnel_offset;

	store_mac(frame, b->next_hop[slot]);
	if (path->encapsulation == FWD_GENEVE)
		memcpy(tunnel + 2, &protocol, 2);
	memcpy(tunnel + 4, &endpoint->vni_word, 4);
	store_udp(frame + path->udp_offset, path, m, (uint16_t)(m->data_len - path->udp_offset),
		lane_port(f, path, b->hash[slot]));
	store_ip(frame + path->ip_offset, path, m, (uint16_t)(m->data_len - path->ip_offset), tos);
	b->out_port[slot] = path->port;
	b->option[slot] = path->option_offset;
	b->count_as[slot] = value_make(LINK_ENDPOINT, b->out_path[slot]);
}

static inline void encap_one(struct forwarder *f, struct burst *b, unsigned slot)
{
	const struct fwd_connection *connection =
		snapshot_connection(f->snapshot, b->connection[slot]);

	/* Flags of reception, or of an earlier life, are not orders for the device. */
	b->m[slot]->ol_flags &= RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL;
	if (likely_(!b->ready[slot]))
		forward_packet(f, b, slot, connection);
	switch (value_kind(b->out[slot])) {
	case LINK_ENDPOINT:
		encap_path(f, b, slot, connection);
		break;
	case LINK_ATTACHMENT:
		encap_attachment(f, b, slot);
		break;
	default: /* LINK_PORT: only ready frames, which leave as they are */
		b->out_port[slot] = (uint8_t)value_id(b->out[slot]);
		b->count_as[slot] = b->out[slot];
		break;
	}
}

void encap_burst(struct forwarder *f, struct burst *b)
{
	const unsigned count = b->count;

	for (unsigned i = 0; i < count; i++)
		encap_one(f, b, b->live[i]);
}
