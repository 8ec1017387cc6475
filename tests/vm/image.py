# SPDX-License-Identifier: BSD-3-Clause
"""The initramfs of a guest: busybox, chosen programs with their libraries, kernel modules.

Everything comes from packages installed on the host; Missing says which part is not there.
"""

import functools
import lzma
import os
import pathlib
import re
import stat
import subprocess

BUSYBOX = "/bin/busybox"
# busybox's own shell runs its applets before any program in PATH; commands need the real ones.
SHELL = "/bin/dash"

# Order matters nowhere here: a module is loaded after those it depends on.
COMMON_MODULES = ["virtio_pci", "virtio_console"]
PORT_MODULES = ["vfio_iommu_type1", "vfio-pci"]
PEER_MODULES = [
    "virtio_net", "e1000e", "vmxnet3", "8021q", "geneve", "vxlan", "vrf",
    "sch_netem", "sch_ingress", "cls_matchall", "act_mirred", "ifb",
]


class Missing(Exception):
    """Something the guests need is not installed on this host."""


def kernel():
    """(image, module directory) of the newest stock kernel that has both."""
    for image in sorted(pathlib.Path("/boot").glob("vmlinuz-*-amd64"), reverse=True):
        modules = pathlib.Path("/lib/modules") / image.name.removeprefix("vmlinuz-")
        if (modules / "modules.dep").exists():
            return image, modules
    raise Missing("no kernel with modules: package linux-image-amd64")


def unpacked(kernel_image, path):
    """The ELF file inside a compressed kernel, written to path; the kernel itself where that is
    not to be had. QEMU enters the ELF directly, and the guest need not unpack it in emulation."""
    packed = kernel_image.read_bytes()
    start = packed.find(b"\xfd7zXZ\0")
    try:
        content = lzma.LZMADecompressor(lzma.FORMAT_XZ).decompress(packed[start:])
    except lzma.LZMAError:
        return kernel_image
    if start < 0 or content[:4] != b"\x7fELF":
        return kernel_image
    path.write_bytes(content)
    return path


def module_name(path):
    return re.sub(r"\.ko(\.(xz|zst|gz))?$", "", os.path.basename(path)).replace("-", "_")


def module_files(modules, wanted):
    """Files of the wanted modules, each after those it depends on. Built-in ones need no file."""
    depends, by_name = {}, {}
    for line in (modules / "modules.dep").read_text().splitlines():
        path, _, needs = line.partition(":")
        depends[path] = needs.split()
        by_name[module_name(path)] = path
    builtin = (modules / "modules.builtin")
    known = {module_name(p) for p in builtin.read_text().split()} if builtin.exists() else set()
    ordered = []

    def visit(path):
        for need in depends[path]:
            visit(need)
        if path not in ordered:
            ordered.append(path)

    for name in (w.replace("-", "_") for w in wanted):
        if name in by_name:
            visit(by_name[name])
        elif name not in known:
            raise Missing(f"kernel {modules.name} has no module {name}")
    return ordered


def libraries(program):
    """Absolute paths of the shared libraries that the loader would map for a program."""
    run = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=False)
    if "not found" in run.stdout:
        raise Missing(f"{program}: {run.stdout}")
    if run.returncode != 0:
        return []  # static
    return re.findall(r"(/\S+) \(0x", run.stdout)


class Archive:
    """A cpio archive in the form that the kernel unpacks; paths are the host's."""

    def __init__(self):
        self.entries = {}

    def directory(self, path):
        path = path.strip("/")
        if path and path not in self.entries:
            self.directory(os.path.dirname(path))
            self.entries[path] = (stat.S_IFDIR | 0o755, b"")

    def data(self, path, content, mode=0o644):
        self.directory(os.path.dirname(path))
        self.entries[path.strip("/")] = (stat.S_IFREG | mode, content)

    def link(self, path, target):
        self.directory(os.path.dirname(path))
        self.entries[path.strip("/")] = (stat.S_IFLNK | 0o777, target.encode())

    def copy(self, source, path=None):
        """One real copy of a file; where the host has a link, a link to that copy."""
        source = str(source)
        if not os.path.exists(source):
            raise Missing(f"no file {source}")
        real = os.path.realpath(source)
        if path is None:
            # /lib is itself a link where /usr is merged; the guest has that link too.
            folder, name = os.path.split(source)
            path = os.path.join(os.path.realpath(folder), name)
            if real != path:
                self.link(path, real)
                path = real
        if path.strip("/") not in self.entries:
            content = pathlib.Path(real).read_bytes()
            self.data(path, content, stat.S_IMODE(os.stat(real).st_mode))

    def program(self, source, path=None):
        self.copy(source, path)
        for library in libraries(source):
            self.library(library)

    def library(self, path):
        """EAL loads all it finds in the drivers' folder. A driver that a program merely links to
        goes to the libraries, where Debian has a link for it."""
        folder, name = os.path.split(os.path.realpath(path))
        if folder != str(driver_directory()):
            self.copy(path)
            return
        link = os.path.join(os.path.dirname(os.path.dirname(folder)), os.path.basename(path))
        if os.path.join(folder, name).strip("/") in self.entries:
            self.link(link, os.path.join(folder, name))
        else:
            self.copy(path, link)

    def write(self, path):
        with open(path, "wb") as out:
            for number, (name, (mode, content)) in enumerate(self.entries.items(), 1):
                entry(out, number, name, mode, content)
            entry(out, 0, "TRAILER!!!", 0, b"")


def entry(out, number, name, mode, content):
    raw = name.encode() + b"\0"
    fields = [number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(raw), 0]
    out.write(b"070701" + b"".join(b"%08X" % f for f in fields) + raw)
    out.write(b"\0" * (-(6 + 8 * len(fields) + len(raw)) % 4))
    out.write(content + b"\0" * (-len(content) % 4))


@functools.cache
def driver_directory():
    found = sorted(pathlib.Path("/usr/lib").glob("*/dpdk/pmds-*"))
    if not found:
        raise Missing("no DPDK drivers installed")
    return found[-1]


def add_drivers(archive, names):
    """The drivers EAL finds by itself. A driver linked and loaded under two names would stop EAL:
    hence links where the host has links, and exactly these."""
    folder = driver_directory()
    plugins = [folder / f"librte_{name}.so" for name in names]
    for plugin in plugins:
        archive.copy(plugin)
    for plugin in plugins:
        archive.program(plugin)


def build(path, init, modules, programs=(), drivers=(), files=()):
    """Writes an initramfs.

    programs: host path, or (host path, guest path); files: (guest path, bytes).
    """
    _, tree = kernel()
    archive = Archive()
    for folder in ("proc", "sys", "dev", "run", "tmp", "etc", "root", "var/lib", "mnt", "bin"):
        archive.directory(folder)
    # Debian's merged /usr: the loader's path in every program is /lib64/ld-linux-x86-64.so.2
    for folder in ("lib", "lib64", "sbin"):
        if os.path.islink("/" + folder):
            archive.directory("usr/" + folder)
            archive.link(folder, "usr/" + folder)
    archive.copy(BUSYBOX, "/bin/busybox")
    archive.program(SHELL, "/bin/dash")
    add_drivers(archive, drivers)
    for program in programs:
        source, target = program if isinstance(program, tuple) else (program, None)
        archive.program(source, target)
    for library in sorted(pathlib.Path("/usr/lib").glob("*/libgcc_s.so.1")):
        archive.copy(library)  # libc loads it by name when a thread is cancelled
    order = []
    for module in module_files(tree, modules):
        archive.data(f"/modules/{os.path.basename(module)}", (tree / module).read_bytes())
        order.append(os.path.basename(module))
    archive.data("/modules/order", "".join(m + "\n" for m in order).encode())
    for target, content in files:
        archive.data(target, content)
    archive.data("/init", init, 0o755)
    archive.write(path)
