/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/nexthops.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/compile.h"
#include "control/neighbours.h"
#include "dataplane/fwd/idmap.h"
#include "dataplane/fwd/value.h"

/* By via id. Only vias with next hops are ever realised; routes are counted for all. */
struct record {
	uint32_t routes;   /* published */
	uint32_t set;	   /* 0: one hop, or not realised */
	uint32_t pins;	   /* reservations that may come to use it */
	uint32_t mark;	   /* last walk that came by */
	uint32_t next;	   /* in the list of unused vias, while queued */
	uint8_t hop_count; /* 0: not realised */
	bool queued;	   /* in the list of unused vias */
	bool leaving;	   /* its set is out of the next snapshot */
	uint32_t neighbour[FWD_SET_HOPS];
};

/* Records lie in chunks, so that making room never moves one. */
#define CHUNK 256

struct nexthops {
	struct neighbours *neighbours;
	struct record **chunk;
	uint32_t chunks;
	uint32_t mark;
	uint32_t unused;	/* first via of the list, 0: none */
	struct idmap *endpoint; /* (site, connection) → endpoint */
	uint32_t *free_set;	/* stack of set ids */
	uint32_t free_sets;
	uint32_t reserved_sets;
};

struct nexthops *nexthops_create(
	struct neighbours *neighbours, const struct snapshot_limits *limits)
{
	struct nexthops *n = calloc(1, sizeof(*n));

	if (n == NULL)
		return NULL;
	n->neighbours = neighbours;
	/* Twice: an endpoint may be replaced by another before it leaves. */
	n->endpoint = idmap_create(limits->endpoints * 2 + 1);
	n->free_set = calloc(limits->sets + 1, sizeof(*n->free_set));
	if (n->endpoint == NULL || n->free_set == NULL) {
		nexthops_destroy(n);
		return NULL;
	}
	for (uint32_t id = limits->sets; id > 0; id--)
		n->free_set[n->free_sets++] = id;
	return n;
}

void nexthops_destroy(struct nexthops *n)
{
	if (n == NULL)
		return;
	for (uint32_t i = 0; i < n->chunks; i++)
		free(n->chunk[i]);
	free(n->chunk);
	idmap_destroy(n->endpoint);
	free(n->free_set);
	free(n);
}

static struct record *record_of(const struct nexthops *n, uint32_t via)
{
	return &n->chunk[via / CHUNK][via % CHUNK];
}

static int make_room(struct nexthops *n, uint32_t via)
{
	uint32_t wanted = via / CHUNK + 1;
	struct record **chunk;

	if (wanted <= n->chunks)
		return 0;
	chunk = realloc(n->chunk, wanted * sizeof(struct record *));
	if (chunk == NULL)
		return -ENOMEM;
	n->chunk = chunk;
	while (n->chunks < wanted) {
		chunk[n->chunks] = calloc(CHUNK, sizeof(struct record));
		if (chunk[n->chunks] == NULL)
			return -ENOMEM;
		n->chunks++;
	}
	return 0;
}

static int list_via(struct nexthops_need *need, uint32_t id)
{
	if (need->vias == need->room) {
		uint32_t room = need->room > 0 ? need->room * 2 : 16;
		uint32_t *via = realloc(need->via, room * sizeof(*via));

		if (via == NULL)
			return -ENOMEM;
		need->via = via;
		need->room = room;
	}
	need->via[need->vias++] = id;
	return 0;
}

/* Each via of the change's routes once. */
static int list_vias(struct nexthops *n, const struct change *change, struct nexthops_need *need)
{
	uint32_t last = 0;

	n->mark++;
	for (size_t i = 0; i < change->route_count; i++) {
		uint32_t via = change->route[i].after;

		if (via == last || via == 0)
			continue;
		last = via;
		if (make_room(n, via) != 0)
			return -ENOMEM;
		if (record_of(n, via)->mark == n->mark)
			continue;
		record_of(n, via)->mark = n->mark;
		if (list_via(need, via) != 0)
			return -ENOMEM;
	}
	return 0;
}

static void count_via(
	struct nexthops *n, const struct model *model, struct nexthops_need *need, uint32_t id)
{
	const struct model_via *via = model_via(model, id);

	if (via == NULL || via->kind != MODEL_VIA_HOPS)
		return;
	if (record_of(n, id)->hop_count != 0 && !record_of(n, id)->leaving)
		return;
	need->neighbours += via->hop_count;
	need->sets += via->hop_count > 1;
}

static void queue_if_unused(struct nexthops *n, uint32_t id)
{
	struct record *record = record_of(n, id);

	if (record->routes + record->pins != 0 || record->hop_count == 0 || record->queued)
		return;
	record->queued = true;
	record->next = n->unused;
	n->unused = id;
}

static int make_room_before(struct nexthops *n, const struct change *change)
{
	for (size_t i = 0; i < change->route_count; i++) {
		if (make_room(n, change->route[i].before) != 0)
			return -ENOMEM;
	}
	return 0;
}

void nexthops_forget(struct nexthops_need *need)
{
	free(need->via);
	*need = (struct nexthops_need){0};
}

/* A pinned via keeps what it has until the change has been carried out. */
int nexthops_reserve(struct nexthops *n, const struct change *change, struct nexthops_need *need)
{
	int error = make_room_before(n, change);

	*need = (struct nexthops_need){0};
	if (error == 0)
		error = list_vias(n, change, need);
	for (uint32_t i = 0; i < need->vias && error == 0; i++)
		count_via(n, change->model, need, need->via[i]);
	if (error == 0 && need->sets > n->free_sets - n->reserved_sets)
		error = -ENOSPC;
	if (error != 0) {
		nexthops_forget(need);
		return error;
	}
	for (uint32_t i = 0; i < need->vias; i++)
		record_of(n, need->via[i])->pins++;
	n->reserved_sets += need->sets;
	return 0;
}

void nexthops_unreserve(struct nexthops *n, struct nexthops_need *need)
{
	for (uint32_t i = 0; i < need->vias; i++) {
		record_of(n, need->via[i])->pins--;
		queue_if_unused(n, need->via[i]);
	}
	n->reserved_sets -= need->sets;
	nexthops_forget(need);
}

static void release_hops(struct nexthops *n, struct record *record)
{
	for (unsigned i = 0; i < record->hop_count; i++)
		neighbours_release(n->neighbours, record->neighbour[i]);
	if (record->set != 0)
		n->free_set[n->free_sets++] = record->set;
	record->set = 0;
	record->hop_count = 0;
	record->leaving = false;
}

int nexthops_realise(struct nexthops *n, struct snapshot_edit *edit, const struct model_via *via)
{
	struct record *record = record_of(n, via->id);

	if (via->kind != MODEL_VIA_HOPS || record->hop_count != 0)
		return 0;
	if (via->hop_count > 1) {
		if (n->free_sets == 0)
			return -ENOMEM;
		/* The block is copied first: nothing after it fails. */
		if (snapshot_edit_set(edit, n->free_set[n->free_sets - 1]) == NULL)
			return -ENOMEM;
		record->set = n->free_set[--n->free_sets];
	}
	for (unsigned i = 0; i < via->hop_count; i++) {
		uint32_t link = value_make(LINK_ATTACHMENT, via->hop[i].attachment);

		record->neighbour[i] = neighbours_hold(n->neighbours, link, &via->hop[i].address);
	}
	record->hop_count = via->hop_count;
	if (record->set != 0)
		return compile_set(edit, record->set, via, record->neighbour);
	return 0;
}

static uint64_t endpoint_key(uint32_t connection, uint32_t site)
{
	return idmap_vni_key((uint16_t)site, connection);
}

void nexthops_set_endpoint(
	struct nexthops *n, uint32_t connection, uint32_t site, uint32_t endpoint)
{
	idmap_put(n->endpoint, endpoint_key(connection, site), endpoint);
}

void nexthops_drop_endpoint(
	struct nexthops *n, uint32_t connection, uint32_t site, uint32_t endpoint)
{
	uint64_t key = endpoint_key(connection, site);

	if (idmap_get(n->endpoint, key) == endpoint)
		idmap_delete(n->endpoint, key);
}

static uint32_t hops_value(const struct record *record)
{
	if (record->hop_count == 0)
		return 0;
	if (record->set != 0)
		return value_make(VALUE_SET, record->set);
	return record->neighbour[0] == 0 ? 0 : value_make(VALUE_NEIGHBOUR, record->neighbour[0]);
}

uint32_t nexthops_value(const struct nexthops *n, uint32_t connection, const struct model_via *via)
{
	uint32_t endpoint;

	if (via == NULL)
		return 0;
	switch (via->kind) {
	case MODEL_VIA_BLACKHOLE:
		return value_make(VALUE_BLACKHOLE, 0);
	case MODEL_VIA_LOCAL:
		return value_make(VALUE_LOCAL, 0);
	case MODEL_VIA_SITE:
		endpoint = idmap_get(n->endpoint, endpoint_key(connection, via->site));
		return endpoint == IDMAP_NONE ? 0 : value_make(VALUE_ENDPOINT, endpoint);
	case MODEL_VIA_HOPS:
		return hops_value(record_of(n, via->id));
	default:
		return 0;
	}
}

void nexthops_count(struct nexthops *n, uint32_t before, uint32_t after)
{
	if (after != 0)
		record_of(n, after)->routes++;
	if (before != 0) {
		record_of(n, before)->routes--;
		queue_if_unused(n, before);
	}
}

bool nexthops_unused(const struct nexthops *n)
{
	return n->unused != 0;
}

int nexthops_clear(struct nexthops *n, struct snapshot_edit *edit)
{
	for (uint32_t via = n->unused; via != 0; via = record_of(n, via)->next) {
		struct record *record = record_of(n, via);

		if (record->routes + record->pins != 0)
			continue;
		if (record->set != 0 && compile_clear_set(edit, record->set) != 0)
			return -ENOMEM;
		record->leaving = true;
	}
	return 0;
}

void nexthops_retire(struct nexthops *n)
{
	while (n->unused != 0) {
		struct record *record = record_of(n, n->unused);

		n->unused = record->next;
		record->queued = false;
		if (record->leaving)
			release_hops(n, record);
	}
}
