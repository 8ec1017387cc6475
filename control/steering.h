/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tells the steering programs of af_xdp ports which tags and addresses the model has put on them.
 * Follows accepted changes one by one; the kernel's maps are written in slices. Control thread
 * only.
 */
#ifndef CONTROL_STEERING_H
#define CONTROL_STEERING_H

#include <stdbool.h>

struct change;
struct device;
struct loop;
struct steering;

/* devices: array of that many ports, index as in the model; those without steering are passed over.
 * loop NULL: the owner calls steering_work() until it says no. NULL on lack of memory. */
struct steering *steering_create(struct loop *loop, struct device *devices, unsigned ports);
/* NULL is allowed. */
void steering_destroy(struct steering *steering);

/* A change that the model has taken; read before this returns. What leaves goes before what comes,
 * so that tags may move from one attachment to another. */
void steering_change(struct steering *steering, const struct change *change);

/* One slice; true while there is more. */
bool steering_work(struct steering *steering);

#endif
