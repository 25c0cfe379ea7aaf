#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""picket learn on journals in which everything is another thing each time: it
takes bounded memory, and says what it left out."""
import os
import re
import subprocess

import journals
import lib
from lib import PICKET, contains, equal, main, test, true

LONG = bool(os.environ.get("PICKET_TEST_LONG"))
COUNT = 1000000 if LONG else 100000
# 65 MiB for a million; it must not be the journal's size.
MEMORY_KIB = 160 << 10

POLICY = "[allow nothing]\nevent = exec\nexe = /nowhere/nothing\n"


def place():
    return lib.workdir("learn-much")


def learned(directory, *made):
    """From a journal made so: what is written, what is said, and the peak of
    its memory, in KiB."""
    directory.mkdir()
    journal = journals.make(directory / "journal", COUNT, "--span", "6h",
                            "--segment-size", "16M", *made, timeout=600)
    policy, out, said = (directory / n for n in ("policy.ini", "out", "said"))
    policy.write_text(POLICY)
    with open(out, "wb") as to, open(said, "wb") as log:
        p = subprocess.Popen([PICKET, "learn", "--from", "7d", "--journal",
                              journal, "--policy", policy],
                             stdin=subprocess.DEVNULL, stdout=to, stderr=log)
        _, status, used = os.wait4(p.pid, 0)
        p.returncode = os.waitstatus_to_exitcode(status)
    equal(p.returncode, 0, f"exit code; it said {said.read_text()}")
    return out.read_text(), said.read_text(), used.ru_maxrss


def number(pattern, text):
    found = re.search(pattern, text)
    true(found, f"'{pattern}' in {text!r}")
    return int(found.group(1))


@test
def a_program_for_each_event_is_bounded_and_told(directory):
    text, said, peak = learned(directory / "programs")
    equal(number(r"(\d+) events: ", said), COUNT, "events")
    rules = len(re.findall(r"^\[allow ", text, re.M))
    equal(rules, 8192, "rules, one for each group that is kept")
    left = number(r"warning: (\d+) events were more than is kept", said)
    equal(left + number(r" (\d+) learned in", said), COUNT,
          "events that were learned, and left out")
    contains(text, f"# {left} were more than is kept", "the file")
    true(peak < MEMORY_KIB, f"peak of memory, {peak} KiB")


@test
def a_file_and_a_host_for_each_event_are_bounded(directory):
    text, said, peak = learned(directory / "files", "--programs", "20")
    equal(number(r"(\d+) events: ", said), COUNT, "events")
    contains(text, "path = /srv/data/**", "its files as one line")
    true(len(re.findall(r"^\[allow ", text, re.M)) < 8192, "rules")
    true(peak < MEMORY_KIB, f"peak of memory, {peak} KiB")


if __name__ == "__main__":
    main(place)
