/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/cli/cli_table.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#define COLUMNS_MAX 24

struct cli_table {
	char *columns; /* cut at each "|" */
	const char *name[COLUMNS_MAX];
	bool right[COLUMNS_MAX];
	unsigned width[COLUMNS_MAX];
	unsigned count;
	char **cell;
	size_t cells, room;
};

static void *or_end(void *memory)
{
	if (memory == NULL) {
		fputs("trunkline: out of memory\n", stderr);
		exit(1);
	}
	return memory;
}

/* Columns of a terminal; bytes where the text is not what the locale expects. */
static unsigned width_of(const char *text)
{
	wchar_t wide[256];
	size_t length = mbstowcs(wide, text, 256);
	int width;

	if (length == (size_t)-1 || length >= 256)
		return (unsigned)strlen(text);
	width = wcswidth(wide, length);
	return width < 0 ? (unsigned)strlen(text) : (unsigned)width;
}

static void widen(struct cli_table *table, unsigned column, const char *text)
{
	unsigned width = width_of(text);

	if (width > table->width[column])
		table->width[column] = width;
}

struct cli_table *cli_table_create(const char *columns)
{
	struct cli_table *table = or_end(calloc(1, sizeof(*table)));
	char *rest = table->columns = or_end(strdup(columns)), *name;

	while (table->count < COLUMNS_MAX && (name = strsep(&rest, "|")) != NULL) {
		table->right[table->count] = *name == '>';
		table->name[table->count] = name + (*name == '>');
		widen(table, table->count, table->name[table->count]);
		table->count++;
	}
	return table;
}

void cli_table_cell(struct cli_table *table, const char *format, ...)
{
	va_list args;
	char *text = NULL;

	if (table->cells == table->room) {
		table->room = table->room ? table->room * 2 : 64;
		table->cell = or_end(realloc(table->cell, table->room * sizeof(char *)));
	}
	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	widen(table, (unsigned)(table->cells % table->count), or_end(text));
	table->cell[table->cells++] = text;
}

void cli_table_end_row(struct cli_table *table)
{
	while (table->cells % table->count != 0)
		cli_table_cell(table, "%s", "");
}

unsigned cli_table_rows(const struct cli_table *table)
{
	return (unsigned)(table->cells / table->count);
}

static void print_cell(const struct cli_table *table, FILE *file, unsigned column, const char *text)
{
	int pad = (int)(table->width[column] - width_of(text));

	if (column > 0)
		fputs("  ", file);
	if (table->right[column])
		fprintf(file, "%*s", pad, "");
	fputs(text, file);
	/* No blanks at the end of a line. */
	if (!table->right[column] && column + 1 < table->count)
		fprintf(file, "%*s", pad, "");
}

void cli_table_print(struct cli_table *table, FILE *file, const char *none)
{
	cli_table_end_row(table);
	for (unsigned i = 0; i < table->count && table->cells != 0; i++)
		print_cell(table, file, i, table->name[i]);
	if (table->cells != 0)
		fputc('\n', file);
	else if (none != NULL)
		fprintf(file, "%s\n", none);
	for (size_t i = 0; i < table->cells; i++) {
		print_cell(table, file, (unsigned)(i % table->count), table->cell[i]);
		if (i % table->count == table->count - 1)
			fputc('\n', file);
		free(table->cell[i]);
	}
	free(table->cell);
	free(table->columns);
	free(table);
}
