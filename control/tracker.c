/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/tracker.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/drift.h"
#include "control/loop.h"
#include "control/model.h"
#include "dataplane/fwd/fwd.h"
#include "dataplane/worker/plane.h"

#define TICK_NS	   UINT64_C(10000000)
#define MS	   UINT64_C(1000000)
#define TURNS	   2	 /* of a worker, after which it has seen what was stored before them */
#define RARE	   0.001 /* the share that needs a thousand packets to be told */
#define RARE_LEAST 1000

/* One measured path. */
struct followed {
	uint32_t newest; /* as last seen */
	uint64_t since;	 /* loop_now() when it became that */
	/* An epoch is being closed: it is read when every worker has turned so often. */
	bool closing;
	uint32_t epoch;
	uint64_t turns[PLANE_WORKERS];
	struct tracker_delay last;
	struct drift drift;		       /* of the two ends' clocks */
	struct delay_seen seen[][LANE_EPOCHS]; /* by worker */
};

struct tracker {
	struct gateway *gateway;
	struct lanes *lanes;
	unsigned workers;
	uint32_t paths; /* the largest id */
	struct loop_timer timer;
	uint64_t turn;		     /* loop_now() at which our own epoch is over */
	struct delay_sum sum;	     /* of the epoch in hand */
	struct followed *followed[]; /* by path id; NULL: not measured */
};

static uint64_t turns_of(const struct tracker *m, unsigned worker)
{
	return __atomic_load_n(&plane_meter(m->gateway->plane, worker)->turns, __ATOMIC_RELAXED);
}

static bool all_turned(const struct tracker *m, const struct followed *path)
{
	for (unsigned w = 0; w < m->workers; w++)
		if (turns_of(m, w) - path->turns[w] < TURNS)
			return false;
	return true;
}

static void tell(struct tracker_delay *last, const struct delay_sum *sum)
{
	last->packets = sum->packets;
	last->pdv_p50 = delay_percentile(sum, 0.5);
	last->pdv_p90 = delay_percentile(sum, 0.9);
	last->pdv_p99 = delay_percentile(sum, 0.99);
	last->pdv_p999 = sum->packets >= RARE_LEAST ? delay_percentile(sum, 1 - RARE) : 0;
	last->pdv_max = sum->packets > 0 ? (uint64_t)(sum->most - sum->least) : 0;
	last->ipdv_p50 = histogram_percentile(&sum->step, 0.5);
	last->ipdv_p99 = histogram_percentile(&sum->step, 0.99);
	last->jitter = delay_jitter(sum);
}

static void read_epoch(struct tracker *m, uint32_t id, struct followed *path)
{
	struct lanes_epochs *epochs = &m->lanes->epochs[id];

	memset(&m->sum, 0, sizeof(m->sum));
	path->closing = false;
	path->last.closed++;
	for (unsigned w = 0; w < m->workers; w++)
		if (!delay_gained(lanes_delay(m->lanes, w, (uint16_t)id), path->epoch,
			    path->seen[w], &m->sum))
			path->last.unread++;
	tell(&path->last, &m->sum);
	if (m->sum.packets == 0)
		return;
	drift_add(&path->drift, path->epoch, delay_least(&m->sum));
	path->last.segments = path->drift.segments;
	/* Not for the one that has begun: all workers are to count that from one reference. */
	atomic_store_explicit(&epochs->reference[(path->epoch + 2) % LANE_EPOCHS],
		drift_reference(&path->drift, path->epoch + 2), memory_order_relaxed);
}

/* Is the oldest open epoch over? */
static bool is_over(const struct followed *path, uint32_t oldest, uint64_t now)
{
	if ((int32_t)(path->newest - oldest) > 0)
		return now - path->since >= TRACKER_GUARD_MS * MS;
	return path->newest == oldest && now - path->since >= TRACKER_SILENT_MS * MS;
}

/* Nothing open, nothing came: whatever comes next may be of a sender that began anew, with other
 * numbers and another clock. */
static void start_over(struct lanes_epochs *epochs, struct followed *path, uint32_t oldest)
{
	for (unsigned i = 0; i < LANE_EPOCHS; i++)
		atomic_store_explicit(&epochs->reference[i], 0, memory_order_relaxed);
	atomic_store_explicit(&epochs->base, (oldest | 0xff) + 1, memory_order_relaxed);
	atomic_store_explicit(&epochs->newest, 0, memory_order_relaxed);
	path->newest = 0;
	tell(&path->last, &(struct delay_sum){0});
	drift_init(&path->drift, TRACKER_EPOCH_MS * MS);
	/* Release: the base is there before it is needed. Fails where a packet was first. */
	atomic_compare_exchange_strong_explicit(
		&epochs->oldest, &oldest, 0, memory_order_release, memory_order_relaxed);
}

static void close_epoch(struct tracker *m, uint32_t id, struct followed *path, uint64_t now)
{
	struct lanes_epochs *epochs = &m->lanes->epochs[id];
	uint32_t oldest = atomic_load_explicit(&epochs->oldest, memory_order_relaxed);
	uint32_t newest = atomic_load_explicit(&epochs->newest, memory_order_relaxed);

	if (newest != path->newest) {
		path->newest = newest;
		path->since = now;
	}
	if (oldest == newest + 1 && now - path->since >= 2 * TRACKER_SILENT_MS * MS)
		start_over(epochs, path, oldest);
	if (oldest == 0 || !is_over(path, oldest, now))
		return;
	path->epoch = oldest;
	/* A worker may have moved it on after a silence: then that is looked at next time. */
	path->closing = atomic_compare_exchange_strong_explicit(
		&epochs->oldest, &oldest, oldest + 1, memory_order_relaxed, memory_order_relaxed);
	for (unsigned w = 0; w < m->workers; w++)
		path->turns[w] = turns_of(m, w);
}

static void follow(struct tracker *m, uint32_t id, uint64_t now)
{
	struct followed *path = m->followed[id];

	if (path == NULL) {
		path = calloc(1, sizeof(*path) + m->workers * sizeof(path->seen[0]));
		/* Without memory now, with some in a while. */
		if (path == NULL)
			return;
		drift_init(&path->drift, TRACKER_EPOCH_MS * MS);
		m->followed[id] = path;
	}
	if (path->closing && all_turned(m, path))
		read_epoch(m, id, path);
	if (!path->closing)
		close_epoch(m, id, path, now);
}

static void forget(struct tracker *m, uint32_t id)
{
	free(m->followed[id]);
	m->followed[id] = NULL;
}

void tracker_turn(struct tracker *m, uint64_t now)
{
	const struct model *model = m->gateway->model;

	if (now >= m->turn) {
		m->turn += TRACKER_EPOCH_MS * MS;
		atomic_fetch_add_explicit(&m->gateway->fwd->epoch, 1, memory_order_relaxed);
	}
	for (uint32_t id = 1; id <= m->paths; id++) {
		const struct model_path *path = model_path(model, id);

		if (path != NULL && path->measured)
			follow(m, id, now);
		else if (m->followed[id] != NULL)
			forget(m, id);
	}
}

static void tick(void *context)
{
	struct tracker *m = context;
	uint64_t now = loop_now();

	tracker_turn(m, now);
	loop_timer_start_at(m->gateway->loop, &m->timer, now + TICK_NS);
}

struct tracker *tracker_create(struct gateway *gateway)
{
	uint32_t paths = gateway->fwd->limits.snapshot.paths;
	struct tracker *m = calloc(1, sizeof(*m) + (paths + 1) * sizeof(m->followed[0]));

	if (m == NULL)
		return NULL;
	m->gateway = gateway;
	m->lanes = plane_lanes(gateway->plane);
	m->workers = plane_workers(gateway->plane);
	m->paths = paths;
	m->turn = loop_now() + TRACKER_EPOCH_MS * MS;
	m->timer = (struct loop_timer){.fire = tick, .context = m};
	/* By the clock, so that it goes on where it was after a restart: the other ends take what
	 * is behind for late. */
	atomic_store_explicit(&gateway->fwd->epoch, (uint32_t)time(NULL), memory_order_relaxed);
	loop_timer_start(gateway->loop, &m->timer, TICK_NS);
	return m;
}

void tracker_destroy(struct tracker *m)
{
	if (m == NULL)
		return;
	loop_timer_stop(m->gateway->loop, &m->timer);
	for (uint32_t id = 1; id <= m->paths; id++)
		free(m->followed[id]);
	free(m);
}

void tracker_delay(const struct tracker *m, uint32_t path, struct tracker_delay *out)
{
	*out = (struct tracker_delay){0};
	if (m != NULL && path <= m->paths && m->followed[path] != NULL)
		*out = m->followed[path]->last;
}
