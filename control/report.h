/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What stats.get and stats.watch answer: the chosen sections of all counters as one JSON object,
 * made in slices. docs/api.md describes the members.
 */
#ifndef CONTROL_REPORT_H
#define CONTROL_REPORT_H

#include "control/collect.h"
#include "control/roster.h"
#include "control/tally.h"

struct loop_times;

#define REPORT_SECTIONS(X) \
	X(PORTS, "ports") \
	X(WORKERS, "workers") \
	X(CONNECTIONS, "connections") \
	X(ATTACHMENTS, "attachments") \
	X(PATHS, "paths") \
	X(DROPS, "drops") \
	X(NEIGHBOURS, "neighbours") \
	X(RINGS, "rings") \
	X(CONTROL, "control")

enum report_section {
#define X(id, name) REPORT_##id,
	REPORT_SECTIONS(X)
#undef X
		REPORT_SECTION_COUNT
};

#define REPORT_ALL ((1u << REPORT_SECTION_COUNT) - 1)

const char *report_section_name(enum report_section section);
/* The section of that name, or -1. */
int report_section_find(const char *name);

/* What was last told, for differences: rows of cells by section and id. */
struct report_memory {
	struct report_rows {
		uint64_t **row;
		uint32_t count;
	} section[REPORT_SECTION_COUNT];
};

struct report_request {
	unsigned sections;	      /* bits of enum report_section */
	uint32_t connection;	      /* only this one and what belongs to it; 0: all */
	bool nonzero;		      /* see tally.h */
	struct report_memory *memory; /* of a watch; NULL: whole values */
};

struct report {
	struct report_request request;
	const struct collect *collect;
	const struct roster *roster;
	const struct loop_times *turns; /* of the control loop; NULL: not told */
	struct roster_gateway gateway;
	unsigned section;
	unsigned part;	  /* of a section with several lists */
	uint32_t next;	  /* id or index */
	uint64_t time_ns; /* when it was begun */
	uint64_t drops[DROP_COUNT];
	struct emit emit;
	struct text text;
};

void report_start(struct report *report, const struct report_request *request,
	const struct collect *collect, const struct roster *roster, const struct loop_times *turns);
/* Members written after report_start and before the first step stand first in the object. */

/* One slice, well under a millisecond. True: call again. */
bool report_step(struct report *report);

/* After the last step: the JSON text, for free(); NULL on lack of memory. */
char *report_take(struct report *report, size_t *length);
/* At any time. */
void report_free(struct report *report);

/* A tally for the object at this index of a section, with its row where differences are asked for.
 * owner: changes when the index stands for something else, which then starts anew. */
void report_tally(struct report *report, struct tally *tally, enum report_section section,
	uint32_t index, unsigned cells, uint64_t owner);
void report_memory_free(struct report_memory *memory);

#endif
