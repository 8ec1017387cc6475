/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A thread that has the kernel back the memory of the route store before the writer gets there. The
 * first touch of a huge page clears it, and on a virtual machine may have to wait for the host to
 * find it: ten milliseconds and more, too long for a turn of the control loop. The thread never
 * looks at the memory.
 *
 * All but the thread itself is the writer's. Where there is no thread (NULL), nothing but time is
 * lost.
 */
#ifndef DATAPLANE_FWD_LPM_AHEAD_H
#define DATAPLANE_FWD_LPM_AHEAD_H

#include <stddef.h>
#include <stdint.h>

struct lpm_ahead;

enum lpm_ahead_which { LPM_AHEAD_NODES, LPM_AHEAD_RIB, LPM_AHEAD_RANGES };

/* NULL where there is no memory or no thread to be had. */
struct lpm_ahead *lpm_ahead_create(void);
/* Before the ranges are unmapped. */
void lpm_ahead_destroy(struct lpm_ahead *ahead);

/* base: page aligned, private anonymous memory of size bytes. Once for each range. */
void lpm_ahead_range(struct lpm_ahead *ahead, enum lpm_ahead_which which, void *base, size_t size);
/* The first so many bytes of the range will be used soon; more than there are means all. Cheap
 * where so many were wanted before. */
void lpm_ahead_want(struct lpm_ahead *ahead, enum lpm_ahead_which which, size_t bytes);

#endif
