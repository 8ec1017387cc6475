/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Neighbours as workers see them: one atomic word each (MAC 48, state 8, version 8) beside the link
 * they are on. Written by control only; ids are small, stable, and reused only after a grace
 * period.
 */
#ifndef DATAPLANE_FWD_NEIGHBOUR_H
#define DATAPLANE_FWD_NEIGHBOUR_H

#include <string.h>

#include "dataplane/base/macros.h"

enum neighbour_state {
	NEIGHBOUR_FREE = 0,
	NEIGHBOUR_INCOMPLETE, /* asked, not answered: packets are held */
	NEIGHBOUR_REACHABLE,
	NEIGHBOUR_STALE,     /* usable; being asked again */
	NEIGHBOUR_PERMANENT, /* configured */
	NEIGHBOUR_FAILED,    /* did not answer: packets are dropped */
};

struct neighbour {
	_Atomic uint64_t word; /* relaxed is enough: all of it is in the word */
	uint32_t link;	       /* value_make(LINK_…, id); constant while the id is in use */
	uint32_t reserved;
};

struct neighbour_table {
	struct neighbour *entry; /* size entries; id 0 is never used */
	uint32_t size;
};

/* 0 or -ENOMEM; all entries NEIGHBOUR_FREE. */
int neighbour_table_init(struct neighbour_table *table, uint32_t size);
void neighbour_table_fini(struct neighbour_table *table);

static inline uint64_t neighbour_word(const uint8_t mac[6], unsigned state, unsigned version)
{
	uint64_t word = 0;

	memcpy(&word, mac, 6);
	return word | (uint64_t)(state & 0xff) << 48 | (uint64_t)(version & 0xff) << 56;
}

static inline unsigned neighbour_state(uint64_t word)
{
	return (word >> 48) & 0xff;
}

static inline bool neighbour_usable(uint64_t word)
{
	unsigned state = neighbour_state(word);

	return state >= NEIGHBOUR_REACHABLE && state <= NEIGHBOUR_PERMANENT;
}

/* Control thread: sets MAC and state at once and steps the version. */
void neighbour_set(struct neighbour *neighbour, const uint8_t mac[6], enum neighbour_state state);

static inline uint64_t neighbour_load(const struct neighbour *neighbour)
{
	return atomic_load_explicit(&neighbour->word, memory_order_relaxed);
}

#endif
