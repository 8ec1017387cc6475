/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/tools/rawframe.h"

#include <string.h>

#include "tests/tools/testbed.h"

const uint8_t rawframe_station[6] = {2, 0, 0, 0, 0, 0xaa};

unsigned rawframe_ethernet(uint8_t *frame, unsigned port, unsigned type)
{
	testbed_mac(port, frame);
	memcpy(frame + 6, rawframe_station, 6);
	rawframe_put16(frame + 12, type);
	return 14;
}

unsigned rawframe_tagged(uint8_t *frame, unsigned port, unsigned vlan, unsigned type)
{
	unsigned at = rawframe_ethernet(frame, port, 0x8100);

	rawframe_put16(frame + at, vlan);
	rawframe_put16(frame + at + 2, type);
	return at + 4;
}

unsigned rawframe_udp4(
	uint8_t *ip, unsigned bytes, const uint8_t source[4], const uint8_t destination[4])
{
	memset(ip, 0, 28);
	ip[0] = 0x45;
	rawframe_put16(ip + 2, bytes);
	ip[8] = 64;
	ip[9] = 17;
	memcpy(ip + 12, source, 4);
	memcpy(ip + 16, destination, 4);
	rawframe_ip4_sum(ip);
	rawframe_put16(ip + 24, bytes - 20);
	return 28;
}

unsigned rawframe_udp6(
	uint8_t *ip, unsigned bytes, const uint8_t source[16], const uint8_t destination[16])
{
	memset(ip, 0, 48);
	ip[0] = 0x60;
	rawframe_put16(ip + 4, bytes - 40);
	ip[6] = 17;
	ip[7] = 64;
	memcpy(ip + 8, source, 16);
	memcpy(ip + 24, destination, 16);
	rawframe_put16(ip + 44, bytes - 40);
	return 48;
}

unsigned rawframe_geneve(uint8_t *frame, unsigned port, uint32_t vni, unsigned type, unsigned bytes)
{
	static const uint8_t from[4] = {10, 1, 0, 2}, to[4] = {10, 1, 0, 1};
	unsigned at = rawframe_ethernet(frame, port, 0x0800);
	uint8_t *udp = frame + at + 20, *geneve = udp + 8;

	at += rawframe_udp4(frame + at, 36 + bytes, from, to);
	rawframe_put16(udp, 50000);
	rawframe_put16(udp + 2, 6081);
	memset(geneve, 0, 8);
	rawframe_put16(geneve + 2, type);
	geneve[4] = (uint8_t)(vni >> 16);
	rawframe_put16(geneve + 5, vni & 0xffff);
	return at + 8;
}
