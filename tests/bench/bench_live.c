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
 * 90 % of it. churn: 10,000 routes a second come and go, by documents, beside packets at full
 * speed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>

#include "control/publisher.h"
#include "tests/bench/figures.h"
#include "tests/bench/setting.h"

#define QUEUE	 1024
#define SAMPLES	 (1u << 20)
#define HALVINGS 7
#define CHANGED	 500 /* routes in one document: as many come as go */
#define A_SECOND 20  /* documents: 20 x 500 routes */

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

static struct setting *prepare(uint32_t routes)
{
	struct setting *s = setting_create(&(struct setting_plan){.connections = 1,
		.site_routes = {routes, 0},
		.attachment_routes = {5, 0},
		.sites = 1u << SITE_FAR4,
		.bandwidth_mbps = 100000});

	if (s != NULL &&
		setting_load(s, &(struct setting_load){WAY_OUT, SITE_FAR4, IP_4, 64, 64}) < 0) {
		setting_destroy(s);
		s = NULL;
	}
	return s;
}

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

static void residence(struct setting *s, double rate, unsigned percent, double seconds)
{
	static const struct {
		const char *name;
		double share;
	} quantile[] = {{"p50", 0.5}, {"p99", 0.99}, {"p99.9", 0.999}, {"max", 1}};
	uint64_t packets = (uint64_t)(rate * percent / 100 * seconds);
	double us = 1e6 / (double)rte_get_tsc_hz();
	uint64_t missed = trial(s, rate * percent / 100, RTE_MIN(packets, (uint64_t)SAMPLES));
	uint32_t count = atomic_load(&taken.count);

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
	option.failed |= count == 0;
}

static void bench_latency(void)
{
	struct setting *s = prepare(5);
	double seconds = option.smoke ? 0.002 : option.seconds / 40, top, rate;
	const struct rte_eth_rxtx_callback *callback;

	if (s == NULL) {
		option.failed = 1;
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

/* A document's worth of routes that come or go, in the connection under load. */
static void change(struct setting *s, bool come)
{
	char text[256];
	json_t *prefixes = json_array(), *params;

	for (unsigned i = 0; i < CHANGED; i++)
		json_array_append_new(prefixes,
			json_sprintf("198.%u.%u.%u/32", 18 + i % 2, i / 2 % 256, i % 251));
	params = come ? json_pack("{s:s,s:[{s:s,s:o,s:{s:s}}]}", "owner", "churn", "routes",
				"connection", "c0", "prefixes", prefixes, "via", "site", "far4")
		      : json_pack("{s:s,s:[{s:s,s:o}]}", "owner", "churn", "routes", "connection",
				"c0", "prefixes", prefixes);
	if (testbed_routes(s->gateway, come, params, text, sizeof(text)) < 0) {
		fprintf(stderr, "bench_live: %s\n", text);
		option.failed = 1;
	}
	json_decref(params);
}

struct pass {
	double cycles, gap_us;
	uint64_t changes;
};

static struct pass run_pass(struct setting *s, bool churn, uint64_t per_run)
{
	struct source *source = &s->source[0];
	double cycles[SOURCE_STAMPS];
	uint64_t next = rte_rdtsc(), step = rte_get_tsc_hz() / A_SECOND;
	struct pass pass = {0};
	bool come = true;

	source_pace(source, 0, 0);
	source->watched = true;
	source_start(source, 40, per_run);
	testbed_start(s->gateway);
	while (!atomic_load(&source->over)) {
		if (churn && rte_rdtsc() >= next) {
			next += step;
			change(s, come);
			come = !come;
			pass.changes += CHANGED;
		}
		if (churn)
			testbed_control(s->gateway, 0);
		usleep(churn ? 200 : 2000);
	}
	testbed_stop(s->gateway);
	if (!come) {
		change(s, false);
		testbed_settle(s->gateway, 1);
	}
	pass.cycles = figures_median(cycles, source_runs(source, cycles));
	pass.gap_us = (double)source->gap * 1e6 / (double)rte_get_tsc_hz();
	return pass;
}

static void bench_churn(void)
{
	struct setting *s = prepare(option.smoke ? 1000 : 100000);
	uint64_t per_run = option.smoke ? 4000 : (uint64_t)(option.seconds * 5e6 / 80);
	struct pass still, moving;
	double hz = (double)rte_get_tsc_hz();

	if (s == NULL) {
		option.failed = 1;
		return;
	}
	still = run_pass(s, false, per_run);
	moving = run_pass(s, true, per_run);
	printf("churn: %.2f Mpps still, %.2f with 10,000 routes a second (%" PRIu64
	       " changed); longest without a poll %.0f us and %.0f us\n",
		hz / still.cycles / 1e6, hz / moving.cycles / 1e6, moving.changes, still.gap_us,
		moving.gap_us);
	figures_add("churn/still", "Mpps", &(double){hz / still.cycles / 1e6}, 1, NULL);
	figures_add("churn/moving", "Mpps", &(double){hz / moving.cycles / 1e6}, 1, NULL);
	figures_add("churn/still/worst-gap", "us", &still.gap_us, 1, NULL);
	figures_add("churn/moving/worst-gap", "us", &moving.gap_us, 1, NULL);
	setting_destroy(s);
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
