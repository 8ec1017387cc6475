/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A small hash map from a 40-bit key to a 23-bit id: one writer changes it in place, readers look
 * up without locks, one cache line a look-up nearly always. An entry is one 64-bit word (key 40, id
 * + 1 in 24), so a reader sees an entry whole or not at all; the size is fixed, so nothing ever
 * moves.
 *
 * Used for (port, VLAN tags) → attachment and (site, VNI) → endpoint. The object an id names must
 * be in the published snapshot before the id is put here, and leave it a grace period after.
 */
#ifndef DATAPLANE_FWD_IDMAP_H
#define DATAPLANE_FWD_IDMAP_H

#include <stdint.h>

#include <rte_hash_crc.h>

#include "dataplane/base/macros.h"

#define IDMAP_NONE  UINT32_MAX
#define IDMAP_LINE  8  /* words in a cache line */
#define IDMAP_LINES 16 /* lines searched before giving up: the bound of a look-up */

struct idmap {
	uint32_t mask; /* lines - 1 */
	uint32_t used;
	uint32_t limit;
	_Atomic uint64_t *word; /* cache-line aligned; written by control, read by workers */
};

/* Room for count entries. NULL on lack of memory. */
struct idmap *idmap_create(uint32_t count);
void idmap_destroy(struct idmap *map);

/* Control thread. 0, or -ENOSPC. A key that exists gets the new id in one store. */
int idmap_put(struct idmap *map, uint64_t key, uint32_t id);
/* 0, or -ENOENT. */
int idmap_delete(struct idmap *map, uint64_t key);

/* Key of an attachment; tags as ethernet_tags() gives them. */
static inline uint64_t idmap_tags_key(uint16_t port, uint32_t tags)
{
	return (uint64_t)(port & 0xff) << 32 | tags;
}

static inline uint64_t idmap_vni_key(uint16_t site, uint32_t vni)
{
	return (uint64_t)site << 24 | (vni & 0xffffff);
}

static inline uint32_t idmap_hash(uint64_t key)
{
	return rte_hash_crc_8byte(key, 0x7f4a7c15);
}

/* Brings the key's line closer; a hint. */
static inline void idmap_prefetch(const struct idmap *map, uint64_t key)
{
	__builtin_prefetch(
		(const void *)(uintptr_t)&map->word[(idmap_hash(key) & map->mask) * IDMAP_LINE]);
}

/* Where in its line a key's search begins: most keys are the first word looked at. */
static inline unsigned idmap_first(uint32_t hash)
{
	return hash >> 29;
}

/* Any thread. The id, or IDMAP_NONE. */
static inline uint32_t idmap_get(const struct idmap *map, uint64_t key)
{
	uint32_t hash = idmap_hash(key), line = hash & map->mask;

	for (unsigned tried = 0; tried < IDMAP_LINES; tried++) {
		const _Atomic uint64_t *word = &map->word[(size_t)line * IDMAP_LINE];
		bool full = true;

		for (unsigned i = 0; i < IDMAP_LINE; i++) {
			/* Acquire: the object the id names was published before this word. */
			uint64_t w = atomic_load_explicit(
				&word[(idmap_first(hash) + i) % IDMAP_LINE], memory_order_acquire);
			uint64_t id = w ^ key << 24;

			/* Only the id is left where the key is the same, and 0 is none. */
			if (likely_(id - 1 < 0xffffff))
				return (uint32_t)id - 1;
			/* A word of a line that was ever full is never made empty again (deletion
			 * leaves a word without an id), so an empty word ends the search. */
			full &= w != 0;
		}
		if (!full)
			return IDMAP_NONE;
		line = (line + 1) & map->mask;
	}
	return IDMAP_NONE;
}

#endif
