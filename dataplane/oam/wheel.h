/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A timer for each of many small numbers: a wheel of slots, each a short span of TSC time. Putting,
 * stopping and taking are a few steps whatever the number of timers. One comes up late by at most a
 * slot; one that lies further ahead than a turn of the wheel comes up early, and is put again. One
 * thread.
 */
#ifndef DATAPLANE_OAM_WHEEL_H
#define DATAPLANE_OAM_WHEEL_H

#include <stdint.h>

#define WHEEL_NEVER UINT64_MAX

struct wheel;

/* Timers 1 .. timers, none running. hz: cycles a second. NULL on lack of memory. */
struct wheel *wheel_create(uint32_t timers, uint64_t hz, uint64_t now);
void wheel_destroy(struct wheel *wheel);

/* Starts a timer, or moves it. WHEEL_NEVER stops it. */
void wheel_put(struct wheel *wheel, uint32_t timer, uint64_t when);

/* A timer that is due, now stopped; 0: none is. now never goes back. */
uint32_t wheel_take(struct wheel *wheel, uint64_t now);

/* Not before this there will be one; WHEEL_NEVER: none runs. */
uint64_t wheel_next(const struct wheel *wheel);

#endif
