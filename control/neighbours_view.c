/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "control/neighbours_private.h"

struct neighbours_stats neighbours_stats(const struct neighbours *n)
{
	return n->stats;
}

uint64_t neighbours_drained(const struct neighbours *n)
{
	return n->drained;
}

struct precedence *neighbours_precedence(struct neighbours *n)
{
	return n->precedence;
}

bool neighbours_next(const struct neighbours *n, uint32_t after, struct neighbours_view *view)
{
	for (uint32_t id = after + 1; id < n->size; id++) {
		const struct neighbours_record *r = &n->record[id];
		uint64_t word = neighbour_load(neighbours_entry(n, id));

		if (r->link == 0 || r->stands_in)
			continue;
		*view = (struct neighbours_view){.id = id,
			.link = r->link,
			.state = (uint8_t)neighbour_state(word),
			.gleaned = r->gleaned,
			.held = r->held,
			.age_ms = UINT32_MAX,
			.address = r->address};
		memcpy(view->mac, &word, sizeof(view->mac));
		if (r->confirmed != 0)
			view->age_ms = (uint32_t)(n->now_ms + 1 - r->confirmed);
		return true;
	}
	return false;
}
