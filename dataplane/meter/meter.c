/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/meter/meter.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <rte_pause.h>

#include "dataplane/base/words.h"

#define READ_TRIES  200 /* views begun before a torn one is given */
#define READ_ROUNDS 3	/* of many connections; the rest is read one by one */
#define WAITS	    500 /* looks at the sequence for a burst to end */

static const struct {
	const char *name, *meaning;
} notes[METER_NOTE_COUNT] = {
#define X(id, name, meaning) [METER_NOTE_##id] = {name, meaning},
	METER_NOTE_LIST(X)
#undef X
};

const char *meter_note_name(enum meter_note note)
{
	return notes[note].name;
}

const char *meter_note_meaning(enum meter_note note)
{
	return notes[note].meaning;
}

static size_t round_line(size_t bytes)
{
	return (bytes + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1);
}

/* One mapping for everything: untouched pages of ids not in use cost nothing. */
struct layout {
	size_t connection, attachment, path, port, ring_full, ring_sent, spread, flows, total;
};

static struct layout layout_of(const struct meter_sizes *n)
{
	struct layout l = {.connection = round_line(sizeof(struct meter))};

	l.attachment = l.connection + round_line(sizeof(struct meter_connection) * n->connections);
	l.path = l.attachment + round_line(sizeof(struct meter_traffic) * n->attachments);
	l.port = l.path + round_line(sizeof(struct meter_traffic) * n->paths);
	l.ring_full = l.port + round_line(sizeof(struct meter_port) * n->ports);
	l.ring_sent = l.ring_full + round_line(sizeof(uint64_t) * n->workers);
	l.spread = l.ring_sent + round_line(sizeof(uint64_t) * n->workers);
	l.flows = l.spread + round_line(sizeof(uint64_t) * n->workers);
	l.total = l.flows + round_line(sizeof(struct flows)) + CACHE_LINE;
	return l;
}

struct meter *meter_create(const struct meter_sizes *sizes)
{
	struct layout l = layout_of(sizes);
	char *base = mmap(NULL, l.total, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct meter *meter;

	if (base == MAP_FAILED)
		return NULL;
	meter = (struct meter *)(void *)base;
	meter->connection = (struct meter_connection *)(void *)(base + l.connection);
	meter->attachment = (struct meter_traffic *)(void *)(base + l.attachment);
	meter->path = (struct meter_traffic *)(void *)(base + l.path);
	meter->port = (struct meter_port *)(void *)(base + l.port);
	meter->ring_full = (uint64_t *)(void *)(base + l.ring_full);
	meter->ring_sent = (uint64_t *)(void *)(base + l.ring_sent);
	meter->spread = (uint64_t *)(void *)(base + l.spread);
	meter->flows = (struct flows *)(void *)(base + l.flows);
	/* Each meter draws its own packets. */
	meter->flows->random = (uint32_t)((uintptr_t)base >> 12);
	meter->bytes = l.total;
	return meter;
}

void meter_destroy(struct meter *meter)
{
	if (meter != NULL)
		munmap(meter, meter->bytes);
}

/* An even sequence, or the odd one after a little waiting. */
static uint64_t view_begin(const struct meter *meter)
{
	uint64_t sequence = 0;

	for (unsigned tried = 0; tried < WAITS; tried++) {
		/* Acquire: counts are read after the sequence that covers them. */
		sequence = atomic_load_explicit(&meter->sequence, memory_order_acquire);
		if (!(sequence & 1))
			break;
		rte_pause();
	}
	return sequence;
}

static bool view_holds(const struct meter *meter, uint64_t begun)
{
	/* The second look at the sequence must come after the copy. */
	atomic_thread_fence(memory_order_acquire);
	return !(begun & 1) &&
	       atomic_load_explicit(&meter->sequence, memory_order_relaxed) == begun;
}

static bool drops_add_up(const struct meter_side *side)
{
	uint64_t drops = 0;

	for (unsigned i = 0; i < DROP_COUNT; i++)
		drops += side->drop[i];
	return drops == side->dropped;
}

/* The totals of a side are two cache lines: small enough to be read between two bursts of a worker
 * that is never idle. The reasons behind its drops may be read later, as long as they add up. */
#define SIDE_TOTALS offsetof(struct meter_side, drop)

bool meter_read_connection(const struct meter *meter, uint32_t id, struct meter_connection *out)
{
	const struct meter_connection *c = &meter->connection[id];

	for (unsigned tried = 0; tried < READ_TRIES; tried++) {
		uint64_t begun = view_begin(meter);
		bool held;

		for (unsigned s = 0; s < METER_SIDES; s++)
			words_copy(&c->side[s], &out->side[s], SIDE_TOTALS);
		held = view_holds(meter, begun);
		for (unsigned s = 0; s < METER_SIDES; s++)
			words_copy(c->side[s].drop, out->side[s].drop, sizeof(c->side[s].drop));
		words_copy(c->note, out->note, sizeof(c->note));
		words_copy(&c->police, &out->police, sizeof(c->police));
		if (held && (view_holds(meter, begun) ||
				    (drops_add_up(&out->side[0]) && drops_add_up(&out->side[1]))))
			return true;
	}
	return false;
}

/* The writer has been at rest since all that was read before, and what is read after comes later.
 */
static bool view_passed(const struct meter *meter)
{
	uint64_t begun, now;

	/* Acquire: what was read before is older than the sequence. */
	atomic_thread_fence(memory_order_acquire);
	begun = now = atomic_load_explicit(&meter->sequence, memory_order_acquire);
	for (unsigned tried = 0; tried < WAITS && (now & 1) && now == begun; tried++) {
		rte_pause();
		/* Acquire: and what is read after is newer. */
		now = atomic_load_explicit(&meter->sequence, memory_order_acquire);
	}
	return !(begun & 1) || now != begun;
}

/* Reads those that are not whole yet; how many still are not. */
static unsigned read_round(const struct meter *meter, uint32_t first, unsigned count,
	struct meter_connection *out, bool *whole)
{
	const struct meter_connection *c = &meter->connection[first];
	unsigned left = 0;
	bool passed;

	for (unsigned i = 0; i < count; i++)
		if (!whole[i])
			words_copy(&c[i], &out[i], sizeof(*out));
	passed = view_passed(meter);
	for (unsigned i = 0; i < count; i++) {
		whole[i] = whole[i] || (passed && words_same(&c[i], &out[i], sizeof(*out)));
		left += !whole[i];
	}
	return left;
}

void meter_read_connections(const struct meter *meter, uint32_t first, unsigned count,
	struct meter_connection *out, bool *whole)
{
	unsigned left = count;

	memset(whole, 0, count * sizeof(*whole));
	for (unsigned round = 0; round < READ_ROUNDS && left > 0; round++)
		left = read_round(meter, first, count, out, whole);
	for (unsigned i = 0; i < count && left > 0; i++)
		if (!whole[i])
			whole[i] = meter_read_connection(meter, first + i, &out[i]);
}

bool meter_read_port(const struct meter *meter, uint32_t index, struct meter_port *out)
{
	for (unsigned tried = 0; tried < READ_TRIES; tried++) {
		uint64_t begun = view_begin(meter);

		words_copy(&meter->port[index], out, sizeof(*out));
		if (view_holds(meter, begun))
			return true;
	}
	return false;
}

bool meter_conserved(const struct meter_side *s)
{
	return drops_add_up(s) &&
	       s->rx + s->ring_in + s->originated + s->fragments_added + s->copies ==
		       s->tx + s->ring_out + s->consumed + s->eliminated + s->dropped + s->held;
}
