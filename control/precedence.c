/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/precedence.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/base/iphash.h"

#define FIRST_SLOTS 256

/* A prefix that some rank above the configured routes claims. Only these are kept: a million
 * configured routes cost nothing here. */
struct claim {
	struct claim *next;
	struct ip_prefix prefix;
	uint32_t connection;
	uint32_t value[PRECEDENCE_RANKS];
};

struct precedence {
	struct lpm *lpm;
	struct claim **slot;
	uint32_t mask;
	uint32_t claims;
	struct claim *spare; /* allocated ahead of need */
	uint32_t spares;
	struct precedence_need reserved;
};

struct precedence *precedence_create(struct lpm *lpm)
{
	struct precedence *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->slot = calloc(FIRST_SLOTS, sizeof(struct claim *));
	if (p->slot == NULL) {
		free(p);
		return NULL;
	}
	p->lpm = lpm;
	p->mask = FIRST_SLOTS - 1;
	return p;
}

static void free_list(struct claim *claim)
{
	while (claim != NULL) {
		struct claim *next = claim->next;

		free(claim);
		claim = next;
	}
}

void precedence_destroy(struct precedence *p)
{
	if (p == NULL)
		return;
	for (uint32_t i = 0; i <= p->mask; i++)
		free_list(p->slot[i]);
	free_list(p->spare);
	free(p->slot);
	free(p);
}

static uint32_t hash_of(uint32_t connection, const struct ip_prefix *prefix)
{
	return iphash_address(&prefix->ip, connection << 8 ^ prefix->length);
}

static struct claim **find(
	const struct precedence *p, uint32_t connection, const struct ip_prefix *prefix)
{
	struct claim **at = &p->slot[hash_of(connection, prefix) & p->mask];

	while (*at != NULL) {
		const struct claim *c = *at;

		if (c->connection == connection && c->prefix.length == prefix->length &&
			ip_equal(&c->prefix.ip, &prefix->ip))
			break;
		at = &(*at)->next;
	}
	return at;
}

/* Twice as many slots; without memory the lists just get longer. */
static void grow(struct precedence *p)
{
	uint32_t mask = p->mask * 2 + 1;
	struct claim **slot = calloc((size_t)mask + 1, sizeof(struct claim *));

	if (slot == NULL)
		return;
	for (uint32_t i = 0; i <= p->mask; i++) {
		struct claim *claim = p->slot[i];

		while (claim != NULL) {
			struct claim *next = claim->next;
			struct claim **at =
				&slot[hash_of(claim->connection, &claim->prefix) & mask];

			claim->next = *at;
			*at = claim;
			claim = next;
		}
	}
	free(p->slot);
	p->slot = slot;
	p->mask = mask;
}

static int stock_spares(struct precedence *p, uint32_t count)
{
	while (p->spares < count) {
		struct claim *claim = calloc(1, sizeof(*claim));

		if (claim == NULL)
			return -ENOMEM;
		claim->next = p->spare;
		p->spare = claim;
		p->spares++;
	}
	return 0;
}

static int reserve_lpm(struct precedence *p, const uint32_t prefixes[2])
{
	int error = lpm_reserve(p->lpm, IP_4, prefixes[0]);

	if (error != 0)
		return error;
	return lpm_reserve(p->lpm, IP_6, prefixes[1]);
}

int precedence_reserve(struct precedence *p, const struct precedence_need *need)
{
	const struct precedence_need *r = &p->reserved;
	uint32_t prefixes[2] = {
		r->prefixes[0] + need->prefixes[0], r->prefixes[1] + need->prefixes[1]};
	int error = stock_spares(p, r->claims + need->claims);

	if (error == 0)
		error = reserve_lpm(p, prefixes);
	if (error != 0) {
		/* Less than was granted before is granted again. */
		reserve_lpm(p, r->prefixes);
		return error;
	}
	memcpy(p->reserved.prefixes, prefixes, sizeof(prefixes));
	p->reserved.claims += need->claims;
	return 0;
}

void precedence_unreserve(struct precedence *p, const struct precedence_need *need)
{
	p->reserved.prefixes[0] -= need->prefixes[0];
	p->reserved.prefixes[1] -= need->prefixes[1];
	p->reserved.claims -= need->claims;
	reserve_lpm(p, p->reserved.prefixes);
}

static uint32_t best(const struct claim *claim)
{
	for (unsigned rank = 0; rank < PRECEDENCE_RANKS; rank++) {
		if (claim->value[rank] != 0)
			return claim->value[rank];
	}
	return 0;
}

/* By a rank above the configured routes. */
static bool claimed(const struct claim *claim)
{
	for (unsigned rank = 0; rank < PRECEDENCE_CONFIGURED; rank++) {
		if (claim->value[rank] != 0)
			return true;
	}
	return false;
}

static struct claim *take_spare(struct precedence *p)
{
	struct claim *claim = p->spare;

	if (claim == NULL)
		return calloc(1, sizeof(*claim));
	p->spare = claim->next;
	p->spares--;
	return claim;
}

static void give_spare(struct precedence *p, struct claim *claim)
{
	if (p->spares >= p->reserved.claims) {
		free(claim);
		return;
	}
	memset(claim, 0, sizeof(*claim));
	claim->next = p->spare;
	p->spare = claim;
	p->spares++;
}

static int put_first_claim(struct precedence *p, uint32_t connection,
	const struct ip_prefix *prefix, enum precedence_rank rank, uint32_t value)
{
	uint32_t configured = lpm_get(p->lpm, connection, prefix);
	struct claim *claim = take_spare(p);
	struct claim **at;
	int error;

	if (claim == NULL)
		return -ENOMEM;
	error = lpm_put(p->lpm, connection, prefix, value);
	if (error != 0) {
		give_spare(p, claim);
		return error;
	}
	claim->prefix = *prefix;
	claim->connection = connection;
	claim->value[PRECEDENCE_CONFIGURED] = configured;
	claim->value[rank] = value;
	if (p->claims++ > p->mask)
		grow(p);
	at = &p->slot[hash_of(connection, prefix) & p->mask];
	claim->next = *at;
	*at = claim;
	return 0;
}

int precedence_put(struct precedence *p, uint32_t connection, const struct ip_prefix *prefix,
	enum precedence_rank rank, uint32_t value)
{
	struct claim *claim = *find(p, connection, prefix);
	uint32_t before;

	if (claim == NULL && rank == PRECEDENCE_CONFIGURED)
		return lpm_put(p->lpm, connection, prefix, value);
	if (claim == NULL)
		return put_first_claim(p, connection, prefix, rank, value);
	before = best(claim);
	claim->value[rank] = value;
	/* A prefix that is there takes another value without memory. */
	return best(claim) == before ? 0 : lpm_put(p->lpm, connection, prefix, best(claim));
}

int precedence_put_spare(struct precedence *p, uint32_t connection, const struct ip_prefix *prefix,
	enum precedence_rank rank, uint32_t value)
{
	unsigned family = prefix->ip.family == IP_6;
	struct precedence_need one = {.claims = 1};
	int error;

	one.prefixes[family] = 1;
	error = precedence_reserve(p, &one);
	if (error != 0)
		return error;
	error = precedence_put(p, connection, prefix, rank, value);
	precedence_unreserve(p, &one);
	return error;
}

void precedence_drop(struct precedence *p, uint32_t connection, const struct ip_prefix *prefix,
	enum precedence_rank rank, uint32_t value)
{
	struct claim **at = find(p, connection, prefix);
	struct claim *claim = *at;
	uint32_t before, after;

	if (claim == NULL) {
		if (rank == PRECEDENCE_CONFIGURED &&
			(value == 0 || lpm_get(p->lpm, connection, prefix) == value))
			lpm_delete(p->lpm, connection, prefix);
		return;
	}
	if (value != 0 && claim->value[rank] != value)
		return;
	before = best(claim);
	claim->value[rank] = 0;
	after = best(claim);
	if (after == 0)
		lpm_delete(p->lpm, connection, prefix);
	else if (after != before)
		lpm_put(p->lpm, connection, prefix, after);
	if (!claimed(claim)) {
		*at = claim->next;
		p->claims--;
		give_spare(p, claim);
	}
}

uint32_t precedence_get(const struct precedence *p, uint32_t connection,
	const struct ip_prefix *prefix, enum precedence_rank rank)
{
	const struct claim *claim = *find(p, connection, prefix);

	if (claim == NULL)
		return rank == PRECEDENCE_CONFIGURED ? lpm_get(p->lpm, connection, prefix) : 0;
	return claim->value[rank];
}
