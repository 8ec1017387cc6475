/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/oam/oamframe.h"

#include <rte_ether.h>

#include "dataplane/wire/ippacket.h"
#include "dataplane/wire/tunnel.h"

#define TTL		     255
#define TOS		     0xc0 /* CS6: network control */
#define GENEVE_O	     0x80
#define ADDRESS_AT4	     12 /* in the IP header: source, then destination */
#define ADDRESS_AT6	     8
#define UDP_BYTES	     8
#define TUNNEL_BYTES	     8
#define HEADER_BYTES(family) ((family) == IP_4 ? 20u : 40u)

static const uint8_t loopback4[16] = {127, 0, 0, 1};
/* RFC 8971 3 has IPv4's loopback mapped, RFC 9780 a prefix of its own. */
static const uint8_t mapped_loopback[16] = {[10] = 0xff, 0xff, 127, 0, 0, 1};
static const uint8_t dummy6[16] = {1, 0, 0, 0, 0, 0, 0, 1, [15] = 1};
static const uint8_t vxlan_station[6] = {0x00, 0x00, 0x5e, 0x00, 0x52, 0x02};

static void store_be16(uint8_t *at, uint32_t value)
{
	uint16_t word = rte_cpu_to_be_16((uint16_t)value);

	memcpy(at, &word, 2);
}

static uint16_t ether_type(uint8_t family)
{
	return family == IP_4 ? RTE_ETHER_TYPE_IPV4 : RTE_ETHER_TYPE_IPV6;
}

static const uint8_t *outer_of(const struct fwd_path *path)
{
	return path->header + FWD_TEMPLATE - path->outer_length;
}

/* Our address on the path, and behind it the peer's. */
static const uint8_t *addresses_of(const struct fwd_path *path)
{
	const uint8_t *ip = outer_of(path) + path->ip_offset;

	return ip + (path->family == IP_4 ? ADDRESS_AT4 : ADDRESS_AT6);
}

static uint8_t *put_ip(uint8_t *ip, uint8_t family, const uint8_t *source,
	const uint8_t *destination, uint32_t payload)
{
	uint16_t sum;

	memset(ip, 0, HEADER_BYTES(family));
	if (family == IP_6) {
		ip[0] = 0x60 | TOS >> 4;
		ip[1] = (uint8_t)(TOS << 4);
		store_be16(ip + 4, payload);
		ip[6] = IPPROTO_UDP;
		ip[7] = TTL;
		memcpy(ip + ADDRESS_AT6, source, 16);
		memcpy(ip + ADDRESS_AT6 + 16, destination, 16);
		return ip + 40;
	}
	ip[0] = 0x45;
	ip[1] = TOS;
	store_be16(ip + 2, 20 + payload);
	ip[6] = 0x40; /* never fragmented; so the identification may stay 0 (RFC 6864) */
	ip[8] = TTL;
	ip[9] = IPPROTO_UDP;
	memcpy(ip + ADDRESS_AT4, source, 4);
	memcpy(ip + ADDRESS_AT4 + 4, destination, 4);
	sum = (uint16_t)~checksum_ip4_header(ip);
	memcpy(ip + 10, &sum, 2);
	return ip + 20;
}

/* The checksum of a UDP datagram whose own is zero so far; both addresses stand together. */
static void sum_udp(uint8_t *udp, uint8_t family, const uint8_t *addresses, uint32_t length)
{
	size_t bytes = family == IP_4 ? 4 : 16;
	uint64_t sum = checksum_pseudo(addresses, addresses + bytes, bytes, IPPROTO_UDP, length);
	uint16_t folded = (uint16_t)~checksum_fold(checksum_add(sum, udp, length));

	/* Zero would say that there is none (RFC 768). */
	folded = folded == 0 ? 0xffff : folded;
	memcpy(udp + 6, &folded, 2);
}

static uint8_t *put_message(uint8_t *ip, uint8_t family, const uint8_t *source,
	const uint8_t *destination, const struct oamframe_message *message)
{
	uint32_t length = UDP_BYTES + (uint32_t)message->length;
	uint8_t *udp = put_ip(ip, family, source, destination, length);

	store_be16(udp, message->source);
	store_be16(udp + 2, message->destination);
	store_be16(udp + 4, length);
	store_be16(udp + 6, 0);
	memcpy(udp + UDP_BYTES, message->bytes, message->length);
	sum_udp(udp, family, ip + (family == IP_4 ? ADDRESS_AT4 : ADDRESS_AT6), length);
	return udp + length;
}

static uint32_t write_plain(
	uint8_t *frame, const struct fwd_path *path, const struct oamframe_message *message)
{
	const uint8_t *ours = addresses_of(path);
	uint8_t *ip = frame + path->ip_offset;
	uint8_t *end;

	memcpy(frame, outer_of(path), path->ip_offset);
	end = put_message(ip, path->family, ours, ours + (path->family == IP_4 ? 4 : 16), message);
	return (uint32_t)(end - frame);
}

/* Lengths and checksums of the outer headers, once what they carry is written. */
static void close_outer(uint8_t *frame, const struct fwd_path *path, uint32_t bytes)
{
	uint8_t *ip = frame + path->ip_offset, *udp = frame + path->udp_offset;
	uint32_t length = bytes - path->udp_offset;
	const uint8_t *addresses = addresses_of(path);
	uint8_t at = path->family == IP_4 ? 4 : 16;

	store_be16(udp + 4, length);
	put_ip(ip, path->family, addresses, addresses + at, length);
	if (path->udp_checksum != FWD_CHECKSUM_ZERO)
		sum_udp(udp, path->family, addresses, length);
}

static const uint8_t *end_address(const struct fwd_path *path)
{
	if (path->family == IP_4)
		return loopback4;
	return path->encapsulation == FWD_GENEVE ? dummy6 : mapped_loopback;
}

static uint32_t write_tunnelled(
	uint8_t *frame, const struct fwd_path *path, const struct oamframe_message *message)
{
	const uint8_t *outer = outer_of(path);
	uint8_t *tunnel = frame + path->tunnel_offset, *inner = tunnel + TUNNEL_BYTES, *end;

	memcpy(frame, outer, path->tunnel_offset + TUNNEL_BYTES);
	store_be16(frame + path->udp_offset, message->lane);
	tunnel[6] = TUNNEL_MANAGEMENT;
	if (path->encapsulation == FWD_GENEVE) {
		/* Without the lane option: only what customers send is numbered. */
		tunnel[0] = 0;
		tunnel[1] |= GENEVE_O;
		store_be16(tunnel + 2, ether_type(path->family));
	} else {
		memcpy(inner, vxlan_station, 6);
		memcpy(inner + 6, outer + 6, 6);
		store_be16(inner + 12, ether_type(path->family));
		inner += 14;
	}
	end = put_message(inner, path->family, addresses_of(path), end_address(path), message);
	close_outer(frame, path, (uint32_t)(end - frame));
	return (uint32_t)(end - frame);
}

uint32_t oamframe_write(uint8_t *frame, const struct fwd_path *path, uint64_t next_hop,
	const struct oamframe_message *message)
{
	uint32_t bytes = message->tunnelled ? write_tunnelled(frame, path, message)
					    : write_plain(frame, path, message);

	memcpy(frame, &next_hop, 6);
	return bytes;
}

static struct ip_address address_at(const uint8_t *bytes, uint8_t family)
{
	struct ip_address ip = {.family = family};

	memcpy(ip.bytes, bytes, family == IP_4 ? 4 : 16);
	return ip;
}

static bool udp_sound(const uint8_t *ip, const uint8_t *udp, uint32_t room, uint8_t family)
{
	uint32_t length = ippacket_be16(udp + 4);
	size_t bytes = family == IP_4 ? 4 : 16;
	const uint8_t *addresses = ip + (family == IP_4 ? ADDRESS_AT4 : ADDRESS_AT6);
	uint64_t sum;

	if (length < UDP_BYTES || length > room)
		return false;
	if (udp[6] == 0 && udp[7] == 0)
		return family == IP_4;
	sum = checksum_pseudo(addresses, addresses + bytes, bytes, IPPROTO_UDP, length);
	return checksum_fold(checksum_add(sum, udp, length)) == 0xffff;
}

static unsigned read_ip(const uint8_t *ip, uint32_t available, uint8_t family, struct oamframe *out)
{
	bool v4 = family == IP_4;
	const uint8_t *udp, *addresses = ip + (v4 ? ADDRESS_AT4 : ADDRESS_AT6);
	struct ippacket packet;
	unsigned verdict = v4 ? ippacket_inspect4(ip, available, &packet)
			      : ippacket_inspect6(ip, available, &packet);

	if (verdict != VERDICT_GO || packet.l4_protocol != IPPROTO_UDP)
		return DROP_OAM_FRAME;
	udp = ip + packet.l4_offset;
	if (!udp_sound(ip, udp, (uint32_t)packet.length - packet.l4_offset, family))
		return DROP_OAM_FRAME;
	*out = (struct oamframe){.message = udp + UDP_BYTES,
		.length = ippacket_be16(udp + 4) - (uint32_t)UDP_BYTES,
		.source = address_at(addresses, family),
		.destination = address_at(addresses + (v4 ? 4 : 16), family),
		.destination_port = ippacket_be16(udp + 2),
		.ttl = v4 ? ip[8] : ip[7]};
	return VERDICT_GO;
}

unsigned oamframe_read(
	const uint8_t *bytes, uint32_t available, uint16_t protocol, struct oamframe *out)
{
	if (protocol == TUNNEL_ETHERNET) {
		if (available < 14)
			return DROP_OAM_FRAME;
		protocol = ippacket_be16(bytes + 12);
		bytes += 14;
		available -= 14;
	}
	if (protocol == RTE_ETHER_TYPE_IPV4)
		return read_ip(bytes, available, IP_4, out);
	if (protocol == RTE_ETHER_TYPE_IPV6)
		return read_ip(bytes, available, IP_6, out);
	return DROP_OAM_FRAME;
}

bool oamframe_names_end(const struct ip_address *address)
{
	static const uint8_t one[16] = {[15] = 1};

	if (address->family == IP_4)
		return address->bytes[0] == 127;
	return memcmp(address->bytes, one, 16) == 0 || memcmp(address->bytes, dummy6, 8) == 0 ||
	       memcmp(address->bytes, mapped_loopback, 13) == 0;
}
