/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What net_af_packet of DPDK 22.11 does wrong for a gateway: it asks the kernel to reassemble
 * fragments before we see them, hears what this host sends, and loses frames uncounted. Control
 * thread only.
 *
 * The file also defines setsockopt() for the whole program: while the driver opens its sockets its
 * options are corrected on their way to the kernel, everything else passes unchanged.
 */
#ifndef DRIVERS_AFPACKET_H
#define DRIVERS_AFPACKET_H

#include <stdbool.h>
#include <stdint.h>

#define AFPACKET_SOCKETS 16

struct afpacket {
	unsigned sockets;
	int socket[AFPACKET_SOCKETS]; /* the driver's; not ours to close */
	uint64_t lost;
};

/* Around the probing of a device with that many queues: corrects and remembers its sockets. */
void afpacket_begin(struct afpacket *packet, unsigned queues);
void afpacket_end(void);

/* Kernels before 6.2 cannot keep what this host sends from a group of sockets. */
bool afpacket_hears_itself(const struct afpacket *packet);

/* Frames that found a ring full, since the opening. */
uint64_t afpacket_lost(struct afpacket *packet);

#endif
