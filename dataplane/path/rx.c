/* SPDX-License-Identifier: BSD-3-Clause */
/* In: a burst of frames from one queue of one port. */
#include <rte_ethdev.h>

#include "dataplane/path/path.h"

unsigned rx_burst(struct forwarder *f, struct burst *b, unsigned port, uint16_t queue)
{
	unsigned count = rte_eth_rx_burst(f->port[port].device, queue, b->m, BURST);

	for (unsigned i = 0; i < count; i++)
		rte_prefetch0(rte_pktmbuf_mtod(b->m[i], void *));
	return count;
}

void rx_count(struct forwarder *f, const struct burst *b, unsigned count, unsigned port)
{
	struct meter_port *meter = &f->meter->port[port];
	uint64_t bytes = 0;

	for (unsigned i = 0; i < count; i++)
		bytes += b->m[i]->pkt_len;
	meter->rx += count;
	meter->rx_bytes += bytes;
}
