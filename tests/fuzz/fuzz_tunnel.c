/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The pure readers and writers of headers, each on a heap copy of exactly the bytes it is told of,
 * and into exactly the room it may ask for. The first byte names the reader; whatever it answers
 * must lie within those bytes and agree with a second, slower way to get there.
 */
#include <stdlib.h>
#include <string.h>

#include "dataplane/wire/ethernet.h"
#include "dataplane/wire/flowhash.h"
#include "dataplane/wire/icmperror.h"
#include "dataplane/wire/ip4piece.h"
#include "dataplane/wire/laneoption.h"
#include "dataplane/wire/mss.h"
#include "dataplane/wire/reply.h"
#include "dataplane/wire/tunnel.h"

#define SEED UINT64_C(0x0123456789abcdef)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds)
{
	if (!holds)
		abort();
}

static void check_reason(unsigned verdict)
{
	check(verdict < DROP_COUNT);
}

static uint8_t *copy_of(const uint8_t *bytes, uint32_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	check(copy != NULL);
	if (size > 0)
		memcpy(copy, bytes, size);
	return copy;
}

/* Option by option, from the front: what is left must be nothing. */
static unsigned walk_options(const uint8_t *options, uint32_t bytes)
{
	uint32_t length;

	if (bytes == 0)
		return VERDICT_GO;
	if (bytes < 4)
		return DROP_GENEVE_OPTIONS;
	length = 4 * (1 + (uint32_t)(options[3] % 32));
	if (length > bytes)
		return DROP_GENEVE_OPTIONS;
	if (options[2] >= 128)
		return DROP_GENEVE_CRITICAL;
	return walk_options(options + length, bytes - length);
}

static void try_options(uint8_t *bytes, uint32_t size)
{
	check(tunnel_options(bytes, size) == walk_options(bytes, size));
}

static void check_tunnel(
	const uint8_t *bytes, uint32_t size, unsigned verdict, const struct tunnel *t)
{
	if (verdict != VERDICT_GO) {
		check_reason(verdict);
		return;
	}
	check(t->bytes >= 8 && t->bytes <= size);
	check(t->vni == (uint32_t)(bytes[4] << 16 | bytes[5] << 8 | bytes[6]));
}

static void try_geneve(uint8_t *bytes, uint32_t size)
{
	struct tunnel t = {0};
	unsigned verdict = tunnel_geneve(bytes, size, &t);

	check_tunnel(bytes, size, verdict, &t);
	if (verdict != VERDICT_GO)
		return;
	check(bytes[0] < 64 && t.bytes == 8 + 4 * bytes[0] &&
		t.protocol == ippacket_be16(bytes + 2));
	check(walk_options(bytes + 8, t.bytes - 8u) == VERDICT_GO);
}

static void try_vxlan(uint8_t *bytes, uint32_t size)
{
	struct tunnel t = {0};

	check_tunnel(bytes, size, tunnel_vxlan(bytes, size, &t), &t);
}

static void check_packet(const struct ippacket *ip, uint32_t size, uint32_t header)
{
	uint32_t rest = (uint32_t)ip->length - ip->l4_offset;

	check(ip->length <= size && ip->l4_offset >= header && ip->l4_offset <= ip->length);
	check(!ip->fragment || ip->l4_protocol == IPPACKET_NO_L4);
	check(ip->l4_protocol == ip->protocol || ip->l4_protocol == IPPACKET_NO_L4);
	if (ip->l4_protocol == IPPROTO_TCP)
		check(rest >= 20);
	if (ip->l4_protocol == IPPROTO_UDP || ip->l4_protocol == IPPROTO_ICMP)
		check(rest >= 8);
}

static void swap(uint8_t *a, uint8_t *b, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++) {
		uint8_t c = a[i];

		a[i] = b[i];
		b[i] = c;
	}
}

/* The other direction of the packet: its addresses and, where it has any, ports. */
static void turn_round(uint8_t *packet, const struct ippacket *ip, bool v4)
{
	unsigned size = v4 ? 4 : 16;
	uint8_t *source = packet + (v4 ? 12 : 8), *l4 = packet + ip->l4_offset;

	swap(source, source + size, size);
	if (ip->l4_protocol == IPPROTO_TCP || ip->l4_protocol == IPPROTO_UDP)
		swap(l4, l4 + 2, 2);
}

static void set_checksum(uint8_t *packet, uint32_t size)
{
	uint32_t header = size > 0 ? (uint32_t)(packet[0] & 15) * 4 : 0;
	uint16_t sum;

	if (header < 20 || header > size)
		return;
	packet[10] = packet[11] = 0;
	sum = (uint16_t)~checksum_fold(checksum_add(0, packet, header));
	memcpy(packet + 10, &sum, 2);
}

static void try_ip4(uint8_t *bytes, uint32_t size)
{
	struct ippacket ip = {0};
	unsigned verdict = ippacket_inspect4(bytes, size, &ip);
	uint64_t hash;

	if (verdict == DROP_IP_CHECKSUM) {
		set_checksum(bytes, size);
		verdict = ippacket_inspect4(bytes, size, &ip);
		check(verdict != DROP_IP_CHECKSUM);
	}
	if (verdict != VERDICT_GO) {
		check_reason(verdict);
		return;
	}
	check_packet(&ip, size, 20);
	if (ippacket_addresses4(bytes) != VERDICT_GO)
		check_reason(ippacket_addresses4(bytes));
	hash = flowhash_4(SEED, bytes, &ip);
	turn_round(bytes, &ip, true);
	check(flowhash_4(SEED, bytes, &ip) == hash);
}

static void try_ip6(uint8_t *bytes, uint32_t size)
{
	struct ippacket ip = {0};
	unsigned verdict = ippacket_inspect6(bytes, size, &ip);
	uint64_t hash;

	if (verdict != VERDICT_GO) {
		check_reason(verdict);
		return;
	}
	check_packet(&ip, size, 40);
	if (ippacket_addresses6(bytes) != VERDICT_GO)
		check_reason(ippacket_addresses6(bytes));
	hash = flowhash_6(SEED, bytes, &ip);
	turn_round(bytes, &ip, false);
	check(flowhash_6(SEED, bytes, &ip) == hash);
}

static void try_frame(uint8_t *bytes, uint32_t size)
{
	struct ethernet at = {0};
	unsigned verdict = ethernet_parse(bytes, size, &at);

	if (verdict != VERDICT_GO) {
		check(verdict == DROP_FRAME_TRUNCATED || verdict == DROP_UNKNOWN_TAG);
		return;
	}
	check(at.header == 14 || at.header == 18 || at.header == 22);
	check(at.header <= size && at.type == ippacket_be16(bytes + at.header - 2));
	check(at.tags >> 25 == 0);
	check(ethernet_inner(at.tags) == ETHERNET_NO_TAG || at.header == 22);
	check(at.type != 0x8100 && at.type != 0x88a8);
}

/* One's complement zero has two forms. */
static uint16_t sum_of(const uint8_t *bytes, uint32_t size)
{
	uint16_t sum = checksum_fold(checksum_add(0, bytes, size));

	return sum == 0xffff ? 0 : sum;
}

/* The first two bytes are the MSS to clamp to. */
static void try_mss(uint8_t *bytes, uint32_t size)
{
	uint16_t mss = size < 2 ? 0 : ippacket_be16(bytes), sum;
	uint8_t *tcp;
	unsigned changed = 0;

	if (size < 22)
		return;
	size -= 2;
	tcp = copy_of(bytes + 2, size);
	sum = sum_of(tcp, size);
	if (mss_clamp(tcp, size, mss)) {
		check(sum_of(tcp, size) == sum);
		check(!mss_clamp(tcp, size, mss));
		for (uint32_t i = 0; i < size; i++)
			changed += i != 16 && i != 17 && tcp[i] != bytes[2 + i];
		check(changed == 1 || changed == 2);
	} else {
		check(memcmp(tcp, bytes + 2, size) == 0);
	}
	free(tcp);
}

static uint64_t icmp_seed(const uint8_t *packet, const struct ippacket *ip, bool v4)
{
	return v4 ? 0
		  : checksum_pseudo(packet + 8, packet + 24, 16, IPPROTO_ICMPV6,
			    (uint32_t)ip->length - ip->l4_offset);
}

static bool icmp_sums_up(const uint8_t *packet, const struct ippacket *ip, bool v4)
{
	return checksum_fold(checksum_add(icmp_seed(packet, ip, v4), packet + ip->l4_offset,
		       (uint32_t)ip->length - ip->l4_offset)) == 0xffff;
}

/* A packet that would be forwarded, of the family its first bits name, checksums put right. */
static bool sound(uint8_t *bytes, uint32_t size, struct ippacket *ip, bool *v4)
{
	uint16_t sum;

	*v4 = size > 0 && bytes[0] >> 4 == 4;
	*ip = (struct ippacket){0};
	if (*v4)
		set_checksum(bytes, size);
	if ((*v4 ? ippacket_inspect4(bytes, size, ip) : ippacket_inspect6(bytes, size, ip)) !=
		VERDICT_GO)
		return false;
	if (ip->l4_protocol != (*v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6))
		return true;
	bytes[ip->l4_offset + 2] = bytes[ip->l4_offset + 3] = 0;
	sum = (uint16_t)~checksum_fold(checksum_add(icmp_seed(bytes, ip, *v4),
		bytes + ip->l4_offset, (uint32_t)ip->length - ip->l4_offset));
	memcpy(bytes + ip->l4_offset + 2, &sum, 2);
	return true;
}

/* Is there an ICMP error in it? Only where all headers can be read; else no error is sent. */
static void check_answerable(const uint8_t *packet, const struct ippacket *ip, bool v4)
{
	uint8_t *whole = copy_of(packet, ip->length);
	bool answerable = icmperror_answerable(whole, v4 ? IP_4 : IP_6, ip->length);
	bool icmp = ip->l4_protocol == (v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	uint8_t type = icmp ? whole[ip->l4_offset] : 0;

	if (icmp && v4)
		check(answerable == !icmperror_is_one4(&type));
	if (icmp && !v4)
		check(answerable == (type >= 128 && type != 137));
	if (ip->l4_protocol == IPPROTO_UDP || ip->l4_protocol == IPPROTO_TCP)
		check(answerable);
	free(whole);
}

static void try_error(uint8_t *bytes, uint32_t size)
{
	static const struct ip_address sources[] = {
		{.family = IP_4, .bytes = {10, 1, 2, 3}}, {.family = IP_6, .bytes = {0xfd, 9}}};
	struct ippacket ip, error;
	uint32_t quote, head;
	uint8_t *out;
	bool v4;

	if (!sound(bytes, size, &ip, &v4))
		return;
	check_answerable(bytes, &ip, v4);
	quote = RTE_MIN(ip.length, (uint32_t)(v4 ? ICMPERROR_QUOTE4 : ICMPERROR_QUOTE6));
	head = v4 ? 28 : 48;
	out = malloc(head + quote);
	check(out != NULL);
	check(icmperror_write(out, &sources[!v4], bytes, (uint16_t)quote,
		      (enum icmperror)(size % 4), (uint16_t)(1280 + size)) == head + quote);
	error = (struct ippacket){0};
	check((v4 ? ippacket_inspect4(out, head + quote, &error)
		  : ippacket_inspect6(out, head + quote, &error)) == VERDICT_GO);
	check(error.length == head + quote && icmp_sums_up(out, &error, v4));
	check(memcmp(out + (v4 ? 16 : 24), bytes + (v4 ? 12 : 8), v4 ? 4 : 16) == 0);
	check(memcmp(out + head, bytes, quote) == 0);
	check(!icmperror_answerable(out, v4 ? IP_4 : IP_6, error.length));
	free(out);
}

/* One piece: a packet of its own that carries what stood at its place. */
static void check_piece(const struct ip4piece_plan *plan, uint32_t from, uint32_t bytes, bool last)
{
	uint32_t header = ip4piece_header(plan, from), offset = plan->offset & 0x1fffu;
	uint8_t *out = malloc(header + bytes);
	struct ippacket ip = {0};

	check(out != NULL && header >= 20 && header <= plan->header);
	check(ip4piece_write(plan, from, bytes, last, out) == header + bytes);
	check(ippacket_inspect4(out, header + bytes, &ip) == VERDICT_GO);
	check(ip.length == header + bytes && ip.l4_offset == header);
	check(memcmp(out + header, plan->packet + plan->header + from, bytes) == 0);
	check(memcmp(out + 8, plan->packet + 8, 2) == 0);
	check(memcmp(out + 12, plan->packet + 12, 8) == 0);
	check((ippacket_be16(out + 6) & 0x1fffu) == offset + from / 8);
	check(((out[6] & 0x20) != 0) == (!last || (plan->offset & 0x2000)));
	free(out);
}

/* The first two bytes say how small the pieces are to be. */
static void try_pieces(uint8_t *bytes, uint32_t size)
{
	uint32_t mtu = size < 2 ? 0 : 68u + ippacket_be16(bytes) % 1500u, payload, from = 0;
	struct ip4piece_plan plan;
	struct ippacket ip;
	uint8_t *packet;
	bool v4;

	if (size < 22)
		return;
	packet = copy_of(bytes + 2, size - 2);
	if (sound(packet, size - 2, &ip, &v4) && v4) {
		ip4piece_plan(&plan, packet, ip.length);
		payload = plan.total - plan.header;
		/* As fragment_packet: the offsets must fit. */
		while (from < payload && (plan.offset & 0x1fffu) * 8 + plan.total <= UINT16_MAX) {
			uint32_t room = (mtu - ip4piece_header(&plan, from)) & ~7u;
			uint32_t part = RTE_MIN(room, payload - from);

			check_piece(&plan, from, part, from + part == payload);
			from += part;
		}
	}
	free(packet);
}

/* What was asked is answered once: the answer is no question. */
static void try_echo(uint8_t *bytes, uint32_t size)
{
	struct ippacket ip, again = {0};
	uint8_t *answer;
	bool v4;

	if (!sound(bytes, size, &ip, &v4) || ip.l4_protocol != (v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6))
		return;
	answer = copy_of(bytes, ip.length);
	if (reply_echo(answer, v4 ? IP_4 : IP_6, ip.l4_offset, ip.length)) {
		check((v4 ? ippacket_inspect4(answer, ip.length, &again)
			  : ippacket_inspect6(answer, ip.length, &again)) == VERDICT_GO);
		check(icmp_sums_up(answer, &again, v4) && again.length == ip.length);
		check(memcmp(answer + (v4 ? 12 : 8), bytes + (v4 ? 16 : 24), v4 ? 4 : 16) == 0);
		check(memcmp(answer + (v4 ? 16 : 24), bytes + (v4 ? 12 : 8), v4 ? 4 : 16) == 0);
		check(memcmp(answer + ip.l4_offset + 4, bytes + ip.l4_offset + 4,
			      (size_t)ip.length - ip.l4_offset - 4) == 0);
		check(!reply_echo(answer, v4 ? IP_4 : IP_6, ip.l4_offset, ip.length));
	} else {
		check(memcmp(answer, bytes, ip.length) == 0);
		check(bytes[ip.l4_offset] != (v4 ? 8 : 128) || bytes[ip.l4_offset + 1] != 0);
	}
	free(answer);
}

static void try_discovery(uint8_t *bytes, uint32_t size)
{
	static const uint8_t mac[6] = {2, 0, 0, 0, 1, 1};
	struct ippacket ip, again = {0};
	uint8_t *answer;
	bool v4;

	if (!sound(bytes, size, &ip, &v4) || v4 || ip.l4_protocol != IPPROTO_ICMPV6 ||
		(bytes[ip.l4_offset] != 135 && bytes[ip.l4_offset] != 136) ||
		!reply_discovery_sound(bytes, ip.l4_offset, ip.length))
		return;
	check(ip.l4_offset == 40 && ip.length >= 64 && bytes[7] == 255);
	if (bytes[40] != 135)
		return;
	answer = malloc(RTE_MAX((uint32_t)ip.length, (uint32_t)REPLY_ADVERTISEMENT));
	check(answer != NULL);
	memcpy(answer, bytes, ip.length);
	reply_advertise(answer, mac);
	check(ippacket_inspect6(answer, REPLY_ADVERTISEMENT, &again) == VERDICT_GO);
	check(again.length == REPLY_ADVERTISEMENT && answer[40] == 136);
	check(memcmp(answer + 8, bytes + 48, 16) == 0 && memcmp(answer + 48, bytes + 48, 16) == 0);
	check(memcmp(answer + 66, mac, 6) == 0);
	/* Nobody asks for ::, as it is no address of ours, and nobody may advertise from it. */
	check(reply_discovery_sound(answer, 40, REPLY_ADVERTISEMENT) ||
		(ippacket_be64(bytes + 48) == 0 && ippacket_be64(bytes + 56) == 0));
	free(answer);
}

static void try_arp(uint8_t *bytes, uint32_t size)
{
	static const uint8_t mac[6] = {2, 0, 0, 0, 1, 1};
	uint8_t *answer;

	if (size < 28)
		return;
	answer = copy_of(bytes, 28);
	reply_arp(answer, mac);
	check(memcmp(answer + 8, mac, 6) == 0 && memcmp(answer + 14, bytes + 24, 4) == 0);
	check(memcmp(answer + 18, bytes + 8, 10) == 0 && answer[7] == 2);
	check(memcmp(answer, bytes, 7) == 0);
	free(answer);
}

/* The first option of ours, from the front; bytes where there is none. */
static uint32_t walk_to_lane(const uint8_t *options, uint32_t bytes)
{
	uint32_t length;

	if (bytes < 4)
		return bytes;
	length = 4 * (1 + (uint32_t)(options[3] % 32));
	if (length > bytes)
		return bytes;
	if (length == 16 && memcmp(options, "\xff\x01\x01", 3) == 0)
		return 0;
	return length + walk_to_lane(options + length, bytes - length);
}

static void try_lane(uint8_t *bytes, uint32_t size)
{
	uint32_t at = walk_to_lane(bytes, size);
	struct laneoption option;
	uint8_t again[LANEOPTION_BYTES];

	if (laneoption_alone(bytes, size))
		check(size == LANEOPTION_BYTES && tunnel_options(bytes, size) == VERDICT_GO);
	if (!laneoption_read(bytes, size, &option)) {
		check(at == size);
		return;
	}
	check(at + LANEOPTION_BYTES <= size);
	laneoption_write(again, laneoption_head(option.lane, option.epoch, option.flags),
		option.sequence, option.sent);
	/* The reserved bits are not kept. */
	check(memcmp(again, bytes + at, 3) == 0 && again[3] == bytes[at + 3] % 32);
	check(memcmp(again + 4, bytes + at + 4, LANEOPTION_BYTES - 4) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const readers[])(uint8_t *, uint32_t) = {try_options, try_geneve, try_vxlan,
		try_ip4, try_ip6, try_frame, try_mss, try_error, try_pieces, try_echo,
		try_discovery, try_arp, try_lane};
	uint8_t *copy;

	if (size < 1 || size > UINT16_MAX)
		return 0;
	copy = copy_of(data + 1, (uint32_t)size - 1);
	readers[data[0] % (sizeof(readers) / sizeof(readers[0]))](copy, (uint32_t)size - 1);
	free(copy);
	return 0;
}
