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
#include "drivers/steermap.h"

#define STEER_ADDRESSES STEERMAP_ADDRESSES /* on one port */
#define STEER_TAG_SETS	STEERMAP_TAG_SETS

/* VLAN tags of an attachment on the port. */
struct steer_tags {
	uint8_t count;	  /* 0, 1 or 2 */
	uint16_t type[2]; /* outermost first: 0x8100 or 0x88a8, host order */
	uint16_t vlan[2]; /* host order */
};

/* Counters are those of STEERMAP_COUNTERS; static text. */
const char *steer_counter_name(enum steer_counter counter);
const char *steer_counter_meaning(enum steer_counter counter);

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

/* 0 or -errno. Summed over CPUs; they run since the program was loaded. */
int steer_read(const struct steer *steer, uint64_t counters[STEER_COUNT]);

#endif
