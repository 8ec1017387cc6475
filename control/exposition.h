/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The two text formats of metrics: OpenMetrics 1.0 and the older Prometheus text format. Samples of
 * one family must stand together, but are easier made object by object: so each family grows in a
 * text of its own until all are joined.
 */
#ifndef CONTROL_EXPOSITION_H
#define CONTROL_EXPOSITION_H

#include "control/families.h"
#include "control/text.h"

enum exposition_form { EXPOSITION_OPENMETRICS, EXPOSITION_PROMETHEUS };

struct exposition_family {
	const char *name, *type, *unit, *help;
};

extern const struct exposition_family exposition_family[FAMILIES_COUNT];

struct exposition_label {
	const char *name, *value;
};

/* The labels of one sample, given as {name, value} pairs. */
#define EXPOSITION_LABELS(...) ((const struct exposition_label[]){__VA_ARGS__, {NULL, NULL}})

struct exposition {
	enum exposition_form form;
	struct text family[FAMILIES_COUNT];
	struct text whole;
	unsigned joined; /* families that are in whole */
};

/* label: NULL for none. Values are escaped here. */
void exposition_sample(struct exposition *e, enum families family,
	const struct exposition_label *label, uint64_t value);
void exposition_seconds(struct exposition *e, enum families family,
	const struct exposition_label *label, uint64_t ns);
/* Counts of durations: bucket[i] of what is below first_ns << i and not below half of it, the last
 * of all the rest. sum_ns: NULL where the sum is not known. */
struct exposition_times {
	const uint64_t *bucket;
	unsigned count;
	uint64_t first_ns;
	const uint64_t *sum_ns;
};
/* One label, or name NULL. */
void exposition_histogram(struct exposition *e, enum families family, const char *name,
	const char *value, const struct exposition_times *times);

/* Appends one more family to whole, and the end mark behind the last. False: all is joined. */
bool exposition_join(struct exposition *e);
void exposition_free(struct exposition *e);

#endif
