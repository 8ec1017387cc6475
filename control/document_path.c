/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "control/document_part.h"

#define MTU_MOST 9216

static const char *const encapsulations[] = {"geneve", "vxlan", NULL};
static const char *const payloads[] = {"ip", "ethernet", NULL};
static const char *const checksums[] = {"auto", "on", "zero", NULL};
static const char *const admins[] = {"down", "up", NULL};
static const char *const fragments[] = {"off", "on", NULL};
static const char *const measures[] = {"off", "require", NULL};

static int read_addresses(const struct field *object, struct model_path *path)
{
	struct field local, remote;

	if (field_need(object, "local", &local) < 0 || field_interface(&local, &path->local) < 0 ||
		field_need(object, "remote", &remote) < 0 ||
		field_address(&remote, &path->remote) < 0)
		return -EINVAL;
	if (path->remote.family != path->local.ip.family)
		return field_refuse(
			&remote, REFUSAL_FAMILY_MISMATCH, "local and remote are not of one family");
	if (ip_equal(&path->remote, &path->local.ip))
		return field_refuse(
			&remote, REFUSAL_BAD_ADDRESS, "the remote address is the local one");
	return 0;
}

static bool on_link(const struct ip_prefix *local, const struct ip_address *ip)
{
	bool ours = ip_equal(&local->ip, ip);

	return !ours &&
	       (ip_prefix_contains(local, ip) ||
		       (ip->family == IP_6 && local->ip.family == IP_6 && ip_is_link_local(ip)));
}

static int read_gateway(const struct field *object, struct model_path *path)
{
	struct field gateway;

	if (!field_child(object, "gateway", &gateway)) {
		if (on_link(&path->local, &path->remote))
			return 0;
		return field_refuse(&gateway, REFUSAL_GATEWAY_MISSING,
			"remote is not in the subnet of local, so a gateway is needed");
	}
	if (field_address(&gateway, &path->gateway) < 0)
		return -EINVAL;
	if (path->gateway.family != path->local.ip.family)
		return field_refuse(&gateway, REFUSAL_FAMILY_MISMATCH,
			"gateway and local are not of one family");
	if (!on_link(&path->local, &path->gateway))
		return field_refuse(&gateway, REFUSAL_GATEWAY_OFF_LINK,
			"the gateway is not in the subnet of local");
	return 0;
}

static int read_payload(const struct field *object, struct model_path *path)
{
	struct field payload;

	if (field_choice(object, "encapsulation", encapsulations, &path->encapsulation) < 0)
		return -EINVAL;
	path->payload =
		path->encapsulation == MODEL_VXLAN ? MODEL_PAYLOAD_ETHERNET : MODEL_PAYLOAD_IP;
	if (field_choice(object, "payload", payloads, &path->payload) < 0)
		return -EINVAL;
	field_child(object, "payload", &payload);
	if (path->encapsulation == MODEL_VXLAN && path->payload != MODEL_PAYLOAD_ETHERNET)
		return field_refuse(&payload, REFUSAL_BAD_VALUE,
			"VXLAN carries Ethernet; for IP payload use Geneve");
	return 0;
}

/* Without negotiation: who says "require" knows that the peer understands the option. */
static int read_measure(const struct field *object, struct model_path *path)
{
	struct field measure;
	uint8_t required = 0;

	if (field_choice(object, "measure", measures, &required) < 0)
		return -EINVAL;
	path->measured = required != 0;
	if (!path->measured || path->encapsulation == MODEL_GENEVE)
		return 0;
	field_child(object, "measure", &measure);
	return field_refuse(&measure, REFUSAL_BAD_VALUE,
		"VXLAN has no room for the option that measures; use Geneve");
}

static int read_options(
	const struct draft *draft, const struct field *object, struct model_path *path)
{
	const struct model_port *port = model_port(draft->model, path->port);
	uint64_t least = path->local.ip.family == IP_6 ? 1280 : 68;
	uint64_t most = port->mtu < MTU_MOST ? port->mtu : MTU_MOST;
	uint64_t mtu = port->mtu, weight = 1;
	uint8_t up = 1, fragment = 1;

	if (field_number(object, "mtu", least, most, &mtu) < 0 ||
		field_number(object, "weight", 1, 1000, &weight) < 0 ||
		field_choice(object, "udp_checksum", checksums, &path->udp_checksum) < 0 ||
		field_choice(object, "admin", admins, &up) < 0 ||
		field_choice(object, "fragment", fragments, &fragment) < 0)
		return -EINVAL;
	path->mtu = (uint16_t)mtu;
	path->weight = (uint16_t)weight;
	path->up = up != 0;
	path->fragment = fragment != 0;
	return 0;
}

/* A path keeps its site for life: its bit in the site's liveness word is part of what workers hold.
 */
static int place_in_site(struct draft *draft, const struct field *object, struct model_path *path,
	const struct model_path *before)
{
	struct field site;
	int index;

	field_child(object, "site", &site);
	if (before != NULL && before->site != path->site)
		return field_refuse(&site, REFUSAL_IMMUTABLE,
			"a path cannot move to another site: remove it, and put it anew");
	index = before != NULL ? before->index : draft_path_index(draft, path->site);
	if (index < 0)
		return field_refuse(&site, REFUSAL_TOO_MANY_PATHS,
			"the site has %d paths already, which is the most", MODEL_SITE_PATHS);
	path->index = (uint8_t)index;
	return 0;
}

static int read(struct draft *draft, const struct field *object, struct model_path *path)
{
	int port;

	path->site = document_named(draft, object, MODEL_SITE);
	if (path->site == 0)
		return -EINVAL;
	port = document_named_port(draft, object);
	if (port < 0)
		return -EINVAL;
	path->port = (uint16_t)port;
	if (read_addresses(object, path) < 0 || read_gateway(object, path) < 0 ||
		read_payload(object, path) < 0 || read_measure(object, path) < 0 ||
		document_bfd_read(object, path) < 0)
		return -EINVAL;
	return read_options(draft, object, path);
}

int document_path_put(struct draft *draft, const struct field *object, uint32_t place)
{
	static const char *const names[] = {"name", "site", "port", "local", "remote", "gateway",
		"encapsulation", "payload", "udp_checksum", "mtu", "weight", "admin", "fragment",
		"measure", "bfd", NULL};
	const struct model_path *before = NULL;
	struct model_path *path;
	struct field name;
	uint64_t bit, *taken;
	uint32_t item;

	if (field_object(object, names) < 0 || field_need(object, "name", &name) < 0)
		return -EINVAL;
	path = (struct model_path *)store_object(MODEL_PATH, 0);
	if (path == NULL)
		return draft_no_memory(draft);
	if (field_name(&name, path->object.name) < 0 || read(draft, object, path) < 0)
		goto refused;
	before = model_path(draft->model, model_find(draft->model, MODEL_PATH, path->object.name));
	if (place_in_site(draft, object, path, before) < 0)
		goto refused;
	bit = UINT64_C(1) << path->index;
	taken = &draft->model->site_taken[path->site];
	item = draft_put(draft, &path->object, before != NULL ? &before->object : NULL, &name);
	if (item == 0) {
		*taken &= before == NULL ? ~bit : UINT64_MAX;
		return -EINVAL;
	}
	draft->item[item - 1].place = place;
	draft_settle(draft, item);
	return 0;

refused:
	store_drop(&path->object);
	return -EINVAL;
}
