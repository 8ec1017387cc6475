/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/loop.h"

#define READ_BYTES ((size_t)128 << 10)	 /* at once, so that a turn stays short */
#define IN_KEEP	   ((size_t)256 << 10)	 /* a larger input buffer is given back when empty */
#define SEND_BYTES ((size_t)512 << 10)	 /* the same on the way out, to a reader that keeps up */
#define STALL_NS   UINT64_C(30000000000) /* a reader that takes nothing for so long is gone */

struct chunk {
	struct chunk *next;
	char *text;
	size_t length, sent;
};

struct client {
	struct loop *loop;
	int fd;
	struct loop_watch *watch;
	uint32_t events;
	const struct client_owner *owner;
	void *context;
	const struct client_limits *limits;
	char *in;
	size_t in_size, in_used, in_start, scanned; /* no newline between in_start and scanned */
	struct chunk *out, **out_end;
	size_t unsent;
	bool blocked, ended, discard, finishing, dead;
	enum client_end why;
	struct loop_slice lines;
	struct loop_timer idle, stall;
};

static void end_now(struct client *client)
{
	client->owner->closed(client->context, client);
	client_destroy(client);
}

/* The end comes from the lines slice, never from within a call of the owner. */
static void die(struct client *client, enum client_end why)
{
	if (client->dead)
		return;
	client->dead = true;
	client->why = why;
	loop_watch_events(client->watch, 0);
	loop_slice_start(client->loop, &client->lines);
}

enum client_end client_why(const struct client *client)
{
	return client->why;
}

static char *find_newline(struct client *client)
{
	char *found;

	if (client->scanned == client->in_used)
		return NULL;
	found = memchr(client->in + client->scanned, '\n', client->in_used - client->scanned);
	client->scanned = found ? (size_t)(found - client->in) : client->in_used;
	return found;
}

static void want_events(struct client *client)
{
	uint32_t events = client->out ? EPOLLOUT : 0;
	bool behind = client->lines.queued && client->in_used - client->in_start > IN_KEEP;

	if (!client->blocked && !client->ended && !behind)
		events |= EPOLLIN;
	if (events == client->events || client->dead)
		return;
	client->events = events;
	if (loop_watch_events(client->watch, events) < 0)
		die(client, CLIENT_GONE);
}

static void touch(struct client *client)
{
	loop_timer_start(client->loop, &client->idle, client->limits->idle_ns);
}

/* Input */

/* What is left, the beginning of a line, goes to the front: a long line then begins where the
 * buffer does, and can take it along. */
static void compact(struct client *client)
{
	if (client->in_start == client->in_used && client->in_size > IN_KEEP) {
		free(client->in);
		client->in = NULL;
		client->in_size = 0;
	} else if (client->in_start && client->in_start < client->in_used) {
		memmove(client->in, client->in + client->in_start,
			client->in_used - client->in_start);
	}
	client->in_used -= client->in_start;
	client->scanned -= client->in_start;
	client->in_start = 0;
}

static int grow(struct client *client)
{
	size_t size = client->in_size ? client->in_size * 2 : 4096;
	char *in;

	if (client->in_size - client->in_used >= READ_BYTES / 32)
		return 0;
	in = realloc(client->in, size);
	if (!in)
		return -ENOMEM;
	client->in = in;
	client->in_size = size;
	return 0;
}

/* Too long without an end: the rest of that line is thrown away as it comes. */
static void check_length(struct client *client)
{
	if (client->in_used - client->in_start <= client->limits->line || find_newline(client))
		return;
	if (!client->discard)
		client->owner->line(client->context, client, NULL, 0);
	client->discard = true;
	client->in_start = client->scanned = client->in_used;
}

static void receive(struct client *client)
{
	size_t room;
	ssize_t got;

	if (grow(client) < 0) {
		die(client, CLIENT_GONE);
		return;
	}
	room = client->in_size - client->in_used;
	got = recv(client->fd, client->in + client->in_used, room < READ_BYTES ? room : READ_BYTES,
		MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got < 0) {
		die(client, CLIENT_GONE);
		return;
	}
	client->ended = got == 0;
	client->in_used += (size_t)got;
	touch(client);
	loop_slice_start(client->loop, &client->lines);
}

/* A line leaves the buffer as memory of its own. A long one takes the buffer itself along: copying
 * it would take too long. */
static char *take_line(struct client *client, size_t length)
{
	size_t next = client->in_start + length + 1;
	size_t rest = next < client->in_used ? client->in_used - next : 0;
	char *line = client->in, *in;

	if (length < IN_KEEP || client->in_start) {
		line = malloc(length + 1);
		if (!line)
			return NULL;
		memcpy(line, client->in + client->in_start, length);
		client->in_start = next < client->in_used ? next : client->in_used;
	} else {
		in = malloc(rest ? rest : 1);
		if (!in)
			return NULL;
		memcpy(in, client->in + client->in_used - rest, rest);
		client->in = in;
		client->in_size = rest ? rest : 1;
		client->in_used = rest;
		client->in_start = 0;
	}
	client->scanned = client->in_start;
	line[length] = '\0';
	return line;
}

static bool blank(const char *line, size_t length)
{
	return strspn(line, " \t\r") == length;
}

static void hand_over(struct client *client, size_t length)
{
	char *line = take_line(client, length);

	if (!line) {
		die(client, CLIENT_GONE);
	} else if (client->discard) {
		client->discard = false;
		free(line);
	} else if (length > client->limits->line) {
		free(line);
		client->owner->line(client->context, client, NULL, 0);
	} else if (blank(line, length)) {
		free(line);
	} else {
		client->owner->line(client->context, client, line, length);
	}
}

/* The last line before the end may lack its newline. */
static bool next_line(struct client *client)
{
	char *newline = find_newline(client);

	if (!newline && client->ended && client->in_used > client->in_start) {
		if (client->in_used == client->in_size && grow(client) < 0)
			return false;
		hand_over(client, client->in_used - client->in_start);
		return true;
	}
	if (!newline)
		return false;
	hand_over(client, (size_t)(newline - client->in) - client->in_start);
	return true;
}

static bool lines_work(void *context)
{
	struct client *client = context;
	bool more = false;

	if (!client->dead && !client->blocked && !client->finishing)
		more = next_line(client);
	if (client->dead) {
		end_now(client);
		return false;
	}
	if (more && !client->blocked)
		return true;
	if (!more) {
		check_length(client);
		compact(client);
	}
	client_rested(client);
	want_events(client);
	return false;
}

void client_block(struct client *client, bool blocked)
{
	if (client->blocked == blocked)
		return;
	client->blocked = blocked;
	if (!blocked)
		loop_slice_start(client->loop, &client->lines);
	want_events(client);
}

void client_rested(struct client *client)
{
	bool over = client->finishing || (client->ended && client->in_used == client->in_start);

	touch(client);
	if (over && !client->out && client->owner->at_rest(client->context, client))
		die(client, CLIENT_GONE);
}

/* Output */

static void drop_first(struct client *client)
{
	struct chunk *chunk = client->out;

	client->out = chunk->next;
	if (!client->out)
		client->out_end = &client->out;
	free(chunk->text);
	free(chunk);
}

static void flush(struct client *client)
{
	size_t left = SEND_BYTES;

	while (client->out && left > 0) {
		struct chunk *chunk = client->out;
		size_t rest = chunk->length - chunk->sent;
		ssize_t sent = send(client->fd, chunk->text + chunk->sent,
			rest < left ? rest : left, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent < 0 && errno != EAGAIN && errno != EINTR)
			die(client, CLIENT_GONE);
		if (sent < 0)
			break;
		chunk->sent += (size_t)sent;
		client->unsent -= (size_t)sent;
		left -= (size_t)sent;
		if (chunk->sent == chunk->length)
			drop_first(client);
		loop_timer_start(client->loop, &client->stall, STALL_NS);
	}
	if (!client->out)
		loop_timer_stop(client->loop, &client->stall);
}

void client_send(struct client *client, char *text, size_t length, bool newline)
{
	struct chunk *chunk;

	if (client->dead || client->unsent > client->limits->output) {
		free(text);
		die(client, CLIENT_SLOW);
		return;
	}
	chunk = calloc(1, sizeof(*chunk));
	if (!chunk) {
		free(text);
		die(client, CLIENT_GONE);
		return;
	}
	if (newline)
		text[length++] = '\n'; /* in place of the final NUL */
	*chunk = (struct chunk){.text = text, .length = length};
	*client->out_end = chunk;
	client->out_end = &chunk->next;
	client->unsent += length;
	if (client->out == chunk)
		flush(client);
	want_events(client);
}

size_t client_unsent(const struct client *client)
{
	return client->unsent;
}

void client_finish(struct client *client)
{
	client->finishing = true;
	loop_slice_start(client->loop, &client->lines);
}

static void ready(void *context, uint32_t events)
{
	struct client *client = context;

	if (events & EPOLLOUT) {
		flush(client);
		client_rested(client);
	}
	if (events & EPOLLIN)
		receive(client);
	else if (events & (EPOLLHUP | EPOLLERR))
		die(client, CLIENT_GONE);
	want_events(client);
}

static void idle_fired(void *context)
{
	struct client *client = context;

	if (!client->out && client->owner->at_rest(client->context, client))
		die(client, CLIENT_IDLE);
	else
		touch(client);
}

static void stall_fired(void *context)
{
	die(context, CLIENT_SLOW);
}

struct client *client_create(struct loop *loop, int fd, const struct client_owner *owner,
	const struct client_limits *limits, void *context)
{
	struct client *client = calloc(1, sizeof(*client));

	if (!client)
		return NULL;
	client->loop = loop;
	client->fd = fd;
	client->owner = owner;
	client->limits = limits;
	client->context = context;
	client->out_end = &client->out;
	client->events = EPOLLIN;
	client->lines = (struct loop_slice){.work = lines_work, .context = client};
	client->idle = (struct loop_timer){.fire = idle_fired, .context = client};
	client->stall = (struct loop_timer){.fire = stall_fired, .context = client};
	client->watch = loop_watch(loop, fd, EPOLLIN, ready, client);
	if (!client->watch) {
		free(client);
		return NULL;
	}
	touch(client);
	return client;
}

void client_destroy(struct client *client)
{
	loop_slice_stop(client->loop, &client->lines);
	loop_timer_stop(client->loop, &client->idle);
	loop_timer_stop(client->loop, &client->stall);
	loop_unwatch(client->watch);
	close(client->fd);
	while (client->out)
		drop_first(client);
	free(client->in);
	free(client);
}
