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
from lib import (PICKET, POLICY, Agent, Failure, Missing, Scene, actor, equal,
                 main, need_root, run, test, true, wait_for, workdir)

# A system of one's own, then what was asked for in it.
ENTER = """
set -e
mount -t tmpfs picket-test "$0"
mkdir "$0/upper" "$0/work" "$0/root"
mount -t overlay picket-test "$0/root" \\
    -o "lowerdir=/,upperdir=$0/upper,workdir=$0/work"
mount --rbind /proc "$0/root/proc"
mount --rbind /dev "$0/root/dev"
mkdir -p "$0/root/.tools"
cp "${0%/*}"/act_* "$0/root/.tools/" 2>/dev/null || :
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
         "etc/modprobe.d/picket-test.conf", "usr/bin/picket-test-program",
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
    ("echo x >> {}", "/root/.bashrc", "shell-startup"),
    ("echo x > {}", "/etc/apt/apt.conf.d/99x", "tool-hooks"),
    ("cp /bin/true {}", "/usr/bin/picket-test-evil", "system-programs"),
]

# A shell at the other end of a socket, by whatever interpreter runs this.
SOCKET_SHELL = """perl -MSocket -e '
    socketpair(A, B, AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die;
    open(STDIN, "<&A"); open(STDOUT, ">&A");
    if (!fork) { exec "/bin/sh", "-c", ":" } wait'"""

# What runs: the rules that say so, with severity and tag; none: silence. Each
# exception of the policy stands beside what only looks like it.
RUNS = [
    ("a dropped program", "cp /bin/true /tmp/x; /tmp/x",
     {("exec-from-world-writable", "high", "T1204.002")}),
    ("a dropped script", "printf '#!/bin/sh\\n' >/dev/shm/x; chmod +x "
     "/dev/shm/x; /dev/shm/x",
     {("script-from-world-writable", "high", "T1059")}),
    ("a program from memory", "{act_exec} memfd /bin/true",
     {("exec-from-memory", "critical", "T1620")}),
    ("a deleted program", "cp /bin/true /root/x; {act_exec} deleted /root/x",
     {("exec-of-deleted-file", "high", "T1070.004")}),
    ("a preloaded library", "cp $(ldd /bin/true | awk '/libc/ { print $3 }') "
     "/tmp/x.so; LD_PRELOAD=/tmp/x.so /bin/true",
     {("preload-from-world-writable", "high", "T1574.006")}),
    ("a preloaded library behind another",
     "cp $(ldd /bin/true | awk '/libc/ { print $3 }') /tmp/x.so; "
     "LD_PRELOAD=/none.so:/tmp/x.so /usr/bin/env true",
     {("preload-from-world-writable", "high", "T1574.006")}),
    ("a preloaded library of the system's", "LD_PRELOAD=libm.so.6 /bin/true",
     set()),
    ("a library found there", "cp $(ldd /bin/true | awk '/libc/ { print $3 }')"
     " /tmp/libc.so.6; LD_LIBRARY_PATH=/tmp /bin/true",
     {("load-from-world-writable", "high", "T1574.006")}),
    ("the loader as a way around", "cp /bin/true /tmp/x; chmod -x /tmp/x; "
     "$(ldd /bin/true | awk '/ld-linux/ { print $1 }') /tmp/x",
     {("loader-runs-from-world-writable", "high", "T1218")}),
    ("the loader with a program of the system's",
     "$(ldd /bin/true | awk '/ld-linux/ { print $1 }') /bin/true", set()),
    ("a shell on a socket", SOCKET_SHELL,
     {("shell-on-a-socket", "critical", "T1059.004")}),
    ("a shell on a socket, by what is called sshd", "cp /usr/bin/perl "
     "/root/sshd; " + SOCKET_SHELL.replace("perl", "/root/sshd", 1),
     {("shell-on-a-socket", "critical", "T1059.004")}),
    ("a shell with a socket for its output alone", "perl -MSocket -e '"
     "socketpair(A, B, AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die; "
     'open(STDOUT, ">&A"); exec "/bin/sh", "-c", ":"\'', set()),
    ("a server's shell", "cp /usr/bin/perl /usr/sbin/nginx; /usr/sbin/nginx "
     "-e 'system(\"/bin/sh -c : ; :\")'",
     {("system-programs", "high", "T1554"),
      ("server-runs-shell", "high", "T1505.003")}),
    ("the shell of what is called nginx", "cp /usr/bin/perl /root/nginx; "
     "/root/nginx -e 'system(\"/bin/sh -c : ; :\")'", set()),
    ("a copy that is called dpkg", "cp /usr/bin/tee /root/dpkg; "
     "echo x | /root/dpkg /etc/cron.d/x",
     {("cron-files", "high", "T1053.003")}),
    ("what a copy called dpkg starts", "cp /bin/sh /root/dpkg; /root/dpkg -c "
     "'tee /etc/cron.d/x </dev/null; :'",
     {("cron-files", "high", "T1053.003")}),
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


KINDS = ("exec", "write", "connect", "listen", "load", "tamper")


def deeds_of(s, pid):
    """All that descended from pid did, once it has all arrived."""
    s.settle()
    return s.tail.find(lambda r: r.get("kind") in KINDS
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


@test
def what_runs_is_told_once_and_its_exceptions_are_not(s):
    act_exec = actor("act_exec", s.dir)
    wrong = []
    for what, script, expected in RUNS:
        pid = run_inside(s, "/bin/sh", "-c", script.replace(
            "{act_exec}", f"/.tools/{act_exec.name}"))
        found = [(record.judged(r)[1], r["verdict"].get("severity"),
                  r["verdict"].get("tag"))
                 for r in alerts(deeds_of(s, pid))]
        if sorted(found) != sorted(expected):
            wrong.append(f"{what}: {found}, expected {expected}")
    equal(wrong, [], "what was not told as it should")


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
            "--expect", expected]
    p = wait_for(lambda: (q := run(argv)).returncode == 0 and q,
                 lambda: f"replay to agree: {run(argv)!r}")
    true(b"2 of 2 hold" in p.stdout, p.stdout)


if __name__ == "__main__":
    main(shipped)
