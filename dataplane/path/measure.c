/* SPDX-License-Identifier: BSD-3-Clause */
/* The packet a customer sent: is it sound, whose flow is it, and counted as arrived. */
#include "dataplane/path/path.h"
#include "dataplane/wire/ippacket.h"
#include "dataplane/wire/ecn.h"
#include "dataplane/wire/flowhash.h"

/* Neighbour discovery, and what is said on one link only: never routed. */
static inline bool is_link_talk(const uint8_t *packet, const struct ippacket *ip)
{
	const uint8_t *l4 = packet + ip->l4_offset;

	if (packet[24] == 0xff || ippacket_link_local6(packet + 24))
		return true;
	return ip->l4_protocol == IPPROTO_ICMPV6 && l4[0] >= 133 && l4[0] <= 137;
}

static inline uint8_t inner_ecn(const uint8_t *packet, uint8_t family)
{
	return family == IP_4 ? packet[1] & 3 : (packet[1] >> 4) & 3;
}

static inline unsigned check_ecn(
	struct forwarder *f, const struct burst *b, unsigned slot, const uint8_t *packet)
{
	uint8_t outer = b->outer_tos[slot] & ECN_MASK, result;

	if (likely_(outer == ECN_NOT))
		return VERDICT_GO;
	result = ecn_decapsulate[inner_ecn(packet, b->family[slot])][outer];
	if (likely_(!(result & (ECN_RESULT_WARN | ECN_RESULT_DROP))))
		return VERDICT_GO;
	forwarder_note(f, b->connection[slot], METER_NOTE_ECN_WARNING);
	return result & ECN_RESULT_DROP ? DROP_ECN_ILLEGAL : VERDICT_GO;
}

/* The packet becomes all of the mbuf's data; what stood before and after it stays in the buffer. */
static inline void strip(struct burst *b, unsigned slot, uint16_t length)
{
	struct rte_mbuf *m = b->m[slot];

	b->packet[slot] = rte_pktmbuf_mtod_offset(m, uint8_t *, b->ip[slot]);
	m->data_off = (uint16_t)(m->data_off + b->ip[slot]);
	m->data_len = length;
	m->pkt_len = length;
}

static inline unsigned measure_one(struct forwarder *f, struct burst *b, unsigned slot)
{
	uint8_t *packet = burst_data(b, slot) + b->ip[slot];
	uint32_t available = b->m[slot]->data_len - (uint32_t)b->ip[slot];
	uint64_t seed = f->fwd->hash_seed;
	struct ippacket ip;
	unsigned verdict;

	if (b->family[slot] == IP_4) {
		verdict = ippacket_inspect4(packet, available, &ip);
		if (likely_(verdict == VERDICT_GO))
			verdict = ippacket_addresses4(packet);
	} else {
		verdict = ippacket_inspect6(packet, available, &ip);
		if (unlikely_(verdict == VERDICT_GO && is_link_talk(packet, &ip))) {
			b->length[slot] = ip.length;
			b->l4_offset[slot] = ip.l4_offset;
			b->l4_protocol[slot] = ip.l4_protocol;
			return local_discovery(f, b, slot);
		}
		if (likely_(verdict == VERDICT_GO))
			verdict = ippacket_addresses6(packet);
	}
	if (unlikely_(verdict != VERDICT_GO))
		return verdict;
	if (b->side[slot] == METER_PATH) {
		verdict = check_ecn(f, b, slot, packet);
		if (unlikely_(verdict != VERDICT_GO))
			return verdict;
	}
	b->length[slot] = ip.length;
	b->l4_offset[slot] = ip.l4_offset;
	b->l4_protocol[slot] = ip.l4_protocol;
	b->hash[slot] = b->family[slot] == IP_4 ? flowhash_4(seed, packet, &ip)
						: flowhash_6(seed, packet, &ip);
	strip(b, slot, ip.length);
	return VERDICT_GO;
}

/* Packets one behind the other that came in the same way are added once. Answers how many. */
static inline unsigned count_run(struct forwarder *f, const struct burst *b, unsigned first)
{
	unsigned slot = b->live[first], end = first;
	uint32_t link = b->link[slot];
	uint16_t path = b->path[slot];
	uint64_t bytes = 0;
	struct meter_traffic *t =
		path != 0 ? &f->meter->path[path] : &f->meter->attachment[value_id(link)];
	struct meter_side *side = &f->meter->connection[b->connection[slot]].side[b->side[slot]];

	do {
		bytes += b->length[slot];
		end++;
		slot = b->live[end % BURST];
	} while (end < b->count && b->link[slot] == link && b->path[slot] == path);
	t->rx_packets += end - first;
	t->rx_bytes += bytes;
	side->rx += end - first;
	return end - first;
}

void measure_burst(struct forwarder *f, struct burst *b)
{
	const unsigned count = b->count;
	uint64_t gone = 0;

	for (unsigned i = 0; i < count; i++) {
		unsigned verdict = measure_one(f, b, b->live[i]);

		if (unlikely_(verdict != VERDICT_GO))
			forwarder_refuse(f, b, i, verdict, &gone);
	}
	burst_forget(b, gone);
	for (unsigned i = 0; i < b->count;)
		i += count_run(f, b, i);
	memset(b->entered, 1, sizeof(b->entered));
}
