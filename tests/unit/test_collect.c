/* SPDX-License-Identifier: BSD-3-Clause */
/* Merging of meters, with meters made up here. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/fakemeters.h"
#include "tests/unit/fakeplane.h"

#define WORKERS	    2
#define CONNECTIONS 8

struct world {
	struct meter *meter[WORKERS + 1];
	struct collect collect;
};

static int set_up(void **state)
{
	static struct world world;

	fakemeters_create(&world.collect, world.meter, WORKERS, CONNECTIONS);
	*state = &world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	fakemeters_destroy(&world->collect, world->meter, WORKERS);
	return 0;
}

static struct meter_side *side_of(struct world *world, unsigned writer, uint32_t id, unsigned side)
{
	return &world->meter[writer]->connection[id].side[side];
}

static void totals_are_sums_over_all_writers(void **state)
{
	struct world *world = *state;
	struct collect_connection c;

	for (unsigned w = 0; w <= WORKERS; w++) {
		struct meter_side *s = side_of(world, w, 3, METER_PATH);

		s->rx = 10 + w;
		s->tx = 7 + w;
		for (unsigned i = 0; i < 3; i++)
			meter_drop(world->meter[w], 3, METER_PATH, DROP_NO_ROUTE);
		world->meter[w]->connection[3].note[METER_NOTE_ICMP_SENT] = 1;
	}
	collect_connection(&world->collect, 3, &c);
	assert_int_equal(c.sum.side[METER_PATH].rx, 33);
	assert_int_equal(c.sum.side[METER_PATH].tx, 24);
	assert_int_equal(c.sum.side[METER_PATH].dropped, 9);
	assert_int_equal(c.sum.side[METER_PATH].drop[DROP_NO_ROUTE], 9);
	assert_int_equal(c.sum.side[METER_ATTACHMENT].rx, 0);
	assert_int_equal(c.sum.note[METER_NOTE_ICMP_SENT], 3);
	assert_int_equal(c.conserved, COLLECT_CONSERVED);
	assert_int_equal(c.in_rings, 0);

	collect_connection_of(&world->collect, 1, 3, &c);
	assert_int_equal(c.sum.side[METER_PATH].rx, 11);
	collect_connection(&world->collect, 4, &c);
	assert_int_equal(c.sum.side[METER_PATH].rx, 0);
}

static void a_packet_in_a_ring_is_accounted_for(void **state)
{
	struct world *world = *state;
	struct collect_connection c;

	*side_of(world, 0, 1, METER_ATTACHMENT) = (struct meter_side){.rx = 5, .ring_out = 5};
	*side_of(world, 1, 1, METER_ATTACHMENT) =
		(struct meter_side){.ring_in = 3, .tx = 2, .held = 1};
	collect_connection(&world->collect, 1, &c);
	assert_int_equal(c.in_rings, 2);
	assert_int_equal(c.conserved, COLLECT_CONSERVED);
	assert_int_equal(c.sum.side[METER_ATTACHMENT].held, 1);
}

static void a_lost_packet_is_told(void **state)
{
	struct world *world = *state;
	struct collect_connection c;

	side_of(world, 1, 2, METER_ATTACHMENT)->rx = 1;
	collect_connection(&world->collect, 2, &c);
	assert_int_equal(c.conserved, COLLECT_BROKEN);
	assert_string_equal(collect_state_name(c.conserved), "false");
	/* The sum of reasons must be the number of drops, too. */
	*side_of(world, 1, 2, METER_ATTACHMENT) = (struct meter_side){.rx = 1, .dropped = 1};
	collect_connection(&world->collect, 2, &c);
	assert_int_equal(c.conserved, COLLECT_BROKEN);
	side_of(world, 1, 2, METER_ATTACHMENT)->drop[DROP_STALE] = 1;
	collect_connection(&world->collect, 2, &c);
	assert_int_equal(c.conserved, COLLECT_CONSERVED);
}

static void a_writer_that_never_rests_makes_a_torn_view(void **state)
{
	struct world *world = *state;
	struct collect_connection c;
	struct collect_port p;

	meter_begin(world->meter[0]);
	side_of(world, 0, 1, METER_PATH)->rx = 4;
	world->meter[0]->port[2].rx = 4;
	collect_connection(&world->collect, 1, &c);
	assert_int_equal(c.conserved, COLLECT_TORN);
	assert_string_equal(collect_state_name(c.conserved), "torn");
	assert_int_equal(c.sum.side[METER_PATH].rx, 4);
	collect_port(&world->collect, 2, &p);
	assert_true(p.torn);
	meter_end(world->meter[0]);
	collect_port(&world->collect, 2, &p);
	assert_false(p.torn);
}

static void a_broken_view_outweighs_a_torn_one(void **state)
{
	struct world *world = *state;
	struct collect_connection c;

	meter_begin(world->meter[0]);
	side_of(world, 1, 1, METER_PATH)->rx = 4;
	collect_connection(&world->collect, 1, &c);
	assert_int_equal(c.conserved, COLLECT_BROKEN);
	meter_end(world->meter[0]);
}

static void the_next_owner_of_an_id_starts_at_zero(void **state)
{
	struct world *world = *state;
	struct collect_connection c;
	uint64_t drop[DROP_COUNT] = {0};

	*side_of(world, 0, 5, METER_PATH) = (struct meter_side){.rx = 8, .tx = 7};
	meter_drop(world->meter[0], 5, METER_PATH, DROP_TTL_EXPIRED);
	assert_int_equal(collect_adopt_connection(&world->collect, 5), 0);
	collect_connection(&world->collect, 5, &c);
	assert_int_equal(c.sum.side[METER_PATH].rx, 0);
	assert_int_equal(c.sum.side[METER_PATH].drop[DROP_TTL_EXPIRED], 0);
	assert_int_equal(c.conserved, COLLECT_CONSERVED);

	side_of(world, 0, 5, METER_PATH)->rx += 2;
	side_of(world, 0, 5, METER_PATH)->tx += 2;
	collect_connection(&world->collect, 5, &c);
	assert_int_equal(c.sum.side[METER_PATH].rx, 2);
	assert_int_equal(c.conserved, COLLECT_CONSERVED);
	/* What the gateway as a whole lost does not go back. */
	collect_connection_drops(&world->collect, 5, drop);
	assert_int_equal(drop[DROP_TTL_EXPIRED], 1);

	assert_int_equal(collect_adopt_connection(&world->collect, 5), 0);
	collect_connection(&world->collect, 5, &c);
	assert_int_equal(c.sum.side[METER_PATH].rx, 0);
}

static void traffic_is_summed_and_has_a_baseline(void **state)
{
	struct world *world = *state;
	struct meter_traffic t;

	for (unsigned w = 0; w <= WORKERS; w++) {
		world->meter[w]->attachment[7] = (struct meter_traffic){1, 100, 2, 200};
		world->meter[w]->path[7] = (struct meter_traffic){3, 300, 4, 400};
	}
	collect_attachment(&world->collect, 7, &t);
	assert_int_equal(t.rx_packets, 3);
	assert_int_equal(t.tx_bytes, 600);
	collect_path(&world->collect, 7, &t);
	assert_int_equal(t.rx_bytes, 900);
	assert_int_equal(t.tx_packets, 12);
	collect_adopt_attachment(&world->collect, 7);
	collect_adopt_path(&world->collect, 7);
	world->meter[1]->attachment[7].rx_packets++;
	collect_attachment(&world->collect, 7, &t);
	assert_int_equal(t.rx_packets, 1);
	assert_int_equal(t.tx_bytes, 0);
	collect_path(&world->collect, 7, &t);
	assert_int_equal(t.tx_packets, 0);
}

static void ports_are_summed(void **state)
{
	struct world *world = *state;
	struct collect_port p;

	world->meter[0]->port[1].rx = 4;
	world->meter[1]->port[1].rx = 5;
	world->meter[2]->port[1].tx_bytes = 6;
	meter_port_drop(world->meter[1], 1, DROP_UNKNOWN_TAG);
	collect_port(&world->collect, 1, &p);
	assert_int_equal(p.sum.rx, 9);
	assert_int_equal(p.sum.tx_bytes, 6);
	assert_int_equal(p.sum.drop[DROP_UNKNOWN_TAG], 1);
	collect_port_of(&world->collect, 1, 1, &p);
	assert_int_equal(p.sum.rx, 5);
}

static void workers_and_rings_are_read(void **state)
{
	struct world *world = *state;
	struct collect_worker w;
	struct histogram_sum gaps;
	struct collect_ring r;

	world->collect.tsc_hz = 2000000000;
	world->meter[1]->turns = 12;
	world->meter[1]->busy_cycles = UINT64_C(10000000000000000000);
	world->meter[1]->poll_gap[histogram_index(7000)] = 4;
	world->meter[1]->poll_gap_max = 2000;
	world->meter[1]->ring_sent[0] = 77;
	world->meter[1]->ring_full[0] = 3;
	collect_worker(&world->collect, 1, &w);
	assert_int_equal(w.turns, 12);
	assert_true(w.busy_ns == UINT64_C(5000000000000000000));
	collect_poll_gap(&world->collect, 1, &gaps);
	assert_int_equal(histogram_total(&gaps), 4);
	assert_int_equal(gaps.bucket[histogram_index(7000)], 4);
	assert_int_equal(w.poll_gap_max_ns, 1000);
	collect_ring(&world->collect, 1, 0, &r);
	assert_int_equal(r.sent, 77);
	assert_int_equal(r.full, 3);
	assert_int_equal(r.depth, 0);
}

static void a_difference_keeps_levels(void **state)
{
	struct collect_connection a = {0}, b = {0};

	(void)state;
	a.sum.side[METER_PATH] = (struct meter_side){.rx = 10, .held = 3};
	b.sum.side[METER_PATH] = (struct meter_side){.rx = 4, .held = 5};
	a.sum.note[0] = 2;
	b.sum.note[0] = 2;
	collect_subtract(&a, &b);
	assert_int_equal(a.sum.side[METER_PATH].rx, 6);
	assert_int_equal(a.sum.side[METER_PATH].held, 3);
	assert_int_equal(a.sum.note[0], 0);
}

static void a_plane_is_asked_for_what_meters_do_not_know(void **state)
{
	struct world *world = *state;
	struct plane plane = {world->meter, WORKERS};
	struct collect collect;
	struct collect_worker w;
	struct collect_ring r;

	assert_int_equal(collect_init(&collect, &plane, fakemeters_sizes(WORKERS, CONNECTIONS)), 0);
	collect_worker(&collect, 1, &w);
	assert_int_equal(w.generation, FAKEPLANE_GENERATION + 1);
	collect_ring(&collect, 1, 0, &r);
	assert_int_equal(r.depth, 10);
	collect_ring(&collect, WORKERS, 0, &r);
	assert_int_equal(r.depth, 0);
	collect_fini(&collect);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(totals_are_sums_over_all_writers),
		TEST(a_packet_in_a_ring_is_accounted_for),
		TEST(a_lost_packet_is_told),
		TEST(a_writer_that_never_rests_makes_a_torn_view),
		TEST(a_broken_view_outweighs_a_torn_one),
		TEST(the_next_owner_of_an_id_starts_at_zero),
		TEST(traffic_is_summed_and_has_a_baseline),
		TEST(ports_are_summed),
		TEST(workers_and_rings_are_read),
		TEST(a_difference_keeps_levels),
		TEST(a_plane_is_asked_for_what_meters_do_not_know),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
