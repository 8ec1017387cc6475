/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The journal's files. The first byte chooses: bit 0 the kind; bit 1 whether the rest is the file
 * itself, or builds one with right checksums and then damages it, which random bytes never would
 * get to: every three bytes are a record (length, content, what to do), and the tail a list of
 * changes.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "control/journal_file.h"

#define RECORDS 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds)
{
	if (!holds)
		abort();
}

struct seen {
	uint64_t records, bytes;
};

static int count(void *context, uint64_t sequence, const char *bytes, size_t length)
{
	struct seen *seen = context;

	(void)sequence;
	check(bytes[length] == '\0');
	for (size_t i = 0; i < length; i++)
		seen->bytes += (uint8_t)bytes[i];
	seen->records++;
	return 0;
}

/* What is cut off as unfinished leaves a file that is whole. */
static void scan(const char *bytes, size_t size, enum journal_file_kind kind)
{
	struct journal_file_scan first, again;
	struct seen seen = {0}, same = {0};
	int result = journal_file_scan(bytes, size, kind, count, &seen, &first);

	check(first.end <= size);
	if (result) {
		check(first.offset <= size && first.why[0]);
		return;
	}
	result = journal_file_scan(bytes, first.end, kind, count, &same, &again);
	if (kind == JOURNAL_FILE_CHECKPOINT)
		return;
	check(result == 0 && !again.torn && again.last == first.last);
	check(same.records == seen.records && same.bytes == seen.bytes);
}

static char *exact_copy(const void *bytes, size_t size)
{
	char *copy = malloc(size ? size : 1);

	check(copy != NULL);
	memcpy(copy, bytes, size);
	return copy;
}

static void write_records(int fd, const uint8_t *data, size_t count_of)
{
	static const char text[256] = "some text of a record";
	off_t at = lseek(fd, 0, SEEK_END);

	for (size_t i = 0; i < count_of; i++, data += 3) {
		struct journal_file_frame frame = {
			.flags = data[2] & 1 ? JOURNAL_FILE_MARK : JOURNAL_FILE_RECORD,
			.sequence = data[1] & 0x0f,
			.durable = data[1] >> 4,
			.bytes = text,
			.length = data[2] & 1 ? 0 : data[0],
		};

		if (data[2] & 2)
			frame.flags = JOURNAL_FILE_END;
		check(journal_file_write(fd, &at, &frame, 1) == 0);
	}
}

/* A header as journal_file_create writes it, without a directory. */
static void write_header(int fd, enum journal_file_kind kind)
{
	const char *title =
		kind == JOURNAL_FILE_LOG ? "trunkline log 2\n" : "trunkline checkpoint 2\n";
	struct journal_file_frame frame = {
		.flags = JOURNAL_FILE_HEADER, .bytes = title, .length = strlen(title)};
	off_t at = 0;

	check(journal_file_write(fd, &at, &frame, 1) == 0);
}

static void build_and_scan(const uint8_t *data, size_t size, enum journal_file_kind kind)
{
	size_t records = size ? data[0] % RECORDS : 0, length;
	int fd = memfd_create("journal", MFD_CLOEXEC);
	char *bytes;

	check(fd >= 0);
	write_header(fd, kind);
	if (records > (size - (size != 0)) / 3)
		records = (size - (size != 0)) / 3;
	if (size)
		write_records(fd, data + 1, records);
	length = (size_t)lseek(fd, 0, SEEK_END);
	bytes = malloc(length);
	check(bytes && pread(fd, bytes, length, 0) == (ssize_t)length);
	close(fd);
	for (size_t i = 1 + 3 * records; i + 3 <= size; i += 3)
		bytes[(data[i] | (size_t)data[i + 1] << 8) % length] ^= (char)data[i + 2];
	scan(bytes, length, kind);
	free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum journal_file_kind kind;
	char *copy;

	if (!size)
		return 0;
	kind = data[0] & 1 ? JOURNAL_FILE_CHECKPOINT : JOURNAL_FILE_LOG;
	if (data[0] & 2) {
		build_and_scan(data + 1, size - 1, kind);
		return 0;
	}
	copy = exact_copy(data + 1, size - 1);
	scan(copy, size - 1, kind);
	free(copy);
	return 0;
}
