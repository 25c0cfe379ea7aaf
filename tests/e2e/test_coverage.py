#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`picket coverage`: could it have been seen? The journal alone answers, also
when nobody runs any more."""
import collections
import contextlib
import datetime
import json
import os
import signal
import subprocess
import sys
import time

from lib import (PICKET, Agent, Missing, actor, act, contains, equal, main, need_root,
                 run, test, true, wait_for, workdir)


@contextlib.contextmanager
def place():
    need_root()
    with workdir("coverage") as directory:
        yield directory


def now():
    """A time that lies strictly between what was done and what comes."""
    time.sleep(0.01)
    t = datetime.datetime.now(datetime.timezone.utc)
    time.sleep(0.01)
    return t.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def ask(agent, *words):
    p = run([PICKET, "coverage", "--journal", agent.journal, "--json", *words])
    equal(p.returncode, 0, f"exit code; it said {p.stderr!r}")
    return {r["kind"]: r for r in map(json.loads, p.stdout.splitlines())}


def mark(agent, directory, n):
    """Something that is surely in the journal, and on the disk, after this."""
    tiny = actor("act_tiny", directory, f"tiny-{n}")
    pid, _ = act([tiny], code=1)
    wait_for(lambda: any(r.get("process", {}).get("pid") == pid
                         and r["kind"] == "exit" for r in agent.read()),
             "the marker in the journal")
    last = max(r["seq"] for r in agent.read())
    wait_for(lambda: (s := agent.status()) and
             s["journal"]["sealed_seq"] >= last, "the marker on the disk")


def check_bounds(records, stopped, down):
    """Who ended it and what was not watched is in the events themselves."""
    about = [r["agent"] for r in records if r["kind"] == "agent"]
    end = next(a for a in about if a["what"] == "stopped")
    equal({k: end["facts"].get(k) for k in ("signal", "by_pid", "by_uid")},
          {"signal": "2", "by_pid": str(os.getpid()),
           "by_uid": str(os.getuid())}, "who stopped it")
    equal(end["facts"]["by_exe"], os.readlink("/proc/self/exe"), "by what")
    first, *later = (a for a in about if a["what"] == "started")
    true("unwatched_from" not in first.get("facts", {}), "no gap before the first")
    for again, when in zip(later, (stopped, down), strict=True):
        facts = again["facts"]
        true(facts["unwatched_from"] < when < facts["unwatched_until"],
             f"{when} in the bounds of {facts}")
        contains(again["text"], "unwatched since " + facts["unwatched_from"],
                 "the line")


@test
def a_life_with_gaps(directory):
    agent = Agent(directory, "", canary={"interval": "0s"})
    with agent:
        before = now()
        agent.start()
        running = now()
        mark(agent, directory, 1)
        equal(agent.stop(), 0, "exit code")
        stopped = now()
        agent.start()
        again = now()
        mark(agent, directory, 2)
        agent.process.kill()
        agent.process.wait()
        down = now()
        agent.start()
        after = now()
        mark(agent, directory, 3)
        status = agent.status()
        check_bounds(agent.read(), stopped, down)

        answer = ask(agent, "--at", before)
        equal({a["answer"] for a in answer.values()}, {"no"}, "before")
        contains(answer["exec"]["because"][0]["reason"],
                 "does not go back", "why not")
        for when in running, again, after:
            answer = ask(agent, "--at", when)
            for kind, a in answer.items():
                rows = [r for r in status["coverage"] if r["family"] == kind]
                short = [r for r in rows if not r["active"] or r["reason"]]
                on = [r for r in rows if r["active"]]
                want = "no" if not on else "partly" if short else "yes"
                equal(a["answer"], want, f"{kind} while it ran")
                equal({(b.get("way"), b["reason"]) for b in a["because"]},
                      {(r["hook"], r["reason"]) for r in short} if rows else
                      {(None, "picket had no hook for it")},
                      f"{kind}: why not all of it")
        answer = ask(agent, "--at", stopped, "--kind", "write")
        equal(list(answer), ["write"], "kinds")
        because = answer["write"]["because"][0]
        equal((answer["write"]["answer"], because["what"]), ("no", "down"),
              "while it was stopped")
        contains(because["reason"], "stopped by signal 2", "who stopped it")
        true(because["from"] < stopped < because["until"], "its bounds")
        because = ask(agent, "--at", down)["exec"]["because"][0]
        contains(because["reason"], "without a word", "after SIGKILL")
        true(because["from"] < down < because["until"], "its bounds")
        equal(agent.stop(), 0, "exit code")
    # Nobody runs: as of the newest record, which is that it stopped.
    p = run([PICKET, "coverage", "--journal", agent.journal])
    equal(p.returncode, 0, "exit code")
    text = p.stdout.decode()
    contains(text, "anything at ", "one answer for all kinds")
    contains(text, "no, because", "the answer")
    contains(text, "picket stopped by signal 2", "the reason")


@test
def what_the_kernel_kept_for_the_next_one_was_watched(directory):
    bpf = directory / "bpf"
    bpf.mkdir()
    subprocess.run(["mount", "-t", "bpf", "bpf", bpf], check=True)
    try:
        with Agent(directory, "", "kept", canary={"interval": "0s"},
                   sensor={"pin_dir": bpf / "picket"}) as agent:
            agent.start()
            mark(agent, directory, "first")
            agent.process.kill()
            agent.process.wait()
            dead = now()
            agent.start()
            mark(agent, directory, "second")
            answer = ask(agent, "--at", dead)["exec"]
            true(answer["answer"] != "no", f"while it was dead: {answer}")
            equal([b for b in answer["because"] if b["what"] == "down"], [],
                  "that it was down")
            equal(agent.stop(), 0, "exit code")
    finally:
        subprocess.run(["umount", bpf], check=True)


@test
def what_was_lost_then_is_in_the_answer(directory):
    tiny = actor("act_tiny", directory)
    with Agent(directory, "", "lossy", sensor={"ring_size": "256K"},
               canary={"interval": "0s"}) as agent:
        agent.start()
        mark(agent, directory, "before")
        quiet = now()
        # A loss is told with the interval since the counters were looked at
        # last, once a second while something happens: be well behind that.
        began = time.monotonic()
        while time.monotonic() < began + 2.5:
            act([tiny], code=1)
            time.sleep(0.1)
        mark(agent, directory, "between")
        agent.freeze()
        try:
            for _ in range(600):
                subprocess.run([tiny], check=False, stdin=subprocess.DEVNULL)
            amid = now()
        finally:
            agent.process.send_signal(signal.SIGCONT)
        wait_for(lambda: any(r.get("agent", {}).get("what") == "loss"
                             for r in agent.read()), "the loss to be told")
        mark(agent, directory, "after")
        lost = [b for b in ask(agent, "--at", amid)["exec"]["because"]
                if b["what"] == "lost"]
        true(lost, "the loss is a reason")
        told = [r["agent"]["facts"] for r in agent.read()
                if r.get("agent", {}).get("what") == "loss"]
        # Of all CPUs in that interval; what others did may have cost some more
        # before or after it.
        by_interval = collections.Counter()
        for f in told:
            if f["family"] == "exec":
                by_interval[f["from_ns"]] += int(f["count"])
        equal(sum(b["count"] for b in lost), max(by_interval.values()),
              "how many")
        equal([b for b in ask(agent, "--at", quiet)["exec"]["because"]
               if b["what"] == "lost"], [], "what was lost at another time")
        equal(agent.stop(), 0, "exit code")


# One processor changes the states of sockets; another's packets are steered to
# it, and their softirq comes in between: there the kernel leaves out a program
# that is under way. In a network of its own, until it is killed.
INTERRUPT = """
import ctypes, os, socket, subprocess, sys
libc = ctypes.CDLL(None, use_errno=True)
if libc.unshare(0x40000000 | 0x20000):
    sys.exit(ctypes.get_errno())
subprocess.run(["mount", "--make-rprivate", "/"], check=True)
subprocess.run(["mount", "-t", "sysfs", "sysfs", "/sys"], check=True)
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
one, other = sorted(os.sched_getaffinity(0))[:2]
with open("/sys/class/net/lo/queues/rx-0/rps_cpus", "w") as f:
    f.write(f"{1 << one:x}")
server = socket.create_server(("127.0.0.1", 0), backlog=64)
parent = os.getpid()
if not os.fork():
    libc.prctl(1, 9, 0, 0, 0)
    os.sched_setaffinity(0, {other})
    while os.getppid() == parent:
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                         b"\\1\\0\\0\\0\\0\\0\\0\\0")
            s.connect(server.getsockname())
            server.accept()[0].close()
os.sched_setaffinity(0, {one})
while True:
    socket.create_server(("127.0.0.1", 0), backlog=1).close()
"""


def left_out(status):
    return sum(f["missed"] for f in status["families"].values())


@test
def runs_that_the_kernel_left_out_are_in_the_answer(directory):
    if len(os.sched_getaffinity(0)) < 2:
        raise Missing("two processors", "there is one")
    with Agent(directory, "") as agent:
        agent.start()
        worker = subprocess.Popen([sys.executable, "-c", INTERRUPT])
        times = []

        def answered():
            """Whether for any time since then the answer says so."""
            equal(worker.poll(), None, "it was ended")
            times.append(now())
            return any("left out" in b["reason"] for t in times
                       for a in ask(agent, "--at", t).values()
                       for b in a["because"])
        try:
            wait_for(lambda: (s := agent.status()) and left_out(s),
                     "a run that is left out")
            wait_for(answered, "the answer that says so", every=0.5)
        finally:
            worker.kill()
            worker.wait()
        losses = [r["agent"]["facts"] for r in agent.read()
                  if r["kind"] == "agent" and r["agent"]["what"] == "loss"]
        told = sum(int(f["missed"]) for f in losses if "missed" in f)
        true(0 < told <= left_out(agent.status()), f"told {told}")


@test
def mistakes_are_said(directory):
    for words, code, says in (
            (["--at", "yesterday-ish"], 2, "--at"),
            (["--kind", "fork"], 2, "--kind"),
            (["--journal", os.fspath(directory / "none")], 1,
             "no journal directory")):
        p = run([PICKET, "coverage", *words])
        equal(p.returncode, code, f"exit code of {words}")
        contains(p.stderr.decode(), says, f"what is said of {words}")
        equal(p.stdout, b"", "data of a failure")


if __name__ == "__main__":
    main(place)
