/* SPDX-License-Identifier: BSD-3-Clause */
/* What is addressed to the gateway itself: answered here, or handed to the control thread. */
#include <rte_ether.h>

#include "dataplane/path/path.h"
#include "dataplane/wire/ippacket.h"

#define TTL 64

/* Our station address on the link a packet came by. */
static const uint8_t *own_mac(const struct forwarder *f, const struct burst *b, unsigned slot)
{
	if (value_kind(b->link[slot]) == LINK_ENDPOINT)
		return snapshot_endpoint(f->snapshot, value_id(b->link[slot]))->mac;
	return f->snapshot->port[b->port[slot]].mac;
}

static bool is_port_address(
	const struct forwarder *f, unsigned port, const struct ip_address *address)
{
	const struct fwd_port *p = &f->snapshot->port[port];

	for (unsigned i = 0; i < p->addresses; i++)
		if (ip_equal(&p->address[i], address))
			return true;
	return false;
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
		return is_port_address(f, b->port[slot], address);
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

unsigned local_arp(struct forwarder *f, struct burst *b, unsigned slot)
{
	static const uint8_t kind[6] = {0, 1, 8, 0, 6, 4};
	uint8_t *arp = burst_data(b, slot) + b->ip[slot], *frame, asked[4];
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
	arp = frame + 14;
	memcpy(asked, arp + 24, 4);
	arp[7] = 2;
	memcpy(arp + 18, arp + 8, 10);
	memcpy(arp + 8, own_mac(f, b, slot), 6);
	memcpy(arp + 14, asked, 4);
	memcpy(frame + 6, arp + 18, 6);
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

static uint16_t icmp6_checksum(const uint8_t *packet, uint32_t at, uint32_t bytes)
{
	uint64_t sum = checksum_pseudo(packet + 8, packet + 24, 16, IPPROTO_ICMPV6, bytes);

	return checksum_fold(checksum_add(sum, packet + at, bytes));
}

/* An echo request that is sound becomes its reply. packet: IP header; ICMP at offset at. */
static bool turn_echo(uint8_t *packet, uint8_t family, uint16_t at, uint16_t length)
{
	uint8_t *icmp = packet + at, swap[16];
	uint32_t bytes = (uint32_t)length - at;
	bool v4 = family == IP_4;
	unsigned first = v4 ? 12 : 8, size = v4 ? 4 : 16;
	uint16_t sum, ttl;

	if (icmp[0] != (v4 ? 8 : 128) || icmp[1] != 0)
		return false;
	sum = v4 ? checksum_fold(checksum_add(0, icmp, bytes)) : icmp6_checksum(packet, at, bytes);
	if (sum != 0xffff)
		return false;
	memcpy(swap, packet + first, size);
	memcpy(packet + first, packet + first + size, size);
	memcpy(packet + first + size, swap, size);
	memcpy(&sum, icmp + 2, 2);
	sum = checksum_update(sum, rte_cpu_to_be_16((uint16_t)(icmp[0] << 8)),
		rte_cpu_to_be_16((uint16_t)((v4 ? 0 : 129) << 8)));
	memcpy(icmp + 2, &sum, 2);
	icmp[0] = v4 ? 0 : 129;
	if (!v4) {
		packet[7] = TTL;
		return true;
	}
	memcpy(&sum, packet + 10, 2);
	memcpy(&ttl, packet + 8, 2);
	packet[8] = TTL;
	memcpy(swap, packet + 8, 2);
	sum = checksum_update(sum, ttl, (uint16_t)(swap[0] | swap[1] << 8));
	memcpy(packet + 10, &sum, 2);
	return true;
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
			icmp_send(f, b, slot, ICMP_PORT_UNREACHABLE, 0);
		return DROP_LOCAL_PROTOCOL;
	}
	if (!turn_echo(packet, b->family[slot], b->l4_offset[slot], b->length[slot]))
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

	if (!turn_echo(packet, b->family[slot], b->l4_offset[slot], b->length[slot]))
		return b->connection[slot] != 0 ? DROP_LOCAL_ICMP : DROP_OUTER_PROTOCOL;
	if (b->connection[slot] != 0)
		forwarder_note(f, b->connection[slot], METER_NOTE_ECHO_ANSWERED);
	return answer_on_link(f, b, slot, untag(f, b, slot, b->length[slot]));
}

/* RFC 4861 7.1.1 and 7.1.2: what must be true of a solicitation or an advertisement. */
static bool discovery_sound(const struct burst *b, unsigned slot, const uint8_t *packet)
{
	static const uint8_t solicited_node[13] = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff};
	uint32_t at = b->l4_offset[slot], bytes = b->length[slot] - at, option = 24;
	const uint8_t *icmp = packet + at;
	bool unspecified = ippacket_be64(packet + 8) == 0 && ippacket_be64(packet + 16) == 0;

	if (at != 40 || bytes < 24 || packet[7] != 255 || icmp[1] != 0 || icmp[8] == 0xff ||
		packet[8] == 0xff || icmp6_checksum(packet, at, bytes) != 0xffff)
		return false;
	while (option < bytes) {
		if (bytes - option < 8 || icmp[option + 1] == 0 ||
			bytes - option < icmp[option + 1] * 8u)
			return false;
		/* A sender without address has no link-layer address to tell of. */
		if (unspecified && icmp[option] == 1)
			return false;
		option += icmp[option + 1] * 8u;
	}
	if (!unspecified)
		return true;
	return icmp[0] == 135 && memcmp(packet + 24, solicited_node, sizeof(solicited_node)) == 0;
}

/* The solicitation in the mbuf becomes its advertisement: RFC 4861 7.2.4. */
static unsigned advertise(struct forwarder *f, struct burst *b, unsigned slot)
{
	static const uint8_t all_nodes[16] = {0xff, 2, [15] = 1};
	uint8_t *frame, *packet, *icmp;
	bool solicited;
	uint16_t sum;

	if (b->m[slot]->buf_len < b->m[slot]->data_off + b->ip[slot] + 72u)
		return DROP_NO_BUFFER;
	frame = untag(f, b, slot, 72);
	packet = frame + 14;
	icmp = packet + 40;
	solicited = ippacket_be64(packet + 8) != 0 || ippacket_be64(packet + 16) != 0;
	packet[4] = 0;
	packet[5] = 32;
	memcpy(packet + 24, solicited ? packet + 8 : all_nodes, 16);
	memcpy(packet + 8, icmp + 8, 16);
	icmp[0] = 136;
	icmp[2] = icmp[3] = 0;
	icmp[4] = solicited ? 0xe0 : 0xa0; /* router, solicited, override */
	icmp[5] = icmp[6] = icmp[7] = 0;
	icmp[24] = 2;
	icmp[25] = 1;
	memcpy(icmp + 26, own_mac(f, b, slot), 6);
	sum = (uint16_t)~icmp6_checksum(packet, 40, 32);
	memcpy(icmp + 2, &sum, 2);
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
		if (!discovery_sound(b, slot, packet))
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
