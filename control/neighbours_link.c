/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "control/neighbours_private.h"

static bool read_attachment(const struct neighbours *n, uint32_t id, struct neighbours_link *out)
{
	const struct fwd_attachment *a;
	const struct model_attachment *m = model_attachment(n->config.model, id);

	if (m == NULL || id > n->config.fwd->limits.snapshot.attachments)
		return false;
	a = snapshot_attachment(fwd_snapshot(n->config.fwd), id);
	if (!a->used || !m->up || a->connection != m->connection)
		return false;
	out->connection = a->connection;
	out->side = METER_ATTACHMENT;
	out->port = a->port;
	memcpy(out->mac, &a->l2[6], 6);
	out->addresses = m->address_count;
	memcpy(out->address, m->address, sizeof(*m->address) * m->address_count);
	return true;
}

static bool read_endpoint(const struct neighbours *n, uint32_t id, struct neighbours_link *out)
{
	const struct fwd_endpoint *e;
	const struct model_endpoint *m = model_endpoint(n->config.model, id);

	if (m == NULL || id > n->config.fwd->limits.snapshot.endpoints)
		return false;
	e = snapshot_endpoint(fwd_snapshot(n->config.fwd), id);
	if (!e->used || e->connection != m->connection)
		return false;
	out->connection = e->connection;
	out->side = METER_PATH;
	memcpy(out->mac, e->mac, 6);
	out->addresses = m->address_count;
	memcpy(out->address, m->address, sizeof(*m->address) * m->address_count);
	return true;
}

static void add_address(struct neighbours_link *out, const struct ip_prefix *address)
{
	for (unsigned i = 0; i < out->addresses; i++) {
		if (ip_equal(&out->address[i].ip, &address->ip))
			return;
	}
	if (out->addresses < MODEL_ADDRESSES)
		out->address[out->addresses++] = *address;
}

static bool read_port(const struct neighbours *n, uint32_t index, struct neighbours_link *out)
{
	const struct fwd_port *port;
	uint32_t id = 0;

	if (index >= FWD_PORTS)
		return false;
	port = &fwd_snapshot(n->config.fwd)->port[index];
	if (!port->used)
		return false;
	out->port = (uint8_t)index;
	memcpy(out->mac, port->mac, 6);
	while ((id = model_next(n->config.model, MODEL_PATH, id)) != 0) {
		const struct model_path *path = model_path(n->config.model, id);

		if (path->port == index)
			add_address(out, &path->local);
	}
	return true;
}

bool neighbours_link_read(const struct neighbours *n, uint32_t link, struct neighbours_link *out)
{
	memset(out, 0, sizeof(*out));
	out->link = link;
	switch (value_kind(link)) {
	case LINK_ATTACHMENT:
		return read_attachment(n, value_id(link), out);
	case LINK_ENDPOINT:
		return read_endpoint(n, value_id(link), out);
	case LINK_PORT:
		return read_port(n, value_id(link), out);
	default:
		return false;
	}
}

bool neighbours_link_ours(const struct neighbours_link *link, const struct ip_address *address)
{
	struct ip_address local = ip_link_local(link->mac);

	if (ip_equal(&local, address))
		return true;
	for (unsigned i = 0; i < link->addresses; i++) {
		if (ip_equal(&link->address[i].ip, address))
			return true;
	}
	return false;
}

/* First or last address of an IPv4 subnet that has such (RFC 3021: a /31 has none). */
static bool is_network_or_broadcast(
	const struct ip_prefix *subnet, const struct ip_address *address)
{
	uint32_t host;

	if (subnet->ip.family != IP_4 || subnet->length > 30)
		return false;
	host = UINT32_MAX >> subnet->length;
	return (ip_v4(address) & host) == 0 || (ip_v4(address) & host) == host;
}

bool neighbours_link_station(const struct neighbours_link *link, const struct ip_address *address)
{
	if (ip_is_multicast(address) || ip_is_unspecified(address) || ip_is_loopback(address) ||
		neighbours_link_ours(link, address))
		return false;
	if (address->family == IP_6 && ip_is_link_local(address))
		return true;
	for (unsigned i = 0; i < link->addresses; i++) {
		if (ip_prefix_contains(&link->address[i], address))
			return !is_network_or_broadcast(&link->address[i], address);
	}
	return false;
}

bool neighbours_link_source(const struct neighbours_link *link, const struct ip_address *target,
	struct ip_address *source)
{
	const struct ip_prefix *any = NULL;

	for (unsigned i = 0; i < link->addresses; i++) {
		const struct ip_prefix *a = &link->address[i];

		if (ip_prefix_contains(a, target)) {
			*source = a->ip;
			return true;
		}
		if (any == NULL && a->ip.family == target->family)
			any = a;
	}
	if (target->family == IP_6) {
		*source = ip_link_local(link->mac);
		return true;
	}
	if (any == NULL)
		return false;
	*source = any->ip;
	return true;
}
