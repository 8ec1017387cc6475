/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/base/ip.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

unsigned ip_bits(uint8_t family)
{
	return family == IP_6 ? 128 : 32;
}

int ip_parse(const char *text, struct ip_address *ip)
{
	struct ip_address out = {0};

	if (inet_pton(AF_INET, text, out.bytes) == 1)
		out.family = IP_4;
	else if (inet_pton(AF_INET6, text, out.bytes) == 1)
		out.family = IP_6;
	else
		return -EINVAL;
	*ip = out;
	return 0;
}

int ip_prefix_parse(const char *text, struct ip_prefix *prefix)
{
	char address[IP_TEXT_MAX];
	const char *slash = strchr(text, '/');
	struct ip_prefix out = {0};
	unsigned length = 0;

	if (slash == NULL || (size_t)(slash - text) >= sizeof(address))
		return -EINVAL;
	memcpy(address, text, (size_t)(slash - text));
	address[slash - text] = '\0';
	if (ip_parse(address, &out.ip) < 0)
		return -EINVAL;
	if (slash[1] == '\0' || strlen(slash + 1) > 3 || (slash[1] == '0' && slash[2] != '\0'))
		return -EINVAL;
	for (const char *p = slash + 1; *p != '\0'; p++) {
		if (*p < '0' || *p > '9')
			return -EINVAL;
		length = length * 10 + (unsigned)(*p - '0');
	}
	if (length > ip_bits(out.ip.family))
		return -EINVAL;
	out.length = (uint8_t)length;
	*prefix = out;
	return 0;
}

int ip_mac_parse(const char *text, uint8_t mac[6])
{
	unsigned v[6];
	char rest;

	if (strlen(text) != 17 || sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%c", &v[0], &v[1], &v[2],
					  &v[3], &v[4], &v[5], &rest) != 6)
		return -EINVAL;
	for (unsigned i = 0; i < 6; i++)
		mac[i] = (uint8_t)v[i];
	return 0;
}

const char *ip_format(const struct ip_address *ip, char *text, size_t size)
{
	int family = ip->family == IP_6 ? AF_INET6 : AF_INET;

	if (ip->family == IP_NONE || inet_ntop(family, ip->bytes, text, (socklen_t)size) == NULL)
		snprintf(text, size, "-");
	return text;
}

const char *ip_prefix_format(const struct ip_prefix *prefix, char *text, size_t size)
{
	char address[IP_TEXT_MAX];

	snprintf(text, size, "%s/%u", ip_format(&prefix->ip, address, sizeof(address)),
		prefix->length);
	return text;
}

const char *ip_mac_format(const uint8_t mac[6], char *text, size_t size)
{
	snprintf(text, size, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
		mac[4], mac[5]);
	return text;
}

bool ip_equal(const struct ip_address *a, const struct ip_address *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

struct ip_address ip_mask(const struct ip_address *ip, uint8_t length)
{
	struct ip_address out = *ip;
	unsigned bytes = ip_bits(ip->family) / 8;

	for (unsigned i = 0; i < bytes; i++) {
		int keep = (int)length - (int)i * 8;

		if (keep <= 0)
			out.bytes[i] = 0;
		else if (keep < 8)
			out.bytes[i] &= (uint8_t)(0xff << (8 - keep));
	}
	return out;
}

bool ip_prefix_has_host_bits(const struct ip_prefix *prefix)
{
	struct ip_address masked = ip_mask(&prefix->ip, prefix->length);

	return !ip_equal(&masked, &prefix->ip);
}

bool ip_prefix_contains(const struct ip_prefix *prefix, const struct ip_address *ip)
{
	struct ip_address a, b;

	if (prefix->ip.family != ip->family)
		return false;
	a = ip_mask(&prefix->ip, prefix->length);
	b = ip_mask(ip, prefix->length);
	return ip_equal(&a, &b);
}

bool ip_is_multicast(const struct ip_address *ip)
{
	return ip->family == IP_4 ? (ip->bytes[0] & 0xf0) == 0xe0 : ip->bytes[0] == 0xff;
}

bool ip_is_link_local(const struct ip_address *ip)
{
	if (ip->family == IP_4)
		return ip->bytes[0] == 169 && ip->bytes[1] == 254;
	return ip->bytes[0] == 0xfe && (ip->bytes[1] & 0xc0) == 0x80;
}

bool ip_is_unspecified(const struct ip_address *ip)
{
	static const uint8_t zero[16];

	return memcmp(ip->bytes, zero, sizeof(zero)) == 0;
}

bool ip_is_loopback(const struct ip_address *ip)
{
	static const uint8_t one[16] = {[15] = 1};

	if (ip->family == IP_4)
		return ip->bytes[0] == 127;
	return memcmp(ip->bytes, one, sizeof(one)) == 0;
}

struct ip_address ip_link_local(const uint8_t mac[6])
{
	struct ip_address ip = {.family = IP_6,
		.bytes = {0xfe, 0x80, 0, 0, 0, 0, 0, 0, mac[0] ^ 2, mac[1], mac[2], 0xff, 0xfe,
			mac[3], mac[4], mac[5]}};

	return ip;
}
