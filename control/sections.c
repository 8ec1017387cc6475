/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/sections.h"

#include <inttypes.h>
#include <stdio.h>

#include "control/loop.h"

#define PORT_CELLS	 (16 + DROP_COUNT + ROSTER_EXTRAS)
#define WORKER_CELLS	 (18 + HISTOGRAM_BUCKETS)
#define SIDE_CELLS	 (11 + DROP_COUNT)
#define CONNECTION_CELLS (METER_SIDES * SIDE_CELLS + METER_NOTE_COUNT + 8)
#define CONTROL_CELLS	 (4 + LOOP_TIME_BUCKETS)

/* Places of the rows of drops: ports, the sum, then connections by id. */
#define DROPS_SUM	 FWD_PORTS
#define DROPS_CONNECTION FWD_PORTS

static const char *const side_name[METER_SIDES] = {"attachment", "path"};

static void write_drops(struct tally *t, const uint64_t drop[DROP_COUNT])
{
	tally_group(t, "drops");
	for (unsigned r = 0; r < DROP_COUNT; r++)
		tally_some(t, drop_name(r), drop[r]);
	tally_group_end(t);
}

static void write_device(struct tally *t, const struct roster_port *port)
{
	tally_flag(t, "up", port->up);
	tally_level(t, "speed_mbps", port->speed_mbps);
	tally_count(t, "missed", port->missed);
	tally_count(t, "no_buffer", port->no_buffer);
	tally_count(t, "rx_errors", port->rx_errors);
	tally_count(t, "tx_errors", port->tx_errors);
	if (port->extras == 0)
		return;
	tally_group(t, "steering");
	for (unsigned i = 0; i < port->extras; i++)
		tally_count(t, port->extra[i].name, port->extra[i].frames);
	tally_group_end(t);
}

void sections_port(struct report *report, uint32_t index)
{
	struct roster_port port = {0};
	struct collect_port c;
	struct tally t;

	if (!report->roster->port(report->roster->context, index, &port))
		return;
	collect_port(report->collect, index, &c);
	report_tally(report, &t, REPORT_PORTS, index, PORT_CELLS, 0);
	tally_begin(&t, NULL);
	tally_identity(&t, "name", port.name);
	tally_identity(&t, "device", port.device);
	tally_count(&t, "rx_packets", c.sum.rx);
	tally_count(&t, "rx_bytes", c.sum.rx_bytes);
	tally_count(&t, "tx_packets", c.sum.tx);
	tally_count(&t, "tx_bytes", c.sum.tx_bytes);
	tally_count(&t, "originated", c.sum.originated);
	tally_count(&t, "consumed", c.sum.consumed);
	tally_count(&t, "ring_in", c.sum.ring_in);
	tally_count(&t, "ring_out", c.sum.ring_out);
	tally_count(&t, "dropped", c.sum.dropped);
	write_device(&t, &port);
	write_drops(&t, c.sum.drop);
	tally_end(&t);
}

/* An array has no room for a difference by name: the buckets are members named by their bounds. */
static void write_times(struct tally *t, const char *key, const uint64_t *bucket, unsigned count)
{
	tally_group(t, key);
	for (unsigned i = 0; i < count; i++) {
		struct text bound = {0};

		if (i + 1 < count)
			text_u64(&bound, UINT64_C(1) << i);
		else
			text_put(&bound, "more");
		tally_some(t, bound.data != NULL ? bound.data : "", bucket[i]);
		t->emit->text->failed |= bound.failed;
		text_free(&bound);
	}
	tally_group_end(t);
}

/* Every bucket that is not empty, named by the greatest value in it, and what stands out. */
static void write_gaps(struct tally *t, const struct histogram_sum *gaps)
{
	char most[24];

	tally_level(t, "poll_gap_p50_ns", histogram_percentile(gaps, 0.5));
	tally_level(t, "poll_gap_p99_ns", histogram_percentile(gaps, 0.99));
	tally_level(t, "poll_gap_p999_ns", histogram_percentile(gaps, 0.999));
	tally_group(t, "poll_gap_ns");
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		snprintf(most, sizeof(most), "%" PRIu64, histogram_most(i));
		tally_some(t, most, gaps->bucket[i]);
	}
	tally_group_end(t);
}

void sections_worker(struct report *report, uint32_t worker)
{
	struct histogram_sum gaps;
	struct collect_worker w;
	struct tally t;

	collect_worker(report->collect, worker, &w);
	collect_poll_gap(report->collect, worker, &gaps);
	report_tally(report, &t, REPORT_WORKERS, worker, WORKER_CELLS, 0);
	tally_begin(&t, NULL);
	tally_number(&t, "worker", worker);
	tally_level(&t, "generation", w.generation);
	tally_count(&t, "packets", w.packets);
	tally_count(&t, "turns", w.turns);
	tally_count(&t, "busy_turns", w.busy_turns);
	tally_count(&t, "busy_ns", w.busy_ns);
	tally_count(&t, "sleeps", w.sleeps);
	tally_count(&t, "sleep_ns", w.sleep_ns);
	tally_level(&t, "poll_gap_max_ns", w.poll_gap_max_ns);
	tally_count(&t, "spread", w.spread);
	tally_count(&t, "moved_buckets", w.moved_buckets);
	tally_count(&t, "moved_queues", w.moved_queues);
	tally_count(&t, "moves_given_up", w.moves_given_up);
	tally_count(&t, "held_packets", w.held);
	tally_count(&t, "hold_full", w.hold_full);
	tally_level(&t, "hold_max_ns", w.hold_max_ns);
	write_gaps(&t, &gaps);
	tally_end(&t);
}

static void write_side(struct tally *t, const char *key, const struct meter_side *side)
{
	tally_group(t, key);
	tally_count(t, "rx", side->rx);
	tally_count(t, "tx", side->tx);
	tally_count(t, "ring_in", side->ring_in);
	tally_count(t, "ring_out", side->ring_out);
	tally_count(t, "originated", side->originated);
	tally_count(t, "consumed", side->consumed);
	tally_count(t, "fragments_added", side->fragments_added);
	tally_count(t, "copies", side->copies);
	tally_count(t, "eliminated", side->eliminated);
	tally_level(t, "held", side->held);
	tally_count(t, "dropped", side->dropped);
	write_drops(t, side->drop);
	tally_group_end(t);
}

static void write_police(struct tally *t, const struct meter_connection *c)
{
	tally_group(t, "policing");
	tally_some(t, "policed_packets", c->side[METER_ATTACHMENT].drop[DROP_POLICED]);
	tally_some(t, "policed_bytes", c->police.policed_bytes);
	tally_some(t, "marked_packets", c->police.marked_packets);
	tally_some(t, "marked_bytes", c->police.marked_bytes);
	tally_group_end(t);
}

void sections_connection(struct report *report, uint32_t id, const struct collect_connection *c)
{
	struct roster_connection who;
	struct tally t;

	if (!report->roster->connection(report->roster->context, id, &who))
		return;
	report_tally(report, &t, REPORT_CONNECTIONS, id, CONNECTION_CELLS,
		report->collect->connection_owner[id]);
	tally_begin(&t, NULL);
	tally_identity(&t, "name", who.name);
	tally_number(&t, "vni", who.vni);
	tally_level(&t, "bandwidth_mbps", who.bandwidth_mbps);
	tally_level(&t, "peak_mbps", who.peak_mbps);
	tally_state(&t, "conserved", collect_state_name(c->conserved), c->conserved);
	tally_level(&t, "in_rings", c->in_rings);
	for (unsigned side = 0; side < METER_SIDES; side++)
		write_side(&t, side_name[side], &c->sum.side[side]);
	write_police(&t, &c->sum);
	tally_group(&t, "notes");
	for (unsigned n = 0; n < METER_NOTE_COUNT; n++)
		tally_some(&t, meter_note_name(n), c->sum.note[n]);
	tally_group_end(&t);
	tally_end(&t);
}

void sections_traffic(struct tally *t, const struct meter_traffic *traffic)
{
	tally_count(t, "rx_packets", traffic->rx_packets);
	tally_count(t, "rx_bytes", traffic->rx_bytes);
	tally_count(t, "tx_packets", traffic->tx_packets);
	tally_count(t, "tx_bytes", traffic->tx_bytes);
}

void sections_attachment(struct report *report, uint32_t id)
{
	struct roster_attachment who;
	struct meter_traffic traffic;
	struct tally t;
	uint32_t only = report->request.connection;

	if (!report->roster->attachment(report->roster->context, id, &who))
		return;
	if (only != 0 && who.connection_id != only)
		return;
	collect_attachment(report->collect, id, &traffic);
	report_tally(report, &t, REPORT_ATTACHMENTS, id, SECTIONS_TRAFFIC_CELLS + 1,
		report->collect->attachment_owner[id]);
	tally_begin(&t, NULL);
	tally_identity(&t, "name", who.name);
	tally_identity(&t, "connection", who.connection);
	tally_identity(&t, "port", who.port);
	tally_flag(&t, "up", who.up);
	sections_traffic(&t, &traffic);
	tally_end(&t);
}

static void write_writer(
	struct tally *t, const struct collect *collect, const char *key, unsigned writer)
{
	if (writer < collect->workers)
		tally_number(t, key, writer);
	else
		tally_identity(t, key, "control");
}

void sections_ring(struct report *report, uint32_t index)
{
	unsigned workers = report->collect->workers;
	unsigned from = index / workers, to = index % workers;
	struct collect_ring ring;
	struct tally t;

	if (from == to)
		return;
	collect_ring(report->collect, from, to, &ring);
	report_tally(report, &t, REPORT_RINGS, index, 3, 0);
	tally_begin(&t, NULL);
	write_writer(&t, report->collect, "from", from);
	write_writer(&t, report->collect, "to", to);
	tally_count(&t, "sent", ring.sent);
	tally_count(&t, "full", ring.full);
	tally_level(&t, "depth", ring.depth);
	tally_end(&t);
}

void sections_control(struct report *report)
{
	const struct loop_times *turns = report->turns;
	struct tally t;

	if (turns == NULL)
		return;
	report_tally(report, &t, REPORT_CONTROL, 0, CONTROL_CELLS, 0);
	tally_begin(&t, "control");
	tally_count(&t, "turns", turns->turns);
	tally_count(&t, "busy_ns", turns->total_ns);
	tally_count(&t, "long_turns", turns->over_limit);
	tally_level(&t, "longest_ns", turns->max_ns);
	write_times(&t, "turn_us", turns->bucket, LOOP_TIME_BUCKETS);
	tally_end(&t);
}

struct drop_row {
	const char *kind, *name; /* member that names the object; NULL: none */
	const char *side;
	int writer; /* -1: all */
};

static void write_drop(
	struct report *report, const struct drop_row *row, enum drop reason, uint64_t packets)
{
	struct emit *emit = &report->emit;

	emit_object(emit, NULL);
	if (row->kind != NULL)
		emit_string(emit, row->kind, row->name);
	if (row->side != NULL)
		emit_string(emit, "side", row->side);
	if (row->writer >= 0 && (unsigned)row->writer < report->collect->workers)
		emit_u64(emit, "worker", (unsigned)row->writer);
	else if (row->writer >= 0)
		emit_string(emit, "worker", "control");
	emit_string(emit, "reason", drop_name(reason));
	if (row->kind == NULL)
		emit_string(emit, "meaning", drop_meaning(reason));
	emit_u64(emit, "packets", packets);
	emit_end(emit);
}

static void write_drop_rows(struct report *report, struct tally *t, const struct drop_row *row,
	const uint64_t drop[DROP_COUNT])
{
	for (unsigned r = 0; r < DROP_COUNT; r++) {
		uint64_t packets = tally_added(t, drop[r]);

		if (packets != 0)
			write_drop(report, row, r, packets);
	}
}

static void add_drops(struct report *report, const uint64_t drop[DROP_COUNT])
{
	for (unsigned r = 0; r < DROP_COUNT; r++)
		report->drops[r] += drop[r];
}

/* A watch remembers the sum over the workers only: rows for each would cost too much memory. */
void sections_port_drops(struct report *report, uint32_t index)
{
	struct drop_row row = {.kind = "port", .writer = -1};
	struct roster_port port = {0};
	struct collect_port c;
	struct tally t;

	if (!report->roster->port(report->roster->context, index, &port))
		return;
	row.name = port.name;
	collect_port(report->collect, index, &c);
	add_drops(report, c.sum.drop);
	report_tally(report, &t, REPORT_DROPS, index, DROP_COUNT, 0);
	if (t.row != NULL) {
		write_drop_rows(report, &t, &row, c.sum.drop);
		return;
	}
	if (c.sum.dropped == 0)
		return;
	for (unsigned w = 0; w <= report->collect->workers; w++) {
		row.writer = (int)w;
		collect_port_of(report->collect, w, index, &c);
		write_drop_rows(report, &t, &row, c.sum.drop);
	}
}

static void write_sides(struct report *report, struct tally *t, struct drop_row *row,
	const struct meter_connection *c)
{
	for (unsigned side = 0; side < METER_SIDES; side++) {
		row->side = side_name[side];
		write_drop_rows(report, t, row, c->side[side].drop);
	}
}

static bool any_dropped(const struct meter_connection *c)
{
	return c->side[METER_ATTACHMENT].dropped != 0 || c->side[METER_PATH].dropped != 0;
}

void sections_connection_drops(
	struct report *report, uint32_t id, const struct collect_connection *all)
{
	struct drop_row row = {.kind = "connection", .writer = -1};
	struct roster_connection who;
	struct collect_connection c;
	struct tally t;

	if (!any_dropped(&all->sum))
		return;
	if (!report->roster->connection(report->roster->context, id, &who))
		return;
	row.name = who.name;
	report_tally(report, &t, REPORT_DROPS, DROPS_CONNECTION + id, METER_SIDES * DROP_COUNT,
		report->collect->connection_owner[id]);
	if (t.row != NULL) {
		write_sides(report, &t, &row, &all->sum);
		return;
	}
	for (unsigned w = 0; w <= report->collect->workers; w++) {
		row.writer = (int)w;
		collect_connection_of(report->collect, w, id, &c);
		write_sides(report, &t, &row, &c.sum);
	}
}

void sections_total_drops(struct report *report)
{
	struct drop_row row = {.writer = -1};
	struct tally t;

	report_tally(report, &t, REPORT_DROPS, DROPS_SUM, DROP_COUNT, 0);
	write_drop_rows(report, &t, &row, report->drops);
}

void sections_neighbour_states(struct report *report)
{
	uint64_t count[ROSTER_NEIGHBOUR_STATES] = {0};

	report->roster->neighbour_states(report->roster->context, count);
	emit_object(&report->emit, "states");
	for (unsigned s = NEIGHBOUR_INCOMPLETE; s < ROSTER_NEIGHBOUR_STATES; s++)
		emit_u64(&report->emit, roster_neighbour_state_name(s), count[s]);
	emit_end(&report->emit);
}

bool sections_neighbour(struct report *report, uint32_t *id)
{
	struct emit *emit = &report->emit;
	struct roster_neighbour n = {0};

	if (!report->roster->neighbour(report->roster->context, id, &n))
		return false;
	emit_object(emit, NULL);
	emit_string(emit, n.link_kind, n.link);
	if (n.address[0] != '\0')
		emit_string(emit, "address", n.address);
	if (n.mac[0] != '\0')
		emit_string(emit, "mac", n.mac);
	emit_string(emit, "state", n.state);
	emit_bool(emit, "gleaned", n.gleaned);
	emit_u64(emit, "held", n.held);
	if (n.age_ms != UINT64_MAX)
		emit_u64(emit, "age_ms", n.age_ms);
	emit_end(emit);
	return true;
}
