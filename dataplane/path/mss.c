/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/path/mss.h"

#include "dataplane/wire/ippacket.h"

#define OPTION_END 0
#define OPTION_NOP 1
#define OPTION_MSS 2

static void store_mss(uint8_t *tcp, uint32_t at, uint16_t mss)
{
	uint16_t sum;
	uint32_t first = at & ~1u;
	uint8_t before[4], after[4];

	/* The option may lie across words of the checksum: take all the words it touches. */
	memcpy(before, tcp + first, 4);
	tcp[at] = (uint8_t)(mss >> 8);
	tcp[at + 1] = (uint8_t)mss;
	memcpy(after, tcp + first, 4);
	memcpy(&sum, tcp + 16, 2);
	for (unsigned i = 0; i < 4; i += 2) {
		uint16_t from, to;

		memcpy(&from, before + i, 2);
		memcpy(&to, after + i, 2);
		sum = checksum_update(sum, from, to);
	}
	memcpy(tcp + 16, &sum, 2);
}

bool mss_clamp(uint8_t *tcp, uint32_t bytes, uint16_t mss)
{
	uint32_t end = (uint32_t)(tcp[12] >> 4) * 4, at = 20;

	if (end > bytes)
		return false;
	while (at < end && tcp[at] != OPTION_END) {
		if (tcp[at] == OPTION_NOP) {
			at++;
			continue;
		}
		if (at + 1 >= end || tcp[at + 1] < 2 || at + tcp[at + 1] > end)
			return false;
		if (tcp[at] == OPTION_MSS && tcp[at + 1] == 4) {
			if (ippacket_be16(tcp + at + 2) <= mss)
				return false;
			store_mss(tcp, at + 2, mss);
			return true;
		}
		at += tcp[at + 1];
	}
	return false;
}
