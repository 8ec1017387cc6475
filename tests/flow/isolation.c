/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * 256 connections with identical addresses; random packets both ways through ring ports, each with
 * its customer's mark. Whatever leaves the gateway, errors that quote included, must carry the mark
 * of the connection it leaves by. Arguments: workers, rings (0 or 1), transmit queues a port,
 * packets, seed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/tools/answer.h"
#include "tests/tools/farsite.h"
#include "tests/tools/rawframe.h"
#include "tests/tools/testbed.h"

#define CONNECTIONS 256
#define FIRST_VLAN  1100
#define FIRST_VNI   70000
#define CUST	    0
#define BACKBONE    1
#define ROUND	    256 /* packets injected before everything settles */

static const uint8_t magic[4] = {0xf0, 'T', 'L', 0x0f};

static struct testbed *gateway;
static uint64_t random_state, delivered[2], unmarked, crossed;

static uint32_t random32(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 32);
}

/* An IP packet between the customer's subnet and the far side, with its mark; returns its length.
 */
static unsigned make_packet(uint8_t *p, bool v6, bool inward, unsigned connection)
{
	unsigned payload = 16 + random32() % 80, head = v6 ? 48 : 28;
	uint8_t near4[4] = {192, 168, 7, (uint8_t)(2 + random32() % 8)};
	uint8_t far4[4] = {10, 2, (uint8_t)random32(), (uint8_t)random32()};
	uint8_t near6[16] = {0xfd, 7, [15] = (uint8_t)(2 + random32() % 8)};
	uint8_t far6[16] = {0xfd, 2, [14] = (uint8_t)random32(), (uint8_t)random32()};

	memset(p, 0, head + payload);
	if (v6) {
		rawframe_udp6(p, head + payload, inward ? far6 : near6, inward ? near6 : far6);
		p[7] = random32() % 16 == 0 ? 1 : 64;
	} else {
		rawframe_udp4(p, head + payload, inward ? far4 : near4, inward ? near4 : far4);
		p[8] = random32() % 16 == 0 ? 1 : 64;
		rawframe_ip4_sum(p);
	}
	rawframe_put16(p + head - 8, random32() & 0xffff);
	rawframe_put16(p + head - 6, random32() & 0xffff);
	for (unsigned i = 0; i < 2; i++) {
		memcpy(p + head + 8 * i, magic, 4);
		rawframe_put16(p + head + 8 * i + 4, connection);
		rawframe_put16(p + head + 8 * i + 6, connection);
	}
	return head + payload;
}

static uint16_t make_outward(uint8_t *frame, unsigned connection)
{
	bool v6 = random32() & 1;

	rawframe_tagged(frame, CUST, FIRST_VLAN + connection, v6 ? 0x86dd : 0x0800);
	return (uint16_t)(18 + make_packet(frame + 18, v6, false, connection));
}

static uint16_t make_inward(uint8_t *frame, unsigned connection)
{
	bool v6 = random32() & 1;
	unsigned length = make_packet(frame + 50, v6, true, connection);

	rawframe_geneve(frame, BACKBONE, FIRST_VNI + connection, v6 ? 0x86dd : 0x0800, length);
	return (uint16_t)(50 + length);
}

/* Every mark in the frame is that of the connection it left by. */
static void check(const uint8_t *frame, uint16_t length, int connection)
{
	const uint8_t *at = frame, *end = frame + length;
	unsigned marks = 0;

	while ((at = memmem(at, (size_t)(end - at), magic, 4)) != NULL) {
		/* A quote may end inside a mark; a flipped bit makes its two halves differ. */
		if (end - at >= 8 && at[4] == at[6] && at[5] == at[7]) {
			marks++;
			crossed += (at[4] << 8 | at[5]) != connection;
		}
		at += 4;
	}
	unmarked += marks == 0;
}

static void take(unsigned port, const uint8_t *frame, uint16_t length)
{
	int connection = port == CUST ? (frame[14] << 8 | frame[15]) - FIRST_VLAN
				      : (frame[46] << 16 | frame[47] << 8 | frame[48]) - FIRST_VNI;

	check(frame, length, connection);
	delivered[port]++;
}

static void receive(void)
{
	answer_port(gateway, CUST, take);
	answer_port(gateway, BACKBONE, take);
}

static json_t *document(void)
{
	json_t *connections = json_array(), *attachments = json_array(), *routes = json_array();

	for (int i = 0; i < CONNECTIONS; i++) {
		char name[32];
		json_t *attachment;

		snprintf(name, sizeof(name), "customer %d", i);
		attachment = farsite_attachment(name, FIRST_VLAN + i);
		json_array_append_new(
			json_object_get(attachment, "addresses"), json_string("fd07::1/64"));
		json_array_append_new(attachments, attachment);
		json_array_append_new(connections, farsite_connection(name, FIRST_VNI + i));
		json_array_append_new(routes,
			farsite_routes(name, json_pack("[s,s]", "10.2.0.0/16", "fd02::/32")));
	}
	return farsite_document(connections, attachments, routes);
}

static int prepare(int argc, char **argv)
{
	unsigned workers = argc > 1 ? (unsigned)atoi(argv[1]) : 1;
	bool rings = argc > 2 && atoi(argv[2]);
	uint16_t queues = argc > 3 ? (uint16_t)atoi(argv[3]) : 0;
	struct testbed_setup setup = {.workers = workers,
		.ports = 2,
		.port = {{.name = "cust", .distribute = rings, .tx_queues = queues},
			{.name = "bb", .distribute = rings, .tx_queues = queues}},
		.held = 8192,
		.held_each = 64,
		.buffers = 32767};
	char text[256];
	json_t *params = document();
	int error;

	gateway = testbed_create(&setup);
	if (gateway == NULL)
		return -1;
	error = testbed_apply(gateway, params, text, sizeof(text));
	json_decref(params);
	if (error < 0)
		fprintf(stderr, "%s\n", text);
	for (unsigned i = 0; i < 4; i++) {
		testbed_settle(gateway, 1000);
		receive();
	}
	return error;
}

static void send_one(void)
{
	unsigned connection = random32() % CONNECTIONS, port = random32() & 1;
	uint8_t frame[512];
	uint16_t length =
		port == CUST ? make_outward(frame, connection) : make_inward(frame, connection);

	/* One in eight is damaged behind the tags and the VNI. */
	if (random32() % 8 == 0) {
		unsigned from = port == CUST ? 18 : 50;

		frame[from + random32() % (length - from)] ^= (uint8_t)(1u << random32() % 8);
	}
	testbed_inject(gateway, port, 0, frame, length, 1);
}

int main(int argc, char **argv)
{
	uint64_t packets = argc > 4 ? strtoull(argv[4], NULL, 10) : 1000000;
	uint64_t seed = argc > 5 ? strtoull(argv[5], NULL, 10) : (uint64_t)time(NULL);
	bool good;

	random_state = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
	if (testbed_eal() < 0 || prepare(argc, argv) < 0)
		return 1;
	for (uint64_t sent = 0; sent < packets; sent += ROUND) {
		for (unsigned i = 0; i < ROUND; i++)
			send_one();
		testbed_settle(gateway, 0);
		receive();
	}
	good = testbed_conserved(gateway) && crossed == 0 && delivered[CUST] > packets / 3 &&
	       delivered[BACKBONE] > packets / 3;
	printf("seed %" PRIu64 ": %" PRIu64 " packets, %" PRIu64 " + %" PRIu64
	       " delivered, %" PRIu64 " without a whole mark, %" PRIu64 " across: %s\n",
		seed, packets, delivered[CUST], delivered[BACKBONE], unmarked, crossed,
		good ? "isolated" : "FAILED");
	testbed_destroy(gateway);
	return good ? 0 : 1;
}
