#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`picket check`: what is wrong is an error with its line, what is odd is told,
and CI can tell them apart. Needs no root."""
import contextlib
import json
import time

from lib import (PICKET, POLICY, ROOT, Failure, contains, equal, main, run,
                 test, true, workdir)

CONFIG = ROOT / "packaging" / "agent.ini"

ODD = """[deny etc]
path = /etc/**

[allow one-file]
path = /etc/x
exe = /tmp/tool
"""


@contextlib.contextmanager
def place():
    with workdir("check") as directory:
        yield directory


def check(*words, code=0):
    p = run([PICKET, "check", "--config", CONFIG, *words])
    if p.returncode != code:
        raise Failure(f"exit code {p.returncode}, not {code}: "
                      f"{p.stdout!r} {p.stderr!r}")
    return p.stdout.decode(), p.stderr.decode()


@test
def the_shipped_policy_has_no_odd_rule(_):
    text, _ = check("--policy", POLICY, "--strict")
    contains(text, f"configuration '{CONFIG}' is right", "the screen")
    contains(text, f"policy '{POLICY}' is right", "the screen")
    equal(len(text.splitlines()), 2, "lines")
    r = json.loads(check("--policy", POLICY, "--json")[0])
    equal(r["findings"], [], "findings")
    true(r["rules"] > 30, "rules")
    contains(text, r["sha256"], "the same hash")


@test
def what_is_odd_is_told_and_fails_only_strictly(directory):
    policy = directory / "odd.ini"
    policy.write_text(ODD)
    text, _ = check("--policy", policy)
    contains(text, f"{policy}:4: rule 'one-file' never decides: 'etc' "
             f"({policy}:1)", "shadowed")
    contains(text, "can replace: /tmp/tool", "a writable program")
    contains(text, "has no owner", "an owner")
    check("--policy", policy, "--strict", code=1)
    r = json.loads(check("--policy", policy, "--strict", "--json", code=1)[0])
    equal([(f["kind"], f["line"], f["rule"], f["other"])
           for f in r["findings"]],
          [("shadowed", 4, "one-file", "etc"), ("writable", 4, "one-file", ""),
           ("owner", 4, "one-file", "")], "findings")


@test
def each_kind_of_lint_has_its_name(directory):
    policy = directory / "kinds.ini"
    soon = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 3 * 86400))
    policy.write_text(f"""
[deny wide]
path = /srv/**
[deny narrow]
path = /srv/x
[deny over]
user = 1
expires = 2001-01-01
[deny ends]
user = 2
expires = {soon}
[deny never]
op = open
old-path = /x
[allow shadowed]
path = /srv/a/b
owner = me
[allow script]
script = /tmp/**
owner = me
[allow nobody]
path = /opt/x
""")
    r = json.loads(check("--policy", policy, "--json")[0])
    equal([(f["kind"], f["rule"], f["other"]) for f in r["findings"]],
          [("covered", "narrow", "wide"), ("expired", "over", ""),
           ("expires", "ends", ""), ("never", "never", ""),
           ("shadowed", "shadowed", "wide"), ("writable", "script", ""),
           ("owner", "nobody", "")], "findings")
    true(all(f["file"] == str(policy) and f["line"] and f["what"]
             for f in r["findings"]), "where and what")


@test
def what_is_wrong_is_an_error_with_its_line(directory):
    policy = directory / "wrong.ini"
    policy.write_text("[deny x]\npaht = /etc/x\n")
    out, err = check("--policy", policy, "--json", code=6)
    equal(out, "", "data of a failure")
    contains(err, f"{policy}:2: unknown key 'paht'", "the error")


if __name__ == "__main__":
    main(place)
