/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading answers without fuss: what is not there is 0, "" or empty. */
#ifndef CONTROL_CLI_CLI_JSON_H
#define CONTROL_CLI_CLI_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

/* path: member names separated by "/". Borrowed. */
json_t *cli_json_at(json_t *value, const char *path);
uint64_t cli_json_u64(json_t *value, const char *path);
const char *cli_json_text(json_t *value, const char *path);
bool cli_json_true(json_t *value, const char *path);
/* The texts of a list, joined by ", ". For free(). */
char *cli_json_joined(json_t *value, const char *path);

/* To standard output, for people who read JSON. */
void cli_json_print(json_t *value);

#endif
