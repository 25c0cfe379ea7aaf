#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The shipped policy on a Debian server, in namespaces of its own on this
kernel: a web server and a database are installed and serve, people log in,
logs are rotated, a package is upgraded, all of it in silence. Then it is
attacked, and each attack is one alert.

What was seen is counted and printed. The journal stays in build/vm/noise:
`picket replay` asks another policy about it.
"""
import collections
import contextlib
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]

import record
from lib import (POLICY, Agent, Failure, Scene, equal, main,
                 need_root, test, true, workdir)
from noise import ATTACKS, FCGI, INSTALL, ROTATE, SERVE, SSH, UPGRADE
from system import BUILD, fetch

# The disk that fetch-debian made, and what is changed of it in memory.
ENTER = """
set -e
mount -t tmpfs picket-test "$0"
mkdir "$0/disk" "$0/upper" "$0/work" "$0/root"
mount -o loop,ro,noload "$1" "$0/disk"
mount -t overlay picket-test "$0/root" \\
    -o "lowerdir=$0/disk,upperdir=$0/upper,workdir=$0/work"
mount -t proc proc "$0/root/proc"
mount --rbind /dev "$0/root/dev"
mount -t tmpfs -o mode=0755 run "$0/root/run"
cd "$0/root"
mkdir -p .host
pivot_root . .host
cd /
umount -l /.host
exec /bin/bash -c "$2"
"""

BEGIN = f"""
set -e
ip link set lo up
mkdir -p /run/lock /run/sshd /run/php
cat >/root/fcgi.py <<'END-OF-FILE'
{FCGI}
END-OF-FILE
"""
START = """
nginx; php-fpm8.2 -D; redis-server --daemonize yes; /usr/sbin/sshd
until curl -fsS http://127.0.0.1/ >/dev/null && redis-cli ping; do sleep 0.1; done
"""
DAY = [
    ("install", "apt-get -q update\n" + INSTALL),
    ("start", START),
    ("serve", SERVE),
    ("login", f"{SSH} -tt 'id; ls -la'\n{SSH} 'uname -a; sudo -n id'"),
    ("crontab", f"{SSH} -tt \"echo '* * * * * true' | crontab -\""),
    ("upgrade", UPGRADE),
    ("rotate", ROTATE),
    # Without apt-compat, which sleeps for up to half an hour first.
    ("daily", "run-parts --regex '^(dpkg|logrotate)$' /etc/cron.daily"),
]
END = """
nginx -s stop; redis-cli shutdown || :
kill $(cat /run/sshd.pid) $(cat /run/php/*.pid)
"""


def script_of():
    """All of it, each part behind a marker that is an exec."""
    parts = [("begin", BEGIN), *DAY]
    parts += [(what, f"(set +e; {script}\n) || :")
              for what, *_, script in ATTACKS]
    text = "".join(f"/usr/bin/env true 'mark {what}'\n{script}\n"
                   for what, script in parts + [("end", END)])
    return text


class Day:
    """{part: what happened in it}"""

    def __init__(self, records):
        self.parts, part = collections.defaultdict(list), "before"
        for r in records:
            last = record.argv(r)[-1:] if r["kind"] == "exec" else []
            if last and last[0].startswith(b"mark "):
                part = last[0].decode().removeprefix("mark ")
            self.parts[part].append(r)

    def alerts(self, part):
        return [r for r in self.parts[part] if record.judged(r)[2]]


def told(r):
    """An alert, for people."""
    what = record.path(r) if r["kind"] == "write" else b""
    return " ".join((r["kind"], record.judged(r)[1] or "unlisted",
                     os.fsdecode(record.exe(r)), os.fsdecode(what),
                     "<-".join(a.get("exe", "?")
                               for a in record.ancestors(r)[:6])))


def live(directory, disk):
    """Do it all; the pid that all of it descends from."""
    system = directory / "system"
    system.mkdir()
    with open(directory / "log", "wb+") as log:
        p = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--net", "--uts", "--fork",
             "--propagation", "private", "/bin/bash", "-c", ENTER, system,
             disk, script_of()], stdin=subprocess.DEVNULL, stdout=log,
            stderr=log, start_new_session=True,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"})
        p.wait(timeout=1500)
        log.seek(0)
        said = log.read().decode(errors="backslashreplace")
    if p.returncode != 0:
        raise Failure(f"the day ended with {p.returncode}:\n{said[-3000:]}")
    return p.pid


@contextlib.contextmanager
def day():
    need_root()
    _, disk = fetch()
    kept = BUILD / "vm" / "noise"
    with workdir("noise") as directory, Agent(directory, POLICY) as agent:
        agent.start()
        s = Scene(directory, agent)
        pid = live(directory, disk / "disk")
        s.settle()
        kinds = ("exec", "write", "connect", "listen", "load", "tamper")
        records = s.tail.find(lambda r: r.get("kind") in kinds and any(
            a["pid"] == pid for a in record.ancestors(r)))
        agent.stop()
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(agent.journal, kept, ignore=lambda _, names: [
            n for n in names if n.endswith("sock") or n == "status"])
        yield Day(records)


@test
def an_ordinary_day_is_silent(d):
    seen, noise = collections.Counter(), []
    for part in ("begin", *(what for what, _ in DAY), "end"):
        true(d.parts[part], f"nothing was seen of {part}")
        seen.update(r["kind"] for r in d.parts[part])
        noise += [f"{part}: {told(r)}" for r in d.alerts(part)]
    print("#> an ordinary day: " + ", ".join(
        f"{n} {kind}" for kind, n in seen.most_common())
        + f"; {len(noise)} alerts")
    equal(noise, [], "alerts")


@test
def each_attack_is_one_alert(d):
    wrong = []
    for what, rule, severity, tag, _ in ATTACKS:
        found = d.alerts(what)
        heads = [(record.judged(r)[1], r["verdict"].get("severity"),
                  r["verdict"].get("tag")) for r in found]
        if heads != [(rule, severity, tag)]:
            wrong.append(f"{what}: not one alert by {rule} ({severity}, {tag})"
                         f" but {[told(r) for r in found]}")
    print(f"#> attacks: {len(ATTACKS)}, told once and rightly: "
          f"{len(ATTACKS) - len(wrong)}")
    equal(wrong, [], "what was not told as it should")


if __name__ == "__main__":
    main(day)
