#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ten thousand programs in a row: all are in the journal, or the journal
says exactly how many are not."""
import collections
import contextlib
import os
import re
import signal
import time

import record
from lib import (Agent, act, actor, equal, main, need_root, test, true,
                 wait_for, workdir)

EXECS = 10000
OVERFLOWING = 4000


class Counted:
    """An agent, a launcher, and a tail that keeps little of each record."""

    def __init__(self, directory, **sections):
        self.newest = 0
        self.agent = Agent(directory, **sections)
        self.launcher = actor("act_exec", directory, "launcher")
        self.program = actor("act_tiny", directory, "of-many")
        self.exe = os.fsencode(self.program)

    def __enter__(self):
        self.agent.__enter__()
        self.agent.start()
        self.tail = self.agent.tail(shape=self._shape)
        return self

    def __exit__(self, *what):
        return self.agent.__exit__(*what)

    def _shape(self, r):
        kind = r["kind"]
        self.newest = record.first_and_last(r)[1]
        if kind == "agent":
            return (kind, r["agent"]["what"], r["agent"].get("facts", {}))
        if kind == "gap":
            return (kind, r["gap"]["count"], r["gap"]["reason"])
        ours = record.exe(r) == self.exe
        return (kind, record.process_id(r) if ours else None, r["seq"])

    def of(self, kind):
        return self.tail.find(lambda r: r[0] == kind)

    def ours(self, kind):
        return [r for r in self.of(kind) if r[1]]

    def lost_by_family(self):
        """As the journal tells it."""
        lost = collections.Counter()
        for _, what, facts in self.of("agent"):
            if what == "loss":
                lost[facts["family"]] += int(facts.get("count", 0))
        return lost

    def run(self, count):
        act([self.launcher, "many", str(count), self.program])

    def settle(self):
        """Everything made so far has been counted, kept and read by us."""
        then = self.agent.status()

        def arrived():
            now = self.agent.status()
            for name, f in then["families"].items():
                n = now["families"][name]
                true(n["received"] + n["lost"] <= n["made"],
                     f"more {name} records than were made: {n}")
                if n["received"] + n["lost"] < f["made"]:
                    return None
            newest = now["journal"]["sealed_seq"]
            return now if newest >= then["journal"]["next_seq"] - 1 else None

        status = wait_for(arrived, lambda: f"what was made:\n{then}\nto be "
                          f"received or lost:\n{self.agent.status()}",
                          every=0.1)
        newest = status["journal"]["sealed_seq"]
        wait_for(lambda: self.newest >= newest, "the tail to come so far")
        return status

    def overflow(self):
        """More than the ring holds while picket does not get to run; then the
        status as by settle."""
        self.agent.freeze()
        try:
            self.run(OVERFLOWING)
        finally:
            self.agent.process.send_signal(signal.SIGCONT)
        return self.settle()

    def wait_told(self):
        """Each loss that the kernel counted stands in the journal: that comes
        after what did fit."""
        wait_for(lambda: all(
            self.lost_by_family()[name] == f["lost"]
            for name, f in self.agent.status()["families"].items()),
            lambda: "the journal to tell of each loss: "
            f"{self.agent.status()['families']}, told "
            f"{self.lost_by_family()}", every=0.1)

    def account(self, kind, lost):
        """Who of ours has no event of this kind, and what there is of them."""
        exits, execs = ({r[1] for r in self.ours(k)} for k in ("exit", "exec"))
        alone = exits ^ execs
        again = [r for r in self.agent.read() if r["kind"] in ("exec", "exit")
                 and record.process_id(r) in alone]
        return (f"{EXECS} {kind} events; there are {len(self.ours(kind))}, "
                f"{lost} are told as lost, gaps: {self.of('gap')}; "
                f"with one of exec and exit only: {alone}; the journal, "
                f"read again, says of them:\n{again}")

    def check_books(self):
        """Stop it; then what it says to have seen is what stands there."""
        families = self.agent.status()["families"]
        equal(self.agent.stop(), 0, "exit code")
        self.tail.wait(lambda r: r[:2] == ("agent", "stopped"), "the end")
        text = self.agent.log_text()
        seen = re.search(r"seen +(\d+) records: (\d+) exec, (\d+) exit", text)
        lost = re.search(r"lost +(\d+) in the kernel, (\d+) at the journal, "
                         r"(\d+) unreadable, (\d+) unexplained", text)
        true(seen and lost, f"no summary in\n{text}")
        equal((len(self.of("exec")), len(self.of("exit"))),
              (int(seen[2]), int(seen[3])),
              "execs and exits in the journal, and seen")
        equal([int(n) for n in lost.groups()],
              [sum(self.lost_by_family().values()), 0, 0, 0],
              "what the summary calls lost, and what the journal tells")
        equal({name: n for name, n in self.lost_by_family().items() if n},
              {name: f["lost"] for name, f in families.items() if f["lost"]},
              "losses that the journal tells, and the kernel counted")


@contextlib.contextmanager
def counted(**sections):
    need_root()
    with workdir("many") as directory, Counted(directory, **sections) as c:
        yield c


@test
def ten_thousand_execs_are_ten_thousand_events():
    with counted() as c:
        began = time.monotonic()
        c.run(EXECS)
        seconds = time.monotonic() - began
        status = c.settle()
        print(f"# {EXECS} execs in {seconds:.1f} s, "
              f"lost {status['lost']} in the kernel")
        lost = c.lost_by_family()
        for kind in ("exec", "exit"):
            wait_for(lambda: len(c.ours(kind)) + lost[kind] >= EXECS,
                     lambda: c.account(kind, lost[kind]))
            ours = [r[1] for r in c.ours(kind)]
            equal(len(set(ours)), len(ours), f"{kind} events of one process")
            # Others run programs too: of what was lost some may be theirs.
            true(EXECS - lost[kind] <= len(ours) <= EXECS,
                 f"{len(ours)} {kind} events, {lost[kind]} lost")
            if not lost[kind]:
                equal(len(ours), EXECS, f"{kind} events")
        if not lost:
            equal({r[1] for r in c.ours("exec")} ^
                  {r[1] for r in c.ours("exit")}, set(),
                  "processes with an exec alone, or an exit alone")
        c.check_books()


@test
def what_does_not_fit_is_counted_exactly_and_told():
    with counted(sensor={"ring_size": "256K"}) as c:
        status = c.overflow()
        families = status["families"]
        true(families["exec"]["lost"] > 0, f"no exec was lost: {families}")
        c.wait_told()
        ours = [r[1] for r in c.ours("exec")]
        lost = c.lost_by_family()["exec"]
        equal(len(set(ours)), len(ours), "exec events of one process")
        true(OVERFLOWING - lost <= len(ours) < OVERFLOWING,
             f"{len(ours)} of {OVERFLOWING} in the journal, {lost} lost")
        c.check_books()


@test
def after_an_overflow_it_sees_again():
    with counted(sensor={"ring_size": "256K"}) as c:
        c.overflow()
        c.wait_told()
        before = len(c.ours("exec"))
        told = c.lost_by_family()["exec"]
        c.run(10)
        wait_for(lambda: len(c.ours("exec")) == before + 10,
                 lambda: f"10 more than {before} execs, there are "
                 f"{len(c.ours('exec'))}")
        c.settle()
        equal(c.lost_by_family()["exec"], told, "lost afterwards")


if __name__ == "__main__":
    main()
