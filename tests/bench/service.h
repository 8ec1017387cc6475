/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A setting whose gateway is served as in the daemon: journal, sockets and statistics on a control
 * loop with a thread of its own, which has the second CPU; the first worker has the first. The
 * caller is a client.
 */
#ifndef TESTS_BENCH_SERVICE_H
#define TESTS_BENCH_SERVICE_H

#include <pthread.h>
#include <stdatomic.h>

#include <jansson.h>

#include "control/boot.h"
#include "control/server.h"
#include "drivers/device.h"
#include "tests/bench/setting.h"

#define SERVICE_CPU 1 /* as testbed_pin() takes it: control's, and the caller's */

struct service {
	struct setting *setting;
	struct loop *loop;
	struct boot boot;
	struct device device[SETTING_PORTS];
	char home[64];
	pthread_t thread;
	atomic_bool stop;
	int fd[SERVER_SOCKETS]; /* the client's */
	char *line;		/* answer in hand */
	size_t length, room;
};

/* plan: its loop is set here. NULL with a line on standard error. Binds the calling thread to
 * SERVICE_CPU. */
struct service *service_open(struct setting_plan *plan);
void service_close(struct service *s);

/* Sends one request and waits for its answer: the bytes of it, which lie in s->line until the next
 * request; 0 where there is none. params is taken over. */
size_t service_ask(
	struct service *s, enum server_socket socket, const char *method, json_t *params);
/* The same: the result, the caller's; NULL with a line on
 * standard error where it is an error. */
json_t *service_call(
	struct service *s, enum server_socket socket, const char *method, json_t *params);
/* The whole text of the metrics; its length. It is the service's until the next call. */
size_t service_metrics(struct service *s, const char **text);

/* Processor time that the control thread has taken, ns. */
uint64_t service_busy_ns(const struct service *s);

#endif
