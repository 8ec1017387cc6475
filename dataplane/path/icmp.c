/* SPDX-License-Identifier: BSD-3-Clause */
/* ICMP errors: RFC 1812 4.3.2, RFC 4443 2.4, within a budget per connection. */
#include "dataplane/path/path.h"
#include "dataplane/wire/ippacket.h"

/* The clock of the connection may run ahead of the real one by a second's worth of errors. Who is
 * refused only reads it. Relaxed: nothing else depends on it. */
static bool within_budget(struct forwarder *f, const struct burst *b, unsigned slot)
{
	_Atomic uint64_t *clock = &f->icmp_clock[b->connection[slot]];
	uint8_t *left = &f->icmp_left[b->connection[slot]];
	uint64_t now = b->arrived, was = atomic_load_explicit(clock, memory_order_relaxed), from;

	while (*left == 0) {
		from = RTE_MAX(was, now);
		if (from - now >= f->icmp_ahead)
			return false;
		if (atomic_compare_exchange_weak_explicit(clock, &was, from + f->icmp_step,
			    memory_order_relaxed, memory_order_relaxed))
			*left = f->icmp_lease;
	}
	--*left;
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

static void answer(struct forwarder *f, const struct burst *b, unsigned slot, enum icmperror error,
	uint16_t mtu, const struct ip_address *source)
{
	const uint8_t *cause = burst_packet(b, slot);
	bool v4 = b->family[slot] == IP_4;
	uint16_t quote =
		(uint16_t)RTE_MIN(b->length[slot], v4 ? ICMPERROR_QUOTE4 : ICMPERROR_QUOTE6);
	struct rte_mbuf *m = rte_pktmbuf_alloc(f->pool);
	uint8_t *p;

	if (m == NULL || rte_pktmbuf_tailroom(m) < quote + 48u) {
		rte_pktmbuf_free(m);
		forwarder_note(f, b->connection[slot], METER_NOTE_ICMP_NO_BUFFER);
		return;
	}
	p = rte_pktmbuf_mtod(m, uint8_t *);
	m->data_len = icmperror_write(p, source, cause, quote, error, mtu);
	m->pkt_len = m->data_len;
	fill_record(b, slot, packet_of(m));
	forwarder_note(f, b->connection[slot], METER_NOTE_ICMP_SENT);
	forwarder_originate(f, m);
}

void icmp_send(struct forwarder *f, const struct burst *b, unsigned slot, enum icmperror error,
	uint16_t mtu)
{
	uint32_t connection = b->connection[slot];
	struct ip_address source = {0};

	if ((b->flags[slot] & PACKET_ICMP_ERROR) ||
		!icmperror_answerable(burst_packet(b, slot), b->family[slot], b->length[slot]))
		forwarder_note(f, connection, METER_NOTE_ICMP_FORBIDDEN);
	else if (!source_of(f, b, slot, &source))
		forwarder_note(f, connection, METER_NOTE_ICMP_NO_SOURCE);
	else if (!within_budget(f, b, slot))
		forwarder_note(f, connection, METER_NOTE_ICMP_LIMITED);
	else
		answer(f, b, slot, error, mtu, &source);
}
