#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How fast a backlog is shipped, to a collector on loopback that answers at once:
see README.md.

    drain.py [--records N] [--rounds N]

picket-ship has a processor of its own. It drains a made-up journal as shipped,
but for gzip where that is off, and for where it keeps its state.
"""
import argparse
import os
import pathlib
import re
import socketserver
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import systems

MAKE = systems.BUILD / "tests/make_journal"
SHIP = systems.BUILD / "picket-ship"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
WANTED = {"no": 50000, "yes": 20000}  # records a second, by gzip


class AtOnce(socketserver.StreamRequestHandler):
    """Takes whatever it is sent, and reads nothing of it."""
    disable_nagle_algorithm = True
    rbufsize = 1 << 20

    def handle(self):
        while self.rfile.readline():
            left = 0
            while (line := self.rfile.readline().strip()):
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    left = int(value)
            self.server.requests += 1
            self.server.bytes += left
            while left:
                taken = len(self.rfile.read1(left))
                if not taken:
                    return
                left -= taken
            self.wfile.write(OK)


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    requests = bytes = 0


def configure(directory, server, gzip):
    text = (systems.ROOT / "packaging/agent.ini").read_text()
    for key, value in {"url": f"http://127.0.0.1:{server.server_address[1]}",
                       "state_dir": f"{directory}/state-{gzip}-{os.urandom(4).hex()}",
                       "gzip": gzip}.items():
        text, n = re.subn(rf"^{key} =.*$", f"{key} = {value}", text, flags=re.M)
        if n != 1:
            sys.exit(f"bench: packaging/agent.ini has {n} lines of {key}")
    path = pathlib.Path(directory) / "agent.ini"
    path.write_text(text)
    return path


def drain(directory, server, gzip):
    """(seconds, processor seconds) of one picket-ship, start and end included."""
    config = configure(directory, server, gzip)
    began, before = time.monotonic(), os.times()
    p = subprocess.run(
        [SHIP, "--once", "--config", config, "--journal", f"{directory}/journal"],
        stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, {os.cpu_count() - 1}))
    took, after = time.monotonic() - began, os.times()
    if p.returncode != 0:
        sys.exit(p.stderr)
    return took, (after.children_user - before.children_user
                  + after.children_system - before.children_system)


def main(argv):
    p = argparse.ArgumentParser()
    p.add_argument("--records", type=int, default=500000)
    p.add_argument("--rounds", type=int, default=5)
    o = p.parse_args(argv)
    if os.cpu_count() < 2:
        sys.exit("bench: one processor is not enough for both ends")
    with tempfile.TemporaryDirectory(prefix="picket-bench-") as directory, \
            Server(("127.0.0.1", 0), AtOnce) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        subprocess.run([MAKE, "--journal", f"{directory}/journal", "--count",
                        str(o.records), "--max-size", str(8 << 30), "--quiet"],
                       check=True)
        for gzip, wanted in WANTED.items():
            server.requests = server.bytes = 0
            rounds = [drain(directory, server, gzip) for _ in range(o.rounds)]
            by_wall, by_cpu = (statistics.median(o.records / r[i] for r in rounds)
                               for i in (0, 1))
            print(f"{o.records} records shipped, gzip {gzip}, median of {o.rounds}: "
                  f"{by_cpu:.0f} a second of its processor time, {by_wall:.0f} "
                  f"by the clock; target {wanted}: "
                  f"{'met' if by_wall >= wanted else 'missed'}; "
                  f"{server.bytes / o.rounds / o.records:.0f} bytes each, "
                  f"{server.requests // o.rounds} requests")
        server.shutdown()


if __name__ == "__main__":
    main(sys.argv[1:])
