#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Real NIC drivers and a full kernel: two guests under QEMU, see world.py."""

import sys
import unittest

import image
import world
from world import addressed, into_vrf, vlan

WORLD = None


class Drivers(unittest.TestCase):
    """The stage itself, before Trunkline stands on it: testpmd is the wire between two kernels."""

    def setUp(self):
        WORLD.clear()

    def forward(self, first, second):
        """Frames pass between two NICs of the gateway guest until the test ends."""
        gateway = WORLD.gateway
        process = gateway.start("testpmd", (
            f"dpdk-testpmd -l 0,1 -a {WORLD.address(first)} -a {WORLD.address(second)} "
            "--no-telemetry -- --total-num-mbufs=4096 --auto-start --forward-mode=io "
            "--stats-period=1"))
        self.addCleanup(gateway.stop, process)
        gateway.wait("grep -q 'Port statistics' /tmp/testpmd.log")

    def reach(self, space, vrf, *addresses, size=56):
        for address in addresses:
            with self.subTest(space=space, vrf=vrf, address=address):
                self.assertEqual(WORLD.ping(space, address, vrf, size=size), 5)

    def test_tags(self):
        """802.1Q, and QinQ with both outer types: the same addresses behind each, full frames."""
        for host, space in ((1, "cloud"), (2, "far1"), (3, "far2")):
            ends = (f"10.1.0.{host}/24", f"fd01::{host}/64")
            WORLD.links(space, vlan("wire", "v101", 101) + into_vrf("v101", "one", 11, *ends)
                        + vlan("wire", "s200", 200, "802.1ad") + vlan("s200", "v300", 300)
                        + into_vrf("v300", "two", 12, *ends)
                        + vlan("wire", "c201", 201) + vlan("c201", "v301", 301)
                        + into_vrf("v301", "three", 13, *ends))
        for wire, space in (("customer", "cloud"), ("backbone2", "far2")):
            self.forward(wire, "backbone1")
            for vrf in ("one", "two", "three"):
                self.reach(space, vrf, "10.1.0.2", "fd01::2", size=1452)
            self.doCleanups()

    def test_tunnels(self):
        """Kernel Geneve (IP and Ethernet inside) and VXLAN over both families, netem between."""
        self.forward("customer", "backbone1")
        for here, there, space in ((1, 2, "cloud"), (2, 1, "far1")):
            ends = (f"10.1.0.{here}/24", f"fd01::{here}/64")
            lines = addressed("wire", f"192.0.2.{here}/24", f"2001:db8::{here}/64") + [
                f"link add g4 type geneve id 1001 remote 192.0.2.{there} innerprotoinherit",
                f"link add g6 type geneve id 1002 remote 2001:db8::{there} udpcsum",
                f"link add x4 type vxlan id 1003 local 192.0.2.{here} remote 192.0.2.{there} "
                "dstport 4789 dev wire",
            ]
            for table, name in enumerate(("g4", "g6", "x4"), 20):
                lines += into_vrf(name, "r" + name, table, *ends)
            WORLD.links(space, lines)
            WORLD.netem(space, "delay 5ms")
        for name in ("g4", "g6", "x4"):
            self.reach("cloud", "r" + name, "10.1.0.2", "fd01::2")


def main():
    try:
        world.require()
    except image.Missing as missing:
        print(f"skipped: {missing}")
        return 77
    global WORLD
    with world.World() as WORLD:
        result = unittest.main(argv=sys.argv, exit=False, verbosity=2).result
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
