/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_UNIT_JSONPATH_H
#define TESTS_UNIT_JSONPATH_H

#include <jansson.h>

/* A member by a path such as "ports/0/name", borrowed; NULL where there is none. */
json_t *jsonpath_at(json_t *value, const char *path);

#endif
