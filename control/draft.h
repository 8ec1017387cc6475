/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A change in the making: what a request puts and removes, laid over the model, which stays as it
 * is. The checks read the state after the change through here. Control thread only; one draft at a
 * time.
 */
#ifndef CONTROL_DRAFT_H
#define CONTROL_DRAFT_H

#include "control/field.h"
#include "control/refusal.h"
#include "control/store.h"

#define DRAFT_NOWHERE UINT32_MAX

/* One object that the request names or sweeps away; unchanged ones stand here too. */
struct draft_item {
	enum model_kind kind;
	uint32_t id;
	const struct model_object *before, *after; /* each held */
	bool changed;
	uint32_t place;	  /* index in its section; DRAFT_NOWHERE for what is swept away */
	uint32_t inner;	  /* endpoint: index in the connection's list */
	uint32_t sibling; /* attachment: the next item of the same connection, + 1 */
};

/* One route entry of the owner that changes. */
struct draft_route {
	struct routetree_entry entry; /* via 0: removal */
	uint32_t connection;
	uint32_t own_before;		  /* via of the owner's entry so far */
	uint32_t best_before, best_after; /* winners among all owners */
	uint8_t family;
};

struct draft {
	struct model *model;
	struct refusal *refusal;
	uint8_t owner;
	struct draft_item *item;
	uint32_t item_count, item_room;
	uint32_t *item_of[MODEL_KINDS];	   /* by id: place in item + 1 */
	uint32_t *siblings;		   /* by connection id: first attachment item + 1 */
	struct keymap *keys;		   /* store_keys() of everything that is put → id */
	int32_t *user_change[MODEL_KINDS]; /* what the change adds to store_slot.users */
	int32_t *via_change;		   /* by via id: what it adds to model_via.routes */
	struct draft_route *route;
	uint32_t route_count, route_room;
	struct keymap *prefixes; /* hash of (connection, prefix) → 1: named by the request */
	int64_t route_change;	 /* what the change adds to the number of routes */
	uint32_t added, changed,
		removed; /* objects and routes; endpoints are part of connections */
	const char *section[MODEL_KINDS]; /* JSON pointer of what held the items of a kind */
	bool single[MODEL_KINDS];	  /* the section is one object, not an array */
	bool moved_subnets; /* an attachment lost an address: next hops are checked again */
};

/* Room for so many items and named prefixes; -ENOMEM leaves it to be cleared. */
int draft_begin(struct draft *draft, struct model *model, struct refusal *refusal, size_t items,
	size_t prefixes);
/* Drops everything; ids that were taken go back unless kept (the change has them then). Works on at
 * most so many routes a call; true: call again. */
bool draft_clear(struct draft *draft, bool kept, uint32_t routes);

/* The state after the change. */
const struct model_object *draft_object(
	const struct draft *draft, enum model_kind kind, uint32_t id);
/* Id by name, staged or in the model, removed or not; 0 where there is none. */
uint32_t draft_find(const struct draft *draft, enum model_kind kind, const char *name);
uint32_t draft_endpoint(const struct draft *draft, uint32_t connection, uint32_t site);
/* Another object than id of this kind that holds the key after the change, or 0. */
uint32_t draft_key_taken(
	const struct draft *draft, enum model_kind kind, uint64_t key, uint32_t id);
int64_t draft_users(const struct draft *draft, enum model_kind kind, uint32_t id);
/* Walks the attachments of a connection after the change. *at starts at 0. NULL at the end. */
const struct model_attachment *draft_attachment(
	const struct draft *draft, uint32_t connection, uint64_t *at);
/* As model_next, over the state after the change. */
const struct model_object *draft_next(
	const struct draft *draft, enum model_kind kind, uint32_t *id);
struct draft_item *draft_item(const struct draft *draft, enum model_kind kind, uint32_t id);

/* Takes over after (owner and id are set here) as what the object is to become, under the id of
 * before or a new one. Refuses a second item for one object, and objects of other owners. where is
 * the field to blame. The place of the item, + 1, or 0 on refusal; after is then dropped. */
uint32_t draft_put(struct draft *draft, struct model_object *after,
	const struct model_object *before, const struct field *where);
/* To be called when after is complete: finds out whether anything changed. */
void draft_settle(struct draft *draft, uint32_t item);
/* Bit of a site's paths that is free, marked as taken; -ENOSPC. */
int draft_path_index(struct draft *draft, uint32_t site);
/* place: of the culprit in the request. 0 or -ENOMEM. */
int draft_remove(struct draft *draft, enum model_kind kind, uint32_t id, uint32_t place);

/* 0, or -ENOMEM with the refusal set. via 0 removes. family of prefix. */
int draft_route(struct draft *draft, uint32_t connection, const struct ip_prefix *prefix,
	uint16_t preference, uint32_t via);
/* True the first time, false where the request has named this prefix before. */
bool draft_route_name(struct draft *draft, uint32_t connection, const struct ip_prefix *prefix);
bool draft_route_names(
	const struct draft *draft, uint32_t connection, const struct ip_prefix *prefix);

/* Refuses with the place of an item and what follows it ("/site"). Returns -EINVAL. */
__attribute__((format(printf, 5, 6))) int draft_refuse(const struct draft *draft,
	const struct draft_item *item, const char *suffix, int code, const char *format, ...);
int draft_no_memory(const struct draft *draft);

#endif
