#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The canary: picket sees itself see, says so, and raises an alert when it
does not."""
import contextlib
import json
import os
import re
import signal

from lib import (Agent, contains, equal, main, run, test, true, wait_for,
                 workdir, need_root, PICKET)

POLICY = """
[deny everything]
event = exec
event = connect
event = write
not-exe = /nothing/at/all
severity = low
"""


@contextlib.contextmanager
def place():
    need_root()
    with workdir("canary") as directory:
        yield directory


def of_canary(records):
    return [r for r in records if r.get("canary")]


def whats(records, what):
    return [r for r in records if r.get("agent", {}).get("what") == what]


@test
def it_goes_the_whole_way_marked_and_without_an_alert(directory):
    # A policy that denies all there is: any other such event is an alert.
    # One that comes later than the next would fly is missed: some seconds, for
    # a busy machine.
    with Agent(directory, POLICY, canary={"interval": "3s"}) as agent:
        agent.start()
        status = wait_for(lambda: (s := agent.status()) and
                          s["canary"]["rounds"] >= 2 and s,
                          "two rounds of the canary")
        equal(status["canary"]["missing"], False, "nothing is missing")
        equal(status["canary"]["misses"], 0, "rounds missed")
        # By default the write of a memfd, the connection and both ends of
        # the process.
        records = agent.read()
        kinds = {r["kind"] for r in of_canary(records)}
        true({"exec", "connect", "write", "exit"} <= kinds,
             f"all of its acts are marked: {kinds}")
        for r in of_canary(records):
            verdict = r.get("verdict")
            if verdict and r["kind"] in ("exec", "connect", "write"):
                equal(verdict["answer"], "denied", "it is judged")
                equal(verdict.get("alert"), None, "and is no alert")
        pids = {r["process"]["pid"] for r in of_canary(records)}
        other = [r for r in records if not r.get("canary")
                 and r.get("process", {}).get("pid") in pids
                 and r["kind"] in ("exec", "connect", "write", "exit")]
        equal(other, [], "what its processes did besides")
        true(whats(records, "canary"), "the first round is told")
        text = run([PICKET, "tail", "--journal", agent.journal, "--no-follow"])
        # Of this picket: another one's is a program like any other.
        mine = set(re.findall(r"picket-canary-[0-9a-zA-Z]+",
                              json.dumps(of_canary(records))))
        true(mine, "its name has its nonce")
        equal([name for name in mine if name.encode() in text.stdout], [],
              "people are not shown the canary")
        equal(agent.stop(), 0, "exit code")


@test
def one_that_does_not_come_through_is_told_once_each_way(directory):
    with Agent(directory, "", "stuck", canary={"interval": "2s"}) as agent:
        agent.start()
        wait_for(lambda: (s := agent.status()) and s["canary"]["rounds"] >= 1,
                 "a round of the canary")
        helper = agent.child("picket-helper")
        true(helper, "picket has a helper")
        os.kill(helper, signal.SIGSTOP)
        try:
            wait_for(lambda: (s := agent.status()) and
                     s["canary"]["misses"] >= 2, "two missed rounds")
            true(agent.status()["canary"]["missing"], "status says it")
            text = run([PICKET, "status", "--journal", agent.journal]).stdout
            contains(text.decode(), "MISSING NOW", "the screen says it")
        finally:
            os.kill(helper, signal.SIGCONT)
        wait_for(lambda: (s := agent.status()) and
                 not s["canary"]["missing"], "the canary to come back")
        missing = wait_for(lambda: whats(agent.read("--alerts"),
                                         "canary_missing"),
                           "the alert in the journal")
        equal(len(missing), 1, "alerts for one time that it was missing")
        equal(missing[0]["agent"]["facts"]["stage"], "exec", "the stage")
        wait_for(lambda: any("again" in r["agent"]["text"] for r in
                             whats(agent.read(), "canary")),
                 "word that it is back")
        equal(agent.stop(), 0, "exit code")


@test
def without_its_helper_there_is_no_canary_and_picket_goes_on(directory):
    with Agent(directory, "", "alone", canary={"interval": "1h"}) as agent:
        agent.start()
        wait_for(lambda: (s := agent.status()) and s["canary"]["rounds"] >= 1,
                 "a round of the canary")
        os.kill(agent.child("picket-helper"), signal.SIGKILL)
        # At once, and not when the next one would fly.
        wait_for(lambda: (s := agent.status()) and s["canary"]["missing"],
                 "picket to miss it")
        contains(agent.log_text(), "the helper process is gone", "the log")
        missing = wait_for(lambda: whats(agent.read("--alerts"),
                                         "canary_missing"),
                           "the alert in the journal")
        equal([r["agent"]["facts"]["stage"] for r in missing], ["helper"],
              "stages")
        # What else goes on does not bring it back.
        run(["/bin/true"])
        wait_for(lambda: [r for r in agent.read() if r["kind"] == "exec"
                          and not r.get("canary")], "another event")
        equal(agent.status()["canary"]["missing"], True, "it is missing still")
        equal(agent.stop(), 0, "exit code")


@test
def a_late_one_is_missing_at_its_deadline(directory):
    with Agent(directory, "", "late",
               canary={"interval": "30s", "deadline": "100ms"}) as agent:
        agent.start()
        helper = agent.child("picket-helper")
        os.kill(helper, signal.SIGSTOP)
        try:
            # One before may have been late for another reason.
            missing = wait_for(lambda: [
                r for r in whats(agent.read("--alerts"), "canary_missing")
                if r["agent"]["facts"]["stage"] == "exec"], "the alert")
        finally:
            os.kill(helper, signal.SIGCONT)
        facts = missing[0]["agent"]["facts"]
        true(int(facts["after_ms"]) < 30000, f"before the next one: {facts}")
        # It comes at last, and that is told without waiting for the next.
        wait_for(lambda: [r for r in whats(agent.read(), "canary")
                          if r["seq"] > missing[0]["seq"]],
                 "it to come through")
        equal(agent.stop(), 0, "exit code")


@test
def one_that_no_collector_has_is_told_at_its_deadline(directory):
    with Agent(directory, "", "unshipped",
               canary={"interval": "1h", "deadline": "2s"},
               collector={"url": "https://127.0.0.1:9/v1/logs"}) as agent:
        agent.start()
        # On a slow machine it may be late for the journal, too.
        wait_for(lambda: any(r["agent"]["facts"]["stage"] == "collector"
                             for r in whats(agent.read("--alerts"),
                                            "canary_missing")), "the alert")
        equal(agent.stop(), 0, "exit code")


@test
def it_can_be_turned_off(directory):
    with Agent(directory, "", "off", canary={"interval": "0s"}) as agent:
        agent.start()
        equal(agent.status()["canary"], {"interval_ms": 0, "rounds": 0,
                                         "misses": 0, "missing": False},
              "the status")
        equal(agent.child("picket-helper"), 0,
              "helpers of a picket without a canary")
        equal(agent.stop(), 0, "exit code")


@test
def nothing_is_left_when_picket_is_killed(directory):
    with Agent(directory, "", "killed", canary={"interval": "300ms"}) as agent:
        agent.start()
        helper = agent.child("picket-helper")
        agent.process.kill()
        agent.process.wait()
        wait_for(lambda: not os.path.exists(f"/proc/{helper}"),
                 "the helper to end with picket")


if __name__ == "__main__":
    main(place)
