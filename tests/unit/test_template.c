/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <string.h>

#include "control/template.h"
#include "tests/tools/rawframe.h"

static const uint8_t mac[6] = {2, 1, 2, 3, 4, 5};

static struct fwd_path build_as(
	const char *local, const char *remote, uint8_t encapsulation, bool measured)
{
	struct fwd_path path = {.encapsulation = encapsulation};
	struct ip_address from, to;

	assert_int_equal(ip_parse(local, &from), 0);
	assert_int_equal(ip_parse(remote, &to), 0);
	memset(path.header, 0xee, sizeof(path.header));
	template_build(&path, mac, &from, &to, measured);
	return path;
}

static struct fwd_path build(const char *local, const char *remote, uint8_t encapsulation)
{
	return build_as(local, remote, encapsulation, false);
}

static const uint8_t *header_of(const struct fwd_path *path)
{
	return path->header + FWD_TEMPLATE - path->outer_length;
}

static void test_geneve_over_ip4(void **state)
{
	static const uint8_t expected[50] = {0, 0, 0, 0, 0, 0, 2, 1, 2, 3, 4, 5, 0x08, 0x00, 0x45,
		0, 0, 0, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 1, 0, 1, 10, 1, 0, 2, 0, 0, 0x17, 0xc1, 0,
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
	struct fwd_path path = build("10.1.0.1", "10.1.0.2", FWD_GENEVE);

	(void)state;
	assert_int_equal(path.outer_length, 50);
	assert_int_equal(path.ip_offset, 14);
	assert_int_equal(path.udp_offset, 34);
	assert_int_equal(path.tunnel_offset, 42);
	assert_int_equal(path.family, IP_4);
	assert_memory_equal(header_of(&path), expected, sizeof(expected));
	assert_int_equal(header_of(&path)[-1], 0);
	/* Sums are in memory order. */
	assert_int_equal(
		rawframe_sum(NULL, 0, path.ip_sum), htons(rawframe_sum(&expected[14], 20, 0)));
	assert_int_equal(
		rawframe_sum(NULL, 0, path.pseudo_sum), htons(rawframe_sum(&expected[26], 8, 17)));
}

static void test_vxlan_over_ip6(void **state)
{
	struct fwd_path path = build("2001:db8::1", "2001:db8::2", FWD_VXLAN);
	const uint8_t *ip = &header_of(&path)[14], *udp = &header_of(&path)[54],
		      *vxlan = &header_of(&path)[62];
	static const uint8_t start[8] = {0x60, 0, 0, 0, 0, 0, 17, 64};
	static const uint8_t flags[8] = {8, 0, 0, 0, 0, 0, 0, 0};

	(void)state;
	assert_int_equal(path.outer_length, 70);
	assert_int_equal(path.udp_offset, 54);
	assert_int_equal(path.tunnel_offset, 62);
	assert_int_equal(path.family, IP_6);
	assert_int_equal(header_of(&path)[12] << 8 | header_of(&path)[13], 0x86dd);
	assert_memory_equal(ip, start, sizeof(start));
	assert_int_equal(ip[8] << 8 | ip[9], 0x2001);
	assert_int_equal(ip[23], 1);
	assert_int_equal(ip[39], 2);
	assert_int_equal(udp[2] << 8 | udp[3], 4789);
	assert_memory_equal(vxlan, flags, sizeof(flags));
	assert_int_equal(
		rawframe_sum(NULL, 0, path.pseudo_sum), htons(rawframe_sum(&ip[8], 32, 17)));
}

/* The option is part of the template; its numbers are tx's. */
static void test_measured(void **state)
{
	struct fwd_path path = build_as("10.0.1.1", "10.0.2.1", FWD_GENEVE, true);
	static const uint8_t option[16] = {0xff, 0x01, 0x01, 0x03};

	(void)state;
	assert_int_equal(path.outer_length, 66);
	assert_int_equal(path.option_offset, 50);
	assert_int_equal(header_of(&path)[42], 4);
	assert_memory_equal(&header_of(&path)[50], option, sizeof(option));
	path = build_as("2001:db8::1", "2001:db8::2", FWD_GENEVE, true);
	assert_int_equal(path.outer_length, 86);
	assert_true(path.outer_length <= FWD_TEMPLATE_USED);
	assert_memory_equal(&header_of(&path)[70], option, sizeof(option));
	assert_int_equal(build("10.0.1.1", "10.0.2.1", FWD_GENEVE).option_offset, 0);
	assert_int_equal(build_as("10.0.1.1", "10.0.2.1", FWD_VXLAN, true).option_offset, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_geneve_over_ip4),
		cmocka_unit_test(test_vxlan_over_ip6),
		cmocka_unit_test(test_measured),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
