/* SPDX-License-Identifier: BSD-3-Clause */
/* Random numbers that a printed seed repeats: splitmix64, one word of state. */
#ifndef TESTS_TOOLS_CHANCE_H
#define TESTS_TOOLS_CHANCE_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct chance {
	uint64_t state;
};

/* TRUNKLINE_SEED, or the time; printed with the name. */
static inline struct chance chance_seed(const char *name)
{
	const char *text = getenv("TRUNKLINE_SEED");
	struct chance chance = {text != NULL ? strtoull(text, NULL, 0) : (uint64_t)time(NULL)};

	printf("%s: TRUNKLINE_SEED=%" PRIu64 "\n", name, chance.state);
	return chance;
}

static inline uint64_t chance_next(struct chance *chance)
{
	uint64_t z = chance->state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* 0 to limit - 1. */
static inline unsigned chance_below(struct chance *chance, unsigned limit)
{
	return (unsigned)(chance_next(chance) % limit);
}

/* 0 to just below 1. */
static inline double chance_share(struct chance *chance)
{
	return (double)(chance_next(chance) >> 11) * 0x1p-53;
}

#endif
