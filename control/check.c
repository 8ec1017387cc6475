/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/check.h"

#include <errno.h>
#include <string.h>

#include "control/innermtu.h"

#define PORT_ADDRESSES 16 /* underlay addresses that a port of the snapshot has room for */

static const char *name_of(const struct draft *draft, enum model_kind kind, uint32_t id)
{
	const struct model_object *object = draft_object(draft, kind, id);

	return object != NULL ? object->name : "";
}

static int check_keys(const struct draft *draft, const struct draft_item *item)
{
	uint64_t key[2];
	unsigned count = store_keys(draft->model, item->after, key);
	uint32_t other = count > 1 ? draft_key_taken(draft, item->kind, key[1], item->id) : 0;

	if (other == 0)
		return 0;
	if (item->kind == MODEL_ATTACHMENT)
		return draft_refuse(draft, item, "/tags", REFUSAL_VLAN_CLASH,
			"attachment \"%s\" has these tags on this port",
			name_of(draft, MODEL_ATTACHMENT, other));
	if (item->kind == MODEL_CONNECTION)
		return draft_refuse(draft, item, "/vni", REFUSAL_VNI_REUSE,
			"connection \"%s\" has this VNI", name_of(draft, MODEL_CONNECTION, other));
	return draft_refuse(draft, item, "/vni", REFUSAL_VNI_REUSE,
		"another connection has this VNI towards this site");
}

static bool same_tunnel(const struct model_path *a, const struct model_path *b)
{
	return a->encapsulation == b->encapsulation && ip_equal(&a->local.ip, &b->local.ip) &&
	       ip_equal(&a->remote, &b->remote);
}

static int check_against_path(
	const struct draft *draft, const struct draft_item *item, const struct model_path *other)
{
	const struct model_path *path = (const void *)item->after;

	if (same_tunnel(path, other))
		return draft_refuse(draft, item, "/remote", REFUSAL_DUPLICATE_PATH,
			"path \"%s\" has the same addresses and encapsulation", other->object.name);
	if (path->bfd.mode != MODEL_BFD_OFF && path->bfd.mode != MODEL_BFD_TUNNEL &&
		path->bfd.mode == other->bfd.mode && ip_equal(&path->local.ip, &other->local.ip) &&
		ip_equal(&path->remote, &other->remote))
		return draft_refuse(draft, item, "/bfd/mode", REFUSAL_DUPLICATE_PATH,
			"path \"%s\" has a session of this kind between the same addresses",
			other->object.name);
	if (path->port != other->port && ip_equal(&path->local.ip, &other->local.ip))
		return draft_refuse(draft, item, "/local", REFUSAL_UNDERLAY_CLASH,
			"path \"%s\" has this local address on another port", other->object.name);
	return 0;
}

static unsigned count_new_address(
	const struct ip_address *seen, unsigned count, const struct ip_address *address)
{
	for (unsigned i = 0; i < count; i++)
		if (ip_equal(&seen[i], address))
			return 0;
	return 1;
}

static int check_other_paths(const struct draft *draft, const struct draft_item *item)
{
	const struct model_path *path = (const void *)item->after;
	struct ip_address seen[PORT_ADDRESSES] = {path->local.ip};
	const struct model_object *object;
	unsigned count = 1;

	for (uint32_t id = 0; (object = draft_next(draft, MODEL_PATH, &id)) != NULL;) {
		const struct model_path *other = (const void *)object;

		if (id == item->id)
			continue;
		if (check_against_path(draft, item, other) < 0)
			return -EINVAL;
		if (other->port != path->port || !count_new_address(seen, count, &other->local.ip))
			continue;
		if (count == PORT_ADDRESSES)
			return draft_refuse(draft, item, "/local", REFUSAL_LIMIT,
				"at most %d local addresses on one port", PORT_ADDRESSES);
		seen[count++] = other->local.ip;
	}
	return 0;
}

static bool has_peer(const struct model_endpoint *endpoint)
{
	return endpoint->has_peer_mac || endpoint->peer_count > 0;
}

/* A path that sends Ethernet makes every endpoint of its site need a peer. */
static int check_peers_of_site(const struct draft *draft, const struct draft_item *item)
{
	const struct model_path *path = (const void *)item->after;
	const struct model_object *object;

	if (path->payload != MODEL_PAYLOAD_ETHERNET)
		return 0;
	for (uint32_t id = 0; (object = draft_next(draft, MODEL_ENDPOINT, &id)) != NULL;) {
		const struct model_endpoint *endpoint = (const void *)object;

		if (endpoint->site == path->site && !has_peer(endpoint))
			return draft_refuse(draft, item, "/payload", REFUSAL_PEER_MISSING,
				"connection \"%s\" has no peer MAC or address for this site",
				name_of(draft, MODEL_CONNECTION, endpoint->connection));
	}
	return 0;
}

/* What the packets of an endpoint need at least: the attachment's rule, on the other side. */
static unsigned least_mtu(const struct model_endpoint *endpoint)
{
	for (unsigned i = 0; endpoint != NULL && i < endpoint->address_count; i++)
		if (endpoint->address[i].ip.family == IP_6)
			return INNERMTU_LEAST6;
	return INNERMTU_LEAST4;
}

/* endpoint NULL: whatever it carries. */
static bool fits(const struct model_path *path, const struct model_endpoint *endpoint,
	unsigned *inner, unsigned *least)
{
	bool ethernet = endpoint != NULL && endpoint->payload == MODEL_PAYLOAD_ETHERNET;

	*inner = innermtu_of(path, path->mtu, ethernet);
	*least = least_mtu(endpoint);
	return *inner >= *least;
}

/* A path that leaves too little to what it carries would drop all of it. */
static int check_inner_mtu(const struct draft *draft, const struct draft_item *item)
{
	const struct model_path *path = (const void *)item->after;
	const struct model_object *object;
	unsigned inner, least;

	if (!fits(path, NULL, &inner, &least))
		return draft_refuse(draft, item, "/mtu", REFUSAL_OUT_OF_RANGE,
			"of %u bytes the headers of this path leave an inner MTU of %u; IPv4 "
			"needs %u",
			path->mtu, inner, least);
	if (innermtu_of(path, path->mtu, true) >= INNERMTU_LEAST6)
		return 0;
	for (uint32_t id = 0; (object = draft_next(draft, MODEL_ENDPOINT, &id)) != NULL;) {
		const struct model_endpoint *endpoint = (const void *)object;

		if (endpoint->site == path->site && !fits(path, endpoint, &inner, &least))
			return draft_refuse(draft, item, "/mtu", REFUSAL_OUT_OF_RANGE,
				"of %u bytes the headers of this path leave connection \"%s\" an "
				"inner MTU of %u; its endpoint needs %u",
				path->mtu, name_of(draft, MODEL_CONNECTION, endpoint->connection),
				inner, least);
	}
	return 0;
}

static uint64_t untagged_key(const struct draft *draft, uint16_t port)
{
	struct model_attachment attachment = {.object.kind = MODEL_ATTACHMENT, .port = port};
	uint64_t key[2];

	store_keys(draft->model, &attachment.object, key);
	return key[1];
}

static int check_path(const struct draft *draft, const struct draft_item *item)
{
	const struct model_path *path = (const void *)item->after;
	uint32_t untagged;

	if (draft_object(draft, MODEL_SITE, path->site) == NULL)
		return draft_refuse(draft, item, "/site", REFUSAL_UNKNOWN_REFERENCE,
			"this site is removed by the same request");
	untagged = draft_key_taken(draft, MODEL_ATTACHMENT, untagged_key(draft, path->port), 0);
	if (untagged != 0)
		return draft_refuse(draft, item, "/port", REFUSAL_VLAN_CLASH,
			"attachment \"%s\" has the untagged side of this port",
			name_of(draft, MODEL_ATTACHMENT, untagged));
	if (check_other_paths(draft, item) < 0 || check_inner_mtu(draft, item) < 0)
		return -EINVAL;
	return check_peers_of_site(draft, item);
}

static bool overlap(const struct ip_prefix *a, const struct ip_prefix *b)
{
	return ip_prefix_contains(a, &b->ip) || ip_prefix_contains(b, &a->ip);
}

static bool lists_overlap(
	const struct ip_prefix *a, unsigned a_count, const struct ip_prefix *b, unsigned b_count)
{
	for (unsigned i = 0; i < a_count; i++)
		for (unsigned k = 0; k < b_count; k++)
			if (overlap(&a[i], &b[k]))
				return true;
	return false;
}

/* The subnets of one link (attachment or endpoint) against all other links of the connection. */
static int check_subnets(const struct draft *draft, const struct draft_item *item,
	uint32_t connection_id, const struct ip_prefix *address, unsigned count)
{
	const struct model_connection *connection =
		(const void *)draft_object(draft, MODEL_CONNECTION, connection_id);
	const struct model_attachment *other;
	unsigned attachments = 0;
	uint64_t at = 0;

	while ((other = draft_attachment(draft, connection_id, &at)) != NULL) {
		if (++attachments > MODEL_CONNECTION_ATTACHMENTS)
			return draft_refuse(draft, item, "/connection", REFUSAL_LIMIT,
				"at most %d attachments of one connection",
				MODEL_CONNECTION_ATTACHMENTS);
		if ((&other->object != item->after) &&
			lists_overlap(address, count, other->address, other->address_count))
			return draft_refuse(draft, item, "/addresses", REFUSAL_ADDRESS_OVERLAP,
				"attachment \"%s\" of this connection has an overlapping subnet",
				other->object.name);
	}
	for (unsigned i = 0; i < connection->endpoint_count; i++) {
		const struct model_endpoint *endpoint = connection->endpoint[i];

		if (&endpoint->object != item->after &&
			lists_overlap(address, count, endpoint->address, endpoint->address_count))
			return draft_refuse(draft, item, "/addresses", REFUSAL_ADDRESS_OVERLAP,
				"the endpoint for site \"%s\" has an overlapping subnet",
				name_of(draft, MODEL_SITE, endpoint->site));
	}
	return 0;
}

static bool site_sends_ethernet(const struct draft *draft, uint32_t site)
{
	const struct model_object *object;

	for (uint32_t id = 0; (object = draft_next(draft, MODEL_PATH, &id)) != NULL;) {
		const struct model_path *path = (const void *)object;

		if (path->site == site && path->payload == MODEL_PAYLOAD_ETHERNET)
			return true;
	}
	return false;
}

static int check_paths_of_endpoint(const struct draft *draft, const struct draft_item *item)
{
	const struct model_endpoint *endpoint = (const void *)item->after;
	const struct model_object *object;
	unsigned inner, least;

	for (uint32_t id = 0; (object = draft_next(draft, MODEL_PATH, &id)) != NULL;) {
		const struct model_path *path = (const void *)object;

		if (path->site == endpoint->site && !fits(path, endpoint, &inner, &least))
			return draft_refuse(draft, item,
				least == INNERMTU_LEAST6 ? "/addresses" : "/payload",
				REFUSAL_OUT_OF_RANGE,
				"path \"%s\" leaves an inner MTU of %u; this endpoint needs %u",
				path->object.name, inner, least);
	}
	return 0;
}

static int check_endpoint(const struct draft *draft, const struct draft_item *item)
{
	const struct model_endpoint *endpoint = (const void *)item->after;

	if (draft_object(draft, MODEL_SITE, endpoint->site) == NULL)
		return draft_refuse(draft, item, "/site", REFUSAL_UNKNOWN_REFERENCE,
			"this site is removed by the same request");
	if (!has_peer(endpoint) && (endpoint->payload == MODEL_PAYLOAD_ETHERNET ||
					   site_sends_ethernet(draft, endpoint->site)))
		return draft_refuse(draft, item, "", REFUSAL_PEER_MISSING,
			"Ethernet payload needs peer_mac or peer_addresses");
	if (check_paths_of_endpoint(draft, item) < 0)
		return -EINVAL;
	return check_subnets(
		draft, item, endpoint->connection, endpoint->address, endpoint->address_count);
}

static int check_attachment(const struct draft *draft, const struct draft_item *item)
{
	const struct model_attachment *attachment = (const void *)item->after;
	const struct model_object *object;

	if (draft_object(draft, MODEL_CONNECTION, attachment->connection) == NULL)
		return draft_refuse(draft, item, "/connection", REFUSAL_UNKNOWN_REFERENCE,
			"this connection is removed by the same request");
	for (uint32_t id = 0; attachment->tag_count == 0 &&
			      (object = draft_next(draft, MODEL_PATH, &id)) != NULL;)
		if (((const struct model_path *)object)->port == attachment->port)
			return draft_refuse(draft, item, "/tags", REFUSAL_VLAN_CLASH,
				"path \"%s\" has the untagged side of this port", object->name);
	return check_subnets(draft, item, attachment->connection, attachment->address,
		attachment->address_count);
}

static int check_removed_site(const struct draft *draft, const struct draft_item *item)
{
	for (unsigned i = 0; i < MODEL_SITE_PATHS; i++) {
		uint32_t path = model_site_path(draft->model, item->id, i);

		if (path != 0 && draft_object(draft, MODEL_PATH, path) != NULL)
			return draft_refuse(draft, item, "", REFUSAL_STILL_REFERENCED,
				"path \"%s\" still leads to site \"%s\"",
				name_of(draft, MODEL_PATH, path), item->before->name);
	}
	if (draft_users(draft, MODEL_SITE, item->id) > 0)
		return draft_refuse(draft, item, "", REFUSAL_STILL_REFERENCED,
			"connections still have endpoints for site \"%s\"", item->before->name);
	return 0;
}

static int check_removed_connection(const struct draft *draft, const struct draft_item *item)
{
	const struct model_attachment *attachment;
	uint64_t at = 0;

	attachment = draft_attachment(draft, item->id, &at);
	if (attachment != NULL)
		return draft_refuse(draft, item, "", REFUSAL_STILL_REFERENCED,
			"attachment \"%s\" still belongs to connection \"%s\"",
			attachment->object.name, item->before->name);
	if (draft_users(draft, MODEL_CONNECTION, item->id) > 0)
		return draft_refuse(draft, item, "", REFUSAL_STILL_REFERENCED,
			"connection \"%s\" still has routes", item->before->name);
	return 0;
}

static int check_removed(const struct draft *draft, const struct draft_item *item)
{
	switch (item->kind) {
	case MODEL_SITE:
		return check_removed_site(draft, item);
	case MODEL_CONNECTION:
		return check_removed_connection(draft, item);
	case MODEL_ENDPOINT:
		if (draft_users(draft, MODEL_ENDPOINT, item->id) > 0)
			return draft_refuse(draft, item, "", REFUSAL_STILL_REFERENCED,
				"routes still lead to the site of an endpoint that is removed");
		return 0;
	case MODEL_ATTACHMENT:
		if (draft_users(draft, MODEL_ATTACHMENT, item->id) > 0)
			return draft_refuse(draft, item, "", REFUSAL_STILL_REFERENCED,
				"routes still have next hops on attachment \"%s\"",
				item->before->name);
		return 0;
	default:
		return 0;
	}
}

int check_item(const struct draft *draft, const struct draft_item *item)
{
	if (item->after == NULL)
		return check_removed(draft, item);
	if (check_keys(draft, item) < 0)
		return -EINVAL;
	switch (item->kind) {
	case MODEL_PATH:
		return check_path(draft, item);
	case MODEL_ENDPOINT:
		return check_endpoint(draft, item);
	case MODEL_ATTACHMENT:
		return check_attachment(draft, item);
	default:
		return 0;
	}
}

static bool hop_on_link(const struct model_attachment *attachment, const struct ip_address *ip)
{
	for (unsigned i = 0; i < attachment->address_count; i++) {
		const struct ip_prefix *address = &attachment->address[i];

		if (ip_equal(&address->ip, ip))
			return false;
		if (ip_prefix_contains(address, ip) ||
			(ip->family == IP_6 && address->ip.family == IP_6 && ip_is_link_local(ip)))
			return true;
	}
	return false;
}

static int check_via(const struct draft *draft, const struct model_via *via)
{
	for (unsigned i = 0; i < via->hop_count; i++) {
		const struct model_hop *hop = &via->hop[i];
		const struct draft_item *item =
			draft_item(draft, MODEL_ATTACHMENT, hop->attachment);

		if (item == NULL || item->after == NULL ||
			hop_on_link((const void *)item->after, &hop->address))
			continue;
		return draft_refuse(draft, item, "/addresses", REFUSAL_NEXT_HOP_OFF_LINK,
			"routes still have a next hop in a subnet that attachment \"%s\" loses",
			item->after->name);
	}
	return 0;
}

int64_t check_vias(const struct draft *draft, uint32_t first, uint32_t count)
{
	uint32_t limit = draft->model->vias.limit;

	for (uint32_t id = first; id <= limit; id++) {
		const struct model_via *via = model_via(draft->model, id);

		if (count-- == 0)
			return id;
		if (via == NULL || (int64_t)via->routes + draft->via_change[id] <= 0)
			continue;
		if (check_via(draft, via) < 0)
			return -EINVAL;
	}
	return 0;
}
