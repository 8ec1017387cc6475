/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/innermtu.h"

#define IP4_BYTES      20
#define IP6_BYTES      40
#define UDP_BYTES      8
#define TUNNEL_BYTES   8
#define ETHERNET_BYTES 14

bool innermtu_sends_ethernet(const struct model_path *path)
{
	return path->payload == MODEL_PAYLOAD_ETHERNET || path->encapsulation == MODEL_VXLAN;
}

unsigned innermtu_of(const struct model_path *path, unsigned mtu, bool ethernet)
{
	unsigned overhead = UDP_BYTES + TUNNEL_BYTES;

	overhead += path->local.ip.family == IP_6 ? IP6_BYTES : IP4_BYTES;
	if (path->encapsulation == MODEL_GENEVE)
		overhead += INNERMTU_OPTION_ROOM;
	if (ethernet || innermtu_sends_ethernet(path))
		overhead += ETHERNET_BYTES;
	return mtu > overhead ? mtu - overhead : 0;
}
