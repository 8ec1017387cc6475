#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""AF_XDP ports with the steering program: the gateway takes what is its own, the kernel the rest."""

import os
import signal
import unittest

os.environ["TRUNKLINE_TEST_DEVICE"] = "af_xdp"

from lab import wait_until  # noqa: E402
from pair import Pair  # noqa: E402
from peers import linux_vxlan  # noqa: E402
from test_peers import INNER, UNDERLAY, VNI, PeerCase, bare  # noqa: E402
from traffic import Iperf, reaches  # noqa: E402

HOST = "192.0.2.9"
FAR = {4: "10.0.2.10", 6: "fd00:0:0:2::10"}


class SharedPortTest(PeerCase):
    def test_kernel_and_gateway_share_an_interface(self):
        """TCP to the host, as SSH would, and a tunnel to the gateway, over one interface."""
        self.lay("x")
        ours, peers = UNDERLAY[4]
        self.peer.address("eth0", peers)
        self.space.address("bb", f"{HOST}/24")
        linux_vxlan(self.peer, "vx", VNI, bare(peers), bare(ours), "eth0", *INNER["peers"],
                    mtu=1500)
        self.start(4, {"encapsulation": "vxlan"})
        self.behind("vx")
        shell = Iperf(self.space, 5222)
        self.exchange()
        for _ in range(3):
            self.assertTrue(reaches(self.peer, HOST, count=3))
            self.assertTrue(reaches(self.peer, bare(ours), count=3))
            end = shell.run(self.peer, HOST, 1, "-b", "20M")
            self.assertGreater(end["sum_received"]["bits_per_second"], 10e6)
            self.assertTrue(reaches(self.customer, "10.2.0.1", count=5))
        ports = {port["name"]: port for port in self.gateway.stats()["ports"]}
        self.assertIn("steering", ports["bb"])
        # The kernel is not asked about tunnels while nobody listens: no "port unreachable".
        self.gateway.stop()
        before = self.space.run("cat", "/proc/net/snmp").stdout
        self.peer.run("ping", "-c", 3, "-i", 0.2, "-W", 1, "10.1.0.10", check=False)
        self.assertTrue(reaches(self.peer, HOST, count=3))
        self.assertTrue(before)


class TagTest(unittest.TestCase):
    def test_both_families_by_tag_form(self):
        """The outer 0x88a8 tells customers apart who share both VLAN numbers."""
        forms = {
            "one": [{"type": "0x8100", "vlan": 101}],
            "ctag": [{"type": "0x8100", "vlan": 300}, {"type": "0x8100", "vlan": 7}],
            "stag": [{"type": "0x88a8", "vlan": 300}, {"type": "0x8100", "vlan": 7}],
        }
        pair = Pair("q", {"b1": {"family": 4}, "b2": {"family": 6}}, customers=tuple(forms),
                    tags=forms)
        self.addCleanup(pair.close)
        for name in forms:
            for target in FAR.values():
                with self.subTest(customer=name, target=target):
                    wait_until(lambda n=name, t=target: reaches(pair.hosts[n, "a"], t, count=1),
                               15, f"{target} of {name}")
                    self.assertTrue(reaches(pair.hosts[name, "a"], target, size=1452))
        # With one of them silenced the others' answers are not taken for its own.
        pair.hosts["stag", "b"].ip("link", "set", "eth0", "down")
        self.assertFalse(reaches(pair.hosts["stag", "a"], FAR[4], count=2))
        self.assertTrue(reaches(pair.hosts["ctag", "a"], FAR[4]))


class KilledGatewayTest(unittest.TestCase):
    def test_starts_again_where_it_was(self):
        """Its programs are still on the interfaces; its state comes back and steering with it."""
        pair = Pair("k", {"b1": {"family": 4}, "b2": {"family": 6}})
        self.addCleanup(pair.close)
        host, gateway = pair.hosts["acme", "a"], pair.gateways["a"]
        wait_until(lambda: reaches(host, FAR[4], count=1), 15, FAR[4])
        gateway.stop(signal.SIGKILL)
        self.assertFalse(reaches(host, FAR[4], count=1))
        gateway.start()
        for target in FAR.values():
            wait_until(lambda t=target: reaches(host, t, count=1), 15, f"{target} again")
        self.assertIn("left by a killed gateway", gateway.process.output())
        ports = {port["name"]: port["steering"] for port in gateway.stats()["ports"]}
        self.assertGreater(ports["cloud"]["tagged"], 0)
        self.assertGreater(ports["bb1"]["tunnel"] + ports["bb2"]["tunnel"], 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
