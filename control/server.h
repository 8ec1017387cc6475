/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The sockets of the gateway: RUN_DIR/control.sock serves all methods, RUN_DIR/stats.sock the
 * read-only ones of the stats table and the bare line "metrics". Requests of one connection start
 * in the order they came in; answers carry the id and may overtake one another.
 */
#ifndef CONTROL_SERVER_H
#define CONTROL_SERVER_H

#include <stdint.h>
#include <sys/types.h>

#include "control/rpc.h"

struct loop;
struct server;

enum server_socket { SERVER_CONTROL, SERVER_STATS, SERVER_SOCKETS };

#define SERVER_TABLES 8

struct server_config {
	const char *path[SERVER_SOCKETS];
	mode_t mode[SERVER_SOCKETS];
	gid_t group[SERVER_SOCKETS]; /* (gid_t)-1: left as it is */
	const char *audit;	     /* file that changes are written to; NULL: none */
	unsigned clients;	     /* at most, on each socket; 0: 64 */
	unsigned calls;		     /* at most unanswered on one connection; 0: 64 */
	uint64_t idle_ns;	     /* without request, call or stream; 0: 10 minutes */
	size_t output;		     /* bytes a slow reader may leave unread; 0: 64 MiB */
	/* Methods per socket, each table ended by name NULL, the list by NULL. */
	const struct rpc_method *tables[SERVER_SOCKETS][SERVER_TABLES];
	/* Called for the bare line "metrics" on the stats socket, which rpc_reply_plain answers.
	 * NULL: such a client is hung up on. */
	const struct rpc_method *metrics;
};

struct server_stats {
	uint64_t accepted;
	uint64_t refused_clients; /* over the cap */
	uint64_t requests;
	uint64_t rejects; /* answered by an error */
	uint64_t slow;	  /* disconnected because they did not read */
	uint64_t idle;	  /* disconnected because nothing came */
	uint64_t oversize;
	unsigned clients; /* now */
	unsigned calls;	  /* now unanswered */
};

/* Listens. config may go afterwards, its tables must stay. NULL and a log line on failure. */
struct server *server_create(
	struct loop *loop, struct gateway *gateway, const struct server_config *config);
/* No new connections, no new requests; the sockets' files are removed. */
void server_quiesce(struct server *server);
/* Unanswered calls are forgotten: their handlers must not answer them any more. NULL is allowed. */
void server_destroy(struct server *server);

const struct server_stats *server_stats(const struct server *server);

/*
 * Changes stand still: after ready was called no handler of a change runs or is unanswered, and
 * none starts before server_resume. For the checkpoint, which must see a model at rest.
 */
void server_pause(struct server *server, void (*ready)(void *context), void *context);
void server_resume(struct server *server);

#endif
