/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Loss on a lane, counted exactly on the packets themselves.
 *
 * The sender numbers the packets of a lane and says in each to which of its epochs it belongs
 * (wire/laneoption.h). When an epoch is over, both ends know a sum that the other cannot see:
 *
 *   loss(lane, e) = packets sent in e - packets with epoch e received, each counted once
 *
 * and, where the lane's numbers did not begin anew in between, packets sent in e = last(e) -
 * last(e - 1). Beside that the receiver tells at once what numbers say: gaps, packets that came
 * after their successors, packets that came twice.
 *
 * One writer for each struct, the worker that owns the transmit queue or polls the receive queue;
 * both move with their queue. Nothing is reset: sums run on, readers keep what they saw and
 * subtract. A reader on another thread works on a copy taken in one view of the writer
 * (meter_begin, meter_end).
 */
#ifndef DATAPLANE_METER_LANE_H
#define DATAPLANE_METER_LANE_H

#include "dataplane/base/macros.h"
#include "dataplane/wire/laneoption.h"

#define LANE_EPOCHS 4	       /* epochs that can be told apart at any time */
#define LANE_WINDOW 4096       /* numbers behind the newest that are remembered, unless set */
#define LANE_JUMP   (1u << 20) /* a number farther off is no gap: the numbers began anew */
#define LANE_STRAYS 4096       /* packets of the last generation that are taken for stragglers */

/* What had been sent when an epoch ended, since the lane began. */
struct lane_end {
	uint64_t packets, bytes;
};

struct lane_sender {
	alignas(CACHE_LINE) uint64_t head; /* the option's first half; see laneoption_head() */
	uint64_t packets;		   /* sent, less what was taken back */
	uint32_t offset; /* the next packet's number is packets + offset, modulo 2^32 */
	uint32_t epoch;	 /* of the newest packet; whole, of which packets carry the low bits */
	uint64_t bytes;	 /* of those packets */
	uint64_t taken_back;
	uint16_t lane;
	uint8_t generation;
	uint8_t starting;				      /* epochs that S is still set in */
	alignas(CACHE_LINE) struct lane_end end[LANE_EPOCHS]; /* by epoch & 3, when it was over */
};

_Static_assert(sizeof(struct lane_sender) == 2 * CACHE_LINE, "one line for each packet");

enum lane_verdict {
	LANE_IN_ORDER = 0,
	LANE_GAP,	/* numbers before it are missing, for now */
	LANE_REORDERED, /* it was missing */
	LANE_RESYNC,	/* the numbers began anew with it */
	/* From here on it does not count as received. */
	LANE_LATE, /* for its epoch, for the window, or for its generation: it stays lost */
	LANE_DUPLICATE,
};

enum lane_timed {
	LANE_UNTIMED = 0,
	LANE_TIMED,	   /* and that packet had the newest number */
	LANE_TIMED_BEHIND, /* it was reordered */
};

struct lane_receiver {
	/* Numbers here are those of the packets, continued to 64 bits. From run to next all came;
	 * what came before run, as far as the window reaches, is in the window. */
	alignas(CACHE_LINE) uint64_t next;
	uint64_t run;
	uint64_t packets[LANE_EPOCHS]; /* by epoch & 3: received, each once */
	uint64_t *window;
	/* The delay's (meter/delay.h): transit time of the packet that came last. */
	uint32_t transit;
	uint8_t timed;					 /* enum lane_timed */
	uint8_t generation;				 /* LANE_UNKNOWN: nothing came yet */
	uint8_t previous;				 /* generation before */
	alignas(CACHE_LINE) uint64_t bytes[LANE_EPOCHS]; /* of those packets */
	uint64_t skipped;				 /* missing when a later packet came */
	uint64_t reordered; /* of those, came after all: skipped - reordered is what is lost now */
	uint64_t duplicates, late;
	alignas(CACHE_LINE) uint64_t resyncs;
	uint64_t base;	 /* first of the present numbers */
	uint64_t strays; /* stragglers while next was stray_next */
	uint64_t stray_next;
	uint64_t reach; /* numbers that the window holds */
};

_Static_assert(sizeof(struct lane_receiver) == 3 * CACHE_LINE, "two lines for each packet");

#define LANE_UNKNOWN 0xff /* no generation */

/* Begins a lane, or its numbers anew under another generation (0 to 15): what was sent is kept.
 * first: number of its next packet, best drawn at random. All zero before the first time. */
void lane_start(struct lane_sender *lane, uint16_t id, uint8_t generation, uint32_t first);

/* Sender: the epoch of what is sent has changed. */
void lane_turn(struct lane_sender *lane, uint32_t epoch);

/* Sender, as the last thing before the packet is given to the device: gives it the next number,
 * counts it, and writes the option. epoch: whole, of this burst, never less than before. sent: the
 * clock in units of 16 ns. bytes: whatever both ends count, say of the inner packet. */
static inline void lane_send(
	struct lane_sender *lane, uint32_t epoch, uint32_t sent, uint32_t bytes, uint8_t *option)
{
	if (unlikely_(epoch != lane->epoch))
		lane_turn(lane, epoch);
	laneoption_write(option, lane->head, (uint32_t)lane->packets + lane->offset, sent);
	lane->packets++;
	lane->bytes += bytes;
}

/* Sender: the device refused the lane's newest packet, which was given its number in this epoch. It
 * goes back as if it had never been; several one after the other, the newest first. */
static inline void lane_take_back(struct lane_sender *lane, uint32_t bytes)
{
	lane->packets--;
	lane->bytes -= bytes;
	lane->taken_back++;
}

/* Reader: what had been sent at the end of an epoch that no worker sends in any more. False: it is
 * over for too long (LANE_EPOCHS or more). */
bool lane_ended(const struct lane_sender *lane, uint32_t epoch, struct lane_end *end);

/* The number that the last of that many packets had: what a close message names. Valid for packets
 * sent since the lane's numbers began anew. */
static inline uint32_t lane_last(const struct lane_sender *lane, uint64_t packets)
{
	return (uint32_t)packets + lane->offset - 1;
}

/* window: reach / 64 words, which the lane keeps for good; reach: a power of two, at least 64. */
void lane_receiver_init(struct lane_receiver *lane, uint64_t *window, uint32_t reach);

/* Everything that is not in order. open: its epoch is. */
enum lane_verdict lane_judge(
	struct lane_receiver *lane, const struct laneoption *option, bool open, uint32_t bytes);

/* Receiver: is the epoch with these low bits one that packets still count in? oldest: the sender's
 * oldest epoch that is not yet closed here, whole; from it on LANE_EPOCHS are open. Control
 * publishes it, and reads an epoch's counts when every worker has seen the one that closes it. */
static inline bool lane_open(uint32_t oldest, uint8_t epoch)
{
	return (uint8_t)(epoch - (uint8_t)oldest) < LANE_EPOCHS;
}

/* The whole number of an open epoch. */
static inline uint32_t lane_epoch(uint32_t oldest, uint8_t epoch)
{
	return oldest + (uint8_t)(epoch - (uint8_t)oldest);
}

/* Receiver: judges and counts one packet. It goes on its way whatever the verdict is. */
static inline enum lane_verdict lane_receive(struct lane_receiver *lane,
	const struct laneoption *option, uint32_t oldest, uint32_t bytes)
{
	bool open = lane_open(oldest, option->epoch);
	bool expected = option->sequence == (uint32_t)lane->next &&
			(option->flags & LANEOPTION_GENERATION) == lane->generation;
	unsigned bank = option->epoch % LANE_EPOCHS;

	if (unlikely_(!(expected && open)))
		return lane_judge(lane, option, open, bytes);
	lane->next++;
	lane->packets[bank]++;
	lane->bytes[bank] += bytes;
	return LANE_IN_ORDER;
}

/* Reader: what came in an epoch that is closed, each packet once, since this bank was last read.
 * seen: the reader's own for this lane; all zero at first. */
struct lane_end lane_gained(
	const struct lane_receiver *lane, uint32_t epoch, struct lane_end seen[LANE_EPOCHS]);

/* What receivers of any number of lanes counted since they began. */
struct lane_totals {
	uint64_t packets, bytes;
	uint64_t skipped, reordered, duplicates, late, resyncs;
};

/* Reader: adds one lane. */
void lane_total(const struct lane_receiver *lane, struct lane_totals *totals);

#endif
