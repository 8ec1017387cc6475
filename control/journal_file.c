/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/journal_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <rte_byteorder.h>
#include <rte_hash_crc.h>

#define MAGIC	   UINT32_C(0x4a4b5254) /* "TRKJ" */
#define FILE_MODE  0640
#define WRITE_MAX  64 /* frames in one system call */
#define NAME_SPACE 64

struct header {
	uint32_t magic, length;
	uint64_t sequence, durable;
	uint32_t flags, crc;
};

_Static_assert(sizeof(struct header) == JOURNAL_FILE_FRAME, "as it lies on the disk");

/* Version 1 had the prefixes of routes in the JSON of its records; it is still read. */
#define VERSION 2

static const char title[VERSION][2][24] = {{"trunkline log 1\n", "trunkline checkpoint 1\n"},
	{"trunkline log 2\n", "trunkline checkpoint 2\n"}};

/* rte_hash_crc takes 32-bit lengths; a frame is far shorter. */
static uint32_t crc_of(struct header header, const char *bytes, size_t length)
{
	uint32_t crc;

	header.crc = 0;
	crc = rte_hash_crc(&header, sizeof(header), UINT32_MAX);
	return ~rte_hash_crc(bytes, (uint32_t)length, crc);
}

/* Reading */

struct frame {
	struct header header;
	const char *bytes;
	size_t size; /* with its padding */
};

struct reader {
	const char *bytes;
	size_t length;
};

static bool frame_at(const struct reader *reader, size_t offset, struct frame *frame)
{
	struct header *h = &frame->header;
	size_t room;

	if (offset > reader->length || reader->length - offset < JOURNAL_FILE_FRAME)
		return false;
	room = reader->length - offset;
	memcpy(h, reader->bytes + offset, sizeof(*h));
	h->magic = rte_le_to_cpu_32(h->magic);
	h->length = rte_le_to_cpu_32(h->length);
	if (h->magic != MAGIC || h->length > INT32_MAX || journal_file_size(h->length) > room)
		return false;
	frame->size = journal_file_size(h->length);
	frame->bytes = reader->bytes + offset + JOURNAL_FILE_FRAME;
	memcpy(h, reader->bytes + offset, sizeof(*h));
	if (crc_of(*h, frame->bytes, frame->size - JOURNAL_FILE_FRAME) != rte_le_to_cpu_32(h->crc))
		return false;
	h->length = rte_le_to_cpu_32(h->length);
	h->sequence = rte_le_to_cpu_64(h->sequence);
	h->durable = rte_le_to_cpu_64(h->durable);
	h->flags = rte_le_to_cpu_32(h->flags);
	return frame->bytes[h->length] == '\0';
}

/* Offset of the next good frame from offset on, or the length. */
static size_t next_frame(const struct reader *reader, size_t offset, struct frame *frame)
{
	for (offset = (offset + 7) & ~(size_t)7; offset < reader->length; offset += 8)
		if (frame_at(reader, offset, frame))
			return offset;
	return reader->length;
}

static bool all_zero(const struct reader *reader, size_t offset)
{
	for (; offset < reader->length; offset++)
		if (reader->bytes[offset])
			return false;
	return true;
}

static int damaged(struct journal_file_scan *scan, size_t offset, const char *why)
{
	scan->offset = offset;
	snprintf(scan->why, sizeof(scan->why), "%s", why);
	return -EBADMSG;
}

/* 0: none that we know. */
static unsigned version_of(const struct frame *frame, enum journal_file_kind kind)
{
	unsigned version = VERSION;

	while (version > 0 &&
		(frame->header.length != strlen(title[version - 1][kind]) ||
			memcmp(frame->bytes, title[version - 1][kind], frame->header.length) != 0))
		version--;
	return version;
}

static int read_title(
	const struct reader *reader, enum journal_file_kind kind, struct journal_file_scan *scan)
{
	struct frame frame;

	if (!frame_at(reader, 0, &frame) || frame.header.flags != JOURNAL_FILE_HEADER)
		return damaged(scan, 0, "its header is not readable");
	scan->version = version_of(&frame, kind);
	if (!scan->version)
		return damaged(scan, 0, "it is of another kind or of another version");
	scan->base = scan->last = frame.header.sequence;
	scan->end = frame.size;
	return 0;
}

/* Nothing good stands at scan->end. Is that the end, a torn write, a damaged mark, or damage? A
 * good record with the next sequence proves that only a mark lay between. */
static int judge_gap(const struct reader *reader, struct journal_file_scan *scan)
{
	struct frame frame;
	size_t offset = next_frame(reader, scan->end + 8, &frame);

	if (offset < reader->length && frame.header.flags == JOURNAL_FILE_RECORD &&
		frame.header.sequence == scan->last + 1) {
		scan->end = offset;
		scan->skipped++;
		return 1;
	}
	for (; offset < reader->length; offset = next_frame(reader, offset + 8, &frame))
		if (frame.header.durable > scan->last)
			return damaged(scan, scan->end,
				"a record that had been acknowledged is not readable");
	scan->torn = !all_zero(reader, scan->end);
	return 0;
}

typedef int record_fn(void *context, uint64_t sequence, const char *bytes, size_t length);

static int take_record(
	const struct frame *frame, struct journal_file_scan *scan, record_fn *record, void *context)
{
	int error =
		record ? record(context, frame->header.sequence, frame->bytes, frame->header.length)
		       : 0;

	if (error)
		scan->offset = scan->end;
	scan->last = frame->header.sequence;
	return error;
}

static int take_log_frame(
	const struct frame *frame, struct journal_file_scan *scan, record_fn *record, void *context)
{
	const struct header *h = &frame->header;

	if (h->flags == JOURNAL_FILE_MARK && h->sequence == scan->last)
		return 0;
	if (h->flags != JOURNAL_FILE_RECORD || h->sequence != scan->last + 1)
		return damaged(scan, scan->end, "records are missing before this one");
	return take_record(frame, scan, record, context);
}

static int scan_log(const struct reader *reader, struct journal_file_scan *scan, record_fn *record,
	void *context)
{
	struct frame frame;
	int result = 1;

	while (result == 1) {
		while (frame_at(reader, scan->end, &frame)) {
			int error = take_log_frame(&frame, scan, record, context);

			if (error)
				return error;
			scan->end += frame.size;
		}
		result = judge_gap(reader, scan);
	}
	return result;
}

static int scan_checkpoint(const struct reader *reader, struct journal_file_scan *scan,
	record_fn *record, void *context)
{
	struct frame frame;
	uint64_t count = 0;

	while (frame_at(reader, scan->end, &frame)) {
		uint64_t sequence = frame.header.sequence;
		int error;

		if (frame.header.flags == JOURNAL_FILE_END && sequence == count &&
			scan->end + frame.size == reader->length)
			return 0;
		if (frame.header.flags != JOURNAL_FILE_RECORD || sequence != ++count)
			return damaged(scan, scan->end, "records are missing before this one");
		error = take_record(&frame, scan, record, context);
		scan->last = scan->base;
		if (error)
			return error;
		scan->end += frame.size;
	}
	return damaged(scan, scan->end, "a record is not readable");
}

int journal_file_scan(const char *bytes, size_t length, enum journal_file_kind kind,
	record_fn *record, void *context, struct journal_file_scan *scan)
{
	struct reader reader = {bytes, length};
	int error;

	memset(scan, 0, sizeof(*scan));
	error = read_title(&reader, kind, scan);
	if (error)
		return error;
	return kind == JOURNAL_FILE_LOG ? scan_log(&reader, scan, record, context)
					: scan_checkpoint(&reader, scan, record, context);
}

/* Writing */

static struct header header_of(const struct journal_file_frame *frame)
{
	static const char zeroes[8];
	size_t pad = journal_file_size(frame->length) - JOURNAL_FILE_FRAME - frame->length;
	struct header header = {
		.magic = rte_cpu_to_le_32(MAGIC),
		.length = rte_cpu_to_le_32((uint32_t)frame->length),
		.sequence = rte_cpu_to_le_64(frame->sequence),
		.durable = rte_cpu_to_le_64(frame->durable),
		.flags = rte_cpu_to_le_32(frame->flags),
	};
	uint32_t crc = rte_hash_crc(&header, sizeof(header), UINT32_MAX);

	/* In one go, as the reader does: the parts of a CRC join where they are cut. */
	crc = rte_hash_crc(frame->bytes, (uint32_t)frame->length, crc);
	crc = ~rte_hash_crc(zeroes, (uint32_t)pad, crc);
	header.crc = rte_cpu_to_le_32(crc);
	return header;
}

static int write_all(int fd, off_t *at, struct iovec *part, int parts)
{
	while (parts) {
		ssize_t wrote = pwritev(fd, part, parts, *at);

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote <= 0)
			return wrote < 0 ? -errno : -EIO;
		*at += wrote;
		while (parts && (size_t)wrote >= part->iov_len) {
			wrote -= (ssize_t)part->iov_len;
			part++;
			parts--;
		}
		if (parts) {
			part->iov_base = (char *)part->iov_base + wrote;
			part->iov_len -= (size_t)wrote;
		}
	}
	return 0;
}

static int write_some(int fd, off_t *at, const struct journal_file_frame *frame, unsigned count)
{
	static char zeroes[8];
	struct header header[WRITE_MAX];
	struct iovec part[3 * WRITE_MAX];

	for (unsigned i = 0; i < count; i++) {
		size_t length = frame[i].length;
		size_t pad = journal_file_size(length) - JOURNAL_FILE_FRAME - length;

		header[i] = header_of(&frame[i]);
		part[3 * i] = (struct iovec){&header[i], sizeof(header[i])};
		part[3 * i + 1] = (struct iovec){(void *)(uintptr_t)frame[i].bytes, length};
		part[3 * i + 2] = (struct iovec){zeroes, pad};
	}
	return write_all(fd, at, part, (int)(3 * count));
}

int journal_file_write(int fd, off_t *at, const struct journal_file_frame *frame, unsigned count)
{
	int error = 0;

	for (unsigned i = 0; i < count && !error; i += WRITE_MAX)
		error = write_some(
			fd, at, frame + i, count - i < WRITE_MAX ? count - i : WRITE_MAX);
	return error;
}

static void temporary(const char *name, char text[NAME_SPACE])
{
	snprintf(text, NAME_SPACE, "%s.tmp", name);
}

static int write_title(int fd, enum journal_file_kind kind, uint64_t base, off_t *at)
{
	struct journal_file_frame header = {.flags = JOURNAL_FILE_HEADER,
		.sequence = base,
		.durable = base,
		.bytes = title[VERSION - 1][kind],
		.length = strlen(title[VERSION - 1][kind])};

	*at = 0;
	return journal_file_write(fd, at, &header, 1);
}

int journal_file_renew(int fd, enum journal_file_kind kind, const struct journal_file_scan *scan)
{
	off_t at;

	return scan->version == VERSION ? 0 : write_title(fd, kind, scan->base, &at);
}

int journal_file_create(
	int directory, const char *name, enum journal_file_kind kind, uint64_t base, off_t *at)
{
	char file[NAME_SPACE];
	int fd, error;

	temporary(name, file);
	fd = openat(directory, file, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, FILE_MODE);
	if (fd < 0)
		return -errno;
	error = write_title(fd, kind, base, at);
	if (!error)
		return fd;
	close(fd);
	journal_file_abandon(directory, name);
	return error;
}

int journal_file_commit(int fd, int directory, const char *name)
{
	char file[NAME_SPACE];

	temporary(name, file);
	if (fsync(fd) < 0 || renameat(directory, file, directory, name) < 0 || fsync(directory) < 0)
		return -errno;
	return 0;
}

void journal_file_abandon(int directory, const char *name)
{
	char file[NAME_SPACE];

	temporary(name, file);
	unlinkat(directory, file, 0);
}

int journal_file_reserve(int fd, off_t from, off_t to)
{
	if (to <= from || fallocate(fd, 0, from, to - from) == 0)
		return 0;
	/* The C library writes zeroes where the file system cannot reserve. */
	return errno == EOPNOTSUPP ? -posix_fallocate(fd, from, to - from) : -errno;
}

static int read_all(int fd, char *bytes, size_t length)
{
	size_t at = 0;

	while (at < length) {
		ssize_t got = read(fd, bytes + at, length - at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : -EIO;
		at += (size_t)got;
	}
	bytes[length] = '\0';
	return 0;
}

int journal_file_read(int directory, const char *name, char **bytes, size_t *length)
{
	struct stat status;
	int error = 0, fd = openat(directory, name, O_RDONLY | O_CLOEXEC);

	*bytes = NULL;
	*length = 0;
	if (fd < 0)
		return -errno;
	if (fstat(fd, &status) < 0)
		error = -errno;
	else if (!S_ISREG(status.st_mode))
		error = -EINVAL;
	else if (!(*bytes = malloc((size_t)status.st_size + 1)))
		error = -ENOMEM;
	else
		error = read_all(fd, *bytes, (size_t)status.st_size);
	if (error) {
		free(*bytes);
		*bytes = NULL;
	} else {
		*length = (size_t)status.st_size;
	}
	close(fd);
	return error;
}
