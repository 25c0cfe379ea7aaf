#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Secrets in arguments and environments, with the shipped sections.

No byte of one may be found in anything that leaves picket: the journal's
segments, tail, query, the log, the status, what a collector gets. Rules see
them all the same, and one secret is one token.
"""
import contextlib
import json
import os
import re
import shutil
import stat
import subprocess
import sys

import lib
import record
import shipping
from lib import equal, test, true

SHIPPED = lib.POLICY / "05-redact.ini"
TOKEN = re.compile(rb"<redacted:[a-z-]+:[0-9a-f]{16}>")


def secret(n):
    """What nothing else holds."""
    return f"Zq7{n}wXk{os.getpid()}vPf"


def policy(directory):
    where = directory / "policy"
    where.mkdir()
    shutil.copy(SHIPPED, where)
    (where / "50-test.ini").write_text(
        "[deny sees-what-was-there]\nevent = exec\n"
        f"args = *{secret(2)}*\n")
    return where


# argv and environment with the secrets they hold; argv[0] is put in place.
FORMS = [
    ["x", "--password", secret(1)],
    ["x", "--db-password=" + secret(2)],
    ["mysql", "-u", "root", "-p" + secret(3)],
    ["x", f"postgres://u:{secret(4)}@db/x"],
    ["curl", "-H", "Authorization: Bearer " + secret(5)],
    ["curl", "-u", "me:" + secret(6), "http://h/"],
    ["sh", "-c", f"sudo mysql -p{secret(7)} < /dev/null"],
    ["x", "-e", "API_TOKEN=" + secret(8)],
    ["x", '{"password": "%s"}' % secret(9)],
    [b"x", b"--password=\xff\xfe" + secret(10).encode() + b"\x80"],
    # Cut by the kernel in the middle of the value.
    ["x", "a" * 4000, "--password=" + (secret(11) + " ") * 20],
    ["openssl", "rsa", "-passin", "pass:" + secret(12)],
    ["docker", "login", "-u", "me", "-p", secret(13), "registry"],
    ["docker", "run", "--env=DB_PASS=" + secret(14), "-p", "80:80"],
    ["mount", "-t", "cifs", "-o", "user=x,pass=" + secret(15), "//h/s"],
    ["curl", "-H", "Authorization: " + secret(16)],
    ["x", "--clientSecret", secret(17), "-Password", secret(18)],
    ["x", "-e", '{"ansible_become_pass":"%s"}' % secret(19)],
    ["x", "--password", secret(1)],
]
BEFORE, VARIABLE = secret(20), secret(21)


class Place:
    def __init__(self, directory, scene, before):
        self.dir = directory
        self.scene = scene
        self.agent = scene.agent
        self.before = before


@contextlib.contextmanager
def watched():
    lib.need_root()
    with lib.workdir("redact") as directory:
        before = subprocess.Popen(
            [sys.executable, "-c", "input()", "--password", BEFORE],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "DB_PASSWORD": VARIABLE})
        with lib.Agent(directory, policy(directory),
                       sensor={"env": "DB_PASSWORD LD_PRELOAD"}) as agent:
            agent.start()
            place = Place(directory, lib.Scene(directory, agent), before)
            tiny = lib.actor("act_tiny", directory, "act")
            for argv in FORMS:
                lib.act(argv, code=len(argv), executable=tiny,
                        env={"DB_PASSWORD": VARIABLE, "OTHER": "x"})
            before.communicate(b"\n")
            place.scene.settle()
            yield place


def everything(place):
    """(where, bytes) of all that left."""
    journal = ["--journal", place.agent.journal]
    for path in sorted(place.agent.journal.iterdir()):
        if path.is_file():
            yield path.name, path.read_bytes()
    for argv in (["tail", *journal, "--from", "oldest", "--no-follow"],
                 ["tail", *journal, "--from", "oldest", "--no-follow",
                  "--json"],
                 ["query", *journal], ["query", *journal, "--json"],
                 ["status", *journal], ["status", *journal, "--prometheus"]):
        p = lib.run([lib.PICKET, *argv])
        equal(p.returncode, 0, f"picket {argv[0]}: {p.stderr!r}")
        yield " ".join(map(str, argv)), p.stdout + p.stderr
    yield "log", place.agent.log.read_bytes()


def all_secrets():
    return [secret(n) for n in range(1, 20)] + [BEFORE, VARIABLE]


def leaks(where, data):
    return [f"{s} in {where}" for s in all_secrets()
            # A part of it is as bad.
            if s.encode()[:8] in data or s.encode()[-8:] in data]


def execs(place):
    act = os.fsencode(place.dir / "act")
    return place.scene.events("exec", lambda r: record.exe(r) == act)


@test
def no_secret_leaves_by_any_way(place):
    found = execs(place)
    equal(len(found), len(FORMS), "execs")
    checked = 0
    for where, data in everything(place):
        checked += len(data)
        equal(leaks(where, data), [], f"secrets in {where}")
    true(checked > 100000, "there was something to look at")
    for r in found:
        true(record.process(r).get("args_redacted"), f"not told: {r}")
        true(any(b"<redacted" in a for a in record.argv(r)), f"no token: {r}")


@test
def what_ran_before_is_redacted_too(place):
    r = place.scene.one("exit", lambda r: record.pid(r) == place.before.pid,
                        "the exit of what ran before")
    true(TOKEN.fullmatch(record.argv(r)[-1]), f"arguments: {record.argv(r)}")
    equal([e.split(b"=")[0] for e in record.env(r)], [b"DB_PASSWORD"], "env")
    true(TOKEN.fullmatch(record.env(r)[0].split(b"=")[1]), "value in env")


@test
def one_secret_is_one_token(place):
    found = execs(place)
    first, last = record.argv(found[0])[2], record.argv(found[-1])[2]
    equal(first, last, "tokens of one secret")
    others = [TOKEN.search(b" ".join(record.argv(r))) for r in found[1:9]]
    values = {m.group()[-17:] for m in others} | {first[-17:]}
    equal(len(values), 9, "different secrets' tokens")


@test
def a_cut_value_has_no_token(place):
    r = execs(place)[10]
    true(record.args_truncated(r), "the test cuts nothing")
    equal(record.argv(r)[-1], b"--password=<redacted:password:cut>", "value")


@test
def rules_are_held_against_what_was_there(place):
    found = [r for r in execs(place)
             if r["verdict"].get("rule") == "sees-what-was-there"]
    equal([record.argv(r)[1][:14] for r in found], [b"--db-password="],
          "denied by the value")


@test
def a_collector_gets_none(place):
    with shipping.Collector(place.dir) as c:
        s = shipping.Shipper(place.dir, c.url())
        s.journal = place.agent.journal
        s.configure()
        s.once()
        sent = c.out.read_bytes()
        true(len(c.records()) > len(FORMS), "records arrived")
        equal(leaks("what was sent", sent), [], "secrets")
        true(TOKEN.search(sent), "tokens arrived")


@test
def the_key_is_made_once_and_for_us_alone(place):
    path = place.agent.dir / "redact.key"
    st = path.stat()
    equal(stat.S_IMODE(st.st_mode), 0o600, "mode")
    key = path.read_bytes()
    true(re.fullmatch(rb"[0-9a-f]{64}\n", key), f"key: {key!r}")
    before = record.argv(execs(place)[0])[2]
    place.agent.stop()
    place.agent.start()
    equal(path.read_bytes(), key, "the key after a restart")
    lib.act(["x", "--password", secret(1)], code=3,
            executable=place.dir / "act")
    equal(record.argv(execs(place)[-1])[2], before, "token after a restart")


@test
def a_replay_claims_no_difference_because_of_it(place):
    p = lib.run([lib.PICKET, "replay", "--journal", place.agent.journal,
                 "--config", place.agent.config, "--policy",
                 place.agent.policy, "--json"])
    equal(p.returncode, 0, f"exit code: {p.stdout!r} {p.stderr!r}")
    r = json.loads(p.stdout)
    equal((r["newly_alerted"], r["newly_silenced"]), (0, 0), "changes")
    equal(r["not_compared"], 1, "what hangs on a secret")


@test
def a_key_that_others_can_read_is_refused(place):
    del place
    with lib.workdir("redact-key") as directory:
        key = directory / "key"
        for text, mode, why in (("a" * 64, 0o640, "may be read or written"),
                                ("short\n", 0o600, "less than 32 bytes")):
            key.write_text(text)
            key.chmod(mode)
            with lib.Agent(directory, redact={"key_file": key}) as agent:
                p = agent.spawn()
                equal(p.wait(timeout=lib.PATIENCE), 6, "exit code")
                lib.contains(agent.log_text(), why, "the log")


if __name__ == "__main__":
    lib.main(watched)
