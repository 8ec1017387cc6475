# SPDX-License-Identifier: BSD-3-Clause
"""A trunklined in a namespace: boot file, sockets, operator's commands, and its own bookkeeping."""

import copy
import json
import os
import signal
import socket
import time

from lab import LabError, program, run, wait_until

TRUNKLINED = "control/trunklined"
TRUNKLINE = "control/cli/trunkline"


def device(interface):
    """The device string of a test's port; TRUNKLINE_TEST_DEVICE chooses the kind."""
    kind = os.environ.get("TRUNKLINE_TEST_DEVICE", "af_packet")
    # Room for as long as a busy machine may let a worker wait.
    return f"{kind}:{interface}" + (",frames=4096" if kind == "af_packet" else "")


class RpcError(Exception):
    def __init__(self, method, error):
        super().__init__(f"{method}: {error.get('message')} {error.get('data', '')}")
        self.code = error.get("code")
        self.field = (error.get("data") or {}).get("field")


class Client:
    """JSON-RPC 2.0 over a Unix socket, one object a line."""

    def __init__(self, path, timeout=20.0):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        try:
            self.socket.connect(path)
        except OSError:
            self.socket.close()
            raise
        self.file = self.socket.makefile("rb")
        self.number = 0

    def close(self):
        self.file.close()
        self.socket.close()

    def call(self, method, **params):
        self.number += 1
        request = {"jsonrpc": "2.0", "id": self.number, "method": method, "params": params}
        self.socket.sendall(json.dumps(request).encode() + b"\n")
        while True:
            line = self.file.readline()
            if not line:
                raise LabError(f"{method}: the gateway closed the connection")
            answer = json.loads(line)
            if answer.get("id") == self.number:
                break
        if "error" in answer:
            raise RpcError(method, answer["error"])
        return answer["result"]


def boot(name, directory, ports, **more):
    """A boot file's content; ports: {name: device} or {name: {device, mtu, ...}}."""
    listed = []
    for port, what in ports.items():
        listed.append({"name": port, **(what if isinstance(what, dict) else {"device": what})})
    content = {
        "name": name, "run_dir": f"{directory}/run", "state_dir": f"{directory}/state",
        "ports": listed,
        "workers": {"count": 1, "idle": "adaptive", "idle_sleep_us": 50},
        "memory": {"hugepages": "off", "megabytes": 256, "buffers": 16384},
        "limits": {"connections": 64, "attachments": 256, "endpoints": 256, "sites": 16,
                   "paths": 64, "routes": 100000, "neighbours": 4096},
    }
    content.update(more)
    return content


class Gateway:
    """Starts trunklined in `namespace`; `config` is a boot file's content or its name."""

    def __init__(self, namespace, config, timeout=30.0, valgrind=()):
        self.namespace = namespace
        if isinstance(config, str):
            self.file = config
            with open(config, encoding="utf-8") as file:
                self.config = json.load(file)
        else:
            self.config = copy.deepcopy(config)
            self.file = namespace.lab.path(f"{self.config['name']}.json")
            with open(self.file, "w", encoding="utf-8") as file:
                json.dump(self.config, file, indent=2)
        for key in ("run_dir", "state_dir"):
            os.makedirs(self.config[key], exist_ok=True)
        for port in self.config["ports"]:
            kind, _, interface = port["device"].partition(":")
            # The kernel of this namespace must not answer for addresses that are the gateway's.
            if kind in ("af_packet", "af_xdp"):
                namespace.silence(interface.split(",")[0])
        self.wrapper = list(valgrind)
        self.process = None
        self.start(timeout)

    def start(self, timeout=30.0):
        self.process = self.namespace.start(*self.wrapper, program(TRUNKLINED),
                                            "--config", self.file)
        try:
            wait_until(self.answers, timeout, f"{self.config['name']} to answer")
        except LabError as error:
            raise LabError(f"{error}: {self.process.output()[-2000:]}") from error

    def answers(self):
        if not self.process.running():
            raise LabError("trunklined ended")
        try:
            client = Client(self.path("control"), 5)
        except OSError:
            return False
        try:
            client.call("system.info")
        finally:
            client.close()
        return True

    def path(self, which):
        return os.path.join(self.config["run_dir"], f"{which}.sock")

    def call(self, method, **params):
        """One request on the socket that serves the method."""
        client = Client(self.path("stats" if method.startswith("stats.") else "control"))
        try:
            return client.call(method, **params)
        finally:
            client.close()

    def apply(self, document, **more):
        """Applies a document (content or file) and waits until every worker goes by it."""
        if isinstance(document, str):
            with open(document, encoding="utf-8") as file:
                document = json.load(file)
        result = self.call("config.apply", document=document, **more)
        if "generation" in result and not more.get("dry_run"):
            self.call("generation.wait", generation=result["generation"])
        return result

    def cli(self, *arguments, check=True):
        """The operator's command; returns the finished process."""
        return run(program(TRUNKLINE), "--socket", self.config["run_dir"], *arguments,
                   check=check, timeout=30)

    def show(self, what):
        return json.loads(self.cli("show", what, "--json").stdout)

    def stats(self):
        return self.call("stats.get")

    def drops(self):
        """{reason: packets} of the whole gateway; reasons that never happened are absent."""
        return {row["reason"]: row["packets"] for row in self.stats()["drops"]["total"]}

    def unconserved(self):
        """Names of connections whose packets do not add up; those that cannot tell are asked again."""
        for _ in range(20):
            states = {c["name"]: str(c["conserved"]).lower() for c in self.stats()["connections"]}
            if "torn" not in states.values():
                break
            time.sleep(0.05)
        return [name for name, state in states.items() if state != "true"]

    def stop(self, number=signal.SIGTERM):
        return self.process.stop(number, 15)

