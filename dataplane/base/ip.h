/* SPDX-License-Identifier: BSD-3-Clause */
/* An IP address of either family and the text forms of addresses, prefixes and MACs. */
#ifndef DATAPLANE_BASE_IP_H
#define DATAPLANE_BASE_IP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ip_family { IP_NONE = 0, IP_4 = 4, IP_6 = 6 };

/* bytes are in network order; IPv4 fills the first four and the rest is zero, so that two addresses
 * are equal exactly when the structs are equal byte by byte. */
struct ip_address {
	uint8_t bytes[16];
	uint8_t family; /* enum ip_family */
};

/* host part bits may be set: an attachment's address is written as address/length. */
struct ip_prefix {
	struct ip_address ip;
	uint8_t length; /* 0..32 or 0..128 */
};

#define IP_TEXT_MAX 64 /* room for any address, prefix or MAC as text, with the final NUL */

/* Width of an address of this family in bits: 32 or 128. */
unsigned ip_bits(uint8_t family);

/* 0, or -EINVAL where text is not exactly one address (for ip_prefix_parse: address/length). */
int ip_parse(const char *text, struct ip_address *ip);
int ip_prefix_parse(const char *text, struct ip_prefix *prefix);
int ip_mac_parse(const char *text, uint8_t mac[6]);

/* All three write at most size bytes with the final NUL and return text. */
const char *ip_format(const struct ip_address *ip, char *text, size_t size);
const char *ip_prefix_format(const struct ip_prefix *prefix, char *text, size_t size);
const char *ip_mac_format(const uint8_t mac[6], char *text, size_t size);

bool ip_equal(const struct ip_address *a, const struct ip_address *b);

/* The address with the bits after length cleared. */
struct ip_address ip_mask(const struct ip_address *ip, uint8_t length);
bool ip_prefix_has_host_bits(const struct ip_prefix *prefix);
/* True where ip lies in prefix; families that differ never match. */
bool ip_prefix_contains(const struct ip_prefix *prefix, const struct ip_address *ip);

bool ip_is_multicast(const struct ip_address *ip);
bool ip_is_link_local(const struct ip_address *ip); /* fe80::/10 or 169.254.0.0/16 */
bool ip_is_unspecified(const struct ip_address *ip);
bool ip_is_loopback(const struct ip_address *ip);

/* IPv4 address as a number in host order. */
static inline uint32_t ip_v4(const struct ip_address *ip)
{
	return (uint32_t)ip->bytes[0] << 24 | (uint32_t)ip->bytes[1] << 16 |
	       (uint32_t)ip->bytes[2] << 8 | ip->bytes[3];
}

/* fe80::/64 address of RFC 4291 appendix A for this MAC. */
struct ip_address ip_link_local(const uint8_t mac[6]);

#endif
