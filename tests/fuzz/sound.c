/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/fuzz/sound.h"

#include <string.h>

#include "dataplane/wire/tunnel.h"

#define TYPE_ARP 0x0806
#define TYPE_IP4 0x0800
#define TYPE_IP6 0x86dd

#define GENEVE 6081
#define VXLAN  4789

static void amend_payload(uint16_t type, uint8_t *packet, uint32_t bytes, unsigned parts);

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* Where the checksum of this transport lies; 0: it has none. */
static uint32_t sum_offset(uint8_t protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return 16;
	case IPPROTO_UDP:
		return 6;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return 2;
	default:
		return 0;
	}
}

/* Of the transport header and its payload, with what the family puts before it. */
static uint16_t transport_sum(const uint8_t *packet, const struct ippacket *ip, uint32_t bytes)
{
	bool v6 = packet[0] >> 4 == 6;
	const uint8_t *source = packet + (v6 ? 8 : 12);
	unsigned size = v6 ? 16 : 4;
	uint64_t sum = 0;

	if (v6 || ip->l4_protocol != IPPROTO_ICMP)
		sum = checksum_pseudo(source, source + size, size, ip->l4_protocol, bytes);
	return checksum_fold(checksum_add(sum, packet + ip->l4_offset, bytes));
}

/* Bytes that a transport checksum covers; 0: they cannot be told. */
static uint32_t transport_bytes(const uint8_t *packet, const struct ippacket *ip)
{
	uint32_t rest = (uint32_t)ip->length - ip->l4_offset, own;

	if (ip->l4_protocol != IPPROTO_UDP)
		return rest;
	own = ippacket_be16(packet + ip->l4_offset + 4);
	return own < 8 || own > rest ? 0 : own;
}

static bool has_sum(const uint8_t *l4, uint8_t protocol)
{
	return protocol != IPPROTO_UDP || l4[6] != 0 || l4[7] != 0;
}

/* The tunnel behind a UDP header; false: there is none. */
static bool find_tunnel(const uint8_t *udp, uint32_t bytes, struct tunnel *t)
{
	uint16_t port = ippacket_be16(udp + 2);

	if (port == GENEVE)
		return tunnel_geneve(udp + 8, bytes - 8, t) == VERDICT_GO;
	return port == VXLAN && tunnel_vxlan(udp + 8, bytes - 8, t) == VERDICT_GO;
}

static void amend_tunnel(uint8_t *udp, uint32_t bytes, unsigned parts)
{
	struct tunnel t;

	if (!find_tunnel(udp, bytes, &t))
		return;
	udp += 8 + t.bytes;
	bytes -= 8u + t.bytes;
	if (t.protocol == TUNNEL_ETHERNET)
		sound_amend(udp, bytes, parts);
	else
		amend_payload(t.protocol, udp, bytes, parts);
}

static void amend_transport(uint8_t *packet, const struct ippacket *ip, unsigned parts)
{
	uint8_t *l4 = packet + ip->l4_offset;
	uint32_t at = sum_offset(ip->l4_protocol), bytes;
	uint16_t sum;

	if (at == 0)
		return;
	if (ip->l4_protocol == IPPROTO_UDP && (parts & SOUND_LENGTHS))
		put16(l4 + 4, (uint32_t)ip->length - ip->l4_offset);
	bytes = transport_bytes(packet, ip);
	if (bytes == 0)
		return;
	if (ip->l4_protocol == IPPROTO_UDP)
		amend_tunnel(l4, bytes, parts);
	if (!(parts & SOUND_SUMS) || !has_sum(l4, ip->l4_protocol))
		return;
	put16(l4 + at, 0);
	sum = (uint16_t)~transport_sum(packet, ip, bytes);
	if (sum == 0)
		sum = ip->l4_protocol == IPPROTO_UDP ? 0xffff : 0;
	memcpy(l4 + at, &sum, 2);
}

static void amend_ip4(uint8_t *packet, uint32_t bytes, unsigned parts)
{
	uint32_t header = bytes > 0 ? (uint32_t)(packet[0] & 15) * 4 : 0;
	struct ippacket ip;
	uint16_t sum;

	if (header < 20 || header > bytes)
		return;
	if (parts & SOUND_LENGTHS)
		put16(packet + 2, bytes);
	if (parts & SOUND_SUMS) {
		put16(packet + 10, 0);
		sum = (uint16_t)~checksum_fold(checksum_add(0, packet, header));
		memcpy(packet + 10, &sum, 2);
	}
	if (ippacket_inspect4(packet, bytes, &ip) == VERDICT_GO)
		amend_transport(packet, &ip, parts);
}

static void amend_ip6(uint8_t *packet, uint32_t bytes, unsigned parts)
{
	struct ippacket ip;

	if (bytes >= 40 && (parts & SOUND_LENGTHS))
		put16(packet + 4, bytes - 40);
	if (ippacket_inspect6(packet, bytes, &ip) == VERDICT_GO)
		amend_transport(packet, &ip, parts);
}

static void amend_payload(uint16_t type, uint8_t *packet, uint32_t bytes, unsigned parts)
{
	if (type == TYPE_IP4)
		amend_ip4(packet, bytes, parts);
	else if (type == TYPE_IP6)
		amend_ip6(packet, bytes, parts);
}

void sound_amend(uint8_t *frame, uint32_t bytes, unsigned parts)
{
	struct ethernet at;

	if (ethernet_parse(frame, bytes, &at) == VERDICT_GO)
		amend_payload(at.type, frame + at.header, bytes - at.header, parts);
}

static bool judge_transport(const uint8_t *packet, const struct ippacket *ip, unsigned parts)
{
	const uint8_t *l4 = packet + ip->l4_offset;
	uint32_t bytes;

	if (!(parts & SOUND_SUMS) || sum_offset(ip->l4_protocol) == 0)
		return true;
	bytes = transport_bytes(packet, ip);
	return bytes == 0 || !has_sum(l4, ip->l4_protocol) ||
	       transport_sum(packet, ip, bytes) == 0xffff;
}

/* An IP packet that is all of these bytes. */
static bool judge_ip(uint16_t type, const uint8_t *packet, uint32_t bytes, struct ippacket *ip)
{
	unsigned verdict = type == TYPE_IP4 ? ippacket_inspect4(packet, bytes, ip)
					    : ippacket_inspect6(packet, bytes, ip);

	return verdict == VERDICT_GO && ip->length == bytes &&
	       packet[type == TYPE_IP4 ? 8 : 7] != 0;
}

static bool judge_payload(const struct sound_frame *at, uint32_t bytes, unsigned parts)
{
	struct ippacket ip;

	if (at->type == TYPE_ARP)
		return bytes == 28;
	return (at->type == TYPE_IP4 || at->type == TYPE_IP6) &&
	       judge_ip(at->type, at->packet, bytes, &ip) &&
	       judge_transport(at->packet, &ip, parts);
}

static bool judge_tunnel(
	const uint8_t *packet, const struct ippacket *ip, unsigned parts, struct sound_frame *out)
{
	const uint8_t *udp = packet + ip->l4_offset;
	uint32_t bytes = transport_bytes(packet, ip), rest = (uint32_t)ip->length - ip->l4_offset;
	struct ethernet at;
	struct tunnel t;

	/* Whatever the input was: this checksum is of our own making. */
	if (bytes != rest || !find_tunnel(udp, bytes, &t) ||
		!judge_transport(packet, ip, SOUND_SUMS))
		return false;
	out->tunnel = true;
	out->vni = t.vni;
	out->frame = NULL;
	out->packet = udp + 8 + t.bytes;
	out->type = t.protocol;
	bytes -= 8u + t.bytes;
	if (t.protocol == TUNNEL_ETHERNET) {
		if (ethernet_parse(out->packet, bytes, &at) != VERDICT_GO || at.header != 14)
			return false;
		out->frame = out->packet;
		out->packet += 14;
		out->type = at.type;
		bytes -= 14;
	}
	return judge_payload(out, bytes, parts);
}

bool sound_judge(
	const uint8_t *frame, uint32_t bytes, unsigned parts, bool tunnels, struct sound_frame *out)
{
	struct ippacket ip;

	*out = (struct sound_frame){.frame = frame};
	if (ethernet_parse(frame, bytes, &out->ethernet) != VERDICT_GO)
		return false;
	out->packet = frame + out->ethernet.header;
	out->type = out->ethernet.type;
	bytes -= out->ethernet.header;
	if (!tunnels || out->type == TYPE_ARP || !judge_ip(out->type, out->packet, bytes, &ip) ||
		ip.l4_protocol != IPPROTO_UDP)
		return judge_payload(out, bytes, parts);
	return judge_tunnel(out->packet, &ip, parts, out);
}
