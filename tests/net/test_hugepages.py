#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A gateway whose memory lies in hugepages: it says so, forwards, and leaves none behind."""

import os
import unittest

from gateway import Gateway, LabError, boot, device
from lab import Lab, run, wait_until

PAGES = 64  # of 2 MiB
KNOBS = "/sys/kernel/mm/hugepages/hugepages-2048kB"

DOCUMENT = {
    "connections": [{"name": "acme", "vni": 1001}],
    "attachments": [{"name": f"acme-{n}", "connection": "acme", "port": f"cust{n}",
                     "addresses": [f"192.0.2.{64 * n + 1}/26"]} for n in (1, 2)],
}


def knob(name):
    with open(f"{KNOBS}/{name}", encoding="ascii") as file:
        return int(file.read())


def reserve(count):
    with open(f"{KNOBS}/nr_hugepages", "w", encoding="ascii") as file:
        file.write(str(count))


class Reserved(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0 or not os.access(f"{KNOBS}/nr_hugepages", os.W_OK):
            raise unittest.SkipTest("hugepages of 2 MiB cannot be reserved here: not root, or the "
                                    "kernel has none")
        cls.before = knob("nr_hugepages")
        cls.addClassCleanup(lambda: reserve(cls.before))
        reserve(cls.before + PAGES)
        if knob("nr_hugepages") < cls.before + PAGES:
            raise unittest.SkipTest(f"the kernel finds no {PAGES} hugepages more")
        cls.lab = Lab("huge")
        cls.addClassCleanup(cls.lab.close)
        cls.mount = cls.lab.path("hugetlbfs")
        os.mkdir(cls.mount)
        run("mount", "-t", "hugetlbfs", "-o", "pagesize=2M", "none", cls.mount)
        cls.addClassCleanup(lambda: run("umount", "-l", cls.mount))
        cls.at = cls.lab.namespace("gw")
        cls.hosts = [cls.lab.namespace(name) for name in ("a", "b")]
        for n, host in enumerate(cls.hosts, 1):
            cls.lab.veth(cls.at, f"c{n}", host, "eth0")
            host.address("eth0", f"192.0.2.{64 * n + 2}/26")
            host.route("192.0.2.0/24", f"192.0.2.{64 * n + 1}")

    def config(self, **memory):
        return boot("huge", self.lab.path("gw"), {f"cust{n}": device(f"c{n}") for n in (1, 2)},
                    memory={"hugepages": "require", "megabytes": 2 * PAGES, "buffers": 8192,
                            **memory})

    def test_they_are_used_and_given_back(self):
        free = knob("free_hugepages")
        self.assertGreaterEqual(free, PAGES)
        gateway = Gateway(self.at, self.config())
        self.assertIn(f"memory: {2 * PAGES} MiB in hugepages", gateway.process.output())
        self.assertTrue(gateway.call("system.info")["hugepages"])
        self.assertLessEqual(knob("free_hugepages"), free - PAGES)
        gateway.apply(DOCUMENT)
        self.hosts[0].run("ping", "-c", "3", "-i", "0.2", "-W", "5", "192.0.2.130", timeout=30)
        self.assertEqual([], gateway.unconserved())
        self.assertEqual([], os.listdir(self.mount))  # no file that would outlive a crash
        self.assertEqual(0, gateway.stop())
        wait_until(lambda: knob("free_hugepages") >= free, 10, "the hugepages to be free again")

    def test_more_than_there_are_is_refused(self):
        with self.assertRaises(LabError) as refused:
            Gateway(self.at, self.config(megabytes=2 * knob("nr_hugepages") + 2))
        self.assertIn('memory.hugepages is "require"', str(refused.exception))
        self.assertIn("fewer are free", str(refused.exception))


if __name__ == "__main__":
    unittest.main(verbosity=2)
