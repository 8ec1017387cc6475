/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/journal.h"
#include "control/journal_file.h"
#include "control/loop.h"
#include "dataplane/base/log.h"

/* Failures on demand: the n-th allocation from now, and every sync. */
static int fail_allocation;
static bool fail_sync;

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size)
{
	if (fail_allocation && --fail_allocation == 0)
		return NULL;
	return __real_calloc(count, size);
}

int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __wrap_fdatasync(int fd)
{
	if (!fail_sync)
		return __real_fdatasync(fd);
	errno = EIO;
	return -1;
}

/* A state directory, and the files in it */

static char directory[64];

static int make_directory(void **state)
{
	(void)state;
	strcpy(directory, "/tmp/trunkline-journal-XXXXXX");
	return mkdtemp(directory) ? 0 : -1;
}

static void path_of(const char *name, char *path)
{
	sprintf(path, "%s/%s", directory, name);
}

static void remove_file(const char *name)
{
	char path[128];

	path_of(name, path);
	unlink(path);
}

static int remove_directory(void **state)
{
	(void)state;
	remove_file("log");
	remove_file("checkpoint");
	return rmdir(directory);
}

static char *read_file(const char *name, size_t *length)
{
	char path[128], *bytes;
	struct stat status;
	int fd;

	path_of(name, path);
	fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &status), 0);
	*length = (size_t)status.st_size;
	bytes = malloc(*length + 1);
	assert_int_equal(read(fd, bytes, *length), (ssize_t)*length);
	close(fd);
	return bytes;
}

static void write_file(const char *name, const char *bytes, size_t length)
{
	char path[128];
	int fd;

	path_of(name, path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, length), (ssize_t)length);
	close(fd);
}

/* What a replay yields, joined by commas */

static char replayed[4096];

static int collect(void *context, const char *bytes, size_t length)
{
	(void)context;
	assert_int_equal(strlen(bytes), length);
	assert_true(strlen(replayed) + length + 2 < sizeof(replayed));
	strcat(replayed, bytes);
	strcat(replayed, ",");
	return 0;
}

/* 0 where the journal opens; then replayed has its records. */
static int read_back(void)
{
	char error[JOURNAL_ERROR_TEXT];
	struct journal *journal = journal_open(NULL, directory, error);

	replayed[0] = '\0';
	if (!journal) {
		assert_non_null(strstr(error, directory));
		return -1;
	}
	assert_int_equal(journal_replay(journal, collect, NULL, error), 0);
	journal_close(journal);
	return 0;
}

/* Writing */

struct writing {
	struct loop *loop;
	struct journal *journal;
};

static struct writing begin(void)
{
	char error[JOURNAL_ERROR_TEXT];
	struct writing w = {.loop = loop_create()};

	w.journal = journal_open(w.loop, directory, error);
	if (!w.journal)
		fail_msg("%s", error);
	replayed[0] = '\0';
	assert_int_equal(journal_replay(w.journal, collect, NULL, error), 0);
	return w;
}

static void end(struct writing *w)
{
	journal_close(w->journal);
	loop_destroy(w->loop);
}

static void note_done(void *context, int error)
{
	*(int *)context = error ? error : 1;
}

static int append(struct writing *w, const char *text, int *done)
{
	char *bytes = strdup(text);
	int error = journal_append(w->journal, bytes, strlen(text), note_done, done);

	if (error)
		free(bytes);
	return error;
}

static void wait_for(struct writing *w, const int *done)
{
	for (int i = 0; i < 1000 && !*done; i++)
		assert_int_equal(loop_turn(w->loop, 10), 0);
	assert_int_not_equal(*done, 0);
}

static void append_and_wait(struct writing *w, const char *text)
{
	int done = 0;

	assert_int_equal(append(w, text, &done), 0);
	wait_for(w, &done);
	assert_int_equal(done, 1);
}

static void write_three(void)
{
	struct writing w = begin();

	append_and_wait(&w, "one");
	append_and_wait(&w, "two, a longer record");
	append_and_wait(&w, "three");
	end(&w);
}

/* Tests */

static void keeps_what_was_acknowledged(void **state)
{
	struct writing w = begin();
	int done[20] = {0};

	(void)state;
	assert_string_equal(replayed, "");
	for (int i = 0; i < 20; i++)
		assert_int_equal(append(&w, "x", &done[i]), 0);
	wait_for(&w, &done[19]);
	for (int i = 0; i < 20; i++)
		assert_int_equal(done[i], 1);
	assert_int_equal(journal_stats(w.journal).durable, 20);
	assert_true(journal_stats(w.journal).syncs <= 20);
	end(&w);
	w = begin();
	assert_string_equal(replayed, "x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,");
	append_and_wait(&w, "last");
	assert_int_equal(journal_stats(w.journal).sequence, 21);
	end(&w);
	assert_int_equal(read_back(), 0);
	assert_string_equal(replayed + strlen(replayed) - 7, "x,last,");
}

static void close_waits_for_the_disk(void **state)
{
	struct writing w = begin();
	int done = 0;

	(void)state;
	assert_int_equal(append(&w, "at the end", &done), 0);
	end(&w);
	assert_int_equal(done, 1);
	assert_int_equal(read_back(), 0);
	assert_string_equal(replayed, "at the end,");
}

/* The file may end anywhere in the last record, or have any part of it unwritten. */
static void drops_a_torn_record(void **state)
{
	size_t length, two = 0;
	char *bytes;

	(void)state;
	write_three();
	bytes = read_file("log", &length);
	two = length - journal_file_size(5) - JOURNAL_FILE_MARK_SIZE;
	for (size_t cut = two; cut < length; cut++) {
		bool whole = cut >= two + journal_file_size(5);
		const char *expected =
			whole ? "one,two, a longer record,three," : "one,two, a longer record,";
		struct writing w;

		write_file("log", bytes, cut);
		assert_int_equal(read_back(), 0);
		assert_string_equal(replayed, expected);
		w = begin();
		append_and_wait(&w, "four");
		end(&w);
		assert_int_equal(read_back(), 0);
		assert_string_equal(replayed + strlen(expected), "four,");
	}
	free(bytes);
}

static void drops_a_record_of_zeroes(void **state)
{
	size_t length, start;
	char *bytes;

	(void)state;
	write_three();
	bytes = read_file("log", &length);
	start = length - journal_file_size(5) - JOURNAL_FILE_MARK_SIZE;
	for (size_t from = length; from-- > start;) {
		bytes[from] = '\0';
		write_file("log", bytes, length);
		assert_int_equal(read_back(), 0);
		if (from < start + JOURNAL_FILE_FRAME + 5)
			assert_string_equal(replayed, "one,two, a longer record,");
		else
			assert_string_equal(replayed, "one,two, a longer record,three,");
	}
	free(bytes);
}

/* No flipped bit may lose or change a record without a word. */
static void refuses_flipped_bits(void **state)
{
	size_t length, refused = 0;
	char *bytes;

	(void)state;
	write_three();
	bytes = read_file("log", &length);
	for (size_t bit = 0; bit < 8 * length; bit++) {
		bytes[bit / 8] = (char)(bytes[bit / 8] ^ (1 << bit % 8));
		write_file("log", bytes, length);
		bytes[bit / 8] = (char)(bytes[bit / 8] ^ (1 << bit % 8));
		if (read_back() < 0)
			refused++;
		else
			assert_string_equal(replayed, "one,two, a longer record,three,");
	}
	/* Only the three marks may be damaged without harm. */
	assert_int_equal(refused, 8 * (length - 3 * JOURNAL_FILE_MARK_SIZE));
	free(bytes);
}

static void refuses_a_missing_record(void **state)
{
	size_t length, one, two = journal_file_size(20) + JOURNAL_FILE_MARK_SIZE;
	char *bytes;

	(void)state;
	write_three();
	bytes = read_file("log", &length);
	one = length - journal_file_size(5) - JOURNAL_FILE_MARK_SIZE - two;
	memmove(bytes + one, bytes + one + two, length - one - two);
	write_file("log", bytes, length - two);
	assert_int_equal(read_back(), -1);
	free(bytes);
}

static void refuses_without_space(void **state)
{
	struct rlimit old, limit;
	struct writing w = begin();
	struct journal_stats before;
	int done[64] = {0}, accepted = 0, error = 0;
	char text[1001];

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	append_and_wait(&w, "one");
	memset(text, 'x', 1000);
	text[1000] = '\0';
	getrlimit(RLIMIT_FSIZE, &old);
	/* The space that was reserved already is of no use under this limit, so the whole is small.
	 */
	limit = (struct rlimit){.rlim_cur = 1100000, .rlim_max = old.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	for (int i = 0; i < 2000 && !error; i++) {
		before = journal_stats(w.journal);
		done[accepted % 64] = 0;
		error = append(&w, text, &done[accepted % 64]);
		if (error)
			break;
		wait_for(&w, &done[accepted % 64]);
		assert_int_equal(done[accepted++ % 64], 1);
	}
	assert_int_equal(error, -EFBIG);
	assert_non_null(strstr(journal_reason(error), "nothing was changed"));
	assert_int_equal(journal_stats(w.journal).sequence, before.sequence);
	assert_false(journal_stats(w.journal).read_only);
	setrlimit(RLIMIT_FSIZE, &old);
	append_and_wait(&w, "after");
	assert_int_equal(journal_stats(w.journal).durable, before.sequence + 1);
	end(&w);
}

static void is_read_only_after_a_failed_sync(void **state)
{
	struct writing w = begin();
	int done = 0;

	(void)state;
	append_and_wait(&w, "one");
	fail_sync = true;
	assert_int_equal(append(&w, "two", &done), 0);
	wait_for(&w, &done);
	fail_sync = false;
	assert_int_equal(done, -EIO);
	assert_true(journal_stats(w.journal).read_only);
	assert_int_equal(append(&w, "three", &done), -EROFS);
	end(&w);
	assert_int_equal(read_back(), 0);
	assert_memory_equal(replayed, "one,", 4);
}

static void survives_lack_of_memory(void **state)
{
	struct writing w = begin();
	int done = 0;

	(void)state;
	fail_allocation = 1;
	assert_int_equal(append(&w, "one", &done), -ENOMEM);
	fail_allocation = 0;
	assert_int_equal(journal_stats(w.journal).sequence, 0);
	append_and_wait(&w, "two");
	end(&w);
	assert_int_equal(read_back(), 0);
	assert_string_equal(replayed, "two,");
}

/* A state of three records, whatever the log said */

static int source_at;

static int source_restart(void *context)
{
	(void)context;
	source_at = 0;
	return 0;
}

static int source_next(void *context, char **bytes, size_t *length)
{
	static const char *const state[] = {"a", "b", "c"};

	(void)context;
	if (source_at == 6)
		return 0;
	if (source_at++ % 2)
		return 2;
	*bytes = strdup(state[source_at / 2]);
	*length = 1;
	return 1;
}

static const struct journal_source source = {.restart = source_restart, .next = source_next};

static void write_checkpoint(struct writing *w)
{
	uint64_t before = journal_stats(w->journal).checkpoints;

	journal_set_source(w->journal, &source);
	journal_checkpoint(w->journal);
	for (int i = 0; i < 1000 && journal_stats(w->journal).checkpoints == before; i++)
		loop_turn(w->loop, 10);
	assert_int_equal(journal_stats(w->journal).checkpoints, before + 1);
}

static void starts_from_a_checkpoint(void **state)
{
	struct writing w = begin();

	(void)state;
	append_and_wait(&w, "one");
	write_checkpoint(&w);
	append_and_wait(&w, "two");
	end(&w);
	w = begin();
	assert_string_equal(replayed, "a,b,c,two,");
	append_and_wait(&w, "three");
	write_checkpoint(&w);
	end(&w);
	assert_int_equal(read_back(), 0);
	assert_string_equal(replayed, "a,b,c,");
}

/* Power may fail between the two renames. */
static void skips_records_that_the_checkpoint_has(void **state)
{
	struct writing w = begin();
	size_t length;
	char *log;

	(void)state;
	append_and_wait(&w, "one");
	append_and_wait(&w, "two");
	log = read_file("log", &length);
	write_checkpoint(&w);
	end(&w);
	write_file("log", log, length);
	w = begin();
	assert_string_equal(replayed, "a,b,c,");
	append_and_wait(&w, "three");
	end(&w);
	assert_int_equal(read_back(), 0);
	assert_string_equal(replayed, "a,b,c,three,");
	free(log);
}

static void refuses_a_damaged_checkpoint(void **state)
{
	struct writing w = begin();
	size_t length;
	char *bytes;

	(void)state;
	append_and_wait(&w, "one");
	write_checkpoint(&w);
	end(&w);
	bytes = read_file("checkpoint", &length);
	for (size_t bit = 0; bit < 8 * length; bit++) {
		bytes[bit / 8] = (char)(bytes[bit / 8] ^ (1 << bit % 8));
		write_file("checkpoint", bytes, length);
		bytes[bit / 8] = (char)(bytes[bit / 8] ^ (1 << bit % 8));
		assert_int_equal(read_back(), -1);
	}
	for (size_t cut = 0; cut < length; cut++) {
		write_file("checkpoint", bytes, cut);
		assert_int_equal(read_back(), -1);
	}
	free(bytes);
}

static void refuses_a_lost_file(void **state)
{
	struct writing w = begin();

	(void)state;
	append_and_wait(&w, "one");
	write_checkpoint(&w);
	end(&w);
	remove_file("log");
	assert_int_equal(read_back(), -1);
	remove_file("checkpoint");
	assert_int_equal(read_back(), 0);
	w = begin();
	append_and_wait(&w, "one");
	write_checkpoint(&w);
	end(&w);
	remove_file("checkpoint");
	assert_int_equal(read_back(), -1);
}

static void checkpoints_when_the_log_has_grown(void **state)
{
	struct writing w = begin();
	char text[4001];

	(void)state;
	memset(text, 'y', 4000);
	text[4000] = '\0';
	journal_set_source(w.journal, &source);
	for (int i = 0; i < 200; i++) {
		int done = 0;

		while (append(&w, text, &done) == -EBUSY)
			loop_turn(w.loop, 10);
		wait_for(&w, &done);
		assert_true(journal_stats(w.journal).log_bytes < 300000);
	}
	assert_true(journal_stats(w.journal).checkpoints >= 2);
	end(&w);
}

/* A log as version number would begin it, with one record in it. */
static void write_version(unsigned number)
{
	char title[32], path[128];
	struct journal_file_frame frame[] = {
		{.flags = JOURNAL_FILE_HEADER, .bytes = title},
		{.flags = JOURNAL_FILE_RECORD, .sequence = 1, .bytes = "old", .length = 3},
	};
	off_t at = 0;
	int fd;

	frame[0].length = (size_t)sprintf(title, "trunkline log %u\n", number);
	path_of("log", path);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(journal_file_write(fd, &at, frame, 2), 0);
	close(fd);
}

/* What goes on in a log of version 1 makes it one of version 2, which older programs refuse. */
static void continues_an_old_log(void **state)
{
	struct writing w;
	size_t length;
	char *bytes;

	(void)state;
	write_version(1);
	assert_int_equal(read_back(), 0);
	assert_string_equal(replayed, "old,");
	w = begin();
	assert_string_equal(replayed, "old,");
	append_and_wait(&w, "new");
	end(&w);
	assert_int_equal(read_back(), 0);
	assert_string_equal(replayed, "old,new,");
	bytes = read_file("log", &length);
	assert_string_equal(bytes + JOURNAL_FILE_FRAME, "trunkline log 2\n");
	free(bytes);
	write_version(3);
	assert_int_equal(read_back(), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(keeps_what_was_acknowledged),
		TEST(close_waits_for_the_disk),
		TEST(drops_a_torn_record),
		TEST(drops_a_record_of_zeroes),
		TEST(refuses_flipped_bits),
		TEST(refuses_a_missing_record),
		TEST(refuses_without_space),
		TEST(is_read_only_after_a_failed_sync),
		TEST(survives_lack_of_memory),
		TEST(starts_from_a_checkpoint),
		TEST(skips_records_that_the_checkpoint_has),
		TEST(refuses_a_damaged_checkpoint),
		TEST(refuses_a_lost_file),
		TEST(checkpoints_when_the_log_has_grown),
		TEST(continues_an_old_log),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
