/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cycles (TSC) per packet of the police stage alone, on bursts of 64 packets of 500 bytes: one
 * connection that is hot, and 4,096 at random; and of its parts.
 *
 * bench_policer [--json FILE] [--seconds N] [--smoke]
 *
 * A figure is the median of RUNS. "bench" is what each burst costs without the stage: its ids,
 * flags and the stamp that a worker's turn makes; "net" is the difference to it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_eal.h>

#include "dataplane/path/path.h"
#include "tests/bench/figures.h"

#define RUNS	    21
#define CONNECTIONS 4096
#define IDS	    (1u << 16)
#define BYTES	    500
#define MBPS	    UINT64_C(125000)

static struct {
	const char *json;
	double seconds; /* of each figure */
} option = {.seconds = 1};

static struct forwarder *f;
static struct meter *meter;
static uint32_t ids[IDS];
static struct snapshot_limits limits = {.connections = CONNECTIONS};
static double bench;

static void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "bench_policer: %s\n", what);
	exit(1);
}

static struct policer_rate rate_of(uint64_t mbps, uint64_t hz)
{
	return policer_rate(mbps * MBPS, policer_default_burst(mbps * MBPS, 1500), 1500, 4, hz);
}

/* All connections get these rates; 0: none. */
static void set_rates(uint64_t bandwidth, uint64_t excess)
{
	struct fwd *fwd = (struct fwd *)(uintptr_t)f->fwd;
	struct snapshot_edit *edit = snapshot_edit_begin(fwd_snapshot(fwd));
	struct snapshot_garbage *garbage;
	uint64_t hz = rte_get_tsc_hz();

	must(edit != NULL, "no memory");
	for (uint32_t id = 1; id <= CONNECTIONS; id++) {
		struct fwd_connection *c = snapshot_edit_connection(edit, id);

		must(c != NULL, "no memory");
		c->used = 1;
		c->committed = (struct policer_rate){0};
		c->excess = (struct policer_rate){0};
		if (bandwidth != 0)
			c->committed = rate_of(bandwidth, hz);
		if (excess != 0)
			c->excess = rate_of(excess, hz);
		policer_fill(&fwd->policer[id], rte_rdtsc());
	}
	memset(f->committed, 0, sizeof(*f->committed) * (CONNECTIONS + 1));
	memset(f->excess, 0, sizeof(*f->excess) * (CONNECTIONS + 1));
	fwd_publish(fwd, snapshot_edit_commit(edit, &garbage));
	snapshot_free_garbage(garbage);
	f->snapshot = fwd_snapshot(fwd);
}

static void prepare(void)
{
	struct fwd_limits all = {.snapshot = limits, .routes = 16, .neighbours = 1, .workers = 1};
	struct meter_sizes sizes = {CONNECTIONS + 1, 1, 1, FWD_PORTS, 2};

	f = aligned_alloc(CACHE_LINE, (sizeof(*f) + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE);
	meter = meter_create(&sizes);
	must(f != NULL && meter != NULL, "no memory");
	memset(f, 0, sizeof(*f));
	f->fwd = fwd_create(&all, 1);
	f->meter = meter;
	f->committed = aligned_alloc(CACHE_LINE, sizeof(*f->committed) * (CONNECTIONS + 64));
	f->excess = aligned_alloc(CACHE_LINE, sizeof(*f->excess) * (CONNECTIONS + 64));
	must(f->fwd != NULL && f->committed != NULL && f->excess != NULL, "no memory");
	for (unsigned i = 0; i < BURST; i++) {
		f->burst.live[i] = (uint8_t)i;
		f->burst.length[i] = BYTES;
	}
	f->burst.count = BURST;
}

static void draw(uint32_t connections)
{
	uint64_t state = 42;

	for (unsigned i = 0; i < IDS; i++) {
		state = state * 6364136223846793005u + 1442695040888963407u;
		ids[i] = 1 + (uint32_t)(state >> 33) % connections;
	}
}

/* One burst from these connections; the flags are new each time, as after parse. */
static void one_burst(const uint32_t *id, uint8_t flags, bool run)
{
	struct burst *b = &f->burst;

	memcpy(b->connection, id, sizeof(b->connection));
	memset(b->flags, flags, sizeof(b->flags));
	b->arrived = rte_rdtsc();
	if (run)
		police_burst(f, b);
}

static uint64_t marked_packets(void)
{
	uint64_t sum = 0;

	for (uint32_t id = 1; id <= CONNECTIONS; id++)
		sum += meter->connection[id].police.marked_packets;
	return sum;
}

static void figure(const char *name, double *value, const char *what)
{
	char full[64];
	double median;

	snprintf(full, sizeof(full), "policer/%s", name);
	median = figures_add(full, "cycles/packet", value, RUNS, NULL);
	if (strcmp(name, "bench") == 0)
		bench = median;
	printf("%-16s %7.2f %7.2f   %s\n", name, median, median - bench, what);
	fflush(stdout);
}

/* share: of the packets that are to be marked. */
static void stage(const char *name, uint32_t connections, uint64_t bandwidth, uint64_t excess,
	double share, const char *what)
{
	double value[RUNS];

	draw(connections);
	set_rates(bandwidth, excess);
	for (unsigned i = 0; i < RUNS; i++) {
		uint64_t before = marked_packets(), packets = 0;
		uint64_t start = rte_rdtsc(), now = start, hz = rte_get_tsc_hz();

		while ((double)(now - start) < option.seconds / RUNS * (double)hz) {
			for (unsigned at = 0; at < IDS; at += BURST)
				one_burst(&ids[at], bandwidth != 0 ? PACKET_POLICED : 0,
					strcmp(name, "bench") != 0);
			packets += IDS;
			now = rte_rdtsc();
		}
		value[i] = (double)(now - start) / (double)packets;
		must(f->burst.count == BURST, "a packet was dropped that should not be");
		must((double)(marked_packets() - before) >= share * (double)packets,
			"too few packets were marked");
	}
	figure(name, value, what);
}

/* A compare-and-swap for each packet: what leases save. */
static void ask_each(void)
{
	struct policer_rate rate = rate_of(10000000, rte_get_tsc_hz());
	struct policer *policer = policer_create(1);
	double value[RUNS];

	must(policer != NULL, "no memory");
	rate.lease = 0;
	for (unsigned i = 0; i < RUNS; i++) {
		struct policer_lease lease = {0};
		uint64_t start = rte_rdtsc(), now = start, packets = 0, refused = 0;

		while ((double)(now - start) < option.seconds / RUNS * (double)rte_get_tsc_hz()) {
			for (unsigned k = 0; k < BURST; k++)
				refused += !policer_take(
					&policer->committed, &rate, &lease, BYTES, now);
			packets += BURST;
			now = rte_rdtsc();
		}
		value[i] = (double)(now - start) / (double)packets;
		must(refused == 0, "a packet was refused that should not be");
	}
	free(policer);
	figure("ask", value, "for comparison: a compare-and-swap for each packet, one thread");
}

int main(int argc, char **argv)
{
	char *plain[] = {argv[0], "--no-huge", "-m", "64", "--no-pci", "--no-telemetry",
		"--no-shconf", "--file-prefix=bench_policer", "--log-level=error", NULL};

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--smoke") == 0)
			option.seconds = 0.1;
		else if (strcmp(argv[i], "--json") == 0 && i + 1 < argc)
			option.json = argv[++i];
		else if (strcmp(argv[i], "--seconds") == 0 && i + 1 < argc)
			option.seconds = strtod(argv[++i], NULL);
	}
	must(rte_eal_init((int)ARRAY_SIZE(plain) - 1, plain) >= 0, "no EAL");
	prepare();
	printf("%-16s %7s %7s\n", "cycles/packet", "all", "net");
	stage("bench", 1, 0, 0, 0, "without the stage");
	stage("none", 1, 0, 0, 0, "no rate");
	stage("hot", 1, 10000000, 0, 0, "1 connection within its rate");
	stage("random", CONNECTIONS, 10000000, 0, 0, "4,096 connections within their rates");
	stage("random_10g", CONNECTIONS, 10000, 0, 0, "the same at 10 Gb/s: smaller leases");
	stage("marked", 1, 1, 9999999, 0.9, "1 connection far over its bandwidth, within its peak");
	ask_each();
	must(figures_write(option.json) == 0, "cannot write the figures");
	return rte_eal_cleanup() < 0;
}
