/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One connection of the server: from its lines to calls, from answers back to lines. Inside of the
 * server only; the structs are shared between server.c and connection.c.
 */
#ifndef CONTROL_CONNECTION_H
#define CONTROL_CONNECTION_H

#include "control/audit.h"
#include "control/client.h"
#include "control/listen.h"
#include "control/loop.h"
#include "control/scribe.h"
#include "control/server.h"

struct stream;

struct listener {
	struct server *server;
	enum server_socket socket;
	struct listen listen;
	struct loop_watch *watch;
	unsigned clients;
};

/* Outlives its client while calls of it are unanswered or a line of it is being parsed. */
struct connection {
	struct server *server;
	struct listener *listener;
	struct client *client; /* NULL: gone */
	struct rpc_peer peer;
	unsigned calls;
	struct rpc_call *open; /* all unanswered */
	struct rpc_call *held; /* a change that came while changes stand still */
	char *parsing;	       /* line in the scribe's hands */
	size_t parsing_length;
	bool in_hand; /* a line of it is being looked at: not to be freed */
	struct stream *streams;
	struct connection *next, *prev;
};

struct server {
	struct loop *loop;
	struct gateway *gateway;
	struct server_config config;
	struct client_limits limits;
	struct listener listener[SERVER_SOCKETS];
	struct scribe *scribe;
	struct audit *audit;
	struct connection *connections;
	struct server_stats stats;
	unsigned changes; /* unanswered calls that change something */
	bool paused, closing;
	void (*pause_ready)(void *context);
	void *pause_context;
};

/* How clients reach their connection. */
extern const struct client_owner connection_owner;

/* A client on fd, which is taken over on success. 0 or -errno. */
int connection_create(struct listener *listener, int fd, const struct rpc_peer *peer);
/* The client goes; the rest stays until the calls of it are answered or forgotten. */
void connection_hang_up(struct connection *connection);
/* Forgets calls that were not answered. The scribe must have ended. */
void connection_destroy(struct connection *connection);
/* Takes lines again, or ends, where nothing holds it up any more; may free it. */
void connection_rest(struct connection *connection);

/* Streams (connection_stream.c), as in struct rpc_sink. */
struct rpc_stream *connection_stream_open(
	struct rpc_call *call, void (*closed)(void *context), void *context);
int connection_stream_notify(struct rpc_stream *base, json_t *message);
int connection_stream_notify_text(struct rpc_stream *base, char *text, size_t length);
void connection_stream_close(struct rpc_stream *base);
/* The client has gone. */
void connection_close_streams(struct connection *connection);

/* Starts the change it held back. */
void connection_resume(struct connection *connection);

#endif
