/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One BFD session (RFC 5880), asynchronous mode, active role. Pure: time comes in as TSC, packets
 * as structs; who calls sends, receives and keeps the timer.
 *
 * Demand mode is never entered. A peer that asks us to cease sending is refused: we go on, and
 * count it. There is no echo function, and packets say so.
 */
#ifndef DATAPLANE_OAM_BFD_H
#define DATAPLANE_OAM_BFD_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/fwd/snapshot.h"
#include "dataplane/wire/bfdpacket.h"

#define BFD_SLOW_US 1000000 /* interval of a session that is not up: RFC 5880 6.8.3 */
#define BFD_NEVER   UINT64_MAX

/* Intervals in microseconds, times in TSC cycles. */
struct bfd {
	uint8_t state, remote_state; /* enum bfdpacket_state */
	uint8_t diag, remote_diag;
	uint8_t remote_multiplier;
	bool polling, poll_again; /* our values changed; once more during the poll */
	bool answer;		  /* a poll of the peer's waits for its final */
	bool urgent;		  /* what packets say has changed: one is due now */
	bool sequence_known;
	/* The path must not be used, as far as this session knows: it has failed, or
	 * was never up. What an operator stopped, here or there, is no failure (RFC 5882 4.2). */
	bool objects;
	uint32_t local, remote;		  /* discriminators */
	uint32_t desired_tx, required_rx; /* as we say them */
	uint32_t used_tx, used_rx;	  /* as they are in force, while a poll is under way */
	uint32_t remote_desired_tx, remote_required_rx;
	uint32_t sent_sequence, received_sequence;
	uint64_t random;
	uint64_t hz;
	uint64_t last_received;
	uint64_t next_send; /* BFD_NEVER: the peer wants none */
	uint64_t expires;   /* BFD_NEVER: nothing has come, or it has been judged */
	uint64_t changed;   /* when the state did */
	/* Sums. */
	uint64_t sent, received, ups, downs, demands_refused;
};

/* A session that begins: down, or administratively down. seed: any number, different for each; hz:
 * cycles a second. */
void bfd_begin(
	struct bfd *s, const struct fwd_bfd *config, uint64_t seed, uint64_t hz, uint64_t now);

/* The configuration may have changed; the discriminator has not. */
void bfd_configure(struct bfd *s, const struct fwd_bfd *config, uint64_t now);

/* The rest of RFC 5880 6.8.6 for a packet whose session this is; bytes: the packet, for its digest.
 * VERDICT_GO, or the reason it is dropped for. Only DROP_BFD_ADMIN_DOWN has read the packet. */
unsigned bfd_receive(struct bfd *s, const struct fwd_bfd *config, const struct bfdpacket *packet,
	const uint8_t *bytes, uint64_t now);

/* The detection time has passed, and everything that came in before was seen. */
void bfd_expire(struct bfd *s, const struct fwd_bfd *config, uint64_t now);

/* A packet is due: to be sent at once, or because of its time. */
static inline bool bfd_must_send(const struct bfd *s, uint64_t now)
{
	return s->answer || s->urgent || s->next_send <= now;
}

/* The next packet, and the time of the one after it. */
void bfd_send(struct bfd *s, const struct fwd_bfd *config, uint64_t now, struct bfdpacket *packet);

/* When to look at the session again. */
static inline uint64_t bfd_due(const struct bfd *s)
{
	return s->next_send < s->expires ? s->next_send : s->expires;
}

/* RFC 5880 6.8.4: microseconds without a packet after which the peer is gone; 0: not yet known. */
uint64_t bfd_detection_us(const struct bfd *s);
/* Between two packets, before jitter; 0: none are sent periodically. */
uint64_t bfd_interval_us(const struct bfd *s);

/* The state that follows one in which this state of the peer's was received (6.8.6). */
enum bfdpacket_state bfd_next(enum bfdpacket_state state, enum bfdpacket_state received);

#endif
