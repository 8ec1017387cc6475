/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The private Geneve option (RFC 8926 3.5) by which two of our gateways measure a path on the
 * customers' packets: never critical, always 16 bytes, experimental class. Network byte order:
 *
 *    0                   1                   2                   3
 *   |     class 0xff01              | type 0x01     |0 0 0| length 3|
 *   |            lane               |    epoch      |L D V S| gener.|
 *   |                          sequence                             |
 *   |                            sent                               |
 *
 * Pure; no packet is touched beyond the bytes given.
 */
#ifndef DATAPLANE_WIRE_LANEOPTION_H
#define DATAPLANE_WIRE_LANEOPTION_H

#include <string.h>

#include "dataplane/base/macros.h"
#include "dataplane/wire/ippacket.h"

#define LANEOPTION_BYTES 16
#define LANEOPTION_CLASS 0xff01
#define LANEOPTION_TYPE	 0x01
#define LANEOPTION_WORD	 UINT32_C(0xff010103) /* its first four bytes, host order */

enum laneoption_flags {
	LANEOPTION_LOSS = 0x80,	 /* L: lowest bit of the epoch, as RFC 9341 colours packets */
	LANEOPTION_DELAY = 0x40, /* D: a delay sample, also where not all packets are looked at */
	LANEOPTION_TIMED = 0x20, /* V: sent is valid */
	LANEOPTION_START = 0x10, /* S: among the first packets of a generation */
	LANEOPTION_GENERATION = 0x0f, /* changes when the lane's numbers begin anew */
};

struct laneoption {
	uint16_t lane;	   /* the sender's number of the lane */
	uint8_t epoch;	   /* low bits of the sender's epoch */
	uint8_t flags;	   /* enum laneoption_flags */
	uint32_t sequence; /* one more than the lane's last, modulo 2^32 */
	uint32_t sent;	   /* the sender's clock in units of 16 ns, modulo 2^32 */
};

/* What does not change from packet to packet: the first eight bytes, in network order. */
static inline uint64_t laneoption_head(uint16_t lane, uint8_t epoch, uint8_t flags)
{
	return __builtin_bswap64((uint64_t)LANEOPTION_WORD << 32 | (uint64_t)lane << 16 |
				 (uint64_t)epoch << 8 | flags);
}

/* Writes all 16 bytes. */
static inline void laneoption_write(uint8_t *at, uint64_t head, uint32_t sequence, uint32_t sent)
{
	uint64_t rest = __builtin_bswap64((uint64_t)sequence << 32 | sent);

	memcpy(at, &head, 8);
	memcpy(at + 8, &rest, 8);
}

/* Is it the only option? Then its lengths add up and nothing else needs a look. */
static inline bool laneoption_alone(const uint8_t *options, uint32_t bytes)
{
	return bytes == LANEOPTION_BYTES && ippacket_be32(options) == LANEOPTION_WORD;
}

/* Where among those options the first of ours is; NULL: none, as far as lengths add up. */
const uint8_t *laneoption_find(const uint8_t *options, uint32_t bytes);

/* options: what follows the Geneve base header, bytes of it. False: our option is not there. One of
 * our class and type but another length is somebody else's. */
static inline bool laneoption_read(const uint8_t *options, uint32_t bytes, struct laneoption *out)
{
	uint64_t head, rest;

	if (unlikely_(bytes < LANEOPTION_BYTES))
		return false;
	head = ippacket_be64(options);
	if (unlikely_(head >> 32 != LANEOPTION_WORD)) {
		options = laneoption_find(options, bytes);
		if (options == NULL)
			return false;
		head = ippacket_be64(options);
	}
	rest = ippacket_be64(options + 8);
	*out = (struct laneoption){.lane = (uint16_t)(head >> 16),
		.epoch = (uint8_t)(head >> 8),
		.flags = (uint8_t)head,
		.sequence = (uint32_t)(rest >> 32),
		.sent = (uint32_t)rest};
	return true;
}

#endif
