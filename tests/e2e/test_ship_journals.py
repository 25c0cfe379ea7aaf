#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""picket-ship and journals that are trimmed, put back, damaged or another's."""
import re
import shutil

import lib
from lib import equal, test, true, wait_for
from shipping import arrived, exactly, pair


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
            exactly(c, names, doubles=True)


@test
def a_damaged_cursor_costs_doubles_and_no_record():
    with pair() as (c, s):
        names = s.make(50)
        s.once()
        (s.state / "ship").write_text("picket-cursor 1\njournal ?\n")
        names += s.make(50)
        s.once()
        exactly(c, names, doubles=True)
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
def a_journal_under_another_s_name_is_said_and_waited_for():
    with pair() as (c, s):
        names = s.make(20)
        ours = (s.journal / "state").read_bytes()
        shutil.move(s.journal, s.dir / "other")
        s.make(20)
        shutil.copy(s.journal / "state", s.dir / "other/state")
        shutil.rmtree(s.journal)
        shutil.move(s.dir / "other", s.journal)
        s.once(code=1)
        true("more than one journal" in s.log_text(), s.log_text())
        s.start()
        wait_for(lambda: s.status().get("state") == "no-journal", "state")
        (s.journal / "state").write_bytes(ours)
        arrived(c, names)
        equal(s.stop(), 0, "exit code")
        exactly(c, names)


if __name__ == "__main__":
    lib.main()
