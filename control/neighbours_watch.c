/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/neighbours_private.h"

/* Liveness of the paths that go by a neighbour. */

static void apply_watch(struct neighbours *n, const struct neighbours_watch *w)
{
	struct liveness *site = &n->config.fwd->liveness[w->site];

	liveness_set(site, LIVENESS_ADMIN, w->index, w->up);
	liveness_set(site, LIVENESS_PORT, w->index, !n->port_down[w->port]);
	liveness_set(site, LIVENESS_NEIGHBOUR, w->index,
		neighbour_usable(neighbour_load(neighbours_entry(n, w->neighbour))));
}

void neighbours_watch_tell(struct neighbours *n, uint32_t id)
{
	if (value_kind(n->record[id].link) != LINK_PORT)
		return;
	for (uint32_t path = 1; path <= n->config.fwd->limits.snapshot.paths; path++) {
		if (n->watch[path].used && n->watch[path].neighbour == id)
			apply_watch(n, &n->watch[path]);
	}
}

void neighbours_watch_path(struct neighbours *n, const struct model_path *path, uint32_t neighbour)
{
	struct neighbours_watch *w = &n->watch[path->object.id];

	*w = (struct neighbours_watch){.used = true,
		.up = path->up,
		.index = path->index,
		.site = (uint16_t)path->site,
		.port = path->port,
		.neighbour = neighbour};
	apply_watch(n, w);
}

/* A path that was put in its place meanwhile keeps its own state. */
void neighbours_unwatch_path(struct neighbours *n, uint32_t path)
{
	struct neighbours_watch was = n->watch[path];
	struct liveness *site = &n->config.fwd->liveness[was.site];

	n->watch[path].used = false;
	liveness_set(site, LIVENESS_ADMIN, was.index, true);
	liveness_set(site, LIVENESS_PORT, was.index, true);
	liveness_set(site, LIVENESS_NEIGHBOUR, was.index, true);
	for (uint32_t id = 1; id <= n->config.fwd->limits.snapshot.paths; id++) {
		const struct neighbours_watch *w = &n->watch[id];

		if (w->used && w->site == was.site && w->index == was.index)
			apply_watch(n, w);
	}
}

void neighbours_port_link(struct neighbours *n, uint32_t port, bool up)
{
	n->port_down[port] = !up;
	for (uint32_t id = 1; id <= n->config.fwd->limits.snapshot.paths; id++) {
		if (n->watch[id].used && n->watch[id].port == port)
			apply_watch(n, &n->watch[id]);
	}
}
