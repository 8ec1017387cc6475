/* SPDX-License-Identifier: BSD-3-Clause */
/* One device_open() under way: the part that ethdev does for any device. Between device.c and
 * ethdev; control thread only. */
#ifndef DRIVERS_OPENING_H
#define DRIVERS_OPENING_H

#include <rte_ethdev.h>

#include "drivers/device.h"

struct opening {
	const struct device_request *request;
	struct device *device;
	struct devstring_error *error;
	struct rte_eth_dev_info info; /* from opening_configure() on */
	bool port;		      /* the ethdev port exists */
};

/* Queue pairs to make a virtual device with. More receive queues than are polled would lose what
 * arrives there, so receive decides. */
unsigned opening_pairs(const struct opening *opening);
/* Of a ring device, which need not send by as many rings as it receives by. */
unsigned opening_ring_senders(const struct opening *opening);

/* All 0, or -errno and a sentence. Configure sets the queues, descriptors and offloads of the
 * device. */
int opening_configure(struct opening *opening);
int opening_set_up_queues(struct opening *opening);

#endif
