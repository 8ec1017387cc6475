/* SPDX-License-Identifier: BSD-3-Clause */
/* Asking, learning, holding and ageing, on a whole gateway with a worker turned by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include <rte_ip.h>

#include "control/neighbours.h"
#include "control/publisher.h"
#include "dataplane/fwd/value.h"
#include "tests/tools/rawframe.h"
#include "tests/tools/testbed.h"

#define CUST 0
#define BB   1

#define DOCUMENT \
	"{\"sites\":[{\"name\":\"b\"}]," \
	"\"paths\":[{\"name\":\"b1\",\"site\":\"b\",\"port\":\"bb\",\"local\":\"10.1.0.1/30\"," \
	"\"remote\":\"10.1.0.2\",\"encapsulation\":\"geneve\"}," \
	"{\"name\":\"b2\",\"site\":\"b\",\"port\":\"bb\",\"local\":\"2001:db8:1::1/64\"," \
	"\"remote\":\"2001:db8:2::2\",\"gateway\":\"2001:db8:1::ff\",\"encapsulation\":" \
	"\"geneve\"}]," \
	"\"connections\":[{\"name\":\"acme\",\"vni\":1001," \
	"\"endpoints\":[{\"site\":\"b\",\"vni\":1001}]}]," \
	"\"attachments\":[{\"name\":\"a1\",\"connection\":\"acme\",\"port\":\"cust\"," \
	"\"tags\":[{\"type\":\"0x8100\",\"vlan\":101}]," \
	"\"addresses\":[\"192.0.2.1/24\",\"fd20::1/64\"]}," \
	"{\"name\":\"a2\",\"connection\":\"acme\",\"port\":\"cust\"," \
	"\"tags\":[{\"type\":\"0x8100\",\"vlan\":102}],\"addresses\":[\"198.51.100.1/24\"]," \
	"\"source_check\":\"off\"}]," \
	"\"routes\":[{\"connection\":\"acme\",\"prefix\":\"10.3.0.0/16\",\"via\":{\"next_hops\":" \
	"[{\"attachment\":\"a1\",\"address\":\"192.0.2.2\"}]}}]}"

static struct testbed *g;
static const uint8_t station[6] = {0x02, 0xaa, 0, 0, 0, 2};

/* What came out, port by port, since the last look. */
#define FRAMES 64
struct frame {
	unsigned port;
	size_t length;
	uint8_t bytes[2048];
};
static struct frame frames[FRAMES];
static unsigned frame_count;

static void look(void)
{
	struct rte_mbuf *m[FRAMES];

	frame_count = 0;
	for (unsigned port = 0; port < 2; port++) {
		unsigned count = testbed_collect(g, port, m, FRAMES);

		for (unsigned i = 0; i < count; i++) {
			struct frame *f = &frames[frame_count];

			f->port = port;
			f->length = m[i]->data_len;
			memcpy(f->bytes, rte_pktmbuf_mtod(m[i], void *), f->length);
			frame_count += frame_count < FRAMES - 1;
			rte_pktmbuf_free(m[i]);
		}
	}
}

static void pass(uint64_t ms)
{
	testbed_settle(g, ms);
	look();
}

static int setup(void **state)
{
	const struct testbed_setup s = {.ports = 2,
		.workers = 1,
		.connections = 8,
		.held = 8,
		.held_each = 4,
		.gleaned = 3,
		.port = {{.name = "cust"}, {.name = "bb"}}};

	(void)state;
	g = testbed_create(&s);
	if (g == NULL || testbed_document(g, DOCUMENT) != 0)
		return 1;
	testbed_settle(g, 0);
	testbed_settle(g, 60);
	look();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_true(testbed_conserved(g));
	testbed_destroy(g);
	return 0;
}

static struct ip_address ip(const char *text)
{
	struct ip_address out;

	assert_int_equal(ip_parse(text, &out), 0);
	return out;
}

/* An ARP request of ours for this address: its frame, else NULL. vlan 0: untagged. */
static const struct frame *find_arp(unsigned port, unsigned vlan, const char *target)
{
	struct ip_address t = ip(target);
	unsigned at = vlan != 0 ? 16 : 12;

	for (unsigned i = 0; i < frame_count; i++) {
		const struct frame *f = &frames[i];

		if (f->port != port || f->length < at + 30 || f->bytes[at] != 8 ||
			f->bytes[at + 1] != 6)
			continue;
		if (vlan != 0 && ((f->bytes[14] & 15) << 8 | f->bytes[15]) != (int)vlan)
			continue;
		if (memcmp(&f->bytes[at + 26], t.bytes, 4) == 0)
			return f;
	}
	return NULL;
}

static const struct frame *find_ns(unsigned port, const char *target)
{
	struct ip_address t = ip(target);

	for (unsigned i = 0; i < frame_count; i++) {
		const struct frame *f = &frames[i];

		if (f->port == port && f->length >= 78 && f->bytes[54] == 135 &&
			memcmp(&f->bytes[62], t.bytes, 16) == 0)
			return f;
	}
	return NULL;
}

static size_t tag(uint8_t *frame, unsigned vlan)
{
	if (vlan == 0)
		return 12;
	frame[12] = 0x81;
	frame[13] = 0;
	frame[14] = (uint8_t)(vlan >> 8);
	frame[15] = (uint8_t)vlan;
	return 16;
}

/* operation 1 or 2, from the sender's MAC and address, to us. */
static void send_arp(unsigned port, unsigned vlan, unsigned operation, const uint8_t mac[6],
	const char *sender, const char *target)
{
	uint8_t frame[64] = {0};
	struct ip_address s = ip(sender), t = ip(target);
	size_t at = tag(frame, vlan);
	static const uint8_t head[8] = {0, 1, 8, 0, 6, 4, 0, 0};

	testbed_mac(port, frame);
	if (operation == 1)
		memset(frame, 0xff, 6);
	memcpy(frame + 6, mac, 6);
	frame[at] = 8;
	frame[at + 1] = 6;
	memcpy(frame + at + 2, head, 8);
	frame[at + 9] = (uint8_t)operation;
	memcpy(frame + at + 10, mac, 6);
	memcpy(frame + at + 16, s.bytes, 4);
	memcpy(frame + at + 26, t.bytes, 4);
	assert_true(testbed_inject(g, port, 0, frame, 60, 1));
	testbed_settle(g, 0);
}

/* An advertisement of RFC 4861 4.4, untagged. flags: 0x40 solicited, 0x20 override. */
static void send_na(unsigned port, const uint8_t mac[6], const char *target, const char *to,
	uint8_t flags, uint8_t hop_limit)
{
	uint8_t frame[86] = {0}, *packet = frame + 14;
	uint16_t sum;
	struct ip_address t = ip(target), d = ip(to);

	testbed_mac(port, frame);
	memcpy(frame + 6, mac, 6);
	frame[12] = 0x86;
	frame[13] = 0xdd;
	packet[0] = 0x60;
	packet[5] = 32;
	packet[6] = 58;
	packet[7] = hop_limit;
	memcpy(packet + 8, t.bytes, 16);
	memcpy(packet + 24, d.bytes, 16);
	packet[40] = 136;
	packet[44] = flags;
	memcpy(packet + 48, t.bytes, 16);
	packet[64] = 2;
	packet[65] = 1;
	memcpy(packet + 66, mac, 6);
	sum = rte_ipv6_udptcp_cksum((const void *)packet, packet + 40);
	memcpy(packet + 42, &sum, sizeof(sum));
	assert_true(testbed_inject(g, port, 0, frame, sizeof(frame), 1));
	testbed_settle(g, 0);
}

/* UDP from a2's side to this address. */
static void send_ip4(const char *from, const char *to, uint16_t number)
{
	uint8_t frame[64] = {0}, *packet = frame + 18;
	struct ip_address s = ip(from), d = ip(to);

	testbed_mac(CUST, frame);
	memcpy(frame + 6, station, 6);
	tag(frame, 102);
	frame[16] = 8;
	rawframe_udp4(packet, 28, s.bytes, d.bytes);
	packet[21] = (uint8_t)number;
	packet[23] = 9;
	assert_true(testbed_inject(g, CUST, 0, frame, 60, 1));
	testbed_settle(g, 0);
}

static bool view_of(const char *address, struct neighbours_view *view)
{
	struct ip_address a = ip(address);

	for (uint32_t id = 0; neighbours_next(g->parts.neighbours, id, view); id = view->id) {
		if (ip_equal(&view->address, &a))
			return true;
	}
	return false;
}

static unsigned state_of(const char *address)
{
	struct neighbours_view view;

	return view_of(address, &view) ? view.state : NEIGHBOUR_FREE;
}

static uint64_t drops(enum drop reason)
{
	uint64_t sum = 0;

	for (unsigned w = 0; w <= 1; w++)
		for (unsigned side = 0; side < METER_SIDES; side++)
			for (unsigned id = 1; id <= 8; id++)
				sum += plane_meter(g->parts.plane, w)
					       ->connection[id]
					       .side[side]
					       .drop[reason];
	return sum;
}

static void test_configured_are_asked_at_once(void **state)
{
	const struct frame *f;

	(void)state;
	f = find_arp(BB, 0, "10.1.0.2");
	assert_non_null(f);
	assert_int_equal(f->bytes[0], 0xff);
	assert_memory_equal(&f->bytes[28], ip("10.1.0.1").bytes, 4);
	f = find_ns(BB, "2001:db8:1::ff");
	assert_non_null(f);
	assert_int_equal(f->bytes[0], 0x33);
	assert_int_equal(f->bytes[21], 255);
	assert_memory_equal(&f->bytes[22], ip("2001:db8:1::1").bytes, 16);
	assert_non_null(find_arp(CUST, 101, "192.0.2.2"));
}

static void test_answers_make_paths_live(void **state)
{
	struct liveness *site = &g->parts.fwd->liveness[1];

	(void)state;
	assert_int_equal(liveness_mask(site) & 3, 0);
	send_arp(BB, 0, 2, station, "10.1.0.2", "10.1.0.1");
	assert_int_equal(state_of("10.1.0.2"), NEIGHBOUR_REACHABLE);
	assert_int_equal(liveness_mask(site) & 3, 1);
	send_na(BB, station, "2001:db8:1::ff", "2001:db8:1::1", 0x60, 255);
	assert_int_equal(state_of("2001:db8:1::ff"), NEIGHBOUR_REACHABLE);
	assert_int_equal(liveness_mask(site) & 3, 3);
}

static void test_unanswered_fails_and_is_asked_again(void **state)
{
	(void)state;
	pass(1100);
	assert_non_null(find_arp(BB, 0, "10.1.0.2"));
	pass(1100);
	assert_non_null(find_arp(BB, 0, "10.1.0.2"));
	pass(1100);
	assert_null(find_arp(BB, 0, "10.1.0.2"));
	assert_int_equal(state_of("10.1.0.2"), NEIGHBOUR_FAILED);
	pass(2000);
	assert_null(find_arp(BB, 0, "10.1.0.2"));
	pass(1200);
	assert_non_null(find_arp(BB, 0, "10.1.0.2"));
	assert_int_equal(state_of("10.1.0.2"), NEIGHBOUR_INCOMPLETE);
}

static void test_refresh_is_unicast(void **state)
{
	const struct frame *f = NULL;

	(void)state;
	send_arp(BB, 0, 2, station, "10.1.0.2", "10.1.0.1");
	look();
	for (unsigned s = 0; s < 46 && f == NULL; s++) {
		pass(1000);
		f = find_arp(BB, 0, "10.1.0.2");
		assert_true(f == NULL || s >= 14);
	}
	assert_non_null(f);
	assert_memory_equal(f->bytes, station, 6);
	assert_int_equal(state_of("10.1.0.2"), NEIGHBOUR_STALE);
	assert_int_equal(liveness_mask(&g->parts.fwd->liveness[1]) & 1, 1);
	send_arp(BB, 0, 2, station, "10.1.0.2", "10.1.0.1");
	assert_int_equal(state_of("10.1.0.2"), NEIGHBOUR_REACHABLE);
	/* And without an answer it is gone after three. */
	for (unsigned s = 0; s < 60 && state_of("10.1.0.2") != NEIGHBOUR_FAILED; s++)
		pass(1000);
	assert_int_equal(state_of("10.1.0.2"), NEIGHBOUR_FAILED);
	assert_int_equal(liveness_mask(&g->parts.fwd->liveness[1]) & 1, 0);
}

static void test_hold_and_give_back(void **state)
{
	struct neighbours_view view;

	(void)state;
	for (uint16_t i = 0; i < 6; i++)
		send_ip4("198.51.100.9", "192.0.2.77", i);
	pass(0);
	assert_non_null(find_arp(CUST, 101, "192.0.2.77"));
	assert_true(view_of("192.0.2.77", &view));
	assert_int_equal(view.held, 4);
	assert_true(view.gleaned);
	assert_int_equal(drops(DROP_NEIGHBOUR_HOLD_FULL), 2);
	send_arp(CUST, 101, 2, station, "192.0.2.77", "192.0.2.1");
	look();
	assert_int_equal(frame_count, 4);
	for (unsigned i = 0; i < 4; i++) {
		assert_memory_equal(frames[i].bytes, station, 6);
		assert_int_equal(frames[i].bytes[15], 101);
		assert_int_equal(frames[i].bytes[39], i); /* in order */
	}
	/* The host route is there: nothing comes to control any more. */
	send_ip4("198.51.100.9", "192.0.2.77", 9);
	look();
	assert_int_equal(frame_count, 1);
	assert_true(view_of("192.0.2.77", &view));
	assert_int_equal(view.held, 0);
}

/* A next hop of a route that is also the destination of packets. */
static void test_next_hop_as_destination(void **state)
{
	(void)state;
	send_arp(CUST, 101, 2, station, "192.0.2.2", "192.0.2.1");
	assert_int_equal(state_of("192.0.2.2"), NEIGHBOUR_REACHABLE);
	look();
	for (uint16_t i = 0; i < 5; i++)
		send_ip4("198.51.100.9", "192.0.2.2", i);
	send_ip4("198.51.100.9", "10.3.4.5", 7);
	look();
	assert_int_equal(frame_count, 6);
	assert_int_equal(testbed_document(g, "{}"), 0);
	testbed_settle(g, 0);
	assert_int_equal(state_of("192.0.2.2"), NEIGHBOUR_FREE);
	assert_int_equal(neighbours_stats(g->parts.neighbours).used, 0);
}

static void test_held_are_dropped_on_failure(void **state)
{
	struct neighbours_view view;

	(void)state;
	send_ip4("198.51.100.9", "192.0.2.77", 1);
	for (unsigned i = 0; i < 4; i++)
		pass(1000);
	assert_int_equal(drops(DROP_NEIGHBOUR_UNRESOLVED), 1);
	assert_int_equal(state_of("192.0.2.77"), NEIGHBOUR_FAILED);
	send_ip4("198.51.100.9", "192.0.2.77", 2);
	assert_int_equal(drops(DROP_NEIGHBOUR_UNRESOLVED), 2);
	for (unsigned i = 0; i < 5; i++)
		pass(1000);
	assert_false(view_of("192.0.2.77", &view));
}

static void test_limits(void **state)
{
	(void)state;
	send_ip4("198.51.100.9", "192.0.2.71", 1);
	send_ip4("198.51.100.9", "192.0.2.72", 1);
	send_ip4("198.51.100.9", "192.0.2.73", 1);
	send_ip4("198.51.100.9", "192.0.2.74", 1);
	assert_int_equal(drops(DROP_NEIGHBOUR_LIMIT), 1);
	/* Neither the network's nor the broadcast address is a station. */
	send_ip4("198.51.100.9", "192.0.2.255", 1);
	assert_int_equal(state_of("192.0.2.255"), NEIGHBOUR_FREE);
}

static void test_rules_of_learning(void **state)
{
	static const uint8_t group[6] = {1, 0, 0, 0, 0, 1};
	static const uint8_t other[6] = {2, 0xbb, 0, 0, 0, 1};
	struct neighbours_view view;

	(void)state;
	send_arp(CUST, 101, 1, station, "203.0.113.9", "192.0.2.1");
	assert_false(view_of("203.0.113.9", &view));
	send_arp(CUST, 101, 1, group, "192.0.2.9", "192.0.2.1");
	assert_false(view_of("192.0.2.9", &view));
	send_arp(CUST, 101, 2, station, "192.0.2.1", "192.0.2.1");
	assert_false(view_of("192.0.2.1", &view));
	send_arp(CUST, 101, 2, station, "192.0.2.9", "192.0.2.1");
	assert_false(view_of("192.0.2.9", &view));
	/* A gratuitous request moves an entry, and the new place is asked whether it is true. */
	send_ip4("198.51.100.9", "192.0.2.9", 1);
	send_arp(CUST, 101, 2, station, "192.0.2.9", "192.0.2.1");
	look();
	send_arp(CUST, 101, 1, other, "192.0.2.9", "192.0.2.9");
	look();
	assert_non_null(find_arp(CUST, 101, "192.0.2.9"));
	assert_true(view_of("192.0.2.9", &view));
	assert_int_equal(view.state, NEIGHBOUR_STALE);
	assert_memory_equal(view.mac, other, 6);
	/* Only from one hop away, and another station does not take over without the override flag.
	 */
	send_na(BB, station, "2001:db8:1::ff", "2001:db8:1::1", 0x60, 64);
	assert_int_equal(state_of("2001:db8:1::ff"), NEIGHBOUR_INCOMPLETE);
	send_na(BB, station, "2001:db8:1::ff", "2001:db8:1::1", 0x60, 255);
	send_na(BB, other, "2001:db8:1::ff", "2001:db8:1::1", 0x40, 255);
	assert_true(view_of("2001:db8:1::ff", &view));
	assert_memory_equal(view.mac, station, 6);
	send_na(BB, other, "2001:db8:1::ff", "2001:db8:1::1", 0x60, 255);
	assert_true(view_of("2001:db8:1::ff", &view));
	assert_memory_equal(view.mac, other, 6);
}

/* Requests and solicitations for us, as far as they pass the worker. */
static void test_who_asks_is_learned(void **state)
{
	static const uint8_t other[6] = {2, 0xbb, 0, 0, 0, 1};
	struct liveness *site = &g->parts.fwd->liveness[1];
	struct neighbours_view view;

	(void)state;
	send_arp(CUST, 101, 1, station, "192.0.2.50", "192.0.2.1");
	look();
	assert_true(view_of("192.0.2.50", &view));
	assert_true(view.gleaned);
	assert_int_equal(view.state, NEIGHBOUR_STALE);
	assert_memory_equal(view.mac, station, 6);
	assert_memory_equal(find_arp(CUST, 101, "192.0.2.50")->bytes, station, 6);
	send_arp(CUST, 101, 2, station, "192.0.2.50", "192.0.2.1");
	assert_int_equal(state_of("192.0.2.50"), NEIGHBOUR_REACHABLE);
	/* Nothing new: control is not told. */
	send_arp(CUST, 101, 1, station, "192.0.2.50", "192.0.2.1");
	assert_int_equal(state_of("192.0.2.50"), NEIGHBOUR_REACHABLE);
	send_arp(CUST, 101, 1, other, "192.0.2.50", "192.0.2.1");
	assert_true(view_of("192.0.2.50", &view));
	assert_int_equal(view.state, NEIGHBOUR_STALE);
	assert_memory_equal(view.mac, other, 6);
	/* What is asked for is somebody else's: none of our business. */
	send_arp(CUST, 101, 1, station, "192.0.2.60", "192.0.2.61");
	assert_false(view_of("192.0.2.60", &view));
	/* No more than an attachment may have. */
	send_arp(CUST, 101, 1, station, "192.0.2.51", "192.0.2.1");
	send_arp(CUST, 101, 1, station, "192.0.2.52", "192.0.2.1");
	send_arp(CUST, 101, 1, station, "192.0.2.53", "192.0.2.1");
	assert_false(view_of("192.0.2.53", &view));
	assert_int_equal(neighbours_stats(g->parts.neighbours).gleaned, 3);
	/* On the underlay who asks is known only where a path goes by it. */
	send_arp(BB, 0, 1, station, "10.1.0.2", "10.1.0.1");
	assert_int_equal(state_of("10.1.0.2"), NEIGHBOUR_STALE);
	assert_int_equal(liveness_mask(site) & 1, 1);
	pass(0);
}

static void test_removed_with_the_link(void **state)
{
	struct lpm_usage usage;

	(void)state;
	send_ip4("198.51.100.9", "192.0.2.77", 1);
	send_ip4("198.51.100.9", "192.0.2.9", 1);
	send_arp(CUST, 101, 2, station, "192.0.2.9", "192.0.2.1");
	assert_int_equal(neighbours_stats(g->parts.neighbours).gleaned, 2);
	assert_int_equal(testbed_document(g, "{}"), 0);
	testbed_settle(g, 0);
	assert_int_equal(neighbours_stats(g->parts.neighbours).used, 0);
	assert_int_equal(neighbours_stats(g->parts.neighbours).held, 0);
	assert_int_equal(drops(DROP_STALE), 1);
	lpm_usage(g->parts.fwd->lpm, &usage);
	assert_int_equal(usage.routes4 + usage.routes6, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_configured_are_asked_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_answers_make_paths_live, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_unanswered_fails_and_is_asked_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refresh_is_unicast, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hold_and_give_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_next_hop_as_destination, setup, teardown),
		cmocka_unit_test_setup_teardown(test_held_are_dropped_on_failure, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rules_of_learning, setup, teardown),
		cmocka_unit_test_setup_teardown(test_who_asks_is_learned, setup, teardown),
		cmocka_unit_test_setup_teardown(test_removed_with_the_link, setup, teardown),
	};

	if (testbed_eal() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
