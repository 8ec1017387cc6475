/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A request and its answer, without the socket it came by. A handler gets a call and answers it
 * once, now or later, from the control thread. JSON-RPC 2.0, one object per line.
 */
#ifndef CONTROL_RPC_H
#define CONTROL_RPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>

struct gateway;
struct rpc_call;
struct rpc_sink;

#define RPC_LINE_MAX ((size_t)16 << 20) /* bytes of one request, without the final newline */

/* Stable: clients decide by them (docs/api.md). */
enum rpc_code {
	RPC_PARSE = -32700,	/* the line is not JSON */
	RPC_REQUEST = -32600,	/* JSON, but not a request that is served here; line too long */
	RPC_METHOD = -32601,	/* no such method on this socket */
	RPC_PARAMS = -32602,	/* refused by validation; data.field points at the culprit */
	RPC_INTERNAL = -32603,	/* our fault; nothing changed */
	RPC_NOT_FOUND = -32001, /* the object named is not there */
	RPC_CONFLICT = -32002,	/* if_generation does not match, or another owner holds it */
	RPC_LIMIT = -32003,	/* a limit of the boot file would be exceeded */
	RPC_STORAGE = -32004,	/* the journal cannot take the change: disk full or failing */
	RPC_BUSY = -32005,	/* try again later */
	RPC_TIMEOUT = -32006,	/* what was waited for did not happen in time */
};

/* Of the process at the other end when it connected (SO_PEERCRED). */
struct rpc_peer {
	pid_t pid;
	uid_t uid;
	gid_t gid;
};

/* A table of these ends with name NULL. */
struct rpc_method {
	const char *name;
	bool read_only; /* false: a change; goes to the audit log, waits while a checkpoint is
			   written */
	void (*handle)(struct gateway *gateway, struct rpc_call *call);
};

/* The sink's own struct begins with this. */
struct rpc_stream {
	const struct rpc_sink *sink;
};

/* Where answers go: the server's connection, or a test. */
struct rpc_sink {
	/* Takes response over. The call is freed afterwards. Called also where the peer has gone.
	 */
	void (*answer)(struct rpc_call *call, json_t *response);
	/* As above; text is a whole response, malloc'ed and taken over, without newline. NULL:
	 * rpc_reply_text parses the text and calls answer. */
	void (*answer_text)(struct rpc_call *call, char *text, size_t length);
	/* NULL where this call cannot stream. */
	struct rpc_stream *(*stream)(
		struct rpc_call *call, void (*closed)(void *context), void *context);
	int (*notify)(struct rpc_stream *stream, json_t *message);
	/* As above; text is a whole message, malloc'ed and taken over. NULL: as for answer_text. */
	int (*notify_text)(struct rpc_stream *stream, char *text, size_t length);
	void (*stream_close)(struct rpc_stream *stream);
};

struct rpc_call {
	struct gateway *gateway;
	const struct rpc_method *method;
	json_t *params; /* an object, empty where the request had none; the call's own reference */
	struct rpc_peer peer;
	const char *line; /* the request as received, or NULL; valid until the call is answered */
	size_t line_length;
	void *user; /* the handler's, while the call is its */

	/* For whoever made the call. */
	json_t *id; /* NULL: a notification, whose answer nobody sees */
	const struct rpc_sink *sink;
	void *owner;
	struct rpc_call *next, *prev;
};

/* A call with its own references to params and id. NULL on lack of memory. */
struct rpc_call *rpc_call_create(struct gateway *gateway, const struct rpc_method *method,
	json_t *params, json_t *id, const struct rpc_sink *sink, void *owner);
/* For a call that was never handed to its handler. NULL is allowed. */
void rpc_call_free(struct rpc_call *call);

/* The method of that name in a table, or NULL. */
const struct rpc_method *rpc_find(const struct rpc_method *table, const char *name);

/*
 * Answers. Each frees the call. result is taken over: as it may be printed and freed by another
 * thread, no part of it may be changed any more by anyone. NULL (lack of memory while it was built)
 * is answered by an internal error.
 */
void rpc_reply(struct rpc_call *call, json_t *result);
/* For results that are long: JSON text of the result, malloc'ed, taken over. The text was built in
 * slices by the caller, so that no turn is spent on printing it. */
void rpc_reply_text(struct rpc_call *call, char *result, size_t length);

/* For calls that are no JSON-RPC (the line "metrics"): text as it is, malloc'ed, taken over. The
 * sink ends it with a newline. */
void rpc_reply_plain(struct rpc_call *call, char *text, size_t length);

/* field: JSON pointer into params ("/document/routes/3/prefix"; "" is params itself), or NULL. */
void rpc_reject(struct rpc_call *call, int code, const char *field, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* As rpc_reject with more members in error.data; data is taken over (NULL: none). */
void rpc_reject_data(struct rpc_call *call, int code, const char *field, json_t *data,
	const char *format, ...) __attribute__((format(printf, 5, 6)));

/*
 * Streams: opened before the call is answered, alive until the client goes (closed is called once,
 * the stream is gone then) or rpc_stream_close (closed is not called). NULL where not possible.
 */
struct rpc_stream *rpc_stream_open(
	struct rpc_call *call, void (*closed)(void *context), void *context);
/* Sends a notification; params is taken over. 0; -EAGAIN: the client reads too slowly, this one was
 * not sent (the stream lives on); -ENOMEM. */
int rpc_notify(struct rpc_stream *stream, const char *method, json_t *params);
/* The same with the JSON text of params, malloc'ed, taken over. */
int rpc_notify_text(struct rpc_stream *stream, const char *method, char *params, size_t length);
void rpc_stream_close(struct rpc_stream *stream);

/*
 * Reading params. Each rejects the call and returns a negative number where params are wrong; the
 * handler then just returns.
 */
/* Every member of params is among names (ends with NULL). */
int rpc_only(struct rpc_call *call, const char *const names[]);
/* 1: there, 0: absent (value untouched). */
int rpc_get_string(struct rpc_call *call, const char *name, const char **value);
int rpc_get_u64(
	struct rpc_call *call, const char *name, uint64_t min, uint64_t max, uint64_t *value);
int rpc_get_bool(struct rpc_call *call, const char *name, bool *value);

#endif
