#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Through two gateways: reach, traceroute, path MTU, both directions, paths that come and go."""

import time
import unittest

from lab import wait_until
from pair import Pair
from traffic import Capture, Iperf, complaints, decode, ping, reaches, traceroute

FAR = {4: "10.0.2.10", 6: "fd00:0:0:2::10"}
GATEWAY = {4: "10.0.1.1", 6: "fd00:0:0:1::1"}
FAR_GATEWAY = {4: "10.0.2.1", 6: "fd00:0:0:2::1"}


class ReachTest(unittest.TestCase):
    """One geometry for all of these: two Geneve paths, one of each family."""

    @classmethod
    def setUpClass(cls):
        cls.pair = Pair("r", {"b1": {"family": 4}, "b2": {"family": 6}},
                        customers=("acme", "globex"))
        cls.addClassCleanup(cls.pair.close)
        cls.near = cls.pair.hosts["acme", "a"]
        cls.far = cls.pair.hosts["acme", "b"]
        for target in FAR.values():
            wait_until(lambda t=target: reaches(cls.near, t, count=1), 15, f"{target} to answer")

    def test_ping_both_families_and_customers(self):
        for name in ("acme", "globex"):
            for target in FAR.values():
                with self.subTest(customer=name, target=target):
                    ping(self.pair.hosts[name, "a"], target, count=2, interval=0.3)
                    self.assertTrue(reaches(self.pair.hosts[name, "a"], target, count=20))

    def test_gateway_answers_on_its_addresses(self):
        for address in (*GATEWAY.values(), *FAR_GATEWAY.values()):
            with self.subTest(address=address):
                self.assertTrue(reaches(self.near, address, size=1000))

    def test_traceroute_names_both_gateways(self):
        for family in (4, 6):
            with self.subTest(family=family):
                hops = traceroute(self.near, FAR[family], "-N", 1)
                self.assertEqual(len(hops), 3, hops)
                self.assertEqual(hops[0], GATEWAY[family])
                self.assertEqual(hops[2], FAR[family])
                # For what came by a path, the far gateway speaks with its attachment's address.
                self.assertEqual(hops[1], FAR_GATEWAY[family])

    def test_iperf_both_ways(self):
        server = Iperf(self.far)
        for target in FAR.values():
            for direction in ((), ("-R",)):
                with self.subTest(target=target, direction=direction):
                    end = server.run(self.near, target, 2, *direction)
                    self.assertGreater(end["sum_received"]["bits_per_second"], 10e6)

    def test_customers_are_apart(self):
        other = self.pair.hosts["globex", "b"]
        other.address("eth0", "10.0.2.77/24")
        capture = Capture(other, "eth0", "icmp or udp")
        self.assertEqual(ping(self.near, "10.0.2.77", count=3)[1], 0)
        self.assertEqual(decode(capture.stop(), "ip.dst == 10.0.2.77", "frame.number"), [])
        self.assertTrue(reaches(self.pair.hosts["globex", "a"], "10.0.2.77"))

    def test_drops_have_names(self):
        gateway = self.pair.gateways["a"]
        before = gateway.drops()
        self.assertEqual(ping(self.near, "10.99.0.1", count=4)[1], 0)
        after = gateway.drops()
        self.assertEqual(after.get("no_route", 0) - before.get("no_route", 0), 4)


class MtuTest(unittest.TestCase):
    """A backbone too narrow for the customers' 1,500 bytes."""

    @classmethod
    def setUpClass(cls):
        cls.pair = Pair("m", {"b1": {"family": 4}, "b2": {"family": 6}}, mtu=1500)
        cls.addClassCleanup(cls.pair.close)
        cls.near, cls.far = cls.pair.hosts["acme", "a"], cls.pair.hosts["acme", "b"]
        for target in FAR.values():
            wait_until(lambda t=target: reaches(cls.near, t, count=1), 15, f"{target} to answer")

    def learned(self, target):
        """The path MTU that the host has learned from ICMP."""
        family = ["-6"] if ":" in target else []
        text = self.near.ip(*family, "route", "get", target).stdout
        return int(text.split(" mtu ")[1].split()[0]) if " mtu " in text else None

    def test_path_mtu_is_told_and_holds(self):
        for family, header in ((4, 28), (6, 48)):
            with self.subTest(family=family):
                ping(self.near, FAR[family], count=3, size=1500 - header, df=True, interval=0.2)
                mtu = self.learned(FAR[family])
                self.assertIsNotNone(mtu, "no packet-too-big came back")
                self.assertTrue(1280 <= mtu < 1500, mtu)
                # What is told is true to the byte: the smaller fits, and one more does not.
                self.assertTrue(reaches(self.near, FAR[family], size=mtu - header, df=True))

    def test_fragments_without_df(self):
        before = self.pair.gateways["a"].drops().get("mtu_exceeded", 0)
        sent, received, _ = ping(self.far, "10.0.1.10", count=5, size=1472, df=False)
        self.assertEqual(sent, received)
        self.assertEqual(self.pair.gateways["a"].drops().get("mtu_exceeded", 0), before)

    def test_tcp_passes_by_clamped_segments(self):
        capture = Capture(self.far, "eth0", "tcp[tcpflags] & tcp-syn != 0")
        for target in FAR.values():
            end = Iperf(self.far, 5300 + (":" in target)).run(self.near, target, 1)
            self.assertGreater(end["sum_received"]["bits_per_second"], 10e6)
        sizes = [int(row[0]) for row in decode(capture.stop(), "tcp.flags.syn == 1 && tcp.flags.ack == 0",
                                               "tcp.options.mss_val")]
        self.assertTrue(sizes)
        self.assertLess(max(sizes), 1460)


class PathTest(unittest.TestCase):
    """Four paths: spread, taken down, brought back; and neighbours that age and change."""

    @classmethod
    def setUpClass(cls):
        cls.pair = Pair("f", {"b1": {}, "b2": {}, "b3": {"family": 6}, "b4": {"family": 6}})
        cls.addClassCleanup(cls.pair.close)
        cls.near, cls.far = cls.pair.hosts["acme", "a"], cls.pair.hosts["acme", "b"]
        wait_until(lambda: reaches(cls.near, FAR[4], count=1), 15, "the far side")

    def carried(self):
        return {name: counts["ab"]["sent_bytes"]
                for name, counts in self.pair.wire.counts().items()}

    def set_admin(self, name, state):
        for side, gateway in self.pair.gateways.items():
            document = self.pair.document(side)
            for path in document["paths"]:
                if path["name"] == name:
                    path["admin"] = state
            gateway.apply(document)

    def test_flows_spread_over_all_paths(self):
        before = self.carried()
        Iperf(self.far).run(self.near, FAR[4], 3, "-P", 32, "-b", "1M")
        after = self.carried()
        for name in after:
            self.assertGreater(after[name] - before[name], 20000, f"{name} carried nothing")

    def test_no_loss_when_a_path_is_taken_down(self):
        for name in ("b1", "b3"):
            flow = self.near.start("ping", "-n", "-q", "-i", "0.01", "-c", 200, FAR[4])
            time.sleep(0.7)
            self.set_admin(name, "down")
            flow.wait(30)
            self.assertIn("200 received", flow.output())
            before = self.carried()[name]
            self.assertTrue(reaches(self.near, FAR[4], count=50, interval=0.01))
            self.assertLess(self.carried()[name] - before, 500)
            self.set_admin(name, "up")

    def test_neighbour_that_changes_its_mac(self):
        self.assertTrue(reaches(self.near, FAR[4], count=3))
        self.far.ip("link", "set", "eth0", "address", "02:00:00:00:77:01")
        wait_until(lambda: reaches(self.near, FAR[4], count=1), 60, "the new MAC to be learned")
        listed = self.pair.gateways["b"].stats()["neighbours"]
        self.assertIn("02:00:00:00:77:01", str(listed))

    def test_neighbour_that_does_not_answer(self):
        gateway = self.pair.gateways["b"]
        before = gateway.drops().get("neighbour_unresolved", 0)
        self.assertEqual(ping(self.near, "10.0.2.55", count=5, interval=0.5)[1], 0)
        wait_until(lambda: gateway.drops().get("neighbour_unresolved", 0) > before, 15,
                   "packets held for it to be dropped by name")


KINDS = {
    "g4": {"family": 4}, "g6": {"family": 6},
    "g4c": {"family": 4, "udp_checksum": "on"}, "g6z": {"family": 6, "udp_checksum": "zero"},
    "e4": {"family": 4, "payload": "ethernet"}, "e6": {"family": 6, "payload": "ethernet"},
    "v4": {"family": 4, "encapsulation": "vxlan"}, "v6": {"family": 6, "encapsulation": "vxlan"},
}


class FrameTest(unittest.TestCase):
    """tshark reads every kind of frame that the gateways send and finds nothing wrong."""

    def one_kind(self, name, settings):
        pair = Pair(name, {name: settings})
        try:
            self.send_all(pair, name, settings)
        finally:
            pair.close()

    def send_all(self, pair, name, settings):
        near, far = pair.hosts["acme", "a"], pair.hosts["acme", "b"]
        backbone = Capture(pair.backbone, "a1")
        cloud = Capture(pair.switches["b"], "trunk")
        for target in FAR.values():
            wait_until(lambda t=target: reaches(near, t, count=1), 15, f"{target} over {name}")
            # af_packet may lose one uncounted; what is judged here are the frames.
            wait_until(lambda t=target: reaches(near, t, size=1452), 15, f"{target} in full size")
            traceroute(near, target, "-N", 1)
            near.run("ping", "-c", 1, "-W", 1, "-s", 3000, target, check=False)
        Iperf(far).run(near, FAR[4], 1, "-b", "5M")
        Iperf(far, 5202).run(near, FAR[6], 1, "-u", "-b", "5M", "-l", 1000)
        self.judge(settings, backbone.stop(), cloud.stop())

    def judge(self, settings, backbone, cloud):
        self.assertEqual(complaints(backbone)[:5], [])
        self.assertEqual(complaints(cloud)[:5], [])
        family = "ipv6" if settings["family"] == 6 else "ip"
        rows = decode(backbone, settings.get("encapsulation", "geneve"),
                      "udp.srcport", "udp.checksum")
        self.assertGreater(len(rows), 100)
        ports = {int(row[0].split(",")[0]) for row in rows}
        self.assertTrue(all(49152 <= port <= 65535 for port in ports), ports)
        zero = {int(row[1].split(",")[0], 16) == 0 for row in rows}
        wanted = settings.get("udp_checksum", "on" if family == "ipv6" else "zero")
        self.assertEqual(zero, {wanted == "zero"})

    def test_every_encapsulation(self):
        for name, settings in KINDS.items():
            with self.subTest(kind=name):
                self.one_kind(name, settings)


if __name__ == "__main__":
    unittest.main(verbosity=2)
