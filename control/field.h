/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reading a JSON request field by field. A field knows where it stands, so that a refusal carries
 * the JSON pointer of the culprit; the pointer is only written when it is needed.
 *
 * The readers take the object and the key. They return 0 and leave *value untouched where the key
 * is absent, and -EINVAL with the refusal filled in where the value is wrong.
 */
#ifndef CONTROL_FIELD_H
#define CONTROL_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "control/model.h"
#include "control/refusal.h"
#include "dataplane/base/ip.h"

#define FIELD_NO_INDEX SIZE_MAX

struct field {
	const json_t *json;
	const struct field *parent; /* NULL: base is the pointer so far */
	const char *base;
	const char *key; /* NULL: index counts */
	size_t index;
	struct refusal *refusal;
};

struct field field_root(const json_t *json, const char *base, struct refusal *refusal);
/* False where the object has no such member; child then still names the place. */
bool field_child(const struct field *object, const char *key, struct field *child);
struct field field_item(const struct field *array, size_t index);

/* Writes the JSON pointer of the field. */
void field_pointer(const struct field *field, char *text, size_t size);
/* Returns -EINVAL. */
__attribute__((format(printf, 3, 4))) int field_refuse(
	const struct field *field, int code, const char *format, ...);

/* An object with no members but these (the list ends with NULL). */
int field_object(const struct field *field, const char *const *names);
/* As field_child, but absence is refused. */
int field_need(const struct field *object, const char *key, struct field *child);
/* An array of least to most items; their number, or -EINVAL. */
long field_array(const struct field *field, size_t least, size_t most);

/* A text without control characters of 1 to MODEL_NAME_MAX bytes. */
int field_name(const struct field *field, char name[MODEL_NAME_MAX + 1]);
int field_text(const struct field *field, const char **text);

int field_number(const struct field *object, const char *key, uint64_t least, uint64_t most,
	uint64_t *value);
int field_bool(const struct field *object, const char *key, bool *value);
/* The place of the text among choices (ends with NULL). */
int field_choice(
	const struct field *object, const char *key, const char *const *choices, uint8_t *value);
int field_mac(const struct field *object, const char *key, uint8_t mac[6], bool *given);

/* One address a host can have. */
int field_address(const struct field *field, struct ip_address *ip);
/* Address and length of the subnet it is in; a host's address, not the subnet's own or broadcast.
 */
int field_interface(const struct field *field, struct ip_prefix *prefix);
/* A prefix of a route: no host bits. */
int field_prefix(const struct field *field, struct ip_prefix *prefix);

#endif
