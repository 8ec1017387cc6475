#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Has Prometheus' own promtool judge the metrics that a command prints in the Prometheus text format.

Usage: promtool.py COMMAND…
Exit code 1 where promtool finds anything, be it only bad style; 77 where there is no promtool.
"""

import re
import shutil
import subprocess
import sys


# Style that we keep: bandwidth is ordered, and held, in bits a second.
KEPT = re.compile(r'\S+_bits_per_second use base unit "bytes" instead of "bits"')
STYLE = 3  # promtool's exit code where it can read everything


def judge(text):
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True,
                          text=True, timeout=60, check=False)
    return done.returncode, (done.stdout + done.stderr).strip()


def main():
    if shutil.which("promtool") is None:
        print("no promtool (Debian's package prometheus): nobody else judges the metrics")
        return 77
    printed = subprocess.run(sys.argv[1:], capture_output=True, text=True, timeout=60, check=True)
    # What it must refuse: else it judges nothing.
    first = printed.stdout.split("\n# TYPE", 1)[0]
    for broken in (printed.stdout + "trunkline_bad{ 1\n", first + "\n# TYPE bad counter\nbad 1\n"):
        if judge(broken)[0] == 0:
            print("promtool accepts what is wrong")
            return 1
    code, found = judge(printed.stdout)
    found = [line for line in found.splitlines() if not KEPT.fullmatch(line)]
    if code not in (0, STYLE) or found:
        print("\n".join(found))
        return 1
    print(f"{printed.stdout.count(chr(10))} lines, nothing to complain of")
    return 0


if __name__ == "__main__":
    sys.exit(main())
