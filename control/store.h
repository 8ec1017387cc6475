/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The inside of the model, for the few files that read and change it (store, vias, model, document,
 * change). Everybody else uses control/model.h. Control thread only.
 */
#ifndef CONTROL_STORE_H
#define CONTROL_STORE_H

#include "control/keymap.h"
#include "control/model.h"
#include "control/routetree.h"

#define STORE_REQUESTS 1024 /* answers remembered for repeated request ids */

struct store_slot {
	const struct model_object *object;
	/* Who keeps the object from being removed: endpoints of a site; route entries of a
	 * connection, an endpoint, an attachment. */
	uint32_t users;
	uint32_t first;		     /* connection: its first attachment */
	uint32_t next, prev;	     /* attachment: in the list of its connection */
	uint32_t own_next, own_prev; /* in the list of its owner */
};

/* The objects of one kind that one owner holds, as a list of ids; 0: none. New ones go to its end.
 */
struct store_owned {
	uint32_t first, last;
};

/* Places and ids of one kind. */
struct store_shelf {
	uint32_t limit;
	uint32_t count;
	struct store_slot *slot; /* limit + 1; place 0 stays empty */
	uint32_t *free;		 /* stack of ids that are not in use */
	uint32_t free_count;
};

struct store_via_table {
	uint32_t limit;
	uint32_t sets, set_limit; /* vias with several next hops */
	struct model_via **via;	  /* limit + 1 */
	uint32_t *free;
	uint32_t free_count;
	struct keymap *by_content;
};

struct store_request {
	char id[MODEL_NAME_MAX + 1]; /* empty: unused */
	char owner[MODEL_NAME_MAX + 1];
	uint64_t generation;
	uint32_t added, changed, removed;
};

struct model {
	struct model_limits limits;
	struct model_port *ports;
	unsigned port_count;
	uint64_t generation;
	uint64_t secret[2]; /* keys the hashes of names */
	struct store_shelf shelf[MODEL_KINDS];
	struct keymap *keys; /* store_key_*() → id */
	uint32_t (*site_paths)[MODEL_SITE_PATHS];
	uint64_t *site_taken; /* indices in use, or waiting for change_free() */
	char owner[MODEL_OWNERS + 1][MODEL_NAME_MAX + 1]; /* from 1; never forgotten */
	unsigned owner_count;
	struct store_owned owned[MODEL_KINDS][MODEL_OWNERS + 1];
	struct store_via_table vias;
	struct routetree (*routes)[2]; /* by connection id; [0] IPv4, [1] IPv6 */
	/* By connection id: bit = owner modulo 64 that may have routes there; set with the first,
	 * cleared when somebody finds none. So a document of few looks at few tables. */
	uint64_t *route_owners;
	struct routetree_pool pool;
	uint64_t route_count;
	struct store_request *requests; /* a ring of STORE_REQUESTS */
	unsigned request_next;
};

/* Keys of model.keys: names, and what else must be unique over the whole model. */
uint64_t store_key_name(const struct model *model, enum model_kind kind, const char *name);
uint64_t store_key_endpoint(uint32_t connection, uint32_t site);
/* The keys of one object, in this order: its name (endpoint: connection and site); connection: VNI;
 * attachment: port and tags; endpoint: site and VNI. How many. */
unsigned store_keys(const struct model *model, const struct model_object *object, uint64_t key[2]);

/* An id that nobody uses, or 0 at the limit. */
uint32_t store_id_take(struct model *model, enum model_kind kind);
void store_id_give(struct model *model, enum model_kind kind, uint32_t id);

/* Number of this owner, a new one where the name is new; 0 at the limit. */
uint8_t store_owner(struct model *model, const char *name);

/* Bytes of an object of this kind; of a connection, with so many endpoints. */
size_t store_size(enum model_kind kind, size_t endpoints);

/* Fresh zeroed object of this kind (for a connection with room for so many endpoints) with one
 * holder; NULL on lack of memory. */
struct model_object *store_object(enum model_kind kind, size_t endpoints);
void store_hold(const struct model_object *object);
/* The last drop frees. NULL is allowed. */
void store_drop(const struct model_object *object);

/* The two halves of an object's change; neither can fail. Place puts after where before (NULL:
 * none) was, and holds it; retire takes away what only before had, and drops it. All objects of a
 * change are placed before its routes are set, and retired after: so a route can let go of what is
 * removed, and keys may move from one object to another. */
void store_place(
	struct model *model, const struct model_object *before, const struct model_object *after);
void store_retire(
	struct model *model, const struct model_object *before, const struct model_object *after);

/* The answer given to this request id of this owner, or NULL. */
const struct store_request *store_request_find(
	const struct model *model, const char *owner, const char *id);
void store_request_remember(struct model *model, const struct store_request *request);

/* Route trees. */
struct routetree *store_route_tree(const struct model *model, uint32_t connection, uint8_t family);
struct routetree_entry store_route_entry(const struct ip_prefix *prefix);
struct ip_prefix store_route_prefix(const struct routetree_entry *entry, uint8_t family);
/* Puts, replaces (via != 0) or deletes (via == 0) the route of one owner; the pool holds enough
 * nodes, entry->via is an interned via. */
void store_route_set(struct model *model, uint32_t connection, uint8_t family,
	const struct routetree_entry *entry);
/* The entries of one prefix: what owner has, and the winner of all others; via 0 where there is
 * none. False where nobody has any. */
bool store_route_scan(const struct model *model, uint32_t connection,
	const struct ip_prefix *prefix, uint8_t owner, struct routetree_entry *own,
	struct routetree_entry *other);
/* The winner among all owners; false where nobody has any. */
bool store_route_best(const struct model *model, uint32_t connection,
	const struct ip_prefix *prefix, struct routetree_entry *best);
/* True where a wins over b. */
bool store_route_wins(const struct model *model, const struct routetree_entry *a,
	const struct routetree_entry *b);

#endif
