/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What this machine is just now, to be read beside every figure: TSC cycles per dependent addition
 * (the core's clock, and who else is on it) and per load from 16 MB in random order, each load
 * waiting for the one before.
 *
 * calibrate [FILE]
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <rte_cycles.h>

#include "tests/bench/figures.h"
#include "tests/bench/prefixes.h"

#define RUNS  15
#define STEPS 400000
#define WORDS (16u << 20 >> 3)

static double additions(void)
{
	uint64_t from = rte_rdtsc(), x = 1;

	for (unsigned i = 0; i < STEPS; i++)
		__asm__ volatile("add $1, %0\n\tadd $1, %0\n\tadd $1, %0\n\tadd $1, %0\n"
				 : "+r"(x));
	return (double)(rte_rdtsc() - from) / (4.0 * STEPS);
}

static double loads(const uint64_t *chain)
{
	uint64_t from = rte_rdtsc(), at = 0;

	for (unsigned i = 0; i < STEPS; i++)
		at = chain[at];
	/* The sum keeps the loads from being left out. */
	return (double)(rte_rdtsc() - from + (at == WORDS)) / STEPS;
}

/* One cycle through all words, in random order. */
static uint64_t *make_chain(void)
{
	uint64_t *chain = malloc(WORDS * sizeof(*chain));

	if (chain == NULL)
		return NULL;
	for (uint32_t i = 0; i < WORDS; i++)
		chain[i] = i;
	for (uint32_t i = WORDS - 1; i > 0; i--) {
		uint32_t j = prefixes_below(i);
		uint64_t word = chain[i];

		chain[i] = chain[j];
		chain[j] = word;
	}
	return chain;
}

/* Without EAL: against the clock. */
static double hz(void)
{
	struct timespec from, to;
	uint64_t tsc = rte_rdtsc();

	clock_gettime(CLOCK_MONOTONIC, &from);
	nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
	tsc = rte_rdtsc() - tsc;
	clock_gettime(CLOCK_MONOTONIC, &to);
	return (double)tsc /
	       ((double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) * 1e-9);
}

int main(int argc, char **argv)
{
	double add[RUNS], load[RUNS];
	uint64_t *chain = make_chain();
	char params[64];

	if (chain == NULL)
		return 1;
	for (unsigned i = 0; i < RUNS; i++) {
		add[i] = additions();
		load[i] = loads(chain);
	}
	snprintf(params, sizeof(params), "{\"tsc_hz\": %.0f}", hz());
	printf("calibration: dependent addition %.2f cycles (%.2f to %.2f), load from 16 MB %.0f\n",
		figures_add("calibration/add", "cycles", add, RUNS, params), add[0], add[RUNS - 1],
		figures_add("calibration/load-16M", "cycles", load, RUNS, NULL));
	free(chain);
	return figures_write(argc > 1 ? argv[1] : NULL) < 0;
}
