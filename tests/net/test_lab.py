#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The test network itself: a wire that lies or a peer that does not talk would spoil every test."""

import unittest

from lab import Lab
from peers import Ovs, Wire, linux_vxlan, report, trunk
from traffic import Capture, Iperf, complaints, decode, ping, reaches

EQUATION_OUT = ("sent", "lost", "cut", "queue_full", "refused", "in_flight")
NOBODYS = ("refused", "overflow", "kernel_dropped", "overlong", "queue_full")


class WireTest(unittest.TestCase):
    def setUp(self):
        self.lab = Lab("w")
        self.addCleanup(self.lab.close)
        self.a, self.b = self.lab.namespace("a"), self.lab.namespace("b")
        self.middle = self.lab.namespace("m")
        self.lab.veth(self.a, "eth0", self.middle, "a1")
        self.lab.veth(self.b, "eth0", self.middle, "b1")
        self.a.address("eth0", "192.0.2.1/24", "2001:db8::1/64")
        self.b.address("eth0", "192.0.2.2/24", "2001:db8::2/64")
        self.wire = Wire(self.middle, {"l": ("a1", "b1")}, seed=3)

    def counts(self, direction):
        counts = self.wire.counts("l", direction)
        self.assertEqual(counts["received"] + counts["duplicated"],
                         sum(counts[name] for name in EQUATION_OUT), counts)
        return counts

    def test_carries_both_families(self):
        self.assertTrue(reaches(self.a, "192.0.2.2"))
        self.assertTrue(reaches(self.b, "2001:db8::1", size=1400))
        for direction in ("ab", "ba"):
            counts = self.counts(direction)
            self.assertGreaterEqual(counts["sent"], 10)
            self.assertEqual([counts[n] for n in NOBODYS], [0] * len(NOBODYS))

    def test_loss_is_counted_exactly(self):
        self.assertTrue(reaches(self.a, "192.0.2.2"))
        before = self.counts("ab")["lost"] + self.counts("ba")["lost"]
        self.wire.set("l", "both", loss="10%")
        sent, received, _ = ping(self.a, "192.0.2.2", count=300, interval=0.005)
        lost = self.counts("ab")["lost"] + self.counts("ba")["lost"] - before
        self.assertGreater(lost, 10)
        # ARP refreshes may be lost as well, but nothing of a ping gets lost elsewhere.
        self.assertIn(lost - (sent - received), (0, 1, 2))

    def test_delay_cut_and_duplicates(self):
        self.wire.set("l", "ab", delay="20ms")
        _, received, average = ping(self.a, "192.0.2.2", count=5)
        self.assertEqual(received, 5)
        self.assertGreaterEqual(average, 20)
        self.wire.set("l", "ab", delay=0, duplicate="100%")
        ping(self.a, "192.0.2.2", count=5)
        self.assertGreaterEqual(self.counts("ab")["duplicated"], 5)
        self.wire.set("l", "both", cut=1)
        self.assertEqual(ping(self.a, "192.0.2.2", count=3)[1], 0)
        self.assertGreaterEqual(self.counts("ab")["cut"], 3)
        self.wire.set("l", "both", cut=0, duplicate=0)
        self.assertTrue(reaches(self.a, "192.0.2.2"))
        self.assertEqual(report(self.wire)["links"]["l"]["ab"]["in_flight"], 0)

    def test_corruption_is_seen_by_tshark(self):
        self.assertTrue(reaches(self.a, "192.0.2.2"))
        self.wire.set("l", "ab", corrupt="100%")
        capture = Capture(self.b, "eth0", "ip and src host 192.0.2.1")
        ping(self.a, "192.0.2.2", count=10)
        self.assertGreater(len(complaints(capture.stop())), 0)
        self.assertGreaterEqual(self.counts("ab")["corrupted"], 10)


class TrunkTest(unittest.TestCase):
    TAGS = {"acc1": ["0x8100:101"], "acc2": ["0x8100:102"],
            "acc3": ["0x8100:200", "0x8100:7"], "acc4": ["0x88a8:200", "0x8100:7"],
            "acc5": []}

    def setUp(self):
        self.lab = Lab("t")
        self.addCleanup(self.lab.close)

    def switch(self, name, side):
        """A switch with one customer per access interface; all have the same addresses."""
        switch = self.lab.namespace(name)
        customers = []
        for access in self.TAGS:
            customer = self.lab.namespace(f"{name}{access}")
            self.lab.veth(customer, "eth0", switch, access)
            customer.address("eth0", f"192.0.2.{side}/24", f"2001:db8::{side}/64")
            customers.append(customer)
        return switch, customers

    def test_customers_meet_only_their_like(self):
        """Two switches, trunk to trunk: whatever is pushed on one side is popped on the other."""
        left, near = self.switch("l", 1)
        right, far = self.switch("r", 2)
        self.lab.veth(left, "trunk", right, "trunk", mtu=1508)
        members = {name: ".".join(tags) or "untagged" for name, tags in self.TAGS.items()}
        trunk(left, "trunk", members)
        trunk(right, "trunk", members)
        for customer in near:
            self.assertTrue(reaches(customer, "192.0.2.2", size=1472, df=True))
            self.assertTrue(reaches(customer, "2001:db8::2"))
        # One leaves; only its own counterpart is alone then.
        far[1].ip("link", "set", "eth0", "down")
        self.assertFalse(reaches(near[1], "192.0.2.2", count=2))
        self.assertTrue(reaches(near[0], "192.0.2.2", count=2))

    def test_tags_on_the_wire(self):
        left, near = self.switch("l", 1)
        outside = self.lab.namespace("o")
        self.lab.veth(left, "trunk", outside, "trunk", mtu=1508)
        trunk(left, "trunk", {n: ".".join(t) or "untagged" for n, t in self.TAGS.items()})
        capture = Capture(outside, "trunk", "")
        for index, customer in enumerate(near):
            ping(customer, f"192.0.2.{10 + index}", count=1)
        rows = decode(capture.stop(), "arp", "arp.dst.proto_ipv4", "ieee8021ad.id", "vlan.id")
        seen = {row[0]: row[1:] for row in rows}
        self.assertEqual(seen["192.0.2.10"], ["", "101"])
        self.assertEqual(seen["192.0.2.11"], ["", "102"])
        self.assertEqual(seen["192.0.2.12"], ["", "200,7"])
        self.assertIn(seen["192.0.2.13"], (["200", "7"], ["", "200,7"]))
        self.assertEqual(seen["192.0.2.14"], ["", ""])


class PeerTest(unittest.TestCase):
    """Linux and Open vSwitch against each other and themselves, through the wire."""

    def setUp(self):
        self.lab = Lab("p")
        self.addCleanup(self.lab.close)
        self.a, self.b = self.lab.namespace("a"), self.lab.namespace("b")
        self.lab.veth(self.a, "eth0", self.b, "eth0", mtu=1600)

    def test_linux_vxlan_both_underlays(self):
        self.a.address("eth0", "192.0.2.1/24", "2001:db8::1/64")
        self.b.address("eth0", "192.0.2.2/24", "2001:db8::2/64")
        linux_vxlan(self.a, "vx4", 4, "192.0.2.1", "192.0.2.2", "eth0", "10.4.0.1/24")
        linux_vxlan(self.b, "vx4", 4, "192.0.2.2", "192.0.2.1", "eth0", "10.4.0.2/24")
        linux_vxlan(self.a, "vx6", 6, "2001:db8::1", "2001:db8::2", "eth0", "fd00:6::1/64",
                    checksum=True)
        linux_vxlan(self.b, "vx6", 6, "2001:db8::2", "2001:db8::1", "eth0", "fd00:6::2/64",
                    checksum=True)
        capture = Capture(self.b, "eth0", "udp")
        self.assertTrue(reaches(self.a, "10.4.0.2"))
        self.assertTrue(reaches(self.a, "fd00:6::2"))
        end = Iperf(self.b).run(self.a, "10.4.0.2", 1, "-b", "20M")
        self.assertGreater(end["sum_received"]["bytes"], 1e6)
        self.assertEqual(complaints(capture.stop()), [])

    def test_ovs_geneve(self):
        sides = ((self.a, 1, 2), (self.b, 2, 1))
        for namespace, own, other in sides:
            ovs = Ovs(namespace)
            namespace.silence("eth0")
            ovs.bridge("phy", f"192.0.2.{own}/24")
            ovs.port("phy", "eth0")
            ovs.bridge("int", f"10.9.9.{own}/24", f"fd00:9::{own}/64")
            ovs.tunnel("int", "gnv", "geneve", f"192.0.2.{other}", 77, csum="true")
        capture = Capture(self.b, "eth0", "udp port 6081")
        self.assertTrue(reaches(self.a, "192.0.2.2", count=3))
        self.assertGreater(ping(self.a, "10.9.9.2", count=10, interval=0.2)[1], 7)
        self.assertGreater(ping(self.a, "fd00:9::2", count=10, interval=0.2)[1], 7)
        file = capture.stop()
        self.assertGreater(len(decode(file, "geneve.vni == 77", "frame.number")), 0)
        self.assertEqual(complaints(file), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
