#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""picket-ship with more than one destination, filters, and alerts first.

Each destination has its own cursor: a dead one holds up nobody. What a filter
keeps back is withheld by number, so that completeness can still be proved.
"""
import contextlib
import json
import os
import pathlib
import random
import subprocess

import completeness
import lib
from lib import contains, equal, test, true, wait_for
from shipping import Collector, arrived, exactly, free_port, pair, shipper


@contextlib.contextmanager
def two(**keys):
    """A shipper with two collectors, the second one called 'soc'."""
    with pair() as (c, s):
        with Collector(s.dir, name="soc") as soc:
            s.also_to("soc", soc.url(), **keys)
            yield c, soc, s


def proof(collector):
    """What the manifests say; fails where something is not accounted for."""
    (r,) = completeness.check([collector.out]).values()
    for key in ("missing", "holes", "uncovered"):
        true(not r[key].pairs, f"{key}: {r[key]}")
    true(not r["differ"] and not r["counts"], f"{r['differ']} {r['counts']}")
    return r


def withheld(r, reason):
    return sum(last - first + 1 for first, last, why in r["withheld"]
               if why == reason)


@test
def each_destination_gets_everything():
    with two() as (c, soc, s):
        names = s.make(300)
        s.once()
        exactly(c, names)
        exactly(soc, names)
        equal(s.cursor(), len(names), "the first's cursor")
        equal(s.cursor("soc"), len(names), "the other's")


@test
def a_dead_one_does_not_hold_up_another():
    with pair() as (c, s):
        port = free_port()
        s.also_to("soc", f"http://127.0.0.1:{port}")
        names = s.make(200)
        s.start()
        arrived(c, names)
        names += s.make(200)
        arrived(c, names)
        wait_for(lambda: s.status("soc").get("state") == "waiting",
                 lambda: f"it waits, have {s.status('soc')}")
        equal(s.cursor("soc"), 0, "the dead one's cursor")
        with Collector(s.dir, name="soc", port=port) as soc:
            arrived(soc, names)
            equal(s.stop(), 0, "exit code")
            exactly(soc, names)
        exactly(c, names)


@test
def one_that_never_answers_does_not_hold_up_another():
    with two(timeout="10m") as (c, soc, s):
        soc.rules({"silent": True})
        names = s.make(100)
        s.start()
        wait_for(soc.requests, "a request to the silent one")
        names += s.make(200)
        arrived(c, names)
        equal(s.stop(), 0, "exit code")
        exactly(c, names)
        equal(s.cursor("soc"), 0, "the silent one's cursor")


@test
def once_fails_when_one_of_them_fails():
    with pair() as (c, s):
        s.also_to("soc", f"http://127.0.0.1:{free_port()}", timeout="1s",
                  connect_timeout="500ms")
        names = s.make(50)
        s.once(code=1)
        exactly(c, names)
        true("soc: giving up" in s.log_text(), s.log_text())


@test
def kinds_choose_and_what_is_left_out_is_accounted_for():
    with two(kinds="connect") as (c, soc, s):
        names = s.make(300)
        s.once()
        exactly(c, names)
        got = soc.records()
        equal({r["event"] for r in got},
              {"picket.connect", "picket.connect.result"}, "events")
        r = proof(soc)
        equal(withheld(r, "filtered"), len(names) - len(got), "filtered")
        equal(s.cursor("soc"), len(names), "the cursor is past all of them")


@test
def alerts_only_sends_alerts_only():
    with two(alerts_only="yes") as (c, soc, s):
        names = s.make(500)
        s.once()
        want = [r["uid"] for r in c.records()
                if r["attributes"].get("picket.alert")
                and r["event"] != "picket.connect.result"]
        equal([r["uid"] for r in soc.records()
               if r["event"] != "picket.connect.result"], want, "alerts")
        amended = {r["attributes"]["picket.amends"] for r in soc.records()
                   if r["event"] == "picket.connect.result"}
        true(amended <= set(want), f"amendments of others: {amended}")
        r = proof(soc)
        equal(withheld(r, "filtered"), len(names) - len(soc.records()),
              "filtered")


@test
def a_long_backlog_of_nothing_costs_one_manifest():
    with two(kinds="tamper", batch_records=100) as (c, soc, s):
        names = s.make(3000)
        s.once()
        equal(soc.records(), [], "records")
        equal(len(soc.requests()), 1, "requests")
        equal(withheld(proof(soc), "filtered"), len(names), "filtered")


@test
def formats_may_differ():
    with pair() as (c, s):
        with Collector(s.dir, name="own") as own:
            s.also_to("own", own.url("/picket"), format="picket", gzip="no")
            names = s.make(100)
            s.once()
            exactly(c, names)
            equal([r["url"] for r in own.requests()], ["/picket"], "paths")
            equal([r["encoding"] for r in own.requests()], [""], "encodings")


@test
def the_unnamed_one_may_be_missing():
    with shipper("") as s:
        with Collector(s.dir, name="only") as only:
            s.also_to("only", only.url())
            names = s.make(50)
            s.once()
            exactly(only, names)
            true(not (s.state / "ship").exists(), "a cursor of nobody")


@test
def two_shippers_do_not_share_a_state_directory():
    with pair() as (c, s):
        s.make(10)
        s.start()
        wait_for(c.requests, "a request")
        s.once(code=1)
        true(f"another picket-ship works in state_dir '{s.state}'"
             in s.log_text(), s.log_text())
        s.process.kill()
        s.process.wait()
        s.once()


@test
def a_state_directory_that_meets_the_journal_is_refused():
    """Also where --journal or a link brings them together."""
    with pair() as (c, s):
        s.make(10)

        def refused(*argv):
            p = lib.run([lib.SHIP, "--config", s.config, "--once", *argv])
            true(p.returncode in (1, 6), f"exit code: {p.returncode}")
            contains(p.stderr, b"holds the journal", "stderr")

        (s.state / "below").mkdir(parents=True)
        (s.dir / "link").symlink_to(s.state / "below")
        refused("--journal", s.state)
        refused("--journal", s.state / "below")
        refused("--journal", s.dir)
        refused("--journal", s.dir / "link")
        s.configure(state_dir=s.dir / "elsewhere")
        (s.dir / "elsewhere").symlink_to(s.journal)
        refused()
        equal(c.requests(), [], "requests")


# ---- what it may ------------------------------------------------------------

AS_PICKET = """
mount --bind "$1" /etc/passwd && shift && exec "$@"
"""


@test
def as_user_picket_it_ships_and_may_do_nothing_else():
    """Where that user is there: in a mount namespace of its own."""
    lib.need_root()
    with pair() as (c, s):
        passwd = s.dir / "passwd"
        passwd.write_text(pathlib.Path("/etc/passwd").read_text()
                          + "picket:x:64999:64998::/:/usr/sbin/nologin\n")
        s.dir.chmod(0o755)
        names = s.make(100)
        for p in [s.journal, *s.journal.iterdir()]:
            os.chown(p, 0, 64998)
        with open(s.log, "ab") as log:
            s.process = subprocess.Popen(
                ["unshare", "--mount", "--propagation", "private", "sh", "-c",
                 AS_PICKET, "sh", passwd, lib.SHIP, "--config", s.config],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        arrived(c, names)
        text = pathlib.Path(f"/proc/{s.process.pid}/status").read_text()
        status = dict(line.split(":\t", 1) for line in text.splitlines())
        equal(status["Name"], "picket-ship", "who it is")
        equal(status["Uid"].split(), ["64999"] * 4, "user")
        equal(status["Gid"].split(), ["64998"] * 4, "group")
        equal(status["Groups"].split(), [], "other groups")
        for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb"):
            equal(int(status[f"Cap{kind}"], 16), 0, f"capabilities {kind}")
        equal((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"),
              "no_new_privs and seccomp")
        # It is written after the answer, which is after what arrived.
        wait_for((s.state / "ship").exists, "the cursor")
        equal({(p.stat().st_uid, p.stat().st_gid)
               for p in [s.state, s.state / "ship"]}, {(64999, 64998)},
              "whose its files are")
        equal(s.stop(), 0, "exit code")
        exactly(c, names)


# ---- alerts first -----------------------------------------------------------

def alerts(collector):
    return [r["uid"] for r in collector.records()
            if r["attributes"].get("picket.alert")
            and r["event"] != "picket.connect.result"]


def an_alert(s):
    """One more alert in the journal, behind 49 others: all their names."""
    return s.make(50)


@contextlib.contextmanager
def backlog(count, **keys):
    """A shipper that has this much to replay, at 100 records a second."""
    with pair(replay_rate=100, batch_records=50, **keys) as (c, s):
        names = s.make(count)
        s.start()
        wait_for(lambda: c.records(), "the replay to begin")
        yield c, s, names


def through(c, s, names):
    """Ends it, and has the rest sent: the manifest that withholds a last
    alert as sent early is in no hurry. An answer may be lost with the end."""
    equal(s.stop(), 0, "exit code")
    s.once()
    exactly(c, names, doubles=1)


@test
def an_alert_raised_now_does_not_wait_behind_the_backlog():
    with backlog(2000) as (c, s, names):
        fresh = an_alert(s)
        early = wait_for(lambda: [u for u in alerts(c) if u in fresh],
                         "the fresh alert")
        equal(len(early), 1, "alerts")
        true(len(c.records()) < len(names), "the backlog is not through")
        wait_for(lambda: s.status().get("early") == "1",
                 lambda: f"it to be counted, have {s.status()}")
        # At full speed from here on; what is under way may be sent again.
        s.stop()
        s.configure(replay_rate=0)
        s.once()
        exactly(c, names + fresh, doubles=2)
        r = proof(c)
        equal(withheld(r, "sent early"), 1, "withheld as sent early")
        covering = [m for m in c.manifests()
                    if m["attributes"].get("picket.manifest.early")]
        equal(len(covering), 1, "manifests of the second lane")
        true(not (s.state / "early").exists(), "what has passed is forgotten")


@test
def a_clock_that_is_set_back_makes_no_backlog():
    """What comes when everything is sent is fresh, whatever its time."""
    with pair(replay_rate=20) as (c, s):
        names = s.make(5)
        s.start()
        arrived(c, names)
        wait_for(lambda: s.status().get("backlog") == "0", "it to catch up")
        before = len(c.requests())
        # At 20 a second they would go in tens.
        names += s.make(400, "--span", "2h")
        arrived(c, names)
        true(len(c.requests()) - before < 20,
             f"requests: {len(c.requests()) - before}")


@test
def completeness_sees_through_order_filters_and_lanes():
    """However it is re-batched and ordered on the way, and what is lost of
    either lane is named."""
    with backlog(1000, kinds="exec connect agent") as (c, s, _):
        fresh = an_alert(s)
        wait_for(lambda: [u for u in alerts(c) if u in fresh],
                 "the fresh alert")
        s.stop()
        s.configure(replay_rate=0)
        s.once()
        r = proof(c)
        true(withheld(r, "filtered") and withheld(r, "sent early"),
             f"both: {r['withheld']}")
        lines = c.out.read_text().splitlines(keepends=True)
        seed = random.randrange(1 << 32)
        print(f"# seed {seed}")
        random.Random(seed).shuffle(lines)
        c.out.write_text("".join(lines))
        proof(c)
        # Of each lane, one record that did not arrive.
        early = {n for first, last, why in r["withheld"]
                 if why == "sent early" for n in range(first, last + 1)}
        seqs = sorted(x["attributes"]["picket.seq"] for x in c.records())
        for gone in (min(early), next(n for n in seqs if n not in early)):
            c.out.write_text("".join(
                line for line in lines if not is_record(line, gone)))
            (r,) = completeness.check([c.out]).values()
            equal(str(r["missing"]), str(gone), "missing")


@test
def completeness_tells_numbers_of_two_epochs_apart():
    """Given again after a power loss, a number is another record's."""
    def record(epoch, seq):
        return {"uid": f"J.{epoch}.{seq}", "event": "picket.exec", "body": "",
                "time": 0, "attributes": {"picket.seq": seq}}

    def manifest(epoch, first, last):
        keys = {"journal": "J", "epoch": epoch, "first": first, "last": last,
                "count": last - first + 1}
        return {"uid": "M", "event": "picket.manifest", "attributes":
                {f"picket.manifest.{k}": v for k, v in keys.items()}}

    with lib.workdir("epochs") as directory:
        path = directory / "out"
        for gone in (None, 9, 10):
            lines = [record(1, n) for n in range(1, 11)] \
                + [manifest(1, 1, 10), manifest(2, 9, 20)] \
                + [record(2, n) for n in range(9, 21) if n != gone]
            path.write_text("".join(json.dumps(x) + "\n" for x in lines))
            (r,) = completeness.check([path]).values()
            equal(str(r["missing"]), str(gone or ""), "missing")


def is_record(line, seq):
    r = json.loads(line)
    return r["event"] != "picket.manifest" \
        and r["attributes"]["picket.seq"] == seq


@test
def early_alerts_are_remembered_over_a_kill():
    with backlog(1500) as (c, s, names):
        fresh = []
        for n in range(1, 4):
            fresh += an_alert(s)
            wait_for(lambda: len([u for u in alerts(c) if u in fresh]) == n,
                     "the fresh alert")
            wait_for(lambda: (s.state / "early").exists()
                     and len((s.state / "early").read_text().splitlines())
                     == 1 + n, "it to be remembered")
            s.process.kill()
            s.process.wait()
            s.start()
            before = len(c.requests())
            wait_for(lambda: len(c.requests()) > before, "the replay to go on")
        s.stop()
        s.configure(replay_rate=0)
        s.once()
        exactly(c, names + fresh, doubles=8)
        twice = {u for u in alerts(c) if alerts(c).count(u) > 1}
        true(not twice & set(fresh), f"sent in both lanes: {twice}")
        equal(withheld(proof(c), "sent early"), 3, "withheld as sent early")


@test
def a_damaged_memory_costs_a_double_and_no_record():
    with backlog(1000) as (c, s, names):
        fresh = an_alert(s) + an_alert(s)
        wait_for(lambda: len([u for u in alerts(c) if u in fresh]) == 2,
                 "the fresh alerts")
        path = s.state / "early"
        wait_for(lambda: path.exists()
                 and len(path.read_text().splitlines()) == 3, "the memory")
        s.process.kill()
        s.process.wait()
        text = bytearray(path.read_bytes())
        text[-12] ^= 1      # a digit of the last number
        path.write_bytes(text)
        s.configure(replay_rate=0)
        s.once()
        exactly(c, names + fresh, doubles=4)
        equal(withheld(proof(c), "sent early"), 1, "withheld as sent early")


@test
def an_alert_is_tried_while_the_collector_is_thought_dead():
    port = free_port()
    with shipper(f"http://127.0.0.1:{port}", retry_min="10m",
                 retry_max="20m") as s:
        names = s.make(60)
        s.start()
        wait_for(lambda: s.status().get("state") == "waiting", "a long wait")
        with Collector(s.dir, port=port) as c:
            fresh = an_alert(s)
            wait_for(lambda: [u for u in alerts(c) if u in fresh],
                     "the fresh alert")
            # And with that the collector is known to be back.
            arrived(c, names + fresh)
            through(c, s, names + fresh)


@test
def alerts_that_are_refused_early_go_their_way():
    with backlog(600) as (c, s, names):
        c.rules({"contains": "picket.manifest.early", "status": 400})
        fresh = an_alert(s)
        arrived(c, names + fresh)
        equal(s.stop(), 0, "exit code")
        exactly(c, names + fresh)
        equal(s.dead(), [], "dead letters")


@test
def the_first_lane_waits_to_know_of_an_alert_on_its_way():
    with backlog(150, timeout="10m") as (c, s, names):
        c.rules({"contains": "picket.manifest.early", "hold": True})
        fresh = an_alert(s)
        # The alert is the last of these, or amended by the last.
        arrived(c, names + fresh[:-2])
        equal([u for u in alerts(c) if u in fresh], [], "the alert so far")
        c.rules()
        arrived(c, names + fresh)
        through(c, s, names + fresh)
        equal(withheld(proof(c), "sent early"), 1, "withheld as sent early")


@test
def alerts_that_are_too_many_for_one_request_go_in_several():
    with pair(batch_records=20) as (c, s):
        c.rules({"status": 503})
        names = s.make(30)
        s.start()
        wait_for(c.requests, "a refusal")
        names += s.make(150)
        # Each lane has tried again since.
        seen = len(c.requests())
        wait_for(lambda: len(c.requests()) >= seen + 8, "more refusals")
        c.rules({"contains": "picket.manifest.early", "status": 413,
                 "times": 1})
        arrived(c, names)
        through(c, s, names)
        counts = [m["attributes"]["picket.manifest.count"]
                  for m in c.manifests()
                  if m["attributes"].get("picket.manifest.early")]
        equal(counts, [1, 1, 1], "alerts in each request")
        equal(s.dead(), [], "dead letters")


@test
def a_collector_that_asks_to_wait_is_not_asked_early():
    with pair(batch_records=50) as (c, s):
        names = s.make(60)
        c.rules({"status": 429, "retry_after": "3", "times": 1})
        s.start()
        wait_for(c.requests, "a refusal")
        fresh = an_alert(s)
        arrived(c, names + fresh)
        first, second = (r["at"] for r in c.requests()[:2])
        true(second - first >= 2900, f"{second - first} ms instead of three "
             "seconds")
        through(c, s, names + fresh)


# ---- the pace of a replay ---------------------------------------------------

@test
def a_replay_keeps_to_its_rate_and_what_is_new_does_not():
    with pair(replay_rate=200, batch_records=1000) as (c, s):
        names = s.make(500)
        s.start()
        arrived(c, names)
        at = [r["at"] for r in c.requests()]
        # 500 at 200 a second, of which the first hundred went at once.
        true(at[-1] - at[0] >= 1900, f"{at[-1] - at[0]} ms for the replay")
        wait_for(lambda: s.status().get("backlog") == "0", "it to catch up")
        # Twenty seconds at that rate.
        new = s.make(4000)
        arrived(c, names + new)
        later = [r["at"] for r in c.requests()][len(at):]
        true(later[-1] - later[0] < 15000, f"{later[-1] - later[0]} ms for "
             "what was new")
        equal(s.stop(), 0, "exit code")
        exactly(c, names + new)


if __name__ == "__main__":
    lib.main()
