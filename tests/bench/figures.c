/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/bench/figures.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

static json_t *kept;

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double figures_median(double *value, unsigned count)
{
	qsort(value, count, sizeof(*value), by_value);
	return count % 2 ? value[count / 2] : (value[count / 2 - 1] + value[count / 2]) / 2;
}

double figures_add(
	const char *name, const char *unit, double *value, unsigned count, const char *params)
{
	double median = figures_median(value, count);
	json_t *object = params != NULL ? json_loads(params, 0, NULL) : json_object();

	if (kept == NULL)
		kept = json_array();
	json_array_append_new(
		kept, json_pack("{s:s,s:s,s:f,s:f,s:f,s:i,s:o}", "name", name, "unit", unit,
			      "median", median, "min", value[0], "max", value[count - 1], "runs",
			      (int)count, "params", object != NULL ? object : json_object()));
	return median;
}

int figures_write(const char *file)
{
	if (file == NULL)
		return 0;
	if (kept == NULL)
		kept = json_array();
	return json_dump_file(kept, file, JSON_INDENT(1) | JSON_REAL_PRECISION(6)) < 0 ? -EIO : 0;
}
