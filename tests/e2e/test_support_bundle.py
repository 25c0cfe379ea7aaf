#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`picket support-bundle`: what is in it is what it says, without secrets and
without events; read by a program that is not ours."""
import contextlib
import os
import tarfile

from lib import (PICKET, act, actor, contains, equal, main, run, scene, test,
                 true)

SECRET = "hunter2"
POLICY = f"""
[deny dropped]
event = exec
exe = /**/dropped
ticket = https://tickets.example/?key={SECRET}
"""


class Place:
    def __init__(self, scene):
        self.dir = scene.dir
        self.agent = scene.agent

    def bundle(self, *words, **kw):
        return run([PICKET, "support-bundle", "--config", self.agent.config,
                    *words], cwd=self.dir, **kw)


@contextlib.contextmanager
def place():
    url = f"http://127.0.0.1:9/v1/logs?token={SECRET}"
    with scene("bundle", POLICY, collector={"url": url}) as s:
        act([actor("act_tiny", s.dir, "seldom-name")], code=1)
        s.settle()
        yield Place(s)


def pieces(path):
    with tarfile.open(path, "r:gz") as tar:
        members = tar.getmembers()
        true(all(m.isreg() and m.mode == 0o600 and m.uid == 0
                 for m in members), "plain private files")
        return {m.name.removeprefix("picket-support/"):
                tar.extractfile(m).read().decode(errors="replace")
                for m in members}


@test
def it_says_what_is_in_it(p):
    only = p.bundle("--list")
    equal((only.returncode, only.stderr), (0, b""), "--list")
    equal([f for f in os.listdir(p.dir) if f.endswith(".gz")], [],
          "archives after --list")
    done = p.bundle("--output", "one.tar.gz")
    equal((done.returncode, done.stderr), (0, b""), "the bundle")
    lines = done.stdout.decode().splitlines()
    equal(lines[-1], "one.tar.gz", "the last line")
    equal([line.split()[0] for line in lines[:-1]],
          list(pieces(p.dir / "one.tar.gz")), "what is in it")
    equal(only.stdout, "".join(f"{line}\n" for line in lines[:-1]).encode(),
          "what --list says")
    equal((p.dir / "one.tar.gz").stat().st_mode & 0o777, 0o600, "its mode")


@test
def what_helps_is_in_it_and_secrets_and_events_are_not(p):
    p.bundle("--output", "two.tar.gz")
    found = pieces(p.dir / "two.tar.gz")
    contains(found["status.txt"], f"pid {p.agent.process.pid}", "status.txt")
    contains(found["metrics.txt"], "# TYPE", "metrics.txt")
    contains(found["version.txt"], os.uname().release, "version.txt")
    contains(found["config.ini"], "http://127.0.0.1:9/(taken out)\n",
             "config.ini")
    contains(found["policy.ini"], "[deny dropped]", "policy.ini")
    contains(found["journal.txt"], "status.sock", "journal.txt")
    for name, text in found.items():
        true(SECRET not in text, f"the secret is in {name}")
        true("seldom-name" not in text, f"an event is in {name}")


@test
def of_alerts_in_the_log_only_their_uids_are_left(p):
    tool = p.dir / "bin/journalctl"
    tool.parent.mkdir()
    at = "2026-11-23T21:04:05+0000 host picket[7]: "
    uid = "  uid=0123456789abcdef0123456789abcdef.1.42"
    tool.write_text(f"""#!/bin/sh
cat <<'END'
{at}high alert: sh[9] exec /bin/curl curl -H '  uid={SECRET}' x://{SECRET}{uid}
{at}alert: sh[9] exec /bin/{SECRET}{uid}
{at}ready: /v1 of https://u:{SECRET}@collector:4318/{SECRET}?{SECRET}#x is asked
no end]: of a line
END
printf 'half'
""")
    tool.chmod(0o755)
    done = p.bundle("--output", "log.tar.gz",
                    env={"PATH": f"{tool.parent}:{os.environ['PATH']}"})
    equal(done.returncode, 0, "exit code")
    equal(pieces(p.dir / "log.tar.gz")["log.txt"], f"""\
{at}high alert: (taken out){uid}
{at}alert: (taken out){uid}
{at}ready: /v1 of https://(taken out)@collector:4318/(taken out) is asked
no end]: of a line
half
""", "log.txt")


@test
def of_a_large_file_of_the_policy_the_beginning_is_told(p):
    large = p.agent.policy / "large.ini"
    large.write_text("# first\n" + "# one more\n" * 200000)
    try:
        equal(p.bundle("--output", "large.tar.gz").returncode, 0, "exit code")
    finally:
        large.unlink()
    found = pieces(p.dir / "large.tar.gz")["policy.ini"]
    contains(found, "large.ini\n# first\n# one more\n", "its beginning")
    contains(found, f"\n({8 + 11 * 200000 - (1 << 20)} bytes more)\n", "its end")


@test
def a_file_that_is_there_is_kept(p):
    (p.dir / "there").write_text("mine")
    answer = p.bundle("--output", "there")
    equal(answer.returncode, 1, "exit code")
    contains(answer.stderr, b"there: File exists", "what is said")
    equal((p.dir / "there").read_text(), "mine", "the file")


@test
def a_wrong_configuration_does_not_keep_help_away(p):
    (p.dir / "wrong.ini").write_text(f"""\
# token: {SECRET}
[sensor]
nothing = {SECRET}
ring_size = 64M
[collector]
token_file = {SECRET}
url = https://collector.example/v1/{SECRET}
{SECRET}
[{'x' * 9000}
[journal
""")
    answer = run([PICKET, "support-bundle", "--config", p.dir / "wrong.ini",
                  "--journal", p.agent.journal, "-o", p.dir / "three.tar.gz"])
    equal(answer.returncode, 0, "exit code")
    contains(answer.stderr, b"wrong.ini:3:", "what is said")
    found = pieces(p.dir / "three.tar.gz")
    equal(found["config.ini"], f"""\
# {p.dir}/wrong.ini is wrong in line 4 of what follows: see 'picket check'

[sensor]
nothing = (taken out)
ring_size = 64M
[collector]
token_file = (taken out)
url = https://collector.example/(taken out)
# (a line that is not understood)
# (a line that is not understood)
# (a line that is not understood)
""", "config.ini")
    contains(found["status.txt"], "running", "status.txt")


if __name__ == "__main__":
    main(place)
