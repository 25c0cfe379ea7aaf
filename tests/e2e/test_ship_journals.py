#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""picket-ship and journals that are trimmed, put back, damaged or another's."""
import re
import shutil
import struct
import sys

import lib
from lib import equal, test, true, wait_for
from shipping import arrived, exactly, pair

sys.path.insert(0, str(lib.ROOT / "tests"))
from journal_check import crc32c


@test
def what_was_trimmed_unshipped_is_shipped_as_a_gap():
    with pair() as (c, s):
        small = ["--segment-size", "256K", "--max-size", "512K"]
        names = s.make(100, *small)
        s.once()
        for _ in range(3):
            names += s.make(4000, *small)
        s.once()
        gaps = [r for r in c.records() if r["event"] == "picket.gap"]
        equal(len(gaps), 1, "gaps")
        a = gaps[0]["attributes"]
        true(a["picket.gap.missing"], "made by the reader")
        first, last = a["picket.gap.first"], a["picket.gap.last"]
        true(last - first > 1000, f"{first}-{last}")
        there = names[:first - 1] + [gaps[0]["uid"]] + names[last:]
        exactly(c, there)
        equal(int(s.status()["missing"]), last - first + 1, "counted")


@test
def a_journal_put_back_to_what_it_was_is_shipped_all_the_same():
    """Its numbers are given again; the cursor is of those before."""
    for ahead in (r"\1epoch 1\nseq 100000\n", r"\1epoch 7\nseq 3\n"):
        with pair() as (c, s):
            names = s.make(30)
            s.once()
            path = s.state / "ship"
            path.write_text(re.sub(r"(.*\n)epoch .*\nseq .*\n", ahead,
                                   path.read_text()))
            names += s.make(20)
            s.once()
            true("more was shipped than" in s.log_text(), s.log_text())
            exactly(c, names, doubles=1)


@test
def a_damaged_cursor_costs_doubles_and_no_record():
    with pair() as (c, s):
        names = s.make(50)
        s.once()
        (s.state / "ship").write_text("picket-cursor 1\njournal ?\n")
        names += s.make(50)
        s.once()
        exactly(c, names, doubles=1)
        equal(s.cursor(), len(names), "the cursor")
        true("damaged" in s.log_text(), s.log_text())


@test
def another_journal_is_shipped_from_its_beginning():
    with pair() as (c, s):
        names = s.make(100)
        s.start()
        arrived(c, names)
        shutil.move(s.journal, s.dir / "old")
        names += s.make(50)
        arrived(c, names)
        equal(s.stop(), 0, "exit code")
        exactly(c, names)
        shutil.rmtree(s.journal)
        names += s.make(20)
        s.once()
        exactly(c, names)


@test
def a_journal_that_is_not_there_yet_is_waited_for():
    with pair() as (c, s):
        s.start()
        wait_for(lambda: s.status().get("state") == "no-journal", "state")
        names = s.make(10)
        arrived(c, names)
        equal(s.stop(), 0, "exit code")


@test
def a_journal_without_its_state_is_shipped_all_the_same():
    with pair() as (c, s):
        names = s.make(100)
        (s.journal / "state").write_bytes(b"no state")
        s.once()
        exactly(c, names)
        (s.journal / "state").unlink()
        s.once()
        exactly(c, names)


@test
def a_state_of_another_journal_costs_no_record():
    with pair() as (c, s):
        names = s.make(20)
        ours = s.dir / "ours"
        shutil.move(s.journal, ours)
        s.make(20)
        shutil.copy(s.journal / "state", ours / "state")
        shutil.rmtree(s.journal)
        shutil.move(ours, s.journal)
        s.once()
        exactly(c, names)
        names += s.make(20)
        s.once()
        exactly(c, names)


def foreign(s):
    """A segment of another journal, to be put anywhere."""
    ours = s.dir / "ours"
    if s.journal.exists():
        shutil.move(s.journal, ours)
    s.make(500)
    data = bytearray((s.journal / f"{1:016}.seg").read_bytes())
    shutil.rmtree(s.journal)
    if ours.exists():
        shutil.move(ours, s.journal)
    return data


def put(s, data, number):
    """All that names it says that it belongs there."""
    head = data[:508]
    head[56:64] = struct.pack("<Q", number)
    head += struct.pack("<I", crc32c(bytes(head)))
    new = s.dir / "foreign"
    new.write_bytes(head + head + data[1024:])
    new.rename(s.journal / f"{number:016}.seg")


def told_once(s, gaps):
    """As a damaged one would be, and nothing was begun again."""
    true("starting at" not in s.log_text(), s.log_text())
    equal(s.log_text().count("damaged before they could be shipped"), gaps,
          "gaps in the log")


@test
def a_segment_of_another_journal_costs_what_a_damaged_one_does():
    small = ["--segment-size", "64K"]
    for place in ("first", "middle", "last"):
        with pair() as (c, s):
            data = foreign(s)
            names = s.make(3000, *small)
            segments = sorted(s.journal.glob("*.seg"))
            true(len(segments) > 3, f"{len(segments)} segments")
            number = {"first": 1, "middle": 2,
                      "last": len(segments) + 1}[place]
            put(s, data, number)
            s.start()
            arrived(c, names[-1:])
            # What comes later still arrives, once.
            names += s.make(200, *small)
            arrived(c, names[-200:])
            equal(s.stop(), 0, "exit code")
            gaps = [r for r in c.records() if r["event"] == "picket.gap"]
            equal(len(gaps), int(place == "middle"), f"gaps, {place}")
            for gap in gaps:
                a = gap["attributes"]
                first, last = a["picket.gap.first"], a["picket.gap.last"]
                names[first - 1:last] = [gap["uid"]]
            # Nobody knows what stood before the first that can be read.
            first = int(c.uids()[0].split(".")[-1])
            equal(first > 1, place == "first", f"begins at {first}")
            exactly(c, names[first - 1:])
            told_once(s, len(gaps))


@test
def one_that_is_put_there_meanwhile_neither():
    with pair() as (c, s):
        small = ["--segment-size", "64K"]
        data = foreign(s)
        names = s.make(300)
        s.start()
        arrived(c, names)
        number = len(list(s.journal.glob("*.seg"))) + 1
        put(s, data, number)
        names += s.make(3000, *small)
        arrived(c, names)
        equal(s.stop(), 0, "exit code")
        exactly(c, names)
        told_once(s, 0)


@test
def who_starts_over_says_so_once():
    """The journal here is another by now: all of it is news, and that it was
    begun again is in the log and in the status."""
    with pair() as (c, s):
        names = s.make(50)
        s.start()
        arrived(c, names)
        shutil.move(s.journal, s.dir / "old")
        names += s.make(50)
        arrived(c, names)
        said = s.says(lambda st: "another journal" in st["error"])
        true("starting at the oldest" in said["error"], said)
        names += s.make(50)
        arrived(c, names)
        equal(s.stop(), 0, "exit code")
        equal(s.log_text().count("the cursor is of another journal"), 1,
              "told")
        exactly(c, names)


def shipped_of_former(s):
    """What it says of the journal that was there before: one number, told
    once, in the log and in the status."""
    told = re.findall(r"another journal, shipped up to 1\.(\d+);", s.log_text())
    equal(len(told), 1, f"told: {told}")
    return int(told[0])


@test
def one_that_is_moved_away_while_it_is_shipped_arrives_to_its_end():
    """Its files are read on where they are; then the new one from its
    beginning. The numbers of both are the same."""
    with pair(batch_records=50) as (c, s):
        former = s.make(1000)
        c.rules({"delay_ms": 10})
        s.start()
        wait_for(lambda: len(c.uids()) >= 200, "the first records")
        shutil.move(s.journal, s.dir / "old")
        names = s.make(300)
        arrived(c, names)
        equal(s.stop(), 0, "exit code")
        exactly(c, former + names)
        equal(shipped_of_former(s), len(former), "of the former")


@test
def one_that_is_replaced_while_nobody_answers_costs_nothing_either():
    """There is no cursor yet that could say whose it is."""
    with pair(batch_records=50) as (c, s):
        c.rules({"status": 503})
        former = s.make(300)
        s.start()
        wait_for(lambda: len(s.tries()) >= 2, "tries")
        equal(s.cursor(), 0, "the cursor")
        shutil.move(s.journal, s.dir / "old")
        names = s.make(300)
        c.rules()
        arrived(c, names)
        equal(s.stop(), 0, "exit code")
        exactly(c, former + names)


@test
def of_one_that_is_removed_it_is_told_how_far_it_came():
    """While it runs, and while it does not."""
    for runs in (True, False):
        with pair(batch_records=50) as (c, s):
            small = ["--segment-size", "64K"]
            former = s.make(4000, *small)
            c.rules({"delay_ms": 10})
            s.start()
            wait_for(lambda: s.cursor() >= 200, "the cursor")
            if not runs:
                s.process.kill()
                s.process.wait()
            shutil.rmtree(s.journal)
            names = s.make(300)
            if not runs:
                s.start()
            arrived(c, names)
            equal(s.stop(), 0, "exit code")
            came = shipped_of_former(s)
            true(200 <= came < len(former), f"up to {came}")
            # Killed, it may have sent more than it knows of.
            there = len(set(c.uids()) & set(former))
            equal(there == came or (not runs and there - came <= 50), True,
                  f"{there} arrived, up to {came} is told")
            exactly(c, former[:there] + names)


@test
def an_end_that_is_gone_is_told():
    """The state knows of more than is there: that is not everything."""
    with pair() as (c, s):
        names = s.make(1500, "--segment-size", "64K")
        newest = sorted(s.journal.glob("*.seg"))[-1]
        newest.unlink()
        s.once(code=1)
        said = re.search(r"numbers (\d+)-(\d+) are missing", s.log_text())
        true(said, s.log_text())
        first, last = map(int, said.groups())
        equal(last, len(names), "the last that is missing")
        exactly(c, names[:first - 1])
        true("ends before" in s.status()["error"], s.status())
        for begin, told in (("oldest", True), ("now", True)):
            p = lib.run([lib.PICKET, "tail", "--journal", s.journal,
                         "--no-follow", "--from", begin])
            equal(p.returncode, 0, "exit code")
            equal(f"numbers {first}-{last} are missing".encode() in p.stderr,
                  told, f"{begin}: {p.stderr!r}")


@test
def once_is_no_success_where_the_cursor_cannot_be_saved():
    with pair() as (c, s):
        names = s.make(50)
        (s.state / "ship" / "in-the-way").mkdir(parents=True)
        s.once(code=1)
        exactly(c, names)
        true("cannot save the cursor" in s.log_text(), s.log_text())


if __name__ == "__main__":
    lib.main()
