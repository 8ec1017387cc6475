/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A packet at rest: what lies in the private area of an mbuf while it waits in a ring or with the
 * control thread. Ids only, never pointers: it is looked up again when it moves on.
 */
#ifndef DATAPLANE_PATH_PACKET_H
#define DATAPLANE_PATH_PACKET_H

#include <rte_mbuf.h>

#include "dataplane/base/macros.h"

enum packet_kind {
	PACKET_ROUTE = 1, /* an IP packet of a connection, to be routed: starts at ip_offset 0 */
	PACKET_SEND,	  /* a finished frame for (port, queue): transmit as it is */
	PACKET_LINK,  /* an untagged Ethernet frame to go out on link: worker adds tags or tunnel */
	PACKET_HOLD,  /* to control: as PACKET_ROUTE, but value's neighbour is not resolved */
	PACKET_OAM,   /* to oam: for the gateway itself, from one that watches a path */
	PACKET_LEARN, /* to control: ARP or ND that came in on link (Ethernet header first) */
};

enum packet_flags {
	PACKET_CHECKED = 1 << 0, /* its source was checked: a fragment of ours, or it was held */
	PACKET_OURS = 1 << 1,	 /* we are its sender: TTL is ours, it may return to where its cause
				    came from */
	PACKET_ICMP_ERROR = 1 << 2, /* never answered by another ICMP error */
	PACKET_POLICED = 1 << 3,    /* its connection has a rate, which police looks at */
	PACKET_EXCESS = 1 << 4,	    /* over the bandwidth, within the peak: encap marks it */
};

struct packet {
	uint8_t kind;	     /* enum packet_kind */
	uint8_t side;	     /* enum meter_side_id the packet counts on */
	uint8_t port;	     /* SEND: port index. LEARN, OAM: port index it came in by */
	uint8_t flags;	     /* enum packet_flags */
	uint32_t connection; /* 0: none, counts on the port */
	uint32_t link;	     /* entry link (value.h); LINK, LEARN: where it goes or came from */
	uint32_t value; /* HOLD: the route value that led here. SEND: LINK_… and id it counts as,
			 * with the path's id for LINK_ENDPOINT. OAM: id of the path whose tunnel it
			 * came by; 0: none */
	uint16_t l3_length;  /* SEND: L3 bytes for the counter */
	uint16_t l4_offset;  /* ROUTE, HOLD: of the transport header from the IP header. OAM: of
				what is behind the tunnel, or of the IP header */
	uint8_t l4_protocol; /* ROUTE, HOLD: IPPACKET_NO_L4 where it cannot be known */
	uint8_t outer_tos;   /* ROUTE, HOLD: TOS of the tunnel it came by; side METER_PATH only */
	uint16_t queue;	     /* SEND: transmit queue. OAM: EtherType at l4_offset */
	uint8_t option;	     /* SEND: offset of the lane option in the frame; 0: there is none */
	uint64_t hash;	     /* flow hash, valid for ROUTE and HOLD */
	uint64_t arrived;    /* TSC */
};

_Static_assert(sizeof(struct packet) <= 48, "fits the private area");

/* Private area of every mbuf pool of a gateway. */
#define PACKET_PRIVATE_SIZE 64

static inline struct packet *packet_of(struct rte_mbuf *m)
{
	return (struct packet *)rte_mbuf_to_priv(m);
}

#endif
