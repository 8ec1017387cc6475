/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What one worker forwards with: the tables it reads, the meter it writes, its queues and rings,
 * and the packets it has made but not yet sent on. One per worker, touched by that worker only.
 */
#ifndef DATAPLANE_PATH_FORWARDER_H
#define DATAPLANE_PATH_FORWARDER_H

#include <rte_mempool.h>
#include <rte_ring.h>

#include "dataplane/base/clock.h"
#include "dataplane/fwd/fwd.h"
#include "dataplane/meter/lanes.h"
#include "dataplane/meter/meter.h"
#include "dataplane/path/burst.h"
#include "dataplane/path/packet.h"
#include "dataplane/wire/flowhash.h"

#define FORWARDER_WORKERS 32
#define FORWARDER_MADE	  1024 /* packets made in one turn: answers, errors, fragments */

#define FORWARDER_BUCKETS 512 /* of the flow hash, each with its worker */
#define FORWARDER_HELD	  255 /* in place of a worker: its packets are held for now */
#define FORWARDER_NOBODY  254 /* in place of an owner: the port has no transmit queue */

static inline unsigned forwarder_bucket(uint64_t hash)
{
	return flowhash_worker(hash) % FORWARDER_BUCKETS;
}

/* What a frame to be sent is accounted as, in one number that runs of frames share: connection (0:
 * none, counts on the port it leaves by), side, and the LINK_… and id whose tx it is, with the
 * path's id for LINK_ENDPOINT. */
static inline uint64_t forwarder_account(uint32_t connection, uint8_t side, uint32_t count_as)
{
	return (uint64_t)(connection << 1 | side) << 32 | count_as;
}

/* Where this worker's frames for a port go. */
struct forwarder_port {
	uint16_t device;
	uint16_t queue;	     /* transmit queue; also the lane's, when another worker owns it */
	uint8_t owner;	     /* worker that owns the queue, FORWARDER_HELD or _NOBODY */
	uint8_t distribute;  /* received packets are spread over all workers */
	uint8_t rx_checksum; /* the device's verdict on outer checksums is believed */
	unsigned pending;    /* frames in m[] */
	unsigned measured;   /* of them with a lane option */
	struct rte_mbuf *m[BURST];
	uint64_t account[BURST];   /* of each frame in m[] */
	uint16_t l3_length[BURST]; /* of each frame in m[] */
	uint8_t option[BURST];	   /* offset of the lane option in each frame in m[]; 0: none */
};

struct forwarder {
	const struct fwd *fwd;
	const struct snapshot *snapshot; /* of this turn */
	struct meter *meter;
	unsigned worker, workers;
	struct rte_mempool *pool;
	struct forwarder_port port[FWD_PORTS];

	/* Rings this worker produces into, by receiving worker. Those at its own index hold what
	 * waits while its bucket or transmit queue changes workers (worker/move.c). */
	struct rte_ring *hop[FORWARDER_WORKERS];  /* packets to be routed there */
	struct rte_ring *send[FORWARDER_WORKERS]; /* finished frames for queues owned there */
	struct rte_ring *punt;			  /* to control */

	/* The receive queue in hand, and the worker of each of its buckets. */
	uint16_t queue;
	const uint8_t *bucket;
	/* How many packets and frames went into those rings. The first is this worker's alone; the
	 * second is read by others after they acquired something stored later. */
	uint64_t hop_sent[FORWARDER_WORKERS];
	_Atomic uint64_t send_sent[FORWARDER_WORKERS];

	/* ICMP error budget by connection id: a virtual clock (TSC) that all workers share and move
	 * on by compare-and-swap, a lease of several errors at a time, and what of the last lease
	 * this worker has left. */
	_Atomic uint64_t *icmp_clock;
	uint8_t *icmp_left;
	uint64_t icmp_ahead, icmp_step; /* TSC: how far it may run ahead; what one lease costs */
	uint8_t icmp_lease;		/* errors */

	struct lanes *lanes; /* of the gateway */
	uint32_t epoch;	     /* of this turn */
	uint64_t lane_rate;  /* clock_lane_rate() */
	uint32_t arrival;    /* of the burst in hand, by clock_lane() */

	/* Credit in hand, by connection id. */
	struct policer_lease *committed, *excess;

	unsigned made;
	struct rte_mbuf *made_packet[FORWARDER_MADE];
	/* What of the burst in hand is for oam/, which takes it before the next one. */
	unsigned oams;
	struct rte_mbuf *oam[BURST];
	struct burst burst; /* of packets from a port or ring */
	struct burst again; /* of packets made here */
};

/* Ends a slot's life with a reason, counted on its connection and side, else on its port. */
void forwarder_drop(struct forwarder *f, struct burst *b, unsigned slot, unsigned reason);

/* What a stage does with the slot at a place of the live list that shall not go on: drops it unless
 * somebody else has it, and remembers the place for burst_forget(). */
void forwarder_refuse(
	struct forwarder *f, struct burst *b, unsigned place, unsigned verdict, uint64_t *gone);

/* Counts the arrival of a packet that ends or is handed over before measure could; once per slot.
 */
void forwarder_enter(struct forwarder *f, struct burst *b, unsigned slot);

/* Counts a packet that ended as intended, on its connection and side, else on its port. Does not
 * free it: it may live on as an answer. */
void forwarder_consume(struct forwarder *f, struct burst *b, unsigned slot);

/* Queues a packet of ours, its record filled, to be sent in this turn; counts it as originated (or
 * as added fragment). Takes it; drops it, counted, where there are too many. */
void forwarder_originate(struct forwarder *f, struct rte_mbuf *m);
void forwarder_add_fragment(struct forwarder *f, struct rte_mbuf *m);

/* Puts a packet of the underlay aside for oam/; at: offset of a header of this EtherType in it.
 * Answers a verdict. It is not counted: who takes it counts what becomes of it. */
unsigned forwarder_put_aside(
	struct forwarder *f, const struct burst *b, unsigned slot, uint32_t at, uint16_t protocol);

/* Counts for a packet that is accounted by record, not by slot. */
void forwarder_count_ring_in(struct forwarder *f, const struct packet *record);
void forwarder_drop_record(struct forwarder *f, struct rte_mbuf *m, unsigned reason);

/* Puts what a slot knows into its mbuf's record, before it rests. */
void forwarder_store(const struct burst *b, unsigned slot, enum packet_kind kind);
/* Puts packets that rested into an empty burst. Frees those whose link is gone (drop "stale"). */
void forwarder_load(struct forwarder *f, struct burst *b, struct rte_mbuf **m, unsigned count);

static inline void forwarder_note(struct forwarder *f, uint32_t connection, enum meter_note note)
{
	f->meter->connection[connection].note[note]++;
}

#endif
