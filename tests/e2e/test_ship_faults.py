#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""picket-ship against a wire that breaks: answers cut at each byte that
matters, late, never, without end, nonsense, and a collector that forgets. In
the end every record is there as often as the wire made unavoidable, and each
that is there twice is named."""
import contextlib
import os
import random
import signal
import time

import completeness
import lib
from lib import Failure, equal, main, test, true, wait_for
from middleman import Middleman, Step
from shipping import Collector, Shipper, arrived, exactly, pair

LONG = bool(os.environ.get("PICKET_TEST_LONG"))


def text_seconds(text):
    number = float(text.rstrip("ms"))
    return number / 1000 if text.endswith("ms") else (
        number * 60 if text.endswith("m") else number)


class Scene:
    def __init__(self, directory, collector, middleman, **keys):
        self.c, self.m = collector, middleman
        keys.setdefault("batch_records", 10)
        keys.setdefault("retry_min", "10ms")
        keys.setdefault("retry_max", "20ms")
        self.timeout = text_seconds(keys.setdefault("timeout", "20s"))
        self.s = Shipper(directory, middleman.url(), **keys)

    def ship(self, script, count):
        """Ship so many records through it; their names."""
        self.m.script = list(script)
        names = self.s.make(count)
        self.s.once()
        equal(len(self.m.script), 0, "steps of the script that are left")
        return names

    def doubled(self):
        """As completeness.py names them: name -> times."""
        return next(iter(completeness.check([self.c.out]).values()))["doubled"]

    def unavoidable(self, steps):
        """Names of what was kept without an answer that came whole: how
        often each must be there."""
        lost = {s.request for s in steps if s.request}
        times = {}
        for r in self.c.records():
            times[r["uid"]] = times.get(r["uid"], 0) + 1
        again = {r["uid"] for r in self.c.records() if r["request"] in lost}
        return {uid: n for uid, n in times.items() if uid in again}


@contextlib.contextmanager
def scene(**keys):
    with lib.workdir("faults") as d, Collector(d) as c, \
            Middleman(c.port) as m:
        t = Scene(d, c, m, **keys)
        try:
            yield t
        finally:
            t.s.close()


def check(t, names, broken):
    """Everything is there; twice is exactly what was kept and not answered."""
    exactly(t.c, names, doubles=True)
    must = t.unavoidable(broken)
    # On a busy machine a good answer may come too late as well.
    late = [s for s in t.m.taken if s.seconds > t.timeout / 2]
    may = t.unavoidable(broken + late)
    got = t.doubled()
    equal({uid: n for uid, n in got.items() if uid in must}, must, "doubled")
    equal({uid for uid in got if uid not in may}, set(),
          "doubled without need")
    equal(len(t.s.dead()), 0, "dead letters")
    equal(t.s.cursor(), len(names), "the cursor")


# ---- answers that end early ---------------------------------------------------

ANSWER = (b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\n"
          b"Content-Length: 20\r\n\r\n" + 10 * b"\x0a\x00")
HEAD = ANSWER.index(b"\r\n\r\n") + 4
PLACES = (range(len(ANSWER)) if LONG else
          (0, 1, 9, 12, 17, HEAD - 3, HEAD - 2, HEAD, HEAD + 1,
           len(ANSWER) - 1))


@test
def an_answer_cut_at_any_byte_is_no_answer():
    with scene() as t:
        broken, script = [], []
        for reset in (False, True):
            for keep in (True, False):
                for at in PLACES:
                    step = Step(keep=keep, answer=ANSWER, cut=at, reset=reset)
                    broken.append(step)
                    # Then it goes well, so that the next batch is another's.
                    script += [step, Step()]
        names = t.ship(script, 10 * len(broken))
        check(t, names, broken)
        kept = [s for s in broken if s.keep]
        true(len(t.doubled()) >= 9 * len(kept), f"only {len(t.doubled())}")


@test
def an_answer_that_came_whole_counts_whatever_comes_after_it():
    with scene() as t:
        bare = b"HTTP/1.1 204 No Content\r\n\r\n"
        old = b"HTTP/1.0 200 OK\r\n\r\nuntil the end"
        hint = b"HTTP/1.1 103 Early Hints\r\nRetry-After: 9999\r\n\r\n"
        script = [Step(answer=a, reset=r)
                  for a in (ANSWER, bare, hint + ANSWER, ANSWER + b"more")
                  for r in (False, True)] + [Step(answer=old)]
        names = t.ship(script, 10 * len(script))
        check(t, names, [])
        equal(t.doubled(), {}, "doubled")


@test
def what_is_no_answer_is_tried_again():
    with scene() as t:
        chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        broken = [Step(answer=a) for a in (
            b"SSH-2.0-OpenSSH_9.2\r\n", b"\0" * 100, b"HTTP/1.1 2 OK\r\n\r\n",
            chunked + b"zz\r\n", chunked + b"5\r\nhel",
            b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
            b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/9.9 200 OK\r\n\r\n")]
        names = t.ship(broken, 100)
        check(t, names, broken)


@test
def an_answer_without_end_is_refused_and_not_kept_in_memory():
    with scene(timeout="30s") as t:
        broken = [
            Step(answer=b"HTTP/1.1 200 OK\r\n", repeat=b"X-A: b\r\n" * 500),
            Step(answer=b"", repeat=b"HTTP/1.1 100 Continue\r\n\r\n" * 200),
            Step(answer=b"HTTP/1.1 200 OK\r\n\r\n", repeat=b"x" * 65536),
            Step(answer=b"HTTP/1.1 200 OK\r\nX: ", repeat=b"y" * 65536)]
        names = t.s.make(10)
        t.m.script = list(broken)
        p = t.s.start()
        for step in broken:
            true(step.done.wait(lib.PATIENCE), f"not ended: {step}")
        wait_for(lambda: t.s.cursor() == len(names), "the cursor")
        with open(f"/proc/{p.pid}/status", encoding="utf-8") as f:
            peak = [line for line in f if line.startswith("VmHWM")]
        equal(t.s.stop(), 0, "exit code")
        check(t, names, broken)
        log = t.s.log_text()
        for why in ("longer than 4 MiB", "longer than 256 KiB",
                    "head is longer than 100 KiB"):
            true(why in log, f"{why}: {t.s.log_end()}")
        # What the kernel buffers is sent too.
        for step in broken:
            true(step.sent < 32 << 20, f"{step.sent} bytes were taken")
        print(f"# {peak[0].split()[1]} KiB resident at most")


# ---- answers that are late, or never come ---------------------------------------

@test
def a_receiver_that_never_answers_is_given_up_and_tried_again():
    with scene(timeout="400ms", connect_timeout="400ms") as t:
        broken = [Step(silent=True), Step(silent=True, keep=False),
                  Step(deaf=True)]
        names = t.s.make(30)
        t.m.script = list(broken)
        t.s.start()
        wait_for(lambda: t.s.cursor() == len(names), "the cursor")
        equal(t.s.stop(), 0, "exit code")
        check(t, names, broken)
        timeouts = [text for text in t.s.tries() if "timed out" in text]
        true(len(timeouts) >= 3, f"time-outs in {t.s.tries()}")


@test
def a_receiver_that_does_not_read_is_given_up_in_a_large_request():
    with scene(timeout="2s", connect_timeout="2s", gzip="no",
               batch_records=100000, batch_bytes="4M") as t:
        broken = [Step(deaf=True)]
        names = t.s.make(2500)
        t.m.script = list(broken)
        t.s.start()
        wait_for(lambda: t.s.cursor() == len(names), "the cursor")
        equal(t.s.stop(), 0, "exit code")
        check(t, names, broken)
        true("timed out" in t.s.tries()[0], str(t.s.tries()))


@test
def a_slow_answer_counts_if_it_comes_in_time():
    with scene(timeout="1500ms", connect_timeout="1s") as t:
        slow = Step(pause=0.3 / len(ANSWER))
        late = Step(pause=4.0 / len(ANSWER))
        names = t.s.make(20)
        t.m.script = [slow, late]
        t.s.start()
        arrived(t.c, names)
        wait_for(lambda: t.s.cursor() == len(names), "the cursor")
        equal(t.s.stop(), 0, "exit code")
        check(t, names, [late])
        true("timed out" in t.s.tries()[0], str(t.s.tries()))


@test
def it_ends_soon_whatever_the_receiver_does():
    for step in (Step(silent=True), Step(deaf=True), Step(pause=1.0)):
        with scene(timeout="10m") as t:
            t.s.make(10)
            t.m.script = [step]
            t.s.start()
            wait_for(lambda: t.m.taken, "a request")
            began = time.monotonic()
            equal(t.s.stop(), 0, "exit code")
            # Of the ten minutes that it would have waited.
            true(time.monotonic() - began < lib.PATIENCE / 2,
                 f"soon, with {step}")


# ---- answers that mean something --------------------------------------------------

@test
def any_2xx_acknowledges_whatever_its_body_is():
    bodies = [("", "text/plain"), ("{}", "application/json"),
              ('{"partialSuccess":{}}', "application/json"),
              ("not { json", "application/json"),
              ("\x0a\x00", "application/x-protobuf"),
              ("\xff\xff", "application/x-protobuf"),
              ("<html>fine</html>", "text/html")]
    with pair(batch_records=10) as (c, s):
        rules = [{"status": status, "body": body, "type": kind, "times": 1}
                 for status in (200, 201, 202, 204, 299)
                 for body, kind in bodies
                 if status != 204 or not body]
        names = s.make(10 * len(rules))
        c.rules(*rules)
        s.once()
        exactly(c, names)
        equal(s.cursor(), len(names), "the cursor")
        equal(s.tries(), [], "tries")
        equal({r["status"] for r in c.requests()}, {200, 201, 202, 204, 299},
              "answers")


def waited_for_a_date(c, s, form):
    for ahead in (2, 6, 20):
        s.make(5)
        at = int(time.time()) + ahead
        c.rules({"status": 503, "times": 1, "retry_after":
                 time.strftime(form, time.gmtime(at))})
        before = len(c.requests())
        s.once()
        refused, taken = c.requests()[before:]
        true(taken["at"] >= at * 1000 - 50,
             f"{form}: {refused['at']}, {taken['at']}, wanted {at}000")
        # The second that is under way does not count; and on a busy machine
        # the date may be over before it is told.
        if refused["at"] <= (at - 1) * 1000:
            return
    raise Failure("no date was told in time")


@test
def retry_after_may_be_a_date():
    # The other two forms are of the last century: unit tests have them.
    formats = ("%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT",
               "%a %b %e %H:%M:%S %Y")[:3 if LONG else 1]
    with pair(timeout="60s") as (c, s):
        for form in formats:
            waited_for_a_date(c, s, form)


@test
def credentials_are_read_and_all_is_tried_at_once_on_sighup():
    with pair(retry_min="1h", retry_max="1h") as (c, s):
        names = s.make(20)
        c.rules({"status": 503, "times": 1})
        s.start()
        wait_for(lambda: len(s.tries()) == 1, "a try")
        s.process.send_signal(signal.SIGHUP)
        arrived(c, names)
        equal(s.stop(), 0, "exit code")
        exactly(c, names)


# ---- receivers that forget ----------------------------------------------------------

@test
def what_a_receiver_forgot_is_named():
    with pair(batch_records=20) as (c, s):
        names = s.make(60)      # with amendments: more records than that
        c.rules({"forget": True, "times": 1})
        s.once()
        batch = len(names) - len(c.uids())
        names += s.make(60)
        s.once()
        there = c.uids()
        # The first batch is gone with its manifest: nothing covers it, and
        # a journal begins with 1.
        r = next(iter(completeness.check([c.out]).values()))
        equal(r["covered"].pairs, [[batch + 1, len(names)]], "covered")
        equal(there, names[batch:], "kept")

        # One in the middle is a hole between two manifests.
        c.rules({"contains": names[-1][:-len(names[-1].split(".")[-1])]
                 + str(len(names) + 1), "forget": True, "times": 1})
        more = s.make(60)
        s.once()
        r = next(iter(completeness.check([c.out]).values()))
        gone = sorted(set(more) - set(c.uids()))
        numbers = sorted(int(uid.split(".")[2]) for uid in gone)
        equal(len(numbers), batch, "forgotten")
        equal(str(r["holes"]), f"{numbers[0]}-{numbers[-1]}", "holes")
        equal(r["doubled"], {}, "doubled")


# ---- all of it at random --------------------------------------------------------------

@test
def whatever_breaks_in_whatever_order_nothing_is_lost():
    seed = int(os.environ.get("PICKET_SEED") or random.randrange(1 << 32))
    print(f"# PICKET_SEED={seed}")
    rng = random.Random(seed)
    kinds = (
        lambda: Step(keep=rng.random() < 0.5, answer=ANSWER,
                     cut=rng.randrange(len(ANSWER)),
                     reset=rng.random() < 0.5),
        lambda: Step(silent=True, keep=rng.random() < 0.5),
        lambda: Step(answer=rng.randbytes(rng.randrange(200))),
        lambda: Step(answer=ANSWER[:9] + rng.randbytes(30)),
    )
    rounds = 400 if LONG else 40
    with scene(timeout="500ms", connect_timeout="500ms") as t:
        broken, script = [], []
        for _ in range(rounds):
            step = rng.choice(kinds)()
            broken.append(step)
            script += [step] + [Step()] * rng.randrange(3)
        t.m.script = script
        names = t.s.make(10 * len(script))
        t.s.start()
        wait_for(lambda: not t.m.script, "the script to end", timeout=300)
        names += t.s.make(10)
        wait_for(lambda: t.s.cursor() == len(names), "the cursor", timeout=60)
        equal(t.s.stop(), 0, "exit code")
        check(t, names, broken)


if __name__ == "__main__":
    main()
