/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/tools/answer.h"

#include <string.h>

#include "tests/tools/rawframe.h"
#include "tests/tools/testbed.h"

static bool answer_arp(uint8_t *frame, uint8_t *arp)
{
	uint8_t asked[4];

	if (arp[7] != 1)
		return false;
	memcpy(asked, arp + 24, 4);
	arp[7] = 2;
	memcpy(arp + 18, arp + 8, 10);
	memcpy(arp + 8, rawframe_station, 6);
	memcpy(arp + 14, asked, 4);
	memcpy(frame, frame + 6, 6);
	memcpy(frame + 6, rawframe_station, 6);
	return true;
}

static bool answer_solicitation(uint8_t *frame, uint8_t *ip, uint16_t *length, uint16_t room)
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
	memcpy(icmp + 26, rawframe_station, 6);
	sum = (uint16_t)~rawframe_sum(icmp, 32, rawframe_sum(ip + 8, 32, 32 + 58));
	rawframe_put16(icmp + 2, sum);
	memcpy(frame, frame + 6, 6);
	memcpy(frame + 6, rawframe_station, 6);
	*length = (uint16_t)(ip - frame + 72);
	return true;
}

bool answer_question(uint8_t *frame, uint16_t *length, uint16_t room)
{
	unsigned at = 12;
	uint16_t type;

	if (*length < 42)
		return false;
	while ((type = (uint16_t)(frame[at] << 8 | frame[at + 1])) == 0x8100 || type == 0x88a8)
		at += 4;
	if (type == 0x0806)
		return answer_arp(frame, frame + at + 2);
	return type == 0x86dd && answer_solicitation(frame, frame + at + 2, length, room);
}

unsigned answer_port(struct testbed *g, unsigned port,
	void (*take)(unsigned port, const uint8_t *frame, uint16_t length))
{
	unsigned count, questions = 0;
	struct rte_mbuf *m[64];
	uint8_t frame[2048];

	while ((count = testbed_collect(g, port, m, 64)) > 0)
		for (unsigned i = 0; i < count; i++) {
			uint16_t length = m[i]->data_len;

			memcpy(frame, rte_pktmbuf_mtod(m[i], void *), length);
			rte_pktmbuf_free(m[i]);
			if (!answer_question(frame, &length, sizeof(frame))) {
				take(port, frame, length);
				continue;
			}
			testbed_inject(g, port, 0, frame, length, 1);
			questions++;
		}
	return questions;
}
