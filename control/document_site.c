/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "control/document_part.h"

int document_site_put(struct draft *draft, const struct field *site, uint32_t place)
{
	static const char *const names[] = {"name", NULL};
	struct model_object *after;
	struct field name;
	uint32_t item;

	if (field_object(site, names) < 0 || field_need(site, "name", &name) < 0)
		return -EINVAL;
	after = store_object(MODEL_SITE, 0);
	if (after == NULL)
		return draft_no_memory(draft);
	if (field_name(&name, after->name) < 0) {
		store_drop(after);
		return -EINVAL;
	}
	item = draft_put(draft, after,
		model_object(draft->model, MODEL_SITE,
			model_find(draft->model, MODEL_SITE, after->name)),
		&name);
	if (item == 0)
		return -EINVAL;
	draft->item[item - 1].place = place;
	draft_settle(draft, item);
	return 0;
}
