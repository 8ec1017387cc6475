# SPDX-License-Identifier: BSD-3-Clause
"""The body of scripts/demo: what is said there, step by step."""

import json
import os
import re
import shutil
import sys
import time

from gateway import TRUNKLINE, Gateway
from lab import ROOT, Lab, LabError, delete_namespace, namespaces, program, wait_until
from peers import Wire, trunk
from traffic import Capture, Iperf, decode, ping

CUSTOMERS = ("acme", "globex")
SIDES = {"a": 1, "b": 2}
PATHS = ("b1", "b2", "b3", "b4")
# Where the files under docs/examples/ put a gateway's sockets and state.
PLACES = ("/run/trunkline-demo", "/var/lib/trunkline-demo")
EXAMPLES = os.path.join(ROOT, "docs/examples")
PICTURE = """
   cloud A                                                                   cloud B
   acme   10.0.1.10 --101-+                                       +-101-- acme   10.0.2.10
                          |  +------+  b1, b2 over IPv4  +------+ |
                          +--| gw-a |====================| gw-b |-+
                          |  +------+  b3, b4 over IPv6  +------+ |
   globex 10.0.1.10 --102-+                                       +-102-- globex 10.0.2.10
"""
UDP_RATE = 200e6
UDP_LOSS_PERCENT = 0.5
SERVICE = 7000


class Failure(Exception):
    """A step did not show what it should."""


def expect(condition, text):
    if not condition:
        raise Failure(text)


class Demo:
    def __init__(self, check):
        self.check = check
        self.lab = Lab(prefix="demo-", directory=f"{PLACES[0]}/lab")
        self.hosts = {}
        self.switches = {}
        self.gateways = {}
        self.spaces = {}
        self.wire = None
        self.servers = {}
        self.outcomes = []

    def say(self, text=""):
        print(text, file=sys.stderr if self.check else sys.stdout, flush=True)

    def step(self, name, title, action):
        """Runs one step; a failure is told and ends the demo."""
        self.say(f"\n--- {title}")
        begun = time.monotonic()
        outcome = {"step": name, "passed": False}
        self.outcomes.append(outcome)
        try:
            outcome["detail"] = action()
            outcome["passed"] = True
        except (Failure, LabError, OSError, Exception) as error:  # whatever it was, it is told
            outcome["detail"] = f"{type(error).__name__}: {error}"
            self.say(f"    FAILED: {outcome['detail']}")
            raise Failure(name) from error
        finally:
            outcome["seconds"] = round(time.monotonic() - begun, 2)

    # --- setting up -----------------------------------------------------------------------------

    def namespaces(self):
        for side in SIDES:
            self.switches[side] = self.lab.namespace(f"cloud-{side}")
            self.spaces[side] = self.lab.namespace(f"gw-{side}")
            self.lab.veth(self.switches[side], "trunk", self.spaces[side], "cloud", mtu=1504)
            for name in CUSTOMERS:
                self.customer(name, side)
            trunk(self.switches[side], "trunk",
                  {name: f"0x8100:{101 + i}" for i, name in enumerate(CUSTOMERS)})
        backbone = self.lab.namespace("backbone")
        links = {}
        for index, path in enumerate(PATHS, 1):
            links[path] = (f"a{index}", f"b{index}")
            for side in SIDES:
                self.lab.veth(self.spaces[side], f"bb{index}", backbone, f"{side}{index}",
                              mtu=1600)
        self.wire = Wire(backbone, links)
        self.say(PICTURE)
        return {"namespaces": len(self.lab.namespaces), "links": len(links)}

    def customer(self, name, side):
        number = SIDES[side]
        other = 3 - number
        host = self.lab.namespace(f"{name}-{side}")
        self.lab.veth(host, "eth0", self.switches[side], name)
        host.address("eth0", f"10.0.{number}.10/24", f"fd00:0:0:{number}::10/64")
        host.route(f"10.0.{other}.0/24", f"10.0.{number}.1")
        host.route(f"fd00:0:0:{other}::/64", f"fd00:0:0:{number}::1")
        self.hosts[name, side] = host

    def start(self):
        for side in SIDES:
            file = os.path.join(EXAMPLES, f"gateway-{side}.json")
            gateway = self.gateways[side] = Gateway(self.spaces[side], file)
            info = gateway.call("system.info")
            self.say(f"    {gateway.config['name']} is up: version {info.get('version', '?')}, "
                     f"{len(gateway.config['ports'])} ports")
        return {"gateways": len(self.gateways)}

    def apply(self):
        for side, gateway in self.gateways.items():
            file = os.path.join(EXAMPLES, f"document-{side}.json")
            self.say(f"    $ trunkline apply docs/examples/document-{side}.json")
            self.say(indent(gateway.cli("apply", file).stdout))
        generations = {}
        for side, gateway in self.gateways.items():
            generations[f"gw-{side}"] = gateway.call("system.info").get("generation")
        return generations

    # --- showing --------------------------------------------------------------------------------

    def pings(self, family):
        target = {4: "10.0.2.10", 6: "fd00:0:0:2::10"}[family]
        detail = {}
        for name in CUSTOMERS:
            # The first ones wait for neighbours to be found on the way.
            ping(self.hosts[name, "a"], target, count=3, interval=0.3)
            sent, received, average = ping(self.hosts[name, "a"], target, count=20)
            self.say(f"    {name}: {received} of {sent} answered, {average or 0:.2f} ms on average")
            expect(received == sent, f"{name}: {sent - received} of {sent} pings to {target} lost")
            detail[name] = {"sent": sent, "received": received, "round_trip_ms": average}
        return detail

    def server(self, name):
        if name not in self.servers:
            self.servers[name] = Iperf(self.hosts[name, "b"])
        return self.servers[name]

    def tcp(self):
        detail = {}
        for name in CUSTOMERS:
            end = self.server(name).run(self.hosts[name, "a"], "10.0.2.10", 3)
            rate = end["sum_received"]["bits_per_second"] / 1e6
            self.say(f"    {name}: {rate:.0f} Mb/s")
            expect(rate > 10, f"{name}: TCP carried only {rate:.1f} Mb/s")
            detail[name] = {"mbps": round(rate)}
        return detail

    def lost_in(self):
        """Where the stand-ins for cables and NICs lost frames for want of a processor."""
        wire = sum(c["overflow"] + c["kernel_dropped"] + c["refused"]
                   for link in self.wire.counts().values() for c in link.values())
        return {"wire": wire, **{
            f"gw-{side}": sum(port["missed"] for port in gateway.stats()["ports"])
            for side, gateway in self.gateways.items()}}

    def udp_once(self, name):
        near, far = self.hosts[name, "a"], self.hosts[name, "b"]
        server = self.server(name)
        places = self.lost_in()
        before = near.counter("eth0", "tx_packets"), far.counter("eth0", "rx_packets")
        end = server.run(near, "10.0.2.10", 3, "-u", "-b", f"{UDP_RATE:.0f}", "-l", 1200,
                         "-w", "208K")["sum"]
        sent = near.counter("eth0", "tx_packets") - before[0]
        lost = max(0, sent - (far.counter("eth0", "rx_packets") - before[1]))
        where = {k: v - places[k] for k, v in self.lost_in().items() if v != places[k]}
        self.say(f"    {name}: {sent} packets at {UDP_RATE / 1e6:.0f} Mb/s, {lost} lost between "
                 f"the hosts {where or ''} ({end['lost_packets']} by iperf3's own count)")
        expect(sent >= UDP_RATE * 3 / 8 / 1200 * 0.5, f"{name}: only {sent} packets were sent")
        return {"sent": sent, "lost": lost, "where": where,
                "lost_by_iperf3": end["lost_packets"]}

    def udp(self):
        """Judged by the hosts' interfaces: iperf3 itself loses when the machine is busy."""
        detail = {}
        for name in CUSTOMERS:
            for attempt in (1, 2, 3):
                run = detail[name] = {**self.udp_once(name), "attempt": attempt}
                if run["lost"] <= run["sent"] * UDP_LOSS_PERCENT / 100:
                    break
                self.say("    more than a network may lose; is the machine busy? Once more.")
            expect(run["lost"] <= run["sent"] * UDP_LOSS_PERCENT / 100,
                   f"{name}: {run['lost']} of {run['sent']} lost")
        return detail

    def counters(self):
        """Traffic of both customers under way while the gateway's own view is shown."""
        flows = [self.hosts[name, "a"].start("iperf3", "-c", "10.0.2.10", "-t", 5, "-b", "20M")
                 for name in CUSTOMERS if self.server(name)]
        gateway = self.gateways["a"]
        before = gateway.stats()
        self.say("    $ trunkline stats --watch 1 --count 3")
        self.say(indent(gateway.cli("stats", "--watch", "1", "--count", "3").stdout))
        self.say("    $ trunkline show connections")
        self.say(indent(gateway.cli("show", "connections").stdout))
        after = gateway.stats()
        for flow in flows:
            flow.wait(20)
        moved = packets_sent(after) - packets_sent(before)
        expect(moved > 0, "the counters stand still under traffic")
        return {"packets": moved}

    def isolation(self):
        """Same address, two customers: each reaches its own; an address of one is not the other's."""
        for name in CUSTOMERS:
            self.hosts[name, "b"].start(
                "socat", f"TCP-LISTEN:{SERVICE},fork,reuseaddr", f"SYSTEM:echo {name}")
        self.hosts["globex", "b"].address("eth0", "10.0.2.77/24")
        time.sleep(0.5)
        for name in CUSTOMERS:
            text = self.hosts[name, "a"].run("socat", "-T", 3, "-", f"TCP:10.0.2.10:{SERVICE}",
                                             check=False).stdout.strip()
            self.say(f"    {name} asks 10.0.2.10 who it is: {text or 'no answer'}")
            expect(text == name, f"{name} was answered by {text or 'nobody'}")
        capture = Capture(self.hosts["globex", "b"], "eth0", "icmp")
        sent, crossed, _ = ping(self.hosts["acme", "a"], "10.0.2.77", count=5, interval=0.1)
        self.say(f"    acme pings 10.0.2.77, which only globex has: {crossed} of {sent} answered")
        frames = decode(capture.stop(), "icmp", "frame.number")
        own, answered, _ = ping(self.hosts["globex", "a"], "10.0.2.77", count=5, interval=0.1)
        self.say(f"    globex pings 10.0.2.77: {answered} of {own} answered")
        expect(crossed == 0 and not frames, "a packet of acme reached globex")
        expect(answered > 0, "globex does not reach its own address")
        return {"crossed": crossed, "frames_seen": len(frames), "own": answered}

    def measured(self, side):
        """{path: what the numbers on its packets say}, as that gateway receives them."""
        return {path["name"]: path["measured"] for path in self.gateways[side].stats()["paths"]}

    def loss(self):
        """The wire loses and delays; gw-b says how much, on the customer's own packets."""
        before, truth = self.measured("b"), self.wire.counts()
        # The same flow once more at the end: what a lane lost last shows when it goes on.
        flow = (self.hosts["acme", "a"], "10.0.2.10", 3, "-u", "-b", "20M", "-l", 1200,
                "--cport", 40001)
        self.wire.set("all", "ab", loss="1%", delay="4ms", jitter="2ms")
        self.server("acme").run(*flow)
        self.say("    $ trunkline show paths        (of gw-b)")
        self.say(indent(self.gateways["b"].cli("show", "paths").stdout))
        self.wire.set("all", "ab", loss=0, delay=0, jitter=0)
        self.server("acme").run(*flow)
        after, now = self.measured("b"), self.wire.counts()
        lost = sum(after[p]["lost"] - before[p]["lost"] for p in PATHS)
        true = sum(now[p]["ab"]["lost"] - truth[p]["ab"]["lost"] for p in PATHS)
        self.say(f"    the wire lost {true} frames, gw-b counted {lost}")
        expect(true > 20, f"the wire lost only {true} frames")
        # ARP, neighbour discovery and BFD have no numbers, and the wire loses them as well.
        expect(0 <= true - lost <= true // 5 + 5, f"the wire lost {true}, gw-b counted {lost}")
        return {"wire": true, "counted": lost}

    def failure(self):
        """Nobody is told: b2 carries nothing any more, and BFD finds out."""
        self.wire.set("b2", "both", cut=1)
        begun = time.monotonic()
        lost = self.until_all_answer()
        seconds = time.monotonic() - begun
        self.say(f"    b2 is cut: after {seconds:.1f} s no ping is lost any more ({lost} were)")
        self.say(indent(self.gateways["a"].cli("show", "bfd").stdout))
        down = {side: self.state_of(side, "b2") for side in SIDES}
        expect(set(down.values()) == {"down"}, f"b2 is {down}")
        self.wire.set("b2", "both", cut=0)
        wait_until(lambda: {self.state_of(side, "b2") for side in SIDES} == {"up"}, 20,
                   "b2 to come up again")
        self.say("    b2 is back, and used again")
        return {"seconds": round(seconds, 1), "lost": lost}

    def state_of(self, side, name):
        return next(path["bfd"]["state"] for path in self.gateways[side].stats()["paths"]
                    if path["name"] == name)

    def until_all_answer(self):
        """Rounds of pings over many flows, until one loses nothing; answers how many were lost."""
        lost = 0
        for _ in range(20):
            flows = [self.hosts["acme", "a"].start("ping", "-n", "-q", "-i", "0.02", "-c", 10, "-W",
                                                   1, "10.0.2.10") for _ in range(16)]
            missing = 0
            for flow in flows:
                flow.wait(30)
                match = re.search(r"(\d+) packets transmitted, (\d+) received", flow.output())
                expect(match, flow.output())
                missing += int(match[1]) - int(match[2])
            lost += missing
            if missing == 0:
                return lost
        raise Failure(f"pings are still lost: {lost}")

    def take_down_b1(self):
        for side, gateway in self.gateways.items():
            with open(os.path.join(EXAMPLES, f"document-{side}.json"), encoding="utf-8") as text:
                document = json.load(text)
            document["paths"][0]["admin"] = "down"
            file = self.lab.path(f"document-{side}-without-b1.json")
            with open(file, "w", encoding="utf-8") as text:
                json.dump(document, text)
            gateway.cli("apply", file)
            self.say(f"    gw-{side}: path b1 is administratively down")

    def bytes_on_b1(self):
        return sum(counts["sent_bytes"] for counts in self.wire.counts("b1").values())

    def cut(self):
        """Sixteen pings, spread over the paths, are under way while b1 is taken down."""
        idle = self.bytes_on_b1()
        flows = [self.hosts["acme", "a"].start("ping", "-n", "-q", "-i", "0.02", "-c", 150, "-W",
                                               1, "10.0.2.10") for _ in range(16)]
        time.sleep(1.0)
        used = self.bytes_on_b1() - idle
        self.take_down_b1()
        time.sleep(0.2)
        before = self.bytes_on_b1()
        sent = received = 0
        for flow in flows:
            flow.wait(30)
            match = re.search(r"(\d+) packets transmitted, (\d+) received", flow.output())
            expect(match, flow.output())
            sent, received = sent + int(match[1]), received + int(match[2])
        self.say(indent(self.gateways["a"].cli("show", "paths").stdout))
        self.say(f"    {sent} pings in {len(flows)} flows across the cut: {sent - received} lost")
        end = self.server("globex").run(self.hosts["globex", "a"], "10.0.2.10", 2)
        rate = end["sum_received"]["bits_per_second"] / 1e6
        over = self.bytes_on_b1() - before
        self.say(f"    iperf3 TCP of globex goes on over the other paths: {rate:.0f} Mb/s; "
                 f"{used} bytes on b1 in the second before, {over} since")
        expect(used > 1000, f"b1 carried only {used} bytes before it was taken down")
        expect(sent - received <= sent // 100, f"{sent - received} of {sent} pings lost")
        expect(rate > 10, f"TCP carried only {rate:.1f} Mb/s over three paths")
        # Neighbours may still be asked for; customers' packets are gone from it.
        expect(over < 10000, f"{over} bytes still went over b1")
        return {"sent": sent, "lost": sent - received, "mbps": round(rate),
                "b1_bytes_before": used, "b1_bytes_after": over}

    def down(self):
        codes = {f"gw-{side}": gateway.stop() for side, gateway in self.gateways.items()}
        self.close()
        self.say("    nothing is left")
        expect(set(codes.values()) == {0}, f"exit codes {codes}")
        return codes

    def close(self):
        self.lab.close()
        if not self.lab.keep:
            remove()

    def show(self):
        self.step("network", "Namespaces, links and the wire", self.namespaces)
        self.step("gateways", "Two gateways start", self.start)
        self.step("documents", "Each is told its sites, paths, customers and routes", self.apply)
        self.step("ping4", "Both customers ping across, IPv4", lambda: self.pings(4))
        self.step("ping6", "Both customers ping across, IPv6", lambda: self.pings(6))
        self.step("tcp", "iperf3, TCP", self.tcp)
        self.step("udp", "iperf3, UDP", self.udp)
        self.step("counters", "Live counters of gw-a under traffic", self.counters)
        self.step("isolation", "The customers cannot reach each other", self.isolation)
        self.step("loss", "The wire loses one packet in a hundred", self.loss)
        self.step("failure", "A path dies without a word", self.failure)
        self.step("cut", "One path is taken down, traffic goes on", self.cut)

    def play(self):
        """Leaves everything running and says how to use and end it."""
        self.lab.keep = True
        cli = os.path.relpath(program(TRUNKLINE), ROOT)
        run_dir = self.gateways["a"].config["run_dir"]
        self.say(f"""
--- Left running. Try, as root:
    {cli} --socket {run_dir} show
    {cli} --socket {run_dir} show paths
    {cli} --socket {run_dir} stats --watch
    {cli} --socket {run_dir} lookup acme 10.0.2.10
    ip netns exec demo-acme-a ping 10.0.2.10
    ip netns exec demo-acme-a traceroute -n 10.0.2.10
    ip netns exec demo-globex-a iperf3 -c 10.0.2.10
    echo 'set b2 both delay=10ms loss=1%' | socat - UNIX:{self.wire.socket}

    scripts/demo --down takes it down.""")


def remove():
    """Takes down what an earlier demo left, running or not."""
    for name in namespaces("demo-"):
        delete_namespace(name)
    for place in PLACES:
        shutil.rmtree(place, ignore_errors=True)


def indent(text):
    return "\n".join("    " + line for line in text.rstrip().split("\n"))


def packets_sent(stats):
    return sum(port.get("tx_packets", 0) for port in stats.get("ports", []))


def main():
    keep, check = "--keep" in sys.argv, "--check" in sys.argv
    begun = time.monotonic()
    remove()
    if "--down" in sys.argv:
        return 0
    demo = Demo(check)
    passed = False
    try:
        demo.show()
        if keep:
            demo.play()
        else:
            demo.step("down", "Everything is taken down", demo.down)
        passed = True
    except (Failure, KeyboardInterrupt):
        pass
    finally:
        demo.close()
    seconds = round(time.monotonic() - begun, 1)
    if check:
        print(json.dumps({"passed": passed, "seconds": seconds, "steps": demo.outcomes}))
    demo.say(f"\ndemo: {'all steps passed' if passed else 'FAILED'} in {seconds} s")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
