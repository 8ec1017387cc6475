/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Lines on the control socket: the whole way from bytes to calls and back. The first byte says how
 * the rest is cut into writes. Every call must be answered, and the server must live on.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/loop.h"
#include "control/server.h"
#include "dataplane/base/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct loop *loop;
static struct server *server;
static char path[64];
static unsigned calls;

static void check(int holds)
{
	if (!holds)
		abort();
}

static void read_all(struct gateway *gateway, struct rpc_call *call)
{
	static const char *const names[] = {"name", "count", "flag", NULL};
	const char *name = "";
	uint64_t number = 0;
	bool flag = false;

	(void)gateway;
	calls++;
	if (rpc_only(call, names) < 0 || rpc_get_string(call, "name", &name) < 0 ||
		rpc_get_u64(call, "count", 2, 1000, &number) < 0 ||
		rpc_get_bool(call, "flag", &flag) < 0)
		return;
	rpc_reply(call, json_pack("{s:s, s:I, s:b}", "name", name, "count", (json_int_t)number,
				"flag", flag));
}

static void echo_text(struct gateway *gateway, struct rpc_call *call)
{
	char *text = json_dumps(call->params, JSON_COMPACT);

	(void)gateway;
	calls++;
	rpc_reply_text(call, text, strlen(text));
}

static const struct rpc_method methods[] = {
	{"read", true, read_all}, {"change", false, read_all}, {"echo", true, echo_text}, {NULL}};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct server_config config = {.path = {path}, .mode = {0600}, .tables = {{methods}}};

	(void)argc;
	(void)argv;
	log_set_level(LOG_LEVEL_ERROR);
	snprintf(path, sizeof(path), "/tmp/trunkline-fuzz-%d.sock", (int)getpid());
	config.group[0] = (gid_t)-1;
	loop = loop_create();
	server = server_create(loop, NULL, &config);
	check(server != NULL);
	return 0;
}

static int dial(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, path);
	check(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	return fd;
}

/* True at the end of what the server has to say. */
static bool drain(int fd)
{
	char answer[4096];
	ssize_t got;

	while ((got = recv(fd, answer, sizeof(answer), 0)) > 0)
		continue;
	return got == 0 || errno == ECONNRESET;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t step = size ? (size_t)data[0] + 1 : 1;
	int fd = dial();

	for (size_t at = 1; at < size; at += step) {
		send(fd, data + at, size - at < step ? size - at : step, MSG_NOSIGNAL);
		loop_turn(loop, 0);
		drain(fd);
	}
	shutdown(fd, SHUT_WR);
	for (int i = 0; !drain(fd); i++) {
		check(i < 1000);
		loop_turn(loop, 10);
	}
	close(fd);
	check(server_stats(server)->calls == 0);
	return 0;
}
