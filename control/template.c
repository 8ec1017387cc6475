/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/template.h"

#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "dataplane/wire/checksum.h"
#include "dataplane/wire/laneoption.h"

#define ETHER_BYTES   14
#define IP4_BYTES     20
#define IP6_BYTES     40
#define UDP_BYTES     8
#define TUNNEL_BYTES  8 /* Geneve without options, or VXLAN */
#define HOP_LIMIT     64
#define VXLAN_HAS_VNI 0x08

static void put16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* Of the addresses and the protocol; the length is added packet by packet. */
static uint32_t pseudo_sum(const uint8_t *addresses, unsigned length)
{
	return (uint32_t)checksum_add(htons(IPPROTO_UDP), addresses, length);
}

static void build_ip4(
	struct fwd_path *path, const struct ip_address *local, const struct ip_address *remote)
{
	uint8_t *ip = &path->header[path->ip_offset];

	ip[0] = 0x45;
	put16(&ip[6], 0x4000); /* never fragmented; so the identification may stay 0 (RFC 6864) */
	ip[8] = HOP_LIMIT;
	ip[9] = IPPROTO_UDP;
	memcpy(&ip[12], local->bytes, 4);
	memcpy(&ip[16], remote->bytes, 4);
	path->ip_sum = checksum_ip4_header(ip);
	path->pseudo_sum = pseudo_sum(&ip[12], 8);
}

static void build_ip6(
	struct fwd_path *path, const struct ip_address *local, const struct ip_address *remote)
{
	uint8_t *ip = &path->header[path->ip_offset];

	ip[0] = 0x60;
	ip[6] = IPPROTO_UDP;
	ip[7] = HOP_LIMIT;
	memcpy(&ip[8], local->bytes, 16);
	memcpy(&ip[24], remote->bytes, 16);
	path->ip_sum = 0;
	path->pseudo_sum = pseudo_sum(&ip[8], 32);
}

/* What of the lane option is the same in every packet. */
static void add_option(struct fwd_path *path)
{
	uint32_t word = htonl(LANEOPTION_WORD);

	path->option_offset = path->outer_length;
	path->outer_length = (uint8_t)(path->outer_length + LANEOPTION_BYTES);
	path->header[path->tunnel_offset] = LANEOPTION_BYTES / 4;
	memcpy(&path->header[path->option_offset], &word, sizeof(word));
}

void template_build(struct fwd_path *path, const uint8_t source_mac[6],
	const struct ip_address *local, const struct ip_address *remote, bool measured)
{
	bool ip6 = local->family == IP_6;
	bool vxlan = path->encapsulation == FWD_VXLAN;

	memset(path->header, 0, sizeof(path->header));
	path->option_offset = 0;
	path->family = local->family;
	path->ip_offset = ETHER_BYTES;
	path->udp_offset = (uint8_t)(ETHER_BYTES + (ip6 ? IP6_BYTES : IP4_BYTES));
	path->tunnel_offset = (uint8_t)(path->udp_offset + UDP_BYTES);
	path->outer_length = (uint8_t)(path->tunnel_offset + TUNNEL_BYTES);
	memcpy(&path->header[6], source_mac, 6);
	put16(&path->header[12], ip6 ? 0x86dd : 0x0800);
	if (ip6)
		build_ip6(path, local, remote);
	else
		build_ip4(path, local, remote);
	put16(&path->header[path->udp_offset + 2], vxlan ? FWD_VXLAN_PORT : FWD_GENEVE_PORT);
	if (vxlan)
		path->header[path->tunnel_offset] = VXLAN_HAS_VNI;
	else if (measured)
		add_option(path);
	/* Its end is what stands still: it is copied as whole words that end where the packet
	 * begins. */
	memmove(&path->header[FWD_TEMPLATE - path->outer_length], path->header, path->outer_length);
	memset(path->header, 0, FWD_TEMPLATE - path->outer_length);
}
