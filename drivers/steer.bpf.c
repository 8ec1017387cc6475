/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The steering program of an af_xdp port: picks the gateway's frames, leaves the rest to the
 * kernel. docs/decisions/010-af-xdp-steering.md has the table of what goes where.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/icmpv6.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "drivers/steermap.h"

#define GENEVE_PORT	 6081
#define VXLAN_PORT	 4789
#define BFD_PORT	 3784
#define BFD_FAR_PORT	 4784
#define EXTENSIONS	 4 /* IPv6 extension headers that are looked behind */
#define NEIGHBOUR_ASKS	 135
#define NEIGHBOUR_TELLS	 136
#define FRAGMENT_OFFSET	 0x1fff
#define FRAGMENT_OFFSET6 0xfff8
#define always_inline_	 static __attribute__((always_inline)) inline

/* net_af_xdp knows it by this name and puts each queue's socket in. */
struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, STEERMAP_QUEUES);
	__type(key, __u32);
	__type(value, __u32);
} xsks_map SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct steermap_config);
} config SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, STEERMAP_ADDRESSES);
	__type(key, __be32);
	__type(value, __u8);
} addresses4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, STEERMAP_ADDRESSES);
	__type(key, struct in6_addr);
	__type(value, __u8);
} addresses6 SEC(".maps");

/* The host's own addresses, of all its interfaces. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, STEERMAP_ADDRESSES);
	__type(key, __be32);
	__type(value, __u8);
} host4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, STEERMAP_ADDRESSES);
	__type(key, struct in6_addr);
	__type(value, __u8);
} host6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, STEERMAP_TAG_SETS);
	__type(key, struct steermap_tags);
	__type(value, __u8);
} tag_sets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, STEER_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

struct vlan_header {
	__be16 tci;
	__be16 type;
};

struct arp_packet {
	__be16 hardware, protocol;
	__u8 hardware_length, protocol_length;
	__be16 operation;
	__u8 sender_mac[6];
	__be32 sender __attribute__((packed));
	__u8 target_mac[6];
	__be32 target __attribute__((packed));
};

struct neighbour_message {
	struct icmp6hdr header;
	struct in6_addr target;
};

struct extension {
	__u8 next;
	__u8 length;	 /* 8 bytes each, without the first */
	__be16 fragment; /* of a fragment header */
	__be32 rest;
};

always_inline_ void count(enum steer_counter which)
{
	__u32 key = which;
	__u64 *counter = bpf_map_lookup_elem(&counters, &key);

	if (counter)
		*counter += 1;
}

always_inline_ int to_kernel(void)
{
	count(STEER_KERNEL);
	return XDP_PASS;
}

/* Dropped where no socket is live: the kernel would answer for us, or forward it. */
always_inline_ int to_gateway(struct xdp_md *ctx, enum steer_counter which)
{
	long verdict = bpf_redirect_map(&xsks_map, ctx->rx_queue_index, XDP_DROP);

	count(verdict == XDP_REDIRECT ? which : STEER_NO_SOCKET);
	return (int)verdict;
}

/* An untagged attachment takes the IP packets that are sent to the port's own MAC. */
always_inline_ int is_untagged(const struct ethhdr *eth)
{
	__u32 key = 0;
	struct steermap_config *c = bpf_map_lookup_elem(&config, &key);

	if (!c || !c->untagged)
		return 0;
	for (int i = 0; i < ETH_ALEN; i++) {
		if (eth->h_dest[i] != c->mac[i])
			return 0;
	}
	return 1;
}

/* Tunnels, and what watches their paths. */
always_inline_ int is_tunnel(const struct udphdr *udp, const void *end)
{
	if ((const void *)(udp + 1) > end)
		return 0;
	return udp->dest == bpf_htons(GENEVE_PORT) || udp->dest == bpf_htons(VXLAN_PORT) ||
	       udp->dest == bpf_htons(BFD_PORT) || udp->dest == bpf_htons(BFD_FAR_PORT);
}

always_inline_ int steer_tagged(
	struct xdp_md *ctx, const struct vlan_header *tag, __be16 type, const void *end)
{
	struct steermap_tags key = {};

	if ((const void *)(tag + 1) > end)
		return to_kernel();
	key.type[0] = bpf_ntohs(type);
	key.vlan[0] = bpf_ntohs(tag->tci) & 0xfff;
	if (tag->type == bpf_htons(ETH_P_8021Q) || tag->type == bpf_htons(ETH_P_8021AD)) {
		const struct vlan_header *inner = tag + 1;

		if ((const void *)(inner + 1) > end)
			return to_kernel();
		key.type[1] = bpf_ntohs(tag->type);
		key.vlan[1] = bpf_ntohs(inner->tci) & 0xfff;
	}
	if (!bpf_map_lookup_elem(&tag_sets, &key))
		return to_kernel();
	return to_gateway(ctx, STEER_TAGGED);
}

always_inline_ int steer_arp(struct xdp_md *ctx, const struct arp_packet *arp, const void *end)
{
	__be32 target;

	if ((const void *)(arp + 1) > end)
		return to_kernel();
	target = arp->target;
	if (arp->protocol != bpf_htons(ETH_P_IP) || !bpf_map_lookup_elem(&addresses4, &target))
		return to_kernel();
	return to_gateway(ctx, STEER_ARP);
}

always_inline_ int steer_ip4(
	struct xdp_md *ctx, const struct ethhdr *eth, const struct iphdr *ip, const void *end)
{
	__be32 destination;
	int ours;

	if ((const void *)(ip + 1) > end || ip->ihl < 5)
		return to_kernel();
	destination = ip->daddr;
	ours = bpf_map_lookup_elem(&addresses4, &destination) != 0;
	if (ours && ip->protocol == IPPROTO_ICMP)
		return to_gateway(ctx, STEER_ICMP);
	if (ours && ip->protocol == IPPROTO_UDP) {
		/* A later fragment shows no port: what else would UDP to our address be. */
		if (ip->frag_off & bpf_htons(FRAGMENT_OFFSET))
			return to_gateway(ctx, STEER_TUNNEL);
		if (is_tunnel((const void *)ip + ip->ihl * 4, end))
			return to_gateway(ctx, STEER_TUNNEL);
	}
	/* Multicast and broadcast are not carried. */
	if ((destination & bpf_htonl(0xe0000000)) == bpf_htonl(0xe0000000))
		return to_kernel();
	if (!is_untagged(eth) || bpf_map_lookup_elem(&host4, &destination))
		return to_kernel();
	return to_gateway(ctx, STEER_UNTAGGED);
}

always_inline_ int is_extension(__u8 header)
{
	return header == IPPROTO_HOPOPTS || header == IPPROTO_ROUTING ||
	       header == IPPROTO_FRAGMENT || header == IPPROTO_DSTOPTS;
}

/* The neighbour who is asked for decides, not the group the question is sent to: several addresses,
 * also the host's, may share a solicited-node group. */
always_inline_ int asks_for_us(const struct neighbour_message *message, const void *end)
{
	struct in6_addr target;

	if ((const void *)(message + 1) > end || message->header.icmp6_type != NEIGHBOUR_ASKS)
		return 0;
	target = message->target;
	return bpf_map_lookup_elem(&addresses6, &target) != 0;
}

always_inline_ int steer_icmp6(struct xdp_md *ctx, const struct icmp6hdr *icmp, const void *end)
{
	int neighbour = (const void *)(icmp + 1) <= end &&
			(icmp->icmp6_type == NEIGHBOUR_ASKS || icmp->icmp6_type == NEIGHBOUR_TELLS);

	return to_gateway(ctx, neighbour ? STEER_ND : STEER_ICMP);
}

always_inline_ int steer_ip6(
	struct xdp_md *ctx, const struct ethhdr *eth, const struct ipv6hdr *ip, const void *end)
{
	struct in6_addr destination;
	const void *next = ip + 1;
	__u8 protocol;
	int ours, later = 0;

	if (next > end)
		return to_kernel();
	destination = ip->daddr;
	protocol = ip->nexthdr;
	ours = bpf_map_lookup_elem(&addresses6, &destination) != 0;
	/* Neighbour discovery has no extension headers: RFC 4861 lets a fragmented one be ignored.
	 */
	if (protocol == IPPROTO_ICMPV6 && !ours && asks_for_us(next, end))
		return to_gateway(ctx, STEER_ND);
	for (int i = 0; ours && i < EXTENSIONS && is_extension(protocol); i++) {
		const struct extension *extension = next;

		if ((const void *)(extension + 1) > end)
			return to_kernel();
		if (protocol == IPPROTO_FRAGMENT) {
			later = (extension->fragment & bpf_htons(FRAGMENT_OFFSET6)) != 0;
			next += sizeof(*extension);
		} else {
			next += 8 + extension->length * 8;
		}
		protocol = extension->next;
		if (later)
			break;
	}
	if (ours && protocol == IPPROTO_ICMPV6)
		return steer_icmp6(ctx, next, end);
	if (ours && protocol == IPPROTO_UDP && (later || is_tunnel(next, end)))
		return to_gateway(ctx, STEER_TUNNEL);
	if (destination.in6_u.u6_addr8[0] == 0xff)
		return to_kernel();
	if (!is_untagged(eth) || bpf_map_lookup_elem(&host6, &destination))
		return to_kernel();
	return to_gateway(ctx, STEER_UNTAGGED);
}

SEC("xdp")
int trunkline_steer(struct xdp_md *ctx)
{
	const void *start = (const void *)(long)ctx->data;
	const void *end = (const void *)(long)ctx->data_end;
	const struct ethhdr *eth = start;

	if ((const void *)(eth + 1) > end)
		return to_kernel();
	switch (eth->h_proto) {
	case bpf_htons(ETH_P_8021Q):
	case bpf_htons(ETH_P_8021AD):
		return steer_tagged(ctx, (const void *)(eth + 1), eth->h_proto, end);
	case bpf_htons(ETH_P_ARP):
		return steer_arp(ctx, (const void *)(eth + 1), end);
	case bpf_htons(ETH_P_IP):
		return steer_ip4(ctx, eth, (const void *)(eth + 1), end);
	case bpf_htons(ETH_P_IPV6):
		return steer_ip6(ctx, eth, (const void *)(eth + 1), end);
	default:
		return to_kernel();
	}
}

char licence[] SEC("license") = "BSD-3-Clause";
