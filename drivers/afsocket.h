/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The sockets that DPDK's drivers open for af_packet and af_xdp devices. Control thread only.
 *
 * net_af_packet of 22.11 asks the kernel to reassemble fragments before we see them and hears what
 * this host sends; both drivers lose frames on a full ring uncounted. So the file defines
 * setsockopt() for the whole program: while a device is opened it remembers the drivers' sockets
 * and corrects af_packet's options on their way to the kernel; everything else passes unchanged.
 */
#ifndef DRIVERS_AFSOCKET_H
#define DRIVERS_AFSOCKET_H

#include <stdbool.h>
#include <stdint.h>

#define AFSOCKET_SOCKETS 32

struct afsocket {
	unsigned sockets;
	int socket[AFSOCKET_SOCKETS]; /* the driver's; not ours to close */
	bool xdp;		      /* they are AF_XDP sockets */
	uint64_t lost;
};

/* Around what makes the driver open its sockets: corrects and remembers them. queues: pairs that
 * the device is made with. */
void afsocket_begin(struct afsocket *sockets, unsigned queues);
void afsocket_end(void);

/* af_packet: kernels before 6.2 cannot keep what this host sends from a group of sockets. */
bool afsocket_hears_itself(const struct afsocket *sockets);

/* Frames that found a ring full, since the opening; what the driver counts itself is not in it. */
uint64_t afsocket_lost(struct afsocket *sockets);

#endif
