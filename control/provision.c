/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/provision.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/gateway.h"
#include "control/loop.h"
#include "control/provision_answer.h"
#include "control/provision_source.h"
#include "control/publisher.h"
#include "control/stats.h"
#include "control/rpc.h"

#define SLICE_NS 200000		   /* one slice works about this long */
#define LOOK_NS	 UINT64_C(1000000) /* between two looks at a publisher that is not idle yet */

enum stage { CHECKING, COMMITTING, ENDING, QUERYING };

/* A request in line, and after it was carried out until it is durable. */
struct job {
	struct job *next;
	struct provision *provision;
	struct rpc_call *call;
	enum document_mode mode;
	unsigned kind;
	bool query;
	enum query_job_kind query_kind;
	uint64_t patience_ns; /* loop_now() at which a limit counts for good; 0: not begun */
	bool promises;	      /* that what it asked for stays */
	bool durable;	      /* or it has no record, or the journal has failed */
	char *answer;
	size_t answer_length;
};

struct jobs {
	struct job *first, **last;
};

struct provision {
	struct gateway *gateway;
	struct loop_slice slice;
	struct loop_timer timer; /* starts the slice where it waits for the publisher */
	struct jobs line;
	unsigned waiting;
	struct jobs made; /* in the model, and not answered yet */
	bool lost;	  /* something that was made is not known to be on the disk */
	enum stage stage;
	bool busy;    /* first is at hand */
	bool hopeful; /* when first was begun, earlier changes had not given up all they will */
	bool patient; /* first is tried again when they have */
	struct refusal refusal;
	struct document *document;
	struct change *change;
	struct query_job *query;
	struct text text;
	struct provision_source source;
};

static void job_free(struct job *job)
{
	free(job->answer);
	free(job);
}

static void jobs_add(struct jobs *jobs, struct job *job)
{
	job->next = NULL;
	*jobs->last = job;
	jobs->last = &job->next;
}

static struct job *jobs_take(struct jobs *jobs)
{
	struct job *job = jobs->first;

	jobs->first = job->next;
	if (jobs->first == NULL)
		jobs->last = &jobs->first;
	return job;
}

static void answer(struct job *job)
{
	provision_answer_text(job->call, &job->answer, job->answer_length);
	job_free(job);
}

/* Answers what is on the disk, in the order in which it was made: what asked for no more than was
 * there already is not there before the changes that made it so are. */
static void settle(struct provision *provision)
{
	while (provision->made.first != NULL && provision->made.first->durable) {
		struct job *job = jobs_take(&provision->made);

		if (!provision->lost) {
			answer(job);
			continue;
		}
		rpc_reject(job->call, RPC_STORAGE, NULL, "%s", journal_reason(-EIO));
		job_free(job);
	}
}

static void journal_done(void *context, int error)
{
	struct job *job = context;

	job->durable = true;
	/* The journal takes nothing more after that. */
	job->provision->lost |= error != 0;
	settle(job->provision);
}

static struct job *take_first(struct provision *provision)
{
	provision->waiting--;
	provision->busy = false;
	return jobs_take(&provision->line);
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
	struct job *job = provision->line.first;
	bool changes = !document_is_dry_run(document) && !document_is_repeat(document);

	provision->change = document_change(document);
	job->durable = !changes;
	if (changes && (reserve(provision) < 0 || write_journal(provision, job) < 0))
		return -EINVAL;
	job->promises = !document_is_dry_run(document);
	job->answer = document_take_answer(document, &job->answer_length);
	provision->stage = changes ? COMMITTING : ENDING;
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
	struct job *job = provision->line.first;
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
	if (!job->promises) {
		answer(job);
		return;
	}
	jobs_add(&provision->made, job);
	settle(provision);
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
	answer(job);
}

/* Takes the next request in hand. */
static void begin(struct provision *provision)
{
	struct job *job = provision->line.first;
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
		else if (provision->line.first == NULL || wait_for_room(provision))
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
	job->provision = provision;
	job->call = call;
	jobs_add(&provision->line, job);
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
	if (provision_source_init(&provision->source, gateway) < 0) {
		free(provision);
		return NULL;
	}
	provision->gateway = gateway;
	provision->line.last = &provision->line.first;
	provision->made.last = &provision->made.first;
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
	while (provision->line.first != NULL)
		job_free(take_first(provision));
	provision_source_fini(&provision->source);
	free(provision);
}

int provision_restore(struct provision *provision, char error[JOURNAL_ERROR_TEXT])
{
	return provision_source_restore(&provision->source, error);
}
