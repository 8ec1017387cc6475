/* SPDX-License-Identifier: BSD-3-Clause */
/* Writes single objects of each section of a report. Ids that name nothing write nothing. */
#ifndef CONTROL_SECTIONS_H
#define CONTROL_SECTIONS_H

#include "control/report.h"
#include "control/tally.h"

#define SECTIONS_TRAFFIC_CELLS 4

/* Packets and bytes, as attachments and paths count them. */
void sections_traffic(struct tally *tally, const struct meter_traffic *traffic);

void sections_port(struct report *report, uint32_t index);
void sections_worker(struct report *report, uint32_t worker);
void sections_connection(struct report *report, uint32_t id, const struct collect_connection *c);
void sections_attachment(struct report *report, uint32_t id);
void sections_path(struct report *report, uint32_t id);
/* index: from * workers + to. */
void sections_ring(struct report *report, uint32_t index);
void sections_control(struct report *report);

/* Rows of drops: one object for each reason that happened. */
void sections_port_drops(struct report *report, uint32_t index);
void sections_connection_drops(
	struct report *report, uint32_t id, const struct collect_connection *all);
void sections_total_drops(struct report *report);

void sections_neighbour_states(struct report *report);
/* The next one behind *id; false at the end. */
bool sections_neighbour(struct report *report, uint32_t *id);

#endif
