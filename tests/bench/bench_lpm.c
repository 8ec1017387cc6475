/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cycles (TSC) per look-up, microseconds per change and bytes per route of our route store, and of
 * rte_fib, rte_fib6 and rte_lpm beside it in the same run, on the same routes and addresses.
 *
 * Addresses differ for every look-up; "hit" ones lie in a route drawn at random, "any" ones are any
 * at all. Look-ups come 32 at a time, from random tables. All stores are filled first; then they
 * take turns, so that what the machine does to one it does to all, and a figure is the median of
 * its turns. All memory has huge pages: EAL's from a reserve where there is one, else transparent
 * ones as ours. With --small-pages nothing has.
 *
 * bench_lpm [--smoke] [--seconds N] [--json FILE] [--small-pages] [SHAPE]
 *
 * --seconds bounds the turns, not the filling (some twenty seconds in all). SHAPE: part of a name.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_fib.h>
#include <rte_fib6.h>
#include <rte_lpm.h>
#include <rte_memory.h>

#include "dataplane/base/macros.h"
#include "dataplane/fwd/lpm.h"
#include "tests/bench/figures.h"
#include "tests/bench/prefixes.h"
#include "tests/bench/setting.h"

#define TURNS_MAX     15
#define TURNS_MIN     3
#define BULK	      32
#define CHANGES	      50000u
#define TABLES_MAX    16 /* of DPDK's */
#define CONTENDERS    3
#define EAL_MEGABYTES 4096 /* 16 rte_fib and 16 rte_lpm of 64 MiB, and more for rte_fib6 */

struct shape {
	const char *name;
	uint8_t family;
	uint32_t tables, routes; /* routes: in each */
	bool fib, lpm;		 /* whether DPDK's can hold it here */
};

static const struct shape shapes[] = {
	{"1x1M-v4", IP_4, 1, 1000000, true, false},
	{"1x20k-v4", IP_4, 1, 20000, true, true},
	{"16x20k-v4", IP_4, 16, 20000, true, true},
	{"4096x250-v4", IP_4, 4096, 250, false, false},
	{"4096x10-v4", IP_4, 4096, 10, false, false},
	{"1x200k-v6", IP_6, 1, 200000, true, false},
	{"16x20k-v6", IP_6, 16, 20000, true, false},
	{"4096x250-v6", IP_6, 4096, 250, false, false},
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

/* One store with the set's routes in it, and what its turns took. */
struct contender {
	const char *name;
	void *store[TABLES_MAX];
	void (*pass)(struct set *s, void **store);
	double put;
	uint32_t refused;
	double cycles[TURNS_MAX];
	unsigned turns;
};

static struct {
	bool smoke, small_pages;
	double seconds; /* for the turns of one kind of address */
	const char *only, *json;
} run = {.seconds = 1.5};

static uint32_t addresses = 1u << 20; /* different ones */

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

static void pick_addresses(struct set *s, bool hit)
{
	for (uint32_t i = 0; i < addresses; i++) {
		const struct route *r = &s->route[prefixes_below(s->count)];
		struct ip_prefix any = {.ip.family = s->shape.family};
		struct ip_address ip;

		prefixes_host(hit ? &r->prefix : &any, &ip);
		s->table[i] = r->table;
		s->address4[i] = ip_v4(&ip);
		s->address6[i] = (struct lpm6_key){word(ip.bytes), word(ip.bytes + 8)};
	}
}

static void draw_routes(struct set *s)
{
	uint32_t each = s->shape.routes;
	struct ip_prefix *drawn = get(each, sizeof(drawn[0]));

	for (uint32_t table = 0; table < s->shape.tables; table++) {
		prefixes_draw(drawn, each, s->shape.family);
		for (uint32_t i = 0; i < each; i++)
			s->route[s->count++] =
				(struct route){table, 1 + prefixes_below(1000), drawn[i]};
	}
	free(drawn);
}

static void make_set(struct set *s, const struct shape *shape)
{
	*s = (struct set){.shape = *shape};
	s->route = get((size_t)shape->tables * shape->routes, sizeof(s->route[0]));
	s->table = get(addresses, sizeof(s->table[0]));
	s->address4 = get(addresses, sizeof(s->address4[0]));
	s->address6 = get(addresses, sizeof(s->address6[0]));
	s->value = get(addresses, sizeof(s->value[0]));
	draw_routes(s);
	/* Random order of changes: neighbours in time are not neighbours in the table. */
	for (uint32_t i = s->count - 1; i > 0; i--) {
		uint32_t j = prefixes_below(i + 1);
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

/* Keeps a figure and answers its median. */
static double row(const struct set *s, const char *what, const char *whose, const char *unit,
	double *figure, unsigned count)
{
	const char *pages = run.small_pages		   ? "small"
			    : rte_eal_has_hugepages() != 0 ? "reserved"
							   : "transparent";
	char name[64], params[160];

	snprintf(name, sizeof(name), "lpm/%s/%s/%s", s->shape.name, what, whose);
	snprintf(params, sizeof(params),
		"{\"tables\": %u, \"routes\": %u, \"family\": %u, \"bulk\": %d, "
		"\"addresses\": %u, \"pages\": \"%s\"}",
		s->shape.tables, s->shape.routes, s->shape.family == IP_4 ? 4 : 6, BULK, addresses,
		pages);
	return figures_add(name, unit, figure, count, params);
}

static void row_one(
	const struct set *s, const char *what, const char *whose, const char *unit, double figure)
{
	row(s, what, whose, unit, &figure, 1);
}

/* In TSC cycles, but only while this thread had the processor: it may be shared. */
static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)(((double)t.tv_sec + (double)t.tv_nsec * 1e-9) * (double)rte_get_tsc_hz());
}

static double micros(uint64_t cycles, uint32_t changes)
{
	return (double)cycles * 1e6 / (double)rte_get_tsc_hz() / changes;
}

/* Ours. */

static void ours4(struct set *s, void **store)
{
	for (uint32_t i = 0; i < addresses; i += BULK)
		lpm4_lookup(store[0], s->table + i, s->address4 + i, s->value + i, BULK);
}

static void ours6(struct set *s, void **store)
{
	for (uint32_t i = 0; i < addresses; i += BULK)
		lpm6_lookup(store[0], s->table + i, s->address6 + i, s->value + i, BULK);
}

static bool fill_ours(struct contender *c, const struct set *s)
{
	struct lpm_config config = {s->shape.tables, s->count + 1, NULL};
	struct lpm *lpm = lpm_create(&config);

	c->name = "trunkline";
	c->store[0] = lpm;
	c->pass = s->shape.family == IP_4 ? ours4 : ours6;
	for (uint32_t i = 0; lpm != NULL && i < s->count; i++) {
		const struct route *r = &s->route[i];

		c->refused += lpm_put(lpm, r->table, &r->prefix, r->value) != 0;
	}
	return lpm != NULL;
}

static void bench_changes(const struct set *s, struct lpm *lpm)
{
	uint32_t n = s->count < CHANGES ? s->count : CHANGES;
	double put, replace, delete;
	uint64_t start = now();

	for (uint32_t i = 0; i < n; i++)
		lpm_delete(lpm, s->route[i].table, &s->route[i].prefix);
	delete = micros(now() - start, n);
	start = now();
	for (uint32_t i = 0; i < n; i++)
		lpm_put(lpm, s->route[i].table, &s->route[i].prefix, s->route[i].value);
	put = micros(now() - start, n);
	start = now();
	for (uint32_t i = 0; i < n; i++)
		lpm_put(lpm, s->route[i].table, &s->route[i].prefix, s->route[i].value + 1);
	replace = micros(now() - start, n);
	printf("  at full size, us: delete %.2f, put %.2f, replace %.2f\n", delete, put, replace);
	row_one(s, "delete", "trunkline", "us", delete);
	row_one(s, "put", "trunkline", "us", put);
	row_one(s, "replace", "trunkline", "us", replace);
}

static void show_memory(const struct set *s, const struct lpm *lpm)
{
	struct lpm *empty;
	struct lpm_usage u, none;
	double readers, control;

	empty = lpm_create(&(struct lpm_config){s->shape.tables, 1, NULL});
	lpm_usage(lpm, &u);
	lpm_usage(empty, &none);
	lpm_destroy(empty);
	readers = (double)(s->shape.family == IP_4 ? u.reader_bytes4 - none.reader_bytes4
						   : u.reader_bytes6 - none.reader_bytes6);
	control = (double)(u.control_bytes - none.control_bytes);
	printf("  bytes a route: readers %.1f, control %.1f; an empty table %.0f\n",
		readers / s->count, control / s->count,
		(double)(none.reader_bytes4 + none.reader_bytes6 + none.control_bytes) /
			s->shape.tables);
	row_one(s, "readers", "trunkline", "B/route", readers / s->count);
	row_one(s, "control", "trunkline", "B/route", control / s->count);
	row_one(s, "empty", "trunkline", "B/table",
		(double)(none.reader_bytes4 + none.reader_bytes6 + none.control_bytes) /
			s->shape.tables);
}

/* DPDK's. Where every burst has one table only, in bulk; else one at a time, as they must be. */

static void fib4(struct set *s, void **store)
{
	uint64_t hop[BULK], sum = 0;

	for (uint32_t i = 0; i < addresses; i += BULK) {
		if (s->shape.tables == 1)
			rte_fib_lookup_bulk(store[0], s->address4 + i, hop, BULK);
		for (uint32_t k = 0; s->shape.tables > 1 && k < BULK; k++)
			rte_fib_lookup_bulk(
				store[s->table[i + k]], s->address4 + i + k, hop + k, 1);
		sum += hop[0];
	}
	s->value[0] = (uint32_t)sum;
}

static bool fill_fib4(struct contender *c, const struct set *s)
{
	struct rte_fib_conf conf = {.type = RTE_FIB_DIR24_8,
		.max_routes = 2 * (int)s->shape.routes,
		.dir24_8 = {.nh_sz = RTE_FIB_DIR24_8_4B, .num_tbl8 = 65536}};
	char name[32];

	c->name = "rte_fib";
	c->pass = fib4;
	for (uint32_t t = 0; t < s->shape.tables; t++) {
		snprintf(name, sizeof(name), "fib%u", t);
		c->store[t] = rte_fib_create(name, 0, &conf);
		if (c->store[t] == NULL)
			return false;
		rte_fib_select_lookup(c->store[t], RTE_FIB_LOOKUP_DIR24_8_SCALAR_MACRO);
	}
	for (uint32_t i = 0; i < s->count; i++) {
		const struct route *r = &s->route[i];

		c->refused += rte_fib_add(c->store[r->table], ip_v4(&r->prefix.ip),
				      r->prefix.length, r->value) != 0;
	}
	return true;
}

static void fib6(struct set *s, void **store)
{
	uint8_t ip[BULK][16];
	uint64_t hop[BULK], sum = 0;

	for (uint32_t i = 0; i < addresses; i += BULK) {
		for (uint32_t k = 0; k < BULK; k++) {
			uint64_t high = __builtin_bswap64(s->address6[i + k].high);
			uint64_t low = __builtin_bswap64(s->address6[i + k].low);

			memcpy(ip[k], &high, 8);
			memcpy(ip[k] + 8, &low, 8);
		}
		if (s->shape.tables == 1)
			rte_fib6_lookup_bulk(store[0], ip, hop, BULK);
		for (uint32_t k = 0; s->shape.tables > 1 && k < BULK; k++)
			rte_fib6_lookup_bulk(store[s->table[i + k]], ip + k, hop + k, 1);
		sum += hop[0];
	}
	s->value[0] = (uint32_t)sum;
}

static bool fill_fib6(struct contender *c, const struct set *s)
{
	struct rte_fib6_conf conf = {.type = RTE_FIB6_TRIE,
		.max_routes = 2 * (int)s->shape.routes,
		.trie = {.nh_sz = RTE_FIB6_TRIE_4B,
			.num_tbl8 = s->shape.tables == 1 ? 1u << 19 : 1u << 16}};
	char name[32];

	c->name = "rte_fib6";
	c->pass = fib6;
	for (uint32_t t = 0; t < s->shape.tables; t++) {
		snprintf(name, sizeof(name), "fib6_%u", t);
		c->store[t] = rte_fib6_create(name, 0, &conf);
		if (c->store[t] == NULL)
			return false;
		rte_fib6_select_lookup(c->store[t], RTE_FIB6_LOOKUP_TRIE_SCALAR);
	}
	for (uint32_t i = 0; i < s->count; i++) {
		struct route r = s->route[i];

		c->refused += rte_fib6_add(c->store[r.table], r.prefix.ip.bytes, r.prefix.length,
				      r.value) != 0;
	}
	return true;
}

static void lpm4(struct set *s, void **store)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < addresses; i += BULK) {
		if (s->shape.tables == 1) {
			rte_lpm_lookup_bulk(
				(struct rte_lpm *)store[0], s->address4 + i, s->value + i, BULK);
			continue;
		}
		for (uint32_t k = i; k < i + BULK; k++)
			sum += rte_lpm_lookup(store[s->table[k]], s->address4[k], s->value + k) ==
			       0;
	}
	s->value[0] = sum;
}

static bool fill_lpm4(struct contender *c, const struct set *s)
{
	struct rte_lpm_config conf = {.max_rules = s->shape.routes, .number_tbl8s = 4096};
	char name[32];

	c->name = "rte_lpm";
	c->pass = lpm4;
	for (uint32_t t = 0; t < s->shape.tables; t++) {
		snprintf(name, sizeof(name), "lpm%u", t);
		c->store[t] = rte_lpm_create(name, 0, &conf);
		if (c->store[t] == NULL)
			return false;
	}
	for (uint32_t i = 0; i < s->count; i++) {
		const struct route *r = &s->route[i];

		c->refused += rte_lpm_add(c->store[r->table], ip_v4(&r->prefix.ip),
				      r->prefix.length, r->value) != 0;
	}
	return true;
}

static void drop_contender(struct contender *c)
{
	for (uint32_t t = 0; t < TABLES_MAX; t++) {
		if (c->pass == fib4)
			rte_fib_free(c->store[t]);
		else if (c->pass == fib6)
			rte_fib6_free(c->store[t]);
		else if (c->pass == lpm4)
			rte_lpm_free(c->store[t]);
		else
			lpm_destroy(c->store[t]);
	}
}

/* The race. */

static unsigned fill(struct contender *c, const struct set *s)
{
	bool v4 = s->shape.family == IP_4;
	bool (*const kind[])(struct contender *, const struct set *) = {fill_ours,
		s->shape.fib ? v4 ? fill_fib4 : fill_fib6 : NULL, s->shape.lpm ? fill_lpm4 : NULL};
	unsigned n = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(kind); i++) {
		uint64_t start = now();

		c[n] = (struct contender){0};
		if (kind[i] == NULL || (i > 0 && run.smoke))
			continue;
		if (!kind[i](&c[n], s)) {
			printf("  %s: no memory\n", c[n].name);
			drop_contender(&c[n]);
			continue;
		}
		c[n].put = micros(now() - start, s->count);
		if (c[n].refused > 0)
			printf("  %s refused %u routes\n", c[n].name, c[n].refused);
		n++;
	}
	return n;
}

static void race(struct set *s, struct contender *c, unsigned n, bool hit)
{
	uint64_t begin = now(), limit = (uint64_t)(run.seconds * (double)rte_get_tsc_hz());

	pick_addresses(s, hit);
	for (unsigned i = 0; i < n; i++) {
		c[i].turns = 0;
		c[i].pass(s, c[i].store);
	}
	for (unsigned turn = 0; turn < TURNS_MAX; turn++) {
		if (turn >= TURNS_MIN && now() - begin > limit)
			break;
		for (unsigned i = 0; i < n; i++) {
			uint64_t start = now();

			c[i].pass(s, c[i].store);
			c[i].cycles[c[i].turns++] = (double)(now() - start) / addresses;
		}
	}
	for (unsigned i = 0; i < n; i++) {
		const char *which = hit ? "hit" : "any";
		double median = row(s, which, c[i].name, "cycles", c[i].cycles, c[i].turns);

		printf("  %-10s %6.1f cycles (%.1f to %.1f), %s addresses\n", c[i].name, median,
			c[i].cycles[0], c[i].cycles[c[i].turns - 1], which);
	}
}

static void bench(struct shape shape)
{
	struct contender contender[CONTENDERS];
	struct set s;
	unsigned n;

	if (run.smoke)
		shape.routes = shape.routes / 100 + 1;
	make_set(&s, &shape);
	printf("%s\n", shape.name);
	n = fill(contender, &s);
	for (unsigned i = 0; i < n; i++) {
		printf("  %-10s %6.2f us to put a route\n", contender[i].name, contender[i].put);
		row_one(&s, "fill", contender[i].name, "us", contender[i].put);
	}
	race(&s, contender, n, true);
	race(&s, contender, n, false);
	show_memory(&s, contender[0].store[0]);
	bench_changes(&s, contender[0].store[0]);
	fflush(stdout);
	while (n > 0)
		drop_contender(&contender[--n]);
	drop_set(&s);
}

static int advise(const struct rte_memseg_list *list, const struct rte_memseg *ms, size_t length,
	void *context)
{
	(void)list;
	(void)context;
	(void)madvise(ms->addr, length, MADV_HUGEPAGE);
	return 0;
}

static int start_eal(char *program)
{
	bool reserve =
		!run.small_pages && !run.smoke && 2 * setting_free_hugepages() >= EAL_MEGABYTES;
	char megabytes[16];
	char *arg[] = {program, "-m", megabytes, "--no-pci", "--no-telemetry", "--no-shconf",
		"--file-prefix=bench_lpm", "--log-level=error", "--lcores=0",
		reserve ? "--in-memory" : "--no-huge", reserve ? "--iova-mode=va" : NULL, NULL};

	snprintf(megabytes, sizeof(megabytes), "%d", run.smoke ? 64 : EAL_MEGABYTES);
	if (run.small_pages)
		prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	if (rte_eal_init((int)ARRAY_SIZE(arg) - (reserve ? 1 : 2), arg) < 0)
		return -1;
	if (!reserve)
		rte_memseg_contig_walk(advise, NULL);
	return 0;
}

static int usage(void)
{
	fprintf(stderr, "usage: bench_lpm [--smoke] [--seconds N] [--json FILE] [--small-pages] "
			"[SHAPE]\n");
	return 2;
}

static int read_options(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *more = i + 1 < argc ? argv[i + 1] : NULL;

		if (strcmp(argv[i], "--smoke") == 0) {
			run.smoke = true;
			run.seconds = 0;
			addresses = 1u << 12;
		} else if (strcmp(argv[i], "--small-pages") == 0) {
			run.small_pages = true;
		} else if (strcmp(argv[i], "--seconds") == 0 && more != NULL) {
			run.seconds = atof(more) / (2 * ARRAY_SIZE(shapes));
			i++;
		} else if (strcmp(argv[i], "--json") == 0 && more != NULL) {
			run.json = more;
			i++;
		} else if (argv[i][0] != '-' && run.only == NULL) {
			run.only = argv[i];
		} else {
			return usage();
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	int rc = read_options(argc, argv);

	if (rc != 0)
		return rc;
	if (start_eal(argv[0]) < 0)
		return 1;
	for (unsigned i = 0; i < ARRAY_SIZE(shapes); i++)
		if (run.only == NULL || strstr(shapes[i].name, run.only) != NULL)
			bench(shapes[i]);
	if (figures_write(run.json) < 0) {
		fprintf(stderr, "bench_lpm: cannot write %s\n", run.json);
		return 1;
	}
	return rte_eal_cleanup() < 0;
}
