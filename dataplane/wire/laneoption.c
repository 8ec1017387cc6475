/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/wire/laneoption.h"

/* The reserved bits beside the length are for the receiver to ignore. */
#define UNRESERVED UINT32_C(0xffffff1f)

const uint8_t *laneoption_find(const uint8_t *options, uint32_t bytes)
{
	uint32_t at = 0;

	while (bytes - at >= 4) {
		uint32_t word = ippacket_be32(options + at), length = 4 + (word & 0x1f) * 4;

		if (length > bytes - at)
			return NULL;
		if ((word & UNRESERVED) == LANEOPTION_WORD)
			return options + at;
		at += length;
	}
	return NULL;
}
