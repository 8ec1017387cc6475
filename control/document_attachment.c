/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "control/document_part.h"

static const char *const source_checks[] = {"feasible", "strict", "loose", "off", NULL};
static const char *const admins[] = {"down", "up", NULL};

static int read_tag(const struct field *object, unsigned at, unsigned count, struct model_tag *tag)
{
	static const char *const names[] = {"type", "vlan", NULL};
	static const char *const types[] = {"0x8100", "0x88a8", NULL};
	struct field vlan_field, type_field;
	uint64_t vlan = 0;
	uint8_t type = 0;

	if (field_object(object, names) < 0 || field_choice(object, "type", types, &type) < 0 ||
		field_need(object, "vlan", &vlan_field) < 0 ||
		field_number(object, "vlan", 1, 4094, &vlan) < 0)
		return -EINVAL;
	field_child(object, "type", &type_field);
	if (type == 1 && (at != 0 || count != 2))
		return field_refuse(
			&type_field, REFUSAL_BAD_VALUE, "0x88a8 is for the outer of two tags");
	tag->type = type == 1 ? 0x88a8 : 0x8100;
	tag->vlan = (uint16_t)vlan;
	return 0;
}

static int read_tags(
	const struct draft *draft, const struct field *object, struct model_attachment *attachment)
{
	struct field list, outer, type;
	long count;

	if (!field_child(object, "tags", &list))
		return 0;
	count = field_array(&list, 0, 2);
	if (count < 0)
		return -EINVAL;
	for (unsigned i = 0; i < (unsigned)count; i++) {
		struct field item = field_item(&list, i);

		if (read_tag(&item, i, (unsigned)count, &attachment->tag[i]) < 0)
			return -EINVAL;
	}
	attachment->tag_count = (uint8_t)count;
	if (count == 0 || attachment->tag[0].type != 0x88a8 ||
		model_port(draft->model, attachment->port)->tells_tags)
		return 0;
	outer = field_item(&list, 0);
	field_child(&outer, "type", &type);
	return field_refuse(&type, REFUSAL_TAGS_NOT_TOLD_APART,
		"the device of port \"%s\" does not tell 0x88a8 from 0x8100",
		model_port(draft->model, attachment->port)->name);
}

static int read_options(
	const struct draft *draft, const struct field *object, struct model_attachment *attachment)
{
	const struct model_port *port = model_port(draft->model, attachment->port);
	uint64_t mtu = port->mtu, least = 68;
	uint8_t up = 1;

	if (document_named_addresses(object, attachment->address, &attachment->address_count) < 0)
		return -EINVAL;
	for (unsigned i = 0; i < attachment->address_count; i++)
		if (attachment->address[i].ip.family == IP_6)
			least = 1280;
	if (field_number(object, "mtu", least, port->mtu < 9216 ? port->mtu : 9216, &mtu) < 0 ||
		field_choice(object, "source_check", source_checks, &attachment->source_check) <
			0 ||
		field_choice(object, "admin", admins, &up) < 0)
		return -EINVAL;
	attachment->mtu = (uint16_t)mtu;
	attachment->up = up != 0;
	return 0;
}

static int read(
	struct draft *draft, const struct field *object, struct model_attachment *attachment)
{
	int port;

	attachment->connection = document_named(draft, object, MODEL_CONNECTION);
	if (attachment->connection == 0)
		return -EINVAL;
	port = document_named_port(draft, object);
	if (port < 0)
		return -EINVAL;
	attachment->port = (uint16_t)port;
	if (read_tags(draft, object, attachment) < 0)
		return -EINVAL;
	return read_options(draft, object, attachment);
}

/* An attachment keeps its connection for life: a packet in flight must not change hands. */
static int check_moves(const struct field *object, const struct model_attachment *before,
	const struct model_attachment *after)
{
	struct field connection;

	if (before == NULL || before->connection == after->connection)
		return 0;
	field_child(object, "connection", &connection);
	return field_refuse(&connection, REFUSAL_IMMUTABLE,
		"an attachment cannot move to another connection: remove it, and put it anew");
}

int document_attachment_put(struct draft *draft, const struct field *object, uint32_t place)
{
	static const char *const names[] = {"name", "connection", "port", "tags", "addresses",
		"mtu", "source_check", "admin", NULL};
	const struct model_attachment *before;
	struct model_attachment *attachment;
	struct field name;
	uint32_t item;

	if (field_object(object, names) < 0 || field_need(object, "name", &name) < 0)
		return -EINVAL;
	attachment = (struct model_attachment *)store_object(MODEL_ATTACHMENT, 0);
	if (attachment == NULL)
		return draft_no_memory(draft);
	if (field_name(&name, attachment->object.name) < 0 || read(draft, object, attachment) < 0)
		goto refused;
	before = model_attachment(
		draft->model, model_find(draft->model, MODEL_ATTACHMENT, attachment->object.name));
	if (check_moves(object, before, attachment) < 0)
		goto refused;
	item = draft_put(
		draft, &attachment->object, before != NULL ? &before->object : NULL, &name);
	if (item == 0)
		return -EINVAL;
	draft->item[item - 1].place = place;
	draft_settle(draft, item);
	return 0;

refused:
	store_drop(&attachment->object);
	return -EINVAL;
}
