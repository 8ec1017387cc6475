/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tables for people: columns as wide as their widest cell, numbers to the right. The width of text
 * is that of a terminal, so names in any script line up. Lack of memory ends the program.
 */
#ifndef CONTROL_CLI_CLI_TABLE_H
#define CONTROL_CLI_CLI_TABLE_H

#include <stdio.h>

struct cli_table;

/* columns: names separated by "|"; one that begins with ">" is aligned to the right. */
struct cli_table *cli_table_create(const char *columns);
/* Cells fill rows from left to right. */
void cli_table_cell(struct cli_table *table, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Completes a row that is not full with empty cells. */
void cli_table_end_row(struct cli_table *table);
unsigned cli_table_rows(const struct cli_table *table);
/* With the heading; without rows prints none instead, where it is not NULL. Frees the table. */
void cli_table_print(struct cli_table *table, FILE *file, const char *none);

#endif
