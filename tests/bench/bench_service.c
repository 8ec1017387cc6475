/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What control's work beside 4,096 connections costs it, and the worker that forwards meanwhile.
 *
 * bench_service [--json FILE] [--seconds N] [--smoke] [apply|scrape]
 *
 * The gateway is served as in the daemon; control and this client have one CPU, the worker another.
 * apply: one connection with its attachment and routes comes, changes and goes, by config.apply
 * over the socket. scrape: all metrics, and all of stats.get, ten times a second. What control
 * takes is its thread's processor time, without what it takes when nothing is asked; what the
 * worker loses is seen in its rate, in windows with and without that follow each other.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "control/loop.h"
#include "tests/bench/figures.h"
#include "tests/bench/service.h"

#define PAIRS	 31
#define APPLIES	 40   /* of each kind */
#define A_SECOND 100  /* applies beside forwarding */
#define SCRAPES	 10   /* a second */
#define VLAN	 4000 /* none of the setting's */

static struct {
	const char *json, *only;
	bool smoke, huge;
	double seconds;
	int failed;
} option = {.seconds = 8, .huge = true};

static struct service *open_wide(void)
{
	uint32_t half = option.smoke ? 5 : 125, connections = option.smoke ? 64 : 4096;
	struct setting_plan plan = {.connections = connections,
		.site_routes = {half, 0},
		.attachment_routes = {half, 0},
		.sites = 1u << SITE_FAR4,
		.bandwidth_mbps = 1000000};
	struct setting_load load = {WAY_OUT, SITE_FAR4, IP_4, 64, option.smoke ? 1024 : 65536};
	struct service *s = service_open(&plan);

	if (s == NULL || setting_load(s->setting, &load) == 0)
		return s;
	service_close(s);
	return NULL;
}

/* Windows of the worker at full speed. */

static double seconds_since(uint64_t tsc)
{
	return (double)(rte_rdtsc() - tsc) / (double)rte_get_tsc_hz();
}

/* What was done in one window, of two that are compared. */
struct window {
	double mpps, busy; /* of the worker; share of control's time */
};

struct task {
	const char *name;
	double a_second;
	bool (*act)(struct service *s, unsigned number); /* false: it failed */
};

static struct window run_window(struct service *s, const struct task *task, double seconds)
{
	uint64_t sent = setting_sent(s->setting), from = rte_rdtsc(), busy = service_busy_ns(s);
	double took;
	unsigned number = 0;

	while ((took = seconds_since(from)) < seconds) {
		if (task != NULL && took * task->a_second >= number)
			option.failed |= !task->act(s, number++);
		else
			usleep(200);
	}
	return (struct window){.mpps = (double)(setting_sent(s->setting) - sent) / took / 1e6,
		.busy = (double)(service_busy_ns(s) - busy) / 1e9 / took};
}

/* Each pair in the other order than the one before, so that a drift of the machine falls out. */
static void compare(struct service *s, const struct task *task)
{
	double quiet[PAIRS], loaded[PAIRS], ratio[PAIRS], busy[PAIRS], median, share;
	double seconds = option.smoke ? 0.05 : option.seconds / (2 * PAIRS);
	unsigned pairs = option.smoke ? 2 : PAIRS;
	uint64_t delivered = setting_delivered(s->setting);
	char name[64];

	setting_start(s->setting, 1, UINT64_MAX / 4);
	testbed_start(s->setting->gateway);
	run_window(s, NULL, seconds);
	for (unsigned i = 0; i < pairs; i++) {
		struct window with, without;

		if (i % 2 == 0)
			without = run_window(s, NULL, seconds);
		with = run_window(s, task, seconds);
		if (i % 2 == 1)
			without = run_window(s, NULL, seconds);
		quiet[i] = without.mpps;
		loaded[i] = with.mpps;
		ratio[i] = with.mpps / without.mpps;
		busy[i] = with.busy - without.busy;
	}
	testbed_stop(s->setting->gateway);
	option.failed |= !setting_lossless(s->setting, 0, delivered);
	snprintf(name, sizeof(name), "%s/quiet", task->name);
	figures_add(name, "Mpps", quiet, pairs, NULL);
	snprintf(name, sizeof(name), "%s/loaded", task->name);
	figures_add(name, "Mpps", loaded, pairs, NULL);
	snprintf(name, sizeof(name), "%s/loaded-over-quiet", task->name);
	median = figures_add(name, "ratio", ratio, pairs, NULL);
	snprintf(name, sizeof(name), "%s/control", task->name);
	share = figures_add(name, "share", busy, pairs, NULL);
	printf("%-24s %6.2f Mpps quiet, %6.2f with %.0f a second: %.4f (%.4f to %.4f); control "
	       "%.1f %% of a CPU\n",
		task->name, quiet[pairs / 2], loaded[pairs / 2], task->a_second, median, ratio[0],
		ratio[pairs - 1], share * 100);
}

/* Apply. */

enum kind { ADD, CHANGE, REMOVE, KINDS };
static const char *const kind_name[KINDS] = {"add", "change", "remove"};

static json_t *order(enum kind kind)
{
	json_t *document = json_object();

	if (kind == REMOVE)
		return document;
	json_object_set_new(document, "connections",
		json_pack("[{s:s, s:i, s:i, s:[{s:s, s:i}]}]", "name", "order", "vni", 16000000,
			"bandwidth_mbps", kind == ADD ? 1000 : 2000, "endpoints", "site", "far4",
			"vni", 16000001));
	json_object_set_new(document, "attachments",
		json_pack("[{s:s, s:s, s:s, s:[{s:s, s:i}], s:[s]}]", "name", "order", "connection",
			"order", "port", "cust0", "tags", "type", "0x8100", "vlan", VLAN,
			"addresses", "192.168.7.1/24"));
	json_object_set_new(document, "routes",
		json_pack("[{s:s, s:[s, s, s, s], s:{s:s}}, {s:s, s:[s, s], s:{s:[{s:s, s:s}]}}]",
			"connection", "order", "prefixes", "10.0.0.0/16", "10.1.0.0/16",
			"10.2.3.0/24", "10.9.0.0/20", "via", "site", "far4", "connection", "order",
			"prefixes", "172.16.0.0/16", "172.17.0.0/16", "via", "next_hops",
			"attachment", "order", "address", "192.168.7.2"));
	return document;
}

static bool apply(struct service *s, unsigned number)
{
	json_t *result = service_call(s, SERVER_CONTROL, "config.apply",
		json_pack("{s:s, s:o}", "owner", "orders", "document", order(number % KINDS)));
	bool good = result != NULL;

	json_decref(result);
	return good;
}

static void wait_live(struct service *s)
{
	json_decref(service_call(s, SERVER_CONTROL, "generation.wait", json_object()));
}

/* Processor time for each kind, until it is live and the removed ids are free again. */
static void apply_costs(struct service *s)
{
	double cost[KINDS][APPLIES], idle;
	unsigned applies = option.smoke ? 3 : APPLIES;
	uint64_t busy, from;

	for (unsigned i = 0; i < SETTING_PORTS; i++)
		source_quiet(&s->setting->source[i]);
	testbed_start(s->setting->gateway);
	wait_live(s);
	usleep(20000);
	busy = service_busy_ns(s);
	from = rte_rdtsc();
	usleep(option.smoke ? 10000 : 500000);
	idle = (double)(service_busy_ns(s) - busy) / seconds_since(from);
	for (unsigned i = 0; i < applies * KINDS; i++) {
		busy = service_busy_ns(s);
		from = rte_rdtsc();
		option.failed |= !apply(s, i);
		wait_live(s);
		usleep(2000);
		cost[i % KINDS][i / KINDS] =
			((double)(service_busy_ns(s) - busy) - idle * seconds_since(from)) / 1e3;
	}
	testbed_stop(s->setting->gateway);
	for (unsigned kind = 0; kind < KINDS; kind++) {
		char name[64];

		snprintf(name, sizeof(name), "apply/cost/%s", kind_name[kind]);
		figures_add(name, "us", cost[kind], applies, NULL);
		printf("%-24s %7.1f us of control (%.1f to %.1f)\n", name,
			figures_median(cost[kind], applies), cost[kind][0],
			cost[kind][applies - 1]);
	}
}

static void bench_apply(void)
{
	static const struct task task = {"apply", A_SECOND, apply};
	struct service *s = open_wide();

	option.failed |= s == NULL;
	if (s == NULL)
		return;
	apply_costs(s);
	compare(s, &task);
	service_close(s);
}

/* Scrape. */

static struct {
	double ms[PAIRS * SCRAPES];
	unsigned count;
	size_t bytes;
} scrapes;

static void scraped(uint64_t from, size_t bytes)
{
	if (scrapes.count < ARRAY_SIZE(scrapes.ms))
		scrapes.ms[scrapes.count++] = seconds_since(from) * 1e3;
	scrapes.bytes = bytes;
}

static bool scrape_metrics(struct service *s, unsigned number)
{
	uint64_t from = rte_rdtsc();
	const char *text;
	size_t bytes = service_metrics(s, &text);

	(void)number;
	scraped(from, bytes);
	return bytes > 0;
}

/* The answer is read, not parsed: that would be the client's time, on control's CPU. */
static bool scrape_stats(struct service *s, unsigned number)
{
	uint64_t from = rte_rdtsc();
	size_t bytes = service_ask(s, SERVER_STATS, "stats.get", json_object());

	(void)number;
	scraped(from, bytes);
	return bytes > 0;
}

static void scrape(struct service *s, const struct task *task)
{
	char name[64], params[64];
	unsigned kept;

	scrapes.count = 0;
	compare(s, task);
	kept = RTE_MIN(scrapes.count, (unsigned)FIGURES_RUNS);
	snprintf(name, sizeof(name), "%s/took", task->name);
	snprintf(params, sizeof(params), "{\"bytes\": %zu}", scrapes.bytes);
	printf("%-24s %7.1f ms from request to the last of %.1f MB\n", name,
		figures_add(name, "ms", scrapes.ms, kept, params), (double)scrapes.bytes / 1e6);
}

static void bench_scrape(void)
{
	static const struct task tasks[] = {{"scrape/metrics", SCRAPES, scrape_metrics},
		{"scrape/stats", SCRAPES, scrape_stats}};
	struct service *s = open_wide();
	double longest, over;
	uint64_t before;

	option.failed |= s == NULL;
	if (s == NULL)
		return;
	before = loop_times_busy(s->loop)->over_limit;
	for (unsigned i = 0; i < ARRAY_SIZE(tasks); i++)
		scrape(s, &tasks[i]);
	longest = (double)loop_times_busy(s->loop)->max_ns / 1e6;
	over = (double)(loop_times_busy(s->loop)->over_limit - before);
	figures_add("scrape/longest-turn", "ms", &longest, 1, NULL);
	figures_add("scrape/turns-over-5ms", "turns", &over, 1, NULL);
	printf("%-24s %7.2f ms, %.0f of %" PRIu64 " over 5 ms\n", "longest turn of control",
		longest, over, loop_times_busy(s->loop)->turns);
	service_close(s);
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
	setting_eal("bench_service", &option.huge);
	if (option.only == NULL || strcmp(option.only, "apply") == 0)
		bench_apply();
	if (option.only == NULL || strcmp(option.only, "scrape") == 0)
		bench_scrape();
	if (figures_write(option.json) < 0) {
		fprintf(stderr, "bench_service: cannot write %s\n", option.json);
		return 1;
	}
	return rte_eal_cleanup() < 0 || option.failed;
}
