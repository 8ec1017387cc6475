/* SPDX-License-Identifier: BSD-3-Clause */
/* What is addressed to the gateway itself: answered here, or handed to the control thread. */
#include <rte_ether.h>

#include "dataplane/path/path.h"
#include "dataplane/wire/ippacket.h"
#include "dataplane/wire/reply.h"

/* Our station address on the link a packet came by. */
static const uint8_t *own_mac(const struct forwarder *f, const struct burst *b, unsigned slot)
{
	if (value_kind(b->link[slot]) == LINK_ENDPOINT)
		return snapshot_endpoint(f->snapshot, value_id(b->link[slot]))->mac;
	return f->snapshot->port[b->port[slot]].mac;
}

/* An address of ours on exactly this link. */
static bool is_ours(const struct forwarder *f, const struct burst *b, unsigned slot,
	const struct ip_address *address)
{
	struct ip_address link_local = ip_link_local(own_mac(f, b, slot));
	uint32_t value, id = value_id(b->link[slot]);

	if (ip_equal(address, &link_local))
		return true;
	if (value_kind(b->link[slot]) == LINK_PORT)
		return snapshot_port_has(&f->snapshot->port[b->port[slot]], address);
	value = lpm_lookup(f->fwd->lpm, b->connection[slot], address);
	return value == value_make(value_kind(b->link[slot]) == LINK_ENDPOINT ? VALUE_LOCAL_ENDPOINT
									      : VALUE_LOCAL,
				id);
}

static struct ip_address read_ip(const uint8_t *bytes, uint8_t family)
{
	struct ip_address ip = {.family = family};

	memcpy(ip.bytes, bytes, family == IP_4 ? 4 : 16);
	return ip;
}

static unsigned punt(struct forwarder *f, struct burst *b, unsigned slot, enum packet_kind kind)
{
	uint32_t connection = b->connection[slot];
	uint64_t *out = connection != 0
				? &f->meter->connection[connection].side[b->side[slot]].ring_out
				: &f->meter->port[b->port[slot]].ring_out;

	if (rte_ring_free_count(f->punt) == 0)
		return DROP_PUNT_FULL;
	forwarder_enter(f, b, slot);
	forwarder_store(b, slot, kind);
	++*out;
	/* The only producer saw room, so there is room. */
	rte_ring_sp_enqueue(f->punt, b->m[slot]);
	return VERDICT_TAKEN;
}

/* The mbuf becomes an untagged Ethernet frame around what starts at ip[slot]: its addresses are put
 * right before the payload, over the tags. Returns the frame. */
static uint8_t *untag(struct forwarder *f, struct burst *b, unsigned slot, uint16_t payload)
{
	struct rte_mbuf *m = b->m[slot];
	uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *), *frame = data + b->ip[slot] - 14;
	uint16_t type = b->family[slot] == IP_6	  ? rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV6)
			: b->family[slot] == IP_4 ? rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4)
						  : rte_cpu_to_be_16(RTE_ETHER_TYPE_ARP);

	/* Counted while its length still is what came in. */
	forwarder_enter(f, b, slot);
	memmove(frame, data + b->frame[slot], 12);
	memcpy(frame + 12, &type, 2);
	m->data_off = (uint16_t)(m->data_off + b->ip[slot] - 14);
	m->data_len = (uint16_t)(payload + 14);
	m->pkt_len = m->data_len;
	return frame;
}

/* The frame in the mbuf goes back where it came from, as ours. */
static unsigned answer_on_link(struct forwarder *f, struct burst *b, unsigned slot, uint8_t *frame)
{
	struct packet *record = packet_of(b->m[slot]);

	memcpy(frame, frame + 6, 6);
	memcpy(frame + 6, own_mac(f, b, slot), 6);
	forwarder_consume(f, b, slot);
	*record = (struct packet){.kind = PACKET_LINK,
		.side = b->side[slot],
		.port = b->port[slot],
		.flags = PACKET_OURS | PACKET_CHECKED,
		.connection = b->connection[slot],
		.link = b->link[slot],
		.arrived = b->arrived};
	forwarder_originate(f, b->m[slot]);
	return VERDICT_TAKEN;
}

/* Who asks us names itself (RFC 826, RFC 4861 7.2.3): control gets a copy of what untag() left, but
 * where its host route says the same. Half of the ring is kept for what must go there. */
static void tell(struct forwarder *f, const struct burst *b, unsigned slot,
	const struct ip_address *sender, const uint8_t mac[6])
{
	uint32_t connection = b->connection[slot],
		 value = lpm_lookup(f->fwd->lpm, connection, sender);
	uint32_t id = value_kind(value) == VALUE_NEIGHBOUR ? value_id(value) : 0;
	uint64_t word = neighbour_load(&f->fwd->neighbours.entry[id]);
	struct meter_side *side = &f->meter->connection[connection].side[b->side[slot]];
	struct meter_port *port = &f->meter->port[b->port[slot]];
	struct rte_mbuf *m;

	if (ip_is_unspecified(sender) || (neighbour_usable(word) && memcmp(&word, mac, 6) == 0) ||
		rte_ring_free_count(f->punt) <= rte_ring_get_capacity(f->punt) / 2)
		return;
	m = rte_pktmbuf_copy(b->m[slot], f->pool, 0, UINT32_MAX);
	if (m == NULL)
		return;
	forwarder_store(b, slot, PACKET_LEARN);
	*packet_of(m) = *packet_of(b->m[slot]);
	++*(connection != 0 ? &side->copies : &port->originated);
	++*(connection != 0 ? &side->ring_out : &port->ring_out);
	rte_ring_sp_enqueue(f->punt, m);
}

unsigned local_arp(struct forwarder *f, struct burst *b, unsigned slot)
{
	static const uint8_t kind[6] = {0, 1, 8, 0, 6, 4};
	uint8_t *arp = burst_data(b, slot) + b->ip[slot], *frame;
	uint32_t available = b->m[slot]->data_len - (uint32_t)b->ip[slot];
	struct ip_address sender, target;
	uint16_t operation;

	b->family[slot] = IP_NONE;
	if (available < 28 || memcmp(arp, kind, 6) != 0 || (arp[8] & 1))
		return DROP_ARP_MALFORMED;
	operation = ippacket_be16(arp + 6);
	sender = read_ip(arp + 14, IP_4);
	target = read_ip(arp + 24, IP_4);
	if (operation == 2 || (operation == 1 && ip_equal(&sender, &target)))
		return local_learn(f, b, slot);
	if (operation != 1 || !is_ours(f, b, slot, &target))
		return DROP_ARP_IGNORED;
	frame = untag(f, b, slot, 28);
	tell(f, b, slot, &sender, frame + 14 + 8);
	reply_arp(frame + 14, own_mac(f, b, slot));
	/* To the station that asks, whatever the frame's source said. */
	memcpy(frame + 6, frame + 14 + 18, 6);
	return answer_on_link(f, b, slot, frame);
}

unsigned local_learn(struct forwarder *f, struct burst *b, unsigned slot)
{
	uint16_t payload = b->family[slot] == IP_6 ? b->length[slot] : 28;

	if (rte_ring_free_count(f->punt) == 0)
		return DROP_PUNT_FULL;
	untag(f, b, slot, payload);
	return punt(f, b, slot, PACKET_LEARN);
}

unsigned local_hold(struct forwarder *f, struct burst *b, unsigned slot)
{
	return punt(f, b, slot, PACKET_HOLD);
}

static bool is_icmp(const struct burst *b, unsigned slot)
{
	return b->l4_protocol[slot] == (b->family[slot] == IP_4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
}

unsigned local_deliver(struct forwarder *f, struct burst *b, unsigned slot)
{
	uint8_t *packet = burst_packet(b, slot);
	struct packet *record = packet_of(b->m[slot]);

	if (!is_icmp(b, slot)) {
		if (b->l4_protocol[slot] == IPPROTO_UDP)
			icmp_send(f, b, slot, ICMPERROR_PORT, 0);
		return DROP_LOCAL_PROTOCOL;
	}
	if (!reply_echo(packet, b->family[slot], b->l4_offset[slot], b->length[slot]))
		return DROP_LOCAL_ICMP;
	forwarder_note(f, b->connection[slot], METER_NOTE_ECHO_ANSWERED);
	forwarder_consume(f, b, slot);
	b->flags[slot] |= PACKET_OURS | PACKET_CHECKED;
	forwarder_store(b, slot, PACKET_ROUTE);
	record->outer_tos = 0;
	forwarder_originate(f, b->m[slot]);
	return VERDICT_TAKEN;
}

static unsigned echo_on_link(struct forwarder *f, struct burst *b, unsigned slot)
{
	uint8_t *packet = burst_data(b, slot) + b->ip[slot];

	if (!reply_echo(packet, b->family[slot], b->l4_offset[slot], b->length[slot]))
		return b->connection[slot] != 0 ? DROP_LOCAL_ICMP : DROP_OUTER_PROTOCOL;
	if (b->connection[slot] != 0)
		forwarder_note(f, b->connection[slot], METER_NOTE_ECHO_ANSWERED);
	return answer_on_link(f, b, slot, untag(f, b, slot, b->length[slot]));
}

/* The solicitation in the mbuf becomes its advertisement: RFC 4861 7.2.4. */
static unsigned advertise(struct forwarder *f, struct burst *b, unsigned slot)
{
	struct rte_mbuf *m = b->m[slot];
	struct ip_address sender;
	uint8_t *frame;
	bool solicited;

	if (m->buf_len < m->data_off + b->ip[slot] + REPLY_ADVERTISEMENT)
		return DROP_NO_BUFFER;
	frame = untag(f, b, slot, b->length[slot]);
	sender = read_ip(frame + 14 + 8, IP_6);
	tell(f, b, slot, &sender, frame + 6);
	m->pkt_len = m->data_len = 14 + REPLY_ADVERTISEMENT;
	solicited = reply_advertise(frame + 14, own_mac(f, b, slot));
	if (!solicited) {
		static const uint8_t group[6] = {0x33, 0x33, 0, 0, 0, 1};

		memcpy(frame + 6, group, 6);
	}
	return answer_on_link(f, b, slot, frame);
}

unsigned local_discovery(struct forwarder *f, struct burst *b, unsigned slot)
{
	const uint8_t *packet = burst_data(b, slot) + b->ip[slot];
	const uint8_t *icmp = packet + b->l4_offset[slot];
	bool is_icmp6 = b->l4_protocol[slot] == IPPROTO_ICMPV6;
	struct ip_address target;

	if (is_icmp6 && icmp[0] >= 133 && icmp[0] <= 137) {
		if (b->frame[slot] == BURST_NO_FRAME || (icmp[0] != 135 && icmp[0] != 136))
			return DROP_ND_IGNORED;
		if (!reply_discovery_sound(packet, b->l4_offset[slot], b->length[slot]))
			return DROP_ND_MALFORMED;
		if (icmp[0] == 136)
			return local_learn(f, b, slot);
		target = read_ip(icmp + 8, IP_6);
		return is_ours(f, b, slot, &target) ? advertise(f, b, slot) : DROP_ND_IGNORED;
	}
	if (packet[24] == 0xff)
		return DROP_MULTICAST;
	target = read_ip(packet + 24, IP_6);
	if (is_icmp6 && b->frame[slot] != BURST_NO_FRAME && is_ours(f, b, slot, &target))
		return echo_on_link(f, b, slot);
	return DROP_LINK_LOCAL;
}

unsigned local_underlay(struct forwarder *f, struct burst *b, unsigned slot)
{
	const uint8_t *packet = burst_data(b, slot) + b->ip[slot];
	const uint8_t *icmp = packet + b->l4_offset[slot];
	bool v4 = b->family[slot] == IP_4;
	struct ip_address target = read_ip(packet + (v4 ? 16 : 24), b->family[slot]);

	if (!v4 && b->l4_protocol[slot] == IPPROTO_ICMPV6 && icmp[0] >= 133 && icmp[0] <= 137)
		return local_discovery(f, b, slot);
	if (!is_ours(f, b, slot, &target))
		return DROP_OUTER_NOT_LOCAL;
	return is_icmp(b, slot) ? echo_on_link(f, b, slot) : DROP_OUTER_PROTOCOL;
}
