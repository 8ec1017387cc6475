# SPDX-License-Identifier: BSD-3-Clause
"""Loss on a path, counted on the packets themselves: what one gateway sends, another judges."""
import functools
import random
import struct
import unittest

from box import (CUSTOMER, IP, UDP, Box, Ether, Raw, document, gateway_mac, main, resolve,
                 tagged)

TAGS = ((0x8100, 1101),)
OPTION = bytes.fromhex('ff010103')
FIRST_PORT = 49152


@functools.cache
def from_customer(flow):
    """Built once for each flow: scapy takes its time."""
    packet = IP(src='192.168.7.2', dst='10.2.3.4', ttl=9) / UDP(sport=1000 + flow, dport=5000)
    return bytes(tagged(Ether(src=CUSTOMER, dst=gateway_mac(0)), TAGS, 0x0800) /
                 packet / Raw(bytes(64)))


class Option:
    """The fields of a frame's option, or none."""

    def __init__(self, frame):
        outer = 20 if frame[12:14] == b'\x08\x00' else 40
        udp = 14 + outer
        self.port = int.from_bytes(frame[udp:udp + 2], 'big')
        self.there = frame[udp + 8] & 0x3f == 4
        option = frame[udp + 16:udp + 32]
        self.word = option[:4]
        self.lane, self.epoch, self.flags, self.sequence, self.sent = struct.unpack(
            '!HBBII', option[4:])


def measured(outer=4, **path):
    return document('geneve', outer, TAGS, path=dict({'measure': 'require'}, **path))


class Sending(unittest.TestCase):
    def test_option(self):
        for outer in 4, 6:
            with Box() as box:
                box.apply(measured(outer))
                resolve(box, TAGS, outer)
                frames = [from_customer(n % 16) for n in range(200)]
                out = box.pass_through('cust', *frames)['bb']
                self.assertEqual(200, len(out))
                following = {}
                for frame in out:
                    option = Option(frame)
                    self.assertTrue(option.there)
                    self.assertEqual(OPTION, option.word)
                    self.assertEqual(option.port - FIRST_PORT, option.lane)
                    self.assertEqual(0x20, option.flags & 0x20)
                    self.assertEqual(option.epoch & 1, option.flags >> 7)
                    expected = following.get(option.lane, option.sequence)
                    self.assertEqual(expected, option.sequence)
                    following[option.lane] = (option.sequence + 1) & 0xffffffff
                    self.checksum(frame, outer)
                self.assertGreater(len(following), 3)
                lanes = box.call('lanes')['p1']
                self.assertEqual(200, lanes.get('sent', 0))
                self.assertEqual(0, lanes.get('taken_back', 0))
                self.assertTrue(box.stats()['conserved'])

    def checksum(self, frame, outer):
        """IPv6 has to have one (RFC 8200); what scapy computes anew must be what was there."""
        fresh = Ether(frame)
        if outer == 4:
            self.assertEqual(0, fresh[UDP].chksum)
            return
        was = fresh[UDP].chksum
        del fresh[UDP].chksum
        self.assertEqual(was, Ether(bytes(fresh))[UDP].chksum)

    def test_plain_peer(self):
        """Off by default: no option, and one that comes is skipped and not counted."""
        with Box() as far, Box() as box:
            far.apply(measured())
            resolve(far, TAGS)
            box.apply(document('geneve', 4, TAGS))
            resolve(box, TAGS)
            out = box.pass_through('cust', from_customer(0))['bb']
            self.assertFalse(Option(out[0]).there)
            frames = far.pass_through('cust', from_customer(0))['bb']
            self.assertEqual(1, len(box.pass_through('bb', *turn(frames))['cust']))
            self.assertEqual(0, box.call('lanes')['p1'].get('received', 0))


def turn(frames, outer=4):
    """What leaves one box as it reaches the other, which has the same addresses: ends exchanged,
    and inside as well, so that it is routed to the customer."""
    turned = []
    for frame in frames:
        frame = bytearray(frame)
        frame[0:6], frame[6:12] = bytes.fromhex(gateway_mac(1).replace(':', '')), frame[0:6]
        swap(frame, 14, outer)
        udp = 14 + (20 if outer == 4 else 40)
        inner = udp + 16 + (frame[udp + 8] & 0x3f) * 4
        swap(frame, inner, 4 if frame[inner] >> 4 == 4 else 6)
        turned.append(bytes(frame))
    return turned


def swap(frame, at, family):
    at, size = (at + 12, 4) if family == 4 else (at + 8, 16)
    frame[at:at + size], frame[at + size:at + 2 * size] = (
        frame[at + size:at + 2 * size], frame[at:at + size])


class Receiving(unittest.TestCase):
    """One box's frames reach the other through a wire that does what the test knows."""

    def run_wire(self, wire, outer=4, count=1500, **setup):
        with Box() as sender, Box(**setup) as receiver:
            for box in sender, receiver:
                box.apply(measured(outer))
                resolve(box, TAGS, outer)
            frames = []
            for first in range(0, count, 250):
                burst = [from_customer(n % 32) for n in range(first, first + 250)]
                frames += sender.pass_through('cust', *burst)['bb']
            self.assertEqual(count, len(frames))
            arriving = wire(turn(frames, outer))
            customers = 0
            for first in range(0, len(arriving), 250):
                out = receiver.pass_through('bb', *arriving[first:first + 250])
                customers += len(out['cust'])
            self.assertEqual(len(arriving), customers)
            self.assertTrue(receiver.stats()['conserved'])
            return receiver.call('lanes')['p1']

    def lane_ends(self, frames):
        """Places of the first and the last frame of each lane: what is missing outside of them no
        number can tell yet."""
        ends = {}
        for place, frame in enumerate(frames):
            lane = Option(frame).lane
            ends.setdefault(lane, [place, place])[1] = place
        return {place for pair in ends.values() for place in pair}

    def test_whole(self):
        for outer in 4, 6:
            lanes = self.run_wire(lambda frames: frames, outer)
            self.assertEqual(1500, lanes.get('received', 0))
            for count in 'lost', 'reordered', 'duplicates', 'late', 'resyncs':
                self.assertEqual(0, lanes.get(count, 0), count)

    def test_loss(self):
        chance = random.Random(11)
        lost = []

        def wire(frames):
            keep = self.lane_ends(frames)
            lost.extend(n for n in range(len(frames))
                        if n not in keep and chance.random() < 0.1)
            gone = set(lost)
            return [f for n, f in enumerate(frames) if n not in gone]

        lanes = self.run_wire(wire)
        self.assertGreater(len(lost), 50)
        self.assertEqual(len(lost), lanes.get('lost', 0))
        self.assertEqual(1500 - len(lost), lanes.get('received', 0))

    def test_order_and_copies(self):
        chance = random.Random(12)
        copies = []

        def wire(frames):
            """Neighbours in time change places; some come twice."""
            keep = self.lane_ends(frames)
            out = list(frames)
            for n in range(0, len(out) - 40, 40):
                if keep.isdisjoint(range(n, n + 40)):
                    part = out[n:n + 40]
                    chance.shuffle(part)
                    out[n:n + 40] = part
            for n in range(len(out) - 1, 0, -1):
                if chance.random() < 0.05:
                    copies.append(n)
                    out.insert(n, out[n])
            return out

        lanes = self.run_wire(wire)
        self.assertEqual(len(copies), lanes.get('duplicates', 0))
        self.assertEqual(1500, lanes.get('received', 0))
        self.assertEqual(0, lanes.get('lost', 0))
        self.assertGreater(lanes.get('reordered', 0), 10)


if __name__ == '__main__':
    main(__name__)
