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

/* Cycles in that many microseconds. */
static inline uint64_t clock_us(uint64_t us)
{
	return us * rte_get_tsc_hz() / 1000000;
}

#endif
