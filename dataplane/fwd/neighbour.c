/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/fwd/neighbour.h"

#include <errno.h>
#include <stdlib.h>

int neighbour_table_init(struct neighbour_table *table, uint32_t size)
{
	struct neighbour *entry = calloc(size, sizeof(*entry));

	if (entry == NULL)
		return -ENOMEM;
	table->entry = entry;
	table->size = size;
	return 0;
}

void neighbour_table_fini(struct neighbour_table *table)
{
	free(table->entry);
	table->entry = NULL;
	table->size = 0;
}

void neighbour_set(struct neighbour *neighbour, const uint8_t mac[6], enum neighbour_state state)
{
	uint64_t old = atomic_load_explicit(&neighbour->word, memory_order_relaxed);
	unsigned version = (unsigned)(old >> 56) + 1;

	atomic_store_explicit(
		&neighbour->word, neighbour_word(mac, state, version), memory_order_relaxed);
}
