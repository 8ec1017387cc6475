/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames in memory of their own, so that sanitizers see every byte read beside them: the buffer is
 * the usual headroom and then the frame, and ends with it. */
#ifndef TESTS_FUZZ_EXACT_H
#define TESTS_FUZZ_EXACT_H

#include <rte_mbuf.h>

/* A copy of the frame, in pieces segments (1 or more, at most bytes). Its mbufs come from pool.
 * Aborts on lack of memory. */
struct rte_mbuf *exact_frame(
	struct rte_mempool *pool, const uint8_t *frame, uint16_t bytes, unsigned pieces);

#endif
