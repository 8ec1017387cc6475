/* SPDX-License-Identifier: BSD-3-Clause */
/* Cutting an IPv4 packet into fragments (RFC 791 3.2), as bytes. Pure. */
#ifndef DATAPLANE_WIRE_IP4PIECE_H
#define DATAPLANE_WIRE_IP4PIECE_H

#include <stdbool.h>
#include <stdint.h>

#define IP4PIECE_HEADER 60 /* most bytes of a header */

struct ip4piece_plan {
	const uint8_t *packet;
	uint32_t header; /* bytes of the original's */
	uint32_t total;
	uint16_t offset; /* flags and offset field of the original */
	uint8_t first[IP4PIECE_HEADER], later[IP4PIECE_HEADER];
	uint32_t later_header;
};

/* packet: sound, and stays where it is while pieces are written. length: of the whole of it. */
void ip4piece_plan(struct ip4piece_plan *plan, const uint8_t *packet, uint16_t length);

/* Bytes of header that the piece from this payload offset on has. */
static inline uint32_t ip4piece_header(const struct ip4piece_plan *plan, uint32_t from)
{
	return from == 0 ? plan->header : plan->later_header;
}

/* Bytes [from, from + bytes) of the payload, as a packet; bytes is a multiple of 8 unless last. out
 * has room for the header and them. Returns the length. */
uint16_t ip4piece_write(
	const struct ip4piece_plan *plan, uint32_t from, uint32_t bytes, bool last, uint8_t *out);

#endif
