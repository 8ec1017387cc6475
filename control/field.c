/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/field.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct field field_root(const json_t *json, const char *base, struct refusal *refusal)
{
	return (struct field){.json = json, .base = base, .refusal = refusal};
}

bool field_child(const struct field *object, const char *key, struct field *child)
{
	*child = (struct field){
		.json = json_object_get(object->json, key),
		.parent = object,
		.key = key,
		.refusal = object->refusal,
	};
	return child->json != NULL;
}

struct field field_item(const struct field *array, size_t index)
{
	return (struct field){
		.json = json_array_get(array->json, index),
		.parent = array,
		.index = index,
		.refusal = array->refusal,
	};
}

/* RFC 6901: ~ and / inside a key are escaped. */
static size_t append_key(char *text, size_t size, size_t at, const char *key)
{
	if (at + 1 < size)
		text[at++] = '/';
	for (; *key != '\0' && at + 2 < size; key++) {
		bool escape = *key == '~' || *key == '/';

		if (escape)
			text[at++] = '~';
		text[at++] = escape ? (*key == '~' ? '0' : '1') : *key;
	}
	text[at] = '\0';
	return at;
}

static size_t append_place(const struct field *field, char *text, size_t size)
{
	char number[24];
	size_t at;

	if (field->parent == NULL)
		return (size_t)snprintf(text, size, "%s", field->base);
	at = append_place(field->parent, text, size);
	if (field->key != NULL)
		return append_key(text, size, at, field->key);
	snprintf(number, sizeof(number), "%zu", field->index);
	return append_key(text, size, at, number);
}

void field_pointer(const struct field *field, char *text, size_t size)
{
	append_place(field, text, size);
}

int field_refuse(const struct field *field, int code, const char *format, ...)
{
	char pointer[REFUSAL_POINTER_MAX], text[REFUSAL_TEXT_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	field_pointer(field, pointer, sizeof(pointer));
	return refusal_set(field->refusal, code, pointer, "%s", text);
}

static int refuse_type(const struct field *field, const char *wanted)
{
	return field_refuse(field, REFUSAL_WRONG_TYPE, "this must be %s", wanted);
}

static bool among(const char *const *names, const char *name)
{
	for (; *names != NULL; names++)
		if (strcmp(*names, name) == 0)
			return true;
	return false;
}

int field_object(const struct field *field, const char *const *names)
{
	struct field child;

	if (!json_is_object(field->json))
		return refuse_type(field, "an object");
	for (void *at = json_object_iter((json_t *)(uintptr_t)field->json); at != NULL;
		at = json_object_iter_next((json_t *)(uintptr_t)field->json, at)) {
		const char *key = json_object_iter_key(at);

		if (among(names, key))
			continue;
		field_child(field, key, &child);
		return field_refuse(
			&child, REFUSAL_UNKNOWN_FIELD, "there is no field \"%.64s\" here", key);
	}
	return 0;
}

int field_need(const struct field *object, const char *key, struct field *child)
{
	if (field_child(object, key, child))
		return 0;
	return field_refuse(child, REFUSAL_MISSING_FIELD, "\"%s\" is missing", key);
}

long field_array(const struct field *field, size_t least, size_t most)
{
	size_t count = json_array_size(field->json);

	if (!json_is_array(field->json))
		return refuse_type(field, "an array");
	if (count < least)
		return field_refuse(field, REFUSAL_OUT_OF_RANGE, "at least %zu wanted", least);
	if (count > most)
		return field_refuse(
			field, REFUSAL_LIMIT, "%zu given, at most %zu allowed", count, most);
	return (long)count;
}

int field_text(const struct field *field, const char **text)
{
	if (!json_is_string(field->json))
		return refuse_type(field, "a text");
	*text = json_string_value(field->json);
	if (strlen(*text) != json_string_length(field->json))
		return field_refuse(field, REFUSAL_BAD_VALUE, "a NUL is not allowed in a text");
	return 0;
}

/* C0, DEL and, as UTF-8, C1. */
static bool has_control(const char *text)
{
	const unsigned char *at = (const unsigned char *)text;

	for (; *at != '\0'; at++)
		if (*at < 0x20 || *at == 0x7f || (*at == 0xc2 && at[1] < 0xa0))
			return true;
	return false;
}

int field_name(const struct field *field, char name[MODEL_NAME_MAX + 1])
{
	const char *text = json_string_value(field->json);
	size_t length = json_string_length(field->json);

	if (text == NULL)
		return refuse_type(field, "a text");
	if (length == 0)
		return field_refuse(field, REFUSAL_BAD_NAME, "a name cannot be empty");
	if (strlen(text) != length || has_control(text))
		return field_refuse(
			field, REFUSAL_BAD_NAME, "a name cannot hold control characters");
	if (length > MODEL_NAME_MAX)
		return field_refuse(field, REFUSAL_BAD_NAME,
			"the name has %zu bytes, at most %d are allowed", length, MODEL_NAME_MAX);
	memcpy(name, text, length + 1);
	return 0;
}

int field_number(
	const struct field *object, const char *key, uint64_t least, uint64_t most, uint64_t *value)
{
	struct field field;
	json_int_t number;

	if (!field_child(object, key, &field))
		return 0;
	if (!json_is_integer(field.json))
		return refuse_type(&field, "a whole number");
	number = json_integer_value(field.json);
	if (number < 0 || (uint64_t)number < least || (uint64_t)number > most)
		return field_refuse(&field, REFUSAL_OUT_OF_RANGE,
			"%" JSON_INTEGER_FORMAT " is not within %llu to %llu", number,
			(unsigned long long)least, (unsigned long long)most);
	*value = (uint64_t)number;
	return 0;
}

int field_bool(const struct field *object, const char *key, bool *value)
{
	struct field field;

	if (!field_child(object, key, &field))
		return 0;
	if (!json_is_boolean(field.json))
		return refuse_type(&field, "true or false");
	*value = json_is_true(field.json);
	return 0;
}

static int refuse_choice(const struct field *field, const char *text, const char *const *choices)
{
	char list[128];
	size_t at = 0;

	list[0] = '\0';
	for (; *choices != NULL && at < sizeof(list); choices++)
		at += (size_t)snprintf(
			&list[at], sizeof(list) - at, "%s\"%s\"", at > 0 ? ", " : "", *choices);
	return field_refuse(field, REFUSAL_BAD_VALUE, "\"%.40s\" is none of %s", text, list);
}

int field_choice(
	const struct field *object, const char *key, const char *const *choices, uint8_t *value)
{
	struct field field;
	const char *text;

	if (!field_child(object, key, &field))
		return 0;
	if (field_text(&field, &text) < 0)
		return -EINVAL;
	for (uint8_t i = 0; choices[i] != NULL; i++) {
		if (strcmp(choices[i], text) == 0) {
			*value = i;
			return 0;
		}
	}
	return refuse_choice(&field, text, choices);
}

int field_mac(const struct field *object, const char *key, uint8_t mac[6], bool *given)
{
	static const uint8_t zero[6];
	struct field field;
	const char *text;

	if (!field_child(object, key, &field))
		return 0;
	if (field_text(&field, &text) < 0)
		return -EINVAL;
	if (ip_mac_parse(text, mac) < 0)
		return field_refuse(
			&field, REFUSAL_BAD_ADDRESS, "\"%.40s\" is not a MAC address", text);
	if ((mac[0] & 1) != 0 || memcmp(mac, zero, 6) == 0)
		return field_refuse(&field, REFUSAL_BAD_ADDRESS,
			"%.40s is not the address of one station", text);
	*given = true;
	return 0;
}

static int check_unicast(const struct field *field, const struct ip_address *ip, const char *text)
{
	static const struct ip_address broadcast = {{255, 255, 255, 255}, IP_4};

	if (ip_is_multicast(ip) || ip_is_unspecified(ip) || ip_is_loopback(ip) ||
		ip_equal(ip, &broadcast))
		return field_refuse(field, REFUSAL_BAD_ADDRESS,
			"%.50s is not an address that a host can have here", text);
	return 0;
}

int field_address(const struct field *field, struct ip_address *ip)
{
	const char *text;

	if (field_text(field, &text) < 0)
		return -EINVAL;
	if (ip_parse(text, ip) < 0)
		return field_refuse(
			field, REFUSAL_BAD_ADDRESS, "\"%.50s\" is not an IP address", text);
	return check_unicast(field, ip, text);
}

/* IPv4 subnets of more than two addresses keep the first and the last (RFC 1122, RFC 3021); IPv6
 * keeps the first for the routers (RFC 4291 2.6.1), also except in /127 (RFC 6164). */
static bool is_subnets_own(const struct ip_prefix *prefix)
{
	unsigned host = ip_bits(prefix->ip.family) - prefix->length;

	if (host < 2)
		return false;
	if (!ip_prefix_has_host_bits(prefix))
		return true;
	return prefix->ip.family == IP_4 &&
	       (~ip_v4(&prefix->ip) & (UINT32_MAX >> prefix->length)) == 0;
}

int field_interface(const struct field *field, struct ip_prefix *prefix)
{
	const char *text;

	if (field_text(field, &text) < 0)
		return -EINVAL;
	if (ip_prefix_parse(text, prefix) < 0)
		return field_refuse(field, REFUSAL_BAD_ADDRESS,
			"\"%.50s\" is not an address with a length, as 192.0.2.1/30", text);
	if (prefix->length == 0 || is_subnets_own(prefix))
		return field_refuse(field, REFUSAL_BAD_ADDRESS,
			"%.50s is the subnet's own address, not a host's", text);
	return check_unicast(field, &prefix->ip, text);
}

int field_prefix(const struct field *field, struct ip_prefix *prefix)
{
	const char *text;
	char fixed[IP_TEXT_MAX];
	struct ip_prefix masked;

	if (field_text(field, &text) < 0)
		return -EINVAL;
	if (ip_prefix_parse(text, prefix) < 0)
		return field_refuse(field, REFUSAL_BAD_PREFIX,
			"\"%.50s\" is not a prefix, as 10.0.0.0/8 or 2001:db8::/32", text);
	if (!ip_prefix_has_host_bits(prefix))
		return 0;
	masked = (struct ip_prefix){ip_mask(&prefix->ip, prefix->length), prefix->length};
	return field_refuse(field, REFUSAL_HOST_BITS, "%.50s has host bits; did you mean %s?", text,
		ip_prefix_format(&masked, fixed, sizeof(fixed)));
}
