/* SPDX-License-Identifier: BSD-3-Clause */
/* The inside of struct steer, for steer.c and steerport.c only: the maps it holds, and sets of keys
 * in them. What returns int returns 0 or -errno. */
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

struct steer {
	int map[STEERTABLE_MAPS]; /* -1: still missing */
	struct steermap_config config;
};

/* Keys of one size, one after the other. */
struct steertable_keys {
	uint8_t *bytes;
	size_t size;
	unsigned count;
};

/* Without maps; NULL when out of memory. */
struct steer *steertable_create(void);
void steertable_destroy(struct steer *steer);

/* Takes over fd where the name is that of a map still missing. */
bool steertable_adopt(struct steer *steer, const char *name, int fd);
/* Name of a map that nobody gave us, NULL when complete. */
const char *steertable_missing(const struct steer *steer);

int steertable_write_config(struct steer *steer);
int steertable_set_mac(struct steer *steer, const uint8_t mac[6]);

/* Appends a key; the caller has sized bytes. */
void steertable_put(struct steertable_keys *keys, const void *key);

/* Adding what is there and removing what is not are no errors; -ENOSPC where a map is full. */
int steertable_add(int map, const void *key);
int steertable_remove(int map, const void *key);
/* Makes exactly these the keys of a map, what is new first. Sorts them. */
int steertable_replace(int map, struct steertable_keys *wanted);

/* Exactly these addresses, spread over the maps of both families. */
int steertable_replace_addresses(struct steer *steer, enum steertable_map map4,
	enum steertable_map map6, const struct ip_address *addresses, unsigned count);
/* Addresses of the host's own, which stay the kernel's. */
int steertable_set_host(struct steer *steer, const struct ip_address *addresses, unsigned count);

#endif
