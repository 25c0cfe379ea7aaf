#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`make soak`: the whole of picket under load and under fire.

A busy host (act_soak) for PICKET_SOAK_SECONDS (600), PICKET_SOAK_RATE (2000)
events per second. The collector goes down and comes up at random all the time.
In the first half both programs are killed at random, by SIGKILL; in the second
half they live, because only of a process that lives can be said whether it
grows: resident memory and open descriptors are read each second, as long as
the dead are kept is for warming up, and of what is left the second half is
held against the first (the medians of both for memory, least against least
for descriptors: what is open for a moment is no leak). In the end each is
killed once more, everything is drained, and then

  - the receiver's set of records is the journal's, by name,
  - manifests cover all of it, what came twice is the same, no number is missing,
  - `picket verify` finds the journal whole,
  - resident memory of both is flat within 10 %,
  - neither has more descriptors open (both from 480 s on: less tells nothing).

Prints its seed (PICKET_SEED gives one), what it did, and figures. Exit 0 or 1.
"""
import os
import pathlib
import random
import re
import statistics
import subprocess
import sys
import time

import completeness
import lib
from lib import Agent, Failure, actor, need_root, wait_for
from shipping import Collector, free_port

SECONDS = float(os.environ.get("PICKET_SOAK_SECONDS") or 600)
RATE = int(os.environ.get("PICKET_SOAK_RATE") or 2000)
SEED = int(os.environ.get("PICKET_SEED") or random.randrange(1 << 32))
FLAT = 0.10
# [process] keep_dead, in samples of a second or more: so long the table of processes
# fills, and the further the more others run.
WARM = 120
# Growth is judged of a life that lasts: a start is none.
LASTING = 4 * WARM
UID = re.compile(rb'"uid": ?"([^"]+)"')

# What others do on this machine is seen, judged, and not kept.
POLICY = """
[allow ours]
event = exec
event = connect
event = write
exe   = {0}/**

[deny rare]
event    = exec
exe      = {0}/rare
severity = low
"""


def say(text):
    print(text, flush=True)


class Watched:
    """A process that is killed and started again, and what it takes up."""

    def __init__(self, name, start):
        self.name, self.start = name, start
        self.process = start()
        self.kills = 0
        self.rss, self.fds = [], []

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.kills += 1
        self.process = self.start()

    def alive(self):
        if self.process.poll() is not None:
            raise Failure(f"{self.name} ended with "
                          f"{self.process.returncode} by itself")

    def sample(self):
        self.alive()
        proc = pathlib.Path(f"/proc/{self.process.pid}")
        text = (proc / "status").read_text()
        self.rss.append(int(re.search(r"VmRSS:\s+(\d+)", text)[1]))
        self.fds.append(len(os.listdir(proc / "fd")))

    def judge(self):
        """What is wrong with it; prints what it took up."""
        warm = min(WARM, len(self.rss) // 2)
        half = warm + (len(self.rss) - warm) // 2
        rss = [statistics.median(part) for part in
               (self.rss[warm:half], self.rss[half:])]
        fds = [min(part) for part in (self.fds[warm:half], self.fds[half:])]
        growth = rss[1] / rss[0] - 1
        say(f"{self.name}: resident {rss[0]:.0f} then {rss[1]:.0f} KiB "
            f"({growth:+.1%}), at most {max(self.rss)} KiB; descriptors "
            f"{fds[0]} then {fds[1]}; killed {self.kills} times")
        wrong = []
        if SECONDS < LASTING:
            say(f"{self.name}: too short a life to judge growth by")
            return wrong
        if growth > FLAT:
            wrong.append(f"{self.name} grew by {growth:.1%}")
        if fds[1] > fds[0]:
            wrong.append(f"{self.name} has {fds[1] - fds[0]} descriptors "
                         "more open")
        return wrong


class Receiver:
    """The collector: each life of it has a file of its own."""

    def __init__(self, directory):
        self.dir, self.port = directory, free_port()
        self.files, self.now = [], None
        self.up()

    def up(self):
        name = f"out-{len(self.files)}"
        self.now = Collector(self.dir, name, self.port, "--lean")
        self.files.append(self.now.out)

    def down(self):
        self.now.close()
        self.now = None

    def whole_files(self):
        """A line that a kill cut in two was of no acknowledged request."""
        for f in self.files:
            if not f.exists():
                continue
            size = f.stat().st_size
            with open(f, "r+b") as out:
                out.seek(max(0, size - (1 << 20)))
                end = out.read()
                out.truncate(size - (len(end) - end.rfind(b"\n") - 1))
            yield f


class Soak:
    def __init__(self, directory):
        self.dir = directory
        self.rng = random.Random(SEED)
        self.receiver = Receiver(directory)
        self.agent = Agent(
            directory, POLICY.format(directory),
            agent={"log_level": "notice"},
            rules={f"unlisted_{kind}": "drop" for kind in (
                "exec", "connect", "write", "listen", "load", "tamper")},
            journal={"sync_interval": "1s", "max_size": "16G"},
            collector={"url": f"http://127.0.0.1:{self.receiver.port}",
                       "batch_age": "500ms", "retry_min": "100ms",
                       "retry_max": "2s"})
        self.ship_log = directory / "ship.log"
        self.load = None
        self.downs = 0
        self.died_early = 0
        self.picket = Watched("picket", self._start_agent)
        self.agent.wait_watching()
        self.ship = Watched("picket-ship", self._start_ship)

    def close(self):
        for p in (self.load, self.picket.process, self.ship.process):
            if p and p.poll() is None:
                p.kill()
                p.wait()
        if self.receiver.now:
            self.receiver.down()

    def _start_agent(self):
        return self.agent.spawn()

    def _start_ship(self):
        with open(self.ship_log, "ab") as log:
            return subprocess.Popen(
                [lib.SHIP, "--config", self.agent.config],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def start_load(self):
        files = self.dir / "files"
        files.mkdir()
        self.load = subprocess.Popen(
            [actor("act_soak", self.dir, "busy"), files, str(RATE),
             str(SECONDS), actor("act_tiny", self.dir, "often"),
             actor("act_tiny", self.dir, "rare")],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)

    def run(self):
        """Load and fire; returns once the load has ended."""
        began = time.monotonic()
        half = SECONDS / 2
        scale = min(1.0, SECONDS / 600)
        due = {"collector": 0.0, "picket": 0.0, "ship": 0.0}
        for what in due:
            due[what] = self._later(0, what, scale)
        tick = told = 0.0
        while self.load.poll() is None:
            now = time.monotonic() - began
            if now >= due["collector"]:
                self._turn_collector()
                due["collector"] = self._later(now, "collector", scale)
            for name in ("picket", "ship"):
                if now >= due[name] and now < half:
                    getattr(self, name).kill()
                    due[name] = self._later(now, name, scale)
            if now >= half and now >= tick + 1:
                tick = now
                self.picket.sample()
                self.ship.sample()
            if now >= told + 60:
                told = now
                say(f"  {now:4.0f} s: picket killed {self.picket.kills}, "
                    f"picket-ship {self.ship.kills} times, collector down "
                    f"{self.downs} times")
            time.sleep(0.05)
        made, seconds = self.load.stdout.read().split()
        if self.load.returncode != 0:
            raise Failure("the load ended by itself")
        return int(made), float(seconds)

    def _later(self, now, what, scale):
        low, high = {"collector": (2, 20), "picket": (8, 40),
                     "ship": (4, 30)}[what]
        return now + self.rng.uniform(low, high) * max(scale, 0.1)

    def _turn_collector(self):
        if self.receiver.now:
            self.receiver.down()
            self.downs += 1
        else:
            self.receiver.up()

    def drain(self):
        """Kill each once more, then let everything arrive."""
        status = self.agent.status()
        began, first = time.monotonic(), self.acknowledged()
        self.ship.kill()
        self.picket.kill()
        self.agent.wait_watching()
        if not self.receiver.now:
            self.receiver.up()
        code = self.agent.stop()
        if code != 0:
            raise Failure(f"picket ended with {code}")
        last = self.last_number()
        have = self.acknowledged()
        while have < last:
            # As long as it takes, and as long as there is progress.
            have = wait_for(lambda: self.moved(have),
                            lambda: f"more than {have} of {last} records to "
                            "be shipped", timeout=60, every=0.2)
        say(f"drained {last - first} records in "
            f"{time.monotonic() - began:.1f} s")
        self.ship.alive()
        self.ship.process.terminate()
        self.ship.process.wait(lib.PATIENCE)
        return status

    def acknowledged(self):
        try:
            return int((self.agent.state / "ship").read_text()
                       .split("seq ")[1])
        except FileNotFoundError:
            return 0

    def moved(self, have):
        now = self.acknowledged()
        return now if now != have else None

    def last_number(self):
        return max(int(uid.split(".")[2]) for uid in self.journal())

    def journal(self):
        """Names of all records that the journal holds."""
        with subprocess.Popen(
                [lib.PICKET, "tail", "--journal", self.agent.journal,
                 "--json", "--from", "oldest", "--no-follow"],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as p:
            names = [UID.search(line)[1].decode() for line in p.stdout]
        if p.returncode != 0:
            raise Failure(f"picket tail exited with {p.returncode}")
        return names

    def judge(self):
        """Journal against receiver: what is wrong."""
        wrong = []
        names = self.journal()
        there = set(names)
        if len(there) != len(names):
            wrong.append(f"{len(names) - len(there)} names twice in the "
                         "journal")
        result = completeness.check(list(self.receiver.whole_files()))
        if len(result) != 1:
            wrong.append(f"{len(result)} journals arrived")
        r = next(iter(result.values()))
        say(f"journal: {len(names)} records, received {r['records']}, "
            f"{len(r['doubled'])} of them more than once")
        arrived = r["names"]
        for what, some in (("missing", there - arrived),
                           ("invented", arrived - there)):
            if some:
                wrong.append(f"{len(some)} {what}: {sorted(some)[:5]}")
        for key in ("missing", "holes", "uncovered"):
            if r[key].pairs:
                wrong.append(f"{key} by the manifests: {r[key]}")
        for key in ("differ", "counts"):
            if r[key]:
                wrong.append(f"{key}: {r[key][:5]}")
        p = lib.run([lib.PICKET, "verify", "--journal", self.agent.journal],
                    timeout=600)
        if p.returncode != 0:
            wrong.append(f"picket verify: {p.stdout.decode()}"
                         f"{p.stderr.decode()}")
        return wrong


def soak(directory):
    say(f"PICKET_SEED={SEED}: {SECONDS:.0f} s of {RATE} events per second")
    s = Soak(directory)
    try:
        s.start_load()
        made, seconds = s.run()
        say(f"load: {made} events in {seconds:.1f} s, "
            f"{made / seconds:.0f} per second; collector down {s.downs} times")
        status = s.drain()
        if status:
            say(f"kernel, of picket's last long life: lost {status['lost']}")
        wrong = s.judge() + s.picket.judge() + s.ship.judge()
        if made / seconds < 0.9 * RATE:
            wrong.append(f"the load made {made / seconds:.0f} events per "
                         f"second instead of {RATE}")
    except Failure:
        for log in (s.agent.log, s.ship_log):
            say(f"---- {log.name}\n" + "\n".join(
                log.read_text(errors="replace").splitlines()[-30:]))
        raise
    finally:
        s.close()
    return wrong


def main():
    try:
        need_root()
        with lib.workdir("soak") as directory:
            wrong = soak(directory)
    except (Failure, lib.Missing) as failure:
        wrong = [str(failure)]
    for text in wrong:
        say(f"FAILED: {text}")
    say("soak: " + ("failed" if wrong else "all is there"))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
