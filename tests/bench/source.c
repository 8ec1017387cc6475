/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/bench/source.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "dataplane/path/packet.h"

void source_flows(struct source *s, uint32_t flows, uint8_t address_bytes)
{
	free(s->flow);
	free(s->image);
	s->image = NULL;
	s->flow_bytes = (uint32_t)sizeof(struct source_flow) + address_bytes;
	s->address_bytes = address_bytes;
	s->flows = flows;
	s->flow = calloc(flows, s->flow_bytes);
	if (s->flow == NULL) {
		fprintf(stderr, "benchmark: no memory for %u flows\n", flows);
		exit(1);
	}
}

static uint16_t nothing(void *queue, struct rte_mbuf **m, uint16_t count)
{
	(void)queue, (void)m, (void)count;
	return 0;
}

/* A null port always has frames, and to take buffers only to give them back would cost the worker
 * more than its work: a port that is not to deliver gets a receive function that has none. */
void source_quiet(struct source *s)
{
	atomic_store(&s->over, 1);
	if (s->callback == NULL || s->receive != NULL)
		return;
	s->receive = rte_eth_fp_ops[s->device].rx_pkt_burst;
	rte_eth_fp_ops[s->device].rx_pkt_burst = nothing;
}

static void wake(struct source *s)
{
	if (s->receive != NULL)
		rte_eth_fp_ops[s->device].rx_pkt_burst = s->receive;
	s->receive = NULL;
}

void source_start(struct source *s, unsigned runs, uint64_t per_run)
{
	wake(s);
	s->next = 0;
	s->sent = 0;
	s->missed = 0;
	s->gap = s->last = 0;
	s->began = 0;
	s->per_run = s->until_stamp = per_run;
	s->wanted = RTE_MIN(runs + 1, (unsigned)SOURCE_STAMPS);
	atomic_store(&s->stamps, 0);
	atomic_store(&s->over, 0);
}

void source_wait(const struct source *s)
{
	while (!atomic_load(&s->over))
		usleep(500);
}

void source_pace(struct source *s, double packets_per_second, uint64_t queue)
{
	s->queue = queue;
	s->interval =
		packets_per_second <= 0
			? 0
			: (uint64_t)((double)rte_get_tsc_hz() * SOURCE_PART / packets_per_second);
}

uint64_t *source_came(struct rte_mbuf *m)
{
	_Static_assert(sizeof(struct packet) <= PACKET_PRIVATE_SIZE - sizeof(uint64_t), "fits");
	return (uint64_t *)(void *)((char *)rte_mbuf_to_priv(m) + PACKET_PRIVATE_SIZE -
				    sizeof(uint64_t));
}

static inline void copy_header(uint8_t *to, const uint8_t *from, unsigned bytes)
{
	memcpy(to, from, 64);
	if (bytes > 64)
		memcpy(to + 64, from + 64, 64);
	if (bytes > 128)
		memcpy(to + 128, from + 128, 64);
}

static inline void write_header(
	const struct source *s, const struct source_flow *flow, uint8_t *frame)
{
	copy_header(frame, s->template[flow->template], s -> copied);
	memcpy(frame + s->tag_at, &flow->tag, 4);
	memcpy(frame + s->port_at, &flow->port, 2);
	if (s->address_bytes == 8) {
		memcpy(frame + s->addresses_at, flow->addresses, 8);
		memcpy(frame + s->ip_sum_at, &flow->ip_sum, 2);
	} else {
		memcpy(frame + s->addresses_at, flow->addresses, 32);
	}
	if (s->udp_sum_at != SOURCE_NOWHERE)
		memcpy(frame + s->udp_sum_at, &flow->udp_sum, 2);
}

void source_free(struct source *s)
{
	free(s->flow);
	free(s->image);
}

void source_ready(struct source *s)
{
	if (s->flows > SOURCE_IMAGES)
		return;
	s->image = aligned_alloc(CACHE_LINE, (size_t)s->flows * SOURCE_HEADER);
	for (uint32_t i = 0; s->image != NULL && i < s->flows; i++)
		write_header(s, source_flow(s, i), s->image + (size_t)i * s->copied);
}

static inline void write_frame(struct source *s, struct rte_mbuf *m)
{
	uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *);

	if (s->image != NULL)
		copy_header(frame, s->image + (size_t)s->next * s->copied, s->copied);
	else
		write_header(s, source_flow(s, s->next), frame);
	if (s->option_at != SOURCE_NOWHERE)
		lane_send(&s->lane[source_flow(s, s->next)->template], 1, 0,
			(uint32_t)(s->length - s->option_at - LANEOPTION_BYTES),
			frame + s->option_at);
	m->data_len = s->length;
	m->pkt_len = s->length;
}

static void stamp(struct source *s)
{
	unsigned stamps = atomic_load_explicit(&s->stamps, memory_order_relaxed);

	s->stamp[stamps] = rte_rdtsc();
	s->until_stamp += s->per_run;
	/* Release: the stamp is there before its number is seen. */
	atomic_store_explicit(&s->stamps, stamps + 1, memory_order_release);
	if (stamps + 1 == s->wanted)
		atomic_store_explicit(&s->over, 1, memory_order_release);
}

/* How many of count frames are there by now. */
static unsigned pace(struct source *s, struct rte_mbuf **m, unsigned count)
{
	uint64_t now = rte_rdtsc(), first, waiting;

	if (s->began == 0)
		s->began = now;
	first = s->sent + s->missed;
	waiting = (now - s->began) * SOURCE_PART / s->interval - first;
	if (waiting > s->queue) {
		s->missed += waiting - s->queue;
		first += waiting - s->queue;
		waiting = s->queue;
	}
	count = (unsigned)RTE_MIN((uint64_t)count, waiting);
	for (unsigned i = 0; i < count; i++)
		*source_came(m[i]) = s->began + (first + i) * s->interval / SOURCE_PART;
	return count;
}

static uint16_t deliver(uint16_t device, uint16_t queue, struct rte_mbuf **m, uint16_t count,
	uint16_t room, void *argument)
{
	struct source *s = argument;

	(void)device, (void)queue, (void)room;
	if (unlikely_(atomic_load_explicit(&s->over, memory_order_relaxed))) {
		rte_pktmbuf_free_bulk(m, count);
		return 0;
	}
	if (s->watched) {
		uint64_t now = rte_rdtsc();

		s->gap = s->last != 0 ? RTE_MAX(s->gap, now - s->last) : 0;
		s->last = now;
	}
	if (s->interval != 0) {
		unsigned there = pace(s, m, count);

		rte_pktmbuf_free_bulk(m + there, count - there);
		count = (uint16_t)there;
	}
	for (unsigned i = 0; i < count; i++) {
		write_frame(s, m[i]);
		s->next = s->next + 1 == s->flows ? 0 : s->next + 1;
	}
	s->sent += count;
	if (unlikely_(s->sent >= s->until_stamp))
		stamp(s);
	return count;
}

int source_attach(struct source *s, uint16_t device)
{
	s->device = device;
	s->callback = rte_eth_add_rx_callback(device, 0, deliver, s);
	return s->callback == NULL ? -EINVAL : 0;
}

void source_detach(struct source *s)
{
	wake(s);
	/* The port's slot, callbacks and all, will serve another device. */
	if (s->callback != NULL)
		rte_eth_remove_rx_callback(s->device, 0, s->callback);
	s->callback = NULL;
}

unsigned source_runs(const struct source *s, double *value)
{
	unsigned runs = atomic_load(&s->stamps) - 1;

	for (unsigned i = 0; i < runs; i++)
		value[i] = (double)(s->stamp[i + 1] - s->stamp[i]) / (double)s->per_run;
	return runs;
}
