/* SPDX-License-Identifier: BSD-3-Clause */
/* The time-stamp counter is the one clock of the dataplane; control turns it into nanoseconds. */
#ifndef DATAPLANE_BASE_CLOCK_H
#define DATAPLANE_BASE_CLOCK_H

#include <stdint.h>
#include <rte_cycles.h>

static inline uint64_t clock_tsc(void)
{
	return rte_rdtsc();
}

/* Of TSC cycles to units of 16 ns, in the upper half of a product: what a lane option carries. */
static inline uint64_t clock_lane_rate(void)
{
	return (uint64_t)(1e9 / 16 * 4294967296.0 / (double)rte_get_tsc_hz());
}

/* rate: clock_lane_rate(). Modulo 2^32, which is 68.7 s. */
static inline uint32_t clock_lane(uint64_t tsc, uint64_t rate)
{
	return (uint32_t)((__extension__(unsigned __int128) tsc * rate) >> 32);
}

/* Of TSC cycles to nanoseconds, in the upper half of a product. */
static inline uint64_t clock_ns_rate(void)
{
	return (uint64_t)(1e9 * 4294967296.0 / (double)rte_get_tsc_hz());
}

/* rate: clock_ns_rate(). Rounded down. */
static inline uint64_t clock_ns(uint64_t cycles, uint64_t rate)
{
	return (uint64_t)((__extension__(unsigned __int128) cycles * rate) >> 32);
}

/* Cycles in that many microseconds. */
static inline uint64_t clock_us(uint64_t us)
{
	return us * rte_get_tsc_hz() / 1000000;
}

#endif
