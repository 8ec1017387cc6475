#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What routes cost where they come in: install through the control socket, the time until all
workers have them, replay after kill -9, and memory. A gateway on a null port, without hugepages;
needs no root.

    bench_install.py [--json FILE] [--seconds N | --smoke] [--routes N] [--runs N] [--state DIR]
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "net"))

from lab import wait_until  # noqa: E402
from test_install import PER_REQUEST, groups, prefixes  # noqa: E402
from test_kill import Daemon  # noqa: E402

LIMITS = {"connections": 4096, "attachments": 4096, "endpoints": 4096, "sites": 64, "paths": 256,
          "routes": 2000000, "neighbours": 4096}
TIMEOUT = 300  # seconds, for one answer


class Figures:
    """Samples by name, as the records of a benchmark."""

    def __init__(self):
        self.samples = {}

    def add(self, name, unit, value, **params):
        key = (name, unit, json.dumps(params, sort_keys=True))
        self.samples.setdefault(key, []).append(value)

    def records(self):
        return [{"name": name, "unit": unit, "median": round(statistics.median(values), 6),
                 "min": round(min(values), 6), "max": round(max(values), 6), "runs": len(values),
                 "params": json.loads(params)}
                for (name, unit, params), values in self.samples.items()]

    def table(self):
        for record in self.records():
            params = " ".join(f"{k}={v}" for k, v in record["params"].items())
            print(f"{record['name']:<28} {record['median']:>14,.6g} {record['unit']:<9} "
                  f"{record['min']:,.6g} .. {record['max']:,.6g}  {params}")


def resident_bytes(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("Rss:"))


class Bench:
    def __init__(self, options, figures, directory):
        self.options = options
        self.figures = figures
        self.directory = directory
        self.number = 0

    def daemon(self, state=None):
        """A gateway whose state lies in the given directory; started, with a client."""
        self.number += 1
        directory = os.path.join(self.directory, str(self.number))
        os.mkdir(directory)
        if state:
            state = tempfile.mkdtemp(prefix="trunkline-bench-", dir=state)
        daemon = Daemon(directory, f"bench{self.number}-{os.getpid()}", state=state, limits=LIMITS)
        self.started = daemon
        daemon.start()
        return daemon, self.client(daemon)

    @staticmethod
    def client(daemon):
        client = daemon.client()
        client.socket.settimeout(TIMEOUT)
        return client

    @staticmethod
    def end(daemon):
        daemon.stop()
        shutil.rmtree(daemon.config["state_dir"], ignore_errors=True)

    def install(self, form):
        """All routes in requests of the largest size; then the same again after kill -9."""
        connections = 1 if form == "one" else 100
        objects = form == "objects"
        routes = self.options.routes // 5 if objects else self.options.routes
        params = {"routes": routes, "connections": connections,
                  "form": "object" if objects else "array"}
        daemon, client = self.daemon()
        client.call("config.apply", document={
            "connections": [{"name": f"c{i}", "vni": i + 1} for i in range(connections)]})
        every = prefixes(routes)
        part = min(PER_REQUEST // (5 if objects else 1), routes)
        lines = [self.line(every[at:at + part], connections, objects)
                 for at in range(0, routes, part)]
        empty = resident_bytes(daemon.process.pid)
        begin = time.monotonic()
        for line in lines:
            client.socket.sendall(line)
            answer = json.loads(client.file.readline())
            if "error" in answer:
                raise RuntimeError(answer["error"])
        answered = time.monotonic()
        client.call("generation.wait", generation=answer["result"]["generation"])
        live = time.monotonic()
        self.figures.add("install/answered", "s", answered - begin, **params)
        self.figures.add("install/live", "s", live - begin, **params)
        self.figures.add("install/rate", "routes/s", routes / (live - begin), **params)
        # The publisher clears up behind itself; those turns count too.
        time.sleep(0.3)
        loop = client.call("system.info")["loop"]["busy"]
        resident = resident_bytes(daemon.process.pid)
        self.figures.add("install/longest_turn", "ms", loop["max_ns"] / 1e6, **params)
        self.figures.add("install/turns_over_5ms", "turns", loop["over_5ms"], **params)
        self.figures.add("install/resident", "MiB", resident / (1 << 20), **params)
        if not objects:
            self.figures.add("memory/route", "bytes", (resident - empty) / routes, **params)
            self.replay(daemon, params)
        self.end(daemon)

    @staticmethod
    def line(part, connections, objects):
        routes = groups(part, connections)
        if objects:
            routes = [{"connection": g["connection"], "via": g["via"], "prefix": prefix}
                      for g in routes for prefix in g["prefixes"]]
        return json.dumps({"jsonrpc": "2.0", "id": 1, "method": "route.put",
                           "params": {"owner": "feed", "routes": routes}}).encode() + b"\n"

    def replay(self, daemon, params):
        daemon.kill()
        begin = time.monotonic()
        daemon.process = daemon.launch()
        wait_until(daemon.ready, TIMEOUT, "the gateway to be ready", 0.005)
        self.figures.add("install/replay", "s", time.monotonic() - begin, **params)
        loop = self.client(daemon).call("system.info")["loop"]["busy"]
        self.figures.add("install/replay_longest_turn", "ms", loop["max_ns"] / 1e6, **params)

    def latency(self, where, state):
        """From sending the request until generation.wait has answered: live on all workers."""
        daemon, client = self.daemon(state)
        client.call("config.apply", document={"connections": [{"name": "c0", "vni": 1}]})
        # A table of some size around what changes.
        client.call("route.put", owner="feed", routes=groups(prefixes(20000), 1))
        for count, repeats in ((1, 20 * self.options.runs), (10000, self.options.runs)):
            for i in range(repeats):
                some = [f"250.{i % 250}.{n >> 8}.{n & 255}/32" for n in range(count)]
                put = self.line(some, 1, False)
                time.sleep(0.005)
                begin = time.monotonic()
                client.socket.sendall(put)
                answer = json.loads(client.file.readline())
                answered = time.monotonic()
                client.call("generation.wait", generation=answer["result"]["generation"])
                live = time.monotonic()
                params = {"routes": count, "state": where}
                self.figures.add("install/request_answered", "ms", (answered - begin) * 1e3,
                                 **params)
                self.figures.add("install/request_live", "ms", (live - begin) * 1e3, **params)
                client.call("route.delete", owner="feed",
                            routes=[{"connection": "c0", "prefixes": some}])
        self.visible(daemon, client, where)
        journal = client.call("system.info")["journal"]
        self.figures.add("install/sync_max", "ms", journal["sync_max_ns"] / 1e6, state=where)
        self.end(daemon)

    def visible(self, daemon, client, where):
        """Workers need not wait for the disk, only the answer does: seen from beside."""
        watcher = self.client(daemon)
        for i in range(20 * self.options.runs):
            wanted = watcher.call("system.info")["generation"] + 1
            put = self.line([f"251.0.{i >> 8}.{i & 255}/32"], 1, False)
            time.sleep(0.005)
            begin = time.monotonic()
            client.socket.sendall(put)
            while watcher.call("system.info")["live_generation"] < wanted:
                pass
            self.figures.add("install/request_visible", "ms", (time.monotonic() - begin) * 1e3,
                             routes=1, state=where)
            client.file.readline()
        watcher.close()

    def memory(self, connections, routes):
        """Resident bytes per connection with so many routes."""
        daemon, client = self.daemon()
        before = resident_bytes(daemon.process.pid)
        for at in range(0, connections, 256):
            document = {"connections": [{"name": f"c{i}", "vni": i + 1}
                                        for i in range(min(at + 256, connections))]}
            generation = client.call("config.apply", document=document)["generation"]
        some = prefixes(routes)
        step = max(1, PER_REQUEST // max(routes, 1))
        for at in range(0, connections if routes else 0, step):
            generation = client.call("route.put", owner="feed", routes=[
                {"connection": f"c{i}", "via": {"blackhole": True}, "prefixes": some}
                for i in range(at, min(at + step, connections))])["generation"]
        client.call("generation.wait", generation=generation)
        time.sleep(0.3)
        after = resident_bytes(daemon.process.pid)
        self.figures.add("memory/connection", "bytes", (after - before) / connections,
                         connections=connections, routes=routes)
        self.end(daemon)

    def run(self):
        for _ in range(self.options.runs):
            for form in ("one",) if self.options.smoke else ("one", "hundred", "objects"):
                self.install(form)
        self.latency("tmpfs", "/dev/shm" if os.path.isdir("/dev/shm") else None)
        if not self.options.smoke:
            self.latency("disk", self.options.state)
        many = 64 if self.options.smoke else 1024
        for connections, routes in ((4 * many, 0), (4 * many, 10), (many // 2, 1000)):
            if not (self.options.smoke and routes == 1000):
                self.memory(connections, routes)


def parse():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", metavar="FILE", help="write the records there")
    parser.add_argument("--smoke", action="store_true", help="a second or two, for figures of none")
    parser.add_argument("--seconds", type=float, metavar="N",
                        help="about so long; fewer than 20 is the small form")
    parser.add_argument("--routes", type=int, metavar="N", help="to install (default 1000000)")
    parser.add_argument("--runs", type=int, metavar="N", help="of each install (default 3)")
    parser.add_argument("--state", metavar="DIR", default=os.path.expanduser("~"),
                        help="on the disk to be measured (default: home)")
    options = parser.parse_args()
    if options.seconds is not None and options.seconds < 20:
        options.smoke = True
    options.routes = options.routes or (20000 if options.smoke else 1000000)
    if options.runs is None:
        options.runs = 1 if options.smoke else max(1, min(5, int((options.seconds or 90) / 30)))
    return options


def main():
    options = parse()
    figures = Figures()
    directory = tempfile.mkdtemp(prefix="trunkline-bench-")
    bench = Bench(options, figures, directory)
    try:
        bench.run()
    finally:
        if getattr(bench, "started", None):
            bench.started.stop()
        shutil.rmtree(directory, ignore_errors=True)
    figures.table()
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(figures.records(), file, indent=1)
            file.write("\n")


if __name__ == "__main__":
    main()
