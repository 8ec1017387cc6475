/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The packet path, in the order it is run. Each stage takes the live slots of the burst one by one,
 * and drops, hands on or keeps each. Up to and including route nothing is stored to a packet that
 * would make a refusal wrong; encap stores, and cannot refuse.
 *
 *   rx      frames from a queue of a port
 *   parse   Ethernet and VLAN: which attachment, or the underlay
 *   decap   tunnel header: which path, which endpoint
 *   measure IP header checks, flow hash, entry counted
 *   police  the connection's rate
 *   sample  one of many goes into the table of heavy flows; then the hop to the worker that the
 *           hash names, on ports that distribute
 *   route   source check, look-up, next hop and path choice, TTL and MTU; local, hold, ICMP errors
 *   encap   TTL, ECN, DSCP, MSS; the header it leaves with
 *   tx      to the queue, or to the worker that owns it; stamp: number, epoch and time of what is
 *           measured
 */
#ifndef DATAPLANE_PATH_PATH_H
#define DATAPLANE_PATH_PATH_H

#include "dataplane/path/forwarder.h"
#include "dataplane/wire/icmperror.h"

/* The whole path for up to BURST frames that arrived on a port: b->m[0 .. count) are set. */
void path_run(struct forwarder *f, struct burst *b, unsigned count, unsigned port);

/* From route on, for packets that rested: in a ring, with control, or made here. */
void path_resume(struct forwarder *f, struct burst *b, struct rte_mbuf **m, unsigned count);

/* Sends on what this turn made, until nothing is left, and flushes the transmit buffers. */
void path_finish(struct forwarder *f);

/* The stages of path_run, for what measures them one by one: path_begin gives the slots what all
 * frames from a port begin with. rx answers how many frames it put into b->m; it counts them,
 * whatever becomes of them. */
void path_begin(struct burst *b, unsigned count, unsigned port);
unsigned rx_burst(struct forwarder *f, struct burst *b, unsigned port, uint16_t queue);
void rx_count(struct forwarder *f, const struct burst *b, unsigned count, unsigned port);
void parse_burst(struct forwarder *f, struct burst *b, unsigned port);
void decap_burst(struct forwarder *f, struct burst *b);
void measure_burst(struct forwarder *f, struct burst *b);
void police_burst(struct forwarder *f, struct burst *b);
void sample_burst(struct forwarder *f, const struct burst *b);
void hop_burst(struct forwarder *f, struct burst *b);
void route_burst(struct forwarder *f, struct burst *b);
void encap_burst(struct forwarder *f, struct burst *b);
void tx_burst(struct forwarder *f, struct burst *b);

/* Frames of another worker for a queue this one owns. */
void tx_frames(struct forwarder *f, struct rte_mbuf **m, unsigned count);
void tx_flush(struct forwarder *f);
/* A frame that was held on its way out goes on. */
void tx_again(struct forwarder *f, struct rte_mbuf *m);

/* Of tx: completes the lane options of the frames that wait for a port, and takes back the numbers
 * of one that the device left, the last first. */
void stamp_frames(struct forwarder *f, unsigned index);
void stamp_take_back(struct forwarder *f, unsigned index, unsigned i);

/* Beside the line, for what is addressed to the gateway itself. All answer a verdict. */
unsigned local_arp(struct forwarder *f, struct burst *b, unsigned slot);
unsigned local_discovery(struct forwarder *f, struct burst *b, unsigned slot);
unsigned local_deliver(struct forwarder *f, struct burst *b, unsigned slot);
unsigned local_underlay(struct forwarder *f, struct burst *b, unsigned slot);
/* To control: a copy of the slot's frame from its Ethernet header on, as PACKET_LEARN. */
unsigned local_learn(struct forwarder *f, struct burst *b, unsigned slot);
/* To control, until the next hop's neighbour is known. */
unsigned local_hold(struct forwarder *f, struct burst *b, unsigned slot);

/* An ICMP error about the slot's packet to its sender, where the rules and the budget allow. mtu
 * for "too big", else 0. The packet itself is not touched. */
void icmp_send(struct forwarder *f, const struct burst *b, unsigned slot, enum icmperror error,
	uint16_t mtu);

/* Cuts the slot's IPv4 packet into pieces of at most mtu. VERDICT_TAKEN, or a drop reason. */
unsigned fragment_packet(struct forwarder *f, struct burst *b, unsigned slot, uint16_t mtu);

#endif
