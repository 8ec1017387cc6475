/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The immutable set of small tables that workers read, one per generation: a root of pointers to
 * blocks of 64 entries. A new generation shares every block that did not change. Entries are
 * indexed by the object's small stable id; an id that names nothing leads to a zeroed entry (used
 * == 0).
 *
 * Order of publication: an addition is published here before a route, an idmap or another entry's
 * reference may name it; a removal leaves routes and maps, then a grace period, then this.
 */
#ifndef DATAPLANE_FWD_SNAPSHOT_H
#define DATAPLANE_FWD_SNAPSHOT_H

#include <string.h>

#include <rte_hash_crc.h>

#include "dataplane/base/ip.h"
#include "dataplane/base/macros.h"
#include "dataplane/fwd/policer.h"

#define SNAPSHOT_BLOCK	   64
#define FWD_PORTS	   32 /* ports of one gateway; DPDK's own limit here */
#define FWD_PORT_ADDRESSES 16 /* underlay addresses on one port */
#define FWD_SITE_PATHS	   64 /* bits of a liveness word */
#define FWD_BUCKETS	   1024
#define FWD_RANKS	   8
#define FWD_SET_HOPS	   16
#define FWD_SET_BUCKETS	   64
#define FWD_TEMPLATE	   128
#define FWD_TEMPLATE_USED  96
#define FWD_NO_PATH	   0xff

#define FWD_GENEVE_PORT 6081
#define FWD_VXLAN_PORT	4789

enum fwd_source_check { FWD_FEASIBLE = 0, FWD_STRICT, FWD_LOOSE, FWD_UNCHECKED };
enum fwd_encapsulation { FWD_GENEVE = 0, FWD_VXLAN };
enum fwd_payload { FWD_PAYLOAD_IP = 0, FWD_PAYLOAD_ETHERNET };

/* What a device does for us; from drivers, fixed at start. */
enum fwd_port_flags {
	FWD_PORT_IP_CHECKSUM = 1 << 0,	/* outer IPv4 header checksum inserted by the device */
	FWD_PORT_UDP_CHECKSUM = 1 << 1, /* UDP checksum inserted by the device */
};

/* Underlay side of a port. Index: the port's place in the boot file, not the ethdev id. */
struct fwd_port {
	uint8_t used;
	uint8_t flags;	/* enum fwd_port_flags */
	uint8_t mac[6]; /* our station address on this port, for all attachments too */
	uint16_t mtu;	/* largest L3 packet, without L2 header and tags */
	uint8_t addresses;
	struct ip_address address[FWD_PORT_ADDRESSES]; /* local addresses of the paths on it */
};

struct fwd_attachment {
	alignas(CACHE_LINE) uint8_t used;
	uint8_t source_check; /* enum fwd_source_check */
	uint8_t l2_length;    /* 14, 18 or 22 */
	uint8_t port;	      /* port index */
	uint16_t mtu;	      /* L3 */
	uint16_t mss4, mss6;  /* clamp of TCP SYN through it; 0: none */
	uint8_t policed;      /* 1: its connection has a rate */
	uint32_t connection;
	/* Ethernet header without the neighbour's MAC: bytes 0–5 zero, 6–11 our MAC, tags, and a
	 * zero EtherType in the last two. */
	uint8_t l2[22];
	uint8_t has4, has6; /* source4/source6 are set */
	uint32_t source4;   /* first IPv4 address, host order: source of ICMP and ARP */
	uint8_t source6[16];
};

struct fwd_connection {
	alignas(CACHE_LINE) uint8_t used;
	uint8_t dscp_uniform; /* 1: copied outward and back; 0: pipe */
	uint8_t dscp;	      /* outer DSCP under pipe, 0..63 */
	/* Outer TOS: (inner & keep) | set, as pipe or uniform have it. */
	uint8_t tos_keep, tos_set;
	uint8_t has4, has6; /* icmp_source4/6 are set */
	uint8_t mss_clamp;
	uint8_t excess_mark;   /* as policer_mark() takes it */
	uint32_t icmp_source4; /* host order; icmp_source, else the lowest attachment address */
	uint8_t icmp_source6[16];
	struct policer_rate committed, excess; /* what comes in by its attachments may have */
};

struct fwd_endpoint {
	alignas(CACHE_LINE) uint8_t used;
	uint8_t payload; /* enum fwd_payload: what we send; both are accepted */
	uint16_t site;
	uint32_t connection;
	uint32_t vni_word; /* VNI as it stands in a tunnel header: in network order, above 8 bits */
	uint16_t mtu;	   /* inner L3, the least over all paths of the group, live or not */
	uint16_t mss4, mss6; /* 0: no clamp */
	uint8_t fragment;    /* IPv4 without DF is fragmented to mtu */
	uint8_t mac[6];	     /* our router MAC inside; also in frames we send */
	uint32_t peer[2];    /* neighbour ids of the peer's router MAC for IPv4 and IPv6 packets;
				Ethernet payload only */
	uint8_t has4, has6;
	uint32_t source4; /* our inner address, host order: for ARP inside */
	uint8_t source6[16];
};

/* A path group: paths of one site by index, and buckets that rank them. */
struct fwd_site {
	alignas(CACHE_LINE) uint8_t used;
	uint8_t paths;
	uint16_t path[FWD_SITE_PATHS]; /* path ids; 0 where no path has this index (ids start at 1)
					*/
	/* Each bucket: up to eight path indices, best first, FWD_NO_PATH where there is none. */
	alignas(CACHE_LINE) uint8_t bucket[FWD_BUCKETS][FWD_RANKS];
};

enum fwd_udp_checksum { FWD_CHECKSUM_ZERO = 0, FWD_CHECKSUM_SOFTWARE, FWD_CHECKSUM_DEVICE };

struct fwd_path {
	alignas(CACHE_LINE) uint8_t used;
	uint8_t family; /* of the underlay: IP_4 or IP_6 */
	uint8_t encapsulation;
	uint8_t udp_checksum;	    /* enum fwd_udp_checksum: what we send */
	uint8_t payload;	    /* enum fwd_payload; Ethernet here overrules an endpoint's IP */
	uint8_t ip_checksum_device; /* outer IPv4 header checksum left to the device */
	uint8_t accept_zero6;	    /* zero UDP checksum over IPv6 accepted from this peer */
	uint8_t port;		    /* port index */
	uint8_t index;		    /* in the site */
	uint16_t site;
	uint16_t mtu;	      /* outer L3: port MTU or the configured one */
	uint8_t outer_length; /* bytes of the template in use, L2 to end of tunnel header */
	uint8_t ip_offset, udp_offset, tunnel_offset;
	uint8_t option_offset; /* of the lane option, which tx completes; 0: there is none */
	uint32_t neighbour;    /* underlay next hop */
	uint32_t ip_sum; /* ones-complement sum of the IPv4 header with length, TOS, checksum 0 */
	uint32_t pseudo_sum; /* sum of the UDP pseudo header without length */
	/* Outer header: Ethernet (destination MAC zero), IP (length, TOS zero; TTL 64; DF), UDP
	 * (source port, length, checksum zero), Geneve or VXLAN (VNI and protocol zero), and the
	 * lane option where the path is measured (zero but for what it is). It ends with the array;
	 * what stands before it is zero. At most FWD_TEMPLATE_USED bytes. */
	alignas(CACHE_LINE) uint8_t header[FWD_TEMPLATE];
};

enum fwd_bfd_mode { FWD_BFD_OFF = 0, FWD_BFD_SINGLE_HOP, FWD_BFD_MULTIHOP, FWD_BFD_TUNNEL };

#define FWD_BFD_KEY 20

/* Failure detection of a path, by the path's id. Its addresses are the path's. */
struct fwd_bfd {
	alignas(CACHE_LINE) uint8_t mode; /* enum fwd_bfd_mode */
	uint8_t owner;			  /* worker; one for all sessions of a site */
	uint8_t multiplier;
	uint8_t admin_down;
	uint8_t authenticated; /* meticulous keyed SHA1 */
	uint8_t key_id;
	uint8_t key[FWD_BFD_KEY]; /* zeroes behind a shorter one */
	uint32_t discriminator;	  /* ours; the low 16 bits are the path's id */
	uint32_t tx_us, rx_us;
};

struct fwd_set {
	alignas(CACHE_LINE) uint8_t used;
	uint8_t hops;
	uint32_t neighbour[FWD_SET_HOPS];  /* neighbour ids */
	uint32_t attachment[FWD_SET_HOPS]; /* the attachment each is on */
	uint8_t bucket[FWD_SET_BUCKETS];   /* index of the hop */
};

/* (local, remote, encapsulation) → path id; small, rebuilt whole when a path changes. */
struct fwd_tunnel {
	struct ip_address local, remote;
	uint8_t encapsulation;
	uint16_t path; /* 0: empty */
};

struct fwd_tunnels {
	uint32_t mask; /* entries - 1; at most half are in use */
	struct fwd_tunnel entry[];
};

#define SNAPSHOT_BLOCK_OF(name) \
	struct name##_block { \
		struct name entry[SNAPSHOT_BLOCK]; \
	}

SNAPSHOT_BLOCK_OF(fwd_attachment);
SNAPSHOT_BLOCK_OF(fwd_bfd);
SNAPSHOT_BLOCK_OF(fwd_connection);
SNAPSHOT_BLOCK_OF(fwd_endpoint);
SNAPSHOT_BLOCK_OF(fwd_path);
SNAPSHOT_BLOCK_OF(fwd_set);

/* Sized at start; ids run from 1 to the limit, and the limits from the boot file. */
struct snapshot_limits {
	uint32_t connections, attachments, endpoints, sites, paths, sets;
};

struct snapshot {
	uint64_t generation;
	const struct snapshot_limits *limits;
	const struct fwd_port *port; /* FWD_PORTS entries */
	const struct fwd_tunnels *tunnels;
	const struct fwd_site *const *site; /* one block each, never NULL */
	const struct fwd_attachment_block *const *attachment;
	const struct fwd_connection_block *const *connection;
	const struct fwd_endpoint_block *const *endpoint;
	const struct fwd_path_block *const *path;
	const struct fwd_bfd_block *const *bfd;
	uint64_t bfd_generation; /* in which an entry of bfd last changed */
	const struct fwd_set_block *const *set;
};

#define SNAPSHOT_GETTER(name) \
	static inline const struct fwd_##name *snapshot_##name( \
		const struct snapshot *s, uint32_t id) \
	{ \
		return &s->name[id / SNAPSHOT_BLOCK]->entry[id % SNAPSHOT_BLOCK]; \
	}

SNAPSHOT_GETTER(attachment)
SNAPSHOT_GETTER(bfd)
SNAPSHOT_GETTER(connection)
SNAPSHOT_GETTER(endpoint)
SNAPSHOT_GETTER(path)
SNAPSHOT_GETTER(set)

static inline const struct fwd_site *snapshot_site(const struct snapshot *s, uint32_t id)
{
	return s->site[id];
}

/* Is this one of our underlay addresses on the port? */
bool snapshot_port_has(const struct fwd_port *port, const struct ip_address *address);

/* The same addresses give the same number; family tells how many bytes they have. */
static inline uint32_t snapshot_tunnel_hash(
	const uint8_t *local, const uint8_t *remote, uint8_t family, uint8_t encapsulation)
{
	uint64_t word[4] = {0};
	uint32_t hash = encapsulation;

	if (family == IP_4) {
		memcpy(word, local, 4);
		memcpy((uint8_t *)word + 4, remote, 4);
		return rte_hash_crc_8byte(word[0], hash);
	}
	memcpy(word, local, 16);
	memcpy(word + 2, remote, 16);
	for (unsigned i = 0; i < ARRAY_SIZE(word); i++)
		hash = rte_hash_crc_8byte(word[i], hash);
	return hash;
}

static inline bool snapshot_tunnel_is(const struct fwd_tunnel *t, const uint8_t *local,
	const uint8_t *remote, uint8_t family, uint8_t encapsulation)
{
	if (t->encapsulation != encapsulation || t->local.family != family)
		return false;
	if (family == IP_4)
		return memcmp(t->remote.bytes, remote, 4) == 0 &&
		       memcmp(t->local.bytes, local, 4) == 0;
	return memcmp(t->remote.bytes, remote, 16) == 0 && memcmp(t->local.bytes, local, 16) == 0;
}

/* Path id, or 0. Addresses as they stand in a packet. */
static inline uint16_t snapshot_tunnel_at(const struct snapshot *s, const uint8_t *local,
	const uint8_t *remote, uint8_t family, uint8_t encapsulation)
{
	const struct fwd_tunnels *tunnels = s->tunnels;
	uint32_t at = snapshot_tunnel_hash(local, remote, family, encapsulation);

	/* At most half of the entries are in use, so an empty one ends every search. */
	for (;; at++) {
		const struct fwd_tunnel *t = &tunnels->entry[at & tunnels->mask];

		if (t->path == 0 || snapshot_tunnel_is(t, local, remote, family, encapsulation))
			return t->path;
	}
}

/* The same for addresses of one family. */
uint16_t snapshot_tunnel(const struct snapshot *s, const struct ip_address *local,
	const struct ip_address *remote, uint8_t encapsulation);

/*
 * Building the next generation (control thread only). An edit starts from a published snapshot;
 * asking for an entry copies its block once and returns the copy's entry to be written. Nothing
 * that workers read is touched. Either commit or abandon ends the edit.
 */
struct snapshot_edit;

/* The empty generation 0; NULL on lack of memory. limits must outlive all snapshots. */
struct snapshot *snapshot_create(const struct snapshot_limits *limits);

struct snapshot_edit *snapshot_edit_begin(const struct snapshot *from);

/* Each NULL on lack of memory; the edit stays valid and may be abandoned. */
struct fwd_port *snapshot_edit_port(struct snapshot_edit *edit, uint32_t index);
struct fwd_attachment *snapshot_edit_attachment(struct snapshot_edit *edit, uint32_t id);
struct fwd_connection *snapshot_edit_connection(struct snapshot_edit *edit, uint32_t id);
struct fwd_endpoint *snapshot_edit_endpoint(struct snapshot_edit *edit, uint32_t id);
struct fwd_path *snapshot_edit_path(struct snapshot_edit *edit, uint32_t id);
struct fwd_bfd *snapshot_edit_bfd(struct snapshot_edit *edit, uint32_t id);
struct fwd_set *snapshot_edit_set(struct snapshot_edit *edit, uint32_t id);
struct fwd_site *snapshot_edit_site(struct snapshot_edit *edit, uint32_t id);
/* Replaces the tunnel table by these entries. 0 or -ENOMEM. */
int snapshot_edit_tunnels(
	struct snapshot_edit *edit, const struct fwd_tunnel *entry, uint32_t count);

/* Cannot fail. The new snapshot; the blocks of the old one that it does not share, and the old
 * root, go to *garbage, to be given to snapshot_free_garbage after a grace period. */
struct snapshot_garbage;
struct snapshot *snapshot_edit_commit(
	struct snapshot_edit *edit, struct snapshot_garbage **garbage);
void snapshot_edit_abandon(struct snapshot_edit *edit);
void snapshot_free_garbage(struct snapshot_garbage *garbage);

/* The last snapshot, with all its blocks; no reader may be left. */
void snapshot_destroy(const struct snapshot *snapshot);

#endif
