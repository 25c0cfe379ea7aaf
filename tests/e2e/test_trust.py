#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a package installed runs unremarked, and whatever else lies there does
not: with the real dpkg, a package made here, and a database of its own."""
import hashlib
import os
import shutil
import signal
import subprocess
import time

import record
from ground import ground
from lib import (ACTORS, PICKET, contains, equal, main, run, test, true,
                 wait_for)


@test
def a_packaged_program_is_allowed(g):
    verdict, found = g.verdict(g.run())
    equal(verdict["answer"], "allowed", "verdict")
    equal(verdict["rule"], "packaged", "rule")
    true(not verdict.get("alert"), "no alert")
    sha256 = hashlib.sha256(g.program.read_bytes()).hexdigest()
    if found["resolution"]:
        exe = found["resolution"]["exe"]
        equal(exe["trust"], "package", "trust")
        equal(exe["package"], "picket-test 1.0", "package")
        equal(exe["sha256"], sha256, "sha256")
    # Known by now: no second event has to wait.
    verdict, found = g.verdict(g.run())
    equal(found["resolution"], None, "not pending")
    equal(found["event"]["process"]["exe_finding"]["sha256"], sha256,
          "sha256 in the event's own process")


@test
def a_copy_alerts_once_it_is_known(g):
    copy = g.place / "copy"
    shutil.copy(g.program, copy)
    verdict, found = g.verdict(g.run(copy), copy)
    equal(verdict["answer"], "unlisted", "verdict")
    true(verdict["alert"], "alert")
    true(not found["event"]["verdict"].get("alert"), "not before")
    equal(found["resolution"]["exe"]["trust"], "unpackaged", "trust")


@test
def another_content_in_its_place_is_changed(g):
    was = g.program.read_bytes()
    g.put_program(was + b"more")
    verdict, found = g.verdict(g.run())
    equal(verdict["rule"], "replaced", "rule")
    true(verdict["alert"], "alert")
    equal(found["resolution"]["exe"]["package"], "picket-test 1.0", "whose")
    g.put_program(was)
    verdict, _ = g.verdict(g.run())
    equal(verdict["answer"], "allowed", "as it was")


@test
def why_says_what_the_file_is_and_a_replay_knows_it(g):
    copy = g.place / "why"
    shutil.copy(g.program, copy)
    _, found = g.verdict(g.run(copy), copy)
    picket = os.environ["BUILD"] + "/picket"
    argv = [picket, "why", found["event"]["uid"], "--policy", g.agent.policy,
            "--journal", g.agent.journal, "--config", g.agent.config]
    # It reads no further than what is on the disk.
    wait_for(lambda: b"unpackaged" in run(argv).stdout,
             lambda: f"why to say what it is: {run(argv)!r}")
    p = subprocess.run([picket, "replay", "--policy", g.agent.policy,
                        "--journal", g.agent.journal, "--json",
                        "--config", g.agent.config], capture_output=True)
    contains(p.stdout.decode(), '"newly_silenced":0', p.stderr.decode() or "replay")
    contains(p.stdout.decode(), '"newly_alerted":0', p.stderr.decode() or "replay")


@test
def a_directory_that_others_may_write_spoils_it(g):
    g.program.parent.chmod(0o777)
    g.run("/bin/true")
    verdict, found = g.verdict(g.run())
    equal(verdict["answer"], "unlisted", "verdict")
    equal(found["resolution"]["exe"]["trust"], "writable", "trust")
    equal(found["resolution"]["exe"]["writable_by"], ["others"], "who")
    g.program.parent.chmod(0o755)
    verdict, _ = g.verdict(g.run())
    equal(verdict["answer"], "allowed", "as it was")


@test
def gone_before_it_was_looked_at_is_not_trusted(g):
    copy = g.place / "gone"
    for n in range(20):
        shutil.copy(g.program, copy)
        pid = g.run(copy)
        copy.unlink()
        verdict, found = g.verdict(pid, copy)
        equal(verdict["answer"], "unlisted", "verdict")
        if found["resolution"]["exe"]["hash"] == "gone":
            return
    # It was looked at sooner each time: that is as good.


@test
def an_upgrade_is_followed_without_a_restart(g):
    g.install("2.0", ACTORS / "act_exec")
    verdict, found = g.verdict(g.run())
    equal(verdict["answer"], "allowed", "verdict")
    # Where dpkg takes long the sums may be read when the version is not there.
    true(found["resolution"]["exe"]["package"] in ("picket-test 1.0",
                                                   "picket-test 2.0"),
         "package")
    equal(g.agent.status()["trust"]["timed_out"], 0, "nothing timed out")


@test
def the_status_tells_what_is_known(g):
    trust = g.agent.status()["trust"]
    equal(trust["packages"], 1, "packages")
    equal(trust["files"], 2, "files")
    true(trust["hashed"] >= 3, "files read")
    text = subprocess.run([g.agent.picket if hasattr(g.agent, "picket")
                           else os.environ["BUILD"] + "/picket", "status",
                           "--journal", g.agent.journal],
                          capture_output=True, check=True).stdout.decode()
    contains(text, "trust     1 packages, 2 files", "status")


@test
def a_start_finds_the_database(g):
    db = g.dir / "trust.db"
    wait_for(db.exists, "a database on the disk")

    def made_for_good():
        inode = db.stat().st_ino
        # What dpkg did last is read a second later.
        time.sleep(2)
        return db.stat().st_ino == inode

    wait_for(made_for_good, "the database of all that dpkg did", 60)
    before = db.stat()
    g.agent.stop()
    g.agent.start()
    # Where others start many programs, one may not be looked at in time.
    wait_for(lambda: g.verdict(g.run())[0]["answer"] == "allowed", "a verdict")
    equal(db.stat().st_ino, before.st_ino, "the database")


@test
def what_ran_just_before_the_end_is_found_out(g):
    # By one that has asked about no file yet, as what restarts it may be.
    equal(g.agent.stop(signal.SIGTERM), 0, "exit code")
    g.agent.start()
    wait_for(lambda: g.agent.status()["trust"]["files"] == 2, "the database")
    pid = g.run()
    equal(g.agent.stop(signal.SIGTERM), 0, "exit code")
    verdict, _ = g.verdict(pid)
    equal((verdict["answer"], verdict.get("alert")), ("allowed", None),
          "verdict")
    g.agent.start()


def health(agent):
    p = run([PICKET, "status", "--journal", agent.journal, "--health"])
    return p.returncode, p.stdout.decode()


@test
def without_who_reads_the_databases_it_says_so(g):
    equal(health(g.agent), (0, "ok\n"), "health")
    equal(g.agent.status()["trust"]["followed"], True, "the status")
    os.kill(g.agent.child("picket-trust"), signal.SIGKILL)
    wait_for(lambda: not g.agent.status()["trust"]["followed"],
             "picket to notice")
    code, text = health(g.agent)
    equal(code, 1, "exit code of --health")
    contains(text, "packages are not followed", "health")
    contains(g.agent.log_text(), "package databases is gone", "the log")
    # What is known is known.
    verdict, _ = g.verdict(g.run())
    equal(verdict["answer"], "allowed", "verdict")


def left_pending(g, *programs):
    """Their events are pending, and picket is dead; before it knew."""
    g.agent.stop()
    config = g.agent.config.read_text()
    # Far longer than it has to live.
    g.agent.config.write_text(config.replace("[trust]", "[trust]\nrate = 4K"))
    pids = []

    def died_in_time():
        mark = os.urandom(8).hex()
        g.agent.start()
        pids[:] = [g.run(program, mark) for program in programs]
        # Reading it as JSON would take longer than a verdict may.
        wait_for(lambda: sum(f.read_bytes().count(mark.encode())
                             for f in g.agent.journal.glob("*.seg"))
                 >= len(pids), "the events")
        g.agent.process.kill()
        g.agent.process.wait()
        seqs = {r["seq"] for r in of(g, pids)}
        return len(seqs) == len(pids) and not any(
            "resolution" in r.get("amendment", {})
            and r["amendment"]["seq"] in seqs
            for r in g.agent.read("--kind", "amendment"))
    wait_for(died_in_time, "a kill before a verdict", timeout=120)
    equal({r["verdict"]["answer"] for r in of(g, pids)}, {"pending"},
          "verdicts")
    return config, pids


def of(g, pids):
    """Execs of these, but not by us, who became them."""
    return [r for r in g.agent.read("--kind", "exec")
            if record.pid(r) in pids]


def padded(g, name):
    """A program that takes a while to read."""
    path = g.place / name
    shutil.copy(g.program, path)
    with open(path, "ab") as f:
        f.write(os.urandom(300_000))
    return path


@test
def what_was_pending_at_a_kill_is_judged_by_the_next(g):
    tool = padded(g, "big")
    g.install("3.0", tool)
    copy = padded(g, "big-copy")
    gone = padded(g, "big-gone")
    config, pids = left_pending(g, g.program, copy, gone)
    gone.unlink()
    g.agent.config.write_text(config)
    g.agent.start()
    verdict, found = g.verdict(pids[0])
    equal(verdict["answer"], "allowed", "the packaged one")
    equal(found["resolution"]["exe"]["package"], "picket-test 3.0", "package")
    verdict, found = g.verdict(pids[1], copy)
    equal((verdict["answer"], verdict["alert"]), ("unlisted", True), "a copy")
    equal(found["resolution"]["exe"]["trust"], "unpackaged", "trust")
    verdict, found = g.verdict(pids[2], gone)
    equal((verdict["answer"], verdict["alert"]), ("unlisted", True), "gone")
    contains(g.agent.log_text(), "verdicts that were pending", "the log")
    # Once is enough: the next one leaves them alone.
    g.agent.process.kill()
    g.agent.process.wait()
    g.agent.start()
    seqs = sorted(r["seq"] for r in of(g, pids))
    settled = sorted(r["amendment"]["seq"]
                     for r in g.agent.read("--kind", "amendment")
                     if "resolution" in r.get("amendment", {})
                     and r["amendment"]["seq"] in seqs)
    equal(settled, seqs, "each settled once")


if __name__ == "__main__":
    main(ground)
