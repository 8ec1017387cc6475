/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cycles (TSC) per packet of measuring on live traffic alone, without a packet path around it:
 * number, count and write the option; read it, judge the number and count; account the delay.
 *
 * bench_lanes [--json FILE] [--seconds N] [--smoke]
 *
 * Bursts of 64 packets on lanes drawn at random. A figure is the median of RUNS, and the least;
 * "empty" is the loop that looks lane and bytes of each packet up and does nothing; each line adds
 * one step to the line before, taken by turns, and "step" is the difference to it. Delays vary as
 * they do behind a queue, some 20 us with a tail.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_eal.h>

#include "dataplane/meter/delay.h"
#include "tests/bench/figures.h"
#include "tests/tools/chance.h"

#define RUNS	61
#define LANES	512
#define BURST	64
#define DRAWN	(1u << 14) /* packets whose lane, length and delay are drawn once */
#define STRIDE	128	   /* bytes from option to option: other packets, other cache lines */
#define EPOCH	7
#define ON_LANE 64 /* lanes of a path share its delays */

enum step { EMPTY = 0, SEND, RECEIVE, DELAY, STEPS };

static const char *const names[STEPS] = {"empty", "send", "receive", "delay"};

static struct {
	const char *json;
	double seconds; /* of each figure, over all runs */
} option = {.seconds = 1};

static struct lane_sender sender[LANES];
static struct lane_receiver receiver[LANES];
static uint64_t window[LANES][LANE_WINDOW / 64];
static struct delay delay[LANES / ON_LANE];
static uint16_t lane_of[DRAWN], bytes_of[DRAWN], delay_of[DRAWN];
static bool lost[DRAWN];
static uint8_t packet[BURST * STRIDE];
static volatile uint64_t sink;

static void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "bench_lanes: %s\n", what);
	exit(1);
}

static void prepare(unsigned lanes, double loss)
{
	struct chance chance = {42};

	memset(sender, 0, sizeof(sender));
	memset(delay, 0, sizeof(delay));
	for (unsigned i = 0; i < lanes; i++) {
		lane_start(&sender[i], (uint16_t)i, 1, (uint32_t)chance_next(&chance));
		lane_receiver_init(&receiver[i], window[i], LANE_WINDOW);
	}
	for (unsigned i = 0; i < DRAWN; i++) {
		lane_of[i] = (uint16_t)chance_below(&chance, lanes);
		bytes_of[i] = (uint16_t)(60 + chance_below(&chance, 1400));
		delay_of[i] = (uint16_t)(-log(1 - chance_share(&chance)) * 1250);
		lost[i] = chance_share(&chance) < loss;
	}
}

static inline void send_burst(unsigned at, uint32_t sent)
{
	for (unsigned i = 0; i < BURST; i++)
		lane_send(&sender[lane_of[at + i]], EPOCH, sent, bytes_of[at + i],
			&packet[i * STRIDE]);
}

static inline void empty_burst(unsigned at)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < BURST; i++)
		sum += (uint64_t)sender[lane_of[at + i]].lane + bytes_of[at + i] +
		       packet[i * STRIDE];
	sink = sum;
}

static inline void receive_burst(unsigned at, uint32_t arrived, bool delays)
{
	for (unsigned i = 0; i < BURST; i++) {
		struct laneoption o;
		enum lane_verdict verdict;

		if (lost[at + i])
			continue;
		if (!laneoption_read(&packet[i * STRIDE], LANEOPTION_BYTES, &o))
			continue;
		verdict = lane_receive(&receiver[o.lane], &o, EPOCH, bytes_of[at + i]);
		if (delays)
			delay_add(&delay[o.lane / ON_LANE], &receiver[o.lane], verdict,
				lane_epoch(EPOCH, o.epoch), DELAY_KNOWN,
				arrived + delay_of[at + i] - o.sent);
	}
}

static inline void one_burst(unsigned at, enum step step)
{
	uint32_t now = (uint32_t)(rte_rdtsc() >> 5);

	if (step == EMPTY)
		empty_burst(at);
	if (step >= SEND)
		send_burst(at, now);
	if (step >= RECEIVE)
		receive_burst(at, now, step >= DELAY);
}

/* Cycles per packet of that step and those before it. */
static double measure(enum step step)
{
	uint64_t start = rte_rdtsc(), now = start, packets = 0;

	while ((double)(now - start) < option.seconds / RUNS * (double)rte_get_tsc_hz()) {
		for (unsigned at = 0; at < DRAWN; at += BURST)
			one_burst(at, step);
		packets += DRAWN;
		now = rte_rdtsc();
	}
	return (double)(now - start) / (double)packets;
}

static void check_counts(unsigned lanes, double loss)
{
	static struct delay_seen seen[LANES / ON_LANE][LANE_EPOCHS];
	struct delay_sum sum = {0};
	struct lane_totals t = {0};

	memset(seen, 0, sizeof(seen));
	for (unsigned i = 0; i < lanes; i++)
		lane_total(&receiver[i], &t);
	for (unsigned i = 0; i < LANES / ON_LANE; i++)
		must(delay_gained(&delay[i], EPOCH, seen[i], &sum), "an epoch was missed");
	must(t.packets > 0 && sum.steps > 0, "nothing was counted");
	must(loss > 0 || t.skipped == 0, "packets are missing that were not lost");
	must(t.duplicates == 0 && t.late == 0, "packets came twice or late");
}

/* The line of a step; before: median and least of the step before, which become this one's. */
static void figure(const char *load, enum step step, double value[RUNS], double before[2])
{
	char name[64], params[64];
	double median;

	snprintf(params, sizeof(params), "{\"burst\": %u}", BURST);
	snprintf(name, sizeof(name), "lanes/%s/%s", load, names[step]);
	median = figures_add(name, "cycles/packet", value, RUNS, params);
	printf("%-8s %-8s %7.2f %7.2f", load, names[step], median, value[0]);
	if (step != EMPTY)
		printf(" %7.2f %7.2f", median - before[0], value[0] - before[1]);
	printf("\n");
	fflush(stdout);
	before[0] = median;
	before[1] = value[0];
}

static void load(const char *name, unsigned lanes, double loss)
{
	static double value[STEPS][RUNS];
	double before[2] = {0, 0};

	prepare(lanes, loss);
	for (unsigned run = 0; run < RUNS; run++)
		for (unsigned s = 0; s < STEPS; s++) {
			/* What was sent meanwhile and not received is no gap. */
			for (unsigned i = 0; s >= RECEIVE && i < lanes; i++)
				lane_receiver_init(&receiver[i], window[i], LANE_WINDOW);
			value[s][run] = measure((enum step)s);
		}
	check_counts(lanes, loss);
	for (unsigned s = 0; s < STEPS; s++)
		figure(name, (enum step)s, value[s], before);
}

int main(int argc, char **argv)
{
	char *plain[] = {argv[0], "--no-huge", "-m", "64", "--no-pci", "--no-telemetry",
		"--no-shconf", "--file-prefix=bench_lanes", "--log-level=error", NULL};

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--smoke") == 0)
			option.seconds = 0.02;
		else if (strcmp(argv[i], "--json") == 0 && i + 1 < argc)
			option.json = argv[++i];
		else if (strcmp(argv[i], "--seconds") == 0 && i + 1 < argc)
			option.seconds = strtod(argv[++i], NULL);
	}
	must(rte_eal_init((int)ARRAY_SIZE(plain) - 1, plain) >= 0, "no EAL");
	printf("%-17s %7s %7s %7s %7s\n", "cycles/packet", "all", "least", "step", "least");
	load("hot", 16, 0);
	load("many", LANES, 0);
	load("lossy", LANES, 0.01);
	must(figures_write(option.json) == 0, "cannot write the figures");
	return rte_eal_cleanup() < 0;
}
