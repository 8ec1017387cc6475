/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/cli/cli_refusal.h"

#include <stdlib.h>
#include <string.h>

#define STEP_MAX 256

/* Numbers of reasons, and codes, of docs/api.md. */
static const struct {
	int code;
	const char *hint;
} hints[] = {
	{-32601, "This gateway does not serve that here: is it older than this program? "
		 "\"trunkline info\" tells its version."},
	{-32603, "That is a fault of the gateway, not yours; nothing was changed. Its log says "
		 "more."},
	{-32001, "\"trunkline show\" lists what there is."},
	{-32002, "Somebody else changed it, or holds it: look with \"trunkline get\", then repeat "
		 "with "
		 "the generation or --owner that you mean."},
	{-32003, "Raise the limit in gateway.json and restart the gateway, or remove something."},
	{-32004, "Free space in the gateway's state directory; nothing was changed."},
	{-32005, "Try again in a moment."},
	{-32006,
		"\"trunkline show workers\" tells which worker has not passed the generation yet."},
	{1001, "Check the spelling; unknown fields are never ignored. docs/api.md lists them."},
	{1007, "Names are unique among objects of one kind."},
	{1010, "A prefix has no bits behind its length: write the network's own address."},
	{1011, "Name something that exists, or that the same document adds."},
	{1012, "Another owner holds it: \"trunkline get\" shows which; --owner NAME acts as that "
	       "one."},
	{1013, "\"trunkline show\" lists what there is."},
	{1020, "\"trunkline show attachments\" shows which tags are in use on the port."},
	{1022, "\"trunkline show connections\" shows which VNIs are in use."},
	{1024, "Give the connection an endpoint for that site: \"trunkline connection add … "
	       "--endpoint "
	       "SITE\"."},
	{1026, "Remove what names it first, or in the same document."},
	{1027, "Raise the limit in gateway.json and restart the gateway, or remove something."},
	{1030, "The gateway has changed since: look with \"trunkline get\", then repeat with its "
	       "generation."},
	{1033, "Free space in the gateway's state directory; nothing was changed."},
	{1034, "Another change is under way: try again in a moment."},
};

static const char *hint_of(int code)
{
	for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++)
		if (hints[i].code == code)
			return hints[i].hint;
	return NULL;
}

/* Undoes ~0 and ~1 in place. */
static void unescape(char *step)
{
	char *out = step;

	for (; *step != '\0'; step++) {
		if (step[0] == '~' && (step[1] == '0' || step[1] == '1')) {
			*out++ = step[1] == '0' ? '~' : '/';
			step++;
		} else {
			*out++ = *step;
		}
	}
	*out = '\0';
}

static json_t *one_step(json_t *value, const char *step)
{
	char *end;
	unsigned long index;

	if (!json_is_array(value))
		return json_object_get(value, step);
	index = strtoul(step, &end, 10);
	return *end == '\0' && end != step ? json_array_get(value, index) : NULL;
}

json_t *cli_refusal_at(json_t *root, const char *pointer)
{
	char step[STEP_MAX];

	while (root != NULL && *pointer == '/') {
		size_t length = strcspn(++pointer, "/");

		if (length >= sizeof(step))
			return NULL;
		memcpy(step, pointer, length);
		step[length] = '\0';
		unescape(step);
		root = one_step(root, step);
		pointer += length;
	}
	return root;
}

/* Large values would hide the sentence. */
static void write_value(FILE *file, json_t *value)
{
	char *text = value != NULL ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

	if (text != NULL && strlen(text) <= 120)
		fprintf(file, " = %s", text);
	free(text);
}

void cli_refusal_write(FILE *file, json_t *error, json_t *params)
{
	const char *message = json_string_value(json_object_get(error, "message"));
	json_t *data = json_object_get(error, "data");
	const char *field = json_string_value(json_object_get(data, "field"));
	int code = (int)json_integer_value(json_object_get(error, "code"));
	const char *hint = json_string_value(json_object_get(data, "hint"));

	fprintf(file, "trunkline: refused: %s\n", message != NULL ? message : "no reason given");
	if (field != NULL && *field != '\0') {
		fprintf(file, "  at %s", field);
		write_value(file, cli_refusal_at(params, field));
		fputc('\n', file);
	}
	if (hint == NULL)
		hint = hint_of((int)json_integer_value(json_object_get(data, "number")));
	if (hint == NULL)
		hint = hint_of(code);
	if (hint != NULL)
		fprintf(file, "%s\n", hint);
}

void cli_refusal_print(const struct cli *cli, json_t *error, json_t *params)
{
	cli_refusal_write(stderr, error, params);
	if (!cli->json)
		return;
	printf("{\"error\":");
	json_dumpf(error, stdout, JSON_COMPACT);
	puts("}");
}
