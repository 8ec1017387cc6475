/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/compile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/bucket.h"
#include "control/innermtu.h"
#include "control/template.h"
#include "dataplane/fwd/idmap.h"
#include "dataplane/wire/ethernet.h"

#define MSS4_HEADERS 40	    /* IPv4 and TCP without options */
#define MBPS	     125000 /* bytes a second */
#define PACKET_LEAST 1500
#define MSS6_HEADERS 60

static bool add_address(struct fwd_port *port, const struct ip_address *address)
{
	for (unsigned i = 0; i < port->addresses; i++) {
		if (ip_equal(&port->address[i], address))
			return true;
	}
	if (port->addresses == FWD_PORT_ADDRESSES)
		return false;
	port->address[port->addresses++] = *address;
	return true;
}

int compile_ports(const struct compile *c, struct snapshot_edit *edit)
{
	struct fwd_port *port = snapshot_edit_port(edit, 0);
	uint32_t id = 0;

	if (port == NULL)
		return -ENOMEM;
	memset(port, 0, sizeof(*port) * FWD_PORTS);
	for (unsigned i = 0; i < FWD_PORTS; i++) {
		port[i].used = c->port[i].used;
		port[i].flags = c->port[i].flags;
		port[i].mtu = c->port[i].mtu;
		memcpy(port[i].mac, c->port[i].mac, sizeof(port[i].mac));
	}
	while ((id = model_next(c->model, MODEL_PATH, id)) != 0) {
		const struct model_path *path = model_path(c->model, id);

		add_address(&port[path->port], &path->local.ip);
	}
	return 0;
}

int compile_tunnels(const struct compile *c, struct snapshot_edit *edit)
{
	uint32_t count = model_count(c->model, MODEL_PATH);
	struct fwd_tunnel *entry = calloc(count + 1, sizeof(*entry));
	uint32_t used = 0, id = 0;
	int error;

	if (entry == NULL)
		return -ENOMEM;
	while ((id = model_next(c->model, MODEL_PATH, id)) != 0 && used < count) {
		const struct model_path *path = model_path(c->model, id);

		entry[used].local = path->local.ip;
		entry[used].remote = path->remote;
		entry[used].encapsulation = path->encapsulation;
		entry[used++].path = (uint16_t)id;
	}
	error = snapshot_edit_tunnels(edit, entry, used);
	free(entry);
	return error;
}

int compile_site(const struct compile *c, struct snapshot_edit *edit, uint32_t id)
{
	struct bucket_member member[FWD_SITE_PATHS] = {0};
	struct fwd_site *site = snapshot_edit_site(edit, id);

	if (site == NULL)
		return -ENOMEM;
	memset(site->path, 0, sizeof(site->path));
	site->used = 1;
	site->paths = 0;
	for (unsigned i = 0; i < FWD_SITE_PATHS; i++) {
		uint32_t path_id = model_site_path(c->model, id, i);
		const struct model_path *path;

		if (path_id == 0)
			continue;
		path = model_path(c->model, path_id);
		site->path[i] = (uint16_t)path_id;
		site->paths = (uint8_t)(i + 1);
		member[i].key = bucket_key(path->object.name, (unsigned)strlen(path->object.name));
		member[i].weight = path->weight;
	}
	bucket_fill(member, site->paths, FWD_BUCKETS, FWD_RANKS, &site->bucket[0][0]);
	return 0;
}

static uint8_t udp_checksum(const struct model_path *path, uint8_t port_flags)
{
	bool device = port_flags & FWD_PORT_UDP_CHECKSUM;

	if (path->udp_checksum == MODEL_CHECKSUM_ZERO)
		return FWD_CHECKSUM_ZERO;
	if (device)
		return FWD_CHECKSUM_DEVICE;
	if (path->udp_checksum == MODEL_CHECKSUM_ON || path->local.ip.family == IP_6)
		return FWD_CHECKSUM_SOFTWARE;
	return FWD_CHECKSUM_ZERO;
}

static uint16_t path_mtu(const struct compile *c, const struct model_path *path)
{
	uint16_t port = c->port[path->port].mtu;

	return path->mtu != 0 && path->mtu < port ? path->mtu : port;
}

int compile_path(const struct compile *c, struct snapshot_edit *edit, const struct model_path *path,
	uint32_t neighbour)
{
	struct fwd_path *p = snapshot_edit_path(edit, path->object.id);
	const struct compile_port *port = &c->port[path->port];

	if (p == NULL)
		return -ENOMEM;
	memset(p, 0, sizeof(*p));
	p->used = 1;
	p->encapsulation = path->encapsulation == MODEL_VXLAN ? FWD_VXLAN : FWD_GENEVE;
	p->udp_checksum = udp_checksum(path, port->flags);
	p->payload = innermtu_sends_ethernet(path) ? FWD_PAYLOAD_ETHERNET : FWD_PAYLOAD_IP;
	p->ip_checksum_device = (port->flags & FWD_PORT_IP_CHECKSUM) != 0;
	p->accept_zero6 = path->udp_checksum == MODEL_CHECKSUM_ZERO;
	p->port = (uint8_t)path->port;
	p->index = path->index;
	p->site = (uint16_t)path->site;
	p->mtu = path_mtu(c, path);
	p->neighbour = neighbour;
	template_build(p, port->mac, &path->local.ip, &path->remote, path->measured);
	return 0;
}

uint16_t compile_inner_mtu(const struct compile *c, uint32_t site, bool ethernet)
{
	uint16_t least = COMPILE_MTU_NONE;

	for (unsigned i = 0; i < FWD_SITE_PATHS; i++) {
		uint32_t id = model_site_path(c->model, site, i);
		const struct model_path *path;
		unsigned mtu;

		if (id == 0)
			continue;
		path = model_path(c->model, id);
		mtu = innermtu_of(path, path_mtu(c, path), ethernet);
		least = (uint16_t)(mtu < least ? mtu : least);
	}
	return least;
}

/* One path that must not fragment forbids it: which path a packet takes is not known by then. */
static bool site_fragments(const struct compile *c, uint32_t site)
{
	for (unsigned i = 0; i < FWD_SITE_PATHS; i++) {
		uint32_t id = model_site_path(c->model, site, i);

		if (id != 0 && !model_path(c->model, id)->fragment)
			return false;
	}
	return true;
}

struct mss {
	uint16_t mss4, mss6;
};

static struct mss mss_for(const struct model_connection *connection, uint16_t mtu)
{
	struct mss none = {0};

	if (connection == NULL || connection->mss_mode == MODEL_MSS_OFF)
		return none;
	if (connection->mss_mode == MODEL_MSS_VALUE)
		return (struct mss){connection->mss, connection->mss};
	if (mtu <= MSS6_HEADERS || mtu == COMPILE_MTU_NONE)
		return none;
	return (struct mss){(uint16_t)(mtu - MSS4_HEADERS), (uint16_t)(mtu - MSS6_HEADERS)};
}

void compile_router_mac(
	const struct compile *c, const struct model_endpoint *endpoint, uint8_t mac[6])
{
	uint64_t hash = bucket_key(c->gateway, (unsigned)strlen(c->gateway));

	if (endpoint->has_mac) {
		memcpy(mac, endpoint->mac, 6);
		return;
	}
	mac[0] = 0x02; /* locally administered, one station */
	mac[1] = (uint8_t)(hash >> 40);
	mac[2] = (uint8_t)(hash >> 24);
	mac[3] = (uint8_t)((hash >> 8) ^ (endpoint->object.id >> 16));
	mac[4] = (uint8_t)(endpoint->object.id >> 8);
	mac[5] = (uint8_t)endpoint->object.id;
}

/* First address of each family, in host form for IPv4. */
struct sources {
	uint8_t has4, has6;
	uint32_t source4;
	uint8_t source6[16];
};

static struct sources first_addresses(const struct ip_prefix *address, unsigned count)
{
	struct sources s = {0};

	for (unsigned i = 0; i < count; i++) {
		const struct ip_address *ip = &address[i].ip;

		if (ip->family == IP_4 && !s.has4) {
			s.has4 = 1;
			s.source4 = ip_v4(ip);
		} else if (ip->family == IP_6 && !s.has6) {
			s.has6 = 1;
			memcpy(s.source6, ip->bytes, sizeof(s.source6));
		}
	}
	return s;
}

int compile_endpoint(const struct compile *c, struct snapshot_edit *edit,
	const struct model_endpoint *endpoint, uint32_t peer4, uint32_t peer6)
{
	struct fwd_endpoint *e = snapshot_edit_endpoint(edit, endpoint->object.id);
	bool ethernet = endpoint->payload == MODEL_PAYLOAD_ETHERNET;
	struct sources s = first_addresses(endpoint->address, endpoint->address_count);
	struct mss mss;

	if (e == NULL)
		return -ENOMEM;
	memset(e, 0, sizeof(*e));
	e->used = 1;
	e->payload = ethernet ? FWD_PAYLOAD_ETHERNET : FWD_PAYLOAD_IP;
	e->site = (uint16_t)endpoint->site;
	e->connection = endpoint->connection;
	e->vni_word = htonl(endpoint->vni << 8);
	e->mtu = compile_inner_mtu(c, endpoint->site, ethernet);
	mss = mss_for(model_connection(c->model, endpoint->connection), e->mtu);
	e->mss4 = mss.mss4;
	e->mss6 = mss.mss6;
	e->fragment = site_fragments(c, endpoint->site);
	e->peer[0] = peer4;
	e->peer[1] = peer6;
	e->has4 = s.has4;
	e->has6 = s.has6;
	e->source4 = s.source4;
	memcpy(e->source6, s.source6, sizeof(e->source6));
	compile_router_mac(c, endpoint, e->mac);
	return 0;
}

static void lower_source(struct fwd_connection *f, const struct ip_address *ip)
{
	if (ip->family == IP_4) {
		if (!f->has4 || ip_v4(ip) < f->icmp_source4)
			f->icmp_source4 = ip_v4(ip);
		f->has4 = 1;
	} else if (!ip_is_link_local(ip)) {
		if (!f->has6 || memcmp(ip->bytes, f->icmp_source6, sizeof(f->icmp_source6)) < 0)
			memcpy(f->icmp_source6, ip->bytes, sizeof(f->icmp_source6));
		f->has6 = 1;
	}
}

static void icmp_sources(const struct compile *c, const struct model_connection *connection,
	struct fwd_connection *f)
{
	uint32_t id = 0;

	while ((id = model_connection_attachment(c->model, connection->object.id, id)) != 0) {
		const struct model_attachment *a = model_attachment(c->model, id);

		for (unsigned i = 0; i < a->address_count; i++)
			lower_source(f, &a->address[i].ip);
	}
	if (connection->icmp_source4.family == IP_4) {
		f->icmp_source4 = ip_v4(&connection->icmp_source4);
		f->has4 = 1;
	}
	if (connection->icmp_source6.family == IP_6) {
		memcpy(f->icmp_source6, connection->icmp_source6.bytes, sizeof(f->icmp_source6));
		f->has6 = 1;
	}
}

/* The largest packet that can come in by an attachment of the connection. */
static uint32_t largest_packet(const struct compile *c, uint32_t connection)
{
	uint32_t bytes = PACKET_LEAST, id = 0;

	while ((id = model_connection_attachment(c->model, connection, id)) != 0) {
		uint16_t mtu = c->port[model_attachment(c->model, id)->port].mtu;

		bytes = mtu > bytes ? mtu : bytes;
	}
	return bytes;
}

static struct policer_rate rate_of(
	const struct compile *c, const struct model_connection *connection, uint32_t mbps)
{
	uint32_t packet = largest_packet(c, connection->object.id);
	uint64_t rate = (uint64_t)mbps * MBPS, burst = connection->burst_bytes;

	if (rate == 0)
		return (struct policer_rate){0};
	if (burst == 0)
		burst = policer_default_burst(rate, packet);
	return policer_rate(rate, burst, packet, c->workers, c->tsc_hz);
}

int compile_connection(const struct compile *c, struct snapshot_edit *edit,
	const struct model_connection *connection)
{
	uint32_t bandwidth = connection->bandwidth_mbps, peak = connection->peak_mbps;
	struct fwd_connection *f = snapshot_edit_connection(edit, connection->object.id);

	if (f == NULL)
		return -ENOMEM;
	memset(f, 0, sizeof(*f));
	f->used = 1;
	f->dscp_uniform = connection->dscp_mode == MODEL_DSCP_UNIFORM;
	f->dscp = connection->dscp;
	f->tos_keep = f->dscp_uniform ? 0xff : 0x03;
	f->tos_set = f->dscp_uniform ? 0 : (uint8_t)(connection->dscp << 2);
	f->mss_clamp = connection->mss_mode != MODEL_MSS_OFF;
	f->excess_mark = connection->excess_dscp == MODEL_EXCESS_PRECEDENCE
				 ? POLICER_PRECEDENCE
				 : connection->excess_dscp;
	f->committed = rate_of(c, connection, bandwidth);
	f->excess = rate_of(c, connection, peak > bandwidth ? peak - bandwidth : 0);
	icmp_sources(c, connection, f);
	return 0;
}

/* MACs, tags and room for the EtherType. */
static uint8_t build_l2(const struct compile *c, const struct model_attachment *a, uint8_t l2[22])
{
	unsigned length = 12;

	memset(l2, 0, 22);
	memcpy(&l2[6], c->port[a->port].mac, 6);
	for (unsigned i = 0; i < a->tag_count; i++) {
		l2[length++] = (uint8_t)(a->tag[i].type >> 8);
		l2[length++] = (uint8_t)a->tag[i].type;
		l2[length++] = (uint8_t)(a->tag[i].vlan >> 8);
		l2[length++] = (uint8_t)a->tag[i].vlan;
	}
	return (uint8_t)(length + 2);
}

static uint8_t source_check(const struct model_attachment *a)
{
	switch (a->source_check) {
	case MODEL_STRICT:
		return FWD_STRICT;
	case MODEL_LOOSE:
		return FWD_LOOSE;
	case MODEL_UNCHECKED:
		return FWD_UNCHECKED;
	default:
		return FWD_FEASIBLE;
	}
}

int compile_attachment(const struct compile *c, struct snapshot_edit *edit,
	const struct model_attachment *attachment)
{
	struct fwd_attachment *a = snapshot_edit_attachment(edit, attachment->object.id);
	struct sources s = first_addresses(attachment->address, attachment->address_count);
	uint16_t port_mtu = c->port[attachment->port].mtu;
	const struct model_connection *connection =
		model_connection(c->model, attachment->connection);
	struct mss mss;

	if (a == NULL)
		return -ENOMEM;
	memset(a, 0, sizeof(*a));
	a->used = 1;
	a->source_check = source_check(attachment);
	a->l2_length = build_l2(c, attachment, a->l2);
	a->port = (uint8_t)attachment->port;
	a->mtu = attachment->mtu != 0 && attachment->mtu < port_mtu ? attachment->mtu : port_mtu;
	mss = mss_for(connection, a->mtu);
	a->policed = connection != NULL && connection->bandwidth_mbps != 0;
	a->mss4 = mss.mss4;
	a->mss6 = mss.mss6;
	a->connection = attachment->connection;
	a->has4 = s.has4;
	a->has6 = s.has6;
	a->source4 = s.source4;
	memcpy(a->source6, s.source6, sizeof(a->source6));
	return 0;
}

uint64_t compile_tags_key(const struct model_attachment *a)
{
	uint16_t outer = a->tag_count > 0 ? a->tag[0].vlan : ETHERNET_NO_TAG;
	uint16_t inner = a->tag_count > 1 ? a->tag[1].vlan : ETHERNET_NO_TAG;

	return idmap_tags_key(
		a->port, ethernet_tags(a->tag_count > 0 && a->tag[0].type == 0x88a8, outer, inner));
}

int compile_set(struct snapshot_edit *edit, uint32_t id, const struct model_via *via,
	const uint32_t *neighbour)
{
	struct bucket_member member[FWD_SET_HOPS] = {0};
	struct fwd_set *set = snapshot_edit_set(edit, id);

	if (set == NULL)
		return -ENOMEM;
	memset(set, 0, sizeof(*set));
	set->used = 1;
	set->hops = via->hop_count;
	for (unsigned i = 0; i < via->hop_count; i++) {
		const struct model_hop *hop = &via->hop[i];

		set->neighbour[i] = neighbour[i];
		set->attachment[i] = hop->attachment;
		member[i].key = bucket_key(&hop->address, sizeof(hop->address)) + hop->attachment;
		member[i].weight = hop->weight;
	}
	bucket_fill(member, via->hop_count, FWD_SET_BUCKETS, 1, set->bucket);
	return 0;
}

static void *edit_entry(
	struct snapshot_edit *edit, enum model_kind kind, uint32_t id, size_t *bytes)
{
	switch (kind) {
	case MODEL_SITE:
		*bytes = sizeof(struct fwd_site);
		return snapshot_edit_site(edit, id);
	case MODEL_PATH:
		*bytes = sizeof(struct fwd_path);
		return snapshot_edit_path(edit, id);
	case MODEL_CONNECTION:
		*bytes = sizeof(struct fwd_connection);
		return snapshot_edit_connection(edit, id);
	case MODEL_ENDPOINT:
		*bytes = sizeof(struct fwd_endpoint);
		return snapshot_edit_endpoint(edit, id);
	default:
		*bytes = sizeof(struct fwd_attachment);
		return snapshot_edit_attachment(edit, id);
	}
}

int compile_clear(struct snapshot_edit *edit, enum model_kind kind, uint32_t id)
{
	size_t bytes;
	void *entry = edit_entry(edit, kind, id, &bytes);

	if (entry == NULL)
		return -ENOMEM;
	memset(entry, 0, bytes);
	return 0;
}

int compile_clear_set(struct snapshot_edit *edit, uint32_t id)
{
	struct fwd_set *set = snapshot_edit_set(edit, id);

	if (set == NULL)
		return -ENOMEM;
	memset(set, 0, sizeof(*set));
	return 0;
}
