# SPDX-License-Identifier: BSD-3-Clause
"""Frames sent and received byte by byte on an interface of another namespace."""

import contextlib
import ctypes
import os
import socket
import time

CLONE_NEWNET = 0x40000000
ETH_P_ALL = 3
SOL_PACKET = 263
PACKET_IGNORE_OUTGOING = 23
PACKET_AUXDATA = 8


@contextlib.contextmanager
def inside(namespace):
    """This thread is in the namespace for a while; sockets made there stay there."""
    libc = ctypes.CDLL(None, use_errno=True)

    def enter(descriptor):
        if libc.setns(descriptor, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{namespace.name}", os.O_RDONLY)
    try:
        enter(there)
        yield
    finally:
        enter(home)
        os.close(home)
        os.close(there)


class RawPort:
    """A packet socket; what it receives is what comes from the link, not what it sends."""

    def __init__(self, namespace, interface):
        with inside(namespace):
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            self.socket.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            self.socket.bind((interface, ETH_P_ALL))
        self.mac = namespace.mac(interface)

    def close(self):
        self.socket.close()

    def send(self, frame):
        """The frame exactly as given; shorter ones than Ethernet's minimum stay short."""
        self.socket.send(bytes(frame))

    def drain(self):
        while self.receive(0):
            pass

    def receive(self, timeout=1.0):
        """The next frame's bytes, None when none came in time."""
        self.socket.settimeout(timeout if timeout > 0 else 0.000001)
        try:
            return self.socket.recv(65536)
        except (TimeoutError, BlockingIOError):
            return None

    def wait(self, matches, timeout=2.0):
        """The first frame for which matches(bytes) holds, None when none came in time."""
        end = time.monotonic() + timeout
        while (left := end - time.monotonic()) > 0:
            frame = self.receive(left)
            if frame is None:
                return None
            if matches(frame):
                return frame
        return None
