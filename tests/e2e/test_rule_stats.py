#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What is counted of rules survives reloads, restarts and kills, and says
which rules may go."""
import json
import os
import signal

import record
from lib import (PICKET, Agent, Scene, actor, act, contains, equal, main,
                 need_root, run, test, true, wait_for, workdir)

RULES = """[allow busy]
event = exec
exe = {0}/busy
owner = web-team

[deny never]
event = exec
exe = {0}/never

[allow old]
event = exec
exe = {0}/old
expires = 2020-02-29
ticket = OPS-1
"""


def rules(agent):
    p = run([PICKET, "status", "--rules", "--json", "--journal",
             agent.journal])
    equal(p.returncode, 0, p.stderr)
    return {r["rule"]: r for r in map(json.loads, p.stdout.splitlines())}


@test
def hits_and_samples_outlive_the_agent_and_a_reload():
    need_root()
    with workdir("stats") as directory:
        busy = actor("act_tiny", directory, "busy")
        with Agent(directory, RULES.format(directory)) as agent:
            agent.start()
            scene = Scene(directory, agent)
            for _ in range(3):
                act([busy], code=1)
            last = scene.events("exec", lambda r: record.exe(r)
                                == os.fsencode(busy))[-1]
            told = rules(agent)["busy"]
            equal((told["hits"], told["sample"]), (3, last["uid"]), "before")
            agent.process.send_signal(signal.SIGHUP)
            wait_for(lambda: agent.status()["policy"]["generation"] == 2,
                     "the reload")
            equal(rules(agent)["busy"], told, "after a reload")
            equal(agent.stop(), 0, "exit code")
            agent.start()
            equal(rules(agent)["busy"], told, "after a restart")
            act([busy], code=1)
            wait_for(lambda: rules(agent)["busy"]["hits"] == 4, "one more")
            # Another text is another rule.
            (agent.policy / "50-test.ini").write_text(
                RULES.format(directory).replace("web-team", "db-team"))
            agent.process.send_signal(signal.SIGHUP)
            wait_for(lambda: rules(agent)["busy"]["hits"] == 0, "a new rule")


@test
def a_damaged_file_is_told_and_costs_nothing_else():
    need_root()
    with workdir("stats-bad") as directory:
        with Agent(directory, RULES.format(directory)) as agent:
            agent.start()
            agent.stop()
            state = agent.journal / "rules.state"
            state.write_bytes(state.read_bytes()[:-3])
            agent.start()
            contains(agent.log_text(), "rules.state', rules are counted",
                     "the log")
            equal(rules(agent)["busy"]["hits"], 0, "hits")
            equal(agent.stop(), 0, "exit code")
            true(state.read_bytes().startswith(b"picket-rules 1 "), "anew")


@test
def it_says_which_rules_may_go():
    need_root()
    with workdir("stats-go") as directory:
        busy = actor("act_tiny", directory, "busy")
        with Agent(directory, RULES.format(directory)) as agent:
            agent.start()
            act([busy], code=1)
            wait_for(lambda: rules(agent)["busy"]["hits"], "a hit")
            p = run([PICKET, "status", "--rules", "--journal", agent.journal])
            text = p.stdout.decode()
            contains(text, "3 rules, 2 never used, 1 expired or about to",
                     "the first line")
            contains(text, "its last day was 2020-02-29  ticket OPS-1",
                     "what expired")
            contains(text.split("NEVER USED")[1].split("EXPIRED")[0],
                     "deny   never", "what was never used")
            contains(text.split("MOST USED")[1], "allow  busy", "most used")
            told = rules(agent)
            equal((told["old"]["expired"], told["old"]["expires"]),
                  (True, "2020-02-29"), "JSON")
            p = run([PICKET, "status", "--rules", "--prometheus", "--journal",
                     agent.journal])
            equal(p.returncode, 2, "two forms at once")


main()
