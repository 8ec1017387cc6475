# SPDX-License-Identifier: BSD-3-Clause
"""Routing, path choice, what forwarding changes in a packet, and isolation of connections."""
import collections
import unittest

from box import (ARP, CUSTOMER, GENEVE, ICMP, IP, OTHER, PEER, TCP, UDP, VXLAN, Box, Ether, ICMPv6EchoRequest,
                 ICMPv6ND_NS, IPv6, Raw, Refused,
                 document, gateway_mac, main, resolve, tagged)
from scapy.layers.inet import IPOption_NOP
from test_drops import back, cust, flow, flow6


def inner_of(frame):
    """The IP packet inside a Geneve or VXLAN frame."""
    p = Ether(frame)
    inner = p[GENEVE].payload if GENEVE in p else p[VXLAN].payload
    return inner.payload if isinstance(inner, Ether) else inner


def station(box, port, ip, mac, vlan):
    """Makes the gateway know this station: a packet for it is held until ARP is answered."""
    assert box.learn4(port, ip, mac, ((0x8100, vlan),))


class Forward(unittest.TestCase):
    def plain(self, doc=None, **setup):
        box = Box(**setup)
        box.apply(doc or document())
        resolve(box)
        return box

    def test_longest_prefix(self):
        routes = [('0.0.0.0/0', {'site': 'far'}), ('10.0.0.0/8', {'blackhole': True}),
                  ('10.9.0.0/16', {'site': 'far'}), ('10.9.9.9/32', {'blackhole': True}),
                  ('::/0', {'site': 'far'}), ('fd02::/16', {'blackhole': True}),
                  ('fd02::1/128', {'site': 'far'})]
        doc = document(routes=[{'connection': 'acme', 'prefix': p, 'via': v} for p, v in routes])
        with self.plain(doc) as box:
            for dst, passes in (('8.8.8.8', 1), ('10.1.1.1', 0), ('10.9.1.1', 1), ('10.9.9.9', 0),
                                ('10.9.9.8', 1), ('223.255.255.254', 1)):
                out = box.pass_through('cust', cust(flow(dst=dst)))
                self.assertEqual(passes, len(out['bb']), dst)
            for dst, passes in (('2001:db8::1', 1), ('fd02::2', 0), ('fd02::1', 1)):
                out = box.pass_through('cust', cust(flow6(dst=dst)))
                self.assertEqual(passes, len(out['bb']), dst)
            self.assertEqual(5 - 1, box.drops()['blackhole'] + 1)

    def test_source_checks(self):
        """feasible: any attachment of the connection; strict: this one; loose: any route; off."""
        expect = {'feasible': (1, 1, 0, 0), 'strict': (1, 0, 0, 0), 'loose': (1, 1, 1, 0),
                  'off': (1, 1, 1, 1)}
        sources = ('192.168.7.2', '192.168.8.2', '10.2.5.5', '172.16.0.1')
        for mode, wanted in expect.items():
            doc = document(attachment={'source_check': mode})
            doc['attachments'].append({'name': 'a2', 'connection': 'acme', 'port': 'cust',
                                       'tags': [{'type': '0x8100', 'vlan': 1102}],
                                       'addresses': ['192.168.8.1/24']})
            with self.subTest(mode), self.plain(doc) as box:
                got = tuple(len(box.pass_through('cust', cust(flow(src)))['bb']) for src in sources)
                self.assertEqual(wanted, got)

    def test_between_attachments(self):
        doc = document()
        doc['attachments'].append({'name': 'a2', 'connection': 'acme', 'port': 'cust',
                                   'tags': [{'type': '0x8100', 'vlan': 1102}],
                                   'addresses': ['192.168.8.1/24']})
        with self.plain(doc) as box:
            box.inject('cust', cust(flow(dst='192.168.8.2', ttl=9)))
            box.settle()
            self.assertTrue(box.learn4('cust', '192.168.8.2', PEER, ((0x8100, 1102),)))
            out = box.collect()
            self.assertEqual([], out['bb'])
            p = Ether(out['cust'][-1])
            self.assertEqual((PEER, 1102, 8), (p.dst, p.vlan, p[IP].ttl))

    def test_transit(self):
        """From one site to another, re-encapsulated; back to the same site never."""
        doc = document()
        doc['sites'].append({'name': 'third'})
        doc['paths'].append({'name': 'p2', 'site': 'third', 'port': 'bb2', 'local': '10.3.0.1/24',
                             'remote': '10.3.0.2', 'encapsulation': 'geneve'})
        doc['connections'][0]['endpoints'].append({'site': 'third', 'vni': 2002})
        doc['routes'].append({'connection': 'acme', 'prefix': '10.4.0.0/16', 'via': {'site': 'third'}})
        ports = [{'name': 'cust'}, {'name': 'bb'}, {'name': 'bb2'}]
        with Box(ports=ports) as box:
            box.apply(doc)
            box.settle(1000)
            out = box.collect()
            for port, ip in (('bb', '10.1.0.2'), ('bb2', '10.3.0.2')):
                asked = [Ether(f) for f in out[port]]
                ask = [p for p in asked if ARP in p and p[ARP].pdst == ip][0]
                box.inject(port, Ether(src=PEER, dst=ask.src) /
                           ARP(op=2, hwsrc=PEER, psrc=ip, hwdst=ask.src, pdst=ask[ARP].psrc))
            box.settle()
            out = box.pass_through('bb', back(flow('10.2.1.1', '10.4.1.1', ttl=7)))
            p = Ether(out['bb2'][0])
            self.assertEqual(('10.3.0.1', '10.3.0.2', 2002), (p[IP].src, p[IP].dst, p[GENEVE].vni))
            self.assertEqual(6, inner_of(out['bb2'][0]).ttl)
            out = box.pass_through('bb', back(flow('10.2.1.1', '10.2.7.7')))
            self.assertEqual([], out['bb'])
            self.assertEqual(1, box.drops()['same_site'])

    def test_same_addresses_many_connections(self):
        doc = {'sites': [{'name': 'far'}], 'paths': document()['paths'], 'connections': [],
               'attachments': [], 'routes': []}
        for i in range(20):
            name = 'c%d' % i
            doc['connections'].append({'name': name, 'vni': 5000 + i, 'endpoints': [{'site': 'far'}]})
            doc['attachments'].append({'name': name, 'connection': name, 'port': 'cust',
                                       'tags': [{'type': '0x8100', 'vlan': 100 + i}],
                                       'addresses': ['192.168.7.1/24']})
            doc['routes'].append({'connection': name, 'prefix': '10.2.0.0/16', 'via': {'site': 'far'}})
        with Box() as box:
            box.apply(doc)
            box.settle(1000)
            box.learn4('bb', '10.1.0.2', PEER)
            for i in range(20):
                out = box.pass_through('cust', cust(flow(), vlan=100 + i))
                self.assertEqual(5000 + i, Ether(out['bb'][0])[GENEVE].vni)

    def paths(self, count, weights=None):
        doc = document()
        doc['paths'] = [{'name': 'p%d' % i, 'site': 'far', 'port': 'bb', 'local': '10.1.0.1/24',
                         'remote': '10.1.0.%d' % (i + 2), 'encapsulation': 'geneve',
                         'weight': (weights or [1] * count)[i]} for i in range(count)]
        box = Box()
        box.apply(doc)
        box.settle(1000)
        for frame in box.collect()['bb']:
            p = Ether(frame)
            if ARP in p:
                box.inject('bb', Ether(src=PEER, dst=p.src) /
                           ARP(op=2, hwsrc=PEER, psrc=p[ARP].pdst, hwdst=p.src, pdst=p[ARP].psrc))
        box.settle()
        return box

    def choose(self, box, flows=2000):
        """Path taken by each of many flows: outer destination by (source port)."""
        frames = [cust(IP(src='192.168.7.2', dst='10.2.3.4') / UDP(sport=1000 + i, dport=53))
                  for i in range(flows)]
        taken = {}
        for i in range(0, flows, 500):
            for raw in box.pass_through('cust', *frames[i:i + 500])['bb']:
                taken[inner_of(raw)[UDP].sport] = Ether(raw)[IP].dst
        self.assertEqual(flows, len(taken))
        return taken

    def test_spread_and_failover(self):
        with self.paths(4) as box:
            before = self.choose(box)
            share = collections.Counter(before.values())
            self.assertEqual(4, len(share))
            for count in share.values():
                self.assertTrue(400 < count < 600, share)
            box.call('live', site='far', path=1, up=False)
            during = self.choose(box)
            moved = {f for f in before if before[f] != during[f]}
            lost = {f for f in before if before[f] == '10.1.0.3'}
            self.assertEqual(lost, moved, 'only the flows of the lost path move')
            self.assertEqual(3, len(collections.Counter(during[f] for f in lost)))
            box.call('live', site='far', path=1, up=True)
            self.assertEqual(before, self.choose(box), 'its return undoes exactly that')

    def test_weights(self):
        with self.paths(2, [3, 1]) as box:
            share = collections.Counter(self.choose(box).values())
            self.assertTrue(0.70 < share['10.1.0.2'] / 2000 < 0.80, share)

    def test_lanes(self):
        """The source port is constant per flow and independent of the path."""
        with self.paths(2) as box:
            ports = collections.defaultdict(set)
            for n in range(3):
                frames = [cust(IP(src='192.168.7.2', dst='10.2.3.4') / UDP(sport=p, dport=53))
                          for p in range(1000, 1400)]
                for raw in box.pass_through('cust', *frames)['bb']:
                    p = Ether(raw)
                    ports[inner_of(raw)[UDP].sport].add((p[IP].dst, p[UDP].sport))
            self.assertTrue(all(len(v) == 1 for v in ports.values()))
            for dst in ('10.1.0.2', '10.1.0.3'):
                lanes = {s for v in ports.values() for d, s in v if d == dst}
                self.assertGreater(len(lanes), 50)

    def test_fragments_stay_together(self):
        with self.paths(4) as box:
            for ident in range(30):
                parts = [IP(src='192.168.7.2', dst='10.2.3.4', id=ident, flags='MF', proto=17) /
                         Raw(bytes(UDP(sport=1000 + ident, dport=7, len=88, chksum=0)) + bytes(40)),
                         IP(src='192.168.7.2', dst='10.2.3.4', id=ident, frag=6, proto=17) /
                         Raw(bytes(40))]
                out = box.pass_through('cust', *[cust(p) for p in parts])['bb']
                self.assertEqual(1, len({(Ether(f)[IP].dst, Ether(f)[UDP].sport) for f in out}))

    def test_next_hop_set(self):
        hops = [{'attachment': 'a1', 'address': '192.168.7.%d' % i} for i in (20, 21)]
        doc = document(routes=[{'connection': 'acme', 'prefix': '10.5.0.0/16',
                                'via': {'next_hops': hops}}])
        with Box() as box:
            box.apply(doc)
            box.settle(1000)
            for raw in box.collect()['cust']:
                p = Ether(raw)
                if ARP in p:
                    mac = '02:00:00:00:00:%s' % p[ARP].pdst.split('.')[-1]
                    box.inject('cust', tagged(Ether(src=mac, dst=p.src), ((0x8100, 1101),), 0x0806) /
                               ARP(op=2, hwsrc=mac, psrc=p[ARP].pdst, hwdst=p.src, pdst=p[ARP].psrc))
            box.settle()
            out = box.pass_through('bb', *[
                back(IP(src='10.2.3.4', dst='10.5.1.1') / UDP(sport=s, dport=9))
                for s in range(200)])['cust']
            share = collections.Counter(Ether(f).dst for f in out)
            self.assertEqual({'02:00:00:00:00:20', '02:00:00:00:00:21'}, set(share))
            self.assertTrue(min(share.values()) > 60, share)

    def test_dscp_pipe_and_uniform(self):
        for mode, value, inner, outer in (('pipe', 10, 46, 10), ('pipe', 0, 46, 0),
                                          ('uniform', 0, 46, 46)):
            doc = document(connection={'dscp': {'mode': mode, 'value': value}
                                       if mode == 'pipe' else {'mode': mode}})
            with self.subTest(mode=mode, value=value), self.plain(doc) as box:
                for packet in (flow(tos=inner << 2 | 1), flow6(tc=inner << 2 | 1)):
                    raw = box.pass_through('cust', cust(packet))['bb'][0]
                    self.assertEqual(outer << 2 | 1, Ether(raw)[IP].tos)
                    p = inner_of(raw)
                    self.assertEqual(inner << 2 | 1, p.tc if IPv6 in p else p.tos)
                box.inject('bb', back(flow('10.2.3.4', '192.168.7.2')))
                box.settle()
                box.learn4('cust', '192.168.7.2', CUSTOMER, ((0x8100, 1101),))
                box.collect()
                frame = back(flow('10.2.3.4', '192.168.7.2', tos=inner << 2), tos=20 << 2)
                p = Ether(box.pass_through('bb', frame)['cust'][0])
                self.assertEqual((20 if mode == 'uniform' else inner) << 2, p[IP].tos)

    def test_ecn_inward(self):
        """The whole of RFC 6040 figure 4 on the wire, with a right checksum each time."""
        figure = {0: (0, 0, 0, None), 2: (2, 2, 1, 3), 1: (1, 1, 1, 3), 3: (3, 3, 3, 3)}
        with self.plain() as box:
            box.inject('bb', back(flow('10.2.3.4', '192.168.7.2')))
            box.settle()
            box.learn4('cust', '192.168.7.2', CUSTOMER, ((0x8100, 1101),))
            box.collect()
            for inner, row in figure.items():
                for outer, wanted in zip((0, 2, 1, 3), row):
                    frame = back(flow('10.2.3.4', '192.168.7.2', tos=inner), tos=outer)
                    out = box.pass_through('bb', frame)['cust']
                    if wanted is None:
                        self.assertEqual([], out)
                        continue
                    p = Ether(out[0])[IP]
                    self.assertEqual(wanted, p.tos, (inner, outer))
                    sent = p.chksum
                    del p.chksum
                    self.assertEqual(IP(bytes(p)).chksum, sent)
            self.assertGreater(box.stats()['connections']['acme']['notes']['ecn_marked'], 0)

    def test_udp_checksum_modes(self):
        for outer, mode, present in ((4, 'auto', False), (4, 'on', True), (4, 'zero', False),
                                     (6, 'auto', True), (6, 'on', True), (6, 'zero', False)):
            with self.subTest(outer=outer, mode=mode), Box() as box:
                box.apply(document(outer=outer, path={'udp_checksum': mode}))
                resolve(box, outer=outer)
                for size in (41, 1200):
                    raw = box.pass_through('cust', cust(flow() / Raw(b'q' * size)))['bb'][0]
                    sent = Ether(raw)[UDP].chksum
                    self.assertEqual(present, sent != 0)
                    if present:
                        p = Ether(raw)
                        del p[UDP].chksum
                        self.assertEqual(Ether(bytes(p))[UDP].chksum, sent)

    def test_mss_clamp(self):
        for clamp, mss, wanted in (('auto', 1460, 1408), ('auto', 1200, 1200), ('off', 1460, 1460),
                                   (1000, 1460, 1000)):
            with self.subTest(clamp=clamp, mss=mss), \
                    self.plain(document(connection={'mss_clamp': clamp})) as box:
                syn = IP(src='192.168.7.2', dst='10.2.3.4') / TCP(
                    flags='S', options=[('NOP', None), ('MSS', mss), ('SAckOK', b'')])
                p = inner_of(box.pass_through('cust', cust(syn))['bb'][0])
                self.assertEqual(wanted, dict(p[TCP].options)['MSS'])
                sent = p[TCP].chksum
                del p[TCP].chksum
                self.assertEqual(IP(bytes(p))[TCP].chksum, sent)

    def test_fragmentation(self):
        with self.plain() as box:
            payload = bytes(i & 0xff for i in range(1470))
            whole = IP(src='192.168.7.2', dst='10.2.3.4', id=321, ttl=9) / UDP(sport=1, dport=2) / \
                Raw(payload)
            out = box.pass_through('cust', cust(whole))['bb']
            parts = sorted((inner_of(f) for f in out), key=lambda p: p.frag)
            self.assertEqual(2, len(parts))
            self.assertEqual([1, 0], [int(p.flags.MF) for p in parts])
            data = b''.join(bytes(p.payload) for p in parts)
            self.assertEqual(bytes(UDP(bytes(whole[UDP])))[8:], data[8:])
            self.assertTrue(all(p.ttl == 8 and p.id == 321 for p in parts))
            self.assertEqual(1, len({Ether(f)[UDP].sport for f in out}))
            self.assertTrue(all(len(f) <= 1514 for f in out))
            self.assertTrue(box.stats()['conserved'])
        with self.plain(document(path={'fragment': 'off'})) as box:
            self.assertEqual([], box.pass_through('cust', cust(whole))['bb'])
            self.assertEqual(1, box.drops()['mtu_exceeded'])

    def test_fragmentation_that_cannot_be(self):
        with self.plain() as box:
            late = IP(src='192.168.7.2', dst='10.2.3.4', frag=8100) / Raw(bytes(1470))
            self.assertEqual([], box.pass_through('cust', cust(late))['bb'])
            self.assertEqual(1, box.drops()['ip_header'])

    def test_the_least_mtu_of_a_path(self):
        # 52 bytes of headers leave 68: the longest header there is, and one piece of eight bytes.
        with self.plain(document(path={'mtu': 120})) as box:
            long = IP(src='192.168.7.2', dst='10.2.3.4', options=[IPOption_NOP()] * 40) / \
                UDP(sport=1, dport=2) / Raw(bytes(40))
            out = box.pass_through('cust', cust(long))['bb']
            self.assertGreater(len(out), 1)
            self.assertTrue(all(len(f) <= 14 + 120 for f in out))
            self.assertTrue(box.stats()['conserved'])
            with self.assertRaises(Refused) as refused:
                box.apply(document(path={'mtu': 119}))
            self.assertIn('/document/paths/0/mtu', str(refused.exception))
            self.assertIn('inner MTU of 67', str(refused.exception))

    def test_bytes_are_what_came(self):
        """Every packet counts with its own bytes, whatever becomes of it in place."""
        ask = ARP(op=1, hwsrc=CUSTOMER, psrc='192.168.7.2', pdst='192.168.7.1')
        echo6 = IPv6(src='fd07::2', dst='fd07::1') / ICMPv6EchoRequest(data=b'x' * 40)
        solicit = IPv6(src='fd07::2', dst='ff02::1:ff00:1', hlim=255) / ICMPv6ND_NS(tgt='fd07::1')
        out = [cust(ask, dst='ff:ff:ff:ff:ff:ff'), cust(solicit, dst='33:33:ff:00:00:01'), cust(echo6),
               cust(IP(src='192.168.7.2', dst='192.168.7.1') / ICMP() / Raw(b'x' * 900)),
               cust(flow()), cust(flow(ttl=1)), cust(flow(dst='172.16.1.1')), cust(flow6()),
               cust(IP(src='192.168.7.2', dst='10.2.3.4') / UDP() / Raw(b'x' * 1470)),
               cust(flow(chksum=0x1111)), cust(flow(), dst=OTHER)]
        home = [IP(src='10.2.3.4', dst='192.168.7.1') / ICMP(), IP(src='10.2.3.4', dst='192.168.7.2') /
                UDP(), IP(src='10.2.3.4', dst='192.168.7.2', ttl=1) / UDP()]
        ask = Ether(dst='ff:ff:ff:ff:ff:ff', src=PEER) / ARP(op=1, psrc='10.9.9.2', pdst='10.9.9.1')
        with self.plain(document(endpoint={'addresses': ['10.9.9.1/30']})) as box:
            before = box.call('traffic')
            box.pass_through('cust', *out)
            box.pass_through('bb', *[back(p) for p in home], back(ask, proto=0x6558))
            after = box.call('traffic')
            added = {name: (row['rx_packets'] - before[name]['rx_packets'],
                            row['rx_bytes'] - before[name]['rx_bytes'])
                     for name, row in after.items()}
            # The last of them is for another station: of the port, and of no attachment.
            self.assertEqual((len(out) - 1, sum(len(f) - 18 for f in out[:-1])), added['a1'])
            self.assertEqual((4, sum(len(p) for p in home) + 28), added['p1'])
            self.assertEqual((len(out), sum(len(f) for f in out)), added['cust'])
            self.assertTrue(box.stats()['conserved'])
            # A sum that went below zero is not taken for traffic.
            box.call('forge', attachment='a1', bytes=(1 << 32) - 36)
            self.assertFalse(box.stats()['conserved'])

    def test_padding_is_trimmed(self):
        with self.plain() as box:
            short = IP(src='192.168.7.2', dst='10.2.3.4') / UDP(sport=1, dport=2)
            raw = box.pass_through('cust', bytes(cust(short)) + b'P' * 40)['bb'][0]
            self.assertNotIn(b'PPPP', raw)
            self.assertEqual(28, len(inner_of(raw)))

    def test_refusals_change_nothing(self):
        with self.plain() as box:
            bad = document()
            bad['attachments'][0]['port'] = 'nowhere'
            with self.assertRaises(Refused) as refused:
                box.apply(bad)
            self.assertIn('/document/attachments/0/port', str(refused.exception))
            self.assertEqual(1, len(box.pass_through('cust', cust(flow()))['bb']))


if __name__ == '__main__':
    main('__main__')
