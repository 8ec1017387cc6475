/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/meter/delay.h"

static void open_epoch(struct delay *delay, uint32_t epoch, uint64_t reference, uint32_t transit)
{
	struct delay_bank *bank = &delay->bank[epoch % LANE_EPOCHS];

	delay->now = bank;
	delay->open = (uint64_t)epoch + 1;
	/* At the border of two epochs packets of both come. */
	if (bank->opened > 0 && bank->epoch == epoch)
		return;
	bank->epoch = epoch;
	bank->reference = reference & DELAY_KNOWN ? (uint32_t)reference : transit;
	bank->least = INT32_MAX;
	bank->most = INT32_MIN;
	bank->opened++;
}

void delay_other(struct delay *delay, struct lane_receiver *lane, enum lane_verdict verdict,
	uint32_t epoch, uint64_t reference, uint32_t transit)
{
	int32_t step = (int32_t)(transit - lane->transit);

	if (verdict >= LANE_LATE)
		return;
	if (delay->open != (uint64_t)epoch + 1)
		open_epoch(delay, epoch, reference, transit);
	delay_distance(delay->now, transit);
	if (lane->timed != LANE_UNTIMED)
		delay_jitter_step(delay, step);
	if (lane->timed == LANE_TIMED && verdict == LANE_IN_ORDER)
		delay_count(delay->now->step, step);
	lane->transit = transit;
	lane->timed = verdict == LANE_REORDERED ? LANE_TIMED_BEHIND : LANE_TIMED;
}

/* Middle of a bucket, ns from the reference. */
static int64_t middle(unsigned side, unsigned index)
{
	int64_t ns = (int64_t)((histogram_least(index) + histogram_most(index)) / 2);

	return side == DELAY_ABOVE ? ns : -ns;
}

/* Distances from one reference, counted as distances from another that is shift ns less. */
static void move(const struct histogram_sum from[DELAY_SIDES], int64_t shift,
	struct histogram_sum to[DELAY_SIDES])
{
	for (unsigned side = 0; side < DELAY_SIDES; side++)
		for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
			int64_t ns = middle(side, i) + shift;

			if (from[side].bucket[i] != 0)
				to[ns < 0].bucket[histogram_index((uint64_t)(ns < 0 ? -ns : ns))] +=
					from[side].bucket[i];
		}
}

static void gain_distances(
	const struct delay_bank *bank, struct delay_seen *seen, struct delay_sum *sum)
{
	struct histogram_sum gained[DELAY_SIDES] = {0};
	int64_t shift, least, most;

	for (unsigned side = 0; side < DELAY_SIDES; side++)
		histogram_gained(&bank->distance[side], &seen->distance[side], &gained[side]);
	if (sum->packets == 0)
		*sum = (struct delay_sum){
			.reference = bank->reference, .least = INT64_MAX, .most = INT64_MIN};
	shift = (int64_t)(int32_t)(bank->reference - sum->reference) * DELAY_NS;
	least = (int64_t)bank->least * DELAY_NS + shift;
	most = (int64_t)bank->most * DELAY_NS + shift;
	if (shift != 0)
		move(gained, shift, sum->distance);
	for (unsigned side = 0; side < DELAY_SIDES; side++) {
		if (shift == 0)
			histogram_merge(&sum->distance[side], &gained[side]);
		sum->packets += histogram_total(&gained[side]);
	}
	sum->least = least < sum->least ? least : sum->least;
	sum->most = most > sum->most ? most : sum->most;
}

static void gain_steps(
	const struct delay_bank *bank, struct delay_seen *seen, struct delay_sum *sum)
{
	for (unsigned side = 0; side < DELAY_SIDES; side++) {
		struct histogram_sum gained = {0};
		uint64_t steps;

		histogram_gained(&bank->step[side], &seen->step[side], &gained);
		histogram_merge(&sum->step, &gained);
		steps = histogram_total(&gained);
		sum->steps += steps;
		/* A bucket of its own for no difference at all. */
		sum->sign[DELAY_EQUAL] += gained.bucket[0];
		sum->sign[side == DELAY_ABOVE ? DELAY_LONGER : DELAY_SHORTER] +=
			steps - gained.bucket[0];
	}
}

/* Nothing of what was counted meanwhile is taken. */
static void catch_up(const struct delay_bank *bank, struct delay_seen *seen)
{
	seen->opened = bank->opened;
	for (unsigned side = 0; side < DELAY_SIDES; side++) {
		seen->distance[side] = bank->distance[side];
		seen->step[side] = bank->step[side];
	}
}

bool delay_gained(const struct delay *writer, uint32_t epoch, struct delay_seen seen[LANE_EPOCHS],
	struct delay_sum *sum)
{
	const struct delay_bank *bank = &writer->bank[epoch % LANE_EPOCHS];
	struct delay_seen *last = &seen[epoch % LANE_EPOCHS];
	uint64_t jitter = __atomic_load_n(&writer->jitter, __ATOMIC_RELAXED), before;

	if (bank->opened == last->opened)
		return true;
	if (bank->opened != last->opened + 1 || bank->epoch != epoch) {
		catch_up(bank, last);
		return false;
	}
	last->opened = bank->opened;
	before = sum->packets;
	gain_distances(bank, last, sum);
	gain_steps(bank, last, sum);
	sum->jitter += jitter * (sum->packets - before);
	return true;
}

/* The packet of that rank by transit time, ns from the reference. */
static int64_t ranked(const struct delay_sum *sum, uint64_t rank)
{
	uint64_t below = histogram_total(&sum->distance[DELAY_BELOW]);

	/* The farther below, the sooner it came. */
	if (rank <= below)
		return -(int64_t)histogram_ranked(&sum->distance[DELAY_BELOW], below - rank + 1);
	return (int64_t)histogram_ranked(&sum->distance[DELAY_ABOVE], rank - below);
}

uint64_t delay_percentile(const struct delay_sum *sum, double share)
{
	uint64_t rank = histogram_rank(sum->packets, share);
	int64_t ns;

	if (rank <= 1)
		return 0;
	if (rank == sum->packets)
		return (uint64_t)(sum->most - sum->least);
	ns = ranked(sum, rank);
	/* A bucket reaches farther than what was in it. */
	ns = ns < sum->least ? sum->least : ns;
	ns = ns > sum->most ? sum->most : ns;
	return (uint64_t)(ns - sum->least);
}

void delay_add_pdv(const struct delay_sum *sum, struct histogram_sum *pdv)
{
	for (unsigned side = 0; side < DELAY_SIDES; side++)
		for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
			int64_t ns = middle(side, i) - sum->least;

			if (sum->distance[side].bucket[i] != 0)
				pdv->bucket[histogram_index((uint64_t)(ns < 0 ? 0 : ns))] +=
					sum->distance[side].bucket[i];
		}
}
