/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>
#include <time.h>

#include "control/neighbours_private.h"

#define TAKE 32

static struct meter_side *side_of(const struct neighbours *n, const struct packet *packet)
{
	return &n->meter->connection[packet->connection].side[packet->side & 1];
}

static void drop(struct neighbours *n, struct rte_mbuf *m, enum drop reason)
{
	const struct packet *packet = packet_of(m);

	meter_drop(n->meter, packet->connection, packet->side & 1, reason);
	rte_pktmbuf_free(m);
}

/* Back to a worker, to be routed anew. Always the same one for a flow, so that order is kept. */
static void give_back(struct neighbours *n, struct rte_mbuf *m)
{
	struct packet *packet = packet_of(m);
	struct meter_side *side = side_of(n, packet);
	unsigned worker = plane_pick(n->config.plane, packet->hash);

	packet->kind = PACKET_ROUTE;
	if (plane_give(n->config.plane, worker, m))
		side->ring_out++;
	else
		drop(n, m, DROP_RING_FULL);
}

static struct rte_mbuf *unhold(struct neighbours *n, struct neighbours_record *record)
{
	struct rte_mbuf *m = record->first;

	record->first = m->next;
	m->next = NULL;
	record->held--;
	n->stats.held--;
	side_of(n, packet_of(m))->held--;
	return m;
}

void neighbours_packet_release(struct neighbours *n, struct neighbours_record *record)
{
	if (record->first == NULL)
		return;
	meter_begin(n->meter);
	while (record->first != NULL)
		give_back(n, unhold(n, record));
	meter_end(n->meter);
}

void neighbours_packet_drop(
	struct neighbours *n, struct neighbours_record *record, enum drop reason)
{
	if (record->first == NULL)
		return;
	meter_begin(n->meter);
	while (record->first != NULL)
		drop(n, unhold(n, record), reason);
	meter_end(n->meter);
}

void neighbours_packet_send(
	struct neighbours *n, struct rte_mbuf *m, const struct neighbours_link *link)
{
	struct packet *packet = packet_of(m);
	struct meter_port *port = &n->meter->port[link->port];
	struct meter_side *side;

	*packet = (struct packet){.kind = PACKET_LINK,
		.side = link->side,
		.port = link->port,
		.connection = link->connection,
		.link = link->link};
	side = side_of(n, packet);
	meter_begin(n->meter);
	if (link->connection != 0)
		side->originated++;
	else
		port->originated++;
	if (plane_give(n->config.plane, plane_pick(n->config.plane, link->link), m)) {
		if (link->connection != 0)
			side->ring_out++;
		else
			port->ring_out++;
	} else {
		if (link->connection != 0)
			meter_drop(n->meter, link->connection, link->side, DROP_RING_FULL);
		else
			meter_port_drop(n->meter, link->port, DROP_RING_FULL);
		rte_pktmbuf_free(m);
	}
	meter_end(n->meter);
}

static bool read_destination(struct rte_mbuf *m, struct ip_address *address)
{
	const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);

	memset(address, 0, sizeof(*address));
	if (m->data_len >= 20 && ip[0] >> 4 == 4) {
		address->family = IP_4;
		memcpy(address->bytes, ip + 16, 4);
		return true;
	}
	if (m->data_len >= 40 && ip[0] >> 4 == 6) {
		address->family = IP_6;
		memcpy(address->bytes, ip + 24, 16);
		return true;
	}
	return false;
}

static uint32_t glean(struct neighbours *n, struct rte_mbuf *m, enum drop *reason)
{
	const struct packet *packet = packet_of(m);
	uint32_t link_value = value_make(LINK_ATTACHMENT, value_id(packet->value));
	struct neighbours_link link;
	struct ip_address address;

	*reason = DROP_STALE;
	if (!neighbours_link_read(n, link_value, &link) || link.connection != packet->connection)
		return 0;
	*reason = DROP_NEIGHBOUR_UNRESOLVED;
	if (!read_destination(m, &address) || !neighbours_link_station(&link, &address))
		return 0;
	return neighbours_glean(n, &link, &address, true, reason);
}

/* The first next hop of a set that is still being asked for. */
static uint32_t unresolved_hop(const struct neighbours *n, uint32_t id)
{
	const struct fwd_set *set = snapshot_set(fwd_snapshot(n->config.fwd), id);

	for (unsigned i = 0; i < set->hops; i++) {
		uint64_t word = neighbour_load(neighbours_entry(n, set->neighbour[i]));

		if (neighbour_state(word) == NEIGHBOUR_INCOMPLETE)
			return set->neighbour[i];
	}
	return set->hops > 0 ? set->neighbour[0] : 0;
}

/* The neighbour this packet waits for; 0 where there is none, with the reason. */
static uint32_t waits_for(struct neighbours *n, struct rte_mbuf *m, enum drop *reason)
{
	const struct packet *packet = packet_of(m);
	const struct snapshot_limits *limits = &n->config.fwd->limits.snapshot;
	uint32_t id = value_id(packet->value);

	*reason = DROP_STALE;
	switch (value_kind(packet->value)) {
	case VALUE_GLEAN:
		return glean(n, m, reason);
	case VALUE_NEIGHBOUR:
		return id < n->size ? id : 0;
	case VALUE_SET:
		return id <= limits->sets ? unresolved_hop(n, id) : 0;
	default:
		return 0;
	}
}

static void append(struct neighbours *n, struct neighbours_record *record, struct rte_mbuf *m)
{
	m->next = NULL;
	if (record->first == NULL)
		record->first = m;
	else
		record->last->next = m;
	record->last = m;
	record->held++;
	n->stats.held++;
	side_of(n, packet_of(m))->held++;
}

static void hold(struct neighbours *n, struct rte_mbuf *m)
{
	const struct neighbours_limits *limits = &n->config.limits;
	enum drop reason;
	uint32_t id = waits_for(n, m, &reason);
	struct neighbours_record *record = &n->record[id];
	uint64_t word;

	if (id == 0) {
		drop(n, m, reason);
		return;
	}
	word = neighbour_load(neighbours_entry(n, id));
	if (neighbour_usable(word) && neighbours_route(n, id))
		give_back(n, m);
	else if (neighbour_usable(word))
		drop(n, m, DROP_NEIGHBOUR_LIMIT);
	else if (record->link == 0)
		drop(n, m, DROP_STALE);
	else if (neighbour_state(word) == NEIGHBOUR_FAILED)
		drop(n, m, DROP_NEIGHBOUR_UNRESOLVED);
	else if (record->held >= limits->held_each || n->stats.held >= limits->held)
		drop(n, m, DROP_NEIGHBOUR_HOLD_FULL);
	else
		append(n, record, m);
}

static void learn(struct neighbours *n, struct rte_mbuf *m)
{
	const struct packet *packet = packet_of(m);
	uint32_t link = packet->link;

	if (packet->connection != 0) {
		side_of(n, packet)->ring_in++;
		side_of(n, packet)->consumed++;
	} else {
		unsigned port = value_kind(link) == LINK_PORT ? value_id(link) : packet->port;

		n->meter->port[port % FWD_PORTS].ring_in++;
		n->meter->port[port % FWD_PORTS].consumed++;
	}
	meter_end(n->meter);
	neighbours_learn_frame(n, link, rte_pktmbuf_mtod(m, const uint8_t *), m->data_len);
	rte_pktmbuf_free(m);
	meter_begin(n->meter);
}

static void handle(struct neighbours *n, struct rte_mbuf *m)
{
	const struct packet *packet = packet_of(m);

	meter_begin(n->meter);
	if (packet->kind == PACKET_LEARN) {
		learn(n, m);
	} else {
		side_of(n, packet)->ring_in++;
		hold(n, m);
	}
	meter_end(n->meter);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

bool neighbours_packet_take(struct neighbours *n, uint64_t budget_ns)
{
	uint64_t end = now_ns() + budget_ns;
	struct rte_mbuf *m[TAKE];

	do {
		unsigned count = plane_take(n->config.plane, m, TAKE);

		for (unsigned i = 0; i < count; i++)
			handle(n, m[i]);
		if (count > 0)
			n->busy_ms = n->now_ms;
		if (count < TAKE) {
			n->drained++;
			return false;
		}
	} while (now_ns() < end);
	return true;
}
