/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Steering of an af_xdp port: our XDP program on the kernel interface picks the gateway's frames
 * for the AF_XDP sockets and leaves the rest to the kernel. This side loads and attaches it and
 * keeps its tables. Control thread only; device_open() creates it, device_close() ends it.
 *
 * docs/decisions/010-af-xdp-steering.md says which frame goes where, and why.
 */
#ifndef DRIVERS_STEER_H
#define DRIVERS_STEER_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/base/ip.h"

#define STEER_ADDRESSES 4096 /* on one port */
#define STEER_TAG_SETS	8192

/* VLAN tags of an attachment on the port; both 0 in count == 0: untagged. */
struct steer_tags {
	uint8_t count;	  /* 0, 1 or 2 */
	uint16_t type[2]; /* outermost first: 0x8100 or 0x88a8, host order */
	uint16_t vlan[2]; /* host order */
};

/* What the program counted, packets each, summed over CPUs. */
#define STEER_COUNTERS(X) \
	X(TAGGED, "tagged", "to the gateway: VLAN tags of an attachment") \
	X(TUNNEL, "tunnel", "to the gateway: Geneve or VXLAN to one of its addresses") \
	X(ARP, "arp", "to the gateway: ARP for one of its addresses") \
	X(ND, "nd", "to the gateway: neighbour discovery for one of its addresses") \
	X(ICMP, "icmp", "to the gateway: ICMP to one of its addresses") \
	X(UNTAGGED, "untagged", "to the gateway: IP for an untagged attachment") \
	X(KERNEL, "kernel", "left to the kernel") \
	X(NO_SOCKET, "no_socket", "dropped: for the gateway, but no socket is live on its queue")

enum steer_counter {
#define X(id, name, meaning) STEER_##id,
	STEER_COUNTERS(X)
#undef X
		STEER_COUNT
};

/* Static text. */
const char *steer_counter_name(enum steer_counter counter);

struct steer;

/* Makes exactly these the addresses of the gateway on the port: underlay addresses of its paths and
 * addresses of an untagged attachment. Duplicates are fine. 0; -ENOSPC over STEER_ADDRESSES, else
 * -errno of the kernel; what was set before then still is. */
int steer_set_addresses(struct steer *steer, const struct ip_address *addresses, unsigned count);

/* Makes exactly these the tag sets of attachments on the port. Errors as above. */
int steer_set_tags(struct steer *steer, const struct steer_tags *tags, unsigned count);

/* One address or tag set more or less; both are idempotent. For churn of single objects, where
 * setting all again would cost too much. The caller counts its users. */
int steer_add_address(struct steer *steer, const struct ip_address *address);
int steer_remove_address(struct steer *steer, const struct ip_address *address);
int steer_add_tags(struct steer *steer, const struct steer_tags *tags);
int steer_remove_tags(struct steer *steer, const struct steer_tags *tags);

/* 0 or -errno. Counters run since the program was loaded. */
int steer_read(const struct steer *steer, uint64_t counters[STEER_COUNT]);

#endif
