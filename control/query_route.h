/* SPDX-License-Identifier: BSD-3-Clause */
/* Questions about routes; as control/query.h. */
#ifndef CONTROL_QUERY_ROUTE_H
#define CONTROL_QUERY_ROUTE_H

#include "control/query.h"

/* What all owners have for one prefix. */
int query_route_get(const struct model *model, const json_t *params, struct refusal *refusal,
	struct text *answer);
/* One page of a connection's routes, IPv4 first, ascending. */
int query_route_list(const struct model *model, const json_t *params, struct refusal *refusal,
	struct text *answer);
/* What happens to a packet to this address: the prefix that matches in the tables that workers read
 * (lpm; NULL: as configured), where it comes from and where it leads. */
int query_route_lookup(const struct model *model, const struct lpm *lpm, const json_t *params,
	struct refusal *refusal, struct text *answer);

#endif
