/* SPDX-License-Identifier: BSD-3-Clause */
/* OAM frames as they are written are read back, and broken ones are not. tshark looks at them in
 * the net tests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "control/template.h"
#include "dataplane/oam/oamframe.h"
#include "dataplane/wire/ippacket.h"
#include "dataplane/wire/tunnel.h"

static const uint8_t station[6] = {2, 0, 0, 0, 1, 1};
static const uint8_t text[24] = "four and twenty bytes..";

static struct ip_address ip(const char *words)
{
	struct ip_address address;

	assert_int_equal(ip_parse(words, &address), 0);
	return address;
}

static struct fwd_path path_as(bool six, uint8_t encapsulation, bool measured)
{
	struct fwd_path path = {.used = 1, .encapsulation = encapsulation};
	struct ip_address local = ip(six ? "fd01::1" : "10.1.0.1");
	struct ip_address remote = ip(six ? "fd01::2" : "10.1.0.2");

	path.udp_checksum = six ? FWD_CHECKSUM_SOFTWARE : FWD_CHECKSUM_ZERO;
	template_build(&path, station, &local, &remote, measured);
	return path;
}

static struct fwd_path path_of(bool six, uint8_t encapsulation)
{
	return path_as(six, encapsulation, false);
}

static const struct oamframe_message message = {
	.bytes = text, .length = sizeof(text), .source = 49160, .destination = 3784, .lane = 49200};

static uint64_t next_hop(void)
{
	return 0x0605040302aa; /* in memory order aa 02 03 04 05 06 */
}

static void test_on_the_underlay(void **unused)
{
	(void)unused;
	for (unsigned six = 0; six < 2; six++) {
		struct fwd_path path = path_of(six, FWD_GENEVE);
		uint8_t frame[OAMFRAME_HEADERS + sizeof(text)];
		uint32_t bytes = oamframe_write(frame, &path, next_hop(), &message);
		struct oamframe read;
		struct ip_address local = ip(six ? "fd01::1" : "10.1.0.1");

		assert_int_equal(bytes, 14u + (six ? 40u : 20u) + 8u + sizeof(text));
		assert_int_equal(frame[0], 0xaa);
		assert_memory_equal(frame + 6, station, 6);
		assert_int_equal(ippacket_be16(frame + path.udp_offset), 49160);
		assert_int_equal(oamframe_read(frame, bytes, TUNNEL_ETHERNET, &read), VERDICT_GO);
		assert_int_equal(read.ttl, 255);
		assert_int_equal(read.destination_port, 3784);
		assert_int_equal(read.length, sizeof(text));
		assert_memory_equal(read.message, text, sizeof(text));
		assert_true(ip_equal(&read.source, &local));
	}
}

static void inner_of(const struct fwd_path *path, const uint8_t *frame, uint32_t bytes)
{
	struct tunnel tunnel = {0};
	struct oamframe outer, inner;
	struct ip_address local;

	/* The outer headers are those of a datagram of the path. */
	if (path->family == IP_6)
		assert_int_equal(oamframe_read(frame, bytes, TUNNEL_ETHERNET, &outer), VERDICT_GO);
	assert_int_equal(ippacket_be16(frame + path->udp_offset), 49200);
	assert_int_equal(ippacket_be16(frame + path->udp_offset + 4), bytes - path->udp_offset);
	if (path->encapsulation == FWD_GENEVE) {
		assert_int_equal(tunnel_geneve(frame + path->tunnel_offset,
					 bytes - path->tunnel_offset, &tunnel),
			DROP_GENEVE_CONTROL);
		tunnel.protocol = ippacket_be16(frame + path->tunnel_offset + 2);
	} else {
		assert_int_equal(tunnel_vxlan(frame + path->tunnel_offset,
					 bytes - path->tunnel_offset, &tunnel),
			VERDICT_GO);
	}
	assert_int_equal(ippacket_be32(frame + path->tunnel_offset + 4) >> 8, 1);
	assert_int_equal(oamframe_read(frame + path->outer_length, bytes - path->outer_length,
				 tunnel.protocol, &inner),
		VERDICT_GO);
	assert_int_equal(inner.ttl, 255);
	assert_true(oamframe_names_end(&inner.destination));
	local = ip(path->family == IP_6 ? "fd01::1" : "10.1.0.1");
	assert_true(ip_equal(&inner.source, &local));
	assert_memory_equal(inner.message, text, sizeof(text));
}

static void test_in_tunnels(void **unused)
{
	struct oamframe_message tunnelled = message;

	(void)unused;
	tunnelled.tunnelled = true;
	for (unsigned kind = 0; kind < 4; kind++) {
		struct fwd_path path = path_of(kind & 1, kind & 2 ? FWD_VXLAN : FWD_GENEVE);
		uint8_t frame[OAMFRAME_HEADERS + sizeof(text)];
		uint32_t bytes = oamframe_write(frame, &path, next_hop(), &tunnelled);

		assert_true(bytes <= sizeof(frame));
		inner_of(&path, frame, bytes);
	}
}

static void test_broken(void **unused)
{
	struct fwd_path path = path_of(false, FWD_GENEVE);
	uint8_t frame[OAMFRAME_HEADERS + sizeof(text)], *udp = frame + path.udp_offset;
	uint32_t bytes = oamframe_write(frame, &path, next_hop(), &message);
	struct oamframe read;

	(void)unused;
	for (uint32_t cut = 0; cut < bytes; cut++)
		assert_int_equal(oamframe_read(frame, cut, TUNNEL_ETHERNET, &read), DROP_OAM_FRAME);
	assert_int_equal(oamframe_read(frame, bytes, 0x0806, &read), DROP_OAM_FRAME);
	frame[bytes - 1] ^= 1;
	assert_int_equal(oamframe_read(frame, bytes, TUNNEL_ETHERNET, &read), DROP_OAM_FRAME);
	/* IPv4 may do without a checksum. */
	udp[6] = udp[7] = 0;
	assert_int_equal(oamframe_read(frame, bytes, TUNNEL_ETHERNET, &read), VERDICT_GO);
	udp[5]++;
	assert_int_equal(oamframe_read(frame, bytes, TUNNEL_ETHERNET, &read), DROP_OAM_FRAME);
	udp[5] = 7;
	assert_int_equal(oamframe_read(frame, bytes, TUNNEL_ETHERNET, &read), DROP_OAM_FRAME);
	path = path_of(true, FWD_GENEVE);
	bytes = oamframe_write(frame, &path, next_hop(), &message);
	frame[path.udp_offset + 6] = frame[path.udp_offset + 7] = 0;
	assert_int_equal(oamframe_read(frame, bytes, TUNNEL_ETHERNET, &read), DROP_OAM_FRAME);
}

static void test_who_is_the_end(void **unused)
{
	static const struct {
		const char *address;
		bool end;
	} cases[] = {{"127.0.0.1", true}, {"127.99.0.1", true}, {"10.1.0.1", false}, {"::1", true},
		{"::2", false}, {"::ffff:127.0.0.1", true}, {"::ffff:128.0.0.1", false},
		{"100:0:0:1::77", true}, {"100::77", false}};

	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ip_address address = ip(cases[i].address);

		assert_int_equal(oamframe_names_end(&address), cases[i].end);
	}
}

/* What customers send is numbered; these are not, and so carry no option. */
static void test_measured_path(void **state)
{
	struct fwd_path plain = path_of(false, FWD_GENEVE);
	struct fwd_path measured = path_as(false, FWD_GENEVE, true);
	struct oamframe_message inside = message;
	uint8_t a[256] = {0}, b[256] = {0};

	(void)state;
	inside.tunnelled = true;
	assert_int_equal(oamframe_write(a, &plain, next_hop(), &inside),
		oamframe_write(b, &measured, next_hop(), &inside));
	assert_memory_equal(a, b, sizeof(a));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_on_the_underlay),
		cmocka_unit_test(test_in_tunnels),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_who_is_the_end),
		cmocka_unit_test(test_measured_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
