/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Questions about the model, from the params of a request to the result as JSON text. Nothing is
 * changed. Short ones answer at once; those that walk all routes are jobs that are stepped, during
 * which the model must stand still. Control thread only.
 */
#ifndef CONTROL_QUERY_H
#define CONTROL_QUERY_H

#include <jansson.h>

#include "control/model.h"
#include "control/refusal.h"
#include "control/text.h"

struct lpm;

#define QUERY_LIST_MOST 1000 /* objects or routes on one page */

/* 0, or -EINVAL with the refusal set. kind: enum model_kind without endpoints. */
int query_get(const struct model *model, enum model_kind kind, const json_t *params,
	struct refusal *refusal, struct text *answer);
int query_list(const struct model *model, enum model_kind kind, const json_t *params,
	struct refusal *refusal, struct text *answer);

struct query_job;

enum query_job_kind { QUERY_CONFIG, QUERY_DIGEST };

/* NULL on refusal or lack of memory (a refusal, too). */
struct query_job *query_job_begin(const struct model *model, enum query_job_kind kind,
	const json_t *params, struct refusal *refusal, struct text *answer);
/* 1: call again; 0: the answer is complete. */
int query_job_step(struct query_job *job);
void query_job_end(struct query_job *job);

#endif
