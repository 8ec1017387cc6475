/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/meter/lane.h"

#include <string.h>

/* S goes with the epoch the numbers began in, and the next, so that one lost packet hides
 * nothing. */
#define STARTING 2

static void set_head(struct lane_sender *lane)
{
	unsigned flags = LANEOPTION_TIMED | lane->generation;

	if (lane->epoch & 1)
		flags |= LANEOPTION_LOSS;
	if (lane->starting > 0)
		flags |= LANEOPTION_START;
	lane->head = laneoption_head(lane->lane, (uint8_t)lane->epoch, (uint8_t)flags);
}

void lane_start(struct lane_sender *lane, uint16_t id, uint8_t generation, uint32_t first)
{
	lane->lane = id;
	lane->generation = generation & LANEOPTION_GENERATION;
	lane->offset = first - (uint32_t)lane->packets;
	lane->starting = STARTING;
	set_head(lane);
}

void lane_turn(struct lane_sender *lane, uint32_t epoch)
{
	uint32_t over = epoch - lane->epoch;

	/* Also of epochs in which nothing was sent. */
	for (uint32_t i = 0; i < over && i < LANE_EPOCHS; i++)
		lane->end[(epoch - 1 - i) % LANE_EPOCHS] =
			(struct lane_end){lane->packets, lane->bytes};
	lane->epoch = epoch;
	if (lane->starting > 0)
		lane->starting--;
	set_head(lane);
}

bool lane_ended(const struct lane_sender *lane, uint32_t epoch, struct lane_end *end)
{
	uint32_t over = lane->epoch - epoch;

	/* The newest packet belongs to it or came before it. */
	if ((int32_t)over <= 0)
		*end = (struct lane_end){lane->packets, lane->bytes};
	else if (over <= LANE_EPOCHS)
		*end = lane->end[epoch % LANE_EPOCHS];
	return (int32_t)over <= LANE_EPOCHS;
}

void lane_receiver_init(struct lane_receiver *lane, uint64_t *window, uint32_t reach)
{
	*lane = (struct lane_receiver){.window = window,
		.reach = reach,
		.generation = LANE_UNKNOWN,
		.previous = LANE_UNKNOWN};
}

static uint64_t *word_of(const struct lane_receiver *lane, uint64_t number)
{
	return &lane->window[(number & (lane->reach - 1)) / 64];
}

static uint64_t bit_of(uint64_t number)
{
	return UINT64_C(1) << (number & 63);
}

/* From one number to before another: all came, or none. */
static void fill(struct lane_receiver *lane, uint64_t from, uint64_t to, bool came)
{
	while (from < to) {
		uint64_t *word = word_of(lane, from), bits = UINT64_MAX << (from & 63);
		uint64_t next = (from | 63) + 1;

		if (next > to)
			bits &= bit_of(to) - 1;
		*word = came ? *word | bits : *word & ~bits;
		from = next;
	}
}

/* It came, in time or not. */
static enum lane_verdict count(struct lane_receiver *lane, const struct laneoption *option,
	bool open, uint32_t bytes, enum lane_verdict verdict)
{
	unsigned bank = option->epoch % LANE_EPOCHS;

	if (!open) {
		lane->late++;
		return LANE_LATE;
	}
	lane->packets[bank]++;
	lane->bytes[bank] += bytes;
	return verdict;
}

/* The present numbers begin with this packet: before it, nothing is known to have come. */
static enum lane_verdict begin(
	struct lane_receiver *lane, const struct laneoption *option, bool open, uint32_t bytes)
{
	/* Far enough from zero for what comes behind the first. */
	uint64_t number = UINT64_C(1) << 32 | option->sequence;

	if (lane->generation != LANE_UNKNOWN)
		lane->resyncs++;
	lane->previous = lane->generation;
	lane->generation = option->flags & LANEOPTION_GENERATION;
	lane->base = lane->run = number;
	lane->next = number + 1;
	lane->timed = LANE_UNTIMED;
	memset(lane->window, 0, lane->reach / 8);
	lane->skipped += !open;
	return count(lane, option, open, bytes, LANE_RESYNC);
}

/* Of the generation before, and no sign that the sender went back to it. */
static bool is_straggler(struct lane_receiver *lane, const struct laneoption *option)
{
	uint8_t generation = option->flags & LANEOPTION_GENERATION;

	if (generation != lane->previous || (option->flags & LANEOPTION_START))
		return false;
	if (lane->stray_next != lane->next)
		lane->strays = 0;
	lane->stray_next = lane->next;
	/* So many in a row without one of the present: that is the present. */
	return ++lane->strays <= LANE_STRAYS;
}

/* At the number expected, or that many after it. */
static enum lane_verdict advance(struct lane_receiver *lane, const struct laneoption *option,
	uint32_t gap, bool open, uint32_t bytes)
{
	uint64_t number = lane->next + gap, edge = number + 1 - lane->reach;

	if (gap > 0) {
		fill(lane, lane->run > edge ? lane->run : edge, lane->next, true);
		fill(lane, lane->next > edge ? lane->next : edge, number, false);
		lane->run = number;
	}
	lane->next = number + 1;
	lane->skipped += gap + !open;
	return count(lane, option, open, bytes, gap > 0 ? LANE_GAP : LANE_IN_ORDER);
}

/* That many before the number expected. */
static enum lane_verdict look_back(struct lane_receiver *lane, const struct laneoption *option,
	uint32_t age, bool open, uint32_t bytes)
{
	uint64_t number = lane->next - age, *word = word_of(lane, number);

	if (age > lane->reach) {
		lane->late++;
		return LANE_LATE;
	}
	if (number >= lane->run || (*word & bit_of(number))) {
		lane->duplicates++;
		return LANE_DUPLICATE;
	}
	*word |= bit_of(number);
	/* What is older than the first was not missed when that came. */
	lane->skipped += number < lane->base;
	lane->reordered += open;
	return count(lane, option, open, bytes, LANE_REORDERED);
}

enum lane_verdict lane_judge(
	struct lane_receiver *lane, const struct laneoption *option, bool open, uint32_t bytes)
{
	uint32_t ahead = option->sequence - (uint32_t)lane->next;

	if ((option->flags & LANEOPTION_GENERATION) != lane->generation) {
		if (!is_straggler(lane, option))
			return begin(lane, option, open, bytes);
		lane->late++;
		return LANE_LATE;
	}
	if (ahead <= LANE_JUMP)
		return advance(lane, option, ahead, open, bytes);
	if (-ahead <= LANE_JUMP)
		return look_back(lane, option, -ahead, open, bytes);
	return begin(lane, option, open, bytes);
}

/* The writer's words are plain; each is read whole. */
__attribute__((no_sanitize("thread"))) struct lane_end lane_gained(
	const struct lane_receiver *lane, uint32_t epoch, struct lane_end seen[LANE_EPOCHS])
{
	unsigned bank = epoch % LANE_EPOCHS;
	struct lane_end now = {__atomic_load_n(&lane->packets[bank], __ATOMIC_RELAXED),
		__atomic_load_n(&lane->bytes[bank], __ATOMIC_RELAXED)};
	struct lane_end gained = {now.packets - seen[bank].packets, now.bytes - seen[bank].bytes};

	seen[bank] = now;
	return gained;
}

void lane_total(const struct lane_receiver *lane, struct lane_totals *totals)
{
	for (unsigned i = 0; i < LANE_EPOCHS; i++) {
		totals->packets += lane->packets[i];
		totals->bytes += lane->bytes[i];
	}
	totals->skipped += lane->skipped;
	totals->reordered += lane->reordered;
	totals->duplicates += lane->duplicates;
	totals->late += lane->late;
	totals->resyncs += lane->resyncs;
}
