#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`picket replay`: a policy is asked about what was recorded, by the code that
decides; with expectations it is a test of the policy."""
import contextlib
import json
import os

import journals
from lib import (PICKET, act, actor, contains, equal, main, run, scene, test,
                 true)

POLICY = """
[deny dropped]
event = exec
exe = /**/dropped
severity = high

[allow known]
event = exec
exe = /**/known
"""


class Place:
    def __init__(self, scene):
        self.dir = scene.dir
        self.journal = scene.agent.journal
        self.config = scene.agent.config

    def policy(self, name, text):
        path = self.dir / f"{name}.ini"
        path.write_text(text)
        return path

    def replay(self, *words, code=0):
        p = run([PICKET, "replay", "--config", self.config, "--journal",
                 self.journal, *words])
        if p.returncode != code:
            from lib import Failure
            raise Failure(f"exit code {p.returncode}, not {code}: "
                          f"{p.stdout!r} {p.stderr!r}")
        return p.stdout.decode(), p.stderr.decode()

    def asked(self, *words, code=0):
        return json.loads(self.replay("--json", *words, code=code)[0])


@contextlib.contextmanager
def place():
    with scene("replay", POLICY, canary={"interval": "300ms"}) as s:
        for name in ("dropped", "dropped", "known", "other"):
            act([actor("act_tiny", s.dir, name)], code=1)
        s.settle()
        equal(s.agent.stop(), 0, "exit code")
        yield Place(s)


@test
def the_same_policy_says_the_same(p):
    r = p.asked("--policy", p.dir / "agent" / "policy.d")
    equal(r["recorded"], r["policy"], "the tallies")
    equal((r["newly_alerted"], r["newly_silenced"]), (0, 0), "changes")
    equal(r["policy"]["alerts"], 2, "alerts: not those of the canary")
    true(r["policy"]["allowed"] >= 1, "what is allowed")


@test
def what_changes_is_told_by_rule_with_samples(p):
    new = p.policy("new", "[deny others]\nevent = exec\nexe = /**/other\n"
                   "severity = low\n")
    r = p.asked("--policy", new, code=1)
    equal((r["newly_alerted"], r["newly_silenced"]), (1, 2), "changes")
    equal([(c["rule"], c["severity"], c["count"]) for c in r["alerted"]],
          [("others", "low", 1)], "newly alerted")
    equal([(c["rule"], c["severity"], c["count"]) for c in r["silenced"]],
          [("dropped", "high", 2)], "newly silenced")
    equal(len(r["silenced"][0]["samples"]), 2, "samples")
    text, _ = p.replay("--policy", new, code=1)
    contains(text, "newly silenced: 2", "the screen")
    contains(text, "2 by dropped (high)", "the screen")
    contains(text, os.fspath(p.dir / "other"), "a sample's line")


@test
def two_policies_are_compared(p):
    one = p.policy("one", "[deny a]\nevent = exec\nexe = /**/known\n")
    both = p.policy("both", "[deny a]\nevent = exec\nexe = /**/known\n"
                    "[deny b]\nevent = exec\nexe = /**/other\n")
    r = p.asked("--policy", both, "--against", one, code=1)
    equal((r["newly_alerted"], r["newly_silenced"]), (1, 0), "changes")
    equal(r["against"]["alerts"], 1, "alerts of the one")
    equal(p.asked("--policy", both, "--against", both)["newly_alerted"], 0,
          "changes against itself")


@test
def expectations_make_it_a_test(p):
    policy = p.dir / "agent" / "policy.d"
    good = p.policy("good", """
[expect dropped programs alert]
rule = dropped
alert = yes
kind = exec
exe = dropped
count = 2

[expect nothing else does]
alert = yes
count = 2

[expect the known one is allowed]
answer = allowed
exe = known
""")
    text, _ = p.replay("--policy", policy, "--expect", good)
    contains(text, "expectations: 3 of 3 hold", "the screen")
    bad = p.policy("bad", "[expect too many]\nrule = dropped\ncount = 3-5\n")
    text, _ = p.replay("--policy", policy, "--expect", bad, code=1)
    contains(text, f"{bad}:1: too many: 2 events, expected 3 to 5", "why")
    r = p.asked("--policy", policy, "--expect", bad, code=1)
    equal(r["expectations"], [{"name": "too many", "line": 1, "found": 2,
                               "holds": False}], "as JSON")
    # Alerts may change as they like when it is expectations that count.
    p.replay("--policy", p.policy("none", "[deny x]\nexe = /x\n"),
             "--expect", p.policy("few", "[expect quiet]\nalert = yes\n"
                                  "count = 0\n"))


@test
def mistakes_are_named_with_their_line(p):
    policy = p.dir / "agent" / "policy.d"
    for text, says in (
            ("[expect a]\ncount = 5-2\n", ":2: count '5-2': not a number"),
            ("[expect a]\nrules = x\n", ":2: unknown key 'rules'"),
            ("[expect a]\nrule = x\nrule = y\n", ":3: 'rule' is given twice"),
            ("[expects a]\n", ":1: unknown section [expects a]"),
            ("[expect a]\n[expect a]\n", ":2: 'a' is also at line 1"),
            ("[expect a]\nanswer = maybe\n", ":2: answer 'maybe'"),
            ("[expect a]\nexe = [\n", ":2: exe '['"),
            ("", "expects nothing")):
        _, err = p.replay("--policy", policy, "--expect",
                          p.policy("wrong", text), code=6)
        contains(err, says, f"what is said of {text!r}")
    _, err = p.replay("--policy", p.dir / "none", code=6)
    contains(err, "none", "a policy that is not there")
    p.replay(code=2)
    p.replay("--policy", policy, "--journal", p.dir / "nowhere", code=1)


@test
def a_verdict_that_came_too_late_is_not_compared_and_told(p):
    # As it was: the first of those that waited is denied, so much later.
    policy = p.policy("late", "[deny late]\nevent = write\npath = /no\n")
    for late in ("59m", "80m"):
        journal = journals.make_late(p.dir, late)
        first = json.loads(run([PICKET, "query", "--journal", journal,
                                "--verdict", "pending", "--json"])
                           .stdout.splitlines()[0])
        only = ["--journal", journal, "--policy", policy,
                "--from", first["time"], "--to", first["time"]]
        r = json.loads(run([PICKET, "replay", "--config", p.config, "--json",
                            *only]).stdout)
        equal((r["recorded"]["pending"], r["unsettled"], r["newly_silenced"]),
              (1, 1, 0) if late == "80m" else (0, 0, 1), f"{late} later")
        text = run([PICKET, "replay", "--config", p.config, *only]).stdout
        equal("not compared: 1, whose verdict was pending" in text.decode(),
              late == "80m", f"told, {late} later")


@test
def more_verdicts_than_are_held_are_told(p):
    journal = journals.make(p.dir / "many", 656000, "--pending",
                            "--segment-size", "64M")
    policy = p.policy("nothing", "[deny nothing]\nevent = write\npath = /no\n")
    # A tenth of them waited; 65536 is how many are held.
    r = run([PICKET, "replay", "--config", p.config, "--journal", journal,
             "--policy", policy, "--json"])
    equal(json.loads(r.stdout)["events"], 656000, "events")
    contains(r.stderr.decode(), "and 64 verdicts that were pending, are left "
             "out", "the warning")


if __name__ == "__main__":
    main(place)
