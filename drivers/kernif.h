/* SPDX-License-Identifier: BSD-3-Clause */
/* A network interface of the kernel that a device stands on. All return 0 (or what they say) or
 * -errno, by plain ioctl(2); control thread only. */
#ifndef DRIVERS_KERNIF_H
#define DRIVERS_KERNIF_H

#include <stdbool.h>
#include <stdint.h>

struct kernif {
	int index;
	bool up;      /* administratively */
	bool running; /* and able to pass frames */
	uint32_t mtu;
	uint8_t mac[6];
};

/* -ENODEV where there is no such interface in this network namespace. */
int kernif_read(const char *name, struct kernif *out);
int kernif_set_mtu(const char *name, uint16_t mtu);
int kernif_set_up(const char *name);

/* Megabits a second, 0 where unknown. */
uint32_t kernif_speed(const char *name);

/* Hardware queues that receive and send, 1 where the interface has no such notion. */
unsigned kernif_queues(const char *name);

/* The driver strips VLAN tags from received frames before anyone sees them. */
bool kernif_strips_tags(const char *name);

/* Lets all multicast in for as long as the socket it returns is open, also when we are killed. */
int kernif_open_multicast(int index);

#endif
