/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Text that grows. Lack of memory is remembered, not returned: writers go on without effect, and
 * who takes the text asks once, at the end. Zeroed is empty; text_free may always be called.
 */
#ifndef CONTROL_TEXT_H
#define CONTROL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
	char *data; /* always ends with a NUL that length does not count; NULL while empty */
	size_t length, room;
	bool failed; /* some of it is missing for lack of memory */
};

void text_add(struct text *text, const void *bytes, size_t length);
void text_put(struct text *text, const char *string);
void text_format(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_u64(struct text *text, uint64_t number);

/* With the quotes, escaped by RFC 8259; the bytes must be UTF-8. */
void text_json(struct text *text, const char *string);
/* Without quotes, escaped as a label value of the OpenMetrics and Prometheus text formats. */
void text_label(struct text *text, const char *string);

/* The text, to be freed with free(); NULL where some of it is missing. text is empty afterwards. */
char *text_take(struct text *text, size_t *length);
void text_free(struct text *text);

#endif
