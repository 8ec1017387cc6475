/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the neighbours share; for no one else. */
#ifndef CONTROL_NEIGHBOURS_PRIVATE_H
#define CONTROL_NEIGHBOURS_PRIVATE_H

#include <rte_mbuf.h>

#include "control/loop.h"
#include "control/neighbours.h"
#include "control/precedence.h"
#include "dataplane/fwd/value.h"
#include "dataplane/path/packet.h"
#include "dataplane/wire/checksum.h"
#include "dataplane/worker/plane.h"

#define NEIGHBOURS_RETRY_MS	1000 /* RETRANS_TIMER of RFC 4861 */
#define NEIGHBOURS_TRIES	3
#define NEIGHBOURS_REACHABLE_MS 30000
#define NEIGHBOURS_HOLD_DOWN_MS 3000
#define NEIGHBOURS_NO_LINK_MS	20 /* before its link is looked for again */

#define NEIGHBOURS_SLOTS   8192 /* of the timer wheel: more than the longest time there is */
#define NEIGHBOURS_SLOT_MS 10

/* Beside the word that workers see; by the same id. */
struct neighbours_record {
	uint32_t link; /* 0: not in use */
	uint32_t holders;
	uint32_t connection; /* of the link when it was gleaned */
	struct ip_address address;
	bool gleaned;
	bool routed;	/* its host route is in place */
	bool in_peer;	/* one of several addresses of a peer */
	bool stands_in; /* for these: no station itself */
	uint8_t tries;
	uint64_t due;	    /* ms; 0: no timer */
	uint64_t confirmed; /* ms; 0: never */
	uint64_t token;	    /* RCU, while it waits to be free */
	uint32_t chain;	    /* next of this hash, or next of the waiting or free ids */
	uint32_t wheel_next, wheel_prev;
	uint32_t peer_next; /* addresses of a peer in order, from what stands in for IPv4 on */
	uint32_t held;
	struct rte_mbuf *first, *last; /* packets held, linked by mbuf->next */
};

struct neighbours_watch {
	bool used, up;
	uint8_t index;
	uint16_t site, port;
	uint32_t neighbour;
};

struct neighbours {
	struct neighbours_config config;
	struct precedence *precedence;
	struct neighbours_record *record;
	uint32_t size; /* ids 1 .. size - 1 */
	uint32_t *bucket;
	uint32_t mask;
	uint32_t free_first, free_count, reserved;
	uint32_t waiting_first, waiting_last;
	uint32_t wheel[NEIGHBOURS_SLOTS];
	uint64_t wheel_tick;
	uint32_t *gleaned;		/* by attachment: how many */
	struct neighbours_watch *watch; /* by path */
	bool port_down[FWD_PORTS];
	uint64_t base_ms; /* clock of the first tick, so that no timer lies before it */
	uint64_t now_ms;  /* since then */
	uint64_t random;
	uint64_t drained;
	uint64_t reclaim_ms; /* when route memory is next looked through */
	uint64_t busy_ms;    /* when a packet last came */
	struct meter *meter;
	struct neighbours_stats stats;
	struct loop_timer timer;
};

/* A link as it is now published: who we are there. */
struct neighbours_link {
	uint32_t link;
	uint32_t connection; /* 0: underlay */
	uint8_t side;	     /* enum meter_side_id */
	uint8_t port;
	uint8_t mac[6];
	unsigned addresses;
	struct ip_prefix address[MODEL_ADDRESSES];
};

/* neighbours_link.c. False where the link is not published, or its object is gone. */
bool neighbours_link_read(const struct neighbours *n, uint32_t link, struct neighbours_link *out);
/* An address that a station there may have: in a subnet of the link, or IPv6 link-local, and no
 * network or broadcast address, and not one of ours. */
bool neighbours_link_station(const struct neighbours_link *link, const struct ip_address *address);
bool neighbours_link_ours(const struct neighbours_link *link, const struct ip_address *address);
/* Our address to ask this one from. False where there is none of its family. */
bool neighbours_link_source(const struct neighbours_link *link, const struct ip_address *target,
	struct ip_address *source);

/* neighbours_ask.c: sends an ARP request or a neighbour solicitation; mac NULL: to all. */
void neighbours_ask_send(struct neighbours *n, const struct neighbours_link *link,
	const struct ip_address *target, const uint8_t *mac);

/* neighbours_learn.c: an ARP or ND frame that came in on the link. */
void neighbours_learn_frame(
	struct neighbours *n, uint32_t link, const uint8_t *frame, size_t length);

/* neighbours_packet.c: packets from workers. */
bool neighbours_packet_take(struct neighbours *n, uint64_t deadline_ns);
/* Gives back what waited for this neighbour, or drops it. */
void neighbours_packet_release(struct neighbours *n, struct neighbours_record *record);
void neighbours_packet_drop(
	struct neighbours *n, struct neighbours_record *record, enum drop reason);
/* Counts and passes on a frame that we made. */
void neighbours_packet_send(
	struct neighbours *n, struct rte_mbuf *packet, const struct neighbours_link *link);

/* neighbours_timer.c: each neighbour has one timer; starting one that runs moves it. */
void neighbours_timer_start(struct neighbours *n, uint32_t id, uint64_t delay_ms);
void neighbours_timer_stop(struct neighbours *n, uint32_t id);

/* neighbours_watch.c: the state of this neighbour may have changed. */
void neighbours_watch_tell(struct neighbours *n, uint32_t id);

/* neighbours_peers.c: the state of this neighbour may have changed; and nobody holds it any more,
 * which ends what it stood for. */
void neighbours_peers_tell(struct neighbours *n, uint32_t id);
void neighbours_peers_part(struct neighbours *n, uint32_t id);

/* neighbours.c */
/* As neighbours_hold, for what is no station and never asked. */
uint32_t neighbours_stand_in(struct neighbours *n, uint32_t link, const struct ip_address *address);
uint32_t neighbours_find(
	const struct neighbours *n, uint32_t link, const struct ip_address *address);
/* The gleaned neighbour of this address, made where there is none yet, and then asked for if so
 * wanted. Its id, or 0 and the reason. */
uint32_t neighbours_glean(struct neighbours *n, const struct neighbours_link *link,
	const struct ip_address *address, bool asks, enum drop *reason);
/* Puts the host route of a gleaned neighbour in place, so that its packets do not come here any
 * more. False where there is no room. */
bool neighbours_route(struct neighbours *n, uint32_t id);
/* What was heard: MAC, and whether it answers a question of ours (else it is only hearsay). */
void neighbours_confirm(struct neighbours *n, uint32_t id, const uint8_t mac[6], bool answer);
static inline struct neighbour *neighbours_entry(const struct neighbours *n, uint32_t id)
{
	return &n->config.fwd->neighbours.entry[id];
}

/* Of an ICMPv6 message with its pseudo header (RFC 8200 8.1), in memory order: 0xffff where its
 * checksum is right. */
static inline uint16_t neighbours_icmp6_sum(const uint8_t *ip, const uint8_t *icmp, size_t length)
{
	uint64_t sum = checksum_pseudo(ip + 8, ip + 24, 16, 58, (uint32_t)length);

	return checksum_fold(checksum_add(sum, icmp, length));
}

#endif
