/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every reason a packet can die, once. The name is what operators and the stats socket see; the
 * sentence says what it means. A drop that can be charged to a connection is counted there, else on
 * the port it came in by.
 */
#ifndef DATAPLANE_BASE_DROP_H
#define DATAPLANE_BASE_DROP_H

#define DROP_LIST(X) \
	/* on the port, before an attachment or path is known */ \
	X(RX_CHAINED, "rx_chained", "frame larger than one buffer") \
	X(FRAME_TRUNCATED, "frame_truncated", "frame ends inside its Ethernet or VLAN header") \
	X(NOT_OUR_MAC, "not_our_mac", "unicast frame to another station") \
	X(GROUP_SOURCE, "group_source", "frame whose source is no single station") \
	X(UNKNOWN_TAG, "unknown_tag", "no attachment or path uses these VLAN tags on this port") \
	X(UNKNOWN_ETHERTYPE, "unknown_ethertype", "neither IPv4, IPv6 nor ARP") \
	X(ARP_MALFORMED, "arp_malformed", "ARP packet truncated or not Ethernet over IPv4") \
	X(ARP_IGNORED, "arp_ignored", "ARP that asks for another address or answers no question") \
	X(ND_MALFORMED, "nd_malformed", "neighbour discovery that RFC 4861 says to discard") \
	X(ND_IGNORED, "nd_ignored", "neighbour discovery for another address or of another type") \
	/* the tunnel around a packet */ \
	X(OUTER_HEADER, "outer_header", "outer IP header truncated or inconsistent") \
	X(OUTER_CHECKSUM, "outer_checksum", "outer IPv4 header checksum is wrong") \
	X(OUTER_FRAGMENT, "outer_fragment", "outer packet is a fragment") \
	X(OUTER_NOT_LOCAL, "outer_not_local", "outer destination is no address of this port") \
	X(OUTER_PROTOCOL, "outer_protocol", "to an underlay address, neither tunnel nor echo") \
	X(UDP_LENGTH, "udp_length", "outer UDP length disagrees with the packet") \
	X(UDP_CHECKSUM, "udp_checksum", "outer UDP checksum is wrong") \
	X(UDP_ZERO_CHECKSUM, "udp_zero_checksum", "zero UDP checksum over IPv6 not allowed here") \
	X(UNKNOWN_TUNNEL, "unknown_tunnel", "no path has these tunnel addresses on this port") \
	X(TUNNEL_TRUNCATED, "tunnel_truncated", "packet ends inside its tunnel header") \
	X(GENEVE_VERSION, "geneve_version", "Geneve version other than 0") \
	X(GENEVE_OPTIONS, "geneve_options", "Geneve option lengths do not add up") \
	X(GENEVE_CRITICAL, "geneve_critical", "unknown critical Geneve option") \
	X(GENEVE_CONTROL, "geneve_control", "Geneve control packet that nobody here expects") \
	X(TUNNEL_PROTOCOL, "tunnel_protocol", "payload neither IPv4, IPv6 nor Ethernet") \
	X(VXLAN_FLAGS, "vxlan_flags", "VXLAN header without a valid VNI") \
	/* to the gateway itself, from one that watches a path with it */ \
	X(OAM_FRAME, "oam_frame", \
		"control packet of a tunnel whose inner headers are not as agreed") \
	X(OAM_TTL, "oam_ttl", "TTL or hop limit below 255: not from the next hop") \
	X(BFD_LENGTH, "bfd_length", "BFD packet shorter than it says, or than it can be") \
	X(BFD_VERSION, "bfd_version", "BFD version other than 1") \
	X(BFD_FIELD, "bfd_field", \
		"BFD packet with a multiplier or discriminator of 0, or multipoint") \
	X(BFD_STATE, "bfd_state", "BFD packet that knows our session's state but not the session") \
	X(BFD_SESSION, "bfd_session", "no BFD session has this discriminator, or these addresses") \
	X(BFD_AUTH, "bfd_auth", "BFD packet not authenticated as its session asks") \
	X(BFD_ADMIN_DOWN, "bfd_admin_down", "its BFD session is administratively down here") \
	X(UNKNOWN_VNI, "unknown_vni", "no connection uses this VNI towards this site") \
	/* from here on the connection is known */ \
	X(INNER_FRAME, "inner_frame", "inner Ethernet frame truncated or of unknown type") \
	X(INNER_MAC, "inner_mac", "inner frame is not for our router MAC") \
	X(ECN_ILLEGAL, "ecn_illegal", "congestion marked outside on a sender without ECN") \
	X(IP_TRUNCATED, "ip_truncated", "packet shorter than its IP header says") \
	X(IP_HEADER, "ip_header", "IP version or header length is wrong") \
	X(IP_CHECKSUM, "ip_checksum", "IPv4 header checksum is wrong") \
	X(IP_SOURCE_ROUTE, "ip_source_route", "IPv4 source-route option") \
	X(IP6_EXTENSION, "ip6_extension", "IPv6 extension headers truncated or too many") \
	X(MARTIAN_SOURCE, "martian_source", "source address that no packet may have") \
	X(MARTIAN_DESTINATION, "martian_destination", "destination that is never forwarded") \
	X(MULTICAST, "multicast", "multicast or broadcast, which is not carried") \
	X(LINK_LOCAL, "link_local", "IPv6 link-local address that would leave its link") \
	X(POLICED, "policed", "beyond the bandwidth of the connection") \
	X(SOURCE_CHECK, "source_check", "source address not routed to where it came from") \
	X(NO_ROUTE, "no_route", "no route of the connection matches") \
	X(BLACKHOLE, "blackhole", "a blackhole route matches") \
	X(SAME_SITE, "same_site", "came from a site and would return to it") \
	X(TTL_EXPIRED, "ttl_expired", "TTL or hop limit ran out here") \
	X(MTU_EXCEEDED, "mtu_exceeded", "too large, and not allowed to be fragmented") \
	X(LOCAL_PROTOCOL, "local_protocol", "to an address of ours, but nothing listens") \
	X(LOCAL_ICMP, "local_icmp", "ICMP to an address of ours that is malformed or unasked for") \
	X(NEIGHBOUR_UNRESOLVED, "neighbour_unresolved", "next hop does not answer ARP or ND") \
	X(NEIGHBOUR_HOLD_FULL, "neighbour_hold_full", "too many packets wait for that next hop") \
	X(NEIGHBOUR_LIMIT, "neighbour_limit", "too many neighbours on the attachment") \
	X(NO_LIVE_PATH, "no_live_path", "no path to the site is up") \
	X(NO_BUFFER, "no_buffer", "no free buffer for a packet we make ourselves") \
	X(RING_FULL, "ring_full", "the ring to another worker is full") \
	X(HOLD_FULL, "hold_full", "too many packets wait while a flow or a queue changes worker") \
	X(PUNT_FULL, "punt_full", "the ring to the control thread is full") \
	X(STALE, "stale", "its attachment, endpoint or path went away while it waited") \
	X(PORT_DOWN, "port_down", "the port it should leave by has no transmit queue or no link") \
	X(TX_FULL, "tx_full", "the device took no more packets")

enum drop {
#define X(id, name, meaning) DROP_##id,
	DROP_LIST(X)
#undef X
		DROP_COUNT
};

/* What a stage says of one packet: a drop reason (below DROP_COUNT) or one of these. */
enum verdict {
	VERDICT_GO = DROP_COUNT, /* to the next stage */
	VERDICT_TAKEN,		 /* somebody else has the packet now: answered, held, in a ring */
};

/* Never NULL for reason < DROP_COUNT; static text. */
const char *drop_name(enum drop reason);
const char *drop_meaning(enum drop reason);

#endif
