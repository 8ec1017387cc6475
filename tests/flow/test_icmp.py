# SPDX-License-Identifier: BSD-3-Clause
"""What the gateway itself says: echo, ARP, neighbour discovery, ICMP errors and their limits."""
import time
import unittest

from box import (ARP, CUSTOMER, GENEVE, ICMP, IP, OTHER, PEER, UDP, VXLAN, Box, Ether, ICMPv6DestUnreach,
                 ICMPv6EchoReply, ICMPv6EchoRequest, ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6PacketTooBig,
                 ICMPv6TimeExceeded, ICMPv6NDOptDstLLAddr, ICMPv6NDOptSrcLLAddr, IPv6,
                 IPv6ExtHdrFragment, Raw,
                 document, gateway_mac, main, resolve)
from test_drops import back, cust, flow, flow6
from test_forward import inner_of

LINK_LOCAL = 'fe80::ff:fe00:100'  # of 02:00:00:00:01:00


def sound(packet):
    """The packet again, every checksum computed by scapy and equal to what was sent."""
    raw = bytes(packet)
    again = packet.__class__(raw)
    layer = again
    while layer:
        for field in ('chksum', 'cksum'):
            if layer.fields.get(field) is not None:
                del layer.fields[field]
        # What an ICMP error quotes is not ours to check.
        layer = None if 'ICMP' in layer.name else layer.payload
    return bytes(again) == raw


def ask4(source):
    ask = cust(ARP(op=1, hwsrc=OTHER, psrc=source, pdst='192.168.7.1'), dst='ff:ff:ff:ff:ff:ff')
    ask.src = OTHER
    return ask


def ask6(source):
    ask = cust(IPv6(src=source, dst='ff02::1:ff00:1', hlim=255) / ICMPv6ND_NS(tgt='fd07::1') /
               ICMPv6NDOptSrcLLAddr(lladdr=OTHER), dst='33:33:ff:00:00:01')
    ask.src = OTHER
    return ask


def vxlan():
    return (Ether(src=PEER, dst=gateway_mac(1)) / IP(src='10.1.0.2', dst='10.1.0.1') /
            UDP(sport=50000, dport=4789, chksum=0) / VXLAN(vni=1001, flags=8))


def answer_inside(box, stations):
    """Answers what is asked inside the tunnel for these addresses; returns whom it asked for."""
    asked = set()
    for frame in box.collect()['bb']:
        p = Ether(frame)
        inner = p[UDP].payload.payload if UDP in p else p
        if ARP in inner and inner[ARP].op == 1:
            target, ask = inner[ARP].pdst, inner[ARP]
            mac = PEER if target == '10.1.0.2' else stations.get(target)
            reply = ARP(op=2, hwsrc=mac, psrc=target, hwdst=ask.hwsrc, pdst=ask.psrc)
        elif ICMPv6ND_NS in inner:
            target = inner[ICMPv6ND_NS].tgt
            mac = stations.get(target)
            reply = (IPv6(src=target, dst=inner[IPv6].src, hlim=255) /
                     ICMPv6ND_NA(tgt=target, R=0, S=1, O=1) / ICMPv6NDOptDstLLAddr(lladdr=mac))
        else:
            continue
        asked.add(target)
        if mac:
            frame = Ether(src=mac, dst=inner.src) / reply
            box.inject('bb', vxlan() / frame if UDP in p else frame)
    box.settle()
    return asked


class Own(unittest.TestCase):
    def plain(self, doc=None, known=True, **setup):
        box = Box(**setup)
        box.apply(doc or document())
        resolve(box)
        if known:
            box.inject('bb', back(flow6('fd02::9', 'fd07::2'), proto=0x86dd))
            box.settle()
        return box

    def known6(self, box):
        self.assertTrue(box.learn6('cust', 'fd07::2', CUSTOMER, ((0x8100, 1101),)))
        box.collect()

    def test_arp(self):
        with self.plain(known=False) as box:
            ask = cust(ARP(op=1, hwsrc=CUSTOMER, psrc='192.168.7.2', pdst='192.168.7.1'),
                       dst='ff:ff:ff:ff:ff:ff')
            p = Ether(box.pass_through('cust', ask)['cust'][0])
            self.assertEqual((CUSTOMER, gateway_mac(0), 1101), (p.dst, p.src, p.vlan))
            self.assertEqual((2, gateway_mac(0), '192.168.7.1', CUSTOMER, '192.168.7.2'),
                             (p[ARP].op, p[ARP].hwsrc, p[ARP].psrc, p[ARP].hwdst, p[ARP].pdst))
            # On the underlay, for its own address only.
            ask = Ether(src=PEER, dst='ff:ff:ff:ff:ff:ff') / ARP(op=1, hwsrc=PEER, psrc='10.1.0.2',
                                                                pdst='10.1.0.1')
            p = Ether(box.pass_through('bb', ask)['bb'][0])
            self.assertEqual(gateway_mac(1), p[ARP].hwsrc)
            ask[ARP].pdst = '192.168.7.1'
            self.assertEqual([], box.pass_through('bb', ask)['bb'])

    def test_discovery(self):
        with self.plain(known=False) as box:
            for target, group in (('fd07::1', 'ff02::1:ff00:1'), (LINK_LOCAL, 'ff02::1:ff00:100')):
                ask = cust(IPv6(src='fd07::2', dst=group, hlim=255) / ICMPv6ND_NS(tgt=target) /
                           ICMPv6NDOptSrcLLAddr(lladdr=CUSTOMER), dst='33:33:ff:00:00:01')
                p = Ether(box.pass_through('cust', ask)['cust'][0])
                self.assertEqual((CUSTOMER, target, 'fd07::2', 255),
                                 (p.dst, p[IPv6].src, p[IPv6].dst, p[IPv6].hlim))
                self.assertEqual((1, 1, 1, target), (p[ICMPv6ND_NA].R, p[ICMPv6ND_NA].S,
                                                     p[ICMPv6ND_NA].O, p[ICMPv6ND_NA].tgt))
                self.assertEqual(gateway_mac(0), p[ICMPv6NDOptDstLLAddr].lladdr)
                self.assertTrue(sound(p[IPv6]))
            # Duplicate address detection: answered to all nodes.
            ask = cust(IPv6(src='::', dst='ff02::1:ff00:1', hlim=255) / ICMPv6ND_NS(tgt='fd07::1'),
                       dst='33:33:ff:00:00:01')
            p = Ether(box.pass_through('cust', ask)['cust'][0])
            self.assertEqual(('33:33:00:00:00:01', 'ff02::1', 0),
                             (p.dst, p[IPv6].dst, p[ICMPv6ND_NA].S))

    def test_echo(self):
        with self.plain() as box:
            self.known6(box)
            p = Ether(box.pass_through('cust', cust(
                IP(src='192.168.7.2', dst='192.168.7.1', ttl=1) / ICMP(id=7, seq=9) /
                Raw(b'abcdefg')))['cust'][0])
            self.assertEqual(('192.168.7.1', '192.168.7.2', 0, 7, 9, 64),
                             (p[IP].src, p[IP].dst, p[ICMP].type, p[ICMP].id, p[ICMP].seq, p[IP].ttl))
            self.assertTrue(sound(p[IP]))
            p = Ether(box.pass_through('cust', cust(
                IPv6(src='fd07::2', dst='fd07::1') / ICMPv6EchoRequest(id=7, seq=9, data=b'abc')))
                ['cust'][0])
            self.assertEqual((7, 9, b'abc'), (p[ICMPv6EchoReply].id, p[ICMPv6EchoReply].seq,
                                              p[ICMPv6EchoReply].data))
            self.assertTrue(sound(p[IPv6]))
            # To our link-local address, answered on the link.
            p = Ether(box.pass_through('cust', cust(
                IPv6(src='fe80::2', dst=LINK_LOCAL) / ICMPv6EchoRequest(id=1)))['cust'][0])
            self.assertEqual((CUSTOMER, 'fe80::2', 1101), (p.dst, p[IPv6].dst, p.vlan))
            self.assertTrue(sound(p[IPv6]))
            # From the far side, answered through the tunnel.
            raw = box.pass_through('bb', back(
                IP(src='10.2.3.4', dst='192.168.7.1') / ICMP(id=3)))['bb'][0]
            self.assertEqual(('10.2.3.4', 0), (inner_of(raw).dst, inner_of(raw)[ICMP].type))
            # The underlay address.
            p = Ether(box.pass_through('bb', Ether(src=PEER, dst=gateway_mac(1)) /
                                       IP(src='10.1.0.2', dst='10.1.0.1') / ICMP(id=5))['bb'][0])
            self.assertEqual((PEER, '10.1.0.2', 0), (p.dst, p[IP].dst, p[ICMP].type))
            self.assertTrue(sound(p[IP]))
            self.assertTrue(box.stats()['conserved'])

    def test_time_exceeded(self):
        with self.plain() as box:
            self.known6(box)
            cause = flow(ttl=1, id=99)
            p = Ether(box.pass_through('cust', cust(cause))['cust'][0])
            self.assertEqual((11, 0, '192.168.7.1', '192.168.7.2', 0xc0),
                             (p[ICMP].type, p[ICMP].code, p[IP].src, p[IP].dst, p[IP].tos))
            self.assertEqual(bytes(IP(bytes(cause))), bytes(p[ICMP].payload), 'quoted as it came')
            self.assertTrue(sound(p[IP]))
            p = Ether(box.pass_through('cust', cust(flow6(hlim=1)))['cust'][0])
            self.assertEqual(('fd07::1', 'fd07::2'), (p[IPv6].src, p[IPv6].dst))
            self.assertIn(ICMPv6TimeExceeded, p)
            self.assertTrue(sound(p[IPv6]))
            # From the path: the source is the lowest attachment address, it leaves by the tunnel.
            raw = box.pass_through('bb', back(flow('10.2.3.4', '192.168.7.2', ttl=1)))['bb'][0]
            self.assertEqual(('192.168.7.1', '10.2.3.4', 11),
                             (inner_of(raw).src, inner_of(raw).dst, inner_of(raw)[ICMP].type))

    def test_icmp_source_setting(self):
        doc = document(connection={'icmp_source': ['192.0.2.55', 'fd99::55']})
        with self.plain(doc) as box:
            raw = box.pass_through('bb', back(flow('10.2.3.4', '192.168.7.2', ttl=1)))['bb'][0]
            self.assertEqual('192.0.2.55', inner_of(raw).src)

    def test_no_source_is_suppressed(self):
        doc = document(attachment={'addresses': []})
        with Box() as box:
            box.apply(doc)
            box.settle(1000)
            self.assertTrue(box.learn4('bb', '10.1.0.2', PEER))
            out = box.pass_through('bb', back(flow('10.2.3.4', '172.16.9.9')))
            self.assertEqual([], out['bb'])
            self.assertEqual(1, box.stats()['connections']['acme']['notes']['icmp_no_source'])

    def test_too_big(self):
        with self.plain() as box:
            self.known6(box)
            p = Ether(box.pass_through('cust', cust(
                IP(src='192.168.7.2', dst='10.2.3.4', flags='DF') / UDP() / Raw(b'x' * 1464)))
                ['cust'][0])
            mtu = p[ICMP].nexthopmtu
            self.assertEqual((3, 4), (p[ICMP].type, p[ICMP].code))
            self.assertTrue(sound(p[IP]))
            # The true MTU: exactly that passes, one more does not.
            for size, passes in ((mtu, 1), (mtu + 1, 0)):
                out = box.pass_through('cust', cust(
                    IP(src='192.168.7.2', dst='10.2.3.4', flags='DF') / UDP() /
                    Raw(b'x' * (size - 28))))
                self.assertEqual(passes, len(out['bb']))
                self.assertTrue(all(len(f) <= 1514 for f in out['bb']))
            p = Ether(box.pass_through('cust', cust(
                IPv6(src='fd07::2', dst='fd02::9') / UDP() / Raw(b'x' * 1452)))['cust'][0])
            self.assertEqual(mtu, p[ICMPv6PacketTooBig].mtu)
            self.assertLessEqual(len(p[IPv6]), 1280)
            self.assertTrue(sound(p[IPv6]))

    def test_unreachable(self):
        with self.plain() as box:
            self.known6(box)
            p = Ether(box.pass_through('cust', cust(flow(dst='172.16.0.1')))['cust'][0])
            self.assertEqual((3, 0), (p[ICMP].type, p[ICMP].code))
            p = Ether(box.pass_through('cust', cust(flow(dst='192.168.7.1')))['cust'][0])
            self.assertEqual((3, 3), (p[ICMP].type, p[ICMP].code))
            p = Ether(box.pass_through('cust', cust(flow6(dst='fd07::1')))['cust'][0])
            self.assertEqual(4, p[ICMPv6DestUnreach].code)

    def test_never_about_an_error(self):
        with self.plain() as box:
            error = IP(src='192.168.7.2', dst='10.2.3.4', ttl=1) / ICMP(type=3, code=1) / \
                IP(src='10.2.3.4', dst='192.168.7.2') / UDP()
            box.collect()
            self.assertEqual([], box.pass_through('cust', cust(error))['cust'])
            later = IP(src='192.168.7.2', dst='10.2.3.4', ttl=1, frag=5, proto=17) / Raw(b'x' * 64)
            self.assertEqual([], box.pass_through('cust', cust(later))['cust'])
            self.assertEqual(2, box.stats()['connections']['acme']['notes']['icmp_forbidden'])

    def test_never_about_an_error_in_fragments(self):
        """The first fragment shows an error, also behind further headers; a later one shows nothing."""
        def six(offset, *layers, nh=58):
            p = IPv6(src='fd07::2', dst='fd02::9', hlim=1) / IPv6ExtHdrFragment(
                nh=nh, offset=offset, m=1, id=7)
            for layer in layers:
                p = p / layer
            return cust(p)

        quoted = bytes(IPv6(src='fd02::9', dst='fd07::2') / UDP())
        error, echo = Raw(b'\x01' + bytes(7) + quoted), Raw(b'\x80' + bytes(47))
        behind = Raw(b'\x3a\x00' + bytes(6))
        four = IP(src='192.168.7.2', dst='10.2.3.4', ttl=1, flags='MF', proto=1)
        with self.plain() as box:
            self.known6(box)
            silent = [six(0, error), six(2, echo), six(0, behind, error, nh=60),
                      six(0, Raw(b'\x3a\x20' + bytes(30)), nh=60), cust(four / Raw(b'\x03' + bytes(47)))]
            self.assertEqual([], box.pass_through('cust', *silent)['cust'])
            notes = box.stats()['connections']['acme']['notes']
            self.assertEqual((len(silent), 0), (notes['icmp_forbidden'], notes.get('icmp_sent', 0)))
            told = [six(0, echo), six(0, behind, echo, nh=60), six(2, echo, nh=17),
                    cust(four / Raw(b'\x08' + bytes(47)))]
            self.assertEqual(len(told), len(box.pass_through('cust', *told)['cust']))
            self.assertEqual(len(told), box.stats()['connections']['acme']['notes']['icmp_sent'])

    def test_rate_limit(self):
        with self.plain(icmp_rate=20) as box:
            begun = time.monotonic()
            box.pass_through('cust', *[cust(flow(ttl=1)) for _ in range(100)])
            gained = 20 * (time.monotonic() - begun)
            notes = box.stats()['connections']['acme']['notes']
            self.assertTrue(20 <= notes['icmp_sent'] <= 21 + gained, (notes, gained))
            self.assertEqual(100, notes['icmp_sent'] + notes.get('icmp_limited', 0))

    def test_one_budget_for_all_workers(self):
        """A flow on one worker may use all of it, and flows on all workers do not get more."""
        ports = [{'name': 'cust', 'distribute': True}, {'name': 'bb'}]
        flows = [cust(IP(src='192.168.7.2', dst='10.2.3.4', ttl=1) / UDP(sport=p, dport=9))
                 for p in range(500)]
        for packets in ([flows[0]] * 500, flows):
            with self.plain(workers=4, ports=ports, icmp_rate=100) as box:
                begun = time.monotonic()
                for at in range(0, 500, 100):
                    box.pass_through('cust', *packets[at:at + 100])
                gained = 100 * (time.monotonic() - begun)
                notes = box.stats()['connections']['acme']['notes']
                sent = notes['icmp_sent']
                self.assertEqual(500, sent + notes.get('icmp_limited', 0))
                # A lease is two errors; the last one may run over, and others keep some of theirs.
                self.assertTrue(100 - 3 <= sent <= 100 + gained + 2, (sent, gained))
                self.assertTrue(box.stats()['conserved'])

    def test_held_packets_leave_in_order(self):
        with self.plain(known=False) as box:
            box.inject('bb', *[back(flow('10.2.3.4', '192.168.7.3', id=i)) for i in range(5)])
            box.settle()
            self.assertTrue(box.learn4('cust', '192.168.7.3', CUSTOMER, ((0x8100, 1101),)))
            ids = [Ether(f)[IP].id for f in box.collect()['cust'] if IP in Ether(f)]
            self.assertEqual([0, 1, 2, 3, 4], ids)

    def test_who_asks_is_known(self):
        """A request for our address tells who asks, so that the answer need not ask back."""
        doc = document()
        doc['attachments'].append({'name': 'a2', 'connection': 'acme', 'port': 'cust', 'tags':
                                   [{'vlan': 1102}], 'addresses': ['192.168.8.1/24', 'fd08::1/64']})
        with Box() as box:
            box.apply(doc)
            resolve(box)
            box.inject('cust', *[ask4(a) for a in ('192.168.7.3', '192.168.8.3', '10.9.9.9')],
                       *[ask6(a) for a in ('fd07::3', 'fd08::3')])
            box.settle()
            # All are answered; two are believed, and asked whether it is true.
            frames = [Ether(f) for f in box.collect()['cust']]
            self.assertEqual(5, sum(p.dst == OTHER and (ICMPv6ND_NA in p or
                                                        (ARP in p and p[ARP].op == 2)) for p in frames))
            self.assertEqual({'192.168.7.3', 'fd07::3'},
                             {p[ARP].pdst for p in frames if ARP in p and p[ARP].op == 1} |
                             {p[ICMPv6ND_NS].tgt for p in frames if ICMPv6ND_NS in p})
            out = box.pass_through('bb', back(flow('10.2.3.4', '192.168.7.3')),
                                   back(flow6('fd02::9', 'fd07::3'), proto=0x86dd))['cust']
            self.assertEqual([OTHER, OTHER], [Ether(f).dst for f in out])
            # What was claimed for another attachment's subnet is asked for there.
            out = box.pass_through('bb', back(flow('10.2.3.4', '192.168.8.3')))['cust']
            self.assertEqual([('ff:ff:ff:ff:ff:ff', 1102)],
                             [(Ether(f).dst, Ether(f).vlan) for f in out])
            self.assertTrue(box.stats()['conserved'])

    def test_questions_take_no_room_from_packets(self):
        with self.plain(known=False, punt=16, workers=1) as box:
            box.inject('cust', *[ask4('192.168.7.%d' % i) for i in range(3, 63)],
                       *[cust(IP(src='192.168.7.2', dst='192.168.7.%d' % i) / UDP())
                         for i in range(100, 106)])
            box.settle()
            answers = [Ether(f) for f in box.collect()['cust']]
            self.assertEqual(60, sum(ARP in p and p[ARP].op == 2 for p in answers))
            self.assertNotIn('punt_full', box.drops())

    def test_neighbour_moves(self):
        """A gratuitous ARP with a new station address is believed at once."""
        with self.plain() as box:
            box.collect()
            move = cust(ARP(op=1, hwsrc=OTHER, psrc='192.168.7.2', pdst='192.168.7.2'),
                        dst='ff:ff:ff:ff:ff:ff')
            move.src = OTHER
            box.pass_through('cust', move)
            out = box.pass_through('bb', back(flow('10.2.3.4', '192.168.7.2')))['cust']
            self.assertEqual(OTHER, Ether(out[0]).dst)

    def test_ethernet_peer_is_asked(self):
        """A VXLAN peer with an address: its router MAC is resolved inside the tunnel."""
        doc = document('vxlan', endpoint={'addresses': ['10.9.9.1/30'],
                                          'peer_addresses': ['10.9.9.2'], 'peer_mac': None})
        del doc['connections'][0]['endpoints'][0]['peer_mac']
        with Box() as box:
            box.apply(doc)
            box.settle(1000)
            box.learn4('bb', '10.1.0.2', PEER)
            asked = []
            for _ in range(3):
                box.settle(1000)
                asked += [Ether(f) for f in box.collect()['bb'] if UDP in Ether(f)]
            inner = [p[UDP].payload.payload for p in asked]
            ask = [p for p in inner if ARP in p][0]
            self.assertEqual('10.9.9.2', ask[ARP].pdst)
            reply = Ether(src=OTHER, dst=ask.src) / ARP(op=2, hwsrc=OTHER, psrc='10.9.9.2',
                                                        hwdst=ask.src, pdst='10.9.9.1')
            tunnel = vxlan()
            box.pass_through('bb', tunnel / reply)
            raw = box.pass_through('cust', cust(flow()))['bb'][0]
            self.assertEqual(OTHER, Ether(raw)[UDP].payload.payload.dst)
            # And the peer may ask for ours.
            ask = Ether(src=OTHER, dst='ff:ff:ff:ff:ff:ff') / ARP(op=1, hwsrc=OTHER, psrc='10.9.9.2',
                                                                 pdst='10.9.9.1')
            raw = box.pass_through('bb', tunnel / ask)['bb'][0]
            self.assertEqual(2, Ether(raw)[UDP].payload.payload[ARP].op)

    def test_peer_of_several_addresses(self):
        """All are asked for; packets go to the first that answers, of their own family if any does."""
        first, second, six = ('02:00:00:00:0a:0%d' % i for i in range(3))
        endpoint = {'site': 'far', 'addresses': ['10.9.9.1/28', 'fd09::1/64'],
                    'peer_addresses': ['10.9.9.2', '10.9.9.3', 'fd09::2']}
        doc = document('vxlan')
        doc['connections'][0]['endpoints'] = [endpoint]

        def macs(box):
            frames = box.pass_through('cust', cust(flow()), cust(flow6()))['bb']
            inner = [Ether(f)[UDP].payload.payload for f in frames]
            return {p.version: q.dst for q in inner for p in (q.payload,) if p.name != 'ARP'}

        def wait(box, stations, seconds):
            asked = set()
            for _ in range(seconds):
                box.settle(1000)
                asked |= answer_inside(box, stations)
            return asked

        with Box() as box:
            box.apply(doc)
            self.assertEqual({'10.1.0.2', '10.9.9.2', '10.9.9.3', 'fd09::2'}, wait(box, {}, 3))
            self.assertEqual({}, macs(box))
            wait(box, {'fd09::2': six}, 4)
            self.assertEqual({4: six, 6: six}, macs(box))
            wait(box, {'fd09::2': six, '10.9.9.3': second}, 4)
            self.assertEqual({4: second, 6: six}, macs(box))
            everyone = {'10.9.9.2': first, '10.9.9.3': second, 'fd09::2': six}
            wait(box, everyone, 4)
            self.assertEqual({4: first, 6: six}, macs(box))
            # The first falls silent: when that is known the next one is there.
            del everyone['10.9.9.2']
            wait(box, everyone, 50)
            self.assertEqual({4: second, 6: six}, macs(box))
            # Other peers in their place, while packets go on.
            endpoint['peer_addresses'] = ['fd09::2', '10.9.9.4', '10.9.9.3']
            box.apply(doc)
            self.assertEqual({4: second, 6: six}, macs(box))
            everyone['10.9.9.4'] = first
            wait(box, everyone, 4)
            self.assertEqual({4: first, 6: six}, macs(box))
            endpoint['peer_addresses'] = ['10.9.9.3']
            box.apply(doc)
            self.assertEqual({4: second, 6: second}, macs(box))
            box.apply({})
            self.assertTrue(box.stats()['conserved'])


if __name__ == '__main__':
    main('__main__')
