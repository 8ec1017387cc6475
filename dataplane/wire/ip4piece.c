/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/wire/ip4piece.h"

#include <string.h>

#include <rte_common.h>

#include "dataplane/wire/ippacket.h"

#define MORE 0x2000

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

void ip4piece_plan(struct ip4piece_plan *plan, const uint8_t *packet, uint16_t length)
{
	plan->packet = packet;
	plan->header = (uint32_t)(plan->packet[0] & 15) * 4;
	plan->total = length;
	plan->offset = ippacket_be16(plan->packet + 6);
	memcpy(plan->first, plan->packet, plan->header);
	memcpy(plan->later, plan->packet, 20);
	plan->later_header = 20 + copied_options(plan->packet, plan->header, plan->later + 20);
	plan->later[0] = (uint8_t)(0x40 | plan->later_header / 4);
}

uint16_t ip4piece_write(
	const struct ip4piece_plan *plan, uint32_t from, uint32_t bytes, bool last, uint8_t *out)
{
	uint32_t header = ip4piece_header(plan, from);
	uint16_t length = (uint16_t)(header + bytes), sum;
	uint16_t field = (uint16_t)(plan->offset + from / 8);

	if (!last)
		field |= MORE;
	memcpy(out, from == 0 ? plan->first : plan->later, header);
	memcpy(out + header, plan->packet + plan->header + from, bytes);
	out[2] = (uint8_t)(length >> 8);
	out[3] = (uint8_t)length;
	out[6] = (uint8_t)(field >> 8);
	out[7] = (uint8_t)field;
	out[10] = out[11] = 0;
	sum = (uint16_t)~checksum_fold(checksum_add(0, out, header));
	memcpy(out + 10, &sum, 2);
	return length;
}
