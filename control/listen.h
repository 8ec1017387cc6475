/* SPDX-License-Identifier: BSD-3-Clause */
/* A unix stream socket with a mode and a group, and who is allowed in. */
#ifndef CONTROL_LISTEN_H
#define CONTROL_LISTEN_H

#include <sys/types.h>

#include "control/rpc.h"

#define LISTEN_PATH 108

struct listen {
	int fd; /* -1: closed */
	char path[LISTEN_PATH];
	mode_t mode;
	gid_t group; /* (gid_t)-1: left as it is */
};

/* Binds (a leftover file is replaced: the caller holds the lock of the directory) and listens;
 * nobody can connect before mode and group are set. 0, or -errno and a log line. */
int listen_open(struct listen *door, const char *path, mode_t mode, gid_t group);
/* Removes the file. Nothing where closed. */
void listen_close(struct listen *door);

/* The next connection, non-blocking, with who is at its other end; -errno where there is none or
 * where it was refused. */
int listen_accept(struct listen *door, struct rpc_peer *peer);

#endif
