/* SPDX-License-Identifier: BSD-3-Clause */
/* Out, on a path that is measured: number, epoch and time of each frame, the last thing before the
 * device has it. The writer of a lane is the worker that owns the transmit queue. */
#include "dataplane/path/path.h"
#include "dataplane/wire/ippacket.h"

#define NO_LANE 0xffff /* in the option of a frame whose lane nobody follows */

/* The option stands behind the UDP and the Geneve header. */
#define PORT_BEFORE	16
#define CHECKSUM_BEFORE 10

/* The UDP checksum, where this program made it: words were zero, or from's, when it was computed.
 */
static void mend_checksum(struct rte_mbuf *m, uint8_t *option, uint64_t added)
{
	uint16_t sum;

	memcpy(&sum, option - CHECKSUM_BEFORE, 2);
	if (sum == 0 || (m->ol_flags & RTE_MBUF_F_TX_UDP_CKSUM))
		return;
	sum = (uint16_t)~checksum_fold(added + (uint16_t)~sum);
	sum = sum == 0 ? 0xffff : sum;
	memcpy(option - CHECKSUM_BEFORE, &sum, 2);
}

/* The frame was made for a queue that is another worker's now: it takes the same slot of this one.
 */
static uint16_t change_lane(struct rte_mbuf *m, uint8_t *option, uint16_t lane, unsigned queue)
{
	uint16_t to = (uint16_t)(queue * LANES_QUEUE + lane % LANES_QUEUE), from, port;

	memcpy(&from, option - PORT_BEFORE, 2);
	port = rte_cpu_to_be_16((uint16_t)(LANES_FIRST_PORT + to));
	memcpy(option - PORT_BEFORE, &port, 2);
	mend_checksum(m, option, (uint64_t)(uint16_t)~from + port);
	return to;
}

static uint64_t option_sum(const uint8_t *option)
{
	return checksum_add(0, option + 4, LANEOPTION_BYTES - 4);
}

static inline void stamp_frame(
	struct forwarder *f, const struct forwarder_port *port, unsigned i, uint32_t sent)
{
	struct rte_mbuf *m = port->m[i];
	uint8_t *option = rte_pktmbuf_mtod_offset(m, uint8_t *, port->option[i]);
	uint16_t lane = (uint16_t)(ippacket_be16(option - PORT_BEFORE) - LANES_FIRST_PORT);
	unsigned queue = port->queue & 0xff;
	struct lane_sender *sender;

	if (unlikely_(lane / LANES_QUEUE != queue))
		lane = change_lane(m, option, lane, queue);
	sender = lanes_sender(
		f->lanes, (uint16_t)value_id((uint32_t)port->account[i]), lane, clock_tsc());
	if (likely_(sender != NULL))
		lane_send(sender, f->epoch, sent, m->pkt_len - port->option[i] - LANEOPTION_BYTES,
			option);
	else
		laneoption_write(option, laneoption_head(NO_LANE, 0, 0), 0, 0);
	mend_checksum(m, option, option_sum(option));
}

void stamp_frames(struct forwarder *f, unsigned index)
{
	const struct forwarder_port *port = &f->port[index];
	uint32_t sent = clock_lane(clock_tsc(), f->lane_rate);

	for (unsigned i = 0; i < port->pending; i++)
		if (port->option[i] != 0)
			stamp_frame(f, port, i, sent);
}

void stamp_take_back(struct forwarder *f, unsigned index, unsigned i)
{
	const struct forwarder_port *port = &f->port[index];
	const uint8_t *option;
	uint16_t lane;

	if (port->option[i] == 0)
		return;
	option = rte_pktmbuf_mtod_offset(port->m[i], const uint8_t *, port->option[i]);
	lane = (uint16_t)(ippacket_be16(option - PORT_BEFORE) - LANES_FIRST_PORT);
	if (lane < LANES_PATH)
		lane_take_back(lanes_sender(f->lanes,
				       (uint16_t)value_id((uint32_t)port->account[i]), lane, 0),
			port->m[i]->pkt_len - port->option[i] - LANEOPTION_BYTES);
}
