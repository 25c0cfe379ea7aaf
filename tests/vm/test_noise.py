#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The shipped policy on a Debian server with systemd, in a guest: it boots, a
web server and a database are installed and serve, people log in, cron runs,
logs are rotated, a package is upgraded, all of it in silence. Then it is
attacked, and each attack is one alert.

What was seen is counted and printed. The journal stays in build/vm/noise:
`picket replay` asks another policy about it.
"""
import collections
import contextlib
import fnmatch
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]

import record
from lib import PICKET, POLICY, Failure, equal, main, need_root, run, test, true
from noise import (ATTACKS, CRON, FCGI, INSTALL, OWN_RULE, ROTATE, SERVE, SSH,
                   UPGRADE)
from system import BUILD, ROOT, System

DAY = [
    ("install", "apt-get -q update\n" + INSTALL),
    ("start", "until curl -fsS http://127.0.0.1/ >/dev/null && redis-cli ping;"
     " do sleep 0.2; done"),
    ("serve", SERVE),
    ("login", f"{SSH} -tt 'id; ls -la'\n{SSH} 'uname -a; sudo -n id'"),
    ("crontab", f"{SSH} -tt \"echo '* * * * * touch ~/ran' | crontab -\""),
    ("upgrade", UPGRADE),
    ("rotate", ROTATE),
    # Without apt-compat, which sleeps for up to half an hour first.
    ("daily", "run-parts --regex '^(dpkg|logrotate)$' /etc/cron.daily"),
    ("restart", "systemctl restart nginx redis-server ssh cron"),
    ("cron", CRON),
]
KINDS = ("exec", "write", "connect", "listen", "load", "tamper")
CONTAINERS = ROOT / "packaging" / "policy.d-cluster" / "50-containers.ini"
FILES = {"/root/fcgi.py": (FCGI, 0o600),
         "/etc/picket/policy.d/50-containers.ini": (CONTAINERS.read_text(),
                                                    0o644),
         "/etc/picket/policy.d/90-test.ini": (OWN_RULE, 0o644)}
# For who changes one of them: globs over the parts of the day and the attacks.
PARTS = os.environ.get("PICKET_NOISE_PARTS", "*").split(",")


def wanted(what):
    return any(fnmatch.fnmatch(what, p) for p in PARTS)


DAY = [part for part in DAY if wanted(part[0])]
ATTACKS = [attack for attack in ATTACKS if wanted(attack[0])]


class Day:
    """{part: what happened in it}"""

    def __init__(self, records):
        records = list(records)
        self.parts, part = collections.defaultdict(list), "boot"
        # What was pending is what it was found to be later.
        late = {r["amendment"]["seq"]: r["amendment"]["resolution"]["verdict"]
                for r in records if "resolution" in r.get("amendment", {})}
        for r in records:
            if r.get("seq") in late and r["kind"] != "amendment":
                r["verdict"] = late[r["seq"]]
            last = record.argv(r)[-1:] if r["kind"] == "exec" else []
            if last and last[0].startswith(b"mark "):
                part = last[0].decode().removeprefix("mark ")
            self.parts[part].append(r)

    def alerts(self, part):
        return [r for r in self.parts[part] if r["kind"] in KINDS
                and record.judged(r)[2]]


def told(r):
    """An alert, for people."""
    what = record.path(r) if r["kind"] == "write" else b""
    return " ".join((r["kind"], record.judged(r)[1] or "unlisted",
                     os.fsdecode(record.exe(r)), os.fsdecode(what),
                     "<-".join(a.get("exe", "?")
                               for a in record.ancestors(r)[:6])))


def live(guest):
    """Do it all, each part behind a marker that is an exec."""
    for what, script in DAY:
        began = time.monotonic()
        # Emulated and beside other things, installing takes minutes.
        guest.do(f"/usr/bin/env true 'mark {what}'\nset -e\n{script}", 1200)
        print(f"# {what}: {time.monotonic() - began:.0f} s", flush=True)
    for what, *_, script in ATTACKS:
        guest.run(f"/usr/bin/env true 'mark {what}'\n{script}", 100)
    guest.do("/usr/bin/env true 'mark end'\n"
             # The last verdict has been waited for, and picket has ended.
             "sleep 6; systemctl stop picket.service")


@contextlib.contextmanager
def day():
    need_root()
    kept = BUILD / "vm" / "noise"
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(parents=True)
    with System(files=FILES) as guest:
        guest.do("until systemctl is-active -q picket.service; "
                 "do sleep 0.5; done")
        try:
            live(guest)
        finally:
            guest.get("/var/lib/picket", kept / "picket.tar.gz")
    subprocess.run(["tar", "-C", kept, "-xf", kept / "picket.tar.gz"],
                   check=True)
    p = run([PICKET, "tail", "--json", "--from", "oldest", "--no-follow",
             "--journal", kept / "var/lib/picket/journal"])
    if p.returncode:
        raise Failure(f"the journal cannot be read: {p.stderr!r}")
    yield Day(map(json.loads, p.stdout.splitlines()))


@test
def an_ordinary_day_is_silent(d):
    seen, noise = collections.Counter(), []
    for part in ("boot", *(what for what, _ in DAY), "end"):
        true(d.parts[part], f"nothing was seen of {part}")
        seen.update(r["kind"] for r in d.parts[part])
        noise += [f"{part}: {told(r)}" for r in d.alerts(part)]
    print("#> an ordinary day: " + ", ".join(
        f"{n} {kind}" for kind, n in seen.most_common())
        + f"; {len(noise)} alerts")
    equal(noise, [], "alerts")


class Learned:
    """The shipped policy and what was learned of the day from its beginning,
    or of its first half, asked about it with all that is unlisted an alert."""

    def __init__(self, d):
        self.kept = BUILD / "vm" / "noise"
        self.policy = self.kept / "policy.d"
        shutil.copytree(POLICY, self.policy, dirs_exist_ok=True)
        shutil.copy(CONTAINERS, self.policy)
        (self.policy / "90-test.ini").write_text(OWN_RULE)
        self.config = self.kept / "strict.ini"
        self.config.write_text("[rules]\n" + "".join(
            f"unlisted_{kind} = alert\n" for kind in KINDS))
        day = [r["time"] for part in ("boot", *(what for what, _ in DAY))
               for r in d.parts[part] if r["kind"] in KINDS]
        self.begin, self.middle, self.end = (day[0], day[len(day) // 2],
                                             day[-1])

    def _ask(self, command, begin, end, *words):
        p = run([PICKET, command, "--journal",
                 self.kept / "var/lib/picket/journal", "--config", self.config,
                 "--policy", self.policy, "--from", begin, "--to", end, *words])
        if p.returncode not in (0, 1) or (command == "learn" and p.returncode):
            raise Failure(f"picket {command}: {p.stderr!r}")
        return p.stdout

    def learn(self, begin, end):
        file = self.policy / "95-learned.ini"
        file.unlink(missing_ok=True)
        self._ask("learn", begin, end, "-o", file)
        return file.read_text().count("\n[allow ")

    def unlisted(self, begin, end):
        r = json.loads(self._ask("replay", begin, end, "--json"))
        return r["policy"]["unlisted"], r["events"]


@test
def what_was_learned_of_the_day_is_silent_about_it(d):
    of = Learned(d)
    before, events = of.unlisted(of.begin, of.end)
    rules = of.learn(of.begin, of.end)
    after, _ = of.unlisted(of.begin, of.end)
    print(f"#> learned of the whole day: {rules} rules; of {events} events "
          f"{before} were unlisted before and {after} are")
    # What anybody may replace is not allowed, and told as left out.
    true(after * 50 <= before, f"{after} of {before} are unlisted")
    rules = of.learn(of.begin, of.middle)
    half, events = of.unlisted(of.middle, of.end)
    print(f"#> learned of its first half: {rules} rules; of {events} events in "
          f"the second {half} are unlisted")
    true(half * 2 <= before, f"{half} of {before} are unlisted")


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
