/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/cli/cli_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

json_t *cli_json_at(json_t *value, const char *path)
{
	char step[64];

	while (value != NULL && *path != '\0') {
		size_t length = strcspn(path, "/");

		if (length >= sizeof(step))
			return NULL;
		memcpy(step, path, length);
		step[length] = '\0';
		value = json_object_get(value, step);
		path += length + (path[length] == '/');
	}
	return value;
}

uint64_t cli_json_u64(json_t *value, const char *path)
{
	return (uint64_t)json_integer_value(cli_json_at(value, path));
}

const char *cli_json_text(json_t *value, const char *path)
{
	const char *text = json_string_value(cli_json_at(value, path));

	return text != NULL ? text : "";
}

bool cli_json_true(json_t *value, const char *path)
{
	return json_is_true(cli_json_at(value, path));
}

char *cli_json_joined(json_t *value, const char *path)
{
	json_t *item;
	size_t i, size;
	char *text = NULL;
	FILE *file = open_memstream(&text, &size);

	if (file == NULL)
		return NULL;
	json_array_foreach(cli_json_at(value, path), i, item) fprintf(file, "%s%s",
		i != 0 ? ", " : "", json_is_string(item) ? json_string_value(item) : "");
	fclose(file);
	return text;
}

void cli_json_print(json_t *value)
{
	json_dumpf(value, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
	putchar('\n');
}
