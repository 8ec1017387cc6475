/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The constant part of the outer header of a path: Ethernet, IPv4 or IPv6, UDP, Geneve (RFC 8926)
 * or VXLAN (RFC 7348), as struct fwd_path says. Pure.
 */
#ifndef CONTROL_TEMPLATE_H
#define CONTROL_TEMPLATE_H

#include "dataplane/fwd/snapshot.h"

/* Fills header, its offsets, outer_length, ip_sum and pseudo_sum; path->encapsulation is set.
 * local and remote are of one family. measured: with the lane option, for which only Geneve has
 * room. */
void template_build(struct fwd_path *path, const uint8_t source_mac[6],
	const struct ip_address *local, const struct ip_address *remote, bool measured);

#endif
