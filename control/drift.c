/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/drift.h"

#include <string.h>

#include "dataplane/meter/delay.h"

#define BILLION INT64_C(1000000000)

void drift_init(struct drift *drift, uint64_t epoch_ns)
{
	*drift = (struct drift){.epoch_ns = epoch_ns};
}

/* The line at an epoch; flat where it has one point only. */
static int64_t line_at(const struct drift *drift, int64_t at)
{
	const struct drift_point *a = &drift->from, *b = &drift->to;

	if (a->at == b->at)
		return a->least;
	return a->least + (b->least - a->least) * (at - a->at) / (b->at - a->at);
}

/* Does b lie on or above the line from a to c? */
static bool is_above(
	const struct drift_point *a, const struct drift_point *b, const struct drift_point *c)
{
	return (b->least - a->least) * (c->at - a->at) >= (c->least - a->least) * (b->at - a->at);
}

/* The points that nothing lies below, in order. Answers how many. */
static unsigned find_hull(const struct drift *drift, const struct drift_point *hull[DRIFT_POINTS])
{
	unsigned count = 0;

	for (unsigned i = 0; i < drift->points; i++) {
		const struct drift_point *point = &drift->point[i];

		while (count >= 2 && is_above(hull[count - 2], hull[count - 1], point))
			count--;
		hull[count++] = point;
	}
	return count;
}

/* The edge under the mean epoch is the nearest to all points together. */
static void find_line(struct drift *drift)
{
	const struct drift_point *hull[DRIFT_POINTS] = {0};
	unsigned count = find_hull(drift, hull), edge = 0;
	int64_t sum = 0;

	for (unsigned i = 0; i < drift->points; i++)
		sum += drift->point[i].at;
	while (edge + 2 < count && hull[edge + 1]->at * (int64_t)drift->points < sum)
		edge++;
	drift->from = *hull[edge];
	drift->to = *hull[count > 1 ? edge + 1 : edge];
	drift->residual = 0;
	/* The first and the last may only be there for want of neighbours. */
	for (unsigned i = 1; i + 1 < count; i++) {
		int64_t off = hull[i]->least - line_at(drift, hull[i]->at);

		drift->residual = off > drift->residual ? off : drift->residual;
	}
}

static void put(struct drift *drift, struct drift_point point)
{
	if (drift->points == DRIFT_POINTS) {
		drift->points--;
		memmove(drift->point, drift->point + 1, drift->points * sizeof(drift->point[0]));
	}
	drift->point[drift->points++] = point;
}

/* The segment goes on: what was held was a queue. */
static void go_on(struct drift *drift, struct drift_point point)
{
	for (unsigned i = 0; i < drift->holding; i++)
		put(drift, drift->held[i]);
	drift->holding = 0;
	put(drift, point);
	find_line(drift);
}

/* A segment of what is held, which is not empty. */
static void begin_segment(struct drift *drift, int64_t jump)
{
	struct drift_point first = drift->held[0];

	drift->segments++;
	drift->jump = jump;
	drift->first += (uint32_t)first.at;
	drift->origin += (uint32_t)(first.least / DELAY_NS);
	drift->points = 0;
	for (unsigned i = 0; i < drift->holding; i++)
		put(drift, (struct drift_point){drift->held[i].at - first.at,
				   drift->held[i].least - first.least});
	drift->last.at -= first.at;
	drift->last.least -= first.least;
	drift->holding = 0;
	find_line(drift);
}

static void begin_anew(struct drift *drift, uint32_t epoch, uint32_t transit)
{
	drift->first = epoch;
	drift->origin = transit;
	drift->last = (struct drift_point){0, 0};
	drift->held[0] = drift->last;
	drift->holding = 1;
	begin_segment(drift, 0);
}

/* How far clocks may have drifted from the line in so many epochs behind its points: the farther,
 * the less is known of their rate. */
static int64_t strayed(const struct drift *drift, int64_t epochs)
{
	int64_t ns = epochs * (int64_t)drift->epoch_ns, rate;
	int64_t span = drift->point[drift->points - 1].at - drift->point[0].at;

	if (!drift_rate(drift, &rate))
		return ns * DRIFT_FASTEST / BILLION;
	return ns * DRIFT_WANDER / BILLION + DRIFT_FLAT * epochs / span;
}

/* What is held is all about as far above the line: then answers how far, else 0. */
static int64_t held_above(const struct drift *drift)
{
	int64_t least = INT64_MAX, most = INT64_MIN;

	if (drift->holding < DRIFT_HOLD)
		return 0;
	for (unsigned i = 0; i < DRIFT_HOLD; i++) {
		int64_t off = drift->held[i].least - line_at(drift, drift->held[i].at);

		least = off < least ? off : least;
		most = off > most ? off : most;
	}
	return most - least < DRIFT_FLAT + strayed(drift, DRIFT_HOLD) ? least : 0;
}

static enum drift_verdict hold(struct drift *drift, struct drift_point point)
{
	int64_t above;

	if (drift->holding == DRIFT_HOLD) {
		drift->holding--;
		memmove(drift->held, drift->held + 1, drift->holding * sizeof(drift->held[0]));
	}
	drift->held[drift->holding++] = point;
	above = held_above(drift);
	if (above == 0)
		return DRIFT_HELD;
	begin_segment(drift, above);
	return DRIFT_BROKEN;
}

enum drift_verdict drift_add(struct drift *drift, uint32_t epoch, uint32_t transit)
{
	uint32_t last = drift->first + (uint32_t)drift->last.at, ahead = epoch - last;
	uint32_t before = drift->origin + (uint32_t)(drift->last.least / DELAY_NS);
	struct drift_point point;
	int64_t off, far;

	if (drift->segments == 0 || ahead == 0 || ahead > DRIFT_POINTS) {
		begin_anew(drift, epoch, transit);
		return drift->segments == 1 ? DRIFT_ON : DRIFT_BROKEN;
	}
	point.at = drift->last.at + ahead;
	point.least = drift->last.least + (int64_t)(int32_t)(transit - before) * DELAY_NS;
	drift->last = point;
	off = point.least - line_at(drift, point.at);
	far = DRIFT_JUMP + strayed(drift, point.at - drift->point[drift->points - 1].at);
	if (off > far)
		return hold(drift, point);
	if (off >= -far) {
		go_on(drift, point);
		return DRIFT_ON;
	}
	drift->held[0] = point;
	drift->holding = 1;
	begin_segment(drift, off);
	return DRIFT_BROKEN;
}

bool drift_rate(const struct drift *drift, int64_t *rate)
{
	int64_t epochs = drift->to.at - drift->from.at;

	if (drift->points < DRIFT_KNOWN)
		return false;
	/* Within a segment points are milliseconds apart, not minutes. */
	*rate = (drift->to.least - drift->from.least) * BILLION /
		(epochs * (int64_t)drift->epoch_ns);
	return true;
}

uint64_t drift_reference(const struct drift *drift, uint32_t epoch)
{
	int64_t at = (int64_t)(int32_t)(epoch - drift->first), least;

	if (drift->segments == 0)
		return 0;
	least = line_at(drift, at);
	/* It may be a longer route: nearer to what came last than to the line. */
	if (drift->holding > 0)
		least += drift->last.least - line_at(drift, drift->last.at);
	return DELAY_KNOWN | (uint32_t)(drift->origin + (uint32_t)(least / DELAY_NS));
}

enum drift_cause drift_cause(int64_t here, int64_t there)
{
	int64_t both = here + there;

	return here != 0 && there != 0 && both < DRIFT_FLAT && both > -DRIFT_FLAT ? DRIFT_CLOCK
										  : DRIFT_ROUTE;
}
