/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Customers with the same addresses come and go, in random company, so that each takes over the ids
 * that others had: connections, attachments, endpoints, next-hop sets, neighbours. Their routes
 * change with every document. All of them send all the time, both ways, with workers as threads.
 * Whatever leaves the gateway must carry the mark of the customer it leaves by. Arguments: workers,
 * rings (0 or 1), applies, seed.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/publisher.h"
#include "tests/tools/answer.h"
#include "tests/tools/farsite.h"
#include "tests/tools/rawframe.h"
#include "tests/tools/testbed.h"

#define CUSTOMERS  10
#define FIRST_VLAN 1100
#define FIRST_VNI  70000
#define PREFIXES   8
#define CUST	   0
#define BACKBONE   1

static const uint8_t magic[4] = {0xf0, 'T', 'L', 0x0f};

static struct testbed *gateway;
static atomic_bool stop;
/* Of the thread that sends and receives. */
static uint64_t sent, crossed, delivered[2][CUSTOMERS];

static uint32_t random32(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*state >> 32);
}

/* UDP between 192.168.7.2 and some 10.2.x.9, 36 bytes, the mark at its end. */
static void make_packet(uint8_t *p, bool inward, unsigned customer, uint64_t *state)
{
	const uint8_t near[4] = {192, 168, 7, 2},
		      far[4] = {10, 2, (uint8_t)(random32(state) % 12), 9};

	rawframe_udp4(p, 36, inward ? far : near, inward ? near : far);
	rawframe_put16(p + 20, random32(state) & 0xffff);
	p[23] = 9;
	memcpy(p + 28, magic, 4);
	rawframe_put16(p + 32, customer);
	rawframe_put16(p + 34, customer);
}

static void send_outward(unsigned customer, uint64_t *state)
{
	uint8_t f[54];

	rawframe_tagged(f, CUST, FIRST_VLAN + customer, 0x0800);
	make_packet(f + 18, false, customer, state);
	sent += testbed_inject(gateway, CUST, 0, f, sizeof(f), 1);
}

static void send_inward(unsigned customer, uint64_t *state)
{
	uint8_t f[86];

	rawframe_geneve(f, BACKBONE, FIRST_VNI + customer, 0x0800, 36);
	make_packet(f + 50, true, customer, state);
	sent += testbed_inject(gateway, BACKBONE, 0, f, sizeof(f), 1);
}

static void check(unsigned port, const uint8_t *f, uint16_t length)
{
	const uint8_t *mark = memmem(f, length, magic, 4);
	int customer = port == CUST ? (f[14] << 8 | f[15]) - FIRST_VLAN
				    : (f[46] << 16 | f[47] << 8 | f[48]) - FIRST_VNI;

	if (mark == NULL || mark + 8 > f + length)
		return;
	if (customer < 0 || customer >= CUSTOMERS || (mark[4] << 8 | mark[5]) != customer)
		crossed++;
	else
		delivered[port][customer]++;
}

static void drain(void)
{
	answer_port(gateway, CUST, check);
	answer_port(gateway, BACKBONE, check);
}

static void *outside(void *seed)
{
	struct timespec nap = {.tv_nsec = 200000};
	uint64_t state = *(const uint64_t *)seed;

	while (!atomic_load(&stop)) {
		drain();
		for (unsigned i = 0; i < 24; i++) {
			unsigned customer = random32(&state) % CUSTOMERS;

			send_outward(customer, &state);
			send_inward(customer, &state);
		}
		nanosleep(&nap, NULL);
	}
	return NULL;
}

/* The customer's own routes: to the site, back to itself by one hop or two, to nowhere. */
static void add_routes(json_t *routes, const char *name, uint64_t *state)
{
	json_array_append_new(routes, farsite_routes(name, json_pack("[s]", "10.2.0.0/16")));
	for (unsigned i = 0; i < PREFIXES; i++) {
		char prefix[24];
		json_t *via;

		snprintf(prefix, sizeof(prefix), "10.2.%u.0/24", i);
		switch (random32(state) % 5) {
		case 0:
			via = json_pack("{s:b}", "blackhole", 1);
			break;
		case 1:
			via = json_pack("{s:s}", "site", "far");
			break;
		case 2:
			via = json_pack("{s:[{s:s,s:s}]}", "next_hops", "attachment", name,
				"address", "192.168.7.8");
			break;
		case 3:
			via = json_pack("{s:[{s:s,s:s},{s:s,s:s}]}", "next_hops", "attachment",
				name, "address", "192.168.7.8", "attachment", name, "address",
				"192.168.7.9");
			break;
		default:
			continue;
		}
		json_array_append_new(routes, json_pack("{s:s,s:s,s:o}", "connection", name,
						      "prefix", prefix, "via", via));
	}
}

/* About half of the customers, in random order, so that ids find new owners. */
static json_t *document(uint64_t *state)
{
	json_t *connections = json_array(), *attachments = json_array(), *routes = json_array();
	unsigned first = random32(state) % CUSTOMERS, step = 1 + 2 * (random32(state) % 2);

	for (unsigned i = 0; i < CUSTOMERS; i++) {
		int customer = (int)((first + i * step) % CUSTOMERS);
		char name[8];

		if (random32(state) % 2 == 0)
			continue;
		snprintf(name, sizeof(name), "c%d", customer);
		json_array_append_new(connections, farsite_connection(name, FIRST_VNI + customer));
		json_array_append_new(attachments, farsite_attachment(name, FIRST_VLAN + customer));
		add_routes(routes, name, state);
	}
	return farsite_document(connections, attachments, routes);
}

static int churn(unsigned applies, uint64_t *state)
{
	struct timespec nap = {.tv_nsec = 500000};
	char text[256];

	for (unsigned i = 0; i < applies; i++) {
		json_t *params = document(state);
		int error = testbed_apply(gateway, params, text, sizeof(text));

		/* Ids are free again only when nobody can know them any more. */
		if (error < 0) {
			testbed_publish(gateway);
			error = testbed_apply(gateway, params, text, sizeof(text));
		}
		json_decref(params);
		if (error < 0) {
			fprintf(stderr, "%s\n", text);
			return error;
		}
		/* Some rounds are over before the next document, some take several at once. */
		for (unsigned turns = random32(state) % 12; turns > 0; turns--) {
			testbed_control(gateway, 1);
			nanosleep(&nap, NULL);
		}
	}
	testbed_publish(gateway);
	return 0;
}

static bool judge(uint64_t seed)
{
	uint64_t sum[2] = {0}, least[2] = {UINT64_MAX, UINT64_MAX};
	bool good;

	for (unsigned port = 0; port < 2; port++)
		for (unsigned i = 0; i < CUSTOMERS; i++) {
			sum[port] += delivered[port][i];
			least[port] = RTE_MIN(least[port], delivered[port][i]);
		}
	/* Towards a customer nothing passes until it was asked for: on a slow machine some are gone
	 * again by then. */
	good = crossed == 0 && sum[CUST] > 0 && least[BACKBONE] > 0 && testbed_conserved(gateway);
	printf("seed %" PRIu64 ": %" PRIu64 " sent, %" PRIu64 " + %" PRIu64
	       " delivered (each customer at least %" PRIu64 " + %" PRIu64 "), %" PRIu64
	       " across: %s\n",
		seed, sent, sum[CUST], sum[BACKBONE], least[CUST], least[BACKBONE], crossed,
		good ? "good" : "FAILED");
	return good;
}

int main(int argc, char **argv)
{
	bool rings = argc > 2 && atoi(argv[2]);
	unsigned applies = argc > 3 ? (unsigned)atoi(argv[3]) : 400;
	uint64_t seed = argc > 4 ? strtoull(argv[4], NULL, 10) : (uint64_t)time(NULL), state = seed;
	struct testbed_setup setup = {.workers = argc > 1 ? (unsigned)atoi(argv[1]) : 2,
		.ports = 2,
		.port = {{.name = "cust", .distribute = rings},
			{.name = "bb", .distribute = rings}},
		.connections = 2 * CUSTOMERS,
		.buffers = 32767};
	pthread_t thread;
	bool good;

	if (testbed_eal() < 0)
		return 1;
	gateway = testbed_create(&setup);
	if (gateway == NULL || testbed_start(gateway) < 0)
		return 1;
	pthread_create(&thread, NULL, outside, &seed);
	good = churn(applies, &state) == 0;
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
	testbed_stop(gateway);
	testbed_settle(gateway, 0);
	drain();
	good &= judge(seed);
	testbed_destroy(gateway);
	return good ? 0 : 1;
}
