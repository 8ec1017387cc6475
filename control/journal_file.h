/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The files of the journal, as bytes. Both are sequences of frames, little endian, each beginning
 * at a multiple of eight:
 *
 *   magic32 length32 sequence64 durable64 flags32 crc32 | length bytes | 1 to 8 zero bytes
 *
 * crc is CRC-32C of the whole frame with crc taken as zero. durable is the sequence of the last
 * record that was known to be on the disk when this frame was written.
 *
 * log: HEADER (sequence: the last record before this file), then RECORDs whose sequences count on
 * without a gap, with MARKs between: a MARK is written after each sync, and is itself not synced.
 * The space behind is reserved and zero. checkpoint: HEADER (sequence: the last record that it
 * contains), RECORDs counted from 1, END (sequence: their number).
 *
 * A write that was cut off leaves bad bytes after the last record that was acknowledged. Bad bytes
 * before a frame that knows them to have been durable cannot come from that: they are damage.
 */
#ifndef CONTROL_JOURNAL_FILE_H
#define CONTROL_JOURNAL_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define JOURNAL_FILE_FRAME     ((size_t)32)
#define JOURNAL_FILE_MARK_SIZE (JOURNAL_FILE_FRAME + 8)
#define JOURNAL_FILE_WHY       128

enum journal_file_kind { JOURNAL_FILE_LOG, JOURNAL_FILE_CHECKPOINT };

enum journal_file_flags {
	JOURNAL_FILE_HEADER = 1,
	JOURNAL_FILE_RECORD = 2,
	JOURNAL_FILE_MARK = 4,
	JOURNAL_FILE_END = 8,
};

struct journal_file_scan {
	unsigned version;
	uint64_t base;	  /* sequence of the header */
	uint64_t last;	  /* of the last good record; base where there is none */
	size_t end;	  /* offset behind the last good frame */
	bool torn;	  /* what follows is an unfinished write, to be cut off */
	unsigned skipped; /* damaged marks: nothing is lost by them */
	size_t offset;	  /* of the damage, where the scan failed */
	char why[JOURNAL_FILE_WHY];
};

/*
 * Reads a file from memory; record (NULL: none) is called for each good record, in order. bytes in
 * it are followed by a NUL. 0; -EBADMSG: damaged, see offset and why; or what record returned, with
 * offset that of the record.
 */
int journal_file_scan(const char *bytes, size_t length, enum journal_file_kind kind,
	int (*record)(void *context, uint64_t sequence, const char *bytes, size_t length),
	void *context, struct journal_file_scan *scan);

/* Bytes that a record of this length takes in a file. */
static inline size_t journal_file_size(size_t length)
{
	return JOURNAL_FILE_FRAME + (length | 7) + 1;
}

/* Bytes to be written as one frame. */
struct journal_file_frame {
	enum journal_file_flags flags;
	uint64_t sequence, durable;
	const char *bytes;
	size_t length;
};

/* Writes count frames from offset *at on, and moves it. 0 or -errno. */
int journal_file_write(int fd, off_t *at, const struct journal_file_frame *frame, unsigned count);

/* A new file of this kind in directory under that name (.tmp of it exists until
 * journal_file_commit), with its header. The descriptor, or -errno; *at: where to write on. */
int journal_file_create(
	int directory, const char *name, enum journal_file_kind kind, uint64_t base, off_t *at);
/* Gives a file of an earlier version the title of ours, before records of ours follow. One write
 * inside one sector; it is on the disk after the caller's next sync. 0 or -errno. */
int journal_file_renew(int fd, enum journal_file_kind kind, const struct journal_file_scan *scan);
/* Syncs it, gives it its name, syncs the directory. 0 or -errno. */
int journal_file_commit(int fd, int directory, const char *name);
/* Takes a new file away again. */
void journal_file_abandon(int directory, const char *name);

/* Makes sure that the file can grow to this size. 0; -ENOSPC, -EFBIG, -errno. */
int journal_file_reserve(int fd, off_t from, off_t to);

/* The whole file, malloc'ed, with a NUL behind; *length 0 and NULL where there is none (-ENOENT).
 */
int journal_file_read(int directory, const char *name, char **bytes, size_t *length);

#endif
