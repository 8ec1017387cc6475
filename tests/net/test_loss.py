#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What a measured path says of the wire: loss, copies and delay variation, next to the truth."""

import unittest

from lab import wait_until
from pair import Pair
from traffic import Iperf, reaches

FAR = "10.0.2.10"
PORT = ("--cport", 40000)


class LossTest(unittest.TestCase):
    """One path of each family; one customer, one flow, so that few lanes are in use."""

    @classmethod
    def setUpClass(cls):
        cls.pair = Pair("m", {"b1": {"family": 4, "measure": "require"},
                              "b2": {"family": 6, "measure": "require"}})
        cls.addClassCleanup(cls.pair.close)
        cls.near, cls.far = cls.pair.hosts["acme", "a"], cls.pair.hosts["acme", "b"]
        wait_until(lambda: reaches(cls.near, FAR, count=1), 15, "the far side")
        cls.server = Iperf(cls.far)

    def setUp(self):
        self.pair.wire.set("all", "both", loss=0, duplicate=0, delay=0, jitter=0)

    def paths(self, side):
        return {p["name"]: p["measured"]
                for p in self.pair.gateways[side].stats()["paths"]}

    def flow(self, seconds, rate="10M"):
        """The same flow each time: its lanes go on where they were."""
        self.server.run(self.near, FAR, seconds, "-u", "-b", rate, "-l", 1000, *PORT)

    def test_counts_agree_with_the_wire(self):
        before = self.paths("b"), self.pair.wire.counts()
        self.pair.wire.set("all", "ab", loss="2%", duplicate="1%")
        self.flow(3)
        self.pair.wire.set("all", "ab", loss=0, duplicate=0)
        # What was lost at the end of a lane shows when the next packet comes.
        self.flow(1)
        sent, got, after = self.paths("a"), self.paths("b"), self.pair.wire.counts()
        lost = copies = 0
        for name, path in got.items():
            with self.subTest(path=name):
                self.assertEqual(sent[name]["sent_packets"] - path["lost"],
                                 path["received_packets"])
            lost += path["lost"] - before[0][name]["lost"]
            copies += path["duplicates"] - before[0][name]["duplicates"]
        truth = {kind: sum(after[name]["ab"][kind] - before[1][name]["ab"][kind] for name in after)
                 for kind in ("lost", "duplicated")}
        self.assertGreater(truth["lost"], 30)
        # The wire's own count has a few frames that are not numbered: ARP, neighbour discovery.
        self.assertLessEqual(abs(truth["lost"] - lost), 5, (truth, lost))
        self.assertLessEqual(abs(truth["duplicated"] - copies), 5, (truth, copies))

    def test_delay_variation(self):
        self.pair.wire.set("all", "ab", delay="5ms", jitter="8ms")
        self.flow(4)
        delays = [path["delay"] for path in self.paths("b").values()]
        busiest = max(delays, key=lambda delay: delay["packets"])
        self.assertGreater(busiest["packets"], 100, delays)
        # Uniform over 8 ms; the machine adds what it likes.
        self.assertGreater(busiest["pdv_p50_ns"], 2e6, busiest)
        self.assertGreater(busiest["pdv_p99_ns"], 6e6, busiest)
        self.assertLessEqual(busiest["pdv_p50_ns"], busiest["pdv_p90_ns"])
        self.assertLessEqual(busiest["pdv_p90_ns"], busiest["pdv_p99_ns"])
        self.assertLessEqual(busiest["pdv_p99_ns"], busiest["pdv_max_ns"] * 1.04)
        self.assertGreater(busiest["jitter_ns"], 0)
        self.assertIn("PDV p50", str(self.pair.gateways["b"].cli("show", "paths")))


if __name__ == "__main__":
    unittest.main()
