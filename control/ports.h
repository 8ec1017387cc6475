/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The ports of a gateway: their devices opened as the boot file says, what the other parts need to
 * know about each, and their links watched. Index: the place in the boot file.
 */
#ifndef CONTROL_PORTS_H
#define CONTROL_PORTS_H

#include <stdbool.h>

#include "control/boot.h"
#include "dataplane/worker/plane.h"
#include "drivers/device.h"

struct gateway;
struct loop;
struct ports;

/* Opens all or none. NULL and a log line that names the port. boot must outlive it. */
struct ports *ports_open(const struct boot *boot, struct rte_mempool *pool);
/* No worker may run any more. NULL is allowed. */
void ports_close(struct ports *ports);

/* Array of boot->ports devices. */
struct device *ports_devices(struct ports *ports);

/* How the workers use this port. */
void ports_describe(const struct ports *ports, unsigned index, struct plane_port *port);

/* Looks at the links now and then; changed is called for each that went up or down since the start,
 * when all count as up. */
void ports_watch(struct ports *ports, struct loop *loop,
	void (*changed)(void *context, unsigned index, bool up), void *context);

#endif
