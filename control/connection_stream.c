/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/connection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* base comes first: a pointer to it is a pointer to this. */
struct stream {
	struct rpc_stream base;
	struct connection *connection;
	void (*closed)(void *context);
	void *context;
	struct stream *next;
};

void connection_close_streams(struct connection *connection)
{
	while (connection->streams) {
		struct stream *stream = connection->streams;

		connection->streams = stream->next;
		stream->closed(stream->context);
		free(stream);
	}
}

struct rpc_stream *connection_stream_open(
	struct rpc_call *call, void (*closed)(void *context), void *context)
{
	struct connection *connection = call->owner;
	struct stream *stream = calloc(1, sizeof(*stream));

	if (!stream || !connection->client) {
		free(stream);
		return NULL;
	}
	*stream = (struct stream){.base = {.sink = call->sink},
		.connection = connection,
		.closed = closed,
		.context = context,
		.next = connection->streams};
	connection->streams = stream;
	return &stream->base;
}

int connection_stream_notify_text(struct rpc_stream *base, char *text, size_t length)
{
	struct connection *connection = ((struct stream *)base)->connection;

	if (client_unsent(connection->client) > connection->server->config.output / 16) {
		free(text);
		return -EAGAIN;
	}
	client_send(connection->client, text, length, true);
	return 0;
}

int connection_stream_notify(struct rpc_stream *base, json_t *message)
{
	char *text = message ? json_dumps(message, JSON_COMPACT) : NULL;

	json_decref(message);
	return text ? connection_stream_notify_text(base, text, strlen(text)) : -ENOMEM;
}

void connection_stream_close(struct rpc_stream *base)
{
	struct stream *stream = (struct stream *)base, **at;
	struct connection *connection = stream->connection;

	for (at = &connection->streams; *at != stream; at = &(*at)->next)
		continue;
	*at = stream->next;
	free(stream);
	connection_rest(connection);
}
