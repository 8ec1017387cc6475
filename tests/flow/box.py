# SPDX-License-Identifier: BSD-3-Clause
"""A gateway in a box (tests/tools/flowbox.c), driven from Python, with scapy for the packets."""
import json
import os
import subprocess
import sys

import logging

logging.getLogger('scapy.runtime').setLevel(logging.ERROR)
from scapy.config import conf  # noqa: E402

conf.ipv6_enabled = True
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPerror  # noqa: E402,F401
from scapy.layers.inet6 import (ICMPv6DestUnreach, ICMPv6EchoReply,  # noqa: E402,F401
                                ICMPv6EchoRequest, ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6ND_RA,
                                ICMPv6NDOptDstLLAddr, ICMPv6NDOptSrcLLAddr, ICMPv6PacketTooBig,
                                ICMPv6TimeExceeded, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment)
from scapy.layers.l2 import ARP, Dot1AD, Dot1Q, Ether  # noqa: E402,F401
from scapy.layers.vxlan import VXLAN  # noqa: E402,F401
from scapy.contrib.geneve import GENEVE  # noqa: E402,F401
from scapy.packet import Raw  # noqa: E402,F401

FLOWBOX = os.environ.get('FLOWBOX') or os.path.join(
    os.path.dirname(os.path.abspath(__file__)), '..', '..', 'build', 'tests', 'tools', 'flowbox')

SHAPE = os.environ.get('FLOW_SHAPE', '1,0,0')

# Stations around the box. The gateway's own MAC on port i is 02:00:00:00:01:0i.
CUSTOMER = '02:00:00:00:00:aa'
OTHER = '02:00:00:00:00:bb'
PEER = '02:00:00:00:00:cc'


def gateway_mac(index):
    return '02:00:00:00:01:%02x' % index


class Refused(Exception):
    pass


class Box:
    """One flowbox process. Use as a context manager."""

    def __init__(self, **setup):
        setup.setdefault('ports', [{'name': 'cust'}, {'name': 'bb'}])
        if 'workers' not in setup:
            # The shape that the whole run is to have: workers, rings, transmit queues of a port.
            workers, rings, queues = (int(n) for n in SHAPE.split(','))
            setup['workers'] = workers
            for port in setup['ports']:
                port.setdefault('distribute', bool(rings))
                port.setdefault('tx_queues', queues)
        self.ports = [p['name'] for p in setup['ports']]
        self.process = subprocess.Popen([FLOWBOX], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=None, text=True)
        self.call('start', **setup)

    def __del__(self):
        if not hasattr(self, 'process'):
            return
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.process.stdin.close()
        self.process.wait(20)
        self.process.stdout.close()
        if exc[0] is None and self.process.returncode != 0:
            raise AssertionError('flowbox ended with %d' % self.process.returncode)

    def call(self, op, **fields):
        fields['op'] = op
        self.process.stdin.write(json.dumps(fields) + '\n')
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError('flowbox died (%s) during %s' % (self.process.wait(), op))
        answer = json.loads(line)
        if isinstance(answer, dict) and 'error' in answer:
            raise Refused(answer['error'])
        return answer

    def apply(self, document, **params):
        settle = params.pop('settle', True)
        return self.call('apply', params=dict(params, document=document), settle=settle)

    def inject(self, port, *frames, **fields):
        frames = [bytes(f).hex() for f in frames]
        return self.call('inject', port=port, frames=frames, **fields)['injected']

    def settle(self, ms=0):
        self.call('settle', ms=ms)

    def collect(self):
        """Frames sent, by port, as bytes."""
        return {port: [bytes.fromhex(f) for f in frames]
                for port, frames in self.call('collect').items()}

    def pass_through(self, port, *frames, ms=0, **fields):
        """Injects frames, lets everything settle, and returns what left by each port."""
        assert self.inject(port, *frames, **fields) == len(frames)
        self.settle(ms)
        return self.collect()

    def stats(self):
        return self.call('stats')

    def drops(self):
        """All drop reasons counted so far, over ports and connections."""
        total = {}
        stats = self.stats()
        assert stats['conserved'], 'packets are unaccounted for'
        parts = [p for p in stats['ports'].values()]
        for c in stats['connections'].values():
            parts += [c['attachment'], c['path']]
        for part in parts:
            for reason, count in part.get('drops', {}).items():
                total[reason] = total.get(reason, 0) + count
        return total

    def learn4(self, port, target_ip, mac, tags=()):
        """Answers the gateway's ARP question for this address, if it asked one."""
        answered = False
        for frame in self.collect()[port]:
            p = Ether(frame)
            if ARP in p and p[ARP].op == 1 and p[ARP].pdst == target_ip:
                reply = ARP(op=2, hwsrc=mac, psrc=target_ip, hwdst=p[ARP].hwsrc, pdst=p[ARP].psrc)
                self.inject(port, tagged(Ether(src=mac, dst=p.src), tags, 0x0806) / reply)
                answered = True
        self.settle()
        return answered

    def learn6(self, port, target_ip, mac, tags=()):
        answered = False
        for frame in self.collect()[port]:
            p = Ether(frame)
            if ICMPv6ND_NS in p and p[ICMPv6ND_NS].tgt == target_ip:
                reply = (IPv6(src=target_ip, dst=p[IPv6].src, hlim=255) /
                         ICMPv6ND_NA(tgt=target_ip, R=0, S=1, O=1) /
                         ICMPv6NDOptDstLLAddr(lladdr=mac))
                self.inject(port, tagged(Ether(src=mac, dst=p.src), tags, 0x86dd) / reply)
                answered = True
        self.settle()
        return answered


def tagged(ether, tags, ethertype):
    """The Ethernet header with these (type, vlan) tags, outer first."""
    frame = ether
    types = [t for t, _ in tags] + [ethertype]
    frame.type = types[0]
    for i, (kind, vlan) in enumerate(tags):
        frame = frame / (Dot1AD if kind == 0x88a8 else Dot1Q)(vlan=vlan, type=types[i + 1])
    return frame


def document(encapsulation='geneve', outer=4, tags=((0x8100, 1101),), path=None, connection=None,
             endpoint=None, attachment=None, routes=None, paths=1):
    """One customer on port cust, one site behind port bb; both families inside."""
    local, remote = ('10.1.0.1/24', '10.1.0.2') if outer == 4 else ('fd01::1/64', 'fd01::2')
    path = dict({'name': 'p1', 'site': 'far', 'port': 'bb', 'local': local, 'remote': remote,
                 'encapsulation': encapsulation}, **(path or {}))
    endpoint = dict({'site': 'far'}, **(endpoint or {}))
    if encapsulation == 'vxlan' or path.get('payload') == 'ethernet':
        endpoint.setdefault('peer_mac', PEER)
    return {
        'sites': [{'name': 'far'}],
        'paths': [path],
        'connections': [dict({'name': 'acme', 'vni': 1001, 'endpoints': [endpoint]},
                             **(connection or {}))],
        'attachments': [dict({'name': 'a1', 'connection': 'acme', 'port': 'cust',
                              'tags': [{'type': '0x%04x' % t, 'vlan': v} for t, v in tags],
                              'addresses': ['192.168.7.1/24', 'fd07::1/64']},
                             **(attachment or {}))],
        'routes': [{'connection': 'acme', 'prefixes': ['10.2.0.0/16', 'fd02::/32'],
                    'via': {'site': 'far'}}] if routes is None else routes,
    }


def resolve(box, tags=((0x8100, 1101),), outer=4):
    """Makes the path's next hop and the customer's station known to the gateway."""
    box.settle(1000)
    if outer == 4:
        assert box.learn4('bb', '10.1.0.2', PEER)
    else:
        assert box.learn6('bb', 'fd01::2', PEER)
    learn_customer(box, tags)


def learn_customer(box, tags=((0x8100, 1101),)):
    """A station that asks for the gateway names itself; whether it is true is asked of it at once."""
    arp = ARP(op=1, hwsrc=CUSTOMER, psrc='192.168.7.2', pdst='192.168.7.1')
    box.inject('cust', tagged(Ether(src=CUSTOMER, dst='ff:ff:ff:ff:ff:ff'), tags, 0x0806) / arp)
    box.settle()
    assert box.learn4('cust', '192.168.7.2', CUSTOMER, tags)


def main(module):
    """Runs a test module's unittest cases with the plain output that scripts/test reads."""
    import unittest
    result = unittest.main(module=module, exit=False, verbosity=1).result
    sys.exit(0 if result.wasSuccessful() else 1)
