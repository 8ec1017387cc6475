/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/vias.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/siphash.h"

#define VIAS_LEAST 65536

static uint32_t limit_of(const struct model_limits *limits)
{
	uint64_t wanted =
		(uint64_t)limits->attachments * 4 + limits->next_hop_sets + limits->sites + 2;

	return wanted > VIAS_LEAST ? (uint32_t)wanted : VIAS_LEAST;
}

int vias_create(struct store_via_table *table, const struct model_limits *limits)
{
	table->limit = limit_of(limits);
	table->set_limit = limits->next_hop_sets;
	table->via = calloc((size_t)table->limit + 1, sizeof(table->via[0]));
	table->free = calloc(table->limit, sizeof(table->free[0]));
	table->by_content = keymap_create(table->limit);
	if (table->via == NULL || table->free == NULL || table->by_content == NULL)
		return -ENOMEM;
	for (uint32_t id = table->limit; id > 0; id--)
		table->free[table->free_count++] = id;
	return 0;
}

void vias_destroy(struct store_via_table *table)
{
	for (uint32_t id = 0; table->via != NULL && id <= table->limit; id++)
		free(table->via[id]);
	free(table->via);
	free(table->free);
	keymap_destroy(table->by_content);
}

static int compare_hops(const void *a, const void *b)
{
	const struct model_hop *x = a, *y = b;

	if (x->attachment != y->attachment)
		return x->attachment < y->attachment ? -1 : 1;
	return memcmp(&x->address, &y->address, sizeof(x->address));
}

static uint64_t content_key(const struct model *model, const struct model_via *via)
{
	uint8_t text[8 + MODEL_HOPS * 24];
	size_t length = 8;

	memset(text, 0, sizeof(text));
	text[0] = via->kind;
	text[1] = via->hop_count;
	memcpy(&text[4], &via->site, 4);
	for (unsigned i = 0; i < via->hop_count; i++, length += 24) {
		memcpy(&text[length], &via->hop[i].attachment, 4);
		memcpy(&text[length + 4], &via->hop[i].weight, 2);
		memcpy(&text[length + 6], &via->hop[i].address, sizeof(struct ip_address));
	}
	return siphash(model->secret, text, length);
}

static uint32_t add(struct model *model, const struct model_via *wanted, uint64_t key, int *error)
{
	struct store_via_table *table = &model->vias;
	size_t hops = wanted->hop_count * sizeof(wanted->hop[0]);
	struct model_via *via;

	*error = -ENOSPC;
	if (table->free_count == 0 || (wanted->hop_count > 1 && table->sets >= table->set_limit))
		return 0;
	*error = -ENOMEM;
	via = calloc(1, sizeof(*via) + hops);
	if (via == NULL)
		return 0;
	via->id = table->free[--table->free_count];
	via->holders = 1;
	via->kind = wanted->kind;
	via->site = wanted->site;
	via->hop_count = wanted->hop_count;
	memcpy(via->hop, wanted->hop, hops);
	table->via[via->id] = via;
	table->sets += via->hop_count > 1;
	keymap_put(table->by_content, key, via->id);
	return via->id;
}

uint32_t vias_intern(struct model *model, struct model_via *wanted, int *error)
{
	uint64_t key;
	uint32_t id;

	qsort(wanted->hop, wanted->hop_count, sizeof(wanted->hop[0]), compare_hops);
	key = content_key(model, wanted);
	id = keymap_get(model->vias.by_content, key);
	if (id == 0)
		return add(model, wanted, key, error);
	vias_hold(model, id);
	return id;
}

void vias_hold(struct model *model, uint32_t id)
{
	if (id != 0)
		model->vias.via[id]->holders++;
}

void vias_drop(struct model *model, uint32_t id)
{
	struct store_via_table *table = &model->vias;
	struct model_via *via = table->via[id];

	if (id == 0 || --via->holders > 0)
		return;
	keymap_delete(table->by_content, content_key(model, via));
	table->sets -= via->hop_count > 1;
	table->via[id] = NULL;
	table->free[table->free_count++] = id;
	free(via);
}

void vias_use(struct model *model, uint32_t connection, uint32_t id, int by)
{
	struct model_via *via = model->vias.via[id];
	struct store_slot *attachments = model->shelf[MODEL_ATTACHMENT].slot;

	via->routes += (uint32_t)by;
	if (via->kind == MODEL_VIA_SITE) {
		uint32_t endpoint = model_endpoint_find(model, connection, via->site);

		model->shelf[MODEL_ENDPOINT].slot[endpoint].users += (uint32_t)by;
	}
	for (unsigned i = 0; i < via->hop_count; i++)
		attachments[via->hop[i].attachment].users += (uint32_t)by;
	if (by > 0)
		vias_hold(model, id);
	else
		vias_drop(model, id);
}

uint64_t vias_bytes(const struct store_via_table *table)
{
	uint64_t used = table->limit - table->free_count;

	return keymap_bytes(table->by_content) + (uint64_t)table->limit * 12 +
	       used * (sizeof(struct model_via) + 2 * sizeof(struct model_hop));
}
