/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/fwd/lpm_ahead.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>

#define STEP ((size_t)2 << 20) /* a huge page, and what is asked for at least */

struct range {
	uint8_t *base;
	size_t size;
	size_t wanted; /* the writer's */
	size_t done;   /* the thread's */
	_Atomic size_t asked;
};

struct lpm_ahead {
	pthread_t thread;
	sem_t wake;
	atomic_bool stop;
	struct range range[LPM_AHEAD_RANGES];
};

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static void back(struct lpm_ahead *ahead, struct range *range)
{
	size_t asked = atomic_load_explicit(&range->asked, memory_order_acquire);

	while (range->done < asked && !atomic_load_explicit(&ahead->stop, memory_order_relaxed)) {
		size_t bytes = least(STEP, asked - range->done);

		/* An old kernel or no memory: the writer's own touch will tell. */
		(void)madvise(range->base + range->done, bytes, MADV_POPULATE_WRITE);
		range->done += bytes;
	}
}

static void *thread_main(void *context)
{
	struct lpm_ahead *ahead = context;

	while (!atomic_load_explicit(&ahead->stop, memory_order_relaxed)) {
		for (unsigned i = 0; i < LPM_AHEAD_RANGES; i++)
			back(ahead, &ahead->range[i]);
		while (sem_wait(&ahead->wake) != 0)
			;
	}
	return NULL;
}

struct lpm_ahead *lpm_ahead_create(void)
{
	struct lpm_ahead *ahead = calloc(1, sizeof(*ahead));
	sigset_t all, before;
	int error;

	if (ahead == NULL)
		return NULL;
	sem_init(&ahead->wake, 0, 0);
	/* Signals are for the control thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&ahead->thread, NULL, thread_main, ahead);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error == 0) {
		pthread_setname_np(ahead->thread, "route-memory");
		return ahead;
	}
	sem_destroy(&ahead->wake);
	free(ahead);
	return NULL;
}

void lpm_ahead_destroy(struct lpm_ahead *ahead)
{
	if (ahead == NULL)
		return;
	atomic_store_explicit(&ahead->stop, true, memory_order_relaxed);
	sem_post(&ahead->wake);
	pthread_join(ahead->thread, NULL);
	sem_destroy(&ahead->wake);
	free(ahead);
}

void lpm_ahead_range(struct lpm_ahead *ahead, enum lpm_ahead_which which, void *base, size_t size)
{
	if (ahead == NULL)
		return;
	ahead->range[which].base = base;
	ahead->range[which].size = size;
}

void lpm_ahead_want(struct lpm_ahead *ahead, enum lpm_ahead_which which, size_t bytes)
{
	struct range *range;

	if (ahead == NULL)
		return;
	range = &ahead->range[which];
	bytes = least(bytes, range->size);
	if (bytes <= range->wanted)
		return;
	range->wanted = least((bytes + STEP - 1) / STEP * STEP, range->size);
	/* Release: base is there before the thread is asked to use it. */
	atomic_store_explicit(&range->asked, range->wanted, memory_order_release);
	sem_post(&ahead->wake);
}
