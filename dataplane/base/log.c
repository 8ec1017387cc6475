/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/base/log.h"

#include <stdarg.h>
#include <stdio.h>

static enum log_level most = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
	most = level;
}

void log_line(enum log_level level, const char *format, ...)
{
	char line[1024];
	va_list args;

	if (level > most)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	fprintf(stderr, "<%d>%s\n", (int)level, line);
}
