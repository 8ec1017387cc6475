/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include "control/boot.h"
#include "control/eal.h"
#include "control/gateway.h"
#include "control/lock.h"
#include "control/loop.h"
#include "dataplane/base/log.h"

#define CONFIG_DEFAULT "/etc/trunkline/gateway.json"

/* Contract with service managers and scripts; --help lists them. */
enum exit_status {
	STATUS_OK = 0,
	STATUS_FAILED = 1,
	STATUS_USAGE = 2,
	STATUS_CONFIG = 3,
	STATUS_BUSY = 4,
	STATUS_STATE = 5,
};

static const char help[] =
	"Usage: trunklined [OPTION]...\n"
	"Runs one Trunkline gateway in the foreground until SIGTERM or SIGINT.\n"
	"\n"
	"  -c, --config FILE      boot file (default " CONFIG_DEFAULT ")\n"
	"      --check [FILE]     check the boot file, print what is wrong, and exit\n"
	"  -l, --log-level LEVEL  error, warning, info (default) or debug\n"
	"      --version          print the version and exit\n"
	"  -h, --help             print this and exit\n"
	"\n"
	"Log lines go to standard error, with the priority in front that journald reads.\n"
	"SIGTERM, SIGINT: stop cleanly. SIGUSR1: more log lines; SIGUSR2: fewer.\n"
	"\n"
	"Exit status: 0 stopped cleanly; 1 a part failed; 2 wrong options; 3 the boot file is\n"
	"wrong; 4 another gateway uses the run or state directory; 5 the state directory is\n"
	"damaged (the log says how to recover).\n";

struct options {
	const char *config;
	bool check;
	enum log_level level;
};

struct program {
	struct loop *loop;
	struct boot boot;
	struct gateway gateway;
	struct loop_timer watchdog;
	uint64_t watchdog_ns;
	enum log_level level;
	int run_lock, state_lock;
	bool stopping;
};

/* Options */

static bool parse_level(const char *text, enum log_level *level)
{
	static const struct {
		const char *name;
		enum log_level level;
	} names[] = {{"error", LOG_LEVEL_ERROR}, {"warning", LOG_LEVEL_WARNING},
		{"info", LOG_LEVEL_INFO}, {"debug", LOG_LEVEL_DEBUG}};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text, names[i].name) != 0)
			continue;
		*level = names[i].level;
		return true;
	}
	fprintf(stderr, "trunklined: --log-level takes error, warning, info or debug\n");
	return false;
}

/* -1: go on; else the exit status. */
static int parse_options(int argc, char **argv, struct options *options)
{
	static const struct option table[] = {
		{"config", required_argument, NULL, 'c'},
		{"check", no_argument, NULL, 'k'},
		{"log-level", required_argument, NULL, 'l'},
		{"version", no_argument, NULL, 'v'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "c:l:h", table, NULL)) >= 0) {
		if (option == 'c')
			options->config = optarg;
		else if (option == 'k')
			options->check = true;
		else if (option == 'v')
			return puts("trunklined " TRUNKLINE_VERSION) < 0 ? STATUS_FAILED
									 : STATUS_OK;
		else if (option == 'h')
			return fputs(help, stdout) < 0 ? STATUS_FAILED : STATUS_OK;
		else if (option != 'l' || !parse_level(optarg, &options->level))
			return STATUS_USAGE;
	}
	if (options->check && optind < argc)
		options->config = argv[optind++];
	if (optind == argc)
		return -1;
	fprintf(stderr, "trunklined: unexpected argument \"%s\"; see trunklined --help\n",
		argv[optind]);
	return STATUS_USAGE;
}

/* Running */

static void set_level(struct program *program, enum log_level level)
{
	program->level = level;
	log_set_level(level);
}

static void signalled(void *context, int signal)
{
	struct program *program = context;

	if (signal == SIGUSR1) {
		set_level(program, LOG_LEVEL_DEBUG);
	} else if (signal == SIGUSR2) {
		set_level(program, LOG_LEVEL_INFO);
	} else {
		log_info("%s: stopping", strsignal(signal));
		program->stopping = true;
		loop_stop(program->loop);
	}
}

static int take_signals(struct program *program)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGUSR1);
	sigaddset(&signals, SIGUSR2);
	/* A client that goes, or a file that may not grow, is told by an error number. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	return loop_signals(program->loop, &signals, signalled, program);
}

static void feed_watchdog(void *context)
{
	struct program *program = context;

	sd_notify(0, "WATCHDOG=1");
	loop_timer_start(program->loop, &program->watchdog, program->watchdog_ns);
}

/* From the loop itself: a loop that hangs feeds no watchdog. */
static void start_watchdog(struct program *program)
{
	uint64_t us;

	if (sd_watchdog_enabled(0, &us) <= 0)
		return;
	program->watchdog_ns = us * 1000 / 2;
	program->watchdog = (struct loop_timer){.fire = feed_watchdog, .context = program};
	feed_watchdog(program);
}

static enum exit_status status_of(int error)
{
	if (error == -EBADMSG)
		return STATUS_STATE;
	return error ? STATUS_FAILED : STATUS_OK;
}

static enum exit_status serve(struct program *program)
{
	struct gateway *gateway = &program->gateway;
	int error = eal_start(&program->boot, &gateway->hugepages);

	if (error)
		return STATUS_FAILED;
	error = gateway_open(gateway);
	if (!error) {
		log_info("gateway %s is ready", program->boot.name);
		sd_notify(0, "READY=1");
		start_watchdog(program);
		if (!program->stopping)
			error = loop_run(program->loop);
		sd_notify(0, "STOPPING=1");
		gateway_close(gateway);
	}
	eal_stop();
	if (!error)
		log_info("gateway %s has stopped", program->boot.name);
	return status_of(error);
}

static enum exit_status serve_locked(struct program *program)
{
	enum exit_status status = STATUS_BUSY;

	program->state_lock = -1;
	program->run_lock = lock_take(program->boot.run_dir, "lock");
	if (program->run_lock >= 0)
		program->state_lock = lock_take(program->boot.state_dir, "lock");
	if (program->state_lock >= 0)
		status = serve(program);
	else if (program->run_lock != -EBUSY && program->state_lock != -EBUSY)
		status = STATUS_FAILED;
	lock_drop(program->state_lock);
	lock_drop(program->run_lock);
	return status;
}

static enum exit_status run(struct program *program)
{
	enum exit_status status = STATUS_FAILED;

	program->loop = loop_create();
	if (program->loop && take_signals(program) == 0) {
		program->gateway.boot = &program->boot;
		program->gateway.loop = program->loop;
		status = serve_locked(program);
	} else {
		log_error("the control loop cannot be set up: %s", strerror(errno));
	}
	loop_destroy(program->loop);
	return status;
}

int main(int argc, char **argv)
{
	static struct program program;
	struct options options = {.config = CONFIG_DEFAULT, .level = LOG_LEVEL_INFO};
	char error[BOOT_ERROR];
	int status = parse_options(argc, argv, &options);

	if (status >= 0)
		return status;
	set_level(&program, options.level);
	if (boot_load(options.config, &program.boot, error) < 0) {
		if (options.check)
			fprintf(stderr, "%s: %s\n", options.config, error);
		else
			log_error("%s: %s", options.config, error);
		return STATUS_CONFIG;
	}
	if (options.check) {
		printf("%s: gateway \"%s\" with %u ports and %u workers is well described\n",
			options.config, program.boot.name, program.boot.ports,
			program.boot.workers.count);
		return STATUS_OK;
	}
	return (int)run(&program);
}
