/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What provisioning has asked for: sites, paths, connections with their endpoints, attachments and
 * routes, with names, owners and small stable ids. Control thread only.
 *
 * Objects are immutable: a change puts a new object in the place of the old one, under the same id,
 * and hands both to the publisher in a struct change (control/change.h). Pointers handed out here
 * stay valid until the next change is applied, or for as long as a change that lists them is held.
 * Links between objects are ids. Ids of each kind start at 1 and are reused only after the change
 * that removed the object was given back with change_free(), which the publisher does once no
 * reader, ring or held packet can still name the id.
 *
 * Multi-byte numbers are in host order, addresses as in struct ip_address.
 */
#ifndef CONTROL_MODEL_H
#define CONTROL_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/base/ip.h"

#define MODEL_NAME_MAX		     63 /* bytes of UTF-8, without the final NUL */
#define MODEL_SITE_PATHS	     64 /* bits of a liveness word */
#define MODEL_ADDRESSES		     16 /* on one attachment or endpoint */
#define MODEL_HOPS		     16 /* next hops of one route */
#define MODEL_CONNECTION_ATTACHMENTS 256
#define MODEL_OWNERS		     250
#define MODEL_PREFERENCE	     100 /* default; the lower number wins */

enum model_kind {
	MODEL_SITE = 0,
	MODEL_PATH,
	MODEL_CONNECTION,
	MODEL_ENDPOINT,
	MODEL_ATTACHMENT,
	MODEL_KINDS,
};

enum model_encapsulation { MODEL_GENEVE = 0, MODEL_VXLAN };
enum model_payload { MODEL_PAYLOAD_IP = 0, MODEL_PAYLOAD_ETHERNET };
enum model_udp_checksum { MODEL_CHECKSUM_AUTO = 0, MODEL_CHECKSUM_ON, MODEL_CHECKSUM_ZERO };
enum model_bfd_mode {
	MODEL_BFD_OFF = 0,
	MODEL_BFD_SINGLE_HOP,
	MODEL_BFD_MULTIHOP,
	MODEL_BFD_TUNNEL
};
enum model_source_check { MODEL_FEASIBLE = 0, MODEL_STRICT, MODEL_LOOSE, MODEL_UNCHECKED };
enum model_dscp { MODEL_DSCP_PIPE = 0, MODEL_DSCP_UNIFORM };
#define MODEL_EXCESS_PRECEDENCE 0xff /* the drop precedence of the packet's own class */

enum model_mss { MODEL_MSS_AUTO = 0, MODEL_MSS_OFF, MODEL_MSS_VALUE };

/* What every named object starts with. */
struct model_object {
	uint32_t id;
	uint32_t holders; /* the model's place, and each change that lists it */
	uint8_t kind;	  /* enum model_kind */
	uint8_t owner;	  /* model_owner_name() */
	char name[MODEL_NAME_MAX + 1];
};

struct model_site {
	struct model_object object;
};

#define MODEL_BFD_KEY 20 /* bytes of a secret at most */

/* Failure detection of a path: RFC 5881, 5883, 9521, 8971. */
struct model_bfd {
	uint8_t mode; /* enum model_bfd_mode; the rest is zero where it is off */
	uint8_t multiplier;
	bool up;		    /* administratively */
	uint8_t key_id, key_length; /* key_length 0: packets are not authenticated */
	uint8_t key[MODEL_BFD_KEY];
	uint32_t tx_us, rx_us; /* least intervals that we want, and that we can take */
};

struct model_path {
	struct model_object object;
	uint32_t site;
	uint16_t port; /* place of the port in the boot file */
	uint8_t index; /* in the site, 0 .. MODEL_SITE_PATHS - 1; kept while the path exists */
	uint8_t encapsulation; /* enum model_encapsulation */
	uint8_t payload;       /* enum model_payload */
	uint8_t udp_checksum;  /* enum model_udp_checksum */
	bool up;	       /* administratively */
	bool fragment;	       /* IPv4 without DF is fragmented before encapsulation */
	bool measured;	       /* packets carry the lane option; the peer understands it */
	uint16_t mtu;	       /* outer L3; the port's where none was given */
	uint16_t weight;       /* 1..1000 */
	struct model_bfd bfd;
	struct ip_prefix local; /* our address and the subnet it is in */
	struct ip_address remote;
	struct ip_address
		gateway; /* on the link; family IP_NONE where remote is itself on the link */
};

/* Part of a connection: how it reaches one site. object.name is empty. */
struct model_endpoint {
	struct model_object object;
	uint32_t connection;
	uint32_t site;
	uint32_t vni;
	uint8_t payload; /* enum model_payload */
	bool has_mac;	 /* mac was configured; else the compiler derives one */
	bool has_peer_mac;
	uint8_t mac[6]; /* our router MAC inside the tunnel */
	uint8_t peer_mac[6];
	uint8_t address_count, peer_count;
	struct ip_prefix address[MODEL_ADDRESSES]; /* ours, inside the tunnel */
	struct ip_address peer[MODEL_ADDRESSES];   /* the peer's router, resolved by ARP or ND */
};

struct model_connection {
	struct model_object object;
	uint32_t vni;
	uint32_t bandwidth_mbps; /* 0: no limit */
	uint32_t peak_mbps;   /* what is over the bandwidth passes marked up to here; 0: no peak */
	uint64_t burst_bytes; /* 0: by the rate */
	uint8_t excess_dscp;  /* or MODEL_EXCESS_PRECEDENCE */
	uint8_t dscp_mode;    /* enum model_dscp */
	uint8_t dscp;	      /* outer DSCP under pipe, 0..63 */
	uint8_t mss_mode;     /* enum model_mss */
	uint16_t mss;	      /* under MODEL_MSS_VALUE */
	struct ip_address icmp_source4, icmp_source6; /* family IP_NONE where not given */
	uint16_t endpoint_count;
	const struct model_endpoint
		*endpoint[]; /* ascending by site id; each held by this object */
};

struct model_tag {
	uint16_t type; /* 0x8100 or 0x88a8 */
	uint16_t vlan; /* 1..4094 */
};

struct model_attachment {
	struct model_object object;
	uint32_t connection;
	uint16_t port;
	uint16_t mtu;	      /* L3 */
	uint8_t source_check; /* enum model_source_check */
	bool up;
	uint8_t tag_count; /* 0..2, outer first */
	uint8_t address_count;
	struct model_tag tag[2];
	struct ip_prefix address[MODEL_ADDRESSES];
};

/* Where a route leads; shared by all routes that lead there. */
enum model_via_kind {
	MODEL_VIA_NONE = 0,
	MODEL_VIA_BLACKHOLE,
	MODEL_VIA_LOCAL,
	MODEL_VIA_SITE,
	MODEL_VIA_HOPS
};

struct model_hop {
	uint32_t attachment;
	uint16_t weight; /* 1..1000 */
	struct ip_address address;
};

struct model_via {
	uint32_t id;	  /* small, from 1; 0 is "no route" */
	uint32_t holders; /* routes and changes that name it; at 0 the id is free again */
	uint32_t routes;  /* routes of the model alone */
	uint32_t site;	  /* MODEL_VIA_SITE */
	uint8_t kind;	  /* enum model_via_kind */
	uint8_t hop_count;
	struct model_hop hop[]; /* MODEL_VIA_HOPS: ascending by attachment, then address */
};

/* A port as the model needs to know it; its place in the array is its index. */
struct model_port {
	const char *name;
	uint16_t mtu;
	bool tells_tags; /* the device tells 0x88a8 from 0x8100 */
};

struct model_limits {
	uint32_t connections, attachments, endpoints, sites, paths, routes;
	uint32_t next_hop_sets; /* vias with more than one next hop */
};

struct model_config {
	struct model_limits limits;
	const struct model_port *ports; /* copied */
	unsigned port_count;
};

struct model;

/* NULL on lack of memory. */
struct model *model_create(const struct model_config *config);
/* All changes have been given back with change_free(). NULL is allowed. */
void model_destroy(struct model *model);

/* Number of the last accepted change; 0 for the empty model. */
uint64_t model_generation(const struct model *model);
const struct model_limits *model_limits(const struct model *model);
unsigned model_port_count(const struct model *model);
const struct model_port *model_port(const struct model *model, unsigned index);
/* Index, or -ENOENT. */
int model_port_find(const struct model *model, const char *name);
const char *model_owner_name(const struct model *model, uint8_t owner);

/* NULL where the id names nothing. */
const struct model_site *model_site(const struct model *model, uint32_t id);
const struct model_path *model_path(const struct model *model, uint32_t id);
const struct model_connection *model_connection(const struct model *model, uint32_t id);
const struct model_endpoint *model_endpoint(const struct model *model, uint32_t id);
const struct model_attachment *model_attachment(const struct model *model, uint32_t id);
const struct model_via *model_via(const struct model *model, uint32_t id);
const struct model_object *model_object(
	const struct model *model, enum model_kind kind, uint32_t id);

/* Walks ids in ascending order: the first one in use after this one, or 0. Start with 0. */
uint32_t model_next(const struct model *model, enum model_kind kind, uint32_t after);
uint32_t model_count(const struct model *model, enum model_kind kind);
/* Id by name, or 0. Endpoints have no name. */
uint32_t model_find(const struct model *model, enum model_kind kind, const char *name);
/* Endpoint of a connection for a site: id, or 0. */
uint32_t model_endpoint_find(const struct model *model, uint32_t connection, uint32_t site);
/* Walks the attachments of a connection: the first for after == 0, then the one after; 0 at the
 * end. No particular order. */
uint32_t model_connection_attachment(
	const struct model *model, uint32_t connection, uint32_t after);
/* Path id at this index of a site, or 0. */
uint32_t model_site_path(const struct model *model, uint32_t site, unsigned index);

/* Routes as configured; neighbours, connected prefixes and own addresses are not among them. */

struct model_route {
	struct ip_prefix prefix;
	uint8_t owner;
	uint16_t preference;
	uint32_t via;
};

uint64_t model_routes(const struct model *model);
uint32_t model_connection_routes(const struct model *model, uint32_t connection);
/* Via id of the route that wins for exactly this prefix, 0 where no owner has one. */
uint32_t model_route_best(
	const struct model *model, uint32_t connection, const struct ip_prefix *prefix);
/* Longest configured prefix that holds the address; false where none does. */
bool model_route_match(const struct model *model, uint32_t connection,
	const struct ip_address *address, struct model_route *route);
/* Up to count routes of all owners, ascending by (address, length, owner number), strictly after
 * *after, or from the start where after is NULL; one family. Returns how many were written. */
size_t model_route_list(const struct model *model, uint32_t connection, uint8_t family,
	const struct model_route *after, struct model_route *route, size_t count);

/* Bytes that the routes cost, shared vias included. */
uint64_t model_route_bytes(const struct model *model);

#endif
