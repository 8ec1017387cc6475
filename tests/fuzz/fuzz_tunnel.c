/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The pure readers of headers, each on a heap copy of exactly the bytes it is told of. The first
 * byte names the reader; whatever it answers must lie within those bytes and agree with a second,
 * slower way to get there.
 */
#include <stdlib.h>
#include <string.h>

#include "dataplane/wire/mss.h"
#include "dataplane/wire/ethernet.h"
#include "dataplane/wire/flowhash.h"
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
	check(at.outer < 4096 || at.outer == ETHERNET_NO_TAG);
	check(at.inner == ETHERNET_NO_TAG || (at.inner < 4096 && at.header == 22));
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const readers[])(uint8_t *, uint32_t) = {
		try_options, try_geneve, try_vxlan, try_ip4, try_ip6, try_frame, try_mss};
	uint8_t *copy;

	if (size < 1 || size > UINT16_MAX)
		return 0;
	copy = copy_of(data + 1, (uint32_t)size - 1);
	readers[data[0] % (sizeof(readers) / sizeof(readers[0]))](copy, (uint32_t)size - 1);
	free(copy);
	return 0;
}
