/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/model_methods.h"

#include "control/gateway.h"
#include "control/provision.h"
#include "control/provision_answer.h"
#include "control/query_route.h"
#include "dataplane/fwd/fwd.h"

static void answer(
	struct rpc_call *call, int result, const struct refusal *refusal, struct text *text)
{
	size_t length = 0;
	char *bytes;

	if (result < 0) {
		text_free(text);
		provision_answer_refusal(call, refusal);
		return;
	}
	bytes = text_take(text, &length);
	provision_answer_text(call, &bytes, length);
}

#define METHODS_OF(name, number) \
	static void name##_put(struct gateway *gateway, struct rpc_call *call) \
	{ \
		provision_change(gateway->provision, call, DOCUMENT_PUT, number); \
	} \
	static void name##_delete(struct gateway *gateway, struct rpc_call *call) \
	{ \
		provision_change(gateway->provision, call, DOCUMENT_DELETE, number); \
	}

#define QUERIES_OF(name, number) \
	static void name##_get(struct gateway *gateway, struct rpc_call *call) \
	{ \
		struct refusal refusal = {0}; \
		struct text text = {0}; \
		int result = query_get(gateway->model, number, call->params, &refusal, &text); \
\
		answer(call, result, &refusal, &text); \
	} \
	static void name##_list(struct gateway *gateway, struct rpc_call *call) \
	{ \
		struct refusal refusal = {0}; \
		struct text text = {0}; \
		int result = query_list(gateway->model, number, call->params, &refusal, &text); \
\
		answer(call, result, &refusal, &text); \
	}

METHODS_OF(site, MODEL_SITE)
METHODS_OF(path, MODEL_PATH)
METHODS_OF(connection, MODEL_CONNECTION)
METHODS_OF(attachment, MODEL_ATTACHMENT)
METHODS_OF(route, DOCUMENT_ROUTES)
QUERIES_OF(site, MODEL_SITE)
QUERIES_OF(path, MODEL_PATH)
QUERIES_OF(connection, MODEL_CONNECTION)
QUERIES_OF(attachment, MODEL_ATTACHMENT)

static void config_apply(struct gateway *gateway, struct rpc_call *call)
{
	provision_change(gateway->provision, call, DOCUMENT_APPLY, 0);
}

static void config_get(struct gateway *gateway, struct rpc_call *call)
{
	provision_query(gateway->provision, call, QUERY_CONFIG);
}

static void table_digest(struct gateway *gateway, struct rpc_call *call)
{
	provision_query(gateway->provision, call, QUERY_DIGEST);
}

static void route_get(struct gateway *gateway, struct rpc_call *call)
{
	struct refusal refusal = {0};
	struct text text = {0};
	int result = query_route_get(gateway->model, call->params, &refusal, &text);

	answer(call, result, &refusal, &text);
}

static void route_list(struct gateway *gateway, struct rpc_call *call)
{
	struct refusal refusal = {0};
	struct text text = {0};
	int result = query_route_list(gateway->model, call->params, &refusal, &text);

	answer(call, result, &refusal, &text);
}

static void route_lookup(struct gateway *gateway, struct rpc_call *call)
{
	const struct lpm *lpm = gateway->fwd != NULL ? gateway->fwd->lpm : NULL;
	struct refusal refusal = {0};
	struct text text = {0};
	int result = query_route_lookup(gateway->model, lpm, call->params, &refusal, &text);

	answer(call, result, &refusal, &text);
}

#define ROWS_OF(name) \
	{#name ".put", false, name##_put}, {#name ".delete", false, name##_delete}, \
		{#name ".get", true, name##_get}, \
	{ \
#name ".list", true, name##_list \
	}

const struct rpc_method model_methods[] = {
	{"config.apply", false, config_apply},
	{"config.get", true, config_get},
	ROWS_OF(site),
	ROWS_OF(path),
	ROWS_OF(connection),
	ROWS_OF(attachment),
	ROWS_OF(route),
	{"route.lookup", true, route_lookup},
	{"table.digest", true, table_digest},
	{NULL, false, NULL},
};
