/* SPDX-License-Identifier: BSD-3-Clause */
/* The boot file: any text is either refused with a reason or gives values that keep its promises.
 */
#include <stdlib.h>
#include <string.h>

#include "control/boot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds)
{
	if (!holds)
		abort();
}

static void check_port(const struct boot *boot, const struct boot_port *port)
{
	check(port->name[0] && port->device[0]);
	check(port->rx_queues >= 1 && port->rx_queues <= PLANE_PORT_QUEUES);
	check(port->tx_queues >= 1 && port->tx_queues <= PLANE_PORT_QUEUES);
	check(boot->memory.buffer_size > port->mtu);
	for (unsigned i = 0; i < port->rx_queues; i++)
		check(port->rx_owner[i] < boot->workers.count);
	for (unsigned i = 0; i < port->tx_queues; i++)
		check(port->tx_owner[i] < boot->workers.count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct boot boot;
	char error[BOOT_ERROR];

	if (boot_parse((const char *)data, size, &boot, error) < 0) {
		check(error[0] && memchr(error, '\0', sizeof(error)) != NULL);
		return 0;
	}
	check(boot.ports >= 1 && boot.ports <= FWD_PORTS);
	check(boot.workers.count >= 1 && boot.workers.count <= PLANE_WORKERS);
	check((boot.workers.ring_size & (boot.workers.ring_size - 1)) == 0);
	check(boot.run_dir[0] == '/' && boot.state_dir[0] == '/');
	for (unsigned i = 0; i < boot.ports; i++)
		check_port(&boot, &boot.port[i]);
	return 0;
}
