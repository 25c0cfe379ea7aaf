#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""picket learn on a day of work in short: a library compiled, packages
unpacked, pages served and fetched, jobs as of cron. What was learned allows
all of it, half of it most of the rest, and nothing that anybody may replace.

The work is done in a cgroup that is called as a unit is, so that what others
do on this host is not learned; its programs are the system's.
"""
import contextlib
import datetime
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import record
from lib import (PICKET, Agent, Failure, Missing, Scene, act, actor, contains,
                 dump_ini, equal, main, need_root, run, test, true, wait_for)

ROUNDS = 6
PYTHON = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") \
    else os.path.realpath(sys.executable)

# One round of the day: number, directory. Names are made as programs make
# them: by mktemp, by date, by version, by a counter that goes on.
WORK = r"""
set -e
n=$1; cd "$2"
# a compile, of one more file each time
mkdir -p src; echo "int f$n(void) { return $n; }" > src/f$n.c
for c in src/*.c; do cc -c "$c" -o "${c%.c}.o"; done
ar rcs src/libf.a src/*.o
# a package: unpacked, moved into place by version, the old one removed
mkdir -p stage/app-1.$n.0/share
for i in 1 2 3 4 5; do echo $n > stage/app-1.$n.0/share/doc$i.txt; done
tar -C stage -cf app.tar app-1.$n.0; mkdir -p opt; tar -C opt -xf app.tar
rm -rf stage opt/app-1.$((n - 1)).0
# jobs: a report by way of a temporary file, the log rotated
t=$(mktemp -p .); date > "$t"; mv "$t" report.txt
date >> app.log; [ ! -e app.log.1 ] || gzip -f app.log.1
mv app.log app.log.1
sed -i s/20/21/ report.txt
# and on the last day something new
[ "$n" -ne "$4" ] || wc -l report.txt > count.txt
# pages served and fetched, on a port that the system chooses
exec "$3" - "$n" <<'END'
import http.server, sys, threading, urllib.request
class H(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        with open("access.log", "a") as log:
            log.write(args[0] + "\n")
s = http.server.HTTPServer(("127.0.0.1", 0), H)
threading.Thread(target=s.serve_forever, daemon=True).start()
url = "http://127.0.0.1:%d/report.txt" % s.server_port
for i in range(3):
    page = urllib.request.urlopen(url).read()
with open("cache-%04d.html" % (1000 + int(sys.argv[1])), "wb") as f:
    f.write(page)
END
"""


@contextlib.contextmanager
def root_directory():
    """Not below /tmp: what lies there may be replaced by anybody."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="picket-e2e-learn-",
                                         dir="/var/lib"))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def unit():
    """A cgroup of one's own; its name and how to enter it."""
    mounts = [line.split() for line in open("/proc/mounts")]
    roots = [m[1] for m in mounts if m[2] == "cgroup2"]
    if not roots:
        raise Missing("cgroup2", "no unified hierarchy is mounted")
    name = f"picket-learn-{os.getpid()}.service"
    path = pathlib.Path(roots[0]) / name
    path.mkdir()
    try:
        yield name, lambda: (path / "cgroup.procs").write_text("0")
    finally:
        path.rmdir()


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime(
        "%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


class Day:
    def __init__(self, scene, name, enter):
        self.s, self.unit, self.enter = scene, name, enter
        self.agent, self.dir = scene.agent, scene.dir
        self.halves = []
        self.none = self.dir / "none"
        self.none.mkdir()
        # Everything that is unlisted alerts.
        self.config = self.dir / "strict.ini"
        self.config.write_text(dump_ini({"rules": {
            f"unlisted_{k}": "alert" for k in
            ("exec", "connect", "write", "listen", "load", "tamper")}}))

    def settle(self):
        """In the journal, and sealed: readers go no further."""
        self.s.settle()
        last = self.agent.status()["journal"]["next_seq"] - 1
        wait_for(lambda: self.agent.status()["journal"]["sealed_seq"] >= last,
                 "all of it to be sealed")

    def work(self):
        place = self.dir / "day"
        place.mkdir()
        for n in range(1, ROUNDS + 1):
            p = run(["/bin/sh", "-c", WORK, "sh", str(n), place, PYTHON,
                     str(ROUNDS)],
                    preexec_fn=self.enter)
            if p.returncode:
                raise Failure(f"round {n}: {p.stderr.decode()}")
            self.settle()
            if n == ROUNDS // 2:
                self.halves.append(now())

    def learn(self, *extra, policy=None):
        p = run([PICKET, "learn", "--journal", self.agent.journal, "--policy",
                 policy or self.none, "--unit", self.unit, *extra])
        equal(p.returncode, 0, p.stderr.decode())
        return p.stdout

    def replay(self, policy, *extra):
        p = run([PICKET, "replay", "--journal", self.agent.journal,
                 "--config", self.config, "--policy", policy,
                 "--unit", self.unit, "--json", *extra])
        true(p.returncode in (0, 1), p.stderr.decode())
        return json.loads(p.stdout)

    def file(self, name, text):
        path = self.dir / name
        path.write_bytes(text)
        return path


@contextlib.contextmanager
def a_day():
    need_root()
    with root_directory() as directory, unit() as (name, enter), \
            Agent(directory) as agent:
        agent.start()
        day = Day(Scene(directory, agent), name, enter)
        day.work()
        yield day


@test
def what_was_learned_allows_all_of_it(d):
    text = d.learn("--from", "1d")
    told = d.replay(d.file("whole.ini", text))
    print(f"# {told['events']} events, "
          f"{text.count(b'[allow ')} rules, {len(text.splitlines())} lines")
    true(told["events"] > 300, f"a day's events: {told['events']}")
    equal(told["policy"]["alerts"], 0, json.dumps(told, indent=1))
    true(text.count(b"[allow ") < 40, "rules are few")
    for what in (b"\n# ", b" events, such as ", b"owner = learned",
                 b"unit = picket-learn-", b"/opt/app-[0-9]*/share/",
                 b"port = 32768-65535"):
        true(what in text, f"{what} in\n{text.decode()}")
    equal(d.learn("--from", "1d"), text, "the same once more")


@test
def half_of_it_allows_most_of_the_rest(d):
    text = d.learn("--from", "1d", "--to", d.halves[0])
    half = d.file("half.ini", text)
    told = d.replay(half, "--from", d.halves[0])
    alerts, events = told["policy"]["alerts"], told["events"]
    print(f"# learned of {ROUNDS // 2} rounds, {text.count(b'[allow ')} rules;"
          f" of {events} events of the other {ROUNDS // 2}: {alerts} alerts, "
          f"{100 * alerts / events:.1f} %")
    for row in told["alerted"]:
        print(f"# {row['rule']}: {row['count']}")
    true(events > 150, f"the other half's events: {events}")
    # What is new alerts: a program and the file that it writes.
    true(alerts >= 2, "something new")
    # Of three names of ar's temporary files (st and six random characters)
    # nobody can always tell that they are random: then nine more, or fifteen.
    true(alerts <= events // 15, json.dumps(told, indent=1))


@test
def the_linter_finds_nothing(d):
    whole = d.file("lint.ini", d.learn("--from", "1d"))
    p = run([PICKET, "check", "--strict", "--config", d.config, "--policy",
             whole])
    equal(p.returncode, 0, p.stdout.decode() + p.stderr.decode())


@test
def what_is_known_is_not_learned_again_and_a_file_grows(d):
    half = d.learn("--from", "1d", "--to", d.halves[0])
    merged = d.file("merged.ini", half)
    d.learn("--from", "1d", "--merge", merged, "-o", merged)
    grown = merged.read_bytes()
    true(grown.startswith(half), "what was there stays")
    equal(d.replay(merged)["policy"]["alerts"], 0, "alerts")
    d.learn("--from", "1d", "--merge", merged, "-o", merged)
    equal(merged.read_bytes(), grown, "nothing new")
    # As part of the policy it would be lost, if it were not merged.
    policy = d.dir / "policy"
    policy.mkdir()
    shutil.copy(merged, policy / "60.ini")
    p = run([PICKET, "learn", "--from", "1d", "--policy", policy, "-o",
             policy / "60.ini", "--journal", d.agent.journal])
    equal(p.returncode, 2, p.stderr.decode())
    contains(p.stderr.decode(), "--merge", "what to do")
    d.learn("--from", "1d", "--merge", policy / "60.ini", "-o",
            policy / "60.ini", policy=policy)
    equal((policy / "60.ini").read_bytes(), grown, "nothing new here, too")


@test
def what_anybody_may_replace_is_refused_and_told(d):
    open_place = pathlib.Path(tempfile.mkdtemp(prefix="picket-e2e-learn-"))
    try:
        dropped = actor("act_tiny", open_place, "dropped\n;x")
        loose = actor("act_tiny", d.dir, "loose")
        loose.chmod(0o777)
        for program in (dropped, loose):
            act([program], code=1, preexec_fn=d.enter)
        d.settle()
        text = d.learn("--from", "1d").decode()
    finally:
        shutil.rmtree(open_place)
    rules, refused = text.split("\n# Not learned:\n")
    for name in ("dropped", "loose"):
        true(name not in rules, f"{name} in\n{rules}")
        contains(refused, name, "told")
    contains(refused, "others than root may write", "why")
    contains(refused, r"dropped\n;x", "escaped")
    uid = re.search(r"such as (\S+):\n#   [^\n]*dropped", refused).group(1)
    found = [r for r in d.agent.read("--kind", "exec") if r["uid"] == uid]
    equal(os.fsdecode(record.exe(found[0])), str(dropped), "the sample")


@test
def a_deny_is_excepted_only_when_asked_for(d):
    policy = d.file("deny.ini", f"""[deny reports]
event = write
path = {d.dir}/day/report.txt

[deny logs]
event = write
path = {d.dir}/day/access.log
final = yes
""".encode())
    text = d.learn("--from", "1d", policy=policy).decode()
    true("excepts" not in text, "no exception by itself")
    contains(text, "denied by reports: write by ", "told")
    text = d.learn("--from", "1d", "--excepts", policy=policy).decode()
    contains(text, "excepts = reports", "asked for")
    true("excepts = logs" not in text, "what is final stays")
    contains(text, "denied by logs: write by ", "told")
    both = d.dir / "both"
    both.mkdir()
    shutil.copy(policy, both / "10.ini")
    (both / "20.ini").write_text(text)
    told = d.replay(both)
    alerted = {r["rule"] for r in told["alerted"]}
    true("logs" in alerted and "reports" not in alerted, f"{alerted}")


@test
def why_says_what_the_edit_would_let_through(d):
    """With the learned policy: the smallest edit for what is not in it."""
    half = d.file("why.ini", d.learn("--from", "1d"))
    new = d.dir / "day" / "brand-new.txt"
    pid, _ = act(["/usr/bin/touch", new], preexec_fn=d.enter)
    event = d.s.one("write", lambda r: record.pid(r) == pid
                    and record.path(r) == os.fsencode(new)
                    and record.operation(r) == "open", "the touch")
    d.settle()
    p = run([PICKET, "why", event["uid"], "--policy", half, "--journal",
             d.agent.journal, "--json"])
    equal(p.returncode, 0, p.stderr.decode())
    told = json.loads(p.stdout)
    # The file for a rule of the program, or, where the day's files are a
    # pattern that it fits, the program for the rule of those.
    true("brand-new.txt" in told["text"] or "/usr/bin/touch" in told["text"],
         f"the edit: {told['text']}")
    # Put in where it says, it works; and as often as it says.
    lines = half.read_text().splitlines()
    if told["edit"] == "add_value":
        lines.insert(told["nearest"]["line"], told["text"])
    else:
        lines += ["", *told["text"].splitlines()]
    after = d.file("why-after.ini", "\n".join(lines).encode() + b"\n")
    before, then = (d.replay(p)["policy"]["allowed"] for p in (half, after))
    true(told["would_allow"] >= 1, f"{told}")
    equal(then - before, told["would_allow"], "what the edit lets through")


@test
def without_a_beginning_or_with_a_wrong_policy_it_says_so(d):
    p = run([PICKET, "learn", "--policy", d.none, "--journal",
             d.agent.journal])
    equal(p.returncode, 2, "without --from")
    wrong = d.file("wrong.ini", b"[allow a]\ncolour = red\n")
    for option in ("--policy", "--merge"):
        p = run([PICKET, "learn", "--from", "1d", "--policy", d.none, option,
                 wrong, "--journal", d.agent.journal])
        equal(p.returncode, 6, option)
        contains(p.stderr.decode(), f"{wrong}:2: unknown key", option)


main(a_day)
