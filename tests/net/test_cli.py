#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Every subcommand of trunkline against a gateway on ports that carry nothing: outcome, exit code,
JSON. No root is needed."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "tools"))
import openmetrics  # noqa: E402

BUILD = os.environ.get("TRUNKLINE_BUILD", os.path.join(ROOT, "build"))
TRUNKLINE = os.path.join(BUILD, "control", "cli", "trunkline")
TRUNKLINED = os.path.join(BUILD, "control", "trunklined")
OK, REFUSED, USAGE, UNREACHABLE = range(4)

DOCUMENT = {
    "sites": [{"name": "gw-b"}],
    "paths": [{"name": "b1", "site": "gw-b", "port": "bb1", "local": "10.1.0.1/30",
               "remote": "10.1.0.2"}],
    "connections": [{"name": "acme", "vni": 1001, "endpoints": [{"site": "gw-b"}]}],
    "attachments": [{"name": "acme-1", "connection": "acme", "port": "cust",
                     "tags": [{"type": "0x8100", "vlan": 1101}],
                     "addresses": ["169.254.1.1/30"]}],
    "routes": [{"connection": "acme", "prefix": "10.2.0.0/16", "via": {"site": "gw-b"}}],
}


class CliTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix="trunkline-cli-")
        cls.run_dir = os.path.join(cls.directory, "run")
        os.mkdir(cls.run_dir)
        os.mkdir(os.path.join(cls.directory, "state"))
        cls.boot = cls.write("gateway.json", {
            "name": f"cli-{os.getpid()}", "run_dir": cls.run_dir,
            "state_dir": os.path.join(cls.directory, "state"),
            "ports": [{"name": "bb1", "device": "ring:cli0"},
                      {"name": "cust", "device": "ring:cli1", "distribute": "rings",
                       "rx_queues": 2, "tx_queues": 1}],
            "sockets": {"control": {"mode": "0600"}, "stats": {"mode": "0600"}},
            "workers": {"count": 2, "idle": "adaptive", "idle_sleep_us": 250},
            "memory": {"hugepages": "off", "megabytes": 256, "buffers": 8192}})
        cls.log = open(os.path.join(cls.directory, "log"), "w+", encoding="utf-8")
        cls.daemon = subprocess.Popen([TRUNKLINED, "--config", cls.boot], stderr=cls.log,
                                      stdout=cls.log)
        for _ in range(200):
            if cls.daemon.poll() is not None or cls.run_cli("info").returncode == OK:
                break
            time.sleep(0.1)
        if cls.daemon.poll() is not None:
            cls.log.seek(0)
            raise RuntimeError(cls.log.read())

    @classmethod
    def tearDownClass(cls):
        cls.daemon.send_signal(signal.SIGTERM)
        cls.daemon.wait(20)
        cls.log.close()
        shutil.rmtree(cls.directory)

    @classmethod
    def write(cls, name, content):
        path = os.path.join(cls.directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(content if isinstance(content, str) else json.dumps(content))
        return path

    @classmethod
    def run_cli(cls, *arguments, stdin=None, run_dir=None):
        return subprocess.run([TRUNKLINE, "--socket", run_dir or cls.run_dir, *arguments],
                              input=stdin, capture_output=True, text=True, timeout=60)

    def cli(self, *arguments, code=OK, **more):
        done = self.run_cli(*arguments, **more)
        self.assertEqual(done.returncode, code, f"{arguments}: {done.stdout}{done.stderr}")
        if code != OK:
            self.assertTrue(done.stderr.startswith("trunkline: "), done.stderr)
        return done

    def json(self, *arguments):
        return json.loads(self.cli(*arguments, "--json").stdout)

    def setUp(self):
        for connection in ("acme", "zeta"):
            routes = self.run_cli("show", "routes", connection, "--json")
            for route in json.loads(routes.stdout) if routes.returncode == OK else []:
                if route["owner"] == "cli":
                    self.cli("route", "delete", connection, route["prefix"])
        for kind in ("attachment", "path", "connection"):
            self.run_cli(kind, "delete", "new")
        self.run_cli("path", "set", "b1", "admin", "up")
        self.cli("apply", self.write("document.json", DOCUMENT), "--wait")

    def test_apply(self):
        file = self.write("document.json", DOCUMENT)
        self.assertIn("nothing to change", self.cli("apply", file).stdout)
        more = dict(DOCUMENT, sites=DOCUMENT["sites"] + [{"name": "gw-c"}])
        dry = self.cli("apply", "--dry-run", "-", stdin=json.dumps(more)).stdout
        self.assertIn("+ site gw-c", dry)
        self.assertIn("nothing was changed", dry)
        self.cli("site", "show", "gw-c", code=REFUSED)
        before = self.json("get")["generation"]
        self.assertEqual(self.json("apply", self.write("more.json", more))["generation"], before + 1)
        self.cli("apply", "--if-generation", str(before), file, code=REFUSED)
        self.assertIn("- site gw-c", self.cli("apply", "--dry-run", file).stdout)
        self.cli("apply", "--wait", file)

    def test_apply_mistakes(self):
        self.cli("apply", "/nonexistent", code=USAGE)
        self.assertIn("line 1", self.cli("apply", self.write("x", "{"), code=USAGE).stderr)
        self.cli("apply", self.write("x", "[]"), code=USAGE)
        self.cli("apply", code=USAGE)
        wrong = dict(DOCUMENT, routes=[dict(DOCUMENT["routes"][0], prefix="10.2.0.1/16")])
        refusal = self.cli("apply", self.write("x", wrong), code=REFUSED).stderr
        self.assertIn('at /document/routes/0/prefix = "10.2.0.1/16"', refusal)
        self.assertIn("no bits behind its length", refusal)
        error = json.loads(self.run_cli("apply", self.write("x", wrong), "--json").stdout)
        self.assertEqual(error["error"]["data"]["reason"], "host-bits")

    def test_get_can_be_applied_again(self):
        document = self.cli("get").stdout
        self.assertEqual(json.loads(document), self.json("get")["document"])
        self.assertIn("nothing to change", self.cli("apply", "-", stdin=document).stdout)

    def test_wait(self):
        generation = self.json("get")["generation"]
        self.assertIn("is live", self.cli("wait", str(generation)).stdout)
        self.assertGreaterEqual(self.json("wait", str(generation))["live_generation"], generation)
        self.cli("wait", str(generation + 1000), code=REFUSED)
        self.cli("wait", "soon", code=USAGE)
        self.cli("wait", "-3", code=USAGE)

    def test_paths(self):
        self.cli("path", "add", "new", "--site", "gw-b", "--port", "bb1", "--local",
                 "10.1.0.5/30", "--remote", "10.1.0.6", "--weight", "3", "--wait")
        path = self.json("path", "show", "new")
        self.assertEqual((path["owner"], path["weight"]), ("cli", 3))
        self.cli("path", "set", "new", "admin", "down", "mtu", "1400", "--wait")
        path = self.json("path", "show", "new")
        self.assertEqual((path["admin"], path["mtu"], path["weight"]), ("down", 1400, 3))
        states = {p["name"]: p for p in self.json("show", "paths")["paths"]}
        self.assertIn("admin", states["new"]["objections"])
        self.assertFalse(states["new"]["live"])
        self.assertIn("NOT USED", self.cli("show", "paths").stdout)
        # What a document holds stays the document's.
        self.cli("path", "set", "b1", "admin", "down")
        self.assertEqual(self.json("path", "show", "b1")["owner"], "document")
        self.cli("path", "delete", "new")
        self.cli("path", "delete", "new", code=REFUSED)
        self.cli("path", "set", "b1", "colour", "red", code=USAGE)
        self.cli("path", "set", "b1", "mtu", code=USAGE)
        self.cli("path", "set", "b1", "mtu", "much", code=USAGE)

    def test_connections_and_attachments(self):
        self.cli("connection", "add", "new", "--vni", "77", "--endpoint", "gw-b,vni=78",
                 "--dscp", "46", "--mss-clamp", "1380")
        connection = self.json("connection", "show", "new")
        self.assertEqual(connection["dscp"], {"mode": "pipe", "value": 46})
        self.assertEqual(connection["endpoints"][0]["vni"], 78)
        self.cli("attachment", "add", "new", "--connection", "new", "--port", "cust", "--vlan",
                 "0x8100:200.7", "--address", "10.0.0.1/30", "--address", "fd00::1/64")
        attachment = self.json("attachment", "show", "new")
        self.assertEqual([t["vlan"] for t in attachment["tags"]], [200, 7])
        self.assertEqual(len(attachment["addresses"]), 2)
        self.cli("attachment", "set", "new", "source-check", "strict")
        self.assertEqual(self.json("attachment", "show", "new")["source_check"], "strict")
        self.cli("connection", "set", "new", "bandwidth-mbps", "500")
        clash = self.cli("attachment", "add", "other", "--connection", "new", "--port", "cust",
                         "--vlan", "1101", "--address", "10.0.1.1/30", code=REFUSED).stderr
        self.assertIn("show attachments", clash)
        still = self.cli("connection", "delete", "new", code=REFUSED).stderr
        self.assertIn("Remove what names it first", still)
        self.cli("attachment", "delete", "new")
        self.cli("connection", "delete", "new")

    def test_routes(self):
        self.cli("route", "add", "acme", "10.3.0.0/16", "10.4.0.0/16", "via", "acme-1",
                 "169.254.1.2", "--wait")
        self.cli("route", "add", "acme", "10.66.0.0/16", "blackhole", "--preference", "7")
        routes = {r["prefix"]: r for r in self.json("show", "routes", "acme")}
        self.assertEqual(set(routes), {"10.2.0.0/16", "10.3.0.0/16", "10.4.0.0/16",
                                       "10.66.0.0/16"})
        self.assertEqual(routes["10.66.0.0/16"]["preference"], 7)
        self.assertEqual(len(self.json("show", "routes")), 4)
        self.assertIn("via acme-1 169.254.1.2", self.cli("show", "routes").stdout)
        found = self.json("lookup", "acme", "10.3.9.9")
        self.assertEqual(found["prefix"], "10.3.0.0/16")
        self.assertFalse(self.json("lookup", "acme", "192.0.2.1")["found"])
        self.assertIn("via site gw-b", self.cli("lookup", "acme", "10.2.1.1").stdout)
        self.cli("lookup", "nobody", "10.2.1.1", code=REFUSED)
        self.cli("lookup", "acme", code=USAGE)
        self.cli("route", "delete", "acme", "10.3.0.0/16", "10.4.0.0/16", "10.66.0.0/16")
        self.cli("route", "delete", "acme", "10.3.0.0/16", code=REFUSED)
        self.cli("route", "add", "acme", "10.3.0.0/16", "via", code=USAGE)
        self.cli("route", "add", "acme", "via", "site", "gw-b", code=USAGE)

    def test_routes_of_many_pages(self):
        prefixes = [f"10.8.{i // 4}.{i % 4 * 64}/26" for i in range(700)]
        self.cli("route", "add", "acme", *prefixes, "blackhole", "--wait")
        self.assertEqual(len(self.json("show", "routes", "acme")), 701)
        self.cli("route", "delete", "acme", *prefixes)

    def test_show(self):
        for what in ("ports", "workers", "connections", "attachments", "paths", "drops", "rings"):
            with self.subTest(what):
                self.assertIn(what, self.json("show", what))
                self.assertNotEqual(self.cli("show", what, "--interval", "0.1").stdout, "")
        self.assertIn("entries", self.json("show", "neighbours")["neighbours"])
        self.assertIn("10.1.0.2", self.cli("show", "neighbours").stdout)
        self.assertEqual([s["name"] for s in self.json("show", "sites")], ["gw-b"])
        self.assertIn("b1", self.cli("show", "sites").stdout)
        overview = self.cli("show", "--interval", "0").stdout
        for word in ("PORT", "WORKER", "PATH", "CONNECTION", "acme"):
            self.assertIn(word, overview)
        self.assertIn("generation", self.json("show"))
        one = self.json("show", "connections", "acme")["connections"]
        self.assertEqual([c["name"] for c in one], ["acme"])
        self.assertNotEqual(one[0]["conserved"], "false")
        self.cli("show", "connections", "nobody", code=REFUSED)
        self.cli("show", "--interval", "long", code=USAGE)

    def places(self):
        return self.json("show", "rings", "--interval", "0")["places"]

    def port(self, name):
        return next(p for p in self.places()["ports"] if p["name"] == name)

    def test_workers(self):
        """Flows, queues and workers are moved, and brought back as the boot file says."""
        begin = self.places()
        self.assertEqual(([0, 1], [0], [256, 256]),
                         tuple(self.port("cust")[k] for k in ("receive", "transmit", "buckets")))
        self.cli("rings", "spread", "cust", "1", "3")
        self.assertEqual([128, 384], self.port("cust")["buckets"])
        self.assertIn("28 buckets", self.cli("rings", "move", "cust", "28", "0", "1").stdout)
        self.assertEqual([100, 412], self.port("cust")["buckets"])
        self.cli("queue", "move", "cust", "receive", "0", "1")
        self.cli("queue", "move", "cust", "transmit", "0", "1")
        self.assertEqual(([1, 1], [1]), tuple(self.port("cust")[k] for k in ("receive", "transmit")))
        self.cli("worker", "remove", "1")
        self.assertEqual(([0, 0], [0], [512, 0]),
                         tuple(self.port("cust")[k] for k in ("receive", "transmit", "buckets")))
        self.assertEqual([True, False], [w["in_service"] for w in self.places()["workers"]])
        shown = self.cli("show", "rings", "--interval", "0.1").stdout
        for word in ("SERVICE", "out", "BUCKETS", "cust"):
            self.assertIn(word, shown)
        self.cli("worker", "remove", "0", code=REFUSED)
        self.cli("rings", "spread", "cust", "1", "1", code=REFUSED)
        self.cli("queue", "move", "cust", "receive", "0", "1", code=REFUSED)
        self.cli("worker", "add", "1")
        self.assertEqual(begin, self.places())

    def test_flows(self):
        self.assertEqual((128, []), tuple(self.json("show", "flows", "--count", "3")[k]
                                          for k in ("sampled_one_in", "flows")))
        self.assertIn("no traffic", self.cli("show", "flows", "acme", "--order", "packets").stdout)
        self.cli("show", "flows", "nobody", code=REFUSED)
        self.cli("show", "flows", "--order", "size", code=REFUSED)
        self.cli("show", "flows", "--count", "65", code=REFUSED)
        self.cli("show", "flows", "--count", "few", code=USAGE)

    def test_worker_mistakes(self):
        for words in (("rings", "spread", "bb1", "1", "1"), ("rings", "spread", "none", "1", "1"),
                      ("rings", "spread", "cust", "1"), ("rings", "spread", "cust", "0", "0"),
                      ("rings", "move", "cust", "1", "0", "2"), ("worker", "remove", "2"),
                      ("queue", "move", "cust", "receive", "2", "0"),
                      ("queue", "move", "cust", "sideways", "0", "0")):
            with self.subTest(words):
                self.cli(*words, code=REFUSED)
        self.cli("rings", "spread", "cust", "one", code=USAGE)
        self.cli("worker", "add", code=USAGE)

    def test_info_and_stats(self):
        self.assertEqual(self.json("info")["workers"], 2)
        self.assertIn("generation", self.cli("info").stdout)
        self.assertIn("control", self.json("stats"))
        self.assertIn("WORKER", self.cli("stats", "--interval", "0").stdout)
        lines = self.cli("stats", "--watch", "0.2", "--count", "2", "--json").stdout.splitlines()
        updates = [json.loads(line) for line in lines]
        self.assertEqual([u["full"] for u in updates], [True, False, False])
        self.assertGreater(updates[1]["elapsed_ns"], 100_000_000)
        turns = [u["workers"][0]["turns"] for u in updates]
        self.assertLess(turns[1], turns[0] + turns[1])
        self.assertIn("WORKER", self.cli("stats", "--watch", "0.2", "--count", "1").stdout)
        self.cli("stats", "--watch", "--count", "none", code=USAGE)

    def test_help_is_there_for_everything(self):
        listing = self.cli("--help").stdout
        names = [line[2:24].strip() for line in
                 listing.split("Commands:\n")[1].split("\n\n")[0].splitlines()]
        self.assertGreater(len(names), 30)
        for name in names:
            with self.subTest(name):
                text = self.cli(*name.split(), "--help").stdout
                self.assertIn(f"usage: trunkline {name}", text)
                self.assertIn("--socket", text)
        self.cli("path", "--help")

    def test_exit_codes(self):
        self.cli("fly", code=USAGE)
        self.cli("show", "--colour", code=USAGE)
        self.assertEqual(self.run_cli().returncode, USAGE)
        nobody = self.cli("show", code=UNREACHABLE, run_dir="/nonexistent").stderr
        self.assertIn("Is trunklined running?", nobody)
        # A socket that nobody listens on any more.
        dead = os.path.join(self.directory, "dead")
        os.makedirs(dead, exist_ok=True)
        with socket.socket(socket.AF_UNIX) as once:
            once.bind(os.path.join(dead, "control.sock"))
        self.cli("info", code=UNREACHABLE, run_dir=dead)
        environment = dict(os.environ, TRUNKLINE_RUN_DIR=self.run_dir)
        self.assertEqual(subprocess.run([TRUNKLINE, "info"], env=environment,
                                        capture_output=True).returncode, OK)

    def test_metrics(self):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(os.path.join(self.run_dir, "stats.sock"))
            client.sendall(b"metrics\n")
            text = b""
            while not text.endswith(b"# EOF\n"):
                piece = client.recv(65536)
                self.assertTrue(piece, "closed before the end mark")
                text += piece
        families = openmetrics.parse(text.decode())
        self.assertEqual(families["trunkline_connections"], [("", {}, 1.0)])
        with open(os.path.join(ROOT, "docs", "metrics.md"), encoding="utf-8") as file:
            documented = file.read()
        for name, samples in families.items():
            self.assertIn(f"`{name}{'_info' if name == 'trunkline' else samples[0][0]}`", documented)


if __name__ == "__main__":
    unittest.main()
