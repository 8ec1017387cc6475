/* SPDX-License-Identifier: BSD-3-Clause */
/* Do the counters of a test gateway account for every packet? */
#include <inttypes.h>
#include <stdio.h>

#include "control/collect.h"
#include "tests/tools/testbed.h"

static uint64_t in_rings(const struct testbed *g)
{
	uint64_t sum = 0;

	for (unsigned from = 0; from <= g->setup.workers; from++)
		for (unsigned to = 0; to <= g->setup.workers; to++)
			if (from != to)
				sum += plane_ring_count(g->parts.plane, from, to);
	return sum;
}

static bool writer_conserved(const struct meter *meter, unsigned writer, uint32_t id, int64_t *out)
{
	bool good = true;

	for (unsigned side = 0; side < METER_SIDES; side++) {
		const struct meter_side *s = &meter->connection[id].side[side];

		*out += (int64_t)(s->ring_out - s->ring_in);
		if (meter_conserved(s))
			continue;
		good = false;
		fprintf(stderr,
			"writer %u connection %u side %u: rx %" PRIu64 " ring_in %" PRIu64
			" originated %" PRIu64 " fragments %" PRIu64 " != tx %" PRIu64
			" ring_out %" PRIu64 " consumed %" PRIu64 " dropped %" PRIu64
			" held %" PRIu64 "\n",
			writer, id, side, s->rx, s->ring_in, s->originated, s->fragments_added,
			s->tx, s->ring_out, s->consumed, s->dropped, s->held);
	}
	return good;
}

static int64_t ports_in_rings(const struct testbed *g, const struct meter *meter)
{
	int64_t sum = 0;

	for (unsigned i = 0; i < g->setup.ports; i++)
		sum += (int64_t)(meter->port[i].ring_out - meter->port[i].ring_in);
	return sum;
}

/* A port's frames: those of attachments and paths, and those of the underlay itself. */
static bool ports_conserved(const struct testbed *g)
{
	const struct fwd_limits *limits = &g->parts.fwd->limits;
	uint64_t arrived = 0, known = 0;

	for (unsigned w = 0; w < g->setup.workers; w++) {
		const struct meter *meter = plane_meter(g->parts.plane, w);

		for (unsigned i = 0; i < g->setup.ports; i++) {
			const struct meter_port *p = &meter->port[i];

			/* What left as our own frame, or went to control, arrived or was made. */
			arrived += p->rx + p->originated + p->ring_in;
			known += p->consumed + p->dropped + p->ring_out;
			known += p->tx;
		}
		for (uint32_t id = 1; id <= limits->snapshot.connections; id++)
			for (unsigned side = 0; side < METER_SIDES; side++) {
				const struct meter_side *s = &meter->connection[id].side[side];

				known += s->rx;
				arrived += s->tx;
			}
	}
	if (arrived != known)
		fprintf(stderr, "ports: %" PRIu64 " arrived or made, %" PRIu64 " accounted for\n",
			arrived, known);
	return arrived == known;
}

/* No packet is longer than its length field can say: what is counted beyond that was not there. */
static bool plausible(
	const char *what, uint32_t id, const char *way, uint64_t packets, uint64_t bytes)
{
	if (bytes <= packets * UINT16_MAX)
		return true;
	fprintf(stderr, "%s %u: %" PRIu64 " bytes %s in %" PRIu64 " packets\n", what, id, bytes,
		way, packets);
	return false;
}

static bool traffic_plausible(const char *what, uint32_t id, const struct meter_traffic *t)
{
	bool rx = plausible(what, id, "received", t->rx_packets, t->rx_bytes);

	return plausible(what, id, "sent", t->tx_packets, t->tx_bytes) && rx;
}

/* As they are reported: merged over all writers. */
static bool bytes_plausible(const struct testbed *g)
{
	const struct snapshot_limits *limits = &g->parts.fwd->limits.snapshot;
	const struct meter_sizes sizes = {.connections = limits->connections + 1,
		.attachments = limits->attachments + 1,
		.paths = limits->paths + 1,
		.ports = FWD_PORTS,
		.workers = g->setup.workers};
	struct meter_traffic traffic;
	struct collect_port port;
	struct collect collect;
	bool good = true;

	if (collect_init(&collect, g->parts.plane, &sizes) < 0)
		return false;
	for (uint32_t id = 1; id <= limits->attachments; id++) {
		collect_attachment(&collect, id, &traffic);
		good &= traffic_plausible("attachment", id, &traffic);
	}
	for (uint32_t id = 1; id <= limits->paths; id++) {
		collect_path(&collect, id, &traffic);
		good &= traffic_plausible("path", id, &traffic);
	}
	for (unsigned i = 0; i < g->setup.ports; i++) {
		collect_port(&collect, i, &port);
		good &= plausible("port", i, "received", port.sum.rx, port.sum.rx_bytes);
		good &= plausible("port", i, "sent", port.sum.tx, port.sum.tx_bytes);
	}
	collect_fini(&collect);
	return good;
}

bool testbed_conserved(const struct testbed *g)
{
	const struct fwd_limits *limits = &g->parts.fwd->limits;
	int64_t between = 0;
	bool good = true;

	for (unsigned w = 0; w <= g->setup.workers; w++) {
		const struct meter *meter = plane_meter(g->parts.plane, w);

		for (uint32_t id = 0; id <= limits->snapshot.connections; id++)
			good &= writer_conserved(meter, w, id, &between);
		between += ports_in_rings(g, meter);
	}
	if (between != (int64_t)in_rings(g)) {
		fprintf(stderr, "rings: %" PRId64 " by counters, %" PRIu64 " in them\n", between,
			in_rings(g));
		good = false;
	}
	good &= bytes_plausible(g);
	return good && ports_conserved(g);
}

void testbed_tell_drops(const struct testbed *g)
{
	for (unsigned reason = 0; reason < DROP_COUNT; reason++) {
		uint64_t sum = 0;

		for (unsigned w = 0; w <= g->setup.workers; w++) {
			const struct meter *meter = plane_meter(g->parts.plane, w);

			for (unsigned i = 0; i < g->setup.ports; i++)
				sum += meter->port[i].drop[reason];
			for (uint32_t id = 1; id <= g->parts.fwd->limits.snapshot.connections; id++)
				for (unsigned side = 0; side < METER_SIDES; side++)
					sum += meter->connection[id].side[side].drop[reason];
		}
		if (sum > 0)
			printf("dropped %s: %" PRIu64 "\n", drop_name((enum drop)reason), sum);
	}
}
