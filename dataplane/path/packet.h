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
	PACKET_LINK,	  /* an untagged Ethernet frame to go out on link: worker adds tags or tunnel */
	PACKET_HOLD,	  /* to control: as PACKET_ROUTE, but value's neighbour is not resolved */
	PACKET_LEARN,	  /* to control: ARP or ND that came in on link (Ethernet header first) */
};

struct packet {
	uint8_t kind; /* enum packet_kind */
	uint8_t side; /* enum meter_side_id the packet counts on */
	uint8_t port; /* SEND: port index */
	uint8_t queue; /* SEND: transmit queue */
	uint32_t connection; /* 0: none, counts on the port */
	uint32_t link;	     /* entry link (value.h); LINK, LEARN: where it goes or came from */
	uint32_t value;	     /* HOLD: the route value that led here (VALUE_GLEAN, VALUE_NEIGHBOUR, …) */
	uint32_t count_id;   /* SEND: attachment or path id whose tx it counts as */
	uint16_t l3_length;  /* SEND: L3 bytes for the counter */
	uint8_t count_kind;  /* SEND: enum link_kind-like: LINK_ATTACHMENT, LINK_ENDPOINT (path), LINK_PORT */
	uint8_t icmp_error;  /* ROUTE: an ICMP error of our own: never answered by another */
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
