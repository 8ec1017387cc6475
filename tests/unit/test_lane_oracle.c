/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Lanes against a set: a sender, a channel that loses, delays and doubles packets, and a receiver
 * whose every verdict is compared with that of a slow one, which keeps a list of all packets ever
 * sent. At the end of each epoch the losses must be those of the list. Epochs and numbers wrap,
 * numbers begin anew, epochs are closed in time or too early, what was sent is taken back.
 *
 * TRUNKLINE_SEED sets the seed (printed).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/meter/lane.h"
#include "tests/tools/chance.h"

#define ROUNDS	40
#define PACKETS 30000
#define EPOCHS	(PACKETS / 500 + 8)
#define SLOTS	4096 /* ticks that a packet may be under way, and more */
#define ARRIVE	16   /* packets that may arrive in one tick */
#define REACH	256

struct record {
	struct laneoption option;
	uint32_t epoch, bytes;
	unsigned stamp; /* of the numbers it was received in; 0: it was not */
	bool dropped;
};

/* What the channel does, in a thousandth, and ticks. */
struct habits {
	unsigned loss, twice, late, delay, guard, length, anew, refuse;
};

static struct {
	struct chance chance;
	struct habits habits;
	struct lane_sender sender;
	struct lane_receiver receiver;
	uint64_t window[REACH / 64];
	struct lane_end seen[LANE_EPOCHS], last;
	struct record record[PACKETS];
	unsigned records;
	unsigned arriving[SLOTS][ARRIVE], arrivals[SLOTS];
	uint32_t first, epoch, oldest; /* epochs */
	/* The slow receiver. */
	unsigned generation, previous, stamp;
	int64_t newest, base, stray_newest;
	unsigned strays;
	uint64_t covered; /* numbers that came or were skipped */
	uint64_t received[EPOCHS], bytes[EPOCHS], sent[EPOCHS], dropped[EPOCHS];
	uint64_t count[LANE_DUPLICATE + 1];
	bool disturbed; /* what came may not be what was sent less what was dropped */
} w;

static bool happens(unsigned thousandth)
{
	return chance_below(&w.chance, 1000) < thousandth;
}

static unsigned index_of(uint32_t epoch)
{
	return (epoch - w.first) % EPOCHS;
}

/* Another one of the generation before, since the newest: after so many that is the present. */
static bool is_stray(void)
{
	if (w.stray_newest != w.newest)
		w.strays = 0;
	w.stray_newest = w.newest;
	return ++w.strays <= LANE_STRAYS;
}

static enum lane_verdict slow_verdict(const struct record *r, int64_t at)
{
	unsigned generation = r->option.flags & LANEOPTION_GENERATION;

	if (generation != w.generation) {
		if (generation == w.previous && !(r->option.flags & LANEOPTION_START) && is_stray())
			return LANE_LATE;
		w.previous = w.generation;
		w.generation = generation;
		w.newest = w.base = at;
		w.covered++;
		w.stamp++;
		return LANE_RESYNC;
	}
	if (at > w.newest) {
		bool next = at == w.newest + 1;

		w.covered += (uint64_t)(at - w.newest);
		w.newest = at;
		return next ? LANE_IN_ORDER : LANE_GAP;
	}
	if (w.newest + 1 - at > REACH)
		return LANE_LATE;
	if (r->stamp == w.stamp)
		return LANE_DUPLICATE;
	w.covered += at < w.base;
	return LANE_REORDERED;
}

/* As the lane judges, but from the list. */
static enum lane_verdict slow_receive(struct record *r, bool open)
{
	enum lane_verdict verdict = slow_verdict(r, r - w.record);
	bool remembered = verdict < LANE_LATE;

	if (remembered)
		r->stamp = w.stamp;
	if (remembered && !open)
		return LANE_LATE;
	if (remembered) {
		w.received[index_of(r->epoch)]++;
		w.bytes[index_of(r->epoch)] += r->bytes;
	}
	return verdict;
}

static void arrive(unsigned index)
{
	struct record *r = &w.record[index];
	bool open = r->epoch - w.oldest < LANE_EPOCHS;
	enum lane_verdict truth = slow_receive(r, open);
	enum lane_verdict said = lane_receive(&w.receiver, &r->option, w.oldest, r->bytes);

	if (said != truth)
		fail_msg("packet %u: %u is said, %u is true", index, said, truth);
	w.count[said]++;
	if (said == LANE_LATE || (said == LANE_RESYNC && w.count[LANE_RESYNC] > 1))
		w.disturbed = true;
}

static void put(unsigned tick, unsigned index)
{
	unsigned slot;

	do
		slot = tick++ % SLOTS;
	while (w.arrivals[slot] == ARRIVE);
	w.arriving[slot][w.arrivals[slot]++] = index;
}

static unsigned delay(void)
{
	return happens(w.habits.late) ? 1 + chance_below(&w.chance, w.habits.delay) : 1;
}

static void send_one(unsigned tick)
{
	struct record *r = &w.record[w.records];
	uint8_t bytes[LANEOPTION_BYTES];

	*r = (struct record){.epoch = w.epoch, .bytes = 40 + chance_below(&w.chance, 1400)};
	lane_send(&w.sender, w.epoch, tick, r->bytes, bytes);
	assert_true(laneoption_read(bytes, sizeof(bytes), &r->option));
	if (happens(w.habits.refuse)) {
		lane_take_back(&w.sender, r->bytes);
		return;
	}
	w.sent[index_of(w.epoch)]++;
	r->dropped = happens(w.habits.loss);
	w.dropped[index_of(w.epoch)] += r->dropped;
	if (!r->dropped)
		put(tick + delay(), w.records);
	if (!r->dropped && happens(w.habits.twice))
		put(tick + delay(), w.records);
	w.records++;
}

/* Both ends' sums of an epoch that no packet can count in any more. */
static void close_epoch(void)
{
	struct lane_end end, gained = lane_gained(&w.receiver, w.oldest, w.seen);
	unsigned e = index_of(w.oldest);
	uint64_t sent;

	assert_true(lane_ended(&w.sender, w.oldest, &end));
	sent = end.packets - w.last.packets;
	assert_int_equal(sent, w.sent[e]);
	assert_int_equal(gained.packets, w.received[e]);
	assert_int_equal(gained.bytes, w.bytes[e]);
	if (!w.disturbed)
		assert_int_equal(sent - gained.packets, w.dropped[e]);
	w.last = end;
	w.oldest++;
}

static struct habits draw_habits(void)
{
	static const unsigned loss[] = {0, 1, 10, 100, 500}, delays[] = {1, 3, 60, 200, 1000};
	struct habits h = {.loss = loss[chance_below(&w.chance, 5)],
		.twice = loss[chance_below(&w.chance, 4)],
		.late = loss[chance_below(&w.chance, 5)],
		.delay = delays[chance_below(&w.chance, 5)],
		.length = 500 + chance_below(&w.chance, 1000)};

	/* After all packets that are under way, or now and then before. */
	h.guard = chance_below(&w.chance, 4) ? h.delay + 2 : 1 + chance_below(&w.chance, h.delay);
	h.guard = h.guard < h.length ? h.guard : h.length - 1;
	h.anew = chance_below(&w.chance, 3) ? 0 : 1;
	h.refuse = chance_below(&w.chance, 2) ? 0 : 20;
	return h;
}

static void begin(void)
{
	struct chance chance = w.chance;

	memset(&w, 0, sizeof(w));
	w.chance = chance;
	w.habits = draw_habits();
	w.first = w.epoch = w.oldest = (uint32_t)-20 + chance_below(&w.chance, 300);
	w.generation = w.previous = LANE_UNKNOWN;
	w.newest = -1;
	w.disturbed = w.habits.guard < w.habits.delay + 2;
	lane_receiver_init(&w.receiver, w.window, REACH);
	lane_start(&w.sender, 1, (uint8_t)chance_below(&w.chance, 16),
		(uint32_t)chance_below(&w.chance, 2000) - 1000);
}

static void check_totals(void)
{
	struct lane_totals t = {0};
	uint64_t received = 0;

	for (unsigned e = 0; e < EPOCHS; e++)
		received += w.received[e];
	lane_total(&w.receiver, &t);
	assert_int_equal(t.packets, received);
	assert_int_equal(t.duplicates, w.count[LANE_DUPLICATE]);
	assert_int_equal(t.late, w.count[LANE_LATE]);
	/* Numbers from the first to the newest are here, or lost. */
	assert_int_equal(t.skipped - t.reordered, w.covered - received);
	assert_int_equal(t.reordered, w.count[LANE_REORDERED]);
}

static void one_round(void)
{
	unsigned turned = 0;

	begin();
	for (unsigned tick = 0; w.records < PACKETS; tick++) {
		unsigned slot = tick % SLOTS;

		for (unsigned i = 0; i < w.arrivals[slot]; i++)
			arrive(w.arriving[slot][i]);
		w.arrivals[slot] = 0;
		if (tick - turned == w.habits.length) {
			w.epoch++;
			turned = tick;
			if (happens(300 * w.habits.anew))
				lane_start(&w.sender, 1, w.sender.generation + 1u,
					(uint32_t)chance_next(&w.chance));
		}
		if (w.oldest != w.epoch && tick - turned == w.habits.guard)
			close_epoch();
		send_one(tick);
	}
	check_totals();
}

static void test_oracle(void **state)
{
	uint64_t count[LANE_DUPLICATE + 1] = {0};

	(void)state;
	w.chance = chance_seed("lane_oracle");
	for (unsigned round = 0; round < ROUNDS; round++) {
		one_round();
		for (unsigned i = 0; i <= LANE_DUPLICATE; i++)
			count[i] += w.count[i];
	}
	printf("in order %lu, gaps %lu, reordered %lu, anew %lu, late %lu, duplicates %lu\n",
		count[LANE_IN_ORDER], count[LANE_GAP], count[LANE_REORDERED], count[LANE_RESYNC],
		count[LANE_LATE], count[LANE_DUPLICATE]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_oracle)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
