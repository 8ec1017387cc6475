/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/provision.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/checkpoint.h"
#include "control/gateway.h"
#include "control/loop.h"
#include "control/provision_answer.h"
#include "control/publisher.h"
#include "control/stats.h"
#include "control/rpc.h"
#include "control/server.h"

#define SLICE_NS 200000		   /* one slice works about this long */
#define LOOK_NS	 UINT64_C(1000000) /* between two looks at a publisher that is not idle yet */

enum stage { CHECKING, COMMITTING, ENDING, QUERYING };

/* A request in line, and after it was carried out until it is durable. */
struct job {
	struct job *next;
	struct rpc_call *call;
	enum document_mode mode;
	unsigned kind;
	bool query;
	enum query_job_kind query_kind;
	uint64_t patience_ns; /* loop_now() at which a limit counts for good; 0: not begun */
	bool durable, applied;
	int error; /* of the journal */
	char *answer;
	size_t answer_length;
};

struct provision {
	struct gateway *gateway;
	struct loop_slice slice;
	struct loop_timer timer; /* starts the slice where it waits for the publisher */
	struct job *first, **last;
	unsigned waiting;
	enum stage stage;
	bool busy;    /* first is at hand */
	bool hopeful; /* when first was begun, earlier changes had not given up all they will */
	bool patient; /* first is tried again when they have */
	struct refusal refusal;
	struct document *document;
	struct change *change;
	struct query_job *query;
	struct text text;
	struct checkpoint *checkpoint;
};

static void job_free(struct job *job)
{
	free(job->answer);
	free(job);
}

/* Answers once the change is both on the disk and in the model. */
static void job_settle(struct job *job)
{
	if (!job->durable || !job->applied)
		return;
	if (job->error != 0)
		rpc_reject(job->call, RPC_STORAGE, NULL,
			"the change is made, but it is not known to be on the disk");
	else
		provision_answer_text(job->call, &job->answer, job->answer_length);
	job_free(job);
}

static void journal_done(void *context, int error)
{
	struct job *job = context;

	job->durable = true;
	job->error = error;
	job_settle(job);
}

static struct job *take_first(struct provision *provision)
{
	struct job *job = provision->first;

	provision->first = job->next;
	if (provision->first == NULL)
		provision->last = &provision->first;
	provision->waiting--;
	provision->busy = false;
	return job;
}

static void refuse_first(struct provision *provision)
{
	struct job *job = take_first(provision);

	provision_answer_refusal(job->call, &provision->refusal);
	job_free(job);
	provision->refusal.code = REFUSAL_NONE;
}

static int refuse(struct provision *provision, int code, const char *text)
{
	return refusal_set(&provision->refusal, code, "", "%s", text);
}

static int reserve(struct provision *provision)
{
	struct publisher *publisher = provision->gateway->publisher;
	int error;

	if (provision->change == NULL || publisher == NULL)
		return 0;
	error = publisher_reserve(publisher, provision->change);
	if (error == -ENOSPC)
		return refuse(provision, REFUSAL_LIMIT,
			"the forwarding tables are full: see limits in the boot file");
	return error != 0 ? refuse(provision, REFUSAL_NO_MEMORY, "out of memory") : 0;
}

static int write_journal(struct provision *provision, struct job *job)
{
	struct journal *journal = provision->gateway->journal;
	size_t length;
	char *record = document_take_record(provision->document, &length);
	int error = 0;

	job->durable = record == NULL || journal == NULL;
	if (!job->durable)
		error = journal_append(journal, record, length, journal_done, job);
	if (error != 0 || job->durable)
		free(record);
	if (error == 0)
		return 0;
	if (provision->change != NULL && provision->gateway->publisher != NULL)
		publisher_release(provision->gateway->publisher, provision->change);
	return refuse(provision, REFUSAL_NO_SPACE, journal_reason(error));
}

/* The document is found good. From the journal on nothing can fail. */
static int accept(struct provision *provision)
{
	struct document *document = provision->document;
	struct job *job = provision->first;

	job->answer = document_take_answer(document, &job->answer_length);
	provision->change = document_change(document);
	if (document_is_dry_run(document) || document_is_repeat(document)) {
		job->durable = true;
		provision->stage = ENDING;
		return 0;
	}
	if (reserve(provision) < 0 || write_journal(provision, job) < 0)
		return -EINVAL;
	provision->stage = COMMITTING;
	return 0;
}

static void check(struct provision *provision)
{
	int result = document_step(provision->document);

	if (result == 1)
		return;
	if (result == 0)
		result = accept(provision);
	if (result < 0)
		provision->stage = ENDING;
}

static void commit(struct provision *provision)
{
	if (document_commit(provision->document) != 0)
		return;
	if (provision->change != NULL && provision->gateway->stats != NULL)
		stats_adopt(provision->gateway->stats, provision->change);
	if (provision->change != NULL && provision->gateway->publisher != NULL)
		publisher_submit(provision->gateway->publisher, provision->change);
	else
		change_free(provision->change);
	provision->stage = ENDING;
}

/* Ids and room that earlier changes gave up come back when no worker can hold them any more; a
 * worker that hangs does not hold up the line for ever. */
static bool worth_waiting(const struct provision *provision)
{
	const struct publisher *publisher = provision->gateway->publisher;
	struct job *job = provision->first;
	uint64_t now = loop_now();

	if (publisher == NULL || publisher_idle(publisher))
		return false;
	if (job->patience_ns == 0)
		job->patience_ns = now + PROVISION_PATIENCE_MS * UINT64_C(1000000);
	return now < job->patience_ns;
}

static void end(struct provision *provision)
{
	struct job *job;

	if (document_end(provision->document) != 0)
		return;
	provision->document = NULL;
	provision->change = NULL;
	if (provision->refusal.code == REFUSAL_LIMIT && provision->hopeful) {
		/* No limit is reached for good before that; and no change goes ahead meanwhile. */
		provision->refusal.code = REFUSAL_NONE;
		provision->busy = false;
		provision->patient = true;
		return;
	}
	if (provision->refusal.code != REFUSAL_NONE) {
		refuse_first(provision);
		return;
	}
	job = take_first(provision);
	job->applied = true;
	job_settle(job);
}

static void query(struct provision *provision)
{
	struct job *job;

	if (query_job_step(provision->query) != 0)
		return;
	query_job_end(provision->query);
	provision->query = NULL;
	job = take_first(provision);
	job->answer = text_take(&provision->text, &job->answer_length);
	provision_answer_text(job->call, &job->answer, job->answer_length);
	job_free(job);
}

/* Takes the next request in hand. */
static void begin(struct provision *provision)
{
	struct job *job = provision->first;
	struct model *model = provision->gateway->model;

	provision->busy = true;
	provision->patient = false;
	provision->hopeful = worth_waiting(provision);
	if (job->query) {
		provision->stage = QUERYING;
		provision->query = query_job_begin(model, job->query_kind, job->call->params,
			&provision->refusal, &provision->text);
	} else {
		provision->stage = CHECKING;
		provision->document = document_begin(
			model, job->mode, job->kind, job->call->params, &provision->refusal);
	}
	if (provision->refusal.code == REFUSAL_NONE)
		return;
	text_free(&provision->text);
	refuse_first(provision);
}

/* True where the first must wait; the timer wakes it. */
static bool wait_for_room(struct provision *provision)
{
	if (!provision->patient || !worth_waiting(provision))
		return false;
	loop_timer_start(provision->gateway->loop, &provision->timer, LOOK_NS);
	return true;
}

static bool work(void *context)
{
	static void (*const stages[])(struct provision * provision) = {
		[CHECKING] = check, [COMMITTING] = commit, [ENDING] = end, [QUERYING] = query};
	struct provision *provision = context;
	uint64_t deadline = loop_now() + SLICE_NS;

	do {
		if (provision->busy)
			stages[provision->stage](provision);
		else if (provision->first == NULL || wait_for_room(provision))
			return false;
		else
			begin(provision);
	} while (loop_now() < deadline);
	return true;
}

static void wake(void *context)
{
	struct provision *provision = context;

	loop_slice_start(provision->gateway->loop, &provision->slice);
}

static void enqueue(struct provision *provision, struct rpc_call *call, const struct job *wanted)
{
	struct job *job;

	if (provision->waiting >= PROVISION_WAITING_MOST) {
		struct refusal refusal = {0};

		refusal_set(&refusal, REFUSAL_BUSY, "", "too many requests wait in line");
		provision_answer_refusal(call, &refusal);
		return;
	}
	job = malloc(sizeof(*job));
	if (job == NULL) {
		rpc_reject(call, RPC_INTERNAL, NULL, "out of memory");
		return;
	}
	*job = *wanted;
	job->call = call;
	*provision->last = job;
	provision->last = &job->next;
	provision->waiting++;
	loop_slice_start(provision->gateway->loop, &provision->slice);
}

void provision_change(
	struct provision *provision, struct rpc_call *call, enum document_mode mode, unsigned kind)
{
	struct job job = {.mode = mode, .kind = kind};

	enqueue(provision, call, &job);
}

void provision_query(struct provision *provision, struct rpc_call *call, enum query_job_kind kind)
{
	struct job job = {.query = true, .query_kind = kind};

	enqueue(provision, call, &job);
}

struct provision *provision_create(struct gateway *gateway)
{
	struct provision *provision = calloc(1, sizeof(*provision));

	if (provision == NULL)
		return NULL;
	provision->checkpoint = checkpoint_create(gateway->model);
	if (provision->checkpoint == NULL) {
		free(provision);
		return NULL;
	}
	provision->gateway = gateway;
	provision->last = &provision->first;
	provision->slice.work = work;
	provision->slice.context = provision;
	provision->timer.fire = wake;
	provision->timer.context = provision;
	return provision;
}

void provision_destroy(struct provision *provision)
{
	if (provision == NULL)
		return;
	loop_slice_stop(provision->gateway->loop, &provision->slice);
	loop_timer_stop(provision->gateway->loop, &provision->timer);
	query_job_end(provision->query);
	text_free(&provision->text);
	/* What the journal has must not be half in the model that others still look at. */
	while (provision->document != NULL && provision->stage == COMMITTING)
		commit(provision);
	while (provision->document != NULL && document_end(provision->document) != 0)
		;
	while (provision->first != NULL)
		job_free(take_first(provision));
	checkpoint_destroy(provision->checkpoint);
	free(provision);
}

static void paused(void *context)
{
	struct provision *provision = context;

	journal_checkpoint_go(provision->gateway->journal);
}

static void source_pause(void *context)
{
	struct provision *provision = context;

	if (provision->gateway->server != NULL)
		server_pause(provision->gateway->server, paused, provision);
	else
		paused(provision);
}

static void source_resume(void *context)
{
	struct provision *provision = context;

	if (provision->gateway->server != NULL)
		server_resume(provision->gateway->server);
}

static int source_restart(void *context)
{
	struct provision *provision = context;

	checkpoint_restart(provision->checkpoint);
	return 0;
}

static int source_next(void *context, char **bytes, size_t *length)
{
	struct provision *provision = context;

	return checkpoint_next(provision->checkpoint, bytes, length);
}

static int replay_record(void *context, const char *bytes, size_t length)
{
	return document_replay_record(context, bytes, length);
}

static int replay(struct provision *provision, char error[JOURNAL_ERROR_TEXT])
{
	struct document_replay *all =
		document_replay_begin(provision->gateway->model, &provision->refusal);
	int result;

	if (all == NULL) {
		snprintf(error, JOURNAL_ERROR_TEXT, "no memory to read the journal");
		return -ENOMEM;
	}
	result = journal_replay(provision->gateway->journal, replay_record, all, error);
	document_replay_end(all);
	return result;
}

static int publish_all(struct provision *provision, char error[JOURNAL_ERROR_TEXT])
{
	struct publisher *publisher = provision->gateway->publisher;
	struct change *change;
	int result;

	if (publisher == NULL || model_generation(provision->gateway->model) == 0)
		return 0;
	change = change_whole(provision->gateway->model);
	result = change != NULL ? publisher_reserve(publisher, change) : -ENOMEM;
	if (result == 0) {
		publisher_submit(publisher, change);
		return 0;
	}
	change_free(change);
	snprintf(error, JOURNAL_ERROR_TEXT,
		"the state does not fit the limits of the boot file: %s", strerror(-result));
	return result;
}

int provision_restore(struct provision *provision, char error[JOURNAL_ERROR_TEXT])
{
	const struct journal_source source = {
		.context = provision,
		.restart = source_restart,
		.next = source_next,
		.pause = source_pause,
		.resume = source_resume,
	};
	int result = replay(provision, error);

	if (result != 0 && provision->refusal.code != REFUSAL_NONE) {
		size_t length = strlen(error);

		snprintf(&error[length], JOURNAL_ERROR_TEXT - length, " (%s: %s)",
			provision->refusal.pointer, provision->refusal.text);
		provision->refusal.code = REFUSAL_NONE;
	}
	if (result == 0)
		result = publish_all(provision, error);
	if (result == 0)
		journal_set_source(provision->gateway->journal, &source);
	return result;
}
