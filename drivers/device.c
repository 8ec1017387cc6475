/* SPDX-License-Identifier: BSD-3-Clause */
#include "drivers/device.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "dataplane/base/log.h"
#include "dataplane/base/macros.h"
#include "drivers/afsocket.h"
#include "drivers/kernif.h"
#include "drivers/opening.h"
#include "drivers/steerport.h"
#include "drivers/vdev.h"

#define XDP_HEADROOM	  256 /* of the kernel, in front of every frame of an AF_XDP socket */
#define PACKET_SLOT_SPARE 32  /* what net_af_packet takes off a slot when it asks for buffers */
#define VIRTUAL_QUEUES	  16  /* of tap, af_packet and ring, by their drivers */

/* What we hold of the kernel interface under a device. */
struct device_kernel {
	int multicast; /* socket that keeps multicast coming in, or -1 */
	struct steerport steerport;
	struct afsocket sockets;
};

bool device_eal_argument(const struct devstring *string, char *text, size_t size)
{
	int used;

	if (string->kind != DEVSTRING_PCI)
		return false;
	used = snprintf(text, size, "%s", string->target);
	for (unsigned i = 0; i < string->pairs && used > 0 && (size_t)used < size; i++)
		used += snprintf(text + used, size - (size_t)used, ",%s=%s", string->pair[i].option,
			string->pair[i].value);
	return true;
}

/* What fits; devstring has refused longer ones where that matters. */
static void copy_name(char *to, const char *from, size_t size)
{
	size_t length = strnlen(from, size - 1);

	memcpy(to, from, length);
	to[length] = '\0';
}

static bool stands_on_kernel(const struct devstring *string)
{
	return string->kind == DEVSTRING_AF_XDP || string->kind == DEVSTRING_AF_PACKET;
}

/* Bytes a buffer must have (with headroom) so that the largest frame lies in one. */
static uint32_t buffer_needed(const struct device *device)
{
	uint32_t frame = device->max_frame;

	if (device->kind == DEVSTRING_AF_XDP)
		frame += XDP_HEADROOM;
	if (device->kind == DEVSTRING_AF_PACKET)
		frame = vdev_packet_slot(device->max_frame) - PACKET_SLOT_SPARE;
	return frame + DEVICE_HEADROOM;
}

static int check_buffers(const struct opening *o)
{
	struct rte_mempool *pool = o->request->pool;
	uint32_t room = rte_pktmbuf_data_room_size(pool);
	uint32_t need = buffer_needed(o->device);
	uint32_t chunk = rte_mempool_calc_obj_size(pool->elt_size, pool->flags, NULL);

	if (room < need)
		return devstring_refuse(o->error, -EMSGSIZE,
			"MTU %u needs buffers of %u bytes here, and they have %u", o->device->mtu,
			need, room);
	if (o->device->kind == DEVSTRING_AF_XDP && chunk > (uint32_t)getpagesize())
		return devstring_refuse(o->error, -EMSGSIZE,
			"af_xdp needs buffers that fit a page with their header: at most %u bytes, "
			"not %u",
			(uint32_t)getpagesize() - (chunk - room), room);
	return 0;
}

/* The interface is there, up, and carries packets of our size. */
static int prepare_interface(const struct opening *o)
{
	const char *name = o->request->string->target;
	struct kernif interface;
	int rc = kernif_read(name, &interface);

	if (rc != 0)
		return devstring_refuse(o->error, rc, "interface %s: %s", name, strerror(-rc));
	if (interface.mtu < o->device->mtu) {
		rc = kernif_set_mtu(name, o->device->mtu);
		if (rc != 0)
			return devstring_refuse(o->error, rc,
				"interface %s has MTU %u and refuses MTU %u: %s", name,
				interface.mtu, o->device->mtu, strerror(-rc));
		log_info("interface %s: MTU raised from %u to %u", name, interface.mtu,
			o->device->mtu);
	}
	if (!interface.up) {
		rc = kernif_set_up(name);
		if (rc != 0)
			return devstring_refuse(o->error, rc, "interface %s cannot be set up: %s",
				name, strerror(-rc));
	}
	copy_name(o->device->kernel_interface, name, IF_NAMESIZE);
	return 0;
}

static int create_virtual(struct opening *o)
{
	const struct device_request *request = o->request;
	struct device *device = o->device;
	unsigned pairs = opening_pairs(o);
	const char *program = NULL;
	struct vdev vdev;
	int rc;

	if (device->kind == DEVSTRING_AF_XDP)
		program = steerport_program(&device->kernel->steerport);
	if (device->kind == DEVSTRING_RING) {
		rc = vdev_create_rings(
			request, pairs, opening_ring_senders(o), &vdev, &device->port_id);
	} else {
		vdev_describe(request, pairs, device->max_frame, program, &vdev);
		afsocket_begin(&device->kernel->sockets, pairs);
		rc = vdev_create(&vdev, &device->port_id);
		afsocket_end();
	}
	if (rc != 0)
		return devstring_refuse(o->error, rc,
			"%s device cannot be made: %s (the lines of the driver above say more)",
			devstring_kind_name(device->kind), strerror(-rc));
	copy_name(device->name, vdev.name, DEVICE_NAME);
	device->virtual_device = true;
	o->port = true;
	return 0;
}

static int find_pci(struct opening *o)
{
	const char *address = o->request->string->target;

	if (rte_eth_dev_get_port_by_name(address, &o->device->port_id) != 0)
		return devstring_refuse(o->error, -ENODEV,
			"no device at PCI address %s, or it is not bound to a driver that DPDK can "
			"use (vfio-pci)",
			address);
	copy_name(o->device->name, address, DEVICE_NAME);
	o->port = true;
	return 0;
}

static int prepare_kernel(struct opening *o)
{
	struct device *device = o->device;
	int rc;

	device->kernel = calloc(1, sizeof(*device->kernel));
	if (device->kernel == NULL)
		return devstring_refuse(o->error, -ENOMEM, "out of memory");
	device->kernel->multicast = -1;
	steerport_init(&device->kernel->steerport);
	if (!stands_on_kernel(o->request->string))
		return 0;
	rc = prepare_interface(o);
	if (rc == 0 && device->kind == DEVSTRING_AF_XDP)
		rc = steerport_prepare(
			&device->kernel->steerport, device->kernel_interface, o->error);
	return rc;
}

/* A ring has none, and two gateways must not share one: locally administered, by its name. */
static void make_mac(const struct devstring *string, uint8_t mac[6])
{
	uint32_t hash = 2166136261u;

	if (devstring_mac(string, mac))
		return;
	for (const char *c = string->target; *c != '\0'; c++)
		hash = (hash ^ (uint8_t)*c) * 16777619u;
	mac[0] = 0x02;
	mac[1] = 0x72;
	memcpy(mac + 2, &hash, sizeof(hash));
}

static int read_mac(struct opening *o)
{
	static const uint8_t none[6];
	struct rte_ether_addr mac;
	int rc = rte_eth_macaddr_get(o->device->port_id, &mac);

	if (rc != 0)
		return devstring_refuse(
			o->error, rc, "device tells no MAC address: %s", strerror(-rc));
	memcpy(o->device->mac, mac.addr_bytes, sizeof(o->device->mac));
	if (o->device->kind == DEVSTRING_RING || memcmp(o->device->mac, none, sizeof(none)) == 0)
		make_mac(o->request->string, o->device->mac);
	return 0;
}

/* Solicited-node groups are multicast that only we know of. */
static void let_multicast_in(struct opening *o)
{
	struct device *device = o->device;
	struct kernif interface;
	int rc;

	if (device->kernel_interface[0] != '\0' &&
		kernif_read(device->kernel_interface, &interface) == 0) {
		device->kernel->multicast = kernif_open_multicast(interface.index);
		if (device->kernel->multicast >= 0)
			return;
	}
	if (device->kind != DEVSTRING_PCI)
		return;
	rc = rte_eth_allmulticast_enable(device->port_id);
	if (rc != 0)
		rc = rte_eth_promiscuous_enable(device->port_id);
	if (rc != 0)
		log_warning("device %s filters multicast: IPv6 neighbours may not find us",
			device->name);
}

/* A virtio device that can filter VLANs drops all it was not told of, unless it is promiscuous. */
static void let_tags_in(const struct device *device)
{
	if (strcmp(device->driver, "net_virtio") == 0 &&
		rte_eth_promiscuous_enable(device->port_id) != 0)
		log_warning("device %s may filter VLANs: tagged attachments would receive nothing",
			device->name);
}

static int start(struct opening *o)
{
	struct device *device = o->device;
	int rc;

	rc = rte_eth_dev_start(device->port_id);
	if (rc != 0)
		return devstring_refuse(o->error, rc, "device does not start: %s", strerror(-rc));
	rc = read_mac(o);
	if (rc != 0)
		return rc;
	if (device->kind == DEVSTRING_TAP)
		copy_name(device->kernel_interface, o->request->string->target, IF_NAMESIZE);
	let_multicast_in(o);
	let_tags_in(device);
	if (device->kind == DEVSTRING_AF_PACKET)
		device->hears_itself = afsocket_hears_itself(&device->kernel->sockets);
	if (device->kind == DEVSTRING_AF_XDP) {
		rc = steerport_start(&device->kernel->steerport, device->mac, o->error);
		device->steer = steerport_steer(&device->kernel->steerport);
	}
	return rc;
}

static void describe(const struct device_request *request, struct device *device)
{
	memset(device, 0, sizeof(*device));
	device->kind = request->string->kind;
	device->mtu = request->mtu != 0 ? request->mtu : RTE_ETHER_MTU;
	device->max_frame = (uint16_t)(device->mtu + DEVICE_L2_MAX);
	device->tells_service_tags = device->kind != DEVSTRING_AF_PACKET;
	device->tells_link = device->kind != DEVSTRING_NULL && device->kind != DEVSTRING_RING &&
			     device->kind != DEVSTRING_PCAP;
	device->hears_itself = devstring_option(request->string, "interface") != NULL;
	device->socket = SOCKET_ID_ANY;
}

static int bring_up(struct opening *o)
{
	int rc = prepare_kernel(o);

	if (rc == 0)
		rc = check_buffers(o);
	if (rc == 0)
		rc = o->device->kind == DEVSTRING_PCI ? find_pci(o) : create_virtual(o);
	if (rc != 0)
		return rc;
	o->device->socket = rte_eth_dev_socket_id(o->device->port_id);
	rc = opening_configure(o);
	afsocket_begin(&o->device->kernel->sockets, o->device->rx_queues);
	if (rc == 0)
		rc = opening_set_up_queues(o);
	afsocket_end();
	if (rc == 0)
		rc = start(o);
	return rc;
}

static void release(struct device *device, bool port)
{
	struct device_kernel *kernel = device->kernel;

	if (port) {
		rte_eth_dev_stop(device->port_id);
		rte_eth_dev_close(device->port_id);
	}
	if (device->virtual_device)
		vdev_remove(device->name);
	if (kernel == NULL)
		return;
	if (kernel->multicast >= 0)
		close(kernel->multicast);
	steerport_close(&kernel->steerport);
	free(kernel);
	device->kernel = NULL;
	device->steer = NULL;
}

int device_open(
	const struct device_request *request, struct device *device, struct devstring_error *error)
{
	struct opening o = {.request = request, .device = device, .error = error};
	int rc;

	error->text[0] = '\0';
	describe(request, device);
	if (device->mtu < DEVICE_MTU_MIN || device->mtu > UINT16_MAX - DEVICE_L2_MAX)
		return devstring_refuse(error, -EINVAL, "MTU %u is not from %u to %u", device->mtu,
			DEVICE_MTU_MIN, UINT16_MAX - DEVICE_L2_MAX);
	rc = bring_up(&o);
	if (rc != 0)
		release(device, o.port);
	return rc;
}

void device_close(struct device *device)
{
	release(device, true);
}

static struct device_link interface_link(const struct device *device)
{
	struct device_link link = {0};
	struct kernif interface;

	if (kernif_read(device->kernel_interface, &interface) != 0)
		return link;
	link.up = interface.running;
	link.full_duplex = true;
	link.mbps = kernif_speed(device->kernel_interface);
	return link;
}

struct device_link device_link(const struct device *device)
{
	struct device_link link = {.up = true, .full_duplex = true};
	struct rte_eth_link now;

	if (device->steer != NULL)
		steerport_follow(&device->kernel->steerport);
	if (!device->tells_link)
		return link;
	if (device->kernel_interface[0] != '\0')
		return interface_link(device);
	if (rte_eth_link_get_nowait(device->port_id, &now) != 0)
		return link;
	link.up = now.link_status == RTE_ETH_LINK_UP;
	link.full_duplex = now.link_duplex == RTE_ETH_LINK_FULL_DUPLEX;
	link.mbps = now.link_speed == RTE_ETH_SPEED_NUM_UNKNOWN ? 0 : now.link_speed;
	return link;
}

int device_counters(const struct device *device, struct device_counters *counters)
{
	struct rte_eth_stats stats;
	int rc = rte_eth_stats_get(device->port_id, &stats);

	memset(counters, 0, sizeof(*counters));
	if (rc != 0)
		return rc;
	counters->rx_packets = stats.ipackets;
	counters->tx_packets = stats.opackets;
	counters->rx_bytes = stats.ibytes;
	counters->tx_bytes = stats.obytes;
	counters->rx_missed = stats.imissed;
	counters->rx_errors = stats.ierrors;
	counters->rx_no_buffer = stats.rx_nombuf;
	counters->tx_errors = stats.oerrors;
	if (device->kind == DEVSTRING_AF_PACKET || device->kind == DEVSTRING_AF_XDP)
		counters->rx_missed += afsocket_lost(&device->kernel->sockets);
	return 0;
}
