/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs a fuzz target once on each file of the directories given; for compilers without libFuzzer.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));

/* A copy of exactly the file's size, so that sanitizers see a read behind its end. */
static uint8_t *read_file(const char *path, size_t *size)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = NULL;
	long end;

	if (!file)
		return NULL;
	if (fseek(file, 0, SEEK_END) == 0 && (end = ftell(file)) >= 0) {
		rewind(file);
		*size = (size_t)end;
		data = malloc(*size ? *size : 1);
		if (data && fread(data, 1, *size, file) != *size) {
			free(data);
			data = NULL;
		}
	}
	fclose(file);
	return data;
}

static int run_file(const char *directory, const char *name)
{
	char path[1024];
	size_t size = 0;
	uint8_t *data;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	data = read_file(path, &size);
	if (!data) {
		fprintf(stderr, "%s cannot be read\n", path);
		return -1;
	}
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	return 1;
}

static int run_directory(const char *directory)
{
	DIR *stream = opendir(directory);
	struct dirent *entry;
	int count = 0, one = 1;

	while (stream && one >= 0 && (entry = readdir(stream))) {
		one = entry->d_name[0] == '.' ? 0 : run_file(directory, entry->d_name);
		count += one;
	}
	if (stream)
		closedir(stream);
	return one < 0 ? -1 : count;
}

int main(int argc, char **argv)
{
	int count = 0;

	if (LLVMFuzzerInitialize)
		LLVMFuzzerInitialize(&argc, &argv);
	for (int i = 1; i < argc; i++) {
		int one = run_directory(argv[i]);

		if (one <= 0) {
			fprintf(stderr, "%s: no inputs\n", argv[i]);
			return 1;
		}
		count += one;
	}
	printf("%d inputs\n", count);
	return count ? 0 : 1;
}
