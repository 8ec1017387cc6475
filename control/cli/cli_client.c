/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/cli/cli_client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/cli/cli_refusal.h"

#define ANSWER_SECONDS 120
#define NO_CODE	       0

struct cli_client {
	FILE *file;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	char *line;
	size_t room;
};

static const char *const socket_name[] = {
	[CLI_CLIENT_CONTROL] = "control.sock", [CLI_CLIENT_STATS] = "stats.sock"};

static int unreachable(const char *path, int error)
{
	fprintf(stderr, "trunkline: no gateway answers at %s: %s\n", path, strerror(error));
	if (error == EACCES || error == EPERM)
		fputs("You may not use this socket: run as root, or join the group that owns it "
		      "(\"sockets\" in gateway.json).\n",
			stderr);
	else
		fputs("Is trunklined running? Try \"systemctl status trunklined\", or name its run "
		      "directory by --socket DIR.\n",
			stderr);
	return CLI_UNREACHABLE;
}

static int connect_to(
	struct cli_client *client, const struct cli *cli, enum cli_client_socket which)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct timeval patience = {.tv_sec = ANSWER_SECONDS};
	int length = snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", cli->run_dir,
		socket_name[which]);
	int fd;

	if (length < 0 || (size_t)length >= sizeof(address.sun_path)) {
		fprintf(stderr, "trunkline: the path of the socket is too long: %s/%s\n",
			cli->run_dir, socket_name[which]);
		return CLI_USAGE;
	}
	memcpy(client->path, address.sun_path, sizeof(client->path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return unreachable(client->path, errno);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		(client->file = fdopen(fd, "r+")) == NULL) {
		int error = errno;

		close(fd);
		return unreachable(client->path, error);
	}
	return CLI_OK;
}

/* params: kept by the caller. */
static int send_request(struct cli_client *client, const char *method, json_t *params)
{
	json_t *request = json_pack("{s:s, s:i, s:s, s:O}", "jsonrpc", "2.0", "id", 1, "method",
		method, "params", params);
	int rc = CLI_OK;

	if (request == NULL || json_dumpf(request, client->file, JSON_COMPACT) < 0 ||
		fputc('\n', client->file) == EOF || fflush(client->file) == EOF)
		rc = unreachable(client->path, errno);
	json_decref(request);
	return rc;
}

/* The next line as JSON; NULL after the end, or when the line is none. */
static json_t *read_line(struct cli_client *client)
{
	ssize_t length = getline(&client->line, &client->room, client->file);

	if (length <= 0)
		return NULL;
	return json_loadb(client->line, (size_t)length, 0, NULL);
}

static int read_answer(
	struct cli_client *client, const struct cli *cli, json_t *params, int code, json_t **result)
{
	json_t *answer, *error;
	int rc = CLI_OK;

	errno = 0;
	answer = read_line(client);
	if (answer == NULL) {
		int reason = errno == EAGAIN ? ETIMEDOUT : errno != 0 ? errno : ECONNRESET;

		return unreachable(client->path, reason);
	}
	error = json_object_get(answer, "error");
	*result = json_incref(json_object_get(answer, "result"));
	if (error != NULL) {
		rc = CLI_REFUSED;
		if (code == NO_CODE || json_integer_value(json_object_get(error, "code")) != code)
			cli_refusal_print(cli, error, params);
	}
	json_decref(answer);
	return rc;
}

static int call(const struct cli *cli, enum cli_client_socket which, const char *method,
	json_t *params, int code, struct cli_client **kept, json_t **result)
{
	struct cli_client *client = calloc(1, sizeof(*client));
	json_t *sent = params != NULL ? params : json_object();
	int rc = CLI_UNREACHABLE;

	*result = NULL;
	if (client == NULL || sent == NULL)
		fputs("trunkline: out of memory\n", stderr);
	else
		rc = connect_to(client, cli, which);
	if (rc == CLI_OK)
		rc = send_request(client, method, sent);
	if (rc == CLI_OK)
		rc = read_answer(client, cli, sent, code, result);
	json_decref(sent);
	if (rc == CLI_OK && kept != NULL)
		*kept = client;
	else
		cli_client_close(client);
	return rc;
}

int cli_client_call(const struct cli *cli, enum cli_client_socket socket, const char *method,
	json_t *params, json_t **result)
{
	return call(cli, socket, method, params, NO_CODE, NULL, result);
}

int cli_client_try(const struct cli *cli, enum cli_client_socket socket, const char *method,
	json_t *params, int code, json_t **result)
{
	return call(cli, socket, method, params, code, NULL, result);
}

int cli_client_open(const struct cli *cli, enum cli_client_socket socket, const char *method,
	json_t *params, struct cli_client **client, json_t **result)
{
	return call(cli, socket, method, params, NO_CODE, client, result);
}

json_t *cli_client_next(struct cli_client *client)
{
	json_t *message = read_line(client);
	json_t *params = json_incref(json_object_get(message, "params"));

	json_decref(message);
	return params;
}

void cli_client_close(struct cli_client *client)
{
	if (client == NULL)
		return;
	if (client->file != NULL)
		fclose(client->file);
	free(client->line);
	free(client);
}
