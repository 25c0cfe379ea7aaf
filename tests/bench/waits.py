#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How soon an act is a line in `picket tail`, and what picket does when
nothing is done: see README.md.

    waits.py latency [--acts N] [--rate EVENTS_PER_SECOND]
    waits.py idle [--seconds N]

Each act makes a file of its own; it is over when the tail's line with that
name has been read. Where the rounds disagree no figure is printed.
"""
import argparse
import contextlib
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import systems

ROUNDS = 5
DISAGREE = 0.5
WANTED = {0: (20, 100), 10000: (20, 250)}  # rate: median, 99th, ms
# Makes files, `rate` a second, in steps of 10 ms, until its input ends.
FLOOD = """
import os, select, sys, time
rate, at, n = int(sys.argv[1]), time.monotonic(), 0
while not select.select([0], [], [], max(0, at - time.monotonic()))[0]:
    at += 0.01
    for _ in range(rate // 100):
        os.close(os.open(f"flood-{n}", os.O_WRONLY | os.O_CREAT))
        os.unlink(f"flood-{n}") if n % 2 else None
        n += 1
"""


class Tail:
    """The lines of `picket tail`, by the name that is in each."""

    def __init__(self, picket, place):
        self.seen, self.came = {}, threading.Condition()
        self.process = subprocess.Popen(
            [systems.BUILD / "picket", "tail", "--journal", picket.journal,
             "--json", "--path", f"{place}/act-*"], stdout=subprocess.PIPE)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            now = time.monotonic()
            name = line.partition(b"/act-")[2].partition(b'"')[0]
            with self.came:
                self.seen.setdefault(int(name or -1), now)
                self.came.notify_all()

    def wait(self, n, patience=systems.PATIENCE):
        """When it came; None: not within that time."""
        with self.came:
            self.came.wait_for(lambda: n in self.seen, patience)
        return self.seen.get(n)

    def stop(self):
        self.process.terminate()
        self.process.wait()


def act(place, n):
    os.close(os.open(place / f"act-{n}", os.O_WRONLY | os.O_CREAT))


def until_followed(tail, place):
    """The tail has begun when it tells what is done now."""
    for n in range(-2, -400, -1):
        act(place, n)
        if tail.wait(n, 0.2):
            return
    raise RuntimeError("the tail tells nothing")


@contextlib.contextmanager
def flooded(place, rate):
    if not rate:
        yield
        return
    p = subprocess.Popen([sys.executable, "-c", FLOOD, str(rate)], cwd=place,
                         stdin=subprocess.PIPE)
    try:
        yield
    finally:
        p.stdin.close()
        p.wait()


def one_round(tail, place, first, acts):
    took = []
    for n in range(first, first + acts):
        began = time.monotonic()
        act(place, n)
        came = tail.wait(n)
        if came is None:
            raise RuntimeError(f"act {n} was never told")
        took.append((came - began) * 1e3)
        # At another place of whatever picket and the writer wait for.
        time.sleep(0.003 + 0.037 * ((n * 0.618) % 1))
    cuts = statistics.quantiles(took, n=100)
    return statistics.median(took), cuts[98]


def verdict(values, most):
    low, middle, high = statistics.quantiles(values, n=4)
    if high - low > DISAGREE * middle:
        return f"the rounds disagree ({low:.1f}..{high:.1f} ms)"
    word = "" if most is None else \
        f"; target {most}: {'met' if middle <= most else 'missed'}"
    return f"{middle:.1f} ms{word}"


def latency(asked, picket, directory):
    place = pathlib.Path(directory) / "acts"
    place.mkdir()
    tail = Tail(picket, place)
    try:
        until_followed(tail, place)
        before, began = picket.figures(), time.monotonic()
        with flooded(place, asked.rate):
            rounds = [one_round(tail, place, i * asked.acts, asked.acts)
                      for i in range(ROUNDS)]
        took = time.monotonic() - began
        after = picket.figures()
    finally:
        tail.stop()
    most = WANTED.get(asked.rate, (None, None))
    print(f"from an act to its line in picket tail, {ROUNDS} rounds of"
          f" {asked.acts}, {(after['kept'] - before['kept']) / took:.0f} events"
          f" kept a second, {after['lost'] - before['lost']} lost")
    for i, name in enumerate(("median", "99th percentile")):
        print(f"  {name:16} {verdict([r[i] for r in rounds], most[i])}")


def switches(pid):
    """How often its threads went to sleep: each is a wake-up before it."""
    counts = {}
    for t in pathlib.Path(f"/proc/{pid}/task").glob("*"):
        for line in (t / "status").read_text().splitlines():
            if line.startswith("voluntary_ctxt_switches"):
                counts[(t / "comm").read_text().strip()] = \
                    int(line.split()[1])
    return counts


def idle(asked, picket, _):
    import bench  # whose meter it is
    pid = picket.process.pid
    time.sleep(3)  # what comes of a start
    before, cpu, slept = picket.figures(), bench.tasks_ns(pid), switches(pid)
    time.sleep(asked.seconds)
    cpu = (bench.tasks_ns(pid) - cpu) / asked.seconds
    slept = {k: (v - slept.get(k, 0)) / asked.seconds
             for k, v in switches(pid).items()}
    made = picket.figures()["made"] - before["made"]
    print(f"idle for {asked.seconds} s, {made} records of what others did:")
    print("  wake-ups a second: " + ", ".join(
        f"{k} {v:.2f}" for k, v in sorted(slept.items())))
    print(f"  {cpu / 1e7:.3f} % of a core; anonymous memory"
          f" {picket.memory()[0] / 1024:.1f} MiB")
    # Each status that was asked for is some records, too.
    if made > asked.seconds:
        print("  no verdict: the machine is not idle")
    else:
        print(f"  target 0.1 %: {'met' if cpu / 1e7 <= 0.1 else 'missed'}")


def main(argv):
    p = argparse.ArgumentParser()
    p.add_argument("what", choices=("latency", "idle"))
    p.add_argument("--acts", type=int, default=200)
    p.add_argument("--rate", type=int, default=0)
    p.add_argument("--seconds", type=int, default=30)
    asked = p.parse_args(argv)
    if os.geteuid() != 0:
        sys.exit("bench: watching needs root")
    with tempfile.TemporaryDirectory(prefix="picket-bench-") as directory:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs",
                        directory], check=True)
        try:
            with systems.Picket(directory) as picket:
                {"latency": latency, "idle": idle}[asked.what](
                    asked, picket, directory)
        finally:
            subprocess.run(["umount", "-l", directory], check=True)


if __name__ == "__main__":
    main(sys.argv[1:])
