/* SPDX-License-Identifier: BSD-3-Clause */
/* Internet checksums (RFC 1071) on sums of 16-bit words in memory order. */
#ifndef DATAPLANE_WIRE_CHECKSUM_H
#define DATAPLANE_WIRE_CHECKSUM_H

#include <stdint.h>
#include <string.h>

#include <rte_ip.h>

static inline uint16_t checksum_fold(uint64_t sum)
{
	uint32_t folded;

	/* Each half added to the other, twice: the upper then has both, and the carry of the lower,
	 * which is its own come in again. */
	sum += sum << 32 | sum >> 32;
	folded = (uint32_t)(sum >> 32);
	folded += folded << 16 | folded >> 16;
	return (uint16_t)(folded >> 16);
}

/* Sum of bytes (any alignment and number), not folded to 16 bits. */
static inline uint64_t checksum_add(uint64_t sum, const void *bytes, size_t length)
{
	return sum + rte_raw_cksum(bytes, length);
}

/* Checksum field after one 16-bit word (memory order) changed: RFC 1624 equation 3. */
static inline uint16_t checksum_update(uint16_t checksum, uint16_t from, uint16_t to)
{
	uint32_t sum = (uint16_t)~checksum;

	sum += (uint16_t)~from;
	sum += to;
	return (uint16_t)~checksum_fold(sum);
}

/* Sum of an IPv4 header without options: 0xffff after folding where its checksum is right. */
static inline uint16_t checksum_ip4_header(const uint8_t *header)
{
	uint32_t w[5];
	uint64_t sum;

	memcpy(w, header, sizeof(w));
	sum = (uint64_t)w[0] + w[1] + w[2] + w[3] + w[4];
	return checksum_fold(sum);
}

/* Sum of the pseudo header of UDP, TCP or ICMPv6 for addresses of address_bytes each. */
static inline uint64_t checksum_pseudo(const uint8_t *source, const uint8_t *destination,
	size_t address_bytes, uint8_t protocol, uint32_t length)
{
	uint64_t sum = checksum_add(0, source, address_bytes);

	sum = checksum_add(sum, destination, address_bytes);
	return sum + rte_cpu_to_be_16(protocol) + rte_cpu_to_be_16((uint16_t)(length >> 16)) +
	       rte_cpu_to_be_16((uint16_t)length);
}

#endif
