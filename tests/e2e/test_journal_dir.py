#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Which journal a command reads that is told none: the one that picket, by its
configuration, writes."""
import contextlib
import json
import re
import shutil

import journals
from lib import (PICKET, contains, equal, main, run, test, true,
                 workdir)


@contextlib.contextmanager
def stage():
    with workdir("journal-dir") as directory:
        journals.make(directory / "elsewhere", 20)
        (directory / "policy").mkdir()
        (directory / "policy/none.ini").write_text("")
        (directory / "agent.ini").write_text(
            f"[journal]\ndir = {directory}/elsewhere\n"
            f"[rules]\ndir = {directory}/policy\n")
        yield directory


def installed(directory, *words, config="agent.ini"):
    """With an /etc of its own, and in it this configuration."""
    etc = directory / "etc"
    (etc / "picket").mkdir(parents=True, exist_ok=True)
    for name in ("passwd", "group"):
        shutil.copy(f"/etc/{name}", etc)
    shutil.copy(directory / config, etc / "picket/agent.ini")
    return run(["unshare", "-m", "--propagation", "private", "sh", "-c",
                'mount --bind "$0" /etc && exec "$@"', etc, PICKET, *words])


def some_uid(directory):
    p = run([PICKET, "tail", "--journal", directory / "elsewhere", "--json",
             "--from", "oldest", "--no-follow"])
    return next(e["uid"] for e in map(json.loads, p.stdout.splitlines())
                if "uid" in e)


def undated(page):
    """Without when a report was made."""
    return re.sub(rb"Made on .*? at [^ ]*", b"", page)


@test
def every_command_reads_the_one_that_the_configuration_names(directory):
    uid = some_uid(directory)
    for words in (["tail", "--no-follow", "--from", "oldest"],
                  ["query"],
                  ["query", "--tree", uid],
                  ["verify"],
                  ["coverage"],
                  ["replay", "--policy", directory / "policy"],
                  ["learn", "--from", "2000-01-01"],
                  ["report", uid],
                  ["why", uid]):
        told = run([PICKET, *words, "--journal", directory / "elsewhere",
                    *(["--config", directory / "agent.ini"]
                      if words[0] in ("learn", "why") else [])])
        by_itself = installed(directory, *words)
        true(told.stdout, f"{words}: something: {told.stderr!r}")
        equal((by_itself.returncode, undated(by_itself.stdout)),
              (told.returncode, undated(told.stdout)),
              f"{words}: {by_itself.stderr!r}")


@test
def a_configuration_that_is_given_counts_as_well(directory):
    told = run([PICKET, "replay", "--policy", directory / "policy",
                "--journal", directory / "elsewhere"])
    by_config = run([PICKET, "replay", "--policy", directory / "policy",
                     "--config", directory / "agent.ini"])
    equal((by_config.returncode, by_config.stdout),
          (told.returncode, told.stdout), "replay")


@test
def a_wrong_one_is_told_and_the_usual_place_is_looked_at(directory):
    (directory / "wrong.ini").write_text("[journal]\ndirr = /nowhere\n")
    p = installed(directory, "query", config="wrong.ini")
    equal(p.returncode, 1, "exit code")
    contains(p.stderr, b"agent.ini:2: unknown key 'dirr' in [journal]", "which")
    contains(p.stderr, b"'/var/lib/picket/journal'", "where it looked")


@test
def without_one_the_usual_place_is_looked_at(directory):
    (directory / "empty.ini").write_text("")
    p = installed(directory, "query", config="empty.ini")
    equal((p.returncode, p.stderr.count(b"\n")), (1, 1), f"{p.stderr!r}")
    contains(p.stderr, b"'/var/lib/picket/journal'", "where it looked")


@test
def a_directory_without_a_journal_is_no_answer(directory):
    (directory / "empty").mkdir()
    for words in (["tail", "--no-follow"], ["query"], ["verify"]):
        p = run([PICKET, *words, "--journal", directory / "empty"])
        equal((p.returncode, p.stdout), (1, b""), words)
        contains(p.stderr, b"there is no journal in", words)


if __name__ == "__main__":
    main(stage)
