/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/tally.h"

static void mark(struct tally *tally)
{
	for (unsigned i = 0; i < tally->groups; i++)
		tally->wrote[i] = true;
}

static void open_group(struct tally *tally, const char *key)
{
	struct emit *emit = tally->emit;

	tally->before[tally->groups] = *emit;
	tally->length[tally->groups] = emit->text->length;
	tally->wrote[tally->groups] = false;
	tally->groups++;
	emit_object(emit, key);
}

static void close_group(struct tally *tally, bool keep)
{
	struct emit *emit = tally->emit;

	tally->groups--;
	if (keep) {
		emit_end(emit);
		return;
	}
	*emit = tally->before[tally->groups];
	emit->text->length = tally->length[tally->groups];
	if (emit->text->data != NULL)
		emit->text->data[emit->text->length] = '\0';
}

void tally_init(struct tally *tally, struct emit *emit, uint64_t *row, unsigned cells, bool first,
	bool nonzero)
{
	*tally = (struct tally){
		.emit = emit, .row = row, .cells = cells, .first = first, .nonzero = nonzero};
}

void tally_begin(struct tally *tally, const char *key)
{
	open_group(tally, key);
}

bool tally_end(struct tally *tally)
{
	bool differences = tally->row != NULL && !tally->first;
	bool keep = tally->touched || !(tally->nonzero || differences);

	close_group(tally, keep);
	return keep;
}

void tally_group(struct tally *tally, const char *key)
{
	open_group(tally, key);
}

void tally_group_end(struct tally *tally)
{
	close_group(tally, tally->wrote[tally->groups - 1]);
}

void tally_identity(struct tally *tally, const char *key, const char *string)
{
	mark(tally);
	emit_string(tally->emit, key, string);
}

void tally_number(struct tally *tally, const char *key, uint64_t number)
{
	mark(tally);
	emit_u64(tally->emit, key, number);
}

/* The cell of the next value, or NULL where none is kept or there are too few. */
static uint64_t *next_cell(struct tally *tally)
{
	if (tally->row == NULL)
		return NULL;
	if (tally->cell == tally->cells) {
		tally->emit->text->failed = true;
		return NULL;
	}
	return &tally->row[tally->cell++];
}

uint64_t tally_added(struct tally *tally, uint64_t value)
{
	uint64_t *cell = next_cell(tally);
	uint64_t last;

	if (cell == NULL)
		return value;
	last = *cell;
	*cell = value;
	/* A sum below its last value belongs to a new owner of the id and began at zero. */
	return tally->first || value < last ? value : value - last;
}

static void write_sum(struct tally *tally, const char *key, uint64_t value, bool zero_too)
{
	uint64_t added = tally_added(tally, value);
	bool differences = tally->row != NULL && !tally->first;

	if (added != 0)
		tally->touched = true;
	else if (!zero_too || tally->nonzero || differences)
		return;
	mark(tally);
	emit_u64(tally->emit, key, added);
}

void tally_count(struct tally *tally, const char *key, uint64_t value)
{
	write_sum(tally, key, value, true);
}

void tally_some(struct tally *tally, const char *key, uint64_t value)
{
	write_sum(tally, key, value, false);
}

/* True where a level is to be written. */
static bool level_is_news(struct tally *tally, uint64_t value)
{
	uint64_t *cell = next_cell(tally);
	bool changed;

	if (cell == NULL)
		return true;
	changed = *cell != value;
	*cell = value;
	if (changed && !tally->first)
		tally->touched = true;
	return changed || tally->first;
}

void tally_level(struct tally *tally, const char *key, uint64_t value)
{
	if (!level_is_news(tally, value))
		return;
	mark(tally);
	emit_u64(tally->emit, key, value);
}

void tally_flag(struct tally *tally, const char *key, bool value)
{
	if (!level_is_news(tally, value))
		return;
	mark(tally);
	emit_bool(tally->emit, key, value);
}

void tally_state(struct tally *tally, const char *key, const char *string, uint64_t number)
{
	if (!level_is_news(tally, number))
		return;
	mark(tally);
	emit_string(tally->emit, key, string);
}
