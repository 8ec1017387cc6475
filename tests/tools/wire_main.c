/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/tools/wire.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_MTU 1600
#define EVENTS	    32
#define LINE_BYTES  1024

/* An event's number: a port as link * 2 + side, or one of these, or CLIENT + its descriptor. */
#define SIGNALS	 1000
#define LISTENER 1001
#define CLIENT	 2000

static const char usage[] = "usage: wire [--seed N] [--mtu N] [--socket PATH] [--set 'LINK|all "
			    "ab|ba|both KEY=VALUE ...']\n"
			    "            NAME=INTERFACE:INTERFACE ...\n"
			    "Carries frames between pairs of interfaces. Says ready on stdout when "
			    "it does. Commands on\n"
			    "the socket, one a line: get; set as above. SIGUSR1 and the end write "
			    "the counts to stdout.\n";

struct options {
	const char *socket;
	const char *sets[WIRE_LINKS];
	uint32_t set_count, mtu;
};

static struct wire wire;

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static int watch(int epoll, int fd, uint64_t number)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = number};

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -errno;
}

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static int open_listener(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (strlen(path) >= sizeof(address.sun_path)) {
		close(fd);
		return -ENAMETOOLONG;
	}
	strcpy(address.sun_path, path);
	unlink(path);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 8) != 0) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

static void print_report(void)
{
	wire_report(&wire, stdout);
	fflush(stdout);
}

static void answer(int fd, char *line)
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *out = open_memstream(&text, &bytes);

	if (!out)
		return;
	wire_command(&wire, line, out);
	fclose(out);
	for (size_t done = 0; done < bytes;) {
		ssize_t count = write(fd, text + done, bytes - done);

		if (count <= 0)
			break;
		done += (size_t)count;
	}
	free(text);
}

/* A client writes whole lines and waits for each answer; it is a test, not the public. */
static void serve(int fd)
{
	char line[LINE_BYTES];
	ssize_t count = read(fd, line, sizeof(line) - 1);

	if (count <= 0) {
		close(fd);
		return;
	}
	line[count] = '\0';
	answer(fd, line);
}

/* Whether to go on. */
static bool handle_signal(int fd)
{
	struct signalfd_siginfo info;

	if (read(fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return true;
	if (info.ssi_signo != SIGUSR1)
		return false;
	print_report();
	return true;
}

static bool handle(int epoll, int signals, int listener, uint64_t number)
{
	if (number == SIGNALS)
		return handle_signal(signals);
	if (number == LISTENER) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd >= 0 && watch(epoll, fd, CLIENT + (uint64_t)fd) != 0)
			close(fd);
	} else if (number >= CLIENT) {
		serve((int)(number - CLIENT));
	} else {
		wire_receive(&wire.links[number / 2], (int)(number % 2), now());
	}
	return true;
}

/* Sleeps until a frame comes or one is due: two gateways and their traffic share the machine. */
static void carry(int epoll, int signals, int listener)
{
	struct epoll_event events[EVENTS];
	bool running = true;

	while (running) {
		uint64_t begun = now(), next = wire_send_due(&wire, begun);
		uint64_t wait = next == UINT64_MAX || next <= begun ? 0 : next - begun;
		struct timespec time = {(time_t)(wait / 1000000000u), (long)(wait % 1000000000u)};
		int count = epoll_pwait2(
			epoll, events, EVENTS, next == UINT64_MAX ? NULL : &time, NULL);

		for (int i = 0; i < count && running; i++)
			running = handle(epoll, signals, listener, events[i].data.u64);
	}
}

static int read_options(int argc, char **argv, struct options *options)
{
	static const struct option known[] = {
		{"seed", required_argument, NULL, 's'},
		{"mtu", required_argument, NULL, 'm'},
		{"socket", required_argument, NULL, 'c'},
		{"set", required_argument, NULL, 'e'},
		{NULL, 0, NULL, 0},
	};

	for (int key; (key = getopt_long(argc, argv, "", known, NULL)) != -1;) {
		if (key == 's')
			wire.seed = strtoull(optarg, NULL, 0);
		else if (key == 'm')
			options->mtu = (uint32_t)strtoul(optarg, NULL, 0);
		else if (key == 'c')
			options->socket = optarg;
		else if (key == 'e' && options->set_count < WIRE_LINKS)
			options->sets[options->set_count++] = optarg;
		else
			return -EINVAL;
	}
	return optind < argc ? 0 : -EINVAL;
}

/* The same words as on the socket, so that impairments hold from the first frame on. */
static int apply_sets(const struct options *options)
{
	for (uint32_t i = 0; i < options->set_count; i++) {
		char line[LINE_BYTES], reply[LINE_BYTES] = "";
		FILE *out = fmemopen(reply, sizeof(reply), "w");

		if (!out)
			return -ENOMEM;
		snprintf(line, sizeof(line), "set %s", options->sets[i]);
		wire_command(&wire, line, out);
		fclose(out);
		if (strstr(reply, "error")) {
			fprintf(stderr, "wire: --set %s: %s", options->sets[i], reply);
			return -EINVAL;
		}
	}
	return 0;
}

static int watch_all(int epoll, int signals, int listener)
{
	int err = watch(epoll, signals, SIGNALS);

	if (err == 0 && listener >= 0)
		err = watch(epoll, listener, LISTENER);
	for (uint32_t i = 0; i < 2 * wire.count && err == 0; i++)
		err = watch(epoll, wire.links[i / 2].ports[i % 2].fd, i);
	return err;
}

int main(int argc, char **argv)
{
	struct options options = {.mtu = DEFAULT_MTU};
	int epoll, signals, listener = -1;

	wire.seed = 1;
	if (read_options(argc, argv, &options) != 0) {
		fputs(usage, stderr);
		return 2;
	}
	for (int i = optind; i < argc; i++)
		if (wire_add(&wire, argv[i], options.mtu) != 0)
			return 1;
	if (apply_sets(&options) != 0)
		return 2;
	prctl(PR_SET_TIMERSLACK, 1000UL);
	/* A cable does not wait for a processor. Without the right to it: as it is. */
	(void)setpriority(PRIO_PROCESS, 0, -10);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	signals = open_signals();
	if (options.socket && (listener = open_listener(options.socket)) < 0) {
		fprintf(stderr, "wire: %s: %s\n", options.socket, strerror(-listener));
		return 1;
	}
	if (epoll < 0 || signals < 0 || watch_all(epoll, signals, listener) != 0) {
		perror("wire");
		return 1;
	}
	puts("ready");
	fflush(stdout);
	carry(epoll, signals, listener);
	print_report();
	wire_close(&wire);
	if (options.socket)
		unlink(options.socket);
	return 0;
}
