/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Durations, counted in buckets that grow with them: log-linear, 32 buckets an octave.
 *
 * Values are nanoseconds. Below 64 every value has a bucket of its own; above, a bucket is at most
 * 1/32 (3.125 %) of its values wide, so whatever is told of a value from its bucket is wrong by
 * less than that. 2^36 ns (68.7 s) and more count in the last bucket.
 *
 * Two forms. struct histogram is what a worker adds to: 32-bit buckets that are never reset and may
 * wrap; a reader keeps what it saw last and takes differences, more often than a bucket can gain
 * 2^32. struct histogram_sum is the reader's: differences of any number of writers and of any time
 * added up. Sums of sums are sums: merging loses nothing.
 *
 * Writer: one thread. Reader: any other, by histogram_gained, on words that are each whole; that
 * they belong together is for the caller to see to (as struct meter does).
 */
#ifndef DATAPLANE_BASE_HISTOGRAM_H
#define DATAPLANE_BASE_HISTOGRAM_H

#include "dataplane/base/macros.h"

#define HISTOGRAM_BUCKETS 1024
#define HISTOGRAM_LIMIT	  (UINT64_C(1) << 36) /* ns: from here on all values are one */

struct histogram {
	alignas(CACHE_LINE) uint32_t bucket[HISTOGRAM_BUCKETS];
};

struct histogram_sum {
	uint64_t bucket[HISTOGRAM_BUCKETS];
};

/* Bucket of a value. No branch: values near each other fall on both sides of any border. */
static inline unsigned histogram_index(uint64_t ns)
{
	union {
		double value;
		uint64_t bits;
	} number;
	unsigned octave;

	ns = ns < HISTOGRAM_LIMIT ? ns : HISTOGRAM_LIMIT - 1;
	/* The exponent says which bit is the highest, cheaper than BSR where there is no LZCNT.
	 * What is below 64 counts as the octave from 32: there a bucket is one wide. */
	number.value = (double)(int64_t)(ns | 32);
	octave = (unsigned)(number.bits >> 52) - (1023 + 5);
	return (octave << 5) + (unsigned)(ns >> octave);
}

/* Writer: counts one value. */
static inline void histogram_add(struct histogram *histogram, uint64_t ns)
{
	histogram->bucket[histogram_index(ns)]++;
}

/* The least and the greatest value of a bucket, ns. */
uint64_t histogram_least(unsigned index);
uint64_t histogram_most(unsigned index);

/* Reader: adds to the sum what the writer's buckets gained since `seen`, and remembers them there.
 * seen: all zero at first; the reader's. */
void histogram_gained(
	const struct histogram *writer, struct histogram *seen, struct histogram_sum *sum);

/* Adds one sum to another. */
void histogram_merge(struct histogram_sum *to, const struct histogram_sum *from);

/* How many values were counted. */
uint64_t histogram_total(const struct histogram_sum *sum);

/* The value that this share (0 to 1) of all values does not exceed, ns: the nearest rank, laid into
 * its bucket as if the values there were evenly spread. 0 where there is none. */
uint64_t histogram_percentile(const struct histogram_sum *sum, double share);

/* Rank of a share among that many values, from 1: the nearest rank. 0 where there is none. */
uint64_t histogram_rank(uint64_t total, double share);

/* The value of that rank, counted from 1 and at most the total, ns. */
uint64_t histogram_ranked(const struct histogram_sum *sum, uint64_t rank);

#endif
