/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A source of real packets without a NIC: a null port whose buffers a receive callback fills anew
 * for every packet, with the headers of a template and the fields of the next flow. Nothing decays,
 * as every packet is written in full. What the source costs alone is measured beside everything
 * that uses it.
 */
#ifndef TESTS_BENCH_SOURCE_H
#define TESTS_BENCH_SOURCE_H

#include <stdint.h>

#include "dataplane/base/macros.h"
#include "dataplane/meter/lane.h"

#define SOURCE_TEMPLATES 4
#define SOURCE_HEADER	 192 /* bytes of a template; the rest of a frame is zero */
#define SOURCE_STAMPS	 64
#define SOURCE_IMAGES	 4096 /* flows, at most, that have whole headers */
#define SOURCE_LANE	 848  /* of tunnels: all frames of a path have one */
#define SOURCE_NOWHERE	 0    /* offset of a field that a frame does not have */

#define SOURCE_PART 1024u /* of a cycle: unit of an interval */

/* What differs from flow to flow; all in network byte order. */
struct source_flow {
	uint32_t tag; /* VLAN tag and type, or the VNI's word */
	uint16_t port;
	uint16_t ip_sum;  /* of the inner IPv4 header */
	uint16_t udp_sum; /* of the tunnel's UDP header */
	uint16_t template;
	uint8_t addresses[]; /* inner source and destination: 8 or 32 bytes */
};

struct rte_eth_rxtx_callback;
struct rte_mbuf;

struct source {
	uint8_t template[SOURCE_TEMPLATES][SOURCE_HEADER];
	uint16_t copied; /* bytes of the template that matter: 64, 128 or 192 */
	uint16_t length; /* of a frame */
	/* Offsets in the frame. */
	uint16_t tag_at, addresses_at, port_at, ip_sum_at, udp_sum_at;
	uint16_t option_at;    /* of the lane option, which counts on from packet to packet */
	uint8_t address_bytes; /* of both: 8 or 32 */
	uint8_t *flow;	       /* flows structs of flow_bytes each */
	uint8_t *image; /* flows headers of copied bytes each; NULL: too many flows for that */
	uint32_t flow_bytes, flows, next;

	uint16_t device;
	const struct rte_eth_rxtx_callback *callback;
	uint16_t (*receive)(void *queue, struct rte_mbuf **m, uint16_t count); /* while quiet */

	struct lane_sender lane[SOURCE_TEMPLATES]; /* where there is an option: of each template */

	/* Paced: frames come at a rate, wait in a queue of that many, and are missed beyond. */
	uint64_t interval; /* TSC cycles between two frames, times SOURCE_PART; 0: as fast as taken
			    */
	uint64_t queue, began, missed;
	bool watched;	    /* the longest time without a poll is wanted: */
	uint64_t gap, last; /* TSC cycles; TSC of the last poll */

	/* Written by the receiving thread; stamps with release, read by the one that waits. */
	alignas(CACHE_LINE) uint64_t sent, per_run, until_stamp;
	uint64_t stamp[SOURCE_STAMPS]; /* TSC at the end of each run of per_run packets */
	_Atomic unsigned stamps;
	unsigned wanted; /* stamps after which it ends: no frames any more */
	_Atomic unsigned over;
};

static inline struct source_flow *source_flow(const struct source *s, uint32_t i)
{
	return (struct source_flow *)(void *)(s->flow + (uint64_t)i * s->flow_bytes);
}

/* Room for that many flows; frees what was there. Exits where memory is short. */
void source_flows(struct source *s, uint32_t flows, uint8_t address_bytes);

void source_free(struct source *s);

/* To be called when the flows are filled in. Of few flows each has its whole header, to be copied
 * at once; of many only what differs is kept, and put over a template: it would not fit the caches.
 */
void source_ready(struct source *s);

/* Begins anew: runs + 1 runs (the first is not to be used) of per_run packets each. */
void source_start(struct source *s, unsigned runs, uint64_t per_run);

/* Sleeps until it is over. */
void source_wait(const struct source *s);

/* Before source_start: frames come at this rate and wait in a queue of that many. 0: unpaced. */
void source_pace(struct source *s, double packets_per_second, uint64_t queue);

/* When a paced frame came, or would have come to a port that never is behind: TSC, kept in the
 * buffer's private area behind what the gateway keeps there. */
uint64_t *source_came(struct rte_mbuf *m);

/* Nothing is delivered until source_start. No thread may receive from the device meanwhile. */
void source_quiet(struct source *s);

/* Makes queue 0 of the device deliver this source's frames in place of its own. */
int source_attach(struct source *s, uint16_t device);

/* No thread may receive from the device meanwhile. */
void source_detach(struct source *s);

/* Cycles per packet of each run, the first left out, into value; their number. */
unsigned source_runs(const struct source *s, double *value);

#endif
