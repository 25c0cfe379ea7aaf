#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How much picket takes, and what that takes of the host: see README.md.

    limits.py [flood storm memory start ship]

Where a figure is wanted it is printed beside; nothing passes or fails.
"""
import argparse
import contextlib
import http.server
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import zlib

import bench
import systems

LOAD = systems.BUILD / "tests/bench/load"
CROWD = systems.BUILD / "tests/bench/crowd"


def said(value, most, unit):
    word = "met" if value <= most else "missed"
    return f"{value:.1f} {unit}; target {most}: {word}"


def families(picket):
    return {name: (f["made"], f["received"], f["lost"])
            for name, f in picket.status()["families"].items()}


def since(picket, before):
    return {name: [now - then for now, then in zip(f, before[name])]
            for name, f in families(picket).items()}


def digested(picket):
    bench.Meter(picket).settle()


def load(place, kind, count, cpu, rate=None):
    env = {**os.environ, **({"LOAD_RATE": str(rate)} if rate else {})}
    pathlib.Path(place).mkdir()
    return subprocess.Popen([LOAD, kind, str(count), str(cpu)], cwd=place,
                            env=env, stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, text=True)


def go(processes):
    """All at once, once all are ready; returns the seconds they took."""
    for p in processes:
        p.stdout.readline()
    began = time.monotonic()
    for p in processes:
        p.stdin.close()
    for p in processes:
        if p.wait():
            raise RuntimeError("the load failed")
        p.stdout.close()
    return time.monotonic() - began


def print_lost(figures):
    made, received, lost = (sum(f[i] for f in figures.values())
                            for i in range(3))
    # What others do while it is counted is in one of the two, and not yet in
    # the other.
    print(f"  {made} made = {received} received + {lost} lost"
          f" {made - received - lost:+} under way")
    exec_ = figures["exec"]
    print(f"  execs: {exec_[0]} made, {exec_[2]} lost")
    return made


def flood(directory, seconds=30, rate=100000):
    """100 000 events a second: files made and removed, two events each."""
    with systems.Picket(directory) as picket:
        p = load(f"{directory}/flood", "unlink", seconds * rate // 2, 1,
                 rate // 2)
        digested(picket)
        before, cpu = families(picket), bench.tasks_ns(picket.process.pid)
        took = go([p])
        digested(picket)
        cpu = (bench.tasks_ns(picket.process.pid) - cpu) / took / 1e7
        print(f"flood: {rate} events a second asked, for {took:.1f} s")
        made = print_lost(since(picket, before))
        print(f"  {made / took:.0f} a second; the agent took"
              f" {said(cpu, 60, '% of a core')}")


def storm(directory):
    """200 000 files as fast as two cores can, 2 000 execs among them."""
    with systems.Picket(directory) as picket:
        loads = [load(f"{directory}/storm-{cpu}", "create", 100000, cpu)
                 for cpu in (0, 1)]
        loads.append(load(f"{directory}/storm-execs", "exec", 2000, 1))
        digested(picket)
        before = families(picket)
        took = go(loads)
        digested(picket)
        print(f"storm: 200 000 files by two processes, 2 000 execs, in"
              f" {took:.1f} s")
        print_lost(since(picket, before))


def many_rules(directory, n):
    path = pathlib.Path(directory) / "rules"
    path.mkdir()
    (path / "10-many.ini").write_text("".join(
        f"[allow many-{i}]\nevent = write\nexe = /opt/app-{i % 100}/bin/*\n"
        f"path = /srv/data-{i}/**\nreason = bench\nowner = bench\n\n"
        for i in range(n)))
    return path


@contextlib.contextmanager
def crowd(n):
    p = subprocess.Popen([CROWD, str(n)], stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, text=True)
    try:
        if p.stdout.readline() != "ready\n":
            raise RuntimeError("no crowd")
        yield
    finally:
        p.stdin.close()
        p.wait()
        p.stdout.close()


def anonymous(picket):
    """MiB; the ring is not in it."""
    return picket.memory()[0] / 1024


def memory(directory, processes=10000, rules=10000):
    with systems.Picket(directory) as picket:
        digested(picket)
        print("memory, anonymous:")
        print(f"  idle {said(anonymous(picket), 16, 'MiB')}")
    policy = many_rules(directory, rules)
    with crowd(processes), systems.Picket(directory, policy) as picket:
        digested(picket)
        print(f"  started beside {processes} processes, with {rules} rules"
              f" {said(anonymous(picket), 40, 'MiB')}")
    with systems.Picket(directory, policy) as picket, crowd(processes):
        digested(picket)
        print(f"  and they came afterwards"
              f" {said(anonymous(picket), 40, 'MiB')}")


def ready_after(directory, keys):
    """From the start of the program to READY=1, in seconds."""
    path = f"{directory}/notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(path)
        s.settimeout(systems.PATIENCE)
        os.environ["NOTIFY_SOCKET"] = path
        began = time.monotonic()
        try:
            with systems.Picket(directory, keys=keys):
                while b"READY=1" not in s.recv(4096):
                    pass
                return time.monotonic() - began
        finally:
            del os.environ["NOTIFY_SOCKET"]
            os.unlink(path)


def start(directory, rounds=5):
    # Of its own: what a host's picket has found out is not ours to remove.
    db = pathlib.Path(directory) / "trust.db"
    keys = [("trust", f"db = {db}")]
    cold, warm = [], []
    for _ in range(rounds):
        db.unlink(missing_ok=True)
        cold.append(ready_after(directory, keys))
        warm.append(ready_after(directory, keys))
    print("start to READY, median of", rounds)
    print(f"  trust made anew {said(statistics.median(cold), 3, 's')}")
    print(f"  trust as it was {said(statistics.median(warm), 1, 's')}")


class Collector(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    came = []  # (when, the names in it)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        now = time.monotonic()
        if self.headers.get("Content-Encoding") == "gzip":
            body = zlib.decompress(body, 31)
        self.came.append((now, body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def ship(directory, acts=60):
    """From an alert to the collector; what a shipper takes."""
    place = pathlib.Path(directory) / "acts"
    place.mkdir()
    policy = pathlib.Path(directory) / "alert.d"
    policy.mkdir()
    (policy / "10.ini").write_text(
        f"[deny bench-alert]\nevent = write\npath = {place}/*\n"
        "severity = high\nreason = bench\nowner = bench\n")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    keys = [("collector", f"url = http://127.0.0.1:{server.server_port}"),
            ("collector", f"state_dir = {directory}/ship"),
            ("alerts", "window = 0s")]
    with systems.Picket(directory, policy, keys) as picket:
        shipper = subprocess.Popen(
            [systems.BUILD / "picket-ship", "--config", picket.config,
             "--journal", picket.journal], stderr=subprocess.DEVNULL)
        try:
            took = [alert(place, n) for n in range(acts)]
            rollup = pathlib.Path(f"/proc/{shipper.pid}/status").read_text()
        finally:
            shipper.terminate()
            shipper.wait()
            server.shutdown()
    resident = int(rollup.partition("VmRSS:")[2].split()[0]) / 1024
    print(f"from an act to its alert at the collector, {acts} of them")
    print(f"  median {said(statistics.median(took), 1000, 'ms')}")
    print(f"  longest {said(max(took), 1000, 'ms')}")
    print(f"  picket-ship resident {said(resident, 24, 'MiB')}")


def alert(place, n):
    name = f"/act-{n:05}".encode()
    began = time.monotonic()
    os.close(os.open(place / f"act-{n:05}", os.O_WRONLY | os.O_CREAT))
    systems.wait_for(lambda: any(name in body for _, body in Collector.came),
                     f"alert {n}")
    return next(t for t, body in Collector.came if name in body) * 1e3 - began * 1e3


WHAT = {f.__name__: f for f in (flood, storm, memory, start, ship)}


def main(argv):
    p = argparse.ArgumentParser()
    p.add_argument("what", nargs="*")
    asked = p.parse_args(argv).what or WHAT
    if os.geteuid() != 0:
        sys.exit("bench: watching needs root")
    if not set(asked) <= set(WHAT):
        sys.exit(f"bench: there is {', '.join(WHAT)}")
    for name in asked:
        with tempfile.TemporaryDirectory(prefix="picket-bench-") as directory:
            subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs",
                            directory], check=True)
            try:
                WHAT[name](directory)
            finally:
                subprocess.run(["umount", "-l", directory], check=True)


if __name__ == "__main__":
    main(sys.argv[1:])
