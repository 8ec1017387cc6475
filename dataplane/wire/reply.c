/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/wire/reply.h"

#include "dataplane/base/ip.h"
#include "dataplane/wire/ippacket.h"

#define TTL 64

void reply_arp(uint8_t *arp, const uint8_t mac[6])
{
	uint8_t asked[4];

	memcpy(asked, arp + 24, 4);
	arp[7] = 2;
	memcpy(arp + 18, arp + 8, 10);
	memcpy(arp + 8, mac, 6);
	memcpy(arp + 14, asked, 4);
}

static uint16_t icmp6_checksum(const uint8_t *packet, uint32_t at, uint32_t bytes)
{
	uint64_t sum = checksum_pseudo(packet + 8, packet + 24, 16, IPPROTO_ICMPV6, bytes);

	return checksum_fold(checksum_add(sum, packet + at, bytes));
}

bool reply_echo(uint8_t *packet, uint8_t family, uint16_t at, uint16_t length)
{
	uint8_t *icmp = packet + at, swap[16];
	uint32_t bytes = (uint32_t)length - at;
	bool v4 = family == IP_4;
	unsigned first = v4 ? 12 : 8, size = v4 ? 4 : 16;
	uint16_t sum, ttl;

	if (icmp[0] != (v4 ? 8 : 128) || icmp[1] != 0)
		return false;
	sum = v4 ? checksum_fold(checksum_add(0, icmp, bytes)) : icmp6_checksum(packet, at, bytes);
	if (sum != 0xffff)
		return false;
	memcpy(swap, packet + first, size);
	memcpy(packet + first, packet + first + size, size);
	memcpy(packet + first + size, swap, size);
	memcpy(&sum, icmp + 2, 2);
	sum = checksum_update(sum, rte_cpu_to_be_16((uint16_t)(icmp[0] << 8)),
		rte_cpu_to_be_16((uint16_t)((v4 ? 0 : 129) << 8)));
	/* A message all of zeroes sums to zero only with the other form of zero (RFC 1624 3). */
	sum = sum == 0 ? 0xffff : sum;
	memcpy(icmp + 2, &sum, 2);
	icmp[0] = v4 ? 0 : 129;
	if (!v4) {
		packet[7] = TTL;
		return true;
	}
	memcpy(&sum, packet + 10, 2);
	memcpy(&ttl, packet + 8, 2);
	packet[8] = TTL;
	memcpy(swap, packet + 8, 2);
	sum = checksum_update(sum, ttl, (uint16_t)(swap[0] | swap[1] << 8));
	memcpy(packet + 10, &sum, 2);
	return true;
}

bool reply_discovery_sound(const uint8_t *packet, uint16_t at, uint16_t length)
{
	static const uint8_t solicited_node[13] = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff};
	uint32_t bytes = (uint32_t)length - at, option = 24;
	const uint8_t *icmp = packet + at;
	bool unspecified = ippacket_be64(packet + 8) == 0 && ippacket_be64(packet + 16) == 0;

	if (at != 40 || bytes < 24 || packet[7] != 255 || icmp[1] != 0 || icmp[8] == 0xff ||
		packet[8] == 0xff || icmp6_checksum(packet, at, bytes) != 0xffff)
		return false;
	while (option < bytes) {
		if (bytes - option < 8 || icmp[option + 1] == 0 ||
			bytes - option < icmp[option + 1] * 8u)
			return false;
		/* A sender without address has no link-layer address to tell of. */
		if (unspecified && icmp[option] == 1)
			return false;
		option += icmp[option + 1] * 8u;
	}
	if (!unspecified)
		return true;
	return icmp[0] == 135 && memcmp(packet + 24, solicited_node, sizeof(solicited_node)) == 0;
}

bool reply_advertise(uint8_t *packet, const uint8_t mac[6])
{
	static const uint8_t all_nodes[16] = {0xff, 2, [15] = 1};
	bool solicited = ippacket_be64(packet + 8) != 0 || ippacket_be64(packet + 16) != 0;
	uint8_t *icmp = packet + 40;
	uint16_t sum;

	packet[4] = 0;
	packet[5] = REPLY_ADVERTISEMENT - 40;
	memcpy(packet + 24, solicited ? packet + 8 : all_nodes, 16);
	memcpy(packet + 8, icmp + 8, 16);
	icmp[0] = 136;
	icmp[2] = icmp[3] = 0;
	icmp[4] = solicited ? 0xe0 : 0xa0; /* router, solicited, override */
	icmp[5] = icmp[6] = icmp[7] = 0;
	icmp[24] = 2;
	icmp[25] = 1;
	memcpy(icmp + 26, mac, 6);
	sum = (uint16_t)~icmp6_checksum(packet, 40, REPLY_ADVERTISEMENT - 40);
	memcpy(icmp + 2, &sum, 2);
	return solicited;
}
