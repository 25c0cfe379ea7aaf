#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A policy is taken anew whole or not at all, by name of who asked, and no
event falls into the gap."""
import contextlib
import json
import os
import signal
import subprocess

import lib
import record
from lib import (PICKET, Agent, actor, contains, equal, main, need_root, run,
                 scene, test, true, wait_for, workdir)

FIRST = "[deny late]\nevent = exec\nexe = {0}/nobody\n"


def reload(agent, *extra, **kw):
    return run([PICKET, "reload", "--journal", agent.journal, *extra], **kw)


def last_policy_event(s):
    s.settle()
    return s.agent.facts("policy")[-1]


@contextlib.contextmanager
def ground():
    with scene("reload", lambda d: FIRST.format(d)) as s:
        yield s


@test
def the_answer_says_what_is_in_force(s):
    before = s.agent.status()["policy"]
    (s.agent.policy / "60.ini").write_text(
        f"[allow more]\nevent = exec\nexe = {s.dir}/more\n")
    p = reload(s.agent, "--json")
    equal(p.returncode, 0, p.stderr)
    told = json.loads(p.stdout)
    after = s.agent.status()["policy"]
    equal(told["generation"], before["generation"] + 1, "generation")
    equal((told["generation"], told["sha256"], told["rules"]),
          (after["generation"], after["sha256"], after["rules"]), "the same")
    equal((told["allow"], told["deny"], told["ignore"]), (1, 1, 0), "counts")
    equal(told["lints"]["owner"], 1, "an allow without an owner")
    true(after["sha256"] != before["sha256"], "another hash")
    text = reload(s.agent).stdout.decode()
    contains(text, after["sha256"], "text")
    contains(text, "2 rules: 1 allow, 1 deny, 0 ignore", "text")
    contains(text, "1 owner", "text")


@test
def settings_that_wait_for_a_restart_are_named(s):
    ini = s.agent.config
    before = ini.read_text()
    told = json.loads(reload(s.agent, "--json").stdout)
    equal((told["restart_needed_for"], told["config_error"]), ("", ""),
          "nothing changed")
    try:
        ini.write_text(before + "\n[canary]\ninterval = 77s\n")
        p = reload(s.agent)
        equal(p.returncode, 0, "the policy is in force all the same")
        contains(p.stdout.decode(), "waiting for a restart: [canary] interval",
                 "text")
        told = json.loads(reload(s.agent, "--json").stdout)
        equal(told["restart_needed_for"], "[canary] interval", "keys")
        ini.write_text(before + "\n[canary]\nintervall = 77s\n")
        told = json.loads(reload(s.agent, "--json").stdout)
        equal(told["reloaded"], True, "the policy")
        contains(told["config_error"], "intervall", "error")
        contains(s.agent.log_text(), "the next start will fail", "log")
    finally:
        ini.write_text(before)


@test
def the_event_names_who_asked(s):
    p = subprocess.Popen([PICKET, "reload", "--journal", s.agent.journal],
                         stdout=subprocess.PIPE)
    p.communicate(timeout=lib.PATIENCE)
    facts = last_policy_event(s)
    now = s.agent.status()["policy"]
    equal((facts["sha256"], int(facts["generation"]), int(facts["rules"])),
          (now["sha256"], now["generation"], now["rules"]), "what")
    equal((facts["by"], int(facts["by_pid"]), int(facts["by_uid"])),
          ("picket reload", p.pid, 0), "who")
    equal(facts["by_exe"], str(PICKET.resolve()), "its program")


@test
def the_event_names_who_sent_a_signal(s):
    before = s.agent.status()["policy"]["generation"]
    s.agent.process.send_signal(signal.SIGHUP)
    wait_for(lambda: s.agent.status()["policy"]["generation"] > before,
             "a generation more")
    facts = last_policy_event(s)
    equal((facts["by"], int(facts["by_pid"]), int(facts["by_uid"])),
          ("SIGHUP", os.getpid(), 0), "who")
    equal(facts["by_exe"], os.readlink("/proc/self/exe"), "its program")


@test
def a_wrong_policy_changes_nothing_and_is_told(s):
    wrong = s.agent.policy / "70-wrong.ini"
    before = s.agent.status()["policy"]
    wrong.write_text("[deny a]\nevent = exec\ncolour = red\n")
    p = reload(s.agent)
    equal(p.returncode, 6, "exit code")
    contains(p.stderr.decode(), f"{wrong}:3: unknown key 'colour'", "stderr")
    contains(s.agent.log_text(), f"{wrong}:3: unknown key 'colour'", "log")
    p = reload(s.agent, "--json")
    told = json.loads(p.stdout)
    equal((p.returncode, told["reloaded"], told["error"]["line"],
           told["error"]["file"]), (6, False, 3, str(wrong)), "JSON")
    wrong.unlink()
    now = s.agent.status()["policy"]
    equal((now["sha256"], now["generation"]),
          (before["sha256"], before["generation"]), "what is in force")
    facts = last_policy_event(s)
    contains(facts["refused"], "70-wrong.ini:3: ", "the event")
    true("sha256" not in facts, "no hash of what is not in force")


@test
def right_and_wrong_ones_by_turns_are_told_apart(s):
    """Small ones are read before whoever asked has turned round."""
    wrong = s.agent.policy / "70-wrong.ini"
    for i in range(60):
        if i % 2:
            wrong.write_text("[deny a]\nevent = exec\ncolour = red\n")
        else:
            wrong.unlink(missing_ok=True)
        equal(reload(s.agent, "--json").returncode, 6 if i % 2 else 0,
              f"round {i}")
    wrong.unlink()


@test
def others_may_not_ask(s):
    s.agent.journal.chmod(0o755)
    (s.agent.journal / "status.sock").chmod(0o666)
    before = s.agent.status()["policy"]["generation"]
    p = reload(s.agent, user=12345, group=12345, extra_groups=[])
    equal(p.returncode, 4, "exit code")
    contains(p.stderr.decode(), "only root", "stderr")
    equal(s.agent.status()["policy"]["generation"], before, "generation")


@test
def each_of_many_is_answered(s):
    before = s.agent.status()["policy"]["generation"]
    many = [subprocess.Popen([PICKET, "reload", "--json", "--journal",
                              s.agent.journal], stdout=subprocess.PIPE)
            for _ in range(6)]
    told = [json.loads(p.communicate(timeout=lib.PATIENCE * 2)[0])["generation"]
            for p in many]
    equal(sorted(told), list(range(before + 1, before + 7)), "generations")


@test
def without_an_agent_it_says_so(s):
    with workdir("reload-none") as directory:
        p = run([PICKET, "reload", "--journal", directory])
        equal(p.returncode, 1, "exit code")
        contains(p.stderr.decode(), "not running", "stderr")


def judged_by(records, program):
    """(generation in force, verdict) of each exec, in the journal's order."""
    generation, found = 1, []
    for r in records:
        if r["kind"] == "agent" and r["agent"]["what"] == "policy":
            generation = int(r["agent"]["facts"]["generation"])
        if r["kind"] == "exec" and record.exe(r) == os.fsencode(program):
            found.append((generation, record.judged(r)[0]))
    return found


@test
def under_load_each_event_is_judged_by_one_whole_set_and_none_is_lost(s):
    """Two policies by turns: each has two thousand rules of which the last
    decides, so that half a set would give a third answer."""
    need_root()
    rounds = 12
    with workdir("reload-load") as directory:
        busy = actor("act_tiny", directory, "busy")

        def rules(action):
            many = "".join(f"[deny r{i}]\nevent = exec\n"
                           f"exe = {directory}/no-{i}\n" for i in range(2000))
            return many + f"[{action} z]\nevent = exec\nexe = {busy}\n"

        with Agent(directory, rules("deny")) as agent:
            agent.start()
            files = agent.policy / "50-test.ini"
            load = subprocess.Popen(
                ["/bin/sh", "-c",
                 f"i=0; while [ ! -e {directory}/stop ]; do {busy}; "
                 "i=$((i+1)); done; echo $i"], stdout=subprocess.PIPE)
            for i in range(rounds):
                other = files.with_suffix(".new")
                other.write_text(rules(["allow", "deny"][i % 2]))
                other.rename(files)
                p = reload(agent)
                equal(p.returncode, 0, p.stderr)
                # The loop may not get to run in between.
                lib.act([busy], code=1)
            (directory / "stop").touch()
            made = rounds + int(load.communicate(
                timeout=lib.PATIENCE * 2)[0])
            found = wait_for(
                lambda: (f := judged_by(agent.read(), busy))
                and len(f) >= made and f, lambda: f"{made} execs")
            equal(len(found), made, "execs in the journal")
            for generation, verdict in found:
                equal(verdict, "denied" if generation % 2 else "allowed",
                      f"the verdict of generation {generation}")
            true(len({g for g, _ in found}) > rounds // 2,
                 f"the load met the reloads: {made} execs")


main(ground)
