/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The journal: accepted changes in the order they were accepted, as records of bytes that it does
 * not look into. A log that is appended to, and a checkpoint from which the log goes on. Both lie
 * in the state directory ("checkpoint", "log").
 *
 * Control thread: append, replay, callbacks. A thread of its own writes and calls fdatasync; it
 * sees only the bytes of records. Formats: journal_file.h.
 */
#ifndef CONTROL_JOURNAL_H
#define CONTROL_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct journal;

#define JOURNAL_RECORD_MAX ((size_t)64 << 20)
#define JOURNAL_ERROR_TEXT 512

/* The state as records, for a checkpoint. */
struct journal_source {
	void *context;
	/* Begins again at the first record. 0 or -errno. */
	int (*restart)(void *context);
	/* 1: *bytes (malloc'ed, taken over) and *length are the next record; 2: nothing yet, call
	 * again (so that one call stays short); 0: that was all; -errno: give up this checkpoint.
	 * Nothing changes the state between restart and the 0. */
	int (*next)(void *context, char **bytes, size_t *length);
	/* Asks that changes stand still, and answers by journal_checkpoint_go, at once or later.
	 * NULL: they always do between two turns. */
	void (*pause)(void *context);
	void (*resume)(void *context);
};

struct journal_stats {
	uint64_t sequence;  /* of the last record accepted */
	uint64_t durable;   /* of the last record known to be on the disk */
	uint64_t log_bytes; /* written, header included */
	uint64_t checkpoint_bytes;
	uint64_t checkpoints; /* written since the start */
	uint64_t syncs;
	uint64_t sync_max_ns;
	bool read_only;
};

/*
 * Opens or creates the files in directory, which must exist. loop may be NULL for a reader (replay
 * only). NULL, and in error the file, the offset and what to do, where they are damaged in a way
 * that an unfinished last write cannot explain.
 */
struct journal *journal_open(
	struct loop *loop, const char *directory, char error[JOURNAL_ERROR_TEXT]);
/* Writes what is pending, waits for it, ends the thread. Done callbacks are called. NULL is
 * allowed. */
void journal_close(struct journal *journal);

/*
 * Hands every record to replay, oldest first: those of the checkpoint, then those of the log.
 * Before the first append. bytes are valid during the call; a NUL follows them. 0, or what replay
 * returned, which ends it (error then says which record it was).
 */
int journal_replay(struct journal *journal,
	int (*replay)(void *context, const char *bytes, size_t length), void *context,
	char error[JOURNAL_ERROR_TEXT]);

/* Where checkpoints come from (copied); they are written when the log has outgrown the
 * last one. */
void journal_set_source(struct journal *journal, const struct journal_source *source);
void journal_checkpoint_go(struct journal *journal);
/* Writes one now if none is being written. */
void journal_checkpoint(struct journal *journal);

/*
 * Appends a record. Space for it is there when this returns 0: what can fail for want of space has
 * failed before the caller changes anything. The thread keeps some ahead; what is larger is set
 * aside here, which takes no time where the file system can reserve without writing. bytes:
 * malloc'ed, taken over on success only. done is called later from the control thread, in order:
 * error 0: on the disk; -EIO: not known to be.
 *
 * -ENOSPC, -EFBIG: no space; -EROFS: a write failed earlier, nothing is accepted until a restart;
 * -EBUSY: a checkpoint is being written; -EMSGSIZE: longer than JOURNAL_RECORD_MAX; -ENOMEM.
 */
int journal_append(struct journal *journal, char *bytes, size_t length,
	void (*done)(void *context, int error), void *context);

/* Says why journal_append returned this, as a sentence for the client. Static text. */
const char *journal_reason(int error);

struct journal_stats journal_stats(const struct journal *journal);

#endif
