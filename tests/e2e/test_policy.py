#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The shipped policy on a system of its own: packages come and go in silence,
and each thing that an intruder leaves behind is one kind of alert."""
import contextlib
import functools
import os
import re
import sys

import record
from deeds import IN_A_CONTAINER, LEFT_BEHIND, RUNS, a_cgroup_link
from inside import alerts, deeds_of, need_overlay, run_inside
from lib import (PICKET, POLICY, Agent, Scene, actor, equal, main, need_root,
                 run, test, true, wait_for, workdir)

sys.path.append(os.path.join(os.path.dirname(__file__), "..", "vm"))
from noise import ATTACKS

# Programs that are the host's own files, and so of its packages; what is
# written below /usr lies elsewhere.
PACKAGED = """
mount --bind /.host/usr /usr
mount -o remount,bind,ro /usr
for place in usr/sbin usr/lib/systemd/system; do
    mkdir -p "/.host$0/$place/upper" "/.host$0/$place/work"
    mount -t overlay picket-test "/$place" -o \
        "lowerdir=/.host/$place,upperdir=/.host$0/$place/upper,workdir=/.host$0/$place/work"
done
for tool in useradd userdel ldconfig; do
    mount --bind "/.host/usr/sbin/$tool" "/usr/sbin/$tool"
done
"""

# An exception for the loader is one for the host's: one in a file system of a
# process's own may be anything.
LOADERS = """
for loader in /usr/lib/*/ld-linux*.so*; do
    mount --bind "/.host$loader" "$loader"
done
"""

CONTROL = """Package: picket-test
Version: 1
Architecture: all
Maintainer: nobody <nobody@localhost>
Description: what packages bring
"""

FILES = ["etc/cron.d/picket-test", "etc/cron.daily/picket-test",
         "usr/lib/systemd/system/picket-test.service",
         "etc/sudoers.d/picket-test", "etc/pam.d/picket-test",
         "etc/profile.d/picket-test.sh", "etc/ld.so.conf.d/picket-test.conf",
         "etc/modprobe.d/picket-test.conf", "usr/sbin/picket-test-program",
         "etc/logrotate.d/picket-test"]

POSTINST = """#!/bin/sh
set -e
if [ "$1" = configure ]; then
    useradd --system --no-create-home picket-test
    mkdir -p /etc/systemd/system/multi-user.target.wants
    ln -s /usr/lib/systemd/system/picket-test.service \\
        /etc/systemd/system/multi-user.target.wants/picket-test.service
    sed -i s/a/b/ /etc/pam.d/picket-test
    ldconfig
fi
"""

POSTRM = """#!/bin/sh
set -e
if [ "$1" = purge ]; then
    rm -f /etc/systemd/system/multi-user.target.wants/picket-test.service
    userdel picket-test
fi
"""

@contextlib.contextmanager
def shipped():
    need_root()
    with workdir("policy") as directory:
        need_overlay(directory)
        # A hook of a cgroup's is one that can be put out.
        with Agent(directory, POLICY, sensor={"connect": "cgroup"}) as agent:
            agent.start()
            yield Scene(directory, agent)


@functools.cache
def build_package(s):
    tree = s.dir / "package"
    for name in FILES:
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("# a\n")
    control = tree / "DEBIAN"
    control.mkdir(mode=0o755)
    (control / "control").write_text(CONTROL)
    for name, text in (("postinst", POSTINST), ("postrm", POSTRM)):
        (control / name).write_text(text)
        (control / name).chmod(0o755)
    deb = s.dir / "picket-test.deb"
    p = run(["dpkg-deb", "--root-owner-group", "--build", tree, deb])
    equal(p.returncode, 0, f"dpkg-deb: {p.stderr!r}")
    return deb


INSTALL = "cat > /root/x.deb && dpkg -i /root/x.deb && dpkg --purge picket-test"


@test
def a_package_comes_and_goes_in_silence(s):
    pid = run_inside(s, "/bin/sh", "-c", INSTALL, stdin=build_package(s),
                     first=PACKAGED)
    did = deeds_of(s, pid)
    equal([(record.judged(r)[1], record.exe(r), record.path(r)
            if r["kind"] == "write" else None) for r in alerts(did)], [],
          "alerts")
    rules = {record.judged(r)[1] for r in did}
    for rule in ("packages-dpkg", "packages-dpkg-tools", "packages-scripts",
                 "packaged-software"):
        true(rule in rules, f"nothing was let through by {rule}: {rules}")
    paths = {record.path(r) for r in did if r["kind"] == "write"}
    for name in FILES:
        true(f"/{name}.dpkg-new".encode() in paths, f"/{name} was not seen")


@test
def a_dpkg_that_no_package_brought_is_let_through_nothing(s):
    """It has the name, and the content, and is not the host's file."""
    pid = run_inside(s, "/bin/sh", "-c", INSTALL, stdin=build_package(s))
    did = deeds_of(s, pid)
    rules = {record.judged(r)[1] for r in alerts(did)
             if record.exe(r) == b"/usr/bin/dpkg"}
    for rule in ("cron-files", "systemd-units", "sudoers", "pam",
                 "system-programs", "package-database"):
        true(rule in rules, f"no alert by {rule}: {rules}")
    let = {record.judged(r)[1] for r in did if r["kind"] == "write"
           and record.judged(r)[0] == "allowed"}
    equal(let, set(), "writes that were let through")


@test
def what_an_intruder_leaves_behind_is_an_alert(s):
    for deed, path, rule in LEFT_BEHIND:
        pid = run_inside(s, "/bin/sh", "-c", deed.replace("{}", path))
        found = [(record.judged(r)[1], r["verdict"].get("severity"))
                 for r in alerts(deeds_of(s, pid))]
        equal({name for name, _ in found}, {rule}, f"alerts on {path}")
        true(all(severity in ("medium", "high", "critical")
                 for _, severity in found), f"severities: {found}")


@test
def what_runs_is_told_once_and_its_exceptions_are_not(s):
    names = {"act_exec": f"/.tools/{actor('act_exec', s.dir).name}",
             "picket": s.agent.process.pid,
             "link": a_cgroup_link(s.agent.process.pid)}
    wrong = []
    for what, script, expected in RUNS:
        for name, value in names.items():
            script = script.replace("{%s}" % name, str(value))
        pid = run_inside(s, "/bin/sh", "-c", script, first=LOADERS)
        found = [(record.judged(r)[1], r["verdict"].get("severity"),
                  r["verdict"].get("tag"))
                 for r in alerts(deeds_of(s, pid))]
        if sorted(found) != sorted(expected):
            wrong.append(f"{what}: {found}, expected {expected}")
    equal(wrong, [], "what was not told as it should")


@test
def each_deny_rule_has_its_deed(_):
    done = {rule for *_, rule in LEFT_BEHIND}
    done |= {name for *_, told in RUNS + IN_A_CONTAINER for name, *_ in told}
    done |= {rule for _, rule, *_ in ATTACKS}
    for directory in (POLICY, POLICY.with_name("policy.d-cluster")):
        rules = {name for f in directory.glob("*.ini")
                 for name in re.findall(r"^\[deny (\S+)\]$", f.read_text(),
                                        re.MULTILINE)}
        true(rules, f"no deny rule in {directory}")
        equal(rules - done, set(), f"rules of {directory.name} that nothing "
              "was done against")


@test
def a_replay_says_what_was_said(s):
    """The journal of all of the above is a test of the policy."""
    mark = s.dir.name
    run_inside(s, "/bin/sh", "-c", f"cp /bin/true /tmp/{mark}-dropped; "
               f"/tmp/{mark}-dropped; cp /bin/true /root/{mark}-kept; "
               f"/root/{mark}-kept")
    s.settle()
    expected = s.dir / "expected.ini"
    expected.write_text(f"""
[expect the dropped one is told]
rule = exec-from-world-writable
alert = yes
kind = exec
exe = /tmp/{mark}-dropped
count = 1

[expect the other one is not]
rule = none
alert = no
kind = exec
exe = /root/{mark}-kept
count = 1
""")
    argv = [PICKET, "replay", "--journal", s.agent.journal, "--policy", POLICY,
            "--config", s.agent.config, "--expect", expected]
    p = wait_for(lambda: (q := run(argv)).returncode == 0 and q,
                 lambda: f"replay to agree: {run(argv)!r}")
    true(b"2 of 2 hold" in p.stdout, p.stdout)


if __name__ == "__main__":
    main(shipped)
