/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/journal_state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/base/log.h"

#define LOG_MIN	    UINT64_C(262144) /* a shorter log is not worth a checkpoint */
#define WAITING_MAX ((size_t)1 << 20)

const char *const journal_state_name[JOURNAL_STATE_FILES] = {"log", "checkpoint"};

static bool give(struct journal *journal, enum journal_work work, char *bytes, size_t length,
	void (*done)(struct aside_job *job))
{
	struct journal_job *job = calloc(1, sizeof(*job));

	if (!job)
		return false;
	job->work = work;
	job->owner = journal;
	job->sequence = journal->accepted;
	job->bytes = bytes;
	job->length = length;
	job->aside.done = done;
	aside_give(journal->aside, &job->aside);
	return true;
}

static void finish(struct journal *journal, int error)
{
	struct journal_checkpoint *checkpoint = &journal->checkpoint;
	bool still = checkpoint->still;

	if (error)
		log_warning("%s: no checkpoint was written: %s", journal->path, strerror(-error));
	else
		log_info("%s: checkpoint of %" PRIu64 " bytes up to change %" PRIu64
			 " written in %" PRIu64 " ms",
			journal->path, journal->checkpoint_bytes, journal->accepted,
			(loop_now() - checkpoint->start_ns) / 1000000);
	checkpoint->retry_bytes = error ? (uint64_t)journal->planned * 5 / 4 : 0;
	checkpoint->state = JOURNAL_STATE_NONE;
	checkpoint->still = false;
	if (still && journal->source.resume)
		journal->source.resume(journal->source.context);
}

static void job_over(struct aside_job *aside)
{
	free(((struct journal_job *)aside)->bytes);
	free(aside);
}

static void abandon_done(struct aside_job *aside)
{
	struct journal *journal = ((struct journal_job *)aside)->owner;

	job_over(aside);
	finish(journal, -ECANCELED);
}

static void commit_done(struct aside_job *aside)
{
	struct journal_job *job = (struct journal_job *)aside;
	struct journal *journal = job->owner;
	int error = job->error;

	if (job->new_log) {
		journal->planned = job->from;
		journal->reserved = job->to;
		journal->logs++;
	}
	if (!error) {
		journal->checkpoint_bytes = (uint64_t)job->checkpoint_size;
		journal->checkpoints++;
	}
	job_over(aside);
	finish(journal, error);
}

static void record_done(struct aside_job *aside)
{
	struct journal_job *job = (struct journal_job *)aside;
	struct journal *journal = job->owner;

	journal->checkpoint.waiting -= job->length;
	if (!journal->closing && !journal->checkpoint.complete)
		loop_slice_start(journal->loop, &journal->checkpoint.slice);
	job_over(aside);
}

static bool end_with(
	struct journal *journal, enum journal_work work, void (*done)(struct aside_job *job))
{
	journal->checkpoint.complete = true;
	/* Out of memory: tried again by the slice until there is some. */
	if (give(journal, work, NULL, 0, done))
		return false;
	journal->checkpoint.complete = false;
	return true;
}

/* One record a call. */
static bool work(void *context)
{
	struct journal *journal = context;
	struct journal_checkpoint *checkpoint = &journal->checkpoint;
	size_t length = 0;
	char *bytes = NULL;
	int next;

	if (checkpoint->complete || checkpoint->waiting > WAITING_MAX)
		return false;
	next = journal->source.next(journal->source.context, &bytes, &length);
	if (next == 0)
		return end_with(journal, JOURNAL_CHECKPOINT_COMMIT, commit_done);
	if (next < 0)
		return end_with(journal, JOURNAL_CHECKPOINT_ABANDON, abandon_done);
	if (next == 2)
		return true;
	checkpoint->waiting += length;
	if (give(journal, JOURNAL_CHECKPOINT_RECORD, bytes, length, record_done))
		return true;
	free(bytes);
	checkpoint->waiting -= length;
	return end_with(journal, JOURNAL_CHECKPOINT_ABANDON, abandon_done);
}

static void write_it(struct journal *journal)
{
	struct journal_checkpoint *checkpoint = &journal->checkpoint;
	int error = journal->source.restart(journal->source.context);

	checkpoint->complete = false;
	checkpoint->waiting = 0;
	checkpoint->start_ns = loop_now();
	checkpoint->state = JOURNAL_STATE_WRITING;
	if (!error && !give(journal, JOURNAL_CHECKPOINT_BEGIN, NULL, 0, job_over))
		error = -ENOMEM;
	if (error)
		finish(journal, error);
	else
		loop_slice_start(journal->loop, &checkpoint->slice);
}

static bool due(const struct journal *journal)
{
	uint64_t log = (uint64_t)journal->planned;

	return log > LOG_MIN && log > journal->checkpoint_bytes &&
	       log >= journal->checkpoint.retry_bytes;
}

void journal_state_check(struct journal *journal)
{
	struct journal_checkpoint *checkpoint = &journal->checkpoint;

	if (journal->closing || journal->read_only || !journal->source.next)
		return;
	if (checkpoint->state == JOURNAL_STATE_NONE && due(journal))
		journal_checkpoint(journal);
	else if (checkpoint->state == JOURNAL_STATE_PAUSING && checkpoint->still &&
		 !journal->pending)
		write_it(journal);
}

void journal_checkpoint(struct journal *journal)
{
	struct journal_checkpoint *checkpoint = &journal->checkpoint;

	if (checkpoint->state != JOURNAL_STATE_NONE || !journal->source.next || journal->read_only)
		return;
	checkpoint->state = JOURNAL_STATE_PAUSING;
	if (journal->source.pause)
		journal->source.pause(journal->source.context);
	else
		journal_checkpoint_go(journal);
}

void journal_checkpoint_go(struct journal *journal)
{
	if (journal->checkpoint.state != JOURNAL_STATE_PAUSING)
		return;
	journal->checkpoint.still = true;
	journal_state_check(journal);
}

void journal_set_source(struct journal *journal, const struct journal_source *source)
{
	journal->source = *source;
}

void journal_state_init(struct journal *journal)
{
	journal->checkpoint.slice = (struct loop_slice){.work = work, .context = journal};
}

void journal_state_stop(struct journal *journal)
{
	if (journal->loop)
		loop_slice_stop(journal->loop, &journal->checkpoint.slice);
}
