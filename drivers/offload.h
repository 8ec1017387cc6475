/* SPDX-License-Identifier: BSD-3-Clause */
/* What a device is asked to do for us: checksums and the spreading over receive queues. */
#ifndef DRIVERS_OFFLOAD_H
#define DRIVERS_OFFLOAD_H

#include "drivers/device.h"

struct rte_eth_conf;
struct rte_eth_dev_info;

/* Reads device->driver, kind and rx_queues; sets its offload fields and fills conf. */
void offload_choose(
	const struct rte_eth_dev_info *info, struct device *device, struct rte_eth_conf *conf);

#endif
