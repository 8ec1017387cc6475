/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/scribe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/aside.h"

struct scribe {
	struct aside *aside;
};

enum work { READ, PRINT, RELEASE };

struct job {
	struct aside_job aside;
	enum work work;
	const char *text; /* READ */
	char *printed;	  /* PRINT */
	size_t length;
	json_t *value;
	char error[SCRIBE_ERROR];
	void (*read_done)(void *context, json_t *value, const char *error);
	void (*print_done)(void *context, char *text, size_t length);
	void *context;
};

json_t *scribe_parse(const char *text, size_t length, char error[SCRIBE_ERROR])
{
	json_error_t why;
	json_t *value = json_loadb(text, length, JSON_REJECT_DUPLICATES, &why);

	error[0] = '\0';
	if (!value)
		snprintf(error, SCRIBE_ERROR, "%.180s (at byte %d)", why.text, why.position);
	return value;
}

static void run(void *context, struct aside_job *batch)
{
	(void)context;
	for (; batch; batch = batch->next) {
		struct job *job = (struct job *)batch;

		if (job->work == READ) {
			job->value = scribe_parse(job->text, job->length, job->error);
			continue;
		}
		if (job->work == PRINT) {
			job->printed = json_dumps(job->value, JSON_COMPACT | JSON_ENCODE_ANY);
			job->length = job->printed ? strlen(job->printed) : 0;
		}
		json_decref(job->value);
	}
}

static void done(struct aside_job *aside)
{
	struct job *job = (struct job *)aside;

	if (job->work == READ)
		job->read_done(job->context, job->value, job->error);
	else if (job->work == PRINT)
		job->print_done(job->context, job->printed, job->length);
	free(job);
}

struct scribe *scribe_create(struct loop *loop)
{
	struct scribe *scribe = calloc(1, sizeof(*scribe));

	if (!scribe)
		return NULL;
	scribe->aside = aside_create(loop, "trunk-scribe", run, NULL);
	if (!scribe->aside) {
		free(scribe);
		return NULL;
	}
	return scribe;
}

void scribe_destroy(struct scribe *scribe)
{
	if (!scribe)
		return;
	aside_destroy(scribe->aside);
	free(scribe);
}

static struct job *job_create(enum work work, void *context)
{
	struct job *job = calloc(1, sizeof(*job));

	if (!job)
		return NULL;
	job->aside.done = done;
	job->work = work;
	job->context = context;
	return job;
}

int scribe_read(struct scribe *scribe, const char *text, size_t length,
	void (*read_done)(void *context, json_t *value, const char *error), void *context)
{
	struct job *job = job_create(READ, context);

	if (!job)
		return -ENOMEM;
	job->text = text;
	job->length = length;
	job->read_done = read_done;
	aside_give(scribe->aside, &job->aside);
	return 0;
}

/* Nodes below value, as far as budget goes. */
static int count_nodes(json_t *value, int budget)
{
	size_t index;
	const char *key;
	json_t *child;

	budget--;
	if (json_is_array(value)) {
		json_array_foreach(value, index,
			child) if ((budget = count_nodes(child, budget)) <= 0) return 0;
	} else if (json_is_object(value)) {
		json_object_foreach(
			value, key, child) if ((budget = count_nodes(child, budget)) <= 0) return 0;
	} else if (json_is_string(value)) {
		budget -= (int)(json_string_length(value) / 16);
	}
	return budget;
}

bool scribe_large(json_t *value)
{
	return count_nodes(value, SCRIBE_SMALL / 16) <= 0;
}

int scribe_print(struct scribe *scribe, json_t *value,
	void (*print_done)(void *context, char *text, size_t length), void *context)
{
	struct job *job = job_create(PRINT, context);

	if (!job)
		return -ENOMEM;
	job->value = value;
	job->print_done = print_done;
	aside_give(scribe->aside, &job->aside);
	return 0;
}

void scribe_release(struct scribe *scribe, json_t *value)
{
	struct job *job = job_create(RELEASE, NULL);

	if (!job) {
		json_decref(value);
		return;
	}
	job->value = value;
	aside_give(scribe->aside, &job->aside);
}
