# SPDX-License-Identifier: BSD-3-Clause
"""Routing daemons of others as BFD peers, each in its own namespace: BIRD, FRR's bfdd."""

import json
import os
import pwd
import shutil
import signal

from lab import run, wait_until

FRR = "/usr/lib/frr"


def missing(*programs):
    """Names of those that are not installed, or "" where all are."""
    return ", ".join(p for p in programs if not shutil.which(p) and not os.access(p, os.X_OK))


class Bird:
    """sessions: lines of the configuration of `protocol bfd`."""

    def __init__(self, namespace, sessions):
        self.control = namespace.lab.path(f"bird-{namespace.name}.ctl")
        config = namespace.lab.path(f"bird-{namespace.name}.conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write("router id 192.0.2.2;\nprotocol device {}\n"
                       f"protocol bfd watch {{\n{sessions}\n}}\n")
        self.process = namespace.start("bird", "-f", "-c", config, "-s", self.control)
        wait_until(lambda: os.path.exists(self.control), what="bird")

    def ask(self, *words):
        return run("birdc", "-s", self.control, *words).stdout

    def state(self):
        """Of the only session: "Up", "Down", …; None where there is none."""
        rows = [line.split() for line in self.ask("show", "bfd", "sessions").splitlines()]
        return next((row[2] for row in rows if len(row) >= 6 and row[0][0].isdigit()), None)

    def kill(self):
        self.process.stop(signal.SIGKILL)


class Frr:
    """zebra and bfdd. peer: what follows "peer", lines: what follows in its block."""

    def __init__(self, namespace, peer, lines):
        self.peer = peer
        self.dir = namespace.lab.path(f"frr-{namespace.name}")
        os.mkdir(self.dir)
        config = f"{self.dir}/bfdd.conf"
        with open(config, "w", encoding="utf-8") as file:
            file.write(f"bfd\n peer {peer}\n" + "".join(f"  {line}\n" for line in lines))
        frr = pwd.getpwnam("frr")
        for path in (os.path.dirname(self.dir), self.dir, config):
            os.chown(path, frr.pw_uid, frr.pw_gid)
        self.start(namespace, "zebra")
        wait_until(lambda: os.path.exists(f"{self.dir}/zebra.api"), what="zebra")
        self.process = self.start(namespace, "bfdd", "-f", config,
                                  f"--bfdctl={self.dir}/bfdd.sock")
        wait_until(lambda: os.path.exists(f"{self.dir}/bfdd.vty"), what="bfdd")

    def start(self, namespace, name, *more):
        return namespace.start(f"{FRR}/{name}", "-u", "frr", "-g", "frr", "-P", "0",
                               "-i", f"{self.dir}/{name}.pid", "-z", f"{self.dir}/zebra.api",
                               "--vty_socket", self.dir, "--log", f"file:{self.dir}/{name}.log",
                               *more)

    def ask(self, *commands):
        words = [word for command in commands for word in ("-c", command)]
        return run("vtysh", "--vty_socket", self.dir, "-d", "bfdd", *words).stdout

    def session(self):
        """What bfdd knows of the only session."""
        return (json.loads(self.ask("show bfd peers json")) or [{}])[0]

    def state(self):
        return self.session().get("status")

    def kill(self):
        self.process.stop(signal.SIGKILL)
