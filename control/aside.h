/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A thread beside the control thread, for work on bytes that would hold the loop up: parsing,
 * writing, syncing. It sees its jobs and nothing else. Jobs are run in the order given; those that
 * wait are run as one batch, so that one sync serves them all.
 */
#ifndef CONTROL_ASIDE_H
#define CONTROL_ASIDE_H

struct aside;
struct loop;

/* The head of a job's own struct; the job is the caller's, and must live until done. */
struct aside_job {
	void (*done)(struct aside_job *job); /* control thread, in the order given */
	struct aside_job *next;		     /* of the batch; NULL in the last */
};

/* run: called in the thread with all jobs that wait. name: at most 15 characters, shown by ps.
 * NULL with errno set. */
struct aside *aside_create(struct loop *loop, const char *name,
	void (*run)(void *context, struct aside_job *batch), void *context);
/* Waits until all jobs have run, ends the thread, calls what is left of done. NULL is allowed. */
void aside_destroy(struct aside *aside);

/* Cannot fail. */
void aside_give(struct aside *aside, struct aside_job *job);

#endif
