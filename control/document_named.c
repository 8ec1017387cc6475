/* SPDX-License-Identifier: BSD-3-Clause */
/* Members that several kinds of objects have in common. */
#include <errno.h>

#include "control/document_part.h"

uint32_t document_named(const struct draft *draft, const struct field *object, enum model_kind kind)
{
	static const char *const key[MODEL_KINDS] = {
		"site", "path", "connection", "endpoint", "attachment"};
	char name[MODEL_NAME_MAX + 1];
	struct field field;
	uint32_t id;

	if (field_need(object, key[kind], &field) < 0 || field_name(&field, name) < 0)
		return 0;
	id = draft_find(draft, kind, name);
	if (id == 0)
		field_refuse(&field, REFUSAL_UNKNOWN_REFERENCE, "there is no %s \"%s\"", key[kind],
			name);
	return id;
}

int document_named_port(const struct draft *draft, const struct field *object)
{
	char name[MODEL_NAME_MAX + 1];
	struct field field;
	int port;

	if (field_need(object, "port", &field) < 0 || field_name(&field, name) < 0)
		return -EINVAL;
	port = model_port_find(draft->model, name);
	if (port < 0)
		return field_refuse(&field, REFUSAL_UNKNOWN_REFERENCE,
			"there is no port \"%s\" in the boot file", name);
	return port;
}

int document_named_addresses(const struct field *object, struct ip_prefix *address, uint8_t *count)
{
	struct field list;
	long given;

	if (!field_child(object, "addresses", &list))
		return 0;
	given = field_array(&list, 0, MODEL_ADDRESSES);
	if (given < 0)
		return -EINVAL;
	for (uint8_t i = 0; i < given; i++) {
		struct field item = field_item(&list, i);

		if (field_interface(&item, &address[i]) < 0)
			return -EINVAL;
		for (uint8_t k = 0; k < i; k++)
			if (ip_equal(&address[k].ip, &address[i].ip))
				return field_refuse(&item, REFUSAL_ADDRESS_OVERLAP,
					"this address stands here twice");
	}
	*count = (uint8_t)given;
	return 0;
}
