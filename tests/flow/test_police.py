# SPDX-License-Identifier: BSD-3-Clause
"""A connection's rate: what it counts, drops and marks, and how it changes. The clock is the real one,
so rates are low and bursts are what is looked at; tests/flow/policing.c holds rates over seconds."""
import unittest

from box import (ARP, CUSTOMER, GENEVE, ICMP, IP, PEER, UDP, Box, Dot1Q, Ether, IPv6, Raw, document,
                 gateway_mac, main, resolve)

LENGTH = 1000


def outward(v6=False, dscp=0, length=LENGTH, **ip):
    if v6:
        packet = (IPv6(src='fd07::2', dst='fd02::9', tc=dscp << 2) / UDP(sport=4000, dport=9) /
                  Raw(b'x' * (length - 48)))
    else:
        packet = (IP(src='192.168.7.2', dst='10.2.3.4', tos=dscp << 2, **ip) /
                  UDP(sport=4000, dport=9) / Raw(b'x' * (length - 28)))
    return (Ether(src=CUSTOMER, dst=gateway_mac(0)) /
            Dot1Q(vlan=1101, type=0x86dd if v6 else 0x0800) / packet)


def inward():
    return (Ether(src=PEER, dst=gateway_mac(1)) / IP(src='10.1.0.2', dst='10.1.0.1') /
            UDP(sport=50000, dport=6081, chksum=0) / GENEVE(vni=1001, proto=0x0800) /
            IP(src='10.2.3.4', dst='192.168.7.2') / UDP(sport=7, dport=9) / Raw(b'x' * 972))


def dscps(frame):
    """DSCP of the outer and of the inner packet of a Geneve frame over IPv4."""
    packet = frame[14 + 20 + 8 + 8:]
    if packet[0] >> 4 == 6:
        return frame[15] >> 2, (packet[0] & 15) << 2 | packet[1] >> 6
    words = sum(packet[i] << 8 | packet[i + 1] for i in range(0, 20, 2))
    assert (words & 0xffff) + (words >> 16) == 0xffff, 'checksum of the inner header'
    return frame[15] >> 2, packet[1] >> 2


class Police(unittest.TestCase):
    def start(self, dscp=None, **rate):
        connection = dict(rate, **({'dscp': dscp} if dscp else {}))
        box = Box()
        box.apply(document(connection=connection))
        resolve(box)
        # The customer's station, so that what comes in by the path finds it.
        box.inject('bb', inward())
        box.settle()
        box.learn4('cust', '192.168.7.2', CUSTOMER, ((0x8100, 1101),))
        box.collect()
        return box

    def policing(self, box):
        stats = box.stats()
        self.assertTrue(stats['conserved'])
        acme = stats['connections']['acme']
        return dict(acme['policing'], policed=acme['attachment']['drops'].get('policed', 0))

    def send(self, box, count, **packet):
        return box.pass_through('cust', *[bytes(outward(**packet))] * count)['bb']

    def test_l3_bytes_beyond_the_burst_are_dropped_and_counted(self):
        for v6 in (False, True):
            # A megabit a second gives back 125 bytes a millisecond.
            with self.start(bandwidth_mbps=1, burst_bytes=50 * LENGTH) as box:
                passed = len(self.send(box, 200, v6=v6))
                self.assertGreaterEqual(passed, 49)
                self.assertLess(passed, 150)
                self.assertEqual({'policed': 200 - passed,
                                  'policed_bytes': LENGTH * (200 - passed)}, self.policing(box))

    def test_small_bursts_hold_two_packets(self):
        with self.start(bandwidth_mbps=1, burst_bytes=1) as box:
            self.assertGreaterEqual(len(self.send(box, 2, length=1400)), 2)

    def test_only_what_the_customer_sends(self):
        with self.start(bandwidth_mbps=1, burst_bytes=1) as box:
            self.send(box, 50)
            dropped = self.policing(box)['policed']
            self.assertGreater(dropped, 0)
            out = box.pass_through('bb', *[bytes(inward())] * 50)
            self.assertEqual(50, len(out['cust']))
            ask = (Ether(src=CUSTOMER, dst='ff:ff:ff:ff:ff:ff') / Dot1Q(vlan=1101) /
                   ARP(op=1, psrc='192.168.7.2', pdst='192.168.7.1'))
            answers = [f for f in box.pass_through('cust', *[bytes(ask)] * 20)['cust']
                       if Ether(f)[ARP].op == 2]
            self.assertEqual(20, len(answers))
            self.assertEqual(dropped, self.policing(box)['policed'])

    def test_echo_to_the_gateway_is_the_customers_traffic_too(self):
        with self.start(bandwidth_mbps=1, burst_bytes=1) as box:
            ping = (Ether(src=CUSTOMER, dst=gateway_mac(0)) / Dot1Q(vlan=1101) /
                    IP(src='192.168.7.2', dst='192.168.7.1') / ICMP() / Raw(b'x' * 972))
            answers = len(box.pass_through('cust', *[bytes(ping)] * 50)['cust'])
            self.assertGreaterEqual(answers, 2)
            self.assertEqual(50 - answers, self.policing(box)['policed'])

    def test_without_bandwidth_nothing_is_policed(self):
        with self.start() as box:
            self.assertEqual(300, len(self.send(box, 300)))
            self.assertEqual({'policed': 0}, self.policing(box))

    def marked(self, dscp, excess, own, v6=False):
        """Outer and inner DSCP of packets, those within the bandwidth first."""
        rate = {'bandwidth_mbps': 1, 'burst_bytes': 10 * LENGTH, 'peak_mbps': 10000,
                'excess_dscp': excess}
        with self.start(dscp=dscp, **rate) as box:
            frames = self.send(box, 60, dscp=own, v6=v6)
            self.assertEqual(60, len(frames))
            found = [dscps(frame) for frame in frames]
            counted = self.policing(box)
        kinds = sorted(set(found), key=found.index)
        if len(kinds) > 1:
            marked = found.count(kinds[1])
            self.assertIn(marked, range(20, 52))
            self.assertEqual({'policed': 0, 'marked_packets': marked,
                              'marked_bytes': marked * LENGTH}, counted)
        return kinds

    def test_excess_is_marked(self):
        pipe, uniform = {'mode': 'pipe', 'value': 26}, {'mode': 'uniform'}
        for dscp, excess, own, v6, plain, over in (
                (pipe, 10, 46, False, (26, 46), (10, 46)),
                (pipe, 'precedence', 10, True, (26, 10), (28, 10)),
                (uniform, 8, 46, True, (46, 46), (8, 8)),
                (uniform, 'precedence', 34, False, (34, 34), (36, 36))):
            self.assertEqual([plain, over], self.marked(dscp, excess, own, v6))
        self.assertEqual([(46, 46)], self.marked(uniform, 'precedence', 46))

    def test_pieces_of_an_excess_packet_are_marked(self):
        with self.start(bandwidth_mbps=1, burst_bytes=1, peak_mbps=10000, excess_dscp=10) as box:
            frames = self.send(box, 20, length=1490)
            self.assertEqual(40, len(frames))
            marks = [f[15] >> 2 for f in frames]
            self.assertGreaterEqual(marks.count(10), 20)
            self.assertEqual(0, marks.count(10) % 2)

    def test_what_is_over_the_peak_is_dropped(self):
        with self.start(bandwidth_mbps=1, burst_bytes=50 * LENGTH, peak_mbps=2) as box:
            passed = len(self.send(box, 300))
            self.assertGreaterEqual(passed, 98)
            self.assertLess(passed, 250)
            counted = self.policing(box)
            self.assertEqual(300 - passed, counted['policed'])
            self.assertGreaterEqual(counted['marked_packets'], 49)
            self.assertLess(counted['marked_packets'], 150)

    def test_change_of_another_field_refills_nothing(self):
        rate = {'bandwidth_mbps': 1, 'burst_bytes': 100 * LENGTH}
        with self.start(**rate) as box:
            self.assertLess(len(self.send(box, 200)), 200)
            box.apply(document(connection=dict(rate, mss_clamp=1200)))
            self.assertLess(len(self.send(box, 100)), 70)

    def test_change_of_the_rate(self):
        with self.start(bandwidth_mbps=1, burst_bytes=1) as box:
            self.assertLess(len(self.send(box, 100)), 100)
            box.apply(document(connection={'bandwidth_mbps': 100000}))
            # A lease's wait of the old rate, which is 2.5 ms, is over by now.
            self.assertEqual(100, len(self.send(box, 100)))
            box.apply(document())
            self.assertEqual(100, len(self.send(box, 100)))
            box.apply(document(connection={'bandwidth_mbps': 1, 'burst_bytes': 1}))
            self.assertLess(len(self.send(box, 100)), 100)

    def test_a_new_connection_has_its_burst(self):
        with self.start(bandwidth_mbps=1, burst_bytes=100 * LENGTH) as box:
            self.assertLess(len(self.send(box, 300)), 300)
            box.apply({})
            box.settle()
            box.apply(document(connection={'bandwidth_mbps': 1, 'burst_bytes': 100 * LENGTH}))
            resolve(box)
            self.assertEqual(95, len(self.send(box, 95)))


if __name__ == '__main__':
    main('__main__')
