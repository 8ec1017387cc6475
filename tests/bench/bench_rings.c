/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What it costs to spread one queue's packets over workers, and what a second worker brings.
 *
 * bench_rings [--json FILE] [--seconds N] [--smoke]
 *
 * rings/…: one worker receives, another goes on, each on its own core and in turns: the first
 * hands over some bursts, then the second empties the ring. So neither waits for the other, nothing
 * is lost, and the lines that one has written are fetched from its cache by the other, as always.
 * Beside it the same packets by one worker alone (hot). rings/rate: both at once, what is
 * delivered. rings/out-of-order: both at once, while buckets change workers all the time; not one
 * packet may be.
 *
 * scale/…: a worker on its own queue alone, the other at rest, then two, each on its own, at once;
 * the rate of the two over that of the one. Pairs follow each other; one whose calibration (a fixed
 * calculation) moved by more than 5 % is left out.
 */
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_pause.h>

#include "tests/bench/figures.h"
#include "tests/bench/setting.h"

#define TURNS	 8 /* bursts in a ring at once */
#define PAIRS	 15
#define TRIES	 60
#define MOVED	 0.05
#define FLOWS	 64
#define RECEIVER 0
#define CONSUMER 1

static struct {
	const char *json;
	bool smoke, huge;
	unsigned rounds, runs; /* of a run; runs of a figure */
	uint64_t per_run;
	int failed;
} option = {.rounds = 300, .runs = 25, .per_run = 400000};

static void spread(struct setting *s, unsigned worker)
{
	uint8_t table[PLANE_BUCKETS];

	memset(table, (int)worker, sizeof(table));
	for (unsigned port = 0; port < SETTING_PORTS; port++)
		plane_spread(s->gateway->parts.plane, port, table);
	for (unsigned i = 0; i < 100 && !plane_settled(s->gateway->parts.plane); i++)
		for (unsigned w = 0; w < 2; w++)
			plane_turn(s->gateway->parts.plane, w);
}

/* Turns of two workers on two cores, one after the other. */

static struct {
	_Atomic uint64_t asked; /* turns of the receiver that the consumer may take over */
	alignas(64) _Atomic uint64_t done;
	uint64_t cycles;
	atomic_bool stop;
	struct plane *plane;
} duet;

static void *consume(void *unused)
{
	uint64_t seen = 0;

	(void)unused;
	testbed_pin(CONSUMER);
	if (rte_thread_register() < 0)
		return NULL;
	while (!atomic_load(&duet.stop)) {
		uint64_t from, asked = atomic_load_explicit(&duet.asked, memory_order_acquire);

		if (asked == seen) {
			rte_pause();
			continue;
		}
		from = rte_rdtsc();
		for (unsigned i = 0; i < TURNS; i++)
			plane_turn(duet.plane, CONSUMER);
		duet.cycles += rte_rdtsc() - from;
		seen = asked;
		atomic_store_explicit(&duet.done, seen, memory_order_release);
	}
	rte_thread_unregister();
	return NULL;
}

static void one_run(struct setting *s, bool alone, double *receive, double *consumed)
{
	uint64_t spent = 0, before = setting_sent(s), packets;

	duet.cycles = 0;
	for (unsigned round = 0; round < option.rounds; round++) {
		uint64_t from = rte_rdtsc();

		for (unsigned i = 0; i < TURNS; i++)
			plane_turn(duet.plane, RECEIVER);
		spent += rte_rdtsc() - from;
		if (alone)
			continue;
		atomic_fetch_add_explicit(&duet.asked, 1, memory_order_release);
		while (atomic_load_explicit(&duet.done, memory_order_acquire) !=
			atomic_load_explicit(&duet.asked, memory_order_relaxed))
			rte_pause();
	}
	packets = setting_sent(s) - before;
	*receive = (double)spent / (double)packets;
	*consumed = (double)duet.cycles / (double)packets;
}

/* What reception alone costs: the buffers are given back outside the time taken. */
static double source_alone(struct setting *s)
{
	double value[FIGURES_RUNS];
	struct rte_mbuf *m[BURST];

	for (unsigned run = 0; run < option.runs; run++) {
		uint64_t spent = 0, packets = 0;

		for (unsigned i = 0; i < option.rounds * TURNS; i++) {
			uint64_t from = rte_rdtsc();
			uint16_t got = rte_eth_rx_burst(s->gateway->device[0], 0, m, BURST);

			spent += rte_rdtsc() - from;
			packets += got;
			rte_pktmbuf_free_bulk(m, got);
		}
		value[run] = (double)spent / (double)packets;
	}
	return figures_median(value, option.runs);
}

static void turns(struct setting *s)
{
	double hot[FIGURES_RUNS], receive[FIGURES_RUNS], consumed[FIGURES_RUNS], none, source;
	double all, handed, taken;
	uint64_t sent, delivered;
	char params[96];
	pthread_t thread;

	duet.plane = s->gateway->parts.plane;
	testbed_pin(RECEIVER);
	setting_start(s, 1, UINT64_MAX / 2); /* never over by itself */
	source = source_alone(s);
	snprintf(params, sizeof(params), "{\"source\": %.2f, \"hugepages\": %s}", source,
		option.huge ? "true" : "false");
	pthread_create(&thread, NULL, consume, NULL);
	sent = setting_sent(s);
	delivered = setting_delivered(s);
	for (unsigned run = 0; run < option.runs; run++) {
		spread(s, RECEIVER);
		one_run(s, true, &hot[run], &none);
		spread(s, CONSUMER);
		one_run(s, false, &receive[run], &consumed[run]);
	}
	option.failed |= !setting_lossless(s, sent, delivered);
	atomic_store(&duet.stop, true);
	pthread_join(thread, NULL);
	testbed_unpin();
	all = figures_add("rings/hot", "cycles/packet", hot, option.runs, params);
	handed = figures_add("rings/receive", "cycles/packet", receive, option.runs, params);
	taken = figures_add("rings/consume", "cycles/packet", consumed, option.runs, params);
	printf("%-28s %7.1f  (source %.1f)\n", "one worker, all of it", all, source);
	printf("%-28s %7.1f  net of the source %.1f\n", "receiving worker", handed,
		handed - source);
	printf("%-28s %7.1f  hot %+.1f, hot net of the source %+.1f\n", "consuming worker", taken,
		taken - all, taken - (all - source));
}

/* Both at once. */

/* What the consumer has not taken yet counts as well. */
static void stop(struct setting *s)
{
	const struct plane *plane = s->gateway->parts.plane;

	for (unsigned i = 0; i < 1000 && plane_ring_count(plane, RECEIVER, CONSUMER) > 0; i++)
		usleep(100);
	usleep(1000);
	testbed_stop(s->gateway);
}

/* By one worker alone, while the other rests, or with the other as the consumer. */
static void rate(struct setting *s, unsigned worker, const char *name)
{
	double value[FIGURES_RUNS], lost = 0, median;
	char params[64];

	for (unsigned run = 0; run < RTE_MIN(option.runs, 9u); run++) {
		uint64_t before, from;

		spread(s, worker);
		plane_set_resting(s->gateway->parts.plane, CONSUMER, worker != CONSUMER);
		before = setting_delivered(s);
		source_start(&s->source[0], 1, option.per_run);
		testbed_start(s->gateway);
		source_wait(&s->source[0]);
		stop(s);
		from = s->source[0].stamp[1] - s->source[0].stamp[0];
		lost += 1 - (double)(setting_delivered(s) - before) / (double)s->source[0].sent;
		value[run] = (double)(setting_delivered(s) - before) / 2 / (double)from *
			     (double)rte_get_tsc_hz() / 1e6;
	}
	lost /= RTE_MIN(option.runs, 9u);
	snprintf(params, sizeof(params), "{\"refused\": %.3f}", lost);
	median = figures_add(name, "Mpps", value, RTE_MIN(option.runs, 9u), params);
	printf("%-28s %7.2f Mpps delivered, %.1f %% refused by a full ring\n", name, median,
		lost * 100);
}

/* Order: each packet bears its number, written as it is received and read where it is given to the
 * device, by whichever worker does that. */

static const uint8_t magic[8] = "in order";

static struct {
	uint64_t number; /* of the receiving worker */
	_Atomic uint64_t seen, misplaced;
	struct {
		alignas(CACHE_LINE) _Atomic uint64_t next; /* the least that may still come */
	} flow[FLOWS];
} order;

static uint16_t mark(uint16_t device, uint16_t queue, struct rte_mbuf **m, uint16_t count,
	uint16_t room, void *unused)
{
	(void)device, (void)queue, (void)room, (void)unused;
	for (unsigned i = 0; i < count; i++) {
		uint8_t *end = rte_pktmbuf_mtod_offset(m[i], uint8_t *, m[i]->data_len);

		memcpy(end - 16, magic, 8);
		memcpy(end - 8, &order.number, 8);
		order.number++;
	}
	return count;
}

static uint16_t judge(
	uint16_t device, uint16_t queue, struct rte_mbuf **m, uint16_t count, void *unused)
{
	uint64_t number, seen = 0, misplaced = 0;

	(void)device, (void)queue, (void)unused;
	for (unsigned i = 0; i < count; i++) {
		const uint8_t *end = rte_pktmbuf_mtod_offset(m[i], uint8_t *, m[i]->data_len);

		if (memcmp(end - 16, magic, 8) != 0)
			continue;
		memcpy(&number, end - 8, 8);
		/* The source has its flows take turns. */
		misplaced += number < atomic_load_explicit(&order.flow[number % FLOWS].next,
					      memory_order_relaxed);
		atomic_store_explicit(
			&order.flow[number % FLOWS].next, number + 1, memory_order_relaxed);
		seen++;
	}
	atomic_fetch_add_explicit(&order.seen, seen, memory_order_relaxed);
	atomic_fetch_add_explicit(&order.misplaced, misplaced, memory_order_relaxed);
	return count;
}

/* Half of the buckets to each worker, and then the other way round. */
static void swap_halves(struct plane *plane, unsigned turn)
{
	uint8_t table[PLANE_BUCKETS];

	for (unsigned b = 0; b < PLANE_BUCKETS; b++)
		table[b] = (uint8_t)((b + turn) % 2);
	plane_spread(plane, 0, table);
}

static void show_order(unsigned changes)
{
	double misplaced = (double)order.misplaced;
	bool good = order.misplaced == 0 && order.seen > 0;
	char params[96];

	snprintf(params, sizeof(params), "{\"packets\": %" PRIu64 ", \"changes\": %u}", order.seen,
		changes);
	figures_add("rings/out-of-order", "packets", &misplaced, 1, params);
	printf("%-28s %7" PRIu64 " of %" PRIu64 " packets, %u distributions%s\n", "out of order",
		order.misplaced, order.seen, changes, good ? "" : "  FAILED");
	option.failed |= !good;
}

/* Both workers at once, and the distribution changes as often as it can. It ends in the middle of a
 * change, so nothing can come after it on this gateway. */
static void keep_order(struct setting *s)
{
	struct plane *plane = s->gateway->parts.plane;
	uint16_t out = s->gateway->device[SETTING_BACKBONE],
		 queues = s->gateway->tx_queues[SETTING_BACKBONE];
	const struct rte_eth_rxtx_callback *marks, *judges[PLANE_PORT_QUEUES];
	unsigned changes = 0;

	marks = rte_eth_add_rx_callback(s->gateway->device[0], 0, mark, NULL);
	for (uint16_t q = 0; q < queues; q++)
		judges[q] = rte_eth_add_tx_callback(out, q, judge, NULL);
	spread(s, RECEIVER);
	source_start(&s->source[0], 1, 4 * option.per_run);
	testbed_start(s->gateway);
	while (!atomic_load(&s->source[0].over)) {
		if (plane_settled(plane))
			swap_halves(plane, changes++);
		usleep(500);
	}
	testbed_stop(s->gateway);
	rte_eth_remove_rx_callback(s->gateway->device[0], 0, marks);
	for (uint16_t q = 0; q < queues; q++)
		rte_eth_remove_tx_callback(out, q, judges[q]);
	show_order(changes);
}

static void bench_rings(void)
{
	struct setting *s = setting_create(&(struct setting_plan){.connections = 1,
		.site_routes = {5, 5},
		.attachment_routes = {5, 5},
		.sites = 1u << SITE_FAR4,
		.workers = 2,
		.distribute = true});

	option.failed |= s == NULL;
	if (s == NULL)
		return;
	if (setting_load(s, &(struct setting_load){WAY_OUT, SITE_FAR4, IP_4, 64, FLOWS}) < 0) {
		option.failed = 1;
	} else {
		turns(s);
		rate(s, RECEIVER, "rings/rate/one");
		rate(s, CONSUMER, "rings/rate/two");
		keep_order(s);
	}
	setting_destroy(s);
}

/* Two workers, each with its own queue. */

/* A calculation that depends on nothing but the processor's clock. */
static double calibrate(void)
{
	uint64_t from = rte_rdtsc(), x = 88172645463325252u;

	for (unsigned i = 0; i < 300000; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		__asm__ volatile("" : "+r"(x));
	}
	return (double)(rte_rdtsc() - from);
}

/* By the clock of each worker's CPU. */
static void calibrate_both(double cycles[2])
{
	for (unsigned w = 0; w < 2; w++) {
		testbed_pin(w);
		cycles[w] = calibrate();
	}
	testbed_unpin();
}

/* Packets per TSC cycle of the workers named by bits, each on its own queue; the other one rests.
 */
static double run_workers(struct setting *s, unsigned workers)
{
	double sum = 0;

	for (unsigned w = 0; w < 2; w++) {
		plane_set_resting(s->gateway->parts.plane, w, !(workers >> w & 1));
		if (workers >> w & 1)
			source_start(&s->source[w], 1, option.per_run);
		else
			source_quiet(&s->source[w]);
	}
	testbed_start(s->gateway);
	for (unsigned w = 0; w < 2; w++)
		source_wait(&s->source[w]);
	usleep(500);
	testbed_stop(s->gateway);
	for (unsigned w = 0; w < 2; w++)
		if (workers >> w & 1)
			sum += (double)s->source[w].per_run /
			       (double)(s->source[w].stamp[1] - s->source[w].stamp[0]);
	return sum;
}

/* Both at once between each of them alone, so that neither a CPU that is better than the other nor
 * a drift counts. False where the CPUs did not hold their speed. */
static bool pair(struct setting *s, double *one, double *two)
{
	double before[2], after[2], mega = (double)rte_get_tsc_hz() / 1e6;

	calibrate_both(before);
	*one = run_workers(s, 1) * mega / 2;
	*two = run_workers(s, 3) * mega;
	*one += run_workers(s, 2) * mega / 2;
	calibrate_both(after);
	return option.smoke ||
	       (fabs(after[0] / before[0] - 1) <= MOVED && fabs(after[1] / before[1] - 1) <= MOVED);
}

static void scale(struct setting *s)
{
	double ratio[FIGURES_RUNS], one[FIGURES_RUNS], two[FIGURES_RUNS], median, first, both;
	unsigned pairs = 0, wanted = option.smoke ? 2 : PAIRS, tried = 0;
	char params[64];

	for (; pairs < wanted && tried < TRIES; tried++) {
		if (!pair(s, &one[pairs], &two[pairs]))
			continue;
		ratio[pairs] = two[pairs] / one[pairs];
		pairs++;
	}
	if (pairs == 0) {
		printf("scale: the machine's speed never held for a pair\n");
		return;
	}
	snprintf(params, sizeof(params), "{\"discarded\": %u}", tried - pairs);
	median = figures_add("scale/two-over-one", "ratio", ratio, pairs, params);
	first = figures_add("scale/one", "Mpps", one, pairs, NULL);
	both = figures_add("scale/two", "Mpps", two, pairs, NULL);
	printf("%-28s %7.2f Mpps, two %.2f Mpps: %.2f times (%u pairs, %u discarded)\n",
		"one worker on its own queue", first, both, median, pairs, tried - pairs);
}

static void bench_scale(void)
{
	struct setting *s = setting_create(&(struct setting_plan){.connections = 2,
		.site_routes = {5, 5},
		.attachment_routes = {5, 5},
		.sites = 1u << SITE_FAR4,
		.workers = 2});

	option.failed |= s == NULL;
	if (s == NULL)
		return;
	plane_poll(s->gateway->parts.plane, 1, 0, 1);
	for (unsigned i = 0; i < 100 && !plane_settled(s->gateway->parts.plane); i++)
		for (unsigned w = 0; w < 2; w++)
			plane_turn(s->gateway->parts.plane, w);
	if (setting_load(s, &(struct setting_load){WAY_OUT, SITE_FAR4, IP_4, 64, FLOWS}) < 0)
		option.failed = 1;
	else
		scale(s);
	setting_destroy(s);
}

static void read_options(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--smoke") == 0)
			option.smoke = true;
		else if (strcmp(argv[i], "--json") == 0 && i + 1 < argc)
			option.json = argv[++i];
		else if (strcmp(argv[i], "--seconds") == 0 && i + 1 < argc)
			option.runs = (unsigned)atoi(argv[++i]) * 2;
	}
	option.runs = RTE_MAX(1u, RTE_MIN(option.runs, (unsigned)FIGURES_RUNS));
	if (option.smoke) {
		option.rounds = 10;
		option.runs = 3;
		option.per_run = 4000;
	}
}

int main(int argc, char **argv)
{
	read_options(argc, argv);
	setting_eal("bench_rings", &option.huge);
	bench_rings();
	bench_scale();
	if (figures_write(option.json) < 0) {
		fprintf(stderr, "bench_rings: cannot write %s\n", option.json);
		return 1;
	}
	return rte_eal_cleanup() < 0 || option.failed;
}
