/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Counters of one object written as JSON members: whole, or as what was added since they were last
 * written. For the latter every object has a row of cells, one for each value in the order of the
 * calls; so a writer makes the same calls in the same order each time, whatever the values are.
 */
#ifndef CONTROL_TALLY_H
#define CONTROL_TALLY_H

#include "control/emit.h"

#define TALLY_GROUPS 4

struct tally {
	struct emit *emit;
	uint64_t *row; /* NULL: values are written whole and not remembered */
	unsigned cell, cells;
	bool first;   /* the row is new: whole values are written, and remembered */
	bool nonzero; /* counters at zero, and objects with nothing else, are left out */
	bool touched; /* something worth telling was written */
	unsigned groups;
	struct emit before[TALLY_GROUPS]; /* where each open group began, to take it back */
	size_t length[TALLY_GROUPS];
	bool wrote[TALLY_GROUPS];
};

/* row: cells entries, kept by the caller, or NULL. */
void tally_init(struct tally *tally, struct emit *emit, uint64_t *row, unsigned cells, bool first,
	bool nonzero);
/* Begins the object; key: NULL in an array. */
void tally_begin(struct tally *tally, const char *key);
/* False: nothing was worth telling, the object was taken back. */
bool tally_end(struct tally *tally);

/* An object inside; it is taken back where nothing gets written into it. */
void tally_group(struct tally *tally, const char *key);
void tally_group_end(struct tally *tally);

/* The name and the like: written, but not worth telling alone. */
void tally_identity(struct tally *tally, const char *key, const char *string);
void tally_number(struct tally *tally, const char *key, uint64_t number);

/* A sum. */
void tally_count(struct tally *tally, const char *key, uint64_t value);
/* A sum of which zero is never written. */
void tally_some(struct tally *tally, const char *key, uint64_t value);
/* What to write of a sum where it is not to be a member: the value, or what was added. */
uint64_t tally_added(struct tally *tally, uint64_t value);

/* Levels: written whole; where a row is kept, only when they have changed. */
void tally_level(struct tally *tally, const char *key, uint64_t value);
void tally_flag(struct tally *tally, const char *key, bool value);
/* number stands for the string. */
void tally_state(struct tally *tally, const char *key, const char *string, uint64_t number);

#endif
