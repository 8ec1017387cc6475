# SPDX-License-Identifier: BSD-3-Clause
"""The two programs of a measurement with Pktgen: trunklined and Pktgen, started and ended here."""

import json
import os
import re
import signal
import socket
import subprocess
import termios
import threading
import time

MEBIBYTE = 1 << 20
# Pktgen makes five pools of 24,576 buffers of 10 KiB for each port.
PKTGEN_MEGABYTES = 3072
GATEWAY_MEGABYTES = 256
PORTS = ("cloud", "backbone")


class SessionError(Exception):
    """A program did not do its part."""


class PktgenError(SessionError):
    """Pktgen did not start, or ended early."""


def wait_for(condition, seconds, what):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise SessionError(f"waited {seconds} s for {what}")
        time.sleep(0.05)


def free_hugepages():
    """MiB in free hugepages of the default size that a mounted hugetlbfs can give."""
    with open("/proc/mounts", encoding="ascii", errors="replace") as file:
        if not any(line.split()[2] == "hugetlbfs" for line in file):
            return 0
    with open("/proc/meminfo", encoding="ascii") as file:
        numbers = {k: int(v.split()[0]) for k, v in (line.split(":") for line in file)}
    return numbers.get("HugePages_Free", 0) * numbers.get("Hugepagesize", 0) // 1024


def end(process, number=signal.SIGTERM, seconds=10):
    """Ends a process of ours, the hard way where it does not listen."""
    if process is None or process.poll() is not None:
        return
    process.send_signal(number)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def tail_of(name, lines=8):
    """The last words of a log, without what moves a terminal's cursor."""
    with open(name, encoding="utf-8", errors="replace") as file:
        text = re.sub(r"\x1b(?:\[[0-9;?]*[A-Za-z]|[78])", "\n", file.read())
    kept = [line.strip() for line in text.splitlines() if line.strip()]
    return "\n".join(f"    {line}" for line in kept[-lines:])


class Gateway:
    """A trunklined with the ports cloud and backbone."""

    def __init__(self, program, directory, boot):
        self.log = f"{directory}/trunklined.log"
        self.run_dir = boot["run_dir"]
        for key in ("run_dir", "state_dir"):
            os.makedirs(boot[key], exist_ok=True)
        with open(f"{directory}/gateway.json", "w", encoding="utf-8") as file:
            json.dump(boot, file, indent=1)
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([program, "--config", f"{directory}/gateway.json"],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            wait_for(self.answers, 20, "the gateway's answer")
        except SessionError as error:
            end(self.process)
            raise SessionError(f"{error}:\n{tail_of(self.log)}") from error

    def answers(self):
        if self.process.poll() is not None:
            raise SessionError(f"trunklined ended with {self.process.returncode}")
        try:
            self.call("system.info")
        except OSError:
            return False
        return True

    def call(self, method, **params):
        name = "stats" if method.startswith("stats.") else "control"
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(20)
            client.connect(f"{self.run_dir}/{name}.sock")
            request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
            client.sendall(json.dumps(request).encode() + b"\n")
            with client.makefile("rb") as lines:
                answer = json.loads(lines.readline() or b"{}")
        if "result" not in answer:
            raise SessionError(f"{method}: {answer.get('error', 'no answer')}")
        return answer["result"]

    def apply(self, document):
        result = self.call("config.apply", document=document)
        self.call("generation.wait", generation=result["generation"])

    def macs(self):
        ports = {p["name"]: p["mac"] for p in self.call("system.info")["ports"]}
        return [ports[name] for name in PORTS]

    def knows(self, stations):
        """Has it the MAC addresses of so many stations?"""
        found = self.call("stats.get", sections=["neighbours"])["neighbours"]["entries"]
        return sum(entry["state"] == "reachable" for entry in found) >= stations

    def moment(self):
        """(time in ns, {port: counters}, time of workers with work in ns)"""
        stats = self.call("stats.get", sections=["ports", "workers"])
        busy = sum(w["busy_ns"] for w in stats["workers"])
        return stats["time_ns"], {p["name"]: p for p in stats["ports"]}, busy

    def books(self):
        """({port: counters}, {reason: packets dropped}); what the gateway itself made is counted with
        the connection where it leaves by an attachment, else with the port."""
        stats = self.call("stats.get", sections=["ports", "connections", "drops"])
        ports = {p["name"]: p for p in stats["ports"]}
        for connection in stats["connections"]:
            ports["cloud"]["originated"] += connection["attachment"]["originated"]
        rows = stats["drops"].get("total", [])
        return ports, {row["reason"]: row["packets"] for row in rows}

    def unconserved(self):
        """Connections whose packets do not add up; asked again while a worker is seen at work."""
        for _ in range(20):
            rows = self.call("stats.get", sections=["connections"])["connections"]
            states = {row["name"]: row["conserved"] for row in rows}
            if "torn" not in states.values():
                break
            time.sleep(0.05)
        return [name for name, state in states.items() if state != "true"]

    def stop(self):
        end(self.process)


class Pktgen:
    """Pktgen on a terminal of its own, with a Lua script that writes what it finds to a file."""

    def __init__(self, command, directory, settings, preload):
        self.log = f"{directory}/pktgen.log"
        self.result = f"{directory}/result"
        self.go_file = f"{directory}/go"
        self.read = 0
        for stale in (self.result, self.go_file):
            if os.path.exists(stale):
                os.remove(stale)
        environment = {**os.environ, "TERM": "xterm", "TRUNKLINE_PKTGEN_RESULT": self.result,
                       "TRUNKLINE_PKTGEN_GO": self.go_file}
        environment.update({f"TRUNKLINE_PKTGEN_{k}": str(v) for k, v in settings.items()})
        if preload:
            environment["LD_PRELOAD"] = preload
        self.terminal, inner = os.openpty()
        termios.tcsetwinsize(inner, (50, 132))
        try:
            self.process = subprocess.Popen(command, env=environment, cwd=directory,
                                            preexec_fn=lambda: os.login_tty(inner),
                                            stdin=inner, stdout=inner, stderr=inner)
        except OSError as error:
            os.close(self.terminal)
            raise PktgenError(f"{command[0]}: {error.strerror}") from error
        finally:
            os.close(inner)
        self.copier = threading.Thread(target=self.copy, daemon=True)
        self.copier.start()

    def copy(self):
        """Its screen goes to a log; a terminal that nobody reads would stop it."""
        with open(self.log, "wb", buffering=0) as log:
            while True:
                try:
                    piece = os.read(self.terminal, 65536)
                except OSError:
                    return  # the other end is closed
                if not piece:
                    return
                log.write(piece)

    def trouble(self, text):
        self.copier.join(1)
        return PktgenError(f"{text}:\n{tail_of(self.log)}")

    def next_event(self, seconds):
        """The next line of the Lua script."""
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            line = self.next_line()
            if line is not None:
                event = json.loads(line)
                if event["event"] == "trouble":
                    raise PktgenError(f"the Lua script: {event['text']}")
                return event
            if self.process.poll() is not None:
                raise self.trouble(f"Pktgen ended with {self.process.returncode}")
            time.sleep(0.02)
        raise self.trouble(f"Pktgen said nothing for {seconds} s")

    def next_line(self):
        if not os.path.exists(self.result):
            return None
        with open(self.result, encoding="utf-8") as file:
            file.seek(self.read)
            line = file.readline()
        if not line.endswith("\n"):
            return None
        self.read += len(line)
        return line

    def expect(self, name, seconds):
        event = self.next_event(seconds)
        if event["event"] != name:
            raise PktgenError(f"the Lua script said {event['event']}, not {name}")
        return event

    def favour_loops(self):
        """Lets the threads that move packets go first. Where they share a CPU with Pktgen's timer
        thread, which polls, they would get half of it."""
        tasks = f"/proc/{self.process.pid}/task"
        for task in os.listdir(tasks):
            try:
                with open(f"{tasks}/{task}/comm", encoding="ascii", errors="replace") as file:
                    name = file.read()
                if not name.startswith(("rte-worker", "lcore-worker")):
                    os.setpriority(os.PRIO_PROCESS, int(task), 19)
            except OSError:
                pass  # it ended

    def go(self, run):
        with open(f"{self.go_file}.new", "w", encoding="ascii") as file:
            file.write(f"{run}\n")
        os.rename(f"{self.go_file}.new", self.go_file)

    def stop(self):
        try:
            self.process.wait(5)  # the script's last word was to quit
        except subprocess.TimeoutExpired:
            end(self.process, seconds=3)
        self.copier.join(2)
        os.close(self.terminal)
