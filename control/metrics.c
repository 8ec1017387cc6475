/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/metrics.h"

#include <stdio.h>

#include "control/loop.h"
#include "dataplane/wire/bfdpacket.h"

#define OBJECTS_A_STEP 128
#define GAP_BUCKETS    24
#define GAP_FIRST_NS   UINT64_C(256)

#define L(...) EXPOSITION_LABELS(__VA_ARGS__)

static const char *const side_name[METER_SIDES] = {"attachment", "path"};

static void write_gateway(struct metrics *m)
{
	struct exposition *e = &m->out;

	exposition_sample(
		e, FAMILIES_INFO, L({"name", m->gateway.name}, {"version", m->gateway.version}), 1);
	exposition_sample(e, FAMILIES_GENERATION, NULL, m->gateway.generation);
	exposition_sample(e, FAMILIES_LIVE_GENERATION, NULL, m->gateway.live);
	exposition_seconds(e, FAMILIES_START_TIME, NULL, m->gateway.started_ns);
}

/* Octaves of the buckets it is counted in: their bounds are those of the metric to the nanosecond.
 */
static void write_gaps(struct metrics *m, unsigned worker, const char *number)
{
	struct histogram_sum gaps;
	uint64_t octave[GAP_BUCKETS] = {0};

	collect_poll_gap(m->collect, worker, &gaps);
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		unsigned at = 0;

		while (at + 1 < GAP_BUCKETS && histogram_most(i) >= GAP_FIRST_NS << at)
			at++;
		octave[at] += gaps.bucket[i];
	}
	exposition_histogram(&m->out, FAMILIES_WORKER_GAP, "worker", number,
		&(struct exposition_times){octave, GAP_BUCKETS, GAP_FIRST_NS, NULL});
}

static void write_worker(struct metrics *m, unsigned worker)
{
	struct exposition *e = &m->out;
	struct collect_worker w;
	char number[16];
	const struct exposition_label label[] = {{"worker", number}, {NULL, NULL}};

	snprintf(number, sizeof(number), "%u", worker);
	collect_worker(m->collect, worker, &w);
	exposition_sample(e, FAMILIES_WORKER_GENERATION, label, w.generation);
	exposition_sample(e, FAMILIES_WORKER_TURNS, label, w.turns);
	exposition_sample(e, FAMILIES_WORKER_BUSY_TURNS, label, w.busy_turns);
	exposition_sample(e, FAMILIES_WORKER_PACKETS, label, w.packets);
	exposition_sample(e, FAMILIES_WORKER_SLEEPS, label, w.sleeps);
	exposition_seconds(e, FAMILIES_WORKER_BUSY, label, w.busy_ns);
	exposition_seconds(e, FAMILIES_WORKER_SLEEP, label, w.sleep_ns);
	exposition_seconds(e, FAMILIES_WORKER_GAP_MAX, label, w.poll_gap_max_ns);
	exposition_sample(e, FAMILIES_WORKER_SPREAD, label, w.spread);
	exposition_sample(e, FAMILIES_WORKER_MOVED, label, w.moved_buckets);
	exposition_sample(e, FAMILIES_WORKER_GIVEN_UP, label, w.moves_given_up);
	exposition_sample(e, FAMILIES_WORKER_HELD, label, w.held);
	write_gaps(m, worker, number);
}

static void write_ring(struct metrics *m, unsigned from, unsigned to)
{
	struct collect_ring ring;
	char source[16], target[16];
	const struct exposition_label label[] = {{"from", source}, {"to", target}, {NULL, NULL}};

	if (from < m->collect->workers)
		snprintf(source, sizeof(source), "%u", from);
	else
		snprintf(source, sizeof(source), "control");
	snprintf(target, sizeof(target), "%u", to);
	collect_ring(m->collect, from, to, &ring);
	exposition_sample(&m->out, FAMILIES_RING_SENT, label, ring.sent);
	exposition_sample(&m->out, FAMILIES_RING_FULL, label, ring.full);
	if (from < m->collect->workers)
		exposition_sample(&m->out, FAMILIES_RING_DEPTH, label, ring.depth);
}

static void write_device(struct metrics *m, const struct roster_port *port)
{
	struct exposition *e = &m->out;
	const char *name = port->name;

	exposition_sample(e, FAMILIES_PORT_UP, L({"port", name}), port->up);
	exposition_sample(e, FAMILIES_PORT_MISSED, L({"port", name}), port->missed);
	exposition_sample(e, FAMILIES_PORT_NO_BUFFER, L({"port", name}), port->no_buffer);
	exposition_sample(e, FAMILIES_PORT_ERRORS, L({"port", name}, {"direction", "receive"}),
		port->rx_errors);
	exposition_sample(e, FAMILIES_PORT_ERRORS, L({"port", name}, {"direction", "transmit"}),
		port->tx_errors);
	for (unsigned i = 0; i < port->extras; i++)
		exposition_sample(e, FAMILIES_PORT_STEERED,
			L({"port", name}, {"verdict", port->extra[i].name}), port->extra[i].frames);
}

static void write_port(struct metrics *m, uint32_t index)
{
	struct exposition *e = &m->out;
	struct roster_port port = {0};
	struct collect_port c;

	if (!m->roster->port(m->roster->context, index, &port))
		return;
	collect_port(m->collect, index, &c);
	exposition_sample(e, FAMILIES_PORT_RX, L({"port", port.name}), c.sum.rx);
	exposition_sample(e, FAMILIES_PORT_RX_BYTES, L({"port", port.name}), c.sum.rx_bytes);
	exposition_sample(e, FAMILIES_PORT_TX, L({"port", port.name}), c.sum.tx);
	exposition_sample(e, FAMILIES_PORT_TX_BYTES, L({"port", port.name}), c.sum.tx_bytes);
	for (unsigned r = 0; r < DROP_COUNT; r++) {
		m->drops[r] += c.sum.drop[r];
		if (c.sum.drop[r] != 0)
			exposition_sample(e, FAMILIES_PORT_DROPS,
				L({"port", port.name}, {"reason", drop_name(r)}), c.sum.drop[r]);
	}
	write_device(m, &port);
}

static void write_side(
	struct metrics *m, const char *name, const struct meter_side *side, const char *label)
{
	struct exposition *e = &m->out;
	const struct exposition_label *both = L({"connection", name}, {"side", label});

	exposition_sample(e, FAMILIES_CONNECTION_RX, both, side->rx);
	exposition_sample(e, FAMILIES_CONNECTION_TX, both, side->tx);
	exposition_sample(e, FAMILIES_CONNECTION_MADE, both, side->originated);
	exposition_sample(e, FAMILIES_CONNECTION_CONSUMED, both, side->consumed);
	exposition_sample(e, FAMILIES_CONNECTION_FRAGMENTS, both, side->fragments_added);
	exposition_sample(e, FAMILIES_CONNECTION_HELD, both, side->held);
	for (unsigned r = 0; r < DROP_COUNT; r++)
		if (side->drop[r] != 0)
			exposition_sample(e, FAMILIES_CONNECTION_DROPS,
				L({"connection", name}, {"side", label}, {"reason", drop_name(r)}),
				side->drop[r]);
}

/* Of connections that have a bandwidth, or had one and show it. */
static void write_rate(
	struct metrics *m, const struct roster_connection *who, const struct meter_connection *c)
{
	struct exposition *e = &m->out;
	uint64_t policed = c->side[METER_ATTACHMENT].drop[DROP_POLICED];
	const struct exposition_label *label = L({"connection", who->name});

	if (who->bandwidth_mbps != 0)
		exposition_sample(e, FAMILIES_CONNECTION_BANDWIDTH, label,
			(uint64_t)who->bandwidth_mbps * 125000);
	else if (policed == 0 && c->police.marked_packets == 0)
		return;
	exposition_sample(e, FAMILIES_CONNECTION_POLICED, label, policed);
	exposition_sample(e, FAMILIES_CONNECTION_POLICED_BYTES, label, c->police.policed_bytes);
	exposition_sample(e, FAMILIES_CONNECTION_MARKED, label, c->police.marked_packets);
	exposition_sample(e, FAMILIES_CONNECTION_MARKED_BYTES, label, c->police.marked_bytes);
}

static void write_connection(struct metrics *m, uint32_t id, const struct collect_connection *c)
{
	struct exposition *e = &m->out;
	struct roster_connection who;

	if (!m->roster->connection(m->roster->context, id, &who))
		return;
	m->connections++;
	for (unsigned side = 0; side < METER_SIDES; side++)
		write_side(m, who.name, &c->sum.side[side], side_name[side]);
	exposition_sample(e, FAMILIES_CONNECTION_RINGS, L({"connection", who.name}), c->in_rings);
	write_rate(m, &who, &c->sum);
	if (c->conserved != COLLECT_TORN)
		exposition_sample(e, FAMILIES_CONNECTION_CONSERVED, L({"connection", who.name}),
			c->conserved == COLLECT_CONSERVED);
	for (unsigned n = 0; n < METER_NOTE_COUNT; n++)
		if (c->sum.note[n] != 0)
			exposition_sample(e, FAMILIES_CONNECTION_NOTES,
				L({"connection", who.name}, {"note", meter_note_name(n)}),
				c->sum.note[n]);
}

static void write_attachment(struct metrics *m, uint32_t id)
{
	struct exposition *e = &m->out;
	struct roster_attachment who;
	struct meter_traffic t;
	const struct exposition_label *label;

	if (!m->roster->attachment(m->roster->context, id, &who))
		return;
	label = L({"attachment", who.name}, {"connection", who.connection}, {"port", who.port});
	collect_attachment(m->collect, id, &t);
	exposition_sample(e, FAMILIES_ATTACHMENT_UP, label, who.up);
	exposition_sample(e, FAMILIES_ATTACHMENT_RX, label, t.rx_packets);
	exposition_sample(e, FAMILIES_ATTACHMENT_RX_BYTES, label, t.rx_bytes);
	exposition_sample(e, FAMILIES_ATTACHMENT_TX, label, t.tx_packets);
	exposition_sample(e, FAMILIES_ATTACHMENT_TX_BYTES, label, t.tx_bytes);
}

static void write_lanes(struct metrics *m, uint32_t id, const struct exposition_label *label)
{
	struct exposition *e = &m->out;
	struct lanes_view view;

	collect_lanes(m->collect, id, &view);
	exposition_sample(e, FAMILIES_PATH_SENT, label, view.sent.packets);
	exposition_sample(e, FAMILIES_PATH_ARRIVED, label, view.received.packets);
	exposition_sample(
		e, FAMILIES_PATH_LOST, label, view.received.skipped - view.received.reordered);
	exposition_sample(e, FAMILIES_PATH_REORDERED, label, view.received.reordered);
	exposition_sample(e, FAMILIES_PATH_DUPLICATE, label, view.received.duplicates);
}

/* Of the last closed epoch. */
static void write_delay(struct metrics *m, const struct roster_path *who)
{
	const struct {
		const char *quantile;
		uint64_t ns;
	} pdv[] = {{"0.5", who->delay.pdv_p50}, {"0.9", who->delay.pdv_p90},
		{"0.99", who->delay.pdv_p99}};

	if (who->delay.packets == 0)
		return;
	for (unsigned i = 0; i < ARRAY_SIZE(pdv); i++)
		exposition_seconds(&m->out, FAMILIES_PATH_PDV,
			L({"path", who->name}, {"site", who->site}, {"port", who->port},
				{"quantile", pdv[i].quantile}),
			pdv[i].ns);
	exposition_seconds(&m->out, FAMILIES_PATH_JITTER,
		L({"path", who->name}, {"site", who->site}, {"port", who->port}),
		who->delay.jitter);
}

static void write_path(struct metrics *m, uint32_t id)
{
	struct exposition *e = &m->out;
	struct roster_path who;
	struct meter_traffic t;
	const struct exposition_label *label;

	if (!m->roster->path(m->roster->context, id, &who))
		return;
	label = L({"path", who.name}, {"site", who.site}, {"port", who.port});
	collect_path(m->collect, id, &t);
	exposition_sample(e, FAMILIES_PATH_LIVE, label, who.live);
	for (unsigned cause = 0; cause < LIVENESS_CAUSES; cause++)
		exposition_sample(e, FAMILIES_PATH_OBJECTION,
			L({"path", who.name}, {"site", who.site},
				{"cause", roster_cause_name(cause)}),
			who.objection >> cause & 1);
	exposition_sample(e, FAMILIES_PATH_RX, label, t.rx_packets);
	exposition_sample(e, FAMILIES_PATH_RX_BYTES, label, t.rx_bytes);
	exposition_sample(e, FAMILIES_PATH_TX, label, t.tx_packets);
	exposition_sample(e, FAMILIES_PATH_TX_BYTES, label, t.tx_bytes);
	if (who.measured)
		write_lanes(m, id, label);
	write_delay(m, &who);
	if (who.bfd.mode == NULL)
		return;
	exposition_sample(e, FAMILIES_BFD_UP, label, who.bfd.state_number == BFDPACKET_UP);
	exposition_seconds(e, FAMILIES_BFD_DETECTION, label, who.bfd.detection_us * 1000);
	exposition_sample(e, FAMILIES_BFD_SENT, label, who.bfd.sent);
	exposition_sample(e, FAMILIES_BFD_RECEIVED, label, who.bfd.received);
	exposition_sample(e, FAMILIES_BFD_DOWNS, label, who.bfd.downs);
}

static void write_neighbours(struct metrics *m)
{
	uint64_t count[ROSTER_NEIGHBOUR_STATES] = {0};

	m->roster->neighbour_states(m->roster->context, count);
	for (unsigned s = NEIGHBOUR_INCOMPLETE; s < ROSTER_NEIGHBOUR_STATES; s++)
		exposition_sample(&m->out, FAMILIES_NEIGHBOURS,
			L({"state", roster_neighbour_state_name(s)}), count[s]);
}

static void write_turns(struct metrics *m)
{
	if (m->turns == NULL)
		return;
	exposition_histogram(&m->out, FAMILIES_CONTROL_TURN, NULL, NULL,
		&(struct exposition_times){
			m->turns->bucket, LOOP_TIME_BUCKETS, 1000, &m->turns->total_ns});
	exposition_sample(&m->out, FAMILIES_CONTROL_LONG, NULL, m->turns->over_limit);
}

static void write_sums(struct metrics *m)
{
	exposition_sample(&m->out, FAMILIES_CONNECTIONS, NULL, m->connections);
	for (unsigned r = 0; r < DROP_COUNT; r++)
		exposition_sample(
			&m->out, FAMILIES_DROPS, L({"reason", drop_name(r)}), m->drops[r]);
}

static void write_head(struct metrics *m)
{
	unsigned workers = m->collect->workers;

	write_gateway(m);
	for (unsigned w = 0; w < workers; w++)
		write_worker(m, w);
	for (unsigned from = 0; from <= workers; from++)
		for (unsigned to = 0; to < workers; to++)
			if (from != to)
				write_ring(m, from, to);
	write_neighbours(m);
	write_turns(m);
}

/* The ids first .. last of one kind; true while some are left. */
static bool walk(
	struct metrics *m, void (*write)(struct metrics *, uint32_t), uint32_t last, uint32_t count)
{
	for (; count > 0 && m->next <= last; count--)
		write(m, m->next++);
	return m->next <= last;
}

static bool walk_connections(struct metrics *m)
{
	uint32_t last = m->gateway.connections;
	unsigned count = collect_batch(m->collect);
	const struct collect_connection *c;

	if (m->next > last)
		return false;
	if (count > last - m->next + 1)
		count = last - m->next + 1;
	c = collect_connections(m->collect, m->next, count, m->drops);
	for (unsigned i = 0; i < count; i++)
		write_connection(m, m->next++, &c[i]);
	return m->next <= last;
}

enum phase { HEAD, PORTS, CONNECTIONS, ATTACHMENTS, PATHS, SUMS, JOIN };

static bool phase_goes_on(struct metrics *m)
{
	const struct roster_gateway *g = &m->gateway;

	switch ((enum phase)m->phase) {
	case HEAD:
		write_head(m);
		return false;
	case PORTS:
		return g->ports != 0 && walk(m, write_port, g->ports - 1, 4);
	case CONNECTIONS:
		return walk_connections(m);
	case ATTACHMENTS:
		return walk(m, write_attachment, g->attachments, OBJECTS_A_STEP);
	case PATHS:
		return walk(m, write_path, g->paths, OBJECTS_A_STEP);
	case SUMS:
		write_sums(m);
		return false;
	case JOIN:
		return exposition_join(&m->out);
	}
	return false;
}

void metrics_start(struct metrics *metrics, const struct collect *collect,
	const struct roster *roster, const struct loop_times *turns, enum exposition_form form)
{
	*metrics = (struct metrics){
		.collect = collect, .roster = roster, .turns = turns, .out.form = form};
	roster->gateway(roster->context, &metrics->gateway);
}

bool metrics_step(struct metrics *metrics)
{
	if (phase_goes_on(metrics))
		return true;
	if (metrics->phase == JOIN)
		return false;
	metrics->phase++;
	/* Port indices start at 0, ids at 1. */
	metrics->next = metrics->phase == PORTS ? 0 : 1;
	return true;
}

char *metrics_take(struct metrics *metrics, size_t *length)
{
	return text_take(&metrics->out.whole, length);
}

void metrics_free(struct metrics *metrics)
{
	exposition_free(&metrics->out);
}
