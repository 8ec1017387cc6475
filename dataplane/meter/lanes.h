/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All lanes of a gateway, by path id and the lane's number. One for all workers: at any time a lane
 * has one writer, for what is sent the worker that owns its transmit queue, for what is received
 * the one that polls the queue it arrives on; both hand it over with the queue.
 *
 * A sender's number of a lane is the outer UDP source port less LANES_FIRST_PORT: LANES_QUEUE slots
 * for each transmit queue.
 */
#ifndef DATAPLANE_METER_LANES_H
#define DATAPLANE_METER_LANES_H

#include "dataplane/meter/delay.h"
#include "dataplane/meter/lane.h"

#define LANES_FIRST_PORT 49152u
#define LANES_QUEUE	 64u   /* of one path and transmit queue */
#define LANES_PATH	 1024u /* of one path: 16 transmit queues; more are not followed */

/* The receiving side of a path: which of the sender's epochs are open here, the same for all its
 * lanes. Epochs are whole numbers of which packets carry the low bits; what they began from is this
 * gateway's own choice. */
struct lanes_epochs {
	/* The oldest that still counts, LANE_EPOCHS are open from it on; 0: nothing came yet.
	 * Writers: control, which closes it, and a worker whose packet is of an epoch beyond all
	 * open ones, as after a silence (compare-and-swap, relaxed: a number of its own). */
	alignas(CACHE_LINE) _Atomic uint32_t oldest;
	/* The newest that a packet came of. Writers: workers, as oldest. */
	_Atomic uint32_t newest;
	/* A multiple of 256 above all whole numbers before: where they begin when oldest is 0.
	 * Writer: control, before it stores 0 there (release there, acquire in reopen). */
	_Atomic uint32_t base;
	/* What delays are counted from, by epoch % LANE_EPOCHS; see delay_add(). Writer: control
	 * (relaxed). */
	_Atomic uint64_t reference[LANE_EPOCHS];
};

struct lanes {
	struct lane_sender *sender; /* by path id and lane */
	struct lane_receiver *receiver;
	uint64_t *window;
	struct lanes_epochs *epochs; /* by path id */
	struct delay *delay;	     /* by worker and path id */
	/* Lanes of a path that were ever used, one more than the highest: what readers look at.
	 * Writers: workers, by compare-and-swap (relaxed: lanes are read as they are). */
	_Atomic uint16_t *sent, *received;
	uint32_t paths;
	size_t bytes;
};

/* Pages are touched on first use. NULL on lack of memory. paths: the largest path id. */
struct lanes *lanes_create(uint32_t paths, unsigned workers);
void lanes_destroy(struct lanes *lanes);

/* The first packet of a lane, on either side: the worker that is its writer. */
void lanes_begin_sender(struct lanes *lanes, uint16_t path, uint16_t lane, uint64_t random);
void lanes_begin_receiver(struct lanes *lanes, uint16_t path, uint16_t lane);

/* NULL: this lane is not followed. */
static inline struct lane_sender *lanes_sender(
	struct lanes *lanes, uint16_t path, uint16_t lane, uint64_t random)
{
	struct lane_sender *sender = &lanes->sender[(size_t)path * LANES_PATH + lane];

	if (unlikely_(lane >= LANES_PATH))
		return NULL;
	if (unlikely_(sender->head == 0))
		lanes_begin_sender(lanes, path, lane, random);
	return sender;
}

static inline struct lane_receiver *lanes_receiver(
	struct lanes *lanes, uint16_t path, uint16_t lane)
{
	struct lane_receiver *receiver = &lanes->receiver[(size_t)path * LANES_PATH + lane];

	if (unlikely_(lane >= LANES_PATH))
		return NULL;
	if (unlikely_(receiver->window == NULL))
		lanes_begin_receiver(lanes, path, lane);
	return receiver;
}

/* The receiving side's first epoch, or one beyond all that are open: opens it, and the one before
 * it. Answers the oldest that is open then. */
uint32_t lanes_reopen(struct lanes_epochs *epochs, uint8_t epoch);

/* Receiver: the oldest open epoch of the path, for a packet of that one. */
static inline uint32_t lanes_oldest(struct lanes_epochs *epochs, uint8_t epoch)
{
	uint32_t oldest = atomic_load_explicit(&epochs->oldest, memory_order_relaxed);
	uint8_t ahead = (uint8_t)(epoch - (uint8_t)oldest);

	/* What is behind is late, not ahead. */
	if (unlikely_(oldest == 0 || (ahead >= LANE_EPOCHS && ahead < 0x80)))
		return lanes_reopen(epochs, epoch);
	return oldest;
}

/* Receiver: a packet of this open epoch came. */
static inline void lanes_came(struct lanes_epochs *epochs, uint32_t epoch)
{
	uint32_t newest = atomic_load_explicit(&epochs->newest, memory_order_relaxed);

	/* Another worker may be ahead in between: then its number stands, or control sees this one
	 * for a moment and the other soon after. */
	if (unlikely_((int32_t)(epoch - newest) > 0))
		atomic_compare_exchange_strong_explicit(&epochs->newest, &newest, epoch,
			memory_order_relaxed, memory_order_relaxed);
}

static inline struct delay *lanes_delay(struct lanes *lanes, unsigned worker, uint16_t path)
{
	return &lanes->delay[(size_t)worker * (lanes->paths + 1) + path];
}

/* Receiver: what a packet's option, if it has one, says of its path, whatever becomes of the
 * packet. options: what follows the Geneve base header; payload: bytes behind them; arrival: by
 * clock_lane(). */
static inline void lanes_receive(struct lanes *lanes, unsigned worker, uint16_t path,
	const uint8_t *options, uint32_t bytes, uint32_t payload, uint32_t arrival)
{
	struct lanes_epochs *epochs = &lanes->epochs[path];
	struct laneoption option;
	struct lane_receiver *lane;
	enum lane_verdict verdict;
	uint32_t oldest, epoch;

	if (!laneoption_read(options, bytes, &option))
		return;
	lane = lanes_receiver(lanes, path, option.lane);
	if (unlikely_(lane == NULL))
		return;
	oldest = lanes_oldest(epochs, option.epoch);
	verdict = lane_receive(lane, &option, oldest, payload);
	if (unlikely_(!lane_open(oldest, option.epoch)))
		return;
	epoch = lane_epoch(oldest, option.epoch);
	lanes_came(epochs, epoch);
	if (option.flags & LANEOPTION_TIMED)
		delay_add(lanes_delay(lanes, worker, path), lane, verdict, epoch,
			atomic_load_explicit(
				&epochs->reference[epoch % LANE_EPOCHS], memory_order_relaxed),
			arrival - option.sent);
}

/* What both ends of a path counted since its lanes began. */
struct lanes_view {
	struct lane_end sent; /* packets that the device took, and their bytes */
	uint64_t taken_back;  /* numbers that the device gave back */
	struct lane_totals received;
};

/* Any thread. Each number is whole; they are not of one moment. */
void lanes_view(const struct lanes *lanes, uint16_t path, struct lanes_view *out);

#endif
