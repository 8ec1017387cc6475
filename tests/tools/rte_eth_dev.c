/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libfixedmtu.so, for LD_PRELOAD: a program that insists on setting an MTU goes on over a device
 * that has only one. Pktgen stops at start where a device (memif) answers "not supported".
 */
#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>

int rte_eth_dev_set_mtu(uint16_t port, uint16_t mtu);

int rte_eth_dev_set_mtu(uint16_t port, uint16_t mtu)
{
	int (*next)(uint16_t, uint16_t);
	int rc;

	*(void **)&next = dlsym(RTLD_NEXT, "rte_eth_dev_set_mtu");
	if (next == NULL)
		return -ENOSYS;
	rc = next(port, mtu);
	return rc == -ENOTSUP ? 0 : rc;
}
