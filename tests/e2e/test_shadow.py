#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A candidate policy beside the real one: it decides nothing, and where it
would is counted, sampled and told. A wrong one stops nothing."""
import contextlib
import json
import os

import record
from lib import (PICKET, Agent, Scene, act, actor, contains, equal, main,
                 need_root, run, test, true, wait_for, workdir)

REAL = """[deny noisy]
event = exec
exe = {0}/noisy

[allow fine]
event = exec
exe = {0}/fine
"""
# Silences the one, alerts on the other, and allows a third.
CANDIDATE = """[deny strict]
event = exec
exe = {0}/fine
severity = high

[allow more]
event = exec
exe = {0}/third
"""


class Ground:
    def __init__(self, directory, agent, shadow):
        self.dir, self.agent, self.shadow = directory, agent, shadow
        self.s = Scene(directory, agent)

    def exec(self, name, times=1):
        program = actor("act_tiny", self.dir, name)
        for _ in range(times):
            act([program], code=1)
        return self.s.events("exec", lambda r: record.exe(r)
                             == os.fsencode(program))

    def told(self):
        return self.agent.status()["shadow"]


@contextlib.contextmanager
def ground():
    need_root()
    with workdir("shadow") as directory:
        shadow = directory / "shadow.d"
        shadow.mkdir()
        (shadow / "10.ini").write_text(CANDIDATE.format(directory))
        with Agent(directory, REAL.format(directory),
                   rules={"shadow": shadow}) as agent:
            agent.start()
            yield Ground(directory, agent, shadow)


@test
def the_real_policy_alone_decides_and_differences_are_counted(g):
    noisy, fine, third = (g.exec("noisy", 2), g.exec("fine", 3),
                          g.exec("third"))
    equal([record.judged(r)[0] for r in noisy], ["denied"] * 2, "noisy")
    equal([record.judged(r)[0] for r in fine], ["allowed"] * 3, "fine")
    equal([record.judged(r)[0] for r in third], ["unlisted"], "third")
    told = g.told()
    rows = {(r["difference"], r["rule"]): r for r in told["by_rule"]}
    for key, count, last in ((("silenced", "noisy"), 2, noisy[-1]),
                             (("alerted", "strict"), 3, fine[-1]),
                             (("answered", "more"), 1, third[-1])):
        equal((rows[key]["count"], rows[key]["sample"]),
              (count, last["uid"]), f"{key} of {rows}")
    equal((told["alerted"], told["silenced"], told["error"]), (3, 2, ""),
          "sums")
    true(told["judged"] >= 6, f"judged: {told['judged']}")


@test
def samples_are_journaled_and_not_each_event(g):
    g.exec("fine", 20)

    def samples():
        # Something has to happen for the agent to look after things.
        act([actor("act_tiny", g.dir, "other")], code=1)
        return [r["agent"]["facts"] for r in g.agent.read("--kind", "agent")
                if r["agent"]["what"] == "shadow"]

    wait_for(samples, "a sample", every=0.2)
    facts = samples()[0]
    sha = g.told()["sha256"]
    equal(facts["shadow_sha256"], sha, "whose it is")
    true(facts["rule"] in ("strict", "noisy", "more", "none"), f"{facts}")
    true(int(facts["count"]) >= 1 and facts["sample"], f"{facts}")
    true(len(samples()) <= 8, f"samples: {len(samples())}")


@test
def status_and_metrics_tell_of_it(g):
    text = run([PICKET, "status", "--journal", g.agent.journal]).stdout.decode()
    contains(text, f"shadow    {g.shadow}", "status")
    contains(text, "alerted by strict: denied instead of allowed", "status")
    text = run([PICKET, "status", "--prometheus", "--journal",
                g.agent.journal]).stdout.decode()
    contains(text, "picket_shadow_policy_up 1\n", "metrics")
    contains(text, 'picket_shadow_differences_by_rule_total'
             '{difference="silenced",rule="noisy"} 2\n', "metrics")


@test
def a_reload_takes_it_too_and_a_wrong_one_stops_nothing(g):
    file = g.shadow / "10.ini"
    before = g.told()["sha256"]
    file.write_text("[deny a]\ncolour = red\n")
    p = run([PICKET, "reload", "--journal", g.agent.journal])
    equal(p.returncode, 0, "the real policy is right")
    contains(p.stdout.decode(), f"shadow policy not reloaded: {file}:2: ",
             "the answer")
    told = g.told()
    equal(told["sha256"], before, "what is asked")
    contains(told["error"], f"{file}:2: unknown key 'colour'", "status")
    contains(run([PICKET, "status", "--prometheus", "--journal",
                  g.agent.journal]).stdout.decode(),
             "picket_shadow_policy_up 0\n", "metrics")
    p = run([PICKET, "check", "--config", g.agent.config])
    equal(p.returncode, 6, "picket check")
    file.write_text(REAL.format(g.dir))
    p = run([PICKET, "reload", "--json", "--journal", g.agent.journal])
    told = json.loads(p.stdout)
    equal((told["shadow"]["error"], told["shadow"]["rules"]), ("", 2), "JSON")
    g.exec("noisy")
    g.exec("fine")
    told = g.told()
    equal((told["error"], told["alerted"], told["silenced"],
           told["answered"], told["by_rule"]), ("", 0, 0, 0, []),
          "the same policy makes no difference")


@test
def without_a_right_one_the_agent_starts_and_says_so(g):
    with workdir("shadow-none") as directory:
        with Agent(directory, rules={"shadow": directory / "none"}) as agent:
            agent.start()
            told = agent.status()["shadow"]
            contains(told["error"], str(directory / "none"), "status")
            true("judged" not in told, f"{told}")
            contains(agent.log_text(), "there is no shadow policy", "log")


main(ground)
