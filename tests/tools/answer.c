/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/tools/answer.h"

#include <string.h>

#include "tests/tools/rawframe.h"

static bool answer_arp(uint8_t *frame, uint8_t *arp, const uint8_t mac[6])
{
	uint8_t asked[4];

	if (arp[7] != 1)
		return false;
	memcpy(asked, arp + 24, 4);
	arp[7] = 2;
	memcpy(arp + 18, arp + 8, 10);
	memcpy(arp + 8, mac, 6);
	memcpy(arp + 14, asked, 4);
	memcpy(frame, frame + 6, 6);
	memcpy(frame + 6, mac, 6);
	return true;
}

static bool answer_solicitation(
	uint8_t *frame, uint8_t *ip, uint16_t *length, uint16_t room, const uint8_t mac[6])
{
	uint8_t *icmp = ip + 40;
	uint16_t sum;

	if (*length < ip - frame + 64 || ip[6] != 58 || icmp[0] != 135 || room < ip - frame + 72)
		return false;
	ip[4] = 0;
	ip[5] = 32;
	memcpy(ip + 24, ip + 8, 16);
	memcpy(ip + 8, icmp + 8, 16);
	icmp[0] = 136;
	icmp[2] = icmp[3] = 0;
	icmp[4] = 0x60; /* solicited, override */
	icmp[24] = 2;
	icmp[25] = 1;
	memcpy(icmp + 26, mac, 6);
	sum = (uint16_t)~rawframe_sum(icmp, 32, rawframe_sum(ip + 8, 32, 32 + 58));
	rawframe_put16(icmp + 2, sum);
	memcpy(frame, frame + 6, 6);
	memcpy(frame + 6, mac, 6);
	*length = (uint16_t)(ip - frame + 72);
	return true;
}

bool answer_question(uint8_t *frame, uint16_t *length, uint16_t room, const uint8_t mac[6])
{
	unsigned at = 12;
	uint16_t type;

	if (*length < 42)
		return false;
	while ((type = (uint16_t)(frame[at] << 8 | frame[at + 1])) == 0x8100 || type == 0x88a8)
		at += 4;
	if (type == 0x0806)
		return answer_arp(frame, frame + at + 2, mac);
	return type == 0x86dd && answer_solicitation(frame, frame + at + 2, length, room, mac);
}
