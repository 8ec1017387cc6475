/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "control/document_part.h"

#define VNI_MOST       0xffffff
#define BANDWIDTH_MOST 10000000	    /* 10 Tb/s */
#define BURST_MOST     100000000000 /* 100 GB */
#define MSS_LEAST      64
#define MSS_MOST       9176

static const char *const payloads[] = {"ip", "ethernet", NULL};

static int read_dscp(const struct field *object, struct model_connection *connection)
{
	static const char *const names[] = {"mode", "value", NULL};
	static const char *const modes[] = {"pipe", "uniform", NULL};
	struct field dscp;
	uint64_t value = 0;

	if (!field_child(object, "dscp", &dscp))
		return 0;
	if (field_object(&dscp, names) < 0 ||
		field_choice(&dscp, "mode", modes, &connection->dscp_mode) < 0 ||
		field_number(&dscp, "value", 0, 63, &value) < 0)
		return -EINVAL;
	connection->dscp = (uint8_t)value;
	return 0;
}

static int read_mss(const struct field *object, struct model_connection *connection)
{
	static const char *const modes[] = {"auto", "off", NULL};
	struct field mss;
	uint64_t value = 0;

	if (!field_child(object, "mss_clamp", &mss))
		return 0;
	if (!json_is_number(mss.json))
		return field_choice(object, "mss_clamp", modes, &connection->mss_mode);
	if (field_number(object, "mss_clamp", MSS_LEAST, MSS_MOST, &value) < 0)
		return -EINVAL;
	connection->mss_mode = MODEL_MSS_VALUE;
	connection->mss = (uint16_t)value;
	return 0;
}

static int read_icmp_source(const struct field *object, struct model_connection *connection)
{
	struct field list;
	long count;

	if (!field_child(object, "icmp_source", &list))
		return 0;
	count = field_array(&list, 0, 2);
	if (count < 0)
		return -EINVAL;
	for (long i = 0; i < count; i++) {
		struct field item = field_item(&list, (size_t)i);
		struct ip_address ip, *place;

		if (field_address(&item, &ip) < 0)
			return -EINVAL;
		place = ip.family == IP_4 ? &connection->icmp_source4 : &connection->icmp_source6;
		if (place->family != IP_NONE)
			return field_refuse(&item, REFUSAL_FAMILY_MISMATCH,
				"at most one address of each family");
		*place = ip;
	}
	return 0;
}

static int read_excess_dscp(const struct field *object, struct model_connection *connection)
{
	static const char *const modes[] = {"precedence", NULL};
	uint64_t value = MODEL_EXCESS_PRECEDENCE;
	struct field excess;
	uint8_t mode = 0;

	if (field_child(object, "excess_dscp", &excess) && !json_is_number(excess.json))
		return field_choice(object, "excess_dscp", modes, &mode);
	if (field_number(object, "excess_dscp", 0, 63, &value) < 0)
		return -EINVAL;
	connection->excess_dscp = (uint8_t)value;
	return 0;
}

static int read_rates(const struct field *object, struct model_connection *connection)
{
	uint64_t bandwidth = 0, peak = 0, burst = 0;
	struct field place;

	connection->excess_dscp = MODEL_EXCESS_PRECEDENCE;
	if (field_number(object, "bandwidth_mbps", 0, BANDWIDTH_MOST, &bandwidth) < 0 ||
		field_number(object, "burst_bytes", 0, BURST_MOST, &burst) < 0 ||
		field_number(object, "peak_mbps", 0, BANDWIDTH_MOST, &peak) < 0)
		return -EINVAL;
	field_child(object, "peak_mbps", &place);
	if (peak != 0 && bandwidth == 0)
		return field_refuse(
			&place, REFUSAL_BAD_VALUE, "a peak needs a bandwidth_mbps below it");
	if (peak != 0 && peak <= bandwidth)
		return field_refuse(&place, REFUSAL_OUT_OF_RANGE,
			"not above bandwidth_mbps, which is %u", (unsigned)bandwidth);
	connection->bandwidth_mbps = (uint32_t)bandwidth;
	connection->peak_mbps = (uint32_t)peak;
	connection->burst_bytes = burst;
	return read_excess_dscp(object, connection);
}

static int read(const struct field *object, struct model_connection *connection)
{
	struct field vni_field;
	uint64_t vni = 0;

	if (field_need(object, "vni", &vni_field) < 0 ||
		field_number(object, "vni", 1, VNI_MOST, &vni) < 0)
		return -EINVAL;
	connection->vni = (uint32_t)vni;
	if (read_rates(object, connection) < 0 || read_dscp(object, connection) < 0 ||
		read_mss(object, connection) < 0)
		return -EINVAL;
	return read_icmp_source(object, connection);
}

static bool in_some_subnet(const struct model_endpoint *endpoint, const struct ip_address *ip)
{
	for (unsigned i = 0; i < endpoint->address_count; i++)
		if (ip_prefix_contains(&endpoint->address[i], ip))
			return !ip_equal(&endpoint->address[i].ip, ip);
	return false;
}

static int read_peers(const struct field *object, struct model_endpoint *endpoint)
{
	struct field list;
	long count;

	if (!field_child(object, "peer_addresses", &list))
		return 0;
	count = field_array(&list, 0, MODEL_ADDRESSES);
	if (count < 0)
		return -EINVAL;
	for (long i = 0; i < count; i++) {
		struct field item = field_item(&list, (size_t)i);

		if (field_address(&item, &endpoint->peer[i]) < 0)
			return -EINVAL;
		if (!in_some_subnet(endpoint, &endpoint->peer[i]))
			return field_refuse(&item, REFUSAL_NEXT_HOP_OFF_LINK,
				"the peer is in no subnet of the endpoint's addresses");
	}
	endpoint->peer_count = (uint8_t)count;
	return 0;
}

static int read_endpoint(const struct field *object, struct model_endpoint *endpoint, uint32_t vni)
{
	uint64_t own_vni = vni;

	if (field_number(object, "vni", 1, VNI_MOST, &own_vni) < 0 ||
		field_choice(object, "payload", payloads, &endpoint->payload) < 0 ||
		field_mac(object, "mac", endpoint->mac, &endpoint->has_mac) < 0 ||
		field_mac(object, "peer_mac", endpoint->peer_mac, &endpoint->has_peer_mac) < 0 ||
		document_named_addresses(object, endpoint->address, &endpoint->address_count) < 0)
		return -EINVAL;
	endpoint->vni = (uint32_t)own_vni;
	return read_peers(object, endpoint);
}

/* The endpoint of the connection as it was; NULL for a new one. */
static const struct model_object *endpoint_before(
	const struct draft *draft, uint32_t connection, uint32_t site)
{
	return model_object(
		draft->model, MODEL_ENDPOINT, model_endpoint_find(draft->model, connection, site));
}

static bool has_endpoint(const struct model_connection *connection, uint32_t site)
{
	for (unsigned i = 0; i < connection->endpoint_count; i++)
		if (connection->endpoint[i]->site == site)
			return true;
	return false;
}

static int put_endpoint(struct draft *draft, const struct field *object, uint32_t inner,
	struct model_connection *connection, uint32_t place)
{
	static const char *const names[] = {
		"site", "vni", "payload", "mac", "addresses", "peer_mac", "peer_addresses", NULL};
	struct model_endpoint *endpoint;
	struct field site;
	uint32_t item;

	if (field_object(object, names) < 0)
		return -EINVAL;
	endpoint = (struct model_endpoint *)store_object(MODEL_ENDPOINT, 0);
	if (endpoint == NULL)
		return draft_no_memory(draft);
	endpoint->connection = connection->object.id;
	endpoint->site = document_named(draft, object, MODEL_SITE);
	if (endpoint->site == 0 || read_endpoint(object, endpoint, connection->vni) < 0)
		goto refused;
	field_child(object, "site", &site);
	if (has_endpoint(connection, endpoint->site)) {
		field_refuse(&site, REFUSAL_DUPLICATE_NAME,
			"the connection has two endpoints for this site");
		goto refused;
	}
	item = draft_put(draft, &endpoint->object,
		endpoint_before(draft, connection->object.id, endpoint->site), &site);
	if (item == 0)
		return -EINVAL;
	draft->item[item - 1].place = place;
	draft->item[item - 1].inner = inner;
	draft_settle(draft, item);
	connection->endpoint[connection->endpoint_count++] =
		(const struct model_endpoint *)draft->item[item - 1].after;
	store_hold(draft->item[item - 1].after);
	return 0;

refused:
	store_drop(&endpoint->object);
	return -EINVAL;
}

static void sort_endpoints(struct model_connection *connection)
{
	for (unsigned i = 1; i < connection->endpoint_count; i++) {
		const struct model_endpoint *moving = connection->endpoint[i];
		unsigned at = i;

		for (; at > 0 && connection->endpoint[at - 1]->site > moving->site; at--)
			connection->endpoint[at] = connection->endpoint[at - 1];
		connection->endpoint[at] = moving;
	}
}

/* Endpoints that the connection had and is not given again. */
static int remove_endpoints(
	struct draft *draft, const struct model_connection *before, uint32_t place)
{
	for (unsigned i = 0; before != NULL && i < before->endpoint_count; i++) {
		uint32_t id = before->endpoint[i]->object.id;

		if (draft_item(draft, MODEL_ENDPOINT, id) == NULL &&
			draft_remove(draft, MODEL_ENDPOINT, id, place) < 0)
			return -EINVAL;
	}
	return 0;
}

static int put_endpoints(struct draft *draft, const struct field *object,
	struct model_connection *connection, uint32_t place)
{
	struct field list;

	if (!field_child(object, "endpoints", &list))
		return 0;
	for (uint32_t i = 0; i < json_array_size(list.json); i++) {
		struct field item = field_item(&list, i);

		if (put_endpoint(draft, &item, i, connection, place) < 0)
			return -EINVAL;
	}
	sort_endpoints(connection);
	return 0;
}

static long count_endpoints(const struct draft *draft, const struct field *object)
{
	struct field list;

	if (!field_child(object, "endpoints", &list))
		return 0;
	return field_array(&list, 0, draft->model->limits.sites);
}

int document_connection_put(struct draft *draft, const struct field *object, uint32_t place)
{
	static const char *const names[] = {"name", "vni", "bandwidth_mbps", "burst_bytes",
		"peak_mbps", "excess_dscp", "dscp", "mss_clamp", "icmp_source", "endpoints", NULL};
	const struct model_connection *before;
	struct model_connection *connection;
	struct field name;
	uint32_t item;
	long count;

	if (field_object(object, names) < 0 || field_need(object, "name", &name) < 0)
		return -EINVAL;
	count = count_endpoints(draft, object);
	if (count < 0)
		return -EINVAL;
	connection = (struct model_connection *)store_object(MODEL_CONNECTION, (size_t)count);
	if (connection == NULL)
		return draft_no_memory(draft);
	if (field_name(&name, connection->object.name) < 0 || read(object, connection) < 0) {
		store_drop(&connection->object);
		return -EINVAL;
	}
	before = model_connection(
		draft->model, model_find(draft->model, MODEL_CONNECTION, connection->object.name));
	item = draft_put(
		draft, &connection->object, before != NULL ? &before->object : NULL, &name);
	if (item == 0)
		return -EINVAL;
	draft->item[item - 1].place = place;
	/* From here on the draft owns the connection; it is complete before anyone reads it. */
	if (put_endpoints(draft, object, connection, place) < 0 ||
		remove_endpoints(draft, before, place) < 0)
		return -EINVAL;
	draft_settle(draft, item);
	return 0;
}
