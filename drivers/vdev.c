/* SPDX-License-Identifier: BSD-3-Clause */
#include "drivers/vdev.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <rte_bus_vdev.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_ring.h>

#include "dataplane/base/macros.h"

#define PACKET_SLOTS 1024
#define RING_SIZE    1024

static const char *const prefixes[] = {
	[DEVSTRING_AF_XDP] = "net_af_xdp",
	[DEVSTRING_AF_PACKET] = "net_af_packet",
	[DEVSTRING_TAP] = "net_tap",
	[DEVSTRING_MEMIF] = "net_memif",
	[DEVSTRING_NULL] = "net_null",
	[DEVSTRING_RING] = "net_ring",
	[DEVSTRING_PCAP] = "net_pcap",
};

/* Appends to the arguments; devstring bounds every part, so that they fit. */
__attribute__((format(printf, 2, 3))) static void add(struct vdev *out, const char *format, ...)
{
	size_t used = strlen(out->arguments);
	va_list arguments;

	if (used > 0)
		out->arguments[used++] = ',';
	va_start(arguments, format);
	vsnprintf(out->arguments + used, sizeof(out->arguments) - used, format, arguments);
	va_end(arguments);
}

/* option of ours as argument of theirs, where it was given. */
static void pass(
	const struct devstring *string, const char *option, const char *argument, struct vdev *out)
{
	const char *value = devstring_option(string, option);

	if (value != NULL)
		add(out, "%s=%s", argument, value);
}

static void describe_af_xdp(
	const struct devstring *string, unsigned queues, const char *program, struct vdev *out)
{
	add(out, "iface=%s", string->target);
	add(out, "start_queue=%u", devstring_number(string, "queue", 0));
	add(out, "queue_count=%u", queues);
	pass(string, "busy_budget", "busy_budget", out);
	if (devstring_flag(string, "force_copy", false))
		add(out, "force_copy=1");
	if (program != NULL)
		add(out, "xdp_prog=%s", program);
}

uint32_t vdev_packet_slot(uint16_t max_frame)
{
	/* 80: the kernel's own header before the frame, rounded as it rounds. Multiples of 1,024,
	 * four to a block, make a block of whole pages without waste at its end. */
	return ((uint32_t)max_frame + 80 + 1023) / 1024 * 1024;
}

static void describe_af_packet(
	const struct devstring *string, unsigned queues, uint16_t max_frame, struct vdev *out)
{
	uint32_t slot = vdev_packet_slot(max_frame);
	uint32_t slots = devstring_number(string, "frames", PACKET_SLOTS) / 4 * 4;

	add(out, "iface=%s,qpairs=%u", string->target, queues);
	add(out, "framesz=%u,blocksz=%u,framecnt=%u", slot, slot * 4, slots);
	add(out, "qdisc_bypass=%d", devstring_flag(string, "qdisc_bypass", true) ? 1 : 0);
}

static void describe_memif(const struct devstring *string, uint16_t max_frame, struct vdev *out)
{
	bool abstract = string->target[0] == '@';

	pass(string, "role", "role", out);
	add(out, "id=%u", devstring_number(string, "id", 0));
	add(out, "socket=%s,socket-abstract=%s", string->target + (abstract ? 1 : 0),
		abstract ? "yes" : "no");
	/* 2,048 is what the other side expects unless told; a slot holds a whole frame. */
	add(out, "bsize=%u", max_frame > 2048 ? 16384u : 2048u);
	add(out, "rsize=%u", devstring_number(string, "ring_log2", 10));
	pass(string, "mac", "mac", out);
	pass(string, "secret", "secret", out);
	if (devstring_flag(string, "zero_copy", false))
		add(out, "zero-copy=yes");
}

static void describe_pcap(const struct devstring *string, struct vdev *out)
{
	pass(string, "interface", "iface", out);
	if (devstring_option(string, "interface") != NULL)
		add(out, "phy_mac=1");
	pass(string, "rx", "rx_pcap", out);
	pass(string, "tx", "tx_pcap", out);
	if (devstring_flag(string, "repeat", false))
		add(out, "infinite_rx=1");
}

void vdev_describe(const struct device_request *request, unsigned queues, uint16_t max_frame,
	const char *program, struct vdev *out)
{
	const struct devstring *string = request->string;

	snprintf(out->name, sizeof(out->name), "%s%u", prefixes[string->kind], request->index);
	out->arguments[0] = '\0';
	switch (string->kind) {
	case DEVSTRING_AF_XDP:
		describe_af_xdp(string, queues, program, out);
		break;
	case DEVSTRING_AF_PACKET:
		describe_af_packet(string, queues, max_frame, out);
		break;
	case DEVSTRING_TAP:
		add(out, "iface=%s", string->target);
		pass(string, "mac", "mac", out);
		pass(string, "remote", "remote", out);
		break;
	case DEVSTRING_MEMIF:
		describe_memif(string, max_frame, out);
		break;
	case DEVSTRING_NULL:
		add(out, "size=%u", devstring_number(string, "size", 64));
		add(out, "copy=%d", devstring_flag(string, "copy", false) ? 1 : 0);
		if (!devstring_flag(string, "receive", true))
			add(out, "no-rx=1");
		break;
	case DEVSTRING_PCAP:
		describe_pcap(string, out);
		break;
	case DEVSTRING_PCI:
	case DEVSTRING_RING:
		break;
	}
}

int vdev_create(const struct vdev *vdev, uint16_t *port_id)
{
	int rc = rte_vdev_init(vdev->name, vdev->arguments);

	if (rc != 0)
		return rc < 0 ? rc : -EIO;
	/* A driver may report success and still have made no port. */
	if (rte_eth_dev_get_port_by_name(vdev->name, port_id) == 0)
		return 0;
	rte_vdev_uninit(vdev->name);
	return -ENODEV;
}

static struct rte_ring *find_ring(const char *stem, unsigned queue, unsigned size)
{
	char name[RTE_RING_NAMESIZE];
	struct rte_ring *ring;

	snprintf(name, sizeof(name), "%.20s.%hu", stem, (unsigned short)queue);
	ring = rte_ring_lookup(name);
	if (ring == NULL)
		ring = rte_ring_create(name, size, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	return ring;
}

static int find_rings(const char *stem, unsigned queues, unsigned size, struct rte_ring **rings)
{
	for (unsigned q = 0; q < queues; q++) {
		rings[q] = find_ring(stem, q, size);
		if (rings[q] == NULL)
			return -ENOMEM;
	}
	return 0;
}

int vdev_create_rings(const struct device_request *request, unsigned rx_queues, unsigned tx_queues,
	struct vdev *out, uint16_t *port_id)
{
	const struct devstring *string = request->string;
	const char *peer = devstring_option(string, "peer");
	unsigned size = rte_align32pow2(devstring_number(string, "size", RING_SIZE));
	struct rte_ring *rx[DEVICE_QUEUES], *tx[DEVICE_QUEUES];
	char name[DEVICE_NAME / 2];
	int rc;

	rc = find_rings(string->target, rx_queues, size, rx);
	if (rc == 0)
		rc = find_rings(peer != NULL ? peer : string->target, tx_queues, size, tx);
	if (rc != 0)
		return rc;
	snprintf(name, sizeof(name), "%u", request->index);
	snprintf(out->name, sizeof(out->name), "net_ring_%s", name);
	rc = rte_eth_from_rings(name, rx, rx_queues, tx, tx_queues, 0);
	if (rc < 0)
		return rte_errno != 0 ? -rte_errno : -EIO;
	*port_id = (uint16_t)rc;
	return 0;
}

void vdev_remove(const char *name)
{
	rte_vdev_uninit(name);
}
