/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/listen.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "dataplane/base/log.h"

#define BACKLOG	   64
#define GROUPS_MAX 256

static int set_access(const struct listen *door)
{
	if (door->group != (gid_t)-1 && chown(door->path, (uid_t)-1, door->group) < 0)
		return -errno;
	return chmod(door->path, door->mode) < 0 ? -errno : 0;
}

static int start(int fd)
{
	return listen(fd, BACKLOG) < 0 ? -errno : 0;
}

static int bind_file(struct listen *door)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int error;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", door->path);
	if (unlink(door->path) < 0 && errno != ENOENT)
		return -errno;
	if (bind(door->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	error = set_access(door);
	if (error)
		return error;
	return start(door->fd);
}

int listen_open(struct listen *door, const char *path, mode_t mode, gid_t group)
{
	int error;

	*door = (struct listen){.fd = -1, .mode = mode, .group = group};
	if (strlen(path) >= sizeof(door->path)) {
		log_error("socket path too long: %s", path);
		return -ENAMETOOLONG;
	}
	strcpy(door->path, path);
	door->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	error = door->fd < 0 ? -errno : bind_file(door);
	if (!error)
		return 0;
	log_error("socket %s cannot be opened: %s", path, strerror(-error));
	listen_close(door);
	return error;
}

void listen_close(struct listen *door)
{
	if (door->fd < 0)
		return;
	unlink(door->path);
	close(door->fd);
	door->fd = -1;
}

static bool in_group(int fd, const struct ucred *who, gid_t group)
{
	gid_t groups[GROUPS_MAX];
	socklen_t size = sizeof(groups);

	if (who->gid == group)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0)
		return false;
	for (size_t i = 0; i < size / sizeof(gid_t); i++)
		if (groups[i] == group)
			return true;
	return false;
}

/* The kernel has checked the file's mode when it was opened; this holds also for a descriptor that
 * was handed on, and after the mode was changed by hand. */
static bool allowed(const struct listen *door, int fd, const struct ucred *who)
{
	if (who->uid == 0 || who->uid == geteuid() || (door->mode & S_IWOTH))
		return true;
	return (door->mode & S_IWGRP) &&
	       in_group(fd, who, door->group == (gid_t)-1 ? getegid() : door->group);
}

int listen_accept(struct listen *door, struct rpc_peer *peer)
{
	struct ucred who;
	socklen_t size = sizeof(who);
	int fd = accept4(door->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) < 0 || !allowed(door, fd, &who)) {
		log_warning("%s: uid %u pid %d is not allowed in", door->path, who.uid, who.pid);
		close(fd);
		return -EACCES;
	}
	log_debug("%s: uid %u pid %d connected", door->path, who.uid, who.pid);
	*peer = (struct rpc_peer){.pid = who.pid, .uid = who.uid, .gid = who.gid};
	return fd;
}
