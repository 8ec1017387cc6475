/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/query_route.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "control/field.h"
#include "control/render.h"
#include "dataplane/fwd/lpm.h"
#include "dataplane/fwd/value.h"

static uint32_t read_connection(const struct model *model, const struct field *root)
{
	char name[MODEL_NAME_MAX + 1];
	struct field field;
	uint32_t id;

	if (field_need(root, "connection", &field) < 0 || field_name(&field, name) < 0)
		return 0;
	id = model_find(model, MODEL_CONNECTION, name);
	if (id == 0)
		field_refuse(&field, REFUSAL_NOT_FOUND, "there is no connection \"%s\"", name);
	return id;
}

/* The entries of one prefix, from the first owner on. */
static size_t list_owners(const struct model *model, uint32_t connection,
	const struct ip_prefix *prefix, struct model_route *route, size_t most)
{
	struct model_route from = {.prefix = *prefix};
	size_t count = model_route_list(model, connection, prefix->ip.family, &from, route, most);

	for (size_t i = 0; i < count; i++)
		if (route[i].prefix.length != prefix->length ||
			!ip_equal(&route[i].prefix.ip, &prefix->ip))
			return i;
	return count;
}

int query_route_get(const struct model *model, const json_t *params, struct refusal *refusal,
	struct text *answer)
{
	static const char *const names[] = {"connection", "prefix", NULL};
	struct field root = field_root(params, "", refusal), field;
	struct model_route route[MODEL_OWNERS];
	struct ip_prefix prefix;
	struct emit emit;
	struct render render = {&emit, model, NULL};
	uint32_t connection, best;
	size_t count;

	if (field_object(&root, names) < 0)
		return -EINVAL;
	connection = read_connection(model, &root);
	if (connection == 0 || field_need(&root, "prefix", &field) < 0 ||
		field_prefix(&field, &prefix) < 0)
		return -EINVAL;
	count = list_owners(model, connection, &prefix, route, MODEL_OWNERS);
	if (count == 0)
		return field_refuse(&field, REFUSAL_NOT_FOUND, "nobody has such a route");
	best = model_route_best(model, connection, &prefix);
	emit_init(&emit, answer);
	emit_object(&emit, NULL);
	render_via(&render, "active", best);
	emit_array(&emit, "routes");
	for (size_t i = 0; i < count; i++)
		render_route(&render, connection, &route[i], true);
	emit_end(&emit);
	emit_end(&emit);
	return 0;
}

/* "<prefix> <owner number>" of the last route of the page before. */
static int read_cursor(const struct field *root, struct model_route *after)
{
	char prefix[IP_TEXT_MAX], rest;
	struct field field;
	const char *text;
	unsigned owner;

	if (!field_child(root, "cursor", &field))
		return 0;
	if (field_text(&field, &text) < 0)
		return -EINVAL;
	if (sscanf(text, "%63s %u%c", prefix, &owner, &rest) != 2 || owner > MODEL_OWNERS ||
		ip_prefix_parse(prefix, &after->prefix) < 0)
		return field_refuse(
			&field, REFUSAL_BAD_CURSOR, "a cursor is the \"next\" of the page before");
	after->owner = (uint8_t)owner;
	return 1;
}

static size_t list_page(const struct model *model, uint32_t connection,
	const struct model_route *after, struct model_route *route, size_t most)
{
	bool has = after->prefix.ip.family != IP_NONE;
	size_t count = 0;

	if (after->prefix.ip.family != IP_6)
		count = model_route_list(model, connection, IP_4, has ? after : NULL, route, most);
	if (count == most)
		return count;
	if (after->prefix.ip.family != IP_6)
		has = false;
	return count + model_route_list(model, connection, IP_6, has ? after : NULL, &route[count],
			       most - count);
}

static void write_page(struct emit *emit, const struct model *model, uint32_t connection,
	const struct model_route *route, size_t count, size_t limit)
{
	struct render render = {emit, model, NULL};
	char next[IP_TEXT_MAX + 8], prefix[IP_TEXT_MAX];

	emit_object(emit, NULL);
	emit_u64(emit, "generation", model_generation(model));
	emit_u64(emit, "total", model_connection_routes(model, connection));
	emit_array(emit, "routes");
	for (size_t i = 0; i < count && i < limit; i++)
		render_route(&render, connection, &route[i], true);
	emit_end(emit);
	if (count > limit) {
		ip_prefix_format(&route[limit - 1].prefix, prefix, sizeof(prefix));
		snprintf(next, sizeof(next), "%s %u", prefix, route[limit - 1].owner);
		emit_string(emit, "next", next);
	}
	emit_end(emit);
}

int query_route_list(const struct model *model, const json_t *params, struct refusal *refusal,
	struct text *answer)
{
	static const char *const names[] = {"connection", "cursor", "limit", NULL};
	struct model_route route[QUERY_LIST_MOST + 1], after = {0};
	struct field root = field_root(params, "", refusal);
	uint64_t limit = 100;
	uint32_t connection;
	struct emit emit;
	size_t count;

	if (field_object(&root, names) < 0)
		return -EINVAL;
	connection = read_connection(model, &root);
	if (connection == 0 || read_cursor(&root, &after) < 0 ||
		field_number(&root, "limit", 1, QUERY_LIST_MOST, &limit) < 0)
		return -EINVAL;
	/* One more than wanted tells whether there is another page. */
	count = list_page(model, connection, &after, route, limit + 1);
	emit_init(&emit, answer);
	write_page(&emit, model, connection, route, count, limit);
	return 0;
}

/* The longest prefix in the workers' table; its value, or 0. */
static uint32_t match(const struct lpm *lpm, uint32_t connection, const struct ip_address *address,
	struct ip_prefix *prefix)
{
	for (int length = (int)ip_bits(address->family); length >= 0; length--) {
		uint32_t value;

		*prefix = (struct ip_prefix){ip_mask(address, (uint8_t)length), (uint8_t)length};
		value = lpm_get(lpm, connection, prefix);
		if (value != 0)
			return value;
	}
	return 0;
}

static const char *source_of(uint32_t value, bool configured)
{
	switch (value_kind(value)) {
	case VALUE_LOCAL:
	case VALUE_LOCAL_ENDPOINT:
		return "local";
	case VALUE_GLEAN:
		return "connected";
	case VALUE_NEIGHBOUR:
		return configured ? "configured" : "neighbour";
	default:
		return "configured";
	}
}

static void write_paths(const struct render *render, uint32_t site)
{
	emit_array(render->emit, "paths");
	for (unsigned i = 0; i < MODEL_SITE_PATHS; i++) {
		uint32_t id = model_site_path(render->model, site, i);
		const struct model_path *path = model_path(render->model, id);

		if (path == NULL)
			continue;
		emit_object(render->emit, NULL);
		emit_string(render->emit, "name", path->object.name);
		emit_u64(render->emit, "weight", path->weight);
		emit_string(render->emit, "admin", path->up ? "up" : "down");
		emit_end(render->emit);
	}
	emit_end(render->emit);
}

static void write_configured(const struct render *render, const struct routetree_entry *best)
{
	const struct model_via *via = model_via(render->model, best->via);

	render_via(render, "via", best->via);
	emit_string(render->emit, "owner", model_owner_name(render->model, best->owner));
	emit_u64(render->emit, "preference", best->preference);
	if (via->kind == MODEL_VIA_SITE)
		write_paths(render, via->site);
}

/* Attachments whose subnet or address this is. */
static void write_link(const struct render *render, uint32_t value)
{
	const struct model_endpoint *endpoint;

	if (value_kind(value) == VALUE_LOCAL || value_kind(value) == VALUE_GLEAN)
		emit_string(render->emit, "attachment",
			render_name(render, MODEL_ATTACHMENT, value_id(value)));
	if (value_kind(value) != VALUE_LOCAL_ENDPOINT)
		return;
	endpoint = model_endpoint(render->model, value_id(value));
	if (endpoint != NULL)
		emit_string(render->emit, "site", render_name(render, MODEL_SITE, endpoint->site));
}

static void write_match(const struct render *render, uint32_t connection, uint32_t value,
	const struct ip_prefix *prefix)
{
	struct routetree_entry best;
	bool configured = store_route_best(render->model, connection, prefix, &best);
	const char *source = source_of(value, configured);

	emit_bool(render->emit, "found", true);
	render_prefix(render->emit, "prefix", prefix);
	emit_string(render->emit, "source", source);
	if (configured && strcmp(source, "configured") == 0)
		write_configured(render, &best);
	else
		write_link(render, value);
}

static int read_address(const struct field *root, struct ip_address *address)
{
	struct field field;
	const char *text;

	if (field_need(root, "address", &field) < 0 || field_text(&field, &text) < 0)
		return -EINVAL;
	if (ip_parse(text, address) < 0)
		return field_refuse(
			&field, REFUSAL_BAD_ADDRESS, "\"%.50s\" is not an IP address", text);
	return 0;
}

int query_route_lookup(const struct model *model, const struct lpm *lpm, const json_t *params,
	struct refusal *refusal, struct text *answer)
{
	static const char *const names[] = {"connection", "address", NULL};
	struct field root = field_root(params, "", refusal);
	struct model_route route;
	struct ip_address address;
	struct ip_prefix prefix;
	struct emit emit;
	struct render render = {&emit, model, NULL};
	uint32_t connection, value = 0;

	if (field_object(&root, names) < 0)
		return -EINVAL;
	connection = read_connection(model, &root);
	if (connection == 0 || read_address(&root, &address) < 0)
		return -EINVAL;
	if (lpm != NULL) {
		value = match(lpm, connection, &address, &prefix);
	} else if (model_route_match(model, connection, &address, &route)) {
		prefix = route.prefix;
		value = value_make(VALUE_SET, 0);
	}
	emit_init(&emit, answer);
	emit_object(&emit, NULL);
	emit_u64(&emit, "generation", model_generation(model));
	render_address(&emit, "address", &address);
	if (value != 0)
		write_match(&render, connection, value, &prefix);
	else
		emit_bool(&emit, "found", false);
	emit_end(&emit);
	return 0;
}
