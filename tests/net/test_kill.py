#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What was acknowledged is there after the worst: kill -9, a full disk, a damaged journal."""

import contextlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from gateway import TRUNKLINED, Client, RpcError, boot  # noqa: E402
from lab import program, wait_until  # noqa: E402

KILLS = int(os.environ.get("TRUNKLINE_KILLS", "50"))
SEED = int(os.environ.get("TRUNKLINE_SEED", str(random.randrange(1 << 32))))
STORAGE = -32004


class Daemon:
    """A gateway on null ports: nothing but control is under test, and no namespace is needed."""

    def __init__(self, directory, name, state=None, **more):
        self.config = boot(name, directory, {"p": "null:receive=off"}, **more)
        self.config["memory"] = {"hugepages": "off", "megabytes": 96, "buffers": 4096}
        # More than a fast machine installs while the test runs.
        self.config["limits"]["routes"] = 2000000
        if state:
            self.config["state_dir"] = state
        self.file = os.path.join(directory, f"{name}.json")
        self.log = os.path.join(directory, f"{name}.log")
        self.process = None
        with open(self.file, "w", encoding="utf-8") as file:
            json.dump(self.config, file)

    def launch(self):
        with open(self.log, "w", encoding="utf-8") as log:
            return subprocess.Popen([program(TRUNKLINED), "-c", self.file], stderr=log,
                                    stdout=log)

    def start(self):
        self.process = self.launch()
        wait_until(self.ready, 30, "the gateway to be ready")
        return self

    def ready(self):
        if self.process.poll() is not None:
            raise AssertionError(f"ended with {self.process.returncode}: {self.read_log()}")
        with contextlib.suppress(OSError):
            self.client().close()
            return True
        return False

    def read_log(self):
        with open(self.log, encoding="utf-8") as log:
            return log.read()

    def path(self):
        return os.path.join(self.config["run_dir"], "control.sock")

    def state(self, name):
        return os.path.join(self.config["state_dir"], name)

    def client(self):
        return Client(self.path())

    def call(self, method, **params):
        client = self.client()
        try:
            return client.call(method, **params)
        finally:
            client.close()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                return self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                raise
        return self.process.returncode if self.process else None


def document(number):
    """Says its number in every object, so that a part of one and a part of another would show."""
    name = f"c{number}"
    return {"connections": [{"name": name, "vni": number + 1}],
            "attachments": [{"name": f"a{number}", "connection": name, "port": "p",
                             "tags": [{"type": "0x8100", "vlan": number % 4000 + 1}],
                             "addresses": ["192.0.2.1/24"]}],
            "routes": [{"connection": name, "via": {"blackhole": True},
                        "prefixes": [f"10.{number >> 8 & 255}.{number & 255}.{16 * i}/28"
                                     for i in range(16)]}]}


def number_of(found):
    """The document that the state is, None for the empty state; fails for a mixture."""
    if not found["connections"]:
        assert not found["attachments"] and not found["routes"], found
        return None
    number = found["connections"][0]["vni"] - 1
    wanted = document(number)
    prefixes = sorted(p for r in found["routes"] for p in r["prefixes"])
    assert [c["name"] for c in found["connections"]] == [f"c{number}"], found
    assert [a["name"] for a in found["attachments"]] == [f"a{number}"], found
    assert prefixes == sorted(wanted["routes"][0]["prefixes"]), found
    return number


def group(number):
    return {"connection": "base", "via": {"blackhole": True},
            "prefixes": [f"172.{16 + (number >> 12)}.{number >> 4 & 255}.{(number & 15) * 16 + i}/32"
                         for i in range(16)]}


class Storm:
    """Requests one behind the other without waiting, numbered on from `first`; answers noted."""

    def __init__(self, daemon, first, request):
        self.client = daemon.client()
        self.request = request
        self.sent = self.acknowledged = first - 1
        self.refused = None
        self.over = False
        self.threads = [threading.Thread(target=t, daemon=True) for t in (self.send, self.read)]
        for thread in self.threads:
            thread.start()

    def send(self):
        with contextlib.suppress(OSError):
            while not self.over:
                number = self.sent + 1
                if number - self.acknowledged > 32:
                    time.sleep(0.0005)
                    continue
                method, params = self.request(number)
                line = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
                self.sent = number
                self.client.socket.sendall(json.dumps(line).encode() + b"\n")

    def read(self):
        with contextlib.suppress(OSError, ValueError):
            while line := self.client.file.readline():
                answer = json.loads(line)
                # The first that is wrong tells why; what follows it only follows.
                if "error" in answer:
                    self.refused = self.refused or answer
                elif answer["id"] != self.acknowledged + 1:
                    self.refused = self.refused or (
                        f"{answer['id']} acknowledged after {self.acknowledged}")
                else:
                    self.acknowledged = answer["id"]

    def finish(self):
        self.over = True
        for thread in self.threads:
            thread.join(10)
        self.client.close()


class KillTest(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="trunkline-kill-")
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.random = random.Random(SEED)

    def daemon(self, name="kill", **more):
        daemon = Daemon(self.directory, f"{name}-{os.getpid()}", **more)
        self.addCleanup(daemon.stop)
        return daemon

    def storm_and_kill(self, daemon, first, request):
        """Numbers (acknowledged, sent) when it was killed; it runs again afterwards."""
        storm = Storm(daemon, first, request)
        time.sleep(self.random.uniform(0.005, 0.15))
        daemon.kill()
        storm.finish()
        self.assertIsNone(storm.refused)
        daemon.start()
        return storm.acknowledged, storm.sent

    def test_documents(self):
        daemon = self.daemon("documents").start()
        first, moved = 0, 0
        for i in range(KILLS // 2):
            acknowledged, sent = self.storm_and_kill(
                daemon, first, lambda n: ("config.apply", {"document": document(n)}))
            found = number_of(daemon.call("config.get")["document"])
            found = first - 1 if found is None else found
            self.assertTrue(acknowledged <= found <= sent,
                            f"kill {i}, seed {SEED}: {acknowledged} acknowledged, {sent} sent, "
                            f"{found} found")
            moved += acknowledged - first + 1
            first = found + 1
        self.assertGreater(moved, KILLS, "the storm was none")
        self.assertEqual(daemon.stop(), 0)

    def test_growing_state(self):
        """Nothing is replaced: each request adds a group of routes, checkpoints are written."""
        daemon = self.daemon("growing").start()
        daemon.call("config.apply", document={"connections": [{"name": "base", "vni": 1}]})
        first = 0
        for i in range(KILLS - KILLS // 2):
            acknowledged, sent = self.storm_and_kill(
                daemon, first, lambda n: ("route.put", {"owner": "feed", "routes": [group(n)]}))
            routes = daemon.call("config.get", owner="feed")["document"]["routes"]
            found = {p for r in routes for p in r["prefixes"]}
            count = len(found) // 16
            self.assertEqual(found, {p for n in range(count) for p in group(n)["prefixes"]},
                             f"kill {i}, seed {SEED}")
            self.assertTrue(acknowledged <= count - 1 <= sent,
                            f"kill {i}, seed {SEED}: {acknowledged}, {count - 1}, {sent}")
            first = count
        self.assertEqual(daemon.stop(), 0)

    def test_checkpoints_bound_the_files(self):
        daemon = self.daemon("bounded").start()
        for number in range(1500):
            daemon.call("config.apply", document=document(number))
        journal = daemon.call("system.info")["journal"]
        self.assertGreater(journal["checkpoints"], 0)
        self.assertLess(journal["log_bytes"] + journal["checkpoint_bytes"], 600000)
        daemon.kill()
        daemon.start()
        self.assertEqual(number_of(daemon.call("config.get")["document"]), 1499)

    def test_full_disk(self):
        if os.geteuid() != 0:
            self.skipTest("mounting a small tmpfs needs root")
        state = os.path.join(self.directory, "small")
        os.mkdir(state)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", state], check=True)
        self.addCleanup(subprocess.run, ["umount", state], check=False)
        daemon = self.daemon("full", state=state)
        # Undone in reverse order: the gateway ends before its file system goes.
        daemon.start()
        daemon.call("config.apply", document={"connections": [{"name": "base", "vni": 1}]})
        with open(os.path.join(state, "filler"), "wb") as filler:
            filler.write(b"x" * 120000)
        number = 0
        with self.assertRaises(RpcError) as refusal:
            while True:
                daemon.call("route.put", owner="feed", routes=[group(number)])
                number += 1
        self.assertEqual(refusal.exception.code, STORAGE)
        self.assertIn("nothing was changed", str(refusal.exception))
        generation = daemon.call("system.info")["generation"]
        self.assertEqual(generation, number + 1)
        os.unlink(os.path.join(state, "filler"))
        daemon.call("route.put", owner="feed", routes=[group(number)])
        daemon.kill()
        daemon.start()
        routes = daemon.call("config.get", owner="feed")["document"]["routes"]
        self.assertEqual({p for r in routes for p in r["prefixes"]},
                         {p for n in range(number + 1) for p in group(n)["prefixes"]})

    def test_damaged_journal(self):
        daemon = self.daemon("damaged").start()
        for number in range(10):
            daemon.call("config.apply", document=document(number))
        daemon.kill()
        log = daemon.state("log")
        with open(log, "r+b") as file:
            content = file.read()
            at = content.index(b'"c4"')
            file.seek(at)
            file.write(b'"c5"')
        process = daemon.launch()
        self.assertEqual(process.wait(30), 5)
        said = daemon.read_log()
        self.assertIn(log, said)
        command = re.search(r"'(truncate -s (\d+) [^']*)'", said)
        self.assertTrue(command, said)
        self.assertLess(int(command.group(2)), at)
        with open(log, "rb") as file:
            self.assertIn(b'"c9"', file.read(), "a refusal must not touch the file")
        subprocess.run(command.group(1).split(), check=True)
        daemon.start()
        self.assertEqual(number_of(daemon.call("config.get")["document"]), 3)

    def test_torn_record(self):
        daemon = self.daemon("torn").start()
        for number in range(3):
            daemon.call("config.apply", document=document(number))
        daemon.kill()
        with open(daemon.state("log"), "r+b") as file:
            at = file.read().index(b'"c2"')
            file.truncate(at)
        daemon.start()
        self.assertIn("dropped", daemon.read_log())
        self.assertEqual(number_of(daemon.call("config.get")["document"]), 1)
        daemon.call("config.apply", document=document(7))
        daemon.kill()
        daemon.start()
        self.assertEqual(number_of(daemon.call("config.get")["document"]), 7)

    def test_one_gateway_per_directory(self):
        daemon = self.daemon("first").start()
        second = self.daemon("second")
        process = second.launch()
        self.assertEqual(process.wait(30), 4)
        self.assertIn(f"pid {daemon.process.pid}", second.read_log())
        self.assertEqual(daemon.stop(), 0)
        self.assertFalse(os.path.exists(daemon.path()))

    def test_two_gateways_side_by_side(self):
        os.mkdir(os.path.join(self.directory, "other"))
        one = self.daemon("one").start()
        two = Daemon(os.path.join(self.directory, "other"), f"two-{os.getpid()}")
        self.addCleanup(two.stop)
        two.start()
        one.call("config.apply", document=document(1))
        two.call("config.apply", document=document(2))
        self.assertEqual(number_of(one.call("config.get")["document"]), 1)
        self.assertEqual(number_of(two.call("config.get")["document"]), 2)

    def test_audit_log(self):
        daemon = self.daemon("audit").start()
        daemon.call("config.apply", document=document(1), owner="ops")
        with self.assertRaises(RpcError):
            daemon.call("config.apply", document={"cheese": []})
        daemon.call("config.get")
        with open(daemon.state("audit.log"), encoding="utf-8") as file:
            lines = [json.loads(line) for line in file]
        self.assertEqual(len(lines), 2)
        self.assertEqual([line["result"] for line in lines], ["ok", "refused"])
        self.assertEqual([line["method"] for line in lines], ["config.apply"] * 2)
        self.assertEqual(lines[0]["owner"], "ops")
        self.assertEqual(lines[0]["generation"], 1)
        self.assertEqual(lines[0]["uid"], os.geteuid())
        self.assertEqual(lines[0]["pid"], os.getpid())


if __name__ == "__main__":
    unittest.main(verbosity=2)
