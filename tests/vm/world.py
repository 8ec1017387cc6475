# SPDX-License-Identifier: BSD-3-Clause
"""The two guests of the tests and what is plugged where.

  gateway guest (DPDK through vfio-pci)           peer guest (kernel drivers, one namespace per NIC)
    customer   e1000e   ───────────────────────── virtio    namespace cloud
    backbone1  virtio   ───────────────────────── e1000e    namespace far1
    backbone2  vmxnet3  ───────────────────────── virtio    namespace far2
"""

import os
import pathlib
import re
import shutil
import tempfile

import image
import machine

HERE = pathlib.Path(__file__).parent

CABLES = (  # wire, kind at the gateway, kind at the peers, namespace
    ("customer", "e1000e", "virtio", "cloud"),
    ("backbone1", "virtio", "e1000e", "far1"),
    ("backbone2", "vmxnet3", "virtio", "far2"),
)
DRIVERS = ("bus_pci", "bus_vdev", "mempool_ring", "net_e1000", "net_virtio", "net_vmxnet3")
TOOLS = ("dpdk-testpmd", "ip", "tc", "ping", "fping", "ethtool")


def tool(name):
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if path is None:
        raise image.Missing(f"no {name}")
    return path


def require():
    """image.Missing with the reason where this host cannot run the guests."""
    machine.emulator()
    _, modules = image.kernel()
    image.module_files(modules,
                       image.COMMON_MODULES + image.PORT_MODULES + image.PEER_MODULES)
    image.driver_directory()
    for name in TOOLS:
        tool(name)
    for path in (image.BUSYBOX, image.SHELL):
        if not os.path.exists(path):
            raise image.Missing(f"no {path}")
    if unknown := machine.unknown_kinds():
        raise image.Missing(f"ip does not know {', '.join(unknown)}")


class World:
    """Both guests, running. Programs: what the gateway guest gets besides testpmd."""

    def __init__(self, programs=()):
        self.temporary = tempfile.TemporaryDirectory(prefix="trunkline-vm.")
        self.folder = pathlib.Path(self.temporary.name)
        wires = [machine.Wire(self.folder, cable[0]) for cable in CABLES]
        init = (HERE / "init.sh").read_bytes()
        kernel = image.unpacked(image.kernel()[0], self.folder / "vmlinux")
        ip = tool("ip")
        image.build(self.folder / "gateway.cpio", init,
                    image.COMMON_MODULES + image.PORT_MODULES,
                    [ip, tool("dpdk-testpmd"), *programs], DRIVERS)
        image.build(self.folder / "peers.cpio", init, image.COMMON_MODULES + image.PEER_MODULES,
                    [ip, *(tool(name) for name in ("tc", "ping", "fping", "ethtool"))],
                    files=[("/etc/protocols", b"icmp 1 ICMP\nipv6-icmp 58 IPv6-ICMP\n")])
        self.gateway = machine.Guest(
            self.folder, "gateway", kernel, self.folder / "gateway.cpio",
            [machine.Nic(name, kind, f"02:00:00:00:01:{i:02x}", wires[i], 0)
             for i, (name, kind, _, _) in enumerate(CABLES)], cpus=2)
        self.peers = machine.Guest(
            self.folder, "peers", kernel, self.folder / "peers.cpio",
            [machine.Nic(name, kind, f"02:00:00:00:02:{i:02x}", wires[i], 1)
             for i, (name, _, kind, _) in enumerate(CABLES)])
        self.running = machine.guests(self.gateway, self.peers)

    def __enter__(self):
        self.running.__enter__()
        try:
            self.gateway.hugepages(160)
            self.gateway.bind(*self.gateway.nics)
            self.interfaces = {name: self.peers.interface(name) for name in self.peers.nics}
            self.namespaces()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *_):
        self.running.__exit__(None, None, None)
        self.temporary.cleanup()

    def address(self, wire):
        return self.gateway.nics[wire].address

    def namespaces(self):
        """One namespace for each NIC, which is called `wire` there."""
        lines = []
        for wire, _, _, space in CABLES:
            nic = self.interfaces[wire]
            lines += [
                f"netns add {space}",
                f"link set {nic} netns {space} name wire address {self.peers.nics[wire].mac}",
            ]
        self.peers.do(batch(lines))
        for _, _, _, space in CABLES:
            # Packets that nobody sent on purpose would spoil exact counts.
            self.inside(space, "cd /proc/sys/net/ipv6/conf\n"
                        "echo 0 > default/router_solicitations\n"
                        "echo 1 > all/keep_addr_on_down; echo 1 > default/keep_addr_on_down")
            # QEMU's e1000e overwrites a tag where it should insert a second one.
            self.inside(space, "ethtool -K wire rxvlan off txvlan off 2>/dev/null || true\n"
                        "ip link set lo up; ip link set wire up")

    def clear(self):
        """Back to bare wires, up and without addresses."""
        for _, _, _, space in CABLES:
            self.inside(space, """
tc qdisc del dev wire root 2>/dev/null || true
ip -br link | while read name rest; do
	case $name in lo|wire) ;; *) echo link del ${name%%@*};; esac
done > /tmp/clear
echo address flush dev wire scope global >> /tmp/clear
# A stacked VLAN goes with the one below it, hence -force.
ip -force -batch - < /tmp/clear 2>/dev/null || true
""")

    def inside(self, space, script):
        """Output of a script that must succeed, run in a namespace of the peer guest."""
        return self.peers.do(f"ip netns exec {space} dash -e <<'SCRIPT'\n{script}\nSCRIPT\n")

    def links(self, space, lines):
        self.inside(space, batch(lines))

    def netem(self, space, settings):
        self.inside(space, f"tc qdisc replace dev wire root netem {settings}")

    def answers(self, space, sources, addresses, count=5, size=56, period=100, wait=10):
        """{(source, address): (replies, shortest round trip in ms)} of echo requests from each
        source (an interface such as a VRF) to each address, side by side. Not by ping: that gives
        up on the last reply after two round trips, which on a busy host is too soon."""
        options = f"-q -c {count} -b {size} -p {period} -t {wait * 1000:.0f}"
        text = self.inside(space, f"""
for source in {' '.join(sources)}; do
	fping {options} -I $source {' '.join(addresses)} > /tmp/answers.$source 2>&1 &
done
wait
for source in {' '.join(sources)}; do sed "s/^/$source /" /tmp/answers.$source; done
""")
        found = {}
        summary = re.compile(r"(\S+) (\S+) +: xmt/rcv/%loss = \d+/(\d+)/\S+(?: .*= ([\d.]+)/)?")
        for line in text.splitlines():
            if match := summary.match(line):
                found[match[1], match[2]] = int(match[3]), float(match[4] or 0)
        if len(found) != len(sources) * len(addresses):
            raise machine.Failure(f"fping says {text}")
        return found

    def whole(self, space, source, address, size):
        """What ping says of packets that must not be fragmented."""
        return self.peers.run(f"ip netns exec {space} ping -n -c 2 -i 0.2 -W 2 -s {size} -M do "
                              f"-I {source} {address}")[1]

    def counted(self, space, name):
        """(received, sent) packets as the kernel counts them on an interface."""
        text = self.inside(space, f"cat /sys/class/net/{name}/statistics/[rt]x_packets")
        received, sent = text.split()
        return int(received), int(sent)

    def lost(self, space):
        """Packets that netem dropped."""
        text = self.inside(space, "tc -s qdisc show dev wire")
        return int(re.search(r"netem.*?dropped (\d+)", text, re.S)[1])


def batch(lines):
    """Shell text that hands many lines to one ip: processes are dear in emulation."""
    return "ip -batch - <<'LINES'\n" + "\n".join(lines) + "\nLINES\n"


def vlan(parent, name, number, protocol="802.1Q"):
    return [f"link add link {parent} name {name} type vlan protocol {protocol} id {number}",
            f"link set {name} up"]


def into_vrf(name, vrf, table, *addresses):
    """Puts an interface into a VRF of its own and gives it addresses."""
    return [
        f"link add {vrf} type vrf table {table}",
        f"link set {vrf} up",
        f"link set {name} master {vrf}",
        f"link set {name} up",
        # Without these a look-up that finds nothing goes on in the table of another VRF.
        f"route replace unreachable 0.0.0.0/0 table {table} metric 4278198272",
        f"route replace unreachable ::/0 table {table} metric 4278198272",
        *addressed(name, *addresses),
    ]


def addressed(name, *addresses):
    return [f"address add {a} dev {name}" + (" nodad" if ":" in a else "") for a in addresses]
