/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/base/histogram.h"

/* By how much the values of a bucket are shifted to count them in steps of its width. */
static unsigned octave_of(unsigned index)
{
	return index < 64 ? 0 : (index >> 5) - 1;
}

uint64_t histogram_least(unsigned index)
{
	unsigned octave = octave_of(index);

	return (uint64_t)(index - (octave << 5)) << octave;
}

uint64_t histogram_most(unsigned index)
{
	return histogram_least(index) + (UINT64_C(1) << octave_of(index)) - 1;
}

/* The writer's words are plain; each is read whole. */
__attribute__((no_sanitize("thread"))) void histogram_gained(
	const struct histogram *writer, struct histogram *seen, struct histogram_sum *sum)
{
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		uint32_t now = __atomic_load_n(&writer->bucket[i], __ATOMIC_RELAXED);

		/* No store where nothing came: pages that were never needed stay so. */
		if (now == seen->bucket[i])
			continue;
		sum->bucket[i] += (uint32_t)(now - seen->bucket[i]);
		seen->bucket[i] = now;
	}
}

void histogram_merge(struct histogram_sum *to, const struct histogram_sum *from)
{
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		to->bucket[i] += from->bucket[i];
}

uint64_t histogram_total(const struct histogram_sum *sum)
{
	uint64_t total = 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		total += sum->bucket[i];
	return total;
}

uint64_t histogram_rank(uint64_t total, double share)
{
	double place = share * (double)total;
	uint64_t rank;

	if (total == 0)
		return 0;
	if (!(place > 1))
		return 1;
	if (place >= (double)total)
		return total;
	rank = (uint64_t)place;
	return (double)rank < place ? rank + 1 : rank;
}

uint64_t histogram_ranked(const struct histogram_sum *sum, uint64_t rank)
{
	unsigned i = 0;
	double place, width;

	while (i + 1 < HISTOGRAM_BUCKETS && rank > sum->bucket[i])
		rank -= sum->bucket[i++];
	if (sum->bucket[i] == 0)
		return histogram_least(i);
	width = (double)(histogram_most(i) - histogram_least(i));
	place = ((double)rank - 0.5) / (double)sum->bucket[i];
	return histogram_least(i) + (uint64_t)(width * (place < 1 ? place : 1));
}

uint64_t histogram_percentile(const struct histogram_sum *sum, double share)
{
	uint64_t total = histogram_total(sum);

	return total == 0 ? 0 : histogram_ranked(sum, histogram_rank(total, share));
}
