/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/refusal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

int refusal_set(struct refusal *refusal, int code, const char *pointer, const char *format, ...)
{
	va_list arguments;

	if (refusal->code != REFUSAL_NONE)
		return -EINVAL;
	refusal->code = code;
	snprintf(refusal->pointer, sizeof(refusal->pointer), "%s", pointer);
	va_start(arguments, format);
	vsnprintf(refusal->text, sizeof(refusal->text), format, arguments);
	va_end(arguments);
	return -EINVAL;
}

const char *refusal_name(int code)
{
	switch (code) {
#define REFUSAL_NAME(name, number, text) \
	case number: \
		return text;
		REFUSAL_LIST(REFUSAL_NAME)
#undef REFUSAL_NAME
	default:
		return NULL;
	}
}
