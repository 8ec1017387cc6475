/* SPDX-License-Identifier: BSD-3-Clause */
/* IPv4 fragmentation (RFC 791 3.2), before encapsulation: a tunnel's own packets are never cut. */
#include "dataplane/path/path.h"
#include "dataplane/wire/ip4piece.h"
#include "dataplane/wire/ippacket.h"

#define PIECES 64
#define OFFSET 0x1fff /* of a fragment, in units of 8 bytes */

/* One piece in a buffer of its own; NULL where there is none. */
static struct rte_mbuf *make_piece(struct forwarder *f, const struct ip4piece_plan *plan,
	uint32_t from, uint32_t bytes, bool last)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(f->pool);

	if (m == NULL)
		return NULL;
	if (rte_pktmbuf_tailroom(m) < ip4piece_header(plan, from) + bytes) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	m->data_len = ip4piece_write(plan, from, bytes, last, rte_pktmbuf_mtod(m, uint8_t *));
	m->pkt_len = m->data_len;
	return m;
}

static unsigned cut(struct forwarder *f, const struct ip4piece_plan *plan, uint16_t mtu,
	struct rte_mbuf **piece)
{
	uint32_t payload = plan->total - plan->header, from = 0;
	unsigned pieces = 0;

	while (from < payload && pieces < PIECES) {
		uint32_t room = (mtu - ip4piece_header(plan, from)) & ~7u,
			 bytes = RTE_MIN(room, payload - from);

		piece[pieces] = make_piece(f, plan, from, bytes, from + bytes == payload);
		if (piece[pieces] == NULL)
			break;
		pieces++;
		from += bytes;
	}
	if (from == payload)
		return pieces;
	while (pieces > 0)
		rte_pktmbuf_free(piece[--pieces]);
	return 0;
}

unsigned fragment_packet(struct forwarder *f, struct burst *b, unsigned slot, uint16_t mtu)
{
	struct rte_mbuf *piece[PIECES];
	struct ip4piece_plan plan;
	unsigned pieces;

	ip4piece_plan(&plan, burst_packet(b, slot), b->length[slot]);
	/* Each piece must carry something, or cutting never ends. */
	if (mtu < plan.header + 8)
		return DROP_MTU_EXCEEDED;
	/* Offsets of the pieces would run over into the flags. */
	if ((plan.offset & OFFSET) * 8u + plan.total > UINT16_MAX)
		return DROP_IP_HEADER;
	if (f->made + PIECES > FORWARDER_MADE)
		return DROP_NO_BUFFER;
	pieces = cut(f, &plan, mtu, piece);
	if (pieces == 0)
		return DROP_NO_BUFFER;
	/* All pieces carry the hash of the whole: none takes another path. */
	forwarder_store(b, slot, PACKET_ROUTE);
	for (unsigned i = 0; i < pieces; i++) {
		struct packet *record = packet_of(piece[i]);

		*record = *packet_of(b->m[slot]);
		record->flags |= PACKET_CHECKED;
		record->l4_protocol = IPPACKET_NO_L4;
		forwarder_add_fragment(f, piece[i]);
	}
	forwarder_note(f, b->connection[slot], METER_NOTE_FRAGMENTED);
	forwarder_consume(f, b, slot);
	rte_pktmbuf_free(b->m[slot]);
	return VERDICT_TAKEN;
}
