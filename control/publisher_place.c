/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "control/neighbours.h"
#include "control/publisher_private.h"
#include "dataplane/base/log.h"
#include "dataplane/fwd/value.h"

/* In this order: what is new first, what was removed last. */
enum step { STEP_CLAIM = 0, STEP_PUT_ROUTES, STEP_DROP_ROUTES, STEP_DISCLAIM, STEP_DONE };

/* One address of an attachment or an endpoint: the host route to ourselves, and the prefix around.
 */
struct claims {
	uint32_t connection;
	uint32_t local, connected; /* values */
	const struct ip_prefix *address;
	unsigned count;
};

static struct claims claims_of(const struct model_object *object)
{
	struct claims claims = {0};

	if (object == NULL)
		return claims;
	if (object->kind == MODEL_ATTACHMENT) {
		const struct model_attachment *a = (const struct model_attachment *)object;

		claims.connection = a->connection;
		claims.local = value_make(VALUE_LOCAL, object->id);
		claims.connected = value_make(VALUE_GLEAN, object->id);
		claims.address = a->address;
		claims.count = a->address_count;
	} else {
		const struct model_endpoint *e = (const struct model_endpoint *)object;

		claims.connection = e->connection;
		claims.local = value_make(VALUE_LOCAL_ENDPOINT, object->id);
		claims.connected = value_make(VALUE_ENDPOINT, object->id);
		claims.address = e->address;
		claims.count = e->address_count;
	}
	return claims;
}

static struct ip_prefix host_prefix(const struct ip_prefix *address)
{
	return (struct ip_prefix){
		.ip = address->ip, .length = (uint8_t)ip_bits(address->ip.family)};
}

static struct ip_prefix subnet(const struct ip_prefix *address)
{
	return (struct ip_prefix){
		.ip = ip_mask(&address->ip, address->length), .length = address->length};
}

/* The link-local prefix of IPv6 is the same on every link, so it belongs to none. */
static bool has_subnet(const struct ip_prefix *address)
{
	if (address->ip.family == IP_6 && ip_is_link_local(&address->ip))
		return false;
	return address->length < ip_bits(address->ip.family);
}

static void put(struct publisher *p, uint32_t connection, struct ip_prefix prefix,
	enum precedence_rank rank, uint32_t value)
{
	if (precedence_put(p->precedence, connection, &prefix, rank, value) != 0)
		log_error("publisher: a reserved prefix found no room");
}

static void claim(struct publisher *p, const struct model_object *object)
{
	struct claims c = claims_of(object);

	for (unsigned i = 0; i < c.count; i++) {
		const struct ip_prefix *a = &c.address[i];

		put(p, c.connection, host_prefix(a), PRECEDENCE_LOCAL, c.local);
		if (has_subnet(a))
			put(p, c.connection, subnet(a), PRECEDENCE_CONNECTED, c.connected);
	}
}

static bool same_prefix(struct ip_prefix a, struct ip_prefix b)
{
	return a.length == b.length && ip_equal(&a.ip, &b.ip);
}

static bool keeps(const struct claims *now, struct ip_prefix prefix,
	struct ip_prefix (*form)(const struct ip_prefix *))
{
	for (unsigned i = 0; i < now->count; i++) {
		if (same_prefix(form(&now->address[i]), prefix))
			return true;
	}
	return false;
}

/* What the published object claimed and the next one does not. */
static void disclaim(
	struct publisher *p, const struct model_object *before, const struct model_object *after)
{
	struct claims was = claims_of(before), now = claims_of(after);

	if (was.connection != now.connection)
		now.count = 0;
	for (unsigned i = 0; i < was.count; i++) {
		struct ip_prefix host = host_prefix(&was.address[i]);
		struct ip_prefix around = subnet(&was.address[i]);

		if (!keeps(&now, host, host_prefix))
			precedence_drop(
				p->precedence, was.connection, &host, PRECEDENCE_LOCAL, was.local);
		if (has_subnet(&was.address[i]) && !keeps(&now, around, subnet))
			precedence_drop(p->precedence, was.connection, &around,
				PRECEDENCE_CONNECTED, was.connected);
	}
}

struct place {
	struct idmap *map; /* NULL: no key */
	uint64_t key;
};

static struct place place_of(const struct publisher *p, const struct model_object *object)
{
	struct place place = {0};

	if (object == NULL)
		return place;
	if (object->kind == MODEL_ATTACHMENT) {
		place.map = p->config.fwd->attachments;
		place.key = compile_tags_key((const struct model_attachment *)object);
	} else {
		const struct model_endpoint *e = (const struct model_endpoint *)object;

		place.map = p->config.fwd->endpoints;
		place.key = idmap_vni_key((uint16_t)e->site, e->vni);
	}
	return place;
}

static void step_claim(struct publisher *p, const struct publisher_kind *k, uint32_t id)
{
	const struct model_object *object = k->next[id];
	struct place place = place_of(p, object);

	if (object == NULL)
		return;
	claim(p, object);
	if (object->kind == MODEL_ENDPOINT) {
		const struct model_endpoint *e = (const struct model_endpoint *)object;

		nexthops_set_endpoint(p->nexthops, e->connection, e->site, id);
	}
	/* Last: packets are let in when all that they may meet is there. */
	if (idmap_put(place.map, place.key, id) != 0)
		log_error("publisher: a reserved id found no room");
}

static void step_disclaim(struct publisher *p, struct publisher_kind *k, uint32_t id)
{
	const struct model_object *before = k->published[id], *after = k->next[id];
	struct place was = place_of(p, before), now = place_of(p, after);

	if (was.map != NULL && (now.map == NULL || now.key != was.key) &&
		idmap_get(was.map, was.key) == id)
		idmap_delete(was.map, was.key);
	disclaim(p, before, after);
	if (before == NULL)
		return;
	if (before->kind == MODEL_ATTACHMENT) {
		neighbours_recheck_link(p->config.neighbours, value_make(LINK_ATTACHMENT, id));
		return;
	}
	if (after == NULL) {
		const struct model_endpoint *e = (const struct model_endpoint *)before;

		nexthops_drop_endpoint(p->nexthops, e->connection, e->site, id);
	}
}

/* Objects that are in maps and route tables: attachments and endpoints, 1 where time ran out. */
static int each_object(struct publisher *p, uint64_t deadline_ns)
{
	static const enum model_kind kinds[] = {MODEL_ENDPOINT, MODEL_ATTACHMENT};

	for (; p->step_kind < ARRAY_SIZE(kinds); p->step_kind++, p->step_at = 0) {
		struct publisher_kind *k = &p->kind[kinds[p->step_kind]];

		while (p->step_at < k->dirty.count) {
			uint32_t id = k->dirty.id[p->step_at++];

			if (p->step == STEP_CLAIM)
				step_claim(p, k, id);
			else
				step_disclaim(p, k, id);
			/* Looking for what was gleaned on a link walks all neighbours. */
			if ((p->step == STEP_DISCLAIM || p->step_at % 16 == 0) &&
				!publisher_has_time(deadline_ns))
				return 1;
		}
	}
	return 0;
}

static void put_route(struct publisher *p, const struct change_route *route)
{
	uint32_t value = 0;

	if (route->after == 0)
		return;
	value = nexthops_value(
		p->nexthops, route->connection, model_via(p->config.model, route->after));
	/* 0: what it leads to was removed by a later change of this round, which drops it too. */
	if (value != 0)
		put(p, route->connection, route->prefix, PRECEDENCE_CONFIGURED, value);
	nexthops_count(p->nexthops, route->before, route->after);
}

static void drop_route(struct publisher *p, const struct change_route *route)
{
	if (route->after != 0)
		return;
	precedence_drop(p->precedence, route->connection, &route->prefix, PRECEDENCE_CONFIGURED, 0);
	nexthops_count(p->nexthops, route->before, 0);
}

/* All routes of one change; 1 where time ran out. */
static int change_routes(struct publisher *p, uint64_t deadline_ns)
{
	const struct change *change = p->step_change->change;

	while (p->step_route < change->route_count) {
		const struct change_route *route = &change->route[p->step_route++];

		if (p->step == STEP_PUT_ROUTES)
			put_route(p, route);
		else
			drop_route(p, route);
		if (p->step_route % 32 == 0 && !publisher_has_time(deadline_ns))
			return 1;
	}
	p->step_route = 0;
	return 0;
}

/* Change by change: a later one may undo what an earlier one did. */
static int all_routes(struct publisher *p, uint64_t deadline_ns)
{
	while (p->step_change != NULL) {
		if (change_routes(p, deadline_ns) != 0)
			return 1;
		if (p->step == STEP_PUT_ROUTES) {
			p->step = STEP_DROP_ROUTES;
			continue;
		}
		p->step = STEP_PUT_ROUTES;
		p->step_change = p->step_change->next;
	}
	return 0;
}

static void settle_published(struct publisher *p)
{
	for (unsigned kind = 0; kind < MODEL_KINDS; kind++) {
		struct publisher_kind *k = &p->kind[kind];

		for (uint32_t i = 0; i < k->dirty.count; i++)
			k->published[k->dirty.id[i]] = k->next[k->dirty.id[i]];
	}
}

int publisher_place_step(struct publisher *p, uint64_t deadline_ns)
{
	if (p->step == STEP_CLAIM) {
		if (each_object(p, deadline_ns) != 0)
			return 1;
		p->step = STEP_PUT_ROUTES;
		p->step_change = p->round.first;
		p->step_route = 0;
	}
	if (p->step == STEP_PUT_ROUTES || p->step == STEP_DROP_ROUTES) {
		if (all_routes(p, deadline_ns) != 0)
			return 1;
		p->step = STEP_DISCLAIM;
		p->step_kind = 0;
		p->step_at = 0;
	}
	if (each_object(p, deadline_ns) != 0)
		return 1;
	settle_published(p);
	p->step = STEP_CLAIM;
	p->step_kind = 0;
	p->step_at = 0;
	return 0;
}
