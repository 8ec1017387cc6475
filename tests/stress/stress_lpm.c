/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One writer changes routes without pause while readers look up. Each value names its prefix, so a
 * reader can judge every answer: the prefix must hold the address, in its table, and be no shorter
 * than the longest prefix there that is never deleted. Meant to run under TSan and ASan too.
 *
 * TRUNKLINE_SEED and TRUNKLINE_SECONDS set the seed (printed) and how long.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_rcu_qsbr.h>

#include "dataplane/base/macros.h"
#include "dataplane/fwd/lpm.h"

#define TABLES	     3
#define PREFIXES     4096
#define PROBES	     4096
#define READERS	     2
#define BURST	     48
#define VERSION_BITS 15

struct choice {
	uint32_t table;
	struct ip_prefix prefix;
	bool lasting; /* put at the start, then only replaced */
	bool present; /* the writer's */
};

/* An address to ask for. Constant while the readers run. */
struct probe {
	struct ip_address ip;
	uint32_t table, address4;
	struct lpm6_key address6;
	unsigned least; /* length of the longest lasting prefix around it */
	bool covered;	/* there is one */
};

struct reader {
	pthread_t thread;
	unsigned id;
	uint64_t random, answers, routed, wrong;
};

static struct choice choice[PREFIXES];
static struct probe probe[PROBES];
static struct lpm *lpm;
static struct rte_rcu_qsbr *qsbr;
static atomic_bool stop;

static uint64_t next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static unsigned below(uint64_t *state, unsigned limit)
{
	return (unsigned)(next(state) % limit);
}

static uint32_t value_of(unsigned id, unsigned version)
{
	return (id + 1) << VERSION_BITS | (version & ((1u << VERSION_BITS) - 1));
}

static bool taken(unsigned count, uint32_t table, const struct ip_prefix *prefix)
{
	for (unsigned i = 0; i < count; i++)
		if (choice[i].table == table && choice[i].prefix.length == prefix->length &&
			ip_equal(&choice[i].prefix.ip, &prefix->ip))
			return true;
	return false;
}

/* Long beginnings in common, all lengths: a dense block, a sparse one, and short covers. */
static struct ip_prefix pick(uint64_t *random)
{
	struct ip_prefix p = {.ip.family = below(random, 2) ? IP_4 : IP_6};
	unsigned bytes = ip_bits(p.ip.family) / 8, same = below(random, bytes);

	for (unsigned i = 0; i < bytes; i++)
		p.ip.bytes[i] = i < same ? 32 : (uint8_t)below(random, i + 1 == bytes ? 256 : 24);
	p.length =
		(uint8_t)(below(random, 6) == 0
				  ? below(random, ip_bits(p.ip.family) + 1)
				  : same * 8 + below(random, ip_bits(p.ip.family) - same * 8 + 1));
	p.ip = ip_mask(&p.ip, p.length);
	return p;
}

static void choose(uint64_t *random)
{
	for (unsigned i = 0; i < PREFIXES;) {
		struct ip_prefix prefix = pick(random);
		uint32_t table = below(random, TABLES);

		if (taken(i, table, &prefix))
			continue;
		choice[i] = (struct choice){table, prefix, i % 4 == 0, false};
		i++;
	}
}

/* Readers. */

static struct ip_address inside(uint64_t *random, const struct ip_prefix *prefix)
{
	struct ip_address ip = prefix->ip;
	uint64_t noise[2] = {next(random), next(random)};
	struct ip_address bits = {.family = ip.family}, host;

	memcpy(bits.bytes, noise, ip_bits(ip.family) / 8);
	host = ip_mask(&bits, prefix->length);
	for (unsigned i = 0; i < 16; i++)
		ip.bytes[i] |= bits.bytes[i] ^ host.bytes[i];
	return ip;
}

/* What any answer for this address must at least be. */
static void judge_by_lasting(struct probe *p)
{
	for (unsigned i = 0; i < PREFIXES; i += 4) {
		const struct choice *c = &choice[i];

		if (c->table != p->table || !ip_prefix_contains(&c->prefix, &p->ip))
			continue;
		p->covered = true;
		if (c->prefix.length > p->least)
			p->least = c->prefix.length;
	}
}

static bool legal(const struct probe *p, uint32_t value)
{
	uint32_t id = (value >> VERSION_BITS) - 1;
	const struct choice *c;

	if (value == 0)
		return !p->covered;
	if (id >= PREFIXES)
		return false;
	c = &choice[id];
	return c->table == p->table && c->prefix.length >= p->least &&
	       ip_prefix_contains(&c->prefix, &p->ip);
}

static uint64_t word(const uint8_t *bytes)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < 8; i++)
		v = v << 8 | bytes[i];
	return v;
}

static void aim(uint64_t *random)
{
	for (unsigned i = 0; i < PROBES; i++) {
		const struct choice *c = &choice[below(random, PREFIXES)];
		struct probe *p = &probe[i];

		p->table = c->table;
		p->ip = inside(random, &c->prefix);
		p->address4 = ip_v4(&p->ip);
		p->address6 = (struct lpm6_key){word(p->ip.bytes), word(p->ip.bytes + 8)};
		judge_by_lasting(p);
	}
}

static void read_burst(struct reader *r)
{
	uint32_t table[BURST], address4[BURST], value[BURST];
	struct lpm6_key address6[BURST];
	const struct probe *from[BURST];
	uint8_t family = below(&r->random, 2) ? IP_4 : IP_6;
	unsigned n = 0;

	for (unsigned at = below(&r->random, PROBES); n < BURST; at = (at + 1) % PROBES) {
		if (probe[at].ip.family != family)
			continue;
		from[n] = &probe[at];
		address4[n] = from[n]->address4;
		address6[n] = from[n]->address6;
		table[n] = from[n]->table;
		n++;
	}
	if (family == IP_4)
		lpm4_lookup(lpm, table, address4, value, n);
	else
		lpm6_lookup(lpm, table, address6, value, n);
	/* The values are ours now; what they were read from may go. */
	rte_rcu_qsbr_quiescent(qsbr, r->id);
	for (unsigned i = 0; i < n; i++) {
		r->answers++;
		r->routed += value[i] != 0;
		r->wrong += !legal(from[i], value[i]);
	}
}

static void *reader_main(void *argument)
{
	struct reader *r = argument;

	rte_rcu_qsbr_thread_online(qsbr, r->id);
	while (!atomic_load_explicit(&stop, memory_order_relaxed))
		read_burst(r);
	rte_rcu_qsbr_thread_offline(qsbr, r->id);
	return NULL;
}

/* Writer. */

static void must(int rc, const char *what)
{
	if (rc == 0)
		return;
	fprintf(stderr, "%s: %d\n", what, rc);
	exit(1);
}

static void put(unsigned i, unsigned version)
{
	must(lpm_put(lpm, choice[i].table, &choice[i].prefix, value_of(i, version)), "put");
	choice[i].present = true;
}

static void delete (unsigned i)
{
	must(lpm_delete(lpm, choice[i].table, &choice[i].prefix), "delete");
	choice[i].present = false;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Fills and empties in turn, so that blocks are made, widened and merged under the readers. */
static uint64_t churn(uint64_t *random, double seconds)
{
	double end = now() + seconds;
	uint64_t changes = 0;

	while (now() < end) {
		bool filling = changes / 8192 % 2 == 0;

		for (unsigned k = 0; k < 64; k++, changes++) {
			unsigned i = below(random, PREFIXES);

			if (choice[i].present && !choice[i].lasting && below(random, 4) == filling)
				delete (i);
			else if (choice[i].present || filling || below(random, 4) == 0)
				put(i, (unsigned)changes);
		}
		lpm_reclaim(lpm);
	}
	return changes;
}

static void start_rcu(void)
{
	size_t bytes = rte_rcu_qsbr_get_memsize(READERS);

	qsbr = aligned_alloc(CACHE_LINE, (bytes + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE);
	if (qsbr == NULL || rte_rcu_qsbr_init(qsbr, READERS) != 0)
		must(-1, "rcu");
	for (unsigned i = 0; i < READERS; i++)
		must(rte_rcu_qsbr_thread_register(qsbr, i), "register");
}

static int judge(const struct reader *reader, uint64_t changes, const struct lpm_usage *before)
{
	struct lpm_usage after;
	int rc = 0;

	lpm_usage(lpm, &after);
	printf("changes %" PRIu64 "\n", changes);
	for (unsigned i = 0; i < READERS; i++) {
		printf("reader %u: %" PRIu64 " answers, %" PRIu64 " with a route, %" PRIu64
		       " wrong\n",
			i, reader[i].answers, reader[i].routed, reader[i].wrong);
		if (reader[i].wrong != 0 || reader[i].routed == 0)
			rc = 1;
	}
	if (memcmp(before, &after, sizeof(after)) != 0) {
		fprintf(stderr, "not all memory came back: %" PRIu64 " + %" PRIu64 " still wait\n",
			after.waiting_bytes, after.reader_bytes4 + after.reader_bytes6);
		rc = 1;
	}
	return rc;
}

int main(void)
{
	const char *seed = getenv("TRUNKLINE_SEED"), *seconds = getenv("TRUNKLINE_SECONDS");
	uint64_t random = seed != NULL ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL), changes;
	struct reader reader[READERS] = {0};
	struct lpm_usage before;
	int rc;

	printf("seed %" PRIu64 "\n", random);
	choose(&random);
	aim(&random);
	start_rcu();
	lpm = lpm_create(&(struct lpm_config){TABLES, PREFIXES, qsbr});
	if (lpm == NULL)
		must(-1, "create");
	lpm_usage(lpm, &before);
	for (unsigned i = 0; i < PREFIXES; i += 4)
		put(i, 0);
	for (unsigned i = 0; i < READERS; i++) {
		reader[i].id = i;
		reader[i].random = random + i + 1;
		must(pthread_create(&reader[i].thread, NULL, reader_main, &reader[i]), "thread");
	}
	changes = churn(&random, seconds != NULL ? strtod(seconds, NULL) : 3);
	atomic_store(&stop, true);
	for (unsigned i = 0; i < READERS; i++)
		pthread_join(reader[i].thread, NULL);
	for (unsigned i = 0; i < PREFIXES; i++)
		if (choice[i].present)
			delete (i);
	lpm_reclaim(lpm);
	rc = judge(reader, changes, &before);
	lpm_destroy(lpm);
	free(qsbr);
	return rc;
}
