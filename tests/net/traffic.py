# SPDX-License-Identifier: BSD-3-Clause
"""Traffic and what can be learned from it: ping, iperf3, traceroute, captures judged by tshark."""

import json
import os
import re
import signal

from lab import LabError, run, wait_until


def ping(namespace, target, count=5, interval=0.05, size=56, source=None, df=None, deadline=None):
    """Returns (sent, received, average round trip in ms or None). df None: the kernel decides."""
    words = ["ping", "-n", "-q", "-c", count, "-i", interval, "-s", size, "-W", 1]
    if source:
        words += ["-I", source]
    if df is not None:
        words += ["-M", "do" if df else "dont"]
    if deadline:
        words += ["-w", deadline]
    text = namespace.run(*words, target, check=False, timeout=count * (interval + 1) + 20).stdout
    match = re.search(r"(\d+) packets transmitted, (\d+) received", text)
    if not match:
        return count, 0, None
    average = re.search(r"= [\d.]+/([\d.]+)/", text)
    return int(match[1]), int(match[2]), float(average[1]) if average else None


def reaches(namespace, target, **options):
    sent, received, _ = ping(namespace, target, **options)
    return sent == received > 0


class Iperf:
    """An iperf3 server; run() is one measurement from a client's namespace."""

    def __init__(self, namespace, port=5201):
        self.port = port
        self.process = namespace.start("iperf3", "-s", "-p", port, "--forceflush",
                                       ready="Server listening")

    def run(self, client, target, seconds=3, *more):
        """The report's "end" object; more: e.g. "-u", "-b", "200M", "-R"."""
        done = client.run("iperf3", "-J", "-c", target, "-p", self.port, "-t", seconds,
                          "--connect-timeout", 3000, *more, check=False, timeout=seconds + 30)
        try:
            result = json.loads(done.stdout)
        except ValueError as error:
            raise LabError(f"iperf3: {done.stderr or done.stdout}") from error
        if "error" in result:
            raise LabError(f"iperf3: {result['error']}")
        return result["end"]


def traceroute(namespace, target, *more):
    """Addresses of the hops, None where nobody answered."""
    family = "-6" if ":" in target else "-4"
    text = namespace.run("traceroute", family, "-n", "-q", 1, "-w", 2, "-m", 8, *more, target,
                         timeout=60).stdout
    hops = []
    for line in text.split("\n")[1:]:
        match = re.match(r"\s*\d+\s+(\S+)", line)
        if match:
            hops.append(None if match[1] == "*" else match[1])
    return hops


class Capture:
    """Frames on an interface, written by tcpdump as they come."""

    def __init__(self, namespace, interface, expression=""):
        self.file = namespace.lab.path(f"{namespace.name}-{interface}-{id(self)}.pcap")
        self.process = namespace.start("tcpdump", "-n", "-U", "-i", interface, "-w", self.file,
                                       "--immediate-mode", *expression.split(),
                                       ready="listening on")

    def stop(self):
        """Ends the capture; returns the file's name."""
        if self.process.running():
            # What is still in the kernel's ring is written before the end.
            wait_until(self.settled, timeout=3, what="the capture to settle", interval=0.2)
            self.process.stop(signal.SIGINT)
        return self.file

    def settled(self):
        size = os.path.getsize(self.file)
        before, self.size = getattr(self, "size", -1), size
        return size == before


# A zero UDP checksum over IPv6 is right where RFC 6936 allows it; tests look at its value.
PREFERENCES = [word for name in ("ip.check_checksum", "udp.check_checksum", "tcp.check_checksum",
                                 "udp.ignore_ipv6_zero_checksum")
               for word in ("-o", f"{name}:TRUE")]


def decode(file, expression="", *fields):
    """Rows of field values of the frames that match a tshark display filter."""
    words = [word for field in fields for word in ("-e", field)]
    text = run("tshark", "-n", "-r", file, *PREFERENCES, *(["-Y", expression] if expression else []),
               "-T", "fields", "-E", "separator=|", *words, timeout=120).stdout
    return [line.split("|") for line in text.split("\n") if line]


# Linux writes a TCP checksum of 0 as 0xffff, as one must for UDP; tshark minds, receivers do not.
BAD = ("_ws.malformed || (_ws.expert.severity == error && !(tcp.checksum == 0xffff)) || ip.checksum.status == Bad || "
       "udp.checksum.status == Bad || (tcp.checksum.status == Bad && !(tcp.checksum == 0xffff)) || icmp.checksum.status == Bad || "
       "icmpv6.checksum.status == Bad || _ws.unreassembled || _ws.short")


def no_guesses():
    """Options against guessing: what iperf3 carries is random, and now and then looks like some
    protocol gone wrong."""
    guesses = run("tshark", "-G", "heuristic-decodes").stdout.split("\n")
    names = [line.split("\t")[1] for line in guesses if line.startswith(("tcp\t", "udp\t"))]
    return [word for name in names for word in ("--disable-protocol", name)]


def complaints(file, only=""):
    """What tshark finds wrong with the frames of a capture: malformed, checksum, cut short."""
    expression = f"({only}) && ({BAD})" if only else BAD
    text = run("tshark", "-n", *no_guesses(), "-r", file, *PREFERENCES, "-Y", expression,
               timeout=120).stdout
    return [line.strip() for line in text.split("\n") if line.strip()]
