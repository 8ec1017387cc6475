#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""scripts/bench-pktgen without a Pktgen, with one that does nothing, and, where the environment
variable PKTGEN names a real one, measuring both directions. No root is needed."""

import json
import os
import subprocess
import tempfile
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("TRUNKLINE_BUILD", os.path.join(ROOT, "build"))
PKTGEN = os.environ.get("PKTGEN")
AGREED, USAGE, NO_PKTGEN, PKTGEN_FAILED = 0, 2, 3, 4
FIGURES = {"sent": "Mpps", "received": "Mpps", "gateway-in": "Mpps", "gateway-out": "Mpps",
           "gateway-busy": "share", "lost": "packets"}


def processes_with(word):
    """Command lines that contain the word."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                line = file.read().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if word in line and int(pid) != os.getpid():
            found.append(line)
    return found


class BenchPktgen(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="tl-pktgen-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def bench(self, *arguments, pktgen=None, timeout=60):
        environment = {**os.environ, "TRUNKLINE_BUILD": BUILD}
        environment.pop("PKTGEN", None)
        if pktgen:
            environment["PKTGEN"] = pktgen
        return subprocess.run([os.path.join(ROOT, "scripts", "bench-pktgen"), *arguments],
                              env=environment, capture_output=True, text=True, timeout=timeout,
                              check=False)

    def test_none(self):
        started = time.monotonic()
        done = self.bench("--json", f"{self.folder}/figures", "--keep", f"{self.folder}/kept")
        self.assertEqual(done.returncode, NO_PKTGEN, done.stderr)
        self.assertIn("no Pktgen", done.stderr)
        self.assertIn("--pktgen", done.stderr)
        self.assertIn("PKTGEN", done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertEqual(os.listdir(self.folder), [], "something was done all the same")
        self.assertLess(time.monotonic() - started, 30)

    def test_no_program(self):
        for path in (f"{self.folder}/pktgen", self.folder):
            done = self.bench(pktgen=path)
            self.assertEqual(done.returncode, NO_PKTGEN, done.stderr)
            self.assertIn(path, done.stderr)

    def test_option_before_environment(self):
        done = self.bench("--pktgen", f"{self.folder}/one", pktgen=f"{self.folder}/other")
        self.assertEqual(done.returncode, NO_PKTGEN)
        self.assertIn(f"{self.folder}/one", done.stderr)

    def test_wrong_options(self):
        for wrong in (["vlan-to-vxlan"], ["vlan-to-geneve/63"], ["--seconds", "1"], ["--runs", "0"],
                      ["--pci", "0000:01:00.0,0000:01:00.1"], ["--cpus", "1"], ["--cpus", "a,b,c"]):
            done = self.bench(*wrong, pktgen="/bin/true")
            self.assertEqual(done.returncode, USAGE, wrong)
            self.assertIn(wrong[0].split("/")[0].strip("-"), done.stderr)

    def test_one_that_ends(self):
        """All is prepared and a gateway runs; the program given ends at once."""
        kept = f"{self.folder}/kept"
        fake = f"{self.folder}/fake"
        with open(fake, "w", encoding="ascii") as file:
            file.write("#!/bin/sh\n[ -t 0 ] && echo on a terminal\nfor i; do echo \"word $i\"; done\n"
                       "exit 7\n")
        os.chmod(fake, 0o755)
        done = self.bench("geneve-to-vlan/mix", "--flows", "16", "--keep", kept, "--hugepages", "off",
                          pktgen=fake)
        self.assertEqual(done.returncode, PKTGEN_FAILED, done.stderr)
        self.assertIn("Pktgen ended with 7", done.stderr)
        self.assertEqual(processes_with(kept), [], "left running")
        with open(f"{kept}/pktgen.log", encoding="ascii") as file:
            said = file.read().splitlines()
        self.assertEqual(said[0], "on a terminal")
        # The receiving side's stations on port 0, what is sent on port 1.
        self.assertIn(f"word 0:{kept}/routers.pcap", said)
        self.assertIn(f"word 1:{kept}/geneve-mix.pcap", said)
        for port in ("cloud", "backbone"):
            self.assertTrue(any(f"socket={kept}/{port}.sock" in word for word in said), said)
        with open(f"{kept}/trunklined.log", encoding="utf-8") as file:
            self.assertIn("gateway bench-pktgen is ready", file.read())

    @unittest.skipUnless(PKTGEN, "PKTGEN names no Pktgen to measure with")
    def test_measured(self):
        figures = f"{self.folder}/figures"
        cases = ["vlan-to-geneve/mix", "geneve-to-vlan/mix"]
        done = self.bench(*cases, "--seconds", "2", "--runs", "2", "--flows", "256",
                          "--json", figures, pktgen=PKTGEN, timeout=300)
        self.assertEqual(done.returncode, AGREED, done.stdout + done.stderr)
        self.assertEqual(done.stdout.count("both sides agree"), 4)
        with open(figures, encoding="utf-8") as file:
            found = json.load(file)
        self.assertEqual({(f["name"], f["unit"]) for f in found},
                         {(f"pktgen/{case}/{name}", unit) for case in cases
                          for name, unit in FIGURES.items()})
        for figure in found:
            self.assertEqual(figure["runs"], 2)
            self.assertTrue(figure["params"]["agree"])
            self.assertLessEqual(figure["min"], figure["median"])
            self.assertLessEqual(figure["median"], figure["max"])
            if figure["unit"] == "Mpps":
                self.assertGreater(figure["min"], 0)


if __name__ == "__main__":
    unittest.main()
