/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the journal's thread does: jobs that carry bytes, and the descriptors it writes them to. The
 * writer is touched by that thread only, from the time it runs until it has ended.
 */
#ifndef CONTROL_JOURNAL_THREAD_H
#define CONTROL_JOURNAL_THREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "control/aside.h"

#define JOURNAL_THREAD_AHEAD ((off_t)1 << 20) /* space reserved beyond what is needed */

struct journal_writer {
	int directory;
	int log;
	off_t at;	  /* end of the last frame in the log */
	uint64_t durable; /* sequence */
	int failed;	  /* -errno of the first failed write or sync: the last thing it did */
	int checkpoint;	  /* -1: none is being written */
	off_t checkpoint_at;
	uint64_t checkpoint_count;
	int checkpoint_failed;
};

enum journal_work {
	JOURNAL_APPEND,
	JOURNAL_RESERVE,	  /* from, to */
	JOURNAL_CHECKPOINT_BEGIN, /* sequence: what it will contain */
	JOURNAL_CHECKPOINT_RECORD,
	JOURNAL_CHECKPOINT_COMMIT, /* and begins a new log; sequence as in begin */
	JOURNAL_CHECKPOINT_ABANDON,
};

struct journal_job {
	struct aside_job aside;
	enum journal_work work;
	int error; /* out */
	uint64_t sequence;
	char *bytes; /* owned by the job */
	size_t length;
	off_t from, to; /* COMMIT, out: the new log is written up to from, reserved up to to */
	off_t checkpoint_size; /* COMMIT, out */
	bool new_log;	       /* COMMIT, out */
	uint64_t sync_ns;      /* APPEND, out: how long the sync took; in one job of a batch */

	void *owner; /* the control thread's */
	void (*called)(void *context, int error);
	void *context;
};

/* For aside_create; context: struct journal_writer. */
void journal_thread_run(void *context, struct aside_job *batch);

/* A new, empty log that goes on after base, in the place of the old one. 0 or -errno, and then the
 * old one is still in use. *reserved: its size on the disk. */
int journal_thread_new_log(struct journal_writer *writer, uint64_t base, off_t *reserved);

#endif
