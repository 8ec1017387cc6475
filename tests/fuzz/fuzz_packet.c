/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The whole packet path: frames into a gateway in this process, two workers with rings between
 * them. What leaves must be sound, fit its link and belong to a connection that something came in
 * for; afterwards the books must balance and every buffer must be back.
 *
 * An input is up to FRAMES frames, each with four bytes before it: what is done with it (enum
 * order, the port in the lowest bits), sixteenths of the bytes it grows by at its end, and its
 * length. The last frame takes what is there.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/neighbours.h"
#include "dataplane/wire/ippacket.h"
#include "tests/fuzz/exact.h"
#include "tests/fuzz/sound.h"
#include "tests/tools/answer.h"
#include "tests/tools/testbed.h"

#define PORTS	   4
#define FRAMES	   4
#define BYTES_MOST 9216
#define ROUNDS	   40

enum order {
	ORDER_PORT = 3,
	ORDER_LENGTHS = 1 << 2, /* make its lengths right */
	ORDER_SUMS = 1 << 3,	/* make its checksums right */
	ORDER_WAIT = 1 << 4,	/* let the gateway come to rest before the next */
	ORDER_CHAIN = 1 << 5,	/* in two buffers */
};

/* What the gateway may send on a port with these tags. */
static const struct outlet {
	uint8_t port, service;
	uint16_t outer, inner, mtu;
	uint32_t vni; /* of its connection; 0: the underlay */
} outlets[] = {
	{0, 0, ETHERNET_NO_TAG, ETHERNET_NO_TAG, 1500, 1001},
	{0, 0, 100, ETHERNET_NO_TAG, 576, 1001},
	{0, 1, 200, 20, 1500, 1002},
	{0, 0, 300, ETHERNET_NO_TAG, 1500, 1002},
	{1, 0, ETHERNET_NO_TAG, ETHERNET_NO_TAG, 1500, 0},
	{2, 0, ETHERNET_NO_TAG, ETHERNET_NO_TAG, 1400, 0},
	{3, 0, 200, 20, 9000, 1001},
};

static const char document[] =
	"{\"sites\":[{\"name\":\"far\"},{\"name\":\"mid\"},{\"name\":\"low\"}],"
	"\"paths\":["
	"{\"name\":\"f1\",\"site\":\"far\",\"port\":\"bb\",\"local\":\"10.1.0.1/24\","
	" \"remote\":\"10.1.0.2\",\"encapsulation\":\"geneve\",\"measure\":\"require\"},"
	"{\"name\":\"f2\",\"site\":\"far\",\"port\":\"bb\",\"local\":\"fd01::1/64\","
	" \"remote\":\"fd01::2\",\"encapsulation\":\"vxlan\"},"
	"{\"name\":\"m1\",\"site\":\"mid\",\"port\":\"cc\",\"local\":\"fd03::1/64\","
	" \"remote\":\"fd03::2\",\"encapsulation\":\"geneve\",\"payload\":\"ethernet\","
	" \"udp_checksum\":\"on\",\"measure\":\"require\"},"
	"{\"name\":\"m2\",\"site\":\"mid\",\"port\":\"cc\",\"local\":\"10.3.0.1/24\","
	" \"remote\":\"10.99.0.2\",\"gateway\":\"10.3.0.5\",\"encapsulation\":\"vxlan\","
	" \"udp_checksum\":\"on\"},"
	"{\"name\":\"l1\",\"site\":\"low\",\"port\":\"bb\",\"local\":\"10.1.0.1/24\","
	" \"remote\":\"10.1.0.3\",\"encapsulation\":\"geneve\",\"mtu\":120}],"
	"\"connections\":["
	"{\"name\":\"acme\",\"vni\":1001,\"dscp\":{\"mode\":\"uniform\"},"
	" \"icmp_source\":[\"192.0.2.1\",\"2001:db8::1\"],\"endpoints\":["
	"  {\"site\":\"far\",\"mac\":\"02:00:00:00:77:01\",\"peer_mac\":\"02:00:00:00:00:cc\"},"
	"  {\"site\":\"mid\",\"payload\":\"ethernet\",\"mac\":\"02:00:00:00:77:01\","
	"   \"addresses\":[\"10.9.9.1/30\",\"fd09::1/64\"],\"peer_addresses\":[\"10.9.9.2\"]},"
	"  {\"site\":\"low\"}]},"
	"{\"name\":\"beta\",\"vni\":1002,\"dscp\":{\"mode\":\"pipe\",\"value\":10},"
	" \"mss_clamp\":900,\"endpoints\":["
	"  {\"site\":\"far\",\"mac\":\"02:00:00:00:77:01\",\"peer_mac\":\"02:00:00:00:00:cc\"},"
	"  {\"site\":\"mid\",\"mac\":\"02:00:00:00:77:01\",\"peer_mac\":\"02:00:00:00:00:cc\"}]}],"
	"\"attachments\":["
	"{\"name\":\"a1\",\"connection\":\"acme\",\"port\":\"cust\",\"tags\":[],"
	" \"addresses\":[\"192.168.7.1/24\",\"fd07::1/64\"]},"
	"{\"name\":\"a2\",\"connection\":\"acme\",\"port\":\"cust\",\"mtu\":576,"
	" \"tags\":[{\"type\":\"0x8100\",\"vlan\":100}],\"addresses\":[\"192.168.8.1/24\"]},"
	"{\"name\":\"a3\",\"connection\":\"acme\",\"port\":\"dd\",\"source_check\":\"loose\","
	" \"tags\":[{\"type\":\"0x8100\",\"vlan\":200},{\"type\":\"0x8100\",\"vlan\":20}],"
	" \"addresses\":[\"192.168.10.1/24\",\"fd0a::1/64\"]},"
	"{\"name\":\"b1\",\"connection\":\"beta\",\"port\":\"cust\",\"source_check\":\"off\","
	" \"tags\":[{\"type\":\"0x88a8\",\"vlan\":200},{\"type\":\"0x8100\",\"vlan\":20}],"
	" \"addresses\":[\"192.168.7.1/24\",\"fd07::1/64\"]},"
	"{\"name\":\"b2\",\"connection\":\"beta\",\"port\":\"cust\",\"source_check\":\"strict\","
	" \"tags\":[{\"type\":\"0x8100\",\"vlan\":300}],\"addresses\":[\"192.168.9.1/24\"]}],"
	"\"routes\":["
	"{\"connection\":\"acme\",\"prefixes\":[\"10.2.0.0/16\",\"fd02::/32\"],"
	" \"via\":{\"site\":\"far\"}},"
	"{\"connection\":\"acme\",\"prefixes\":[\"10.4.0.0/16\",\"fd04::/32\"],"
	" \"via\":{\"site\":\"mid\"}},"
	"{\"connection\":\"acme\",\"prefix\":\"10.5.0.0/16\",\"via\":{\"site\":\"low\"}},"
	"{\"connection\":\"acme\",\"prefix\":\"10.3.0.0/16\",\"via\":{\"next_hops\":["
	"  {\"attachment\":\"a1\",\"address\":\"192.168.7.2\"},"
	"  {\"attachment\":\"a2\",\"address\":\"192.168.8.2\",\"weight\":2}]}},"
	"{\"connection\":\"acme\",\"prefix\":\"10.6.0.0/16\",\"via\":{\"next_hops\":["
	"  {\"attachment\":\"a2\",\"address\":\"192.168.8.200\"}]}},"
	"{\"connection\":\"acme\",\"prefix\":\"10.66.0.0/16\",\"via\":{\"blackhole\":true}},"
	"{\"connection\":\"acme\",\"prefix\":\"192.0.2.1/32\",\"via\":{\"local\":true}},"
	"{\"connection\":\"beta\",\"prefixes\":[\"0.0.0.0/0\",\"::/0\"],"
	" \"via\":{\"site\":\"far\"}},"
	"{\"connection\":\"beta\",\"prefixes\":[\"10.4.0.0/16\",\"fd04::/32\"],"
	" \"via\":{\"site\":\"mid\"}},"
	"{\"connection\":\"beta\",\"prefix\":\"10.3.0.0/16\",\"via\":{\"next_hops\":["
	"  {\"attachment\":\"b2\",\"address\":\"192.168.9.2\"}]}}]}";

static struct testbed *bed;

/* Of the input under way. */
static struct {
	uint32_t connections; /* bits: VNI less 1000 of those that a frame came in for */
	unsigned parts;	      /* sound in every frame */
} came;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static void check_line(bool holds, int line)
{
	if (holds)
		return;
	fprintf(stderr, "fuzz_packet.c:%d: does not hold\n", line);
	abort();
}

#define check(holds) check_line(holds, __LINE__)

static const struct outlet *outlet_of(unsigned port, const struct ethernet *at)
{
	for (unsigned i = 0; i < sizeof(outlets) / sizeof(outlets[0]); i++)
		if (outlets[i].port == port && ethernet_tags(outlets[i].service, outlets[i].outer,
						       outlets[i].inner) == at->tags)
			return &outlets[i];
	return NULL;
}

static bool is_underlay(unsigned port)
{
	return port == 1 || port == 2;
}

static bool is_customer(uint32_t vni)
{
	return vni > 1000 && vni < 1008;
}

/* From an attachment: by its tags. From a path: every VNI that stands anywhere in the frame, as
 * what surrounds it may be unsound in ways the gateway forgives. */
static void note_arrival(unsigned port, const uint8_t *frame, uint32_t bytes, unsigned order)
{
	const struct outlet *outlet;
	struct ethernet at;

	if (!(order & ORDER_SUMS))
		came.parts = 0;
	for (uint32_t i = 0; is_underlay(port) && i + 3 <= bytes; i++) {
		uint32_t vni = (uint32_t)(frame[i] << 16 | frame[i + 1] << 8 | frame[i + 2]);

		if (is_customer(vni))
			came.connections |= 1u << (vni - 1000);
	}
	if (is_underlay(port) || ethernet_parse(frame, bytes, &at) != VERDICT_GO)
		return;
	outlet = outlet_of(port, &at);
	if (outlet != NULL)
		came.connections |= 1u << (outlet->vni - 1000);
}

/* ARP and neighbour discovery: of the link, not of a customer. */
static bool is_link_talk(const struct sound_frame *at)
{
	return at->type == 0x0806 || (at->type == 0x86dd && at->packet[6] == IPPROTO_ICMPV6 &&
					     ippacket_be16(at->packet + 4) >= 24 &&
					     at->packet[40] >= 133 && at->packet[40] <= 137);
}

/* An echo between neighbours is as large as it came. */
static bool is_link_local(const struct sound_frame *at)
{
	return at->type == 0x86dd && ippacket_link_local6(at->packet + 24);
}

static void check_sent(unsigned port, const uint8_t *frame, uint32_t bytes, struct sound_frame *at)
{
	const struct outlet *outlet;
	uint8_t mac[6];
	uint32_t vni;

	testbed_mac(port, mac);
	check(sound_judge(frame, bytes, came.parts, is_underlay(port), at));
	check(memcmp(frame + 6, mac, 6) == 0);
	outlet = outlet_of(port, &at->ethernet);
	check(outlet != NULL);
	check(bytes - at->ethernet.header <= outlet->mtu || is_link_local(at));
	vni = is_underlay(port) ? at->vni : outlet->vni;
	if (!is_link_talk(at) && (at->tunnel || !is_underlay(port)))
		check(is_customer(vni) && (came.connections >> (vni - 1000) & 1));
}

static void swap(uint8_t *a, uint8_t *b, unsigned bytes)
{
	uint8_t c[16];

	memcpy(c, a, bytes);
	memcpy(a, b, bytes);
	memcpy(b, c, bytes);
}

static void put_in(unsigned port, const uint8_t *frame, uint32_t bytes, unsigned pieces)
{
	struct rte_mbuf *m = exact_frame(bed->source, frame, (uint16_t)bytes, pieces);

	if (rte_ring_enqueue(bed->rx[port][0], m) != 0)
		rte_pktmbuf_free(m);
}

/* Stations whose address ends below 128 are there, also at the far end of a tunnel. True where one
 * was asked for. */
static bool answer(
	unsigned port, const uint8_t *frame, uint32_t bytes, const struct sound_frame *at)
{
	uint8_t copy[BYTES_MOST], *inner;
	uint16_t length;

	if (!is_link_talk(at) || at->frame == NULL || bytes > sizeof(copy) - 64 ||
		at->packet[at->type == 0x0806 ? 27 : 63] >= 128)
		return false;
	memcpy(copy, frame, bytes);
	inner = copy + (at->frame - frame);
	length = (uint16_t)(bytes - (uint32_t)(at->frame - frame));
	if (!answer_question(inner, &length, (uint16_t)(sizeof(copy) - bytes)))
		return false;
	if (at->tunnel) {
		bool v6 = at->ethernet.type == 0x86dd;
		uint8_t *addresses = copy + at->ethernet.header + (v6 ? 8 : 12);

		swap(copy, copy + 6, 6);
		swap(addresses, addresses + (v6 ? 16 : 4), v6 ? 16 : 4);
	}
	bytes = (uint32_t)(inner - copy) + length;
	sound_amend(copy, bytes, SOUND_LENGTHS | SOUND_SUMS);
	put_in(port, copy, bytes, 1);
	return true;
}

/* Takes what the gateway sent. True where a question was answered. */
static bool take_out(unsigned port, bool answers)
{
	struct rte_mbuf *m[64];
	bool answered = false;
	unsigned count;

	while ((count = testbed_collect(bed, port, m, 64)) > 0)
		for (unsigned i = 0; i < count; i++) {
			const uint8_t *frame = rte_pktmbuf_mtod(m[i], const uint8_t *);
			struct sound_frame at;

			check(m[i]->nb_segs == 1 && m[i]->pkt_len == m[i]->data_len);
			check_sent(port, frame, m[i]->data_len, &at);
			if (answers)
				answered |= answer(port, frame, m[i]->data_len, &at);
			rte_pktmbuf_free(m[i]);
		}
	return answered;
}

static uint32_t held(void)
{
	return neighbours_stats(bed->parts.neighbours).held;
}

/* Until nothing moves and nothing waits: who is asked for answers, or time goes by. */
static void come_to_rest(void)
{
	uint64_t ms = 0;

	for (unsigned i = 0; i < ROUNDS; i++) {
		bool answered = false;

		testbed_settle(bed, ms);
		for (unsigned port = 0; port < PORTS; port++)
			answered |= take_out(port, true);
		if (!answered && held() == 0)
			return;
		ms = answered ? 0 : 1000;
	}
	check(false);
}

/* Time enough for every neighbour to be forgotten, and for those of the document to be found again.
 */
static void forget_neighbours(void)
{
	for (unsigned i = 0; i < 60; i++) {
		testbed_settle(bed, 1000);
		for (unsigned port = 0; port < PORTS; port++)
			take_out(port, false);
	}
	for (unsigned i = 0; i < 8; i++) {
		testbed_settle(bed, 1000);
		come_to_rest();
	}
}

/* Bytes of the largest frame a device of that port hands over. */
static uint32_t most_of(unsigned port, const uint8_t *frame, uint32_t bytes)
{
	struct ethernet at;
	uint32_t header = ethernet_parse(frame, bytes, &at) == VERDICT_GO ? at.header : 14;

	return header + bed->setup.port[port].mtu;
}

static const uint8_t *one_frame(const uint8_t *data, const uint8_t *end)
{
	static uint8_t frame[BYTES_MOST];
	unsigned order = data[0], port = order & ORDER_PORT;
	uint32_t grow = data[1] * 16u, bytes = (uint32_t)(data[2] << 8 | data[3]);

	data += 4;
	bytes = RTE_MIN(bytes, (uint32_t)(end - data));
	bytes = RTE_MIN(bytes, BYTES_MOST - grow);
	memcpy(frame, data, bytes);
	memset(frame + bytes, 0x5a, grow);
	data += bytes;
	bytes = RTE_MIN(bytes + grow, most_of(port, frame, bytes));
	sound_amend(frame, bytes,
		(order & ORDER_LENGTHS ? SOUND_LENGTHS : 0) |
			(order & ORDER_SUMS ? SOUND_SUMS : 0));
	note_arrival(port, frame, bytes, order);
	put_in(port, frame, bytes, order & ORDER_CHAIN && bytes > 1 ? 2 : 1);
	if (order & ORDER_WAIT)
		come_to_rest();
	return data;
}

/* On standard error, where the environment asks for it: what the inputs provoked. */
static void print_counts(void)
{
	uint64_t count[DROP_COUNT] = {0}, note[METER_NOTE_COUNT] = {0};

	for (unsigned w = 0; w < bed->setup.workers; w++) {
		const struct meter *meter = plane_meter(bed->parts.plane, w);

		for (unsigned i = 0; i < DROP_COUNT; i++) {
			for (unsigned port = 0; port < PORTS; port++)
				count[i] += meter->port[port].drop[i];
			for (unsigned id = 1; id <= 2; id++)
				count[i] += meter->connection[id].side[0].drop[i] +
					    meter->connection[id].side[1].drop[i];
		}
		for (unsigned i = 0; i < METER_NOTE_COUNT; i++)
			note[i] += meter->connection[1].note[i] + meter->connection[2].note[i];
	}
	for (unsigned i = 0; i < DROP_COUNT; i++)
		fprintf(stderr, "%-24s %" PRIu64 "\n", drop_name(i), count[i]);
	for (unsigned i = 0; i < METER_NOTE_COUNT; i++)
		fprintf(stderr, "%-24s %" PRIu64 "\n", meter_note_name(i), note[i]);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const struct testbed_setup setup = {.workers = 2,
		.ports = PORTS,
		.port = {{.name = "cust", .distribute = true},
			{.name = "bb", .distribute = true, .tx_queues = 1},
			{.name = "cc", .mtu = 1400}, {.name = "dd", .mtu = 9000, .tx_queues = 1}},
		.connections = 4,
		.routes = 1000,
		.icmp_rate = 1000000,
		.gleaned = 32,
		.buffers = 2047,
		.seed = 1};

	(void)argc;
	(void)argv;
	check(testbed_eal() == 0);
	bed = testbed_create(&setup);
	check(bed != NULL && testbed_document(bed, document) == 0);
	testbed_settle(bed, 0);
	forget_neighbours();
	if (getenv("FUZZ_COUNTS") != NULL)
		atexit(print_counts);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static unsigned runs;
	const uint8_t *end = data + size;

	came.connections = 0;
	came.parts = SOUND_SUMS;
	for (unsigned i = 0; i < FRAMES && end - data >= 4; i++)
		data = one_frame(data, end);
	come_to_rest();
	check(testbed_conserved(bed));
	check(rte_mempool_in_use_count(bed->source) == 0);
	check(rte_mempool_in_use_count(bed->parts.pool) == 0);
	if (++runs % 512 == 0)
		forget_neighbours();
	return 0;
}
