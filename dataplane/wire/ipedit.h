/* SPDX-License-Identifier: BSD-3-Clause */
/* What forwarding changes in an IP header, the IPv4 checksum kept right word by word (RFC 1624). */
#ifndef DATAPLANE_WIRE_IPEDIT_H
#define DATAPLANE_WIRE_IPEDIT_H

#include "dataplane/base/ip.h"
#include "dataplane/wire/ippacket.h"

/* A header word changes and its checksum with it. */
static inline void ipedit_word4(uint8_t *packet, unsigned at, uint16_t word)
{
	uint16_t from, sum;

	memcpy(&from, packet + at, 2);
	memcpy(&sum, packet + 10, 2);
	sum = checksum_update(sum, from, word);
	memcpy(packet + at, &word, 2);
	memcpy(packet + 10, &sum, 2);
}

static inline uint8_t ipedit_tos(const uint8_t *packet, uint8_t family)
{
	return family == IP_4 ? packet[1] : (uint8_t)(ippacket_be16(packet) >> 4);
}

static inline void ipedit_set_tos(uint8_t *packet, uint8_t family, uint8_t tos)
{
	if (family == IP_4) {
		ipedit_word4(packet, 0, rte_cpu_to_be_16((uint16_t)(packet[0] << 8 | tos)));
	} else {
		packet[0] = (uint8_t)(0x60 | tos >> 4);
		packet[1] = (uint8_t)((packet[1] & 0x0f) | tos << 4);
	}
}

/* TTL is at least 1. */
static inline void ipedit_decrement_ttl(uint8_t *packet, uint8_t family)
{
	uint16_t sum;
	uint32_t next;

	if (family == IP_6) {
		packet[7]--;
		return;
	}
	/* The word of TTL and protocol loses 0x0100, the checksum gains it, carry included:
	 * equation 3 of RFC 1624 for this one difference. */
	memcpy(&sum, packet + 10, 2);
	next = (uint32_t)sum + rte_cpu_to_be_16(0x0100);
	sum = (uint16_t)(next + (next >= 0xffff));
	memcpy(packet + 10, &sum, 2);
	packet[8]--;
}

#endif
