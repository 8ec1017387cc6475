/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The loop of the control thread: descriptors, timers, signals, and slices of long work that run
 * between polls. Everything here belongs to the thread that runs the loop; callbacks run in it, and
 * may add or remove anything, themselves included.
 *
 * No turn may last longer than 5 ms by our own doing: a callback does little, and puts what is long
 * into a slice. The length of every turn is counted.
 */
#ifndef CONTROL_LOOP_H
#define CONTROL_LOOP_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

#define LOOP_TURN_LIMIT_NS   UINT64_C(5000000) /* turns above it are counted as long */
#define LOOP_SLICE_BUDGET_NS UINT64_C(2000000) /* slices together, in one turn */
#define LOOP_SLICE_ONE_NS    UINT64_C(250000)  /* what one call of a slice should stay under */
#define LOOP_TIME_BUCKETS    24

struct loop;
struct loop_watch;

/* Bucket i counts turns shorter than 2^i µs (and not shorter than half of it); the last bucket has
 * all the rest. Written by the loop only, never reset. */
struct loop_times {
	uint64_t turns;
	uint64_t total_ns;
	uint64_t max_ns;
	uint64_t over_limit; /* longer than LOOP_TURN_LIMIT_NS */
	uint64_t bucket[LOOP_TIME_BUCKETS];
};

/* NULL with errno set. */
struct loop *loop_create(void);
/* Watches, timers and slices that are left are forgotten, not called. NULL is allowed. */
void loop_destroy(struct loop *loop);

/* Runs until loop_stop. 0, or -errno where polling itself fails. */
int loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/* One turn: waits at most timeout_ms (-1: until something happens; 0: not at all), calls what is
 * due, runs slices. For tests and for programs with a loop of their own. 0 or -errno. */
int loop_turn(struct loop *loop, int timeout_ms);

/* CLOCK_MONOTONIC in nanoseconds, read now. */
uint64_t loop_now(void);

/* Lengths of turns: from the return of the poll to the next poll. By the clock on the wall, which
 * also counts what the machine took from us, and by the processor time of this thread. */
const struct loop_times *loop_times_wall(const struct loop *loop);
const struct loop_times *loop_times_busy(const struct loop *loop);

/*
 * Descriptors. events: EPOLLIN, EPOLLOUT (level triggered). The descriptor stays the caller's and
 * is closed after loop_unwatch. NULL with errno set.
 */
struct loop_watch *loop_watch(struct loop *loop, int fd, uint32_t events,
	void (*ready)(void *context, uint32_t events), void *context);
/* 0 or -errno. events 0: only errors and hang-ups are reported. */
int loop_watch_events(struct loop_watch *watch, uint32_t events);
/* NULL is allowed. ready is not called any more, not even for events already fetched. */
void loop_unwatch(struct loop_watch *watch);

/*
 * Timers. The struct lies in the owner's object, zeroed before first use, with fire and context
 * set; the rest is the loop's. Starting never fails; starting one that runs moves it. A timer fires
 * once.
 */
struct loop_timer {
	void (*fire)(void *context);
	void *context;
	uint64_t due; /* loop_now() at which it fires; 0: not running */
	struct loop_timer *child, *next, *prev;
};

void loop_timer_start(struct loop *loop, struct loop_timer *timer, uint64_t delay_ns);
void loop_timer_start_at(struct loop *loop, struct loop_timer *timer, uint64_t due_ns);
/* May be called when not running. */
void loop_timer_stop(struct loop *loop, struct loop_timer *timer);

static inline bool loop_timer_running(const struct loop_timer *timer)
{
	return timer->due != 0;
}

/*
 * Slices: work is called between polls, one after the other in turn with all other slices, until it
 * returns false. Zeroed before first use, with work and context set. Starting never fails, and does
 * nothing when it runs already; a slice may be started again from within its own work.
 */
struct loop_slice {
	bool (*work)(void *context); /* true: call again */
	void *context;
	struct loop_slice *next, *prev;
	bool queued;
};

void loop_slice_start(struct loop *loop, struct loop_slice *slice);
/* May be called when not running, and from within its own work. */
void loop_slice_stop(struct loop *loop, struct loop_slice *slice);

/* Takes these signals by signalfd and blocks them in the calling thread: to be called once, before
 * any other thread starts. 0 or -errno. */
int loop_signals(struct loop *loop, const sigset_t *signals, void (*got)(void *context, int signal),
	void *context);

#endif
