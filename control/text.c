/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM 256

static bool reserve(struct text *text, size_t more)
{
	size_t room = text->room ? text->room : FIRST_ROOM;
	char *data;

	if (text->failed)
		return false;
	while (room < text->length + more + 1)
		room *= 2;
	if (room == text->room)
		return true;
	data = realloc(text->data, room);
	if (data == NULL) {
		text->failed = true;
		return false;
	}
	text->data = data;
	text->room = room;
	return true;
}

void text_add(struct text *text, const void *bytes, size_t length)
{
	if (!reserve(text, length))
		return;
	memcpy(text->data + text->length, bytes, length);
	text->length += length;
	text->data[text->length] = '\0';
}

void text_put(struct text *text, const char *string)
{
	text_add(text, string, strlen(string));
}

void text_format(struct text *text, const char *format, ...)
{
	va_list args, again;
	int length;

	va_start(args, format);
	va_copy(again, args);
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (length < 0)
		text->failed = true;
	else if (reserve(text, (size_t)length)) {
		vsnprintf(text->data + text->length, (size_t)length + 1, format, again);
		text->length += (size_t)length;
	}
	va_end(again);
}

void text_u64(struct text *text, uint64_t number)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number != 0);
	text_add(text, digits + at, sizeof(digits) - at);
}

void text_json(struct text *text, const char *string)
{
	text_add(text, "\"", 1);
	for (const char *c = string; *c != '\0'; c++) {
		if (*c == '"' || *c == '\\')
			text_add(text, "\\", 1);
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			text_format(text, "\\u%04x", (unsigned)(unsigned char)*c);
		else
			text_add(text, c, 1);
	}
	text_add(text, "\"", 1);
}

void text_label(struct text *text, const char *string)
{
	for (const char *c = string; *c != '\0'; c++) {
		if (*c == '\n')
			text_add(text, "\\n", 2);
		else if (*c == '"' || *c == '\\')
			text_format(text, "\\%c", *c);
		else
			text_add(text, c, 1);
	}
}

char *text_take(struct text *text, size_t *length)
{
	char *data;

	if (!reserve(text, 0)) {
		text_free(text);
		return NULL;
	}
	text->data[text->length] = '\0';
	data = text->data;
	if (length != NULL)
		*length = text->length;
	*text = (struct text){0};
	return data;
}

void text_free(struct text *text)
{
	free(text->data);
	*text = (struct text){0};
}
