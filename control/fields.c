/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/fields.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool fields_failed(const struct fields *fields)
{
	return fields->error->text[0] != '\0';
}

static void escape(const char *name, char *text, size_t size)
{
	size_t at = 0;

	for (; *name && at + 3 < size; name++) {
		if (*name == '~' || *name == '/')
			text[at++] = '~';
		text[at++] = *name == '~' ? '0' : *name == '/' ? '1' : *name;
	}
	text[at] = '\0';
}

void fields_fail(const struct fields *fields, const char *name, const char *format, ...)
{
	struct fields_error *error = fields->error;
	char member[80] = "", why[256];
	va_list args;

	if (fields_failed(fields))
		return;
	if (name)
		escape(name, member, sizeof(member));
	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	snprintf(
		error->text, error->size, "%s%s%s: %s", fields->path, name ? "/" : "", member, why);
}

struct fields fields_root(json_t *object, struct fields_error *error)
{
	struct fields fields = {.object = object, .error = error};

	error->text[0] = '\0';
	if (!json_is_object(object))
		fields_fail(&fields, NULL, "must be an object");
	return fields;
}

void fields_only(const struct fields *fields, const char *const names[])
{
	const char *key;
	json_t *value;

	json_object_foreach(fields->object, key, value)
	{
		const char *const *name = names;

		while (*name && strcmp(*name, key) != 0)
			name++;
		if (!*name)
			fields_fail(fields, key, "unknown field");
	}
}

bool fields_has(const struct fields *fields, const char *name)
{
	return json_object_get(fields->object, name) != NULL;
}

static struct fields below(
	const struct fields *fields, json_t *value, const char *name, const char *place)
{
	struct fields inner = {.object = value, .error = fields->error};

	snprintf(inner.path, sizeof(inner.path), "%.80s/%.24s%s", fields->path, name, place);
	if (value && !json_is_object(value)) {
		fields_fail(&inner, NULL, "must be an object");
		inner.object = NULL;
	}
	return inner;
}

struct fields fields_object(const struct fields *fields, const char *name)
{
	return below(fields, json_object_get(fields->object, name), name, "");
}

struct fields fields_element(const struct fields *fields, const char *name, size_t index)
{
	char place[24];

	snprintf(place, sizeof(place), "/%zu", index);
	return below(
		fields, json_array_get(json_object_get(fields->object, name), index), name, place);
}

size_t fields_count(const struct fields *fields, const char *name, size_t max)
{
	json_t *array = json_object_get(fields->object, name);

	if (array && !json_is_array(array))
		fields_fail(fields, name, "must be an array");
	if (json_array_size(array) > max)
		fields_fail(fields, name, "has %zu elements, at most %zu are allowed",
			json_array_size(array), max);
	return fields_failed(fields) ? 0 : json_array_size(array);
}

void fields_text(const struct fields *fields, const char *name, char *value, size_t size)
{
	json_t *member = json_object_get(fields->object, name);

	if (!member || fields_failed(fields))
		return;
	if (!json_is_string(member) || json_string_length(member) == 0)
		fields_fail(fields, name, "must be a string that is not empty");
	else if (json_string_length(member) >= size)
		fields_fail(fields, name, "is longer than %zu bytes", size - 1);
	else
		memcpy(value, json_string_value(member), json_string_length(member) + 1);
}

static bool in_range(const json_t *member, uint32_t min, uint32_t max)
{
	json_int_t number = json_integer_value(member);

	return json_is_integer(member) && number >= (json_int_t)min && number <= (json_int_t)max;
}

void fields_number(
	const struct fields *fields, const char *name, uint32_t min, uint32_t max, uint32_t *value)
{
	json_t *member = json_object_get(fields->object, name);

	if (!member || fields_failed(fields))
		return;
	if (in_range(member, min, max))
		*value = (uint32_t)json_integer_value(member);
	else
		fields_fail(fields, name, "must be an integer from %u to %u", min, max);
}

void fields_number_at(const struct fields *fields, const char *name, size_t index, uint32_t min,
	uint32_t max, uint32_t *value)
{
	json_t *member = json_array_get(json_object_get(fields->object, name), index);
	struct fields inner = *fields;
	char place[24];

	if (!member || fields_failed(fields))
		return;
	if (in_range(member, min, max)) {
		*value = (uint32_t)json_integer_value(member);
		return;
	}
	snprintf(inner.path, sizeof(inner.path), "%.80s/%.24s", fields->path, name);
	snprintf(place, sizeof(place), "%zu", index);
	fields_fail(&inner, place, "must be an integer from %u to %u", min, max);
}

static void list_choices(const char *const choices[], char *text, size_t size)
{
	size_t at = 0;

	text[0] = '\0';
	for (unsigned i = 0; choices[i] && at < size; i++)
		at += (size_t)snprintf(text + at, size - at, "%s\"%s\"", i ? ", " : "", choices[i]);
}

void fields_choice(
	const struct fields *fields, const char *name, const char *const choices[], unsigned *value)
{
	json_t *member = json_object_get(fields->object, name);
	const char *text = json_string_value(member);
	char list[160];

	if (!member || fields_failed(fields))
		return;
	for (unsigned i = 0; text && choices[i]; i++) {
		if (strcmp(choices[i], text) != 0)
			continue;
		*value = i;
		return;
	}
	list_choices(choices, list, sizeof(list));
	fields_fail(fields, name, "must be one of %s", list);
}
