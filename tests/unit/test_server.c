/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/loop.h"
#include "control/server.h"
#include "dataplane/base/log.h"

static struct loop *loop;
static struct server *server;
static char directory[64], control[96], stats[96], audit[96];

/* Methods to be called */

static struct rpc_call *kept[64];
static unsigned kept_count;
static struct rpc_stream *stream;
static unsigned closed_streams;

static void echo(struct gateway *gateway, struct rpc_call *call)
{
	(void)gateway;
	rpc_reply(call, json_incref(call->params));
}

static void keep(struct gateway *gateway, struct rpc_call *call)
{
	(void)gateway;
	kept[kept_count++] = call;
}

static void refuse(struct gateway *gateway, struct rpc_call *call)
{
	(void)gateway;
	rpc_reject(call, RPC_PARAMS, "/a/0", "no %s today", "bread");
}

static void stream_closed(void *context)
{
	(void)context;
	closed_streams++;
	stream = NULL;
}

static void watch(struct gateway *gateway, struct rpc_call *call)
{
	(void)gateway;
	stream = rpc_stream_open(call, stream_closed, NULL);
	rpc_reply(call, json_object());
}

static void plain(struct gateway *gateway, struct rpc_call *call)
{
	(void)gateway;
	rpc_reply_plain(call, strdup("bare text\n"), 10);
}

static const struct rpc_method methods[] = {{"echo", true, echo}, {"keep", true, keep},
	{"change", false, keep}, {"refuse", false, refuse}, {"watch", true, watch},
	{NULL, false, NULL}};
static const struct rpc_method metrics_method = {"metrics", true, plain};

static int start_with(unsigned clients, uint64_t idle_ns, size_t output)
{
	struct server_config config = {.path = {control, stats},
		.mode = {0600, 0666},
		.group = {(gid_t)-1, (gid_t)-1},
		.audit = audit,
		.clients = clients,
		.calls = 4,
		.idle_ns = idle_ns,
		.output = output,
		.tables = {{methods}, {methods}},
		.metrics = &metrics_method};

	server = server_create(loop, NULL, &config);
	return server ? 0 : -1;
}

static int set_up(void **state)
{
	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	strcpy(directory, "/tmp/trunkline-server-XXXXXX");
	if (!mkdtemp(directory))
		return -1;
	sprintf(control, "%s/control.sock", directory);
	sprintf(stats, "%s/stats.sock", directory);
	sprintf(audit, "%s/audit.log", directory);
	kept_count = closed_streams = 0;
	loop = loop_create();
	return start_with(3, 0, 0);
}

static int take_down(void **state)
{
	(void)state;
	server_destroy(server);
	loop_destroy(loop);
	unlink(audit);
	return rmdir(directory);
}

/* A client in the same thread: turns of the loop while it waits */

static int dial(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, path);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void say_bytes(int fd, const char *text, size_t length)
{
	while (length) {
		ssize_t sent = send(fd, text, length, MSG_NOSIGNAL);

		if (sent > 0) {
			text += sent;
			length -= (size_t)sent;
		} else {
			assert_int_equal(errno, EAGAIN);
		}
		loop_turn(loop, 0);
	}
}

static void say(int fd, const char *text)
{
	say_bytes(fd, text, strlen(text));
}

/* The next line, NULL at the end; static. */
static const char *hear(int fd)
{
	static char line[4096];
	size_t at = 0;

	for (int i = 0; i < 2000; i++) {
		ssize_t got = recv(fd, line + at, 1, 0);

		if (got == 0 || (got < 0 && errno == ECONNRESET))
			return NULL;
		if (got < 0) {
			loop_turn(loop, 5);
		} else if (line[at] == '\n') {
			line[at] = '\0';
			return line;
		} else {
			at++;
			assert_true(at < sizeof(line));
			i = 0;
		}
	}
	fail_msg("no answer");
	return NULL;
}

static void expect(int fd, const char *request, const char *answer)
{
	say(fd, request);
	assert_string_equal(hear(fd), answer);
}

static bool has(const char *line, const char *part)
{
	return line && strstr(line, part) != NULL;
}

/* Tests */

static void answers_a_request(void **state)
{
	int fd = dial(control);

	(void)state;
	expect(fd, "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":\"echo\",\"params\":{\"a\":1}}\n",
		"{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"result\":{\"a\":1}}");
	expect(fd, "\r\n{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"echo\"}\r\n",
		"{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}");
	close(fd);
}

static void answers_pipelined_requests_in_order(void **state)
{
	int fd = dial(control);
	char text[128];

	(void)state;
	for (int i = 0; i < 500; i++) {
		sprintf(text, "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"echo\"}\n", i);
		say(fd, text);
	}
	for (int i = 0; i < 500; i++) {
		sprintf(text, "{\"jsonrpc\":\"2.0\",\"id\":%d,\"result\":{}}", i);
		assert_string_equal(hear(fd), text);
	}
	close(fd);
}

static void answers_what_came_before_the_end(void **state)
{
	int fd = dial(control);
	static const char text[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\"}\n"
				   "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"echo\"}";

	(void)state;
	say(fd, text);
	shutdown(fd, SHUT_WR);
	assert_true(has(hear(fd), "\"id\":1"));
	assert_true(has(hear(fd), "\"id\":2"));
	assert_null(hear(fd));
	close(fd);
	assert_int_equal(server_stats(server)->clients, 0);
}

static void tells_why_a_handler_refuses(void **state)
{
	int fd = dial(control);

	(void)state;
	expect(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"refuse\"}\n",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32602,\"message\":\"no bread "
		"today\",\"data\":{\"field\":\"/a/0\"}}}");
	close(fd);
}

/* Parsed aside, and what is behind it waits. */
static void takes_a_long_line(void **state)
{
	size_t length = 3 << 20;
	char *text = malloc(length + 200);
	int fd = dial(control);
	size_t at = (size_t)sprintf(text, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"keep\","
					  "\"params\":{\"text\":\"");

	(void)state;
	memset(text + at, 'x', length);
	strcpy(text + at + length, "\"}}\n{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"echo\"}\n");
	say(fd, text);
	assert_true(has(hear(fd), "\"id\":2"));
	assert_int_equal(kept_count, 1);
	assert_int_equal(json_string_length(json_object_get(kept[0]->params, "text")), length);
	assert_int_equal(kept[0]->line_length, strchr(text, '\n') - text);
	rpc_reply(kept[0], json_true());
	assert_true(has(hear(fd), "\"id\":1"));
	free(text);
	close(fd);
}

static void bounds_unanswered_calls(void **state)
{
	int fd = dial(control);
	char text[128];

	(void)state;
	for (int i = 0; i < 6; i++) {
		sprintf(text, "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"keep\"}\n", i);
		say(fd, text);
	}
	for (int i = 0; i < 20; i++)
		loop_turn(loop, 1);
	assert_int_equal(kept_count, 4);
	rpc_reply(kept[1], json_integer(5));
	assert_string_equal(hear(fd), "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":5}");
	for (int i = 0; i < 20; i++)
		loop_turn(loop, 1);
	assert_int_equal(kept_count, 5);
	close(fd);
}

/* A client may go before its answer is there. */
static void outlives_its_clients(void **state)
{
	static const char text[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"keep\"}\n"
				   "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"watch\"}\n";
	int fd = dial(control);

	(void)state;
	say(fd, text);
	assert_true(has(hear(fd), "\"id\":2"));
	assert_non_null(stream);
	close(fd);
	for (int i = 0; i < 100 && !closed_streams; i++)
		loop_turn(loop, 5);
	assert_int_equal(closed_streams, 1);
	assert_int_equal(kept_count, 1);
	assert_int_equal(server_stats(server)->calls, 1);
	rpc_reply(kept[0], json_true());
	assert_int_equal(server_stats(server)->calls, 0);
}

static void streams_notifications(void **state)
{
	int fd = dial(stats);

	(void)state;
	expect(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"watch\"}\n",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}");
	assert_int_equal(rpc_notify(stream, "tick", json_pack("{s:i}", "n", 1)), 0);
	assert_string_equal(
		hear(fd), "{\"jsonrpc\":\"2.0\",\"method\":\"tick\",\"params\":{\"n\":1}}");
	rpc_stream_close(stream);
	close(fd);
}

static void serves_only_readers_on_the_stats_socket(void **state)
{
	int fd = dial(stats);

	(void)state;
	say(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"change\"}\nmetrics\n");
	assert_true(has(hear(fd), "-32601"));
	assert_string_equal(hear(fd), "bare text");
	close(fd);
}

static void turns_away_too_many_clients(void **state)
{
	int fd[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		fd[i] = dial(control);
	assert_null(hear(fd[3]));
	assert_int_equal(server_stats(server)->refused_clients, 1);
	for (int i = 0; i < 4; i++)
		close(fd[i]);
}

static void hangs_up_on_idle_clients(void **state)
{
	int fd, waiting;

	(void)state;
	server_destroy(server);
	assert_int_equal(start_with(3, 20000000, 0), 0);
	fd = dial(control);
	waiting = dial(control);
	say(waiting, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"keep\"}\n");
	assert_null(hear(fd));
	assert_int_equal(server_stats(server)->idle, 1);
	assert_int_equal(server_stats(server)->clients, 1);
	close(fd);
	close(waiting);
}

static void hangs_up_on_slow_readers(void **state)
{
	char text[2048];
	int fd;

	(void)state;
	server_destroy(server);
	assert_int_equal(start_with(3, 0, 100000), 0);
	fd = dial(control);
	sprintf(text,
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\",\"params\":{\"a\":\"%01500d\"}}"
		"\n",
		7);
	for (int i = 0; i < 5000 && !server_stats(server)->slow; i++) {
		send(fd, text, strlen(text), MSG_NOSIGNAL);
		loop_turn(loop, 0);
	}
	assert_int_equal(server_stats(server)->slow, 1);
	assert_int_equal(server_stats(server)->clients, 0);
	close(fd);
}

static unsigned paused;

static void now_paused(void *context)
{
	(void)context;
	paused++;
}

static void stands_still_between_changes(void **state)
{
	int fd = dial(control), reader = dial(control);

	(void)state;
	paused = 0;
	say(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"change\"}\n");
	for (int i = 0; i < 100 && !kept_count; i++)
		loop_turn(loop, 5);
	server_pause(server, now_paused, NULL);
	assert_int_equal(paused, 0);
	rpc_reply(kept[0], json_true());
	assert_int_equal(paused, 1);
	say(fd, "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"change\"}\n");
	expect(reader, "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"echo\"}\n",
		"{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{}}");
	assert_int_equal(kept_count, 1);
	server_resume(server);
	assert_int_equal(kept_count, 2);
	close(fd);
	close(reader);
}

static void sets_modes_and_removes_sockets(void **state)
{
	struct stat status;

	(void)state;
	assert_int_equal(stat(control, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_int_equal(stat(stats, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0666);
	server_quiesce(server);
	assert_int_not_equal(stat(control, &status), 0);
	assert_int_not_equal(stat(stats, &status), 0);
}

static void writes_changes_to_the_audit_log(void **state)
{
	char line[512] = "";
	int fd = dial(control);
	FILE *file;

	(void)state;
	say(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\"}\n");
	hear(fd);
	say(fd, "{\"jsonrpc\":\"2.0\",\"method\":\"refuse\",\"params\":{\"owner\":\"me\"}}\n");
	for (int i = 0; i < 100 && server_stats(server)->rejects == 0; i++)
		loop_turn(loop, 5);
	file = fopen(audit, "r");
	assert_non_null(file);
	assert_non_null(fgets(line, sizeof(line), file));
	assert_non_null(
		strstr(line, "\"method\":\"refuse\",\"owner\":\"me\",\"result\":\"refused\""));
	assert_null(fgets(line, sizeof(line), file));
	fclose(file);
	close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, take_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(answers_a_request),
		TEST(answers_pipelined_requests_in_order),
		TEST(answers_what_came_before_the_end),
		TEST(tells_why_a_handler_refuses),
		TEST(takes_a_long_line),
		TEST(bounds_unanswered_calls),
		TEST(outlives_its_clients),
		TEST(streams_notifications),
		TEST(serves_only_readers_on_the_stats_socket),
		TEST(turns_away_too_many_clients),
		TEST(hangs_up_on_idle_clients),
		TEST(hangs_up_on_slow_readers),
		TEST(stands_still_between_changes),
		TEST(sets_modes_and_removes_sockets),
		TEST(writes_changes_to_the_audit_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
