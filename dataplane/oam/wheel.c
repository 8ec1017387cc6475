/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/oam/wheel.h"

#include <stdbool.h>
#include <stdlib.h>

#define SLOTS	 16384u
#define WORDS	 (SLOTS / 64)
#define TICKS_HZ 16384 /* at least so many slots a second: 61 us each at most */
#define NOWHERE	 UINT32_MAX

struct link {
	uint32_t next, previous; /* timers of the slot; 0: none */
	uint32_t slot;		 /* NOWHERE: stopped */
};

struct wheel {
	unsigned shift;	   /* cycles to ticks */
	uint64_t at;	   /* tick whose slot is being emptied; all before it are empty */
	uint64_t soonest;  /* no timer comes up before this tick: spares most looks at the slots */
	uint32_t *head;	   /* by slot */
	struct link *link; /* by timer */
	uint64_t used[WORDS];
};

struct wheel *wheel_create(uint32_t timers, uint64_t hz, uint64_t now)
{
	struct wheel *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->head = calloc(SLOTS, sizeof(*w->head));
	w->link = calloc((size_t)timers + 1, sizeof(*w->link));
	if (w->head == NULL || w->link == NULL) {
		wheel_destroy(w);
		return NULL;
	}
	for (uint32_t i = 0; i <= timers; i++)
		w->link[i].slot = NOWHERE;
	while (hz >> (w->shift + 1) >= TICKS_HZ)
		w->shift++;
	w->at = now >> w->shift;
	w->soonest = WHEEL_NEVER;
	return w;
}

void wheel_destroy(struct wheel *w)
{
	if (w == NULL)
		return;
	free(w->head);
	free(w->link);
	free(w);
}

static void mark(struct wheel *w, uint32_t slot, bool used)
{
	uint64_t bit = UINT64_C(1) << slot % 64;

	w->used[slot / 64] = used ? w->used[slot / 64] | bit : w->used[slot / 64] & ~bit;
}

static void take_out(struct wheel *w, uint32_t timer)
{
	struct link *l = &w->link[timer];

	if (l->slot == NOWHERE)
		return;
	if (l->previous != 0)
		w->link[l->previous].next = l->next;
	else
		w->head[l->slot] = l->next;
	if (l->next != 0)
		w->link[l->next].previous = l->previous;
	mark(w, l->slot, w->head[l->slot] != 0);
	l->slot = NOWHERE;
}

void wheel_put(struct wheel *w, uint32_t timer, uint64_t when)
{
	struct link *l = &w->link[timer];
	uint64_t tick = (when >> w->shift) + 1;
	uint32_t slot;

	take_out(w, timer);
	if (when == WHEEL_NEVER)
		return;
	/* Ahead of what is being emptied, and not so far that it would seem near. */
	if (tick <= w->at)
		tick = w->at + 1;
	if (tick - w->at >= SLOTS)
		tick = w->at + SLOTS - 1;
	if (tick < w->soonest)
		w->soonest = tick;
	slot = (uint32_t)(tick % SLOTS);
	*l = (struct link){.next = w->head[slot], .slot = slot};
	if (l->next != 0)
		w->link[l->next].previous = timer;
	w->head[slot] = timer;
	mark(w, slot, true);
}

/* Slots from the one being emptied to the first with a timer; SLOTS: none has one. */
static uint32_t distance(const struct wheel *w)
{
	uint32_t from = (uint32_t)(w->at % SLOTS);
	uint64_t word = w->used[from / 64] & UINT64_MAX << from % 64;

	/* The first word comes again at the end, for the slots before from. */
	for (unsigned i = 0; i <= WORDS; i++) {
		uint32_t at = (from / 64 + i) % WORDS;

		word = i == 0 ? word : w->used[at];
		if (word != 0)
			return (at * 64 + (uint32_t)__builtin_ctzll(word) - from) % SLOTS;
	}
	return SLOTS;
}

uint32_t wheel_take(struct wheel *w, uint64_t now)
{
	uint64_t tick = now >> w->shift;
	uint32_t away, timer;

	if (tick < w->soonest) {
		if (w->soonest == WHEEL_NEVER)
			w->at = tick;
		return 0;
	}
	away = distance(w);
	w->soonest = away == SLOTS ? WHEEL_NEVER : w->at + away;
	if (tick < w->soonest) {
		w->at = tick > w->at ? tick : w->at;
		return 0;
	}
	w->at = w->soonest;
	timer = w->head[w->at % SLOTS];
	take_out(w, timer);
	return timer;
}

uint64_t wheel_next(const struct wheel *w)
{
	return w->soonest == WHEEL_NEVER ? WHEEL_NEVER : w->soonest << w->shift;
}
