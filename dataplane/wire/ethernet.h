/* SPDX-License-Identifier: BSD-3-Clause */
/* An Ethernet header with up to two tags. Pure. */
#ifndef DATAPLANE_WIRE_ETHERNET_H
#define DATAPLANE_WIRE_ETHERNET_H

#include <stdint.h>

#define ETHERNET_NO_TAG 0xfffu /* a VLAN id that no tag may carry */

struct ethernet {
	uint8_t service;       /* the outer tag is 0x88a8 */
	uint16_t outer, inner; /* VLAN ids; ETHERNET_NO_TAG where there is none */
	uint16_t type;	       /* EtherType after the tags */
	uint16_t header;       /* bytes before the payload */
};

/* VERDICT_GO or the reason. */
unsigned ethernet_parse(const uint8_t *frame, uint32_t length, struct ethernet *out);

#endif
