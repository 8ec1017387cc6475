/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/wire/ippacket.h"

const uint8_t ippacket_l4_bytes[256] = {
	[IPPROTO_TCP] = 20, [IPPROTO_UDP] = 8, [IPPROTO_ICMP] = 8, [IPPROTO_ICMPV6] = 8};

#define TIMES4(x)  x, x, x, x
#define TIMES16(x) TIMES4(TIMES4(x))

const uint8_t ippacket_source4[256] = {[0] = DROP_MARTIAN_SOURCE,
	[127] = DROP_MARTIAN_SOURCE,
	[224] = TIMES16(DROP_MARTIAN_SOURCE),
	TIMES16(DROP_MARTIAN_SOURCE)};

const uint8_t ippacket_destination4[256] = {[0] = DROP_MARTIAN_DESTINATION,
	[127] = DROP_MARTIAN_DESTINATION,
	[224] = TIMES16(DROP_MULTICAST),
	TIMES16(DROP_MARTIAN_DESTINATION)};

_Static_assert(DROP_MARTIAN_SOURCE != 0 && DROP_MARTIAN_DESTINATION != 0 && DROP_MULTICAST != 0,
	"told from nothing");

unsigned ippacket_options4(const uint8_t *packet, uint32_t header)
{
	if (checksum_fold(checksum_add(0, packet, header)) != 0xffff)
		return DROP_IP_CHECKSUM;
	return ippacket_source_route(packet, header) ? DROP_IP_SOURCE_ROUTE : VERDICT_GO;
}

bool ippacket_source_route(const uint8_t *header, uint32_t header_bytes)
{
	uint32_t at = 20;

	while (at < header_bytes) {
		uint8_t type = header[at];

		if (type == 0)
			return false;
		if (type == 1) {
			at++;
			continue;
		}
		if (type == 131 || type == 137)
			return true;
		/* A length that leads nowhere: the rest cannot be read, and is not acted upon. */
		if (at + 1 >= header_bytes || header[at + 1] < 2)
			return false;
		at += header[at + 1];
	}
	return false;
}

bool ippacket_is_extension(uint8_t protocol)
{
	return protocol == IPPROTO_HOPOPTS || protocol == IPPROTO_ROUTING ||
	       protocol == IPPROTO_DSTOPTS || protocol == IPPROTO_FRAGMENT ||
	       protocol == IPPROTO_AH || protocol == 135;
}

uint32_t ippacket_extension_bytes(uint8_t protocol, const uint8_t *header)
{
	if (protocol == IPPROTO_FRAGMENT)
		return 8;
	if (protocol == IPPROTO_AH)
		return ((uint32_t)header[1] + 2) * 4;
	return ((uint32_t)header[1] + 1) * 8;
}

unsigned ippacket_extensions(const uint8_t *packet, struct ippacket *out)
{
	uint32_t at = 40, total = out->length;
	uint8_t protocol = packet[6];

	for (unsigned walked = 0; ippacket_is_extension(protocol); walked++) {
		const uint8_t *header = packet + at;
		uint32_t bytes;

		if (walked == IPPACKET_EXTENSIONS || at > IPPACKET_EXTENSION_BYTES ||
			total - at < 8)
			return DROP_IP6_EXTENSION;
		bytes = ippacket_extension_bytes(protocol, header);
		if (bytes > total - at)
			return DROP_IP6_EXTENSION;
		if (protocol == IPPROTO_FRAGMENT && (ippacket_be16(header + 2) & 0xfff9) != 0)
			out->fragment = true;
		protocol = header[0];
		at += bytes;
		/* What follows the header of a later fragment is no header. */
		if (out->fragment)
			break;
	}
	out->protocol = protocol;
	out->l4_offset = (uint16_t)at;
	out->l4_protocol = out->fragment ? IPPACKET_NO_L4 : ippacket_l4(protocol, total - at);
	return VERDICT_GO;
}
