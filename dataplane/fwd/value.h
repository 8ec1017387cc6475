/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a route look-up answers, and how a link is named: a kind in the top four bits, the id of the
 * object in the other 28. A value is never 0, and 0 is "no route" / "no link".
 */
#ifndef DATAPLANE_FWD_VALUE_H
#define DATAPLANE_FWD_VALUE_H

#include <stdint.h>

enum value_kind {
	VALUE_NONE = 0,
	VALUE_BLACKHOLE,      /* id 0 */
	VALUE_LOCAL,	      /* our own address; id: attachment */
	VALUE_LOCAL_ENDPOINT, /* our own address inside a tunnel; id: endpoint */
	VALUE_GLEAN,	      /* connected prefix, station not yet known; id: attachment */
	VALUE_NEIGHBOUR,      /* one next hop on an attachment; id: neighbour */
	VALUE_SET,	      /* several next hops on attachments; id: next-hop set */
	VALUE_ENDPOINT,	      /* to a remote site; id: endpoint (its site names the path group) */
};

/* Where a frame comes from or goes to, below IP. */
enum link_kind {
	LINK_NONE = 0,
	LINK_PORT,	 /* untagged underlay side of a port; id: port index */
	LINK_ATTACHMENT, /* id: attachment */
	LINK_ENDPOINT,	 /* inside a tunnel with Ethernet payload; id: endpoint */
};

#define VALUE_ID_BITS 28
#define VALUE_ID_MAX  ((1u << VALUE_ID_BITS) - 1)

static inline uint32_t value_make(unsigned kind, uint32_t id)
{
	return (uint32_t)kind << VALUE_ID_BITS | id;
}

static inline unsigned value_kind(uint32_t value)
{
	return value >> VALUE_ID_BITS;
}

static inline uint32_t value_id(uint32_t value)
{
	return value & VALUE_ID_MAX;
}

#endif
