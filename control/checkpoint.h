/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The model as a sequence of journal records that make it again, in slices. The model must not
 * change between restart and the end. Control thread only.
 */
#ifndef CONTROL_CHECKPOINT_H
#define CONTROL_CHECKPOINT_H

#include <stddef.h>

#include "control/model.h"

struct checkpoint;

/* NULL on lack of memory. */
struct checkpoint *checkpoint_create(const struct model *model);
void checkpoint_destroy(struct checkpoint *checkpoint);
void checkpoint_restart(struct checkpoint *checkpoint);

/* 1: *bytes (malloc'ed, the caller's) and *length are the next record; 2: call again; 0: that was
 * all; -ENOMEM. */
int checkpoint_next(struct checkpoint *checkpoint, char **bytes, size_t *length);

#endif
