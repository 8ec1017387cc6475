/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests about the model, one after the other: a change is checked, journaled, applied and handed
 * to the publisher in slices of the loop, and answered when it is on the disk. Walks over the whole
 * model (config.get, table.digest, checkpoints) stand in the same line, so that they see it at
 * rest. Control thread only.
 */
#ifndef CONTROL_PROVISION_H
#define CONTROL_PROVISION_H

#include <stddef.h>

#include "control/document.h"
#include "control/journal.h"
#include "control/query.h"

struct gateway;
struct provision;
struct rpc_call;

#define PROVISION_WAITING_MOST 256 /* requests in line; more are refused as busy */
/* So long a request that meets a limit, and all behind it, waits for what earlier changes gave up
 * and workers may still hold. */
#define PROVISION_PATIENCE_MS 10000

/* gateway->loop, model and journal are there; publisher may be NULL (nothing is forwarded). NULL on
 * lack of memory. */
struct provision *provision_create(struct gateway *gateway);
/* Calls in line are forgotten, not answered. The journal has been closed. NULL is allowed. */
void provision_destroy(struct provision *provision);

/* Before the first request: makes the model what the journal says, hands all of it to the publisher
 * as one change, and becomes the journal's source of checkpoints. 0, -errno; error says why. */
int provision_restore(struct provision *provision, char error[JOURNAL_ERROR_TEXT]);

/* Takes the call over and answers it. */
void provision_change(
	struct provision *provision, struct rpc_call *call, enum document_mode mode, unsigned kind);
void provision_query(struct provision *provision, struct rpc_call *call, enum query_job_kind kind);

#endif
