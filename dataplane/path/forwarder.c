/* SPDX-License-Identifier: BSD-3-Clause */
/* Accounting of a packet's end, and the passage between a slot of a burst and a record at rest. */
#include "dataplane/path/forwarder.h"

void forwarder_enter(struct forwarder *f, struct burst *b, unsigned slot)
{
	struct meter_side *side = &f->meter->connection[b->connection[slot]].side[b->side[slot]];
	struct meter_traffic *t = b->side[slot] == METER_PATH
					  ? &f->meter->path[b->path[slot]]
					  : &f->meter->attachment[value_id(b->link[slot])];

	if (b->entered[slot] || b->connection[slot] == 0)
		return;
	b->entered[slot] = 1;
	side->rx++;
	t->rx_packets++;
	t->rx_bytes += b->m[slot]->pkt_len - b->ip[slot];
}

void forwarder_drop(struct forwarder *f, struct burst *b, unsigned slot, unsigned reason)
{
	if (b->connection[slot] != 0) {
		forwarder_enter(f, b, slot);
		meter_drop(f->meter, b->connection[slot], b->side[slot], reason);
	} else {
		meter_port_drop(f->meter, b->port[slot], reason);
	}
	rte_pktmbuf_free(b->m[slot]);
}

void forwarder_refuse(
	struct forwarder *f, struct burst *b, unsigned place, unsigned verdict, uint64_t *gone)
{
	if (verdict != VERDICT_TAKEN)
		forwarder_drop(f, b, b->live[place], verdict);
	*gone |= UINT64_C(1) << place;
}

void forwarder_consume(struct forwarder *f, struct burst *b, unsigned slot)
{
	if (b->connection[slot] != 0) {
		forwarder_enter(f, b, slot);
		f->meter->connection[b->connection[slot]].side[b->side[slot]].consumed++;
	} else {
		f->meter->port[b->port[slot]].consumed++;
	}
}

void forwarder_drop_record(struct forwarder *f, struct rte_mbuf *m, unsigned reason)
{
	const struct packet *record = packet_of(m);

	if (record->connection != 0)
		meter_drop(f->meter, record->connection, record->side, reason);
	else
		meter_port_drop(f->meter, record->port, reason);
	rte_pktmbuf_free(m);
}

void forwarder_count_ring_in(struct forwarder *f, const struct packet *record)
{
	if (record->connection != 0)
		f->meter->connection[record->connection].side[record->side].ring_in++;
	else
		f->meter->port[record->port].ring_in++;
}

unsigned forwarder_put_aside(
	struct forwarder *f, const struct burst *b, unsigned slot, uint32_t at, uint16_t protocol)
{
	if (f->oams == BURST)
		return DROP_RING_FULL;
	*packet_of(b->m[slot]) = (struct packet){.kind = PACKET_OAM,
		.port = b->port[slot],
		.value = b->path[slot],
		.l4_offset = (uint16_t)at,
		.queue = protocol,
		.arrived = b->arrived};
	f->oam[f->oams++] = b->m[slot];
	return VERDICT_TAKEN;
}

static void push_made(struct forwarder *f, struct rte_mbuf *m)
{
	if (f->made == FORWARDER_MADE)
		forwarder_drop_record(f, m, DROP_NO_BUFFER);
	else
		f->made_packet[f->made++] = m;
}

void forwarder_originate(struct forwarder *f, struct rte_mbuf *m)
{
	const struct packet *record = packet_of(m);

	if (record->connection != 0)
		f->meter->connection[record->connection].side[record->side].originated++;
	else
		f->meter->port[record->port].originated++;
	push_made(f, m);
}

void forwarder_add_fragment(struct forwarder *f, struct rte_mbuf *m)
{
	const struct packet *record = packet_of(m);

	f->meter->connection[record->connection].side[record->side].fragments_added++;
	push_made(f, m);
}

void forwarder_store(const struct burst *b, unsigned slot, enum packet_kind kind)
{
	struct packet *record = packet_of(b->m[slot]);

	record->kind = (uint8_t)kind;
	record->side = b->side[slot];
	record->port = b->port[slot];
	record->flags = b->flags[slot];
	record->connection = b->connection[slot];
	record->link = b->link[slot];
	record->value = b->value[slot];
	record->l4_offset = b->l4_offset[slot];
	record->l4_protocol = b->l4_protocol[slot];
	record->outer_tos = b->outer_tos[slot];
	record->hash = b->hash[slot];
	record->arrived = b->arrived;
}

/* What it names may have gone while it lay there. */
static bool link_exists(const struct snapshot *s, const struct packet *record)
{
	uint32_t id = value_id(record->link);

	switch (value_kind(record->link)) {
	case LINK_PORT:
		return id < FWD_PORTS && s->port[id].used;
	case LINK_ATTACHMENT:
		return snapshot_attachment(s, id)->used &&
		       snapshot_attachment(s, id)->connection == record->connection;
	case LINK_ENDPOINT:
		return snapshot_endpoint(s, id)->used &&
		       snapshot_endpoint(s, id)->connection == record->connection;
	default:
		return false;
	}
}

/* What of the way it came still matters: a source to be checked, a site not to return to. */
static void load_entry(
	const struct forwarder *f, struct burst *b, unsigned slot, const struct packet *record)
{
	uint32_t id = value_id(record->link);

	b->check[slot] = FWD_UNCHECKED;
	b->from_site[slot] = 0;
	if (record->flags & PACKET_OURS)
		return;
	if (value_kind(record->link) == LINK_ENDPOINT)
		b->from_site[slot] = snapshot_endpoint(f->snapshot, id)->site;
	else if (value_kind(record->link) == LINK_ATTACHMENT && !(record->flags & PACKET_CHECKED))
		b->check[slot] = snapshot_attachment(f->snapshot, id)->source_check;
}

static void load_slot(
	const struct forwarder *f, struct burst *b, unsigned slot, const struct packet *record)
{
	uint8_t *data = burst_data(b, slot);

	b->side[slot] = record->side;
	b->port[slot] = record->port;
	b->flags[slot] = record->flags;
	b->connection[slot] = record->connection;
	b->link[slot] = record->link;
	b->path[slot] = 0;
	b->entered[slot] = 1;
	b->out_path[slot] = 0;
	b->option[slot] = 0;
	b->packet[slot] = data;
	b->length[slot] = (uint16_t)b->m[slot]->data_len;
	b->l4_offset[slot] = record->l4_offset;
	b->l4_protocol[slot] = record->l4_protocol;
	b->outer_tos[slot] = record->outer_tos;
	b->hash[slot] = record->hash;
	b->ip[slot] = 0;
	b->frame[slot] = BURST_NO_FRAME;
	b->ready[slot] = record->kind == PACKET_LINK;
	b->value[slot] = record->value;
	b->out[slot] = record->link;
	b->family[slot] = data[0] >> 4 == 6 ? IP_6 : IP_4;
	load_entry(f, b, slot, record);
}

void forwarder_load(struct forwarder *f, struct burst *b, struct rte_mbuf **m, unsigned count)
{
	b->count = 0;
	for (unsigned i = 0; i < count; i++) {
		const struct packet *record = packet_of(m[i]);

		if (unlikely_(!link_exists(f->snapshot, record))) {
			forwarder_drop_record(f, m[i], DROP_STALE);
			continue;
		}
		b->m[b->count] = m[i];
		load_slot(f, b, b->count, record);
		b->live[b->count] = (uint8_t)b->count;
		b->count++;
	}
}
