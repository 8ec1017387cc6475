/* SPDX-License-Identifier: BSD-3-Clause */
/* What an owner holds and its new document no longer names. */
#include <errno.h>

#include "control/document_state.h"

static const char *const bases[] = {
	[MODEL_SITE] = "/document/sites",
	[MODEL_PATH] = "/document/paths",
	[MODEL_CONNECTION] = "/document/connections",
	[MODEL_ATTACHMENT] = "/document/attachments",
};

static uint32_t next_owned(const struct document *document, unsigned kind, uint32_t after)
{
	const struct model *model = document->model;

	return after != 0 ? model->shelf[kind].slot[after].own_next
			  : model->owned[kind][document->draft.owner].first;
}

/* at_section: kind; at_item: the last id looked at. */
int document_sweep_objects(struct document *document)
{
	struct draft *draft = &document->draft;
	unsigned kind = document->at_section;

	if (document->mode != DOCUMENT_APPLY || kind == MODEL_KINDS)
		return 0;
	for (unsigned i = 0; i < DOCUMENT_CHUNK && kind != MODEL_ENDPOINT; i++) {
		uint32_t id = next_owned(document, kind, (uint32_t)document->at_item);

		document->at_item = id;
		if (id == 0)
			break;
		if (draft_item(draft, kind, id) != NULL)
			continue;
		draft->section[kind] = bases[kind];
		if (draft_remove(draft, kind, id, DRAFT_NOWHERE) < 0)
			return -EINVAL;
	}
	if (kind == MODEL_ENDPOINT || document->at_item == 0) {
		document->at_section++;
		document->at_item = 0;
	}
	return 1;
}

static int sweep_route(struct document *document, uint32_t connection, uint8_t family,
	const struct routetree_entry *entry)
{
	struct ip_prefix prefix;

	document->owners |= UINT64_C(1) << entry->owner % 64;
	if (entry->owner != document->draft.owner)
		return 0;
	prefix = store_route_prefix(entry, family);
	if (draft_route_names(&document->draft, connection, &prefix))
		return 0;
	return draft_route(&document->draft, connection, &prefix, 0, 0);
}

/* The next connection in whose table the owner may have routes; 0: none. */
static uint32_t next_table(struct document *document, uint32_t after)
{
	const struct model *model = document->model;
	uint64_t bit = UINT64_C(1) << document->draft.owner % 64;
	uint32_t id = after;

	document->owners = 0;
	do
		id = model_next(model, MODEL_CONNECTION, id);
	while (id != 0 && (model->route_owners[id] & bit) == 0);
	return id;
}

/* at_section: the connection; at_item: 0 IPv4, 1 IPv6. */
static int next_tree(struct document *document)
{
	document->past_route = false;
	document->at_route = (struct routetree_entry){0};
	if (document->at_item++ == 0)
		return 1;
	document->at_item = 0;
	document->model->route_owners[document->at_section] = document->owners;
	document->at_section = next_table(document, document->at_section);
	return document->at_section != 0;
}

int document_sweep_routes(struct document *document)
{
	struct routetree_entry entry[DOCUMENT_CHUNK];
	uint8_t family = document->at_item == 0 ? IP_4 : IP_6;
	size_t count;

	if (document->mode != DOCUMENT_APPLY)
		return 0;
	if (document->at_section == 0) {
		document->at_section = next_table(document, 0);
		return document->at_section != 0;
	}
	count = routetree_list(store_route_tree(document->model, document->at_section, family),
		&document->at_route, document->past_route, entry, DOCUMENT_CHUNK);
	for (size_t i = 0; i < count; i++)
		if (sweep_route(document, document->at_section, family, &entry[i]) < 0)
			return -EINVAL;
	if (count < DOCUMENT_CHUNK)
		return next_tree(document);
	document->at_route = entry[count - 1];
	document->past_route = true;
	return 1;
}
