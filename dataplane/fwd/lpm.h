/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Longest-prefix match for many route tables of both families in one store.
 *
 * A table is named by a small number (the connection's id) and exists, empty, from the start: both
 * families. One thread (control) changes tables; any number of registered RCU readers (workers)
 * look up at the same time, without locks and without waiting. A change is visible per prefix
 * atomically: a reader sees the old value or the new one, never a third.
 *
 * Values are 1 to 2^31 - 1; 0 means "no route" (see fwd/value.h for what they mean).
 * Addresses: IPv4 in host byte order; IPv6 as two 64-bit numbers in host order, high half first.
 */
#ifndef DATAPLANE_FWD_LPM_H
#define DATAPLANE_FWD_LPM_H

#include <stdint.h>
#include <stddef.h>

#include "dataplane/base/ip.h"

struct rte_rcu_qsbr;

struct lpm;

struct lpm_config {
	uint32_t tables; /* table numbers are 0 .. tables - 1 */
	uint32_t routes; /* most prefixes over all tables and families; sizes the reserve */
	struct rte_rcu_qsbr *qsbr; /* the workers' RCU variable; NULL where there are no readers */
};

struct lpm6_key {
	uint64_t high, low;
};

/* What the tables cost, in bytes; all of it in use, none of it reserve. */
struct lpm_usage {
	uint64_t routes4, routes6;
	uint64_t reader_bytes4, reader_bytes6; /* what workers read */
	uint64_t control_bytes;		       /* what only the writer reads */
	uint64_t waiting_bytes;		       /* unlinked, but a reader may still hold it */
};

/* Writer side: the control thread only. */

/* NULL on lack of memory. */
struct lpm *lpm_create(const struct lpm_config *config);
void lpm_destroy(struct lpm *lpm);

/* Puts or replaces one prefix (host bits zero, checked by the caller). 0; -ENOSPC over the
 * configured number of routes; -ENOMEM. On failure nothing has changed. */
int lpm_put(struct lpm *lpm, uint32_t table, const struct ip_prefix *prefix, uint32_t value);

/* 0, or -ENOENT. Never fails for lack of memory. */
int lpm_delete(struct lpm *lpm, uint32_t table, const struct ip_prefix *prefix);

/* Value of exactly this prefix, or 0. */
uint32_t lpm_get(const struct lpm *lpm, uint32_t table, const struct ip_prefix *prefix);

/* Value of the longest match, for any thread that may read; one address, for control and tests. */
uint32_t lpm_lookup(const struct lpm *lpm, uint32_t table, const struct ip_address *address);

/* Calls visit for each prefix of the table, IPv4 first, in ascending order (address, then length);
 * stops at and returns the first non-zero answer. visit must not change the store. */
int lpm_walk(const struct lpm *lpm, uint32_t table,
	int (*visit)(const struct ip_prefix *prefix, uint32_t value, void *context), void *context);

/* Makes sure that count more prefixes of this family can be put without failing, so that a batch
 * can be accepted as a whole. The promise lasts until those puts are done or lpm_reserve(…, 0).
 * 0, -ENOSPC or -ENOMEM. */
int lpm_reserve(struct lpm *lpm, uint8_t family, uint32_t count);

/* Frees what no reader can hold any more; never waits. Called now and then by control.
 * Returns how many bytes still wait. */
uint64_t lpm_reclaim(struct lpm *lpm);

void lpm_usage(const struct lpm *lpm, struct lpm_usage *usage);

/* Reader side: workers. */

/* What the two below call; lpm_find.c. */
void lpm_find4(const struct lpm *lpm, const uint32_t *table, const uint32_t *address,
	uint32_t *value, unsigned count);
void lpm_find6(const struct lpm *lpm, const uint32_t *table, const struct lpm6_key *address,
	uint32_t *value, unsigned count);

/* Longest match of count addresses, each in its own table; value[i] is 0 where nothing matches.
 * Tables may repeat and mix freely; look-ups are interleaved to hide memory latency. count is any
 * number, bursts of 32 to 128 serve best. */
static inline void lpm4_lookup(const struct lpm *lpm, const uint32_t *table,
	const uint32_t *address, uint32_t *value, unsigned count)
{
	lpm_find4(lpm, table, address, value, count);
}

static inline void lpm6_lookup(const struct lpm *lpm, const uint32_t *table,
	const struct lpm6_key *address, uint32_t *value, unsigned count)
{
	lpm_find6(lpm, table, address, value, count);
}

#endif
