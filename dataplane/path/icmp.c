/* SPDX-License-Identifier: BSD-3-Clause */
/* ICMP errors: RFC 1812 4.3.2, RFC 4443 2.4, within a budget per connection. */
#include "dataplane/path/path.h"
#include "dataplane/wire/ippacket.h"

#define QUOTE4 (576 - 20 - 8)  /* bytes of the packet in an IPv4 error (RFC 1812 4.3.2.3) */
#define QUOTE6 (1280 - 40 - 8) /* and in an IPv6 one (RFC 4443 2.4 c) */
#define TTL    64
#define TOS    0xc0 /* internetwork control: RFC 1812 4.3.2.5 */

static const struct {
	uint8_t type4, code4, type6, code6;
} kinds[] = {
	[ICMP_NO_ROUTE] = {3, 0, 1, 0},
	[ICMP_PORT_UNREACHABLE] = {3, 3, 1, 4},
	[ICMP_TOO_BIG] = {3, 4, 2, 0},
	[ICMP_TIME_EXCEEDED] = {11, 0, 3, 0},
};

static bool is_error4(const uint8_t *icmp)
{
	return icmp[0] == 3 || icmp[0] == 4 || icmp[0] == 5 || icmp[0] == 11 || icmp[0] == 12;
}

static bool permitted(const struct burst *b, unsigned slot)
{
	const uint8_t *packet = burst_packet(b, slot);
	const uint8_t *l4 = packet + b->l4_offset[slot];

	if (b->flags[slot] & PACKET_ICMP_ERROR)
		return false;
	if (b->family[slot] == IP_4) {
		if (ippacket_be16(packet + 6) & 0x1fff)
			return false;
		if (packet[9] != IPPROTO_ICMP)
			return true;
		return b->l4_protocol[slot] == IPPROTO_ICMP && !is_error4(l4);
	}
	return b->l4_protocol[slot] != IPPROTO_ICMPV6 || l4[0] >= 128;
}

/* A virtual clock per connection: it may run ahead of the real one by a second's worth of errors.
 */
static bool within_budget(struct forwarder *f, const struct burst *b, unsigned slot)
{
	uint64_t *clock = &f->icmp_clock[b->connection[slot]];
	uint64_t now = b->arrived;

	if (*clock < now)
		*clock = now;
	if (*clock - now >= f->icmp_interval * f->icmp_rate)
		return false;
	*clock += f->icmp_interval;
	return true;
}

/* The address we speak from. False where there is none of this family. */
static bool source_of(
	const struct forwarder *f, const struct burst *b, unsigned slot, struct ip_address *source)
{
	const struct fwd_connection *c = snapshot_connection(f->snapshot, b->connection[slot]);
	const struct fwd_attachment *a = snapshot_attachment(f->snapshot, value_id(b->link[slot]));
	bool here = value_kind(b->link[slot]) == LINK_ATTACHMENT;
	uint32_t v4 = rte_cpu_to_be_32(here && a->has4 ? a->source4 : c->icmp_source4);

	source->family = b->family[slot];
	if (b->family[slot] == IP_4) {
		memcpy(source->bytes, &v4, 4);
		return (here && a->has4) || c->has4;
	}
	memcpy(source->bytes, here && a->has6 ? a->source6 : c->icmp_source6, 16);
	return (here && a->has6) || c->has6;
}

static uint16_t build4(uint8_t *p, const struct ip_address *source, const uint8_t *cause,
	uint16_t quote, enum icmp_error error, uint16_t mtu)
{
	uint16_t length = (uint16_t)(28 + quote), sum;
	uint8_t header[28] = {0x45, TOS, (uint8_t)(length >> 8), (uint8_t)length, 0, 0, 0, 0, TTL,
		IPPROTO_ICMP, [20] = kinds[error].type4,
		kinds[error].code4, [26] = (uint8_t)(mtu >> 8), (uint8_t)mtu};

	memcpy(header + 12, source->bytes, 4);
	memcpy(header + 16, cause + 12, 4);
	sum = (uint16_t)~checksum_ip4_header(header);
	memcpy(header + 10, &sum, 2);
	memcpy(p, header, 28);
	memcpy(p + 28, cause, quote);
	sum = (uint16_t)~checksum_fold(checksum_add(0, p + 20, 8u + quote));
	memcpy(p + 22, &sum, 2);
	return length;
}

static uint16_t build6(uint8_t *p, const struct ip_address *source, const uint8_t *cause,
	uint16_t quote, enum icmp_error error, uint16_t mtu)
{
	uint16_t payload = (uint16_t)(8 + quote), sum;
	uint8_t header[48] = {0x60 | TOS >> 4, (uint8_t)(TOS << 4), 0, 0, (uint8_t)(payload >> 8),
		(uint8_t)payload, IPPROTO_ICMPV6, TTL, [40] = kinds[error].type6,
		kinds[error].code6, [46] = (uint8_t)(mtu >> 8), (uint8_t)mtu};

	memcpy(header + 8, source->bytes, 16);
	memcpy(header + 24, cause + 8, 16);
	memcpy(p, header, 48);
	memcpy(p + 48, cause, quote);
	sum = (uint16_t)~checksum_fold(checksum_add(
		checksum_pseudo(p + 8, p + 24, 16, IPPROTO_ICMPV6, payload), p + 40, payload));
	memcpy(p + 42, &sum, 2);
	return (uint16_t)(40 + payload);
}

static void fill_record(const struct burst *b, unsigned slot, struct packet *record)
{
	bool v4 = b->family[slot] == IP_4;

	*record = (struct packet){.kind = PACKET_ROUTE,
		.side = b->side[slot],
		.port = b->port[slot],
		.flags = PACKET_CHECKED | PACKET_OURS | PACKET_ICMP_ERROR,
		.connection = b->connection[slot],
		.link = b->link[slot],
		.l4_offset = v4 ? 20 : 40,
		.l4_protocol = v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6,
		.hash = b->hash[slot],
		.arrived = b->arrived};
}

static void answer(struct forwarder *f, const struct burst *b, unsigned slot, enum icmp_error error,
	uint16_t mtu, const struct ip_address *source)
{
	const uint8_t *cause = burst_packet(b, slot);
	bool v4 = b->family[slot] == IP_4;
	uint16_t quote = (uint16_t)RTE_MIN(b->length[slot], v4 ? QUOTE4 : QUOTE6);
	struct rte_mbuf *m = rte_pktmbuf_alloc(f->pool);
	uint8_t *p;

	if (m == NULL || rte_pktmbuf_tailroom(m) < quote + 48u) {
		rte_pktmbuf_free(m);
		forwarder_note(f, b->connection[slot], METER_NOTE_ICMP_NO_BUFFER);
		return;
	}
	p = rte_pktmbuf_mtod(m, uint8_t *);
	m->data_len = v4 ? build4(p, source, cause, quote, error, mtu)
			 : build6(p, source, cause, quote, error, mtu);
	m->pkt_len = m->data_len;
	fill_record(b, slot, packet_of(m));
	forwarder_note(f, b->connection[slot], METER_NOTE_ICMP_SENT);
	forwarder_originate(f, m);
}

void icmp_send(struct forwarder *f, const struct burst *b, unsigned slot, enum icmp_error error,
	uint16_t mtu)
{
	uint32_t connection = b->connection[slot];
	struct ip_address source = {0};

	if (!permitted(b, slot))
		forwarder_note(f, connection, METER_NOTE_ICMP_FORBIDDEN);
	else if (!source_of(f, b, slot, &source))
		forwarder_note(f, connection, METER_NOTE_ICMP_NO_SOURCE);
	else if (!within_budget(f, b, slot))
		forwarder_note(f, connection, METER_NOTE_ICMP_LIMITED);
	else
		answer(f, b, slot, error, mtu, &source);
}
