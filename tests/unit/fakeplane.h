/* SPDX-License-Identifier: BSD-3-Clause */
/* A plane of tests alone, linked with --wrap: what the readers of counters ask of one. */
#ifndef TESTS_UNIT_FAKEPLANE_H
#define TESTS_UNIT_FAKEPLANE_H

#include <stdint.h>

struct meter;

struct plane {
	struct meter *const *meter;
	unsigned workers;
};

/* Of worker n: n added to it. Of the ring from a to b: 10 a + b packets. */
#define FAKEPLANE_GENERATION 40

unsigned __wrap_plane_workers(const struct plane *plane);
struct meter *__wrap_plane_meter(const struct plane *plane, unsigned writer);
uint64_t __wrap_plane_generation(const struct plane *plane, unsigned worker);
unsigned __wrap_plane_ring_count(const struct plane *plane, unsigned from, unsigned to);

#endif
