/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What must be true of an IP packet before it is forwarded, and where its transport header lies.
 * Pure functions over bytes; every read is covered by the length given.
 */
#ifndef DATAPLANE_WIRE_IPPACKET_H
#define DATAPLANE_WIRE_IPPACKET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_byteorder.h>
#include <rte_ip.h>

#include "dataplane/base/drop.h"
#include "dataplane/base/macros.h"
#include "dataplane/wire/checksum.h"

#define IPPACKET_NO_L4		 255 /* protocol of a packet whose transport header cannot be read */
#define IPPACKET_EXTENSIONS	 8   /* IPv6 extension headers walked */
#define IPPACKET_EXTENSION_BYTES 512

struct ippacket {
	uint16_t length;     /* of the whole packet by its own header */
	uint16_t l4_offset;  /* from the start of the IP header */
	uint8_t l4_protocol; /* IPPACKET_NO_L4: fragment, or too short for ports */
	uint8_t protocol;    /* of the payload, also of a fragment; for IPv6 after extensions */
	bool fragment;
};

static inline uint16_t ippacket_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t ippacket_be32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return rte_be_to_cpu_32(v);
}

static inline uint64_t ippacket_be64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return rte_be_to_cpu_64(v);
}

/* True where the options of a header of that many bytes hold a source route (RFC 7126). */
bool ippacket_source_route(const uint8_t *header, uint32_t header_bytes);

/* Is this the number of an IPv6 extension header that another header follows, and how long is one
 * of whose first eight bytes this is the start? */
bool ippacket_is_extension(uint8_t protocol);
uint32_t ippacket_extension_bytes(uint8_t protocol, const uint8_t *header);

/* Walks IPv6 extension headers. VERDICT_GO or DROP_IP6_EXTENSION. */
unsigned ippacket_extensions(const uint8_t *packet, struct ippacket *out);

/* Bytes that we read of a transport header, by protocol; 0: none. */
extern const uint8_t ippacket_l4_bytes[256];

/* The protocol, where there are enough bytes of it for what we read. */
static inline uint8_t ippacket_l4(uint8_t protocol, uint32_t bytes)
{
	return bytes >= ippacket_l4_bytes[protocol] ? protocol : IPPACKET_NO_L4;
}

/* Checksum and options of a header that has them. VERDICT_GO or the reason. */
unsigned ippacket_options4(const uint8_t *packet, uint32_t header);

/* Checks of RFC 1812 5.2.2. available: bytes from the IP header on, padding included. */
static inline unsigned ippacket_inspect4(
	const uint8_t *packet, uint32_t available, struct ippacket *out)
{
	uint32_t header = 20, total;
	unsigned verdict = VERDICT_GO;
	uint16_t place;

	if (unlikely_(available < 20))
		return DROP_IP_TRUNCATED;
	if (unlikely_(packet[0] != 0x45))
		header = (uint32_t)(packet[0] & 15) * 4;
	total = ippacket_be16(packet + 2);
	if (unlikely_(packet[0] >> 4 != 4 || header < 20 || total < header))
		return DROP_IP_HEADER;
	if (unlikely_(total > available))
		return DROP_IP_TRUNCATED;
	if (unlikely_(header != 20))
		verdict = ippacket_options4(packet, header);
	else if (unlikely_(checksum_ip4_header(packet) != 0xffff))
		verdict = DROP_IP_CHECKSUM;
	memcpy(&place, packet + 6, 2);
	out->length = (uint16_t)total;
	out->l4_offset = (uint16_t)header;
	out->protocol = packet[9];
	out->fragment = (place & rte_cpu_to_be_16(0x3fff)) != 0;
	out->l4_protocol = out->fragment ? IPPACKET_NO_L4 : ippacket_l4(packet[9], total - header);
	return verdict;
}

/* Checks of RFC 8200. Jumbograms (length 0 with payload) are refused. */
static inline unsigned ippacket_inspect6(
	const uint8_t *packet, uint32_t available, struct ippacket *out)
{
	uint32_t total;

	if (available < 40)
		return DROP_IP_TRUNCATED;
	if (packet[0] >> 4 != 6)
		return DROP_IP_HEADER;
	total = 40u + ippacket_be16(packet + 4);
	if (total > available)
		return DROP_IP_TRUNCATED;
	if (total > UINT16_MAX)
		return DROP_IP_HEADER;
	out->length = (uint16_t)total;
	out->l4_offset = 40;
	out->protocol = packet[6];
	out->fragment = false;
	if (packet[6] == IPPROTO_TCP || packet[6] == IPPROTO_UDP || packet[6] == IPPROTO_ICMPV6) {
		out->l4_protocol = ippacket_l4(packet[6], total - 40);
		return VERDICT_GO;
	}
	return ippacket_extensions(packet, out);
}

/* By the first byte of an IPv4 address: what its packet is dropped for as a source and as a
 * destination, 0: nothing. */
extern const uint8_t ippacket_source4[256], ippacket_destination4[256];

/* Addresses that are never forwarded. VERDICT_GO or the reason. */
static inline unsigned ippacket_addresses4(const uint8_t *packet)
{
	unsigned source = ippacket_source4[packet[12]];
	unsigned destination = ippacket_destination4[packet[16]];

	if (likely_((source | destination) == 0))
		return VERDICT_GO;
	if (source != 0)
		return source;
	return ippacket_be32(packet + 16) == UINT32_MAX ? DROP_MULTICAST : destination;
}

/* ::, ::1 and IPv4-mapped addresses. */
static inline bool ippacket_martian6(const uint8_t *address)
{
	uint64_t high = ippacket_be64(address), low = ippacket_be64(address + 8);

	return high == 0 && (low <= 1 || low >> 32 == 0xffff);
}

static inline bool ippacket_link_local6(const uint8_t *address)
{
	return address[0] == 0xfe && (address[1] & 0xc0) == 0x80;
}

static inline unsigned ippacket_addresses6(const uint8_t *packet)
{
	const uint8_t *source = packet + 8, *destination = packet + 24;

	if (source[0] == 0xff || ippacket_martian6(source))
		return DROP_MARTIAN_SOURCE;
	if (destination[0] == 0xff)
		return DROP_MULTICAST;
	if (ippacket_martian6(destination))
		return DROP_MARTIAN_DESTINATION;
	if (ippacket_link_local6(source) || ippacket_link_local6(destination))
		return DROP_LINK_LOCAL;
	return VERDICT_GO;
}

#endif
