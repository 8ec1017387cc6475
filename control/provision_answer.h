/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers to calls about the model. Both answer, and so free, the call. */
#ifndef CONTROL_PROVISION_ANSWER_H
#define CONTROL_PROVISION_ANSWER_H

#include <stddef.h>

#include "control/refusal.h"

struct rpc_call;

/* Code of the JSON-RPC error by the kind of refusal; data carries field, reason and number. */
void provision_answer_refusal(struct rpc_call *call, const struct refusal *refusal);
/* *text is taken over and set to NULL; NULL is lack of memory. */
void provision_answer_text(struct rpc_call *call, char **text, size_t length);

#endif
