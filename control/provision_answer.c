/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/provision_answer.h"

#include <jansson.h>

#include "control/rpc.h"

static int rpc_code_of(int code)
{
	switch (code) {
	case REFUSAL_NOT_FOUND:
		return RPC_NOT_FOUND;
	case REFUSAL_GENERATION:
	case REFUSAL_OTHER_OWNER:
		return RPC_CONFLICT;
	case REFUSAL_LIMIT:
	case REFUSAL_TOO_MANY_PATHS:
		return RPC_LIMIT;
	case REFUSAL_NO_SPACE:
		return RPC_STORAGE;
	case REFUSAL_BUSY:
		return RPC_BUSY;
	case REFUSAL_NO_MEMORY:
		return RPC_INTERNAL;
	default:
		return RPC_PARAMS;
	}
}

void provision_answer_refusal(struct rpc_call *call, const struct refusal *refusal)
{
	json_t *data = json_pack(
		"{s:s, s:i}", "reason", refusal_name(refusal->code), "number", refusal->code);

	rpc_reject_data(
		call, rpc_code_of(refusal->code), refusal->pointer, data, "%s", refusal->text);
}

void provision_answer_text(struct rpc_call *call, char **text, size_t length)
{
	char *taken = *text;

	*text = NULL;
	if (taken == NULL)
		rpc_reject(call, RPC_INTERNAL, NULL, "out of memory");
	else
		rpc_reply_text(call, taken, length);
}
