/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/published.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "control/neighbours.h"
#include "control/publisher.h"

struct testbed *published_create(void)
{
	const struct testbed_setup s = {.ports = 2,
		.workers = 1,
		.connections = 40,
		.routes = 200000,
		.port = {{.name = "cust"}, {.name = "bb"}}};

	return testbed_create(&s);
}

void published_rest(struct testbed *g)
{
	for (unsigned i = 0; i < 1000000; i++) {
		enum publisher_next next = publisher_tick(g->parts.publisher);

		neighbours_tick(g->parts.neighbours, g->now_ms);
		/* Requests of the neighbours lie in the ring to the worker; ids wait for that. */
		plane_turn(g->parts.plane, 0);
		if (next == PUBLISHER_IDLE)
			return;
	}
	fail_msg("the publisher never came to rest");
}

void published_nothing(struct testbed *g)
{
	const struct snapshot *s = fwd_snapshot(g->parts.fwd);
	const struct snapshot_limits *limits = s->limits;
	struct neighbours_view view;
	struct lpm_usage usage;

	for (uint32_t id = 1; id <= limits->attachments; id++)
		assert_int_equal(snapshot_attachment(s, id)->used, 0);
	for (uint32_t id = 1; id <= limits->endpoints; id++)
		assert_int_equal(snapshot_endpoint(s, id)->used, 0);
	for (uint32_t id = 1; id <= limits->connections; id++)
		assert_int_equal(snapshot_connection(s, id)->used, 0);
	for (uint32_t id = 1; id <= limits->paths; id++)
		assert_int_equal(snapshot_path(s, id)->used, 0);
	for (uint32_t id = 1; id <= limits->sites; id++) {
		assert_int_equal(snapshot_site(s, id)->used, 0);
		assert_int_equal(liveness_mask(&g->parts.fwd->liveness[id]), UINT64_MAX);
	}
	for (uint32_t id = 1; id <= limits->sets; id++)
		assert_int_equal(snapshot_set(s, id)->used, 0);
	assert_int_equal(g->parts.fwd->attachments->used, 0);
	assert_int_equal(g->parts.fwd->endpoints->used, 0);
	assert_false(neighbours_next(g->parts.neighbours, 0, &view));
	lpm_usage(g->parts.fwd->lpm, &usage);
	assert_int_equal(usage.routes4 + usage.routes6, 0);
}
