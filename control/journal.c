/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/journal_state.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/journal_file.h"
#include "dataplane/base/log.h"

/* Opening */

static int load(struct journal *journal, enum journal_file_kind kind, char *error)
{
	struct journal_loaded *loaded = &journal->loaded[kind];
	const char *name = journal_state_name[kind];
	int result =
		journal_file_read(journal->writer.directory, name, &loaded->bytes, &loaded->length);

	if (result == -ENOENT)
		return 0;
	if (result) {
		snprintf(error, JOURNAL_ERROR_TEXT, "%s/%s cannot be read: %s", journal->path, name,
			strerror(-result));
		return result;
	}
	result = journal_file_scan(loaded->bytes, loaded->length, kind, NULL, NULL, &loaded->scan);
	if (!result)
		return 0;
	if (kind == JOURNAL_FILE_LOG && loaded->scan.offset)
		snprintf(error, JOURNAL_ERROR_TEXT,
			"%s/%s is damaged at offset %zu: %s. Restore the file from a backup; or "
			"run "
			"'truncate -s %zu %s/%s' to keep only the changes before the damage (up to "
			"number %" PRIu64 "), then start again and apply the document once more",
			journal->path, name, loaded->scan.offset, loaded->scan.why,
			loaded->scan.offset, journal->path, name, loaded->scan.last);
	else
		snprintf(error, JOURNAL_ERROR_TEXT,
			"%s/%s is damaged at offset %zu: %s. Restore %s from a backup; or move the "
			"files checkpoint and log out of it to start empty, and apply the document "
			"again",
			journal->path, name, loaded->scan.offset, loaded->scan.why, journal->path);
	return result;
}

static int check_pair(const struct journal *journal, char *error)
{
	const struct journal_loaded *log = &journal->loaded[JOURNAL_FILE_LOG];
	const struct journal_loaded *checkpoint = &journal->loaded[JOURNAL_FILE_CHECKPOINT];

	if (log->bytes && log->scan.base <= checkpoint->scan.base)
		return 0;
	if (!log->bytes && !checkpoint->bytes)
		return 0;
	snprintf(error, JOURNAL_ERROR_TEXT,
		"%s/%s is missing or too old: changes up to number %" PRIu64
		" are known to have been in it. Restore %s from a backup; or move the files "
		"checkpoint and log out of it to start empty, and apply the document again",
		journal->path, log->bytes ? "checkpoint" : "log",
		log->bytes ? log->scan.base : checkpoint->scan.base, journal->path);
	return -EBADMSG;
}

static void tell_repairs(const struct journal *journal)
{
	const struct journal_loaded *log = &journal->loaded[JOURNAL_FILE_LOG];

	if (log->scan.torn)
		log_warning("%s/log: an unfinished write behind change %" PRIu64
			    " was found at offset %zu and dropped; it had not been acknowledged",
			journal->path, log->scan.last, log->scan.end);
	if (log->scan.skipped)
		log_warning("%s/log: %u damaged marks between records; no record is lost",
			journal->path, log->scan.skipped);
}

/* What lies behind the last good frame must not come back to life behind new ones. */
static int continue_log(struct journal *journal)
{
	const struct journal_file_scan *scan = &journal->loaded[JOURNAL_FILE_LOG].scan;
	struct journal_writer *writer = &journal->writer;
	int error;

	writer->log = openat(writer->directory, "log", O_RDWR | O_CLOEXEC);
	if (writer->log < 0)
		return -errno;
	error = journal_file_renew(writer->log, JOURNAL_FILE_LOG, scan);
	if (error)
		return error;
	if (ftruncate(writer->log, (off_t)scan->end) < 0 || fsync(writer->log) < 0)
		return -errno;
	writer->at = (off_t)scan->end;
	writer->durable = scan->last;
	journal->reserved = writer->at;
	return 0;
}

static int open_log(struct journal *journal)
{
	uint64_t base = journal->loaded[JOURNAL_FILE_CHECKPOINT].scan.base;
	struct journal_loaded *log = &journal->loaded[JOURNAL_FILE_LOG];
	int error;

	/* Nothing of this log is needed any more where all of it is in the checkpoint. */
	if (!log->bytes || (log->scan.last <= base && base))
		error = journal_thread_new_log(&journal->writer, base, &journal->reserved);
	else
		error = continue_log(journal);
	journal->planned = journal->writer.at;
	journal->accepted = journal->durable = journal->writer.durable;
	return error;
}

static int start(struct journal *journal, char *error)
{
	int result;

	journal_file_abandon(journal->writer.directory, "log");
	journal_file_abandon(journal->writer.directory, "checkpoint");
	result = open_log(journal);
	if (!result) {
		journal->aside = aside_create(
			journal->loop, "trunk-journal", journal_thread_run, &journal->writer);
		result = journal->aside ? 0 : -errno;
	}
	if (result)
		snprintf(error, JOURNAL_ERROR_TEXT, "%s: the journal cannot be written: %s",
			journal->path, strerror(-result));
	return result;
}

struct journal *journal_open(
	struct loop *loop, const char *directory, char error[JOURNAL_ERROR_TEXT])
{
	struct journal *journal = calloc(1, sizeof(*journal));

	snprintf(error, JOURNAL_ERROR_TEXT, "out of memory");
	if (!journal)
		return NULL;
	journal->loop = loop;
	journal->writer.log = journal->writer.checkpoint = -1;
	journal->path = strdup(directory);
	journal->writer.directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!journal->path || journal->writer.directory < 0) {
		snprintf(error, JOURNAL_ERROR_TEXT, "state directory %s: %s", directory,
			strerror(errno));
		goto failed;
	}
	if (load(journal, JOURNAL_FILE_CHECKPOINT, error) ||
		load(journal, JOURNAL_FILE_LOG, error) || check_pair(journal, error))
		goto failed;
	tell_repairs(journal);
	journal->checkpoint_bytes = journal->loaded[JOURNAL_FILE_CHECKPOINT].length;
	if (loop && start(journal, error))
		goto failed;
	journal_state_init(journal);
	return journal;
failed:
	journal_close(journal);
	return NULL;
}

static void unload(struct journal *journal)
{
	for (unsigned i = 0; i < JOURNAL_STATE_FILES; i++) {
		free(journal->loaded[i].bytes);
		journal->loaded[i].bytes = NULL;
	}
}

/* The space reserved ahead is given back. */
static void trim(struct journal_writer *writer)
{
	if (writer->failed || ftruncate(writer->log, writer->at) < 0 || fsync(writer->log) < 0)
		log_warning("the journal's log could not be trimmed");
}

void journal_close(struct journal *journal)
{
	if (!journal)
		return;
	journal->closing = true;
	journal_state_stop(journal);
	aside_destroy(journal->aside);
	if (journal->aside)
		trim(&journal->writer);
	if (journal->writer.checkpoint >= 0) {
		close(journal->writer.checkpoint);
		journal_file_abandon(journal->writer.directory, "checkpoint");
	}
	if (journal->writer.log >= 0)
		close(journal->writer.log);
	if (journal->writer.directory >= 0)
		close(journal->writer.directory);
	unload(journal);
	free(journal->path);
	free(journal);
}

/* Replay */

struct replay {
	int (*replay)(void *context, const char *bytes, size_t length);
	void *context;
	uint64_t after; /* records up to this one are in the checkpoint */
};

static int replay_one(void *context, uint64_t sequence, const char *bytes, size_t length)
{
	struct replay *replay = context;

	return sequence <= replay->after ? 0 : replay->replay(replay->context, bytes, length);
}

static int replay_file(
	struct journal *journal, enum journal_file_kind kind, struct replay *replay, char *error)
{
	struct journal_loaded *loaded = &journal->loaded[kind];
	struct journal_file_scan scan;
	int result;

	if (!loaded->bytes)
		return 0;
	result = journal_file_scan(loaded->bytes, loaded->length, kind, replay_one, replay, &scan);
	if (result)
		snprintf(error, JOURNAL_ERROR_TEXT,
			"%s/%s: the record at offset %zu is intact but is not accepted any more "
			"(%s): the boot file may have fewer ports or lower limits than when it was "
			"written",
			journal->path, journal_state_name[kind], scan.offset, strerror(-result));
	return result;
}

int journal_replay(struct journal *journal,
	int (*replay)(void *context, const char *bytes, size_t length), void *context,
	char error[JOURNAL_ERROR_TEXT])
{
	struct replay how = {.replay = replay, .context = context};
	int result;

	result = replay_file(journal, JOURNAL_FILE_CHECKPOINT, &how, error);
	how.after = journal->loaded[JOURNAL_FILE_CHECKPOINT].scan.base;
	if (!result)
		result = replay_file(journal, JOURNAL_FILE_LOG, &how, error);
	unload(journal);
	return result;
}

/* Appending */

static struct journal_job *new_job(struct journal *journal, enum journal_work work)
{
	struct journal_job *job = calloc(1, sizeof(*job));

	if (!job)
		return NULL;
	job->work = work;
	job->owner = journal;
	return job;
}

static void free_job(struct journal_job *job)
{
	free(job->bytes);
	free(job);
}

static void fail(struct journal *journal, int error)
{
	if (!journal->read_only)
		log_error("%s: a write of the journal failed: %s. No change is accepted until the "
			  "gateway has been started again",
			journal->path, strerror(-error));
	journal->read_only = true;
}

static void append_done(struct aside_job *aside)
{
	struct journal_job *job = (struct journal_job *)aside;
	struct journal *journal = job->owner;

	journal->pending--;
	if (job->error)
		fail(journal, job->error);
	else
		journal->durable = job->sequence;
	if (job->sync_ns) {
		journal->syncs++;
		if (job->sync_ns > journal->sync_max_ns)
			journal->sync_max_ns = job->sync_ns;
	}
	if (job->called)
		job->called(job->context, job->error ? -EIO : 0);
	free_job(job);
	journal_state_check(journal);
}

static void reserve_done(struct aside_job *aside)
{
	struct journal_job *job = (struct journal_job *)aside;
	struct journal *journal = job->owner;

	/* The log may have been replaced meanwhile: then its own reservation counts. */
	if (!job->error && job->sequence == journal->logs && job->to > journal->reserved)
		journal->reserved = job->to;
	journal->extending = false;
	free_job(job);
}

/* Keeps some space ahead, so that small records need not wait for any. */
static void extend(struct journal *journal)
{
	struct journal_job *job;

	if (journal->extending || journal->reserved - journal->planned > JOURNAL_THREAD_AHEAD / 4)
		return;
	job = new_job(journal, JOURNAL_RESERVE);
	if (!job)
		return;
	job->aside.done = reserve_done;
	job->sequence = journal->logs;
	job->from = journal->planned;
	job->to = journal->planned + JOURNAL_THREAD_AHEAD;
	journal->extending = true;
	aside_give(journal->aside, &job->aside);
}

static int check_append(const struct journal *journal, size_t length)
{
	if (journal->read_only || journal->closing || !journal->aside)
		return -EROFS;
	if (journal->checkpoint.state == JOURNAL_STATE_WRITING)
		return -EBUSY;
	return length > JOURNAL_RECORD_MAX ? -EMSGSIZE : 0;
}

static off_t need_of(size_t length)
{
	return (off_t)(journal_file_size(length) + JOURNAL_FILE_MARK_SIZE);
}

int journal_append(struct journal *journal, char *bytes, size_t length,
	void (*done)(void *context, int error), void *context)
{
	off_t end = journal->planned + need_of(length);
	struct journal_job *job;
	int error = check_append(journal, length);

	if (error)
		return error;
	if (end > journal->reserved) {
		error = journal_file_reserve(journal->writer.log, journal->planned, end);
		if (error)
			return error;
		journal->reserved = end;
	}
	job = new_job(journal, JOURNAL_APPEND);
	if (!job)
		return -ENOMEM;
	job->aside.done = append_done;
	job->sequence = ++journal->accepted;
	job->bytes = bytes;
	job->length = length;
	job->called = done;
	job->context = context;
	journal->planned = end;
	journal->pending++;
	aside_give(journal->aside, &job->aside);
	extend(journal);
	return 0;
}

const char *journal_reason(int error)
{
	switch (error) {
	case -ENOSPC:
		return "no space is left in the state directory; nothing was changed";
	case -EFBIG:
		return "the journal would exceed the largest file size allowed; nothing was "
		       "changed";
	case -EDQUOT:
		return "the disk quota of the state directory is used up; nothing was changed";
	case -EROFS:
		return "the journal is read-only since a write failed; nothing was changed, "
		       "restart "
		       "the gateway once the disk is sound";
	case -EBUSY:
		return "a checkpoint is being written; nothing was changed, try again";
	case -EMSGSIZE:
		return "the change is too large for one record of the journal; split it";
	case -ENOMEM:
		return "out of memory; nothing was changed";
	case -EIO:
		return "the change is in force but is not known to be on the disk";
	default:
		return "the state directory cannot be written; nothing was changed";
	}
}

struct journal_stats journal_stats(const struct journal *journal)
{
	return (struct journal_stats){
		.sequence = journal->accepted,
		.durable = journal->durable,
		.log_bytes = (uint64_t)journal->planned,
		.checkpoint_bytes = journal->checkpoint_bytes,
		.checkpoints = journal->checkpoints,
		.syncs = journal->syncs,
		.sync_max_ns = journal->sync_max_ns,
		.read_only = journal->read_only,
	};
}
