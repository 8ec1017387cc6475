/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/cli/cli_fields.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/cli/cli_args.h"

#define TEXT_MAX 256

static json_t *number(const char *text)
{
	char *end;
	long long value;

	errno = 0;
	value = strtoll(text, &end, 10);
	return *text != '\0' && *end == '\0' && errno == 0 ? json_integer(value) : NULL;
}

static json_t *list(const char *text)
{
	json_t *array = json_array();
	char copy[TEXT_MAX * 16], *rest = copy, *item;

	if (strlen(text) >= sizeof(copy)) {
		json_decref(array);
		return NULL;
	}
	strcpy(copy, text);
	while ((item = strsep(&rest, ",")) != NULL)
		if (*item != '\0')
			json_array_append_new(array, json_string(item));
	return array;
}

/* An outer tag of two is 0x88a8 unless told otherwise by "0x8100:". */
static json_t *tags(const char *text)
{
	const char *colon = strchr(text, ':');
	const char *vlans = colon != NULL ? colon + 1 : text, *dot = strchr(vlans, '.');
	char type[16];
	char *end;
	unsigned long outer = strtoul(vlans, &end, 10), inner = 0;

	if (strcmp(text, "none") == 0)
		return json_array();
	snprintf(type, sizeof(type), "%s", dot != NULL ? "0x88a8" : "0x8100");
	if (colon != NULL && (size_t)(colon - text) < sizeof(type))
		snprintf(type, sizeof(type), "%.*s", (int)(colon - text), text);
	if (end == vlans || end != (dot != NULL ? dot : vlans + strlen(vlans)))
		return NULL;
	if (dot == NULL)
		return json_pack("[{s:s, s:I}]", "type", type, "vlan", (json_int_t)outer);
	inner = strtoul(dot + 1, &end, 10);
	if (end == dot + 1 || *end != '\0')
		return NULL;
	return json_pack("[{s:s, s:I}, {s:s, s:I}]", "type", type, "vlan", (json_int_t)outer,
		"type", "0x8100", "vlan", (json_int_t)inner);
}

static json_t *dscp(const char *text)
{
	json_t *value = number(text);

	if (strcmp(text, "uniform") == 0)
		return json_pack("{s:s}", "mode", "uniform");
	return value != NULL ? json_pack("{s:s, s:o}", "mode", "pipe", "value", value) : NULL;
}

static bool add_endpoint_part(json_t *endpoint, const char *key, const char *value)
{
	static const struct {
		const char *key, *member;
		bool many;
	} parts[] = {
		{"payload", "payload", false},
		{"mac", "mac", false},
		{"peer-mac", "peer_mac", false},
		{"address", "addresses", true},
		{"peer", "peer_addresses", true},
	};

	if (strcmp(key, "vni") == 0)
		return json_object_set_new(endpoint, "vni", number(value)) == 0;
	for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		json_t *old = json_object_get(endpoint, parts[i].member);

		if (strcmp(parts[i].key, key) != 0)
			continue;
		if (!parts[i].many)
			return json_object_set_new(endpoint, parts[i].member, json_string(value)) ==
			       0;
		if (old != NULL)
			return json_array_append_new(old, json_string(value)) == 0;
		return json_object_set_new(endpoint, parts[i].member, json_pack("[s]", value)) == 0;
	}
	return false;
}

static json_t *endpoint(const char *text)
{
	char copy[TEXT_MAX * 4], *rest = copy, *item;
	json_t *value = json_object();

	if (strlen(text) >= sizeof(copy))
		goto malformed;
	strcpy(copy, text);
	item = strsep(&rest, ",");
	if (*item == '\0' || json_object_set_new(value, "site", json_string(item)) < 0)
		goto malformed;
	while ((item = strsep(&rest, ",")) != NULL) {
		char *equals = strchr(item, '=');

		if (equals == NULL)
			goto malformed;
		*equals = '\0';
		if (!add_endpoint_part(value, item, equals + 1))
			goto malformed;
	}
	return json_pack("[o]", value);

malformed:
	json_decref(value);
	return NULL;
}

json_t *cli_fields_value(enum cli_fields_form form, const char *text)
{
	json_t *value;

	switch (form) {
	case CLI_FIELDS_TEXT:
		return json_string(text);
	case CLI_FIELDS_NUMBER:
		return number(text);
	case CLI_FIELDS_EITHER:
		value = number(text);
		return value != NULL ? value : json_string(text);
	case CLI_FIELDS_LIST:
		return list(text);
	case CLI_FIELDS_TAGS:
		return tags(text);
	case CLI_FIELDS_DSCP:
		return dscp(text);
	case CLI_FIELDS_ENDPOINTS:
		return endpoint(text);
	}
	return NULL;
}

const char *cli_fields_member(const struct cli_fields *field)
{
	return field->member != NULL ? field->member : field->option;
}

static bool same_name(const char *a, const char *b)
{
	for (; *a != '\0' && *b != '\0'; a++, b++)
		if ((*a == '_' ? '-' : *a) != (*b == '_' ? '-' : *b))
			return false;
	return *a == *b;
}

const struct cli_fields *cli_fields_find(const struct cli_fields *table, const char *name)
{
	for (; table->option != NULL; table++)
		if (same_name(table->option, name) ||
			(table->member != NULL && same_name(table->member, name)))
			return table;
	return NULL;
}

/* A repeated option adds to its list. */
static int set_member(
	const struct cli *cli, const struct cli_fields *field, const char *text, json_t *object)
{
	json_t *value = cli_fields_value(field->form, text);
	json_t *old = json_object_get(object, cli_fields_member(field));

	if (value == NULL)
		return cli_args_wrong(cli, "\"%s\" is no value for --%s", text, field->option);
	if (old != NULL && json_is_array(old) && json_is_array(value)) {
		json_array_extend(old, value);
		json_decref(value);
		return CLI_OK;
	}
	json_object_set_new(object, cli_fields_member(field), value);
	return CLI_OK;
}

int cli_fields_from_options(const struct cli *cli, const struct cli_fields *table, json_t *object)
{
	for (; table->option != NULL; table++) {
		unsigned at = 0;
		const char *text;

		while ((text = cli_args_next(cli, table->option, &at)) != NULL) {
			int rc = set_member(cli, table, text, object);

			if (rc != CLI_OK)
				return rc;
		}
	}
	return CLI_OK;
}
