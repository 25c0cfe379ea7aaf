#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`picket report`: the page says what happened, and no name that a process
chose gets out of its place in it; looked at with a browser that is not ours."""
import contextlib
import hashlib
import html.parser
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import zlib

import record
from lib import (ACTORS, PATIENCE, PICKET, Failure, Missing, act, actor,
                 contains, equal, main, run, scene, test, true, wait_for)

# Another content than what it is a copy of.
LATE = (ACTORS / "act_tiny").read_bytes() + b"\n"
POLICY = f"""
[deny by-its-content]
event = exec
exe = /**/late
sha256 = {hashlib.sha256(LATE).hexdigest()}
severity = high
tag = T1204

[deny dropped]
event = exec
exe = /**/dropped*
severity = critical
tag = T1059
"""

# The names that a process would choose for its executable and its arguments.
BREAK_OUT = ("dropped</text></svg><script>document.title='gone'<",
             "'\"><img src=x onerror=document.title=1>",
             "</pre></details><h1>all is well</h1><!--",
             "\x1b[31m\u202e\x00"[:-1])
TAGS = {"html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "a",
        "div", "span", "table", "tr", "th", "td", "br", "details", "summary",
        "pre", "svg", "g", "rect", "text", "path", "circle"}


LONE = {"meta", "th", "br"}  # th: its end may be left out


class Page(html.parser.HTMLParser):
    """Which elements and attributes there are, and what is in which."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.texts = set(), set(), []
        self.open = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in LONE:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in LONE:
            true(self.open and self.open.pop() == tag,
                 f"</{tag}> closes its own")

    def handle_data(self, data):
        self.texts.append((self.open[-1] if self.open else "", data))

    def words(self, tag):
        return [data for open_tag, data in self.texts if open_tag == tag]


class Place:
    def __init__(self, scene, uid, port):
        self.dir, self.scene = scene.dir, scene
        self.journal = scene.agent.journal
        self.uid = uid
        self.port = port
        self.page = self.dir / "report.html"
        p = self.report("--output", self.page, uid)
        equal((p.returncode, p.stdout, p.stderr), (0, b"", b""), "the report")
        self.html = self.page.read_text()
        self.parsed = Page(self.html)

    def report(self, *words):
        return run([PICKET, "report", "--journal", self.journal, *words])


SCRIPT = r"""
exec 2>/dev/null
echo first > "$1/written<b>.txt"
echo more >> "$1/written<b>.txt"
(exec 3<>"/dev/tcp/127.0.0.1/$2")
"$3" "$4" "$5" "$6"
true
"""


@contextlib.contextmanager
def place():
    with scene("report", POLICY) as s, socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        # No slash in a name.
        hostile = actor("act_tiny", s.dir, BREAK_OUT[0].replace("/", "\u2215"))
        act(["setsid", "-w", "bash", "-c", SCRIPT, "bash", s.dir, str(port),
             hostile, *BREAK_OUT[1:]])
        s.settle()
        uid = next(r["uid"] for r in s.agent.read()
                   if record.exe(r) == os.fsencode(hostile)
                   and r["kind"] == "exec")
        yield Place(s, uid, port)


@test
def the_first_sentence_says_what_happened(p):
    sentence = "".join(t for tag, t in p.parsed.texts if tag in ("h1", "span"))
    contains(sentence, "critical alert", "the sentence")
    contains(sentence, "started by bash[", "the sentence")
    contains(sentence, "executed", "the sentence")
    contains(sentence, "denied by dropped (T1059)", "the sentence")


@test
def all_that_was_done_is_in_it(p):
    cells = "\n".join(p.parsed.words("td"))
    contains(cells, f"tcp 127.0.0.1:{p.port}", "connections")
    contains(cells, f"{p.dir}/written<b>.txt", "files")
    contains("\n".join(p.parsed.words("text")), "bash[", "the picture")
    raw = [json.loads(line) for line in
           "".join(p.parsed.words("pre")).splitlines()]
    equal(sum(r["uid"] == p.uid for r in raw), 1, "the record itself, raw")
    true({"exec", "write", "connect", "exit"} <= {r["kind"] for r in raw},
         "all kinds are there, raw")
    contains("\n".join(p.parsed.words("h2")), "Could the rest have been seen?",
             "coverage")


@test
def names_do_not_get_out_of_their_place(p):
    equal(p.parsed.open, [], "elements left open")
    equal(p.parsed.tags - TAGS, set(), "elements that the page never has")
    equal({a for a in p.parsed.attributes
           if a.startswith("on") or a in ("src", "href")}, set(),
          "attributes that fetch or run")
    for word in BREAK_OUT[1:3]:
        contains("".join(t for _, t in p.parsed.texts), word,
                 "the name, as text")
    equal(re.findall("[\x00-\x09\x0b-\x1f\x7f\u202e]", p.html), [],
          "control characters")


@test
def a_verdict_that_came_later_is_the_verdict(p):
    late = p.dir / "late"
    late.write_bytes(LATE)
    late.chmod(0o755)
    act(["sh", "-c", f"{late} || :"])
    p.scene.settle()
    event = next(r for r in p.scene.agent.read()
                 if record.exe(r) == os.fsencode(late) and r["kind"] == "exec")
    wait_for(lambda: any(record.amends(r) == record.key(event) and
                         "resolution" in r.get("amendment", {})
                         for r in p.scene.agent.read()), "what it is")
    equal(event["verdict"]["answer"], "pending", "what it was at first")
    html = p.report(event["uid"]).stdout.decode()
    page = Page(html)
    sentence = "".join(t for tag, t in page.texts if tag in ("h1", "span"))
    contains(sentence, "high alert", "the sentence")
    contains(sentence, "denied by by-its-content (T1204)", "the sentence")
    contains(html, '<g class="high subject">', "the picture")
    contains("\n".join(page.words("td")), "by-its-content", "the verdicts")


@test
def a_page_is_whole_private_and_replaced(p):
    equal(p.page.stat().st_mode & 0o777, 0o600, "the page's mode")
    p.page.write_text("old")
    equal(p.report("-o", p.page, p.uid).returncode, 0, "exit code")
    contains(p.page.read_text(), "</html>", "the page")
    equal(p.report("-o", "-", p.uid).stdout.decode()[:15], "<!DOCTYPE html>",
          "standard output")


@test
def less_is_told_when_less_is_asked(p):
    alone = p.report("--up", "0", "--before", "0s", "--after", "0s", p.uid)
    equal(alone.returncode, 0, "exit code")
    page = Page(alone.stdout.decode())
    contains("".join(page.words("h1")), "executed", "the sentence")
    equal(sum(word.startswith("bash[") for word in page.words("text")), 0,
          "other processes in the picture")


@test
def errors_are_told(p):
    other = ("0" * 32) + ".1.1"
    for words, code, what in (
            (["nonsense"], 2, b"is not the uid of a record"),
            ([], 2, b"which record?"),
            ([other], 1, b"no event of this journal has that uid"),
            (["--before", "10", p.uid], 2, b"wants a duration"),
            (["-o", p.dir / "none" / "x.html", p.uid], 1, b"none/x.html")):
        answer = p.report(*words)
        equal(answer.returncode, code, f"exit code of {words}")
        contains(answer.stderr, what, f"what {words} prints")


# ---- as a browser sees it ---------------------------------------------------

def browser(p, *words):
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if not program:
        raise Missing("chromium", "there is no browser to look with")
    answer = subprocess.run(
        [program, "--headless=new", "--no-sandbox", "--disable-gpu",
         "--disable-dev-shm-usage", f"--user-data-dir={p.dir / 'browser'}",
         "--hide-scrollbars", "--window-size=1200,900", *words,
         p.page.as_uri()],
        cwd=p.dir, stdin=subprocess.DEVNULL, capture_output=True,
        timeout=PATIENCE * 6, env={**os.environ, "HOME": str(p.dir)})
    if answer.returncode != 0:
        raise Failure(f"the browser exited with {answer.returncode}: "
                      + answer.stderr.decode(errors="replace")[-2000:])
    return answer.stdout.decode()


def png_pixels(path):
    """The colours of a picture of 8 bits a channel: a set of (r, g, b)."""
    data = path.read_bytes()
    width = int.from_bytes(data[16:20], "big")
    channels = {2: 3, 6: 4}[data[25]]
    packed, at = b"", 8
    while at < len(data):
        n = int.from_bytes(data[at:at + 4], "big")
        if data[at + 4:at + 8] == b"IDAT":
            packed += data[at + 8:at + 8 + n]
        at += n + 12
    raw, step, seen = zlib.decompress(packed), width * channels, set()
    above = bytearray(step)
    for y in range(len(raw) // (step + 1)):
        kind, line = raw[y * (step + 1)], bytearray(
            raw[y * (step + 1) + 1:(y + 1) * (step + 1)])
        for x in range(step):
            left = line[x - channels] if x >= channels else 0
            corner = above[x - channels] if x >= channels else 0
            guess = (0, left, above[x], (left + above[x]) // 2,
                     min((left, above[x], corner),
                         key=lambda v: abs(left + above[x] - corner - v))
                     )[kind]
            line[x] = (line[x] + guess) & 0xff
        seen |= {bytes(line[x:x + 3]) for x in range(0, step, channels)}
        above = line
    return seen


@test
def a_browser_shows_the_tree_and_runs_nothing(p):
    picture = pathlib.Path(os.environ.get("PICKET_TEST_PICTURE",
                                          p.dir / "report.png"))
    browser(p, f"--screenshot={picture}", "--force-device-scale-factor=1")
    true(b"\xb0\x00\x20" in png_pixels(picture),
         "the alert's colour is in the picture")
    seen = Page(re.sub(r"<!DOCTYPE[^>]*>", "", browser(p, "--dump-dom")))
    contains("".join(seen.words("title")), "picket: dropped", "the title")
    equal(seen.tags - TAGS - {"tbody"}, set(), "elements the browser made")


if __name__ == "__main__":
    main(place)
