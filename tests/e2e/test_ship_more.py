#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""picket-ship with more than one destination, and with filters.

Each destination has its own cursor: a dead one holds up nobody. What a filter
keeps back is withheld by number, so that completeness can still be proved.
"""
import contextlib

import completeness
import lib
from lib import equal, test, true, wait_for
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
    with pair(timeout="1s", connect_timeout="500ms") as (c, s):
        s.also_to("soc", f"http://127.0.0.1:{free_port()}",
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


if __name__ == "__main__":
    lib.main()
