/* SPDX-License-Identifier: BSD-3-Clause */
/* The vias of a model: each distinct one is kept once, and counted. Control thread only. */
#ifndef CONTROL_VIAS_H
#define CONTROL_VIAS_H

#include "control/store.h"

int vias_create(struct store_via_table *table, const struct model_limits *limits);
void vias_destroy(struct store_via_table *table);

/* The id of the via with this content (id and counts of wanted are not read; hops in any order,
 * they are sorted in place), with one more holder. 0 and -ENOSPC or -ENOMEM in *error where that
 * cannot be. */
uint32_t vias_intern(struct model *model, struct model_via *wanted, int *error);
/* id 0 is allowed in both. */
void vias_hold(struct model *model, uint32_t id);
void vias_drop(struct model *model, uint32_t id);
/* A route entry of this connection begins (+1) or ceases (-1) to lead there: holders, routes and
 * the users of what the via names. */
void vias_use(struct model *model, uint32_t connection, uint32_t id, int by);
uint64_t vias_bytes(const struct store_via_table *table);

#endif
