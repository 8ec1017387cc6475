/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Everything that can change workers does, all the time, while a customer's flows cross: buckets of
 * the flow hash, receive queues, transmit queues. Not one packet may be missing or doubled, nothing
 * may overflow, and in every flow the order in which packets are given to the device must be the
 * one they came in.
 *
 * The order is looked at inside the transmit call, by whichever worker makes it, in plain memory:
 * so ThreadSanitizer also sees whether what one worker sends really happens after what another
 * sent before. Arguments: workers, transmit queues of a port (0: one per worker), packets, packets
 * a second.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>

#include "control/publisher.h"
#include "tests/stress/flowframe.h"
#include "tests/stress/flowpeer.h"
#include "tests/tools/testbed.h"

#define FLOWS	   FLOWPEER_FLOWS
#define QUEUES	   3
#define PATIENCE_S 60

static struct testbed *gateway;
static struct flowpeer peer;
static uint64_t received;
/* Of the workers: whichever sends a packet of the flow. */
static struct {
	alignas(64) uint32_t next;
	uint32_t disordered;
} flow_in[FLOWS];

static uint16_t sending(
	uint16_t device, uint16_t queue, struct rte_mbuf **m, uint16_t count, void *unused)
{
	(void)device, (void)queue, (void)unused;
	for (unsigned i = 0; i < count; i++) {
		unsigned flow;
		uint32_t number;

		if (!flowframe_read(
			    rte_pktmbuf_mtod(m[i], uint8_t *), m[i]->data_len, &flow, &number))
			continue;
		flow_in[flow].disordered += number != flow_in[flow].next;
		flow_in[flow].next = number + 1;
	}
	return count;
}

static void take(unsigned port, const uint8_t *f, uint16_t length)
{
	unsigned flow;
	uint32_t number;

	(void)port;
	received += flowframe_read(f, length, &flow, &number);
}

static const char document[] =
	"{'sites':[{'name':'far'}],'paths':[{'name':'p','site':'far','port':'bb','local':"
	"'10.1.0.1/24','remote':'10.1.0.2','encapsulation':'geneve'}],'connections':[{'name':'c',"
	"'vni':1,'endpoints':[{'site':'far'}]}],'attachments':[{'name':'a','connection':'c',"
	"'port':'cust','tags':[{'type':'0x8100','vlan':1100}],'addresses':['192.168.7.1/24']}],"
	"'routes':[{'connection':'c','prefixes':['10.2.0.0/16'],'via':{'site':'far'}}]}";

static int apply(void)
{
	char *text = strdup(document);
	int error;

	for (char *c = text; *c != 0; c++)
		if (*c == '\'')
			*c = '"';
	error = testbed_document(gateway, text);
	free(text);
	return error;
}

static unsigned any(unsigned below)
{
	static uint64_t state = 88172645463325252u;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)(state >> 16) % below;
}

/* Some buckets, or all of them, get any worker. */
static void move_buckets(struct plane *plane)
{
	unsigned port = any(2), some = any(3) == 0 ? PLANE_BUCKETS : 1 + any(64);
	uint8_t worker[PLANE_BUCKETS];

	plane_buckets(plane, port, worker);
	for (unsigned i = 0; i < some; i++)
		worker[some == PLANE_BUCKETS ? i : any(PLANE_BUCKETS)] =
			(uint8_t)any(gateway->setup.workers);
	plane_spread(plane, port, worker);
}

static void move_senders(struct plane *plane)
{
	uint8_t worker[PLANE_PORT_QUEUES];

	for (unsigned q = 0; q < PLANE_PORT_QUEUES; q++)
		worker[q] = (uint8_t)any(gateway->setup.workers);
	plane_own(plane, any(2), worker);
}

static bool settled(void)
{
	struct timespec nap = {.tv_nsec = 20000};
	uint64_t until = rte_rdtsc() + PATIENCE_S * rte_get_tsc_hz();

	while (!plane_settled(gateway->parts.plane)) {
		testbed_control(gateway, 0);
		nanosleep(&nap, NULL);
		if (rte_rdtsc() > until) {
			fprintf(stderr, "a move did not end\n");
			return false;
		}
	}
	return true;
}

static bool move_all(unsigned moves[3])
{
	struct plane *plane = gateway->parts.plane;

	while (!atomic_load(&peer.all_sent)) {
		unsigned what = any(3);

		if (what == 0)
			move_buckets(plane);
		else if (what == 1)
			plane_poll(plane, 0, any(QUEUES), any(gateway->setup.workers));
		else
			move_senders(plane);
		moves[what]++;
		if (!settled())
			return false;
	}
	return true;
}

static uint64_t sum_of(size_t member)
{
	uint64_t sum = 0;

	for (unsigned w = 0; w < gateway->setup.workers; w++)
		sum += *(const uint64_t *)((const char *)plane_meter(gateway->parts.plane, w) +
					   member);
	return sum;
}

static uint64_t sum_of_drops(unsigned reason)
{
	uint64_t sum = 0;

	for (unsigned w = 0; w < gateway->setup.workers; w++)
		for (unsigned side = 0; side < METER_SIDES; side++)
			sum += plane_meter(gateway->parts.plane, w)
				       ->connection[1]
				       .side[side]
				       .drop[reason];
	return sum;
}

/* What was drawn of them names them right. */
static bool drawn(void)
{
	struct flows_bank bank;
	unsigned found = 0;

	for (unsigned w = 0; w < gateway->setup.workers; w++) {
		if (!flows_read(plane_meter(gateway->parts.plane, w)->flows, rte_rdtsc(), &bank))
			return false;
		for (unsigned i = 0; i < bank.used; i++, found++)
			if (bank.key[i].connection != 1 || bank.key[i].destination_port != 9 ||
				bank.key[i].source_port < 1000 ||
				bank.key[i].source_port >= 1000 + FLOWS ||
				memcmp(bank.key[i].source, "\300\250\7\2", 5) != 0 ||
				memcmp(bank.key[i].destination, "\12\2\3\4", 5) != 0)
				return false;
	}
	return found > 0;
}

static bool check(const unsigned moves[3])
{
	uint64_t disordered = 0, held = 0;
	bool good = true;

	for (unsigned w = 0; w < gateway->setup.workers; w++)
		held += plane_meter(gateway->parts.plane, w)->ring_sent[w];

	for (unsigned i = 0; i < FLOWS; i++) {
		disordered += flow_in[i].disordered;
		good &= flow_in[i].next == peer.next[i];
	}
	for (unsigned r = 0; r < DROP_COUNT; r++)
		if (sum_of_drops(r) > 0)
			printf("%" PRIu64 " dropped: %s\n", sum_of_drops(r), drop_name(r));
	good &= received == peer.sent && peer.sent == peer.wanted && disordered == 0;
	good &= drawn() && testbed_conserved(gateway) && plane_held(gateway->parts.plane) == 0;
	printf("%u times buckets, %u receive, %u transmit queues; %" PRIu64 " buckets and %" PRIu64
	       " queues moved, %" PRIu64 " given up, %" PRIu64 " packets held\n",
		moves[0], moves[1], moves[2], sum_of(offsetof(struct meter, move.buckets)),
		sum_of(offsetof(struct meter, move.queues)),
		sum_of(offsetof(struct meter, move.given_up)), held);
	printf("%" PRIu64 " sent, %" PRIu64 " received, %" PRIu64 " out of place: %s\n", peer.sent,
		received, disordered, good ? "good" : "FAILED");
	/* With one worker there is nowhere to move to. */
	if (gateway->setup.workers > 1)
		good &= sum_of(offsetof(struct meter, move.buckets)) > 0 &&
			sum_of(offsetof(struct meter, move.queues)) > 0;
	return good;
}

int main(int argc, char **argv)
{
	unsigned workers = argc > 1 ? (unsigned)atoi(argv[1]) : 2;
	uint16_t queues = argc > 2 ? (uint16_t)atoi(argv[2]) : 0;
	struct testbed_setup setup = {.workers = workers,
		.ports = 2,
		.ring_size = 16384,
		.port = {{.name = "cust",
				 .rx_queues = QUEUES,
				 .tx_queues = queues,
				 .distribute = true,
				 .ring_size = 16384},
			{.name = "bb",
				.tx_queues = queues,
				.distribute = true,
				.ring_size = 16384}},
		.hold_size = 16384,
		.hold_us = 2000000, /* more threads than cores, and slow ones under a sanitizer */
		.buffers = 32767};
	struct timespec nap = {.tv_nsec = 1000000};
	unsigned moves[3] = {0};
	bool good;

	if (testbed_eal() < 0)
		return 1;
	gateway = testbed_create(&setup);
	if (gateway == NULL ||
		rte_eth_add_tx_callback(gateway->device[1], 0, sending, NULL) == NULL)
		return 1;
	for (uint16_t q = 1; q < gateway->tx_queues[1]; q++)
		rte_eth_add_tx_callback(gateway->device[1], q, sending, NULL);
	if (testbed_start(gateway) < 0 || apply() < 0)
		return 1;
	testbed_publish(gateway);
	peer.gateway = gateway;
	peer.flows = FLOWS;
	peer.queues = QUEUES;
	peer.wanted = argc > 3 ? strtoull(argv[3], NULL, 10) : 200000;
	peer.take = take;
	peer.rate = argc > 4 ? strtoull(argv[4], NULL, 10) : 100000;
	if (flowpeer_start(&peer) < 0)
		return 1;
	while (!atomic_load(&peer.ready)) {
		testbed_control(gateway, 1);
		nanosleep(&nap, NULL);
	}
	for (unsigned i = 0; i < 40; i++) {
		testbed_control(gateway, 1);
		nanosleep(&nap, NULL);
	}
	good = move_all(moves);
	nap.tv_nsec = 300000000;
	nanosleep(&nap, NULL);
	flowpeer_stop(&peer);
	testbed_stop(gateway);
	testbed_settle(gateway, 0);
	flowpeer_drain(&peer, 1);
	good &= check(moves);
	testbed_destroy(gateway);
	return good ? 0 : 1;
}
