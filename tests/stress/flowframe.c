/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/stress/flowframe.h"

#include <string.h>

#include "tests/tools/rawframe.h"

void flowframe_make(uint8_t frame[FLOWFRAME_ROOM], unsigned flow, uint32_t number)
{
	static const uint8_t from[4] = {192, 168, 7, 2}, to[4] = {10, 2, 3, 4};
	uint8_t *ip = frame + 18;

	memset(frame, 0, FLOWFRAME_ROOM);
	rawframe_tagged(frame, 0, 1100, 0x0800);
	rawframe_udp4(ip, 36, from, to);
	rawframe_put16(ip + 20, 1000 + flow);
	rawframe_put16(ip + 22, 9);
	memcpy(ip + 28, &number, 4);
}

bool flowframe_read(const uint8_t *frame, uint16_t length, unsigned *flow, uint32_t *number)
{
	/* Ethernet 14, IP 20, UDP 8, Geneve 8, then the packet: UDP at 70. */
	if (length < 86 || frame[23] != 17)
		return false;
	*flow = (unsigned)(frame[70] << 8 | frame[71]) - 1000;
	memcpy(number, frame + 78, 4);
	return true;
}
