/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/base/words.h"

#include <stdint.h>

__attribute__((no_sanitize("thread"))) void words_copy(const void *from, void *to, size_t bytes)
{
	const uint64_t *source = from;
	uint64_t *target = to;

	for (size_t i = 0; i < bytes / sizeof(uint64_t); i++)
		target[i] = __atomic_load_n(&source[i], __ATOMIC_RELAXED);
}

__attribute__((no_sanitize("thread"))) bool words_same(
	const void *from, const void *copy, size_t bytes)
{
	const uint64_t *source = from, *target = copy;
	uint64_t differ = 0;

	for (size_t i = 0; i < bytes / sizeof(uint64_t); i++)
		differ |= target[i] ^ __atomic_load_n(&source[i], __ATOMIC_RELAXED);
	return differ == 0;
}
