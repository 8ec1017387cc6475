/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/change.h"

#include <stdlib.h>

#include "control/store.h"
#include "control/vias.h"

static void object_release(struct model *model, const struct change_object *touched)
{
	if (touched->after == NULL && touched->kind == MODEL_PATH) {
		const struct model_path *path = (const void *)touched->before;

		model->site_taken[path->site] &= ~(UINT64_C(1) << path->index);
	}
	if (touched->after == NULL)
		store_id_give(model, touched->kind, touched->id);
	store_drop(touched->before);
	store_drop(touched->after);
}

void change_free(struct change *change)
{
	if (change == NULL)
		return;
	for (size_t i = 0; i < change->object_count; i++)
		object_release(change->model, &change->object[i]);
	for (size_t i = 0; i < change->route_count; i++) {
		vias_drop(change->model, change->route[i].before);
		vias_drop(change->model, change->route[i].after);
	}
	free(change->object);
	free(change->route);
	free(change);
}
