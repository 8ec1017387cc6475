# SPDX-License-Identifier: BSD-3-Clause
"""What scripts/pktgen writes for Pktgen: its document and its packet files fit each other, so that
every packet of either direction leaves by the other port as what it should be."""
import os
import sys
import tempfile
import unittest

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
sys.path.insert(0, os.path.join(ROOT, 'scripts', 'pktgen'))

from box import GENEVE, IP, UDP, Box, Dot1Q, Ether, IPv6, gateway_mac, main  # noqa: E402
import packets  # noqa: E402
import scene  # noqa: E402
from scapy.utils import rdpcap  # noqa: E402

FLOWS = 96


def checked(packet):
    """The IP packet as bytes; fails where scapy would have computed other checksums or lengths."""
    again = packet.copy()
    for layer in (IP, UDP):
        if layer in again:
            for field in ('len', 'chksum'):
                delattr(again[layer], field)
    if IPv6 in again:
        del again[IPv6].plen
    assert bytes(again) == bytes(packet), packet.summary()
    return bytes(packet)


def hop_later(packet):
    """The IP packet as a router sends it on."""
    packet = packet.copy()
    if packet.version == 4:
        packet.ttl -= 1
        del packet.chksum
    else:
        packet.hlim -= 1
    return bytes(packet)


def ip_of(frame):
    return frame[IPv6] if IPv6 in frame and IP not in frame else frame[IP]


def ip_in(tunnelled):
    return tunnelled[GENEVE].payload


def ends(packet):
    return (packet.src, packet[UDP].sport), (packet.dst, packet[UDP].dport)


class Pktgen(unittest.TestCase):
    def files(self, size):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        packets.make(folder.name, [size], FLOWS, gateway_mac(0), gateway_mac(1))
        names = (f'vlan-{size}', f'geneve-{size}', 'routers', 'far')
        return [list(rdpcap(os.path.join(folder.name, f'{name}.pcap'))) for name in names]

    def gateway(self, routers, far):
        box = Box(ports=[{'name': 'cloud'}, {'name': 'backbone'}])
        box.apply(scene.document())
        box.settle(1000)
        self.assertEqual(box.inject('cloud', *routers), scene.TENANTS)
        self.assertEqual(box.inject('backbone', *far), len(scene.FAR))
        box.settle()
        box.collect()
        return box

    def through(self, box, port, frames):
        """What leaves by the other port."""
        out = {'cloud': [], 'backbone': []}
        for i in range(0, len(frames), 60):
            for name, some in box.pass_through(port, *frames[i:i + 60]).items():
                out[name] += [Ether(frame) for frame in some]
        self.assertEqual(out[port], [])
        self.assertEqual(box.drops(), {})
        return out['backbone' if port == 'cloud' else 'cloud']

    def test_sizes(self):
        for size, lengths in scene.SIZES.items():
            vlan, geneve, _, _ = self.files(size)
            self.assertEqual(len(vlan), FLOWS)
            self.assertEqual(len(geneve), FLOWS)
            allowed = {length - scene.FRAME_OVER_IP for length in lengths}
            for near, far in zip(vlan, geneve):
                self.assertEqual(len(checked(ip_of(near))), len(checked(ip_in(far))))
                self.assertEqual(ends(ip_of(near)), ends(ip_in(far))[::-1])
                if ip_of(near).version == 4:
                    self.assertIn(len(ip_of(near)), allowed)

    def test_mix_is_varied(self):
        vlan, geneve, _, _ = self.files('mix')
        self.assertEqual(len({bytes(ip_of(f))[:48] for f in vlan}), FLOWS)
        self.assertEqual(len({f[Dot1Q].vlan for f in vlan}), scene.TENANTS)
        self.assertEqual(len({f[GENEVE].vni for f in geneve}), scene.TENANTS)
        self.assertEqual({f[IP].src for f in geneve}, set(scene.FAR))
        self.assertEqual({ip_of(f).version for f in vlan}, {4, 6})
        self.assertGreater(len({len(f) for f in vlan}), 2)

    def test_vlan_to_geneve(self):
        vlan, _, routers, far = self.files('mix')
        with self.gateway(routers, far) as box:
            out = self.through(box, 'cloud', vlan)
        for frame in out:
            path = scene.FAR.index(frame[IP].dst)
            self.assertEqual(frame.dst, scene.FAR_MAC.format(path))
        self.assertEqual(
            sorted((scene.FIRST_VNI + f[Dot1Q].vlan - scene.FIRST_VLAN, hop_later(ip_of(f)))
                   for f in vlan),
            sorted((f[GENEVE].vni, bytes(ip_in(f))) for f in out))
        self.assertEqual({f[IP].dst for f in out}, set(scene.FAR), 'both paths')

    def test_geneve_to_vlan(self):
        _, geneve, routers, far = self.files('mix')
        with self.gateway(routers, far) as box:
            out = self.through(box, 'backbone', geneve)
        for frame in out:
            tenant = frame[Dot1Q].vlan - scene.FIRST_VLAN
            self.assertEqual(frame.dst, scene.ROUTER_MAC.format(tenant))
        self.assertEqual(
            sorted((scene.FIRST_VLAN + f[GENEVE].vni - scene.FIRST_VNI, hop_later(ip_in(f)))
                   for f in geneve),
            sorted((f[Dot1Q].vlan, bytes(ip_of(f))) for f in out))


if __name__ == '__main__':
    main('__main__')
