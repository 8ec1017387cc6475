/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/fwd/fwd.h"

#include <stdlib.h>

static struct rte_rcu_qsbr *create_qsbr(uint32_t workers)
{
	size_t bytes = rte_rcu_qsbr_get_memsize(workers);
	struct rte_rcu_qsbr *qsbr = aligned_alloc(CACHE_LINE, bytes);

	if (qsbr != NULL && rte_rcu_qsbr_init(qsbr, workers) != 0) {
		free(qsbr);
		return NULL;
	}
	return qsbr;
}

static struct liveness *create_liveness(uint32_t sites)
{
	struct liveness *liveness =
		aligned_alloc(CACHE_LINE, sizeof(*liveness) * ((size_t)sites + 1));

	if (liveness == NULL)
		return NULL;
	for (uint32_t site = 0; site <= sites; site++) {
		for (unsigned i = 0; i < LIVENESS_WORDS; i++)
			atomic_init(&liveness[site].word[i], UINT64_MAX);
	}
	return liveness;
}

/* Beside the configured routes: a host route of each neighbour, and for attachments and endpoints,
 * which mostly have an address of each family, the address itself and the prefix around it. */
static uint32_t prefixes(const struct fwd_limits *limits)
{
	uint64_t links = (uint64_t)limits->snapshot.attachments + limits->snapshot.endpoints;
	uint64_t sum = limits->routes + (uint64_t)limits->neighbours + 4 * links;

	return sum > UINT32_MAX ? UINT32_MAX : (uint32_t)sum;
}

static int create_tables(struct fwd *fwd)
{
	const struct fwd_limits *limits = &fwd->limits;
	struct lpm_config config = {
		.tables = limits->snapshot.connections + 1, .routes = prefixes(limits)};

	fwd->qsbr = create_qsbr(limits->workers);
	config.qsbr = fwd->qsbr;
	fwd->lpm = fwd->qsbr == NULL ? NULL : lpm_create(&config);
	/* Twice: all of them may change their key at once, and new ones go in before old ones
	 * leave. */
	fwd->attachments = idmap_create(limits->snapshot.attachments * 2);
	fwd->endpoints = idmap_create(limits->snapshot.endpoints * 2);
	fwd->liveness = create_liveness(limits->snapshot.sites);
	fwd->policer = policer_create(limits->snapshot.connections + 1);
	atomic_init(&fwd->snapshot, snapshot_create(&limits->snapshot));
	if (neighbour_table_init(&fwd->neighbours, limits->neighbours + 1) < 0)
		return -1;
	return fwd->lpm != NULL && fwd->attachments != NULL && fwd->endpoints != NULL &&
			       fwd->liveness != NULL && fwd->policer != NULL &&
			       fwd_snapshot(fwd) != NULL
		       ? 0
		       : -1;
}

struct fwd *fwd_create(const struct fwd_limits *limits, uint64_t seed)
{
	struct fwd *fwd = calloc(1, sizeof(*fwd));

	if (fwd == NULL)
		return NULL;
	fwd->limits = *limits;
	fwd->hash_seed = seed;
	atomic_init(&fwd->epoch, 1);
	if (create_tables(fwd) < 0) {
		fwd_destroy(fwd);
		return NULL;
	}
	return fwd;
}

void fwd_destroy(struct fwd *fwd)
{
	if (fwd == NULL)
		return;
	snapshot_destroy(fwd_snapshot(fwd));
	neighbour_table_fini(&fwd->neighbours);
	free(fwd->policer);
	free(fwd->liveness);
	idmap_destroy(fwd->endpoints);
	idmap_destroy(fwd->attachments);
	if (fwd->lpm != NULL)
		lpm_destroy(fwd->lpm);
	free(fwd->qsbr);
	free(fwd);
}
