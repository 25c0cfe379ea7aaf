#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Alerts that repeat are one alert and one sum; the events are all there."""
import contextlib
import datetime
import os
import signal
import subprocess
import sys
import time

import journals
import lib
import record
import shipping
from lib import equal, test, true

POLICY = """
[deny flooded]
event = write
path = {dir}/flooded
severity = high
tag = T1

[deny started]
event = exec
exe = {dir}/started*
severity = low
"""

# Calls whose events the kernel does not sum, all about one name.
FLOOD = ("import os, sys\n"
         "for _ in range({n}):\n"
         "    os.symlink('x', sys.argv[1]); os.unlink(sys.argv[1])\n")


def flood(place, n):
    subprocess.run([sys.executable, "-c", FLOOD.format(n=n // 2),
                    place.dir / "flooded"], check=True)


def of_rule(name):
    return lambda r: r.get("verdict", {}).get("rule") == name


def sums(records, rule):
    return [r["amendment"]["repeats"] for r in records
            if r.get("amendment", {}).get("repeats", {}).get("rule") == rule]


def until_over(s):
    """Stop it, and tell of what windows are open: the next one finds them
    over. All records."""
    equal(s.agent.stop(signal.SIGTERM), 0, "exit code")
    text = s.agent.config.read_text()
    s.agent.config.write_text(text.replace("window = 1h", "window = 1s"))
    s.agent.start()
    lib.wait_for(lambda: s.agent.status()["policy"]["alert_subjects"] == 0,
                 "all sums", every=0.2)
    equal(s.agent.stop(), 0, "exit code of the next one")
    return s.agent.read()


@contextlib.contextmanager
def place():
    # Room for all of the flood, however busy the machine is.
    with lib.scene("alerts", lambda d: POLICY.format(dir=d),
                   sensor={"ring_size": "64M"},
                   alerts={"window": "1h"}) as s:
        yield s


@test
def ten_thousand_matches_are_one_alert_and_a_sum(s):
    flood(s, 10000)
    found = s.events("write", of_rule("flooded"))
    equal(len(found), 10000, "events in the journal")
    alerts = [r for r in found if r["verdict"].get("alert")]
    equal([r["seq"] for r in alerts], [found[0]["seq"]], "alerts")
    true(all(r["verdict"].get("repeated") for r in found[1:]), "marked")
    status = s.agent.status()["policy"]
    equal(status["alerts_repeated"], 9999, "repeats in the status")
    metrics = lib.run([lib.PICKET, "status", "--journal", s.agent.journal,
                       "--prometheus"]).stdout.decode()
    lib.contains(metrics, "picket_alerts_repeated_total 9999", "metrics")


@test
def a_program_alerts_once_for_each_file_that_it_is(s):
    started = lib.actor("act_tiny", s.dir, "started")
    for _ in range(20):
        lib.act([started], code=1)
    other = lib.actor("act_tiny", s.dir, "started-too")
    lib.act([other], code=1)
    found = s.events("exec", of_rule("started"))
    equal(len(found), 21, "events")
    equal([record.exe(r) for r in found if r["verdict"].get("alert")],
          [os.fsencode(started), os.fsencode(other)], "alerts")


@test
def the_sum_is_told_at_the_end_with_the_exact_count(s):
    first = s.tail.find(of_rule("flooded"))[0]
    last = s.tail.find(of_rule("flooded"))[-1]
    records = until_over(s)
    equal([(r["count"], r["alerted"], r["last"], r["severity"], r["tag"])
           for r in sums(records, "flooded")],
          [(10000, 1, last["uid"], "high", "T1")], "sum")
    named = [r["amendment"]["of"] for r in records
             if r.get("amendment", {}).get("repeats")]
    true(first["uid"] in named, "the sum names the alert")
    equal([r["count"] for r in sums(records, "started")], [20], "other sum")
    equal(len(sums(s.agent.read("--alerts"), "flooded")), 1, "tail --alerts")
    text = lib.run([lib.PICKET, "tail", "--journal", s.agent.journal,
                    "--from", "oldest", "--no-follow", "--alerts"])
    lib.contains(text.stdout.decode(), "10000 matches, 1 told", "tail")


@test
def who_gets_alerts_alone_gets_the_sum(s):
    with shipping.Collector(s.dir) as c:
        ship = shipping.Shipper(s.dir, c.url(), alerts_only="yes")
        ship.journal = s.agent.journal
        ship.configure()
        ship.once()
        got = [r for r in c.records()
               if r["attributes"].get("security_rule.name") == "flooded"]
        equal([r["event"] for r in got],
              ["picket.write", "picket.alert.repeats"], "records")
        equal(int(got[1]["attributes"]["picket.alert.count"]), 10000, "count")


@test
def a_window_that_is_over_is_told_of_and_the_next_alerts(s):
    del s
    with lib.scene("alerts-window", lambda d: POLICY.format(dir=d),
                   alerts={"window": "300ms"}) as s:
        def a_sum():
            # Where others work each call may fall into a window of its own,
            # of which there is nothing to tell.
            flood(s, 10)
            return s.tail.find(
                lambda r: r.get("amendment", {}).get("repeats"))
        lib.wait_for(a_sum, "a sum", every=0.4)
        before = len(s.events("write", lambda r: r["verdict"].get("alert")))

        def another():
            # The flood itself may have begun another window.
            flood(s, 2)
            return len(s.events("write", lambda r: r["verdict"].get("alert"))
                       ) > before
        lib.wait_for(another, "an alert in the next window", every=0.4)


PACKAGED = """
[allow packaged]
event = exec
trust = package
owner = test
"""


def settled_verdict(s, pid, path):
    """On the exec of this program by this process, once it is not pending."""
    def verdict():
        found = [record.verdict(r) for r in record.settled(s.tail.find(
            lambda r: r.get("kind") in ("exec", "amendment")))
            if r["kind"] == "exec" and record.pid(r) == pid
            and record.exe(r) == os.fsencode(path)]
        return found and found[-1]["answer"] != "pending" and found[-1]
    return lib.wait_for(verdict, f"the verdict on {path}")


def run_copy(s, name, word):
    """A program of this content, by this name: (alert, repeated)."""
    path = lib.actor("act_tiny", s.dir, name)
    with open(path, "ab") as f:
        f.write(word.encode())
    pid, _ = lib.act([path], code=1)

    v = settled_verdict(s, pid, path)
    equal(v["answer"], "unlisted", name)
    return v.get("alert", False), v.get("repeated", False)


@test
def an_unlisted_program_is_told_once_though_picket_is_killed(s):
    del s
    with lib.scene("alerts-unlisted", PACKAGED, alerts={"window": "100ms"},
                   rules={"unlisted_exec": "alert"}) as s:
        equal(run_copy(s, "first", "a"), (True, False), "the first")
        began = time.time_ns()
        # Of the same content, and then of another.
        equal(run_copy(s, "second", "a"), (False, True), "a copy of it")
        equal(run_copy(s, "third", "b"), (True, False), "another program")
        file = s.agent.journal / "alerts.state"
        lib.wait_for(lambda: file.exists() and file.stat().st_mtime_ns > began,
                     "the file to be written")
        s.agent.process.kill()
        s.agent.process.wait()
        s.agent.start()
        equal(run_copy(s, "fourth", "a"), (False, True), "after the crash")
        equal(run_copy(s, "fifth", "c"), (True, False), "one more program")


def killed(s):
    s.agent.process.kill()
    s.agent.process.wait()


@contextlib.contextmanager
def pins():
    """Where the kernel side goes on while no picket runs."""
    with lib.workdir("alerts-pins") as directory:
        subprocess.run(["mount", "-t", "bpf", "bpf", directory], check=True)
        try:
            yield directory / "picket"
        finally:
            subprocess.run(["umount", directory], check=True)


@test
def a_kill_ends_no_window_and_loses_no_repeat(s):
    del s
    with (pins() as pin_dir,
          lib.scene("alerts-killed", lambda d: POLICY.format(dir=d),
                    alerts={"window": "1h"},
                    sensor={"pin_dir": pin_dir}) as s):
        flood(s, 10)
        first = s.events("write", of_rule("flooded"))[0]
        # At once: what is to be known stands in the journal alone.
        killed(s)
        s.agent.start()
        file = s.agent.journal / "windows.state"
        began = time.time_ns()
        flood(s, 10)
        equal(len(s.events("write", of_rule("flooded"))), 20, "events")
        lib.wait_for(lambda: file.exists() and file.stat().st_mtime_ns > began,
                     "the file to be written", every=0.2)
        flood(s, 10)
        killed(s)
        # Nobody is there, but what is in the kernel.
        flood(s, 10)
        s.agent.start()
        flood(s, 10)
        found = s.events("write", of_rule("flooded"))
        equal(len(found), 50, "events after the kills")
        equal([r["uid"] for r in found if r["verdict"].get("alert")],
              [first["uid"]], "alerts")
        true(all(r["verdict"].get("repeated") for r in found[1:]), "marked")
        records = until_over(s)
        equal([(r["count"], r["alerted"], r["last"], r["severity"], r["tag"])
               for r in sums(records, "flooded")],
              [(50, 1, found[-1]["uid"], "high", "T1")], "sum")
        equal([r["amendment"]["of"] for r in records
               if r.get("amendment", {}).get("repeats")], [first["uid"]],
              "the sum names the alert")


def at(time_of_record):
    return datetime.datetime.fromisoformat(time_of_record.replace("Z", "+00:00"))


@test
def a_restart_ends_no_window_and_a_stop_tells_what_there_was(s):
    del s
    with (pins() as pin_dir,
          lib.scene("alerts-restarted", lambda d: POLICY.format(dir=d),
                    alerts={"window": "1h"},
                    sensor={"pin_dir": pin_dir}) as s):
        # A stop, a restart by systemctl or an upgrade, and a stop again.
        for signum in (signal.SIGTERM, signal.SIGUSR2, signal.SIGTERM):
            flood(s, 10)
            s.settle()
            equal(s.agent.stop(signum), 0, "exit code")
            if signum == signal.SIGUSR2:
                # Nobody is there, but what is in the kernel.
                flood(s, 10)
            s.agent.start()
        flood(s, 10)
        found = s.events("write", of_rule("flooded"))
        equal(len(found), 50, "events")
        equal([r["uid"] for r in found if r["verdict"].get("alert")],
              [found[0]["uid"]], "alerts")
        true(all(r["verdict"].get("repeated") for r in found[1:]), "marked")
        told = sums(s.agent.read(), "flooded")
        equal([(r["count"], r["alerted"], r["last"]) for r in told],
              [(10, 1, found[9]["uid"]), (30, 0, found[39]["uid"])],
              "what the stops told")
        records = until_over(s)
        told = sums(records, "flooded")
        # By the stop, again: nothing is left for the end.
        equal([(r["count"], r["alerted"], r["last"]) for r in told[2:]],
              [(10, 0, found[-1]["uid"])], "the rest")
        equal({r["amendment"]["of"] for r in records
               if r.get("amendment", {}).get("repeats")}, {found[0]["uid"]},
              "what they amend")
        second = datetime.timedelta(seconds=1)
        true(abs(at(told[0]["since"]) - at(found[0]["time"])) < second / 2,
             "it began with the first")


@test
def a_journal_that_has_no_windows_yet_gets_its_file_at_once(s):
    del s
    with lib.workdir("alerts-new") as directory, \
            lib.Agent(directory, POLICY.format(dir=directory)) as agent:
        journals.make(agent.journal, 20000, "--calm",
                      "--segment-size", "16M")
        agent.start()
        # Or the next one reads as much of the journal's end, if this is killed.
        lib.wait_for((agent.journal / "windows.state").exists, "the file")


@test
def a_window_that_ended_while_picket_was_dead_is_told_of(s):
    del s
    with lib.scene("alerts-dead", lambda d: POLICY.format(dir=d),
                   alerts={"window": "10s"}) as s:
        flood(s, 10)
        equal(len(s.events("write", of_rule("flooded"))), 10, "events")
        killed(s)
        s.agent.start()
        s.tail.wait(lambda r: r.get("amendment", {}).get("repeats"), "a sum")
        equal([(r["count"], r["alerted"]) for r in
               sums(s.agent.read(), "flooded")], [(10, 1)], "sum")


WAITED_FOR = """
[deny unproved]
event = exec
exe = {dir}/unproved
not-trust = package
severity = high
"""


@test
def verdicts_that_waited_are_summed_over_a_kill(s):
    del s
    with lib.scene("alerts-waited", lambda d: WAITED_FOR.format(dir=d),
                   alerts={"window": "1h"}) as s:
        program = lib.actor("act_tiny", s.dir, "unproved")

        def verdict():
            """Of one more run: settled, by an amendment."""
            pid, _ = lib.act([program], code=1)
            v = settled_verdict(s, pid, program)
            return v.get("alert", False), v.get("repeated", False)
        equal(verdict(), (True, False), "the first")
        equal(verdict(), (False, True), "the second")
        killed(s)
        s.agent.start()
        equal(verdict(), (False, True), "after the kill")
        equal([(r["count"], r["alerted"]) for r in
               sums(until_over(s), "unproved")], [(3, 1)], "sum")


if __name__ == "__main__":
    lib.main(place)
