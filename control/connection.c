/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/connection.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/base/log.h"

static const struct rpc_sink sink;

/* Connections */

static bool at_rest(void *context, struct client *client)
{
	struct connection *connection = context;

	(void)client;
	return !connection->calls && !connection->parsing && !connection->streams;
}

static void unlink_connection(struct connection *connection)
{
	if (connection->prev)
		connection->prev->next = connection->next;
	else
		connection->server->connections = connection->next;
	if (connection->next)
		connection->next->prev = connection->prev;
}

static void free_if_unused(struct connection *connection)
{
	if (connection->client || connection->calls || connection->parsing || connection->in_hand)
		return;
	unlink_connection(connection);
	free(connection);
}

static void count_end(struct server *server, enum client_end why)
{
	if (why == CLIENT_SLOW)
		server->stats.slow++;
	if (why == CLIENT_IDLE)
		server->stats.idle++;
}

static void remember_call(struct connection *connection, struct rpc_call *call)
{
	call->next = connection->open;
	if (call->next)
		call->next->prev = call;
	connection->open = call;
}

static void forget_call(struct connection *connection, struct rpc_call *call)
{
	if (call->prev)
		call->prev->next = call->next;
	else
		connection->open = call->next;
	if (call->next)
		call->next->prev = call->prev;
}

static void drop_held(struct connection *connection)
{
	struct rpc_call *call = connection->held;

	connection->held = NULL;
	if (!call)
		return;
	forget_call(connection, call);
	free((void *)(uintptr_t)call->line);
	connection->calls--;
	connection->server->stats.calls--;
	rpc_call_free(call);
}

static void client_closed(void *context, struct client *client)
{
	struct connection *connection = context;

	count_end(connection->server, client_why(client));
	connection->client = NULL;
	connection->listener->clients--;
	connection->server->stats.clients--;
	connection_close_streams(connection);
	drop_held(connection);
	free_if_unused(connection);
}

void connection_rest(struct connection *connection)
{
	if (!connection->client) {
		free_if_unused(connection);
		return;
	}
	client_block(
		connection->client, connection->held || connection->parsing ||
					    connection->calls >= connection->server->config.calls);
	client_rested(connection->client);
}

/* Answers */

static void send_text(struct connection *connection, char *text, size_t length)
{
	if (!connection->client)
		free(text);
	else if (text)
		client_send(connection->client, text, length, true);
	else
		client_finish(connection->client);
}

static void call_over(struct connection *connection)
{
	connection->calls--;
	connection->server->stats.calls--;
	connection_rest(connection);
}

static void printed(void *context, char *text, size_t length)
{
	struct connection *connection = context;

	send_text(connection, text, length);
	call_over(connection);
}

/* Takes response over; calls call_over once it is sent. */
static void send_response(struct connection *connection, json_t *response)
{
	struct scribe *scribe = connection->server->scribe;
	char *text;

	if (scribe_large(response) && scribe_print(scribe, response, printed, connection) == 0)
		return;
	text = response ? json_dumps(response, JSON_COMPACT) : NULL;
	json_decref(response);
	printed(connection, text, text ? strlen(text) : 0);
}

static void release_line(struct connection *connection, struct rpc_call *call)
{
	if (!call->line)
		return;
	/* A long request is long to free, too. */
	scribe_release(connection->server->scribe, call->params);
	call->params = NULL;
	free((void *)(uintptr_t)call->line);
	call->line = NULL;
}

static void change_over(struct server *server)
{
	void (*ready)(void *context) = server->pause_ready;

	server->changes--;
	if (server->changes || !ready)
		return;
	server->pause_ready = NULL;
	ready(server->pause_context);
}

static void account(struct server *server, struct rpc_call *call, json_t *response)
{
	if (json_object_get(response, "error"))
		server->stats.rejects++;
	if (call->method->read_only)
		return;
	if (server->audit)
		audit_write(server->audit, call, response);
}

/* A text is always a result. What a change answers is short, but for what a dry run would do. */
static void account_text(
	struct server *server, struct rpc_call *call, const char *text, size_t length)
{
	json_t *response;

	if (call->method->read_only)
		return;
	response = length <= SCRIBE_SMALL ? json_loadb(text, length, 0, NULL) : json_object();
	account(server, call, response);
	json_decref(response);
}

static void answer(struct rpc_call *call, json_t *response)
{
	struct connection *connection = call->owner;
	bool change = !call->method->read_only;
	struct server *server = connection->server;

	forget_call(connection, call);
	account(server, call, response);
	release_line(connection, call);
	if (call->id) {
		send_response(connection, response);
	} else {
		json_decref(response);
		call_over(connection);
	}
	if (change)
		change_over(server);
}

static void answer_text(struct rpc_call *call, char *text, size_t length)
{
	struct connection *connection = call->owner;
	bool change = !call->method->read_only;
	struct server *server = connection->server;

	forget_call(connection, call);
	account_text(server, call, text, length);
	release_line(connection, call);
	if (call->id)
		send_text(connection, text, length);
	else
		free(text);
	call_over(connection);
	if (change)
		change_over(server);
}

/* An error about a line that never became a call. */
static void refuse(struct connection *connection, json_t *id, int code, const char *message)
{
	json_t *error = json_pack("{s:i, s:s}", "code", code, "message", message);
	json_t *response = json_pack("{s:s, s:o, s:o}", "jsonrpc", "2.0", "id",
		id ? json_incref(id) : json_null(), "error", error);
	char *text = response ? json_dumps(response, JSON_COMPACT) : NULL;

	connection->server->stats.rejects++;
	json_decref(response);
	send_text(connection, text, text ? strlen(text) : 0);
}

static const struct rpc_sink sink = {
	.answer = answer,
	.answer_text = answer_text,
	.stream = connection_stream_open,
	.notify = connection_stream_notify,
	.notify_text = connection_stream_notify_text,
	.stream_close = connection_stream_close,
};

/* Requests */

static const struct rpc_method *find_method(const struct connection *connection, const char *name)
{
	const struct rpc_method *const *tables =
		connection->server->config.tables[connection->listener->socket];
	const struct rpc_method *method = NULL;

	for (unsigned i = 0; i < SERVER_TABLES && tables[i] && !method; i++)
		method = rpc_find(tables[i], name);
	if (method && !method->read_only && connection->listener->socket == SERVER_STATS)
		return NULL;
	return method;
}

static bool is_id(const json_t *id)
{
	return json_is_string(id) || json_is_number(id) || json_is_null(id);
}

/* NULL: request is well-formed. */
static const char *check_request(json_t *request)
{
	json_t *id = json_object_get(request, "id"), *params = json_object_get(request, "params");
	const char *version = json_string_value(json_object_get(request, "jsonrpc")), *key;
	json_t *value;

	if (json_is_array(request))
		return "batches are not served: send one request object per line";
	if (!version || strcmp(version, "2.0") != 0)
		return "jsonrpc must be \"2.0\"";
	if (!json_is_string(json_object_get(request, "method")))
		return "method must be a string";
	if (params && !json_is_object(params))
		return "params must be an object: parameters go by name";
	if (id && !is_id(id))
		return "id must be a string, a number or null";
	json_object_foreach(request, key, value) if (
		strcmp(key, "jsonrpc") && strcmp(key, "method") && strcmp(key, "params") &&
		strcmp(key, "id")) return "a request has only jsonrpc, method, params and id";
	return NULL;
}

static void dispatch(struct connection *connection, struct rpc_call *call)
{
	struct server *server = connection->server;

	if (!call->method->read_only) {
		if (server->paused) {
			connection->held = call;
			return;
		}
		server->changes++;
	}
	call->method->handle(server->gateway, call);
}

/* line: kept by the call, or NULL. */
static bool begin_call(struct connection *connection, const struct rpc_method *method,
	json_t *params, json_t *id, char *line, size_t length)
{
	struct rpc_call *call =
		rpc_call_create(connection->server->gateway, method, params, id, &sink, connection);

	if (!call)
		return false;
	call->peer = connection->peer;
	call->line = line;
	call->line_length = length;
	connection->calls++;
	connection->server->stats.calls++;
	remember_call(connection, call);
	dispatch(connection, call);
	return true;
}

/* Takes line over where the call keeps it. */
static bool start_call(struct connection *connection, json_t *request, char *line, size_t length)
{
	json_t *id = json_object_get(request, "id");
	const struct rpc_method *method = NULL;
	const char *wrong = check_request(request);

	if (wrong) {
		refuse(connection, is_id(id) ? id : NULL, RPC_REQUEST, wrong);
		return false;
	}
	method = find_method(connection, json_string_value(json_object_get(request, "method")));
	if (!method) {
		refuse(connection, id, RPC_METHOD, "no such method on this socket");
		return false;
	}
	if (begin_call(connection, method, json_object_get(request, "params"), id, line, length))
		return true;
	refuse(connection, id, RPC_INTERNAL, "out of memory");
	return false;
}

static void parsed(struct connection *connection, json_t *request, const char *error, char *line,
	size_t length)
{
	char message[SCRIBE_ERROR + 32];

	if (connection->server->closing) {
		free(line);
	} else if (!request) {
		snprintf(message, sizeof(message), "not JSON: %s", error);
		refuse(connection, NULL, RPC_PARSE, message);
		free(line);
	} else if (!start_call(connection, request, line, length)) {
		free(line);
	}
}

static void scribe_done(void *context, json_t *request, const char *error)
{
	struct connection *connection = context;
	struct scribe *scribe = connection->server->scribe;
	char *line = connection->parsing;
	size_t length = connection->parsing_length;

	connection->parsing = NULL;
	connection->in_hand = true;
	if (connection->client)
		parsed(connection, request, error, line, length);
	else
		free(line);
	connection->in_hand = false;
	if (request)
		scribe_release(scribe, request);
	connection_rest(connection);
}

static void metrics(struct connection *connection)
{
	const struct rpc_method *method = connection->server->config.metrics;
	json_t *id = json_null(); /* or nobody would see the answer */

	connection->in_hand = true;
	if (!method || !begin_call(connection, method, NULL, id, NULL, 0))
		client_finish(connection->client);
	connection->in_hand = false;
	connection_rest(connection);
}

static bool is_metrics(const struct connection *connection, const char *line)
{
	return connection->listener->socket == SERVER_STATS && strncmp(line, "metrics", 7) == 0 &&
	       (line[7] == '\0' || (line[7] == '\r' && line[8] == '\0'));
}

static void parse_here(struct connection *connection, char *line, size_t length)
{
	char error[SCRIBE_ERROR];
	json_t *request = scribe_parse(line, length, error);

	connection->in_hand = true;
	parsed(connection, request, error, NULL, 0);
	connection->in_hand = false;
	json_decref(request);
	free(line);
	connection_rest(connection);
}

static void client_line(void *context, struct client *client, char *line, size_t length)
{
	struct connection *connection = context;
	struct server *server = connection->server;

	server->stats.requests++;
	if (!line) {
		server->stats.oversize++;
		refuse(connection, NULL, RPC_REQUEST, "request longer than 16 MiB: split it");
	} else if (server->closing) {
		free(line);
	} else if (is_metrics(connection, line)) {
		free(line);
		metrics(connection);
	} else if (length <= SCRIBE_SMALL) {
		parse_here(connection, line, length);
	} else {
		connection->parsing = line;
		connection->parsing_length = length;
		client_block(client, true);
		if (scribe_read(server->scribe, line, length, scribe_done, connection) < 0)
			scribe_done(connection, NULL, "out of memory");
	}
}

/* From the server */

const struct client_owner connection_owner = {client_line, client_closed, at_rest};

int connection_create(struct listener *listener, int fd, const struct rpc_peer *peer)
{
	struct server *server = listener->server;
	struct connection *connection = calloc(1, sizeof(*connection));

	if (!connection)
		return -ENOMEM;
	connection->server = server;
	connection->listener = listener;
	connection->peer = *peer;
	connection->client =
		client_create(server->loop, fd, &connection_owner, &server->limits, connection);
	if (!connection->client) {
		free(connection);
		return -errno;
	}
	connection->next = server->connections;
	if (connection->next)
		connection->next->prev = connection;
	server->connections = connection;
	listener->clients++;
	server->stats.clients++;
	server->stats.accepted++;
	return 0;
}

void connection_hang_up(struct connection *connection)
{
	if (!connection->client)
		return;
	connection_close_streams(connection);
	client_destroy(connection->client);
	connection->client = NULL;
}

void connection_destroy(struct connection *connection)
{
	while (connection->open) {
		connection->held = connection->open;
		drop_held(connection);
	}
	unlink_connection(connection);
	free(connection);
}

void connection_resume(struct connection *connection)
{
	struct rpc_call *call = connection->held;

	connection->held = NULL;
	if (!call)
		return;
	dispatch(connection, call);
	connection_rest(connection);
}
