#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What watching costs, as ratios in one run: see README.md.

    bench.py [--rounds N] [--kinds exec,open,…] [--systems picket,auditd,empty]
             [--json FILE]

Each round has all systems in turn, and under each all kinds of work. A figure
is the median over the rounds of what a system took in one minus what bare took
in the same; where the rounds disagree too much none is printed.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import systems

LOAD = systems.BUILD / "tests/bench/load"

# What is done how often in a round, what one of it is called, and what picket
# may cost: microseconds, or per cent of the bare wall time.
KINDS = {
    "exec": (512, "fork, exec /bin/true, exit", "us", 20),
    "open": (20000, "open for writing, a new event each", "us", 3),
    "create": (20000, "create, write, close", "us", 5),
    "unlink": (20000, "create, close, unlink", "us", None),
    "reopen": (50000, "open for writing again (coalesced)", "us", 1),
    "connect": (10000, "TCP connect on loopback", "us", 5),
    "write": (400000, "one more write on an open file", "us", 0.15),
    "call": (1000000, "any other system call", "us", None),
    "mix": (16, "compile job (3 programs, 1800 calls)", "%", 1.5),
}
# Interquartile range over median beyond which rounds disagree, and the least
# difference that can be told from nothing, as a part of the bare time.
DISAGREE = 0.5
RESOLUTION = 0.005


# ---- what the machine spent -------------------------------------------------

def schedstat_ns(path):
    try:
        return int(path.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 0


def tasks_ns(pid):
    """All threads of a process, to the nanosecond."""
    return sum(schedstat_ns(t / "schedstat")
               for t in pathlib.Path(f"/proc/{pid}/task").glob("*"))


def is_kernel_thread(stat):
    return stat.rpartition(")")[2].split()[1] in ("0", "2")


def kernel_threads():
    found = []
    for p in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            stat = (p / "stat").read_text()
        except OSError:
            continue
        if is_kernel_thread(stat) and p.name != "1":
            found.append(p / "schedstat")
    return found


def machine_busy_ns():
    words = pathlib.Path("/proc/stat").read_text().splitlines()[0].split()
    user, nice, system, _, _, irq, softirq = map(int, words[1:8])
    return (user + nice + system + irq + softirq) * 10_000_000


class Meter:
    """Time of a system's own processes, of kernel threads, of everybody."""

    def __init__(self, system):
        self.pids = system.processes()
        self.threads = kernel_threads()

    def read(self):
        return {
            "own": sum(map(tasks_ns, self.pids)),
            "kernel": sum(map(schedstat_ns, self.threads)),
            "machine": machine_busy_ns(),
        }

    def settle(self):
        """Until the system has digested what was done."""
        deadline = time.monotonic() + 30
        before = sum(map(tasks_ns, self.pids))
        while self.pids and time.monotonic() < deadline:
            time.sleep(0.1)
            now = sum(map(tasks_ns, self.pids))
            if now - before < 500_000:
                return
            before = now


def measure(system, kind, directory):
    """One kind of work under one system: nanoseconds for each operation."""
    count = KINDS[kind][0]
    meter = Meter(system)
    with tempfile.TemporaryDirectory(dir=directory) as place:
        load = subprocess.Popen(
            [LOAD, kind, str(count), str(os.cpu_count() - 1)], cwd=place,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        load.stdout.readline()
        meter.settle()
        figures = system.figures()
        meter.settle()
        before = meter.read()
        load.stdin.write("\n")
        load.stdin.close()
        words = load.stdout.read().split()
        if load.wait() or len(words) != 4:
            raise RuntimeError(f"load {kind} failed")
        meter.settle()
        after = meter.read()
        figures = {k: v - figures[k] for k, v in system.figures().items()}
        load.stdout.close()
    count = int(words[0])
    spent = {k: (after[k] - before[k]) / count for k in after}
    return {
        "wall": int(words[1]) / count,
        "load": int(words[2]) / count,
        "cpu": int(words[2]) / count + spent["own"] + spent["kernel"],
        "own": spent["own"],
        "machine": spent["machine"],
        "figures": figures,
    }


# ---- figures ----------------------------------------------------------------

class Figure:
    """Rounds of one thing: their median, if they agree."""

    def __init__(self, values, floor):
        self.values = values
        self.median = statistics.median(values)
        low, _, high = statistics.quantiles(values, n=4) \
            if len(values) > 1 else values * 3
        self.low, self.high = low, high
        self.agrees = high - low <= max(DISAGREE * abs(self.median), floor)


def differences(rounds, kind, system, what):
    floor = RESOLUTION * statistics.median(
        r["bare"][kind]["wall"] for r in rounds)
    return Figure([r[system][kind][what] - r["bare"][kind][what]
                   for r in rounds], floor)


def ratios(rounds, kind, system, what, to="bare"):
    return Figure([r[system][kind][what] / r[to][kind][what]
                   for r in rounds], RESOLUTION)


def in_us(figure):
    if not figure.agrees:
        return f"({figure.low / 1e3:.2f}..{figure.high / 1e3:.2f})"
    return f"{figure.median / 1e3:.2f}"


def as_ratio(figure):
    if not figure.agrees:
        return f"({figure.low:.3f}..{figure.high:.3f})"
    return f"{figure.median:.3f}"


def print_kind(rounds, kind, names):
    count, what, unit, most = KINDS[kind]
    bare = statistics.median(r["bare"][kind]["wall"] for r in rounds)
    print(f"\n{kind}: {what}; {count} a round, bare {bare / 1e3:.3f} us")
    for name in names:
        cpu = differences(rounds, kind, name, "cpu")
        print(f"  {name:8} wall x {as_ratio(ratios(rounds, kind, name, 'wall')):16}"
              f" extra CPU us: {in_us(cpu):16}"
              f" work {in_us(differences(rounds, kind, name, 'load')):14}"
              f" own {in_us(Figure([r[name][kind]['own'] for r in rounds], 50)):14}"
              f" whole machine {in_us(differences(rounds, kind, name, 'machine'))}")
    for name in names:
        print_counts(rounds, kind, name)
    if most is not None and "picket" in names:
        print_verdict(rounds, kind, unit, most)


def print_counts(rounds, kind, name):
    count = KINDS[kind][0] * len(rounds)
    sums = {}
    for r in rounds:
        for key, value in r[name][kind]["figures"].items():
            sums[key] = sums.get(key, 0) + value
    if not sums:
        return
    each = sums["bytes"] / sums["kept"] if sums["kept"] else 0
    print(f"  {name:8} {sums['made'] / count:.2f} records made an operation,"
          f" {sums['received'] / count:.2f} received, {sums['lost']} lost"
          f" of {sums['made']}; {sums['kept']} kept, {each:.0f} bytes each")


def print_verdict(rounds, kind, unit, most):
    if unit == "%":
        f = ratios(rounds, kind, "picket", "wall")
        value = (f.median - 1) * 100
    else:
        f = differences(rounds, kind, "picket", "cpu")
        value = f.median / 1e3
    word = "rounds disagree" if not f.agrees else \
        "met" if value <= most else "missed"
    print(f"  target   {most:g} {unit}: {word}")


def print_together(rounds, names):
    if {"empty", "picket"} <= set(names) and "call" in rounds[0]["bare"]:
        f = ratios(rounds, "call", "picket", "wall", to="empty")
        print(f"\nany other call under picket is {as_ratio(f)} times what it is"
              " under an empty program (target 1.15)")
    if not {"picket", "auditd"} <= set(names):
        return
    for kind in rounds[0]["bare"]:
        own = differences(rounds, kind, "picket", "cpu")
        other = differences(rounds, kind, "auditd", "cpu")
        if own.agrees and other.agrees and own.median > 0:
            print(f"{kind}: auditd costs {other.median / own.median:.1f} times"
                  " what picket does")
        else:
            print(f"{kind}: no ratio to auditd: the rounds disagree")


# ---- the run ----------------------------------------------------------------

def watchers():
    """Who else watches this machine now: it is in all figures, bare too."""
    p = subprocess.run(["bpftool", "prog", "show"], capture_output=True,
                       text=True)
    return sum(" name sys_exit" in line for line in p.stdout.splitlines())


def one_round(names, kinds, directory, turn):
    took, memory, words = {}, {}, {}
    order = ["bare", *names]
    order = order[turn % len(order):] + order[:turn % len(order)]
    for name in order:
        with systems.ALL[name](directory) as system:
            took[name] = {k: measure(system, k, directory) for k in kinds}
            memory[name] = system.memory()
            if name == "picket":
                words["backends"] = system.backends()
    return took, memory, words


def parse(argv):
    p = argparse.ArgumentParser()
    p.add_argument("--rounds", type=int, default=7)
    p.add_argument("--kinds", default=",".join(KINDS))
    p.add_argument("--systems", default="picket,auditd,empty")
    p.add_argument("--json")
    return p.parse_args(argv)


def main(argv):
    asked = parse(argv)
    names, kinds = asked.systems.split(","), asked.kinds.split(",")
    if os.geteuid() != 0:
        sys.exit("bench: watching needs root")
    why_not = systems.Auditd.why_not() if "auditd" in names else None
    if why_not:
        print(f"auditd is left out: {why_not}")
        names.remove("auditd")
    if watchers():
        print("another program is at sys_exit already: all figures hold it")
    rounds = []
    audit = systems.Auditd.found() if "auditd" in names else None
    with tempfile.TemporaryDirectory(prefix="picket-bench-") as directory:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs",
                        directory], check=True)
        try:
            for turn in range(asked.rounds):
                took, memory, words = one_round(names, kinds, directory, turn)
                rounds.append(took)
                print(f"round {turn + 1} of {asked.rounds}", file=sys.stderr)
        finally:
            subprocess.run(["umount", "-l", directory], check=True)
            if audit:
                systems.Auditd.restore(audit)
    print(f"kernel {os.uname().release}, {os.cpu_count()} CPUs, load average"
          f" {os.getloadavg()[0]:.1f}, {len(rounds)} rounds;"
          " (low..high): quartiles of rounds that disagree")
    if "backends" in words:
        print(f"picket's backends: {words['backends']}")
    for kind in kinds:
        print_kind(rounds, kind, names)
    print()
    for name, sizes in memory.items():
        if sizes:
            print(f"{name}: resident {sizes[0] / 1024:.1f} MiB anonymous,"
                  f" {sizes[1] / 1024:.1f} MiB in all, after the last round")
    print_together(rounds, names)
    if asked.json:
        pathlib.Path(asked.json).write_text(json.dumps(rounds, indent=1))


if __name__ == "__main__":
    main(sys.argv[1:])
