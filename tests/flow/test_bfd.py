# SPDX-License-Identifier: BSD-3-Clause
"""BFD sessions through the packet path, in every form and shape: the worker that receives a packet is
seldom the one that owns the session. Time is real, so detection times are long."""
import struct
import time
import unittest

from box import (CUSTOMER, GENEVE, IP, PEER, UDP, VXLAN, Box, Dot1Q, Ether, IPv6, Raw, document,
                 gateway_mac, main, resolve)

DOWN, INIT, UP = 1, 2, 3
SLOW = {'tx_us': 400000, 'rx_us': 400000, 'multiplier': 3}
FORMS = [('single_hop', 'geneve', 4), ('single_hop', 'geneve', 6), ('multihop', 'geneve', 4),
         ('tunnel', 'geneve', 4), ('tunnel', 'geneve', 6), ('tunnel', 'vxlan', 4), ('tunnel', 'vxlan', 6)]


def bfd(state, yours=0, flags=0, mine=77, tx=400000):
    return struct.pack('>BBBBIIIII', 0x20, state << 6 | flags, 3, 24, mine, yours, tx, 400000, 0)


class Peer:
    """The other end of the only path, as far as BFD goes."""

    def __init__(self, mode, encapsulation, family):
        self.mode, self.encapsulation, self.family = mode, encapsulation, family
        self.box = Box()
        self.box.apply(document(encapsulation, family, path={'bfd': {'mode': mode, **SLOW}}))
        resolve(self.box, outer=family)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.box.__exit__(*exc)

    def ip(self, dst=None, ttl=255):
        if self.family == 4:
            return IP(src='10.1.0.2', dst=dst or '10.1.0.1', ttl=ttl)
        return IPv6(src='fd01::2', dst=dst or 'fd01::1', hlim=ttl)

    def frame(self, message):
        port = 4784 if self.mode == 'multihop' else 3784
        ether = Ether(src=PEER, dst=gateway_mac(1))
        if self.mode != 'tunnel':
            return ether / self.ip() / UDP(sport=50000, dport=port) / Raw(message)
        inner = self.ip('127.0.0.1' if self.family == 4 else '::1') / UDP(sport=50000, dport=port) / Raw(message)
        if self.encapsulation == 'vxlan':
            return (ether / self.ip(ttl=64) / UDP(sport=50001, dport=4789) / VXLAN(vni=1, flags=8) /
                    Ether(src=PEER, dst='00:00:5e:00:52:02') / inner)
        kind = 0x0800 if self.family == 4 else 0x86dd
        return (ether / self.ip(ttl=64) / UDP(sport=50001, dport=6081) /
                GENEVE(vni=1, proto=kind, oam=1) / inner)

    def say(self, *state, **more):
        """Says it; answers what the gateway says at once."""
        return [bytes(Ether(f)) for f in
                self.box.pass_through('bb', self.frame(bfd(*state, **more)))['bb']]

    def known(self):
        return self.box.call('bfd', path='p1')

    def come_up(self):
        # The session begins by the snapshot; a turn or two later it is there.
        for _ in range(100):
            if 'discriminator' in self.known():
                break
            self.box.settle()
        self.say(DOWN)
        self.yours = self.known()['discriminator']
        self.say(INIT, self.yours)


def packet():
    return (Ether(src=CUSTOMER, dst=gateway_mac(0)) / Dot1Q(vlan=1101, type=0x0800) /
            IP(src='192.168.7.2', dst='10.2.3.4') / UDP(sport=4000, dport=5000) / Raw(b'x' * 40))


class SessionTest(unittest.TestCase):
    def test_comes_up_in_every_form(self):
        for form in FORMS:
            with self.subTest(form), Peer(*form) as peer:
                self.assertEqual('down', peer.known()['state'])
                sent = peer.say(DOWN)
                self.assertEqual('init', peer.known()['state'])
                # What packets say has changed, so one goes out at once: Init, and the peer's number.
                self.assertTrue(any(f[-24:][1] >> 6 == INIT and f[-20:-16] != bytes(4) and
                                    f[-16:-12] == struct.pack('>I', 77) for f in sent))
                sent = peer.say(INIT, peer.known()['discriminator'])
                self.assertEqual('up', peer.known()['state'])
                self.assertTrue(any(f[-24:][1] >> 6 == UP for f in sent))
                self.assertEqual({}, peer.box.drops())

    def test_path_is_used_while_up_only(self):
        with Peer('tunnel', 'geneve', 4) as peer:
            peer.box.pass_through('cust', packet())
            self.assertEqual({'no_live_path': 1}, peer.box.drops())
            peer.come_up()
            sent = peer.box.pass_through('cust', packet())['bb']
            self.assertTrue(any(b'x' * 40 in f for f in sent))
            peer.say(DOWN, peer.yours)
            self.assertEqual(('down', 'neighbour_down'),
                             (peer.known()['state'], peer.known()['diag']))
            peer.box.pass_through('cust', packet())
            self.assertEqual({'no_live_path': 2}, peer.box.drops())

    def test_silence(self):
        """Down when the detection time is over, not before."""
        with Peer('single_hop', 'geneve', 4) as peer:
            peer.come_up()
            self.assertEqual(3 * 400000, peer.known()['detection_us'])
            peer.say(UP, peer.yours)
            begun = time.monotonic()
            while peer.known()['state'] == 'up' and time.monotonic() < begun + 10:
                peer.box.settle()
            # Of the packet's arrival no more is known than that it was before say() returned.
            self.assertTrue(1.0 < time.monotonic() - begun < 3.0)
            self.assertEqual('detection_expired', peer.known()['diag'])
            self.assertEqual(0, peer.known()['remote'])

    def test_what_waits_in_the_queue_counts(self):
        """The workers are kept from their queues for longer than the detection time: what came
        meanwhile is seen before anything is judged."""
        with Peer('single_hop', 'geneve', 4) as peer:
            peer.come_up()
            peer.say(UP, peer.yours)
            # Three bursts before it; and the owner, where that is another worker, turns first.
            ether = Ether(src=PEER, dst=gateway_mac(1))
            peer.box.inject('bb', *[ether / peer.ip() / UDP(dport=9)] * 190,
                            peer.frame(bfd(UP, peer.yours)))
            time.sleep(1.5)
            for _ in range(2):
                peer.box.call('turn', worker=peer.known()['worker'])
                self.assertEqual('up', peer.known()['state'])
            peer.box.settle()
            self.assertEqual('up', peer.known()['state'])
            time.sleep(1.5)
            for _ in range(20):
                peer.box.settle()
            self.assertEqual('down', peer.known()['state'])

    def test_poll_is_answered_at_once(self):
        with Peer('multihop', 'geneve', 4) as peer:
            peer.come_up()
            sent = peer.say(UP, peer.yours, flags=0x20)
            self.assertTrue(any(f[-24:][1] & 0x30 == 0x10 for f in sent))

    def test_wrong_way_in(self):
        """A number that was overheard does not help: by another form, or with another path's."""
        with Peer('single_hop', 'geneve', 4) as peer:
            peer.come_up()
            before = peer.known()['received']
            peer.mode = 'tunnel'
            peer.say(DOWN, peer.yours)
            peer.mode = 'multihop'
            peer.say(DOWN, peer.yours)
            peer.mode = 'single_hop'
            peer.say(DOWN, peer.yours ^ 0x10000)
            self.assertEqual((before, 'up'), (peer.known()['received'], peer.known()['state']))
            self.assertEqual({'bfd_session': 3}, peer.box.drops())

    def test_removed_and_put_again(self):
        with Peer('single_hop', 'geneve', 4) as peer:
            peer.come_up()
            peer.box.apply(document())
            self.assertEqual({}, peer.known())
            self.assertTrue(any(b'x' * 40 in f for f in peer.box.pass_through('cust', packet())['bb']))
            peer.box.apply(document(path={'bfd': {'mode': 'single_hop', **SLOW}}))
            self.assertEqual('down', peer.known()['state'])
            peer.box.pass_through('cust', packet())
            self.assertEqual({'no_live_path': 1}, peer.box.drops())


if __name__ == '__main__':
    main('__main__')
