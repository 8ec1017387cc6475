/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "control/compile_bfd.h"
#include "control/innermtu.h"
#include "control/neighbours.h"
#include "control/publisher_private.h"
#include "dataplane/base/clock.h"
#include "dataplane/base/log.h"
#include "dataplane/fwd/value.h"

enum { LISTED = 1, COMPILED = 2 };

static void mark(struct publisher_kind *kind, uint32_t id)
{
	struct publisher_ids *dirty = &kind->dirty;

	if (dirty->state[id] == 0)
		dirty->id[dirty->count++] = id;
	else if (dirty->state[id] == COMPILED)
		kind->compiled = 0; /* compiled before this change came: look for it again */
	dirty->state[id] = LISTED;
}

static void mark_site_of(struct publisher *p, const struct model_object *path)
{
	uint32_t site;

	if (path == NULL)
		return;
	site = ((const struct model_path *)path)->site;
	mark(&p->kind[MODEL_SITE], site);
	p->site_touched[site] = 1;
	p->sites_touched = true;
}

/* Both form the ICMP source of the connection. */
static void mark_connection_of(struct publisher *p, const struct model_object *attachment)
{
	if (attachment != NULL)
		mark(&p->kind[MODEL_CONNECTION],
			((const struct model_attachment *)attachment)->connection);
}

/* MSS clamping is the connection's, and written into these. */
static void mark_parts_of(struct publisher *p, uint32_t connection)
{
	const struct model_connection *c = model_connection(p->config.model, connection);
	uint32_t id = 0;

	while ((id = model_connection_attachment(p->config.model, connection, id)) != 0)
		mark(&p->kind[MODEL_ATTACHMENT], id);
	for (unsigned i = 0; c != NULL && i < c->endpoint_count; i++)
		mark(&p->kind[MODEL_ENDPOINT], c->endpoint[i]->object.id);
}

static void absorb_object(struct publisher *p, const struct change_object *object)
{
	mark(&p->kind[object->kind], object->id);
	switch (object->kind) {
	case MODEL_PATH:
		p->paths_touched = true;
		mark_site_of(p, object->before);
		mark_site_of(p, object->after);
		break;
	case MODEL_CONNECTION:
		mark_parts_of(p, object->id);
		break;
	case MODEL_ATTACHMENT:
		mark_connection_of(p, object->before);
		mark_connection_of(p, object->after);
		break;
	default:
		break;
	}
}

void publisher_compile_absorb(struct publisher *p, const struct change *change)
{
	for (size_t i = 0; i < change->object_count; i++)
		absorb_object(p, &change->object[i]);
}

/* The inner MTU towards a site follows from all its paths. */
static void expand_sites(struct publisher *p)
{
	uint32_t id = 0;

	while ((id = model_next(p->config.model, MODEL_ENDPOINT, id)) != 0) {
		if (p->site_touched[model_endpoint(p->config.model, id)->site])
			mark(&p->kind[MODEL_ENDPOINT], id);
	}
	memset(p->site_touched, 0, model_limits(p->config.model)->sites + 1);
	p->sites_touched = false;
}

/* The object as workers are to see it; an attachment that is administratively down is not there. */
static const struct model_object *visible(
	const struct publisher *p, enum model_kind kind, uint32_t id)
{
	const struct model_object *object = model_object(p->config.model, kind, id);

	if (kind == MODEL_ATTACHMENT && object != NULL &&
		!((const struct model_attachment *)object)->up)
		return NULL;
	return object;
}

static void mark_removed(struct publisher_kind *kind, uint32_t id)
{
	struct publisher_ids *removed = &kind->removed;

	if ((kind->published[id] == NULL && kind->next[id] == NULL) || removed->state[id])
		return;
	removed->state[id] = 1;
	removed->id[removed->count++] = id;
}

static uint32_t hold_underlay(struct publisher *p, const struct model_path *path)
{
	const struct ip_address *next =
		path->gateway.family != IP_NONE ? &path->gateway : &path->remote;

	return neighbours_hold(p->config.neighbours, value_make(LINK_PORT, path->port), next);
}

static uint32_t hold_peer(struct publisher *p, const struct model_endpoint *endpoint)
{
	uint32_t link = value_make(LINK_ENDPOINT, endpoint->object.id);

	if (endpoint->has_peer_mac)
		return neighbours_hold_mac(p->config.neighbours, link, endpoint->peer_mac);
	if (endpoint->peer_count > 0)
		return neighbours_hold_peers(
			p->config.neighbours, link, endpoint->peer, endpoint->peer_count);
	return 0;
}

/* Puts a new hold in the place of the old one, which workers may still use until the round ends. */
static void swap_neighbour(struct publisher *p, uint32_t *slot, uint32_t now)
{
	if (*slot == now)
		neighbours_release(p->config.neighbours, now);
	else if (*slot != 0)
		p->release[p->releases++] = *slot;
	*slot = now;
}

/* RFC 8200 5 asks more of a link than RFC 791: such a site is for IPv4 only, which nobody refuses.
 */
static void warn_of_mtu(const struct publisher *p, uint32_t site)
{
	uint16_t mtu = compile_inner_mtu(&p->compile, site, false);

	if (mtu < INNERMTU_LEAST6)
		log_warning("site \"%s\": its paths leave an inner MTU of %u; IPv6 needs %d, so "
			    "only small IPv6 packets pass",
			model_site(p->config.model, site)->object.name, mtu, INNERMTU_LEAST6);
}

static int compile_one(struct publisher *p, enum model_kind kind, const struct model_object *object)
{
	const struct compile *c = &p->compile;
	uint32_t *neighbour = &p->kind[kind].neighbour[object->id];

	switch (kind) {
	case MODEL_SITE:
		warn_of_mtu(p, object->id);
		return compile_site(c, p->edit, object->id);
	case MODEL_PATH: {
		const struct model_path *path = (const struct model_path *)object;

		swap_neighbour(p, neighbour, hold_underlay(p, path));
		neighbours_watch_path(p->config.neighbours, path, *neighbour);
		if (compile_bfd_path(c, p->edit, path) != 0)
			return -ENOMEM;
		return compile_path(c, p->edit, path, *neighbour);
	}
	case MODEL_CONNECTION:
		/* An id that nobody has yet: what its last owner used up is not this one's debt. */
		if (p->kind[kind].next[object->id] == NULL)
			policer_fill(&p->config.fwd->policer[object->id], clock_tsc());
		return compile_connection(c, p->edit, (const struct model_connection *)object);
	case MODEL_ENDPOINT: {
		const struct model_endpoint *endpoint = (const struct model_endpoint *)object;

		swap_neighbour(p, neighbour, hold_peer(p, endpoint));
		return compile_endpoint(c, p->edit, endpoint, *neighbour,
			neighbours_peers_second(p->config.neighbours, *neighbour));
	}
	default:
		return compile_attachment(c, p->edit, (const struct model_attachment *)object);
	}
}

static int compile_id(struct publisher *p, enum model_kind kind, uint32_t id)
{
	const struct model_object *object = visible(p, kind, id);
	int error = 0;

	if (object != NULL)
		error = compile_one(p, kind, object);
	else
		mark_removed(&p->kind[kind], id);
	if (error == 0)
		p->kind[kind].next[id] = object;
	return error;
}

/* 1 where time ran out. */
static int compile_kind(struct publisher *p, enum model_kind kind, uint64_t deadline_ns)
{
	struct publisher_kind *k = &p->kind[kind];

	while (k->compiled < k->dirty.count) {
		uint32_t id = k->dirty.id[k->compiled];
		int error = k->dirty.state[id] == COMPILED ? 0 : compile_id(p, kind, id);

		if (error != 0)
			return error;
		k->dirty.state[id] = COMPILED;
		k->compiled++;
		/* The buckets of one site with many paths take their time. */
		if ((kind == MODEL_SITE || k->compiled % 16 == 0) &&
			!publisher_has_time(deadline_ns))
			return 1;
	}
	return 0;
}

static int compile_vias(struct publisher *p, uint64_t deadline_ns)
{
	while (p->via_change != NULL) {
		const struct change *change = p->via_change->change;

		while (p->via_route < change->route_count) {
			uint32_t via = change->route[p->via_route].after;
			int error = via == 0 ? 0
					     : nexthops_realise(p->nexthops, p->edit,
						       model_via(p->config.model, via));

			if (error != 0)
				return error;
			p->via_route++;
			if (p->via_route % 64 == 0 && !publisher_has_time(deadline_ns))
				return 1;
		}
		p->via_change = p->via_change->next;
		p->via_route = 0;
	}
	return 0;
}

int publisher_compile_step(struct publisher *p, uint64_t deadline_ns)
{
	int result = 0;

	if (p->edit == NULL)
		p->edit = snapshot_edit_begin(fwd_snapshot(p->config.fwd));
	if (p->edit == NULL)
		return -ENOMEM;
	if (p->sites_touched)
		expand_sites(p);
	if (p->paths_touched) {
		result = compile_ports(&p->compile, p->edit);
		if (result == 0)
			result = compile_tunnels(&p->compile, p->edit);
		if (result != 0)
			return result;
		p->paths_touched = false;
	}
	for (unsigned kind = 0; kind < MODEL_KINDS && result == 0; kind++)
		result = compile_kind(p, kind, deadline_ns);
	if (result == 0)
		result = compile_vias(p, deadline_ns);
	return result;
}

static int clear_one(struct publisher *p, enum model_kind kind, uint32_t id)
{
	if (kind == MODEL_PATH && compile_bfd_clear(p->edit, id) != 0)
		return -ENOMEM;
	return compile_clear(p->edit, kind, id);
}

/* Removed ids that came back under the same number within the round stay. */
int publisher_compile_clear(struct publisher *p)
{
	if (p->edit == NULL)
		p->edit = snapshot_edit_begin(fwd_snapshot(p->config.fwd));
	if (p->edit == NULL)
		return -ENOMEM;
	for (unsigned kind = 0; kind < MODEL_KINDS; kind++) {
		const struct publisher_kind *k = &p->kind[kind];

		for (uint32_t i = 0; i < k->removed.count; i++) {
			uint32_t id = k->removed.id[i];

			if (k->next[id] == NULL && clear_one(p, kind, id) != 0)
				return -ENOMEM;
		}
	}
	return nexthops_clear(p->nexthops, p->edit);
}

bool publisher_compile_removes(const struct publisher *p)
{
	for (unsigned kind = 0; kind < MODEL_KINDS; kind++) {
		if (p->kind[kind].removed.count != 0)
			return true;
	}
	return nexthops_unused(p->nexthops);
}

static void forget_ids(struct publisher_ids *ids)
{
	for (uint32_t i = 0; i < ids->count; i++)
		ids->state[ids->id[i]] = 0;
	ids->count = 0;
}

/* What removed paths and endpoints held goes with them. */
static void release_removed(struct publisher *p, enum model_kind kind)
{
	struct publisher_kind *k = &p->kind[kind];

	for (uint32_t i = 0; i < k->removed.count; i++) {
		uint32_t id = k->removed.id[i];

		if (k->next[id] != NULL)
			continue;
		if (kind == MODEL_PATH)
			neighbours_unwatch_path(p->config.neighbours, id);
		if (kind == MODEL_PATH || kind == MODEL_ENDPOINT) {
			neighbours_release(p->config.neighbours, k->neighbour[id]);
			k->neighbour[id] = 0;
		}
	}
}

void publisher_compile_forget(struct publisher *p)
{
	for (unsigned kind = 0; kind < MODEL_KINDS; kind++) {
		release_removed(p, kind);
		forget_ids(&p->kind[kind].dirty);
		forget_ids(&p->kind[kind].removed);
		p->kind[kind].compiled = 0;
	}
}
