/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "dataplane/base/log.h"

#define SIZE_MAX_BYTES ((off_t)64 << 20)
#define FILE_MODE      0640

struct audit {
	int fd;
	off_t size;
	char *file;
};

static int reopen(struct audit *audit)
{
	struct stat status;
	int fd = open(audit->file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, FILE_MODE);

	if (fd < 0)
		return -errno;
	if (audit->fd >= 0)
		close(audit->fd);
	audit->fd = fd;
	audit->size = fstat(fd, &status) == 0 ? status.st_size : 0;
	return 0;
}

struct audit *audit_open(const char *file)
{
	struct audit *audit = calloc(1, sizeof(*audit));

	if (!audit)
		return NULL;
	audit->fd = -1;
	audit->file = strdup(file);
	if (audit->file && reopen(audit) == 0)
		return audit;
	free(audit->file);
	free(audit);
	return NULL;
}

void audit_close(struct audit *audit)
{
	if (!audit)
		return;
	close(audit->fd);
	free(audit->file);
	free(audit);
}

static void rotate(struct audit *audit)
{
	char *old = malloc(strlen(audit->file) + 3);

	if (!old)
		return;
	sprintf(old, "%s.1", audit->file);
	if (rename(audit->file, old) < 0 || reopen(audit) < 0)
		log_warning("audit log %s cannot be rotated: %s", audit->file, strerror(errno));
	free(old);
}

static json_t *time_text(void)
{
	struct timespec now;
	struct tm utc;
	char text[64];
	size_t at;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	at = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(text + at, sizeof(text) - at, ".%03ldZ", now.tv_nsec / 1000000);
	return json_string(text);
}

static json_t *line_of(const struct rpc_call *call, json_t *response)
{
	json_t *error = json_object_get(response, "error");
	json_t *result = json_object_get(response, "result");
	json_t *line = json_pack("{s:o, s:I, s:I, s:s}", "time", time_text(), "uid",
		(json_int_t)call->peer.uid, "pid", (json_int_t)call->peer.pid, "method",
		call->method->name);

	json_object_set(line, "owner", json_object_get(call->params, "owner"));
	json_object_set(line, "request_id", json_object_get(call->params, "request_id"));
	json_object_set(line, "generation", json_object_get(result, "generation"));
	if (!error) {
		json_object_set_new(line, "result", json_string(response ? "ok" : "unknown"));
		return line;
	}
	json_object_set_new(line, "result", json_string("refused"));
	json_object_set(line, "code", json_object_get(error, "code"));
	json_object_set(line, "message", json_object_get(error, "message"));
	json_object_set(line, "field", json_object_get(json_object_get(error, "data"), "field"));
	return line;
}

void audit_write(struct audit *audit, const struct rpc_call *call, json_t *response)
{
	json_t *line = line_of(call, response);
	char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;
	char newline = '\n';
	struct iovec part[2] = {{text, text ? strlen(text) : 0}, {&newline, 1}};
	ssize_t wrote = text ? writev(audit->fd, part, 2) : -1;

	if (wrote < 0)
		log_error("audit log %s: a line for %s by uid %u is lost: %s", audit->file,
			call->method->name, call->peer.uid, strerror(text ? errno : ENOMEM));
	else
		audit->size += wrote;
	free(text);
	json_decref(line);
	if (audit->size > SIZE_MAX_BYTES)
		rotate(audit);
}
