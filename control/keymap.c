/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/keymap.h"

#include <stdlib.h>

struct slot {
	uint32_t key_high, key_low; /* split, so that a slot is 12 bytes */
	uint32_t number;	    /* 0: empty */
};

struct keymap {
	size_t mask;
	struct slot slot[];
};

struct keymap *keymap_create(size_t count)
{
	size_t size = 8;
	struct keymap *map;

	while (size < count + count / 2)
		size *= 2;
	map = calloc(1, sizeof(*map) + size * sizeof(map->slot[0]));
	if (map != NULL)
		map->mask = size - 1;
	return map;
}

void keymap_destroy(struct keymap *map)
{
	free(map);
}

static uint64_t key_of(const struct slot *slot)
{
	return (uint64_t)slot->key_high << 32 | slot->key_low;
}

static size_t home(const struct keymap *map, uint64_t key)
{
	/* Multiplicative hashing; the upper half of the product is the well mixed one. */
	return (size_t)((key ^ key >> 32) * 0x9e3779b97f4a7c15 >> 32) & map->mask;
}

static size_t find(const struct keymap *map, uint64_t key)
{
	size_t at = home(map, key);

	while (map->slot[at].number != 0 && key_of(&map->slot[at]) != key)
		at = (at + 1) & map->mask;
	return at;
}

uint32_t keymap_get(const struct keymap *map, uint64_t key)
{
	return map->slot[find(map, key)].number;
}

void keymap_put(struct keymap *map, uint64_t key, uint32_t number)
{
	struct slot *slot = &map->slot[find(map, key)];

	slot->key_high = (uint32_t)(key >> 32);
	slot->key_low = (uint32_t)key;
	slot->number = number;
}

void keymap_delete(struct keymap *map, uint64_t key)
{
	size_t hole = find(map, key);

	if (map->slot[hole].number == 0)
		return;
	/* Later members of the run move up, unless that would put them before their home. */
	for (size_t at = (hole + 1) & map->mask; map->slot[at].number != 0;
		at = (at + 1) & map->mask) {
		size_t from_home = (at - home(map, key_of(&map->slot[at]))) & map->mask;

		if (from_home >= ((at - hole) & map->mask)) {
			map->slot[hole] = map->slot[at];
			hole = at;
		}
	}
	map->slot[hole].number = 0;
}

size_t keymap_bytes(const struct keymap *map)
{
	return sizeof(*map) + (map->mask + 1) * sizeof(map->slot[0]);
}
