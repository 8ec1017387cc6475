#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Real NIC drivers and a full kernel: two guests under QEMU, see world.py."""

import sys
import unittest

import image
import world
from world import addressed, into_vrf, netem, vlan

WORLD = None


class Drivers(unittest.TestCase):
    """The stage itself, before Trunkline stands on it: testpmd is the wire between two kernels."""

    def setUp(self):
        WORLD.namespaces()

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
        for first, second, near, far in (("customer", "backbone1", "cloud", "far1"),
                                         ("backbone2", "backbone1", "far2", "far1")):
            self.forward(first, second)
            for host, space in ((1, near), (2, far)):
                ends = (f"10.1.0.{host}/24", f"fd01::{host}/64")
                WORLD.inside(space, vlan("wire", "v101", 101) + into_vrf("v101", "one", 11, *ends)
                             + vlan("wire", "s200", 200, "802.1ad") + vlan("s200", "v300", 300)
                             + into_vrf("v300", "two", 12, *ends)
                             + vlan("wire", "c201", 201) + vlan("c201", "v301", 301)
                             + into_vrf("v301", "three", 13, *ends))
            for vrf in ("one", "two", "three"):
                self.reach(near, vrf, "10.1.0.2", "fd01::2")
                self.reach(near, vrf, "10.1.0.2", size=1472)
            self.doCleanups()
            WORLD.namespaces()

    def test_tunnels(self):
        """Kernel Geneve (IP and Ethernet inside) and VXLAN over both families, netem between."""
        self.forward("customer", "backbone1")
        for here, there, space in ((1, 2, "cloud"), (2, 1, "far1")):
            ends = (f"10.1.0.{here}/24", f"fd01::{here}/64")
            WORLD.inside(
                space, addressed("wire", f"192.0.2.{here}/24", f"2001:db8::{here}/64")
                + f"ip link add g4 type geneve id 1001 remote 192.0.2.{there} innerprotoinherit\n"
                + f"ip link add g6 type geneve id 1002 remote 2001:db8::{there} udpcsum\n"
                + f"ip link add x4 type vxlan id 1003 local 192.0.2.{here} "
                f"remote 192.0.2.{there} dstport 4789 dev wire\n"
                + "".join(into_vrf(name, "r" + name, 20 + i, *ends)
                          for i, name in enumerate(("g4", "g6", "x4")))
                + netem("wire", "delay 5ms"))
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
