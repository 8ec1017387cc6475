/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/jsonpath.h"

#include <stdlib.h>
#include <string.h>

json_t *jsonpath_at(json_t *value, const char *path)
{
	char copy[128], *rest = copy, *step;

	strncpy(copy, path, sizeof(copy) - 1);
	copy[sizeof(copy) - 1] = '\0';
	while (value != NULL && (step = strsep(&rest, "/")) != NULL)
		value = json_is_array(value) ? json_array_get(value, (size_t)atoi(step))
					     : json_object_get(value, step);
	return value;
}
