#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Devices on kernel interfaces: steering of an af_xdp port, and what af_packet must not do.

    peer eth0 ──── eth0 gw: the host has .9, the gateway (devecho, which sends frames back) .1
"""

import json
import signal
import socket
import struct
import subprocess
import unittest

from lab import Lab, program, run, wait_until

HOST4, HOST6 = "10.1.0.9", "fd00::9"
GATEWAY4, GATEWAY6 = "10.1.0.1", "fd00::1"
PEER4, PEER6 = "10.1.0.2", "fd00::2"
TAGS = ("8100.100", "88a8.200/8100.7")
GENEVE, VXLAN = 6081, 4789

# Sends each frame (hex, a line) by eth0 and prints those that come back within a second, as hex.
SENDER = """
import select, socket, sys, time
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.bind(("eth0", 0))
s.setsockopt(263, 23, 1)  # PACKET_IGNORE_OUTGOING
s.setsockopt(263, 8, 1)   # PACKET_AUXDATA
pause = float(sys.argv[1])
for line in sys.stdin:
    s.send(bytes.fromhex(line))
    time.sleep(pause)
end = time.monotonic() + 1
while time.monotonic() < end:
    if select.select([s], [], [], 0.1)[0]:
        data, aux, _, _ = s.recvmsg(4096, 64)
        tag = [a[2] for a in aux if a[1] == 8 and int.from_bytes(a[2][0:4], "little") & 16]
        if tag:
            tci, tpid = tag[0][16:18][::-1], tag[0][18:20][::-1]
            data = data[:12] + tpid + tci + data[12:]
        print(data.hex())
"""

SERVER = """
import socket, sys
s = socket.create_server((sys.argv[1], 22), family=socket.AF_INET6 if ":" in sys.argv[1] else 2)
print("ready", flush=True)
while True:
    c, _ = s.accept()
    while True:
        d = c.recv(65536)
        if not d:
            break
        c.sendall(d)
"""

CLIENT = """
import socket, sys, threading
data = bytes(i % 251 for i in range(int(sys.argv[2])))
c = socket.create_connection((sys.argv[1], 22), timeout=10)
t = threading.Thread(target=lambda: (c.sendall(data), c.shutdown(socket.SHUT_WR)))
t.start()
got = b""
while len(got) < len(data):
    piece = c.recv(65536)
    if not piece:
        break
    got += piece
sys.exit(0 if got == data else 1)
"""


class Echo:
    """A running devecho."""

    def __init__(self, namespace, device, *words, mtu=1500):
        command = ["ip", "netns", "exec", namespace.name, program("tests/tools/devecho"), device,
                   str(mtu), "1", *words]
        self.errors = open(namespace.lab.path("devecho.log"), "a+b")
        self.popen = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=self.errors, text=True)
        line = self.popen.stdout.readline()
        self.hello = json.loads(line) if line else {"error": "ended: " + self.log()}

    def ask(self, line):
        self.popen.stdin.write(line + "\n")
        self.popen.stdin.flush()
        return json.loads(self.popen.stdout.readline())

    def show(self):
        return self.ask("show")

    def log(self):
        self.errors.seek(0)
        return self.errors.read().decode()

    def send(self, number):
        self.popen.send_signal(number)

    def kill(self):
        self.popen.kill()
        self.popen.wait(10)

    def close(self):
        if self.popen.poll() is None:
            self.popen.stdin.write("quit\n")
            self.popen.stdin.close()
        code = self.popen.wait(10)
        self.popen.stdout.close()
        self.errors.close()
        return code

    def discard(self):
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGCONT)
            self.kill()
        for file in (self.popen.stdin, self.popen.stdout, self.errors):
            file.close()


def address(text):
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    return socket.inet_pton(family, text)


def ip4(protocol, source, target, payload, ident=1, fragment=0):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), ident, fragment, 64, protocol, 0,
                       address(source), address(target))
    total = sum(struct.unpack("!10H", head))
    total = (total & 0xffff) + (total >> 16)
    total = ~((total & 0xffff) + (total >> 16)) & 0xffff
    return head[:10] + struct.pack("!H", total) + head[12:] + payload


def ip6(protocol, source, target, payload):
    return struct.pack("!IHBB16s16s", 6 << 28, len(payload), protocol, 255, address(source),
                       address(target)) + payload


def udp(port, payload, source=50000):
    return struct.pack("!HHHH", source, port, 8 + len(payload), 0) + payload


def arp(sender, target):
    return struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, 1, b"\2\0\0\0\0\1", address(sender),
                       bytes(6), address(target))


class Pair(unittest.TestCase):
    """gw and peer, and devechos that end with the test."""

    def setUp(self):
        self.lab = Lab("drivers")
        self.addCleanup(self.lab.close)
        self.gw, self.peer = self.lab.namespace("gw"), self.lab.namespace("peer")
        self.lab.veth(self.gw, "eth0", self.peer, "eth0")
        self.gw.address("eth0", f"{HOST4}/24", f"{HOST6}/64")
        self.peer.address("eth0", f"{PEER4}/24", f"{PEER6}/64")
        self.gw_mac = bytes.fromhex(self.gw.mac("eth0").replace(":", ""))
        self.peer_mac = bytes.fromhex(self.peer.mac("eth0").replace(":", ""))

    def start(self, device, *words, **options):
        echo = Echo(self.gw, device, *words, **options)
        self.addCleanup(echo.discard)
        return echo

    def start_good(self, device, *words, **options):
        echo = self.start(device, *words, **options)
        self.assertTrue(echo.hello.get("ready"), echo.hello)
        return echo

    def frame(self, kind, payload, tags=(), target=None):
        head = (target or self.gw_mac) + self.peer_mac
        for tpid, vlan in tags:
            head += struct.pack("!HH", tpid, vlan)
        return (head + struct.pack("!H", kind) + payload).ljust(60, b"\0")

    def exchange(self, frames, pause=0.002):
        """Sends frames from peer; what came back, as if it had been sent."""
        done = self.peer.run("/usr/bin/python3", "-c", SENDER, pause,
                             stdin="".join(f.hex() + "\n" for f in frames))
        back = [bytes.fromhex(line) for line in done.stdout.split()]
        return [self.gw_mac + self.peer_mac + f[12:] for f in back
                if f[:12] == self.peer_mac + self.gw_mac]

    def flood(self, echo, count):
        """Sends so many frames while nobody takes them; how many the device missed."""
        before = echo.show()
        echo.send(signal.SIGSTOP)
        mine = self.frame(0x0800, ip4(17, PEER4, GATEWAY4, udp(GENEVE, bytes(20))))
        self.exchange([mine] * count, pause=0)
        echo.send(signal.SIGCONT)

        def settled():
            now = echo.show()
            return now["rx_packets"] + now["rx_missed"] - before["rx_packets"] >= count and now
        after = wait_until(settled, what="every frame to be counted")
        self.assertEqual(after["rx_packets"] - before["rx_packets"] + after["rx_missed"], count)
        return after["rx_missed"]

    def xdp_program(self):
        link = json.loads(self.gw.ip("-j", "-d", "link", "show", "eth0").stdout)[0]
        identity = link.get("xdp", {}).get("prog", {}).get("id")
        if identity is None:
            return None
        return json.loads(run("bpftool", "-j", "prog", "show", "id", identity).stdout)["name"]

    def serve(self, target):
        self.gw.start("/usr/bin/python3", "-c", SERVER, target, ready="ready")

    def talks(self, target, size=1000000):
        return self.peer.run("/usr/bin/python3", "-c", CLIENT, target, size,
                             check=False).returncode == 0


class SteeringTest(Pair):
    def start_usual(self):
        words = ["address", GATEWAY4, "address", GATEWAY6]
        for tags in TAGS:
            words += ["tags", tags]
        return self.start_good("af_xdp:eth0", *words)

    def test_who_gets_what(self):
        # A veth lets one tag pass above its MTU, a packet socket none that is not 802.1Q.
        for namespace in (self.gw, self.peer):
            namespace.ip("link", "set", "eth0", "mtu", "1508")
        echo = self.start_usual()
        inner = bytes(range(64))
        group = b"\x33\x33\xff\0\0\1"
        solicit = ip6(58, PEER6, "ff02::1:ff00:1", struct.pack("!BBHI16s", 135, 0, 0, 0,
                                                               address(GATEWAY6)))
        mine = {
            "arp": [self.frame(0x0806, arp(PEER4, GATEWAY4), target=b"\xff" * 6)],
            "nd": [self.frame(0x86dd, solicit, target=group)],
            "icmp": [self.frame(0x0800, ip4(1, PEER4, GATEWAY4, bytes([8, 0, 0, 0]) + inner)),
                     self.frame(0x86dd, ip6(58, PEER6, GATEWAY6, bytes([128, 0, 0, 0]) + inner))],
            "tunnel": [self.frame(0x0800, ip4(17, PEER4, GATEWAY4, udp(GENEVE, inner))),
                       self.frame(0x0800, ip4(17, PEER4, GATEWAY4, udp(VXLAN, inner))),
                       self.frame(0x86dd, ip6(17, PEER6, GATEWAY6, udp(GENEVE, inner)))],
            "tagged": [self.frame(0x0800, ip4(6, "10.7.7.7", "10.8.8.8", inner), [(0x8100, 100)]),
                       self.frame(0x0800, ip4(6, "10.7.7.7", "10.8.8.8", bytes(1480)),
                                  [(0x88a8, 200), (0x8100, 7)])],
        }
        theirs = [
            self.frame(0x0806, arp(PEER4, "10.1.0.77")),
            self.frame(0x0800, ip4(17, PEER4, "10.1.0.77", udp(GENEVE, inner))),
            self.frame(0x0800, ip4(17, PEER4, GATEWAY4, udp(53, inner))),
            self.frame(0x0800, ip4(6, PEER4, GATEWAY4, inner)),
            self.frame(0x0800, ip4(6, "10.7.7.7", "10.8.8.8", inner), [(0x8100, 101)]),
            self.frame(0x88cc, inner),
        ]
        wanted = [f for frames in mine.values() for f in frames]
        before = echo.show()
        back = self.exchange(wanted + theirs)
        after = echo.show()
        # Those to everybody come back to one: without the MAC addresses.
        self.assertEqual(sorted(f[12:] for f in back), sorted(f[12:] for f in wanted))
        self.assertEqual(max(len(f) for f in back), 1522)
        for name, frames in mine.items():
            self.assertEqual(after[name] - before[name], len(frames), name)
        self.assertGreaterEqual(after["kernel"] - before["kernel"], len(theirs))
        self.assertEqual(after["no_socket"], 0)
        self.assertEqual(after["rx_missed"], 0)

    def test_host_is_unaffected(self):
        self.start_usual()
        self.serve(HOST4)
        self.serve(HOST6)
        flood = [self.frame(0x0800, ip4(17, PEER4, GATEWAY4, udp(GENEVE, bytes(800))))] * 500
        self.assertTrue(self.talks(HOST4))
        self.assertTrue(self.talks(HOST6))
        sender = subprocess.Popen(
            ["ip", "netns", "exec", self.peer.name, "/usr/bin/python3", "-c", SENDER, "0.001"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        sender.stdin.write("".join(f.hex() + "\n" for f in flood))
        sender.stdin.close()
        self.assertTrue(self.talks(HOST4, 5000000))
        self.assertEqual(sender.wait(20), 0)
        self.assertEqual(self.peer.run("ping", "-c", 3, "-i", 0.2, HOST4).returncode, 0)
        self.assertEqual(self.peer.run("ping", "-c", 3, "-i", 0.2, HOST6).returncode, 0)

    def test_addresses_change_while_it_runs(self):
        echo = self.start_usual()
        old = self.frame(0x0800, ip4(17, PEER4, GATEWAY4, udp(GENEVE, bytes(20))))
        new = self.frame(0x0800, ip4(17, PEER4, "10.1.0.3", udp(GENEVE, bytes(20))))
        self.assertEqual(self.exchange([old, new]), [old])
        self.assertTrue(echo.ask("addresses 10.1.0.3")["done"])
        self.assertEqual(self.exchange([old, new]), [new])

    def test_untagged_attachment_beside_the_host(self):
        echo = self.start_good("af_xdp:eth0", "address", GATEWAY4, "tags", "none")
        transit = self.frame(0x0800, ip4(6, PEER4, "192.0.2.1", bytes(40)))
        late = self.frame(0x0800, ip4(6, PEER4, "10.1.0.77", bytes(40)))
        self.assertEqual(self.exchange([transit, late]), [transit, late])
        self.serve(HOST4)
        self.assertTrue(self.talks(HOST4))
        # The host takes another address: followed with the next look at the link.
        self.gw.address("eth0", "10.1.0.77/32")
        echo.show()
        back = self.exchange([transit, late])
        self.assertIn(transit, back)
        self.assertNotIn(late, back)

    def test_a_killed_gateway_is_replaced(self):
        first = self.start_good("af_xdp:eth0", "address", HOST4)
        self.assertEqual(self.xdp_program(), "trunkline_steer")
        first.kill()
        self.assertEqual(self.xdp_program(), "trunkline_steer")
        # The kernel owns this address too: was the datagram passed on, it would say unreachable.
        datagram = self.frame(0x0800, ip4(17, PEER4, HOST4, udp(GENEVE, bytes(20))))
        self.peer.ip("neigh", "replace", HOST4, "lladdr", self.gw.mac("eth0"), "dev", "eth0")
        self.gw.ip("neigh", "replace", PEER4, "lladdr", self.peer.mac("eth0"), "dev", "eth0")
        self.assertEqual(self.exchange([datagram]), [])
        second = self.start_usual()
        self.assertIn("left by a killed", second.log())
        mine = self.frame(0x0800, ip4(17, PEER4, GATEWAY4, udp(GENEVE, bytes(20))))
        self.assertEqual(self.exchange([mine]), [mine])
        self.assertEqual(second.close(), 0)
        self.assertIsNone(self.xdp_program())
        # And this is what the kernel says where nobody steers.
        self.assertEqual(len(self.exchange([datagram])), 1)

    def test_one_gateway_an_interface(self):
        self.start_usual()
        other = self.start("af_xdp:eth0", "address", "10.1.0.3")
        self.assertIn("in use by another gateway", other.hello["error"])
        mine = self.frame(0x0800, ip4(17, PEER4, GATEWAY4, udp(GENEVE, bytes(20))))
        self.assertEqual(self.exchange([mine]), [mine])

    def test_a_foreign_program_is_left_alone(self):
        source = self.lab.path("foreign.c")
        with open(source, "w", encoding="ascii") as file:
            file.write('__attribute__((section("xdp"))) int foreign_pass(void *c) { return 2; }\n')
        run("clang", "-O2", "-g", "-target", "bpf", "-c", source, "-o", source + ".o")
        self.gw.ip("link", "set", "dev", "eth0", "xdp", "obj", source + ".o", "sec", "xdp")
        there = self.xdp_program()
        echo = self.start("af_xdp:eth0", "address", GATEWAY4)
        self.assertEqual(there, "foreign_pass")
        self.assertIn(f'"{there}"', echo.hello["error"])
        self.assertIn("not ours", echo.hello["error"])
        self.assertEqual(self.xdp_program(), there)

    def test_limits_are_told(self):
        echo = self.start("af_xdp:eth0", mtu=2000)
        self.assertRegex(echo.hello["error"], r"buffers of 2406 bytes.*2304")
        self.assertIsNone(self.xdp_program())
        echo = self.start("af_xdp:eth7")
        self.assertIn("eth7", echo.hello["error"])

    def test_link_and_full_ring(self):
        echo = self.start_usual()
        self.assertTrue(echo.show()["link"])
        self.peer.ip("link", "set", "eth0", "down")
        wait_until(lambda: not echo.show()["link"], what="the link to be down")
        self.peer.ip("link", "set", "eth0", "up")
        wait_until(lambda: echo.show()["link"], what="the link")
        self.assertGreater(self.flood(echo, 3000), 1000)


class PacketSocketTest(Pair):
    """af_packet: the portable device."""

    def setUp(self):
        super().setUp()
        self.gw.silence("eth0")
        self.peer.silence("eth0")

    def test_fragments_of_two_vlans_stay_apart(self):
        """The driver as it is would have the kernel join them into one packet."""
        self.start_good("af_packet:eth0")
        first = ip4(17, "10.7.7.7", "10.8.8.8", udp(9, b"a" * 40), ident=77, fragment=0x2000)
        last = ip4(17, "10.7.7.7", "10.8.8.8", b"b" * 48, ident=77, fragment=6)
        frames = [self.frame(0x0800, first, [(0x8100, 1)]), self.frame(0x0800, last, [(0x8100, 2)]),
                  self.frame(0x0800, last, [(0x8100, 1)])]
        self.assertEqual(self.exchange(frames), frames)

    def test_does_not_hear_the_host(self):
        echo = self.start_good("af_packet:eth0")
        self.gw.ip("neigh", "replace", PEER4, "lladdr", self.peer.mac("eth0"), "dev", "eth0")
        before = echo.show()["rx_packets"]
        self.gw.run("ping", "-c", 5, "-i", 0.05, "-W", 1, PEER4, check=False)
        # Replies come in by the device as well as by the kernel; requests do not.
        self.assertLessEqual(echo.show()["rx_packets"] - before, 7)

    def test_largest_frame_and_mtu(self):
        self.start_good("af_packet:eth0", mtu=1600)
        self.assertIn("mtu 1600", self.gw.ip("link", "show", "eth0").stdout)
        self.peer.ip("link", "set", "eth0", "mtu", "1600")
        large = self.frame(0x0800, ip4(6, PEER4, "10.8.8.8", bytes(1580)), [(0x8100, 5)])
        self.assertEqual(self.exchange([large]), [large])
        echo = self.start("af_packet:eth0", mtu=9000)
        self.assertRegex(echo.hello["error"], r"buffers of \d+ bytes")

    def test_a_full_ring_is_counted(self):
        echo = self.start_good("af_packet:eth0,frames=256")
        self.assertGreater(self.flood(echo, 1000), 0)


if __name__ == "__main__":
    unittest.main()
