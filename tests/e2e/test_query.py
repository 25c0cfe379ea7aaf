#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`picket query`: what it says is what a filter over `picket tail --json`
finds, written here in Python; and the tree of a real attack."""
import contextlib
import datetime
import fnmatch
import ipaddress
import json
import os
import re
import shutil
import subprocess

import journals
import record
from lib import (PICKET, Agent, actor, contains, equal, main, run,
                 run_on_terminal, test, true, wait_for, workdir)

COUNT = 6000


class Stage:
    def __init__(self, directory):
        self.dir = directory
        self.journal = journals.make(directory / "journal", COUNT,
                            "--span", "3h")
        self.all = tail(self.journal)
        self.events = [r for r in self.all if r["kind"] != "amendment"]
        true(len(list(self.journal.glob("*.seg"))) > 8, "few segments")


@contextlib.contextmanager
def stage():
    with workdir("query") as directory:
        yield Stage(directory)


def tail(journal, *options):
    p = run([PICKET, "tail", "--journal", journal, "--json", "--no-follow",
             *options])
    equal(p.returncode, 0, f"tail: {p.stderr!r}")
    return [json.loads(line) for line in p.stdout.splitlines()]


def query(journal, *options, code=0, **kw):
    p = run([PICKET, "query", "--journal", journal, *options], **kw)
    equal(p.returncode, code, f"exit code: {p.stderr!r}")
    return p


def ask(s, *options):
    p = query(s.journal, "--json", *options)
    return [json.loads(line) for line in p.stdout.splitlines()]


def uids(records):
    return [r["uid"] for r in records]


def expect(s, options, condition):
    want = [r for r in s.events if condition(r)]
    true(want, f"the journal has none for {options}")
    true(len(want) < len(s.events), f"all are chosen by {options}")
    equal(uids(ask(s, *options)), uids(want), f"records for {options}")


def exe(r):
    return record.exe(r).decode()


@test
def everything_is_there_once_and_in_order(s):
    equal(uids(ask(s)), uids(s.events), "all records")


@test
def times_choose_exactly(s):
    first, last = s.events[2100]["time"], s.events[2150]["time"]
    expect(s, ["--from", first, "--to", last],
           lambda r: first <= r["time"] <= last)
    expect(s, ["--from", last], lambda r: last <= r["time"])
    expect(s, ["--to", first], lambda r: r["time"] <= first)
    equal(uids(ask(s, "--to", "9999-12-31")), uids(s.events), "for ever")
    equal(ask(s, "--from", "9999-12-31"), [], "not yet")
    # Local time, whole seconds: --to includes the second that it names.
    when = datetime.datetime.fromisoformat(first).astimezone()
    minute = when.strftime("%Y-%m-%d %H:%M")
    utc = when.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M")
    expect(s, ["--from", minute, "--to", minute + ":30"],
           lambda r: utc + ":00" <= r["time"] < utc + ":31")
    # Before now: the journal's last hour, give or take what this test took.
    hour = ask(s, "--from", "1h ago")
    true(0.30 < len(hour) / len(s.events) < 0.34, f"{len(hour)} in an hour")
    equal(uids(hour), uids(s.events[-len(hour):]), "the last hour")


@test
def a_narrow_time_reads_a_few_segments(s):
    """All others are spoilt, but for their ends: nobody looks at them."""
    first, last = s.events[2100]["time"], s.events[2150]["time"]
    want = query(s.journal, "--json", "--from", first, "--to", last).stdout
    spoilt = s.dir / "spoilt"
    shutil.copytree(s.journal, spoilt)
    segments = sorted(spoilt.glob("*.seg"))
    share = 2125 / len(s.events) * len(segments)
    for i, path in enumerate(segments):
        # The time itself: what is behind it is read for amendments alone.
        if -1.2 < i - share < 2:
            continue
        with open(path, "r+b") as f:
            size = f.seek(0, os.SEEK_END)
            f.seek(1024)
            f.write(bytes(size - 1024 - 112))
    got = query(spoilt, "--json", "--from", first, "--to", last)
    equal(got.stdout, want, "records of the time")
    equal(got.stderr, b"", "stderr")
    true(len(query(spoilt, "--json").stdout.splitlines()) < COUNT / 2,
         "the rest is not spoilt")


@test
def filters_choose_exactly(s):
    expect(s, ["--kind", "exec"], lambda r: r["kind"] == "exec")
    expect(s, ["--kind", "exec,write"],
           lambda r: r["kind"] in ("exec", "write"))
    expect(s, ["--kind", "exec", "--kind", "connect"],
           lambda r: r["kind"] in ("exec", "connect"))
    expect(s, ["--exe", "/srv/app/worker-1?"],
           lambda r: fnmatch.fnmatchcase(exe(r), "/srv/app/worker-1?"))
    expect(s, ["--exe", "worker-*1"],
           lambda r: re.fullmatch(r".*/worker-[^/]*1", exe(r)))
    expect(s, ["--exe", "worker-8", "--exe", "worker-15"],
           lambda r: exe(r).endswith(("/worker-8", "/worker-15")))
    pid = record.pid(s.events[1500])
    expect(s, ["--pid", str(pid)], lambda r: record.pid(r) == pid)
    expect(s, ["--path", "/srv/data/*77"],
           lambda r: r["kind"] == "write"
           and re.fullmatch(rb"/srv/data/[^/]*77",
                            record.raw(r["write"], "path")))
    expect(s, ["--path", r"/srv/bytes-\xc3(-*"],
           lambda r: r["kind"] == "write"
           and record.raw(r["write"], "path").startswith(b"/srv/bytes-\xc3("))
    expect(s, ["--dest", "127.0.0.0/8"],
           lambda r: r["kind"] == "connect"
           and ipaddress.ip_address(r["connect"]["ip"])
           in ipaddress.ip_network("127.0.0.0/8"))
    expect(s, ["--dest", "127.0.0.1:5"],
           lambda r: r["kind"] == "connect" and r["connect"]["port"] == 5)
    equal(ask(s, "--dest", "10.0.0.0/8"), [], "another network")
    equal(ask(s, "--dest", "[::1]:5"), [], "another family")
    expect(s, ["--verdict", "denied"],
           lambda r: r["verdict"]["answer"] == "denied")
    expect(s, ["--verdict", "alert", "--kind", "write"],
           lambda r: r["verdict"].get("alert") and r["kind"] == "write")
    equal(uids(ask(s, "--verdict", "denied,unlisted")), uids(s.events),
          "both verdicts")
    at = s.events[3000]["time"]
    expect(s, ["--from", at, "--verdict", "denied", "--kind", "exec",
               "--exe", "worker-*"],
           lambda r: r["time"] >= at and r["kind"] == "exec"
           and r["verdict"]["answer"] == "denied")


@test
def amendments_stand_with_their_events(s):
    amendments = {r["amendment"]["of"]: r for r in s.all
                  if r["kind"] == "amendment"}
    true(len(amendments) > 50, "few amendments")
    got = ask(s)
    true(all(r["kind"] != "amendment" for r in got), "an amendment alone")
    joined = {r["uid"]: r["amendments"] for r in got if "amendments" in r}
    equal(sorted(joined), sorted(amendments), "what was amended")
    for uid, list_ in joined.items():
        equal(list_, [amendments[uid]], f"amendments of {uid}")
    # It comes after the time that was asked for, and is there.
    uid, late = list(amendments.items())[20]
    at = next(r["time"] for r in s.events if r["uid"] == uid)
    one = [r for r in ask(s, "--from", at, "--to", at) if r["uid"] == uid]
    equal(one[0]["amendments"], [late], "the amendment behind --to")
    lines = query(s.journal, "--kind", "connect").stdout.splitlines()
    equal(len([x for x in lines if b"refused" in x]), len(amendments),
          "outcomes in text")
    for i, line in enumerate(lines):
        true(b"refused" not in line or b" tcp 127.0.0.1:" in lines[i - 1],
             f"an outcome without its event: {line}")


@test
def text_is_that_of_tail(s):
    p = run([PICKET, "tail", "--journal", s.journal, "--no-follow"])
    tailed = [x for x in p.stdout.splitlines() if b"refused" not in x]
    asked = [x for x in query(s.journal).stdout.splitlines()
             if b"refused" not in x]
    equal(len(asked), len(tailed), "how many lines")
    # Lines of before today carry their date: all but the time is the same.
    when = rb"^(.{6})(?:\d{4}-\S+Z|[\d:.]{12}) "
    for one, other in zip(asked, tailed):
        equal(re.sub(when, rb"\1", one), re.sub(when, rb"\1", other), "lines")


@test
def nothing_behind_the_last_seal_is_said(s):
    cut = journals.make(s.dir / "unsealed", 3000, "--segment-size", "16M")
    events = [r for r in tail(cut) if r["kind"] != "amendment"]
    (cut / "state").unlink()
    newest = sorted(cut.glob("*.seg"))[-1]
    data = newest.read_bytes()
    seals = [m.start() - 8 for m in re.finditer(rb"JF\x05\x00", data)]
    covers = [int.from_bytes(data[at + 32:at + 40], "little") for at in seals]
    i = max(i for i in range(1, len(seals)) if covers[i] > covers[i - 1])
    os.truncate(newest, seals[i])
    covered = covers[i - 1]
    unsealed = [r for r in tail(cut) if r["seq"] > covered]
    true(unsealed, "nothing is unsealed")
    got = [json.loads(x) for x in query(cut, "--json").stdout.splitlines()]
    equal(uids(got), uids(r for r in events if r["seq"] <= covered),
          "records")


@test
def what_is_missing_is_told(s):
    holed = s.dir / "holed"
    shutil.copytree(s.journal, holed)
    segments = sorted(holed.glob("*.seg"))
    segments[4].unlink()
    got = [json.loads(x) for x in
           query(holed, "--json", "--exe", "/nobody").stdout.splitlines()]
    equal([r["kind"] for r in got], ["gap"], "records")
    gap = got[0]["gap"]
    there = {r["seq"] for r in tail(holed) if r["kind"] != "gap"}
    gone = sorted({r["seq"] for r in s.all} - there)
    equal((gap["first_seq"], gap["last_seq"]), (gone[0], gone[-1]), "the gap")
    # In a tree it has no place, for nobody knows whose they were.
    root = s.events[0]["uid"]
    p = query(holed, "--tree", root)
    contains(p.stderr, b"%d records are missing" % len(gone), "a tree")
    true(b"are missing" not in query(s.journal, "--tree", root).stderr,
         "a tree of a whole journal")
    segments[0].unlink()
    p = query(holed, "--json", "--exe", "/nobody")
    contains(p.stderr, b"what came before was trimmed", "stderr")
    true(b"ends before" not in p.stderr, f"stderr: {p.stderr!r}")


@test
def a_missing_end_is_told(s):
    """Nothing stands behind it in whose number it shows."""
    torn = s.dir / "torn"
    for damage in (lambda path: path.unlink(),
                   lambda path: path.write_bytes(b"")):
        shutil.rmtree(torn, ignore_errors=True)
        shutil.copytree(s.journal, torn)
        damage(sorted(torn.glob("*.seg"))[-1])
        p = query(torn, "--json")
        there = [json.loads(x)["seq"] for x in p.stdout.splitlines()]
        m = re.search(rb"numbers (\d+)-(\d+) are missing", p.stderr)
        true(m, f"stderr: {p.stderr!r}")
        true(max(there) < int(m[1]) <= int(m[2]), f"{max(there)}, {m[0]}")
        p = query(torn, "--json", "--to", s.all[10]["time"])
        true(b"are missing" not in p.stderr, f"stderr: {p.stderr!r}")


@test
def wrong_questions_are_refused(s):
    for options, word in ((["--from", "yesterday"], b"yesterday"),
                          (["--to", "25:00"], b"25:00"),
                          (["--from", "1h", "--to", "2h"], b"after --to"),
                          (["--kind", "execs"], b"execs"),
                          (["--kind", "amendment"], b"amendment"),
                          (["--verdict", "maybe"], b"maybe"),
                          (["--dest", "10.0.0.0/33"], b"10.0.0.0/33"),
                          (["--dest", "10.0.0.1:0"], b"10.0.0.1:0"),
                          (["--dest", "10.0.0.1/8"], b"10.0.0.1/8"),
                          (["--pid", "0"], b"--pid"),
                          (["--exe", "/a/[z"], b"/a/[z"),
                          (["--path", ""], b"--path"),
                          (["--tree", "42"], b"42"),
                          (["--tree", "0" * 32 + ".1"], b"--tree")):
        p = query(s.journal, *options, code=2)
        contains(p.stderr, word, f"stderr of {options}")
        equal(p.stdout, b"", f"stdout of {options}")
    p = query(s.journal, "--tree", "0" * 32 + ".1.1", code=1)
    contains(p.stderr, b"no event of this journal", "stderr")
    p = query(s.dir / "nowhere", code=1)
    contains(p.stderr, b"no journal directory", "stderr")
    (s.dir / "empty").mkdir()
    p = query(s.dir / "empty", code=1)
    contains(p.stderr, b"there is no journal", "stderr")


@test
def progress_is_for_terminals(s):
    journal = journals.make(s.dir / "large", 80000, "--span", "3h")
    argv = [PICKET, "query", "--journal", journal, "--json"]
    code, out, shown = run_on_terminal(argv)
    equal(code, 0, "exit code")
    true(re.match(rb"\rreading: \d+ events, up to \S+Z, \d+ % \x1b\[K",
                  shown), f"progress: {shown[:200]!r}")
    contains(shown, b"\r\x1b[K", "taken away")
    true(b"reading:" not in out, "progress on stdout")
    true(b"reading:" not in run(argv).stderr, "progress in a pipe")


@test
def a_reader_that_goes_away_ends_it_quietly(s):
    p = subprocess.Popen([PICKET, "query", "--journal", s.journal, "--json"],
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE)
    p.stdout.readline()
    p.stdout.close()
    equal(p.stderr.read(), b"", "what it says")
    p.stderr.close()
    equal(p.wait(), 0, "exit code")


def locale(name):
    return {**os.environ, "LC_ALL": "", "LC_CTYPE": "", "LANG": name}


def is_drawn(lines, depths):
    """Each process at its depth; a column goes on to the last below it."""
    text = "\n".join(lines)
    heads, at = [], []
    for i, line in enumerate(lines):
        m = re.match(r"((?:│  |   )*)(├─ |└─ )?\S+\[\d+\]  /", line)
        if m:
            heads.append(len(m[1] + (m[2] or "")) // 3)
            at.append(i)
    equal(heads, depths, f"depths in:\n{text}")
    for (i, depth), line in zip(zip(at, depths), [lines[i] for i in at]):
        later = [d for j, d in zip(at, depths) if j > i]
        below = next((d for d in later if d <= depth), -1)
        if depth:
            equal(line[3 * depth - 3:3 * depth],
                  "├─ " if below == depth else "└─ ", f"sign of {line}")
        end = next((j for j in at if j > i), len(lines))
        for record_line in lines[i + 1:end]:
            equal(record_line[3 * depth:3 * depth + 4],
                  "│   " if later and later[0] > depth else "    ",
                  f"of {line}: {record_line}")


@test
def what_becomes_known_late_stands_with_its_record(s):
    with workdir("late") as directory:
        journal = journals.make(directory / "journal", 20000, "--span", "3h",
                                "--late", "59m")
        all_ = [json.loads(line) for line in run(
            [PICKET, "tail", "--journal", journal, "--json", "--no-follow"])
            .stdout.splitlines()]
        late, = [r for r in all_ if r["kind"] == "amendment"
                 and r["amendment"]["seq"] == 2]
        event, = [r for r in all_ if r["uid"] == late["amendment"]["of"]]
        for options in (["--from", event["time"], "--to", event["time"]], []):
            got = [json.loads(line) for line in query(
                journal, "--json", "--kind", "connect",
                *options).stdout.splitlines()]
            one, = [r for r in got if r["uid"] == event["uid"]]
            equal(one["amendments"], [late], f"amendments with {options}")


@test
def a_verdict_that_came_too_late_is_told(s):
    with workdir("too-late") as directory:
        for late in ("59m", "80m"):
            journal = journals.make_late(directory, late)
            first = json.loads(query(journal, "--json", "--verdict", "pending")
                               .stdout.splitlines()[0])
            p = query(journal, "--json", "--verdict", "denied")
            found = first["uid"] in [json.loads(line)["uid"]
                                     for line in p.stdout.splitlines()]
            equal(found, late == "59m", f"denied {late} later")
            equal("1 verdicts were pending for more than 65 minutes" in
                  p.stderr.decode(), late == "80m", f"told, {late} later")


@test
def a_verdict_that_was_pending_is_found_as_what_it_became(s):
    with workdir("pending") as directory:
        journal = journals.make(directory / "journal", 2000, "--pending",
                                "--span", "10m")
        all_ = [json.loads(line) for line in
                query(journal, "--json").stdout.splitlines()]

        def settled(r):
            return [a["amendment"]["resolution"]["verdict"]
                    for a in r.get("amendments", [])
                    if "resolution" in a["amendment"]]
        became = {}
        for r in all_:
            for v in [r["verdict"]] + settled(r):
                became.setdefault(v["answer"], set()).add(r["uid"])
                if v.get("alert"):
                    became.setdefault("alert", set()).add(r["uid"])
        equal(len(became["pending"]), 200, "pending ones")
        equal(len(became["allowed"]), 100, "allowed ones")
        for verdict, want in became.items():
            got = [json.loads(line) for line in query(
                journal, "--json", "--verdict", verdict).stdout.splitlines()]
            equal({r["uid"] for r in got}, want, verdict)
            equal(got, [r for r in all_ if r["uid"] in want], verdict)
        # Of the tree as well, and of nothing but what else was asked for.
        root = all_[0]["uid"]
        of_tree = in_tree_of(journal, root)
        true(became["allowed"] & of_tree, "none of them is of the tree")
        true(became["pending"] & of_tree - became["allowed"], "all are")
        equal(in_tree_of(journal, root, "--verdict", "allowed"),
              became["allowed"] & of_tree, "allowed of the tree")
        execs = {r["uid"] for r in all_ if r["kind"] == "exec"}
        got = [json.loads(line) for line in query(
            journal, "--json", "--verdict", "denied", "--kind", "exec")
            .stdout.splitlines()]
        equal({r["uid"] for r in got}, became["denied"] & execs, "execs")


def in_tree_of(journal, uid, *options):
    p = query(journal, "--json", "--tree", uid, "--up", "4", *options)
    return {r["uid"] for r in map(json.loads, p.stdout.splitlines())
            if r["kind"] != "process"}


def in_tree(s, uid, *options):
    p = query(s.journal, "--json", "--tree", uid, *options)
    got = [r for r in map(json.loads, p.stdout.splitlines())
           if r["kind"] != "process"]
    return {r["uid"]: len(r.get("amendments", [])) for r in got}


@test
def a_tree_has_what_a_filter_finds(s):
    of = [r["amendment"]["of"] for r in s.all if r["kind"] == "amendment"]
    for i in (0, 1000, COUNT - 20):
        root = record.process_id(s.events[i])
        want = {r["uid"]: of.count(r["uid"]) for r in s.events[i:]
                if record.process_id(r) == root}
        got = in_tree(s, s.events[i]["uid"], "--from", s.events[i]["time"])
        equal(got, want, f"the tree of event {i}")
    want = {r["uid"]: of.count(r["uid"]) for r in s.events}
    true(set(want.values()) >= {0, 1}, "nothing is amended")
    equal(in_tree(s, s.events[0]["uid"], "--up", "1"), want, "that of all")
    writes = {r["uid"]: 0 for r in s.events if r["kind"] == "write"}
    equal(in_tree(s, s.events[0]["uid"], "--up", "1", "--kind", "write"),
          writes, "what all of them wrote")


@test
def a_tree_shows_what_came_of_a_process(s):
    with workdir("tree") as directory, Agent(directory) as agent:
        agent.start()
        tiny = actor("act_tiny", directory, "leaf")
        other = actor("act_tiny", directory, "other")
        script = (f"{tiny} one; ( {tiny} two; sh -c '{tiny} three; true' ); "
                  f": > {directory}/dropped; true")
        # A parent, so that there is something above and beside.
        subprocess.run(["sh", "-c", f"sh -c \"{script}\"; {other}; true"],
                       stdin=subprocess.DEVNULL, check=False)

        def leaf():
            return [r for r in agent.read("--kind", "exec")
                    if record.argv(r)[:2] == [os.fsencode(tiny), b"three"]]
        three = wait_for(leaf, "the last exec")[0]
        equal(agent.stop(), 0, "exit code")

        def tree(uid, *options):
            p = query(agent.journal, "--tree", uid, *options)
            return p.stdout.decode()
        # The leaf alone.
        text = tree(three["uid"])
        contains(text, "leaf three", "the leaf")
        true("leaf one" not in text, f"more than the leaf:\n{text}")
        true(re.match(r"started by (da|ba)?sh\[", text), text)
        # Up to the shell that ran the script.
        text = tree(three["uid"], "--up", "2")
        order = [text.find(x) for x in ("leaf one", "dropped", "leaf two",
                                        "leaf three")]
        true(min(order) >= 0, f"{order} in:\n{text}")
        true("other" not in text, f"what is beside it:\n{text}")
        names = re.findall(r"(\S+)\[\d+\]  /", text)
        equal(names.count("leaf"), 3, text)
        contains(tree(three["uid"], "--up", "3"), "other", "one more up")

        # The same as objects: processes, each before its records.
        p = query(agent.journal, "--tree", three["uid"], "--up", "2", "--json")
        depth, who, acts = {}, None, 0
        for r in map(json.loads, p.stdout.splitlines()):
            if r["kind"] == "process":
                who = (r["pid"], r["start_ns"])
                depth[who] = r["depth"]
                left = r["records"]
                continue
            left -= 1
            true(left >= 0, f"more records than {who} says")
            equal(record.process_id(r), who, "whose record it is")
            acts += 1
        equal(depth[record.process_id(three)], 2, "depth of the leaf")
        equal(len(depth) >= 5 and acts >= 8, True, f"{depth}, {acts} records")
        drawn = query(agent.journal, "--tree", three["uid"], "--up", "2",
                      env=locale("C.UTF-8")).stdout.decode()
        lines = drawn.splitlines()[1:]
        is_drawn(lines, list(depth.values()))
        equal(len(lines), len(depth) + acts, "one line for each thing")
        for name in ("C", ""):
            plain = query(agent.journal, "--tree", three["uid"], "--up", "2",
                          env=locale(name)).stdout.decode()
            for sign, instead in (("├─", "|-"), ("└─", "`-"), ("│", "|")):
                true(sign not in plain, f"{sign} in {name!r}:\n{plain}")
                drawn = drawn.replace(sign, instead)
            equal(plain, drawn, f"in {name!r}")
        # A time leaves out what was before: times are told to the millisecond.
        first, = [r for r in agent.read("--kind", "exec")
                  if record.argv(r)[:2] == [os.fsencode(tiny), b"one"]]
        text = tree(three["uid"], "--up", "2", "--from", three["time"])
        equal("leaf one" in text, first["time"] == three["time"], text)
        contains(text, "leaf three", "what was not before")
        # What picket says of itself has no process.
        own = agent.read("--kind", "agent")[0]["uid"]
        p = query(agent.journal, "--tree", own, code=1)
        contains(p.stderr, b"has no process", "stderr")


if __name__ == "__main__":
    main(stage)
