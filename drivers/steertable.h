/* SPDX-License-Identifier: BSD-3-Clause */
/* The inside of struct steer (steer.c), for steerport.c only: which maps it holds and what is set
 * where the program meets its interface. */
#ifndef DRIVERS_STEERTABLE_H
#define DRIVERS_STEERTABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/steer.h"

enum steertable_map {
	STEERTABLE_CONFIG,
	STEERTABLE_ADDRESSES4,
	STEERTABLE_ADDRESSES6,
	STEERTABLE_HOST4,
	STEERTABLE_HOST6,
	STEERTABLE_TAG_SETS,
	STEERTABLE_COUNTERS,
	STEERTABLE_MAPS,
};

/* Without maps; NULL when out of memory. */
struct steer *steertable_create(void);
void steertable_destroy(struct steer *steer);

/* Takes over fd where the name is that of a map still missing. */
bool steertable_adopt(struct steer *steer, const char *name, int fd);
/* Name of a map that nobody gave us, NULL when complete. */
const char *steertable_missing(const struct steer *steer);

/* Both 0 or -errno. host: addresses of the host's own, which stay the kernel's. */
int steertable_set_mac(struct steer *steer, const uint8_t mac[6]);
int steertable_set_host(struct steer *steer, const struct ip_address *addresses, unsigned count);

#endif
