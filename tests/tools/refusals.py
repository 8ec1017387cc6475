#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Every sentence by which a method or the server refuses a request is in some golden answer.

Usage: refusals.py ROOT
Reads control/*.c for what is given to rpc_reject and to the server's own refusals. What the configuration is
refused with has codes, which test_golden counts; what test_golden and test_methods answer, they compare.
"""

import glob
import json
import os
import re
import sys

LITERAL = r'"(?:[^"\\]|\\.)*"'
SENTENCE = re.compile(rf"{LITERAL}(?:\s*(?:{LITERAL}|PRI[a-z]\d+))*")
CALL = re.compile(r"\b(?:rpc_reject(?:_data)?|refuse)\(")
RETURNED = re.compile(rf"\breturn\s+({LITERAL})\s*;")
# Lack of memory, which no request brings about, and what comes from elsewhere.
UNPROVOKED = {"out of memory", "out of memory while the answer was made", "no stream can be opened here", "%s"}


def call_at(text, start):
    """The arguments of a call whose parenthesis ends at start."""
    depth, end = 1, start
    while depth:
        match = re.compile(rf"{LITERAL}|[()]").search(text, end)
        depth += {"(": 1, ")": -1}.get(match[0], 0)
        end = match.end()
    return text[start:end - 1]


def sentences_of(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    for call in CALL.finditer(text):
        yield from SENTENCE.findall(call_at(text, call.end()))
    if "static const char *check_request" in text:
        yield from RETURNED.findall(text)


def format_of(sentence):
    """The pieces of a literal joined, as the compiler does."""
    pieces = re.findall(rf"{LITERAL}|PRI[a-z]\d+", sentence)
    return "".join(json.loads(p) if p[0] == '"' else "d" for p in pieces)


def pattern_of(text):
    """What a format prints, as a regular expression."""
    parts = re.split(r"(%[.\d]*(?:ll|z)?[sdu])", text)
    return re.compile("".join(
        (".*" if p.endswith("s") else r"-?\d+") if p.startswith("%") else re.escape(p) for p in parts))


def messages_in(value):
    if isinstance(value, dict):
        for key, member in value.items():
            if key == "message":
                yield member
            yield from messages_in(member)
    elif isinstance(value, list):
        for member in value:
            yield from messages_in(member)


def golden(root):
    for path in glob.glob(os.path.join(root, "tests/golden/**/*.json"), recursive=True):
        with open(path, encoding="utf-8") as file:
            yield from messages_in(json.load(file))


def main():
    root = sys.argv[1]
    messages = set(golden(root))
    wanted = {}
    for path in sorted(glob.glob(os.path.join(root, "control/*.c"))):
        for sentence in sentences_of(path):
            text = format_of(sentence)
            if not text.startswith("/") and text not in UNPROVOKED:
                wanted.setdefault(text, os.path.basename(path))
    missing = [(where, text) for text, where in wanted.items()
               if not any(pattern_of(text).fullmatch(m) for m in messages)]
    for where, text in missing:
        print(f"{where}: no golden answer says: {text}")
    print(f"{len(wanted)} sentences, {len(missing)} without a golden answer")
    return 1 if missing or len(wanted) < 20 else 0


if __name__ == "__main__":
    sys.exit(main())
