/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/fuzz/exact.h"

#include <stdlib.h>
#include <string.h>

struct holder {
	struct rte_mbuf_ext_shared_info shared;
	uint8_t *buffer;
};

static void release(void *buffer, void *opaque)
{
	struct holder *holder = opaque;

	(void)buffer;
	free(holder->buffer);
	free(holder);
}

static struct rte_mbuf *piece_of(struct rte_mempool *pool, const uint8_t *bytes, uint16_t count)
{
	uint16_t size = (uint16_t)(RTE_PKTMBUF_HEADROOM + count);
	struct holder *holder = malloc(sizeof(*holder));
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	if (holder == NULL || m == NULL || (holder->buffer = malloc(size)) == NULL)
		abort();
	holder->shared.free_cb = release;
	holder->shared.fcb_opaque = holder;
	rte_mbuf_ext_refcnt_set(&holder->shared, 1);
	rte_pktmbuf_attach_extbuf(m, holder->buffer, RTE_BAD_IOVA, size, &holder->shared);
	m->data_off = RTE_PKTMBUF_HEADROOM;
	memcpy(rte_pktmbuf_append(m, count), bytes, count);
	return m;
}

struct rte_mbuf *exact_frame(
	struct rte_mempool *pool, const uint8_t *frame, uint16_t bytes, unsigned pieces)
{
	uint16_t each = (uint16_t)(bytes / pieces), at = 0;
	struct rte_mbuf *first = NULL;

	for (unsigned i = 0; i < pieces; i++) {
		uint16_t count = i + 1 == pieces ? (uint16_t)(bytes - at) : each;
		struct rte_mbuf *m = piece_of(pool, frame + at, count);

		if (first == NULL)
			first = m;
		else if (rte_pktmbuf_chain(first, m) < 0)
			abort();
		at = (uint16_t)(at + count);
	}
	return first;
}
