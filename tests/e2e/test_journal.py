#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A real picket whose journal's place fails: full, read-only, removed,
replaced. It goes on watching, says so, and loses nothing that it does not
count. And a reader that lags behind is told exactly what it missed."""
import contextlib
import fcntl
import json
import os
import pathlib
import re
import shutil
import signal
import struct
import subprocess
import time

import journals
import record
from lib import (PICKET, Agent, Missing, actor, act, equal, main,
                 need_root, run, test, true, wait_for, workdir)



@contextlib.contextmanager
def stage():
    need_root()
    with workdir("journal") as directory:
        yield directory


class Watched:
    """A picket, and markers: execs of a program that only we have."""

    def __init__(self, directory, name, **journal):
        self.agent = Agent(directory, "", name, journal=journal)
        self.program = actor("act_tiny", directory, name + "-marker")
        self.marks = []

    def mark(self, n=1):
        for _ in range(n):
            pid, _ = act([self.program, str(len(self.marks))],
                         code=2)
            self.marks.append(pid)

    def journal_status(self):
        status = self.agent.status()
        return status["journal"] if status else None

    def has_error(self):
        self.mark()
        j = self.journal_status()
        return j and j["error"]

    def is_well(self):
        self.mark()
        j = self.journal_status()
        return j and not j["error"] and j

    def wait_error(self, what):
        return wait_for(self.has_error, lambda: f"{what} to be told:\n"
                        + self.agent.log_text(), every=0.1)

    def wait_well(self):
        wait_for(self.is_well, lambda: "the journal to be written again:\n"
                 + self.agent.log_text(), every=0.1)
        self.mark()

    def marked(self, records):
        """Of our markers, those that have an exec in these records."""
        seen = [int(record.argv(r)[1]) for r in records
                if r["kind"] == "exec"
                and record.exe(r) == os.fsencode(self.program)]
        equal(len(seen), len(set(seen)), "a marker twice")
        return seen

    def finish(self, code=0):
        equal(self.agent.stop(), code, "exit code: " + self.agent.log_text())


def lost_in(records):
    return sum(r["gap"]["count"] for r in records if r["kind"] == "gap")


def everything_there(w, records):
    equal(record.hole(records), None, "a hole in the numbers")
    equal(lost_in(records), 0, "numbers in gaps")
    equal(w.marked(records), list(range(len(w.marks))), "markers, in order")


def no_loop(w, seconds=1.5):
    """While it cannot write it does not burn the processor on trying."""
    stat = pathlib.Path(f"/proc/{w.agent.process.pid}/stat")

    def ticks():
        fields = stat.read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])
    before, began = ticks(), time.monotonic()
    wait_for(lambda: time.monotonic() - began > seconds, "some time")
    used = (ticks() - before) / os.sysconf("SC_CLK_TCK")
    true(used < (time.monotonic() - began) * 0.5,
         f"{used} s of processor time while the journal fails")


@test
def a_removed_directory_is_made_again(directory):
    w = Watched(directory, "removed")
    with w.agent as agent:
        agent.start()
        w.mark(3)
        tail = agent.tail()
        tail.wait(lambda r: r["kind"] == "exec"
                  and record.argv(r)[1:] == [b"2"], "the third marker")
        shutil.rmtree(agent.journal)
        w.mark(3)
        w.wait_well()
        w.mark(3)
        w.finish()
        records = agent.read()
        equal(record.hole(records), None, "a hole in the numbers")
        equal(lost_in(records), 0, "numbers in gaps")
        # All but what was sealed before is in the new directory.
        seen = w.marked(records)
        equal(seen, list(range(seen[0], len(w.marks))), "markers since")
        true(seen[0] <= 3, f"the first marker there is {seen[0]}")
        # Whoever followed has all of it.
        wait_for(lambda: w.marked(tail.find(lambda r: True))
                 == list(range(len(w.marks))), "the tail to have all")


@test
def a_directory_moved_away_is_replaced_and_numbers_go_on(directory):
    w = Watched(directory, "moved")
    with w.agent as agent:
        agent.start()
        w.mark(3)
        aside = agent.dir / "aside"
        agent.journal.rename(aside)
        agent.journal.mkdir(mode=0o750)
        w.mark(3)
        w.wait_well()
        w.finish()
        before = [json.loads(x) for x in
                  run([PICKET, "tail", "--journal", aside, "--json",
                       "--no-follow"]).stdout.splitlines()]
        after = agent.read()
        equal(record.hole(before), None, "a hole in the numbers")
        equal(record.hole(after), None, "a hole in the numbers")
        true(after[0]["seq"] <= before[-1]["seq"] + 1, "numbers in between")
        equal(sorted({*w.marked(before), *w.marked(after)}),
              list(range(len(w.marks))), "markers in both")
        names = {r["uid"] for r in before} & {r["uid"] for r in after}
        same = {r["uid"]: r["boot_ns"] for r in before if r["uid"] in names}
        for r in after:
            equal(same.get(r["uid"], r["boot_ns"]), r["boot_ns"],
                  f"what {r['uid']} names")


@test
def a_journal_of_another_is_not_written_to(directory):
    w = Watched(directory, "foreign")
    other = directory / "other"
    journals.make(other, 100)
    files = {p.name: p.read_bytes() for p in other.iterdir()
             if p.name != "lock"}
    with w.agent as agent:
        agent.start()
        w.mark(3)
        aside = agent.dir / "aside"
        agent.journal.rename(aside)
        shutil.copytree(other, agent.journal)
        wait_for(lambda: "another journal" in agent.log_text(),
                 lambda: "it to be told:\n" + agent.log_text())
        w.mark(5)
        no_loop(w)
        equal({p.name: p.read_bytes() for p in agent.journal.iterdir()
               if p.name in files}, files, "the other journal")
        shutil.rmtree(agent.journal)
        aside.rename(agent.journal)
        w.wait_well()
        w.finish()
        everything_there(w, agent.read())


class Disk:
    """A small ext4 in a file, at a place."""

    def __init__(self, place, image):
        self.place = place
        self.image = image
        self.devices = []

    def __enter__(self):
        with open(self.image, "wb") as f:
            f.truncate(16 << 20)
        p = run(["mkfs.ext4", "-q", "-F", self.image])
        if p.returncode != 0:
            raise Missing("mkfs.ext4", p.stderr.decode(errors="replace"))
        return self

    def __exit__(self, *_):
        self.umount()
        for device in self.devices:
            run(["losetup", "-d", device])
        self.image.unlink()

    def mount(self, options="rw"):
        p = run(["losetup", "--find", "--show", self.image])
        if p.returncode != 0:
            raise Missing("loop-device", p.stderr.decode(errors="replace"))
        self.devices.append(p.stdout.decode().strip())
        p = run(["mount", "-o", options, self.devices[-1], self.place])
        equal(p.returncode, 0, f"mount: {p.stderr!r}")

    def umount(self):
        while os.path.ismount(self.place):
            run(["umount", "-l", self.place])

    def repair(self):
        """What was synced, in a file of its own: the old one is in use."""
        again = self.image.with_suffix(".again")
        shutil.copy(self.image, again)
        self.image.unlink()
        again.rename(self.image)
        p = run(["e2fsck", "-fy", self.image])
        true(p.returncode in (0, 1), f"e2fsck: {p.stdout!r}")


EXT4_IOC_SHUTDOWN = 0x8004587d
NO_LOG_FLUSH = 2


def break_disk(place):
    """From now on all that is asked of this file system is EIO."""
    fd = os.open(place, os.O_RDONLY)
    try:
        fcntl.ioctl(fd, EXT4_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
    finally:
        os.close(fd)


@test
def a_disk_that_breaks_and_comes_back_read_only_costs_nothing(directory):
    w = Watched(directory, "broken")
    w.agent.journal.mkdir()
    with Disk(w.agent.journal, directory / "broken.img") as disk, \
            w.agent as agent:
        disk.mount()
        agent.start()
        w.mark(3)
        break_disk(agent.journal)
        w.mark(5)
        wait_for(lambda: "Input/output error" in agent.log_text(),
                 lambda: "EIO to be told:\n" + agent.log_text())
        no_loop(w)
        # Mounted again, as after a repair, but not to be written to.
        disk.umount()
        disk.repair()
        disk.mount("ro")
        wait_for(lambda: w.mark(1) or "Read-only" in agent.log_text(),
                 lambda: "EROFS to be told:\n" + agent.log_text())
        no_loop(w)
        equal(run(["mount", "-o", "remount,rw", agent.journal]).returncode, 0,
              "remount")
        w.wait_well()
        wait_for(lambda: w.mark() or "written again" in agent.log_text(),
                 "it to be told")
        w.finish()
        records = agent.read()
        everything_there(w, records)
        whats = [r["agent"]["what"] for r in records if r["kind"] == "agent"]
        true({"journal_error", "journal_back"} <= set(whats),
             f"what the journal says: {whats}")


@test
def a_small_disk_that_fills_loses_exactly_what_it_says(directory):
    w = Watched(directory, "full", buffer_size="1M")
    w.agent.journal.mkdir()
    with Disk(w.agent.journal, directory / "full.img") as disk, \
            w.agent as agent:
        disk.mount()
        agent.start()
        w.mark(3)
        filler = agent.journal / "filler"
        with open(filler, "wb", buffering=0) as f:
            for size in (1 << 16, 512):
                with contextlib.suppress(OSError):
                    while True:
                        f.write(bytes(size))
        w.wait_error("the full disk")
        no_loop(w)

        # More than memory holds: what is dropped is counted.
        def dropped():
            w.mark(50)
            return w.journal_status()["dropped"]
        wait_for(dropped, "the buffer in memory to be full", every=0)
        filler.unlink()
        w.wait_well()

        # What was in memory goes out first: until then there is no room.
        def back():
            w.mark()
            return w.marked(agent.read())[-1] == len(w.marks) - 1
        wait_for(back, "a marker to be kept again", every=0.1)
        w.finish()
        lost = re.search(r"(\d+) at the journal", agent.log_text())
        records = agent.read()
        equal(record.hole(records), None, "a hole in the numbers")
        equal(lost_in(records), int(lost[1]),
              "numbers in gaps, and lost by the summary")
        gaps = [r for r in records if r["kind"] == "gap"]
        equal({r["gap"]["reason"] for r in gaps}, {"journal buffer full"},
              "why")
        # Nothing else is missing: the first and the last are there.
        seen = w.marked(records)
        equal((seen[0], seen[-1]), (0, len(w.marks) - 1), "markers")


@test
def what_goes_before_it_is_shipped_is_told(directory):
    w = Agent(directory, "", "unshipped",
              journal={"max_size": "4M", "segment_size": "1M"},
              collector={"url": "http://127.0.0.1:9/v1/logs"})
    journals.make(w.journal, 31000, "--segment-size", "1M")
    with w as agent:
        agent.start()

        def trimmed():
            for _ in range(20):
                run(["true"])
            return agent.status()["journal"]["trimmed_unread"]
        wait_for(trimmed, "something to be trimmed", every=0)
        wait_for(lambda: "went before they were shipped" in agent.log_text(),
                 lambda: "it to be logged:\n" + agent.log_text())
        count = agent.status()["journal"]["trimmed_unread"]
        equal(agent.stop(), 0, "exit code")
        told = [int(r["agent"]["facts"]["count"]) for r in
                agent.read("--kind", "agent")
                if r["agent"]["what"] == "trimmed"]
        true(told and told[0] <= count, f"told {told} of {count}")
        first = agent.read()[0]["seq"]
        equal(first - 1 >= told[0] > 1000, True,
              f"the oldest record is {first}, told {told}")


@test
def a_torn_end_is_set_aside_and_is_an_event(directory):
    w = Watched(directory, "torn")
    with w.agent as agent:
        agent.start()
        w.mark(3)
        wait_for(lambda: w.marked(agent.read()) == [0, 1, 2], "the markers")
        agent.process.kill()
        agent.process.wait()
        newest = sorted(agent.journal.glob("*.seg"))[-1]
        whole = newest.read_bytes()
        # The middle of a frame, and then what a disk may have there.
        torn = whole[1024:1090] + bytes(5000)
        newest.write_bytes(whole + torn)
        agent.start()
        w.mark(2)
        wait_for(lambda: w.marked(agent.read()) == list(range(5)),
                 "the markers of both runs")
        p = run([PICKET, "verify", "--journal", agent.journal])
        equal(p.returncode, 0, f"verify: {p.stdout!r}")
        w.finish()
        records = agent.read()
        everything_there(w, records)
        texts = {r["agent"]["what"]: r["agent"]["text"] for r in records
                 if r["kind"] == "agent"}
        true({"unclean", "cut"} <= set(texts), f"events: {texts}")
        cuts = list(agent.journal.glob("*.cut"))
        equal(len(cuts), 1, "set aside")
        true(cuts[0].name in texts["cut"], texts["cut"])
        true(cuts[0].read_bytes().endswith(bytes(5000)), "what is in it")
        true(f"{cuts[0].stat().st_size} bytes" in texts["cut"], texts["cut"])


@test
def a_tail_that_lags_is_told_exactly_what_it_missed(directory):
    journal = directory / "trimmed"
    journals.make(journal, 2000, "--max-size", "512K")
    tail = subprocess.Popen([PICKET, "tail", "--journal", journal, "--json",
                             "--from", "oldest"],
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    try:
        # It fills the pipe and waits in the middle of a segment.
        first = tail.stdout.readline()
        os.kill(tail.pid, signal.SIGSTOP)
        gone = sorted(journal.glob("*.seg"))
        for _ in range(3):
            journals.make(journal, 5000, "--max-size", "512K")
        left = sorted(journal.glob("*.seg"))
        true(not set(gone) & set(left), "nothing it had to read is trimmed")
        oldest = run([PICKET, "tail", "--journal", journal, "--json",
                      "--no-follow"]).stdout.splitlines()
        there, last = (json.loads(oldest[i])["seq"] for i in (0, -1))
        os.kill(tail.pid, signal.SIGCONT)
        records = [json.loads(first)]
        while record.first_and_last(records[-1])[1] < last:
            records.append(json.loads(tail.stdout.readline()))
    finally:
        tail.kill()
        tail.wait()
        tail.stdout.close()
    equal(records[0]["seq"], 1, "the first record")
    equal(record.hole(records), None, "a hole in the numbers")
    gaps = [r for r in records if r["kind"] == "gap"]
    equal([(r["gap"]["reason"], r["gap"].get("missing")) for r in gaps],
          [("trimmed", True)], "gaps")
    # It goes up to the oldest that is there, and no record of it is shown.
    equal(gaps[0]["gap"]["last_seq"], there - 1, "where the gap ends")
    equal(gaps[0]["uid"].rpartition("-")[2], str(there - 1), "its name")
    equal(len(records) - 1 + gaps[0]["gap"]["count"], last,
          "records and what is missing")


if __name__ == "__main__":
    main(stage)
