/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/collect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_cycles.h>

#define BATCH_MOST  32	/* connections read at once */
#define BATCH_VIEWS 128 /* of all writers together */

#define WORDS(type) (sizeof(type) / sizeof(uint64_t))

/* What is summed word by word must be made of counters only. */
_Static_assert(sizeof(struct meter_connection) % sizeof(uint64_t) == 0, "words");
_Static_assert(sizeof(struct meter_port) % sizeof(uint64_t) == 0, "words");

static void add_words(void *to, const void *from, size_t words)
{
	uint64_t *t = to;
	const uint64_t *f = from;

	for (size_t i = 0; i < words; i++)
		t[i] += f[i];
}

static void subtract_words(void *to, const void *from, size_t words)
{
	uint64_t *t = to;
	const uint64_t *f = from;

	for (size_t i = 0; i < words; i++)
		t[i] -= f[i];
}

/* One counter of a running writer: each word is whole, their order is nobody's business here. */
__attribute__((no_sanitize("thread"))) static uint64_t peek(const uint64_t *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

uint64_t collect_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint64_t cycles_ns(const struct collect *collect, uint64_t cycles)
{
	uint64_t hz = collect->tsc_hz;

	return cycles / hz * 1000000000 + cycles % hz * 1000000000 / hz;
}

int collect_init_meters(struct collect *collect, const struct meter *const *meter, unsigned workers,
	const struct meter_sizes *sizes)
{
	*collect = (struct collect){.workers = workers, .sizes = *sizes};
	for (unsigned w = 0; w <= workers; w++)
		collect->meter[w] = meter[w];
	collect->tsc_hz = rte_get_tsc_hz();
	if (collect->tsc_hz == 0)
		collect->tsc_hz = 1000000000;
	collect->connection_base = calloc(sizes->connections, sizeof(*collect->connection_base));
	collect->attachment_base = calloc(sizes->attachments, sizeof(*collect->attachment_base));
	collect->path_base = calloc(sizes->paths, sizeof(*collect->path_base));
	collect->lanes_base = calloc(sizes->paths, sizeof(*collect->lanes_base));
	collect->connection_owner = calloc(sizes->connections, sizeof(uint32_t));
	collect->attachment_owner = calloc(sizes->attachments, sizeof(uint32_t));
	collect->path_owner = calloc(sizes->paths, sizeof(uint32_t));
	collect->view = aligned_alloc(CACHE_LINE, BATCH_MOST * sizeof(*collect->view));
	collect->batch = aligned_alloc(CACHE_LINE, BATCH_MOST * sizeof(*collect->batch));
	if (collect->view != NULL && collect->batch != NULL && collect->connection_base != NULL &&
		collect->attachment_base != NULL && collect->path_base != NULL &&
		collect->lanes_base != NULL && collect->connection_owner != NULL &&
		collect->attachment_owner != NULL && collect->path_owner != NULL)
		return 0;
	collect_fini(collect);
	return -ENOMEM;
}

int collect_init(
	struct collect *collect, const struct plane *plane, const struct meter_sizes *sizes)
{
	const struct meter *meter[COLLECT_WRITERS];
	unsigned workers = plane_workers(plane);
	int rc;

	for (unsigned w = 0; w <= workers; w++)
		meter[w] = plane_meter(plane, w);
	rc = collect_init_meters(collect, meter, workers, sizes);
	collect->plane = plane;
	return rc;
}

void collect_fini(struct collect *collect)
{
	if (collect->connection_base != NULL)
		for (uint32_t id = 0; id < collect->sizes.connections; id++)
			free(collect->connection_base[id]);
	free(collect->connection_base);
	free(collect->view);
	free(collect->batch);
	free(collect->attachment_base);
	free(collect->path_base);
	free(collect->lanes_base);
	free(collect->connection_owner);
	free(collect->attachment_owner);
	free(collect->path_owner);
	*collect = (struct collect){0};
}

static bool is_zero(const void *words, size_t count)
{
	const uint64_t *w = words;

	for (size_t i = 0; i < count; i++)
		if (w[i] != 0)
			return false;
	return true;
}

/* A first owner finds zeros and costs no memory. */
int collect_adopt_connection(struct collect *collect, uint32_t id)
{
	size_t writers = collect->workers + 1;
	struct meter_connection *base = NULL, view;

	collect->connection_owner[id]++;
	for (unsigned w = 0; w < writers; w++) {
		meter_read_connection(collect->meter[w], id, &view);
		if (base == NULL && !is_zero(&view, WORDS(view))) {
			base = aligned_alloc(CACHE_LINE, writers * sizeof(*base));
			if (base == NULL)
				return -ENOMEM;
			memset(base, 0, writers * sizeof(*base));
		}
		if (base != NULL)
			base[w] = view;
	}
	free(collect->connection_base[id]);
	collect->connection_base[id] = base;
	return 0;
}

static void add_traffic(struct meter_traffic *sum, const struct meter_traffic *one)
{
	sum->rx_packets += peek(&one->rx_packets);
	sum->rx_bytes += peek(&one->rx_bytes);
	sum->tx_packets += peek(&one->tx_packets);
	sum->tx_bytes += peek(&one->tx_bytes);
}

void collect_adopt_attachment(struct collect *collect, uint32_t id)
{
	struct meter_traffic *base = &collect->attachment_base[id];

	collect->attachment_owner[id]++;
	*base = (struct meter_traffic){0};
	for (unsigned w = 0; w <= collect->workers; w++)
		add_traffic(base, &collect->meter[w]->attachment[id]);
}

void collect_adopt_path(struct collect *collect, uint32_t id)
{
	struct meter_traffic *base = &collect->path_base[id];

	collect->path_owner[id]++;
	*base = (struct meter_traffic){0};
	for (unsigned w = 0; w <= collect->workers; w++)
		add_traffic(base, &collect->meter[w]->path[id]);
	if (collect->plane != NULL)
		lanes_view(plane_lanes(collect->plane), (uint16_t)id, &collect->lanes_base[id]);
}

static enum collect_state judge(const struct meter_connection *view, bool whole)
{
	if (!whole)
		return COLLECT_TORN;
	for (unsigned side = 0; side < METER_SIDES; side++)
		if (!meter_conserved(&view->side[side]))
			return COLLECT_BROKEN;
	return COLLECT_CONSERVED;
}

/* The view is changed. */
static void add_to(const struct collect *collect, unsigned writer, uint32_t id,
	struct meter_connection *view, bool whole, struct collect_connection *out)
{
	const struct meter_connection *base = collect->connection_base[id];
	enum collect_state state = judge(view, whole);

	if (base != NULL)
		subtract_words(view, &base[writer], WORDS(*view));
	add_words(&out->sum, view, WORDS(*view));
	if (state > out->conserved)
		out->conserved = state;
}

static void add_view(
	const struct collect *collect, unsigned writer, uint32_t id, struct collect_connection *out)
{
	struct meter_connection view;
	bool whole = meter_read_connection(collect->meter[writer], id, &view);

	add_to(collect, writer, id, &view, whole, out);
}

static void count_rings(struct collect_connection *c)
{
	uint64_t gone = 0, come = 0;

	for (unsigned side = 0; side < METER_SIDES; side++) {
		gone += c->sum.side[side].ring_out;
		come += c->sum.side[side].ring_in;
	}
	c->in_rings = gone > come ? gone - come : 0;
}

void collect_connection_of(
	const struct collect *collect, unsigned writer, uint32_t id, struct collect_connection *out)
{
	memset(out, 0, sizeof(*out));
	add_view(collect, writer, id, out);
}

void collect_connection(const struct collect *collect, uint32_t id, struct collect_connection *out)
{
	memset(out, 0, sizeof(*out));
	for (unsigned w = 0; w <= collect->workers; w++)
		add_view(collect, w, id, out);
	count_rings(out);
}

unsigned collect_batch(const struct collect *collect)
{
	unsigned batch = BATCH_VIEWS / (collect->workers + 1);

	return batch < 4 ? 4 : batch < BATCH_MOST ? batch : BATCH_MOST;
}

static void add_drops(const struct meter_connection *view, uint64_t drop[DROP_COUNT])
{
	for (unsigned side = 0; side < METER_SIDES; side++)
		if (view->side[side].dropped != 0)
			add_words(drop, view->side[side].drop, DROP_COUNT);
}

const struct collect_connection *collect_connections(
	const struct collect *collect, uint32_t first, unsigned count, uint64_t drop[DROP_COUNT])
{
	struct meter_connection *view = collect->view;
	struct collect_connection *out = collect->batch;
	bool whole[BATCH_MOST];

	memset(out, 0, count * sizeof(*out));
	for (unsigned w = 0; w <= collect->workers; w++) {
		meter_read_connections(collect->meter[w], first, count, view, whole);
		for (unsigned i = 0; i < count; i++) {
			if (drop != NULL)
				add_drops(&view[i], drop);
			add_to(collect, w, first + i, &view[i], whole[i], &out[i]);
		}
	}
	for (unsigned i = 0; i < count; i++)
		count_rings(&out[i]);
	return out;
}

void collect_connection_drops(const struct collect *collect, uint32_t id, uint64_t drop[DROP_COUNT])
{
	for (unsigned w = 0; w <= collect->workers; w++) {
		const struct meter_connection *c = &collect->meter[w]->connection[id];

		for (unsigned side = 0; side < METER_SIDES; side++)
			for (unsigned reason = 0; reason < DROP_COUNT; reason++)
				drop[reason] += peek(&c->side[side].drop[reason]);
	}
}

void collect_port_of(
	const struct collect *collect, unsigned writer, uint32_t index, struct collect_port *out)
{
	memset(out, 0, sizeof(*out));
	out->torn = !meter_read_port(collect->meter[writer], index, &out->sum);
}

void collect_port(const struct collect *collect, uint32_t index, struct collect_port *out)
{
	struct collect_port one;

	memset(out, 0, sizeof(*out));
	for (unsigned w = 0; w <= collect->workers; w++) {
		collect_port_of(collect, w, index, &one);
		add_words(&out->sum, &one.sum, WORDS(one.sum));
		out->torn |= one.torn;
	}
}

void collect_attachment(const struct collect *collect, uint32_t id, struct meter_traffic *out)
{
	*out = (struct meter_traffic){0};
	for (unsigned w = 0; w <= collect->workers; w++)
		add_traffic(out, &collect->meter[w]->attachment[id]);
	subtract_words(out, &collect->attachment_base[id], WORDS(*out));
}

void collect_path(const struct collect *collect, uint32_t id, struct meter_traffic *out)
{
	*out = (struct meter_traffic){0};
	for (unsigned w = 0; w <= collect->workers; w++)
		add_traffic(out, &collect->meter[w]->path[id]);
	subtract_words(out, &collect->path_base[id], WORDS(*out));
}

void collect_lanes(const struct collect *collect, uint32_t id, struct lanes_view *out)
{
	*out = (struct lanes_view){0};
	if (collect->plane == NULL)
		return;
	lanes_view(plane_lanes(collect->plane), (uint16_t)id, out);
	subtract_words(out, &collect->lanes_base[id], WORDS(*out));
}

void collect_worker(const struct collect *collect, unsigned worker, struct collect_worker *out)
{
	const struct meter *m = collect->meter[worker];

	*out = (struct collect_worker){
		.turns = peek(&m->turns),
		.busy_turns = peek(&m->busy_turns),
		.packets = peek(&m->packets),
		.sleeps = peek(&m->sleeps),
		.busy_ns = cycles_ns(collect, peek(&m->busy_cycles)),
		.sleep_ns = cycles_ns(collect, peek(&m->sleep_cycles)),
		.poll_gap_max_ns = cycles_ns(collect, peek(&m->poll_gap_max)),
		.moved_buckets = peek(&m->move.buckets),
		.moved_queues = peek(&m->move.queues),
		.moves_given_up = peek(&m->move.given_up),
		.held = peek(&m->ring_sent[worker]),
		.hold_full = peek(&m->ring_full[worker]),
		.hold_max_ns = cycles_ns(collect, peek(&m->move.longest)),
	};
	for (unsigned from = 0; from < collect->workers; from++)
		out->spread += peek(&collect->meter[from]->spread[worker]);
	if (collect->plane != NULL && worker < collect->workers)
		out->generation = plane_generation(collect->plane, worker);
}

void collect_poll_gap(const struct collect *collect, unsigned worker, struct histogram_sum *out)
{
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		out->bucket[i] = peek(&collect->meter[worker]->poll_gap[i]);
}

void collect_ring(
	const struct collect *collect, unsigned from, unsigned to, struct collect_ring *out)
{
	const struct meter *m = collect->meter[from];

	*out = (struct collect_ring){
		.sent = peek(&m->ring_sent[to]), .full = peek(&m->ring_full[to])};
	if (collect->plane != NULL && from < collect->workers)
		out->depth = plane_ring_count(collect->plane, from, to);
}

void collect_subtract(struct collect_connection *a, const struct collect_connection *b)
{
	uint64_t held[METER_SIDES];

	for (unsigned side = 0; side < METER_SIDES; side++)
		held[side] = a->sum.side[side].held;
	subtract_words(&a->sum, &b->sum, WORDS(a->sum));
	for (unsigned side = 0; side < METER_SIDES; side++)
		a->sum.side[side].held = held[side];
}

const char *collect_state_name(enum collect_state state)
{
	static const char *const name[] = {
		[COLLECT_CONSERVED] = "true", [COLLECT_TORN] = "torn", [COLLECT_BROKEN] = "false"};

	return name[state];
}
