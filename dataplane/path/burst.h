/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A burst: up to 64 packets in hand, as a struct of arrays. Slots never move; the live list names
 * the slots still under way and is compacted by each stage. The comment on each array names the
 * stage that writes it. From measure on, the data of each mbuf starts at its IP header and ends
 * with the IP packet, except for slots with ready frames (see frame).
 */
#ifndef DATAPLANE_PATH_BURST_H
#define DATAPLANE_PATH_BURST_H

#include <rte_mbuf.h>

#include "dataplane/base/macros.h"

struct fwd_endpoint;
struct fwd_path;

#define BURST 64

struct burst {
	struct rte_mbuf *m[BURST];
	uint8_t live[BURST];
	unsigned count; /* of live */

	/* rx */
	uint8_t port[BURST]; /* port index of arrival */
	uint64_t arrived;    /* TSC of the burst */

	/* parse; for what came through a tunnel, decap */
	uint32_t link[BURST];	    /* where it came from (value.h); LINK_PORT: underlay */
	uint32_t connection[BURST]; /* 0: not known, or of the underlay */
	uint8_t check[BURST];	    /* enum fwd_source_check still to be done */
	uint8_t side[BURST];	    /* enum meter_side_id */
	uint8_t family[BURST];	    /* IP_4, IP_6; IP_NONE: ARP */
	uint16_t ip[BURST];	    /* offset of the IP or ARP header in the mbuf's data */
	uint16_t frame[BURST];	   /* offset of the (inner) Ethernet header; BURST_NO_FRAME: none */
	uint8_t outer_tos[BURST];  /* decap: TOS of the tunnel */
	uint16_t path[BURST];	   /* decap: id of the path it came by; 0: none */
	uint16_t from_site[BURST]; /* decap: the site it came from; 0: none, or it may return */
	uint8_t entered[BURST];	   /* its arrival has been counted: by measure, or where it ended */

	/* measure */
	uint8_t *packet[BURST]; /* its IP header, where the mbuf's data then starts */
	uint16_t length[BURST]; /* of the IP packet */
	uint16_t l4_offset[BURST];
	uint8_t l4_protocol[BURST];
	uint64_t hash[BURST];
	/* enum packet_flags: parse, police; from the record of a packet that was at rest */
	uint8_t flags[BURST];

	/* route */
	uint32_t value[BURST]; /* what the look-up answered */
	uint32_t out[BURST];   /* link it leaves by (value.h): LINK_ATTACHMENT, _ENDPOINT, _PORT */
	uint64_t
		next_hop[BURST]; /* word of the next hop's neighbour: its MAC goes into the frame */
	uint64_t peer[BURST];	 /* word of the peer's router MAC, where the payload is Ethernet */
	/* For LINK_ENDPOINT, of this turn's snapshot: endpoint and path chosen, with its id. */
	const struct fwd_endpoint *endpoint[BURST];
	const struct fwd_path *leave_by[BURST];
	uint16_t out_path[BURST];
	uint8_t ready[BURST]; /* 1: an untagged Ethernet frame for out, not an IP packet */

	/* encap */
	uint8_t out_port[BURST];
	uint8_t option[BURST];	  /* offset of the lane option in the frame; 0: there is none */
	uint32_t count_as[BURST]; /* LINK_… and id whose tx it counts as */
};

#define BURST_NO_FRAME UINT16_MAX

static inline uint8_t *burst_data(const struct burst *b, unsigned slot)
{
	return rte_pktmbuf_mtod(b->m[slot], uint8_t *);
}

/* Takes those out of the live list whose place in it is set in gone: few, so stages ask once. */
static inline void burst_forget(struct burst *b, uint64_t gone)
{
	unsigned kept = 0;

	if (likely_(gone == 0))
		return;
	for (unsigned i = 0; i < b->count; i++)
		if (!(gone >> i & 1))
			b->live[kept++] = b->live[i];
	b->count = kept;
}

/* The IP header, once measure has run; of a ready frame, its start. */
static inline uint8_t *burst_packet(const struct burst *b, unsigned slot)
{
	return b->packet[slot];
}

#endif
