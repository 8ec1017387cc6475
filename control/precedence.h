/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The routes that workers see, where one prefix of a connection may have several claims: an own
 * address goes before a neighbour, a neighbour before a connected prefix, that before a configured
 * route. Only this writes the LPM. Control thread only.
 */
#ifndef CONTROL_PRECEDENCE_H
#define CONTROL_PRECEDENCE_H

#include <stdint.h>

#include "dataplane/fwd/lpm.h"

enum precedence_rank {
	PRECEDENCE_LOCAL = 0,
	PRECEDENCE_NEIGHBOUR,
	PRECEDENCE_CONNECTED,
	PRECEDENCE_CONFIGURED,
	PRECEDENCE_RANKS
};

/* What a batch may need at most. */
struct precedence_need {
	uint32_t prefixes[2]; /* new in the LPM: IPv4, IPv6 */
	uint32_t claims;      /* prefixes of a rank above PRECEDENCE_CONFIGURED */
};

struct precedence;

/* NULL on lack of memory. */
struct precedence *precedence_create(struct lpm *lpm);
void precedence_destroy(struct precedence *precedence);

/* Adds to what is set aside. 0, -ENOSPC or -ENOMEM; on failure nothing has changed. */
int precedence_reserve(struct precedence *precedence, const struct precedence_need *need);
/* Once what was reserved has been put, or will not be. */
void precedence_unreserve(struct precedence *precedence, const struct precedence_need *need);

/* Claims a prefix for this rank, or replaces the claim. 0; -ENOSPC or -ENOMEM only where nothing
 * was reserved for it, and then nothing has changed. value is not 0. */
int precedence_put(struct precedence *precedence, uint32_t connection,
	const struct ip_prefix *prefix, enum precedence_rank rank, uint32_t value);

/* The same, but refused where it would eat into what is set aside for others. */
int precedence_put_spare(struct precedence *precedence, uint32_t connection,
	const struct ip_prefix *prefix, enum precedence_rank rank, uint32_t value);

/* Takes back the claim of this rank, if its value is the given one or value is 0; what it hid comes
 * forth. Cannot fail. */
void precedence_drop(struct precedence *precedence, uint32_t connection,
	const struct ip_prefix *prefix, enum precedence_rank rank, uint32_t value);

/* The claim of this rank, or 0. */
uint32_t precedence_get(const struct precedence *precedence, uint32_t connection,
	const struct ip_prefix *prefix, enum precedence_rank rank);

#endif
