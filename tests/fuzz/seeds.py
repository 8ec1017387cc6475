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

from box import (ARP, GENEVE, ICMP, IP, TCP, UDP, VXLAN, Dot1AD, Dot1Q, Ether,  # noqa: E402
                 ICMPv6EchoRequest, ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6NDOptDstLLAddr,
                 ICMPv6NDOptSrcLLAddr, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, Raw, gateway_mac,
                 tagged)


def write(target, name, data):
    folder = os.path.join(HERE, 'corpus', target)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), 'wb') as file:
        file.write(data)


def option(kind, length, size=None):
    return bytes([1, 2, kind, length]) + bytes(4 * length if size is None else size)


def lane(number=5, epoch=9, flags=0xb3, sequence=0x01020304, sent=0x05060708):
    return struct.pack('>HBBHBBII', 0xff01, 1, 3, number, epoch, flags, sequence, sent)


def geneve(options=b'', words=None, flags=0, protocol=0x0800):
    words = len(options) // 4 if words is None else words
    return struct.pack('>BBHI', words, flags, protocol, 1001 << 8) + options


def syn(options):
    return bytes(TCP(sport=1234, dport=80, flags='S', options=options))


def clamp(mss, tcp):
    return struct.pack('>H', mss) + tcp


def four(payload, **fields):
    return bytes(IP(src='10.1.1.1', dst='10.2.2.2', **fields) / payload)


def six(payload, **fields):
    return bytes(IPv6(src='fd01::1', dst='fd02::2', **fields) / payload)


# The readers of fuzz_tunnel.c, in its order, each with what to read.
READERS = [
    {'one': option(1, 3), 'two': option(1, 1) + option(2, 0), 'critical': option(0x81, 0),
     'long': option(1, 9, 8), 'short': b'\1\2'},
    {'plain': geneve(), 'lane': geneve(lane()),
     'options': geneve(option(1, 3) + option(3, 0)), 'frame': geneve(b'', 0, 0x40, 0x6558),
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
    {'udp': four(UDP() / Raw(b'x' * 40)), 'error': four(ICMP(type=3, code=4) / IP() / UDP()),
     'first': four(ICMP(type=11) / IP(), flags='MF'), 'long': four(UDP() / Raw(b'x' * 700)),
     'six': six(UDP() / Raw(b'x' * 1300)), 'six-error': six(Raw(b'\x01' + bytes(60)), nh=58),
     'six-first': six(IPv6ExtHdrFragment(m=1, nh=58) / Raw(b'\x03' + bytes(60))),
     'six-behind': six(IPv6ExtHdrFragment(m=1, nh=60) / Raw(b'\x3a\0' + bytes(6) + b'\x80' + bytes(40)))},
    {'plain': clamp(32, four(UDP() / Raw(bytes(range(200))))),
     'options': clamp(0, four(UDP() / Raw(bytes(99)), options=b'\x94\x04\0\0\1\1\7\7\4' + bytes(7))),
     'later': clamp(8, four(Raw(bytes(99)), frag=7, flags='MF', proto=17)),
     'run-over': clamp(8, four(Raw(bytes(99)), frag=8185, proto=17))},
    {'four': four(ICMP(id=3) / Raw(b'abc')), 'zeroes': four(ICMP(id=0, seq=0, type=8)),
     'reply': four(ICMP(type=0)), 'six': six(ICMPv6EchoRequest(data=b'abc')),
     'options': four(ICMP(), options=b'\x94\x04\0\0')},
    {'who': six(ICMPv6ND_NS(tgt='fd02::2') / ICMPv6NDOptSrcLLAddr(), hlim=255),
     'bare': six(ICMPv6ND_NS(tgt='fd02::2'), hlim=255),
     'unnamed': bytes(IPv6(src='::', dst='ff02::1:ff00:2', hlim=255) / ICMPv6ND_NS(tgt='fd02::2')),
     'said': six(ICMPv6ND_NA(tgt='fd02::2') / ICMPv6NDOptDstLLAddr(), hlim=255)},
    {'ask': bytes(ARP(op=1, psrc='10.1.1.1', pdst='10.2.2.2')), 'short': bytes(27)},
    {'alone': lane(), 'behind': option(1, 3) + lane(), 'before': lane(7) + option(2, 0),
     'two': lane(1) + lane(2), 'other-length': b'\xff\1\1\2' + bytes(8) + lane(),
     'reserved': b'\xff\1\1\xe3' + lane()[4:], 'cut': lane()[:15]},
]
NAMES = ['options', 'geneve', 'vxlan', 'ip4', 'ip6', 'frame', 'mss', 'error', 'pieces', 'echo',
         'discovery', 'arp', 'lane']



# Orders of fuzz_packet.c.
LENGTHS, SUMS, WAIT, CHAIN = 4, 8, 16, 32
SOUND = LENGTHS | SUMS
CUST, BB, CC, DD = range(4)
PLAIN, SMALL, QINQ, STRICT = (), ((0x8100, 100),), ((0x88a8, 200), (0x8100, 20)), ((0x8100, 300),)
OTHER = ((0x8100, 200), (0x8100, 20))
OUTER = {BB: [('10.1.0.2', '10.1.0.1', 'geneve'), ('fd01::2', 'fd01::1', 'vxlan'),
              ('10.1.0.3', '10.1.0.1', 'geneve')],
         CC: [('fd03::2', 'fd03::1', 'geneve'), ('10.99.0.2', '10.3.0.1', 'vxlan')]}
STATION = '02:00:00:00:00:aa'
FAR4, FAR6 = '10.2.3.4', 'fd02::9'


def frames(*parts):
    """(port, frame, order, sixteenths to grow) each."""
    data = b''
    for port, frame, *more in parts:
        order, grow = (more + [SOUND, 0][len(more):])[:2]
        frame = bytes(frame)
        data += struct.pack('>BBH', port | order, grow, len(frame)) + frame
    return data


def kind_of(packet):
    return 0x86dd if IPv6 in packet else 0x0806 if ARP in packet else 0x0800


def cust(packet, tags=PLAIN, port=CUST, dst=None):
    ether = Ether(src=STATION, dst=dst or gateway_mac(port))
    return tagged(ether, tags, kind_of(packet)) / packet


def packet_between(source, destination, l4=None, **fields):
    ip = IPv6 if ':' in source else IP
    return ip(src=source, dst=destination, **fields) / (UDP(sport=4000, dport=5000) / Raw(b'abcdefgh')
                                                        if l4 is None else l4)


def back(packet, port=BB, path=0, vni=1001, ethernet=False, mac='02:00:00:00:77:01', **fields):
    source, destination, encapsulation = OUTER[port][path]
    outer = packet_between(source, destination, UDP(sport=50000, dport=6081), **fields)
    if ethernet or encapsulation == 'vxlan':
        packet = Ether(src='02:00:00:00:00:cc', dst=mac) / packet
    if encapsulation == 'vxlan':
        outer[UDP].dport = 4789
        header = VXLAN(vni=vni, flags=8, NextProtocol=0)
    else:
        header = GENEVE(vni=vni, proto=0x6558 if Ether in packet else kind_of(packet))
    frame = Ether(src=STATION, dst=gateway_mac(port)) / outer / header / packet
    if '.' in source:
        frame[UDP].chksum = 0
    return frame


def solicit(target, source):
    return (IPv6(src=source, dst='ff02::1:ff00:1', hlim=255) / ICMPv6ND_NS(tgt=target) /
            ICMPv6NDOptSrcLLAddr(lladdr=STATION))


def advertise(target):
    return (IPv6(src=target, dst='fd07::1', hlim=255) / ICMPv6ND_NA(tgt=target, S=1, O=1) /
            ICMPv6NDOptDstLLAddr(lladdr=STATION))


def outward():
    """From customers: each tag form and family, towards each kind of route."""
    syn4 = TCP(sport=9, dport=80, flags='S', options=[('MSS', 8960), ('NOP', None), ('WScale', 7)])
    for name, tags, port, source in (
            ('plain', PLAIN, CUST, '192.168.7.2'), ('small', SMALL, CUST, '192.168.8.2'),
            ('qinq', QINQ, CUST, '192.168.7.2'), ('strict', STRICT, CUST, '192.168.9.2'),
            ('other', OTHER, DD, '192.168.10.2')):
        for route, to in (('far', FAR4), ('mid', '10.4.1.1'), ('low', '10.5.1.1'),
                          ('hops', '10.3.9.9'), ('dead', '10.6.0.1'), ('black', '10.66.1.1'),
                          ('none', '172.16.0.1')):
            yield 'out-%s-%s' % (name, route), [(port, cust(packet_between(source, to), tags, port))]
        yield 'syn-' + name, [(port, cust(packet_between(source, FAR4, syn4), tags, port))]
        yield 'large-' + name, [(port, cust(packet_between(source, FAR4), tags, port), SOUND, 95)]
        yield 'whole-' + name, [(port, cust(packet_between(source, FAR4, flags='DF'), tags, port),
                                 SOUND, 95)]
        yield 'expired-' + name, [(port, cust(packet_between(source, FAR4, ttl=1), tags, port))]
    for name, tags, port, source in (('plain', PLAIN, CUST, 'fd07::2'), ('qinq', QINQ, CUST, 'fd07::2'),
                                     ('other', OTHER, DD, 'fd0a::2')):
        for route, to in (('far', FAR6), ('mid', 'fd04::1'), ('none', '2001:db8:9::1')):
            yield 'out6-%s-%s' % (name, route), [(port, cust(packet_between(source, to), tags, port))]
        yield 'syn6-' + name, [(port, cust(packet_between(source, FAR6, syn4), tags, port))]
        yield 'large6-' + name, [(port, cust(packet_between(source, FAR6), tags, port), SOUND, 95)]
        yield 'expired6-' + name, [(port, cust(packet_between(source, FAR6, hlim=1), tags, port))]


def inward():
    """From paths: to customers, to other sites, and to the gateway itself."""
    for port, path, name in ((BB, 0, 'f1'), (BB, 1, 'f2'), (BB, 2, 'l1'), (CC, 0, 'm1'), (CC, 1, 'm2')):
        source = '10.4.1.1' if port == CC else '10.5.1.1' if name == 'l1' else FAR4
        for what, to in (('in', '192.168.7.2'), ('glean', '192.168.7.77'), ('absent', '192.168.7.177'),
                         ('transit', '10.4.2.2' if port == BB else FAR4), ('back', source)):
            yield '%s-%s' % (what, name), [(port, back(packet_between(source, to), port, path))]
        yield 'large-in-' + name, [(port, back(packet_between(source, '192.168.8.2'), port, path),
                                    SOUND, 40)]
        yield 'beta-' + name, [(port, back(packet_between(source, '192.168.7.9'), port, path, 1002))]
        for congestion in (1, 3):
            packet = packet_between(source, '192.168.7.2', **({'tos': 2}))
            yield 'ecn%d-%s' % (congestion, name), [
                (port, back(packet, port, path,
                            **{'tc' if ':' in OUTER[port][path][0] else 'tos': congestion}))]
    yield 'in6', [(BB, back(packet_between(FAR6, 'fd07::2')))]
    yield 'glean6', [(BB, back(packet_between(FAR6, 'fd07::77')))]
    yield 'transit6', [(CC, back(packet_between('fd04::1', FAR6), CC, 0, ethernet=True))]
    yield 'echo-inside', [(CC, back(packet_between('10.9.9.2', '10.9.9.1', ICMP()), CC, 1))]
    yield 'arp-inside', [(CC, back(ARP(op=1, psrc='10.9.9.2', pdst='10.9.9.1'), CC, 1,
                                   mac='ff:ff:ff:ff:ff:ff'))]
    yield 'solicit-inside', [(CC, back(solicit('fd09::1', 'fd09::2'), CC, 0, ethernet=True))]


def own():
    """To the gateway itself: neighbours, echoes, and what nobody listens for."""
    every = 'ff:ff:ff:ff:ff:ff'
    for name, tags, port, near, us in (('cust', PLAIN, CUST, '192.168.7.2', '192.168.7.1'),
                                       ('bb', PLAIN, BB, '10.1.0.2', '10.1.0.1'),
                                       ('other', OTHER, DD, '192.168.10.2', '192.168.10.1')):
        yield 'arp-ask-' + name, [(port, cust(ARP(op=1, psrc=near, pdst=us), tags, port, every))]
        yield 'arp-tell-' + name, [(port, cust(ARP(op=2, psrc=near, pdst=us, hwsrc=STATION), tags, port))]
        yield 'echo-' + name, [(port, cust(packet_between(near, us, ICMP() / Raw(b'ping')), tags, port))]
    for name, port, near, us in (('cust', CUST, 'fd07::2', 'fd07::1'), ('bb', BB, 'fd01::2', 'fd01::1')):
        yield 'solicit-' + name, [(port, cust(solicit(us, near), PLAIN, port))]
        yield 'probe-' + name, [(port, cust(solicit(us, '::'), PLAIN, port))]
        yield 'advertise-' + name, [(port, cust(advertise(near), PLAIN, port))]
        yield 'echo6-' + name, [(port, cust(packet_between(near, us, ICMPv6EchoRequest()), PLAIN, port))]
    yield 'udp-to-us', [(CUST, cust(packet_between('192.168.7.2', '192.168.7.1')))]
    yield 'loopback', [(CUST, cust(packet_between('192.168.7.2', '192.0.2.1', ICMP())))]


def odd():
    """Frames that are wrong in one way, as they are, and several at once."""
    plain = bytes(cust(packet_between('192.168.7.2', FAR4)))
    tunnelled = bytes(back(packet_between(FAR4, '192.168.7.2')))
    late = cust(IP(src='192.168.7.2', dst=FAR4, frag=8170) / Raw(b'x' * 64))
    yield 'chained', [(CUST, plain, SOUND | CHAIN)]
    yield 'cut-ip', [(CUST, plain[:30], 0)]
    yield 'cut-tunnel', [(BB, tunnelled[:46], 0)]
    yield 'cut-inner', [(BB, tunnelled[:60], 0)]
    yield 'bad-sum', [(CUST, plain[:24] + b'\x55' + plain[25:], 0)]
    yield 'padded', [(CUST, plain, 0, 1)]
    yield 'many', [(CUST, plain), (BB, tunnelled), (CUST, cust(packet_between('fd07::2', FAR6))),
                   (CC, back(packet_between('10.4.1.1', '192.168.10.2'), CC, 1))]
    yield 'twice', [(BB, back(packet_between(FAR4, '192.168.7.99')), SOUND | WAIT)] * 2
    yield 'late-fragment', [(CUST, late, SOUND, 100)]
    yield 'fragment', [(CUST, cust(IP(src='192.168.7.2', dst=FAR4, flags='MF') / Raw(b'x' * 64)))]
    yield 'options-large', [(CUST, cust(IP(src='192.168.7.2', dst=FAR4, options=b'\x94\x04\0\0\1\1\1\0') /
                                        UDP()), SOUND, 100)]
    yield 'options-low', [(CUST, cust(IP(src='192.168.7.2', dst='10.5.1.1',
                                         options=b'\x94\x04\0\0' + b'\1' * 36) / UDP()), SOUND, 8)]
    yield 'geneve-options', [(BB, Ether(src=STATION, dst=gateway_mac(BB)) /
                              IP(src='10.1.0.2', dst='10.1.0.1') / UDP(sport=5, dport=6081, chksum=0) /
                              Raw(geneve(option(1, 2) + option(3, 0))) /
                              packet_between(FAR4, '192.168.7.2'))]
    yield 'extensions', [(CUST, cust(IPv6(src='fd07::2', dst=FAR6) / IPv6ExtHdrDestOpt() /
                                     IPv6ExtHdrFragment(nh=17) / UDP()))]
    yield 'error-about-error', [(CUST, cust(packet_between('192.168.7.2', '172.16.0.1', ICMP(type=3))))]


# Orders of fuzz_bfd.c.
WHOLE, EXPIRE, SEND = 1, 2, 4


def said(state, yours=7, flags=0, order=SEND, desired=10000, required=8000, section=b''):
    """A BFD message, as an item of that target's list."""
    length = 24 + len(section)
    data = struct.pack('>BBBBIIIII', 0x20, state << 6 | flags, 3, length, 77, yours, desired,
                       required, 0) + section
    return bytes([order, length]) + data


def whole(frame):
    frame = bytes(frame)
    return bytes([WHOLE, len(frame)]) + frame


def bfd():
    """Sessions that come up, change their timers, fail, and what is no message at all."""
    up = said(1, 0) + said(2) + said(3, flags=0x10)
    message = UDP(sport=49152, dport=3784) / Raw(said(1, 0)[2:])
    yield 'up', up
    yield 'down', up + said(1, 0) + said(0, 0)
    yield 'expired', up + said(3, order=SEND | EXPIRE) + said(1, 0, order=20 << 3)
    yield 'polls', up + said(3, flags=0x20) + said(3, flags=0x22, required=0) + said(3, required=1)
    yield 'slow', up + said(3, desired=2 ** 32 - 1, required=2 ** 32 - 1)
    yield 'sealed', said(1, 0, flags=4, section=b'\5\x1c\1\0' + bytes(24)) + said(3, flags=4)
    yield 'frames', whole(Ether() / IP(ttl=255) / message) + whole(
        Ether() / IPv6(src='fd01::1', dst='fd02::2', hlim=255) / message) + whole(Ether() / ARP())


def main():
    for name, data in bfd():
        write('bfd', name, data)
    for number, (reader, cases) in enumerate(zip(NAMES, READERS)):
        for name, data in cases.items():
            write('tunnel', reader + '-' + name, bytes([number]) + data)
    for group in (outward, inward, own, odd):
        for name, parts in group():
            write('packet', name, frames(*parts))


if __name__ == '__main__':
    main()
