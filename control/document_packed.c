/* SPDX-License-Identifier: BSD-3-Clause */
/* The routes of a record whose prefixes are packed: groups in its JSON, prefixes behind it. */
#include <errno.h>
#include <stdlib.h>

#include "control/document_state.h"

static struct field field_of(
	const struct document *document, const struct document_section *section)
{
	return field_root(section->json, section->base, document->refusal);
}

int document_packed_open(struct document *document, const struct document_section *section)
{
	struct field list = field_of(document, section);

	if (document->group == NULL) {
		document->group = calloc(section->count, sizeof(document->group[0]));
		if (document->group == NULL)
			return draft_no_memory(&document->draft);
	}
	for (unsigned i = 0; i < DOCUMENT_CHUNK; i++) {
		struct field item;

		if (document->groups == section->count)
			return 0;
		item = field_item(&list, document->groups);
		if (document_route_open(&document->draft, &item, section->removal, true,
			    &document->group[document->groups]) < 0)
			return -EINVAL;
		document->groups++;
	}
	return 1;
}

int document_packed_next(struct document *document, const struct document_section *section,
	const struct document_routes **group, struct ip_prefix *prefix)
{
	struct field list = field_of(document, section);
	int result = packed_next(&document->packed, prefix);

	if (result == 0)
		return 0;
	if (result < 0 || document->packed.group >= document->groups)
		return field_refuse(&list, REFUSAL_BAD_PREFIX, "the packed prefixes are malformed");
	*group = &document->group[document->packed.group];
	return 1;
}

/* The groups first, then the prefixes, then past the section. */
int document_packed_stage(struct document *document, const struct document_section *section)
{
	struct field list = field_of(document, section), where;
	int result = document_packed_open(document, section);

	for (unsigned i = 0; i < DOCUMENT_CHUNK && result == 0; i++) {
		const struct document_routes *group;
		struct ip_prefix prefix;
		int next = document_packed_next(document, section, &group, &prefix);

		if (next <= 0) {
			document_packed_close(document);
			document->at_item = section->count;
			return next < 0 ? next : 1;
		}
		where = field_item(&list, document->packed.group);
		result = document_route_stage_one(
			&document->draft, &where, section->removal, group, &prefix);
	}
	return result < 0 ? result : 1;
}

void document_packed_close(struct document *document)
{
	while (document->groups > 0)
		vias_drop(document->model, document->group[--document->groups].via);
	free(document->group);
	document->group = NULL;
}
