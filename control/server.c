/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/connection.h"
#include "dataplane/base/log.h"

#define CLIENTS_DEFAULT 64
#define CALLS_DEFAULT	64
#define IDLE_DEFAULT	UINT64_C(600000000000)
#define OUTPUT_DEFAULT	((size_t)64 << 20)

const struct server_stats *server_stats(const struct server *server)
{
	return &server->stats;
}

/* Listening */

static void accept_ready(void *context, uint32_t events)
{
	struct listener *listener = context;
	struct server *server = listener->server;
	struct rpc_peer peer;
	int fd = listen_accept(&listener->listen, &peer);

	(void)events;
	if (fd < 0)
		return;
	if (listener->clients >= server->config.clients) {
		log_warning("%s: uid %u pid %d turned away: %u clients already",
			listener->listen.path, peer.uid, peer.pid, listener->clients);
		server->stats.refused_clients++;
		close(fd);
	} else if (connection_create(listener, fd, &peer) < 0) {
		close(fd);
	}
}

static int open_listener(struct server *server, enum server_socket socket)
{
	const struct server_config *config = &server->config;
	struct listener *listener = &server->listener[socket];
	int error;

	listener->server = server;
	listener->socket = socket;
	error = listen_open(&listener->listen, config->path[socket], config->mode[socket],
		config->group[socket]);
	if (error)
		return error;
	listener->watch =
		loop_watch(server->loop, listener->listen.fd, EPOLLIN, accept_ready, listener);
	return listener->watch ? 0 : -errno;
}

static void set_defaults(struct server_config *config)
{
	config->clients = config->clients ? config->clients : CLIENTS_DEFAULT;
	config->calls = config->calls ? config->calls : CALLS_DEFAULT;
	config->idle_ns = config->idle_ns ? config->idle_ns : IDLE_DEFAULT;
	config->output = config->output ? config->output : OUTPUT_DEFAULT;
}

struct server *server_create(
	struct loop *loop, struct gateway *gateway, const struct server_config *config)
{
	struct server *server = calloc(1, sizeof(*server));
	int error = 0;

	if (!server)
		return NULL;
	server->loop = loop;
	server->gateway = gateway;
	server->config = *config;
	set_defaults(&server->config);
	server->limits =
		(struct client_limits){RPC_LINE_MAX, server->config.output, server->config.idle_ns};
	for (unsigned i = 0; i < SERVER_SOCKETS; i++)
		server->listener[i].listen.fd = -1;
	server->scribe = scribe_create(loop);
	if (!server->scribe)
		goto failed;
	if (config->audit && !(server->audit = audit_open(config->audit))) {
		log_error("audit log %s cannot be opened: %s", config->audit, strerror(errno));
		goto failed;
	}
	for (unsigned i = 0; i < SERVER_SOCKETS && !error; i++)
		error = config->path[i] ? open_listener(server, i) : 0;
	if (!error)
		return server;
failed:
	server_destroy(server);
	return NULL;
}

void server_quiesce(struct server *server)
{
	server->closing = true;
	for (unsigned i = 0; i < SERVER_SOCKETS; i++) {
		loop_unwatch(server->listener[i].watch);
		server->listener[i].watch = NULL;
		listen_close(&server->listener[i].listen);
	}
}

void server_destroy(struct server *server)
{
	if (!server)
		return;
	server_quiesce(server);
	for (struct connection *c = server->connections, *next; c; c = next) {
		next = c->next;
		connection_hang_up(c);
	}
	/* Its callbacks still find their connections. */
	scribe_destroy(server->scribe);
	while (server->connections)
		connection_destroy(server->connections);
	audit_close(server->audit);
	free(server);
}

/* Standing still */

void server_pause(struct server *server, void (*ready)(void *context), void *context)
{
	server->paused = true;
	if (!server->changes) {
		ready(context);
		return;
	}
	server->pause_ready = ready;
	server->pause_context = context;
}

void server_resume(struct server *server)
{
	server->paused = false;
	server->pause_ready = NULL;
	for (struct connection *c = server->connections, *next; c && !server->paused; c = next) {
		next = c->next;
		connection_resume(c);
	}
}
