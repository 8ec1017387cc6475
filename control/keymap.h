/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A hash map from a 64-bit key to a 32-bit number that is not 0. Its size is fixed when it is made,
 * so that neither a put nor a delete can fail. Control thread only.
 */
#ifndef CONTROL_KEYMAP_H
#define CONTROL_KEYMAP_H

#include <stddef.h>
#include <stdint.h>

struct keymap;

/* Room for count keys; the caller never puts more. NULL on lack of memory. */
struct keymap *keymap_create(size_t count);
void keymap_destroy(struct keymap *map);

/* The number, or 0. */
uint32_t keymap_get(const struct keymap *map, uint64_t key);
/* Puts or replaces. */
void keymap_put(struct keymap *map, uint64_t key, uint32_t number);
/* A key that is not there is fine. */
void keymap_delete(struct keymap *map, uint64_t key);
size_t keymap_bytes(const struct keymap *map);

#endif
