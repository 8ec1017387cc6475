/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A VLAN switch for kernels without 802.1Q: access interfaces see plain frames, the trunk sees the
 * same frames with one or two tags. Runs at the ingress of all of them.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "tests/tools/tagger.h"

#define VLAN_MASK 0x0fff

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TAGGER_MEMBERS);
	__type(key, struct tagger_tags);
	__type(value, unsigned int);
} by_tags SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TAGGER_MEMBERS);
	__type(key, unsigned int);
	__type(value, struct tagger_access);
} by_interface SEC(".maps");

static __always_inline int is_tag(unsigned short protocol)
{
	return protocol == ETH_P_8021Q || protocol == ETH_P_8021AD;
}

/* The kernel has taken the outer tag off before this runs; an inner one is still in the frame. */
static __always_inline void read_tags(struct __sk_buff *skb, struct tagger_tags *tags)
{
	__be16 words[2];

	if (!skb->vlan_present)
		return;
	tags->protocol[0] = bpf_ntohs((__be16)skb->vlan_proto);
	tags->vlan[0] = skb->vlan_tci & VLAN_MASK;
	if (bpf_skb_load_bytes(skb, 2 * ETH_ALEN, words, sizeof(words)) != 0)
		return;
	if (!is_tag(bpf_ntohs(words[0])))
		return;
	tags->protocol[1] = bpf_ntohs(words[0]);
	tags->vlan[1] = bpf_ntohs(words[1]) & VLAN_MASK;
}

SEC("tc")
int from_trunk(struct __sk_buff *skb)
{
	struct tagger_tags tags = {};
	unsigned int *access;

	read_tags(skb, &tags);
	access = bpf_map_lookup_elem(&by_tags, &tags);
	if (!access)
		return TC_ACT_SHOT;
	if (tags.protocol[0] && bpf_skb_vlan_pop(skb) != 0)
		return TC_ACT_SHOT;
	if (tags.protocol[1] && bpf_skb_vlan_pop(skb) != 0)
		return TC_ACT_SHOT;
	return (int)bpf_redirect(*access, 0);
}

SEC("tc")
int from_access(struct __sk_buff *skb)
{
	unsigned int interface = skb->ifindex;
	const struct tagger_access *access = bpf_map_lookup_elem(&by_interface, &interface);
	const struct tagger_tags *tags;

	if (!access)
		return TC_ACT_SHOT;
	tags = &access->tags;
	/* The inner one first: a push goes in front of what is there. */
	if (tags->protocol[1] &&
		bpf_skb_vlan_push(skb, bpf_htons(tags->protocol[1]), tags->vlan[1]) != 0)
		return TC_ACT_SHOT;
	if (tags->protocol[0] &&
		bpf_skb_vlan_push(skb, bpf_htons(tags->protocol[0]), tags->vlan[0]) != 0)
		return TC_ACT_SHOT;
	return (int)bpf_redirect(access->trunk, 0);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
