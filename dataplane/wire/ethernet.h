/* SPDX-License-Identifier: BSD-3-Clause */
/* An Ethernet header with up to two tags. Pure. */
#ifndef DATAPLANE_WIRE_ETHERNET_H
#define DATAPLANE_WIRE_ETHERNET_H

#include <stdint.h>

#include <rte_ether.h>

#include "dataplane/base/drop.h"
#include "dataplane/base/macros.h"
#include "dataplane/wire/ippacket.h"

#define ETHERNET_NO_TAG 0xfffu /* a VLAN id that no tag may carry */

struct ethernet {
	uint32_t tags;	 /* ethernet_tags() */
	uint16_t type;	 /* EtherType after the tags */
	uint16_t header; /* bytes before the payload */
};

/* VLAN ids, ETHERNET_NO_TAG where there is none, in one number; service says that the outer tag is
 * 0x88a8. */
static inline uint32_t ethernet_tags(uint8_t service, uint16_t outer, uint16_t inner)
{
	return (uint32_t)(service & 1) << 24 | (uint32_t)(outer & 0xfff) << 12 | (inner & 0xfffu);
}

#define ETHERNET_UNTAGGED (ETHERNET_NO_TAG << 12 | ETHERNET_NO_TAG)

static inline uint16_t ethernet_outer(uint32_t tags)
{
	return tags >> 12 & 0xfff;
}

static inline uint16_t ethernet_inner(uint32_t tags)
{
	return tags & 0xfff;
}

/* Any frame. VERDICT_GO or the reason. */
unsigned ethernet_parse_tags(const uint8_t *frame, uint32_t length, struct ethernet *out);

static inline bool ethernet_is_tag(uint16_t type)
{
	return type == RTE_ETHER_TYPE_VLAN || type == RTE_ETHER_TYPE_QINQ;
}

/* The same; in few steps for a frame without a tag or with one of 802.1Q. */
static inline unsigned ethernet_parse(const uint8_t *frame, uint32_t length, struct ethernet *out)
{
	uint16_t type, next, vlan;

	if (unlikely_(length < 18))
		return ethernet_parse_tags(frame, length, out);
	type = ippacket_be16(frame + 12);
	vlan = ippacket_be16(frame + 14) & 0xfff;
	next = ippacket_be16(frame + 16);
	if (type == RTE_ETHER_TYPE_VLAN && vlan != 0 && likely_(!ethernet_is_tag(next))) {
		*out = (struct ethernet){ethernet_tags(0, vlan, ETHERNET_NO_TAG), next, 18};
		return VERDICT_GO;
	}
	if (ethernet_is_tag(type))
		return ethernet_parse_tags(frame, length, out);
	*out = (struct ethernet){ETHERNET_UNTAGGED, type, 14};
	return VERDICT_GO;
}

#endif
