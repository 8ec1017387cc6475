/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/bench/service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "control/journal.h"
#include "control/loop.h"
#include "control/methods.h"
#include "control/neighbours.h"
#include "control/provision.h"
#include "control/publisher.h"
#include "control/stats.h"
#include "control/tracker.h"

#define END_OF_METRICS "# EOF\n"

/* The neighbours' clock stands still: nobody on a null port would answer. */
static void *control(void *argument)
{
	struct service *s = argument;
	const struct testbed *g = s->setting->gateway;

	testbed_pin(SERVICE_CPU);
	pthread_setname_np(pthread_self(), "control");
	while (!atomic_load_explicit(&s->stop, memory_order_relaxed)) {
		loop_turn(s->loop, 20);
		neighbours_tick(g->parts.neighbours, g->now_ms);
	}
	return NULL;
}

static void describe(struct service *s)
{
	const struct testbed *g = s->setting->gateway;
	struct boot *boot = &s->boot;
	uint32_t connections = g->setup.connections;

	*boot = (struct boot){.name = "bench",
		.ports = SETTING_PORTS,
		.workers = {.count = g->setup.workers},
		.memory = {.megabytes = 512},
		.limits = {.connections = connections,
			.attachments = connections * 4,
			.endpoints = connections * 4,
			.sites = 16,
			.paths = 128,
			.routes = g->setup.routes,
			.neighbours = g->setup.neighbours,
			.next_hop_sets = 256,
			.icmp_errors_per_second = 1000}};
	for (unsigned i = 0; i < SETTING_PORTS; i++) {
		snprintf(boot->port[i].name, sizeof(boot->port[i].name), "%s",
			g->setup.port[i].name);
		snprintf(boot->port[i].device, sizeof(boot->port[i].device), "null:%u", i);
		s->device[i] = (struct device){.driver = "net_null",
			.port_id = g->device[i],
			.mtu = g->setup.port[i].mtu,
			.rx_queues = 1,
			.tx_queues = g->tx_queues[i]};
		testbed_mac(i, s->device[i].mac);
	}
}

static int serve(struct service *s)
{
	struct gateway *parts = &s->setting->gateway->parts;
	char error[JOURNAL_ERROR_TEXT], path[SERVER_SOCKETS][96];
	struct server_config config = {
		.path = {path[0], path[1]}, .mode = {0600, 0600}, .group = {(gid_t)-1, (gid_t)-1}};

	describe(s);
	parts->boot = &s->boot;
	parts->device = s->device;
	parts->loop = s->loop;
	snprintf(s->home, sizeof(s->home), "/dev/shm/trunkline-bench-XXXXXX");
	if (mkdtemp(s->home) == NULL)
		return -1;
	snprintf(path[SERVER_CONTROL], sizeof(path[0]), "%s/control.sock", s->home);
	snprintf(path[SERVER_STATS], sizeof(path[0]), "%s/stats.sock", s->home);
	parts->journal = journal_open(s->loop, s->home, error);
	if (parts->journal == NULL)
		return -1;
	parts->provision = provision_create(parts);
	parts->tracker = tracker_create(parts);
	parts->stats = stats_create(parts);
	methods_serve(&config);
	parts->server = server_create(s->loop, parts, &config);
	return parts->provision && parts->stats && parts->tracker && parts->server ? 0 : -1;
}

static int dial(const struct service *s, const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", s->home, name);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	close(fd);
	return -1;
}

struct service *service_open(struct setting_plan *plan)
{
	struct service *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->fd[SERVER_CONTROL] = s->fd[SERVER_STATS] = -1;
	s->loop = plan->loop = loop_create();
	s->room = (size_t)1 << 20;
	s->line = malloc(s->room);
	testbed_pin(SERVICE_CPU);
	s->setting = s->loop != NULL && s->line != NULL ? setting_create(plan) : NULL;
	if (s->setting == NULL || serve(s) < 0 ||
		pthread_create(&s->thread, NULL, control, s) != 0) {
		fprintf(stderr, "benchmark: no service\n");
		s->thread = 0;
		service_close(s);
		return NULL;
	}
	s->fd[SERVER_CONTROL] = dial(s, "control.sock");
	s->fd[SERVER_STATS] = dial(s, "stats.sock");
	return s;
}

static void clear_home(const struct service *s)
{
	static const char *const file[] = {"checkpoint", "log", "control.sock", "stats.sock"};
	char path[128];

	for (unsigned i = 0; i < ARRAY_SIZE(file); i++) {
		snprintf(path, sizeof(path), "%s/%s", s->home, file[i]);
		unlink(path);
	}
	rmdir(s->home);
}

void service_close(struct service *s)
{
	struct gateway *parts = s->setting != NULL ? &s->setting->gateway->parts : NULL;

	for (unsigned i = 0; i < SERVER_SOCKETS; i++)
		if (s->fd[i] >= 0)
			close(s->fd[i]);
	atomic_store(&s->stop, true);
	if (s->thread != 0)
		pthread_join(s->thread, NULL);
	if (parts != NULL) {
		testbed_stop(s->setting->gateway);
		if (parts->server != NULL)
			server_quiesce(parts->server);
		journal_close(parts->journal);
		provision_destroy(parts->provision);
		stats_destroy(parts->stats);
		tracker_destroy(parts->tracker);
		publisher_destroy(parts->publisher);
		parts->publisher = NULL;
		server_destroy(parts->server);
	}
	setting_destroy(s->setting);
	loop_destroy(s->loop);
	clear_home(s);
	free(s->line);
	free(s);
	testbed_unpin();
}

/* Reads until what has come ends so. */
static bool hear(struct service *s, int fd, const char *end)
{
	size_t length = strlen(end);

	s->length = 0;
	do {
		ssize_t got;

		if (s->length + 1 >= s->room) {
			s->room *= 2;
			s->line = realloc(s->line, s->room);
			if (s->line == NULL)
				exit(1);
		}
		got = read(fd, s->line + s->length, s->room - s->length - 1);
		if (got <= 0)
			return false;
		s->length += (size_t)got;
	} while (s->length < length || memcmp(s->line + s->length - length, end, length) != 0);
	return true;
}

static bool say(int fd, const char *text, size_t length)
{
	while (length > 0) {
		ssize_t put = write(fd, text, length);

		if (put <= 0)
			return false;
		text += put;
		length -= (size_t)put;
	}
	return true;
}

size_t service_ask(struct service *s, enum server_socket socket, const char *method, json_t *params)
{
	json_t *request = json_pack("{s:s, s:i, s:s, s:o}", "jsonrpc", "2.0", "id", 1, "method",
		method, "params", params);
	char *text = json_dumps(request, JSON_COMPACT);
	int fd = s->fd[socket];
	bool good = text != NULL && say(fd, text, strlen(text)) && say(fd, "\n", 1) &&
		    hear(s, fd, "\n");

	json_decref(request);
	free(text);
	return good ? s->length : 0;
}

json_t *service_call(
	struct service *s, enum server_socket socket, const char *method, json_t *params)
{
	size_t length = service_ask(s, socket, method, params);
	json_t *answer = json_loadb(s->line, length, 0, NULL), *result;

	result = json_incref(json_object_get(answer, "result"));
	if (result == NULL)
		fprintf(stderr, "benchmark: %s: %.*s\n", method, (int)s->length, s->line);
	json_decref(answer);
	return result;
}

size_t service_metrics(struct service *s, const char **text)
{
	int fd = s->fd[SERVER_STATS];

	if (!say(fd, "metrics\n", 8) || !hear(s, fd, END_OF_METRICS))
		return 0;
	*text = s->line;
	return s->length;
}

uint64_t service_busy_ns(const struct service *s)
{
	struct timespec t;
	clockid_t clock;

	if (pthread_getcpuclockid(s->thread, &clock) != 0 || clock_gettime(clock, &t) != 0)
		return 0;
	return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}
