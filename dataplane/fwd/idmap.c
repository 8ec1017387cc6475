/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/fwd/idmap.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ID_BITS	  24
#define ID_MASK	  ((UINT64_C(1) << ID_BITS) - 1)
#define DEAD_WORD (~ID_MASK) /* no id, and a key that nobody asks for: deleted, but not empty */

static uint64_t load(const _Atomic uint64_t *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

static void store(_Atomic uint64_t *word, uint64_t value)
{
	/* Release: what the id names was published before. */
	atomic_store_explicit(word, value, memory_order_release);
}

struct idmap *idmap_create(uint32_t count)
{
	struct idmap *map = calloc(1, sizeof(*map));
	size_t lines = IDMAP_LINES;
	size_t bytes;

	if (map == NULL)
		return NULL;
	/* At most half full: nearly every key is found in its first line. */
	while (lines * IDMAP_LINE < (size_t)count * 2)
		lines *= 2;
	bytes = lines * IDMAP_LINE * sizeof(*map->word);
	map->word = aligned_alloc(CACHE_LINE, bytes);
	if (map->word == NULL) {
		free(map);
		return NULL;
	}
	memset((void *)(uintptr_t)map->word, 0, bytes);
	map->mask = (uint32_t)lines - 1;
	map->limit = count;
	return map;
}

void idmap_destroy(struct idmap *map)
{
	if (map == NULL)
		return;
	free((void *)(uintptr_t)map->word);
	free(map);
}

/* The word of a live key, or NULL; *room is the first word on its way where it could be put. */
static _Atomic uint64_t *find(const struct idmap *map, uint64_t key, _Atomic uint64_t **room)
{
	uint32_t hash = idmap_hash(key), line = hash & map->mask;

	*room = NULL;
	for (unsigned tried = 0; tried < IDMAP_LINES; tried++) {
		_Atomic uint64_t *word = &map->word[(size_t)line * IDMAP_LINE];
		bool full = true;

		for (unsigned i = 0; i < IDMAP_LINE; i++) {
			unsigned at = (idmap_first(hash) + i) % IDMAP_LINE;
			uint64_t w = load(&word[at]);

			if ((w & ID_MASK) == 0 && *room == NULL)
				*room = &word[at];
			else if (w >> ID_BITS == key && (w & ID_MASK) != 0)
				return &word[at];
			full &= w != 0;
		}
		if (!full)
			return NULL;
		line = (line + 1) & map->mask;
	}
	return NULL;
}

int idmap_put(struct idmap *map, uint64_t key, uint32_t id)
{
	_Atomic uint64_t *room;
	_Atomic uint64_t *word = find(map, key, &room);

	assert(key < UINT64_C(1) << 40 && id < ID_MASK);
	if (word == NULL) {
		if (room == NULL || map->used == map->limit)
			return -ENOSPC;
		word = room;
		map->used++;
	}
	store(word, key << ID_BITS | (id + 1));
	return 0;
}

static bool line_has_empty(const struct idmap *map, const _Atomic uint64_t *word)
{
	size_t first = (size_t)(word - map->word) / IDMAP_LINE * IDMAP_LINE;

	for (unsigned i = 0; i < IDMAP_LINE; i++) {
		if (load(&map->word[first + i]) == 0)
			return true;
	}
	return false;
}

int idmap_delete(struct idmap *map, uint64_t key)
{
	_Atomic uint64_t *room;
	_Atomic uint64_t *word = find(map, key, &room);

	if (word == NULL)
		return -ENOENT;
	/* Beside an empty word nothing ever went on to the next line, so this one may be empty too;
	 * else it must stay non-empty, for keys behind it. */
	store(word, line_has_empty(map, word) ? 0 : DEAD_WORD);
	map->used--;
	return 0;
}
