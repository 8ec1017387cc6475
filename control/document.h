/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A request that changes the model, from its params to the accepted change: a state machine that is
 * stepped, so that a hundred thousand routes need not fit into one turn of the loop. One document
 * at a time; the model must not be changed by others between its begin and its end. Control thread
 * only.
 *
 *   begin → step … (0: checked and complete) → change and record are there
 *        → the caller reserves and journals → commit … (0: the model has changed) → end
 *
 * Until commit is called the model answers all questions as before, and end takes everything back.
 */
#ifndef CONTROL_DOCUMENT_H
#define CONTROL_DOCUMENT_H

#include <stdint.h>

#include <jansson.h>

#include "control/change.h"
#include "control/refusal.h"
#include "control/text.h"

enum document_mode {
	DOCUMENT_APPLY,	 /* declarative: what the owner holds and the document lacks is removed */
	DOCUMENT_PUT,	 /* objects of one kind */
	DOCUMENT_DELETE, /* objects of one kind, by name; routes by connection and prefix */
	DOCUMENT_RECORD, /* a record of the journal */
};

#define DOCUMENT_ROUTES	   MODEL_KINDS /* the kind of routes */
#define DOCUMENT_BULK_MOST 100000      /* objects or prefixes in one put or delete */

struct document;

/* params stay the caller's and must outlive the document. kind matters for put and delete. NULL on
 * lack of memory. */
struct document *document_begin(struct model *model, enum document_mode mode, unsigned kind,
	const json_t *params, struct refusal *refusal);

/* One slice of work, some tens of microseconds. 1: call again; 0: done; -EINVAL: refused. */
int document_step(struct document *document);

/* After step has answered 0: */
bool document_is_dry_run(const struct document *document);
/* False where the request asks for what is there already. */
bool document_has_effect(const struct document *document);
/* The answer to a request id that was given before; then there is no change and no record. */
bool document_is_repeat(const struct document *document);
/* The change to come; it stays the document's until commit. NULL where there is none. */
struct change *document_change(struct document *document);
/* The journal's record, malloc'ed; to be taken once. NULL where nothing needs recording. */
char *document_take_record(struct document *document, size_t *length);
/* The result for the client as JSON text, malloc'ed; to be taken once. */
char *document_take_answer(struct document *document, size_t *length);

/* Applies one slice. 1: call again; 0: the model has changed, and the change, asked for before, is
 * the caller's. Cannot fail. */
int document_commit(struct document *document);

/* Slices of taking down. 1: call again; 0: gone. */
int document_end(struct document *document);

/* All at once, for tests: 0, or -EINVAL with the refusal set. *change: the caller's
 * (NULL where nothing changed). answer may be NULL. */
int document_run(struct model *model, enum document_mode mode, unsigned kind, const json_t *params,
	struct refusal *refusal, struct change **change, char **answer);

/* Records of the journal, oldest first, into a model that nobody else uses meanwhile. NULL on lack
 * of memory. */
struct document_replay;
struct document_replay *document_replay_begin(struct model *model, struct refusal *refusal);
/* 0; -EINVAL with the refusal set; -EBADMSG: not a record. After a failure the model is of no use.
 */
int document_replay_record(struct document_replay *replay, const char *record, size_t length);
/* NULL is allowed. */
void document_replay_end(struct document_replay *replay);

#endif
