/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/ports.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/loop.h"
#include "dataplane/base/log.h"

#define LINK_NS UINT64_C(100000000)

struct ports {
	const struct boot *boot;
	unsigned count; /* open */
	struct device device[FWD_PORTS];
	bool down[FWD_PORTS];
	struct loop *loop;
	struct loop_timer timer;
	void (*changed)(void *context, unsigned index, bool up);
	void *context;
};

static void tell(const struct boot_port *port, const struct device *device)
{
	log_info("port %s: %s (%s), mtu %u, %u receive and %u transmit queues", port->name,
		port->device, device->driver, device->mtu, device->rx_queues, device->tx_queues);
	if (device->rx_queues != port->rx_queues || device->tx_queues != port->tx_queues)
		log_warning("port %s: the device has fewer queues than asked for (%u, %u)",
			port->name, port->rx_queues, port->tx_queues);
}

static int open_one(struct ports *ports, unsigned index, struct rte_mempool *pool)
{
	const struct boot_port *port = &ports->boot->port[index];
	struct devstring string;
	struct devstring_error error;
	struct device_request request = {.string = &string,
		.index = index,
		.rx_queues = port->rx_queues,
		.tx_queues = port->tx_queues,
		.mtu = port->mtu,
		.pool = pool};
	int result = devstring_parse(port->device, &string, &error);

	if (!result)
		result = device_open(&request, &ports->device[index], &error);
	if (result) {
		log_error("port %s (%s): %s", port->name, port->device, error.text);
		return result;
	}
	ports->count = index + 1;
	tell(port, &ports->device[index]);
	return 0;
}

struct ports *ports_open(const struct boot *boot, struct rte_mempool *pool)
{
	struct ports *ports = calloc(1, sizeof(*ports));

	if (!ports)
		return NULL;
	ports->boot = boot;
	for (unsigned i = 0; i < boot->ports; i++) {
		if (open_one(ports, i, pool) == 0)
			continue;
		ports_close(ports);
		return NULL;
	}
	return ports;
}

void ports_close(struct ports *ports)
{
	if (!ports)
		return;
	if (ports->loop)
		loop_timer_stop(ports->loop, &ports->timer);
	while (ports->count)
		device_close(&ports->device[--ports->count]);
	free(ports);
}

struct device *ports_devices(struct ports *ports)
{
	return ports->device;
}

void ports_describe(const struct ports *ports, unsigned index, struct plane_port *port)
{
	const struct boot_port *from = &ports->boot->port[index];
	const struct device *device = &ports->device[index];

	memset(port, 0, sizeof(*port));
	port->device = device->port_id;
	port->rx_queues = device->rx_queues;
	port->tx_queues = device->tx_queues;
	port->rx_depth = device->rx_descriptors;
	memcpy(port->rx_owner, from->rx_owner, sizeof(port->rx_owner));
	memcpy(port->tx_owner, from->tx_owner, sizeof(port->tx_owner));
	port->distribute = from->distribute;
	port->rx_checksum = device->rx_checksum;
}

static void look(void *context)
{
	struct ports *ports = context;

	for (unsigned i = 0; i < ports->count; i++) {
		bool down = !device_link(&ports->device[i]).up;

		if (down == ports->down[i])
			continue;
		ports->down[i] = down;
		log_info("port %s: link %s", ports->boot->port[i].name, down ? "down" : "up");
		ports->changed(ports->context, i, !down);
	}
	loop_timer_start(ports->loop, &ports->timer, LINK_NS);
}

void ports_watch(struct ports *ports, struct loop *loop,
	void (*changed)(void *context, unsigned index, bool up), void *context)
{
	ports->loop = loop;
	ports->changed = changed;
	ports->context = context;
	ports->timer = (struct loop_timer){.fire = look, .context = ports};
	look(ports);
}
