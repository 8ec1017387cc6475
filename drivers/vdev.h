/* SPDX-License-Identifier: BSD-3-Clause */
/* Virtual devices of DPDK: their names and arguments are made from a device string here. Control
 * thread only. */
#ifndef DRIVERS_VDEV_H
#define DRIVERS_VDEV_H

#include "drivers/device.h"

#define VDEV_ARGUMENTS 640

struct vdev {
	char name[DEVICE_NAME];
	char arguments[VDEV_ARGUMENTS];
};

/* queues: pairs that the device is made with, where its kind wants to know. program: of af_xdp, a
 * path; else NULL. Not for pci and ring. */
void vdev_describe(const struct device_request *request, unsigned queues, uint16_t max_frame,
	const char *program, struct vdev *out);

/* Bytes of one slot of an af_packet ring for frames of this size. */
uint32_t vdev_packet_slot(uint16_t max_frame);

/* Probes it and finds its ethdev port. 0 or -errno with nothing left behind. */
int vdev_create(const struct vdev *vdev, uint16_t *port_id);

/* One ring for each queue, named TARGET.N (what the device receives) and PEER.N (what it sends),
 * made where they do not exist yet; without a peer it hears itself. Both ends may be devices, or
 * one end a program that finds the rings by name. out->name is set. */
int vdev_create_rings(const struct device_request *request, unsigned rx_queues, unsigned tx_queues,
	struct vdev *out, uint16_t *port_id);

/* The port must have been closed. */
void vdev_remove(const char *name);

#endif
