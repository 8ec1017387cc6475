/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/rpc.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct rpc_call *rpc_call_create(struct gateway *gateway, const struct rpc_method *method,
	json_t *params, json_t *id, const struct rpc_sink *sink, void *owner)
{
	struct rpc_call *call = calloc(1, sizeof(*call));

	if (!call)
		return NULL;
	call->params = params ? json_incref(params) : json_object();
	if (!call->params) {
		free(call);
		return NULL;
	}
	call->gateway = gateway;
	call->method = method;
	call->id = json_incref(id);
	call->sink = sink;
	call->owner = owner;
	return call;
}

void rpc_call_free(struct rpc_call *call)
{
	if (!call)
		return;
	json_decref(call->params);
	json_decref(call->id);
	free(call);
}

const struct rpc_method *rpc_find(const struct rpc_method *table, const char *name)
{
	for (; table && table->name; table++)
		if (strcmp(table->name, name) == 0)
			return table;
	return NULL;
}

/* Answers. On lack of memory the response is NULL: the sink then closes the connection, which is an
 * answer too. */

static json_t *response_of(const struct rpc_call *call, const char *member, json_t *value)
{
	json_t *id = call->id ? json_incref(call->id) : json_null();

	return json_pack("{s:s, s:o, s:o}", "jsonrpc", "2.0", "id", id, member, value);
}

static void answer(struct rpc_call *call, json_t *response)
{
	call->sink->answer(call, response);
	rpc_call_free(call);
}

void rpc_reply(struct rpc_call *call, json_t *result)
{
	if (!result) {
		rpc_reject(call, RPC_INTERNAL, NULL, "out of memory while the answer was made");
		return;
	}
	answer(call, response_of(call, "result", result));
}

/* head, text, then a closing brace. Frees text; NULL on lack of memory. */
static char *wrap_text(const char *head, char *text, size_t length, size_t *wrapped)
{
	size_t at = strlen(head);
	char *whole = malloc(at + length + 2);

	if (whole) {
		memcpy(whole, head, at);
		memcpy(whole + at, text, length);
		memcpy(whole + at + length, "}", 2);
		*wrapped = at + length + 1;
	}
	free(text);
	return whole;
}

static char *wrap_result(const struct rpc_call *call, char *result, size_t length, size_t *wrapped)
{
	char *id = call->id ? json_dumps(call->id, JSON_ENCODE_ANY | JSON_COMPACT) : strdup("null");
	char *head = NULL, *text = NULL;

	if (id && asprintf(&head, "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":", id) >= 0)
		text = wrap_text(head, result, length, wrapped);
	else
		free(result);
	free(head);
	free(id);
	return text;
}

void rpc_reply_text(struct rpc_call *call, char *result, size_t length)
{
	size_t wrapped;
	char *text;

	if (!call->sink->answer_text) {
		json_t *value = json_loadb(result, length, JSON_DECODE_ANY, NULL);

		free(result);
		rpc_reply(call, value);
		return;
	}
	text = wrap_result(call, result, length, &wrapped);
	if (!text) {
		rpc_reject(call, RPC_INTERNAL, NULL, "out of memory while the answer was made");
		return;
	}
	call->sink->answer_text(call, text, wrapped);
	rpc_call_free(call);
}

void rpc_reply_plain(struct rpc_call *call, char *text, size_t length)
{
	call->sink->answer_text(call, text, length);
	rpc_call_free(call);
}

static void reject(struct rpc_call *call, int code, const char *field, json_t *data,
	const char *format, va_list args)
{
	char message[512];
	json_t *error, *text;

	vsnprintf(message, sizeof(message), format, args);
	text = json_string(message);
	if (!text) /* cut in the middle of a character, or a client's bytes that are not UTF-8 */
		text = json_string("refused (the reason cannot be shown as UTF-8)");
	if (field) {
		data = data ? data : json_object();
		json_object_set_new(data, "field", json_string(field));
	}
	error = json_pack("{s:i, s:o}", "code", code, "message", text);
	if (data)
		json_object_set_new(error, "data", data);
	answer(call, response_of(call, "error", error));
}

void rpc_reject(struct rpc_call *call, int code, const char *field, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	reject(call, code, field, NULL, format, args);
	va_end(args);
}

void rpc_reject_data(
	struct rpc_call *call, int code, const char *field, json_t *data, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	reject(call, code, field, data, format, args);
	va_end(args);
}

/* Streams */

struct rpc_stream *rpc_stream_open(
	struct rpc_call *call, void (*closed)(void *context), void *context)
{
	return call->sink->stream ? call->sink->stream(call, closed, context) : NULL;
}

int rpc_notify(struct rpc_stream *stream, const char *method, json_t *params)
{
	return stream->sink->notify(stream,
		json_pack("{s:s, s:s, s:o}", "jsonrpc", "2.0", "method", method, "params", params));
}

int rpc_notify_text(struct rpc_stream *stream, const char *method, char *params, size_t length)
{
	char *head = NULL, *text = NULL;
	json_t *value;

	if (!stream->sink->notify_text) {
		value = json_loadb(params, length, JSON_DECODE_ANY, NULL);
		free(params);
		return rpc_notify(stream, method, value);
	}
	if (asprintf(&head, "{\"jsonrpc\":\"2.0\",\"method\":\"%s\",\"params\":", method) >= 0)
		text = wrap_text(head, params, length, &length);
	else
		free(params);
	free(head);
	return text ? stream->sink->notify_text(stream, text, length) : -ENOMEM;
}

void rpc_stream_close(struct rpc_stream *stream)
{
	stream->sink->stream_close(stream);
}

/* Params */

/* "/name" with the escapes of RFC 6901; long names are cut. */
static const char *pointer_to(const char *name, char *text, size_t size)
{
	size_t at = 0;

	text[at++] = '/';
	for (; *name && at + 3 < size; name++) {
		if (*name == '~' || *name == '/')
			text[at++] = '~';
		text[at++] = *name == '~' ? '0' : *name == '/' ? '1' : *name;
	}
	text[at] = '\0';
	return text;
}

int rpc_only(struct rpc_call *call, const char *const names[])
{
	const char *key;
	json_t *value;

	json_object_foreach(call->params, key, value)
	{
		char field[160];
		const char *const *name = names;

		while (*name && strcmp(*name, key) != 0)
			name++;
		if (*name)
			continue;
		rpc_reject(call, RPC_PARAMS, pointer_to(key, field, sizeof(field)),
			"unknown field \"%.128s\"", key);
		return -1;
	}
	return 0;
}

static int wrong(struct rpc_call *call, const char *name, const char *expected)
{
	char field[160];

	rpc_reject(call, RPC_PARAMS, pointer_to(name, field, sizeof(field)), "%s must be %s", name,
		expected);
	return -1;
}

int rpc_get_string(struct rpc_call *call, const char *name, const char **value)
{
	json_t *member = json_object_get(call->params, name);

	if (!member)
		return 0;
	if (!json_is_string(member))
		return wrong(call, name, "a string");
	*value = json_string_value(member);
	return 1;
}

int rpc_get_u64(
	struct rpc_call *call, const char *name, uint64_t min, uint64_t max, uint64_t *value)
{
	json_t *member = json_object_get(call->params, name);
	char expected[96];
	json_int_t number;

	if (!member)
		return 0;
	number = json_integer_value(member);
	if (!json_is_integer(member) || number < 0 || (uint64_t)number < min ||
		(uint64_t)number > max) {
		snprintf(expected, sizeof(expected), "an integer from %llu to %llu",
			(unsigned long long)min, (unsigned long long)max);
		return wrong(call, name, expected);
	}
	*value = (uint64_t)number;
	return 1;
}

int rpc_get_bool(struct rpc_call *call, const char *name, bool *value)
{
	json_t *member = json_object_get(call->params, name);

	if (!member)
		return 0;
	if (!json_is_boolean(member))
		return wrong(call, name, "true or false");
	*value = json_is_true(member);
	return 1;
}
