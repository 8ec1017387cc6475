/* SPDX-License-Identifier: BSD-3-Clause */
/* Meters of tests alone, and what merges them. */
#ifndef TESTS_UNIT_FAKEMETERS_H
#define TESTS_UNIT_FAKEMETERS_H

#include "control/collect.h"

/* For that many connections, 8 attachments, 8 paths and 4 ports. Valid until the next call. */
const struct meter_sizes *fakemeters_sizes(unsigned workers, uint32_t connections);

/* Makes workers + 1 meters, the last of which is control's, and collect over them; fails the test
 * where it cannot. One set of them at a time. */
void fakemeters_create(
	struct collect *collect, struct meter **meter, unsigned workers, uint32_t connections);
void fakemeters_destroy(struct collect *collect, struct meter **meter, unsigned workers);

#endif
