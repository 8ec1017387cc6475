/* SPDX-License-Identifier: BSD-3-Clause */
/* The pure functions over bytes: IP packets, tunnels, checksums, ECN. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/wire/checksum.h"
#include "dataplane/wire/ecn.h"
#include "dataplane/wire/flowhash.h"
#include "dataplane/wire/icmperror.h"
#include "dataplane/wire/ippacket.h"
#include "dataplane/wire/tunnel.h"
#include "tests/tools/rawframe.h"

/* RFC 1071's own example, and a header from a textbook capture whose checksum is known. */
static const uint8_t known_header[20] = {0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11,
	0xb8, 0x61, 0xc0, 0xa8, 0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7};

/* UDP 10.0.0.1:1000 → 10.0.1.2:2000, 40 bytes in all. */
static void make_udp4(uint8_t packet[64])
{
	static const uint8_t head[28] = {0x45, 0, 0, 40, 0x12, 0x34, 0, 0, 64, 17, 0, 0, 10, 0, 0,
		1, 10, 0, 1, 2, 0x03, 0xe8, 0x07, 0xd0, 0, 20, 0, 0};

	memset(packet, 0, 64);
	memcpy(packet, head, sizeof(head));
	rawframe_ip4_sum(packet);
}

static void make_udp6(uint8_t packet[128])
{
	memset(packet, 0, 128);
	packet[0] = 0x60;
	packet[5] = 20;
	packet[6] = 17;
	packet[7] = 64;
	packet[8] = packet[24] = 0x20;
	packet[9] = packet[25] = 0x01;
	packet[23] = 1;
	packet[39] = 2;
	memcpy(packet + 40, "\x03\xe8\x07\xd0\x00\x14\x00\x00", 8);
}

static void test_checksum(void **state)
{
	static const uint8_t words[8] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
	uint16_t sum = checksum_fold(checksum_add(0, words, sizeof(words)));
	uint8_t header[20];
	uint16_t field, from, to;

	(void)state;
	assert_int_equal(rte_be_to_cpu_16(sum), 0xddf2);
	assert_int_equal(checksum_ip4_header(known_header), 0xffff);
	/* One word at a time, the field follows. */
	memcpy(header, known_header, 20);
	for (unsigned i = 0; i < 20; i += 2) {
		if (i == 10)
			continue;
		for (unsigned v = 0; v < 0x10000; v += 0x0ff1) {
			memcpy(&from, header + i, 2);
			to = rte_cpu_to_be_16((uint16_t)v);
			memcpy(&field, header + 10, 2);
			field = checksum_update(field, from, to);
			memcpy(header + i, &to, 2);
			memcpy(header + 10, &field, 2);
			assert_int_equal(checksum_ip4_header(header), 0xffff);
		}
	}
}

static void test_inspect4(void **state)
{
	uint8_t packet[64];
	struct ippacket ip = {0};

	(void)state;
	make_udp4(packet);
	assert_int_equal(ippacket_inspect4(packet, 64, &ip), VERDICT_GO);
	assert_int_equal(ip.length, 40);
	assert_int_equal(ip.l4_offset, 20);
	assert_int_equal(ip.l4_protocol, IPPROTO_UDP);
	for (uint32_t n = 0; n < 40; n++)
		assert_int_equal(ippacket_inspect4(packet, n, &ip), DROP_IP_TRUNCATED);
	packet[8] ^= 1;
	assert_int_equal(ippacket_inspect4(packet, 64, &ip), DROP_IP_CHECKSUM);
	make_udp4(packet);
	packet[0] = 0x44;
	assert_int_equal(ippacket_inspect4(packet, 64, &ip), DROP_IP_HEADER);
	packet[0] = 0x65;
	assert_int_equal(ippacket_inspect4(packet, 64, &ip), DROP_IP_HEADER);
	make_udp4(packet);
	packet[3] = 19;
	assert_int_equal(ippacket_inspect4(packet, 64, &ip), DROP_IP_HEADER);
	make_udp4(packet);
	packet[6] = 0x20;
	rawframe_ip4_sum(packet);
	assert_int_equal(ippacket_inspect4(packet, 64, &ip), VERDICT_GO);
	assert_int_equal(ip.l4_protocol, IPPACKET_NO_L4);
	assert_true(ip.fragment);
}

static void test_options4(void **state)
{
	static const uint8_t harmless[4] = {1, 1, 1, 0}, loose[4] = {1, 131, 3, 4},
			     strict[4] = {137, 3, 4, 0}, senseless[4] = {7, 0, 131, 3};
	const struct {
		const uint8_t *options;
		unsigned verdict;
	} cases[] = {{harmless, VERDICT_GO}, {loose, DROP_IP_SOURCE_ROUTE},
		{strict, DROP_IP_SOURCE_ROUTE}, {senseless, VERDICT_GO}};
	uint8_t packet[64];
	struct ippacket ip = {0};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		make_udp4(packet);
		memmove(packet + 24, packet + 20, 20);
		memcpy(packet + 20, cases[i].options, 4);
		packet[0] = 0x46;
		packet[3] = 44;
		rawframe_ip4_sum(packet);
		assert_int_equal(ippacket_inspect4(packet, 64, &ip), cases[i].verdict);
	}
}

static void test_addresses(void **state)
{
	const struct {
		uint8_t source, destination;
		unsigned verdict;
	} cases[] = {{10, 10, VERDICT_GO}, {0, 10, DROP_MARTIAN_SOURCE},
		{127, 10, DROP_MARTIAN_SOURCE}, {224, 10, DROP_MARTIAN_SOURCE},
		{255, 10, DROP_MARTIAN_SOURCE}, {10, 0, DROP_MARTIAN_DESTINATION},
		{10, 127, DROP_MARTIAN_DESTINATION}, {10, 224, DROP_MULTICAST},
		{10, 239, DROP_MULTICAST}, {10, 240, DROP_MARTIAN_DESTINATION},
		{223, 223, VERDICT_GO}};
	uint8_t packet[128];

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		make_udp4(packet);
		packet[12] = cases[i].source;
		packet[16] = cases[i].destination;
		assert_int_equal(ippacket_addresses4(packet), cases[i].verdict);
	}
	memset(packet + 16, 0xff, 4);
	assert_int_equal(ippacket_addresses4(packet), DROP_MULTICAST);
	make_udp6(packet);
	assert_int_equal(ippacket_addresses6(packet), VERDICT_GO);
	packet[24] = 0xff;
	assert_int_equal(ippacket_addresses6(packet), DROP_MULTICAST);
	packet[24] = 0xfe;
	packet[25] = 0x80;
	assert_int_equal(ippacket_addresses6(packet), DROP_LINK_LOCAL);
	memset(packet + 24, 0, 16);
	assert_int_equal(ippacket_addresses6(packet), DROP_MARTIAN_DESTINATION);
	packet[8] = packet[9] = 0;
	assert_int_equal(ippacket_addresses6(packet), DROP_MARTIAN_SOURCE);
}

static void test_inspect6(void **state)
{
	uint8_t packet[128];
	struct ippacket ip = {0};

	(void)state;
	make_udp6(packet);
	assert_int_equal(ippacket_inspect6(packet, 128, &ip), VERDICT_GO);
	assert_int_equal(ip.length, 60);
	assert_int_equal(ip.l4_protocol, IPPROTO_UDP);
	for (uint32_t n = 0; n < 60; n++)
		assert_int_equal(ippacket_inspect6(packet, n, &ip), DROP_IP_TRUNCATED);
	packet[0] = 0x40;
	assert_int_equal(ippacket_inspect6(packet, 128, &ip), DROP_IP_HEADER);
}

static void test_extensions6(void **state)
{
	uint8_t packet[128];
	struct ippacket ip = {0};

	(void)state;
	/* Hop-by-hop, then destination options, then UDP. */
	make_udp6(packet);
	packet[5] = 36;
	packet[6] = 0;
	memset(packet + 40, 0, 40);
	packet[40] = 60;
	packet[48] = 17;
	assert_int_equal(ippacket_inspect6(packet, 128, &ip), VERDICT_GO);
	assert_int_equal(ip.l4_offset, 56);
	assert_int_equal(ip.l4_protocol, IPPROTO_UDP);
	/* A length that leads out of the packet. */
	packet[49] = 9;
	assert_int_equal(ippacket_inspect6(packet, 128, &ip), DROP_IP6_EXTENSION);
	/* A fragment header: only the 3-tuple is known; an atomic fragment is whole. */
	packet[40] = 44;
	packet[48] = 17;
	packet[49] = 0;
	packet[51] = 9;
	assert_int_equal(ippacket_inspect6(packet, 128, &ip), VERDICT_GO);
	assert_true(ip.fragment);
	assert_int_equal(ip.l4_protocol, IPPACKET_NO_L4);
	assert_int_equal(ip.protocol, 17);
	packet[51] = 0;
	assert_int_equal(ippacket_inspect6(packet, 128, &ip), VERDICT_GO);
	assert_false(ip.fragment);
	/* Too many in a row. */
	packet[5] = 80;
	for (unsigned i = 40; i < 120; i += 8) {
		packet[i] = 60;
		packet[i + 1] = 0;
	}
	assert_int_equal(ippacket_inspect6(packet, 128, &ip), DROP_IP6_EXTENSION);
}

static uint64_t hash4(const uint8_t *packet)
{
	struct ippacket ip = {0};

	assert_int_equal(ippacket_inspect4(packet, 64, &ip), VERDICT_GO);
	return flowhash_4(42, packet, &ip);
}

static void test_hash(void **state)
{
	uint8_t packet[64], back[64];
	uint64_t whole;

	(void)state;
	make_udp4(packet);
	memcpy(back, packet, 64);
	memcpy(back + 12, packet + 16, 4);
	memcpy(back + 16, packet + 12, 4);
	memcpy(back + 20, packet + 22, 2);
	memcpy(back + 22, packet + 20, 2);
	whole = hash4(packet);
	assert_true(whole == hash4(back));
	packet[21]++;
	assert_false(whole == hash4(packet));
	/* All fragments of a datagram alike, whatever stands where ports would. */
	packet[6] = 0x20;
	rawframe_ip4_sum(packet);
	whole = hash4(packet);
	packet[6] = 0;
	packet[7] = 185;
	packet[20] = 77;
	rawframe_ip4_sum(packet);
	assert_true(whole == hash4(packet));
	/* Echo requests by identifier; the sequence number does not count. */
	make_udp4(packet);
	packet[9] = 1;
	packet[20] = 8;
	rawframe_ip4_sum(packet);
	whole = hash4(packet);
	packet[27] = 9;
	assert_true(whole == hash4(packet));
	packet[25] = 9;
	assert_false(whole == hash4(packet));
}

/* Ten thousand flows that differ in one port only: even over 4 paths, 64 lanes and 3 workers, and
 * one choice tells nothing of the next. */
static void test_spread(void **state)
{
	unsigned path[4] = {0}, lane[64] = {0}, worker[3] = {0}, joint[4][3] = {0};
	uint8_t packet[64];

	(void)state;
	make_udp4(packet);
	for (unsigned i = 0; i < 10000; i++) {
		uint64_t hash;

		packet[20] = (uint8_t)(i >> 8);
		packet[21] = (uint8_t)i;
		hash = hash4(packet);
		path[flowhash_bucket(hash) % 1024 / 256]++;
		lane[flowhash_lane(hash) % 64]++;
		worker[flowhash_worker(hash) * 3 >> 16]++;
		joint[flowhash_bucket(hash) % 1024 / 256][flowhash_worker(hash) * 3 >> 16]++;
	}
	for (unsigned i = 0; i < 4; i++)
		assert_in_range(path[i], 2375, 2625);
	for (unsigned i = 0; i < 3; i++)
		assert_in_range(worker[i], 3167, 3500);
	for (unsigned i = 0; i < 64; i++)
		assert_in_range(lane[i], 100, 220);
	for (unsigned i = 0; i < 12; i++)
		assert_in_range(joint[i / 3][i % 3], 700, 970);
}

static void test_geneve(void **state)
{
	uint8_t header[64] = {0, 0, 0x08, 0x00, 0x12, 0x34, 0x56, 0};
	struct tunnel t;

	(void)state;
	assert_int_equal(tunnel_geneve(header, 64, &t), VERDICT_GO);
	assert_int_equal(t.vni, 0x123456);
	assert_int_equal(t.protocol, 0x0800);
	assert_int_equal(t.bytes, 8);
	for (uint32_t n = 0; n < 8; n++)
		assert_int_equal(tunnel_geneve(header, n, &t), DROP_TUNNEL_TRUNCATED);
	header[0] = 0x40;
	assert_int_equal(tunnel_geneve(header, 64, &t), DROP_GENEVE_VERSION);
	header[0] = 3; /* twelve bytes of options: one of eight, one of four */
	header[11] = 1;
	assert_int_equal(tunnel_geneve(header, 64, &t), VERDICT_GO);
	assert_int_equal(t.bytes, 20);
	assert_int_equal(tunnel_geneve(header, 19, &t), DROP_TUNNEL_TRUNCATED);
	header[11] = 3;
	assert_int_equal(tunnel_geneve(header, 64, &t), DROP_GENEVE_OPTIONS);
	header[11] = 0;
	header[10] = 0x80;
	assert_int_equal(tunnel_geneve(header, 64, &t), DROP_GENEVE_CRITICAL);
	header[10] = 0;
	header[1] = 0x80;
	assert_int_equal(tunnel_geneve(header, 64, &t), DROP_GENEVE_CONTROL);
}

static void test_vxlan(void **state)
{
	uint8_t header[8] = {8, 0, 0, 0, 0, 0, 99, 0};
	struct tunnel t;

	(void)state;
	assert_int_equal(tunnel_vxlan(header, 8, &t), VERDICT_GO);
	assert_int_equal(t.vni, 99);
	assert_int_equal(t.protocol, TUNNEL_ETHERNET);
	assert_int_equal(tunnel_vxlan(header, 7, &t), DROP_TUNNEL_TRUNCATED);
	header[0] = 0;
	assert_int_equal(tunnel_vxlan(header, 8, &t), DROP_VXLAN_FLAGS);
}

/* RFC 6040 figure 4, row by row: inner Not-ECT, ECT(0), ECT(1), CE; columns the same outside. */
static void test_ecn(void **state)
{
	static const enum ecn order[4] = {ECN_NOT, ECN_ECT0, ECN_ECT1, ECN_CE};
	static const int figure[4][4] = {{ECN_NOT, ECN_NOT, ECN_NOT, -1},
		{ECN_ECT0, ECN_ECT0, ECN_ECT1, ECN_CE}, {ECN_ECT1, ECN_ECT1, ECN_ECT1, ECN_CE},
		{ECN_CE, ECN_CE, ECN_CE, ECN_CE}};

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		for (unsigned o = 0; o < 4; o++) {
			uint8_t result = ecn_decapsulate[order[i]][order[o]];

			if (figure[i][o] < 0)
				assert_true(result & ECN_RESULT_DROP);
			else
				assert_int_equal(
					result & (ECN_MASK | ECN_RESULT_DROP), figure[i][o]);
		}
}

/* On a copy of exactly its size, so that a read beyond it is seen. */
static bool answerable(const uint8_t *packet, uint8_t family, uint16_t length)
{
	uint8_t *copy = malloc(length);
	bool answer;

	memcpy(copy, packet, length);
	answer = icmperror_answerable(copy, family, length);
	free(copy);
	return answer;
}

static void test_answerable4(void **state)
{
	static const uint8_t errors[] = {3, 4, 5, 11, 12};
	uint8_t packet[64];

	(void)state;
	make_udp4(packet);
	assert_true(answerable(packet, IP_4, 40));
	packet[6] = 0x20; /* the first fragment */
	assert_true(answerable(packet, IP_4, 40));
	packet[7] = 1; /* a later one */
	assert_false(answerable(packet, IP_4, 40));
	packet[9] = IPPROTO_ICMP;
	assert_false(answerable(packet, IP_4, 40));
	packet[7] = 0;
	packet[20] = 8;
	assert_true(answerable(packet, IP_4, 40));
	assert_false(answerable(packet, IP_4, 27));
	for (unsigned i = 0; i < sizeof(errors); i++) {
		packet[20] = errors[i];
		packet[6] = 0x20;
		assert_false(answerable(packet, IP_4, 40));
		packet[6] = 0;
		assert_false(answerable(packet, IP_4, 40));
	}
}

/* A fragment header at 40, then what its next header says: 40 bytes of which three may matter. */
static void make_fragment6(uint8_t packet[128], uint8_t next, unsigned offset)
{
	make_udp6(packet);
	packet[5] = 48;
	packet[6] = IPPROTO_FRAGMENT;
	memset(packet + 40, 0, 48);
	packet[40] = next;
	packet[42] = (uint8_t)(offset >> 5);
	packet[43] = (uint8_t)(offset << 3 | 1);
}

static void test_answerable6(void **state)
{
	uint8_t packet[128];

	(void)state;
	make_udp6(packet);
	assert_true(answerable(packet, IP_6, 60));
	packet[6] = IPPROTO_ICMPV6;
	packet[40] = 128;
	assert_true(answerable(packet, IP_6, 60));
	packet[40] = 137;
	assert_false(answerable(packet, IP_6, 60));
	packet[40] = 3;
	assert_false(answerable(packet, IP_6, 60));
}

static void test_answerable_fragments6(void **state)
{
	static const struct {
		uint8_t next, offset;
		uint8_t at48, at49, at56;
		uint16_t length;
		bool answerable;
	} cases[] = {
		/* The first fragment shows what it is, a later one only that it is ICMPv6. */
		{IPPROTO_ICMPV6, 0, 128, 0, 0, 88, true},
		{IPPROTO_ICMPV6, 0, 1, 0, 0, 88, false},
		{IPPROTO_ICMPV6, 0, 128, 0, 0, 55, false},
		{IPPROTO_ICMPV6, 1, 128, 0, 0, 88, false},
		{IPPROTO_UDP, 1, 0, 0, 0, 88, true},
		/* More headers behind the fragment's. */
		{IPPROTO_DSTOPTS, 0, IPPROTO_ICMPV6, 0, 128, 88, true},
		{IPPROTO_DSTOPTS, 0, IPPROTO_ICMPV6, 0, 1, 88, false},
		{IPPROTO_DSTOPTS, 0, IPPROTO_UDP, 0, 1, 88, true},
		/* They go on in the next fragment, or cannot be read at all. */
		{IPPROTO_DSTOPTS, 0, IPPROTO_UDP, 9, 1, 88, false},
		{IPPROTO_DSTOPTS, 0, IPPROTO_UDP, 9, 1, 52, false},
		{IPPROTO_DSTOPTS, 1, 0, 0, 0, 88, false},
	};
	uint8_t packet[128];

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		make_fragment6(packet, cases[i].next, cases[i].offset);
		packet[48] = cases[i].at48;
		packet[49] = cases[i].at49;
		packet[56] = cases[i].at56;
		if (answerable(packet, IP_6, cases[i].length) != cases[i].answerable)
			fail_msg("case %u", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_checksum),
		cmocka_unit_test(test_inspect4), cmocka_unit_test(test_options4),
		cmocka_unit_test(test_addresses), cmocka_unit_test(test_inspect6),
		cmocka_unit_test(test_extensions6), cmocka_unit_test(test_hash),
		cmocka_unit_test(test_spread), cmocka_unit_test(test_geneve),
		cmocka_unit_test(test_vxlan), cmocka_unit_test(test_ecn),
		cmocka_unit_test(test_answerable4), cmocka_unit_test(test_answerable6),
		cmocka_unit_test(test_answerable_fragments6)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
