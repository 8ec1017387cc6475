/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/journal_thread.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "control/journal_file.h"

#define GROUP 64 /* records handed to one write */

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* After the first failure nothing is written any more: what the disk holds behind it is unknown. */
static void keep_error(struct journal_writer *writer, int error)
{
	if (error && !writer->failed)
		writer->failed = error;
}

/* The run of appends that begins at job; the first job behind it. */
static struct aside_job *write_group(struct journal_writer *writer, struct aside_job *job)
{
	struct journal_file_frame frame[GROUP];
	unsigned count = 0;

	for (; job && count < GROUP; job = job->next) {
		struct journal_job *append = (struct journal_job *)job;

		if (append->work != JOURNAL_APPEND)
			break;
		frame[count++] = (struct journal_file_frame){.flags = JOURNAL_FILE_RECORD,
			.sequence = append->sequence,
			.durable = writer->durable,
			.bytes = append->bytes,
			.length = append->length};
	}
	if (!writer->failed)
		keep_error(writer, journal_file_write(writer->log, &writer->at, frame, count));
	return job;
}

/* Not synced: it costs nothing, and whatever is read of it later is true. */
static void write_mark(struct journal_writer *writer)
{
	struct journal_file_frame mark = {.flags = JOURNAL_FILE_MARK,
		.sequence = writer->durable,
		.durable = writer->durable,
		.bytes = ""};

	keep_error(writer, journal_file_write(writer->log, &writer->at, &mark, 1));
}

static uint64_t sync_log(struct journal_writer *writer, uint64_t sequence)
{
	uint64_t start = now_ns();

	if (writer->failed)
		return 0;
	if (fdatasync(writer->log) < 0) {
		keep_error(writer, -errno);
		return now_ns() - start;
	}
	writer->durable = sequence;
	write_mark(writer);
	return now_ns() - start;
}

/* All appends up to end, with one sync. */
static struct aside_job *append(struct journal_writer *writer, struct aside_job *first)
{
	struct aside_job *end = first;
	struct journal_job *last = NULL;
	int failed;

	while (end && ((struct journal_job *)end)->work == JOURNAL_APPEND)
		end = write_group(writer, end);
	for (struct aside_job *job = first; job != end; job = job->next)
		last = (struct journal_job *)job;
	failed = writer->failed;
	last->sync_ns = sync_log(writer, last->sequence);
	/* A mark that fails spoils what comes after it, not what was synced. */
	if (writer->failed && writer->durable != last->sequence)
		failed = writer->failed;
	for (struct aside_job *job = first; job != end; job = job->next)
		((struct journal_job *)job)->error = failed;
	return end;
}

int journal_thread_new_log(struct journal_writer *writer, uint64_t base, off_t *reserved)
{
	off_t at;
	int error, log = journal_file_create(writer->directory, "log", JOURNAL_FILE_LOG, base, &at);

	if (log < 0)
		return log;
	/* What is missing here is asked for again before it is needed. */
	*reserved = at + JOURNAL_THREAD_AHEAD;
	if (journal_file_reserve(log, 0, *reserved) < 0)
		*reserved = at;
	error = journal_file_commit(log, writer->directory, "log");
	if (error) {
		journal_file_abandon(writer->directory, "log");
		close(log);
		return error;
	}
	if (writer->log >= 0)
		close(writer->log);
	writer->log = log;
	writer->at = at;
	writer->durable = base;
	return 0;
}

static void checkpoint_close(struct journal_writer *writer)
{
	if (writer->checkpoint >= 0)
		close(writer->checkpoint);
	writer->checkpoint = -1;
	journal_file_abandon(writer->directory, "checkpoint");
}

static void checkpoint_begin(struct journal_writer *writer, struct journal_job *job)
{
	writer->checkpoint = journal_file_create(writer->directory, "checkpoint",
		JOURNAL_FILE_CHECKPOINT, job->sequence, &writer->checkpoint_at);
	writer->checkpoint_failed = writer->checkpoint < 0 ? writer->checkpoint : 0;
	writer->checkpoint_count = 0;
}

static void checkpoint_frame(struct journal_writer *writer, enum journal_file_flags flags,
	uint64_t sequence, const char *bytes, size_t length)
{
	struct journal_file_frame frame = {.flags = flags,
		.sequence = sequence,
		.durable = sequence,
		.bytes = bytes,
		.length = length};

	if (!writer->checkpoint_failed)
		writer->checkpoint_failed =
			journal_file_write(writer->checkpoint, &writer->checkpoint_at, &frame, 1);
}

static void checkpoint_commit(struct journal_writer *writer, struct journal_job *job)
{
	int error;

	checkpoint_frame(writer, JOURNAL_FILE_END, writer->checkpoint_count, "", 0);
	error = writer->checkpoint_failed;
	if (!error)
		error = journal_file_commit(writer->checkpoint, writer->directory, "checkpoint");
	checkpoint_close(writer);
	job->error = error;
	job->checkpoint_size = writer->checkpoint_at;
	if (error || writer->failed)
		return;
	/* Until this succeeds the old log stays: its records are in the checkpoint and skipped. */
	job->error = journal_thread_new_log(writer, job->sequence, &job->to);
	job->from = writer->at;
	job->new_log = job->error == 0;
}

static void run_one(struct journal_writer *writer, struct journal_job *job)
{
	switch (job->work) {
	case JOURNAL_APPEND:
		break;
	case JOURNAL_RESERVE:
		job->error = journal_file_reserve(writer->log, job->from, job->to);
		break;
	case JOURNAL_CHECKPOINT_BEGIN:
		checkpoint_begin(writer, job);
		break;
	case JOURNAL_CHECKPOINT_RECORD:
		checkpoint_frame(writer, JOURNAL_FILE_RECORD, ++writer->checkpoint_count,
			job->bytes, job->length);
		job->error = writer->checkpoint_failed;
		break;
	case JOURNAL_CHECKPOINT_COMMIT:
		checkpoint_commit(writer, job);
		break;
	case JOURNAL_CHECKPOINT_ABANDON:
		checkpoint_close(writer);
		break;
	}
}

void journal_thread_run(void *context, struct aside_job *batch)
{
	struct journal_writer *writer = context;

	while (batch) {
		struct journal_job *job = (struct journal_job *)batch;

		if (job->work == JOURNAL_APPEND) {
			batch = append(writer, batch);
			continue;
		}
		run_one(writer, job);
		batch = batch->next;
	}
}
