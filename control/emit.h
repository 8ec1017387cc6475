/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * JSON written straight into text, with the commas put where they belong: a large answer is made
 * piece by piece, without a tree of values that would have to be dumped in one go.
 *
 * key is the member's name inside an object and NULL inside an array or at the top.
 */
#ifndef CONTROL_EMIT_H
#define CONTROL_EMIT_H

#include "control/text.h"

#define EMIT_DEPTH 31

struct emit {
	struct text *text;
	uint32_t started; /* bit = depth: something stands there already */
	uint32_t array;	  /* bit = depth: it is an array */
	unsigned depth;
};

void emit_init(struct emit *emit, struct text *text);

void emit_object(struct emit *emit, const char *key);
void emit_array(struct emit *emit, const char *key);
void emit_end(struct emit *emit); /* of the innermost object or array */

void emit_u64(struct emit *emit, const char *key, uint64_t number);
void emit_string(struct emit *emit, const char *key, const char *string);
void emit_bool(struct emit *emit, const char *key, bool value);

#endif
