/* SPDX-License-Identifier: BSD-3-Clause */
/* A path: its traffic, why it is not used, failure detection, and what its packets' numbers say. */
#include "control/sections.h"

#define BFD_CELLS   13
#define LANES_CELLS 21

static void write_objections(struct emit *emit, unsigned objection)
{
	emit_array(emit, "objections");
	for (unsigned cause = 0; cause < LIVENESS_CAUSES; cause++)
		if (objection >> cause & 1)
			emit_string(emit, NULL, roster_cause_name(cause));
	emit_end(emit);
}

static void write_bfd(struct tally *t, const struct roster_bfd *bfd)
{
	if (bfd->mode == NULL)
		return;
	tally_group(t, "bfd");
	tally_identity(t, "mode", bfd->mode);
	tally_number(t, "worker", bfd->worker);
	tally_state(t, "state", bfd->state, bfd->state_number);
	tally_number(t, "state_ms", bfd->state_ms);
	tally_state(t, "diag", bfd->diag, bfd->diag_number);
	tally_state(t, "remote_state", bfd->remote_state, bfd->remote_state_number);
	tally_state(t, "remote_diag", bfd->remote_diag, bfd->remote_diag_number);
	tally_number(t, "discriminator", bfd->discriminator);
	tally_level(t, "remote_discriminator", bfd->remote_discriminator);
	tally_level(t, "interval_us", bfd->interval_us);
	tally_level(t, "detection_us", bfd->detection_us);
	tally_count(t, "sent", bfd->sent);
	tally_count(t, "received", bfd->received);
	tally_some(t, "unsent", bfd->unsent);
	tally_count(t, "ups", bfd->ups);
	tally_count(t, "downs", bfd->downs);
	tally_some(t, "demands_refused", bfd->demands_refused);
	tally_group_end(t);
}

/* Of the last closed epoch. */
static void write_delay(struct tally *t, const struct tracker_delay *delay)
{
	tally_group(t, "delay");
	tally_count(t, "epochs", delay->closed);
	tally_count(t, "unread", delay->unread);
	tally_level(t, "packets", delay->packets);
	tally_level(t, "pdv_p50_ns", delay->pdv_p50);
	tally_level(t, "pdv_p90_ns", delay->pdv_p90);
	tally_level(t, "pdv_p99_ns", delay->pdv_p99);
	tally_level(t, "pdv_p999_ns", delay->pdv_p999);
	tally_level(t, "pdv_max_ns", delay->pdv_max);
	tally_level(t, "ipdv_p99_ns", delay->ipdv_p99);
	tally_level(t, "jitter_ns", delay->jitter);
	tally_level(t, "segments", delay->segments);
	tally_group_end(t);
}

/* What the numbers on the path's packets say. lost goes down again when what was missed comes. */
static void write_lanes(struct tally *t, const struct collect *collect, uint32_t id,
	const struct tracker_delay *delay)
{
	struct lanes_view view;

	collect_lanes(collect, id, &view);
	tally_group(t, "measured");
	tally_count(t, "sent_packets", view.sent.packets);
	tally_count(t, "sent_bytes", view.sent.bytes);
	tally_count(t, "taken_back", view.taken_back);
	tally_count(t, "received_packets", view.received.packets);
	tally_count(t, "received_bytes", view.received.bytes);
	tally_level(t, "lost", view.received.skipped - view.received.reordered);
	tally_count(t, "reordered", view.received.reordered);
	tally_count(t, "duplicates", view.received.duplicates);
	tally_count(t, "late", view.received.late);
	tally_count(t, "resyncs", view.received.resyncs);
	write_delay(t, delay);
	tally_group_end(t);
}

void sections_path(struct report *report, uint32_t id)
{
	struct roster_path who;
	struct meter_traffic traffic;
	struct tally t;

	if (!report->roster->path(report->roster->context, id, &who))
		return;
	collect_path(report->collect, id, &traffic);
	/* Another row where other counters are written. */
	report_tally(report, &t, REPORT_PATHS, id,
		SECTIONS_TRAFFIC_CELLS + 2 + BFD_CELLS + LANES_CELLS,
		report->collect->path_owner[id] * 4 + (who.bfd.mode != NULL ? 2u : 0u) +
			(who.measured ? 1u : 0u));
	tally_begin(&t, NULL);
	tally_identity(&t, "name", who.name);
	tally_identity(&t, "site", who.site);
	tally_identity(&t, "port", who.port);
	write_objections(&report->emit, who.objection);
	tally_flag(&t, "live", who.live);
	tally_flag(&t, "admin", who.admin);
	sections_traffic(&t, &traffic);
	write_bfd(&t, &who.bfd);
	if (who.measured)
		write_lanes(&t, report->collect, id, &who.delay);
	tally_end(&t);
}
