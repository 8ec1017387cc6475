/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/spread.h"

#include <string.h>

void spread_count(const uint8_t table[PLANE_BUCKETS], unsigned count[PLANE_WORKERS])
{
	memset(count, 0, PLANE_WORKERS * sizeof(*count));
	for (unsigned b = 0; b < PLANE_BUCKETS; b++)
		count[table[b]]++;
}

/* Shares by weight: the whole ones, then one more each to the largest remainders. */
static void shares(const uint32_t *weight, unsigned workers, unsigned share[PLANE_WORKERS])
{
	uint64_t sum = 0, rest[PLANE_WORKERS] = {0};
	unsigned left = PLANE_BUCKETS;

	for (unsigned w = 0; w < workers; w++)
		sum += weight[w];
	for (unsigned w = 0; w < workers; w++) {
		share[w] = (unsigned)(weight[w] * (uint64_t)PLANE_BUCKETS / sum);
		rest[w] = weight[w] * (uint64_t)PLANE_BUCKETS % sum;
		left -= share[w];
	}
	while (left-- > 0) {
		unsigned best = 0;

		for (unsigned w = 1; w < workers; w++)
			if (rest[w] > rest[best])
				best = w;
		share[best]++;
		rest[best] = 0;
	}
}

unsigned spread_by_weight(
	uint8_t table[PLANE_BUCKETS], const uint32_t weight[PLANE_WORKERS], unsigned workers)
{
	unsigned share[PLANE_WORKERS] = {0}, count[PLANE_WORKERS], to = 0, moved = 0;

	shares(weight, workers, share);
	spread_count(table, count);
	for (unsigned b = 0; b < PLANE_BUCKETS; b++) {
		unsigned from = table[b];

		if (count[from] <= share[from])
			continue;
		while (count[to] >= share[to])
			to++;
		table[b] = (uint8_t)to;
		count[from]--;
		count[to]++;
		moved++;
	}
	return moved;
}

unsigned spread_move(uint8_t table[PLANE_BUCKETS], unsigned from, unsigned to, unsigned count)
{
	unsigned moved = 0;

	for (unsigned b = 0; b < PLANE_BUCKETS && moved < count; b++)
		if (table[b] == from && from != to) {
			table[b] = (uint8_t)to;
			moved++;
		}
	return moved;
}
