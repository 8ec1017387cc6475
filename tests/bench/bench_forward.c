/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cycles (TSC) per packet of the whole packet path, run by a worker's own thread as in the daemon,
 * from a null port with real frames to a null port; and of each stage alone.
 *
 * bench_forward [--json FILE] [--seconds N] [--smoke] [--only TEXT] [--stages] [--no-huge]
 * [--packets N]
 *
 * A figure is the median of the runs; "net" is without the source, which is measured alone, on the
 * same frames and beside each load. Every run is checked: what was sent in came out, all of it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>

#include "dataplane/path/path.h"
#include "tests/bench/figures.h"
#include "tests/bench/setting.h"

#define RUNS	  45
#define BANDWIDTH 1000000 /* Mb/s of each connection: policed, and never reached */
/* In each run of each of a hundred loads, where all is to take a second at 10 Mpps. */
#define PACKETS_A_SECOND (10e6 / 100 / (RUNS + 1))

static struct {
	const char *json, *only;
	bool smoke, stages, huge;
	uint64_t per_run;
	int failed;
} option = {.per_run = 20000, .huge = true};

static const char *const site_text[SITES] = {"geneve", "geneve", "vxlan", "vxlan", "", ""};

static const char *name_of(const char *setting, const struct setting_load *load)
{
	static char name[96];
	char way[48];
	const char *tunnel = site_text[load->site];
	bool six = load->site == SITE_FAR6 || load->site == SITE_VX6;

	if (load->way == WAY_TRANSIT)
		snprintf(way, sizeof(way), "%s-%s", tunnel, tunnel);
	else
		snprintf(way, sizeof(way), load->way == WAY_OUT ? "vlan-%s" : "%s-vlan", tunnel);
	snprintf(name, sizeof(name), "forward/%s/%s/v%uin%u/%u", setting, way,
		load->family == IP_4 ? 4 : 6, six ? 6 : 4, load->bytes);
	return name;
}

/* Cycles per packet over all sources: each had its share of every run. */
static unsigned runs(const struct setting *s, double *value)
{
	unsigned count = 0, used = 0;

	for (unsigned i = 0; i < SETTING_PORTS; i++) {
		double one[SOURCE_STAMPS];

		if (s->source[i].flows == 0)
			continue;
		count = source_runs(&s->source[i], one);
		for (unsigned k = 0; k < count; k++)
			value[k] = used == 0 ? one[k] : value[k] + one[k];
		used++;
	}
	/* Two sources in turn: each interval holds the packets of both. */
	for (unsigned k = 0; k < count; k++)
		value[k] /= used * used;
	return count;
}

/* The source and the null port alone: received and sent at once, in this thread. */
static double alone(struct setting *s)
{
	double value[SOURCE_STAMPS];
	struct rte_mbuf *m[BURST];
	unsigned count;

	setting_start(s, RUNS, option.per_run);
	do {
		count = 0;
		for (unsigned i = 0; i < SETTING_PORTS; i++) {
			uint16_t device = s->gateway->device[i];
			uint16_t got = rte_eth_rx_burst(device, 0, m, BURST);

			rte_eth_tx_burst(device, 0, m, got);
			count += got;
		}
	} while (count > 0);
	count = runs(s, value);
	return figures_median(value, count);
}

static void forward(struct setting *s, const char *setting, const struct setting_load *load)
{
	const char *name = name_of(setting, load);
	double value[SOURCE_STAMPS], source, all, ghz = (double)rte_get_tsc_hz() / 1e9;
	uint64_t delivered;
	char params[160];
	unsigned count;

	if (option.only != NULL && strstr(name, option.only) == NULL)
		return;
	if (setting_load(s, load) < 0) {
		option.failed = 1;
		return;
	}
	source = alone(s);
	setting_start(s, RUNS, option.per_run);
	delivered = setting_delivered(s);
	testbed_start(s->gateway);
	setting_wait(s);
	usleep(2000);
	testbed_stop(s->gateway);
	count = runs(s, value);
	snprintf(params, sizeof(params), "{\"source\": %.2f, \"flows\": %u, \"hugepages\": %s}",
		source, load->flows, option.huge ? "true" : "false");
	all = figures_add(name, "cycles/packet", value, count, params);
	printf("%-42s %7.1f %7.1f %7.1f %7.1f   %6.2f\n", name, all, value[0], all - source, source,
		ghz * 1e3 / all);
	option.failed |= !setting_lossless(s, 0, delivered);
	fflush(stdout);
}

/* Stages. */

enum stage { RX, PARSE, DECAP, MEASURE, POLICE, ROUTE, ENCAP, TX, STAGES };
static const char *const stage_name[STAGES] = {
	"rx", "parse", "decap", "measure", "police", "route", "encap", "tx"};

static bool staged_burst(struct forwarder *f, struct burst *b, unsigned port, uint64_t *spent)
{
	uint64_t t[STAGES + 1];
	unsigned count;

	t[RX] = rte_rdtsc();
	count = rx_burst(f, b, port, 0);
	if (count == 0)
		return false;
	path_begin(b, count, port);
	rx_count(f, b, count, port);
	t[PARSE] = rte_rdtsc();
	parse_burst(f, b, port);
	t[DECAP] = rte_rdtsc();
	decap_burst(f, b);
	t[MEASURE] = rte_rdtsc();
	measure_burst(f, b);
	t[POLICE] = rte_rdtsc();
	police_burst(f, b);
	t[ROUTE] = rte_rdtsc();
	route_burst(f, b);
	t[ENCAP] = rte_rdtsc();
	encap_burst(f, b);
	t[TX] = rte_rdtsc();
	tx_burst(f, b);
	path_finish(f);
	t[STAGES] = rte_rdtsc();
	for (unsigned i = 0; i < STAGES; i++)
		spent[i] += t[i + 1] - t[i];
	return true;
}

static void stages(struct setting *s, const char *setting, const struct setting_load *load)
{
	struct forwarder *f = plane_forwarder(s->gateway->parts.plane, 0);
	double value[STAGES][SOURCE_STAMPS];
	unsigned run = 0;
	char name[128];

	if (setting_load(s, load) < 0)
		return;
	setting_start(s, RUNS, option.per_run);
	f->snapshot = fwd_snapshot(f->fwd);
	for (bool more = true; more && run < RUNS; run++) {
		uint64_t spent[STAGES] = {0}, from = setting_sent(s);

		while (more && setting_sent(s) - from < option.per_run / 4)
			for (unsigned port = 0; port < SETTING_PORTS; port++)
				if (s->source[port].flows > 0)
					more = staged_burst(f, &f->burst, port, spent);
		for (unsigned i = 0; i < STAGES; i++)
			value[i][run] = (double)spent[i] / (double)(setting_sent(s) - from);
	}
	printf("%-42s", name_of(setting, load) + strlen("forward/"));
	for (unsigned i = 0; i < STAGES; i++) {
		snprintf(name, sizeof(name), "stages/%s/%s", name_of(setting, load) + 8,
			stage_name[i]);
		printf(" %7.1f", figures_add(name, "cycles/packet", value[i], run, NULL));
	}
	printf("\n");
}

static void measure(struct setting *s, const char *setting, const struct setting_load *load)
{
	if (option.stages)
		stages(s, setting, load);
	else
		forward(s, setting, load);
}

static bool wanted(const char *setting)
{
	static const char *const settings[] = {"hot", "measured", "wide", "table"};

	if (option.only == NULL || strstr(option.only, setting) != NULL)
		return true;
	for (unsigned i = 0; i < ARRAY_SIZE(settings); i++)
		if (strstr(option.only, settings[i]) != NULL)
			return false;
	return true;
}

static void bench_hot(void)
{
	static const uint16_t sizes[] = {64, 512, 1500, 9000};
	struct setting *s;

	if (!wanted("hot"))
		return;
	s = setting_create(&(struct setting_plan){.connections = 1,
		.site_routes = {5, 5},
		.attachment_routes = {5, 5},
		.sites = 0xf,
		.bandwidth_mbps = BANDWIDTH});
	for (unsigned z = 0; s != NULL && z < (option.smoke || option.stages ? 1 : 4); z++)
		for (unsigned way = WAY_OUT; way <= WAY_TRANSIT; way++)
			for (unsigned site = 0; site <= SITE_VX6; site++)
				for (unsigned inner = 0; inner < 2; inner++)
					if (way != WAY_TRANSIT || site < SITE_VX4)
						measure(s, "hot",
							&(struct setting_load){way, site,
								inner ? IP_6 : IP_4, sizes[z], 64});
	option.failed |= s == NULL;
	setting_destroy(s);
}

/* The same with a number, an epoch and a time on every packet of the backbone. */
static void bench_measured(void)
{
	struct setting *s;

	if (!wanted("measured"))
		return;
	s = setting_create(&(struct setting_plan){.connections = 1,
		.site_routes = {5, 5},
		.attachment_routes = {5, 5},
		.sites = 1u << SITE_FAR4,
		.bandwidth_mbps = BANDWIDTH,
		.measured = true});
	for (unsigned way = WAY_OUT; s != NULL && way <= WAY_TRANSIT; way++)
		measure(s, "measured", &(struct setting_load){way, SITE_FAR4, IP_4, 64, 64});
	option.failed |= s == NULL;
	setting_destroy(s);
}

static void bench_wide(unsigned v)
{
	uint32_t connections = option.smoke ? 64 : 4096, half = option.smoke ? 5 : 125;
	struct setting_plan plan = {.connections = connections,
		.sites = v ? 1u << SITE_FAR6 : 1u << SITE_FAR4,
		.bandwidth_mbps = BANDWIDTH};
	struct setting *s;

	if (!wanted("wide"))
		return;
	plan.site_routes[v] = plan.attachment_routes[v] = half;
	s = setting_create(&plan);
	for (unsigned way = WAY_OUT; s != NULL && way <= WAY_TRANSIT; way++)
		measure(s, "wide",
			&(struct setting_load){way, v ? SITE_FAR6 : SITE_FAR4, v ? IP_6 : IP_4, 64,
				option.smoke ? 1024 : 65536});
	option.failed |= s == NULL;
	setting_destroy(s);
}

/* The million is on the side that this way's packets leave by. */
static void bench_table(unsigned v, enum setting_way way)
{
	uint32_t many[2] = {option.smoke ? 10000 : 1000000, option.smoke ? 2000 : 200000};
	struct setting_plan plan = {.connections = 1,
		.sites = v ? 1u << SITE_FAR6 : 1u << SITE_FAR4,
		.bandwidth_mbps = BANDWIDTH};
	struct setting *s;

	if (!wanted("table"))
		return;
	for (unsigned i = 0; i < 2; i++) {
		plan.site_routes[i] = way == WAY_IN ? 16 : many[i];
		plan.attachment_routes[i] = way == WAY_IN ? many[i] : 16;
	}
	s = setting_create(&plan);
	if (s != NULL)
		measure(s, "table",
			&(struct setting_load){way, v ? SITE_FAR6 : SITE_FAR4, v ? IP_6 : IP_4, 64,
				option.smoke ? 10000 : 1000000});
	option.failed |= s == NULL;
	setting_destroy(s);
}

static void read_options(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--smoke") == 0)
			option.smoke = true;
		else if (strcmp(argv[i], "--no-huge") == 0)
			option.huge = false;
		else if (strcmp(argv[i], "--stages") == 0)
			option.stages = true;
		else if (strcmp(argv[i], "--json") == 0 && i + 1 < argc)
			option.json = argv[++i];
		else if (strcmp(argv[i], "--only") == 0 && i + 1 < argc)
			option.only = argv[++i];
		else if (strcmp(argv[i], "--packets") == 0 && i + 1 < argc)
			option.per_run = strtoull(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--seconds") == 0 && i + 1 < argc)
			option.per_run = (uint64_t)(strtod(argv[++i], NULL) * PACKETS_A_SECOND) + 1;
	}
	if (option.smoke)
		option.per_run = 4000;
}

int main(int argc, char **argv)
{
	read_options(argc, argv);
	setting_eal("bench_forward", &option.huge);
	if (option.stages) {
		printf("%-42s", "cycles per packet");
		for (unsigned i = 0; i < STAGES; i++)
			printf(" %7s", stage_name[i]);
		printf("\n");
	} else {
		printf("%-42s %7s %7s %7s %7s   %6s\n", "cycles per packet", "all", "least", "net",
			"source", "Mpps");
	}
	bench_hot();
	bench_measured();
	for (unsigned v = 0; v < 2; v++)
		bench_wide(v);
	for (unsigned v = 0; v < 2; v++)
		for (unsigned way = WAY_OUT; way <= WAY_IN; way++)
			bench_table(v, way);
	if (figures_write(option.json) < 0) {
		fprintf(stderr, "bench_forward: cannot write %s\n", option.json);
		return 1;
	}
	return rte_eal_cleanup() < 0 || option.failed;
}
