/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The flow hash: inner 5-tuple, the same for both directions, seeded per gateway so that two
 * gateways in a row do not choose alike. Every fragment of a datagram hashes by its 3-tuple; ICMP
 * echo by its identifier. Independent bits serve path, worker and lane choice.
 */
#ifndef DATAPLANE_WIRE_FLOWHASH_H
#define DATAPLANE_WIRE_FLOWHASH_H

#include <stdint.h>

#include "dataplane/wire/ippacket.h"

static inline uint64_t flowhash_mix(uint64_t seed, uint64_t a, uint64_t b)
{
	uint64_t h = (a ^ seed) * UINT64_C(0x9e3779b97f4a7c15);

	/* A multiplication spreads upward only: what is above comes down before and after the
	 * second. */
	h = (h ^ h >> 32 ^ b) * UINT64_C(0xd6e8feb86659fd93);
	return h ^ h >> 29;
}

/* Two numbers from a pair that do not depend on its order. */
static inline uint64_t flowhash_pair(uint32_t a, uint32_t b)
{
	return (uint64_t)(a ^ b) << 32 | (uint32_t)(a + b);
}

/* Ports of TCP and UDP; the identifier of an ICMP echo; else 0. */
static inline uint32_t flowhash_ports(const uint8_t *packet, const struct ippacket *ip)
{
	const uint8_t *l4 = packet + ip->l4_offset;
	uint16_t port[2];

	if (likely_(ip->l4_protocol == IPPROTO_UDP || ip->l4_protocol == IPPROTO_TCP)) {
		memcpy(port, l4, sizeof(port));
		return (uint32_t)(port[0] ^ port[1]) << 16 | ((port[0] + port[1]) & 0xffff);
	}
	switch (ip->l4_protocol) {
	case IPPROTO_ICMP:
		return l4[0] == 0 || l4[0] == 8 ? ippacket_be16(l4 + 4) : 0;
	case IPPROTO_ICMPV6:
		return l4[0] == 128 || l4[0] == 129 ? ippacket_be16(l4 + 4) : 0;
	default:
		return 0;
	}
}

static inline uint64_t flowhash_4(uint64_t seed, const uint8_t *packet, const struct ippacket *ip)
{
	uint32_t address[2];

	/* In whichever order of bytes: the hash is this gateway's own. */
	memcpy(address, packet + 12, sizeof(address));
	return flowhash_mix(seed, flowhash_pair(address[0], address[1]),
		(uint64_t)ip->protocol << 32 | flowhash_ports(packet, ip));
}

static inline uint64_t flowhash_6(uint64_t seed, const uint8_t *packet, const struct ippacket *ip)
{
	uint64_t sh = ippacket_be64(packet + 8), sl = ippacket_be64(packet + 16);
	uint64_t dh = ippacket_be64(packet + 24), dl = ippacket_be64(packet + 32);
	uint64_t high = (sh ^ dh) * UINT64_C(0xff51afd7ed558ccd) + (sh + dh);
	uint64_t low = (sl ^ dl) * UINT64_C(0xc4ceb9fe1a85ec53) + (sl + dl);

	return flowhash_mix(seed, high ^ (low << 23 | low >> 41),
		low ^ ((uint64_t)ip->protocol << 32 | flowhash_ports(packet, ip)));
}

/* Bits for one choice each. */
static inline uint32_t flowhash_bucket(uint64_t hash)
{
	return (uint32_t)hash & 0xffff;
}

static inline uint32_t flowhash_worker(uint64_t hash)
{
	return (uint32_t)(hash >> 20) & 0xffff;
}

static inline uint32_t flowhash_lane(uint64_t hash)
{
	return (uint32_t)(hash >> 40) & 0xffff;
}

#endif
