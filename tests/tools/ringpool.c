/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/tools/ringpool.h"

#include <errno.h>
#include <stdio.h>

#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#if defined(__SANITIZE_THREAD__)
#define WATCHED 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WATCHED 1
#endif
#endif

#ifdef WATCHED
void __tsan_acquire(void *address);
void __tsan_release(void *address);
#else
#define __tsan_acquire(address) ((void)(address))
#define __tsan_release(address) ((void)(address))
#endif

static int pool_alloc(struct rte_mempool *mp)
{
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof(name), "rp_%.20s", mp->name);
	mp->pool_data = rte_ring_create(name, rte_align32pow2(mp->size + 1), mp->socket_id, 0);
	return mp->pool_data == NULL ? -rte_errno : 0;
}

static void pool_free(struct rte_mempool *mp)
{
	rte_ring_free(mp->pool_data);
}

static int pool_enqueue(struct rte_mempool *mp, void *const *objects, unsigned count)
{
	return rte_ring_mp_enqueue_bulk(mp->pool_data, objects, count, NULL) == 0 ? -ENOBUFS : 0;
}

static int pool_dequeue(struct rte_mempool *mp, void **objects, unsigned count)
{
	return rte_ring_mc_dequeue_bulk(mp->pool_data, objects, count, NULL) == 0 ? -ENOBUFS : 0;
}

static unsigned pool_count(const struct rte_mempool *mp)
{
	return rte_ring_count(mp->pool_data);
}

static const struct rte_mempool_ops operations = {.name = "test_ring",
	.alloc = pool_alloc,
	.free = pool_free,
	.enqueue = pool_enqueue,
	.dequeue = pool_dequeue,
	.get_count = pool_count};

RTE_INIT(register_operations)
{
	rte_mempool_register_ops(&operations);
}

struct rte_mempool *ringpool_create(
	const char *name, unsigned buffers, uint16_t private_size, uint16_t room)
{
	return rte_pktmbuf_pool_create_by_ops(
		name, buffers, 0, private_size, room, SOCKET_ID_ANY, "test_ring");
}

void ringpool_give(struct rte_ring *ring)
{
	__tsan_release(ring);
}

void ringpool_take(struct rte_ring *ring)
{
	__tsan_acquire(ring);
}

static uint16_t received(uint16_t device, uint16_t queue, struct rte_mbuf **m, uint16_t count,
	uint16_t room, void *ring)
{
	(void)device, (void)queue, (void)m, (void)room;
	ringpool_take(ring);
	return count;
}

static uint16_t sending(
	uint16_t device, uint16_t queue, struct rte_mbuf **m, uint16_t count, void *ring)
{
	(void)device, (void)queue, (void)m;
	ringpool_give(ring);
	return count;
}

int ringpool_watch_rx(uint16_t device, uint16_t queue, struct rte_ring *ring)
{
	return rte_eth_add_rx_callback(device, queue, received, ring) == NULL ? -rte_errno : 0;
}

int ringpool_watch_tx(uint16_t device, uint16_t queue, struct rte_ring *ring)
{
	return rte_eth_add_tx_callback(device, queue, sending, ring) == NULL ? -rte_errno : 0;
}
