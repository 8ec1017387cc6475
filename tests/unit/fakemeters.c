/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/fakemeters.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

const struct meter_sizes *fakemeters_sizes(unsigned workers, uint32_t connections)
{
	static struct meter_sizes sizes;

	/* Ids begin at 1. */
	sizes = (struct meter_sizes){.connections = connections + 1,
		.attachments = 9,
		.paths = 9,
		.ports = 4,
		.workers = workers};
	return &sizes;
}

void fakemeters_create(
	struct collect *collect, struct meter **meter, unsigned workers, uint32_t connections)
{
	const struct meter_sizes *sizes = fakemeters_sizes(workers, connections);

	for (unsigned w = 0; w <= workers; w++) {
		meter[w] = meter_create(sizes);
		assert_non_null(meter[w]);
	}
	assert_int_equal(
		collect_init_meters(collect, (const struct meter *const *)meter, workers, sizes),
		0);
}

void fakemeters_destroy(struct collect *collect, struct meter **meter, unsigned workers)
{
	collect_fini(collect);
	for (unsigned w = 0; w <= workers; w++)
		meter_destroy(meter[w]);
}
