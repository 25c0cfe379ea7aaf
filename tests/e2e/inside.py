# SPDX-License-Identifier: Apache-2.0
"""A system of one's own to do things to: the host's, below an overlay in a mount
namespace, so that its paths are the real ones and nothing that is done stays."""
import os
import subprocess

import record
from lib import Failure, Missing, run

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
eval "$1"
shift
umount -l /.host
exec "$@"
"""


def need_overlay(directory):
    probe = run(["unshare", "--mount", "--propagation", "private", "/bin/sh",
                 "-c", ENTER, directory, ":", "true"])
    if probe.returncode != 0:
        raise Missing("overlay", probe.stderr.decode(errors="replace"))


def run_inside(s, *argv, stdin=os.devnull, first=""):
    """In the system of one's own, whose shell does `first` while the host is at
    /.host; the pid that all of it descends from."""
    mount = s.dir / "system"
    mount.mkdir(exist_ok=True)
    with open(s.dir / "log", "wb+") as log, open(stdin, "rb") as given:
        p = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "--fork",
             "/bin/sh", "-c", ENTER, mount, first or ":", *argv],
            stdout=log, stderr=log,
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
    """All that descended from pid did, once it has all arrived and is judged."""
    s.settle()
    mine = s.tail.find(lambda r: r.get("kind") in KINDS and any(
        a["pid"] == pid for a in record.ancestors(r)))
    waits = {record.key(r) for r in mine if record.judged(r)[0] == "pending"}
    late = waits and s.tail.wait(
        lambda r: "resolution" in r.get("amendment", {})
        and record.amends(r) in waits, "verdicts", count=len(waits))
    return record.settled(mine + list(late))[:len(mine)]


def alerts(records):
    return [r for r in records if record.judged(r)[2]]
