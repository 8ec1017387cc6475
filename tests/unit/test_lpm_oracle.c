/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The route store against a list that is searched from end to end. Random puts, replacements and
 * deletes over several tables of both families; prefixes cluster, so that covering and covered
 * ones, full blocks and lone long prefixes are all frequent.
 *
 * TRUNKLINE_SEED and TRUNKLINE_STEPS set the seed (printed) and the number of changes.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "dataplane/base/macros.h"
#include "dataplane/fwd/lpm.h"

#define TABLES	    6
#define ROUTES_MAX  6000
#define PROBES	    8
#define CHECK_EVERY 512
#define BULK	    333

struct route {
	uint32_t table, value;
	struct ip_prefix prefix;
};

struct world {
	struct lpm *lpm;
	struct route route[ROUTES_MAX];
	unsigned count;
	uint64_t random;
};

static struct world world;

static uint64_t next(struct world *w)
{
	/* splitmix64: one word of state, so that a printed seed is all it takes to repeat a run. */
	uint64_t z = w->random += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static unsigned below(struct world *w, unsigned limit)
{
	return (unsigned)(next(w) % limit);
}

static unsigned long from_environment(const char *name, unsigned long otherwise)
{
	const char *text = getenv(name);

	return text != NULL ? strtoul(text, NULL, 0) : otherwise;
}

/* The oracle. */

static int find(const struct world *w, uint32_t table, const struct ip_prefix *prefix)
{
	for (unsigned i = 0; i < w->count; i++)
		if (w->route[i].table == table && w->route[i].prefix.length == prefix->length &&
			ip_equal(&w->route[i].prefix.ip, &prefix->ip))
			return (int)i;
	return -1;
}

static uint32_t longest(const struct world *w, uint32_t table, const struct ip_address *address)
{
	const struct route *best = NULL;

	for (unsigned i = 0; i < w->count; i++) {
		const struct route *r = &w->route[i];

		if (r->table == table && (best == NULL || r->prefix.length > best->prefix.length) &&
			ip_prefix_contains(&r->prefix, address))
			best = r;
	}
	return best != NULL ? best->value : 0;
}

/* What to ask for. */

static const uint8_t lengths4[] = {0, 1, 7, 8, 9, 12, 15, 16, 17, 18, 19, 20, 20, 21, 22, 22, 23,
	23, 24, 24, 24, 24, 24, 24, 25, 26, 27, 28, 29, 30, 31, 32, 32, 32};
static const uint8_t lengths6[] = {0, 1, 3, 8, 16, 19, 20, 28, 29, 32, 32, 32, 33, 36, 40, 44, 48,
	48, 48, 48, 52, 56, 60, 63, 64, 64, 64, 65, 80, 96, 112, 120, 126, 127, 128, 128};

static struct ip_address random_address(struct world *w, uint8_t family)
{
	struct ip_address ip = {.family = family};
	unsigned bytes = ip_bits(family) / 8;
	/* Most of the bytes from a small alphabet: addresses share long and short beginnings. */
	unsigned fixed = below(w, bytes + 1);

	for (unsigned i = 0; i < bytes; i++)
		ip.bytes[i] = i < fixed ? (uint8_t)(10 + below(w, 2) * 128 + below(w, 2))
					: (uint8_t)below(w, below(w, 2) ? 16 : 256);
	return ip;
}

static struct ip_prefix random_prefix(struct world *w)
{
	uint8_t family = below(w, 2) ? IP_4 : IP_6;
	struct ip_prefix p = {.ip = random_address(w, family)};

	p.length = family == IP_4 ? lengths4[below(w, ARRAY_SIZE(lengths4))]
				  : lengths6[below(w, ARRAY_SIZE(lengths6))];
	/* Near a prefix that is there: inside it, beside it, or above it. */
	if (w->count > 0 && below(w, 3) != 0) {
		const struct route *r = &w->route[below(w, w->count)];
		unsigned keep = r->prefix.length, bits;

		p.ip.family = r->prefix.ip.family;
		bits = ip_bits(p.ip.family);
		p.length = (uint8_t)(below(w, 4) ? keep + below(w, 9) : below(w, bits + 1));
		if (p.length > bits)
			p.length = (uint8_t)bits;
		for (unsigned i = 0; i < 16; i++)
			p.ip.bytes[i] = i < keep / 8   ? r->prefix.ip.bytes[i]
					: i < bits / 8 ? (uint8_t)below(w, 256)
						       : 0;
	}
	p.ip = ip_mask(&p.ip, p.length);
	return p;
}

/* Inside the prefix, at its ends, or just outside. */
static struct ip_address near(struct world *w, const struct ip_prefix *prefix)
{
	struct ip_address ip = prefix->ip;
	unsigned bits = ip_bits(ip.family), kind = below(w, 4);

	for (unsigned i = prefix->length; i < bits; i++)
		if (kind == 1 || (kind == 2 && below(w, 2)))
			ip.bytes[i / 8] |= (uint8_t)(0x80 >> i % 8);
	if (kind == 3 && prefix->length > 0)
		ip.bytes[(prefix->length - 1) / 8] ^= (uint8_t)(0x80 >> (prefix->length - 1) % 8);
	return ip;
}

/* What must hold. */

static void expect(const struct world *w, uint32_t table, const struct ip_address *ip, uint32_t got)
{
	uint32_t want = longest(w, table, ip);
	char text[IP_TEXT_MAX];

	if (got != want)
		fail_msg("table %u %s: %u, not %u", table, ip_format(ip, text, sizeof(text)), got,
			want);
}

static void probe(struct world *w, const struct ip_prefix *prefix, uint32_t table)
{
	for (unsigned i = 0; i < PROBES; i++) {
		struct ip_address ip =
			i < PROBES - 2 ? near(w, prefix) : random_address(w, prefix->ip.family);

		expect(w, table, &ip, lpm_lookup(w->lpm, table, &ip));
	}
}

static uint64_t word(const uint8_t *bytes)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < 8; i++)
		v = v << 8 | bytes[i];
	return v;
}

static void probe_bulk(struct world *w)
{
	static uint32_t table[BULK], address4[BULK], value4[BULK], value6[BULK];
	static struct lpm6_key address6[BULK];
	static struct ip_address ip4[BULK], ip6[BULK];
	struct ip_prefix none = {0};

	for (unsigned i = 0; i < BULK; i++) {
		none = w->count ? w->route[below(w, w->count)].prefix : none;
		table[i] = below(w, TABLES);
		ip4[i] = none.ip.family == IP_4 ? near(w, &none) : random_address(w, IP_4);
		ip6[i] = none.ip.family == IP_6 ? near(w, &none) : random_address(w, IP_6);
		address4[i] = ip_v4(&ip4[i]);
		address6[i] = (struct lpm6_key){word(ip6[i].bytes), word(ip6[i].bytes + 8)};
	}
	lpm4_lookup(w->lpm, table, address4, value4, BULK);
	lpm6_lookup(w->lpm, table, address6, value6, BULK);
	for (unsigned i = 0; i < BULK; i++) {
		expect(w, table[i], &ip4[i], value4[i]);
		expect(w, table[i], &ip6[i], value6[i]);
	}
}

struct walked {
	const struct world *w;
	uint32_t table;
	unsigned count;
	struct ip_prefix before;
};

static int visit(const struct ip_prefix *prefix, uint32_t value, void *context)
{
	struct walked *at = context;
	int i = find(at->w, at->table, prefix), order;

	assert_true(i >= 0);
	assert_int_equal(at->w->route[i].value, value);
	if (at->count++ > 0) {
		order = at->before.ip.family - prefix->ip.family;
		if (order == 0)
			order = memcmp(at->before.ip.bytes, prefix->ip.bytes, 16);
		if (order == 0)
			order = at->before.length - prefix->length;
		assert_true(order < 0);
	}
	at->before = *prefix;
	return 0;
}

static void check_walks(const struct world *w)
{
	unsigned total = 0;

	for (uint32_t table = 0; table < TABLES; table++) {
		struct walked at = {.w = w, .table = table};

		assert_int_equal(lpm_walk(w->lpm, table, visit, &at), 0);
		total += at.count;
	}
	assert_int_equal(total, w->count);
}

/* Changes. */

static void put(struct world *w)
{
	struct ip_prefix prefix = random_prefix(w);
	uint32_t table = below(w, TABLES), value = 1 + below(w, 0x7ffffffe);
	int i = find(w, table, &prefix);

	if (i < 0 && w->count == ROUTES_MAX)
		return;
	assert_int_equal(lpm_put(w->lpm, table, &prefix, value), 0);
	if (i < 0)
		i = (int)w->count++;
	w->route[i] = (struct route){table, value, prefix};
	assert_int_equal(lpm_get(w->lpm, table, &prefix), value);
	probe(w, &prefix, table);
}

static void replace(struct world *w)
{
	struct route *r = &w->route[below(w, w->count)];

	r->value = 1 + below(w, 1000);
	assert_int_equal(lpm_put(w->lpm, r->table, &r->prefix, r->value), 0);
	probe(w, &r->prefix, r->table);
}

static void delete (struct world *w)
{
	unsigned i = below(w, w->count);
	struct route r = w->route[i];

	w->route[i] = w->route[--w->count];
	assert_int_equal(lpm_delete(w->lpm, r.table, &r.prefix), 0);
	assert_int_equal(lpm_get(w->lpm, r.table, &r.prefix), 0);
	assert_int_not_equal(lpm_delete(w->lpm, r.table, &r.prefix), 0);
	probe(w, &r.prefix, r.table);
}

/* Grows, shrinks and grows again, so that blocks are made and merged in every state. */
static void step(struct world *w, unsigned long i, unsigned long steps)
{
	unsigned phase = (unsigned)(i * 8 / steps), puts = phase % 2 == 0 ? 7 : 2;
	unsigned dice = below(w, 10);

	if (w->count == 0 || dice < puts)
		put(w);
	else if (dice < puts + 1)
		replace(w);
	else
		delete (w);
	if (i % CHECK_EVERY == 0) {
		check_walks(w);
		probe_bulk(w);
	}
}

static void test_against_the_list(void **state)
{
	unsigned long steps = from_environment("TRUNKLINE_STEPS", 12000);
	struct world *w = &world;
	struct lpm_usage before, after;

	(void)state;
	w->random = from_environment("TRUNKLINE_SEED", (unsigned long)time(NULL));
	print_message("seed %" PRIu64 "\n", w->random);
	w->lpm = lpm_create(&(struct lpm_config){.tables = TABLES, .routes = ROUTES_MAX});
	assert_non_null(w->lpm);
	lpm_usage(w->lpm, &before);
	for (unsigned long i = 0; i < steps; i++)
		step(w, i, steps);
	while (w->count > 0)
		delete (w);
	lpm_usage(w->lpm, &after);
	assert_memory_equal(&before, &after, sizeof(before));
	lpm_destroy(w->lpm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_against_the_list)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
