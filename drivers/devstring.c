/* SPDX-License-Identifier: BSD-3-Clause */
#include "drivers/devstring.h"

#include <ctype.h>
#include <errno.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/base/ip.h"
#include "dataplane/base/macros.h"

#define RING_NAME_MAX 20 /* with a queue number behind it DPDK takes no more */

enum form { FORM_NUMBER, FORM_SWITCH, FORM_TEXT, FORM_INTERFACE, FORM_MAC, FORM_ROLE };

struct option {
	const char *name; /* NULL: end of the list */
	enum form form;
	uint32_t low, high; /* FORM_NUMBER */
};

enum target { TARGET_NONE, TARGET_PCI, TARGET_INTERFACE, TARGET_TEXT };

struct kind {
	const char *name;
	enum target target;
	const char *target_meaning;
	bool any_option; /* the driver's own, passed on */
	struct option option[9];
};

static const struct kind kinds[] = {
	[DEVSTRING_PCI] = {"pci", TARGET_PCI, "a PCI address such as 0000:03:00.0", true, {{NULL}}},
	[DEVSTRING_AF_XDP] = {"af_xdp", TARGET_INTERFACE, "a kernel interface", false,
		{{"queue", FORM_NUMBER, 0, 63}, {"busy_budget", FORM_NUMBER, 0, 65535},
			{"force_copy", FORM_SWITCH}, {NULL}}},
	[DEVSTRING_AF_PACKET] = {"af_packet", TARGET_INTERFACE, "a kernel interface", false,
		{{"frames", FORM_NUMBER, 64, 65536}, {"qdisc_bypass", FORM_SWITCH}, {NULL}}},
	[DEVSTRING_TAP] = {"tap", TARGET_INTERFACE, "the name of the tap to make", false,
		{{"mac", FORM_MAC}, {"remote", FORM_INTERFACE}, {NULL}}},
	[DEVSTRING_MEMIF] = {"memif", TARGET_TEXT, "a socket path, or @name", false,
		{{"role", FORM_ROLE}, {"id", FORM_NUMBER, 0, UINT32_MAX},
			{"ring_log2", FORM_NUMBER, 5, 14}, {"mac", FORM_MAC}, {"secret", FORM_TEXT},
			{"zero_copy", FORM_SWITCH}, {NULL}}},
	[DEVSTRING_NULL] = {"null", TARGET_NONE, "", false,
		{{"size", FORM_NUMBER, 14, 9216}, {"copy", FORM_SWITCH}, {"receive", FORM_SWITCH},
			{NULL}}},
	[DEVSTRING_RING] = {"ring", TARGET_TEXT, "a name", false,
		{{"peer", FORM_TEXT}, {"size", FORM_NUMBER, 64, 65536}, {"mac", FORM_MAC}, {NULL}}},
	[DEVSTRING_PCAP] = {"pcap", TARGET_NONE, "", false,
		{{"rx", FORM_TEXT}, {"tx", FORM_TEXT}, {"interface", FORM_INTERFACE},
			{"repeat", FORM_SWITCH}, {NULL}}},
};

#define refuse(error, ...) devstring_refuse(error, -EINVAL, __VA_ARGS__)

int devstring_refuse(struct devstring_error *error, int rc, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(error->text, sizeof(error->text), format, arguments);
	va_end(arguments);
	return rc;
}

static bool to_number(const char *text, uint32_t *number)
{
	unsigned long long value;
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (*end != '\0' || errno != 0 || value > UINT32_MAX)
		return false;
	*number = (uint32_t)value;
	return true;
}

static bool is_on(const char *text)
{
	return strcmp(text, "on") == 0 || strcmp(text, "1") == 0;
}

static bool is_off(const char *text)
{
	return strcmp(text, "off") == 0 || strcmp(text, "0") == 0;
}

static bool is_interface(const char *text)
{
	size_t length = strlen(text);

	if (length == 0 || length >= IF_NAMESIZE || strcmp(text, ".") == 0 ||
		strcmp(text, "..") == 0)
		return false;
	return strpbrk(text, "/: \t") == NULL;
}

/* DDDD:BB:DD.F with exactly these widths. */
static bool is_pci_address(const char *text)
{
	static const char shape[] = "xxxx:xx:xx.x";

	if (strlen(text) != sizeof(shape) - 1)
		return false;
	for (size_t i = 0; shape[i] != '\0'; i++) {
		bool fits =
			shape[i] == 'x' ? isxdigit((unsigned char)text[i]) : text[i] == shape[i];

		if (!fits)
			return false;
	}
	return text[sizeof(shape) - 2] <= '7';
}

static int check_form(const struct option *option, const char *value, struct devstring_error *error)
{
	uint8_t mac[6];
	uint32_t number;

	switch (option->form) {
	case FORM_NUMBER:
		if (to_number(value, &number) && number >= option->low && number <= option->high)
			return 0;
		return refuse(error, "option %s: \"%s\" is not a number from %u to %u",
			option->name, value, option->low, option->high);
	case FORM_SWITCH:
		if (is_on(value) || is_off(value))
			return 0;
		return refuse(
			error, "option %s: \"%s\" is neither on nor off", option->name, value);
	case FORM_INTERFACE:
		if (is_interface(value))
			return 0;
		return refuse(error, "option %s: \"%s\" is no interface name", option->name, value);
	case FORM_MAC:
		if (ip_mac_parse(value, mac) == 0 && (mac[0] & 1) == 0)
			return 0;
		return refuse(
			error, "option %s: \"%s\" is no unicast MAC address", option->name, value);
	case FORM_ROLE:
		if (strcmp(value, "server") == 0 || strcmp(value, "client") == 0)
			return 0;
		return refuse(error, "option %s: \"%s\" is neither server nor client", option->name,
			value);
	case FORM_TEXT:
		break;
	}
	return 0;
}

static const struct option *find_option(const struct kind *kind, const char *name)
{
	for (const struct option *o = kind->option; o->name != NULL; o++) {
		if (strcmp(o->name, name) == 0)
			return o;
	}
	return NULL;
}

static int refuse_unknown(const struct kind *kind, const char *name, struct devstring_error *error)
{
	char known[160] = "";
	size_t used = 0;

	for (const struct option *o = kind->option; o->name != NULL; o++)
		used += (size_t)snprintf(
			known + used, sizeof(known) - used, "%s%s", used > 0 ? ", " : "", o->name);
	return refuse(error, "option %s: %s devices have no such option (known: %s)", name,
		kind->name, known);
}

static int add_pair(const struct kind *kind, struct devstring *out, const char *part,
	struct devstring_error *error)
{
	const char *equals = strchr(part, '=');
	struct devstring_pair *pair = &out->pair[out->pairs];
	const struct option *option;
	size_t length;

	if (equals == NULL || equals == part)
		return refuse(error, "option %s: wants the form option=value", part);
	length = (size_t)(equals - part);
	if (length >= sizeof(pair->option) || strlen(equals + 1) >= sizeof(pair->value))
		return refuse(error, "option %.40s: too long", part);
	if (out->pairs == DEVSTRING_PAIRS)
		return refuse(error, "more than %d options", DEVSTRING_PAIRS);
	memcpy(pair->option, part, length);
	pair->option[length] = '\0';
	strcpy(pair->value, equals + 1);
	if (devstring_option(out, pair->option) != NULL)
		return refuse(error, "option %s: given twice", pair->option);
	if (pair->value[0] == '\0')
		return refuse(error, "option %s: empty", pair->option);
	option = find_option(kind, pair->option);
	if (option == NULL && !kind->any_option)
		return refuse_unknown(kind, pair->option, error);
	if (option != NULL && check_form(option, pair->value, error) != 0)
		return -EINVAL;
	out->pairs++;
	return 0;
}

static int set_target(const struct kind *kind, struct devstring *out, const char *part,
	struct devstring_error *error)
{
	bool good = strlen(part) > 0;

	if (strlen(part) >= sizeof(out->target))
		return refuse(error, "\"%.40s…\" is too long", part);
	if (kind->target == TARGET_PCI)
		good = is_pci_address(part);
	else if (kind->target == TARGET_INTERFACE)
		good = is_interface(part);
	if (!good)
		return refuse(
			error, "%s wants %s, not \"%s\"", kind->name, kind->target_meaning, part);
	strcpy(out->target, part);
	return 0;
}

/* What no single option shows. */
static int check_whole(const struct devstring *string, struct devstring_error *error)
{
	const char *peer = devstring_option(string, "peer");
	bool interface = devstring_option(string, "interface") != NULL;
	bool rx = devstring_option(string, "rx") != NULL;
	bool tx = devstring_option(string, "tx") != NULL;

	if (string->kind == DEVSTRING_MEMIF && devstring_option(string, "role") == NULL)
		return refuse(error, "option role: memif wants role=server or role=client");
	if (string->kind == DEVSTRING_RING && strlen(string->target) > RING_NAME_MAX)
		return refuse(error, "a ring's name has at most %d characters", RING_NAME_MAX);
	if (string->kind == DEVSTRING_RING && peer != NULL && strlen(peer) > RING_NAME_MAX)
		return refuse(error, "option peer: at most %d characters", RING_NAME_MAX);
	if (string->kind != DEVSTRING_PCAP)
		return 0;
	if (interface && (rx || tx))
		return refuse(error, "option interface: not together with rx or tx");
	if (!interface && !rx && !tx)
		return refuse(error, "pcap wants rx=FILE, tx=FILE or interface=NAME");
	return 0;
}

static int find_kind(const char *text, size_t length, enum devstring_kind *kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (strlen(kinds[i].name) == length && memcmp(kinds[i].name, text, length) == 0) {
			*kind = (enum devstring_kind)i;
			return 0;
		}
	}
	return -ENOENT;
}

/* Characters that mean something to DPDK's own argument parser, or hide in a log line. */
static bool has_odd_character(const char *text)
{
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text < ' ' || *text == 0x7f || strchr("[]\"'", *text) != NULL)
			return true;
	}
	return false;
}

static int parse_parts(
	const struct kind *kind, char *rest, struct devstring *out, struct devstring_error *error)
{
	bool first = true;
	char *part;

	while ((part = strsep(&rest, ",")) != NULL) {
		int rc;

		if (first && kind->target == TARGET_NONE && part[0] == '\0')
			rc = 0;
		else if (first && kind->target != TARGET_NONE)
			rc = set_target(kind, out, part, error);
		else
			rc = add_pair(kind, out, part, error);
		if (rc != 0)
			return rc;
		first = false;
	}
	return check_whole(out, error);
}

int devstring_parse(const char *text, struct devstring *out, struct devstring_error *error)
{
	const char *colon = strchr(text, ':');
	char *rest;
	int rc;

	memset(out, 0, sizeof(*out));
	error->text[0] = '\0';
	if (has_odd_character(text))
		return refuse(error, "device string has a quote, bracket or control character");
	if (colon == NULL)
		return refuse(
			error, "device string wants the form KIND:TARGET, not \"%.60s\"", text);
	if (find_kind(text, (size_t)(colon - text), &out->kind) != 0)
		return refuse(error,
			"unknown kind of device \"%.*s\" (known: pci, af_xdp, af_packet, tap, "
			"memif, "
			"null, ring, pcap)",
			(int)(colon - text > 40 ? 40 : colon - text), text);
	rest = strdup(colon + 1);
	if (rest == NULL)
		return devstring_refuse(error, -ENOMEM, "out of memory");

	rc = parse_parts(&kinds[out->kind], rest, out, error);
	free(rest);
	return rc;
}

const char *devstring_kind_name(enum devstring_kind kind)
{
	return kinds[kind].name;
}

const char *devstring_option(const struct devstring *string, const char *option)
{
	for (unsigned i = 0; i < string->pairs; i++) {
		if (strcmp(string->pair[i].option, option) == 0)
			return string->pair[i].value;
	}
	return NULL;
}

uint32_t devstring_number(const struct devstring *string, const char *option, uint32_t otherwise)
{
	const char *value = devstring_option(string, option);
	uint32_t number;

	return value != NULL && to_number(value, &number) ? number : otherwise;
}

bool devstring_flag(const struct devstring *string, const char *option, bool otherwise)
{
	const char *value = devstring_option(string, option);

	return value != NULL ? is_on(value) : otherwise;
}

bool devstring_mac(const struct devstring *string, uint8_t mac[6])
{
	const char *value = devstring_option(string, "mac");

	return value != NULL && ip_mac_parse(value, mac) == 0;
}
