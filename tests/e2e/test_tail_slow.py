#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A terminal that nobody reads: picket goes on as if it were not there, and
what the journal could not keep for it is told by its numbers."""
import contextlib
import fcntl
import os
import pty
import re
import subprocess
import threading

import record
from lib import (PICKET, Agent, equal, main, need_root, test, true, wait_for,
                 workdir)

# The journal keeps 4 MiB, and an event with a name as long as this takes 4 KiB.
NAMES, AT_ONCE = 2000, 100
JOURNAL = {"max_size": "4M", "segment_size": "1M"}
GAP = re.compile(rb"(?:(\d+) records, (\d+) to (\d+),|record (\d+)) (?:are|is) "
                 rb"missing")
MADE = re.compile(rb"mkdir \S*/made-%d-(\d{5})\s" % os.getpid())


def made(r):
    """Which of our events it is, and its number in the journal."""
    if r["kind"] != "write" or record.pid(r) != os.getpid():
        return None
    name = record.path(r).rpartition(b"/made-%d-" % os.getpid())[2]
    return (int(name), r["seq"]) if name.isdigit() else None


class Stuck:
    """Where lines are written to, and read no sooner than told to."""

    def __init__(self, fd):
        self.fd, self.out = fd, b""

    def _read(self):
        with contextlib.suppress(OSError):
            while some := os.read(self.fd, 65536):
                self.out += some

    def read_until(self, part):
        threading.Thread(target=self._read, daemon=True).start()
        wait_for(lambda: part in self.out,
                 lambda: f"{part!r}; the last of {len(self.out)} bytes are "
                 f"{self.out[-800:]!r}")
        return self.out


class Place:
    def __init__(self, directory, agent, follower, streams):
        self.dir, self.agent, self.follower = directory, agent, follower
        self.streams = streams

    def flood(self):
        """Events with long names, no faster than the follower that is read;
        each one's number in the journal."""
        deep = self.dir.joinpath(*["x" * 250] * 15)
        deep.mkdir(parents=True)
        within = os.open(deep, os.O_DIRECTORY | os.O_CLOEXEC)
        records = self.follower.records
        try:
            for n in range(NAMES):
                os.mkdir(f"made-{os.getpid()}-{n:05}", dir_fd=within)
                if (n + 1) % AT_ONCE == 0:
                    wait_for(lambda: len(records) > n, lambda: f"{n + 1} "
                             f"events, have {len(records)}; the log:\n"
                             + self.agent.log_text())
        finally:
            os.close(within)
        return dict(records)


def told_missing(text):
    """The numbers that lines say are missing."""
    numbers = set()
    for count, first, last, one in GAP.findall(text):
        told = range(int(first or one), int(last or one) + 1)
        equal(len(told), int(count or 1), "how many a line says are missing")
        true(not numbers.intersection(told), f"{told} was told already")
        numbers.update(told)
    return numbers


@contextlib.contextmanager
def looking(agent):
    """`picket tail` on a terminal."""
    master, slave = pty.openpty()
    p = subprocess.Popen([PICKET, "tail", "--journal", agent.journal, "--from",
                          "oldest"], stdin=subprocess.DEVNULL, stdout=slave,
                         env={**os.environ, "TERM": "dumb"})
    os.close(slave)
    try:
        yield master
    finally:
        p.kill()
        p.wait()
        os.close(master)


@contextlib.contextmanager
def place():
    need_root()
    with workdir("tail-slow") as directory, contextlib.ExitStack() as stack:
        read, write = os.pipe()
        stack.callback(os.close, read)
        fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 4096)
        agent = stack.enter_context(Agent(directory, journal=JOURNAL))
        agent.start("--tail", stdout=write)
        os.close(write)
        terminal = stack.enter_context(looking(agent))
        yield Place(directory, agent, agent.tail(shape=made),
                    {"run --tail": Stuck(read), "tail": Stuck(terminal)})


@test
def what_nobody_reads_holds_nothing_up_and_is_told_of(p):
    numbers = p.flood()
    equal(sorted(numbers), list(range(NAMES)), "what picket saw meanwhile")
    for what, stuck in p.streams.items():
        text = stuck.read_until(b"/made-%d-%05d " % (os.getpid(), NAMES - 1))
        shown = [int(n) for n in MADE.findall(text)]
        equal(shown, sorted(set(shown)), f"{what}: in order, each once")
        missing = told_missing(text)
        true(missing, f"{what}: nothing is told missing of {len(shown)} lines")
        told = [n for n in range(NAMES) if numbers[n] in missing]
        equal(sorted(shown + told), list(range(NAMES)),
              f"{what}: what is shown and what is told missing")
        print(f"# {what}: {len(shown)} shown, {len(told)} told missing")


if __name__ == "__main__":
    main(place)
