# SPDX-License-Identifier: BSD-3-Clause
"""Exact bytes out for each encapsulation, family and tag form, in both directions."""
import itertools
import unittest

from box import (CUSTOMER, GENEVE, IP, PEER, UDP, VXLAN, Box, Ether, IPv6, Raw, document,
                 gateway_mac, main, resolve, tagged)

TAG_FORMS = {
    'untagged': (),
    'dot1q': ((0x8100, 1101),),
    'qinq-service': ((0x88a8, 200), (0x8100, 1101)),
    'qinq-customer': ((0x8100, 200), (0x8100, 1101)),
}
PAYLOAD = bytes(range(64)) * 3


def inner(family, ttl, toward_path=True):
    a4, b4 = '192.168.7.2', '10.2.3.4'
    a6, b6 = 'fd07::2', 'fd02::99'
    if not toward_path:
        a4, b4, a6, b6 = b4, a4, b6, a6
    udp = UDP(sport=4000, dport=5000) / Raw(PAYLOAD)
    if family == 4:
        return IP(src=a4, dst=b4, ttl=ttl, id=77, tos=0) / udp
    return IPv6(src=a6, dst=b6, hlim=ttl, fl=0x12345) / udp


def tunnel(encapsulation, outer, payload, family, packet, sport, to_gateway=False):
    """The frame around packet, as the standards say."""
    near4, far4, near6, far6 = '10.1.0.1', '10.1.0.2', 'fd01::1', 'fd01::2'
    ether = Ether(src=gateway_mac(1), dst=PEER)
    if to_gateway:
        near4, far4, near6, far6 = far4, near4, far6, near6
        ether = Ether(src=PEER, dst=gateway_mac(1))
    if outer == 4:
        ip = IP(src=near4, dst=far4, ttl=64, flags='DF', id=0, tos=0)
    else:
        ip = IPv6(src=near6, dst=far6, hlim=64)
    if payload == 'ethernet':
        macs = ('02:00:00:00:77:01', PEER)
        if to_gateway:
            macs = macs[::-1]
        packet = Ether(src=macs[0], dst=macs[1], type=0x0800 if family == 4 else 0x86dd) / packet
        proto = 0x6558
    else:
        proto = 0x0800 if family == 4 else 0x86dd
    if encapsulation == 'geneve':
        header = UDP(sport=sport, dport=6081) / GENEVE(vni=1001, proto=proto)
    else:
        header = UDP(sport=sport, dport=4789) / VXLAN(vni=1001, flags=8, NextProtocol=0)
    frame = ether / ip / header / packet
    if outer == 4:
        frame[UDP].chksum = 0  # udp_checksum auto: none over IPv4
    return bytes(frame)


def cases():
    for encapsulation, payload in (('geneve', 'ip'), ('geneve', 'ethernet'), ('vxlan', 'ethernet')):
        yield from itertools.product((encapsulation,), (payload,), (4, 6), (4, 6), TAG_FORMS)


class Encap(unittest.TestCase):
    def box(self, encapsulation, payload, outer, form, **setup):
        box = Box(**setup)
        endpoint = {'mac': '02:00:00:00:77:01', 'peer_mac': PEER} if payload == 'ethernet' else {}
        box.apply(document(encapsulation, outer, TAG_FORMS[form], endpoint=endpoint,
                           path={'payload': payload} if encapsulation == 'geneve' else {}))
        resolve(box, TAG_FORMS[form], outer)
        return box

    def outward(self, box, encapsulation, payload, outer, family, form):
        frame = tagged(Ether(src=CUSTOMER, dst=gateway_mac(0)), TAG_FORMS[form],
                       0x0800 if family == 4 else 0x86dd) / inner(family, 9)
        out = box.pass_through('cust', frame)
        self.assertEqual(1, len(out['bb']), out)
        got = out['bb'][0]
        sport = Ether(got)[UDP].sport
        self.assertTrue(49152 <= sport <= 65535)
        want = tunnel(encapsulation, outer, payload, family, inner(family, 8), sport)
        self.assertEqual(want.hex(), got.hex())

    def inward(self, box, encapsulation, payload, outer, family, form):
        frame = tunnel(encapsulation, outer, payload, family, inner(family, 9, False), 50000, True)
        out = box.pass_through('bb', frame + bytes(7))
        if family == 6 or not out['cust'] or Ether(out['cust'][0]).dst != CUSTOMER:
            self.answer(box, out, family, form)
            out = box.pass_through('bb', frame)
        self.assertEqual(1, len(out['cust']), out)
        want = tagged(Ether(src=gateway_mac(0), dst=CUSTOMER), TAG_FORMS[form],
                      0x0800 if family == 4 else 0x86dd) / inner(family, 8, False)
        self.assertEqual(bytes(want).hex(), out['cust'][0].hex())

    def answer(self, box, out, family, form):
        """The gateway has asked for the station; it answers."""
        from box import ARP, ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6NDOptDstLLAddr
        for raw in out['cust']:
            p = Ether(raw)
            ether = Ether(src=CUSTOMER, dst=gateway_mac(0))
            if family == 4 and ARP in p:
                box.inject('cust', tagged(ether, TAG_FORMS[form], 0x0806) /
                           ARP(op=2, hwsrc=CUSTOMER, psrc=p[ARP].pdst, hwdst=p[ARP].hwsrc,
                               pdst=p[ARP].psrc))
            if family == 6 and ICMPv6ND_NS in p:
                box.inject('cust', tagged(ether, TAG_FORMS[form], 0x86dd) /
                           IPv6(src=p[ICMPv6ND_NS].tgt, dst=p[IPv6].src, hlim=255) /
                           ICMPv6ND_NA(tgt=p[ICMPv6ND_NS].tgt, R=0, S=1, O=1) /
                           ICMPv6NDOptDstLLAddr(lladdr=CUSTOMER))
        held = box.pass_through('cust')
        self.assertEqual(1, len(held['cust']), 'the packet that was held leaves')

    def test_all(self):
        for case in cases():
            encapsulation, payload, outer, family, form = case
            with self.subTest(case), self.box(encapsulation, payload, outer, form) as box:
                self.outward(box, encapsulation, payload, outer, family, form)
                self.inward(box, encapsulation, payload, outer, family, form)
                self.assertTrue(box.stats()['conserved'])

    def test_workers_and_rings(self):
        for workers, distribute, queues in itertools.product((2, 4), (False, True), (1, 0)):
            ports = [{'name': n, 'distribute': distribute, 'tx_queues': queues}
                     for n in ('cust', 'bb')]
            case = ('geneve', 'ip', 4, 4, 'dot1q')
            with self.subTest(workers=workers, distribute=distribute, queues=queues), \
                    self.box('geneve', 'ip', 4, 'dot1q', workers=workers, ports=ports) as box:
                self.outward(box, *case)
                self.inward(box, *case)
                self.assertTrue(box.stats()['conserved'])


if __name__ == '__main__':
    main('__main__')
