/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/stress/flowframe.h"

#include <string.h>

#include "tests/tools/testbed.h"

const uint8_t flowframe_station[6] = {2, 0, 0, 0, 0, 0xaa};

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

void flowframe_make(uint8_t frame[FLOWFRAME_ROOM], unsigned flow, uint32_t number)
{
	static const uint8_t ip[20] = {
		0x45, 0, 0, 36, 0, 0, 0, 0, 64, 17, 0, 0, 192, 168, 7, 2, 10, 2, 3, 4};
	uint32_t sum = 0;

	memset(frame, 0, FLOWFRAME_ROOM);
	testbed_mac(0, frame);
	memcpy(frame + 6, flowframe_station, 6);
	put16(frame + 12, 0x8100);
	put16(frame + 14, 1100);
	put16(frame + 16, 0x0800);
	memcpy(frame + 18, ip, sizeof(ip));
	for (unsigned i = 18; i < 38; i += 2)
		sum += (uint32_t)(frame[i] << 8 | frame[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	put16(frame + 28, ~sum & 0xffff);
	put16(frame + 38, 1000 + flow);
	put16(frame + 40, 9);
	put16(frame + 42, 16);
	memcpy(frame + 46, &number, 4);
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
