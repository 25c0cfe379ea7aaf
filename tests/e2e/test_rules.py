#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Verdicts on what really happened: one's own rules, and the shipped ones."""
import contextlib
import os
import pathlib
import signal
import sys
import uuid

import record
from lib import (PICKET, POLICY, Agent, Failure, Scene, act, actor, equal,
                 main, run, scene, test, true, wait_for, workdir)

RULES = """
[allow tools]
event = exec
exe   = {0}/tools/*

[deny forbidden-tool]
event    = exec
exe      = {0}/tools/forbidden
severity = critical
tag      = T1059

[ignore noisy]
event = exec
exe   = {0}/noise/**

[deny but-not-noise]
event = exec
exe   = {0}/noise/really/bad

[deny guarded]
event = write
path  = {0}/guarded/**

[allow keeper]
event   = write
path    = {0}/guarded/**
exe     = {0}/tools/keeper
excepts = guarded

[deny sealed]
event = write
path  = {0}/sealed/**
final = yes

[allow keeper-of-sealed]
event   = write
path    = {0}/sealed/**
exe     = {0}/tools/keeper

[allow by-line]
event    = write
path     = {0}/by-line/**
ancestor = {0}/tools/launcher

[allow local-ports]
event = connect
dest  = 127.0.0.0/8
port  = {1}-{2}
proto = tcp

[deny one-argument]
event = exec
args  = *--frobnicate*

[allow not-root]
event    = exec
exe      = {0}/by-user
not-user = root
"""

# Nobody needs to listen: a refused connection is a connection tried.
PORTS = (20000, 29999)


class Ground:
    """A scene with a place for each rule."""

    def __init__(self, s):
        self.s = s
        self.count = 0
        for name in ("tools", "noise", "noise/really", "guarded", "sealed",
                     "by-line"):
            (s.dir / name).mkdir()

    def exec(self, where, *args, **kw):
        """Run a new program there: the verdict of its one exec event."""
        path = os.fsencode(actor("act_tiny", self.s.dir, where))
        pid, _ = act([path, *args], code=1 + len(args), **kw)
        found = self.s.events("exec", lambda r: record.pid(r) == pid
                              and record.exe(r) == path)
        return [record.judged(r) for r in found]

    def write(self, path, by="writer"):
        """Create a file: the verdict of its one event."""
        self.count += 1
        program = actor("act_write", self.s.dir, by)
        path = self.s.dir / path
        pid, _ = act([program, "create", path])
        found = self.s.events("write", lambda r: record.pid(r) == pid
                              and record.path(r) == os.fsencode(path))
        return [record.judged(r) for r in found]


@contextlib.contextmanager
def ground():
    with scene("rules", lambda d: RULES.format(d, *PORTS)) as s:
        yield Ground(s)


@test
def what_a_rule_allows_is_allowed_by_its_name(g):
    equal(g.exec("tools/hammer"), [("allowed", "tools", False)], "verdict")


@test
def deny_beats_allow(g):
    equal(g.exec("tools/forbidden"), [("denied", "forbidden-tool", True)],
          "verdict")
    path = os.fsencode(g.s.dir / "tools" / "forbidden")
    r = g.s.one("exec", lambda r: record.exe(r) == path, "denied exec")
    equal((r["verdict"]["severity"], r["verdict"]["tag"]),
          ("critical", "T1059"), "severity and tag")


@test
def what_no_rule_lists_is_unlisted(g):
    equal(g.exec("elsewhere"), [("unlisted", None, False)], "verdict")


@test
def what_is_ignored_is_counted_and_not_recorded(g):
    before = g.s.agent.status()["policy"]["ignored"]
    equal(g.exec("noise/drum"), [], "verdicts of what is ignored")
    after = g.s.agent.status()["policy"]["ignored"]
    true(after > before, f"ignored: {before}, then {after}")


@test
def deny_beats_ignore(g):
    equal(g.exec("noise/really/bad"), [("denied", "but-not-noise", True)],
          "verdict")


@test
def an_exception_silences_that_deny_for_whom_it_names(g):
    equal(g.write("guarded/a"), [("denied", "guarded", True)], "others")
    equal(g.write("guarded/b", by="tools/keeper"),
          [("allowed", "keeper", False)], "who is excepted")
    equal(g.write("sealed/a", by="tools/keeper"),
          [("denied", "sealed", True)], "who is allowed but not excepted")


@test
def an_ancestor_decides_for_what_it_started(g):
    equal(g.write("by-line/a"), [("unlisted", None, False)],
          "verdict without the ancestor")
    launcher = actor("act_exec", g.s.dir, "tools/launcher")
    writer = actor("act_write", g.s.dir, "writer")
    path = g.s.dir / "by-line" / "b"
    act([launcher, "many", "1", "/bin/sh", "-c", '"$0" create "$1"; :',
         writer, path])
    r = g.s.one("write", lambda r: record.path(r) == os.fsencode(path),
                "write below the launcher")
    equal(record.judged(r), ("allowed", "by-line", False),
          "verdict with the ancestor two steps up")


@test
def destination_and_port_range_decide(g):
    def connect(address, port):
        path = actor("act_connect", g.s.dir, f"connect-{port}")
        act([path, "tcp", address, str(port)])
        r = g.s.one("connect", lambda r: record.exe(r) == os.fsencode(path),
                    f"connect to {port}")
        return record.judged(r)

    equal(connect("127.0.0.1", PORTS[0]), ("allowed", "local-ports", False),
          "first port of the range")
    equal(connect("127.0.0.1", PORTS[1]), ("allowed", "local-ports", False),
          "last port of the range")
    equal(connect("127.0.0.1", PORTS[0] - 1), ("unlisted", None, False),
          "port below the range")
    equal(connect("127.0.0.1", PORTS[1] + 1), ("unlisted", None, False),
          "port above the range")


@test
def arguments_decide(g):
    equal(g.exec("tools/args", "now", "--frobnicate=all"),
          [("denied", "one-argument", True)], "verdict")
    equal(g.exec("tools/args", "--frob"), [("allowed", "tools", False)],
          "verdict of others")


@test
def a_user_that_is_excluded_is_not_matched(g):
    equal(g.exec("by-user"), [("unlisted", None, False)], "as root")
    equal(g.exec("by-user", user=12345, group=12345, extra_groups=[]),
          [("allowed", "not-root", False)], "as somebody else")


@test
def a_reload_brings_new_rules_and_a_broken_one_keeps_the_old(g):
    policy = g.s.agent.policy / "60-more.ini"
    rules = g.s.agent.status()["policy"]["rules"]

    def reload(text):
        policy.write_text(text)
        g.s.agent.process.send_signal(signal.SIGHUP)

    reload(f"[deny late]\nevent = exec\nexe = {g.s.dir}/late\n")
    wait_for(lambda: g.s.agent.status()["policy"]["rules"] == rules + 1,
             "one rule more")
    equal(g.exec("late"), [("denied", "late", True)], "verdict")
    reload(f"[deny late]\nevent = exec\nexe = {g.s.dir}/late\ncolour = red\n")
    wait_for(lambda: "60-more.ini:4: " in g.s.agent.log_text(),
             "the broken line to be named")
    equal(g.exec("late"), [("denied", "late", True)],
          "verdict after a reload that failed")
    policy.unlink()


@test
def unlisted_can_mean_alert_or_drop(g):
    with workdir("unlisted") as directory:
        with Agent(directory, rules={"unlisted_exec": "drop",
                                     "unlisted_connect": "alert"}) as agent:
            agent.start()
            tail = agent.tail()
            dropped = actor("act_tiny", directory, "dropped")
            dropped_pid, _ = act([dropped], code=1)
            program = actor("act_connect", directory, "caller")
            pid, _ = act([program, "tcp", "127.0.0.1", "1"])
            r = tail.wait(lambda r: r["kind"] == "connect"
                          and record.pid(r) == pid, "the connection")[0]
            equal(record.judged(r), ("unlisted", None, True),
                  "an unlisted connection")
            equal(tail.find(lambda r: r["kind"] == "exec"
                            and record.pid(r) in (pid, dropped_pid)), [],
                  "execs that are to be dropped")
            # The one ended before the other began; that is in the journal.
            tail.wait(lambda r: r["kind"] == "exit"
                      and record.pid(r) == pid, "the end of the connection's")
            equal(tail.find(lambda r: r["kind"] == "exit"
                            and record.pid(r) == dropped_pid), [],
                  "the end of what nothing else is told of")
            # Dropped or not, who it was is known.
            equal(record.exe(r), os.fsencode(program), "exe of the connection")


# ---- the shipped policy -----------------------------------------------------

@contextlib.contextmanager
def shipped():
    if not any(POLICY.glob("*.ini")):
        raise Failure(f"{POLICY} holds no policy")
    with workdir("shipped") as directory:
        with Agent(directory, POLICY) as agent:
            agent.start()
            yield Scene(directory, agent)


def alerts_below(s, pid):
    """Alerts by a process and by what it started."""
    s.settle()
    return s.tail.find(lambda r: record.judged(r)[2] and (
        record.pid(r) == pid
        or any(a["pid"] == pid for a in record.ancestors(r))))


@test
def the_shipped_policy_alerts_on_a_dropped_binary(g):
    with shipped() as s:
        # The directory stands below /tmp, where everybody may write.
        path = actor("act_tiny", s.dir, "dropped")
        pid, _ = act([path], code=1)
        r = s.one("exec", lambda r: record.pid(r) == pid, "the dropped binary")
        equal((r["verdict"]["answer"], r["verdict"]["alert"]),
              ("denied", True), "verdict")
        launcher = actor("act_exec", s.dir, "launcher")
        for way in ("memfd", "deleted"):
            program = actor("act_tiny", s.dir, f"for-{way}")
            pid, _ = act([launcher, way, program], code=1)
            r = s.one("exec", lambda r: record.pid(r) == pid
                      and record.exe(r) != os.fsencode(launcher), way)
            true(record.judged(r)[2], f"no alert for a {way} executable: {r}")


@test
def the_shipped_policy_alerts_on_a_cron_file(g):
    cron = pathlib.Path("/etc/cron.d")
    made = not cron.is_dir()
    with shipped() as s:
        if made:
            cron.mkdir()
        name = cron / f"picket-e2e-{uuid.uuid4().hex}"
        try:
            pid, _ = act(["/bin/sh", "-c",
                          f"echo '# by a test of picket' > {name}"])
            found = s.events("write", lambda r: record.pid(r) == pid
                             and record.path(r) == os.fsencode(name))
            true(found, f"no event of {name}")
            true(any(record.judged(r)[2] for r in found),
                 f"no alert on {name}: {found}")
            pid, _ = act(["/bin/sh", "-c", f"exec rm {name}"])
            true(alerts_below(s, pid), f"no alert on removing {name}")
        finally:
            name.unlink(missing_ok=True)
            if made:
                cron.rmdir()


@test
def the_shipped_policy_is_silent_on_ordinary_commands(g):
    with shipped() as s:
        inside = s.dir / "home"
        inside.mkdir()
        script = inside / "script.py"
        script.write_text("import json, os\nopen('out', 'w').write('x')\n"
                          "os.rename('out', 'done')\nprint(json.dumps(1))\n")
        commands = [
            ["ls", "-l", "/"],
            ["apt-get", "--version"],
            [sys.executable, script],
            ["/bin/sh", "-c", "id; uname -a | cat > log; ps > /dev/null"],
            ["find", "/etc", "-maxdepth", "1"],
            ["tar", "-cf", "all.tar", "."],
            ["cp", "/etc/passwd", "copy"],
        ]
        for argv in commands:
            pid, _ = act(argv, cwd=inside)
            equal(alerts_below(s, pid), [], f"alerts on {argv}")
            seen = s.tail.find(lambda r: r["kind"] == "exec"
                               and record.pid(r) == pid)
            true(seen, f"{argv} was not seen at all")


@test
def the_shipped_policy_passes_its_own_check(g):
    with workdir("check") as directory:
        agent = Agent(directory, POLICY)
        p = run([PICKET, "check", "--config", agent.config])
        equal(p.returncode, 0, f"exit code of picket check: {p.stderr!r}")


if __name__ == "__main__":
    main(ground)
