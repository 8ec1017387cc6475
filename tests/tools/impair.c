/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/tools/impair.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_LIMIT	   65536
#define DEFAULT_REORDER_NS 1000000
#define ETHERNET_BYTES	   14

/* Not ISO C, but of both compilers. */
__extension__ typedef unsigned __int128 wide;

static uint64_t spread(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static uint64_t rotate(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

/* xoshiro256**: small, fast, and the same everywhere, which rand() is not. */
static uint64_t draw(struct impair *impair)
{
	uint64_t *s = impair->random;
	uint64_t result = rotate(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate(s[3], 45);
	return result;
}

/* Uniform on [0, bound); 0 for bound 0. */
static uint64_t draw_below(struct impair *impair, uint64_t bound)
{
	return (uint64_t)(((wide)draw(impair) * bound) >> 64);
}

static bool draw_chance(struct impair *impair, uint32_t ppm)
{
	return draw_below(impair, IMPAIR_PPM) < ppm;
}

void impair_start(struct impair *impair, uint64_t seed)
{
	memset(impair, 0, sizeof(*impair));
	for (int i = 0; i < 4; i++)
		impair->random[i] = spread(&seed);
	impair->number = 1;
	impair->settings.limit = DEFAULT_LIMIT;
	impair->settings.reorder_ns = DEFAULT_REORDER_NS;
}

static uint64_t due_time(struct impair *impair, uint64_t now_ns, uint64_t jitter_ns, bool held_back)
{
	uint64_t due = now_ns + impair->settings.delay_ns + jitter_ns;

	if (held_back)
		return due + impair->settings.reorder_ns;
	if (due < impair->last_due)
		due = impair->last_due;
	impair->last_due = due;
	return due;
}

struct impair_fate impair_decide(struct impair *impair, uint64_t now_ns, uint32_t length)
{
	const struct impair_settings *set = &impair->settings;
	struct impair_counts *counts = &impair->counts;
	struct impair_fate fate = {.number = impair->number++};
	bool lost = draw_chance(impair, set->loss);
	bool twice = draw_chance(impair, set->duplicate);
	bool corrupt = draw_chance(impair, set->corrupt);
	bool held_back = draw_chance(impair, set->reorder);
	uint64_t jitter = draw_below(impair, set->jitter_ns + 1);
	uint64_t bits = length > ETHERNET_BYTES ? 8 * (uint64_t)(length - ETHERNET_BYTES) : 0;
	uint32_t bit = (uint32_t)(8 * ETHERNET_BYTES + draw_below(impair, bits));

	counts->received++;
	counts->received_bytes += length;
	if (set->cut) {
		counts->cut++;
		return fate;
	}
	if (lost) {
		counts->lost++;
		return fate;
	}
	if (impair->in_flight >= set->limit) {
		counts->queue_full++;
		return fate;
	}
	fate.copies = 1;
	if (twice) {
		fate.copies = 2;
		counts->duplicated++;
	}
	if (corrupt && bits > 0) {
		fate.corrupt_bit = bit;
		counts->corrupted++;
	}
	if (held_back)
		counts->held_back++;
	fate.due_ns = due_time(impair, now_ns, jitter, held_back);
	impair->in_flight += fate.copies;
	return fate;
}

bool impair_may_leave(const struct impair *impair)
{
	return !impair->settings.cut;
}

void impair_sent(struct impair *impair, uint64_t number, uint32_t length)
{
	impair->in_flight--;
	impair->counts.sent++;
	impair->counts.sent_bytes += length;
	if (number < impair->last_sent)
		impair->counts.late++;
	else
		impair->last_sent = number;
}

void impair_refused(struct impair *impair)
{
	impair->in_flight--;
	impair->counts.refused++;
}

void impair_cut(struct impair *impair)
{
	impair->in_flight--;
	impair->counts.cut++;
}

static int read_number(const char *text, double *value, const char **unit)
{
	char *end;

	errno = 0;
	*value = strtod(text, &end);
	if (end == text || errno != 0 || !isfinite(*value) || *value < 0)
		return -EINVAL;
	*unit = end;
	return 0;
}

static int read_time(const char *text, uint64_t *ns)
{
	static const struct {
		const char *unit;
		double ns;
	} units[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}};
	const char *unit;
	double value;

	if (read_number(text, &value, &unit) != 0)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(unit, units[i].unit) == 0 && value * units[i].ns <= 1e12) {
			*ns = (uint64_t)(value * units[i].ns + 0.5);
			return 0;
		}
	if (value > 0 || *unit != '\0')
		return -EINVAL;
	*ns = 0;
	return 0;
}

static int read_chance(const char *text, uint32_t *ppm)
{
	const char *unit;
	double value;

	if (read_number(text, &value, &unit) != 0)
		return -EINVAL;
	if (strcmp(unit, "%") == 0)
		value /= 100;
	else if (*unit != '\0')
		return -EINVAL;
	if (value > 1)
		return -EINVAL;
	*ppm = (uint32_t)(value * IMPAIR_PPM + 0.5);
	return 0;
}

static int read_limit(const char *text, uint32_t *limit)
{
	const char *unit;
	double value;

	if (read_number(text, &value, &unit) != 0 || *unit != '\0' || value > 1e7)
		return -EINVAL;
	*limit = (uint32_t)value;
	return 0;
}

static int read_switch(const char *text, bool *on)
{
	if (strcmp(text, "0") != 0 && strcmp(text, "1") != 0)
		return -EINVAL;
	*on = *text == '1';
	return 0;
}

int impair_set(struct impair_settings *settings, const char *assignment)
{
	const char *equals = strchr(assignment, '=');
	const char *value = equals ? equals + 1 : "";
	size_t length = equals ? (size_t)(equals - assignment) : 0;
	const struct {
		const char *key;
		uint64_t *time;
		uint32_t *chance;
	} keys[] = {
		{"delay", &settings->delay_ns, NULL},
		{"jitter", &settings->jitter_ns, NULL},
		{"reorder_by", &settings->reorder_ns, NULL},
		{"loss", NULL, &settings->loss},
		{"reorder", NULL, &settings->reorder},
		{"duplicate", NULL, &settings->duplicate},
		{"corrupt", NULL, &settings->corrupt},
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strlen(keys[i].key) == length && memcmp(keys[i].key, assignment, length) == 0)
			return keys[i].time ? read_time(value, keys[i].time)
					    : read_chance(value, keys[i].chance);
	if (length == 5 && memcmp(assignment, "limit", 5) == 0)
		return read_limit(value, &settings->limit);
	if (length == 3 && memcmp(assignment, "cut", 3) == 0)
		return read_switch(value, &settings->cut);
	return -EINVAL;
}
