/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One connection to a socket of the server: lines in, lines out, both bounded. It knows nothing of
 * methods; whoever owns it takes one line at a time.
 */
#ifndef CONTROL_CLIENT_H
#define CONTROL_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct client;
struct loop;

/* context: as given to client_create. */
struct client_owner {
	/* The next line (malloc'ed, taken over, NUL after it). text NULL: a line longer than
	 * allowed was thrown away. Not called while blocked. */
	void (*line)(void *context, struct client *client, char *text, size_t length);
	/* The connection is over; called once, and the client is freed when it returns. */
	void (*closed)(void *context, struct client *client);
	/* Nothing is under way for this client: it may be closed when it is idle or has ended. */
	bool (*at_rest)(void *context, struct client *client);
};

struct client_limits {
	size_t line;	  /* bytes of a request */
	size_t output;	  /* bytes that may wait for a slow reader */
	uint64_t idle_ns; /* at rest, with nothing coming */
};

enum client_end { CLIENT_GONE, CLIENT_IDLE, CLIENT_SLOW };

/* fd is taken over on success. owner and limits must outlive it. NULL with errno set. */
struct client *client_create(struct loop *loop, int fd, const struct client_owner *owner,
	const struct client_limits *limits, void *context);
/* Closes without calling closed. */
void client_destroy(struct client *client);

/* While blocked no line is taken and nothing is read. Not counted: true, then false. */
void client_block(struct client *client, bool blocked);
/* To be called when something that kept it from rest is over. */
void client_rested(struct client *client);

/* Sends text (malloc'ed, taken over) and a newline if wanted. A reader that leaves more than the
 * limit unread is disconnected: closed is called later, from the loop. */
void client_send(struct client *client, char *text, size_t length, bool newline);
size_t client_unsent(const struct client *client);
/* Sends what is waiting, then closes; takes no more lines. */
void client_finish(struct client *client);

enum client_end client_why(const struct client *client);

#endif
