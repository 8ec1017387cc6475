/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/bucket.h"

#include <math.h>
#include <string.h>

uint64_t bucket_key(const void *name, unsigned length)
{
	const uint8_t *byte = name;
	uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

	for (unsigned i = 0; i < length; i++)
		hash = (hash ^ byte[i]) * UINT64_C(0x100000001b3);
	return hash;
}

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* Smaller is better: an exponential random number of this rate, the least of which falls on each
 * member as often as its weight says. */
static double score(const struct bucket_member *member, unsigned bucket)
{
	uint64_t bits = mix(member->key + mix(bucket + 1));
	double uniform = ((double)(bits >> 11) + 0.5) / (double)(UINT64_C(1) << 53);

	return -log(uniform) / member->weight;
}

/* Buckets by weight; what rounding left over goes to the largest remainders. */
static void share(
	const struct bucket_member *member, unsigned count, unsigned buckets, uint32_t *quota)
{
	uint64_t total = 0;
	uint64_t rest[BUCKET_MEMBERS];
	unsigned given = 0;

	for (unsigned i = 0; i < count; i++)
		total += member[i].weight;
	for (unsigned i = 0; i < count && total != 0; i++) {
		uint64_t exact = (uint64_t)buckets * member[i].weight;

		quota[i] = (uint32_t)(exact / total);
		rest[i] = exact % total;
		given += quota[i];
	}
	for (; given < buckets && total != 0; given++) {
		unsigned most = 0;

		for (unsigned i = 1; i < count; i++) {
			if (rest[i] > rest[most])
				most = i;
		}
		quota[most]++;
		rest[most] = 0;
	}
}

/* The best member by score that passes, moved out of the running; BUCKET_NONE where none is left.
 */
static uint8_t pick(double *scores, unsigned count, const uint32_t *quota)
{
	uint8_t best = BUCKET_NONE;

	for (unsigned i = 0; i < count; i++) {
		if (scores[i] == HUGE_VAL || (quota != NULL && quota[i] == 0))
			continue;
		if (best == BUCKET_NONE || scores[i] < scores[best])
			best = (uint8_t)i;
	}
	if (best != BUCKET_NONE)
		scores[best] = HUGE_VAL;
	return best;
}

void bucket_fill(const struct bucket_member *member, unsigned count, unsigned buckets,
	unsigned ranks, uint8_t *table)
{
	uint32_t quota[BUCKET_MEMBERS] = {0};
	double scores[BUCKET_MEMBERS];

	share(member, count, buckets, quota);
	for (unsigned b = 0; b < buckets; b++) {
		uint8_t *row = &table[b * ranks];

		for (unsigned i = 0; i < count; i++)
			scores[i] = member[i].weight == 0 ? HUGE_VAL : score(&member[i], b);
		row[0] = pick(scores, count, quota);
		if (row[0] != BUCKET_NONE)
			quota[row[0]]--;
		for (unsigned r = 1; r < ranks; r++)
			row[r] = pick(scores, count, NULL);
	}
}
