# SPDX-License-Identifier: BSD-3-Clause
"""Every drop reason is provoked, counted once and under its own name; the books balance each time."""
import struct
import unittest

from box import (ARP, CUSTOMER, GENEVE, ICMP, IP, OTHER, PEER, TCP, UDP, VXLAN, Box, Dot1Q, Ether,
                 ICMPv6EchoRequest, ICMPv6ND_NS, ICMPv6ND_RA, IPv6, IPv6ExtHdrDestOpt, Raw,
                 document, gateway_mac, main, resolve)

TAGS = ((0x8100, 1101),)


def cust(packet, dst=None, vlan=1101, kind=None):
    """A frame of the customer with this IP packet or payload."""
    if kind is None:
        kind = 0x86dd if IPv6 in packet else 0x0806 if ARP in packet else 0x0800
    return Ether(src=CUSTOMER, dst=dst or gateway_mac(0)) / Dot1Q(vlan=vlan, type=kind) / packet


def flow(src='192.168.7.2', dst='10.2.3.4', **ip):
    return IP(src=src, dst=dst, **ip) / UDP(sport=4000, dport=5000) / Raw(b'x' * 40)


def flow6(src='fd07::2', dst='fd02::9', **ip):
    return IPv6(src=src, dst=dst, **ip) / UDP(sport=4000, dport=5000) / Raw(b'x' * 40)


def back(packet, vni=1001, proto=0x0800, src='10.1.0.2', dst='10.1.0.1', geneve=None, udp=None,
         tos=0, **ip):
    """A frame of the peer with this inside Geneve."""
    header = geneve if geneve is not None else GENEVE(vni=vni, proto=proto)
    frame = (Ether(src=PEER, dst=gateway_mac(1)) / IP(src=src, dst=dst, tos=tos, **ip) /
             UDP(**dict({'sport': 50000, 'dport': 6081, 'chksum': 0}, **(udp or {}))) / header / packet)
    return frame


def inward():
    return flow('10.2.3.4', '192.168.7.2')


def raw_geneve(first, flags=0, options=b'', vni=1001, proto=0x0800):
    return Raw(struct.pack('>BBHI', first, flags, proto, vni << 8) + options)


def change(frame, at, value):
    data = bytearray(bytes(frame))
    data[at] = value
    return bytes(data)


def bfd(version=1, state=1, flags=0, mult=3, length=24, mine=77, yours=0, more=b''):
    return Raw(struct.pack('>BBBBIIIII', version << 5, state << 6 | flags, mult, length, mine, yours,
                           100000, 100000, 0) + more)


def hop(message, ttl=255, dport=3784, src='10.1.0.2'):
    """A BFD message of the peer's on the underlay."""
    return (Ether(src=PEER, dst=gateway_mac(1)) / IP(src=src, dst='10.1.0.1', ttl=ttl) /
            UDP(sport=49152, dport=dport) / message)


def managed(ttl=255, dst='127.0.0.1', dport=3784):
    """One in the path's tunnel, on the management VNI."""
    inner = IP(src='10.1.0.2', dst=dst, ttl=ttl) / UDP(sport=49152, dport=dport) / bfd()
    return back(inner, geneve=raw_geneve(0, 0x80, vni=1))


# reason: (port, frame) pairs that each die of it; the box is the plain one of setUp.
PLAIN = {
    'frame_truncated': ('cust', bytes(cust(flow()))[:13]),
    'not_our_mac': ('cust', cust(flow(), dst=OTHER)),
    'group_source': ('cust', Ether(src='01:00:5e:00:00:01', dst=gateway_mac(0)) /
                     Dot1Q(vlan=1101) / flow()),
    'unknown_tag': ('cust', cust(flow(), vlan=7)),
    'unknown_ethertype': ('cust', cust(Raw(b'hello' * 12), kind=0x9000)),
    'arp_malformed': ('cust', bytes(cust(ARP(op=1, pdst='192.168.7.1')))[:30]),
    'arp_ignored': ('cust', cust(ARP(op=1, psrc='192.168.7.2', pdst='192.168.7.99'))),
    'nd_malformed': ('cust', cust(IPv6(src='fd07::2', dst='fd07::1', hlim=64) /
                                  ICMPv6ND_NS(tgt='fd07::1'))),
    'nd_ignored': ('cust', cust(IPv6(src='fe80::2', dst='ff02::1', hlim=255) / ICMPv6ND_RA(),
                                dst='33:33:00:00:00:01')),
    'outer_header': ('bb', bytes(back(inward()))[:30]),
    'outer_checksum': ('bb', change(back(inward()), 24, 0x55)),
    'outer_fragment': ('bb', back(inward(), flags='MF')),
    'outer_not_local': ('bb', back(inward(), dst='10.1.0.77')),
    'outer_protocol': ('bb', Ether(src=PEER, dst=gateway_mac(1)) /
                       IP(src='10.1.0.2', dst='10.1.0.1') / TCP(dport=22)),
    'udp_length': ('bb', back(inward(), udp={'len': 2000})),
    'udp_checksum': ('bb', back(inward(), udp={'chksum': 0x1234})),
    'unknown_tunnel': ('bb', back(inward(), src='10.1.0.9')),
    'tunnel_truncated': ('bb', Ether(src=PEER, dst=gateway_mac(1)) /
                         IP(src='10.1.0.2', dst='10.1.0.1') /
                         UDP(sport=50000, dport=6081, chksum=0) / Raw(b'abc')),
    'geneve_version': ('bb', back(inward(), geneve=raw_geneve(0x40))),
    'geneve_options': ('bb', back(inward(), geneve=raw_geneve(1, 0, b'\x01\x02\x03\x05'))),
    'geneve_critical': ('bb', back(inward(), geneve=raw_geneve(1, 0x40, b'\x01\x02\x83\x00'))),
    'geneve_control': ('bb', back(inward(), geneve=raw_geneve(0, 0x80))),
    'tunnel_protocol': ('bb', back(inward(), proto=0x8847)),
    'oam_frame': ('bb', managed(dst='10.9.9.9')),
    'oam_ttl': ('bb', hop(bfd(), ttl=254)),
    'bfd_length': ('bb', hop(bfd(length=25))),
    'bfd_version': ('bb', hop(bfd(version=0))),
    'bfd_field': ('bb', hop(bfd(mult=0))),
    'bfd_state': ('bb', hop(bfd(state=3))),
    'bfd_session': ('bb', hop(bfd())),
    'unknown_vni': ('bb', back(inward(), vni=1002)),
    'inner_frame': ('bb', back(Ether(dst='ff:ff:ff:ff:ff:ff', src=PEER, type=0x9000) / Raw(b'z' * 40),
                               proto=0x6558)),
    'inner_mac': ('bb', back(Ether(dst=OTHER, src=PEER) / inward(), proto=0x6558)),
    'ecn_illegal': ('bb', back(inward(), tos=3)),
    'ip_truncated': ('cust', cust(flow(len=200))),
    'ip_header': ('cust', cust(flow(ihl=4))),
    'ip_checksum': ('cust', cust(flow(chksum=0x1111))),
    'ip_source_route': ('cust', cust(IP(src='192.168.7.2', dst='10.2.3.4',
                                        options=b'\x83\x07\x04\x0a\x00\x00\x01\x00') / UDP())),
    'ip6_extension': ('cust', cust(IPv6(src='fd07::2', dst='fd02::9', nh=60) /
                                   Raw(b'\x3b\x63' + bytes(6)))),
    'martian_source': ('cust', cust(flow('127.0.0.1'))),
    'martian_destination': ('cust', cust(flow(dst='0.1.2.3'))),
    'multicast': ('cust', cust(flow(dst='224.1.1.1'))),
    'link_local': ('cust', cust(flow6(dst='fe80::1234'))),
    'source_check': ('cust', cust(flow('10.2.0.9'))),
    'no_route': ('cust', cust(flow(dst='172.16.1.1'))),
    'blackhole': ('cust', cust(flow(dst='10.66.1.1'))),
    'same_site': ('bb', back(flow('10.2.9.9', '10.2.3.4'))),
    'ttl_expired': ('cust', cust(flow(ttl=1))),
    'mtu_exceeded': ('cust', cust(IP(src='192.168.7.2', dst='10.2.3.4', flags='DF') / UDP() /
                                  Raw(b'x' * 1460))),
    'local_protocol': ('cust', cust(IP(src='192.168.7.2', dst='192.168.7.1') / TCP(dport=22))),
    'local_icmp': ('cust', cust(IP(src='192.168.7.2', dst='192.168.7.1') / ICMP(type=13))),
}


class Plain(unittest.TestCase):
    """One box, one frame per reason."""

    @classmethod
    def setUpClass(cls):
        cls.provoked = set()
        cls.box = Box()
        cls.box.apply(document(routes=[
            {'connection': 'acme', 'prefixes': ['10.2.0.0/16', 'fd02::/32'], 'via': {'site': 'far'}},
            {'connection': 'acme', 'prefix': '10.66.0.0/16', 'via': {'blackhole': True}}]))
        resolve(cls.box)

    @classmethod
    def tearDownClass(cls):
        cls.box.__exit__(None, None, None)

    def test_each(self):
        for reason, (port, frame) in PLAIN.items():
            with self.subTest(reason):
                before = self.box.drops()
                self.box.pass_through(port, frame)
                after = self.box.drops()
                new = {k: v - before.get(k, 0) for k, v in after.items() if v != before.get(k, 0)}
                self.assertEqual({reason: 1}, new)

    def test_other_ways(self):
        for reason, frame in AGAIN:
            with self.subTest(reason, frame=bytes(frame).hex()):
                frame = Ether(bytes(frame))
                if reason == 'outer_not_local':
                    del frame[IP].chksum
                before = self.box.drops()
                self.box.pass_through('bb', frame)
                after = self.box.drops()
                new = {k: v - before.get(k, 0) for k, v in after.items() if v != before.get(k, 0)}
                self.assertEqual({reason: 1}, new)

    def test_broadcast_inside_is_not_forwarded(self):
        """A frame to all stations inside the tunnel must not become a packet to one (RFC 1812)."""
        frame = back(Ether(dst='ff:ff:ff:ff:ff:ff', src=PEER) / inward(), proto=0x6558)
        before = self.box.drops().get('multicast', 0)
        self.assertEqual([], self.box.pass_through('bb', frame)['cust'])
        self.assertEqual(before + 1, self.box.drops()['multicast'])


def counted(test, box, reason, least=1):
    drops = box.drops()
    test.assertGreaterEqual(drops.get(reason, 0), least, drops)
    SPECIAL.add(reason)


SPECIAL = set()


# Reasons that PLAIN has, died of in another way too.
AGAIN = [
    ('oam_frame', managed(dport=3785)),
    ('oam_frame', back(Raw(b'short'), geneve=raw_geneve(0, 0x80, vni=1))),
    ('oam_ttl', managed(ttl=64)),
    ('bfd_session', managed()),
    ('bfd_session', managed(dst='10.1.0.1')),
    ('bfd_session', hop(bfd(), dport=4784, ttl=3)),
    ('bfd_session', hop(bfd(yours=0x00010001))),
    ('bfd_session', hop(bfd(yours=0x0001ffff))),
    ('bfd_length', hop(Raw(b'short'))),
    ('bfd_field', hop(bfd(mine=0))),
    ('bfd_field', hop(bfd(flags=1))),
    ('outer_not_local', bytes(hop(bfd())).replace(b'\x0a\x01\x00\x01', b'\x0a\x01\x00\x09')),
]


class Special(unittest.TestCase):
    """Reasons that need a box of their own."""

    def plain(self, doc=None, **setup):
        box = Box(**setup)
        box.apply(doc or document())
        resolve(box)
        return box

    def test_rx_chained(self):
        with self.plain() as box:
            box.pass_through('cust', cust(flow()), segments=2)
            counted(self, box, 'rx_chained')

    def test_vxlan_flags(self):
        with self.plain(document('vxlan')) as box:
            box.pass_through('bb', Ether(src=PEER, dst=gateway_mac(1)) /
                             IP(src='10.1.0.2', dst='10.1.0.1') /
                             UDP(sport=50000, dport=4789, chksum=0) / VXLAN(vni=1001, flags=0) /
                             Ether() / inward())
            counted(self, box, 'vxlan_flags')

    def test_udp_zero_checksum(self):
        with Box() as box:
            box.apply(document(outer=6))
            resolve(box, outer=6)
            frame = bytearray(bytes(
                Ether(src=PEER, dst=gateway_mac(1)) / IPv6(src='fd01::2', dst='fd01::1') /
                UDP(sport=50000, dport=6081) / GENEVE(vni=1001, proto=0x0800) / inward()))
            frame[60] = frame[61] = 0
            box.pass_through('bb', bytes(frame))
            counted(self, box, 'udp_zero_checksum')

    def test_no_live_path(self):
        with Box() as box:
            box.apply(document(path={'admin': 'down'}))
            box.pass_through('cust', cust(flow()))
            counted(self, box, 'no_live_path')

    def test_policed(self):
        """A megabit a second: two packets' worth at once, no more."""
        with self.plain(document(connection={'bandwidth_mbps': 1, 'burst_bytes': 1})) as box:
            box.pass_through('cust', *[cust(flow() / Raw(b'x' * 932)) for _ in range(20)])
            counted(self, box, 'policed', 10)

    def test_neighbour_unresolved(self):
        hop = {'connection': 'acme', 'prefix': '10.5.0.0/16',
               'via': {'next_hops': [{'attachment': 'a1', 'address': '192.168.7.50'}]}}
        with self.plain(document(routes=[hop])) as box:
            for _ in range(5):
                box.settle(1000)
            box.pass_through('cust', cust(flow(dst='10.5.1.1')))
            counted(self, box, 'neighbour_unresolved')

    def test_neighbour_hold_full(self):
        with self.plain(held_each=4) as box:
            box.pass_through('bb', *[back(flow('10.2.3.4', '192.168.7.60')) for _ in range(9)])
            counted(self, box, 'neighbour_hold_full', 5)

    def test_neighbour_limit(self):
        with self.plain(gleaned=3) as box:
            box.pass_through('bb', *[back(flow('10.2.3.4', '192.168.7.%d' % i))
                                     for i in range(60, 70)])
            counted(self, box, 'neighbour_limit', 5)

    def test_bfd_auth(self):
        auth = {'key_id': 1, 'key': 'secret'}
        with self.plain(document(path={'bfd': {'mode': 'single_hop', 'auth': auth}})) as box:
            box.pass_through('bb', hop(bfd()))
            box.pass_through('bb', hop(bfd(flags=4, length=52,
                                           more=b'\x05\x1c\x01' + bytes(25))))
            counted(self, box, 'bfd_auth', 2)

    def test_bfd_admin_down(self):
        with self.plain(document(path={'bfd': {'mode': 'single_hop', 'admin': 'down'}})) as box:
            box.pass_through('bb', hop(bfd()))
            counted(self, box, 'bfd_admin_down')

    def test_no_buffer(self):
        with self.plain() as box:
            box.call('starve', on=True)
            box.pass_through('cust', cust(IP(src='192.168.7.2', dst='10.2.3.4') / UDP() /
                                          Raw(b'x' * 1470)))
            box.call('starve', on=False)
            counted(self, box, 'no_buffer')

    def test_ring_full(self):
        ports = [{'name': 'cust', 'distribute': True}, {'name': 'bb'}]
        with self.plain(workers=2, ring=8, ports=ports) as box:
            frames = [cust(IP(src='192.168.7.2', dst='10.2.3.4') / UDP(sport=p, dport=9))
                      for p in range(1000, 1060)]
            box.inject('cust', *frames)
            box.call('turn', worker=0)
            box.settle()
            counted(self, box, 'ring_full', 8)

    def test_hold_full(self):
        """Flows that change workers wait for the old one; what does not fit meanwhile is dropped."""
        ports = [{'name': 'cust', 'distribute': True}, {'name': 'bb'}]
        with self.plain(workers=2, hold=8, ports=ports) as box:
            def packets(count):
                return [cust(IP(src='192.168.7.2', dst='10.2.3.4') / UDP(sport=p, dport=9))
                        for p in range(1000, 1000 + count)]
            box.call('spread', port='cust', worker=1)
            box.settle()
            box.inject('cust', *packets(4))
            box.call('turn', worker=0)
            box.call('spread', port='cust', worker=0)
            box.inject('cust', *packets(60))
            box.call('turn', worker=0)
            box.settle()
            counted(self, box, 'hold_full', 53)  # a ring of 8 takes 7
            self.assertEqual(2 + 4 + 7, box.stats()['connections']['acme']['attachment']['tx'])

    def test_punt_full(self):
        with self.plain(punt=8, workers=1) as box:
            box.inject('bb', *[back(flow('10.2.3.4', '192.168.7.%d' % i)) for i in range(60, 90)])
            box.call('turn', worker=0)
            box.settle()
            counted(self, box, 'punt_full', 10)

    def test_stale(self):
        with self.plain() as box:
            box.call('stray', link=2 << 28 | 99, connection=1)
            box.settle()
            counted(self, box, 'stale')

    def test_port_down(self):
        ports = [{'name': 'cust'}, {'name': 'bb'}, {'name': 'dumb', 'tx_queues': 65535}]
        doc = document()
        doc['attachments'].append({'name': 'a2', 'connection': 'acme', 'port': 'dumb',
                                   'addresses': ['192.168.8.1/24']})
        with self.plain(doc, ports=ports) as box:
            box.pass_through('cust', cust(flow(dst='192.168.8.9')))
            counted(self, box, 'port_down')

    def test_tx_full(self):
        ports = [{'name': 'cust'}, {'name': 'bb', 'ring': 16}]
        with self.plain(ports=ports) as box:
            box.pass_through('cust', *[cust(flow()) for _ in range(60)])
            counted(self, box, 'tx_full', 40)


class ZZAll(unittest.TestCase):
    """Runs last: no reason may have been left out."""

    def test_every_reason_is_provoked(self):
        with Box() as box:
            reasons = box.call('reasons')
        missing = set(reasons) - set(PLAIN) - SPECIAL
        self.assertEqual(set(), missing)


if __name__ == '__main__':
    main('__main__')
