/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Documents come and go while a customer's packets cross: config.apply adds and removes a
 * connection with its attachment and a thousand routes, again and again, beside another connection
 * that carries a steady rate through ring ports with workers as threads, and whose bandwidth
 * changes each time. Not one packet of it may be missing, doubled or out of order in its flow.
 * Arguments: workers, rings (0 or 1), applies, packets a second.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "control/publisher.h"
#include "tests/stress/flowframe.h"
#include "tests/stress/flowpeer.h"
#include "tests/tools/farsite.h"
#include "tests/tools/testbed.h"

#define FLOWS  64
#define ROUTES 500

static struct testbed *gateway;
static struct flowpeer peer;
static uint64_t received, disordered;
static uint32_t next_in[FLOWS];

static void take(unsigned port, const uint8_t *f, uint16_t length)
{
	unsigned flow;
	uint32_t number;

	(void)port;
	if (!flowframe_read(f, length, &flow, &number) || flow >= FLOWS)
		return;
	disordered += number != next_in[flow];
	next_in[flow] = number + 1;
	received++;
}

/* Prefixes under 10.base.0.0/16, none of which the traffic uses. */
static json_t *prefixes(unsigned base)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < ROUTES; i++) {
		char text[32];

		snprintf(text, sizeof(text), "10.%u.%u.%u/%u", base, i / 8 % 256, i % 8 * 32,
			27 + i % 6);
		json_array_append_new(list, json_string(text));
	}
	return list;
}

/* The customer that stays, and with a guest: another one, and more routes for both. */
static json_t *document(bool guest)
{
	/* Far above what is sent: whatever changes in it, it costs no packet. */
	static const int bandwidths[] = {1000, 0, 3000, 500};
	static unsigned serial;
	json_t *stays = farsite_connection("stays", 1), *connections = json_pack("[o]", stays);
	json_t *attachments = json_pack("[o]", farsite_attachment("stays", 1100));
	json_t *routes = json_pack("[o]", farsite_routes("stays", json_pack("[s]", "10.2.0.0/16")));

	json_object_set_new(stays, "bandwidth_mbps", json_integer(bandwidths[serial++ % 4]));
	if (guest) {
		json_array_append_new(connections, farsite_connection("comes", 2));
		json_array_append_new(attachments, farsite_attachment("comes", 1101));
		json_array_append_new(routes, farsite_routes("comes", prefixes(2)));
		json_array_append_new(routes, farsite_routes("stays", prefixes(3)));
	}
	return farsite_document(connections, attachments, routes);
}

static int apply(bool guest)
{
	json_t *params = document(guest);
	char text[256];
	int error = testbed_apply(gateway, params, text, sizeof(text));

	json_decref(params);
	if (error < 0)
		fprintf(stderr, "%s\n", text);
	return error;
}

static void idle(unsigned ms)
{
	for (unsigned i = 0; i < ms; i++) {
		struct timespec nap = {.tv_nsec = 1000000};

		testbed_control(gateway, 1);
		nanosleep(&nap, NULL);
	}
}

static int churn(unsigned applies)
{
	for (unsigned i = 1; i <= applies; i++) {
		if (apply(i % 2 != 0) < 0)
			return -1;
		testbed_control(gateway, 1);
		if (i % 4 == 0)
			testbed_publish(gateway);
	}
	testbed_publish(gateway);
	return 0;
}

/* The last packets are on their way; then everything must have come. */
static bool finish(void)
{
	bool good;

	idle(300);
	atomic_store(&peer.rate, 1);
	idle(300);
	flowpeer_stop(&peer);
	testbed_stop(gateway);
	testbed_settle(gateway, 0);
	flowpeer_drain(&peer, 1);
	good = received == peer.sent && disordered == 0 && received > 0 &&
	       testbed_conserved(gateway);
	if (!good)
		testbed_tell_drops(gateway);
	printf("%" PRIu64 " sent, %" PRIu64 " received, %" PRIu64 " out of place: %s\n", peer.sent,
		received, disordered, good ? "good" : "FAILED");
	return good;
}

int main(int argc, char **argv)
{
	unsigned workers = argc > 1 ? (unsigned)atoi(argv[1]) : 2;
	bool rings = argc > 2 && atoi(argv[2]);
	unsigned applies = argc > 3 ? (unsigned)atoi(argv[3]) : 1000;
	struct testbed_setup setup = {.workers = workers,
		.ports = 2,
		.ring_size = 16384,
		.port = {{.name = "cust", .distribute = rings, .ring_size = 16384},
			{.name = "bb", .distribute = rings, .ring_size = 16384}},
		.buffers = 32767};
	bool good;

	if (testbed_eal() < 0)
		return 1;
	gateway = testbed_create(&setup);
	if (gateway == NULL || testbed_start(gateway) < 0 || apply(false) < 0)
		return 1;
	testbed_publish(gateway);
	peer.gateway = gateway;
	peer.flows = FLOWS;
	peer.queues = 1;
	peer.wanted = UINT64_MAX;
	peer.take = take;
	peer.rate = argc > 4 ? strtoull(argv[4], NULL, 10) : 100000;
	if (flowpeer_start(&peer) < 0)
		return 1;
	while (!atomic_load(&peer.ready))
		idle(10);
	idle(100);
	good = churn(applies) == 0;
	good &= finish();
	testbed_destroy(gateway);
	return good ? 0 : 1;
}
