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

#define ROOM 256

static struct steer *steer;
static int program = -1;
static int sockets = -1; /* the map of AF_XDP sockets */
static int live = -1;	 /* one of them, not bound: redirecting to it is all that is tested */

struct frame {
	uint8_t bytes[ROOM];
	uint32_t length;
};

static const uint8_t our_mac[6] = {2, 0, 0, 0, 0, 0xa};

static void need_program(void)
{
	if (steer != NULL && live >= 0)
		return;
	print_message("needs root, BPF and AF_XDP sockets\n");
	skip();
}

static void put(struct frame *f, const void *bytes, size_t length)
{
	assert_true(f->length + length <= ROOM);
	memcpy(f->bytes + f->length, bytes, length);
	f->length += (uint32_t)length;
}

static void put8(struct frame *f, unsigned value)
{
	uint8_t byte = (uint8_t)value;

	put(f, &byte, 1);
}

static void put16(struct frame *f, unsigned value)
{
	put8(f, value >> 8);
	put8(f, value & 0xff);
}

static void put_zeros(struct frame *f, unsigned count)
{
	while (count-- > 0)
		put8(f, 0);
}

static void put_address(struct frame *f, const char *text)
{
	struct ip_address address;

	assert_int_equal(ip_parse(text, &address), 0);
	put(f, address.bytes, address.family == IP_4 ? 4 : 16);
}

static struct frame ethernet(unsigned type)
{
	static const uint8_t theirs[6] = {2, 0, 0, 0, 0, 0xb};
	struct frame f = {.length = 0};

	put(&f, our_mac, 6);
	put(&f, theirs, 6);
	put16(&f, type);
	return f;
}

static struct frame tagged(unsigned type0, unsigned tci0, unsigned type1, unsigned tci1)
{
	struct frame f = ethernet(type0);

	put16(&f, tci0);
	if (type1 != 0) {
		put16(&f, type1);
		put16(&f, tci1);
	}
	put16(&f, 0x0800);
	put_zeros(&f, 40);
	return f;
}

static struct frame arp(unsigned operation, const char *sender, const char *target)
{
	struct frame f = ethernet(0x0806);

	put16(&f, 1);
	put16(&f, 0x0800);
	put8(&f, 6);
	put8(&f, 4);
	put16(&f, operation);
	put_zeros(&f, 6);
	put_address(&f, sender);
	put_zeros(&f, 6);
	put_address(&f, target);
	return f;
}

static void put_ip4(
	struct frame *f, unsigned options, unsigned protocol, unsigned fragment, const char *to)
{
	put8(f, 0x45 + options);
	put8(f, 0);
	put16(f, 60);
	put16(f, 1);
	put16(f, fragment);
	put8(f, 64);
	put8(f, protocol);
	put16(f, 0);
	put_address(f, "10.1.0.2");
	put_address(f, to);
	put_zeros(f, options * 4);
}

static void put_ports(struct frame *f, unsigned from, unsigned to)
{
	put16(f, from);
	put16(f, to);
	put_zeros(f, 24);
}

static struct frame ip4(unsigned protocol, const char *to, unsigned port)
{
	struct frame f = ethernet(0x0800);

	put_ip4(&f, 0, protocol, 0, to);
	put_ports(&f, 50000, port);
	return f;
}

static void put_ip6(struct frame *f, unsigned next, const char *to)
{
	put16(f, 0x6000);
	put16(f, 0);
	put16(f, 40);
	put8(f, next);
	put8(f, 255);
	put_address(f, "fd00::2");
	put_address(f, to);
}

static struct frame ip6(unsigned next, const char *to, unsigned port)
{
	struct frame f = ethernet(0x86dd);

	put_ip6(&f, next, to);
	put_ports(&f, 50000, port);
	return f;
}

static struct frame icmp6(unsigned type, const char *to, const char *target)
{
	struct frame f = ethernet(0x86dd);

	put_ip6(&f, 58, to);
	put8(&f, type);
	put_zeros(&f, 7);
	put_address(&f, target);
	return f;
}

static uint32_t run(const struct frame *f)
{
	uint8_t out[ROOM + 64];
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
static void expect(struct frame f, enum steer_counter counter)
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
	return steertable_set_mac(steer, our_mac);
}

static void test_tags(void **state)
{
	const struct steer_tags tags[] = {
		{.count = 1, .type = {0x8100}, .vlan = {100}},
		{.count = 2, .type = {0x88a8, 0x8100}, .vlan = {200, 7}},
	};

	(void)state;
	need_program();
	expect(tagged(0x8100, 100, 0, 0), STEER_KERNEL);
	set_tags(tags, 2);
	expect(tagged(0x8100, 100, 0, 0), STEER_TAGGED);
	expect(tagged(0x8100, 0xe000 | 100, 0, 0), STEER_TAGGED);
	expect(tagged(0x88a8, 100, 0, 0), STEER_KERNEL);
	expect(tagged(0x8100, 101, 0, 0), STEER_KERNEL);
	expect(tagged(0x8100, 100, 0x8100, 7), STEER_KERNEL);
	expect(tagged(0x88a8, 200, 0x8100, 7), STEER_TAGGED);
	expect(tagged(0x8100, 200, 0x8100, 7), STEER_KERNEL);
	expect(tagged(0x88a8, 200, 0x8100, 8), STEER_KERNEL);
	expect(tagged(0x88a8, 200, 0, 0), STEER_KERNEL);
	set_tags(tags + 1, 1);
	expect(tagged(0x8100, 100, 0, 0), STEER_KERNEL);
	expect(tagged(0x88a8, 200, 0x8100, 7), STEER_TAGGED);
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
	expect(arp(1, "10.1.0.2", "10.1.0.1"), STEER_ARP);
	assert_int_equal(steer_remove_address(steer, &address), 0);
	expect(arp(1, "10.1.0.2", "10.1.0.1"), STEER_KERNEL);
	assert_int_equal(steer_add_tags(steer, &tags), 0);
	expect(tagged(0x8100, 5, 0, 0), STEER_TAGGED);
	assert_int_equal(steer_remove_tags(steer, &tags), 0);
	assert_int_equal(steer_remove_tags(steer, &tags), 0);
	expect(tagged(0x8100, 5, 0, 0), STEER_KERNEL);
	assert_int_equal(steer_add_tags(steer, &untagged), 0);
	expect(ip4(6, "10.9.9.9", 22), STEER_UNTAGGED);
	assert_int_equal(steer_remove_tags(steer, &untagged), 0);
	expect(ip4(6, "10.9.9.9", 22), STEER_KERNEL);
}

static void test_ip4(void **state)
{
	struct frame f;

	(void)state;
	need_program();
	set_addresses("10.1.0.1", "fd00::1");
	expect(ip4(17, "10.1.0.1", 6081), STEER_TUNNEL);
	expect(ip4(17, "10.1.0.1", 4789), STEER_TUNNEL);
	expect(ip4(17, "10.1.0.1", 53), STEER_KERNEL);
	expect(ip4(17, "10.1.0.3", 6081), STEER_KERNEL);
	expect(ip4(1, "10.1.0.1", 0), STEER_ICMP);
	expect(ip4(1, "10.1.0.3", 0), STEER_KERNEL);
	expect(ip4(6, "10.1.0.1", 22), STEER_KERNEL);
	f = ethernet(0x0800);
	put_ip4(&f, 3, 17, 0, "10.1.0.1");
	put_ports(&f, 1, 6081);
	expect(f, STEER_TUNNEL);
	f = ethernet(0x0800);
	put_ip4(&f, 0, 17, 0x2000, "10.1.0.1");
	put_ports(&f, 1, 53);
	expect(f, STEER_KERNEL);
	f = ethernet(0x0800);
	put_ip4(&f, 0, 17, 0x0010, "10.1.0.1");
	put_ports(&f, 1, 53);
	expect(f, STEER_TUNNEL);
}

static void test_ip6(void **state)
{
	struct frame f;

	(void)state;
	need_program();
	set_addresses("10.1.0.1", "fd00::1");
	expect(ip6(17, "fd00::1", 6081), STEER_TUNNEL);
	expect(ip6(17, "fd00::1", 4789), STEER_TUNNEL);
	expect(ip6(17, "fd00::1", 53), STEER_KERNEL);
	expect(ip6(17, "fd00::3", 6081), STEER_KERNEL);
	expect(ip6(6, "fd00::1", 22), STEER_KERNEL);
	f = ethernet(0x86dd);
	put_ip6(&f, 60, "fd00::1");
	put8(&f, 17);
	put_zeros(&f, 7);
	put_ports(&f, 1, 4789);
	expect(f, STEER_TUNNEL);
	f = ethernet(0x86dd);
	put_ip6(&f, 44, "fd00::1");
	put16(&f, 17 << 8);
	put16(&f, 0x0100);
	put_zeros(&f, 4);
	put_ports(&f, 1, 2);
	expect(f, STEER_TUNNEL);
}

static void test_neighbours(void **state)
{
	(void)state;
	need_program();
	set_addresses("10.1.0.1", "fd00::1");
	expect(arp(1, "10.1.0.2", "10.1.0.1"), STEER_ARP);
	expect(arp(2, "10.1.0.2", "10.1.0.1"), STEER_ARP);
	expect(arp(1, "10.1.0.2", "10.1.0.3"), STEER_KERNEL);
	expect(icmp6(135, "ff02::1:ff00:1", "fd00::1"), STEER_ND);
	expect(icmp6(135, "fd00::1", "fd00::1"), STEER_ND);
	/* In our solicited-node group, yet the host's address. */
	expect(icmp6(135, "ff02::1:ff00:1", "fd11::1"), STEER_KERNEL);
	expect(icmp6(136, "fd00::1", "fd00::2"), STEER_ND);
	expect(icmp6(136, "fd00::3", "fd00::2"), STEER_KERNEL);
	expect(icmp6(136, "ff02::1", "fd00::2"), STEER_KERNEL);
	expect(icmp6(134, "ff02::1", "fd00::2"), STEER_KERNEL);
	expect(icmp6(130, "ff02::1", "fd00::2"), STEER_KERNEL);
	expect(icmp6(128, "fd00::1", "::"), STEER_ICMP);
	expect(icmp6(128, "ff02::1", "::"), STEER_KERNEL);
}

static void test_untagged(void **state)
{
	const struct steer_tags untagged = {.count = 0};
	struct ip_address host[2];
	struct frame f;

	(void)state;
	need_program();
	assert_int_equal(ip_parse("10.1.0.9", &host[0]), 0);
	assert_int_equal(ip_parse("fd00::9", &host[1]), 0);
	assert_int_equal(steertable_set_host(steer, host, 2), 0);
	set_addresses("10.1.0.1", "fd00::1");
	set_tags(&untagged, 1);
	expect(ip4(6, "192.0.2.1", 443), STEER_UNTAGGED);
	expect(ip4(6, "10.1.0.1", 179), STEER_UNTAGGED);
	expect(ip4(17, "10.1.0.1", 6081), STEER_TUNNEL);
	expect(ip4(6, "10.1.0.9", 22), STEER_KERNEL);
	expect(ip4(1, "10.1.0.9", 0), STEER_KERNEL);
	expect(ip6(6, "2001:db8::1", 443), STEER_UNTAGGED);
	expect(ip6(6, "fd00::9", 22), STEER_KERNEL);
	expect(icmp6(135, "ff02::1:ff00:9", "fd00::9"), STEER_KERNEL);
	f = ip4(6, "192.0.2.1", 443);
	f.bytes[5] ^= 1;
	expect(f, STEER_KERNEL);
	f = ip4(17, "255.255.255.255", 67);
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
	expect(ip4(17, "10.1.0.1", 6081), STEER_NO_SOCKET);
	expect(ip6(17, "fd00::1", 4789), STEER_NO_SOCKET);
	expect(tagged(0x8100, 100, 0, 0), STEER_NO_SOCKET);
	expect(arp(1, "10.1.0.2", "10.1.0.1"), STEER_NO_SOCKET);
	expect(ip4(6, "10.1.0.1", 22), STEER_KERNEL);
}

/* Cut at every byte: what cannot be read is the kernel's, and the verifier's promise holds. */
static void test_truncated(void **state)
{
	const struct steer_tags tags = {.count = 2, .type = {0x8100, 0x8100}, .vlan = {1, 2}};
	const struct frame whole[] = {
		ip4(17, "10.1.0.1", 6081),
		ip6(17, "fd00::1", 6081),
		arp(1, "10.1.0.2", "10.1.0.1"),
		icmp6(135, "ff02::1:ff00:1", "fd00::1"),
		tagged(0x8100, 1, 0x8100, 2),
	};
	const uint32_t enough[] = {14 + 20 + 8, 14 + 40 + 8, 14 + 28, 14 + 40 + 24, 14 + 8};

	(void)state;
	need_program();
	set_addresses("10.1.0.1", "fd00::1");
	set_tags(&tags, 1);
	for (size_t i = 0; i < ARRAY_SIZE(whole); i++) {
		struct frame f = whole[i];

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
	expect(arp(1, "10.1.0.2", "10.100.15.255"), STEER_ARP);
	assert_int_equal(steer_set_addresses(steer, many, STEER_ADDRESSES + 1), -ENOSPC);
	expect(arp(1, "10.1.0.2", "10.100.15.255"), STEER_ARP);
	assert_int_equal(steer_add_address(steer, &many[STEER_ADDRESSES]), -ENOSPC);
	assert_int_equal(steer_set_addresses(steer, many + 1, 1), 0);
	expect(arp(1, "10.1.0.2", "10.100.15.255"), STEER_KERNEL);
	expect(arp(1, "10.1.0.2", "10.100.0.1"), STEER_ARP);
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
