#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Real NIC drivers and a full kernel: two guests under QEMU, see world.py."""

import argparse
import itertools
import json
import os
import re
import sys
import unittest

import image
import machine
import scene
import world
from world import addressed, into_vrf

WORLD = None
PROGRAMS = {}


class Drivers(unittest.TestCase):
    """The stage itself: kernels, NICs, our device layer, before the gateway stands on it."""

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

    def reach(self, space, vrfs, size=56):
        answers = WORLD.answers(space, vrfs, ("10.1.0.2", "fd01::2"), size=size)
        self.assertEqual({where: replies for where, (replies, _) in answers.items()},
                         {where: 5 for where in answers})

    def tagged(self, space, host):
        """The same addresses behind 802.1Q and behind QinQ with both outer types."""
        ends = (f"10.1.0.{host}/24", f"fd01::{host}/64")
        WORLD.links(space, scene.tags()
                    + into_vrf("v101", "one", 11, *ends) + into_vrf("v300", "two", 12, *ends)
                    + into_vrf("v301", "three", 13, *ends))

    def echo(self, wire):
        """Our own device layer on a NIC sends every frame back; ends with the test."""
        gateway = WORLD.gateway
        gateway.do("rm -f /tmp/echo; mkfifo /tmp/echo")
        # Its commands come from a fifo that somebody must hold open.
        for name, command in (("hold", "exec sleep 1000 > /tmp/echo"),
                              ("devecho", f"exec devecho pci:{WORLD.address(wire)} 1500 1 "
                                          "< /tmp/echo")):
            self.addCleanup(gateway.stop, gateway.start(name, f"dash -c '{command}'"))
        ready = json.loads(gateway.wait("tail -n 1 /tmp/devecho.log | grep ready"))
        self.assertTrue(ready["tells_service_tags"], ready)
        self.assertEqual(ready["max_frame"], 1522)

    def test_devices(self):
        """What a tagged interface sends into our device layer comes back to it, on every NIC."""
        if not os.path.exists(PROGRAMS["devecho"]):
            self.skipTest("devecho is not built")
        for host, (wire, _, _, space) in enumerate(world.CABLES, 1):
            self.tagged(space, host)
            self.echo(wire)
            WORLD.links(space, [
                f"neighbour add 10.1.0.9 lladdr {WORLD.gateway.nics[wire].mac} dev {device}"
                for device in ("v101", "v300", "v301")])
            for device, vrf in (("v101", "one"), ("v300", "two"), ("v301", "three")):
                with self.subTest(wire=wire, device=device):
                    received, sent = WORLD.counted(space, device)
                    # Nobody answers: echoed frames show only in the counters.
                    WORLD.answers(space, (vrf,), ("10.1.0.9",), size=1464, period=20, wait=0.2)
                    received_after, sent_after = WORLD.counted(space, device)
                    self.assertGreaterEqual(sent_after - sent, 5)
                    self.assertEqual(received_after - received, sent_after - sent)
            self.doCleanups()

    def test_tags(self):
        """Full frames with one tag and with two pass from one kernel to the other."""
        for host, space in ((1, "far2"), (2, "far1")):
            self.tagged(space, host)
        self.forward("backbone2", "backbone1")
        self.reach("far2", ("one", "two", "three"), size=1452)

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
        self.reach("cloud", ("rg4", "rg6", "rx4"))


class Gateway(unittest.TestCase):
    """trunklined on three NICs, between kernel VLANs and kernel tunnels; scene.py says which."""

    @classmethod
    def setUpClass(cls):
        for name in PROGRAMS:
            if not os.path.exists(PROGRAMS[name]):
                raise unittest.SkipTest(f"{name} is not built")
        WORLD.clear()
        for space, lines in (("cloud", scene.customers()), ("far1", scene.far_geneve()),
                             ("far2", scene.far_vxlan())):
            WORLD.links(space, lines)
        gateway = WORLD.gateway
        gateway.put("/etc/trunkline/gateway.json", scene.boot_file(WORLD))
        gateway.put("/etc/trunkline/document.json", scene.document())
        cls.daemon = None
        cls.start()
        cls.addClassCleanup(cls.stop)
        gateway.do("trunkline apply /etc/trunkline/document.json")
        for space in ("far1", "far2"):
            WORLD.netem(space, "delay 2ms")
        cls.settle()

    @classmethod
    def settle(cls):
        """Until links are up and neighbours found: from here on nothing may be lost."""
        for _ in range(20):
            answers = WORLD.answers("cloud", scene.CONNECTIONS, scene.FAR_PINGS, count=1, wait=2)
            if all(replies for replies, _ in answers.values()):
                return
        raise machine.Failure(f"no answer: {answers}")

    @classmethod
    def start(cls):
        gateway = WORLD.gateway
        cls.daemon = gateway.start("trunklined", "trunklined --config /etc/trunkline/gateway.json")
        try:
            gateway.wait("trunkline show --json")
        except machine.Failure:
            print(gateway.run("cat /tmp/trunklined.log")[1])
            raise

    @classmethod
    def stop(cls):
        WORLD.gateway.stop(cls.daemon)

    def tearDown(self):
        """Nothing may be unaccounted for, whatever the test did."""
        state = self.show()
        for row in state["connections"]:
            with self.subTest(connection=row["name"]):
                self.assertEqual(row["conserved"], "true", row)
        for row in state["paths"] + self.show("attachments")["attachments"]:
            with self.subTest(bytes=row["name"]):
                self.assertLessEqual(row["rx_bytes"], 1500 * row["rx_packets"])
                self.assertLessEqual(row["tx_bytes"], 1500 * row["tx_packets"])

    def show(self, section=""):
        return json.loads(WORLD.gateway.do(f"trunkline show {section} --json"))

    def path(self, name):
        return next(row for row in self.show()["paths"] if row["name"] == name)

    def reach(self, size=56, silent=()):
        """Every connection answers, but those named silent."""
        answers = WORLD.answers("cloud", scene.CONNECTIONS, scene.FAR_PINGS, size=size,
                                wait=2 if silent else 10)
        got = {where: replies for where, (replies, _) in answers.items()}
        wanted = {(name, address): 0 if name in silent else 5 for name, address in got}
        if got != wanted:
            self.fail(f"got {got}, drops {self.show()['drops']}")

    def test_forwards(self):
        """802.1Q to Geneve, QinQ of both outer types to Geneve and VXLAN, IPv4 and IPv6."""
        self.reach()
        self.reach(size=1300)

    def test_isolates(self):
        """The same address answers in other connections: in this one nobody may."""
        for name, (space, device) in scene.FAR_DEVICES.items():
            WORLD.links(space, [f"link set {device} down"])
            try:
                self.reach(silent=(name,))
            finally:
                WORLD.links(space, [f"link set {device} up", *scene.far_routes(name)])
            self.settle()

    def test_impaired(self):
        """Delay and loss by netem: what we count is what the kernel counts on both sides of it."""
        self.addCleanup(WORLD.netem, "far1", "delay 2ms")
        WORLD.netem("far1", "delay 20ms 2ms loss 10%")
        address, count = scene.FAR_PINGS[0], 150
        path, kernel = self.path("far-geneve4"), WORLD.counted("far1", "g4")
        answers = WORLD.answers("cloud", ("acme",), (address,), count, period=30, wait=2)
        replies, shortest = answers["acme", address]
        path_after, kernel_after = self.path("far-geneve4"), WORLD.counted("far1", "g4")
        self.assertEqual(path_after["tx_packets"] - path["tx_packets"], count)
        self.assertEqual(path_after["rx_packets"] - path["rx_packets"], replies)
        self.assertEqual([a - b for a, b in zip(kernel_after, kernel)], [count, count])
        # netem may also have dropped an answer to ARP or neighbour discovery.
        self.assertGreaterEqual(WORLD.lost("far1"), count - replies)
        self.assertLess(replies, count)
        self.assertGreater(shortest, 18)

    def test_mtu(self):
        """A packet that does not fit is answered with the size that does."""
        for name, address in itertools.product(scene.CONNECTIONS, scene.FAR_PINGS):
            header = 48 if ":" in address else 28
            with self.subTest(connection=name, address=address):
                text = WORLD.whole("cloud", name, address, 1500 - header)
                told = re.search(r"mtu ?= ?(\d+)", text)
                self.assertTrue(told, text)
                text = WORLD.whole("cloud", name, address, int(told[1]) - header)
                self.assertIn(" 0% packet loss", text)

    def test_restart(self):
        """After a kill the NICs are taken up again and the journal brings back what was applied."""
        WORLD.gateway.run(f"kill -9 {self.daemon}")
        WORLD.gateway.wait(f"! kill -0 {self.daemon} 2>/dev/null", 20, 0.1)
        type(self).start()
        self.settle()
        self.reach()

    def test_ports(self):
        """Every NIC kind has carried packets; the counts are printed."""
        for row in self.show()["ports"]:
            print(f"\n  {row['name']:10} {row['device']:20} rx {row['rx_packets']:6} "
                  f"tx {row['tx_packets']:6} dropped {row['dropped']}", end="")
            self.assertGreater(row["rx_packets"], 0, row)
            self.assertGreater(row["tx_packets"], 0, row)
        print()


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default=str(world.HERE.parent.parent / "build"),
                        help="folder in which meson built the gateway")
    return parser.parse_known_args()


def main():
    options, rest = parse()
    PROGRAMS.update(trunklined=f"{options.build}/control/trunklined",
                    trunkline=f"{options.build}/control/cli/trunkline",
                    devecho=f"{options.build}/tests/tools/devecho")
    try:
        world.require()
    except image.Missing as missing:
        print(f"skipped: {missing}")
        return 77
    global WORLD
    programs = [(path, f"/bin/{name}") for name, path in PROGRAMS.items() if os.path.exists(path)]
    with world.World(programs) as WORLD:
        result = unittest.main(argv=[sys.argv[0], *rest], exit=False, verbosity=2).result
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
