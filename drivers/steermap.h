/* SPDX-License-Identifier: BSD-3-Clause */
/* What the steering program and the side that fills its maps agree on. Compiled for both. */
#ifndef DRIVERS_STEERMAP_H
#define DRIVERS_STEERMAP_H

#include <linux/types.h>

#define STEERMAP_PROGRAM   "trunkline_steer" /* its name in the kernel: how a leftover is known */
#define STEERMAP_ADDRESSES 4096
#define STEERMAP_TAG_SETS  16384
#define STEERMAP_QUEUES	   64

/* What the program counted, packets each. Every frame counts exactly once. */
#define STEERMAP_COUNTERS(X) \
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
	STEERMAP_COUNTERS(X)
#undef X
		STEER_COUNT
};

/* Key of the map tag_sets: host order; both zero where there is no second tag. */
struct steermap_tags {
	__u16 type[2];
	__u16 vlan[2];
};

/* The one entry of the map config. */
struct steermap_config {
	__u8 mac[6];   /* of the interface */
	__u8 untagged; /* 1: an untagged attachment is on the port */
	__u8 zero;
};

#endif
