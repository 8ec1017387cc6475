/* SPDX-License-Identifier: BSD-3-Clause */
/* Copies of what another thread writes meanwhile. */
#ifndef DATAPLANE_BASE_WORDS_H
#define DATAPLANE_BASE_WORDS_H

#include <stdbool.h>
#include <stddef.h>

/* Plain 64-bit words of one writer: each is copied whole. Whether they belong together the caller
 * learns elsewhere, as from a sequence. bytes: a multiple of eight. */
void words_copy(const void *from, void *to, size_t bytes);
/* True where they are still the same as in the copy. */
bool words_same(const void *from, const void *copy, size_t bytes);

#endif
