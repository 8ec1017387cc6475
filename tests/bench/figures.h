/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The figures of a benchmark: kept, printed as a table, written as JSON:
 * [{"name", "unit", "median", "min", "max", "runs", "params"}].
 */
#ifndef TESTS_BENCH_FIGURES_H
#define TESTS_BENCH_FIGURES_H

#include <stdbool.h>

#define FIGURES_RUNS 64

/* Middle of count values, which it sorts. */
double figures_median(double *value, unsigned count);

/* Keeps one figure; value is sorted. params: JSON text of an object, or NULL. Answers the median.
 */
double figures_add(
	const char *name, const char *unit, double *value, unsigned count, const char *params);

/* Writes what was kept; 0 or -errno. file NULL: nothing to do. */
int figures_write(const char *file);

#endif
