/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "control/neighbours_private.h"
#include "dataplane/wire/ippacket.h"

#define ETHER_BYTES 14
#define ARP_BYTES   28
#define IP6_BYTES   40

#define ND_SOLICITATION	 135
#define ND_ADVERTISEMENT 136
#define ND_SOLICITED	 0x40
#define ND_OVERRIDE	 0x20
#define OPTION_SOURCE	 1
#define OPTION_TARGET	 2

static struct ip_address address4(const uint8_t *bytes)
{
	struct ip_address a = {.family = IP_4};

	memcpy(a.bytes, bytes, 4);
	return a;
}

static struct ip_address address6(const uint8_t *bytes)
{
	struct ip_address a = {.family = IP_6};

	memcpy(a.bytes, bytes, 16);
	return a;
}

/* A station's own: not a group's, not nobody's, not ours. */
static bool good_mac(const struct neighbours_link *link, const uint8_t mac[6])
{
	static const uint8_t zero[6];

	return (mac[0] & 1) == 0 && memcmp(mac, zero, 6) != 0 && memcmp(mac, link->mac, 6) != 0;
}

/* Heard that address has mac. asks: it wants to talk to us, so it is worth an entry of its own. */
static void heard(struct neighbours *n, const struct neighbours_link *link,
	const struct ip_address *address, const uint8_t *mac, bool answer, bool asks)
{
	enum drop reason;
	uint32_t id;

	if (!good_mac(link, mac) || !neighbours_link_station(link, address)) {
		n->stats.refused++;
		return;
	}
	id = neighbours_find(n, link->link, address);
	if (id == 0 && asks && value_kind(link->link) == LINK_ATTACHMENT)
		id = neighbours_glean(n, link, address, false, &reason);
	if (id != 0)
		neighbours_confirm(n, id, mac, answer);
}

/* RFC 826, with the checks of RFC 5227 on who may say what. */
static void learn_arp(struct neighbours *n, const struct neighbours_link *link,
	const uint8_t *frame, const uint8_t *arp, size_t length)
{
	struct ip_address sender, target;
	unsigned operation;
	bool to_us;

	if (length < ARP_BYTES || ippacket_be16(arp) != 1 || ippacket_be16(arp + 2) != 0x0800 ||
		arp[4] != 6 || arp[5] != 4)
		return;
	operation = ippacket_be16(arp + 6);
	sender = address4(arp + 14);
	target = address4(arp + 24);
	if (ip_is_unspecified(&sender) || operation < 1 || operation > 2)
		return; /* a probe says nothing about who it comes from */
	to_us = neighbours_link_ours(link, &target);
	heard(n, link, &sender, arp + 8, operation == 2 && to_us && (frame[0] & 1) == 0,
		operation == 1 && to_us);
}

/* MAC in the option of this type; NULL where there is none, or *valid false where RFC 4861 6.1 and
 * 7.1 say to discard. */
static const uint8_t *find_option(const uint8_t *option, size_t length, unsigned type, bool *valid)
{
	const uint8_t *found = NULL;

	*valid = true;
	while (length >= 8) {
		size_t bytes = (size_t)option[1] * 8;

		if (bytes == 0 || bytes > length)
			break;
		if (option[0] == type)
			found = option + 2;
		option += bytes;
		length -= bytes;
	}
	*valid = length == 0;
	return found;
}

/* RFC 4861 7.2.3: who asks us names itself. */
static void learn_solicitation(struct neighbours *n, const struct neighbours_link *link,
	const uint8_t *ip, const uint8_t *icmp, size_t length)
{
	struct ip_address source = address6(ip + 8), target = address6(icmp + 8);
	bool valid;
	const uint8_t *mac = find_option(icmp + 24, length - 24, OPTION_SOURCE, &valid);

	if (!valid || mac == NULL || ip_is_unspecified(&source))
		return;
	heard(n, link, &source, mac, false,
		neighbours_link_ours(link, &target) && !ip_is_link_local(&source));
}

/* RFC 4861 7.2.5. */
static void learn_advertisement(struct neighbours *n, const struct neighbours_link *link,
	const uint8_t *ip, const uint8_t *icmp, size_t length)
{
	struct ip_address target = address6(icmp + 8);
	bool solicited = icmp[4] & ND_SOLICITED, valid;
	const uint8_t *mac = find_option(icmp + 24, length - 24, OPTION_TARGET, &valid);
	uint32_t id = neighbours_find(n, link->link, &target);
	uint64_t word;
	bool same;

	if (!valid || id == 0 || (ip[24] == 0xff && solicited))
		return;
	word = neighbour_load(neighbours_entry(n, id));
	if (mac == NULL && !neighbour_usable(word))
		return;
	if (mac == NULL)
		mac = (const uint8_t *)&word;
	same = memcmp(mac, &word, 6) == 0;
	if (!same && !(icmp[4] & ND_OVERRIDE) && neighbour_usable(word)) {
		/* Another station answers too: keep the one we know, but ask it soon. */
		neighbours_confirm(n, id, (const uint8_t *)&word, false);
		return;
	}
	heard(n, link, &target, mac, solicited, false);
}

static void learn_nd(
	struct neighbours *n, const struct neighbours_link *link, const uint8_t *ip, size_t length)
{
	const uint8_t *icmp = ip + IP6_BYTES;
	size_t payload;
	struct ip_address target;

	if (length < IP6_BYTES + 24 || ip[0] >> 4 != 6 || ip[6] != 58 || ip[7] != 255)
		return;
	payload = ippacket_be16(ip + 4);
	if (payload < 24 || payload > length - IP6_BYTES || icmp[1] != 0 ||
		neighbours_icmp6_sum(ip, icmp, payload) != 0xffff)
		return;
	target = address6(icmp + 8);
	if (ip_is_multicast(&target))
		return;
	if (icmp[0] == ND_SOLICITATION)
		learn_solicitation(n, link, ip, icmp, payload);
	else if (icmp[0] == ND_ADVERTISEMENT)
		learn_advertisement(n, link, ip, icmp, payload);
}

void neighbours_learn_frame(
	struct neighbours *n, uint32_t link_value, const uint8_t *frame, size_t length)
{
	struct neighbours_link link;
	size_t offset = 12;

	if (!neighbours_link_read(n, link_value, &link))
		return;
	while (length >= offset + 6 && (ippacket_be16(frame + offset) == 0x8100 ||
					       ippacket_be16(frame + offset) == 0x88a8))
		offset += 4;
	if (length < offset + 2)
		return;
	if (ippacket_be16(frame + offset) == 0x0806)
		learn_arp(n, &link, frame, frame + offset + 2, length - offset - 2);
	else if (ippacket_be16(frame + offset) == 0x86dd)
		learn_nd(n, &link, frame + offset + 2, length - offset - 2);
}
