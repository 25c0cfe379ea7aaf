#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`picket verify`: what an auditor types, and what it answers."""
import contextlib
import json
import os
import re
import shutil
import stat
import struct
import sys

import journals
from lib import (PICKET, ROOT, contains, equal, main, run,
                 run_on_terminal, test, true, workdir)

sys.path.insert(0, str(ROOT / "tests"))
from journal_check import crc32c



def make(directory, count=3000, *options):
    return journals.make(directory, count, *options)


@contextlib.contextmanager
def stage():
    with workdir("verify") as directory:
        make(directory / "good")
        yield directory


def verify(journal, *options, code=0):
    p = run([PICKET, "verify", "--journal", journal, *options])
    equal(p.returncode, code, f"exit code: {p.stdout!r} {p.stderr!r}")
    return p


def look(journal, *options, code=0):
    """(findings, summary)"""
    records = [json.loads(line) for line in
               verify(journal, "--json", *options, code=code)
               .stdout.splitlines()]
    equal([r["kind"] for r in records],
          ["finding"] * (len(records) - 1) + ["verified"], "kinds")
    return records[:-1], records[-1]


def damaged(directory, name):
    target = directory / name
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(directory / "good", target)
    return target


def segment(journal, number):
    return journal / f"{number:016}.seg"


def cut_out(path, nth):
    """The nth event goes, and the bytes behind it move up."""
    data, at = path.read_bytes(), 1024
    while True:
        end = at + 32 + struct.unpack_from("<I", data, at + 4)[0]
        nth -= data[at + 10] == 1
        if not nth:
            path.write_bytes(data[:at] + data[end:])
            return
        at = end


@test
def a_good_journal_is_good(d):
    text = verify(d / "good").stdout.decode()
    true(text.startswith("good: "), text)
    findings, summary = look(d / "good")
    equal(findings, [], "findings")
    equal((summary["good"], summary["findings"], summary["trimmed"]),
          (True, 0, False), "summary")
    true(summary["segments"] > 4, f"segments: {summary}")
    contains(text, f"sealed: numbers 1-{summary['sealed_seq']}", "text")
    contains(text, summary["seal_sha256"], "text")


@test
def an_edited_byte_is_named_with_its_segment(d):
    # Within descriptions and events of all kinds: each is one finding.
    for at in range(4900, 5900, 50):
        journal = damaged(d, "edited")
        with open(segment(journal, 2), "r+b") as f:
            f.seek(at)
            byte = f.read(1)
            f.seek(at)
            f.write(bytes([byte[0] ^ 1]))
        findings, summary = look(journal, code=1)
        equal((summary["good"], len(findings)), (False, 1), f"byte {at}")
        found = findings[0]
        equal((found["found"], found["segment"]), ("edited", 2), "finding")
        true(found["from"] <= at < found["to"], f"bytes: {found}")
    text = verify(journal, code=1).stdout.decode()
    true(re.search(r"^edited: segment 2, bytes \d+-\d+", text), text)
    contains(text, "not good: ", "text")


@test
def removed_reordered_and_truncated_are_told_apart(d):
    journal = damaged(d, "removed")
    segment(journal, 3).unlink()
    findings, _ = look(journal, code=1)
    equal([f["found"] for f in findings], ["removed"], "a segment is gone")
    true(findings[0]["first_seq"] <= findings[0]["last_seq"],
         f"numbers: {findings[0]}")

    journal = damaged(d, "reordered")
    a, b = segment(journal, 2), segment(journal, 3)
    a.rename(journal / "x")
    b.rename(a)
    (journal / "x").rename(b)
    findings, _ = look(journal, code=1)
    true("reordered" in {f["found"] for f in findings}, f"{findings}")
    # Of a segment under another's name only the beginning is known.
    true(all(f.get("last_seq", f["first_seq"]) >= f["first_seq"]
             for f in findings if "first_seq" in f), f"{findings}")
    text = verify(journal, code=1).stdout.decode()
    true(re.search(r"^reordered: segment 2, numbers from \d+ on, ", text,
                   re.M), text)

    # Where a frame was cut out no byte is wrong: it is a place.
    journal = damaged(d, "cut-out")
    cut_out(segment(journal, 3), 5)
    findings, _ = look(journal, code=1)
    equal(("removed", findings[0]["from"]),
          (findings[0]["found"], findings[0]["to"]), "a frame is gone")
    text = verify(journal, code=1).stdout.decode()
    true(re.search(rf"^removed: segment 3, at byte {findings[0]['from']}, "
                   r"number \d+, numbers are skipped$", text, re.M), text)

    journal = damaged(d, "truncated")
    os.truncate(segment(journal, 3), 30000)
    findings, _ = look(journal, code=1)
    equal([(f["found"], f["segment"]) for f in findings],
          [("truncated", 3)], "a segment is cut")


@test
def an_anchor_tells_what_was_written_anew(d):
    anchor = d / "anchor"
    verify(d / "good", "--write-anchor", anchor)
    _, summary = look(d / "good")
    lines = anchor.read_text().splitlines()
    equal(lines, ["picket-anchor 1", f"journal {summary['journal']}",
                  f"epoch {summary['epoch']}",
                  f"seq {summary['sealed_seq']}",
                  f"sha256 {summary['seal_sha256']}"], "the anchor")
    _, summary = look(d / "good", "--anchor", anchor)
    equal(summary["anchor_found"], True, "anchor")
    # The journal goes on, and the anchor with it.
    journal = damaged(d, "going-on")
    make(journal, 500)
    _, summary = look(journal, "--anchor", anchor)
    equal(summary["anchor_found"], True, "anchor")
    # Without its newest segment and state it is consistent in itself, but
    # for the state.
    cut = damaged(d, "cut")
    newest = sorted(cut.glob("*.seg"))[-1]
    newest.unlink()
    (cut / "state").unlink()
    findings, _ = look(cut, code=1)
    equal([(f["found"], f.get("segment")) for f in findings],
          [("removed", None)], "the state alone")
    contains(findings[0]["what"], "the state", "what is gone")
    findings, summary = look(cut, "--anchor", anchor, code=1)
    equal(([f["found"] for f in findings], summary["anchor_found"]),
          (["removed", "truncated"], False), "cut off before the anchor")
    # Made anew by somebody who knows how.
    findings, _ = look(make(d / "forged"), "--anchor", anchor, code=1)
    equal(findings[0]["found"], "replaced", "another journal")


def records(journal, *command):
    p = run([PICKET, *command, "--journal", journal, "--json"])
    equal(p.returncode, 0, f"exit code: {p.stderr!r}")
    return [json.loads(line) for line in p.stdout.splitlines()]


@test
def a_segment_of_another_journal_is_named_and_shown_by_nobody(d):
    ours = look(d / "good")[1]["journal"]
    for number in (1, 3, len(list((d / "good").glob("*.seg"))) + 1):
        journal = damaged(d, f"foreign-{number}")
        foreign = bytearray(segment(make(d / f"of-{number}"), 2).read_bytes())
        head = foreign[:508]
        head[56:64] = struct.pack("<Q", number)
        head += struct.pack("<I", crc32c(bytes(head)))
        segment(journal, number).write_bytes(head + head + foreign[1024:])
        findings, summary = look(journal, code=1)
        equal([f["segment"] for f in findings if f["found"] == "replaced"],
              [number], "the segment that is named")
        equal(summary["journal"], ours, "whose it is")
        for command in (("query", "--from", "2000-01-01"),
                        ("tail", "--from", "oldest", "--no-follow")):
            told = records(journal, *command)
            true(len(told) > 1000, f"{command[0]}: {len(told)} records")
            equal({r["uid"].split(".")[0] for r in told
                   if r.get("uid")}, {ours}, command[0])
            gaps = [r for r in told if r["kind"] == "gap"]
            equal(len(gaps), int(number == 3), f"{command[0]}: gaps")


@test
def an_anchor_is_only_written_of_a_good_journal(d):
    journal = damaged(d, "edited-again")
    with open(segment(journal, 1), "r+b") as f:
        f.seek(3000)
        f.write(struct.pack("<Q", 1))
    p = verify(journal, "--write-anchor", d / "none", code=1)
    contains(p.stderr, b"no anchor is written", "stderr")
    true(not (d / "none").exists(), "an anchor of a bad journal")


@test
def an_anchor_takes_no_place_but_a_file_s(d):
    device, link = d / "null", d / "link"
    os.mknod(device, 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    link.symlink_to(d / "elsewhere")
    for path in (device, link, d):
        before = os.lstat(path)
        p = verify(d / "good", "--write-anchor", path, code=1)
        contains(p.stderr, b"cannot write the anchor", "stderr")
        equal(os.lstat(path).st_ino, before.st_ino, f"{path}")
    true(not (d / "elsewhere").exists(), "a file where the link leads")


@test
def a_state_that_is_not_the_writer_s_is_found(d):
    journal = damaged(d, "state-edited")
    with open(journal / "state", "a", encoding="ascii") as f:
        f.write("x\n")
    findings, _ = look(journal, code=1)
    equal([f["found"] for f in findings], ["edited"], "findings")
    contains(findings[0]["what"], "the state", "what was edited")


@test
def a_terabyte_of_nothing_is_found_at_once(d):
    for name, number in (("stretched-last", 2), ("stretched-first", 1)):
        journal = d / name
        shutil.copytree(ROOT / "tests" / "golden" / "journal-1", journal)
        os.truncate(segment(journal, number), 1 << 40)
        findings, _ = look(journal, code=1)
        equal([(f["found"], f["segment"], f["to"]) for f in findings],
              [("edited", number, 1 << 40)], f"{name}: findings")


@test
def an_end_that_proves_nothing_is_called_open(d):
    """Cut behind a seal, as if the writer had been killed there."""
    journal = make(d / "killed", 9000, "--segment-size", "16M")
    p = verify(journal, "--write-anchor", d / "whole")
    true(b"open:" not in p.stdout, f"closed: {p.stdout!r}")
    true(look(journal)[1]["closed"], "closed, in JSON")
    last = segment(journal, 1)
    data = last.read_bytes()
    # Frames of type 5 are seals: behind the last but two.
    seals, at = [], 1024
    while at < len(data):
        size, kind = struct.unpack_from("<4xI2xB", data, at)
        at += 32 + size
        if kind == 5:
            seals.append(at)
    os.truncate(last, seals[-3])
    text = (journal / "state").read_text().replace("clean yes", "clean no")
    lines = [line for line in text.splitlines(True)
             if not line.startswith("crc")]
    lines[4] = "seq 1\n"
    body = "".join(lines).encode()
    (journal / "state").write_bytes(body + b"crc %08x\n" % crc32c(body))
    p = verify(journal)
    contains(p.stdout, b"open: its writer has not closed it", "text")
    equal(look(journal)[1]["closed"], False, "closed, in JSON")
    # Whoever kept a later seal knows.
    p = verify(journal, "--anchor", d / "whole", code=1)
    contains(p.stdout, b"the journal ends before the anchor", "text")


@test
def wrong_use_is_told_from_findings(d):
    verify(d / "good", "--anchors", code=2)
    (d / "no-anchor").write_text("picket-anchor 1\nseq 3\n")
    p = verify(d / "good", "--anchor", d / "no-anchor", code=2)
    contains(p.stderr, b"not exactly an anchor", "stderr")
    p = verify(d / "good", "--anchor", d / "missing", code=1)
    contains(p.stderr, b"missing", "stderr")
    os.mkfifo(d / "pipe")
    for path in (d / "pipe", d, "/dev/zero"):
        p = verify(d / "good", "--anchor", path, code=1)
        contains(p.stderr, b"not a file", "stderr")
    p = verify(d / "nowhere", code=1)
    contains(p.stderr, b"there is no journal", "stderr")
    (d / "empty").mkdir(exist_ok=True)
    p = verify(d / "empty", code=1)
    contains(p.stderr, b"there is no journal", "stderr")


@test
def progress_is_for_terminals(d):
    equal(verify(d / "good").stderr, b"", "stderr in a pipe")
    journal = make(d / "large", 150000, "--segment-size", "4M")
    code, out, shown = run_on_terminal([PICKET, "verify", "--journal", journal])
    equal(code, 0, f"exit code: {out!r}")
    true(re.search(rb"verified +\d+ % of \d+ MiB", shown),
         f"progress: {shown!r}")
    true(out.startswith(b"good: "), f"stdout: {out!r}")


if __name__ == "__main__":
    main(stage)
