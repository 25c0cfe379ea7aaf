#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`picket why`: what was considered, what the nearest allow lacks, the smallest
edit, and what else it lets through; and the edit does what it says."""
import contextlib
import json
import os

import journals
import record
from lib import POLICY as POLICY_SHIPPED
from lib import (PICKET, Failure, act, actor, contains, equal, main, run,
                 scene, test, true)

POLICY = """
[deny dropped]
event = exec
exe = /**/dropped
severity = high

[deny never]
event = exec
exe = /**/never
final = yes

[allow tools]
event = exec
exe = /nowhere/tool-a
exe = /nowhere/tool-b
user = 0
tty = no
tty = yes
"""


class Place:
    def __init__(self, scene):
        self.dir = scene.dir
        self.journal = scene.agent.journal
        self.policy = scene.dir / "agent" / "policy.d"
        self.records = scene.agent.read()

    def uid(self, name):
        """Of the first exec of this program."""
        exe = os.fsencode(self.dir / name)
        return next(r["uid"] for r in self.records
                    if r["kind"] == "exec" and record.exe(r) == exe)

    def ask(self, *words, code=0, journal=None):
        p = run([PICKET, "why", "--journal", journal or self.journal, *words])
        if p.returncode != code:
            raise Failure(f"exit code {p.returncode}, not {code}: "
                          f"{p.stdout!r} {p.stderr!r}")
        return p.stdout.decode(), p.stderr.decode()

    def why(self, *words, policy=None, journal=None):
        return json.loads(self.ask("--policy", policy or self.policy, "--json",
                                   *words, journal=journal)[0])

    def with_rule(self, text):
        """A copy of the policy with a rule added."""
        path = self.dir / "edited.ini"
        old = (self.policy / "50-test.ini").read_text()
        path.write_text(old + "\n" + text)
        return path


@contextlib.contextmanager
def place():
    with scene("why", POLICY) as s:
        for name in ("dropped", "dropped", "never", "tool-c", "tool-c",
                     "odd* #"):
            act([actor("act_tiny", s.dir, name)], code=1)
        s.settle()
        equal(s.agent.stop(), 0, "exit code")
        yield Place(s)


@test
def a_deny_wants_a_rule_that_excepts_it(p):
    w = p.why(p.uid("dropped"))
    equal((w["answer"], w["rule"], w["alert"]), ("denied", "dropped", True),
          "the verdict")
    equal([r["name"] for r in w["fits"]], ["dropped"], "what fits")
    equal(w["edit"], "new_rule", "the edit")
    contains(w["text"], "excepts = dropped", "the rule")
    equal((w["would_allow"], w["of_them_alerts"]), (2, 2),
          "what it lets through: both times")
    # And it does, as it stands.
    after = p.why(p.uid("dropped"), policy=p.with_rule(w["text"]))
    equal((after["answer"], after["edit"]), ("allowed", "none"), "after it")


@test
def the_nearest_allow_lacks_one_value(p):
    w = p.why(p.uid("tool-c"))
    equal((w["answer"], w["rule"]), ("unlisted", ""), "the verdict")
    equal(w["nearest"]["name"], "tools", "the nearest allow")
    bad = [c for c in w["nearest"]["conditions"] if not c["holds"]]
    equal([c["key"] for c in bad], ["exe"], "what it lacks")
    equal(bad[0]["values"], "/nowhere/tool-a | /nowhere/tool-b", "it asks for")
    equal(bad[0]["actual"], os.fspath(p.dir / "tool-c"), "what there is")
    equal((w["edit"], w["text"]),
          ("add_value", f"exe = {p.dir / 'tool-c'}"), "the edit")
    equal(w["would_allow"], 2, "what it lets through")
    text, _ = p.ask("--policy", p.policy, p.uid("tool-c"))
    contains(text, f"{p.policy}/50-test.ini:", "where")
    contains(text, "[allow tools], add", "which rule")


@test
def names_with_globs_in_them_are_escaped(p):
    w = p.why(p.uid("odd* #"))
    equal(w["text"], f"exe = {p.dir}/odd\\*\\x20#", "the value")
    equal(w["would_allow"], 1, "only this one is let through")


@test
def a_final_deny_takes_no_edit(p):
    w = p.why(p.uid("never"))
    equal(w["edit"], "impossible", "the edit")
    contains(w["text"], "final", "why not")


@test
def a_program_that_never_ran_can_be_asked_about(p):
    w = p.why("--exec", "/opt/dropped")
    equal((w["answer"], w["rule"]), ("denied", "dropped"), "the verdict")
    w = p.why("--exec", "/nowhere/tool-a", "--user", "0")
    equal((w["answer"], w["rule"]), ("allowed", "tools"), "the verdict")
    w = p.why("--exec", "/nowhere/tool-a", "--user", "1000")
    equal(w["answer"], "unlisted", "the verdict")
    equal(w["text"], "user = 1000", "the smallest edit")


@test
def a_program_is_looked_at_as_it_lies_there(p):
    policy = p.dir / "packaged.ini"
    policy.write_text("[allow packaged]\nevent = exec\ntrust = package\n"
                      "not-writable-by = others\n")
    # By the name that the kernel will have for it.
    found = p.why("--exec", "/bin/sh", policy=policy)
    file, = found["files"]
    equal(file["path"], os.path.realpath("/bin/sh"), "path")
    equal(len(file["sha256"]), 64, "its digest")
    if os.path.exists("/var/lib/dpkg/info/dash.md5sums"):
        equal((file["trust"], file["package"].split()[0]),
              ("package", "dash"), "whose it is")
        equal((found["answer"], found["rule"]), ("allowed", "packaged"),
              "the verdict")
    script = p.dir / "script"
    script.write_text("#!/bin/sh -e\n")
    script.chmod(0o755)
    found = p.why("--exec", str(script), policy=policy)
    equal([f["path"] for f in found["files"]],
          [os.path.realpath("/bin/sh"), str(script)], "both files")
    equal((found["files"][1]["trust"], found["files"][1]["writable"]),
          ("unpackaged", True), "what it is")
    equal(found["answer"], "unlisted", "the verdict")
    text, _ = p.ask("--policy", policy, "--exec", str(script))
    contains(text, "no package's; to be replaced by: others", "in words")
    # Nobody edits what is shipped.
    found = p.why("--exec", str(script), policy=POLICY_SHIPPED)
    equal(found["edit"], "new_rule", "the edit")
    text, _ = p.ask("--policy", policy, "--exec", "/nowhere/tool")
    contains(text, "/nowhere/tool: not examined (No such file", "in words")


@test
def mistakes_are_said(p):
    p.ask("--policy", p.policy, code=2)
    p.ask("--policy", p.policy, "not-a-uid", code=2)
    p.ask("--policy", p.policy, "a.b.c", "extra", code=2)
    p.ask("--policy", p.policy, "--exec", "relative", code=2)
    uid = p.uid("never")
    _, err = p.ask("--policy", p.policy, uid.rsplit(".", 1)[0] + ".999999",
                   code=1)
    contains(err, "not in the journal", "a record that is not there")
    exit_uid = next(r["uid"] for r in p.records if r["kind"] == "exit")
    _, err = p.ask("--policy", p.policy, exit_uid, code=1)
    contains(err, "no rule speaks of", "a record without a verdict")
    p.ask("--policy", p.dir / "none", uid, code=6)


@test
def what_became_known_hours_later_counts(p):
    policy = p.dir / "packaged.ini"
    policy.write_text("[allow packaged]\nevent = connect\ntrust = package\n")
    for late in ("59m", "80m"):
        journal = journals.make_late(p.dir, late)
        waited = [json.loads(line) for line in run(
            [PICKET, "query", "--journal", journal, "--kind", "connect",
             "--verdict", "pending", "--json"]).stdout.splitlines()]

        def why(record):
            return p.why(record["uid"], policy=policy, journal=journal)
        # Of the first it is told so much later; of the others never.
        equal((why(waited[0])["answer"], why(waited[0])["rule"]),
              ("allowed", "packaged"), f"{late} later")
        true(why(waited[1])["answer"] != "allowed", "one that nobody looked at")


if __name__ == "__main__":
    main(place)
