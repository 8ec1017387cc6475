/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the vias of the model have become for workers: a neighbour for one next hop, a set of them
 * for several, an endpoint for a site. Counts the published routes of each via, and gives ids back
 * once no route uses them. Control thread only.
 */
#ifndef CONTROL_NEXTHOPS_H
#define CONTROL_NEXTHOPS_H

#include <stdint.h>

#include "control/change.h"
#include "control/model.h"
#include "dataplane/fwd/snapshot.h"

struct neighbours;
struct nexthops;

/* What a change may need at most. */
struct nexthops_need {
	uint32_t sets, neighbours;
	uint32_t *via; /* those of the change, each once */
	uint32_t vias, room;
};

/* NULL on lack of memory. limits must outlive it. */
struct nexthops *nexthops_create(
	struct neighbours *neighbours, const struct snapshot_limits *limits);
void nexthops_destroy(struct nexthops *nexthops);

/* Sets aside what the routes of this change may need and says how much. 0, -ENOSPC (no set left) or
 * -ENOMEM; the neighbours themselves are the caller's to reserve. On failure nothing has changed.
 */
int nexthops_reserve(
	struct nexthops *nexthops, const struct change *change, struct nexthops_need *need);
/* After the change was carried out, or will not be. Takes time by the vias, not by the routes. */
void nexthops_unreserve(struct nexthops *nexthops, struct nexthops_need *need);
/* Where nexthops is about to go itself. */
void nexthops_forget(struct nexthops_need *need);

/* Makes sure the via has its neighbours, and its set in the edit. 0 or -ENOMEM of the edit. */
int nexthops_realise(
	struct nexthops *nexthops, struct snapshot_edit *edit, const struct model_via *via);

/* Endpoint of (connection, site) for routes from now on. Dropping takes it away if it still is this
 * one. */
void nexthops_set_endpoint(
	struct nexthops *nexthops, uint32_t connection, uint32_t site, uint32_t endpoint);
void nexthops_drop_endpoint(
	struct nexthops *nexthops, uint32_t connection, uint32_t site, uint32_t endpoint);

/* Route value of the via for this connection; 0 where it leads nowhere (any more). */
uint32_t nexthops_value(
	const struct nexthops *nexthops, uint32_t connection, const struct model_via *via);

/* One route more or less leads by these vias (0: none). */
void nexthops_count(struct nexthops *nexthops, uint32_t before, uint32_t after);

/* True where vias are realised that no route uses. */
bool nexthops_unused(const struct nexthops *nexthops);
/* Takes the sets of unused vias out of the edit. 0 or -ENOMEM; may be repeated. */
int nexthops_clear(struct nexthops *nexthops, struct snapshot_edit *edit);
/* Workers have passed that edit: the ids are free again. */
void nexthops_retire(struct nexthops *nexthops);

#endif
