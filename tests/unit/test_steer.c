/* SPDX-License-Identifier: BSD-3-Clause */
/* The steering program, run by the kernel on frames made here: verdict and counter of each. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "dataplane/base/macros.h"
#include "drivers/steer.h"
#include "drivers/steerport.h"
#include "drivers/steertable.h"
#include "tests/unit/steerframe.h"

static struct steer *steer;
static int program = -1;
static int sockets = -1; /* the map of AF_XDP sockets */
static int live = -1;	 /* one of them, not bound: redirecting to it is all that is tested */

static void need_program(void)
{
	if (steer != NULL && live >= 0)
		return;
	print_message("needs root, BPF and AF_XDP sockets\n");
	skip();
}

static uint32_t run(const struct steerframe *f)
{
	uint8_t out[STEERFRAME_ROOM + 64];
	/* Exactly as long as the frame: reading past its end would be seen. */
	uint8_t *in = malloc(f->length);
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = in, .data_size_in = f->length,
		.data_out = out, .data_size_out = sizeof(out), .repeat = 1);
	int rc;

	assert_non_null(in);
	memcpy(in, f->bytes, f->length);
	rc = bpf_prog_test_run_opts(program, &options);
	free(in);
	assert_int_equal(rc, 0);
	assert_int_equal(options.data_size_out, f->length);
	assert_memory_equal(out, f->bytes, f->length);
	return options.retval;
}

/* The verdict that goes with the counter, and that counter alone moves, by one. */
static void expect(struct steerframe f, enum steer_counter counter)
{
	uint64_t before[STEER_COUNT], after[STEER_COUNT];
	uint32_t verdict = XDP_REDIRECT;

	if (counter == STEER_KERNEL)
		verdict = XDP_PASS;
	if (counter == STEER_NO_SOCKET)
		verdict = XDP_DROP;
	assert_int_equal(steer_read(steer, before), 0);
	assert_int_equal(run(&f), verdict);
	assert_int_equal(steer_read(steer, after), 0);
	for (unsigned i = 0; i < STEER_COUNT; i++) {
		if (after[i] != before[i] + (i == counter))
			fail_msg("%s moved by %lu, expected %s",
				steer_counter_name((enum steer_counter)i), after[i] - before[i],
				steer_counter_name(counter));
	}
}

static void set_addresses(const char *first, const char *second)
{
	struct ip_address addresses[2];

	assert_int_equal(ip_parse(first, &addresses[0]), 0);
	assert_int_equal(ip_parse(second, &addresses[1]), 0);
	assert_int_equal(steer_set_addresses(steer, addresses, 2), 0);
}

static void set_tags(const struct steer_tags *tags, unsigned count)
{
	assert_int_equal(steer_set_tags(steer, tags, count), 0);
}

static int fresh(void **state)
{
	uint32_t queue = 0;

	(void)state;
	if (steer == NULL || live < 0)
		return 0;
	assert_int_equal(bpf_map_update_elem(sockets, &queue, &live, BPF_ANY), 0);
	assert_int_equal(steer_set_addresses(steer, NULL, 0), 0);
	assert_int_equal(steertable_set_host(steer, NULL, 0), 0);
	assert_int_equal(steer_set_tags(steer, NULL, 0), 0);
	return steertable_set_mac(steer, steerframe_mac);
}

static void test_tags(void **state)
{
	const struct steer_tags tags[] = {
		{.count = 1, .type = {0x8100}, .vlan = {100}},
		{.count = 2, .type = {0x88a8, 0x8100}, .vlan = {200, 7}},
	};

	(void)state;
	need_program();
	expect(steerframe_tagged(0x8100, 100, 0, 0), STEER_KERNEL);
	set_tags(tags, 2);
	expect(steerframe_tagged(0x8100, 100, 0, 0), STEER_TAGGED);
	expect(steerframe_tagged(0x8100, 0xe000 | 100, 0, 0), STEER_TAGGED);
	expect(steerframe_tagged(0x88a8, 100, 0, 0), STEER_KERNEL);
	expect(steerframe_tagged(0x8100, 101, 0, 0), STEER_KERNEL);
	expect(steerframe_tagged(0x8100, 100, 0x8100, 7), STEER_KERNEL);
	expect(steerframe_tagged(0x88a8, 200, 0x8100, 7), STEER_TAGGED);
	expect(steerframe_tagged(0x8100, 200, 0x8100, 7), STEER_KERNEL);
	expect(steerframe_tagged(0x88a8, 200, 0x8100, 8), STEER_KERNEL);
	expect(steerframe_tagged(0x88a8, 200, 0, 0), STEER_KERNEL);
	set_tags(tags + 1, 1);
	expect(steerframe_tagged(0x8100, 100, 0, 0), STEER_KERNEL);
	expect(steerframe_tagged(0x88a8, 200, 0x8100, 7), STEER_TAGGED);
}

static void test_single_changes(void **state)
{
	const struct steer_tags tags = {.count = 1, .type = {0x8100}, .vlan = {5}};
	const struct steer_tags untagged = {.count = 0};
	struct ip_address address;

	(void)state;
	need_program();
	assert_int_equal(ip_parse("10.1.0.1", &address), 0);
	assert_int_equal(steer_remove_address(steer, &address), 0);
	assert_int_equal(steer_add_address(steer, &address), 0);
	assert_int_equal(steer_add_address(steer, &address), 0);
	expect(steerframe_arp(1, "10.1.0.2", "10.1.0.1"), STEER_ARP);
	assert_int_equal(steer_remove_address(steer, &address), 0);
	expect(steerframe_arp(1, "10.1.0.2", "10.1.0.1"), STEER_KERNEL);
	assert_int_equal(steer_add_tags(steer, &tags), 0);
	expect(steerframe_tagged(0x8100, 5, 0, 0), STEER_TAGGED);
	assert_int_equal(steer_remove_tags(steer, &tags), 0);
	assert_int_equal(steer_remove_tags(steer, &tags), 0);
	expect(steerframe_tagged(0x8100, 5, 0, 0), STEER_KERNEL);
	assert_int_equal(steer_add_tags(steer, &untagged), 0);
	expect(steerframe_ip4(6, "10.9.9.9", 22), STEER_UNTAGGED);
	assert_int_equal(steer_remove_tags(steer, &untagged), 0);
	expect(steerframe_ip4(6, "10.9.9.9", 22), STEER_KERNEL);
}

static void test_ip4(void **state)
{
	struct steerframe f;

	(void)state;
	need_program();
	set_addresses("10.1.0.1", "fd00::1");
	expect(steerframe_ip4(17, "10.1.0.1", 6081), STEER_TUNNEL);
	expect(steerframe_ip4(17, "10.1.0.1", 4789), STEER_TUNNEL);
	expect(steerframe_ip4(17, "10.1.0.1", 3784), STEER_TUNNEL);
	expect(steerframe_ip4(17, "10.1.0.1", 4784), STEER_TUNNEL);
	expect(steerframe_ip4(17, "10.1.0.3", 3784), STEER_KERNEL);
	expect(steerframe_ip4(17, "10.1.0.1", 53), STEER_KERNEL);
	expect(steerframe_ip4(17, "10.1.0.3", 6081), STEER_KERNEL);
	expect(steerframe_ip4(1, "10.1.0.1", 0), STEER_ICMP);
	expect(steerframe_ip4(1, "10.1.0.3", 0), STEER_KERNEL);
	expect(steerframe_ip4(6, "10.1.0.1", 22), STEER_KERNEL);
	f = steerframe_ethernet(0x0800);
	steerframe_put_ip4(&f, 3, 17, 0, "10.1.0.1");
	steerframe_put_ports(&f, 1, 6081);
	expect(f, STEER_TUNNEL);
	f = steerframe_ethernet(0x0800);
	steerframe_put_ip4(&f, 0, 17, 0x2000, "10.1.0.1");
	steerframe_put_ports(&f, 1, 53);
	expect(f, STEER_KERNEL);
	f = steerframe_ethernet(0x0800);
	steerframe_put_ip4(&f, 0, 17, 0x0010, "10.1.0.1");
	steerframe_put_ports(&f, 1, 53);
	expect(f, STEER_TUNNEL);
}

static void test_ip6(void **state)
{
	struct steerframe f;

	(void)state;
	need_program();
	set_addresses("10.1.0.1", "fd00::1");
	expect(steerframe_ip6(17, "fd00::1", 6081), STEER_TUNNEL);
	expect(steerframe_ip6(17, "fd00::1", 4789), STEER_TUNNEL);
	expect(steerframe_ip6(17, "fd00::1", 3784), STEER_TUNNEL);
	expect(steerframe_ip6(17, "fd00::1", 53), STEER_KERNEL);
	expect(steerframe_ip6(17, "fd00::3", 6081), STEER_KERNEL);
	expect(steerframe_ip6(6, "fd00::1", 22), STEER_KERNEL);
	f = steerframe_ethernet(0x86dd);
	steerframe_put_ip6(&f, 60, "fd00::1");
	steerframe_put8(&f, 17);
	steerframe_put_zeros(&f, 7);
	steerframe_put_ports(&f, 1, 4789);
	expect(f, STEER_TUNNEL);
	f = steerframe_ethernet(0x86dd);
	steerframe_put_ip6(&f, 44, "fd00::1");
	steerframe_put16(&f, 17 << 8);
	steerframe_put16(&f, 0x0100);
	steerframe_put_zeros(&f, 4);
	steerframe_put_ports(&f, 1, 2);
	expect(f, STEER_TUNNEL);
}

static void test_neighbours(void **state)
{
	(void)state;
	need_program();
	set_addresses("10.1.0.1", "fd00::1");
	expect(steerframe_arp(1, "10.1.0.2", "10.1.0.1"), STEER_ARP);
	expect(steerframe_arp(2, "10.1.0.2", "10.1.0.1"), STEER_ARP);
	expect(steerframe_arp(1, "10.1.0.2", "10.1.0.3"), STEER_KERNEL);
	expect(steerframe_icmp6(135, "ff02::1:ff00:1", "fd00::1"), STEER_ND);
	expect(steerframe_icmp6(135, "fd00::1", "fd00::1"), STEER_ND);
	/* In our solicited-node group, yet the host's address. */
	expect(steerframe_icmp6(135, "ff02::1:ff00:1", "fd11::1"), STEER_KERNEL);
	expect(steerframe_icmp6(136, "fd00::1", "fd00::2"), STEER_ND);
	expect(steerframe_icmp6(136, "fd00::3", "fd00::2"), STEER_KERNEL);
	expect(steerframe_icmp6(136, "ff02::1", "fd00::2"), STEER_KERNEL);
	expect(steerframe_icmp6(134, "ff02::1", "fd00::2"), STEER_KERNEL);
	expect(steerframe_icmp6(130, "ff02::1", "fd00::2"), STEER_KERNEL);
	expect(steerframe_icmp6(128, "fd00::1", "::"), STEER_ICMP);
	expect(steerframe_icmp6(128, "ff02::1", "::"), STEER_KERNEL);
}

static void test_untagged(void **state)
{
	const struct steer_tags untagged = {.count = 0};
	struct ip_address host[2];
	struct steerframe f;

	(void)state;
	need_program();
	assert_int_equal(ip_parse("10.1.0.9", &host[0]), 0);
	assert_int_equal(ip_parse("fd00::9", &host[1]), 0);
	assert_int_equal(steertable_set_host(steer, host, 2), 0);
	set_addresses("10.1.0.1", "fd00::1");
	set_tags(&untagged, 1);
	expect(steerframe_ip4(6, "192.0.2.1", 443), STEER_UNTAGGED);
	expect(steerframe_ip4(6, "10.1.0.1", 179), STEER_UNTAGGED);
	expect(steerframe_ip4(17, "10.1.0.1", 6081), STEER_TUNNEL);
	expect(steerframe_ip4(6, "10.1.0.9", 22), STEER_KERNEL);
	expect(steerframe_ip4(1, "10.1.0.9", 0), STEER_KERNEL);
	expect(steerframe_ip6(6, "2001:db8::1", 443), STEER_UNTAGGED);
	expect(steerframe_ip6(6, "fd00::9", 22), STEER_KERNEL);
	expect(steerframe_icmp6(135, "ff02::1:ff00:9", "fd00::9"), STEER_KERNEL);
	f = steerframe_ip4(6, "192.0.2.1", 443);
	f.bytes[5] ^= 1;
	expect(f, STEER_KERNEL);
	f = steerframe_ip4(17, "255.255.255.255", 67);
	memset(f.bytes, 0xff, 6);
	expect(f, STEER_KERNEL);
}

/* A gateway that is dead or does not poll this queue: nothing of its traffic reaches the kernel. */
static void test_no_socket(void **state)
{
	const struct steer_tags tags = {.count = 1, .type = {0x8100}, .vlan = {100}};
	uint32_t queue = 0;

	(void)state;
	need_program();
	set_addresses("10.1.0.1", "fd00::1");
	set_tags(&tags, 1);
	assert_int_equal(bpf_map_delete_elem(sockets, &queue), 0);
	expect(steerframe_ip4(17, "10.1.0.1", 6081), STEER_NO_SOCKET);
	expect(steerframe_ip6(17, "fd00::1", 4789), STEER_NO_SOCKET);
	expect(steerframe_tagged(0x8100, 100, 0, 0), STEER_NO_SOCKET);
	expect(steerframe_arp(1, "10.1.0.2", "10.1.0.1"), STEER_NO_SOCKET);
	expect(steerframe_ip4(6, "10.1.0.1", 22), STEER_KERNEL);
}

/* Cut at every byte: what cannot be read is the kernel's, and the verifier's promise holds. */
static void test_truncated(void **state)
{
	const struct steer_tags tags = {.count = 2, .type = {0x8100, 0x8100}, .vlan = {1, 2}};
	const struct steerframe whole[] = {
		steerframe_ip4(17, "10.1.0.1", 6081),
		steerframe_ip6(17, "fd00::1", 6081),
		steerframe_arp(1, "10.1.0.2", "10.1.0.1"),
		steerframe_icmp6(135, "ff02::1:ff00:1", "fd00::1"),
		steerframe_tagged(0x8100, 1, 0x8100, 2),
	};
	const uint32_t enough[] = {14 + 20 + 8, 14 + 40 + 8, 14 + 28, 14 + 40 + 24, 14 + 8};

	(void)state;
	need_program();
	set_addresses("10.1.0.1", "fd00::1");
	set_tags(&tags, 1);
	for (size_t i = 0; i < ARRAY_SIZE(whole); i++) {
		struct steerframe f = whole[i];

		for (f.length = 14; f.length <= whole[i].length; f.length++) {
			uint32_t verdict = run(&f);

			if (verdict != (f.length < enough[i] ? XDP_PASS : XDP_REDIRECT))
				fail_msg("frame %zu of %u bytes: verdict %u", i, f.length, verdict);
		}
	}
}

static void test_many(void **state)
{
	struct ip_address *many = calloc(STEER_ADDRESSES + 1, sizeof(*many));

	(void)state;
	need_program();
	assert_non_null(many);
	for (unsigned i = 0; i <= STEER_ADDRESSES; i++) {
		uint32_t number = htonl(0x0a640000 + i);

		many[i].family = IP_4;
		memcpy(many[i].bytes, &number, 4);
	}
	assert_int_equal(steer_set_addresses(steer, many, STEER_ADDRESSES), 0);
	expect(steerframe_arp(1, "10.1.0.2", "10.100.15.255"), STEER_ARP);
	assert_int_equal(steer_set_addresses(steer, many, STEER_ADDRESSES + 1), -ENOSPC);
	expect(steerframe_arp(1, "10.1.0.2", "10.100.15.255"), STEER_ARP);
	assert_int_equal(steer_add_address(steer, &many[STEER_ADDRESSES]), -ENOSPC);
	assert_int_equal(steer_set_addresses(steer, many + 1, 1), 0);
	expect(steerframe_arp(1, "10.1.0.2", "10.100.15.255"), STEER_KERNEL);
	expect(steerframe_arp(1, "10.1.0.2", "10.100.0.1"), STEER_ARP);
	free(many);
}

static void find_sockets_map(void)
{
	struct bpf_prog_info info = {0};
	uint32_t length = sizeof(info), ids[16];

	info.nr_map_ids = ARRAY_SIZE(ids);
	info.map_ids = (uint64_t)(uintptr_t)ids;
	if (bpf_obj_get_info_by_fd(program, &info, &length) != 0)
		return;
	for (uint32_t i = 0; i < info.nr_map_ids && sockets < 0; i++) {
		struct bpf_map_info map = {0};
		int fd = bpf_map_get_fd_by_id(ids[i]);

		length = sizeof(map);
		if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &map, &length) == 0 &&
			map.type == BPF_MAP_TYPE_XSKMAP && strcmp(map.name, "xsks_map") == 0)
			sockets = fd;
		else if (fd >= 0)
			close(fd);
	}
}

static int quiet(enum libbpf_print_level level, const char *format, va_list arguments)
{
	(void)level;
	(void)format;
	(void)arguments;
	return 0;
}

static int set_up(void **state)
{
	(void)state;
	if (geteuid() != 0)
		libbpf_set_print(quiet);
	steer = steerport_load(&program);
	if (steer == NULL)
		return geteuid() == 0 ? -1 : 0;
	find_sockets_map();
	live = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	steertable_destroy(steer);
	close(live);
	close(sockets);
	close(program);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_tags, fresh),
		cmocka_unit_test_setup(test_single_changes, fresh),
		cmocka_unit_test_setup(test_ip4, fresh),
		cmocka_unit_test_setup(test_ip6, fresh),
		cmocka_unit_test_setup(test_neighbours, fresh),
		cmocka_unit_test_setup(test_untagged, fresh),
		cmocka_unit_test_setup(test_no_socket, fresh),
		cmocka_unit_test_setup(test_truncated, fresh),
		cmocka_unit_test_setup(test_many, fresh),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
