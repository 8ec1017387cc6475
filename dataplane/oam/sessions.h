/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The BFD sessions that one worker owns: those of some sites' paths, found by the path's id. They
 * follow the snapshot, write the BFD word of their sites' liveness, and send by the worker's own
 * queues. Touched by that worker only, but for sessions_read.
 */
#ifndef DATAPLANE_OAM_SESSIONS_H
#define DATAPLANE_OAM_SESSIONS_H

#include "dataplane/oam/bfd.h"
#include "dataplane/path/forwarder.h"

struct wheel;

struct session {
	struct bfd bfd;
	uint64_t scheduled; /* what its timer was put to */
	uint64_t unsent;    /* packets for which there was no next hop or no buffer */
	uint16_t site;
	uint8_t index; /* of the path, in the site */
	bool used;
	/* Odd while the owner writes it: release/acquire as in a meter. */
	_Atomic uint32_t version;
};

struct sessions {
	struct forwarder *forwarder;
	struct rte_mempool *pool; /* of OAM alone */
	struct wheel *wheel;
	struct session *session; /* by path id */
	uint64_t hz;
	uint64_t seen;	   /* bfd_generation that is, or is being, followed */
	uint32_t at, left; /* blocks of the snapshot: the next to look at; how many more */
	uint32_t blocks, lane;
	bool sent; /* there are frames to flush */
};

/* 0 or -ENOMEM. pool: buffers with room for OAMFRAME_HEADERS and a message. */
int sessions_create(struct sessions *s, struct forwarder *forwarder, struct rte_mempool *pool);
void sessions_destroy(struct sessions *s);

/* The snapshot of this turn says something of sessions that has not been followed yet. */
static inline bool sessions_behind(const struct sessions *s)
{
	return s->left != 0 || s->seen != s->forwarder->snapshot->bfd_generation;
}

/* Begins, changes and ends sessions as the turn's snapshot has it; no more than a block of them at
 * a time. */
void sessions_follow(struct sessions *s, uint64_t now);

/* A packet for the path's session, of which snapshot_bfd() says that this worker owns it.
 * VERDICT_GO or the reason. */
unsigned sessions_receive(struct sessions *s, uint32_t id, const struct bfdpacket *packet,
	const uint8_t *bytes, uint64_t now);

/* What is due. Expiry is judged where the detection time ended by horizon: all that came in until
 * then has been seen. False where one waits for a later horizon. */
bool sessions_run(struct sessions *s, uint64_t now, uint64_t horizon);

/* TSC before which nothing is due; UINT64_MAX: nothing ever. */
uint64_t sessions_next(const struct sessions *s);

/* Any thread: a session as it is. False: there is none. */
bool sessions_read(const struct sessions *s, uint32_t id, struct session *out);

#endif
