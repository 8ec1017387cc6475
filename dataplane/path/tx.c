/* SPDX-License-Identifier: BSD-3-Clause */
/* Out: to the port's queue, or to the worker that owns it. What the device refuses is dropped. */
#include <rte_ethdev.h>

#include "dataplane/path/path.h"

static inline uint32_t connection_of(uint64_t account)
{
	return (uint32_t)(account >> 33);
}

static inline unsigned side_of(uint64_t account)
{
	return account >> 32 & 1;
}

static inline struct meter_traffic *traffic_of(struct forwarder *f, uint64_t account)
{
	uint32_t link = (uint32_t)account;

	return value_kind(link) == LINK_ENDPOINT ? &f->meter->path[value_id(link)]
						 : &f->meter->attachment[value_id(link)];
}

/* Counts frames of one account as sent; by a negative number of them, takes that back. */
static inline void count_sent(struct forwarder *f, uint64_t account, int64_t frames, int64_t bytes)
{
	struct meter_traffic *t;

	if (connection_of(account) == 0)
		return;
	t = traffic_of(f, account);
	t->tx_packets += (uint64_t)frames;
	t->tx_bytes += (uint64_t)bytes;
	f->meter->connection[connection_of(account)].side[side_of(account)].tx += (uint64_t)frames;
}

/* Frames one behind the other that count alike are added once. */
static inline void count_port(struct forwarder *f, unsigned index)
{
	struct forwarder_port *port = &f->port[index];
	uint64_t bytes = 0, account = port->account[0];
	int64_t l3_bytes = 0, frames = 0;

	for (unsigned i = 0; i < port->pending; i++) {
		if (port->account[i] != account) {
			count_sent(f, account, frames, l3_bytes);
			account = port->account[i];
			frames = l3_bytes = 0;
		}
		frames++;
		l3_bytes += port->l3_length[i];
		bytes += port->m[i]->pkt_len;
	}
	count_sent(f, account, frames, l3_bytes);
	f->meter->port[index].tx += port->pending;
	f->meter->port[index].tx_bytes += bytes;
}

static void drop_unsent(
	struct forwarder *f, unsigned index, struct rte_mbuf *m, uint64_t account, enum drop reason)
{
	if (connection_of(account) != 0)
		meter_drop(f->meter, connection_of(account), side_of(account), reason);
	else
		meter_port_drop(f->meter, index, reason);
	rte_pktmbuf_free(m);
}

static void take_back(struct forwarder *f, unsigned index, unsigned i)
{
	struct forwarder_port *port = &f->port[index];

	stamp_take_back(f, index, i);
	f->meter->port[index].tx--;
	f->meter->port[index].tx_bytes -= port->m[i]->pkt_len;
	count_sent(f, port->account[i], -1, -(int64_t)port->l3_length[i]);
	drop_unsent(f, index, port->m[i], port->account[i], DROP_TX_FULL);
}

static void flush_port(struct forwarder *f, unsigned index)
{
	struct forwarder_port *port = &f->port[index];
	unsigned count = port->pending, sent;

	/* The device owns and may free what it takes: count first, take back the tail it left, the
	 * last first, as numbers were given. */
	count_port(f, index);
	if (port->measured > 0)
		stamp_frames(f, index);
	sent = rte_eth_tx_burst(port->device, port->queue, port->m, (uint16_t)count);
	for (unsigned i = count; i > sent; i--)
		take_back(f, index, i - 1);
	port->pending = port->measured = 0;
}

static inline void push(struct forwarder *f, unsigned index, struct rte_mbuf *m, uint64_t account,
	uint16_t l3_length, uint8_t option)
{
	struct forwarder_port *port = &f->port[index];
	unsigned at = port->pending++;

	port->option[at] = option;
	port->measured += option != 0;
	port->m[at] = m;
	port->account[at] = account;
	port->l3_length[at] = l3_length;
	if (unlikely_(at + 1 == BURST))
		flush_port(f, index);
}

static void count_ring_out(struct forwarder *f, const struct packet *record, uint64_t by)
{
	if (record->connection != 0)
		f->meter->connection[record->connection].side[record->side].ring_out += by;
	else
		f->meter->port[record->port].ring_out += by;
}

/* To the worker that owns the queue; the frame's record is written. */
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

static void store_send(const struct forwarder *f, const struct burst *b, unsigned slot)
{
	unsigned out = b->out_port[slot];
	struct packet *record = packet_of(b->m[slot]);

	record->kind = PACKET_SEND;
	record->side = b->side[slot];
	/* A frame of no connection is accounted on the port it leaves by. */
	record->port = (uint8_t)out;
	record->connection = b->connection[slot];
	record->value = b->count_as[slot];
	record->l3_length = b->length[slot];
	record->queue = f->port[out].queue;
	record->option = b->option[slot];
}

static inline void push_record(struct forwarder *f, struct rte_mbuf *m)
{
	const struct packet *record = packet_of(m);

	push(f, record->port, m, forwarder_account(record->connection, record->side, record->value),
		record->l3_length, record->option);
}

void tx_again(struct forwarder *f, struct rte_mbuf *m)
{
	const struct forwarder_port *port = &f->port[packet_of(m)->port];

	packet_of(m)->queue = port->queue;
	if (likely_(port->owner == f->worker))
		push_record(f, m);
	else
		pass_to_owner(f, port->owner, m);
}

static inline void tx_one(struct forwarder *f, struct burst *b, unsigned slot)
{
	unsigned out = b->out_port[slot];
	uint64_t account = forwarder_account(b->connection[slot], b->side[slot], b->count_as[slot]);

	if (likely_(f->port[out].owner == f->worker)) {
		push(f, out, b->m[slot], account, b->length[slot], b->option[slot]);
	} else if (f->port[out].owner == FORWARDER_NOBODY) {
		drop_unsent(f, out, b->m[slot], account, DROP_PORT_DOWN);
	} else {
		store_send(f, b, slot);
		pass_to_owner(f, f->port[out].owner, b->m[slot]);
	}
}

void tx_burst(struct forwarder *f, struct burst *b)
{
	const unsigned count = b->count;

	for (unsigned i = 0; i < count; i++)
		tx_one(f, b, b->live[i]);
}

void tx_frames(struct forwarder *f, struct rte_mbuf **m, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		forwarder_count_ring_in(f, packet_of(m[i]));
		push_record(f, m[i]);
	}
}

void tx_flush(struct forwarder *f)
{
	for (unsigned i = 0; i < FWD_PORTS; i++)
		if (f->port[i].pending > 0)
			flush_port(f, i);
}
