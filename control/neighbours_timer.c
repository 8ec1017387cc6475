/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/neighbours_private.h"

/* Timers: a wheel of lists of ids. */

static uint32_t *slot_of(struct neighbours *n, uint64_t due)
{
	return &n->wheel[due / NEIGHBOURS_SLOT_MS % NEIGHBOURS_SLOTS];
}

void neighbours_timer_stop(struct neighbours *n, uint32_t id)
{
	struct neighbours_record *r = &n->record[id];

	if (r->due == 0)
		return;
	if (r->wheel_prev != 0)
		n->record[r->wheel_prev].wheel_next = r->wheel_next;
	else
		*slot_of(n, r->due) = r->wheel_next;
	if (r->wheel_next != 0)
		n->record[r->wheel_next].wheel_prev = r->wheel_prev;
	r->due = 0;
}

void neighbours_timer_start(struct neighbours *n, uint32_t id, uint64_t delay_ms)
{
	struct neighbours_record *r = &n->record[id];
	uint32_t *slot;

	neighbours_timer_stop(n, id);
	r->due = n->now_ms + delay_ms;
	/* A slot that was already looked at would be due a whole round later. */
	if (r->due / NEIGHBOURS_SLOT_MS <= n->wheel_tick)
		r->due = (n->wheel_tick + 1) * NEIGHBOURS_SLOT_MS;
	slot = slot_of(n, r->due);
	r->wheel_prev = 0;
	r->wheel_next = *slot;
	if (*slot != 0)
		n->record[*slot].wheel_prev = id;
	*slot = id;
}
