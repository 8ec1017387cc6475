/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/aside.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "control/loop.h"

struct list {
	struct aside_job *first, **end;
};

struct aside {
	struct loop *loop;
	void (*run)(void *context, struct aside_job *batch);
	void *context;
	pthread_t thread;
	int event;
	struct loop_watch *watch;
	struct loop_slice finish;
	struct list finished; /* control thread only */
	/* lock guards what follows; each list is written by one thread and emptied by the other */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct list given, ran;
	bool stop;
};

static void list_clear(struct list *list)
{
	list->first = NULL;
	list->end = &list->first;
}

static void list_append(struct list *list, struct list *more)
{
	if (!more->first)
		return;
	*list->end = more->first;
	list->end = more->end;
	list_clear(more);
}

static void list_take(struct list *list, struct list *into)
{
	list_clear(into);
	list_append(into, list);
}

static struct aside_job *list_pop(struct list *list)
{
	struct aside_job *job = list->first;

	if (!job)
		return NULL;
	list->first = job->next;
	if (!list->first)
		list->end = &list->first;
	job->next = NULL;
	return job;
}

static void *thread_main(void *context)
{
	struct aside *aside = context;
	struct list batch;
	uint64_t one = 1;

	pthread_mutex_lock(&aside->lock);
	for (;;) {
		while (!aside->given.first && !aside->stop)
			pthread_cond_wait(&aside->wake, &aside->lock);
		if (!aside->given.first)
			break;
		list_take(&aside->given, &batch);
		pthread_mutex_unlock(&aside->lock);
		aside->run(aside->context, batch.first);
		pthread_mutex_lock(&aside->lock);
		list_append(&aside->ran, &batch);
		/* Fails only when the counter is full, and then the loop is awake anyway. */
		if (write(aside->event, &one, sizeof(one)) < 0)
			continue;
	}
	pthread_mutex_unlock(&aside->lock);
	return NULL;
}

static void collect(struct aside *aside)
{
	pthread_mutex_lock(&aside->lock);
	list_append(&aside->finished, &aside->ran);
	pthread_mutex_unlock(&aside->lock);
}

/* One job a call: a batch may be long. */
static bool finish_one(void *context)
{
	struct aside *aside = context;
	struct aside_job *job = list_pop(&aside->finished);

	if (job)
		job->done(job);
	return aside->finished.first != NULL;
}

static void event_ready(void *context, uint32_t events)
{
	struct aside *aside = context;
	uint64_t count;

	(void)events;
	if (read(aside->event, &count, sizeof(count)) < 0)
		return;
	collect(aside);
	loop_slice_start(aside->loop, &aside->finish);
}

static int start_thread(struct aside *aside, const char *name)
{
	sigset_t all, before;
	int error;

	/* Signals are for the control thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&aside->thread, NULL, thread_main, aside);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!error)
		pthread_setname_np(aside->thread, name);
	return error;
}

struct aside *aside_create(struct loop *loop, const char *name,
	void (*run)(void *context, struct aside_job *batch), void *context)
{
	struct aside *aside = calloc(1, sizeof(*aside));

	if (!aside)
		return NULL;
	aside->loop = loop;
	aside->run = run;
	aside->context = context;
	aside->finish = (struct loop_slice){.work = finish_one, .context = aside};
	list_clear(&aside->given);
	list_clear(&aside->ran);
	list_clear(&aside->finished);
	pthread_mutex_init(&aside->lock, NULL);
	pthread_cond_init(&aside->wake, NULL);
	aside->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (aside->event < 0)
		goto event_failed;
	aside->watch = loop_watch(loop, aside->event, EPOLLIN, event_ready, aside);
	if (!aside->watch)
		goto watch_failed;
	errno = start_thread(aside, name);
	if (errno)
		goto thread_failed;
	return aside;
thread_failed:
	loop_unwatch(aside->watch);
watch_failed:
	close(aside->event);
event_failed:
	pthread_cond_destroy(&aside->wake);
	pthread_mutex_destroy(&aside->lock);
	free(aside);
	return NULL;
}

void aside_destroy(struct aside *aside)
{
	if (!aside)
		return;
	pthread_mutex_lock(&aside->lock);
	aside->stop = true;
	pthread_cond_signal(&aside->wake);
	pthread_mutex_unlock(&aside->lock);
	pthread_join(aside->thread, NULL);
	collect(aside);
	while (finish_one(aside))
		continue;
	loop_slice_stop(aside->loop, &aside->finish);
	loop_unwatch(aside->watch);
	close(aside->event);
	pthread_cond_destroy(&aside->wake);
	pthread_mutex_destroy(&aside->lock);
	free(aside);
}

void aside_give(struct aside *aside, struct aside_job *job)
{
	struct list one = {.first = job, .end = &job->next};

	job->next = NULL;
	pthread_mutex_lock(&aside->lock);
	list_append(&aside->given, &one);
	pthread_cond_signal(&aside->wake);
	pthread_mutex_unlock(&aside->lock);
}
