/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/wire/icmperror.h"

#include "dataplane/wire/ippacket.h"

#define TTL	    64
#define ICMP_HEADER 8
#define REDIRECT6   137
#define TOS	    0xc0 /* internetwork control: RFC 1812 4.3.2.5 */

static const struct {
	uint8_t type4, code4, type6, code6;
} kinds[] = {
	[ICMPERROR_NO_ROUTE] = {3, 0, 1, 0},
	[ICMPERROR_PORT] = {3, 3, 1, 4},
	[ICMPERROR_TOO_BIG] = {3, 4, 2, 0},
	[ICMPERROR_TIME] = {11, 0, 3, 0},
};

bool icmperror_is_one4(const uint8_t *icmp)
{
	return icmp[0] == 3 || icmp[0] == 4 || icmp[0] == 5 || icmp[0] == 11 || icmp[0] == 12;
}

static bool answerable4(const uint8_t *packet, uint32_t length)
{
	uint32_t header = (uint32_t)(packet[0] & 15) * 4;

	if ((ippacket_be16(packet + 6) & 0x1fff) != 0)
		return false;
	if (packet[9] != IPPROTO_ICMP)
		return true;
	return length >= header + ICMP_HEADER && !icmperror_is_one4(packet + header);
}

static bool answerable6(const uint8_t *packet, uint32_t length)
{
	uint8_t protocol = packet[6];
	uint32_t at = 40;
	bool later = false;

	for (unsigned walked = 0; ippacket_is_extension(protocol); walked++) {
		const uint8_t *header = packet + at;

		if (later || walked == IPPACKET_EXTENSIONS || length - at < 8 ||
			ippacket_extension_bytes(protocol, header) > length - at)
			return false;
		later = protocol == IPPROTO_FRAGMENT && (ippacket_be16(header + 2) & 0xfff8) != 0;
		at += ippacket_extension_bytes(protocol, header);
		protocol = header[0];
	}
	if (protocol != IPPROTO_ICMPV6)
		return true;
	return !later && length - at >= ICMP_HEADER && packet[at] >= 128 && packet[at] != REDIRECT6;
}

bool icmperror_answerable(const uint8_t *packet, uint8_t family, uint16_t length)
{
	return family == IP_4 ? answerable4(packet, length) : answerable6(packet, length);
}

static uint16_t build4(uint8_t *p, const struct ip_address *source, const uint8_t *cause,
	uint16_t quote, enum icmperror error, uint16_t mtu)
{
	uint16_t length = (uint16_t)(28 + quote), sum;
	uint8_t header[28] = {0x45, TOS, (uint8_t)(length >> 8), (uint8_t)length, 0, 0, 0, 0, TTL,
		IPPROTO_ICMP, [20] = kinds[error].type4,
		kinds[error].code4, [26] = (uint8_t)(mtu >> 8), (uint8_t)mtu};

	memcpy(header + 12, source->bytes, 4);
	memcpy(header + 16, cause + 12, 4);
	sum = (uint16_t)~checksum_ip4_header(header);
	memcpy(header + 10, &sum, 2);
	memcpy(p, header, 28);
	memcpy(p + 28, cause, quote);
	sum = (uint16_t)~checksum_fold(checksum_add(0, p + 20, 8u + quote));
	memcpy(p + 22, &sum, 2);
	return length;
}

static uint16_t build6(uint8_t *p, const struct ip_address *source, const uint8_t *cause,
	uint16_t quote, enum icmperror error, uint16_t mtu)
{
	uint16_t payload = (uint16_t)(8 + quote), sum;
	uint8_t header[48] = {0x60 | TOS >> 4, (uint8_t)(TOS << 4), 0, 0, (uint8_t)(payload >> 8),
		(uint8_t)payload, IPPROTO_ICMPV6, TTL, [40] = kinds[error].type6,
		kinds[error].code6, [46] = (uint8_t)(mtu >> 8), (uint8_t)mtu};

	memcpy(header + 8, source->bytes, 16);
	memcpy(header + 24, cause + 8, 16);
	memcpy(p, header, 48);
	memcpy(p + 48, cause, quote);
	sum = (uint16_t)~checksum_fold(checksum_add(
		checksum_pseudo(p + 8, p + 24, 16, IPPROTO_ICMPV6, payload), p + 40, payload));
	memcpy(p + 42, &sum, 2);
	return (uint16_t)(40 + payload);
}

uint16_t icmperror_write(uint8_t *out, const struct ip_address *source, const uint8_t *cause,
	uint16_t quote, enum icmperror error, uint16_t mtu)
{
	return source->family == IP_4 ? build4(out, source, cause, quote, error, mtu)
				      : build6(out, source, cause, quote, error, mtu);
}
