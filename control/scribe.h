/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reading and printing of large JSON texts in a thread of its own. What is handed over belongs to
 * the scribe until it is handed back; callbacks run in the control thread.
 */
#ifndef CONTROL_SCRIBE_H
#define CONTROL_SCRIBE_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

struct loop;
struct scribe;

#define SCRIBE_SMALL \
	8192 /* bytes of text, or about as many of print, that the control thread does */
#define SCRIBE_ERROR 256

/* NULL with errno set. */
struct scribe *scribe_create(struct loop *loop);
/* Callbacks of what is still under way are called. NULL is allowed. */
void scribe_destroy(struct scribe *scribe);

/* One JSON text, no member twice, no NUL characters; NULL, and why in error. */
json_t *scribe_parse(const char *text, size_t length, char error[SCRIBE_ERROR]);

/* As scribe_parse, aside; text stays the caller's and must live until done. value is given to done,
 * NULL with error set. 0 or -ENOMEM. */
int scribe_read(struct scribe *scribe, const char *text, size_t length,
	void (*done)(void *context, json_t *value, const char *error), void *context);

/* True where printing would take so long that it should be done by scribe_print. */
bool scribe_large(json_t *value);
/* Prints compact and frees value, which is taken over on success. text (malloc'ed, NULL on lack of
 * memory) is given to done. 0 or -ENOMEM. */
int scribe_print(struct scribe *scribe, json_t *value,
	void (*done)(void *context, char *text, size_t length), void *context);
/* Drops a reference; the freeing is done aside. */
void scribe_release(struct scribe *scribe, json_t *value);

#endif
