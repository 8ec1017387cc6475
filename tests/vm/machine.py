# SPDX-License-Identifier: BSD-3-Clause
"""Guests under QEMU: a machine with an IOMMU and NICs whose wires end in other guests.

Nothing touches the host's network: a wire is a pair of datagram sockets in the temporary folder.
"""

import base64
import contextlib
import os
import pathlib
import re
import shutil
import socket
import subprocess
import time

import image

QEMU = "qemu-system-x86_64"

# As the device option of QEMU; only virtio needs to be told that its DMA is translated.
NIC_KINDS = {
    "e1000e": "e1000e",
    "virtio": "virtio-net-pci,iommu_platform=on,disable-legacy=on",
    "vmxnet3": "vmxnet3",
}

# no_timer_check: on a busy host the timer's interrupts come too late for a check in early boot,
# and the kernel panics.
COMMAND_LINE = "console=ttyS0 quiet panic=-1 intel_iommu=on iommu=pt no_timer_check nowatchdog"


class Failure(Exception):
    """A command in a guest failed, or the guest did."""


def emulator():
    """Path of QEMU; image.Missing where it, or a device it must emulate, is absent."""
    path = shutil.which(QEMU)
    if path is None:
        raise image.Missing("no qemu-system-x86_64: package qemu-system-x86")
    run = subprocess.run([path, "-device", "help"], capture_output=True, text=True, check=False)
    text = run.stdout + run.stderr
    for device in ("intel-iommu", "virtserialport", "e1000e", "virtio-net-pci", "vmxnet3"):
        if f'name "{device}"' not in text:
            raise image.Missing(f"this QEMU has no {device}")
    return path


class Wire:
    """Both ends of a cable between two NICs."""

    def __init__(self, folder, name):
        self.ends = [str(folder / f"{name}.{end}") for end in "ab"]

    def backend(self, name, end):
        here, there = self.ends[end], self.ends[1 - end]
        return (f"dgram,id={name},local.type=unix,local.path={here},"
                f"remote.type=unix,remote.path={there}")


class Nic:
    """One NIC of a guest: kind (NIC_KINDS), MAC and the wire's end that is plugged in."""

    def __init__(self, name, kind, mac, wire, end):
        self.name, self.kind, self.mac, self.wire, self.end = name, kind, mac, wire, end
        self.address = None  # PCI address, fixed by the slot

    def arguments(self, slot):
        self.address = f"0000:00:{slot:02x}.0"
        device = (f"{NIC_KINDS[self.kind]},netdev={self.name},mac={self.mac},"
                  f"bus=pcie.0,addr={slot:#x}.0,romfile=")
        return ["-netdev", self.wire.backend(self.name, self.end), "-device", device]


class Guest:
    """One machine. A context manager: leaving it ends the process by its pid."""

    def __init__(self, folder, name, kernel, initramfs, nics, cpus=1, megabytes=1024):
        self.folder, self.name = pathlib.Path(folder), name
        self.console = self.folder / f"{name}.console"
        self.socket_path = str(self.folder / f"{name}.commands")
        self.kernel, self.initramfs = kernel, initramfs
        self.nics = {nic.name: nic for nic in nics}
        self.cpus, self.megabytes = cpus, megabytes
        self.process = self.channel = None
        self.pending = b""

    def arguments(self):
        result = [
            emulator(), "-name", self.name, "-nodefaults", "-no-user-config", "-display", "none",
            "-no-reboot", "-accel", "tcg,thread=multi,tb-size=256", "-cpu", "max",
            "-M", "q35,kernel-irqchip=off", "-smp", str(self.cpus), "-m", str(self.megabytes),
            "-device", "intel-iommu,caching-mode=on",
            "-kernel", str(self.kernel), "-initrd", str(self.initramfs), "-append", COMMAND_LINE,
            "-serial", f"file:{self.console}",
            "-chardev", f"socket,id=commands,path={self.socket_path},server=on,wait=off",
            "-device", "virtio-serial-pci",
            "-device", "virtserialport,chardev=commands,name=commands",
        ]
        for slot, nic in enumerate(self.nics.values(), 0x10):
            result += nic.arguments(slot)
        return result

    def __enter__(self):
        log = open(self.folder / f"{self.name}.qemu", "wb")
        with log:
            self.process = subprocess.Popen(self.arguments(), stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log)
        try:
            self.connect()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.channel is not None:
            self.channel.close()
            self.channel = None
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def connect(self):
        """Only the socket: the guest goes on booting, see ready()."""
        deadline = time.monotonic() + 20
        while True:
            try:
                channel = socket.socket(socket.AF_UNIX)
                channel.connect(self.socket_path)
                self.channel = channel
                return
            except OSError:
                channel.close()
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise Failure(f"{self.name}: QEMU does not start\n{self.tail()}") from None
                time.sleep(0.02)

    def ready(self, timeout=120):
        """Waits for the first line, which init sends when the system is usable."""
        self.read_line(time.monotonic() + timeout)

    def tail(self):
        """What console and QEMU said last, for error messages."""
        text = []
        for suffix in ("console", "qemu"):
            path = self.folder / f"{self.name}.{suffix}"
            if path.exists():
                text += path.read_text(errors="replace").splitlines()[-25:]
        return "\n".join(text)

    def read_line(self, deadline):
        while b"\n" not in self.pending:
            self.channel.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                piece = self.channel.recv(65536)
            except TimeoutError:
                raise Failure(f"{self.name}: no answer in time\n{self.tail()}") from None
            if not piece:
                raise Failure(f"{self.name}: guest ended\n{self.tail()}")
            self.pending += piece
        line, _, self.pending = self.pending.partition(b"\n")
        return line.decode()

    def run(self, script, timeout=60):
        """(exit status, output) of a shell script in the guest."""
        self.channel.settimeout(timeout)
        self.channel.sendall(base64.b64encode(script.encode()) + b"\n")
        status, _, output = self.read_line(time.monotonic() + timeout).partition(" ")
        return int(status), base64.b64decode(output).decode(errors="replace")

    def do(self, script, timeout=60):
        """Output of a script that must succeed; it stops at its first failing command."""
        status, output = self.run("set -e\n" + script, timeout)
        if status != 0:
            raise Failure(f"{self.name}: exit {status}\n{script}\n{output}\n{self.tail()}")
        return output

    def start(self, name, command):
        """Process id of a command left running; its output goes to /tmp/NAME.log."""
        return int(self.do(f"{command} < /dev/null > /tmp/{name}.log 2>&1 &\necho $!"))

    def stop(self, process, timeout=20):
        """Ends what start() began and waits until it is gone."""
        self.run(f"kill {process}")
        self.wait(f"! kill -0 {process} 2>/dev/null", timeout, 0.1)

    def put(self, path, text):
        self.do(f"mkdir -p {os.path.dirname(path)}; base64 -d > {path} <<'END'\n"
                f"{base64.b64encode(text.encode()).decode()}\nEND\n")

    def wait(self, script, timeout=30, every=0.2):
        """Output of the first success of a script that is tried until then."""
        deadline = time.monotonic() + timeout
        while True:
            status, output = self.run(script)
            if status == 0:
                return output
            if time.monotonic() > deadline:
                raise Failure(f"{self.name}: in vain for {timeout} s: {script}\n{output}\n"
                              f"{self.tail()}")
            time.sleep(every)

    def bind(self, *names):
        """Hands NICs to vfio-pci."""
        for name in names:
            address = self.nics[name].address
            device = f"/sys/bus/pci/devices/{address}"
            self.do(f"echo vfio-pci > {device}/driver_override\n"
                    f"[ ! -e {device}/driver ] || echo {address} > {device}/driver/unbind\n"
                    f"echo {address} > /sys/bus/pci/drivers_probe\n"
                    f"[ -e /dev/vfio/$(basename $(readlink {device}/iommu_group)) ]")

    def interface(self, name):
        """Kernel's name of a NIC."""
        return self.do(f"ls /sys/bus/pci/devices/{self.nics[name].address}/*/net "
                       f"/sys/bus/pci/devices/{self.nics[name].address}/net 2>/dev/null | "
                       "grep -v : | grep . | head -n 1").strip()

    def hugepages(self, count):
        got = int(self.do("mkdir -p /dev/hugepages; mount -t hugetlbfs huge /dev/hugepages\n"
                          f"echo {count} > /proc/sys/vm/nr_hugepages\n"
                          "cat /proc/sys/vm/nr_hugepages"))
        if got < count:
            raise Failure(f"{self.name}: {got} of {count} hugepages")


def unknown_kinds():
    """Kinds of interface that the host's ip cannot make."""
    text = subprocess.run(["ip", "link", "help"], capture_output=True, text=True, check=False)
    known = set(re.findall(r"\w+", text.stdout + text.stderr))
    return [kind for kind in ("vlan", "vrf", "geneve", "vxlan") if kind not in known]


@contextlib.contextmanager
def guests(*machines):
    """Starts all, then waits for all, so that they boot side by side."""
    with contextlib.ExitStack() as stack:
        for machine in machines:
            stack.enter_context(machine)
        for machine in machines:
            machine.ready()
        yield machines
