#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the inputs that fuzzing of the packet path starts from, into tests/fuzz/corpus.

Usage: seeds.py     Other files there, found by fuzzing, stay.
"""
import os
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'flow'))

from box import (GENEVE, ICMP, IP, TCP, UDP, Dot1AD, Dot1Q, Ether, ICMPv6EchoRequest,  # noqa: E402
                 IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, Raw)


def write(target, name, data):
    folder = os.path.join(HERE, 'corpus', target)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), 'wb') as file:
        file.write(data)


def option(kind, length, size=None):
    return bytes([1, 2, kind, length]) + bytes(4 * length if size is None else size)


def geneve(options=b'', words=None, flags=0, protocol=0x0800):
    words = len(options) // 4 if words is None else words
    return struct.pack('>BBHI', words, flags, protocol, 1001 << 8) + options


def syn(options):
    return bytes(TCP(sport=1234, dport=80, flags='S', options=options))


def clamp(mss, tcp):
    return struct.pack('>H', mss) + tcp


# The readers of fuzz_tunnel.c, in its order, each with what to read.
READERS = [
    {'one': option(1, 3), 'two': option(1, 1) + option(2, 0), 'critical': option(0x81, 0),
     'long': option(1, 9, 8), 'short': b'\1\2'},
    {'plain': geneve(), 'options': geneve(option(1, 3) + option(3, 0)), 'frame': geneve(b'', 0, 0x40, 0x6558),
     'beyond': geneve(option(1, 0), 2), 'control': geneve(b'', 0, 0x80)},
    {'plain': struct.pack('>II', 0x08000000, 1001 << 8), 'flagless': bytes(8), 'short': bytes(7)},
    {'udp': bytes(IP(src='10.1.1.1', dst='10.2.2.2') / UDP() / Raw(b'xyz')),
     'tcp': bytes(IP(src='10.1.1.1', dst='10.2.2.2') / TCP()),
     'echo': bytes(IP(src='10.1.1.1', dst='10.2.2.2') / ICMP()),
     'fragment': bytes(IP(src='10.1.1.1', dst='10.2.2.2', frag=5, flags='MF') / Raw(b'x' * 24)),
     'options': bytes(IP(src='10.1.1.1', dst='10.2.2.2', options=b'\x94\x04\0\0\1\1\1\0') / UDP()),
     'source-route': bytes(IP(src='10.1.1.1', dst='10.2.2.2',
                              options=b'\x83\x07\x04\x0a\0\0\1\0') / UDP())},
    {'udp': bytes(IPv6(src='fd01::1', dst='fd02::2') / UDP() / Raw(b'xyz')),
     'tcp': bytes(IPv6(src='fd01::1', dst='fd02::2') / TCP()),
     'echo': bytes(IPv6(src='fd01::1', dst='fd02::2') / ICMPv6EchoRequest()),
     'fragment': bytes(IPv6(src='fd01::1', dst='fd02::2') / IPv6ExtHdrFragment(m=1, nh=17) / UDP()),
     'atomic': bytes(IPv6(src='fd01::1', dst='fd02::2') / IPv6ExtHdrFragment(nh=17) / UDP()),
     'chain': bytes(IPv6(src='fd01::1', dst='fd02::2') / IPv6ExtHdrDestOpt() / IPv6ExtHdrDestOpt() /
                    TCP())},
    {'plain': bytes(Ether(type=0x0800)), 'tag': bytes(Ether() / Dot1Q(vlan=5, type=0x86dd)),
     'two': bytes(Ether() / Dot1AD(vlan=5) / Dot1Q(vlan=6, type=0x0800)),
     'three': bytes(Ether() / Dot1AD(vlan=5) / Dot1Q(vlan=6) / Dot1Q(vlan=7, type=0x0800)),
     'priority': bytes(Ether() / Dot1Q(vlan=0, prio=5, type=0x0800))},
    {'last': clamp(1280, syn([('MSS', 1460)])),
     'odd': clamp(1280, syn([('NOP', None), ('MSS', 1460), ('SAckOK', b'')])),
     'among': clamp(1280, syn([('WScale', 7), ('NOP', None), ('MSS', 9000), ('Timestamp', (1, 2))])),
     'low': clamp(1460, syn([('MSS', 536)])), 'none': clamp(1280, syn([]))},
]
NAMES = ['options', 'geneve', 'vxlan', 'ip4', 'ip6', 'frame', 'mss']


def main():
    for number, (reader, cases) in enumerate(zip(NAMES, READERS)):
        for name, data in cases.items():
            write('tunnel', reader + '-' + name, bytes([number]) + data)


if __name__ == '__main__':
    main()
