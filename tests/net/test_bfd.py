#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Failure detection: between two gateways in every form, against BIRD and FRR, and what a cut costs."""

import re
import time
import unittest

from daemons import FRR, Bird, Frr, missing
from gateway import Gateway, boot, device
from lab import Lab, wait_until
from pair import Pair
from traffic import Capture, complaints, decode, reaches

FAR = "10.0.2.10"
# What this machine can keep while it builds and tests other things.
CALM = {"tx_us": 20000, "rx_us": 20000, "multiplier": 10}
AUTH = {"key_id": 7, "key": "a secret"}

FORMS = {
    "single_hop over IPv4": ({"family": 4}, {"mode": "single_hop"}, 3784),
    "single_hop over IPv6": ({"family": 6}, {"mode": "single_hop", "auth": AUTH}, 3784),
    "multihop over IPv4": ({"family": 4}, {"mode": "multihop", "auth": AUTH}, 4784),
    "multihop over IPv6": ({"family": 6}, {"mode": "multihop"}, 4784),
    "Geneve over IPv4": ({"family": 4}, {"mode": "tunnel"}, 3784),
    "Geneve over IPv6": ({"family": 6}, {"mode": "tunnel", "auth": AUTH}, 3784),
    "VXLAN over IPv4": ({"family": 4, "encapsulation": "vxlan"}, {"mode": "tunnel", "auth": AUTH}, 3784),
    "VXLAN over IPv6": ({"family": 6, "encapsulation": "vxlan"}, {"mode": "tunnel"}, 3784),
}


def session(gateway, path):
    found = next(p for p in gateway.stats()["paths"] if p["name"] == path)
    return {**found.get("bfd", {}), "live": found["live"], "objections": found["objections"]}


def wait_state(gateway, path, state, timeout=15):
    wait_until(lambda: session(gateway, path).get("state") == state, timeout,
               f"the session of {path} to be {state}")
    return session(gateway, path)


class FormsTest(unittest.TestCase):
    """Each form on a path of its own; tshark reads every packet and finds nothing wrong."""

    @classmethod
    def setUpClass(cls):
        cls.names = {f"b{i}": form for i, form in enumerate(FORMS, 1)}
        cls.pair = Pair("w", {name: {**FORMS[form][0], "bfd": {**CALM, **FORMS[form][1]}}
                              for name, form in cls.names.items()})
        cls.addClassCleanup(cls.pair.close)

    def test_each_form(self):
        captures = {name: Capture(self.pair.backbone, f"a{i}", "udp")
                    for i, name in enumerate(self.names, 1)}
        for name, form in self.names.items():
            with self.subTest(form):
                for gateway in self.pair.gateways.values():
                    known = wait_state(gateway, name, "up")
                    self.assertTrue(known["live"])
                    self.assertEqual(known["mode"], FORMS[form][1]["mode"])
                    self.assertEqual(known["detection_us"], 200000)
        self.assertTrue(reaches(self.pair.hosts["acme", "a"], FAR, count=5))
        time.sleep(1)
        for gateway in self.pair.gateways.values():
            self.assertEqual(gateway.unconserved(), [])
            self.assertIn("tunnel", gateway.cli("show", "bfd").stdout)
            gateway.stop()
        for name, form in self.names.items():
            with self.subTest(form):
                self.judge(captures[name].stop(), *FORMS[form][1:])

    def judge(self, file, bfd, port):
        self.assertEqual(complaints(file)[:5], [])
        rows = decode(file, f"bfd && udp.dstport == {port}", "bfd.sta", "bfd.auth.type",
                      "bfd.detect_time_multiplier", "ip.ttl", "ipv6.hlim", "udp.srcport")
        self.assertGreater(len(rows), 40)
        for state, auth, multiplier, ttl, hops, _ in rows:
            self.assertEqual(multiplier, "10")
            self.assertEqual(auth, "5" if "auth" in bfd else "")
            # The outer one, where there is one, and that of the message.
            self.assertEqual((ttl or hops).split(",")[-1], "255")
        self.assertEqual(int(rows[-1][0], 16), 3)
        if bfd["mode"] == "tunnel":
            self.assertGreater(len({row[5].split(",")[0] for row in rows}), 20, "no lane changes")


class CutTest(unittest.TestCase):
    """Four paths with traffic on them; one dies in every way that a path can die."""

    @classmethod
    def setUpClass(cls):
        cls.pair = Pair("c", {f"b{i}": {"family": 4 + i % 2 * 2, "bfd": {"mode": "tunnel"}}
                              for i in range(1, 4)})
        cls.addClassCleanup(cls.pair.close)
        cls.near = cls.pair.hosts["acme", "a"]

    # One identifier, so one flow.
    PING = ("ping", "-n", "-D", "-e", 4711)

    def carries(self, direction):
        """The path that this flow takes there ("ab") or back: the hash has another seed at each end."""
        before = self.pair.wire.counts()
        self.near.run(*self.PING, "-i", "0.005", "-s", 1000, "-c", 100, FAR)
        after = self.pair.wire.counts()
        grown = {name: after[name][direction]["sent_bytes"] - before[name][direction]["sent_bytes"]
                 for name in after}
        return max(grown, key=grown.get)

    def cut(self, direction, **how):
        for gateway in self.pair.gateways.values():
            for name in self.pair.paths:
                wait_until(lambda g=gateway, n=name: session(g, n)["live"], 15, f"{name} to be live")
        victim = self.carries("ba" if direction == "ba" else "ab")
        flow = self.near.start(*self.PING, "-i", "0.002", "-c", 1500, FAR)
        time.sleep(1)
        self.pair.wire.set(victim, direction, **how)
        for gateway in self.pair.gateways.values():
            wait_until(lambda g=gateway: not session(g, victim)["live"], 5, f"{victim} to be left")
        flow.wait(30)
        times = [float(t) for t in re.findall(r"^\[([\d.]+)\].*time=", flow.output(), re.M)]
        gap = max(b - a for a, b in zip(times, times[1:]))
        states = [session(g, victim) for g in self.pair.gateways.values()]
        self.pair.wire.set(victim, "both", loss="0%", cut=0, corrupt="0%")
        print(f"\n{victim} {direction} {how}: {gap * 1000:.1f} ms without an answer")
        # Issue's target is 50 ms on a machine of its own; here it must only be no timeout of others.
        self.assertLess(gap, 1.0)
        return states

    def test_both_ways(self):
        states = self.cut("both", loss="100%")
        self.assertEqual([s["diag"] for s in states], ["detection_expired"] * 2)
        self.assertEqual([s["objections"] for s in states], [["bfd"]] * 2)

    def test_one_way(self):
        """Who hears nothing says so, and the other end leaves the path too."""
        near, far = self.cut("ab", loss="100%")
        self.assertEqual((near["diag"], far["diag"]), ("neighbour_down", "detection_expired"))

    def test_other_way(self):
        near, far = self.cut("ba", loss="100%")
        self.assertEqual((near["diag"], far["diag"]), ("detection_expired", "neighbour_down"))


class ChangeTest(unittest.TestCase):
    """Timers that change while up, a session that is stopped, one that the other end has not."""

    @classmethod
    def setUpClass(cls):
        cls.pair = Pair("t", {"b1": {"bfd": {"mode": "single_hop", **CALM}}, "b2": {}})
        cls.addClassCleanup(cls.pair.close)

    def change(self, side, **bfd):
        gateway = self.pair.gateways[side]
        document = self.pair.document(side)
        document["paths"][0]["bfd"] = {**document["paths"][0]["bfd"], **bfd}
        gateway.apply(document)

    def test_timers(self):
        near, far = self.pair.gateways.values()
        wait_state(near, "b1", "up")
        downs = session(near, "b1")["downs"]
        self.change("a", tx_us=100000, rx_us=50000)
        wait_until(lambda: session(near, "b1")["interval_us"] == 100000, 5, "the slower pace")
        wait_until(lambda: session(far, "b1")["detection_us"] == 1000000, 5, "the peer to know")
        wait_until(lambda: session(far, "b1")["interval_us"] == 50000, 5, "the peer to slow down")
        self.change("a")
        wait_until(lambda: session(near, "b1")["interval_us"] == 20000, 5, "the old pace")
        self.assertEqual(session(near, "b1")["downs"], downs)

    def test_stopped(self):
        """AdminDown says nothing of the path: both ends go on using it."""
        near, far = self.pair.gateways.values()
        wait_state(near, "b1", "up")
        self.change("a", admin="down")
        wait_state(near, "b1", "admin_down")
        known = wait_state(far, "b1", "down")
        self.assertEqual((known["diag"], known["remote_state"]), ("neighbour_down", "admin_down"))
        self.assertTrue(known["live"] and session(near, "b1")["live"])
        self.change("a")
        wait_state(near, "b1", "up")
        self.assertTrue(wait_state(far, "b1", "up")["live"])

    def test_other_end_has_none(self):
        near, far = self.pair.gateways.values()
        document = self.pair.document("b")
        del document["paths"][0]["bfd"]
        far.apply(document)
        self.assertEqual(wait_state(near, "b1", "down")["objections"], ["bfd"])
        self.assertTrue(reaches(self.pair.hosts["acme", "a"], FAR, count=5))
        self.assertGreater(far.drops().get("bfd_session", 0), 0)
        far.apply(self.pair.document("b"))
        wait_state(near, "b1", "up")
        self.assertTrue(session(near, "b1")["live"])

    def test_wrong_key(self):
        near, far = self.pair.gateways.values()
        self.change("a", auth=AUTH)
        self.change("b", auth={**AUTH, "key": "another"})
        wait_until(lambda: far.drops().get("bfd_auth", 0) > 0, 5, "packets to be refused")
        wait_state(near, "b1", "down")
        self.change("b", auth=AUTH)
        wait_state(near, "b1", "up")
        self.change("a")
        self.change("b")
        wait_state(near, "b1", "up")


UNDERLAY = {4: ("192.0.2.1", "192.0.2.2", 24), 6: ("2001:db8::1", "2001:db8::2", 64)}


class StrangerCase(unittest.TestCase):
    """One gateway, and somebody else's BFD at the other end of its path."""

    def lay(self, name, family, **bfd):
        ours, peers, length = UNDERLAY[family]
        self.lab = Lab(name)
        self.addCleanup(self.lab.close)
        space, self.peer = self.lab.namespace("gw"), self.lab.namespace("peer")
        self.lab.veth(space, "bb", self.peer, "eth0", mtu=1600)
        self.peer.address("eth0", f"{peers}/{length}")
        self.gateway = Gateway(space, boot(space.name, self.lab.path("gw"), {
            "bb": {"device": device("bb"), "mtu": 1600}}))
        self.gateway.apply({"sites": [{"name": "stranger"}], "paths": [{
            "name": "p", "site": "stranger", "port": "bb", "local": f"{ours}/{length}",
            "remote": peers, "bfd": {**CALM, **bfd}}]})
        self.capture = Capture(self.peer, "eth0", "udp")

    def judge(self):
        self.gateway.stop()
        file = self.capture.stop()
        self.assertEqual(complaints(file, "bfd")[:5], [])
        # They asked and we answered, and the other way round.
        ours = UNDERLAY[6 if decode(file, "bfd && ipv6", "frame.number") else 4][0]
        source = f"(ip.src == {ours})" if "." in ours else f"(ipv6.src == {ours})"
        self.assertTrue(decode(file, f"bfd.flags.f == 1 && {source}", "frame.number"))
        self.assertTrue(decode(file, f"bfd.flags.f == 1 && !{source}", "frame.number"))

    def silence(self, stranger):
        """Killed, not stopped: only its silence tells."""
        wait_until(lambda: stranger.state() in ("Up", "up"), 15, "the stranger to be up")
        known = wait_state(self.gateway, "p", "up")
        self.assertTrue(known["live"])
        time.sleep(1)
        self.assertEqual(session(self.gateway, "p")["downs"], known["downs"])
        stranger.kill()
        known = wait_state(self.gateway, "p", "down", 5)
        self.assertEqual(known["diag"], "detection_expired")
        self.assertFalse(known["live"])


@unittest.skipIf(missing("bird"), "BIRD is not installed")
class BirdTest(StrangerCase):
    HOP = 'interface "eth0" {{ interval 20 ms; multiplier 10; {auth} }}; neighbor {ours} dev "eth0" local {peers};'
    FAR = "multihop {{ interval 20 ms; multiplier 10; {auth} }}; neighbor {ours} local {peers} multihop;"
    SHA1 = 'authentication meticulous keyed sha1; password "a secret" {{ id 7; }};'

    def bird(self, lines, family, auth=""):
        ours, peers, _ = UNDERLAY[family]
        return Bird(self.peer, lines.format(ours=ours, peers=peers, auth=auth.format()))

    def test_single_hop(self):
        self.lay("d1", 4, mode="single_hop")
        self.silence(self.bird(self.HOP, 4))
        self.judge()

    def test_single_hop_authenticated(self):
        self.lay("d2", 6, mode="single_hop", auth=AUTH)
        self.silence(self.bird(self.HOP, 6, self.SHA1))
        self.judge()

    def test_multihop_authenticated(self):
        self.lay("d3", 4, mode="multihop", auth=AUTH)
        self.silence(self.bird(self.FAR, 4, self.SHA1))
        self.judge()

    def test_wrong_key(self):
        self.lay("d4", 4, mode="single_hop", auth={**AUTH, "key": "another"})
        bird = self.bird(self.HOP, 4, self.SHA1)
        wait_until(lambda: self.gateway.drops().get("bfd_auth", 0) > 2, 15, "packets to be refused")
        self.assertNotEqual(bird.state(), "Up")
        self.assertFalse(session(self.gateway, "p")["live"])


@unittest.skipIf(missing(f"{FRR}/bfdd", "vtysh"), "FRR is not installed")
class FrrTest(StrangerCase):
    TIMERS = ["detect-multiplier 10", "receive-interval 20", "transmit-interval 20"]

    def frr(self, peer, family):
        ours, peers, _ = UNDERLAY[family]
        return Frr(self.peer, peer.format(ours=ours, peers=peers), self.TIMERS)

    def test_single_hop(self):
        self.lay("e1", 4, mode="single_hop")
        self.silence(self.frr("{ours} local-address {peers} interface eth0", 4))
        self.judge()

    def test_multihop(self):
        self.lay("e2", 6, mode="multihop")
        self.silence(self.frr("{ours} multihop local-address {peers}", 6))
        self.judge()

    def test_stopped_by_its_operator(self):
        self.lay("e3", 4, mode="single_hop")
        frr = self.frr("{ours} local-address {peers} interface eth0", 4)
        wait_state(self.gateway, "p", "up")
        frr.ask("configure terminal", "bfd", f"peer {frr.peer}", "shutdown")
        known = wait_state(self.gateway, "p", "down")
        self.assertEqual(known["remote_state"], "admin_down")
        self.assertTrue(known["live"])


if __name__ == "__main__":
    unittest.main()
