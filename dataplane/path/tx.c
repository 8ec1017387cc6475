/* SPDX-License-Identifier: BSD-3-Clause */
/* Out: to the port's queue, or to the worker that owns it. What the device refuses is dropped. */
#include <rte_ethdev.h>

#include "dataplane/path/path.h"

/* Counts one frame as sent; by is 1, or UINT64_MAX to take that back. */
static inline void count_sent(struct forwarder *f, unsigned port, struct rte_mbuf *m, uint64_t by)
{
	const struct packet *record = packet_of(m);
	struct meter_traffic *t;

	f->meter->port[port].tx += by;
	f->meter->port[port].tx_bytes += by * m->pkt_len;
	if (record->connection == 0)
		return;
	f->meter->connection[record->connection].side[record->side].tx += by;
	t = value_kind(record->value) == LINK_ENDPOINT
		    ? &f->meter->path[value_id(record->value)]
		    : &f->meter->attachment[value_id(record->value)];
	t->tx_packets += by;
	t->tx_bytes += by * record->l3_length;
}

static void flush_port(struct forwarder *f, unsigned index)
{
	struct forwarder_port *port = &f->port[index];
	unsigned count = port->pending, sent;

	/* The device owns and may free what it takes: count first, take back the tail it left. */
	for (unsigned i = 0; i < count; i++)
		count_sent(f, index, port->m[i], 1);
	sent = rte_eth_tx_burst(port->device, port->queue, port->m, (uint16_t)count);
	for (unsigned i = sent; i < count; i++) {
		count_sent(f, index, port->m[i], UINT64_MAX);
		forwarder_drop_record(f, port->m[i], DROP_TX_FULL);
	}
	port->pending = 0;
}

static void push(struct forwarder *f, unsigned index, struct rte_mbuf *m)
{
	struct forwarder_port *port = &f->port[index];

	port->m[port->pending++] = m;
	if (port->pending == BURST)
		flush_port(f, index);
}

static void count_ring_out(struct forwarder *f, const struct packet *record, uint64_t by)
{
	if (record->connection != 0)
		f->meter->connection[record->connection].side[record->side].ring_out += by;
	else
		f->meter->port[record->port].ring_out += by;
}

static void pass_to_owner(struct forwarder *f, unsigned owner, struct rte_mbuf *m)
{
	if (unlikely_(owner == FORWARDER_HELD))
		owner = f->worker;
	count_ring_out(f, packet_of(m), 1);
	if (likely_(rte_ring_sp_enqueue(f->send[owner], m) == 0)) {
		f->meter->ring_sent[owner]++;
		/* Relaxed: ordered by what the mover acquires (worker/move.c). */
		atomic_store_explicit(&f->send_sent[owner],
			atomic_load_explicit(&f->send_sent[owner], memory_order_relaxed) + 1,
			memory_order_relaxed);
		return;
	}
	count_ring_out(f, packet_of(m), UINT64_MAX);
	f->meter->ring_full[owner]++;
	forwarder_drop_record(f, m, owner == f->worker ? DROP_HOLD_FULL : DROP_RING_FULL);
}

static inline void leave(struct forwarder *f, unsigned out, struct rte_mbuf *m)
{
	packet_of(m)->queue = f->port[out].queue;
	if (likely_(f->port[out].owner == f->worker))
		push(f, out, m);
	else
		pass_to_owner(f, f->port[out].owner, m);
}

void tx_again(struct forwarder *f, struct rte_mbuf *m)
{
	leave(f, packet_of(m)->port, m);
}

static inline void tx_one(struct forwarder *f, struct burst *b, unsigned slot)
{
	struct packet *record = packet_of(b->m[slot]);
	unsigned out = b->out_port[slot];

	record->kind = PACKET_SEND;
	record->side = b->side[slot];
	/* A frame of no connection is accounted on the port it leaves by. */
	record->port = (uint8_t)out;
	record->connection = b->connection[slot];
	record->value = b->count_as[slot];
	record->l3_length = b->length[slot];
	if (unlikely_(!f->port[out].usable)) {
		forwarder_drop_record(f, b->m[slot], DROP_PORT_DOWN);
		return;
	}
	leave(f, out, b->m[slot]);
}

void tx_burst(struct forwarder *f, struct burst *b)
{
	for (unsigned i = 0; i < b->count; i++)
		tx_one(f, b, b->live[i]);
}

void tx_frames(struct forwarder *f, struct rte_mbuf **m, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		forwarder_count_ring_in(f, packet_of(m[i]));
		push(f, packet_of(m[i])->port, m[i]);
	}
}

void tx_flush(struct forwarder *f)
{
	for (unsigned i = 0; i < FWD_PORTS; i++)
		if (f->port[i].pending > 0)
			flush_port(f, i);
}
