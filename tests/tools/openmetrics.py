#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Checks text against the grammar and the rules of OpenMetrics 1.0, as far as a gateway uses them.

Usage: openmetrics.py [FILE]           checks FILE or standard input
       openmetrics.py --run COMMAND…   checks what a command prints
Prints each fault with its line; exit code 1 where there is one.
"""

import re
import subprocess
import sys

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r"[a-zA-Z_][a-zA-Z0-9_]*"
VALUE = r'"(?:[^"\\\n]|\\["\\n])*"'
NUMBER = r"[+-]?(?:\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+|Inf)|NaN"
SAMPLE = re.compile(rf"({NAME})(?:\{{((?:{LABEL}={VALUE})(?:,{LABEL}={VALUE})*)?\}})? ({NUMBER})")
DESCRIPTOR = re.compile(rf"# (TYPE|HELP|UNIT) ({NAME}) (.*)")
ESCAPED = re.compile(r'(?:[^"\\\n]|\\["\\n])*')
SUFFIXES = {"counter": ["_total"], "gauge": [""], "info": ["_info"],
            "histogram": ["_bucket", "_count", "_sum"]}


class Family:
    def __init__(self, name):
        self.name = name
        self.type = self.unit = self.help = None
        self.samples = []


def labels_of(text):
    return dict((k, v[1:-1]) for k, v in re.findall(rf"({LABEL})=({VALUE})", text or ""))


class Checker:
    def __init__(self, text):
        self.text = text
        self.faults = []
        self.families = {}
        self.current = None
        self.seen = set()
        self.line = 0

    def fault(self, sentence):
        self.faults.append(f"line {self.line}: {sentence}")

    def check(self):
        if not self.text.endswith("# EOF\n"):
            self.fault("does not end in # EOF")
        for self.line, line in enumerate(self.text.removesuffix("# EOF\n").split("\n")[:-1], 1):
            if line.startswith("#"):
                self.descriptor(line)
            else:
                self.sample(line)
        for family in self.families.values():
            self.whole(family)
        return self.faults

    def descriptor(self, line):
        match = DESCRIPTOR.fullmatch(line)
        if not match:
            self.fault(f"neither descriptor nor sample: {line!r}")
            return
        kind, name, rest = match.groups()
        if self.current is None or self.current.name != name:
            if name in self.families:
                self.fault(f"{name} stands in two places")
            self.current = self.families.setdefault(name, Family(name))
        elif self.current.samples:
            self.fault(f"{kind} behind samples of {name}")
        field = kind.lower()
        if getattr(self.current, field) is not None:
            self.fault(f"second {kind} of {name}")
        setattr(self.current, field, rest)
        if kind == "TYPE" and rest not in SUFFIXES:
            self.fault(f"type {rest} is none of {', '.join(SUFFIXES)}")
        if kind == "UNIT" and rest and not name.endswith("_" + rest):
            self.fault(f"{name} does not end in its unit {rest}")
        if kind == "HELP" and not ESCAPED.fullmatch(rest):
            self.fault(f"help of {name} is not escaped")

    def sample(self, line):
        match = SAMPLE.fullmatch(line)
        if not match:
            self.fault(f"no sample: {line!r}")
            return
        name, label_text, value = match.groups()
        labels = labels_of(label_text)
        if len(labels) != len(re.findall(rf"({LABEL})={VALUE}", label_text or "")):
            self.fault("a label stands twice")
        family = self.current
        if family is None or family.type is None:
            self.fault(f"{name} before any TYPE")
            return
        suffixes = [s for s in SUFFIXES.get(family.type, []) if name == family.name + s]
        if not suffixes:
            self.fault(f"{name} is no sample of {family.type} {family.name}")
            return
        key = (name, tuple(sorted(labels.items())))
        if key in self.seen:
            self.fault(f"{name} with these labels stands twice")
        self.seen.add(key)
        self.values(family, suffixes[0], labels, float(value))

    def values(self, family, suffix, labels, value):
        if family.type in ("counter", "histogram") and not value >= 0:
            self.fault("a count below zero")
        if family.type == "info" and value != 1:
            self.fault("an info that is not 1")
        family.samples.append((suffix, labels, value))

    def whole(self, family):
        if family.help is None:
            self.fault(f"{family.name} has no HELP")
        if family.type == "histogram":
            self.histogram(family)

    def histogram(self, family):
        groups = {}
        for suffix, labels, value in family.samples:
            rest = tuple(sorted((k, v) for k, v in labels.items() if k != "le"))
            groups.setdefault(rest, []).append((suffix, labels.get("le"), value))
        for rest, entries in groups.items():
            buckets = [(float(le), value) for suffix, le, value in entries if suffix == "_bucket"]
            counts = [value for suffix, _, value in entries if suffix == "_count"]
            sums = [value for suffix, _, value in entries if suffix == "_sum"]
            if buckets != sorted(buckets) or len({b for b, _ in buckets}) != len(buckets):
                self.fault(f"{family.name}{rest}: buckets do not rise")
            if [v for _, v in buckets] != sorted(v for _, v in buckets):
                self.fault(f"{family.name}{rest}: counts of buckets are not cumulative")
            if not buckets or buckets[-1][0] != float("inf"):
                self.fault(f"{family.name}{rest}: no bucket +Inf")
            elif counts and counts[0] != buckets[-1][1]:
                self.fault(f"{family.name}{rest}: _count is not the bucket +Inf")
            if len(counts) != len(sums):
                self.fault(f"{family.name}{rest}: _count and _sum go together")


def check(text):
    """The faults of a text, as sentences; an empty list where there are none."""
    return Checker(text).check()


def parse(text):
    """{family: [(suffix, labels, value)]} of a text that has no faults."""
    checker = Checker(text)
    faults = checker.check()
    if faults:
        raise ValueError("; ".join(faults[:5]))
    return {name: family.samples for name, family in checker.families.items()}


def main(arguments):
    if arguments[:1] == ["--run"]:
        text = subprocess.run(arguments[1:], check=True, capture_output=True, text=True).stdout
    elif arguments:
        with open(arguments[0], encoding="utf-8") as file:
            text = file.read()
    else:
        text = sys.stdin.read()
    faults = check(text)
    for fault in faults:
        print(fault)
    if not faults:
        print(f"{len(parse(text))} families, no fault")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
