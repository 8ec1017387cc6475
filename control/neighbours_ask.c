/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "control/neighbours_private.h"

#define ETHER_BYTES 14
#define ARP_BYTES   28
#define IP6_BYTES   40
#define NS_BYTES    32 /* solicitation with the source link-layer option */

static void put16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put_ether(uint8_t *frame, const uint8_t *to, const uint8_t *from, unsigned type)
{
	memcpy(frame, to, 6);
	memcpy(frame + 6, from, 6);
	put16(frame + 12, type);
}

/* RFC 826; asked of one station it is the unicast poll of RFC 1122 2.3.2.1. */
static size_t write_arp(uint8_t *frame, const struct neighbours_link *link,
	const struct ip_address *source, const struct ip_address *target, const uint8_t *mac)
{
	static const uint8_t all[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	uint8_t *arp = frame + ETHER_BYTES;

	put_ether(frame, mac != NULL ? mac : all, link->mac, 0x0806);
	memset(arp, 0, ARP_BYTES);
	put16(arp, 1);
	put16(arp + 2, 0x0800);
	arp[4] = 6;
	arp[5] = 4;
	put16(arp + 6, 1);
	memcpy(arp + 8, link->mac, 6);
	memcpy(arp + 14, source->bytes, 4);
	memcpy(arp + 24, target->bytes, 4);
	return ETHER_BYTES + ARP_BYTES;
}

/* RFC 4861 section 4.3 and 7.2.2. */
static size_t write_ns(uint8_t *frame, const struct neighbours_link *link,
	const struct ip_address *source, const struct ip_address *target, const uint8_t *mac)
{
	const uint8_t *t = target->bytes;
	const uint8_t group_mac[6] = {0x33, 0x33, 0xff, t[13], t[14], t[15]};
	const uint8_t group[16] = {
		0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, t[13], t[14], t[15]};
	uint8_t *ip = frame + ETHER_BYTES;
	uint8_t *icmp = ip + IP6_BYTES;
	uint16_t sum;

	put_ether(frame, mac != NULL ? mac : group_mac, link->mac, 0x86dd);
	memset(ip, 0, IP6_BYTES + NS_BYTES);
	ip[0] = 0x60;
	put16(ip + 4, NS_BYTES);
	ip[6] = 58;
	ip[7] = 255;
	memcpy(ip + 8, source->bytes, 16);
	memcpy(ip + 24, mac != NULL ? t : group, 16);
	icmp[0] = 135;
	memcpy(icmp + 8, t, 16);
	icmp[24] = 1;
	icmp[25] = 1;
	memcpy(icmp + 26, link->mac, 6);
	sum = (uint16_t)~neighbours_icmp6_sum(ip, icmp, NS_BYTES);
	memcpy(icmp + 2, &sum, sizeof(sum));
	return ETHER_BYTES + IP6_BYTES + NS_BYTES;
}

void neighbours_ask_send(struct neighbours *n, const struct neighbours_link *link,
	const struct ip_address *target, const uint8_t *mac)
{
	struct ip_address source;
	struct rte_mbuf *packet;
	uint8_t *frame;
	size_t length;

	if (!neighbours_link_source(link, target, &source))
		return;
	packet = rte_pktmbuf_alloc(n->config.pool);
	if (packet == NULL)
		return; /* asked again by the timer */
	frame = rte_pktmbuf_mtod(packet, uint8_t *);
	if (target->family == IP_6)
		length = write_ns(frame, link, &source, target, mac);
	else
		length = write_arp(frame, link, &source, target, mac);
	packet->data_len = (uint16_t)length;
	packet->pkt_len = (uint32_t)length;
	n->stats.asked++;
	neighbours_packet_send(n, packet, link);
}
