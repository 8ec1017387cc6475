/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/wire/mss.h"

#include "dataplane/wire/ippacket.h"

#define OPTION_END 0
#define OPTION_NOP 1
#define OPTION_MSS 2

static void store_mss(uint8_t *tcp, uint32_t at, uint16_t mss)
{
	uint16_t sum;
	uint32_t first = at & ~1u;
	/* At an odd place the option lies across two words of the checksum: take both. At an even
	 * one it may be the last word there is. */
	unsigned bytes = at % 2 == 0 ? 2 : 4;
	uint8_t before[4];

	memcpy(before, tcp + first, bytes);
	tcp[at] = (uint8_t)(mss >> 8);
	tcp[at + 1] = (uint8_t)mss;
	memcpy(&sum, tcp + 16, 2);
	for (unsigned i = 0; i < bytes; i += 2) {
		uint16_t from, to;

		memcpy(&from, before + i, 2);
		memcpy(&to, tcp + first + i, 2);
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
