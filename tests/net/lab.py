# SPDX-License-Identifier: BSD-3-Clause
"""Namespaces, links and processes of a test network; everything is gone when the Lab closes.

    with Lab("vxlan") as lab:
        a, b = lab.namespace("a"), lab.namespace("b")
        lab.veth(a, "eth0", b, "eth0")
        a.address("eth0", "192.0.2.1/24", "2001:db8::1/64")

Names are prefixed per Lab, so that several can run side by side.
"""

import atexit
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# Without these the kernel hands over 64 KB frames with half a checksum and loses the outer tag.
OFFLOADS = ("tx", "tso", "gso", "gro", "txvlan", "tx-vlan-stag-hw-insert")


class LabError(Exception):
    """A command of the network's set-up failed, or something did not come up in time."""


def build_dir():
    """Where the programs under test are; TRUNKLINE_BUILD or the first build folder there is."""
    named = os.environ.get("TRUNKLINE_BUILD")
    for folder in ([named] if named else ["build-gcc", "build"]):
        path = os.path.join(ROOT, folder)
        if os.path.exists(os.path.join(path, "build.ninja")):
            return path
    raise LabError("nothing is built: meson setup build && ninja -C build")


def program(path):
    full = os.path.join(build_dir(), path)
    if not os.path.exists(full):
        raise LabError(f"{full} is not built")
    return full


def run(*command, check=True, timeout=60, stdin=None):
    """Runs a command; returns the finished process with text in stdout and stderr."""
    words = [str(c) for c in command]
    done = subprocess.run(words, capture_output=True, text=True, timeout=timeout, input=stdin,
                          check=False)
    if check and done.returncode != 0:
        raise LabError(f"{' '.join(words)}: {done.stderr.strip() or done.stdout.strip()}")
    return done


def wait_until(condition, timeout=10.0, what="the condition", interval=0.05):
    """Returns the first true value of condition()."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= end:
            raise LabError(f"waited {timeout:g} s in vain for {what}")
        time.sleep(interval)


def delete_namespace(name):
    """Ends whatever still runs in it first: an interface in use would live on unseen."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        pids = run("ip", "netns", "pids", name, check=False).stdout.split()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), number)
        if not pids:
            break
        time.sleep(0.3)
    run("ip", "netns", "del", name, check=False)


def namespaces(pattern):
    listed = run("ip", "netns", "list").stdout.split("\n")
    return [line.split()[0] for line in listed if line and re.match(pattern, line)]


def sweep():
    """Namespaces of test runs that were killed before they could clean up."""
    for name in namespaces(r"net\d+"):
        if not os.path.exists(f"/proc/{re.match(r'net([0-9]+)', name)[1]}"):
            delete_namespace(name)


def end(number, frame):
    """SIGTERM unwinds, so that everything is cleaned up."""
    del frame
    sys.exit(128 + number)


signal.signal(signal.SIGTERM, end)


class Process:
    """A program running beside the test; its output is in a file."""

    def __init__(self, command, log):
        self.command = [str(c) for c in command]
        self.log = log
        with open(log, "ab") as output:
            self.popen = subprocess.Popen(self.command, stdout=output, stderr=output,
                                          stdin=subprocess.DEVNULL, start_new_session=True)
        self.pid = self.popen.pid

    def output(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def running(self):
        return self.popen.poll() is None

    def wait_output(self, pattern, timeout=15.0):
        def look():
            if re.search(pattern, self.output(), re.M):
                return True
            if not self.running():
                raise LabError(f"{self.command[0]} ended: {self.output()[-2000:]}")
            return False
        wait_until(look, timeout, f"{pattern!r} from {' '.join(self.command[:6])}")
        return self

    def send(self, number):
        if self.running():
            self.popen.send_signal(number)

    def wait(self, timeout=10.0):
        return self.popen.wait(timeout)

    def stop(self, number=signal.SIGTERM, timeout=10.0):
        """Asks it to end, then insists; returns its exit code."""
        if self.running():
            self.popen.send_signal(number)
            try:
                self.popen.wait(timeout)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait(timeout)
        return self.popen.returncode


class Namespace:
    def __init__(self, lab, name):
        self.lab = lab
        self.name = name
        run("ip", "netns", "add", name)
        self.run("sysctl", "-qw", "net.ipv4.ping_group_range=0 2147483647",
                 "net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0",
                 "net.ipv6.conf.all.accept_ra=0", "net.ipv6.conf.default.accept_ra=0")
        self.ip("link", "set", "lo", "up")

    def run(self, *command, **options):
        return run("ip", "netns", "exec", self.name, *command, **options)

    def ip(self, *arguments, **options):
        return run("ip", "-n", self.name, *arguments, **options)

    def start(self, *command, ready=None, timeout=15.0):
        process = self.lab.start("ip", "netns", "exec", self.name, *command)
        return process.wait_output(ready, timeout) if ready else process

    def silence(self, *interfaces):
        """The kernel says nothing of its own (router solicitations, MLD) on these."""
        for interface in interfaces:
            self.run("sysctl", "-qw", f"net.ipv6.conf.{interface}.disable_ipv6=1")

    def plain(self, interface):
        """Frames leave whole and as they will be on the wire."""
        switches = [word for name in OFFLOADS for word in (name, "off")]
        self.run("ethtool", "-K", interface, *switches)

    def address(self, interface, *addresses):
        for address in addresses:
            family = ["-6"] if ":" in address else []
            nodad = ["nodad"] if family else []
            self.ip(*family, "addr", "add", address, "dev", interface, *nodad)

    def route(self, prefix, via=None, interface=None, *more):
        family = ["-6"] if ":" in prefix else []
        where = (["via", via] if via else []) + (["dev", interface] if interface else [])
        self.ip(*family, "route", "replace", prefix, *where, *more)

    def mac(self, interface):
        return json.loads(self.ip("-j", "link", "show", interface).stdout)[0]["address"]

    def counter(self, interface, name):
        path = f"/sys/class/net/{interface}/statistics/{name}"
        return int(self.run("cat", path).stdout)


class Lab:
    def __init__(self, name="lab", prefix=None, directory=None):
        sweep()
        self.prefix = prefix if prefix is not None else f"net{os.getpid()}{name}-"
        self.keep = False  # leave everything running at the end
        self.namespaces = []
        self.processes = []
        self.dir = directory or tempfile.mkdtemp(prefix="trunkline-")
        os.makedirs(self.dir, exist_ok=True)
        atexit.register(self.close)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def close(self):
        """Ends the processes, the last first, then deletes the namespaces and their interfaces."""
        if self.keep:
            return
        for process in reversed(self.processes):
            process.stop()
        self.processes = []
        for namespace in self.namespaces:
            delete_namespace(namespace.name)
        self.namespaces = []
        shutil.rmtree(self.dir, ignore_errors=True)
        atexit.unregister(self.close)

    def path(self, name):
        return os.path.join(self.dir, name)

    def start(self, *command):
        name = os.path.basename(str(command[4] if command[:2] == ("ip", "netns") else command[0]))
        process = Process(command, self.path(f"{len(self.processes):02d}-{name}.log"))
        self.processes.append(process)
        return process

    def namespace(self, name):
        namespace = Namespace(self, self.prefix + name)
        self.namespaces.append(namespace)
        return namespace

    def veth(self, here, interface, there, peer, mtu=1500):
        """A link between two namespaces, both ends up, frames plain in both directions."""
        here.ip("link", "add", interface, "mtu", mtu, "type", "veth", "peer", "name", peer,
                "mtu", mtu, "netns", there.name)
        for namespace, name in ((here, interface), (there, peer)):
            namespace.plain(name)
            namespace.ip("link", "set", name, "up")
