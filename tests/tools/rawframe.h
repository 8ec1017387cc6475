/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames written byte by byte, by none of the code under test: what tests send to a gateway. A
 * function that writes headers answers their bytes. */
#ifndef TESTS_TOOLS_RAWFRAME_H
#define TESTS_TOOLS_RAWFRAME_H

#include <stdint.h>

/* Whoever sends, and answers for all next hops: 02:00:00:00:00:aa. */
extern const uint8_t rawframe_station[6];

static inline void rawframe_put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* RFC 1071: of an even number of bytes, on top of sum; folded, not inverted. */
static inline uint16_t rawframe_sum(const uint8_t *p, unsigned bytes, uint32_t sum)
{
	for (unsigned i = 0; i < bytes; i += 2)
		sum += (uint32_t)(p[i] << 8 | p[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* Writes the checksum of an IPv4 header, options included. */
static inline void rawframe_ip4_sum(uint8_t *ip)
{
	rawframe_put16(ip + 10, 0);
	rawframe_put16(ip + 10, ~(unsigned)rawframe_sum(ip, (ip[0] & 15u) * 4, 0));
}

/* From the station to a port of a testbed. */
unsigned rawframe_ethernet(uint8_t *frame, unsigned port, unsigned type);
/* The same with an 802.1Q tag. */
unsigned rawframe_tagged(uint8_t *frame, unsigned port, unsigned vlan, unsigned type);

/* IPv4 and UDP, for bytes in all: TTL 64, no ports, no UDP checksum. */
unsigned rawframe_udp4(
	uint8_t *ip, unsigned bytes, const uint8_t source[4], const uint8_t destination[4]);
/* The same over IPv6. */
unsigned rawframe_udp6(
	uint8_t *ip, unsigned bytes, const uint8_t source[16], const uint8_t destination[16]);

/* Ethernet, 10.1.0.2 → 10.1.0.1 and Geneve around a packet of that EtherType and many bytes. */
unsigned rawframe_geneve(
	uint8_t *frame, unsigned port, uint32_t vni, unsigned type, unsigned bytes);

#endif
