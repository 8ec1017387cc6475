/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/fakeplane.h"

unsigned __wrap_plane_workers(const struct plane *plane)
{
	return plane->workers;
}

struct meter *__wrap_plane_meter(const struct plane *plane, unsigned writer)
{
	return plane->meter[writer];
}

uint64_t __wrap_plane_generation(const struct plane *plane, unsigned worker)
{
	(void)plane;
	return FAKEPLANE_GENERATION + worker;
}

unsigned __wrap_plane_ring_count(const struct plane *plane, unsigned from, unsigned to)
{
	(void)plane;
	return from * 10 + to;
}
