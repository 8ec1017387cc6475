/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Neighbours: asks by ARP and neighbour discovery, holds packets meanwhile, learns, ages,
 * refreshes, and says through liveness which paths can be used. Workers answer requests to our
 * addresses themselves and send here only what they cannot do. Control thread only.
 *
 * A neighbour is held by configuration (a route's next hop, a path's underlay next hop, an
 * endpoint's peer): it is asked for as soon as its link is published, and for ever. Or it is
 * gleaned: a station in a connected prefix that a packet was for; it costs a
 * host route, is bounded per attachment, and goes when it stops answering.
 *
 * Times (RFC 4861 section 10, RFC 1122 2.3.2.1): asked once a second, three times; reachable for 15
 * to 45 s after an answer, then stale, still used and asked directly; failed for 3 s, in which its
 * packets are dropped, then asked again or forgotten.
 */
#ifndef CONTROL_NEIGHBOURS_H
#define CONTROL_NEIGHBOURS_H

#include <stdbool.h>
#include <stdint.h>

#include "control/model.h"
#include "dataplane/fwd/fwd.h"

struct loop;
struct neighbours;
struct plane;
struct precedence;
struct rte_mempool;

struct neighbours_limits {
	uint32_t held;		 /* packets that wait, all together */
	uint32_t held_each;	 /* for one neighbour */
	uint32_t per_attachment; /* gleaned neighbours */
};

struct neighbours_config {
	struct loop *loop; /* NULL: the owner calls neighbours_tick() */
	struct fwd *fwd;   /* its neighbour table is all ours */
	struct plane *plane;
	struct rte_mempool *pool; /* for requests; private area PACKET_PRIVATE_SIZE */
	const struct model *model;
	struct neighbours_limits limits;
};

/* NULL on lack of memory. Made after the plane, before the publisher. */
struct neighbours *neighbours_create(const struct neighbours_config *config);
/* Before the plane is destroyed and after the publisher. Frees packets held. */
void neighbours_destroy(struct neighbours *neighbours);

/* Takes packets from workers and does what is due at now_ms (any monotonic clock). True where it
 * stopped at its budget and should be called again soon. */
bool neighbours_tick(struct neighbours *neighbours, uint64_t now_ms);

/* Link state of a port changed: sets LIVENESS_PORT of its paths. All ports start up. */
void neighbours_port_link(struct neighbours *neighbours, uint32_t port, bool up);

/* For the statistics: one neighbour. */
struct neighbours_view {
	uint32_t id;
	uint32_t link; /* value_make(LINK_…, id) */
	uint8_t state; /* enum neighbour_state */
	bool gleaned;
	uint8_t mac[6];
	uint32_t held;
	uint32_t age_ms;	   /* since it was last confirmed; UINT32_MAX: never */
	struct ip_address address; /* family IP_NONE: known by configuration alone */
};

/* Walks ids in ascending order: fills view with the first in use after this id. False at the end.
 */
bool neighbours_next(
	const struct neighbours *neighbours, uint32_t after, struct neighbours_view *view);

struct neighbours_stats {
	uint64_t asked, answered, failed;
	uint64_t refused; /* learning that broke a rule, or claimed an address of ours */
	uint32_t used, gleaned, held;
};

struct neighbours_stats neighbours_stats(const struct neighbours *neighbours);

/* The publisher's side. */

struct precedence *neighbours_precedence(struct neighbours *neighbours);

/* Sets count ids aside for later holds. 0 or -ENOSPC. */
int neighbours_reserve(struct neighbours *neighbours, uint32_t count);
void neighbours_unreserve(struct neighbours *neighbours, uint32_t count);

/* Id of the neighbour with this address on this link, held once more; asked from now on. Covered
 * by neighbours_reserve it cannot fail, else 0 where there is no id left. */
uint32_t neighbours_hold(
	struct neighbours *neighbours, uint32_t link, const struct ip_address *address);
/* The same with a configured MAC: never asked. */
uint32_t neighbours_hold_mac(struct neighbours *neighbours, uint32_t link, const uint8_t mac[6]);
/* What stands for a peer with these addresses, up to MODEL_ADDRESSES; it takes two ids more than
 * there are addresses where these are several. Held again with others it follows those.
 * The id for IPv4 packets; neighbours_peers_second() has the one for IPv6 packets, which goes with
 * it and may be the same. */
uint32_t neighbours_hold_peers(struct neighbours *neighbours, uint32_t link,
	const struct ip_address *peer, unsigned count);
uint32_t neighbours_peers_second(const struct neighbours *neighbours, uint32_t id);
/* Once per hold. The id is reused only after a grace period. 0 is allowed. */
void neighbours_release(struct neighbours *neighbours, uint32_t id);

/* A path is about to be published or has changed: its liveness bits follow from here on. */
void neighbours_watch_path(
	struct neighbours *neighbours, const struct model_path *path, uint32_t neighbour);
void neighbours_unwatch_path(struct neighbours *neighbours, uint32_t path);

/* The link was removed, or its addresses changed: what was gleaned there is dropped where it lies
 * in no subnet of the link any more. */
void neighbours_recheck_link(struct neighbours *neighbours, uint32_t link);

/* How often plane_take() left nothing behind; never goes back. */
uint64_t neighbours_drained(const struct neighbours *neighbours);

#endif
