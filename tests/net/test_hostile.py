#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Odd and hostile packets: each is dropped by its name or forwarded, and all of them add up."""

import time
import unittest

from gateway import Gateway, boot, device
from lab import Lab, LabError, wait_until
from odd import CUSTOMER, CUSTOMER6, MARK, OURS, PEER, PEER6, US, US6, VNI, backbone, customer
from raw import RawPort
from traffic import reaches

COPIES = 3
# What the kernels at both ends say on their own.
NOISE = {"arp_ignored", "nd_ignored", "multicast", "not_our_mac"}
# Narrow enough that a customer's 1,500 bytes do not fit.
PATH_MTU = 1500

QUIET = """
table inet quiet {
	chain out {
		type filter hook output priority 0; policy drop;
		icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, echo-request } accept
		icmp type echo-request accept
	}
}
"""


def document():
    paths = [{"name": f"p{family}", "site": "far", "port": "bb", "local": local, "remote": remote,
              "encapsulation": "geneve", "mtu": PATH_MTU}
             for family, local, remote in ((4, f"{US}/24", PEER), (6, f"{US6}/64", PEER6))]
    return {
        "sites": [{"name": "far"}], "paths": paths,
        "connections": [{"name": "acme", "vni": VNI, "endpoints": [{"site": "far", "vni": VNI}]}],
        "attachments": [{"name": "acme-1", "connection": "acme", "port": "cloud",
                         "addresses": [f"{OURS}/24", "fd00:1::1/64"], "mtu": 1500}],
        "routes": [
            {"connection": "acme", "prefixes": ["10.2.0.0/16", "fd00:2::/32"],
             "via": {"site": "far"}},
            {"connection": "acme", "prefix": "10.66.0.0/16", "via": {"blackhole": True}}],
    }


class HostileTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = Lab("h")
        cls.addClassCleanup(cls.lab.close)
        cls.host, space = cls.lab.namespace("customer"), cls.lab.namespace("gw")
        cls.peer = cls.lab.namespace("peer")
        cls.lab.veth(cls.host, "eth0", space, "cloud", mtu=1504)
        cls.lab.veth(cls.peer, "eth0", space, "bb", mtu=1600)
        cls.host.address("eth0", f"{CUSTOMER}/24", f"{CUSTOMER6}/64")
        cls.peer.address("eth0", f"{PEER}/24", f"{PEER6}/64")
        for namespace in (cls.host, cls.peer):
            # Their kernels answer ARP and ND, and nothing else.
            namespace.run("nft", "-f", "-", stdin=QUIET)
        config = boot(space.name, cls.lab.path("gw"), {
            "cloud": {"device": device("cloud"), "mtu": 1500},
            "bb": {"device": device("bb"), "mtu": 1600}})
        cls.gateway = Gateway(space, config)
        cls.gateway.apply(document())
        wait_until(lambda: reaches(cls.host, OURS, count=1), 15, "the gateway")
        wait_until(lambda: reaches(cls.peer, US, count=1), 15, "the gateway's underlay address")
        wait_until(lambda: reaches(cls.peer, US6, count=1), 15, "the gateway's underlay address")
        # What the gateway itself says to the far side needs the path's next hop.
        wait_until(lambda: all(p["live"] for p in cls.gateway.stats()["paths"]), 15, "the paths")
        cls.cloud, cls.far = RawPort(cls.host, "eth0"), RawPort(cls.peer, "eth0")
        cls.addClassCleanup(cls.cloud.close)
        cls.addClassCleanup(cls.far.close)
        cls.macs = {"cloud": space.mac("cloud"), "bb": space.mac("bb")}

    def dropped(self, before):
        now = self.gateway.drops()
        return {reason: now[reason] - before.get(reason, 0) for reason in now
                if now[reason] != before.get(reason, 0) and reason not in NOISE}

    def settle(self, before, count):
        """Waits until that many drops were counted, or a little longer than it can take."""
        try:
            wait_until(lambda: sum(self.dropped(before).values()) >= count, 2, "drops")
        except LabError:
            pass
        return self.dropped(before)

    def one(self, port, other, reason, frame):
        before = self.gateway.drops()
        if reason is not None:
            for _ in range(COPIES):
                port.send(frame)
            if reason in NOISE:
                wait_until(lambda: self.gateway.drops().get(reason, 0) >=
                           before.get(reason, 0) + COPIES, 2, f"{reason} to be counted")
                self.assertEqual(self.dropped(before), {})
            else:
                self.assertEqual(self.settle(before, COPIES), {reason: COPIES})
            return
        other.drain()
        port.send(frame)
        wanted = MARK if MARK in bytes(frame) else bytes(frame)[-20:]
        self.assertIsNotNone(other.wait(lambda got: wanted in got), "was not forwarded")
        self.assertEqual(self.dropped(before), {})

    def run_cases(self, port, other, cases):
        for name, reason, frame in cases:
            with self.subTest(name, reason=reason):
                self.one(port, other, reason, frame)
            self.assertTrue(self.gateway.process.running(), f"the gateway died of: {name}")
        self.assertEqual(self.gateway.unconserved(), [])

    def test_from_the_customer(self):
        # The first packet to the far side finds the peer's MAC.
        wait_until(lambda: self.forwards(), 10, "the first packet across")
        self.run_cases(self.cloud, self.far, customer(self.macs["cloud"], self.cloud.mac))

    def test_from_the_backbone(self):
        wait_until(lambda: self.returns(), 10, "the first packet back")
        self.run_cases(self.far, self.cloud, backbone(self.macs["bb"], self.far.mac))

    def forwards(self):
        self.far.drain()
        self.cloud.send(customer(self.macs["cloud"], self.cloud.mac)[0][2])
        return self.far.wait(lambda got: MARK in got, 0.5)

    def returns(self):
        self.cloud.drain()
        self.far.send(backbone(self.macs["bb"], self.far.mac)[0][2])
        return self.cloud.wait(lambda got: MARK in got, 0.5)

    def test_cut_short_at_every_byte(self):
        """Whatever is left of a packet is dropped, once, or was complete and is forwarded."""
        sides = ((self.cloud, "cloud", customer), (self.far, "bb", backbone))
        for port, name, cases in sides:
            for index in (0, 1, 5):
                title, _, frame = cases(self.macs[name], port.mac)[index]
                whole = bytes(frame)
                before, seen = self.gateway.drops(), self.received(name)
                for length in range(14, len(whole)):
                    port.send(whole[:length])
                    if length % 16 == 0:
                        time.sleep(0.002)  # af_packet loses bursts without a count
                sent = len(whole) - 14
                with self.subTest(packet=title, side=name):
                    dropped = self.settle(before, sent)
                    self.assertGreaterEqual(self.received(name) - seen, sent)
                    self.assertEqual(sum(dropped.values()), sent, dropped)
        self.assertEqual(self.gateway.unconserved(), [])

    def received(self, name):
        ports = {port["name"]: port for port in self.gateway.stats()["ports"]}
        return ports[name]["rx_packets"]

    def test_flipped_bytes(self):
        """Every byte of good packets, inverted: none may stop the gateway or upset its sums."""
        sides = ((self.cloud, "cloud", customer), (self.far, "bb", backbone))
        for port, name, cases in sides:
            for index in (0, 1):
                whole = bytes(cases(self.macs[name], port.mac)[index][2])
                seen = self.received(name)
                for at in range(len(whole)):
                    port.send(whole[:at] + bytes([whole[at] ^ 0xff]) + whole[at + 1:])
                    if at % 16 == 0:
                        time.sleep(0.002)
                wait_until(lambda n=name, s=seen, w=whole: self.received(n) - s >= len(w), 3,
                           "all frames to arrive")
        self.assertTrue(self.gateway.process.running())
        self.assertEqual(self.gateway.unconserved(), [])

    def test_packets_do_not_circle(self):
        """What a site sends for a network behind itself is not sent back to it."""
        cases = {name: frame for name, _, frame in backbone(self.macs["bb"], self.far.mac)}
        before = self.gateway.drops()
        for _ in range(COPIES):
            self.far.send(cases["back to where it came from"])
        self.assertEqual(self.settle(before, COPIES), {"same_site": COPIES})


if __name__ == "__main__":
    unittest.main(verbosity=2)
