/* SPDX-License-Identifier: BSD-3-Clause */
/* IPv4 fragmentation (RFC 791 3.2), before encapsulation: a tunnel's own packets are never cut. */
#include "dataplane/path/path.h"
#include "dataplane/wire/ippacket.h"

#define MORE	    0x2000
#define PIECES	    64
#define HEADER_MOST 60

/* The options that every piece must carry (copied flag set), padded to whole words. */
static uint32_t copied_options(const uint8_t *header, uint32_t bytes, uint8_t *out)
{
	uint32_t at = 20, length = 0;

	while (at < bytes && header[at] != 0) {
		uint32_t step = header[at] == 1 ? 1
				: at + 1 < bytes && header[at + 1] >= 2
					? RTE_MIN(header[at + 1], bytes - at)
					: bytes - at;

		if (header[at] & 0x80) {
			memcpy(out + length, header + at, step);
			length += step;
		}
		at += step;
	}
	while (length % 4 != 0)
		out[length++] = 0;
	return length;
}

struct plan {
	const uint8_t *packet;
	uint32_t header; /* bytes of the original's */
	uint32_t total;
	uint16_t offset; /* flags and offset field of the original */
	uint8_t first[HEADER_MOST], later[HEADER_MOST];
	uint32_t later_header;
};

static void make_plan(const struct burst *b, unsigned slot, struct plan *plan)
{
	plan->packet = burst_packet(b, slot);
	plan->header = (uint32_t)(plan->packet[0] & 15) * 4;
	plan->total = b->length[slot];
	plan->offset = ippacket_be16(plan->packet + 6);
	memcpy(plan->first, plan->packet, plan->header);
	memcpy(plan->later, plan->packet, 20);
	plan->later_header = 20 + copied_options(plan->packet, plan->header, plan->later + 20);
	plan->later[0] = (uint8_t)(0x40 | plan->later_header / 4);
}

/* One piece: bytes [from, from + bytes) of the payload. */
static struct rte_mbuf *make_piece(
	struct forwarder *f, const struct plan *plan, uint32_t from, uint32_t bytes, bool last)
{
	uint32_t header = from == 0 ? plan->header : plan->later_header;
	uint16_t length = (uint16_t)(header + bytes), sum;
	uint16_t field = (uint16_t)(plan->offset + from / 8);
	struct rte_mbuf *m = rte_pktmbuf_alloc(f->pool);
	uint8_t *p;

	if (m == NULL)
		return NULL;
	if (rte_pktmbuf_tailroom(m) < length) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	if (!last)
		field |= MORE;
	p = rte_pktmbuf_mtod(m, uint8_t *);
	memcpy(p, from == 0 ? plan->first : plan->later, header);
	memcpy(p + header, plan->packet + plan->header + from, bytes);
	p[2] = (uint8_t)(length >> 8);
	p[3] = (uint8_t)length;
	p[6] = (uint8_t)(field >> 8);
	p[7] = (uint8_t)field;
	p[10] = p[11] = 0;
	sum = (uint16_t)~checksum_fold(checksum_add(0, p, header));
	memcpy(p + 10, &sum, 2);
	m->data_len = length;
	m->pkt_len = length;
	return m;
}

static unsigned cut(
	struct forwarder *f, const struct plan *plan, uint16_t mtu, struct rte_mbuf **piece)
{
	uint32_t payload = plan->total - plan->header, from = 0;
	unsigned pieces = 0;

	while (from < payload && pieces < PIECES) {
		uint32_t header = from == 0 ? plan->header : plan->later_header;
		uint32_t room = (mtu - header) & ~7u, bytes = RTE_MIN(room, payload - from);

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
	struct plan plan;
	unsigned pieces;

	make_plan(b, slot, &plan);
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
