#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Against tunnels that others wrote: the kernel's VXLAN, Open vSwitch's Geneve."""

import unittest

from gateway import Gateway, boot, device
from lab import Lab, wait_until
from peers import Ovs, linux_vxlan
from traffic import Capture, Iperf, complaints, decode, reaches, traceroute

UNDERLAY = {4: ("192.0.2.1/24", "192.0.2.2/24"), 6: ("2001:db8::1/64", "2001:db8::2/64")}
VNI = 77
# Inside the tunnel; the peer routes 10.2/16 and fd00:2::/32 behind itself.
INNER = {"ours": ["10.9.9.1/24", "fd00:9::1/64"], "peers": ["10.9.9.2/24", "fd00:9::2/64"]}
CUSTOMER, BEHIND = "10.1.0.10", "10.2.0.1"
CUSTOMER6, BEHIND6 = "fd00:1::10", "fd00:2::1"


def bare(address):
    return address.split("/")[0]


class PeerCase(unittest.TestCase):
    """A customer, one gateway, and a stranger at the other end of the path."""

    def lay(self, name):
        self.lab = Lab(name)
        self.addCleanup(self.lab.close)
        self.customer, self.space = self.lab.namespace("customer"), self.lab.namespace("gw")
        self.peer = self.lab.namespace("peer")
        self.lab.veth(self.customer, "eth0", self.space, "cloud")
        self.lab.veth(self.space, "bb", self.peer, "eth0", mtu=1600)
        self.customer.address("eth0", f"{CUSTOMER}/24", f"{CUSTOMER6}/64")
        self.customer.route("0.0.0.0/0", "10.1.0.1")
        self.customer.route("::/0", "fd00:1::1")

    def start(self, family, path):
        ours, peers = UNDERLAY[family]
        config = boot(self.space.name, self.lab.path("gw"), {
            "cloud": {"device": device("cloud"), "mtu": 1500},
            "bb": {"device": device("bb"), "mtu": 1600}})
        self.gateway = Gateway(self.space, config)
        self.gateway.apply({
            "sites": [{"name": "stranger"}],
            "paths": [{"name": "p", "site": "stranger", "port": "bb", "local": ours,
                       "remote": bare(peers), **path}],
            "connections": [{"name": "acme", "vni": VNI, "endpoints": [{
                "site": "stranger", "vni": VNI, "payload": "ethernet",
                "addresses": INNER["ours"],
                "peer_addresses": [bare(a) for a in INNER["peers"]]}]}],
            "attachments": [{"name": "acme-1", "connection": "acme", "port": "cloud",
                             "addresses": ["10.1.0.1/24", "fd00:1::1/64"], "mtu": 1500}],
            "routes": [{"connection": "acme", "via": {"site": "stranger"},
                        "prefixes": ["10.2.0.0/16", "fd00:2::/32", "10.9.9.0/24",
                                     "fd00:9::/64"]}],
        })

    def behind(self, device):
        """Networks behind the peer, and its way back to the customer through our tunnel."""
        self.peer.address("lo", f"{BEHIND}/32", f"{BEHIND6}/128")
        self.peer.run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
        self.peer.route("10.1.0.0/24", bare(INNER["ours"][0]), device)
        self.peer.route("fd00:1::/64", bare(INNER["ours"][1]), device)

    def exchange(self):
        """Both families, both directions, small and large; everything decodes."""
        capture = Capture(self.peer, "eth0")
        for target in (BEHIND, BEHIND6):
            wait_until(lambda t=target: reaches(self.customer, t, count=1), 20,
                       f"{target} to answer")
            self.assertTrue(reaches(self.customer, target, count=10, size=1400))
        for target in (CUSTOMER, CUSTOMER6):
            self.assertTrue(reaches(self.peer, target, count=10))
        for inner in INNER["ours"]:
            self.assertTrue(reaches(self.peer, bare(inner), count=3))
        for target, port in ((BEHIND, 5201), (BEHIND6, 5202)):
            server = Iperf(self.peer, port)
            for direction in ((), ("-R",)):
                end = server.run(self.customer, target, 1, "-b", "50M", *direction)
                self.assertGreater(end["sum_received"]["bits_per_second"], 10e6)
        hops = traceroute(self.customer, BEHIND, "-N", 1)
        self.assertEqual(hops, ["10.1.0.1", BEHIND])
        file = capture.stop()
        self.assertEqual(complaints(file)[:5], [])
        return file


class VxlanTest(PeerCase):
    def one(self, family, **path):
        self.lay(f"v{family}")
        ours, peers = UNDERLAY[family]
        self.peer.address("eth0", peers)
        linux_vxlan(self.peer, "vx", VNI, bare(peers), bare(ours), "eth0", *INNER["peers"],
                    mtu=1500, checksum=path.get("udp_checksum") == "on")
        self.start(family, {"encapsulation": "vxlan", **path})
        self.behind("vx")
        file = self.exchange()
        self.assertGreater(len(decode(file, f"vxlan.vni == {VNI}", "frame.number")), 100)

    def test_ipv4_underlay(self):
        self.one(4)

    def test_ipv4_underlay_with_checksums(self):
        self.one(4, udp_checksum="on")

    def test_ipv6_underlay(self):
        self.one(6, udp_checksum="on")


class OvsTest(PeerCase):
    def one(self, family, **options):
        self.lay(f"o{family}")
        ours, peers = UNDERLAY[family]
        ovs = Ovs(self.peer)
        self.peer.silence("eth0")
        ovs.bridge("phy", peers)
        ovs.port("phy", "eth0")
        ovs.bridge("int", *INNER["peers"])
        ovs.tunnel("int", "gnv", "geneve", bare(ours), VNI, **options)
        self.start(family, {"encapsulation": "geneve", "payload": "ethernet"})
        self.behind("int")
        self.peer.ip("link", "set", "int", "mtu", 1450)
        file = self.exchange()
        rows = decode(file, f"geneve.vni == {VNI}", "geneve.proto_type")
        self.assertGreater(len(rows), 100)
        self.assertEqual({row[0].lower() for row in rows}, {"0x6558"})

    def test_ipv4_underlay(self):
        self.one(4)

    def test_ipv6_underlay(self):
        self.one(6, csum="true")


if __name__ == "__main__":
    unittest.main(verbosity=2)
