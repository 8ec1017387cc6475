#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Flows, queues and workers change places in a running gateway while a customer sends: what does not arrive is
counted, no flow is out of order, and `show rings` says where everything is."""

import socket
import struct
import threading
import time
import unittest

from gateway import Client, Gateway, boot, device
from lab import Lab, LabError, wait_until
from raw import inside

FLOWS = 96
RUN, BURST, PAUSE = 20, 8, 0.004  # packets of one flow, flows, seconds
PORT = 9000
NUMBERS = struct.Struct("!II")  # flow, place in it
WORKERS, QUEUES = 2, 2
SO_RCVBUFFORCE = 33

DOCUMENT = {
    "connections": [{"name": "acme", "vni": 1001}],
    "attachments": [
        {"name": "near", "connection": "acme", "port": "near", "addresses": ["10.0.1.1/24"]},
        {"name": "far", "connection": "acme", "port": "far", "addresses": ["10.0.2.1/24"]}],
}


class Sender(threading.Thread):
    """Every flow in turn, numbered, until told to stop."""

    def __init__(self, namespace, target):
        super().__init__()
        self.sockets = []
        with inside(namespace):
            for _ in range(FLOWS):
                self.sockets.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                self.sockets[-1].connect(target)
        self.next = [0] * FLOWS
        self.stopped = threading.Event()

    @property
    def sent(self):
        return sum(self.next)

    def send(self, flow):
        self.sockets[flow].send(NUMBERS.pack(flow, self.next[flow]))
        self.next[flow] += 1

    def run(self):
        flow = 0
        while not self.stopped.wait(PAUSE):
            # Packets of one flow close together: such as a move could put out of order.
            for _ in range(BURST):
                flow = (flow + 1) % FLOWS
                for _ in range(RUN):
                    self.send(flow)

    def stop(self):
        self.stopped.set()
        self.join()
        for each in self.sockets:
            each.close()


class Receiver(threading.Thread):
    """Counts what comes, and what comes behind a later one of its flow."""

    def __init__(self, namespace):
        super().__init__()
        with inside(namespace):
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 32 << 20)
        self.socket.bind(("0.0.0.0", PORT))
        self.socket.settimeout(0.1)
        self.last = [-1] * FLOWS
        self.received = self.late = 0
        self.stopped = False

    def run(self):
        while not self.stopped:
            try:
                flow, number = NUMBERS.unpack(self.socket.recv(64))
            except TimeoutError:
                continue
            self.received += 1
            self.late += number <= self.last[flow]
            self.last[flow] = max(number, self.last[flow])

    def stop(self):
        self.stopped = True
        self.join()
        self.socket.close()


class MovesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = Lab("moves")
        cls.addClassCleanup(cls.lab.close)
        cls.near, cls.far = cls.lab.namespace("near"), cls.lab.namespace("far")
        space = cls.lab.namespace("gw")
        for host, own in ((cls.near, 1), (cls.far, 2)):
            name = "near" if own == 1 else "far"
            cls.lab.veth(host, "eth0", space, name)
            host.silence("eth0")
            host.address("eth0", f"10.0.{own}.10/24")
            host.route("0.0.0.0/0", f"10.0.{own}.1")
        # Frames of two threads that send one after the other stay in that order only on one processor.
        for where, name in ((cls.far, "eth0"), (space, "near")):
            where.run("sh", "-c", f"echo 1 > /sys/class/net/{name}/queues/rx-0/rps_cpus")
        ports = {name: {"device": device(name), "rx_queues": QUEUES, "tx_queues": QUEUES,
                        "distribute": "rings" if name == "near" else "off"}
                 for name in ("near", "far")}
        cls.gateway = Gateway(space, boot(space.name, cls.lab.path("gw"), ports, workers={
            "count": WORKERS, "idle": "adaptive", "idle_sleep_us": 250}))
        cls.gateway.apply(DOCUMENT)

    def start_traffic(self):
        receiver = Receiver(self.far)
        sender = Sender(self.near, ("10.0.2.10", PORT))
        receiver.start()
        self.addCleanup(lambda: receiver.is_alive() and receiver.stop())

        def arrives():
            sender.send(0)
            time.sleep(0.02)
            return receiver.received > 0
        wait_until(arrives, 15, "the first packet")
        time.sleep(0.2)
        lost = self.lost()
        begun = sender.sent - receiver.received
        sender.start()
        self.addCleanup(lambda: sender.is_alive() and sender.stop())
        return sender, receiver, begun - lost

    def lost(self):
        """Packets that the gateway says it did not pass on."""
        stats = self.gateway.stats()
        ports = {port["name"]: port for port in stats["ports"]}
        sides = (c[side] for c in stats["connections"] for side in ("attachment", "path"))
        return sum(side["dropped"] for side in sides) + \
            ports["near"]["missed"] + ports["near"]["no_buffer"] + ports["far"]["tx_errors"]

    def places(self):
        return self.gateway.show("rings")["places"]

    def port(self, name):
        return next(port for port in self.places()["ports"] if port["name"] == name)

    def passed(self, seconds=0.25):
        """Packets that each worker went on with in that time."""
        before = self.gateway.stats()["workers"]
        time.sleep(seconds)
        after = self.gateway.stats()["workers"]
        return [b["spread"] - a["spread"] for a, b in zip(before, after)]

    def back_and_forth(self, method, seconds=0.6, **params):
        """One move after the other, as fast as they are answered."""
        client = Client(self.gateway.path("control"))
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for worker in range(WORKERS):
                where = {"from": 1 - worker, "to": worker} if method == "rings.move" else {"worker": worker}
                client.call(method, **params, **where)
        client.close()

    def move_flows(self):
        self.gateway.cli("rings", "spread", "near", "1", "3")
        self.assertEqual(self.port("near")["buckets"], [128, 384])
        both = self.passed()
        self.assertTrue(both[0] > 0 and both[1] > both[0], both)
        self.gateway.call("rings.move", port="near", to=1, buckets=512, **{"from": 0})
        self.assertEqual(self.port("near")["buckets"], [0, 512])
        alone = self.passed()
        self.assertEqual(alone[0], 0)
        self.assertGreater(alone[1], 0)
        self.gateway.cli("rings", "move", "near", "100", "1", "0")
        self.assertEqual(self.port("near")["buckets"], [100, 412])

    def move_queues(self):
        for queue in range(QUEUES):
            self.gateway.cli("queue", "move", "near", "receive", str(queue), "0")
        self.assertEqual(self.port("near")["receive"], [0] * QUEUES)
        for queue in range(QUEUES):
            self.gateway.call("queue.move", port="far", direction="transmit", queue=queue, worker=1)
        self.assertEqual(self.port("far")["transmit"], [1] * QUEUES)
        self.assertGreater(min(self.passed()), 0)

    def move_workers(self):
        self.gateway.cli("worker", "remove", "0")
        places = self.places()
        self.assertEqual([w["in_service"] for w in places["workers"]], [False, True])
        for port in places["ports"]:
            self.assertEqual(port["receive"] + port["transmit"], [1] * (2 * QUEUES))
        self.assertEqual(self.passed()[0], 0)
        self.gateway.cli("worker", "add", "0")
        places = self.places()
        self.assertTrue(places["settled"])
        self.assertEqual(places["held"], 0)
        self.assertEqual(self.port("near")["buckets"], [256, 256])
        for port in places["ports"]:
            self.assertEqual(port["receive"], [0, 1])
            self.assertEqual(port["transmit"], [0, 1])

    def test_all_that_moves(self):
        sender, receiver, known = self.start_traffic()
        self.move_flows()
        self.move_queues()
        self.back_and_forth("rings.move", port="near", buckets=512)
        self.back_and_forth("queue.move", port="near", direction="receive", queue=0)
        self.back_and_forth("queue.move", port="far", direction="transmit", queue=1)
        self.move_workers()
        sender.stop()

        def balanced():
            return sender.sent - receiver.received - self.lost() == known
        try:
            wait_until(balanced, 5, "all packets to arrive or be counted as lost")
        except LabError:
            self.fail(f"{sender.sent} sent, {receiver.received} received, {self.lost()} counted as lost,"
                      f" {known} before")
        self.assertEqual(receiver.late, 0)
        self.assertGreater(receiver.received, 0.9 * sender.sent)
        self.assertEqual(self.gateway.unconserved(), [])
        moved = self.gateway.stats()["workers"]
        self.assertGreater(sum(w["moved_buckets"] for w in moved), 10 * 512)
        self.assertGreater(sum(w["moved_queues"] for w in moved), 20)
        shown = self.gateway.cli("show", "rings").stdout
        self.assertRegex(shown, r"(?m)^near +0 1 +0 1 +256 256$")


if __name__ == "__main__":
    unittest.main(verbosity=2)
