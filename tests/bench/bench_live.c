/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A gateway at work: how long packets stay in it at a given load (latency), and what a stream of
 * route changes does to forwarding (churn).
 *
 * bench_live [--json FILE] [--seconds N] [--smoke] [latency|churn]
 *
 * latency: packets come at a rate and wait in a queue of 1,024, as before a NIC's driver. The
 * no-drop rate is the highest at which none of a trial is missed, searched by halving between the
 * last that was lost at and the last that was not (RFC 2544 26.1, with short trials); the residence
 * of each packet, from when it came to when it is handed to the transmitting driver, at 10, 50 and
 * 90 % of it. churn: 10,000 routes a second come and go over the control socket, beside packets at
 * full speed, in windows with and without that follow each other; and beside marked packets at half
 * the no-drop rate, of which none may be lost or go astray. Control and this client have one CPU,
 * the worker another.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>

#include "tests/bench/figures.h"
#include "tests/bench/service.h"

#define QUEUE	 1024
#define SAMPLES	 (1u << 20)
#define HALVINGS 7
#define CHANGED	 500 /* routes in one document: as many come as go */
#define A_SECOND 20  /* documents: 20 x 500 routes */
#define FLOWS	 64
#define PAIRS	 15

static struct {
	const char *json, *only;
	bool smoke, huge;
	double seconds;
	int failed;
} option = {.seconds = 6, .huge = true};

static struct {
	uint32_t residence[SAMPLES];
	_Atomic uint32_t count;
} taken;

static uint16_t sending(
	uint16_t device, uint16_t queue, struct rte_mbuf **m, uint16_t count, void *unused)
{
	uint64_t now = rte_rdtsc();
	uint32_t at = atomic_load_explicit(&taken.count, memory_order_relaxed);

	(void)device, (void)queue, (void)unused;
	for (unsigned i = 0; i < count && at < SAMPLES; i++)
		taken.residence[at++] = (uint32_t)(now - *source_came(m[i]));
	atomic_store_explicit(&taken.count, at, memory_order_release);
	return count;
}

static int by_cycles(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static struct setting_plan plan_of(uint32_t routes)
{
	return (struct setting_plan){.connections = 1,
		.site_routes = {routes, 0},
		.attachment_routes = {5, 0},
		.sites = 1u << SITE_FAR4,
		.bandwidth_mbps = 100000};
}

static const struct setting_load load = {WAY_OUT, SITE_FAR4, IP_4, 64, FLOWS};

/* Runs at a rate until that many packets came; answers how many were missed. */
static uint64_t trial(struct setting *s, double rate, uint64_t packets)
{
	struct source *source = &s->source[0];

	source_pace(source, rate, QUEUE);
	atomic_store(&taken.count, 0);
	source_start(source, 1, packets / 2);
	testbed_start(s->gateway);
	source_wait(source);
	testbed_stop(s->gateway);
	return source->missed;
}

static double top_rate(struct setting *s)
{
	double cycles[SOURCE_STAMPS];
	struct source *source = &s->source[0];

	source_pace(source, 0, 0);
	source_start(source, 9, option.smoke ? 1000 : 100000);
	testbed_start(s->gateway);
	source_wait(source);
	testbed_stop(s->gateway);
	return (double)rte_get_tsc_hz() / figures_median(cycles, source_runs(source, cycles));
}

static double no_drop_rate(struct setting *s, double top, double seconds)
{
	double good = 0, bad = top * 1.05;

	for (unsigned i = 0; i < HALVINGS; i++) {
		double rate = i == 0 ? top * 0.5 : (good + bad) / 2;
		unsigned lost = 0;

		/* The machine is shared: a trial is lost where it is lost twice. */
		while (lost < 2 && trial(s, rate, (uint64_t)(rate * seconds)) > 0)
			lost++;
		if (lost < 2)
			good = rate;
		else
			bad = rate;
	}
	return good;
}

static const struct {
	const char *name;
	double share;
} quantile[] = {{"p50", 0.5}, {"p99", 0.99}, {"p99.9", 0.999}, {"max", 1}};

/* What the worker's own clock saw of the same time: gaps that no burst explains are the machine's.
 */
static void poll_gaps(const struct histogram_sum *gaps, unsigned percent)
{
	printf("  poll gaps        ");
	for (unsigned i = 0; i < ARRAY_SIZE(quantile); i++) {
		double value = (double)histogram_percentile(gaps, quantile[i].share) / 1e3;
		char name[64];

		snprintf(name, sizeof(name), "latency/%u%%/poll-gap/%s", percent, quantile[i].name);
		printf("  %s %.1f us", quantile[i].name, figures_add(name, "us", &value, 1, NULL));
	}
	printf("  of %" PRIu64 " turns\n", histogram_total(gaps));
}

static void residence(struct setting *s, double rate, unsigned percent, double seconds)
{
	const struct meter *meter = plane_meter(s->gateway->parts.plane, 0);
	struct histogram_sum gaps, before;
	uint64_t packets = (uint64_t)(rate * percent / 100 * seconds);
	double us = 1e6 / (double)rte_get_tsc_hz();
	uint64_t missed;
	uint32_t count;

	memcpy(before.bucket, meter->poll_gap, sizeof(before.bucket));
	missed = trial(s, rate * percent / 100, RTE_MIN(packets, (uint64_t)SAMPLES));
	count = atomic_load(&taken.count);
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		gaps.bucket[i] = meter->poll_gap[i] - before.bucket[i];
	qsort(taken.residence, count, sizeof(taken.residence[0]), by_cycles);
	printf("latency at %2u %% (%6.2f Mpps)", percent, rate * percent / 1e8);
	for (unsigned i = 0; i < ARRAY_SIZE(quantile) && count > 0; i++) {
		uint32_t at = (uint32_t)(quantile[i].share * (count - 1));
		double value = taken.residence[at] * us;
		char name[64], params[96];

		snprintf(name, sizeof(name), "latency/%u%%/%s", percent, quantile[i].name);
		snprintf(params, sizeof(params), "{\"packets\": %u, \"missed\": %" PRIu64 "}",
			count, missed);
		printf("  %s %.1f us", quantile[i].name,
			figures_add(name, "us", &value, 1, params));
	}
	printf("  of %u packets, %" PRIu64 " missed\n", count, missed);
	poll_gaps(&gaps, percent);
	option.failed |= count == 0;
}

static void bench_latency(void)
{
	struct setting_plan plan = plan_of(5);
	struct setting *s = setting_create(&plan);
	double seconds = option.smoke ? 0.002 : option.seconds / 40, top, rate;
	const struct rte_eth_rxtx_callback *callback;

	if (s == NULL || setting_load(s, &load) < 0) {
		option.failed = 1;
		setting_destroy(s);
		return;
	}
	callback = rte_eth_add_tx_callback(s->gateway->device[SETTING_BACKBONE], 0, sending, NULL);
	top = top_rate(s);
	rate = no_drop_rate(s, top, seconds);
	printf("latency: %.2f Mpps at most, %.2f without a drop\n", top / 1e6, rate / 1e6);
	top /= 1e6;
	figures_add("latency/top-rate", "Mpps", &top, 1, NULL);
	if (rate <= 0)
		rate = top * 1e5;
	else
		figures_add("latency/no-drop-rate", "Mpps", &(double){rate / 1e6}, 1, NULL);
	for (unsigned i = 0; i < 3; i++)
		residence(s, rate, i == 0 ? 10 : i == 1 ? 50 : 90, 4 * seconds);
	rte_eth_remove_tx_callback(s->gateway->device[SETTING_BACKBONE], 0, callback);
	setting_destroy(s);
}

/* Churn. */

/* A document's worth of routes that come or go beside those the flows take: to each flow's own
 * destination, by the same site as before; to its neighbours, into another tunnel or nowhere, where
 * a look-up that takes one for the other shows; and others. */
static json_t *churned(const struct setting *s, bool come)
{
	const struct source *source = &s->source[0];
	json_t *list[3] = {json_array(), json_array(), json_array()}, *routes = json_array();
	json_t *via[3] = {json_pack("{s:s}", "site", "far4"), json_pack("{s:s}", "site", "near4"),
		json_pack("{s:b}", "blackhole", 1)};

	for (unsigned i = 0; i < CHANGED; i++) {
		uint8_t a[4] = {198, (uint8_t)(18 + i % 2), (uint8_t)(i / 2), (uint8_t)(i % 251)};
		unsigned kind = i < 3 * FLOWS ? i % 3 : i % 2;

		if (i < 3 * FLOWS)
			memcpy(a, source_flow(source, i / 3)->addresses + 4, 4);
		/* Flows' destinations are drawn at random from millions: none is beside another. */
		if (i < 3 * FLOWS)
			a[3] ^= (uint8_t)kind;
		json_array_append_new(
			list[kind], json_sprintf("%u.%u.%u.%u/32", a[0], a[1], a[2], a[3]));
	}
	for (unsigned i = 0; i < ARRAY_SIZE(list); i++) {
		json_t *route = json_pack("{s:s, s:o}", "connection", "c0", "prefixes", list[i]);

		if (come)
			json_object_set(route, "via", via[i]);
		json_array_append_new(routes, route);
		json_decref(via[i]);
	}
	return json_pack("{s:s, s:o}", "owner", "churn", "routes", routes);
}

struct churner {
	struct service *service;
	bool come; /* what the next document does */
	uint64_t next, changes;
};

/* By the control socket, 20 documents a second. */
static void churn(struct churner *c)
{
	json_t *result;

	if (rte_rdtsc() < c->next) {
		usleep(200);
		return;
	}
	c->next = RTE_MAX(c->next, rte_rdtsc() - rte_get_tsc_hz()) + rte_get_tsc_hz() / A_SECOND;
	result = service_call(c->service, SERVER_CONTROL, c->come ? "route.put" : "route.delete",
		churned(c->service->setting, c->come));
	option.failed |= result == NULL;
	json_decref(result);
	c->come = !c->come;
	c->changes += CHANGED;
}

/* Marks: a number in the last bytes of what a customer sends. */

static const uint8_t magic[8] = "churning";

static struct {
	uint64_t given, sum; /* numbers given; what is left of their sum when they have come out */
	uint64_t came, strayed;
} marks;

static uint16_t mark(uint16_t device, uint16_t queue, struct rte_mbuf **m, uint16_t count,
	uint16_t room, void *unused)
{
	(void)device, (void)queue, (void)room, (void)unused;
	for (unsigned i = 0; i < count; i++) {
		uint8_t *end = rte_pktmbuf_mtod_offset(m[i], uint8_t *, m[i]->data_len);

		marks.sum += ++marks.given;
		memcpy(end - 16, magic, 8);
		memcpy(end - 8, &marks.given, 8);
	}
	return count;
}

#define OUTER_PEER 33 /* the last byte of the outer destination of a frame over IPv4 */
#define OUTER_VNI  46

/* expected: the VNI's word, in network order; NULL: nothing at all. */
static uint16_t judge(
	uint16_t device, uint16_t queue, struct rte_mbuf **m, uint16_t count, void *expected)
{
	(void)device, (void)queue;
	for (unsigned i = 0; i < count; i++) {
		const uint8_t *frame = rte_pktmbuf_mtod(m[i], const uint8_t *);
		const uint8_t *end = frame + m[i]->data_len;
		uint64_t number;

		if (m[i]->data_len < 64 || memcmp(end - 16, magic, 8) != 0)
			continue;
		memcpy(&number, end - 8, 8);
		marks.sum -= number;
		marks.came++;
		marks.strayed += expected == NULL || frame[OUTER_PEER] != 2 + SITE_FAR4 ||
				 memcmp(frame + OUTER_VNI, expected, 4) != 0;
	}
	return count;
}

/* At that rate, while routes come and go: what came in must come out, to where it belongs. */
static void count_losses(struct setting *s, struct churner *c, double rate, double seconds)
{
	struct source *source = &s->source[0];
	uint32_t vni = rte_cpu_to_be_32(setting_vni(s, SITE_FAR4, 0) << 8);
	const struct rte_eth_rxtx_callback *in, *out[SETTING_PORTS];
	double lost, strayed, missed;
	char params[128];

	in = rte_eth_add_rx_callback(s->gateway->device[0], 0, mark, NULL);
	for (unsigned i = 0; i < SETTING_PORTS; i++)
		out[i] = rte_eth_add_tx_callback(
			s->gateway->device[i], 0, judge, i == SETTING_BACKBONE ? &vni : NULL);
	memset(&marks, 0, sizeof(marks));
	c->changes = 0;
	source_pace(source, rate, QUEUE);
	source_start(source, 1, (uint64_t)(rate * seconds / 2));
	testbed_start(s->gateway);
	while (!atomic_load(&source->over))
		churn(c);
	testbed_stop(s->gateway);
	rte_eth_remove_rx_callback(s->gateway->device[0], 0, in);
	for (unsigned i = 0; i < SETTING_PORTS; i++)
		rte_eth_remove_tx_callback(s->gateway->device[i], 0, out[i]);
	lost = (double)(marks.given - marks.came);
	strayed = (double)marks.strayed;
	missed = (double)source->missed;
	snprintf(params, sizeof(params),
		"{\"packets\": %" PRIu64 ", \"changes\": %" PRIu64 ", \"mpps\": %.2f}", marks.given,
		c->changes, rate / 1e6);
	figures_add("churn/lost", "packets", &lost, 1, params);
	figures_add("churn/misrouted", "packets", &strayed, 1, params);
	figures_add("churn/missed-by-the-port", "packets", &missed, 1, params);
	printf("churn: of %" PRIu64
	       " packets at %.2f Mpps %.0f lost, %.0f misrouted (%.0f more came "
	       "while the machine did not let the worker run) while %" PRIu64 " routes changed\n",
		marks.given, rate / 1e6, lost, strayed, missed, c->changes);
	option.failed |= lost != 0 || marks.sum != 0 || strayed != 0 || marks.given == 0;
}

struct pass {
	double mpps, gap_us;
};

/* A window at full speed. */
static struct pass run_pass(struct setting *s, struct churner *c, double seconds)
{
	struct source *source = &s->source[0];
	uint64_t sent = source->sent, from = rte_rdtsc(), hz = rte_get_tsc_hz();
	uint64_t until = from + (uint64_t)(seconds * (double)hz);
	double took;

	source->gap = 0;
	while (rte_rdtsc() < until) {
		if (c != NULL)
			churn(c);
		else
			usleep(200);
	}
	took = (double)(rte_rdtsc() - from) / (double)hz;
	return (struct pass){.mpps = (double)(source->sent - sent) / took / 1e6,
		.gap_us = (double)source->gap * 1e6 / (double)hz};
}

static void compare(struct setting *s, struct churner *c)
{
	double still[PAIRS], moving[PAIRS], gap[2][PAIRS], ratio[PAIRS], median;
	unsigned pairs = option.smoke ? 2 : PAIRS;
	double seconds = option.smoke ? 0.02 : option.seconds / (2 * PAIRS);

	source_pace(&s->source[0], 0, 0);
	source_start(&s->source[0], 1, UINT64_MAX / 4);
	s->source[0].watched = true;
	testbed_start(s->gateway);
	run_pass(s, NULL, seconds);
	for (unsigned i = 0; i < pairs; i++) {
		struct pass pass[2];

		/* The other order each time, so that a drift of the machine falls out. */
		for (unsigned k = 0; k < 2; k++)
			pass[(i + k) % 2] = run_pass(s, (i + k) % 2 ? c : NULL, seconds);
		still[i] = pass[0].mpps;
		moving[i] = pass[1].mpps;
		ratio[i] = moving[i] / still[i];
		gap[0][i] = pass[0].gap_us;
		gap[1][i] = pass[1].gap_us;
	}
	testbed_stop(s->gateway);
	s->source[0].watched = false;
	figures_add("churn/still", "Mpps", still, pairs, NULL);
	figures_add("churn/moving", "Mpps", moving, pairs, NULL);
	median = figures_add("churn/moving-over-still", "ratio", ratio, pairs, NULL);
	figures_add("churn/still/worst-gap", "us", gap[0], pairs, NULL);
	figures_add("churn/moving/worst-gap", "us", gap[1], pairs, NULL);
	printf("churn: %.2f Mpps still, %.2f with 10,000 routes a second: %.4f (%.4f to %.4f, %u "
	       "pairs); longest without a poll %.0f us and %.0f us\n",
		still[pairs / 2], moving[pairs / 2], median, ratio[0], ratio[pairs - 1], pairs,
		gap[0][pairs / 2], gap[1][pairs / 2]);
}

static void bench_churn(void)
{
	struct setting_plan plan = plan_of(option.smoke ? 1000 : 100000);
	struct service *service = service_open(&plan);
	struct churner c = {.service = service, .come = true};
	double seconds = option.smoke ? 0.002 : option.seconds / 40, rate;

	option.failed |= service == NULL;
	if (service == NULL)
		return;
	if (setting_load(service->setting, &load) < 0) {
		option.failed = 1;
	} else {
		compare(service->setting, &c);
		rate = top_rate(service->setting);
		rate = no_drop_rate(service->setting, rate, seconds);
		count_losses(service->setting, &c, RTE_MAX(rate / 2, 1e5), 20 * seconds);
	}
	service_close(service);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--smoke") == 0)
			option.smoke = true;
		else if (strcmp(argv[i], "--json") == 0 && i + 1 < argc)
			option.json = argv[++i];
		else if (strcmp(argv[i], "--seconds") == 0 && i + 1 < argc)
			option.seconds = strtod(argv[++i], NULL);
		else
			option.only = argv[i];
	}
	setting_eal("bench_live", &option.huge);
	if (option.only == NULL || strcmp(option.only, "latency") == 0)
		bench_latency();
	if (option.only == NULL || strcmp(option.only, "churn") == 0)
		bench_churn();
	if (figures_write(option.json) < 0) {
		fprintf(stderr, "bench_live: cannot write %s\n", option.json);
		return 1;
	}
	return rte_eal_cleanup() < 0 || option.failed;
}
