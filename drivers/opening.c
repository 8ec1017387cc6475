/* SPDX-License-Identifier: BSD-3-Clause */
#include "drivers/opening.h"

#include <errno.h>
#include <string.h>

#include <rte_mbuf.h>

#include "drivers/kernif.h"
#include "drivers/offload.h"

#define DESCRIPTORS    1024
#define VIRTUAL_QUEUES 16 /* of tap, af_packet and ring, by their drivers */

static unsigned smaller(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static unsigned at_least_one(unsigned n)
{
	return n > 0 ? n : 1;
}

unsigned opening_pairs(const struct opening *o)
{
	const struct devstring *string = o->request->string;
	unsigned most = DEVICE_QUEUES;

	if (string->kind == DEVSTRING_AF_XDP) {
		unsigned queues = kernif_queues(string->target);
		unsigned first = devstring_number(string, "queue", 0);

		most = queues > first ? queues - first : 1;
	}
	if (string->kind == DEVSTRING_AF_PACKET || string->kind == DEVSTRING_TAP ||
		string->kind == DEVSTRING_RING)
		most = VIRTUAL_QUEUES;
	return smaller(at_least_one(o->request->rx_queues), most);
}

unsigned opening_ring_senders(const struct opening *o)
{
	return smaller(at_least_one(o->request->tx_queues), VIRTUAL_QUEUES);
}

static void choose_queues(struct opening *o)
{
	struct device *device = o->device;
	unsigned rx = smaller(at_least_one(o->request->rx_queues), o->info.max_rx_queues);
	unsigned tx = smaller(at_least_one(o->request->tx_queues), o->info.max_tx_queues);

	if (device->virtual_device)
		rx = smaller(rx, opening_pairs(o));
	if (device->kind == DEVSTRING_AF_XDP || device->kind == DEVSTRING_TAP ||
		device->kind == DEVSTRING_AF_PACKET)
		tx = smaller(tx, rx);
	device->rx_queues = (uint16_t)smaller(rx, DEVICE_QUEUES);
	device->tx_queues = (uint16_t)smaller(tx, DEVICE_QUEUES);
}

/* Queues that the driver is told of: some want as many of one kind as of the other. */
static uint16_t told_tx_queues(const struct device *device)
{
	bool paired = device->kind == DEVSTRING_AF_XDP || device->kind == DEVSTRING_TAP;

	return paired ? device->rx_queues : device->tx_queues;
}

static int check_mtu(const struct opening *o)
{
	const struct device *device = o->device;
	uint32_t most = o->info.max_mtu;

	if (device->kind == DEVSTRING_TAP || device->kind == DEVSTRING_MEMIF)
		most = smaller(most, RTE_ETHER_MTU);
	if (device->mtu > most)
		return devstring_refuse(o->error, -EMSGSIZE,
			"%s carries an MTU of at most %u, not %u", o->info.driver_name, most,
			device->mtu);
	return 0;
}

int opening_configure(struct opening *o)
{
	struct device *device = o->device;
	struct rte_eth_conf conf = {0};
	uint16_t rx, tx;
	int rc;

	rc = rte_eth_dev_info_get(device->port_id, &o->info);
	if (rc != 0)
		return devstring_refuse(
			o->error, rc, "device does not describe itself: %s", strerror(-rc));
	strncpy(device->driver, o->info.driver_name, DEVICE_NAME - 1);
	rc = check_mtu(o);
	if (rc != 0)
		return rc;
	choose_queues(o);
	offload_choose(&o->info, device, &conf);
	if (device->kind == DEVSTRING_PCI)
		conf.rxmode.mtu = device->mtu;
	rc = rte_eth_dev_configure(
		device->port_id, device->rx_queues, told_tx_queues(device), &conf);
	if (rc != 0)
		return devstring_refuse(o->error, rc,
			"device refuses %u receive and %u transmit queues: %s", device->rx_queues,
			told_tx_queues(device), strerror(-rc));
	rx = o->request->rx_descriptors != 0 ? o->request->rx_descriptors : DESCRIPTORS;
	tx = o->request->tx_descriptors != 0 ? o->request->tx_descriptors : DESCRIPTORS;
	rc = rte_eth_dev_adjust_nb_rx_tx_desc(device->port_id, &rx, &tx);
	if (rc != 0)
		return devstring_refuse(
			o->error, rc, "device refuses %u descriptors: %s", rx, strerror(-rc));
	if (device->kind == DEVSTRING_AF_XDP)
		rx = (uint16_t)rte_align32pow2(rx);
	device->rx_descriptors = rx;
	device->tx_descriptors = tx;
	return 0;
}

static int set_up_receive(const struct opening *o, uint16_t queue)
{
	const struct device *device = o->device;
	struct rte_eth_rxq_info queue_info;
	int rc;

	rc = rte_eth_rx_queue_setup(device->port_id, queue, device->rx_descriptors,
		(unsigned)device->socket, NULL, o->request->pool);
	if (rc != 0)
		return devstring_refuse(o->error, rc,
			"receive queue %u cannot be set up: %s (the lines of the driver above say "
			"more; "
			"%u buffers are free)",
			queue, strerror(-rc), rte_mempool_avail_count(o->request->pool));
	rc = rte_eth_rx_queue_info_get(device->port_id, queue, &queue_info);
	if (rc == 0 && queue_info.scattered_rx)
		return devstring_refuse(o->error, -EMSGSIZE,
			"device would spread a frame of MTU %u over buffers: make them larger than "
			"%u bytes",
			device->mtu, rte_pktmbuf_data_room_size(o->request->pool));
	return 0;
}

int opening_set_up_queues(struct opening *o)
{
	const struct device *device = o->device;
	int rc;

	/* An AF_XDP transmit queue is the other half of its receive queue, which comes first. */
	for (uint16_t q = 0; q < device->rx_queues; q++) {
		rc = set_up_receive(o, q);
		if (rc != 0)
			return rc;
	}
	for (uint16_t q = 0; q < told_tx_queues(device); q++) {
		rc = rte_eth_tx_queue_setup(
			device->port_id, q, device->tx_descriptors, (unsigned)device->socket, NULL);
		if (rc != 0)
			return devstring_refuse(o->error, rc,
				"transmit queue %u cannot be set up: %s", q, strerror(-rc));
	}
	return 0;
}
