/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/wire/tunnel.h"

unsigned tunnel_options(const uint8_t *options, uint32_t bytes)
{
	uint32_t at = 0;

	while (at < bytes) {
		uint32_t length;

		if (bytes - at < 4)
			return DROP_GENEVE_OPTIONS;
		length = 4 + (uint32_t)(options[at + 3] & 0x1f) * 4;
		if (length > bytes - at)
			return DROP_GENEVE_OPTIONS;
		if (options[at + 2] & 0x80)
			return DROP_GENEVE_CRITICAL;
		at += length;
	}
	return VERDICT_GO;
}
