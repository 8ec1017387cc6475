/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/emit.h"

void emit_init(struct emit *emit, struct text *text)
{
	*emit = (struct emit){.text = text};
}

static void member(struct emit *emit, const char *key)
{
	uint32_t bit = UINT32_C(1) << emit->depth;

	if (emit->started & bit)
		text_add(emit->text, ",", 1);
	emit->started |= bit;
	if (key == NULL)
		return;
	text_json(emit->text, key);
	text_add(emit->text, ":", 1);
}

static void enter(struct emit *emit, const char *key, bool array)
{
	uint32_t bit;

	member(emit, key);
	text_add(emit->text, array ? "[" : "{", 1);
	if (emit->depth == EMIT_DEPTH) {
		emit->text->failed = true;
		return;
	}
	bit = UINT32_C(1) << ++emit->depth;
	emit->started &= ~bit;
	emit->array = array ? emit->array | bit : emit->array & ~bit;
}

void emit_object(struct emit *emit, const char *key)
{
	enter(emit, key, false);
}

void emit_array(struct emit *emit, const char *key)
{
	enter(emit, key, true);
}

void emit_end(struct emit *emit)
{
	text_add(emit->text, emit->array >> emit->depth & 1 ? "]" : "}", 1);
	emit->depth--;
}

void emit_u64(struct emit *emit, const char *key, uint64_t number)
{
	member(emit, key);
	text_u64(emit->text, number);
}

void emit_string(struct emit *emit, const char *key, const char *string)
{
	member(emit, key);
	text_json(emit->text, string);
}

void emit_bool(struct emit *emit, const char *key, bool value)
{
	member(emit, key);
	text_put(emit->text, value ? "true" : "false");
}
