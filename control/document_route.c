/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "control/document_part.h"
#include "control/vias.h"

/* A via with room for its hops, on the stack of the reader. */
union via_room {
	struct model_via via;
	char bytes[sizeof(struct model_via) + MODEL_HOPS * sizeof(struct model_hop)];
};

static bool in_subnet(const struct model_attachment *attachment, const struct ip_address *ip)
{
	for (unsigned i = 0; i < attachment->address_count; i++) {
		const struct ip_prefix *address = &attachment->address[i];

		if (ip_prefix_contains(address, ip) ||
			(ip->family == IP_6 && address->ip.family == IP_6 && ip_is_link_local(ip)))
			return true;
	}
	return false;
}

static bool is_own(const struct model_attachment *attachment, const struct ip_address *ip)
{
	for (unsigned i = 0; i < attachment->address_count; i++)
		if (ip_equal(&attachment->address[i].ip, ip))
			return true;
	return false;
}

static int check_hop(const struct draft *draft, const struct field *object, uint32_t connection,
	const struct model_hop *hop)
{
	const struct model_attachment *attachment =
		(const void *)draft_object(draft, MODEL_ATTACHMENT, hop->attachment);
	struct field name, address;

	field_child(object, "attachment", &name);
	field_child(object, "address", &address);
	if (attachment == NULL || attachment->connection != connection)
		return field_refuse(
			&name, REFUSAL_UNKNOWN_REFERENCE, "the connection has no such attachment");
	if (is_own(attachment, &hop->address))
		return field_refuse(
			&address, REFUSAL_BAD_ADDRESS, "this is the attachment's own address");
	if (!in_subnet(attachment, &hop->address))
		return field_refuse(&address, REFUSAL_NEXT_HOP_OFF_LINK,
			"the next hop is in no subnet of attachment \"%s\"",
			attachment->object.name);
	return 0;
}

static int read_hop(const struct draft *draft, const struct field *object, uint32_t connection,
	struct model_hop *hop)
{
	static const char *const names[] = {"attachment", "address", "weight", NULL};
	struct field address;
	uint64_t weight = 1;

	if (field_object(object, names) < 0)
		return -EINVAL;
	hop->attachment = document_named(draft, object, MODEL_ATTACHMENT);
	if (hop->attachment == 0 || field_need(object, "address", &address) < 0 ||
		field_address(&address, &hop->address) < 0 ||
		field_number(object, "weight", 1, 1000, &weight) < 0)
		return -EINVAL;
	hop->weight = (uint16_t)weight;
	return check_hop(draft, object, connection, hop);
}

static int read_hops(const struct draft *draft, const struct field *list, uint32_t connection,
	struct model_via *via)
{
	long count = field_array(list, 1, MODEL_HOPS);

	if (count < 0)
		return -EINVAL;
	via->kind = MODEL_VIA_HOPS;
	via->hop_count = (uint8_t)count;
	for (unsigned i = 0; i < via->hop_count; i++) {
		struct field item = field_item(list, i);

		if (read_hop(draft, &item, connection, &via->hop[i]) < 0)
			return -EINVAL;
		for (unsigned k = 0; k < i; k++)
			if (via->hop[k].attachment == via->hop[i].attachment &&
				ip_equal(&via->hop[k].address, &via->hop[i].address))
				return field_refuse(&item, REFUSAL_BAD_VALUE,
					"this next hop stands here twice");
	}
	return 0;
}

static int read_site(const struct draft *draft, const struct field *object, uint32_t connection,
	struct model_via *via)
{
	struct field site;

	via->kind = MODEL_VIA_SITE;
	via->site = document_named(draft, object, MODEL_SITE);
	if (via->site == 0)
		return -EINVAL;
	field_child(object, "site", &site);
	if (draft_endpoint(draft, connection, via->site) == 0)
		return field_refuse(&site, REFUSAL_ENDPOINT_MISSING,
			"the connection has no endpoint for this site");
	return 0;
}

static int read_flag(const struct field *object, const char *key, struct model_via *via)
{
	struct field field;
	bool set = false;

	field_child(object, key, &field);
	if (field_bool(object, key, &set) < 0)
		return -EINVAL;
	if (!set)
		return field_refuse(&field, REFUSAL_BAD_VALUE, "\"%s\" can only be true", key);
	via->kind = key[0] == 'b' ? MODEL_VIA_BLACKHOLE : MODEL_VIA_LOCAL;
	return 0;
}

static int read_via(const struct draft *draft, const struct field *object, uint32_t connection,
	struct model_via *via)
{
	static const char *const names[] = {"site", "next_hops", "blackhole", "local", NULL};
	struct field child;

	if (field_object(object, names) < 0)
		return -EINVAL;
	if (json_object_size(object->json) != 1)
		return field_refuse(object, REFUSAL_BAD_VALUE,
			"exactly one of site, next_hops, blackhole and local is wanted");
	if (field_child(object, "site", &child))
		return read_site(draft, object, connection, via);
	if (field_child(object, "next_hops", &child))
		return read_hops(draft, &child, connection, via);
	if (field_child(object, "blackhole", &child))
		return read_flag(object, "blackhole", via);
	return read_flag(object, "local", via);
}

static int intern_via(
	struct draft *draft, const struct field *group, struct document_routes *routes)
{
	union via_room room;
	struct field object;
	int error;

	memset(&room, 0, sizeof(room));
	if (field_need(group, "via", &object) < 0 ||
		read_via(draft, &object, routes->connection, &room.via) < 0)
		return -EINVAL;
	routes->local = room.via.kind == MODEL_VIA_LOCAL;
	routes->via = vias_intern(draft->model, &room.via, &error);
	if (routes->via != 0)
		return 0;
	if (error == -ENOMEM)
		return draft_no_memory(draft);
	return field_refuse(&object, REFUSAL_LIMIT,
		"no more different vias: see limits.next_hop_sets in the boot file");
}

static int read_prefixes(const struct field *group, struct document_routes *routes)
{
	struct field one, many;
	bool has_one = field_child(group, "prefix", &one);
	long count;

	if (!field_child(group, "prefixes", &many)) {
		routes->count = 1;
		return field_need(group, "prefix", &one);
	}
	if (has_one)
		return field_refuse(
			&many, REFUSAL_BAD_VALUE, "either prefix or prefixes, not both");
	count = field_array(&many, 0, SIZE_MAX);
	routes->prefixes = many.json;
	routes->count = (size_t)count;
	return count < 0 ? -EINVAL : 0;
}

int document_route_open(struct draft *draft, const struct field *group, bool removal, bool packed,
	struct document_routes *routes)
{
	/* Packed groups have none of the first two. */
	static const char *const put[] = {
		"prefix", "prefixes", "connection", "via", "preference", NULL};
	static const char *const delete[] = {"prefix", "prefixes", "connection", NULL};
	uint64_t preference = MODEL_PREFERENCE;

	*routes = (struct document_routes){0};
	if (field_object(group, (removal ? delete : put) + (packed ? 2 : 0)) < 0)
		return -EINVAL;
	routes->connection = document_named(draft, group, MODEL_CONNECTION);
	if (routes->connection == 0 || (!packed && read_prefixes(group, routes) < 0) ||
		field_number(group, "preference", 0, UINT16_MAX, &preference) < 0)
		return -EINVAL;
	routes->preference = (uint16_t)preference;
	return removal ? 0 : intern_via(draft, group, routes);
}

static struct field prefix_field(const struct field *group, const struct document_routes *routes,
	size_t index, struct field *list)
{
	struct field prefix;

	if (routes->prefixes == NULL) {
		field_child(group, "prefix", &prefix);
		return prefix;
	}
	field_child(group, "prefixes", list);
	return field_item(list, index);
}

int document_route_stage_one(struct draft *draft, const struct field *where, bool removal,
	const struct document_routes *routes, const struct ip_prefix *prefix)
{
	uint32_t before;

	if (routes->local && prefix->length != ip_bits(prefix->ip.family))
		return field_refuse(
			where, REFUSAL_BAD_PREFIX, "a local route is one address: /32 or /128");
	if (!draft_route_name(draft, routes->connection, prefix))
		return field_refuse(
			where, REFUSAL_DUPLICATE_PREFIX, "this prefix stands in the request twice");
	before = draft->route_count;
	if (draft_route(draft, routes->connection, prefix, routes->preference, routes->via) < 0)
		return -EINVAL;
	if (removal && draft->route_count == before)
		return field_refuse(where, REFUSAL_NOT_FOUND, "the owner has no such route");
	return 0;
}

int document_route_stage(struct draft *draft, const struct field *group, bool removal,
	const struct document_routes *routes, size_t index)
{
	struct field list, field = prefix_field(group, routes, index, &list);
	struct ip_prefix prefix;

	if (field_prefix(&field, &prefix) < 0)
		return -EINVAL;
	return document_route_stage_one(draft, &field, removal, routes, &prefix);
}
