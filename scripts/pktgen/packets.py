#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the packet files that Pktgen sends, and the gateway's document beside them.

  packets.py DIRECTORY [--sizes 64,512,1400,mix] [--flows 4096]
             [--cloud-mac MAC] [--backbone-mac MAC]

The MAC addresses are those of the gateway's ports (trunkline show ports). The files:

  vlan-SIZE.pcap      customers' packets, tagged, several tenants
  geneve-SIZE.pcap    the same flows from the other end, in Geneve
  routers.pcap        ARP: the tenants' routers tell the gateway where they are
  far.pcap            ARP: so does the other end of each path
  document.json       for: trunkline apply
"""

import argparse
import functools
import json
import logging
import os
import random
import sys

logging.getLogger("scapy").setLevel(logging.ERROR)
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import scene  # noqa: E402
from scapy.contrib.geneve import GENEVE  # noqa: E402
from scapy.layers.inet import IP, UDP  # noqa: E402
from scapy.layers.inet6 import IPv6  # noqa: E402
from scapy.layers.l2 import ARP, Dot1Q, Ether  # noqa: E402
from scapy.packet import Raw  # noqa: E402
from scapy.utils import PcapWriter  # noqa: E402

UDP_BYTES = 8
IP_BYTES = {4: 20, 6: 40}
ETHERTYPE = {4: 0x0800, 6: 0x86dd}
PORT_AT = 14 + 20  # of the outer UDP source port


class Flow:
    """One conversation of a tenant, with the size of its packets."""

    def __init__(self, number, sizes, rng):
        self.number = number
        self.tenant = number % scene.TENANTS
        self.size = sizes[number // scene.TENANTS % len(sizes)]
        # Of mixed sizes every fourth of a tenant is IPv6; the one-size files compare like with like.
        self.version = 6 if len(sizes) > 1 and number // scene.TENANTS % 4 == 3 else 4
        host = rng.randrange(1, 255)
        subnet = rng.randrange(scene.ROUTES)
        if self.version == 4:
            self.near = scene.NEAR_HOSTS.format(rng.randrange(256), host)
            self.far = scene.FAR_HOSTS.format(subnet, rng.randrange(1, 255))
        else:
            self.near = scene.NEAR_HOSTS6.format(host)
            self.far = scene.FAR_HOSTS6.format(subnet, host)
        self.ports = rng.randrange(1024, 65536), rng.randrange(1024, 65536)

    def near_packet(self):
        """The IP packet from the near host to the far one."""
        header = IP(src=self.near, dst=self.far) if self.version == 4 else \
            IPv6(src=self.near, dst=self.far)
        room = self.size - scene.FRAME_OVER_IP - IP_BYTES[self.version] - UDP_BYTES
        return bytes(header / UDP(sport=self.ports[0], dport=self.ports[1])
                     / Raw(bytes(max(room, 0))))

    def far_packet(self, packet):
        """The same the other way: checksums do not change where sender and receiver swap."""
        udp = IP_BYTES[self.version]
        width = 4 if self.version == 4 else 16
        addresses = udp - 2 * width
        return packet[:addresses] + packet[addresses + width:udp] + \
            packet[addresses:addresses + width] + packet[udp + 2:udp + 4] + \
            packet[udp:udp + 2] + packet[udp + 4:]

    def source_port(self):
        return 49152 + self.number % 16384


@functools.lru_cache(maxsize=None)
def vlan_header(tenant, version, mac):
    return bytes(Ether(src=scene.ROUTER_MAC.format(tenant), dst=mac)
                 / Dot1Q(vlan=scene.FIRST_VLAN + tenant, type=ETHERTYPE[version]))


@functools.lru_cache(maxsize=None)
def geneve_header(tenant, version, path, length, mac):
    """Outer headers in front of so many bytes; the UDP source port is zero."""
    whole = Ether(src=scene.FAR_MAC.format(path), dst=mac) / \
        IP(src=scene.FAR[path], dst=scene.UNDERLAY, flags="DF") / \
        UDP(sport=0, dport=scene.GENEVE_PORT, chksum=0) / \
        GENEVE(vni=scene.FIRST_VNI + tenant, proto=ETHERTYPE[version]) / Raw(bytes(length))
    return bytes(whole)[:-length]


def frames(flow, cloud_mac, backbone_mac):
    """What the flow looks like at either port of the gateway."""
    near = flow.near_packet()
    far = flow.far_packet(near)
    path = flow.number // scene.TENANTS % len(scene.FAR)
    outer = geneve_header(flow.tenant, flow.version, path, len(far), backbone_mac)
    return vlan_header(flow.tenant, flow.version, cloud_mac) + near, \
        outer[:PORT_AT] + flow.source_port().to_bytes(2, "big") + outer[PORT_AT + 2:] + far


def write(directory, name, content):
    with PcapWriter(os.path.join(directory, name), linktype=1) as file:
        for frame in content:
            file.write(bytes(frame))


def reply(source_mac, source, mac, target):
    return ARP(op=2, hwsrc=source_mac, psrc=source, hwdst=mac, pdst=target)


def routers(mac):
    for n in range(scene.TENANTS):
        own = scene.ROUTER_MAC.format(n)
        yield Ether(src=own, dst=mac) / Dot1Q(vlan=scene.FIRST_VLAN + n) / \
            reply(own, scene.ROUTER, mac, scene.LINK.split("/")[0])


def far_ends(mac):
    for n, address in enumerate(scene.FAR):
        own = scene.FAR_MAC.format(n)
        yield Ether(src=own, dst=mac) / reply(own, address, mac, scene.UNDERLAY)


def make(directory, sizes, count, cloud_mac=scene.CLOUD_MAC, backbone_mac=scene.BACKBONE_MAC):
    """Writes everything; the same arguments give the same bytes."""
    os.makedirs(directory, exist_ok=True)
    for size in sizes:
        rng = random.Random(7)
        flows = [Flow(n, scene.SIZES[size], rng) for n in range(count)]
        pairs = [frames(flow, cloud_mac, backbone_mac) for flow in flows]
        write(directory, f"vlan-{size}.pcap", (pair[0] for pair in pairs))
        write(directory, f"geneve-{size}.pcap", (pair[1] for pair in pairs))
    write(directory, "routers.pcap", routers(cloud_mac))
    write(directory, "far.pcap", far_ends(backbone_mac))
    with open(os.path.join(directory, "document.json"), "w", encoding="utf-8") as file:
        json.dump(scene.document(), file, indent=1)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory")
    parser.add_argument("--sizes", default=",".join(scene.SIZES))
    parser.add_argument("--flows", type=int, default=4096)
    parser.add_argument("--cloud-mac", default=scene.CLOUD_MAC)
    parser.add_argument("--backbone-mac", default=scene.BACKBONE_MAC)
    options = parser.parse_args()
    sizes = options.sizes.split(",")
    for size in sizes:
        if size not in scene.SIZES:
            parser.error(f"--sizes: {size} is none of {', '.join(scene.SIZES)}")
    if options.flows < 1:
        parser.error("--flows: at least 1")
    make(options.directory, sizes, options.flows, options.cloud_mac, options.backbone_mac)


if __name__ == "__main__":
    main()
