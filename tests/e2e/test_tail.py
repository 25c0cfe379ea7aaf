#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`picket tail`: what a person sees, live and looking back."""
import contextlib
import datetime
import json
import os
import re
import subprocess
import threading
import time

import record
from lib import (PICKET, act, actor, contains, equal, main, run, scene, test, true,
                 wait_for, workdir)
from lib import Agent

HOSTILE = b"evil \x1b[2J\x1b[31m\n12:00 HIGH exec \xff\xe2\x80\xae\x07\x9b31m"


def policy(directory):
    return f"""
[deny bad]
event    = exec
exe      = {directory}/bad*
severity = high
"""


class Lines:
    """A `picket tail` whose output is collected as it comes."""

    def __init__(self, s, *options):
        self.out = b""
        self.process = subprocess.Popen(
            [PICKET, "tail", "--journal", s.agent.journal, *options],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        while True:
            some = os.read(self.process.stdout.fileno(), 65536)
            if not some:
                return
            self.out += some

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.thread.join()
        self.process.stdout.close()

    def wait(self, part):
        wait_for(lambda: part in self.out,
                 lambda: f"{part!r} in\n{self.out.decode(errors='replace')}")


def stage():
    return scene("tail", policy)


def look(s, *options, code=0):
    """One look at the journal, without following; the lines."""
    p = run([PICKET, "tail", "--journal", s.agent.journal, "--no-follow",
             *options])
    equal(p.returncode, code, f"exit code: {p.stderr!r}")
    return p.stdout.splitlines()


def look_json(s, *options):
    return [json.loads(line) for line in look(s, "--json", *options)]


def spawn(s, called, *args):
    path = actor("act_tiny", s.dir, called)
    return act([path, *args], code=1 + len(args))[0]


@test
def it_follows_what_happens_now(s):
    with Lines(s) as tail:
        # The first line proves that it follows; before, it may be starting.
        def seen():
            spawn(s, "first")
            return b"/first" in tail.out
        wait_for(seen, "the tail to show what happens", every=0.2)
        spawn(s, "second")
        tail.wait(b"/second")
        equal(tail.process.poll(), None, "exit code of a tail that follows")


@test
def from_now_shows_nothing_of_before(s):
    spawn(s, "before-now")
    s.settle()
    with Lines(s, "--from", "now") as tail:
        def seen():
            spawn(s, "after-now")
            return b"/after-now" in tail.out
        wait_for(seen, "the tail to show what happens", every=0.2)
        true(b"/before-now" not in tail.out, "an event of before is shown")


@test
def from_oldest_begins_with_the_start_of_picket(s):
    first = look_json(s, "--from", "oldest")[0]
    equal((first["kind"], first["agent"]["what"]), ("agent", "started"),
          "the first record")


@test
def from_a_number_begins_there(s):
    spawn(s, "numbered")
    s.settle()
    records = look_json(s, "--from", "oldest")
    middle = records[len(records) // 2]["seq"]
    again = look_json(s, "--from", str(middle))
    equal(again[0]["seq"], middle, "the first number")
    # An amendment shows of its event what was seen on the way.
    rest = records[len(records) // 2:]
    equal([r["uid"] for r in again[:len(rest)]], [r["uid"] for r in rest],
          "the records from there on")
    equal([r for r in again[:len(rest)] if r["kind"] != "amendment"],
          [r for r in rest if r["kind"] != "amendment"],
          "what the records say")


@test
def no_follow_ends_by_itself_with_all_there_is(s):
    spawn(s, "looked-back")
    s.settle()
    lines = look(s, "--from", "oldest")
    true(any(b"/looked-back" in line for line in lines), "the event is missing")
    equal(len(lines) > 3, True, "lines")


@test
def kinds_are_chosen(s):
    pid = spawn(s, "chosen")
    path = s.dir / "written"
    writer = actor("act_write", s.dir, "writer")
    writer_pid, _ = act([writer, "create", path])
    s.settle()
    for kinds in (["exec"], ["write"], ["exec", "write"], ["connect"]):
        records = look_json(s, "--from", "oldest", "--kind", ",".join(kinds))
        equal({r["kind"] for r in records} - set(kinds), set(),
              f"kinds besides {kinds}")
        equal(any(record.pid(r) == pid for r in records), "exec" in kinds,
              f"exec is shown with {kinds}")
        equal(any(record.pid(r) == writer_pid and r["kind"] == "write"
                  for r in records), "write" in kinds,
              f"write is shown with {kinds}")


@test
def records_are_chosen_by_who_acted_and_on_what(s):
    one, two = spawn(s, "choice-a"), spawn(s, "choice-b")
    writer = actor("act_write", s.dir, "choice-writer")
    act([writer, "create", s.dir / "choice-file"])
    s.settle()

    def found(*words):
        return [r for r in look_json(s, "--from", "oldest", *words)
                if r["kind"] not in ("agent", "gap")]
    equal({record.pid(r) for r in found("--exe", "choice-*")} >= {one, two},
          True, "both, by a glob of the executable")
    equal({record.pid(r) for r in found("--exe", "choice-a")}, {one}, "one")
    equal({record.pid(r) for r in found("--pid", str(two))}, {two}, "a number")
    written = found("--path", "choice-file")
    true(written, "nothing by the file's name")
    equal({r["kind"] for r in written} - {"write", "amendment"}, set(),
          "kinds by the file's name")
    equal(found("--unit", "no-such.service"), [], "of a unit that is not here")
    equal(found("--container", "0123456789ab"), [], "of no container")


@test
def since_begins_then(s):
    spawn(s, "since-before")
    s.settle()
    time.sleep(0.01)  # times are of milliseconds
    then = datetime.datetime.now(datetime.timezone.utc).isoformat(
        timespec="milliseconds").replace("+00:00", "Z")
    spawn(s, "since-after")
    s.settle()
    text = b"\n".join(look(s, "--since", then))
    true(b"/since-after" in text, "what came since is missing")
    true(b"/since-before" not in text, "what was before is shown")
    true(b"/since-before" in b"\n".join(look(s, "--since", "1h")),
         "what happened within the hour")
    p = run([PICKET, "tail", "--journal", s.agent.journal, "--since", "10m",
             "--from", "now"])
    equal((p.returncode, b"two beginnings" in p.stderr), (2, True), "both")


@test
def lines_take_the_form_that_is_asked_for(s):
    pid = spawn(s, "formed")
    s.settle()
    lines = look(s, "--from", "oldest", "--kind", "exec", "--exe", "formed",
                 "--format", r"{{{kind}\t{pid}\t{exe}\t{container}\t{answer}")
    equal(lines, [b"{exec\t%d\t%s\t-\tunlisted"
                  % (pid, os.fsencode(s.dir / "formed"))], "the line")
    for form, what in (("{nothing}", b"byte 1: no such field"),
                       ("{kind", b"'{' without '}'"), ("a\\n", b"byte 2"),
                       ("a\x1b[1m", b"a control character")):
        p = run([PICKET, "tail", "--journal", s.agent.journal, "--format",
                 form])
        equal(p.returncode, 2, f"exit code of {form!r}")
        contains(p.stderr, what, f"what is said of {form!r}")


@test
def alerts_are_shown_alone(s):
    pid, other = spawn(s, "bad"), spawn(s, "good")
    s.settle()
    records = look_json(s, "--from", "oldest", "--alerts")
    judged = [r for r in records if "verdict" in r]
    true(all(record.judged(r)[2] for r in judged), "more than alerts")
    pids = [record.pid(r) for r in records]
    true(pid in pids, "the alert is not shown")
    true(other not in pids, "what is no alert is shown")
    text = b"\n".join(look(s, "--from", "oldest", "--alerts"))
    for word in (b"/bad", b"bad", b"HIGH"):
        true(word.lower() in text.lower(), f"{word!r} is not in {text!r}")


@test
def a_line_says_who_did_what(s):
    path = actor("act_tiny", s.dir, "telling")
    pid, _ = act([path, "one", "two words"], code=3)
    s.settle()
    lines = [line for line in look(s, "--from", "oldest", "--kind", "exec")
             if b"/telling" in line]
    equal(len(lines), 1, f"lines of one event: {lines}")
    for part in (b"exec", os.fsencode(path), b"one", b"two words",
                 b"[%d]" % pid):
        true(part in lines[0], f"{part!r} is not in {lines[0]!r}")


@test
def hostile_names_cannot_touch_the_terminal(s):
    path = os.fsencode(s.dir) + b"/" + HOSTILE
    os.link(actor("act_tiny", s.dir, "plain"), path)
    pid, _ = act([path, HOSTILE], code=2)
    writer = actor("act_write", s.dir, "writer")
    act([writer, "create", path + b"-file"])
    s.settle()
    before = look(s, "--from", "oldest")
    text = b"\n".join(before)
    bad = re.search(rb"[\x00-\x08\x0b-\x1f\x7f]|\xe2\x80\xae|\xc2[\x80-\x9f]",
                    text)
    true(not bad, f"a control character at {bad and text[bad.start()-80:][:160]!r}")
    text.decode("utf-8")
    execs = look(s, "--from", "oldest", "--kind", "exec")
    equal(len([x for x in execs if b"evil" in x and b"[%d]" % pid in x]), 1,
          "lines of one event")
    true(not any(x.startswith(b"12:00 HIGH") for x in before),
         "a name passes for a line")
    # Escaped for people, exact for programs.
    r = s.one("exec", lambda r: record.pid(r) == pid, "the hostile exec")
    equal((record.exe(r), record.argv(r)), (path, [path, HOSTILE]),
          "name and argument")
    raw = b"\n".join(look(s, "--json", "--from", "oldest"))
    true(not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", raw),
         "JSON holds a raw control character")


@test
def output_into_a_pipe_has_no_colours(s):
    true(b"\x1b" not in b"\n".join(look(s, "--from", "oldest")),
         "an escape sequence in a pipe")


@test
def a_reader_that_goes_away_ends_it_quietly(s):
    p = subprocess.Popen([PICKET, "tail", "--journal", s.agent.journal],
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE)
    try:
        p.stdout.close()

        def gone():
            spawn(s, "for-nobody")
            return p.poll() is not None
        wait_for(gone, "the tail to end", every=0.2)
        equal(p.stderr.read(), b"", "what it says")
    finally:
        if p.poll() is None:
            p.kill()
        p.wait()
        p.stderr.close()


@test
def it_needs_no_running_picket(s):
    with workdir("later") as directory, Agent(directory) as agent:
        agent.start()
        equal(agent.stop(), 0, "exit code")
        whats = [r["agent"]["what"] for r in agent.read()
                 if r["kind"] == "agent"]
        true({"started", "stopped"} <= set(whats), f"records: {whats}")
        p = run([PICKET, "status", "--journal", agent.journal])
        equal(p.returncode, 1, "exit code of status without picket")


@test
def run_with_tail_prints_lines_as_they_come(s):
    with workdir("run-tail") as directory, Agent(directory) as agent:
        read, write = os.pipe()
        os.set_blocking(read, False)
        text = b""
        try:
            agent.start("--tail", stdout=write)
            os.close(write)
            program = actor("act_tiny", directory, "seen-live")
            act([program], code=1)

            def shown():
                nonlocal text
                with contextlib.suppress(BlockingIOError):
                    text += os.read(read, 1 << 16)
                return b"/seen-live" in text
            wait_for(shown, "the line on stdout")
            equal(agent.stop(), 0, "exit code")
        finally:
            os.close(read)


if __name__ == "__main__":
    main(stage)
