#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""picket-ship against a collector that is dead, slow, picky or rude.

Journals are made by tests/e2e/make_journal.c, which says the name of each
record; the collector (collector.js) decodes with OpenTelemetry's decoder and
says what it kept. What must hold in every case: the two sets are the same,
and what came twice is the same record byte for byte.
"""
import base64
import collections
import json
import os
import pathlib
import signal
import socket
import time

import completeness
import lib
from lib import Failure, equal, test, true, wait_for
from shipping import (Collector, arrived, exactly, free_port, pair,
                      sent_again, shipper)


# ---- whole and in order -----------------------------------------------------

@test
def every_record_arrives_once_and_manifests_prove_it():
    with pair(batch_bytes="256K") as (c, s):
        names = s.make(1500)
        s.once()
        exactly(c, names)
        equal(c.uids(), names, "the journal's order")
        equal(s.cursor(), len(names), "the cursor")
        true(len(c.requests()) > 3, "several batches")
        equal({r["encoding"] for r in c.requests()}, {"gzip"}, "encoding")
        equal({r["url"] for r in c.requests()}, {"/v1/logs"}, "path")
        # Nothing more to say: nothing is posted.
        before = len(c.requests())
        s.once()
        equal(len(c.requests()), before, "requests after everything is done")


@test
def records_say_what_the_journal_says():
    with pair() as (c, s):
        names = s.make(100)
        s.once()
        by_kind = collections.Counter(r["event"] for r in c.records())
        equal(by_kind["picket.exec"], 34, "execs")
        equal(by_kind["picket.write"], 33, "writes")
        equal(by_kind["picket.connect"], 33, "connections")
        equal(len(names), sum(by_kind.values()), "all")
        alerts = [r for r in c.records()
                  if r["attributes"].get("picket.alert")]
        equal(len(alerts), 2, "alerts")
        a = alerts[0]
        equal(a["severity_text"], "high", "severity")
        equal(a["attributes"]["security_rule.name"], "no-workers", "rule")
        equal(a["attributes"]["picket.verdict"], "denied", "verdict")
        names = {r["uid"] for r in c.records()}
        amended = [r for r in c.records()
                   if r["event"] == "picket.connect.result"]
        true(amended, "amendments")
        for r in amended:
            true(r["attributes"]["picket.amends"] in names, "names its event")
        odd = [r for r in c.records()
               if "file.path.bytes" in r["attributes"]]
        true(odd, "a path that is not UTF-8")
        exact = bytes.fromhex(odd[0]["attributes"]["file.path.bytes"]["bytes"])
        true(exact.startswith(b"/srv/bytes-\xc3("), f"exact bytes: {exact}")
        true("\\xc3(" in odd[0]["attributes"]["file.path"], "escaped text")
        resource = c.records()[0]["resource"]
        equal(resource["service.name"], "picket", "service.name")
        equal(resource["host.name"], socket.gethostname(), "host.name")


@test
def what_is_written_while_it_runs_arrives():
    with pair() as (c, s):
        s.start()
        names = []
        for _ in range(4):
            names += s.make(50)
            arrived(c, names)
        equal(s.stop(), 0, "exit code on SIGTERM")
        exactly(c, names)


@test
def batches_of_picket_hold_all_that_their_records_refer_to():
    with pair(path="/picket", format="picket", batch_bytes="256K") as (c, s):
        names = s.make(2500)
        s.once()
        decoded, covered = [], []
        n = len(c.requests())
        true(n > 1, "several batches")
        for i in range(1, n + 1):
            body = pathlib.Path(f"{c.out}.batch.{i}").read_bytes()
            batch = decode_batch(body)
            images = {img["id"] for img in batch["images"]}
            for r in batch["records"]:
                if "image" in r:
                    true(r["image"] in images, f"image of {r}")
            for img in batch["images"]:
                for key in ("parent_id", "prev_id"):
                    true(img.get(key, "0") == "0" or img[key] in images,
                         f"{key} of {img}")
            m = batch["manifest"]
            equal(int(m["count"]), len(batch["records"]), "count")
            covered.append((int(m["first_seq"]), int(m["last_seq"])))
            decoded += [int(r["seq"]) for r in batch["records"]]
        equal(decoded, list(range(1, len(names) + 1)), "numbers")
        for (_, last), (first, _) in zip(covered, covered[1:]):
            equal(first, last + 1, "manifests without a hole")


def decode_batch(body):
    """protoc's text of a picket.v1.Batch, as far as needed here."""
    p = lib.run(["protoc", f"-I{lib.ROOT}/proto",
                 "--decode=picket.v1.Batch", "event.proto"], input=body,
                stdin=None, capture_output=True)
    if p.returncode != 0:
        raise Failure(f"protoc: {p.stderr.decode()}")
    batch = {"images": [], "records": [], "manifest": {}}
    stack = []
    for line in p.stdout.decode(errors="replace").splitlines():
        word = line.strip()
        if word.endswith("{"):
            stack.append(word.split()[0])
            if len(stack) == 1 and stack[0] in ("images", "records"):
                batch[stack[0]].append({})
        elif word == "}":
            stack.pop()
        elif ": " in word:
            key, value = word.split(": ", 1)
            if stack in (["images"], ["records"]):
                batch[stack[0]][-1][key] = value
            elif stack == ["records", "event"] and key == "image":
                batch["records"][-1]["image"] = value
            elif stack == ["manifest"]:
                batch["manifest"][key] = value
    return batch


@test
def completeness_names_what_is_missing_and_what_is_there_twice():
    with pair(batch_records=20) as (c, s):
        names = s.make(100)
        s.once()
        lines = c.out.read_text().splitlines(keepends=True)
        at = {json.loads(line)["uid"]: n for n, line in enumerate(lines)}

        def check(kept):
            c.out.write_text("".join(kept))
            return next(iter(completeness.check([c.out]).values()))

        lost = {at[names[10]], at[names[11]], at[names[50]]}
        r = check(line for n, line in enumerate(lines) if n not in lost)
        equal(str(r["missing"]), "11-12, 51", "missing")
        r = check(lines + [lines[at[names[7]]]])
        equal(r["doubled"], {names[7]: 2}, "doubled")
        equal(r["missing"].pairs, [], "missing where one is double")
        changed = json.loads(lines[at[names[7]]])
        changed["body"] = "another"
        r = check(lines + [json.dumps(changed) + "\n"])
        equal(r["differ"], [names[7]], "same name, other content")
        second = c.manifests()[1]["uid"]
        batch = json.loads(lines[at[second]])["request"]
        r = check(line for line in lines
                  if json.loads(line)["request"] != batch)
        true(r["holes"].pairs, "a whole batch is missing")
        r = check(reversed(lines))
        equal((r["missing"].pairs, r["holes"].pairs, r["doubled"]),
              ([], [], {}), "in any order")


# ---- collectors that fail ---------------------------------------------------

@test
def what_happened_while_the_collector_was_dead_arrives_in_order():
    port = free_port()
    with shipper(f"http://127.0.0.1:{port}") as s:
        names = s.make(300)
        s.start()
        # Every attempt changes the state for a moment: all of it is looked for
        # in one answer.
        s.says(lambda said: said["state"] == "waiting"
               and int(said["retries"]) >= 2 and "onnect" in said["error"]
               and int(said["backlog"]) >= len(names))
        names += s.make(300)
        with Collector(s.dir, port=port) as c:
            arrived(c, names)
            equal(s.stop(), 0, "exit code")
            exactly(c, names)
            early = {r["uid"] for r in c.records()
                     if r["attributes"].get("picket.alert")}
            equal([u for u in c.uids() if u not in early],
                  [n for n in names if n not in early],
                  "the journal's order, but for alerts")


@test
def killed_in_the_middle_it_loses_nothing():
    with pair(batch_records=100) as (c, s):
        names = s.make(1500)
        c.rules({"delay_ms": 30})
        for have in (200, 600, 1000):
            s.start()
            wait_for(lambda: len(set(c.uids())) >= have, f"{have} records")
            s.process.kill()
            s.process.wait()
        c.rules()
        s.once()
        exactly(c, names, doubles=3)


@test
def one_that_is_killed_before_the_answer_sends_the_same_again():
    with pair(batch_records=100, timeout="10m") as (c, s):
        names = s.make(90)
        c.rules({"silent": True, "times": 1})
        s.start()
        wait_for(lambda: len(c.uids()) >= len(names), "the first batch")
        equal(s.cursor(), 0, "the cursor before an answer")
        s.process.kill()
        s.process.wait()
        s.once()
        exactly(c, names, doubles=1)
        equal(sorted(collections.Counter(c.uids()).values()),
              [2] * len(names), "times")


@test
def a_connection_cut_in_the_answer_costs_a_double_and_no_record():
    with pair(batch_records=200) as (c, s):
        names = s.make(500)
        c.rules({"cut": "before", "times": 1, "store": True},
                {"cut": "inside", "times": 1}, {"cut": "before", "times": 1,
                                                "forget": True})
        s.once()
        exactly(c, names, doubles=2)
        equal(len(sent_again(c)), 2, "requests that were kept")


@test
def a_silent_collector_does_not_hold_up_the_end():
    with pair(timeout="10m") as (c, s):
        s.make(10)
        c.rules({"silent": True})
        s.start()
        wait_for(c.requests, "a request")
        began = time.monotonic()
        equal(s.stop(), 0, "exit code")
        # Of the ten minutes that it would have waited.
        true(time.monotonic() - began < lib.PATIENCE / 2, "it ended soon")


@test
def retry_after_is_obeyed():
    with pair() as (c, s):
        names = s.make(20)
        c.rules({"status": 429, "retry_after": "1", "times": 1})
        s.once()
        exactly(c, names)
        first, second = (r["at"] for r in c.requests())
        true(second - first >= 990, f"{second - first} ms instead of a second")


@test
def unavailable_is_tried_again():
    with pair() as (c, s):
        names = s.make(20)
        c.rules(*({"status": n, "times": 1} for n in (502, 503, 504)))
        s.once()
        exactly(c, names)
        equal([r["status"] for r in c.requests()], [502, 503, 504, 200],
              "answers")


@test
def a_wrong_token_never_costs_a_record():
    with pair() as (c, s):
        token = s.dir / "token"
        token.write_text("old\n")
        token.chmod(0o600)
        s.configure(token_file=token)
        names = s.make(30)
        c.rules({"status": 401})
        s.start()
        wait_for(lambda: len(c.requests()) >= 3, "tries")
        equal(s.dead(), [], "dead letters")
        token.write_text("new\n")
        wait_for(lambda: c.requests()[-1]["authorization"] == "Bearer new",
                 "the new token")
        c.rules()
        arrived(c, names)
        equal(s.stop(), 0, "exit code")
        exactly(c, names)


@test
def once_gives_up_on_a_dead_collector_after_its_timeout():
    with shipper(f"http://127.0.0.1:{free_port()}", timeout="1s",
                 connect_timeout="500ms") as s:
        s.make(10)
        began = time.monotonic()
        s.once(code=1)
        true(time.monotonic() - began < lib.PATIENCE / 2, "soon")
        equal(s.cursor(), 0, "cursor")
        true("giving up" in s.log_text(), s.log_text())


# ---- collectors that refuse -------------------------------------------------

@test
def too_large_is_halved():
    with pair(gzip="no") as (c, s):
        names = s.make(1000)
        c.rules({"min_bytes": 150000, "status": 413})
        s.once()
        exactly(c, names)
        kept = [r["bytes"] for r in c.requests() if r["status"] == 200]
        refused = [r for r in c.requests() if r["status"] == 413]
        true(max(kept) <= 150000, "sizes")
        # The limit is learnt: later batches begin below it.
        true(len(refused) <= 4, f"{len(refused)} were too large")
        equal(s.dead(), [], "dead letters")


@test
def one_refused_record_is_set_aside_and_the_rest_goes_on():
    with pair() as (c, s):
        names = s.make(400, "--poison", "123")
        poison = wait_for(lambda: names, "")
        c.rules({"contains": "poison", "status": 400, "type": "text/plain",
                 "body": "no \x1b[31mthank you"})
        s.once(code=1)
        dead = s.dead()
        equal(len(dead), 1, "dead letters")
        equal(dead[0]["status"], 400, "status")
        true("no \\x1b[31mthank you" in dead[0]["answer"], dead[0]["answer"])
        true(b"poison" in base64.b64decode(dead[0]["record_b64"]), "record")
        poison = dead[0]["uid"]
        true(poison in names, "its name")
        exactly(c, [n for n in names if n != poison])
        seq = poison.split(".")[2]
        held = [t for m in c.manifests()
                for t in m["attributes"].get("picket.manifest.withheld", [])]
        equal(held, [f"{seq}-{seq} dead letter"], "withheld")
        equal(s.cursor(), len(names), "the cursor is past it")
        true(len(c.requests()) < 25, f"{len(c.requests())} requests")
        s.once()
        equal(s.dead(), dead, "dead letters after another run")


def picket(command, journal, *options):
    p = lib.run([lib.PICKET, command, "--journal", journal, *options])
    equal(p.returncode, 0, f"picket {command}: {p.stderr!r}")
    return p.stdout.decode()


@test
def dead_letters_are_a_journal_that_is_asked_as_any_other():
    with pair() as (c, s):
        old = s.state / "dead-letters.jsonl"
        s.state.mkdir(exist_ok=True)
        old.write_text("what a former version left\n")
        names = s.make(400, "--poison", "123")
        c.rules({"contains": "poison", "status": 400, "body": "no thanks"})
        s.once(code=1)
        letters = s.state / "dead-letters"
        text = picket("query", letters, "--path", "/srv/poison-*")
        equal(len(text.splitlines()), 1, text)
        # Who did it, what it did, and what was said to it.
        for part in ("worker-", "/srv/poison-123", "refused by the collector",
                     "status 400: no thanks"):
            true(part in text, f"{part!r} in {text!r}")
        equal(picket("query", letters, "--path", "/nowhere/**"), "", "others")
        letter, = s.dead()
        here, = [json.loads(line) for line in picket(
            "query", s.journal, "--path", "/srv/poison-*",
            "--json").splitlines()]
        equal(letter["uid"], here["uid"], "its name")
        for key in ("write", "process", "verdict", "time"):
            equal(letter["letter"].get(key), here.get(key), key)
        equal((letter["destination"] if "destination" in letter else "",
               letter["url"], letter["format"]), ("", c.url(), "otlp"),
              "where it was to go")
        true(picket("verify", letters).startswith("good: "), "verify")
        # A later one goes to the same place; no other number is in it.
        names += s.make(50, "--poison", "7")
        s.once(code=1)
        equal(len(s.dead()), 2, "dead letters")
        true(all(d["uid"] in names for d in s.dead()), "their names")
        true(picket("verify", letters).startswith("good: "), "verify")
        equal(old.read_text(), "what a former version left\n", "what was left")


@test
def dead_letters_survive_kills_and_a_trimmed_journal():
    with pair(batch_records=20) as (c, s):
        c.rules({"contains": "poison", "status": 400})
        poison = []
        for _ in range(5):
            names = s.make(40, "--poison", "11")
            s.start()
            # Of these: what was cut off before may be set aside again first.
            told = wait_for(lambda: [d["uid"] for d in s.dead()
                                     if d["uid"] in names], "a letter")
            poison.append(told[-1])
            s.process.kill()
            s.process.wait()
        # Each of them, in order; one that was cut off may stand there twice.
        told = [d["uid"] for d in s.dead()]
        equal(list(dict.fromkeys(told)), poison, "letters")
        true(picket("verify", s.state / "dead-letters").startswith("good: "),
             "verify")


@test
def a_last_record_that_is_refused_is_accounted_for():
    with pair() as (c, s):
        names = s.make(10, "--poison", "10")
        c.rules({"contains": "poison", "status": 422})
        s.once(code=1)
        equal(len(s.dead()), 1, "dead letters")
        exactly(c, [n for n in names if n != s.dead()[0]["uid"]])
        last = c.manifests()[-1]["attributes"]
        equal(last["picket.manifest.count"], 0, "a manifest alone")
        equal(s.cursor(), len(names), "the cursor")


@test
def a_collector_that_refuses_everything_does_not_empty_the_journal():
    with pair(retry_min="1h", retry_max="1h", timeout="20s") as (c, s):
        s.make(200)
        c.rules({"status": 400})
        s.once(code=1)
        equal((s.dead(), s.cursor()), ([], 0), "set aside, cursor")


@test
def a_collector_that_refuses_every_record_is_given_few():
    with pair(retry_min="1h", retry_max="1h", timeout="20s") as (c, s):
        names = s.make(200)
        # Each has one of these; a manifest has neither.
        c.rules({"contains": "picket.backend", "status": 400},
                {"contains": "picket.connect.errno", "status": 400})
        s.once(code=1)
        dead = [d["uid"] for d in s.dead()]
        equal(dead, names[:8], "set aside")
        equal(s.cursor(), 8, "cursor")


@test
def an_error_of_the_server_costs_a_record_only_if_it_stays():
    with pair() as (c, s):
        names = s.make(1)
        c.rules({"status": 500, "times": 1})
        s.once()
        exactly(c, names)
        poison = s.make(1, "--poison", "1")
        c.rules({"contains": "poison", "status": 500})
        more = s.make(5)
        s.once(code=1)
        equal([d["uid"] for d in s.dead()], poison, "dead letters")
        exactly(c, names + more)


@test
def partial_success_is_counted_and_not_sent_again():
    with pair() as (c, s):
        names = s.make(50)
        # { partial_success { rejected_log_records: 7 error_message: "ouch" } }
        c.rules({"body": "0a0808071204" + b"ouch".hex(), "body_hex": True,
                 "times": 1})
        s.once()
        exactly(c, names)
        equal(s.status()["rejected"], "7", "rejected")
        true("ouch" in s.log_text(), s.log_text())
        equal(len(c.requests()), 1, "requests")


@test
def a_collector_rejects_no_more_than_it_was_sent():
    with pair() as (c, s):
        names = s.make(50)
        c.rules({"body": '{"partialSuccess":{"rejectedLogRecords":'
                         '"18446744073709551615"}}',
                 "type": "application/json"})
        s.once()
        names += s.make(3)
        s.once()
        exactly(c, names)
        true(0 < int(s.status()["rejected"]) <= len(names),
             f"rejected: {s.status()['rejected']}")


@test
def an_answer_that_is_too_long_is_no_answer():
    with pair() as (c, s):
        names = s.make(30)
        c.rules({"body": "x" * (5 << 20), "type": "text/plain", "times": 1})
        s.once()
        exactly(c, names, doubles=1)
        equal(len(c.requests()), 2, "requests")
        true("longer than 4 MiB" in s.log_text(), s.log_text())


@test
def a_redirect_is_not_followed():
    with pair() as (c, s):
        names = s.make(30)
        c.rules({"status": 307, "location": c.url("/elsewhere"), "times": 2})
        s.once()
        exactly(c, names)
        equal({r["url"] for r in c.requests()}, {"/v1/logs"}, "where it went")
        equal(s.dead(), [], "dead letters")


@test
def the_way_goes_through_the_proxy_that_is_configured_and_no_other():
    with pair() as (c, s):
        names = s.make(30)
        os.environ["http_proxy"] = f"http://127.0.0.1:{free_port()}"
        try:
            s.once()
            s.configure(url="http://collector.test/v1/logs", proxy=c.url())
            names += s.make(30)
            s.once()
        finally:
            del os.environ["http_proxy"]
        exactly(c, names)
        equal(c.requests()[-1]["url"], "http://collector.test/v1/logs",
              "what the proxy was asked for")


# ---- rights and settings ----------------------------------------------------

@test
def it_holds_no_right_while_it_runs():
    with pair() as (c, s):
        names = s.make(10)
        p = s.start()
        arrived(c, names)
        text = pathlib.Path(f"/proc/{p.pid}/status").read_text()
        status = dict(line.split(":\t", 1) for line in text.splitlines()
                      if ":\t" in line)
        for key in ("CapEff", "CapPrm", "CapInh", "CapAmb", "CapBnd"):
            equal(int(status[key], 16), 0, key)
        equal(status["NoNewPrivs"], "1", "NoNewPrivs")
        equal(status["Seccomp"], "2", "Seccomp")
        equal(s.stop(signal.SIGINT), 0, "exit code")


@test
def settings_that_cannot_work_are_said_and_nothing_is_started():
    with shipper("http://127.0.0.1:1") as s:
        for keys, word in (({"url": ""}, "url"),
                           ({"url": "ftp://x"}, "http"),
                           ({"token_file": "/nonexistent"}, "token_file")):
            was = dict(s.keys)
            s.configure(**keys)
            p = lib.run([lib.SHIP, "--config", s.config, "--once"])
            equal(p.returncode, 6, f"exit code for {keys}")
            true(word in p.stderr.decode(), p.stderr.decode())
            s.keys = was
        for argv, code in ((["--nonsense"], 2), (["stray"], 2),
                           (["--help"], 0), (["--version"], 0),
                           (["--config", "/nonexistent"], 6)):
            equal(lib.run([lib.SHIP, *argv]).returncode, code, str(argv))


@test
def headers_come_from_a_file():
    with pair() as (c, s):
        headers = s.dir / "headers"
        headers.write_text("# ours\nX-Extra: one two\n")
        headers.chmod(0o644)
        s.configure(headers_file=headers)
        names = s.make(5)
        s.once()
        exactly(c, names)
        equal(c.requests()[0]["extra"], "one two", "header")
        true("read by everyone" in s.log_text(), s.log_text())


if __name__ == "__main__":
    lib.main()
