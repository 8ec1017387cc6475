/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/bench/setting.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/wire/ethernet.h"
#include "tests/bench/prefixes.h"
#include "tests/tools/rawframe.h"

#define FIRST_VLAN    2
#define PATHS	      4
#define MTU	      9216
#define TYPE_IP4      0x0800u
#define TYPE_IP6      0x86ddu
#define DONT_FRAGMENT 0x40 /* byte 6 of an IPv4 header */
#define PAGES	      256  /* of 2 MiB: what EAL takes */

static const uint8_t router_mac[6] = {2, 0, 0, 0, 8, 8}; /* ours, inside VXLAN */
static const char *const site_name[SITES] = {"far4", "far6", "vx4", "vx6", "near4", "near6"};

static bool is_six(enum setting_site site)
{
	return site == SITE_FAR6 || site == SITE_VX6 || site == SITE_NEAR6;
}

static bool is_vxlan(enum setting_site site)
{
	return site == SITE_VX4 || site == SITE_VX6;
}

unsigned setting_free_hugepages(void)
{
	FILE *file = fopen("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "r");
	unsigned pages = 0;

	if (file == NULL)
		return 0;
	if (fscanf(file, "%u", &pages) != 1)
		pages = 0;
	fclose(file);
	return pages;
}

void setting_eal(const char *program, bool *huge)
{
	*huge = *huge && setting_free_hugepages() >= PAGES;
	if (testbed_eal_named(program, *huge) < 0) {
		fprintf(stderr, "%s: EAL does not start\n", program);
		exit(1);
	}
}

/* Where it is measured; over IPv6 the source would have to mend checksums. */
static bool is_measured(const struct setting_plan *plan, unsigned site)
{
	return plan->measured && !is_six(site) && !is_vxlan(site);
}

/* The document. */

static json_t *paths(const struct setting_plan *plan, unsigned sites)
{
	json_t *list = json_array();

	for (unsigned s = 0; s < SITES; s++)
		for (int k = 1; k <= PATHS && sites >> s & 1; k++) {
			bool six = is_six(s);
			char name[32], local[48], remote[48];

			snprintf(name, sizeof(name), "%s-%d", site_name[s], k);
			snprintf(local, sizeof(local), six ? "fd00:1:%d::1/64" : "10.1.%d.1/24", k);
			snprintf(remote, sizeof(remote), six ? "fd00:1:%d::%x" : "10.1.%d.%d", k,
				2 + s);
			json_array_append_new(list,
				json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "name", name, "site",
					site_name[s], "port", "bb", "local", local, "remote",
					remote, "encapsulation", is_vxlan(s) ? "vxlan" : "geneve",
					"measure", is_measured(plan, s) ? "require" : "off"));
		}
	return list;
}

uint32_t setting_vni(const struct setting *s, enum setting_site site, uint32_t connection)
{
	return 1 + site * 100000u + connection * (unsigned)SITES + s->site_of[site];
}

/* Which site a connection's routes lead to: those in use, in turn. */
static unsigned far_site(const struct setting *s, uint32_t connection)
{
	unsigned used = (unsigned)__builtin_popcount(s->plan.sites), turn = connection % used;

	for (unsigned site = 0; site < SITES; site++)
		if ((s->plan.sites >> site & 1) && s->site_of[site] == turn)
			return site;
	return 0;
}

static json_t *endpoint(const struct setting *s, unsigned site, uint32_t connection)
{
	json_t *e = json_pack("{s:s,s:i}", "site", site_name[site], "vni",
		(int)(setting_vni(s, site, connection)));

	if (is_vxlan(site)) {
		json_object_set_new(e, "mac", json_string("02:00:00:00:08:08"));
		json_object_set_new(e, "peer_mac", json_string("02:00:00:00:09:09"));
	}
	return e;
}

static json_t *connection(const struct setting *s, uint32_t i)
{
	char name[32];
	json_t *endpoints = json_array();

	snprintf(name, sizeof(name), "c%u", i);
	json_array_append_new(endpoints, endpoint(s, far_site(s, i), i));
	json_array_append_new(endpoints, endpoint(s, SITE_NEAR4, i));
	json_array_append_new(endpoints, endpoint(s, SITE_NEAR6, i));
	return json_pack("{s:s,s:i,s:I,s:o}", "name", name, "vni", (int)(10000000 + i),
		"bandwidth_mbps", (json_int_t)s->plan.bandwidth_mbps, "endpoints", endpoints);
}

static json_t *attachment(uint32_t i)
{
	char name[32];

	snprintf(name, sizeof(name), "c%u", i);
	return json_pack("{s:s,s:s,s:s,s:[{s:s,s:i}],s:[s,s]}", "name", name, "connection", name,
		"port", i % 2 ? "cust1" : "cust0", "tags", "type", "0x8100", "vlan",
		(int)(FIRST_VLAN + i / 2), "addresses", "192.168.7.1/24", "fd07::1/64");
}

static json_t *route(uint32_t i, const struct ip_prefix *prefix, uint32_t count, json_t *via)
{
	char name[32], text[64];
	json_t *list = json_array();

	snprintf(name, sizeof(name), "c%u", i);
	for (uint32_t k = 0; k < count; k++) {
		ip_prefix_format(&prefix[k], text, sizeof(text));
		json_array_append_new(list, json_string(text));
	}
	return json_pack("{s:s,s:o,s:o}", "connection", name, "prefixes", list, "via", via);
}

static void routes_of(const struct setting *s, uint32_t i, json_t *list)
{
	char name[32];

	snprintf(name, sizeof(name), "c%u", i);
	for (unsigned v = 0; v < 2; v++) {
		uint32_t site = s->plan.site_routes[v], attached = s->plan.attachment_routes[v];

		if (site > 0)
			json_array_append_new(list,
				route(i, s->to_site[v] + (uint64_t)i * site, site,
					json_pack("{s:s}", "site", site_name[far_site(s, i)])));
		if (attached > 0)
			json_array_append_new(list,
				route(i, s->to_attachment[v] + (uint64_t)i * attached, attached,
					json_pack("{s:[{s:s,s:s}]}", "next_hops", "attachment",
						name, "address", v ? "fd07::2" : "192.168.7.2")));
	}
}

static uint32_t all_connections(const struct setting_plan *plan)
{
	return plan->connections * (uint32_t)__builtin_popcount(plan->sites);
}

static json_t *document(const struct setting *s)
{
	unsigned sites = s->plan.sites | 1u << SITE_NEAR4 | 1u << SITE_NEAR6;
	json_t *site_list = json_array(), *connections = json_array(), *attachments = json_array(),
	       *routes = json_array();

	for (unsigned i = 0; i < SITES; i++)
		if (sites >> i & 1)
			json_array_append_new(site_list, json_pack("{s:s}", "name", site_name[i]));
	for (uint32_t i = 0; i < all_connections(&s->plan); i++) {
		json_array_append_new(connections, connection(s, i));
		json_array_append_new(attachments, attachment(i));
		routes_of(s, i, routes);
	}
	return json_pack("{s:{s:o,s:o,s:o,s:o,s:o}}", "document", "sites", site_list, "paths",
		paths(&s->plan, sites), "connections", connections, "attachments", attachments,
		"routes", routes);
}

static void draw_routes(struct setting *s)
{
	uint32_t n = all_connections(&s->plan);

	for (unsigned v = 0; v < 2; v++) {
		uint32_t site = s->plan.site_routes[v], attached = s->plan.attachment_routes[v];
		struct ip_prefix *drawn = calloc(site + attached + 1, sizeof(*drawn));

		s->to_site[v] = calloc((size_t)n * site + 1, sizeof(struct ip_prefix));
		s->to_attachment[v] = calloc((size_t)n * attached + 1, sizeof(struct ip_prefix));
		for (uint32_t i = 0; i < n; i++) {
			prefixes_draw(drawn, site + attached, v ? IP_6 : IP_4);
			memcpy(s->to_site[v] + (size_t)i * site, drawn, site * sizeof(*drawn));
			memcpy(s->to_attachment[v] + (size_t)i * attached, drawn + site,
				attached * sizeof(*drawn));
		}
		free(drawn);
	}
}

/* Nobody answers on a null port: every station that is asked for is there. */
static void resolve_all(struct testbed *g)
{
	const uint8_t mac[6] = {2, 0, 0, 0, 0, 0xaa};
	struct fwd *fwd = g->parts.fwd;

	for (uint32_t i = 1; i < fwd->neighbours.size; i++)
		if (neighbour_state(neighbour_load(&fwd->neighbours.entry[i])) ==
			NEIGHBOUR_INCOMPLETE)
			neighbour_set(&fwd->neighbours.entry[i], mac, NEIGHBOUR_REACHABLE);
	for (uint32_t i = 0; i <= fwd->limits.snapshot.sites; i++)
		for (unsigned path = 0; path < PATHS; path++)
			liveness_set(&fwd->liveness[i], LIVENESS_NEIGHBOUR, path, true);
}

static int fill(struct setting *s)
{
	char text[512];
	json_t *params = document(s);
	int error = testbed_apply(s->gateway, params, text, sizeof(text));

	json_decref(params);
	if (error < 0) {
		fprintf(stderr, "benchmark: document refused: %s\n", text);
		return -1;
	}
	for (unsigned i = 0; i < SETTING_PORTS; i++) {
		if (source_attach(&s->source[i], s->gateway->device[i]) < 0)
			return -1;
		source_quiet(&s->source[i]);
	}
	testbed_settle(s->gateway, 10);
	resolve_all(s->gateway);
	return 0;
}

struct setting *setting_create(const struct setting_plan *plan)
{
	struct setting *s = calloc(1, sizeof(*s));
	uint32_t n = all_connections(plan);
	uint64_t routes = 4096; /* room for what a benchmark adds */
	const char *null = "size=64,copy=0";
	struct testbed_setup setup = {.workers = plan->workers,
		.ports = SETTING_PORTS,
		.port = {{.name = "cust0", .mtu = MTU, .device = null},
			{.name = "cust1", .mtu = MTU, .device = null},
			{.name = "bb", .mtu = MTU, .device = null}},
		.connections = n + 16,
		.idle = PLANE_IDLE_BUSY,
		.loop = plan->loop,
		.cached = true,
		.pinned = true};

	if (s == NULL)
		return NULL;
	s->plan = *plan;
	for (unsigned v = 0; v < 2; v++)
		routes += (uint64_t)n * (plan->site_routes[v] + plan->attachment_routes[v] + 8);
	setup.routes = (uint32_t)routes;
	for (unsigned site = 0, turn = 0; site < SITES; site++)
		if (plan->sites >> site & 1)
			s->site_of[site] = turn++;
	for (unsigned i = 0; i < SETTING_PORTS; i++) {
		setup.port[i].distribute = plan->distribute;
		source_quiet(&s->source[i]);
	}
	draw_routes(s);
	s->gateway = testbed_create(&setup);
	if (s->gateway == NULL || fill(s) < 0) {
		setting_destroy(s);
		return NULL;
	}
	return s;
}

void setting_destroy(struct setting *s)
{
	if (s == NULL)
		return;
	for (unsigned i = 0; i < SETTING_PORTS; i++)
		source_detach(&s->source[i]);
	testbed_destroy(s->gateway);
	for (unsigned i = 0; i < SETTING_PORTS; i++)
		source_free(&s->source[i]);
	for (unsigned v = 0; v < 2; v++) {
		free(s->to_site[v]);
		free(s->to_attachment[v]);
	}
	free(s);
}

/* Frames. */

/* Of the frame that a customer sends; the addresses are the flow's. Answers where UDP begins. */
static unsigned put_inner(uint8_t *p, uint8_t family, unsigned length)
{
	static const uint8_t none[16];
	unsigned at = family == IP_4 ? rawframe_udp4(p, length, none, none)
				     : rawframe_udp6(p, length, none, none);

	if (family == IP_4)
		p[6] = DONT_FRAGMENT;
	rawframe_put16(p + at - 6, 5001);
	return at - 8;
}

/* From the peer of the site, over the path (from 0); bytes behind the UDP header. Answers where
 * these are. */
static unsigned put_outer(uint8_t *p, enum setting_site site, unsigned path, unsigned bytes)
{
	uint8_t peer6[16] = {0xfd, 0, 0, 1, 0, (uint8_t)(path + 1), [15] = (uint8_t)(2 + site)};
	uint8_t ours6[16] = {0xfd, 0, 0, 1, 0, (uint8_t)(path + 1), [15] = 1};
	uint8_t peer4[4] = {10, 1, (uint8_t)(path + 1), (uint8_t)(2 + site)};
	uint8_t ours4[4] = {10, 1, (uint8_t)(path + 1), 1};
	unsigned at = rawframe_ethernet(p, SETTING_BACKBONE, is_six(site) ? TYPE_IP6 : TYPE_IP4);
	uint8_t *ip = p + at;

	if (is_six(site)) {
		at += rawframe_udp6(ip, 48 + bytes, peer6, ours6);
	} else {
		at += rawframe_udp4(ip, 28 + bytes, peer4, ours4);
		ip[6] = DONT_FRAGMENT;
		rawframe_ip4_sum(ip);
	}
	rawframe_put16(p + at - 8, LANES_FIRST_PORT + SOURCE_LANE);
	rawframe_put16(p + at - 6, is_vxlan(site) ? 4789 : 6081);
	return at;
}

/* The tunnel up to the inner packet. Answers its bytes. */
static unsigned put_tunnel(const struct setting *s, uint8_t *p, enum setting_site site,
	unsigned path, uint8_t family, unsigned length)
{
	unsigned option = is_measured(&s->plan, site) ? LANEOPTION_BYTES : 0;
	unsigned type = family == IP_4 ? TYPE_IP4 : TYPE_IP6, inner = is_vxlan(site) ? 14 : option;
	unsigned at = put_outer(p, site, path, 8 + inner + length);
	uint8_t *tunnel = p + at;

	if (is_vxlan(site)) {
		tunnel[0] = 0x08;
		memcpy(tunnel + 8, router_mac, 6);
		rawframe_put16(tunnel + 20, type);
	} else {
		tunnel[0] = (uint8_t)(option / 4);
		rawframe_put16(tunnel + 2, type);
	}
	return at + 8 + inner;
}

/* A host that the table sends where this load goes. */
static int pick_host(const struct setting *s, uint32_t table, const struct ip_prefix *prefix,
	uint32_t count, bool site, struct ip_address *host)
{
	for (unsigned tries = 0; tries < 1000; tries++) {
		uint32_t value;

		prefixes_host(&prefix[prefixes_below(count)], host);
		value = lpm_lookup(s->gateway->parts.fwd->lpm, table, host);
		if (value_kind(value) == (site ? VALUE_ENDPOINT : VALUE_NEIGHBOUR) ||
			(!site && value_kind(value) == VALUE_SET))
			return 0;
	}
	return -1;
}

static const struct fwd_attachment *attachment_of(const struct setting *s, uint32_t i)
{
	uint64_t key = idmap_tags_key((uint16_t)(i % 2),
		ethernet_tags(0, (uint16_t)(FIRST_VLAN + i / 2), ETHERNET_NO_TAG));
	const struct fwd *fwd = s->gateway->parts.fwd;
	uint32_t id = idmap_get(fwd->attachments, key);

	return id == IDMAP_NONE ? NULL : snapshot_attachment(fwd_snapshot(fwd), id);
}

static int draw_addresses(const struct setting *s, const struct setting_load *load, uint32_t i,
	uint32_t table, uint8_t *out)
{
	unsigned v = load->family == IP_6;
	uint32_t sites = s->plan.site_routes[v], attached = s->plan.attachment_routes[v];
	const struct ip_prefix *far = s->to_site[v] + (size_t)i * sites,
			       *near = s->to_attachment[v] + (size_t)i * attached;
	unsigned bytes = v ? 16 : 4;
	struct ip_address here, there;

	if (pick_host(s, table, far, sites, true, &there) < 0 ||
		pick_host(s, table, near, attached, false, &here) < 0)
		return -1;
	memcpy(out, load->way == WAY_OUT ? here.bytes : there.bytes, bytes);
	memcpy(out + bytes, load->way == WAY_IN ? here.bytes : there.bytes, bytes);
	if (load->way == WAY_TRANSIT)
		memcpy(out, here.bytes, bytes);
	return 0;
}

static unsigned entry_site(const struct setting_load *load)
{
	if (load->way == WAY_TRANSIT)
		return is_six(load->site) ? SITE_NEAR6 : SITE_NEAR4;
	return load->site;
}

static void store_sums(const struct source *source, struct source_flow *flow, uint8_t family)
{
	uint8_t frame[SOURCE_HEADER];
	uint8_t *ip = frame + source->addresses_at - (family == IP_4 ? 12 : 8);
	uint8_t *udp = frame + source->udp_sum_at - 6;
	unsigned length, bytes, sum;

	memcpy(frame, source->template[flow->template], sizeof(frame));
	memcpy(frame + source->tag_at, &flow->tag, 4);
	memcpy(frame + source->port_at, &flow->port, 2);
	memcpy(frame + source->addresses_at, flow->addresses, source->address_bytes);
	if (family == IP_4) {
		rawframe_ip4_sum(ip);
		memcpy(&flow->ip_sum, ip + 10, 2);
	}
	if (source->udp_sum_at == SOURCE_NOWHERE)
		return;
	length = (unsigned)(udp[4] << 8 | udp[5]);
	/* Behind the header that the template holds everything is zero. */
	bytes = RTE_MIN((unsigned)(frame + SOURCE_HEADER - udp), length) & ~1u;
	sum = rawframe_sum(udp, bytes, rawframe_sum(frame + 22, 32, IPPROTO_UDP + length));
	rawframe_put16(udp + 6, ~sum);
	memcpy(&flow->udp_sum, udp + 6, 2);
	/* Zero would say that there is none. */
	flow->udp_sum = flow->udp_sum == 0 ? 0xffff : flow->udp_sum;
}

static int draw_flow(const struct setting *s, const struct setting_load *load,
	struct source *source, struct source_flow *flow, uint32_t connection)
{
	const struct fwd_attachment *attachment = attachment_of(s, connection);
	unsigned site = entry_site(load);

	if (attachment == NULL)
		return -1;
	if (load->way == WAY_OUT)
		flow->tag = rte_cpu_to_be_32((FIRST_VLAN + connection / 2) << 16 |
					     (load->family == IP_4 ? TYPE_IP4 : TYPE_IP6));
	else
		flow->tag = rte_cpu_to_be_32(setting_vni(s, site, connection) << 8);
	flow->port = (uint16_t)prefixes_below(65536);
	flow->template = (uint16_t)prefixes_below(PATHS);
	if (draw_addresses(s, load, connection, attachment->connection, flow->addresses) < 0)
		return -1;
	store_sums(source, flow, load->family);
	return 0;
}

static void make_templates(const struct setting *setting, struct source *s,
	const struct setting_load *load, unsigned port)
{
	unsigned ip_bytes = RTE_MAX(load->bytes - 18u, load->family == IP_4 ? 28u : 48u);
	unsigned at = 18, site = entry_site(load);

	memset(s->template, 0, sizeof(s->template));
	for (unsigned path = 0; path < PATHS; path++) {
		uint8_t *p = s->template[path];

		if (load->way == WAY_OUT)
			rawframe_ethernet(p, port, 0x8100);
		else
			at = put_tunnel(setting, p, site, path, load->family, ip_bytes);
		s->port_at = (uint16_t)(at + put_inner(p + at, load->family, ip_bytes));
	}
	s->option_at = SOURCE_NOWHERE;
	if (load->way != WAY_OUT && is_measured(&setting->plan, site))
		s->option_at = (uint16_t)(at - LANEOPTION_BYTES);
	for (unsigned path = 0; path < PATHS; path++)
		lane_start(&s->lane[path], SOURCE_LANE, 1, 0);
	s->length = (uint16_t)(at + ip_bytes);
	s->copied = (uint16_t)RTE_MIN((s->port_at + 8u + 63u) / 64 * 64, (unsigned)SOURCE_HEADER);
	s->tag_at = (uint16_t)(load->way == WAY_OUT ? 14 : 14 + (is_six(site) ? 40 : 20) + 12);
	s->addresses_at = (uint16_t)(at + (load->family == IP_4 ? 12 : 8));
	s->ip_sum_at = (uint16_t)(at + 10);
	s->udp_sum_at = (uint16_t)(load->way != WAY_OUT && is_six(site) ? 14 + 40 + 6 : 0);
}

static void wipe(struct rte_mempool *pool, void *argument, void *buffer, unsigned index)
{
	struct rte_mbuf *m = buffer;

	(void)pool, (void)argument, (void)index;
	memset((char *)m->buf_addr + RTE_PKTMBUF_HEADROOM, 0, (size_t)2 * SOURCE_HEADER);
}

int setting_load(struct setting *s, const struct setting_load *load)
{
	unsigned used = (unsigned)__builtin_popcount(s->plan.sites);
	uint32_t first = s->site_of[load->site];
	bool both = s->plan.connections > 1;

	/* Behind the bytes of a template nothing may be left of an earlier, longer one. */
	rte_mempool_obj_iter(s->gateway->source, wipe, NULL);
	for (unsigned port = 0; port < SETTING_PORTS; port++) {
		struct source *source = &s->source[port];
		bool in = load->way == WAY_OUT ? port < 2 && (both || first % 2 == port)
					       : port == SETTING_BACKBONE;

		source->flows = 0;
		if (!in)
			continue;
		source_flows(source, load->way == WAY_OUT && both ? load->flows / 2 : load->flows,
			load->family == IP_4 ? 8 : 32);
		make_templates(s, source, load, port);
		for (uint32_t i = 0; i < source->flows; i++) {
			uint32_t c = first + used * prefixes_below(s->plan.connections);

			if (load->way == WAY_OUT && c % 2 != port)
				c ^= 1;
			if (draw_flow(s, load, source, source_flow(source, i), c) < 0) {
				fprintf(stderr, "benchmark: no route for a flow\n");
				return -1;
			}
		}
		source_ready(source);
	}
	return 0;
}

void setting_start(struct setting *s, unsigned runs, uint64_t per_run)
{
	for (unsigned i = 0; i < SETTING_PORTS; i++)
		if (s->source[i].flows > 0)
			source_start(&s->source[i], runs, per_run);
		else
			source_quiet(&s->source[i]);
}

void setting_wait(const struct setting *s)
{
	for (unsigned i = 0; i < SETTING_PORTS; i++)
		if (s->source[i].flows > 0)
			source_wait(&s->source[i]);
}

uint64_t setting_sent(const struct setting *s)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < SETTING_PORTS; i++)
		sum += s->source[i].flows > 0 ? s->source[i].sent : 0;
	return sum;
}

uint64_t setting_delivered(const struct setting *s)
{
	const struct plane *plane = s->gateway->parts.plane;
	uint64_t sum = 0;

	for (unsigned w = 0; w < plane_workers(plane); w++)
		for (unsigned port = 0; port < SETTING_PORTS; port++)
			sum += plane_meter(plane, w)->port[port].tx;
	return sum;
}

bool setting_lossless(const struct setting *s, uint64_t sent, uint64_t delivered)
{
	uint64_t in = setting_sent(s) - sent, out = setting_delivered(s) - delivered;

	if (in != out)
		printf("  FAILED: %" PRIu64 " of %" PRIu64 " packets came out\n", out, in);
	return in == out;
}
