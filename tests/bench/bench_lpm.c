/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cycles (TSC) per look-up, microseconds per change and bytes per route of our route store, and of
 * rte_fib, rte_fib6 and rte_lpm beside it in the same run, on the same routes and addresses.
 *
 * Addresses are random among those that hit a route, and differ for every look-up; bursts of 32.
 * A figure is the median of RUNS. All run on 4 KiB pages (EAL has no others without a reserve), so
 * ours does too; the lines "huge" are ours again with transparent huge pages, as in the gateway.
 *
 * bench_lpm [--smoke] [EAL options]
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_fib.h>
#include <rte_fib6.h>
#include <rte_lpm.h>

#include "dataplane/base/macros.h"
#include "dataplane/fwd/lpm.h"

#define RUNS	9
#define BURST	32
#define CHANGES 50000u

struct shape {
	const char *name;
	uint8_t family;
	uint32_t tables, routes; /* routes: in each */
	bool fib, lpm;		 /* whether DPDK's can hold it here */
};

static const struct shape shapes[] = {
	{"1 x 1M v4", IP_4, 1, 1000000, true, false},
	{"1 x 20k v4", IP_4, 1, 20000, true, true},
	{"16 x 20k v4", IP_4, 16, 20000, true, true},
	{"4096 x 250 v4", IP_4, 4096, 250, false, false},
	{"4096 x 10 v4", IP_4, 4096, 10, false, false},
	{"1 x 200k v6", IP_6, 1, 200000, true, false},
	{"16 x 20k v6", IP_6, 16, 20000, true, false},
	{"4096 x 250 v6", IP_6, 4096, 250, false, false},
};

struct route {
	uint32_t table, value;
	struct ip_prefix prefix;
};

struct set {
	struct shape shape;
	struct route *route;
	uint32_t count;
	uint32_t *table, *address4, *value;
	struct lpm6_key *address6;
};

static uint64_t state = 42;
static uint32_t addresses = 1u << 20; /* different ones */

static uint32_t below(uint32_t limit)
{
	uint64_t z = state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (uint32_t)((z ^ z >> 31) % limit);
}

/* Percent of each length, after public tables of both families. */
static const uint8_t mix4[][2] = {
	{24, 60}, {22, 12}, {23, 10}, {21, 5}, {20, 4}, {19, 3}, {18, 2}, {16, 2}, {32, 2}};
static const uint8_t mix6[][2] = {{48, 48}, {32, 14}, {44, 10}, {40, 9}, {36, 6}, {46, 5}, {47, 4},
	{29, 2}, {64, 1}, {128, 1}};

static uint8_t pick_length(const uint8_t (*mix)[2], size_t n)
{
	uint32_t dice = below(100), i = 0;

	while (i + 1 < n && dice >= mix[i][1])
		dice -= mix[i++][1];
	return mix[i][0];
}

/* Half of the prefixes stand next to the one before, as allocations do. */
static struct ip_prefix pick_prefix(uint8_t family, const struct ip_prefix *before)
{
	struct ip_prefix p = {.ip.family = family};
	unsigned bytes = ip_bits(family) / 8;

	if (before->length > 8 && below(2) != 0) {
		p = *before;
		unsigned i = (p.length - 1u) / 8, step = 1u << (7 - (p.length - 1u) % 8);

		if (p.ip.bytes[i] + step < 256) {
			p.ip.bytes[i] = (uint8_t)(p.ip.bytes[i] + step);
			return p;
		}
	}
	for (unsigned i = 0; i < bytes; i++)
		p.ip.bytes[i] = (uint8_t)below(256);
	p.ip.bytes[0] = (uint8_t)(1 + below(223));
	if (family == IP_6) {
		/* Registries hold a few hundred /16s, of which some are crowded. */
		p.ip.bytes[0] = (uint8_t)(0x20 + (below(4) ? below(3) * 4 : below(16)));
		p.ip.bytes[1] = (uint8_t)(below(2) ? below(6) : below(32));
	}
	p.length = family == IP_4 ? pick_length(mix4, ARRAY_SIZE(mix4))
				  : pick_length(mix6, ARRAY_SIZE(mix6));
	p.ip = ip_mask(&p.ip, p.length);
	return p;
}

static uint64_t word(const uint8_t *bytes)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < 8; i++)
		v = v << 8 | bytes[i];
	return v;
}

static void *get(size_t count, size_t size)
{
	void *p = calloc(count, size);

	if (p == NULL) {
		fprintf(stderr, "bench_lpm: no memory\n");
		exit(1);
	}
	return p;
}

static void pick_addresses(struct set *s)
{
	for (uint32_t i = 0; i < addresses; i++) {
		const struct route *r = &s->route[below(s->count)];
		struct ip_address ip = r->prefix.ip, noise = {.family = ip.family}, host;

		for (unsigned k = 0; k < ip_bits(ip.family) / 8; k++)
			noise.bytes[k] = (uint8_t)below(256);
		host = ip_mask(&noise, r->prefix.length);
		for (unsigned k = 0; k < 16; k++)
			ip.bytes[k] |= noise.bytes[k] ^ host.bytes[k];
		s->table[i] = r->table;
		s->address4[i] = ip_v4(&ip);
		s->address6[i] = (struct lpm6_key){word(ip.bytes), word(ip.bytes + 8)};
	}
}

/* Draws the routes; a store finds out which are there already. */
static void make_set(struct set *s, const struct shape *shape)
{
	uint32_t total = shape->tables * shape->routes;
	struct lpm *lpm = lpm_create(&(struct lpm_config){shape->tables, total, NULL});
	struct ip_prefix prefix = {0};

	*s = (struct set){.shape = *shape};
	s->route = get(total, sizeof(s->route[0]));
	s->table = get(addresses, sizeof(s->table[0]));
	s->address4 = get(addresses, sizeof(s->address4[0]));
	s->address6 = get(addresses, sizeof(s->address6[0]));
	s->value = get(addresses, sizeof(s->value[0]));
	while (lpm != NULL && s->count < total) {
		uint32_t table = s->count / shape->routes;

		prefix = pick_prefix(shape->family, &prefix);
		if (lpm_get(lpm, table, &prefix) != 0)
			continue;
		s->route[s->count] = (struct route){table, 1 + below(1000), prefix};
		lpm_put(lpm, table, &prefix, s->route[s->count++].value);
	}
	lpm_destroy(lpm);
	pick_addresses(s);
	/* Random order of changes: neighbours in time are not neighbours in the table. */
	for (uint32_t i = s->count - 1; i > 0; i--) {
		uint32_t j = below(i + 1);
		struct route r = s->route[i];

		s->route[i] = s->route[j];
		s->route[j] = r;
	}
}

static void drop_set(struct set *s)
{
	free(s->route);
	free(s->table);
	free(s->address4);
	free(s->address6);
	free(s->value);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* In TSC cycles, but only while this thread had the processor: it is shared. */
static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)(((double)t.tv_sec + (double)t.tv_nsec * 1e-9) * (double)rte_get_tsc_hz());
}

/* Median of RUNS passes of one over all addresses, in cycles per address. */
static double median(void (*one)(struct set *s, void *store), struct set *s, void *store)
{
	double run[RUNS];

	one(s, store);
	for (unsigned i = 0; i < RUNS; i++) {
		uint64_t start = now();

		one(s, store);
		run[i] = (double)(now() - start) / addresses;
	}
	qsort(run, RUNS, sizeof(run[0]), by_value);
	return run[RUNS / 2];
}

static double micros(uint64_t cycles, uint32_t changes)
{
	return (double)cycles * 1e6 / (double)rte_get_tsc_hz() / changes;
}

/* Ours. */

static void ours4(struct set *s, void *store)
{
	for (uint32_t i = 0; i < addresses; i += BURST)
		lpm4_lookup(store, s->table + i, s->address4 + i, s->value + i, BURST);
}

static void ours6(struct set *s, void *store)
{
	for (uint32_t i = 0; i < addresses; i += BURST)
		lpm6_lookup(store, s->table + i, s->address6 + i, s->value + i, BURST);
}

static struct lpm *fill(const struct set *s, double *put)
{
	struct lpm *lpm = lpm_create(&(struct lpm_config){s->shape.tables, s->count + 1, NULL});
	uint64_t start = now();

	for (uint32_t i = 0; lpm != NULL && i < s->count; i++)
		lpm_put(lpm, s->route[i].table, &s->route[i].prefix, s->route[i].value);
	*put = micros(now() - start, s->count);
	return lpm;
}

static void bench_changes(const struct set *s, struct lpm *lpm)
{
	uint32_t n = s->count < CHANGES ? s->count : CHANGES;
	uint64_t start = now(), middle;

	for (uint32_t i = 0; i < n; i++)
		lpm_delete(lpm, s->route[i].table, &s->route[i].prefix);
	middle = now();
	for (uint32_t i = 0; i < n; i++)
		lpm_put(lpm, s->route[i].table, &s->route[i].prefix, s->route[i].value);
	printf("    change at full size: delete %.2f us, put %.2f us", micros(middle - start, n),
		micros(now() - middle, n));
	start = now();
	for (uint32_t i = 0; i < n; i++)
		lpm_put(lpm, s->route[i].table, &s->route[i].prefix, s->route[i].value + 1);
	printf(", replace %.2f us\n", micros(now() - start, n));
}

static void bench_ours(struct set *s)
{
	struct lpm_usage u;
	double put, cycles;
	struct lpm *lpm = fill(s, &put);
	bool v6 = s->shape.family == IP_6;
	uint64_t tables;

	if (lpm == NULL)
		return;
	lpm_usage(lpm, &u);
	tables = s->shape.tables * 8;
	cycles = median(v6 ? ours6 : ours4, s, lpm);
	printf("  %-10s %7.1f cycles  put %.2f us  readers %.1f B/route  control %.1f B/route\n",
		"trunkline", cycles, put,
		(double)((v6 ? u.reader_bytes6 : u.reader_bytes4) - tables) / s->count,
		(double)u.control_bytes / s->count);
	bench_changes(s, lpm);
	lpm_destroy(lpm);
	prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0);
	lpm = fill(s, &put);
	if (lpm != NULL)
		printf("  %-10s %7.1f cycles  put %.2f us\n", "huge",
			median(v6 ? ours6 : ours4, s, lpm), put);
	lpm_destroy(lpm);
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
}

/* DPDK's. Where every burst has one table only, in bulk; else one at a time, as they must be. */

static void fib4(struct set *s, void *store)
{
	struct rte_fib **fib = store;
	uint64_t hop[BURST], sum = 0;

	for (uint32_t i = 0; i < addresses; i += BURST) {
		if (s->shape.tables == 1) {
			rte_fib_lookup_bulk(fib[0], s->address4 + i, hop, BURST);
			sum += hop[0];
			continue;
		}
		for (uint32_t k = i; k < i + BURST; k++) {
			rte_fib_lookup_bulk(fib[s->table[k]], s->address4 + k, hop, 1);
			sum += hop[0];
		}
	}
	s->value[0] = (uint32_t)sum;
}

static void bench_fib4(struct set *s)
{
	struct rte_fib_conf conf = {.type = RTE_FIB_DIR24_8,
		.max_routes = 2 * (int)s->shape.routes,
		.dir24_8 = {.nh_sz = RTE_FIB_DIR24_8_4B, .num_tbl8 = 65536}};
	struct rte_fib *fib[16] = {0};
	uint64_t start = now();
	uint32_t failed = 0;
	char name[32];

	for (uint32_t t = 0; t < s->shape.tables; t++) {
		snprintf(name, sizeof(name), "fib%u", t);
		fib[t] = rte_fib_create(name, 0, &conf);
		if (fib[t] == NULL)
			goto done;
		rte_fib_select_lookup(fib[t], RTE_FIB_LOOKUP_DIR24_8_SCALAR_MACRO);
	}
	for (uint32_t i = 0; i < s->count; i++) {
		const struct route *r = &s->route[i];

		failed += rte_fib_add(fib[r->table], ip_v4(&r->prefix.ip), r->prefix.length,
				  r->value) != 0;
	}
	start = now() - start;
	printf("  %-10s %7.1f cycles  put %.2f us%s\n", "rte_fib", median(fib4, s, fib),
		micros(start, s->count), failed ? "  (some refused)" : "");
done:
	for (uint32_t t = 0; t < s->shape.tables; t++)
		rte_fib_free(fib[t]);
}

static void fib6(struct set *s, void *store)
{
	struct rte_fib6 **fib = store;
	uint8_t ip[BURST][16];
	uint64_t hop[BURST], sum = 0;

	for (uint32_t i = 0; i < addresses; i += BURST) {
		for (uint32_t k = 0; k < BURST; k++) {
			uint64_t high = __builtin_bswap64(s->address6[i + k].high);
			uint64_t low = __builtin_bswap64(s->address6[i + k].low);

			memcpy(ip[k], &high, 8);
			memcpy(ip[k] + 8, &low, 8);
		}
		if (s->shape.tables == 1)
			rte_fib6_lookup_bulk(fib[0], ip, hop, BURST);
		for (uint32_t k = 0; s->shape.tables > 1 && k < BURST; k++)
			rte_fib6_lookup_bulk(fib[s->table[i + k]], ip + k, hop + k, 1);
		sum += hop[0];
	}
	s->value[0] = (uint32_t)sum;
}

static void bench_fib6(struct set *s)
{
	struct rte_fib6_conf conf = {.type = RTE_FIB6_TRIE,
		.max_routes = 2 * (int)s->shape.routes,
		.trie = {.nh_sz = RTE_FIB6_TRIE_4B,
			.num_tbl8 = s->shape.tables == 1 ? 1u << 19 : 1u << 16}};
	struct rte_fib6 *fib[16] = {0};
	uint64_t start = now();
	uint32_t failed = 0;
	char name[32];

	for (uint32_t t = 0; t < s->shape.tables; t++) {
		snprintf(name, sizeof(name), "fib6_%u", t);
		fib[t] = rte_fib6_create(name, 0, &conf);
		if (fib[t] == NULL)
			goto done;
		rte_fib6_select_lookup(fib[t], RTE_FIB6_LOOKUP_TRIE_SCALAR);
	}
	for (uint32_t i = 0; i < s->count; i++) {
		const struct route *r = &s->route[i];

		failed += rte_fib6_add(fib[r->table], r->prefix.ip.bytes, r->prefix.length,
				  r->value) != 0;
	}
	start = now() - start;
	printf("  %-10s %7.1f cycles  put %.2f us%s\n", "rte_fib6", median(fib6, s, fib),
		micros(start, s->count), failed ? "  (some refused)" : "");
done:
	for (uint32_t t = 0; t < s->shape.tables; t++)
		rte_fib6_free(fib[t]);
}

static void lpm4(struct set *s, void *store)
{
	struct rte_lpm **lpm = store;
	uint32_t sum = 0;

	for (uint32_t i = 0; i < addresses; i += BURST) {
		if (s->shape.tables == 1) {
			rte_lpm_lookup_bulk(lpm[0], s->address4 + i, s->value + i, BURST);
			continue;
		}
		for (uint32_t k = i; k < i + BURST; k++)
			sum += rte_lpm_lookup(lpm[s->table[k]], s->address4[k], s->value + k) == 0;
	}
	s->value[0] = sum;
}

static void bench_lpm4(struct set *s)
{
	struct rte_lpm_config conf = {.max_rules = s->shape.routes, .number_tbl8s = 4096};
	struct rte_lpm *lpm[16] = {0};
	uint64_t start = now();
	uint32_t failed = 0;
	char name[32];

	for (uint32_t t = 0; t < s->shape.tables; t++) {
		snprintf(name, sizeof(name), "lpm%u", t);
		lpm[t] = rte_lpm_create(name, 0, &conf);
		if (lpm[t] == NULL)
			goto done;
	}
	for (uint32_t i = 0; i < s->count; i++) {
		const struct route *r = &s->route[i];

		failed += rte_lpm_add(lpm[r->table], ip_v4(&r->prefix.ip), r->prefix.length,
				  r->value) != 0;
	}
	start = now() - start;
	printf("  %-10s %7.1f cycles  put %.2f us%s\n", "rte_lpm", median(lpm4, s, lpm),
		micros(start, s->count), failed ? "  (some refused)" : "");
done:
	for (uint32_t t = 0; t < s->shape.tables; t++)
		rte_lpm_free(lpm[t]);
}

static void bench(struct shape shape, bool smoke)
{
	struct set s;

	if (smoke)
		shape.routes = shape.routes / 100 + 1;
	make_set(&s, &shape);
	printf("%s\n", shape.name);
	bench_ours(&s);
	if (shape.fib && shape.family == IP_4 && !smoke)
		bench_fib4(&s);
	if (shape.fib && shape.family == IP_6 && !smoke)
		bench_fib6(&s);
	if (shape.lpm && !smoke)
		bench_lpm4(&s);
	fflush(stdout);
	drop_set(&s);
}

int main(int argc, char **argv)
{
	char *plain[] = {argv[0], "--no-huge", "-m", "4096", "--no-pci", "--no-telemetry",
		"--no-shconf", "--file-prefix=bench_lpm", "--log-level=error", NULL};
	bool smoke = argc > 1 && strcmp(argv[1], "--smoke") == 0;
	const char *only = argc > 1 && !smoke ? argv[1] : NULL;

	if (smoke) {
		plain[3] = "64";
		addresses = 1u << 12;
	}
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	if (rte_eal_init((int)ARRAY_SIZE(plain) - 1, plain) < 0)
		return 1;
	for (unsigned i = 0; i < ARRAY_SIZE(shapes); i++)
		if (only == NULL || strstr(shapes[i].name, only) != NULL)
			bench(shapes[i], smoke);
	return rte_eal_cleanup() < 0;
}
