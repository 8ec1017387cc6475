/* SPDX-License-Identifier: BSD-3-Clause */
/* The journal from inside: shared by journal.c and journal_state.c, which writes checkpoints. */
#ifndef CONTROL_JOURNAL_STATE_H
#define CONTROL_JOURNAL_STATE_H

#include "control/journal.h"
#include "control/journal_file.h"
#include "control/journal_thread.h"
#include "control/loop.h"

#define JOURNAL_STATE_FILES 2 /* enum journal_file_kind */

extern const char *const journal_state_name[JOURNAL_STATE_FILES];

/* A file as it was read at the start, until it has been replayed. */
struct journal_loaded {
	char *bytes; /* NULL: there is none */
	size_t length;
	struct journal_file_scan scan;
};

enum journal_checkpoint_state {
	JOURNAL_STATE_NONE,
	JOURNAL_STATE_PAUSING, /* the source was asked to stand still */
	JOURNAL_STATE_WRITING,
};

struct journal_checkpoint {
	enum journal_checkpoint_state state;
	bool still;	      /* the source stands still */
	bool complete;	      /* all records have been handed over */
	size_t waiting;	      /* bytes in the thread's hands */
	uint64_t retry_bytes; /* no attempt before the log is so long */
	uint64_t start_ns;
	struct loop_slice slice;
};

struct journal {
	struct loop *loop; /* NULL: reader only */
	char *path;
	struct aside *aside;
	struct journal_writer writer; /* the thread's; but the log's descriptor is the same until a
					 checkpoint, and then nothing is appended */
	struct journal_loaded loaded[JOURNAL_STATE_FILES];
	uint64_t accepted, durable;
	uint64_t pending; /* records not yet durable */
	off_t planned;	  /* the log's end when all accepted records have been written */
	off_t reserved;
	uint64_t logs; /* number of the log since the start */
	bool extending, read_only, closing;
	uint64_t checkpoint_bytes, checkpoints, syncs, sync_max_ns;
	struct journal_source source; /* next NULL: there is none */
	struct journal_checkpoint checkpoint;
};

void journal_state_init(struct journal *journal);
/* Gives up a checkpoint that is being written. */
void journal_state_stop(struct journal *journal);
/* Begins or goes on with a checkpoint where it is time. */
void journal_state_check(struct journal *journal);

#endif
