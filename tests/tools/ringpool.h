/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Buffer pools and ring ports whose hand-overs ThreadSanitizer can see. DPDK's own pool and ring
 * drivers are libraries built without it: a buffer that passes from one thread to another through
 * them looks like a race. The pool here is the same ring, compiled with the test; the port gets
 * callbacks that say what its rings order.
 */
#ifndef TESTS_TOOLS_RINGPOOL_H
#define TESTS_TOOLS_RINGPOOL_H

#include <rte_mempool.h>
#include <rte_ring.h>

/* As rte_pktmbuf_pool_create, without caches. NULL on lack of memory. */
struct rte_mempool *ringpool_create(
	const char *name, unsigned buffers, uint16_t private_size, uint16_t room);

/* Before a frame goes into the ring of a port by hand, and after one came out of it. */
void ringpool_give(struct rte_ring *ring);
void ringpool_take(struct rte_ring *ring);

/* The port's side of the same, for one queue each. 0 or -errno. */
int ringpool_watch_rx(uint16_t device, uint16_t queue, struct rte_ring *ring);
int ringpool_watch_tx(uint16_t device, uint16_t queue, struct rte_ring *ring);

#endif
