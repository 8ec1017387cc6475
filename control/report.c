/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/report.h"

#include <stdlib.h>
#include <string.h>

#include "control/sections.h"

#define OBJECTS_A_STEP 64

static const char *const section_name[REPORT_SECTION_COUNT] = {
#define X(id, name) [REPORT_##id] = name,
	REPORT_SECTIONS(X)
#undef X
};

const char *report_section_name(enum report_section section)
{
	return section_name[section];
}

int report_section_find(const char *name)
{
	for (int s = 0; s < REPORT_SECTION_COUNT; s++)
		if (strcmp(section_name[s], name) == 0)
			return s;
	return -1;
}

/* Rows are found by index; the array grows to the highest one met. */
static uint64_t **place_of(struct report_rows *rows, uint32_t index)
{
	uint32_t count = rows->count ? rows->count : 16;
	uint64_t **row;

	if (index < rows->count)
		return &rows->row[index];
	while (count <= index)
		count *= 2;
	row = realloc(rows->row, count * sizeof(*row));
	if (row == NULL)
		return NULL;
	memset(row + rows->count, 0, (count - rows->count) * sizeof(*row));
	rows->row = row;
	rows->count = count;
	return &row[index];
}

/* A row begins with its owner. */
void report_tally(struct report *report, struct tally *tally, enum report_section section,
	uint32_t index, unsigned cells, uint64_t owner)
{
	struct report_memory *memory = report->request.memory;
	uint64_t **place, *row = NULL;
	bool first = false;

	if (memory != NULL) {
		place = place_of(&memory->section[section], index);
		first = place != NULL && (*place == NULL || **place != owner);
		if (place != NULL && *place == NULL)
			*place = calloc(cells + 1, sizeof(**place));
		if (place == NULL || *place == NULL)
			report->text.failed = true;
		else
			row = *place;
	}
	if (row != NULL)
		*row++ = owner;
	tally_init(tally, &report->emit, row, cells, first, report->request.nonzero);
}

void report_memory_free(struct report_memory *memory)
{
	for (unsigned s = 0; s < REPORT_SECTION_COUNT; s++) {
		for (uint32_t i = 0; i < memory->section[s].count; i++)
			free(memory->section[s].row[i]);
		free(memory->section[s].row);
	}
	*memory = (struct report_memory){0};
}

void report_start(struct report *report, const struct report_request *request,
	const struct collect *collect, const struct roster *roster, const struct loop_times *turns)
{
	*report = (struct report){.request = *request,
		.collect = collect,
		.roster = roster,
		.turns = turns,
		.time_ns = collect_now_ns()};
	emit_init(&report->emit, &report->text);
	roster->gateway(roster->context, &report->gateway);
	emit_object(&report->emit, NULL);
	emit_string(&report->emit, "name", report->gateway.name);
	emit_string(&report->emit, "version", report->gateway.version);
	emit_u64(&report->emit, "generation", report->gateway.generation);
	emit_u64(&report->emit, "live_generation", report->gateway.live);
	emit_u64(&report->emit, "time_ns", report->time_ns);
}

/* The indices from report->next up to last; true while some are left. */
static bool walk(struct report *report, void (*write)(struct report *, uint32_t), uint32_t last,
	uint32_t count)
{
	for (; count > 0 && report->next <= last; count--)
		write(report, report->next++);
	return report->next <= last;
}

static bool walk_ports(struct report *report, void (*write)(struct report *, uint32_t))
{
	return report->gateway.ports != 0 && walk(report, write, report->gateway.ports - 1, 4);
}

/* Ids start at 1. */
static bool walk_ids(struct report *report, void (*write)(struct report *, uint32_t), uint32_t last,
	uint32_t count)
{
	if (report->next == 0)
		report->next = 1;
	return walk(report, write, last, count);
}

/* drop: where all that was lost is added up; NULL: nowhere. */
static bool walk_connections(struct report *report,
	void (*write)(struct report *, uint32_t, const struct collect_connection *), uint64_t *drop)
{
	uint32_t only = report->request.connection;
	uint32_t last = only != 0 ? only : report->gateway.connections;
	const struct collect_connection *c;
	unsigned count;

	if (report->next == 0)
		report->next = only != 0 ? only : 1;
	if (report->next > last)
		return false;
	count = collect_batch(report->collect);
	if (count > last - report->next + 1)
		count = last - report->next + 1;
	c = collect_connections(report->collect, report->next, count, drop);
	for (unsigned i = 0; i < count; i++)
		write(report, report->next++, &c[i]);
	return report->next <= last;
}

/* The next list of a section begins with the next step. */
static bool next_part(struct report *report, const char *key)
{
	emit_end(&report->emit);
	if (key != NULL)
		emit_array(&report->emit, key);
	report->part++;
	report->next = 0;
	return key != NULL;
}

/* Of one connection alone, neither ports nor sums are told. */
static bool drops_go_on(struct report *report)
{
	switch (report->part) {
	case 0:
		emit_object(&report->emit, "drops");
		emit_array(&report->emit, "connections");
		report->part++;
		return true;
	case 1:
		if (walk_connections(report, sections_connection_drops, report->drops))
			return true;
		if (report->request.connection == 0)
			return next_part(report, "ports");
		next_part(report, NULL);
		break;
	case 2:
		return walk_ports(report, sections_port_drops) || next_part(report, "total");
	default:
		sections_total_drops(report);
		next_part(report, NULL);
	}
	emit_end(&report->emit);
	return false;
}

static bool neighbours_go_on(struct report *report)
{
	if (report->part == 0) {
		emit_object(&report->emit, "neighbours");
		sections_neighbour_states(report);
		emit_array(&report->emit, "entries");
		report->part++;
	}
	/* A watch is told how many there are, not again and again which. */
	for (unsigned i = 0; i < OBJECTS_A_STEP && report->request.memory == NULL; i++) {
		if (sections_neighbour(report, &report->next))
			continue;
		report->part++;
		break;
	}
	if (report->part == 1 && report->request.memory == NULL)
		return true;
	emit_end(&report->emit);
	emit_end(&report->emit);
	return false;
}

static bool list_goes_on(struct report *report)
{
	const struct roster_gateway *g = &report->gateway;
	unsigned workers = report->collect->workers;

	switch ((enum report_section)report->section) {
	case REPORT_PORTS:
		return walk_ports(report, sections_port);
	case REPORT_WORKERS:
		return walk(report, sections_worker, workers - 1, workers);
	case REPORT_CONNECTIONS:
		return walk_connections(report, sections_connection, NULL);
	case REPORT_ATTACHMENTS:
		return walk_ids(report, sections_attachment, g->attachments, OBJECTS_A_STEP);
	case REPORT_PATHS:
		return walk_ids(report, sections_path, g->paths, OBJECTS_A_STEP);
	case REPORT_RINGS:
		return walk(report, sections_ring, (workers + 1) * workers - 1, OBJECTS_A_STEP);
	default:
		return false;
	}
}

static bool section_goes_on(struct report *report)
{
	if (report->section == REPORT_DROPS)
		return drops_go_on(report);
	if (report->section == REPORT_NEIGHBOURS)
		return neighbours_go_on(report);
	if (report->section == REPORT_CONTROL) {
		sections_control(report);
		return false;
	}
	if (report->part == 0) {
		emit_array(&report->emit, section_name[report->section]);
		report->part++;
	}
	if (list_goes_on(report))
		return true;
	emit_end(&report->emit);
	return false;
}

bool report_step(struct report *report)
{
	bool wanted = report->request.sections >> report->section & 1;

	if (report->section == REPORT_SECTION_COUNT)
		return false;
	if (wanted && section_goes_on(report))
		return true;
	report->section++;
	report->part = 0;
	report->next = 0;
	if (report->section < REPORT_SECTION_COUNT)
		return true;
	emit_end(&report->emit);
	return false;
}

char *report_take(struct report *report, size_t *length)
{
	return text_take(&report->text, length);
}

void report_free(struct report *report)
{
	text_free(&report->text);
}
