#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The shipped policy on a system of its own: packages come and go in silence,
and each thing that an intruder leaves behind is one kind of alert.

The system is the host's, below an overlay in a mount namespace, so that its
paths are the real ones and nothing that is done to it stays.
"""
import contextlib
import os
import subprocess

import record
from lib import (POLICY, Agent, Failure, Missing, Scene, equal, main,
                 need_root, run, test, true, workdir)

# A system of one's own, then what was asked for in it.
ENTER = """
set -e
mount -t tmpfs picket-test "$0"
mkdir "$0/upper" "$0/work" "$0/root"
mount -t overlay picket-test "$0/root" \\
    -o "lowerdir=/,upperdir=$0/upper,workdir=$0/work"
mount --rbind /proc "$0/root/proc"
mount --rbind /dev "$0/root/dev"
cd "$0/root"
mkdir -p .host
pivot_root . .host
cd /
umount -l /.host
exec "$@"
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
         "etc/modprobe.d/picket-test.conf"]

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

# What is done, the path it is done to, and the rule that says so.
DEEDS = [
    ("echo x > {}", "/etc/cron.d/picket-test", "cron-files"),
    ("echo x > /root/x; mv /root/x {}", "/etc/cron.daily/x", "cron-files"),
    ("echo x > {}", "/etc/systemd/system/x.service", "systemd-units"),
    ("echo x > {}", "/etc/profile.d/x.sh", "boot-and-login-scripts"),
    ("mkdir -p /root/.ssh; echo x >> {}", "/root/.ssh/authorized_keys",
     "ssh-keys"),
    ("mkdir -p /root/y; rm -rf /root/.ssh; mv /root/y {}", "/root/.ssh",
     "directory-replaced"),
    ("mkdir -p /etc/ssh; echo x >> {}", "/etc/ssh/sshd_config", "ssh-daemon"),
    ("mkdir -p /etc/sudoers.d; echo x > {}", "/etc/sudoers.d/x", "sudoers"),
    ("echo x > {}", "/etc/pam.d/x", "pam"),
    ("echo /x.so > {}; rm {}", "/etc/ld.so.preload", "ld-so-preload"),
    ("echo x >> {}", "/etc/passwd", "accounts"),
    ("chmod 0666 {}", "/etc/shadow", "accounts"),
    ("mkdir -p /usr/lib/modules; echo x > {}", "/usr/lib/modules/x.ko",
     "kernel-modules"),
    ("mkdir -p /etc/modprobe.d; echo x > {}", "/etc/modprobe.d/x.conf",
     "module-settings"),
    ("mkdir -p /etc/picket; echo x > {}", "/etc/picket/x.ini",
     "picket-files"),
]


def run_inside(s, *argv, stdin=os.devnull):
    """In the system of one's own; the pid that all of it descends from."""
    mount = s.dir / "system"
    mount.mkdir(exist_ok=True)
    with open(s.dir / "log", "wb+") as log, open(stdin, "rb") as given:
        p = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "--fork",
             "/bin/sh", "-c", ENTER, mount, *argv], stdout=log, stderr=log,
            stdin=given, start_new_session=True,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C",
                 "DEBIAN_FRONTEND": "noninteractive"})
        code = p.wait(timeout=120)
        if code != 0:
            log.seek(0)
            raise Failure(f"{argv!r} exited with {code}:\n"
                          + log.read().decode(errors="replace"))
    return p.pid


def deeds_of(s, pid):
    """All that descended from pid did, once it has all arrived."""
    s.settle()
    return s.tail.find(lambda r: r.get("kind") in ("exec", "write", "connect")
                       and any(a["pid"] == pid for a in record.ancestors(r)))


def alerts(records):
    return [r for r in records if record.judged(r)[2]]


@contextlib.contextmanager
def shipped():
    need_root()
    with workdir("policy") as directory:
        probe = run(["unshare", "--mount", "--propagation", "private",
                     "/bin/sh", "-c", ENTER, directory, "true"])
        if probe.returncode != 0:
            raise Missing("overlay", probe.stderr.decode(errors="replace"))
        with Agent(directory, POLICY) as agent:
            agent.start()
            yield Scene(directory, agent)


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


@test
def a_package_comes_and_goes_in_silence(s):
    deb = build_package(s)
    pid = run_inside(s, "/bin/sh", "-c", "cat > /root/x.deb && "
                     "dpkg -i /root/x.deb && dpkg --purge picket-test",
                     stdin=deb)
    did = deeds_of(s, pid)
    equal([(record.judged(r)[1], record.exe(r), record.path(r)
            if r["kind"] == "write" else None) for r in alerts(did)], [],
          "alerts")
    rules = {record.judged(r)[1] for r in did}
    for rule in ("packages-dpkg", "packages-dpkg-scripts"):
        true(rule in rules, f"nothing was let through by {rule}: {rules}")
    paths = {record.path(r) for r in did if r["kind"] == "write"}
    for name in FILES:
        true(f"/{name}.dpkg-new".encode() in paths, f"/{name} was not seen")


@test
def what_an_intruder_leaves_behind_is_an_alert(s):
    for deed, path, rule in DEEDS:
        pid = run_inside(s, "/bin/sh", "-c", deed.replace("{}", path))
        found = [(record.judged(r)[1], r["verdict"].get("severity"))
                 for r in alerts(deeds_of(s, pid))]
        equal({name for name, _ in found}, {rule}, f"alerts on {path}")
        true(all(severity in ("medium", "high", "critical")
                 for _, severity in found), f"severities: {found}")


if __name__ == "__main__":
    main(shipped)
