/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#define EVENTS 32

struct loop_watch {
	struct loop *loop;
	int fd;
	void (*ready)(void *context, uint32_t events);
	void *context;
};

struct loop {
	int epoll;
	bool stop;
	struct loop_timer *timers; /* pairing heap, earliest at the root */
	struct loop_slice *slices; /* ring; points at the next to run */
	struct epoll_event event[EVENTS];
	int fetched; /* events of this turn; those already called or unwatched have a NULL watch */
	struct loop_times wall, busy;
	int signal_fd;
	struct loop_watch *signal_watch;
	void (*signal_got)(void *context, int signal);
	void *signal_context;
};

static uint64_t read_clock(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

uint64_t loop_now(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

struct loop *loop_create(void)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return NULL;
	loop->signal_fd = -1;
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll < 0) {
		free(loop);
		return NULL;
	}
	return loop;
}

void loop_destroy(struct loop *loop)
{
	if (!loop)
		return;
	loop_unwatch(loop->signal_watch);
	if (loop->signal_fd >= 0)
		close(loop->signal_fd);
	close(loop->epoll);
	free(loop);
}

const struct loop_times *loop_times_wall(const struct loop *loop)
{
	return &loop->wall;
}

const struct loop_times *loop_times_busy(const struct loop *loop)
{
	return &loop->busy;
}

static void count_time(struct loop_times *times, uint64_t ns)
{
	uint64_t us = ns / 1000;
	unsigned bucket = us ? 64 - (unsigned)__builtin_clzll(us) : 0;

	times->turns++;
	times->total_ns += ns;
	if (ns > times->max_ns)
		times->max_ns = ns;
	if (ns > LOOP_TURN_LIMIT_NS)
		times->over_limit++;
	times->bucket[bucket < LOOP_TIME_BUCKETS ? bucket : LOOP_TIME_BUCKETS - 1]++;
}

/* Descriptors */

struct loop_watch *loop_watch(struct loop *loop, int fd, uint32_t events,
	void (*ready)(void *context, uint32_t events), void *context)
{
	struct loop_watch *watch = calloc(1, sizeof(*watch));
	struct epoll_event event = {.events = events, .data.ptr = watch};

	if (!watch)
		return NULL;
	*watch = (struct loop_watch){.loop = loop, .fd = fd, .ready = ready, .context = context};
	if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
		free(watch);
		return NULL;
	}
	return watch;
}

int loop_watch_events(struct loop_watch *watch, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = watch};

	return epoll_ctl(watch->loop->epoll, EPOLL_CTL_MOD, watch->fd, &event) < 0 ? -errno : 0;
}

void loop_unwatch(struct loop_watch *watch)
{
	if (!watch)
		return;
	epoll_ctl(watch->loop->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
	for (int i = 0; i < watch->loop->fetched; i++)
		if (watch->loop->event[i].data.ptr == watch)
			watch->loop->event[i].data.ptr = NULL;
	free(watch);
}

/* Timers: a pairing heap. prev is the left neighbour, or the parent of a first child. */

static struct loop_timer *meld(struct loop_timer *a, struct loop_timer *b)
{
	struct loop_timer *parent, *child;

	if (!a || !b)
		return a ? a : b;
	parent = b->due < a->due ? b : a;
	child = parent == a ? b : a;
	child->next = parent->child;
	if (child->next)
		child->next->prev = child;
	child->prev = parent;
	parent->child = child;
	return parent;
}

static struct loop_timer *take_next(struct loop_timer **list)
{
	struct loop_timer *first = *list;

	if (!first)
		return NULL;
	*list = first->next;
	first->next = first->prev = NULL;
	return first;
}

static struct loop_timer *meld_children(struct loop_timer *list)
{
	struct loop_timer *pairs = NULL, *root = NULL;

	while (list) {
		struct loop_timer *a = take_next(&list);
		struct loop_timer *pair = meld(a, take_next(&list));

		pair->next = pairs;
		pairs = pair;
	}
	while (pairs)
		root = meld(root, take_next(&pairs));
	return root;
}

static void cut(struct loop_timer *timer)
{
	if (timer->prev->child == timer)
		timer->prev->child = timer->next;
	else
		timer->prev->next = timer->next;
	if (timer->next)
		timer->next->prev = timer->prev;
	timer->next = timer->prev = NULL;
}

void loop_timer_stop(struct loop *loop, struct loop_timer *timer)
{
	struct loop_timer *rest;

	if (!timer->due)
		return;
	if (timer != loop->timers)
		cut(timer);
	rest = meld_children(timer->child);
	timer->child = NULL;
	timer->due = 0;
	loop->timers = timer == loop->timers ? rest : meld(loop->timers, rest);
}

void loop_timer_start_at(struct loop *loop, struct loop_timer *timer, uint64_t due_ns)
{
	loop_timer_stop(loop, timer);
	timer->due = due_ns ? due_ns : 1;
	loop->timers = meld(loop->timers, timer);
}

void loop_timer_start(struct loop *loop, struct loop_timer *timer, uint64_t delay_ns)
{
	loop_timer_start_at(loop, timer, loop_now() + delay_ns);
}

/* Slices */

void loop_slice_start(struct loop *loop, struct loop_slice *slice)
{
	if (slice->queued)
		return;
	slice->queued = true;
	if (!loop->slices) {
		slice->next = slice->prev = slice;
		loop->slices = slice;
		return;
	}
	slice->next = loop->slices;
	slice->prev = loop->slices->prev;
	slice->prev->next = slice;
	slice->next->prev = slice;
}

void loop_slice_stop(struct loop *loop, struct loop_slice *slice)
{
	if (!slice->queued)
		return;
	slice->queued = false;
	slice->prev->next = slice->next;
	slice->next->prev = slice->prev;
	if (loop->slices == slice)
		loop->slices = slice->next == slice ? NULL : slice->next;
	slice->next = slice->prev = NULL;
}

/* Taken out while it works, so that it may stop, start or free itself. */
static void run_slice(struct loop *loop, struct loop_slice *slice)
{
	loop_slice_stop(loop, slice);
	if (slice->work(slice->context))
		loop_slice_start(loop, slice);
}

/* Turns */

static int turn_timeout(const struct loop *loop, int timeout_ms, struct timespec *timeout)
{
	uint64_t wait = timeout_ms < 0 ? UINT64_MAX : (uint64_t)timeout_ms * 1000000;
	uint64_t now = loop_now();

	if (loop->slices)
		wait = 0;
	if (loop->timers && loop->timers->due < now)
		wait = 0;
	else if (loop->timers && loop->timers->due - now < wait)
		wait = loop->timers->due - now;
	if (wait == UINT64_MAX)
		return 0;
	timeout->tv_sec = (time_t)(wait / 1000000000);
	timeout->tv_nsec = (long)(wait % 1000000000);
	return 1;
}

/* What is left over when the time is up is reported again by the next poll. */
static void run_events(struct loop *loop, uint64_t end)
{
	for (int i = 0; i < loop->fetched; i++) {
		struct loop_watch *watch = loop->event[i].data.ptr;

		if (!watch)
			continue;
		loop->event[i].data.ptr = NULL;
		watch->ready(watch->context, loop->event[i].events);
		if (loop_now() > end)
			break;
	}
	loop->fetched = 0;
}

static void run_timers(struct loop *loop, uint64_t end)
{
	uint64_t now = loop_now();

	while (loop->timers && loop->timers->due <= now && loop_now() <= end) {
		struct loop_timer *timer = loop->timers;

		loop_timer_stop(loop, timer);
		timer->fire(timer->context);
	}
}

static void run_slices(struct loop *loop, uint64_t end)
{
	while (loop->slices) {
		run_slice(loop, loop->slices);
		if (loop_now() > end)
			break;
	}
}

int loop_turn(struct loop *loop, int timeout_ms)
{
	struct timespec timeout;
	int timed = turn_timeout(loop, timeout_ms, &timeout);
	int count = epoll_pwait2(loop->epoll, loop->event, EVENTS, timed ? &timeout : NULL, NULL);
	uint64_t start = loop_now(), busy = read_clock(CLOCK_THREAD_CPUTIME_ID);
	uint64_t end = start + LOOP_SLICE_BUDGET_NS;

	if (count < 0 && errno != EINTR)
		return -errno;
	loop->fetched = count < 0 ? 0 : count;
	run_events(loop, end);
	run_timers(loop, end);
	run_slices(loop, end);
	count_time(&loop->busy, read_clock(CLOCK_THREAD_CPUTIME_ID) - busy);
	count_time(&loop->wall, loop_now() - start);
	return 0;
}

int loop_run(struct loop *loop)
{
	int error = 0;

	loop->stop = false;
	while (!loop->stop && !error)
		error = loop_turn(loop, -1);
	return error;
}

void loop_stop(struct loop *loop)
{
	loop->stop = true;
}

/* Signals */

static void signal_ready(void *context, uint32_t events)
{
	struct loop *loop = context;
	struct signalfd_siginfo info;

	(void)events;
	while (read(loop->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		loop->signal_got(loop->signal_context, (int)info.ssi_signo);
}

int loop_signals(struct loop *loop, const sigset_t *signals, void (*got)(void *context, int signal),
	void *context)
{
	int error = pthread_sigmask(SIG_BLOCK, signals, NULL);

	if (error)
		return -error;
	loop->signal_got = got;
	loop->signal_context = context;
	loop->signal_fd = signalfd(-1, signals, SFD_NONBLOCK | SFD_CLOEXEC);
	if (loop->signal_fd < 0)
		return -errno;
	loop->signal_watch = loop_watch(loop, loop->signal_fd, EPOLLIN, signal_ready, loop);
	return loop->signal_watch ? 0 : -errno;
}
