# SPDX-License-Identifier: Apache-2.0
"""Journals made to order, by make_journal.c: no agent wrote them."""
from lib import BUILD, equal, run

MAKE = BUILD / "tests" / "make_journal"


def make(journal, count, *options, **how):
    """This many records in small segments, beside those that there are; of
    options that are given twice the last counts."""
    p = run([MAKE, "--journal", journal, "--count", str(count), "--quiet",
             "--segment-size", "64K", *options], **how)
    equal(p.returncode, 0, f"make_journal: {p.stderr!r}")
    return journal


def make_late(directory, late):
    """Three hours in which verdicts were pending. That of the first came so
    much later, those of the others never."""
    return make(directory / f"late-{late}", 2000, "--pending", "--span", "3h",
                "--late", late)
