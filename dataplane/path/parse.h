/* SPDX-License-Identifier: BSD-3-Clause */
/* The pure part of parse: an Ethernet header with up to two tags. */
#ifndef DATAPLANE_PATH_PARSE_H
#define DATAPLANE_PATH_PARSE_H

#include <stdint.h>

struct parse_frame {
	uint8_t service;       /* the outer tag is 0x88a8 */
	uint16_t outer, inner; /* VLAN ids; IDMAP_NO_TAG where there is none */
	uint16_t type;	       /* EtherType after the tags */
	uint16_t header;       /* bytes before the payload */
};

/* VERDICT_GO or the reason. */
unsigned parse_frame(const uint8_t *frame, uint32_t length, struct parse_frame *out);

#endif
