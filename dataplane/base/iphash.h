/* SPDX-License-Identifier: BSD-3-Clause */
/* Hash of an address for tables of ours: quick, not secret. */
#ifndef DATAPLANE_BASE_IPHASH_H
#define DATAPLANE_BASE_IPHASH_H

#include <string.h>

#include <rte_hash_crc.h>

#include "dataplane/base/ip.h"

static inline uint32_t iphash_address(const struct ip_address *address, uint32_t seed)
{
	uint64_t half[2];

	/* Addresses lie at any byte. */
	memcpy(half, address->bytes, sizeof(half));
	return rte_hash_crc_8byte(half[1], rte_hash_crc_8byte(half[0], seed ^ address->family));
}

#endif
