/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/fwd/lpm_private.h"

#include <errno.h>
#include <stdlib.h>

#include "dataplane/fwd/lpm_ahead.h"

/* Address space, not memory: room for the worst mix and for what waits for readers. */
#define NODE_BYTES_MIN	 (4u << 20)
#define BYTES_PER_ROUTE	 512u
#define RECLAIM_INTERVAL 256 /* unlinked blocks between two tries to free some */

/* What is backed ahead of the writer: for each route promised, what most mixes take, and some for
 * those that come unannounced. */
#define AHEAD_PER_ROUTE 64u
#define AHEAD_BYTES	((size_t)4 << 20)

static void want_memory(struct lpm *lpm)
{
	size_t promised = (size_t)lpm->reserved[LPM_4] + lpm->reserved[LPM_6];

	lpm_ahead_want(lpm->ahead, LPM_AHEAD_NODES,
		(size_t)lpm->node.used * LPM_UNIT + promised * AHEAD_PER_ROUTE + AHEAD_BYTES);
	lpm_ahead_want(lpm->ahead, LPM_AHEAD_RIB,
		(lpm->rib.used + 2 * promised) * sizeof(struct lpm_rib_node) + AHEAD_BYTES);
}

/* Only where workers read: others have no loop to keep short. */
static void begin_ahead(struct lpm *lpm)
{
	lpm->ahead = lpm->node.qsbr != NULL ? lpm_ahead_create() : NULL;
	lpm_ahead_range(
		lpm->ahead, LPM_AHEAD_NODES, lpm->node.base, (size_t)lpm->node.limit * LPM_UNIT);
	lpm_ahead_range(lpm->ahead, LPM_AHEAD_RIB, lpm->rib.node,
		(size_t)lpm->rib.limit * sizeof(struct lpm_rib_node));
	want_memory(lpm);
}

struct lpm *lpm_create(const struct lpm_config *config)
{
	struct lpm *lpm = calloc(1, sizeof(*lpm));
	uint64_t bytes = NODE_BYTES_MIN + (uint64_t)config->routes * BYTES_PER_ROUTE;

	if (lpm == NULL)
		return NULL;
	lpm->tables = config->tables;
	lpm->limit = config->routes;
	lpm->table = calloc(config->tables, sizeof(lpm->table[0]));
	lpm->head[LPM_4] = calloc(config->tables, sizeof(lpm->head[LPM_4][0]));
	lpm->head[LPM_6] = calloc(config->tables, sizeof(lpm->head[LPM_6][0]));
	if (lpm->table == NULL || lpm->head[LPM_4] == NULL || lpm->head[LPM_6] == NULL)
		goto no_tables;
	if (lpm_rib_create(&lpm->rib, config->routes) < 0)
		goto no_tables;
	if (lpm_node_create(&lpm->node, bytes, config->qsbr) < 0)
		goto no_node;
	begin_ahead(lpm);
	return lpm;

no_node:
	lpm_rib_destroy(&lpm->rib);
no_tables:
	free(lpm->head[LPM_6]);
	free(lpm->head[LPM_4]);
	free(lpm->table);
	free(lpm);
	return NULL;
}

void lpm_destroy(struct lpm *lpm)
{
	if (lpm == NULL)
		return;
	lpm_ahead_destroy(lpm->ahead);
	lpm_node_destroy(&lpm->node);
	lpm_rib_destroy(&lpm->rib);
	free(lpm->head[LPM_6]);
	free(lpm->head[LPM_4]);
	free(lpm->table);
	free(lpm);
}

static enum lpm_side side_of(const struct ip_address *ip)
{
	return ip->family == IP_6 ? LPM_6 : LPM_4;
}

static lpm_bits bits_of(const struct ip_address *ip)
{
	lpm_bits bits = 0;

	for (unsigned i = 0; i < 16; i++)
		bits = bits << 8 | ip->bytes[i];
	return bits;
}

static struct ip_address ip_of(lpm_bits bits, enum lpm_side side)
{
	struct ip_address ip = {.family = side == LPM_6 ? IP_6 : IP_4};

	for (unsigned i = 0; i < 16; i++)
		ip.bytes[i] = (uint8_t)(bits >> (120 - 8 * i));
	return ip;
}

static uint64_t routes_and_promises(const struct lpm *lpm)
{
	return lpm->routes[LPM_4] + lpm->routes[LPM_6] + lpm->reserved[LPM_4] +
	       lpm->reserved[LPM_6];
}

/* What has been unlinked is freed now and then, without being asked. */
static void tidy(struct lpm *lpm)
{
	const struct lpm_node *node = &lpm->node;

	if (node->qsbr == NULL || node->tail - node->head >= RECLAIM_INTERVAL)
		lpm_node_reclaim(&lpm->node);
}

static void count_put(struct lpm *lpm, uint32_t table, enum lpm_side side)
{
	lpm->table[table].routes[side]++;
	lpm->routes[side]++;
	if (lpm->reserved[side] > 0)
		lpm->reserved[side]--;
}

int lpm_put(struct lpm *lpm, uint32_t table, const struct ip_prefix *prefix, uint32_t value)
{
	enum lpm_side side = side_of(&prefix->ip);
	uint32_t *root = &lpm->table[table].rib[side];
	struct lpm_entry entry = {bits_of(&prefix->ip), value, prefix->length};
	uint32_t before;
	int rc;

	before = lpm_rib_put(&lpm->rib, root, &entry);
	if (before == value)
		return 0;
	rc = -ENOSPC;
	if (before == 0 && lpm->reserved[side] == 0 && routes_and_promises(lpm) >= lpm->limit)
		goto undo;
	rc = lpm_tree_put(lpm, table, side, &entry, before == 0);
	if (rc < 0)
		goto undo;
	if (before == 0)
		count_put(lpm, table, side);
	tidy(lpm);
	want_memory(lpm);
	return 0;

undo:
	/* Only a new prefix takes memory. */
	lpm_rib_remove(&lpm->rib, root, entry.key, entry.length);
	return rc;
}

int lpm_delete(struct lpm *lpm, uint32_t table, const struct ip_prefix *prefix)
{
	enum lpm_side side = side_of(&prefix->ip);
	lpm_bits key = bits_of(&prefix->ip);

	if (lpm_rib_remove(&lpm->rib, &lpm->table[table].rib[side], key, prefix->length) == 0)
		return -ENOENT;
	lpm->table[table].routes[side]--;
	lpm->routes[side]--;
	lpm_tree_delete(lpm, table, side, key, prefix->length);
	tidy(lpm);
	return 0;
}

uint32_t lpm_get(const struct lpm *lpm, uint32_t table, const struct ip_prefix *prefix)
{
	return lpm_rib_get(&lpm->rib, lpm->table[table].rib[side_of(&prefix->ip)],
		bits_of(&prefix->ip), prefix->length);
}

uint32_t lpm_lookup(const struct lpm *lpm, uint32_t table, const struct ip_address *address)
{
	lpm_bits bits = bits_of(address);
	struct lpm6_key key = {(uint64_t)(bits >> 64), (uint64_t)bits};
	uint32_t v4 = (uint32_t)(key.high >> 32), value;

	if (side_of(address) == LPM_6)
		lpm6_lookup(lpm, &table, &key, &value, 1);
	else
		lpm4_lookup(lpm, &table, &v4, &value, 1);
	return value;
}

struct visitor {
	int (*visit)(const struct ip_prefix *prefix, uint32_t value, void *context);
	void *context;
	enum lpm_side side;
};

static int visit_entry(const struct lpm_entry *entry, void *context)
{
	const struct visitor *v = context;
	struct ip_prefix prefix = {ip_of(entry->key, v->side), entry->length};

	return v->visit(&prefix, entry->value, v->context);
}

int lpm_walk(const struct lpm *lpm, uint32_t table,
	int (*visit)(const struct ip_prefix *prefix, uint32_t value, void *context), void *context)
{
	struct visitor v = {visit, context, LPM_4};
	int rc = lpm_rib_walk(&lpm->rib, lpm->table[table].rib[LPM_4], visit_entry, &v);

	if (rc != 0)
		return rc;
	v.side = LPM_6;
	return lpm_rib_walk(&lpm->rib, lpm->table[table].rib[LPM_6], visit_entry, &v);
}

int lpm_reserve(struct lpm *lpm, uint8_t family, uint32_t count)
{
	enum lpm_side side = family == IP_6 ? LPM_6 : LPM_4;
	uint32_t before = lpm->reserved[side];

	lpm->reserved[side] = 0;
	if (routes_and_promises(lpm) + count > lpm->limit) {
		lpm->reserved[side] = before;
		return -ENOSPC;
	}
	if (!lpm_node_has(&lpm->node, (uint64_t)count * BYTES_PER_ROUTE)) {
		lpm->reserved[side] = before;
		return -ENOMEM;
	}
	lpm->reserved[side] = count;
	want_memory(lpm);
	return 0;
}

uint64_t lpm_reclaim(struct lpm *lpm)
{
	lpm_node_reclaim(&lpm->node);
	return lpm->node.waiting;
}

void lpm_usage(const struct lpm *lpm, struct lpm_usage *usage)
{
	uint64_t heads = (uint64_t)lpm->tables * sizeof(struct lpm_head);

	*usage = (struct lpm_usage){
		.routes4 = lpm->routes[LPM_4],
		.routes6 = lpm->routes[LPM_6],
		.reader_bytes4 = lpm->node.live[LPM_4] + heads,
		.reader_bytes6 = lpm->node.live[LPM_6] + heads,
		.control_bytes = lpm->rib.live * sizeof(struct lpm_rib_node) +
				 lpm->tables * sizeof(struct lpm_table),
		.waiting_bytes = lpm->node.waiting,
	};
}
