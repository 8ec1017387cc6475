/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/wire/ethernet.h"

unsigned ethernet_parse_tags(const uint8_t *frame, uint32_t length, struct ethernet *out)
{
	uint16_t tag[2] = {ETHERNET_NO_TAG, ETHERNET_NO_TAG};
	uint32_t at = 12;
	uint16_t type;
	uint8_t service;

	if (length < 14)
		return DROP_FRAME_TRUNCATED;
	type = ippacket_be16(frame + at);
	service = type == RTE_ETHER_TYPE_QINQ;
	for (unsigned i = 0; ethernet_is_tag(type); i++) {
		if (i == 2)
			return DROP_UNKNOWN_TAG;
		if (length < at + 6)
			return DROP_FRAME_TRUNCATED;
		tag[i] = ippacket_be16(frame + at + 2) & 0xfff;
		at += 4;
		type = ippacket_be16(frame + at);
	}
	/* VLAN 0 carries a priority only (IEEE 802.1Q 6.9.1). */
	if (tag[0] == 0 && tag[1] == ETHERNET_NO_TAG) {
		tag[0] = ETHERNET_NO_TAG;
		service = 0;
	}
	out->tags = ethernet_tags(service, tag[0], tag[1]);
	out->type = type;
	out->header = (uint16_t)(at + 2);
	return VERDICT_GO;
}
