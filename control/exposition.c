/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/exposition.h"

#include <stdio.h>
#include <string.h>

const struct exposition_family exposition_family[FAMILIES_COUNT] = {
#define X(id, name, type, unit, help) [FAMILIES_##id] = {name, type, unit, help},
	FAMILIES_LIST(X)
#undef X
};

static bool has_type(enum families family, const char *type)
{
	return strcmp(exposition_family[family].type, type) == 0;
}

static const char *suffix_of(enum families family)
{
	if (has_type(family, "counter"))
		return "_total";
	return has_type(family, "info") ? "_info" : "";
}

static void open_sample(struct text *t, enum families family, const char *suffix,
	const struct exposition_label *label)
{
	bool labelled = label != NULL && label->name != NULL;

	text_put(t, exposition_family[family].name);
	text_put(t, suffix);
	for (const char *comma = "{"; label != NULL && label->name != NULL; label++, comma = ",") {
		text_put(t, comma);
		text_put(t, label->name);
		text_put(t, "=\"");
		text_label(t, label->value);
		text_put(t, "\"");
	}
	text_put(t, labelled ? "} " : " ");
}

static void close_sample(struct text *t, uint64_t value)
{
	text_u64(t, value);
	text_add(t, "\n", 1);
}

void exposition_sample(struct exposition *e, enum families family,
	const struct exposition_label *label, uint64_t value)
{
	open_sample(&e->family[family], family, suffix_of(family), label);
	close_sample(&e->family[family], value);
}

void exposition_seconds(struct exposition *e, enum families family,
	const struct exposition_label *label, uint64_t ns)
{
	open_sample(&e->family[family], family, suffix_of(family), label);
	text_format(&e->family[family], "%.9f\n", (double)ns / 1e9);
}

void exposition_histogram(struct exposition *e, enum families family, const char *name,
	const char *value, const struct exposition_times *times)
{
	struct text *t = &e->family[family];
	struct exposition_label label[3] = {{name, value}};
	struct exposition_label *le = name == NULL ? &label[0] : &label[1];
	uint64_t total = 0;
	char bound[32];

	*le = (struct exposition_label){"le", bound};
	for (unsigned i = 0; i < times->count; i++) {
		total += times->bucket[i];
		snprintf(bound, sizeof(bound), "%.10g", (double)(times->first_ns << i) / 1e9);
		if (i + 1 == times->count)
			le->value = "+Inf";
		open_sample(t, family, "_bucket", label);
		close_sample(t, total);
	}
	/* A count without a sum is not allowed in OpenMetrics. */
	if (times->sum_ns == NULL)
		return;
	*le = (struct exposition_label){0};
	open_sample(t, family, "_count", label);
	close_sample(t, total);
	open_sample(t, family, "_sum", label);
	text_format(t, "%.9f\n", (double)*times->sum_ns / 1e9);
}

/* OpenMetrics names the family, the older format the sample. */
static void head(struct exposition *e, enum families family)
{
	const struct exposition_family *f = &exposition_family[family];
	bool open = e->form == EXPOSITION_OPENMETRICS;
	const char *suffix = open ? "" : suffix_of(family);
	const char *type = !open && has_type(family, "info") ? "gauge" : f->type;

	text_format(&e->whole, "# HELP %s%s %s.\n# TYPE %s%s %s\n", f->name, suffix, f->help,
		f->name, suffix, type);
	if (open && f->unit[0] != '\0')
		text_format(&e->whole, "# UNIT %s %s\n", f->name, f->unit);
}

bool exposition_join(struct exposition *e)
{
	enum families family = e->joined;
	struct text *t;

	if (e->joined == FAMILIES_COUNT) {
		if (e->form == EXPOSITION_OPENMETRICS)
			text_put(&e->whole, "# EOF\n");
		return false;
	}
	t = &e->family[family];
	e->joined++;
	e->whole.failed |= t->failed;
	if (t->length != 0) {
		head(e, family);
		text_add(&e->whole, t->data, t->length);
	}
	text_free(t);
	return true;
}

void exposition_free(struct exposition *e)
{
	for (unsigned i = 0; i < FAMILIES_COUNT; i++)
		text_free(&e->family[i]);
	text_free(&e->whole);
}
