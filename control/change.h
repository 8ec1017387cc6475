/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One accepted change of the model, as it is handed to the publisher: every object and every
 * configured route it touched, with what was there before and what is there now. Control thread
 * only.
 *
 * Order of events: the document is checked → the publisher is asked with publisher_reserve(change)
 * whether it can carry the change out → the journal takes the record → the model is changed, which
 * cannot fail → publisher_submit(change) passes ownership. The publisher adds and replaces before
 * it removes, and calls change_free() when no worker, ring or held packet can name a removed id any
 * more; only then are the ids used again.
 *
 * A route stands here once per (connection, prefix) whose winner among the owners changed. Inside a
 * connection the compiler ranks own addresses over neighbours over connected prefixes over these;
 * so where one of the former covers exactly this prefix, the configured route stays hidden, and
 * when it goes, model_route_best() tells what comes forth.
 */
#ifndef CONTROL_CHANGE_H
#define CONTROL_CHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/model.h"

/* Endpoints are listed as objects of their own, beside the connection they belong to. before is
 * NULL for an addition, after for a removal; the id is the same in both. Held by the change. */
struct change_object {
	enum model_kind kind;
	uint32_t id;
	const struct model_object *before, *after;
};

struct change_route {
	uint32_t connection;
	uint32_t before, after; /* via ids, 0: no route; both held by the change */
	struct ip_prefix prefix;
};

struct change {
	struct model *model;
	uint64_t generation; /* number of the model with this change in it */
	size_t object_count;
	struct change_object
		*object; /* sites, paths, connections, endpoints, attachments: in this order */
	size_t route_count;
	struct change_route *route;		     /* in the order of the request */
	uint32_t routes_added[2], routes_removed[2]; /* of those; [0] IPv4, [1] IPv6 */
};

/* A change that adds everything the model holds, for a publisher that knows nothing yet. NULL on
 * lack of memory. */
struct change *change_whole(struct model *model);

/* Gives back the objects and the ids that the change removed. NULL is allowed. */
void change_free(struct change *change);
/* The same in slices: lets go of at most so many routes. True: call again; false: it is gone. */
bool change_free_some(struct change *change, size_t routes);

#endif
