# SPDX-License-Identifier: BSD-3-Clause
"""Packets that a gateway must not forward, each with the reason it is to be dropped for.

    customer 10.1.0.10, fd00:1::10  --  gateway  --  192.0.2.2, 2001:db8::2: Geneve, VNI 77
"""

import struct

from scapy.all import (ARP, ICMP, IP, TCP, UDP, Dot1Q, Ether, ICMPv6EchoRequest, ICMPv6ND_NS,
                       ICMPv6ND_RS, ICMPv6NDOptSrcLLAddr, IPOption_LSRR, IPOption_RR,
                       IPOption_SSRR, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment,
                       IPv6ExtHdrHopByHop, PadN, Raw, fragment)

CUSTOMER, CUSTOMER6 = "10.1.0.10", "fd00:1::10"
FAR, FAR6 = "10.2.0.1", "fd00:2::1"
OURS, OURS6 = "10.1.0.1", "fd00:1::1"
PEER, US = "192.0.2.2", "192.0.2.1"
PEER6, US6 = "2001:db8::2", "2001:db8::1"
VNI = 77
GENEVE_PORT = 6081
MARK = b"trunkline-odd-packet"


def geneve(payload, protocol=0x0800, options=b"", vni=VNI, version=0, flags=0, length=None):
    words = len(options) // 4 if length is None else length
    head = struct.pack("!BBHI", version << 6 | words, flags, protocol, vni << 8)
    return Raw(head + options + bytes(payload))


def option(data=b"", kind=0x21, group=0x0199, length=None):
    words = len(data) // 4 if length is None else length
    return struct.pack("!HBB", group, kind, words) + data


def customer(mac, own):
    """(name, reason, frame) for what a customer may send; reason None: it is forwarded."""
    ether = Ether(dst=mac, src=own)
    ip = IP(src=CUSTOMER, dst=FAR)
    ip6 = IPv6(src=CUSTOMER6, dst=FAR6)
    data = UDP(sport=4000, dport=4001) / Raw(MARK)
    echo = ICMP() / Raw(MARK)
    long_options = IPv6ExtHdrDestOpt(options=[PadN(optdata=b"\0" * 200)])
    broken6 = IPv6(src=CUSTOMER6, dst=FAR6, nh=0, plen=8) / Raw(b"\x3b\xff" + b"\0" * 6)

    def loose(**fields):
        return ether / IP(src=CUSTOMER, dst=FAR, **fields) / data

    return [
        ("plain IPv4", None, ether / ip / data),
        ("plain IPv6", None, ether / ip6 / data),
        ("bytes after the packet", None, bytes(ether / ip / data) + b"\0" * 20),
        ("record route", None, loose(options=[IPOption_RR()])),
        ("one extension header", None, ether / ip6 / IPv6ExtHdrDestOpt() / data),
        ("first fragment", None, ether / fragment(ip / UDP() / Raw(b"f" * 600), 256)[0]),
        ("last fragment", None, ether / fragment(ip / UDP() / Raw(b"f" * 600), 256)[-1]),
        ("IPv6 fragment", None, ether / ip6 / IPv6ExtHdrFragment(offset=8, m=1) / Raw(b"f" * 64)),
        ("to another station", "not_our_mac", Ether(dst="02:00:00:00:99:99", src=own) / ip / data),
        ("unknown VLAN", "unknown_tag", ether / Dot1Q(vlan=55) / ip / data),
        ("stack of two VLANs", "unknown_tag", ether / Dot1Q(vlan=5) / Dot1Q(vlan=6) / ip / data),
        ("stack of three VLANs", "unknown_tag",
         ether / Dot1Q(vlan=5) / Dot1Q(vlan=6) / Dot1Q(vlan=7) / ip / data),
        ("unknown ethertype", "unknown_ethertype", Ether(dst=mac, src=own, type=0x88b5) /
         Raw(MARK)),
        ("ARP of another hardware", "arp_malformed",
         Ether(dst=mac, src=own) / ARP(hwtype=6, op=1, hwsrc=own, psrc=CUSTOMER, pdst=OURS)),
        ("ARP cut short", "arp_malformed", bytes(Ether(dst=mac, src=own, type=0x806) / ARP())[:30]),
        ("ARP for a stranger", "arp_ignored", Ether(dst="ff:ff:ff:ff:ff:ff", src=own) /
         ARP(op=1, hwsrc=own, psrc=CUSTOMER, pdst="10.1.0.99")),
        ("ND with a low hop limit", "nd_malformed", ether /
         IPv6(src=CUSTOMER6, dst=OURS6, hlim=64) / ICMPv6ND_NS(tgt=OURS6) /
         ICMPv6NDOptSrcLLAddr(lladdr=own)),
        ("router solicitation", "nd_ignored", Ether(dst="33:33:00:00:00:02", src=own) /
         IPv6(src="fe80::10", dst="ff02::2", hlim=255) / ICMPv6ND_RS()),
        ("IP longer than the frame", "ip_truncated", loose(len=1400)),
        ("IP shorter than its header", "ip_header", loose(len=10)),
        ("IPv6 longer than the frame", "ip_truncated", ether /
         IPv6(src=CUSTOMER6, dst=FAR6, plen=1400) / data),
        ("header length 4", "ip_header", loose(ihl=4)),
        ("version 5", "ip_header", loose(version=5)),
        ("version 4 in an IPv6 frame", "ip_header", Ether(dst=mac, src=own, type=0x86dd) / ip /
         data),
        ("wrong header checksum", "ip_checksum", loose(chksum=0x1234)),
        ("loose source route", "ip_source_route",
         loose(options=[IPOption_LSRR(routers=["10.9.9.9"])])),
        ("strict source route", "ip_source_route",
         loose(options=[IPOption_SSRR(routers=["10.9.9.9"])])),
        ("extension header beyond the end", "ip6_extension", ether / broken6),
        ("too many extension headers", "ip6_extension", ether / ip6 / IPv6ExtHdrHopByHop() /
         long_options / long_options / long_options / long_options / long_options /
         IPv6ExtHdrDestOpt() / IPv6ExtHdrDestOpt() / IPv6ExtHdrDestOpt() / data),
        ("from loopback", "martian_source", ether / IP(src="127.0.0.1", dst=FAR) / data),
        ("from multicast", "martian_source", ether / IP(src="224.0.0.9", dst=FAR) / data),
        ("from nowhere, IPv6", "martian_source", ether / IPv6(src="::1", dst=FAR6) / data),
        ("to loopback", "martian_destination", ether / IP(src=CUSTOMER, dst="127.0.0.1") / data),
        ("to a reserved address", "martian_destination", ether / IP(src=CUSTOMER, dst="240.0.0.1") /
         data),
        ("to multicast", "multicast", Ether(dst="01:00:5e:00:00:05", src=own) /
         IP(src=CUSTOMER, dst="224.0.0.5") / data),
        ("to everybody", "multicast", Ether(dst="ff:ff:ff:ff:ff:ff", src=own) /
         IP(src=CUSTOMER, dst="255.255.255.255") / data),
        ("from a link-local address", "link_local", ether / IPv6(src="fe80::10", dst=FAR6) / data),
        ("from an address of somebody else", "source_check", ether / IP(src="10.3.0.1", dst=FAR) /
         data),
        ("from an address of the far side", "source_check", ether / IP(src="10.2.0.9", dst=FAR) /
         data),
        ("to nowhere", "no_route", ether / IP(src=CUSTOMER, dst="10.99.0.1") / data),
        ("to a blackhole", "blackhole", ether / IP(src=CUSTOMER, dst="10.66.0.1") / data),
        ("TTL 1", "ttl_expired", loose(ttl=1)),
        ("TTL 0", "ttl_expired", loose(ttl=0)),
        ("hop limit 1", "ttl_expired", ether / IPv6(src=CUSTOMER6, dst=FAR6, hlim=1) / data),
        ("too large with DF", "mtu_exceeded", ether /
         IP(src=CUSTOMER, dst=FAR, flags="DF") / UDP() / Raw(b"m" * 1472)),
        ("too large, IPv6", "mtu_exceeded", ether / ip6 / UDP() / Raw(b"m" * 1452)),
        ("to our port 9", "local_protocol", ether / IP(src=CUSTOMER, dst=OURS) / UDP(dport=9) /
         Raw(MARK)),
        ("TCP to us", "local_protocol", ether / IP(src=CUSTOMER, dst=OURS) / TCP(dport=22)),
        ("echo with a wrong checksum", "local_icmp", ether / IP(src=CUSTOMER, dst=OURS) /
         ICMP(chksum=0x1111) / Raw(MARK)),
        ("timestamp request", "local_icmp", ether / IP(src=CUSTOMER, dst=OURS) / ICMP(type=13)),
        ("echo6 with a wrong checksum", "local_icmp", ether / IPv6(src=CUSTOMER6, dst=OURS6) /
         ICMPv6EchoRequest(cksum=0x1111)),
        ("echo to us in pieces", "local_protocol", ether /
         fragment(IP(src=CUSTOMER, dst=OURS) / echo / Raw(b"f" * 600), 256)[0]),
    ]


def backbone(mac, own):
    """The same for what may come from the underlay."""
    ether = Ether(dst=mac, src=own)
    inner = IP(src=FAR, dst=CUSTOMER) / UDP(sport=4001, dport=4000) / Raw(MARK)
    inner6 = IPv6(src=FAR6, dst=CUSTOMER6) / UDP(sport=4001, dport=4000) / Raw(MARK)
    udp = UDP(sport=50000, dport=GENEVE_PORT, chksum=0)
    outer = IP(src=PEER, dst=US)
    outer6 = IPv6(src=PEER6, dst=US6)
    good = geneve(inner)

    def outside(**fields):
        return ether / IP(**{"src": PEER, "dst": US, **fields}) / udp / good

    def datagram(**fields):
        return ether / outer / UDP(**{"sport": 50000, "dport": GENEVE_PORT, "chksum": 0,
                                      **fields}) / good

    def tunnel(payload=inner, **fields):
        return ether / outer / udp / geneve(payload, **fields)

    def within(packet, **fields):
        return tunnel(packet, **fields)

    return [
        ("plain", None, outside()),
        ("IPv6 inside", None, tunnel(inner6, protocol=0x86dd)),
        ("with a checksum", None, ether / outer / UDP(sport=50000, dport=GENEVE_PORT) / good),
        ("IPv6 outside", None, ether / outer6 / UDP(sport=50000, dport=GENEVE_PORT) / good),
        ("an option nobody knows", None, tunnel(options=option(b"\0" * 8))),
        ("two options", None, tunnel(options=option(b"\0" * 8) + option(kind=0x22))),
        ("outer header beyond the end", "outer_header", outside(len=1400)),
        ("outer header length 4", "outer_header", outside(ihl=4)),
        ("outer checksum", "outer_checksum", outside(chksum=0x4321)),
        ("outer first fragment", "outer_fragment", outside(flags="MF")),
        ("outer last fragment", "outer_fragment", outside(frag=100)),
        ("to another underlay address", "outer_not_local", outside(dst="192.0.2.99")),
        ("TCP to the underlay address", "outer_protocol", ether / outer / TCP(dport=179)),
        ("UDP to another port", "outer_protocol", datagram(dport=4791)),
        ("UDP length too small", "udp_length", datagram(len=4)),
        ("UDP length too large", "udp_length", datagram(len=1000)),
        ("UDP checksum", "udp_checksum", datagram(chksum=0x0101)),
        ("UDP checksum over IPv6", "udp_checksum", ether / outer6 /
         UDP(sport=50000, dport=GENEVE_PORT, chksum=0x0101) / good),
        ("no UDP checksum over IPv6", "udp_zero_checksum", ether / outer6 / udp / good),
        ("from another underlay address", "unknown_tunnel", outside(src="192.0.2.77")),
        ("VXLAN where Geneve is spoken", "unknown_tunnel", datagram(dport=4789)),
        ("tunnel header cut short", "tunnel_truncated", ether / outer / udp / Raw(b"\0\0\x08\0")),
        ("Geneve version 1", "geneve_version", tunnel(version=1)),
        ("options beyond the end", "tunnel_truncated", tunnel(length=63)),
        ("an option longer than all", "geneve_options", tunnel(options=option(b"\0" * 4,
                                                                               length=5))),
        ("unknown critical option", "geneve_critical", tunnel(options=option(kind=0xa1),
                                                              flags=0x40)),
        ("control packet", "geneve_control", tunnel(flags=0x80)),
        ("unknown payload", "tunnel_protocol", tunnel(protocol=0x88b5)),
        ("unknown VNI", "unknown_vni", tunnel(vni=999)),
        ("congestion where none was offered", "ecn_illegal", outside(tos=3)),
        ("inner IP longer than the packet", "ip_truncated",
         within(IP(src=FAR, dst=CUSTOMER, len=900) / UDP() / Raw(MARK))),
        ("inner version 6 called 4", "ip_header", tunnel(inner6)),
        ("inner checksum", "ip_checksum",
         within(IP(src=FAR, dst=CUSTOMER, chksum=0x7777) / UDP() / Raw(MARK))),
        ("inner TTL 1", "ttl_expired",
         within(IP(src=FAR, dst=CUSTOMER, ttl=1) / UDP() / Raw(MARK))),
        ("back to where it came from", "same_site",
         within(IP(src=FAR, dst="10.2.0.9") / UDP() / Raw(MARK))),
        ("inner to nowhere", "no_route",
         within(IP(src=FAR, dst="10.77.0.1") / UDP() / Raw(MARK))),
        ("inner multicast", "multicast",
         within(IP(src=FAR, dst="239.1.1.1") / UDP() / Raw(MARK))),
        ("inner frame to another MAC", "inner_mac",
         within(Ether(dst="02:00:00:00:88:88", src=own) / inner, protocol=0x6558)),
        ("inner frame cut short", "inner_frame", within(Raw(b"\0" * 10), protocol=0x6558)),
    ]
