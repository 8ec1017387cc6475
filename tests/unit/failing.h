/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Allocations that fail where a test wants it: the linker sends those of the code under test here
 * (--wrap; tests/unit/meson.build), while libraries keep their own. One thread at a time.
 */
#ifndef TESTS_UNIT_FAILING_H
#define TESTS_UNIT_FAILING_H

#include <stddef.h>

/* From now on allocation number n (the next one is 1) fails; 0: none. */
void failing_begin(unsigned n);
/* None fails any more. How many were asked for since the beginning. */
unsigned failing_end(void);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);

#endif
