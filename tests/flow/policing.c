/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rates held in real time through a whole gateway. Three customers: "greedy" and "marked" send 300
 * % of what they ordered, "modest" 90 %; flows are spread unevenly over the workers' receive
 * queues. Within a second greedy gets its rate within 1 %, marked the same and half as much again
 * with a mark, and modest loses nothing. Arguments: workers, rings (0 or 1), Mb/s (80).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_cycles.h>

#include "tests/tools/answer.h"
#include "tests/tools/farsite.h"
#include "tests/tools/rawframe.h"
#include "tests/tools/testbed.h"

#define CUSTOMERS  3
#define BYTES	   1000 /* of each IP packet */
#define FIRST_VLAN 1100
#define MARK	   10
#define ROUND	   256 /* packets of one customer between two turns of the workers */
#define BURST_MS   250 /* longer than this process is kept waiting, mostly */
#define TRIES	   8
/* Half of what modest, who saved nothing, may send at once: who is kept waiting longer than that is
 * late for it. */
#define LATE_MS 5

enum { GREEDY, MARKED, MODEST };

struct customer {
	const char *name;
	double offered; /* of what it ordered */
	uint64_t sent, plain, marked;
	double due;
};

static struct customer customer[CUSTOMERS] = {{"greedy", 3}, {"marked", 3}, {"modest", 0.9}};
static struct testbed *gateway;
static unsigned workers, mbps = 80; /* less where a sanitizer could not keep up */

static bool send_one(unsigned who)
{
	static unsigned serial;
	static const uint8_t from[4] = {192, 168, 7, 2}, to[4] = {10, 2, 3, 4};
	unsigned flow = serial++ % 64, at;
	uint8_t f[18 + BYTES] = {0};

	at = rawframe_tagged(f, 0, FIRST_VLAN + who, 0x0800);
	rawframe_udp4(f + at, BYTES, from, to);
	rawframe_put16(f + at + 20, 1000 + flow);
	/* Two thirds to the first queue, the rest to all. */
	return testbed_inject(
		gateway, 0, flow < 42 ? 0 : flow % workers, f, (uint16_t)sizeof(f), 1);
}

static void take(unsigned port, const uint8_t *f, uint16_t length)
{
	unsigned vni = f[48];

	(void)port;
	if (length != 50 + BYTES || vni == 0 || vni > CUSTOMERS)
		return;
	if (f[15] >> 2 == MARK)
		customer[vni - 1].marked++;
	else
		customer[vni - 1].plain++;
}

static int apply(void)
{
	json_t *connections = json_array(), *attachments = json_array(), *routes = json_array(),
	       *params;
	char text[256];
	int error;

	for (int i = 0; i < CUSTOMERS; i++) {
		const char *name = customer[i].name;
		int burst = i == MODEST ? 0 : (int)mbps * 125 * BURST_MS;
		json_t *connection, *limits;

		connection = farsite_connection(name, i + 1);
		limits = json_pack("{s:i,s:i,s:i,s:i}", "bandwidth_mbps", (int)mbps, "burst_bytes",
			burst, "peak_mbps", i == MARKED ? (int)mbps * 3 / 2 : 0, "excess_dscp",
			MARK);
		json_object_update(connection, limits);
		json_decref(limits);
		json_array_append_new(connections, connection);
		json_array_append_new(attachments, farsite_attachment(name, FIRST_VLAN + i));
		json_array_append_new(
			routes, farsite_routes(name, json_pack("[s]", "10.2.0.0/16")));
	}
	params = farsite_document(connections, attachments, routes);
	error = testbed_apply(gateway, params, text, sizeof(text));
	if (error < 0)
		fprintf(stderr, "%s\n", text);
	json_decref(params);
	return error;
}

static bool prepare(bool rings)
{
	struct testbed_setup setup = {.workers = workers,
		.ports = 2,
		.port = {{.name = "cust", .rx_queues = (uint16_t)workers, .distribute = rings},
			{.name = "bb"}},
		.buffers = 16383};

	gateway = testbed_create(&setup);
	if (gateway == NULL || apply() < 0)
		return false;
	for (unsigned i = 0; i < 4; i++) {
		testbed_settle(gateway, 1000);
		answer_port(gateway, 0, take);
		answer_port(gateway, 1, take);
	}
	return true;
}

static void turn(void)
{
	for (unsigned w = 0; w < workers; w++)
		plane_turn(gateway->parts.plane, w);
	answer_port(gateway, 1, take);
}

/* One round: what has fallen due in so many seconds. */
static void send_due(struct customer *c, double seconds, double most)
{
	c->due += seconds * mbps * 125000 / BYTES * c->offered;
	c->due = RTE_MIN(c->due, most);
	for (unsigned n = 0; n < ROUND && c->due >= 1 && send_one((unsigned)(c - customer)); n++) {
		c->due--;
		c->sent++;
	}
}

/* Sends until that many seconds are over since the last run. Answers how long it took; gap: the
 * longest time between two rounds. */
static double run(double seconds, double *gap)
{
	static uint64_t last;
	double hz = (double)rte_get_tsc_hz(), spent = 0;

	if (last == 0)
		last = rte_rdtsc();
	*gap = 0;
	for (unsigned i = 0; i < CUSTOMERS; i++)
		customer[i].sent = customer[i].plain = customer[i].marked = 0;
	while (spent < seconds) {
		uint64_t now = rte_rdtsc();
		double passed = (double)(now - last) / hz;

		last = now;
		spent += passed;
		*gap = passed > *gap ? passed : *gap;
		/* Nobody sends faster than the line, and modest less at a time than its burst. */
		for (unsigned i = 0; i < CUSTOMERS; i++)
			send_due(&customer[i], passed, i == MODEST ? 30 : 6 * ROUND);
		turn();
	}
	/* What is on its way counts where it was sent. */
	for (unsigned i = 0; i < 100; i++)
		turn();
	return spent;
}

static bool within(double value, double want)
{
	return value > want * 0.99 && value < want * 1.01;
}

static bool judge(double seconds)
{
	double ordered = mbps * 125000.0 / BYTES * seconds;
	const struct customer *g = &customer[GREEDY], *m = &customer[MARKED],
			      *o = &customer[MODEST];
	bool good;

	for (unsigned i = 0; i < CUSTOMERS; i++)
		printf("%s: %" PRIu64 " sent, %.4f of its rate plain, %.4f marked\n",
			customer[i].name, customer[i].sent, (double)customer[i].plain / ordered,
			(double)customer[i].marked / ordered);
	good = within((double)g->plain, ordered) && g->marked == 0;
	good &= within((double)m->plain, ordered) && within((double)m->marked, ordered / 2);
	return good && o->plain == o->sent && o->marked == 0 && (double)o->sent > ordered / 4;
}

int main(int argc, char **argv)
{
	double before, gap, seconds;
	bool good = false;

	workers = argc > 1 ? (unsigned)atoi(argv[1]) : 1;
	mbps = argc > 3 ? (unsigned)atoi(argv[3]) : mbps;
	if (testbed_eal() < 0 || !prepare(argc > 2 && atoi(argv[2])))
		return 1;
	/* What was saved is spent first. */
	run(0.4, &before);
	for (unsigned i = 0; i < TRIES && !good; i++) {
		seconds = run(1, &gap);
		good = judge(seconds);
		/* Only a machine that was busy with something else gets another second. */
		if (before * 1000 < LATE_MS && gap * 1000 < LATE_MS)
			break;
		printf("kept waiting for %.0f and %.0f ms\n", before * 1000, gap * 1000);
		before = gap;
	}
	testbed_settle(gateway, 0);
	good &= testbed_conserved(gateway);
	printf("%s\n", good ? "good" : "FAILED");
	testbed_destroy(gateway);
	return good ? 0 : 1;
}
