/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>

#include "control/neighbours.h"
#include "control/publisher_private.h"

static void need_addresses(
	struct publisher_need *need, const struct ip_prefix *address, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		need->routes.prefixes[address[i].ip.family == IP_6] += 2;
	need->routes.claims += count * 2;
}

static void need_object(struct publisher_need *need, const struct change_object *object)
{
	if (object->after == NULL)
		return;
	if (object->kind == MODEL_ATTACHMENT) {
		const struct model_attachment *a = (const struct model_attachment *)object->after;

		need_addresses(need, a->address, a->address_count);
	} else if (object->kind == MODEL_ENDPOINT) {
		const struct model_endpoint *e = (const struct model_endpoint *)object->after;

		need_addresses(need, e->address, e->address_count);
		/* Several peers: each, and what stands for them in both families. */
		need->neighbours += e->peer_count > 1 ? e->peer_count + 1u : 0;
	}
	if (object->kind == MODEL_PATH || object->kind == MODEL_ENDPOINT) {
		need->neighbours++;
		need->releases++;
	}
}

static bool touches(const struct change *change, uint32_t path)
{
	for (size_t i = 0; i < change->object_count; i++) {
		if (change->object[i].kind == MODEL_PATH && change->object[i].id == path)
			return true;
	}
	return false;
}

/* Distinct underlay addresses of one port. */
struct locals {
	unsigned port, count;
	struct ip_address address[FWD_PORT_ADDRESSES + 1];
};

static void add_local(struct locals *locals, const struct model_path *path)
{
	if (path == NULL || path->port != locals->port || locals->count > FWD_PORT_ADDRESSES)
		return;
	for (unsigned i = 0; i < locals->count; i++) {
		if (ip_equal(&locals->address[i], &path->local.ip))
			return;
	}
	locals->address[locals->count++] = path->local.ip;
}

static int check_port(const struct publisher *p, const struct change *change, unsigned port)
{
	struct locals locals = {.port = port};
	uint32_t id = 0;

	while ((id = model_next(p->config.model, MODEL_PATH, id)) != 0) {
		if (!touches(change, id))
			add_local(&locals, model_path(p->config.model, id));
	}
	for (size_t i = 0; i < change->object_count; i++) {
		if (change->object[i].kind == MODEL_PATH)
			add_local(&locals, (const struct model_path *)change->object[i].after);
	}
	return locals.count > FWD_PORT_ADDRESSES ? -ENOSPC : 0;
}

static int check_ports(const struct publisher *p, const struct change *change)
{
	uint32_t checked = 0;

	for (size_t i = 0; i < change->object_count; i++) {
		const struct model_path *path = (const struct model_path *)change->object[i].after;

		if (change->object[i].kind != MODEL_PATH || path == NULL ||
			checked & UINT32_C(1) << path->port)
			continue;
		if (check_port(p, change, path->port) != 0)
			return -ENOSPC;
		checked |= UINT32_C(1) << path->port;
	}
	return 0;
}

static int reserve_releases(struct publisher *p, uint32_t count)
{
	uint32_t room = p->releases + p->release_reserved + count;
	uint32_t *release;

	if (room > p->release_room) {
		release = realloc(p->release, room * 2 * sizeof(*release));
		if (release == NULL)
			return -ENOMEM;
		p->release = release;
		p->release_room = room * 2;
	}
	p->release_reserved += count;
	return 0;
}

int publisher_need_reserve(
	struct publisher *p, const struct change *change, struct publisher_need *need)
{
	int error = check_ports(p, change);

	if (error != 0)
		return error;
	for (size_t i = 0; i < change->object_count; i++)
		need_object(need, &change->object[i]);
	need->routes.prefixes[0] += change->routes_added[0];
	need->routes.prefixes[1] += change->routes_added[1];
	error = nexthops_reserve(p->nexthops, change, &need->hops);
	if (error != 0)
		return error;
	need->neighbours += need->hops.neighbours;
	error = precedence_reserve(p->precedence, &need->routes);
	if (error != 0)
		goto no_routes;
	error = neighbours_reserve(p->config.neighbours, need->neighbours);
	if (error != 0)
		goto no_neighbours;
	error = reserve_releases(p, need->releases);
	if (error == 0)
		return 0;
	neighbours_unreserve(p->config.neighbours, need->neighbours);
no_neighbours:
	precedence_unreserve(p->precedence, &need->routes);
no_routes:
	nexthops_unreserve(p->nexthops, &need->hops);
	return error;
}

void publisher_need_return(struct publisher *p, const struct publisher_need *need)
{
	precedence_unreserve(p->precedence, &need->routes);
	neighbours_unreserve(p->config.neighbours, need->neighbours);
	p->release_reserved -= need->releases;
}
