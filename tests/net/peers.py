# SPDX-License-Identifier: BSD-3-Clause
"""What stands around the gateways: the wire between them, VLAN trunks, independent tunnel ends."""

import json
import os
import signal
import socket

from lab import LabError, program, run, wait_until


class Wire:
    """Links between pairs of interfaces in one namespace, with impairments and exact counts."""

    def __init__(self, namespace, links, mtu=1600, seed=1, settings=()):
        """links: {name: (interface, interface)}; settings: ["all both delay=1ms", ...]"""
        self.socket = namespace.lab.path(f"wire-{namespace.name}.sock")
        for pair in links.values():
            namespace.silence(*pair)
        arguments = [word for text in settings for word in ("--set", text)]
        self.process = namespace.start(
            program("tests/tools/wire"), "--mtu", mtu, "--seed", seed, "--socket", self.socket,
            *arguments, *(f"{name}={a}:{b}" for name, (a, b) in links.items()), ready="^ready")

    def command(self, line):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(10)
            client.connect(self.socket)
            client.sendall(line.encode() + b"\n")
            answer = b""
            while not answer.endswith(b"\n"):
                part = client.recv(65536)
                if not part:
                    raise LabError(f"wire: no answer to {line!r}")
                answer += part
        return json.loads(answer)

    def set(self, link, direction, **settings):
        """set("b1", "ab", loss="1%", delay="2ms"); "all" and "both" work too."""
        words = " ".join(f"{key}={value}" for key, value in settings.items())
        answer = self.command(f"set {link} {direction} {words}")
        if "error" in answer:
            raise LabError(f"wire: {answer['error']}")

    def counts(self, link=None, direction=None):
        links = self.command("get")["links"]
        if link is None:
            return links
        return links[link][direction] if direction else links[link]


def trunk(namespace, interface, members):
    """Makes `interface` a trunk; members: {access interface: "0x8100:101" or "untagged"}."""
    for name in (interface, *members):
        namespace.silence(name)
        namespace.ip("link", "set", name, "promisc", "on")
    namespace.run(program("tests/tools/tagger"), program("tests/tools/tagger.bpf.o"), interface,
                  *(f"{name}={tags}" for name, tags in members.items()))


class Ovs:
    """An Open vSwitch of its own with the userspace datapath, in one namespace."""

    SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"

    def __init__(self, namespace):
        self.namespace = namespace
        self.dir = namespace.lab.path(f"ovs-{namespace.name}")
        os.mkdir(self.dir)
        self.db = f"unix:{self.dir}/db.sock"
        run("ovsdb-tool", "create", f"{self.dir}/conf.db", self.SCHEMA)
        environment = ["env", f"OVS_RUNDIR={self.dir}", f"OVS_DBDIR={self.dir}",
                       f"OVS_LOGDIR={self.dir}"]
        namespace.start(*environment, "ovsdb-server", f"{self.dir}/conf.db",
                        f"--remote=punix:{self.dir}/db.sock", f"--unixctl={self.dir}/db.ctl")
        wait_until(lambda: os.path.exists(f"{self.dir}/db.sock"), what="ovsdb-server")
        self.vsctl("--no-wait", "init")
        namespace.start(*environment, "ovs-vswitchd", self.db, f"--unixctl={self.dir}/switch.ctl")
        wait_until(lambda: os.path.exists(f"{self.dir}/switch.ctl"), what="ovs-vswitchd")

    def vsctl(self, *arguments):
        return run("ovs-vsctl", f"--db={self.db}", "--timeout=15", *arguments).stdout.strip()

    def appctl(self, *arguments):
        return run("ovs-appctl", "-t", f"{self.dir}/switch.ctl", *arguments).stdout

    def bridge(self, name, *addresses):
        """A bridge whose own interface carries these addresses."""
        self.vsctl("add-br", name, "--", "set", "bridge", name, "datapath_type=netdev")
        self.namespace.plain(name)
        self.namespace.address(name, *addresses)
        self.namespace.ip("link", "set", name, "up")

    def port(self, bridge, interface):
        self.vsctl("add-port", bridge, interface)

    def tunnel(self, bridge, name, kind, remote, vni, **options):
        words = [f"options:{key}={value}" for key, value in options.items()]
        self.vsctl("add-port", bridge, name, "--", "set", "interface", name, f"type={kind}",
                   f"options:remote_ip={remote}", f"options:key={vni}", *words)


def linux_vxlan(namespace, name, vni, local, remote, device, *addresses, mac=None, mtu=None,
                checksum=False):
    """A kernel VXLAN interface with addresses, as an ordinary router would have one."""
    words = ["udp6zerocsumrx", "noudp6zerocsumtx" if checksum else "udp6zerocsumtx"] \
        if ":" in local else ["udpcsum" if checksum else "noudpcsum"]
    namespace.ip("link", "add", name, *(["address", mac] if mac else []), "type", "vxlan",
                 "id", vni, "local", local, "remote", remote, "dstport", 4789, "dev", device,
                 *words)
    if mtu:
        namespace.ip("link", "set", name, "mtu", mtu)
    namespace.plain(name)
    namespace.address(name, *addresses)
    namespace.ip("link", "set", name, "up")


def report(wire):
    """The counts that the wire writes when it ends, for a comparison with what the socket said."""
    wire.process.stop(signal.SIGTERM)
    return json.loads(wire.process.output().strip().split("\n")[-1])
