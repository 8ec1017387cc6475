/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/render.h"

#include <string.h>

const char *render_name(const struct render *render, enum model_kind kind, uint32_t id)
{
	const struct model_object *object = NULL;

	if (render->draft != NULL)
		object = draft_object(render->draft, kind, id);
	if (object == NULL)
		object = model_object(render->model, kind, id);
	return object != NULL ? object->name : "";
}

void render_prefix(struct emit *emit, const char *key, const struct ip_prefix *prefix)
{
	char text[IP_TEXT_MAX];

	emit_string(emit, key, ip_prefix_format(prefix, text, sizeof(text)));
}

void render_address(struct emit *emit, const char *key, const struct ip_address *address)
{
	char text[IP_TEXT_MAX];

	emit_string(emit, key, ip_format(address, text, sizeof(text)));
}

static void mac(struct emit *emit, const char *key, const uint8_t bytes[6])
{
	char text[IP_TEXT_MAX];

	emit_string(emit, key, ip_mac_format(bytes, text, sizeof(text)));
}

static void prefixes(
	struct emit *emit, const char *key, const struct ip_prefix *prefix, unsigned count)
{
	emit_array(emit, key);
	for (unsigned i = 0; i < count; i++)
		render_prefix(emit, NULL, &prefix[i]);
	emit_end(emit);
}

static void bfd(struct emit *emit, const struct model_bfd *bfd)
{
	static const char *const mode[] = {"off", "single_hop", "multihop", "tunnel"};

	if (bfd->mode == MODEL_BFD_OFF)
		return;
	emit_object(emit, "bfd");
	emit_string(emit, "mode", mode[bfd->mode]);
	emit_u64(emit, "tx_us", bfd->tx_us);
	emit_u64(emit, "rx_us", bfd->rx_us);
	emit_u64(emit, "multiplier", bfd->multiplier);
	emit_string(emit, "admin", bfd->up ? "up" : "down");
	if (bfd->key_length > 0) {
		char key[MODEL_BFD_KEY + 1] = {0};

		memcpy(key, bfd->key, bfd->key_length);
		emit_object(emit, "auth");
		emit_u64(emit, "key_id", bfd->key_id);
		emit_string(emit, "key", key);
		emit_end(emit);
	}
	emit_end(emit);
}

static void path(const struct render *render, const struct model_path *path)
{
	static const char *const checksum[] = {"auto", "on", "zero"};
	struct emit *emit = render->emit;

	emit_string(emit, "site", render_name(render, MODEL_SITE, path->site));
	emit_string(emit, "port", model_port(render->model, path->port)->name);
	render_prefix(emit, "local", &path->local);
	render_address(emit, "remote", &path->remote);
	if (path->gateway.family != IP_NONE)
		render_address(emit, "gateway", &path->gateway);
	emit_string(emit, "encapsulation", path->encapsulation == MODEL_VXLAN ? "vxlan" : "geneve");
	emit_string(emit, "payload", path->payload == MODEL_PAYLOAD_ETHERNET ? "ethernet" : "ip");
	emit_string(emit, "udp_checksum", checksum[path->udp_checksum]);
	emit_u64(emit, "mtu", path->mtu);
	emit_u64(emit, "weight", path->weight);
	emit_string(emit, "admin", path->up ? "up" : "down");
	emit_string(emit, "fragment", path->fragment ? "on" : "off");
	emit_string(emit, "measure", path->measured ? "require" : "off");
	bfd(emit, &path->bfd);
}

static void endpoint(const struct render *render, const struct model_endpoint *endpoint)
{
	struct emit *emit = render->emit;

	emit_object(emit, NULL);
	emit_string(emit, "site", render_name(render, MODEL_SITE, endpoint->site));
	emit_u64(emit, "vni", endpoint->vni);
	emit_string(
		emit, "payload", endpoint->payload == MODEL_PAYLOAD_ETHERNET ? "ethernet" : "ip");
	if (endpoint->has_mac)
		mac(emit, "mac", endpoint->mac);
	prefixes(emit, "addresses", endpoint->address, endpoint->address_count);
	if (endpoint->has_peer_mac)
		mac(emit, "peer_mac", endpoint->peer_mac);
	emit_array(emit, "peer_addresses");
	for (unsigned i = 0; i < endpoint->peer_count; i++)
		render_address(emit, NULL, &endpoint->peer[i]);
	emit_end(emit);
	emit_end(emit);
}

static void mss_clamp(struct emit *emit, const struct model_connection *connection)
{
	if (connection->mss_mode == MODEL_MSS_VALUE)
		emit_u64(emit, "mss_clamp", connection->mss);
	else
		emit_string(
			emit, "mss_clamp", connection->mss_mode == MODEL_MSS_OFF ? "off" : "auto");
}

static void connection(const struct render *render, const struct model_connection *connection)
{
	struct emit *emit = render->emit;

	emit_u64(emit, "vni", connection->vni);
	emit_u64(emit, "bandwidth_mbps", connection->bandwidth_mbps);
	emit_u64(emit, "burst_bytes", connection->burst_bytes);
	emit_u64(emit, "peak_mbps", connection->peak_mbps);
	if (connection->excess_dscp == MODEL_EXCESS_PRECEDENCE)
		emit_string(emit, "excess_dscp", "precedence");
	else
		emit_u64(emit, "excess_dscp", connection->excess_dscp);
	emit_object(emit, "dscp");
	emit_string(emit, "mode", connection->dscp_mode == MODEL_DSCP_UNIFORM ? "uniform" : "pipe");
	emit_u64(emit, "value", connection->dscp);
	emit_end(emit);
	mss_clamp(emit, connection);
	emit_array(emit, "icmp_source");
	if (connection->icmp_source4.family != IP_NONE)
		render_address(emit, NULL, &connection->icmp_source4);
	if (connection->icmp_source6.family != IP_NONE)
		render_address(emit, NULL, &connection->icmp_source6);
	emit_end(emit);
	emit_array(emit, "endpoints");
	for (unsigned i = 0; i < connection->endpoint_count; i++)
		endpoint(render, connection->endpoint[i]);
	emit_end(emit);
}

static void attachment(const struct render *render, const struct model_attachment *attachment)
{
	static const char *const source_check[] = {"feasible", "strict", "loose", "off"};
	struct emit *emit = render->emit;

	emit_string(
		emit, "connection", render_name(render, MODEL_CONNECTION, attachment->connection));
	emit_string(emit, "port", model_port(render->model, attachment->port)->name);
	emit_array(emit, "tags");
	for (unsigned i = 0; i < attachment->tag_count; i++) {
		emit_object(emit, NULL);
		emit_string(emit, "type", attachment->tag[i].type == 0x88a8 ? "0x88a8" : "0x8100");
		emit_u64(emit, "vlan", attachment->tag[i].vlan);
		emit_end(emit);
	}
	emit_end(emit);
	prefixes(emit, "addresses", attachment->address, attachment->address_count);
	emit_u64(emit, "mtu", attachment->mtu);
	emit_string(emit, "source_check", source_check[attachment->source_check]);
	emit_string(emit, "admin", attachment->up ? "up" : "down");
}

void render_object(
	const struct render *render, const char *key, const struct model_object *object, bool owner)
{
	struct emit *emit = render->emit;

	emit_object(emit, key);
	emit_string(emit, "name", object->name);
	if (owner)
		emit_string(emit, "owner", model_owner_name(render->model, object->owner));
	if (object->kind == MODEL_PATH)
		path(render, (const void *)object);
	else if (object->kind == MODEL_CONNECTION)
		connection(render, (const void *)object);
	else if (object->kind == MODEL_ATTACHMENT)
		attachment(render, (const void *)object);
	emit_end(emit);
}

static void hops(const struct render *render, const struct model_via *via)
{
	struct emit *emit = render->emit;

	emit_array(emit, "next_hops");
	for (unsigned i = 0; i < via->hop_count; i++) {
		const struct model_hop *hop = &via->hop[i];

		emit_object(emit, NULL);
		emit_string(
			emit, "attachment", render_name(render, MODEL_ATTACHMENT, hop->attachment));
		render_address(emit, "address", &hop->address);
		emit_u64(emit, "weight", hop->weight);
		emit_end(emit);
	}
	emit_end(emit);
}

void render_via(const struct render *render, const char *key, uint32_t id)
{
	const struct model_via *via = model_via(render->model, id);
	struct emit *emit = render->emit;

	emit_object(emit, key);
	if (via->kind == MODEL_VIA_SITE)
		emit_string(emit, "site", render_name(render, MODEL_SITE, via->site));
	else if (via->kind == MODEL_VIA_HOPS)
		hops(render, via);
	else
		emit_bool(emit, via->kind == MODEL_VIA_LOCAL ? "local" : "blackhole", true);
	emit_end(emit);
}

void render_route(const struct render *render, uint32_t connection_id,
	const struct model_route *route, bool owner)
{
	struct emit *emit = render->emit;

	emit_object(emit, NULL);
	emit_string(emit, "connection", render_name(render, MODEL_CONNECTION, connection_id));
	render_prefix(emit, "prefix", &route->prefix);
	render_via(render, "via", route->via);
	emit_u64(emit, "preference", route->preference);
	if (owner)
		emit_string(emit, "owner", model_owner_name(render->model, route->owner));
	emit_end(emit);
}
