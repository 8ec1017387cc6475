/* SPDX-License-Identifier: BSD-3-Clause */
/* One packet of many, by chance: who carries most. */
#include "dataplane/path/path.h"
#include "dataplane/wire/ippacket.h"

static void sample_one(struct forwarder *f, const struct burst *b, unsigned slot)
{
	const uint8_t *packet = burst_packet(b, slot), *l4 = packet + b->l4_offset[slot];
	unsigned bytes = b->family[slot] == IP_4 ? 4 : 16, at = bytes == 4 ? 12 : 8;
	uint8_t protocol = b->l4_protocol[slot];
	struct flows_key key = {.hash = b->hash[slot],
		.connection = b->connection[slot],
		.family = b->family[slot],
		.protocol = b->family[slot] == IP_4 ? packet[9] : protocol,
		.side = b->side[slot],
		.port = b->port[slot]};

	memcpy(key.source, packet + at, bytes);
	memcpy(key.destination, packet + at + bytes, bytes);
	if (protocol == IPPROTO_TCP || protocol == IPPROTO_UDP) {
		key.source_port = ippacket_be16(l4);
		key.destination_port = ippacket_be16(l4 + 2);
	}
	flows_record(f->meter->flows, &key, b->length[slot], b->arrived);
}

void sample_burst(struct forwarder *f, const struct burst *b)
{
	struct flows *flows = f->meter->flows;
	uint32_t at = flows->gap;

	for (; unlikely_(at < b->count); at += flows_next_gap(flows))
		sample_one(f, b, b->live[at]);
	flows->gap = at - b->count;
}
