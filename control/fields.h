/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Members of a JSON object read into plain variables. The first thing that is wrong is noted with
 * its JSON pointer, and then nothing more is read: a caller reads all it wants and looks at the
 * end.
 */
#ifndef CONTROL_FIELDS_H
#define CONTROL_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#define FIELDS_PATH 128

struct fields_error {
	char *text; /* empty: all is well */
	size_t size;
};

/* An object of the file, and where it stands. */
struct fields {
	json_t *object; /* NULL where it is absent: every member then is, too */
	char path[FIELDS_PATH];
	struct fields_error *error;
};

bool fields_failed(const struct fields *fields);
/* Notes that a member (NULL: the object itself) is wrong. */
void fields_fail(const struct fields *fields, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The whole file. */
struct fields fields_root(json_t *object, struct fields_error *error);
/* Only these members are allowed; the list ends with NULL. */
void fields_only(const struct fields *fields, const char *const names[]);
bool fields_has(const struct fields *fields, const char *name);

/* A member that is an object, and an element of a member that is an array of objects. */
struct fields fields_object(const struct fields *fields, const char *name);
struct fields fields_element(const struct fields *fields, const char *name, size_t index);
/* Elements of a member that is an array; 0 where it is absent. */
size_t fields_count(const struct fields *fields, const char *name, size_t max);

/* Each leaves the value as it is where the member is absent. */
void fields_text(const struct fields *fields, const char *name, char *value, size_t size);
void fields_number(
	const struct fields *fields, const char *name, uint32_t min, uint32_t max, uint32_t *value);
/* Number at a place of a member that is an array. */
void fields_number_at(const struct fields *fields, const char *name, size_t index, uint32_t min,
	uint32_t max, uint32_t *value);
/* value: place of the text among the choices, which end with NULL. */
void fields_choice(const struct fields *fields, const char *name, const char *const choices[],
	unsigned *value);

#endif
