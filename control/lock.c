/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataplane/base/log.h"

#define DIRECTORY_MODE 0755
#define FILE_MODE      0644

static long holder(int fd)
{
	char text[32] = "";

	return pread(fd, text, sizeof(text) - 1, 0) > 0 ? strtol(text, NULL, 10) : 0;
}

static int write_pid(int fd)
{
	if (ftruncate(fd, 0) < 0 || dprintf(fd, "%ld\n", (long)getpid()) < 0)
		return -errno;
	return 0;
}

static int lock_file(int fd, const char *directory)
{
	int error;

	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return write_pid(fd);
	error = errno;
	if (error != EWOULDBLOCK) {
		log_error("%s cannot be locked: %s", directory, strerror(error));
		return -error;
	}
	log_error("%s is in use by another gateway (pid %ld)", directory, holder(fd));
	return -EBUSY;
}

static int make_directory(const char *directory)
{
	char path[256];

	snprintf(path, sizeof(path), "%s", directory);
	for (char *slash = path + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
		*slash = '\0';
		if (mkdir(path, DIRECTORY_MODE) < 0 && errno != EEXIST)
			return -errno;
	}
	return mkdir(path, DIRECTORY_MODE) < 0 && errno != EEXIST ? -errno : 0;
}

int lock_take(const char *directory, const char *file)
{
	char path[256];
	int fd, error = make_directory(directory);

	if (error) {
		log_error("directory %s cannot be made: %s", directory, strerror(-error));
		return error;
	}
	snprintf(path, sizeof(path), "%s/%s", directory, file);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
	if (fd < 0) {
		error = errno;
		log_error("%s cannot be opened: %s", path, strerror(error));
		return -error;
	}
	error = lock_file(fd, directory);
	if (error) {
		close(fd);
		return error;
	}
	return fd;
}

void lock_drop(int fd)
{
	if (fd >= 0)
		close(fd);
}
