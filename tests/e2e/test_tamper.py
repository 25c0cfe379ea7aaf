#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""picket that is tampered with, under the shipped policy: what is done to get
past picket is an alert of its own."""
import os
import signal
import subprocess
import sys

import record
from deeds import a_cgroup_link
from lib import (PICKET, POLICY, SHIP, act, actor, equal, main, run, scene,
                 test, true, wait_for)

# Each in a process of its own: what is looked for is who did it.
SEIZE = """
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)
if libc.ptrace(0x4206, int(sys.argv[1]), None, None):
    sys.exit(ctypes.get_errno())
"""

WRITE_MEMORY = """
import ctypes, sys
class iovec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]
pid, at = int(sys.argv[1]), int(sys.argv[2], 16)
word = ctypes.create_string_buffer(8)
libc = ctypes.CDLL(None, use_errno=True)
here, there = iovec(ctypes.addressof(word), 8), iovec(at, 8)
read = libc.process_vm_readv(pid, ctypes.byref(here), 1, ctypes.byref(there),
                             1, 0)
wrote = libc.process_vm_writev(pid, ctypes.byref(here), 1,
                               ctypes.byref(there), 1, 0)
sys.exit(0 if read == wrote == 8 else 1)
"""


# Each says who and what, in a process of its own.
OWN = """
import fcntl, os, sys
r, w = os.pipe()
fcntl.fcntl(r, fcntl.F_SETOWN, int(sys.argv[1]))
"""

TAKE = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
pidfd = os.pidfd_open(int(sys.argv[1]))
if libc.syscall(438, pidfd, int(sys.argv[2]), 0) < 0:
    sys.exit(ctypes.get_errno())
"""

# By a mount that no rule has a path of; and back to where the sender is.
CONFINE = """
set -e
mount -t cgroup2 none "$2"
mkdir "$2/$3"
echo "$1" >"$2/$3/cgroup.procs"
echo 1 >"$2/$3/cgroup.freeze"
echo 0 >"$2/$3/cgroup.freeze"
echo "$1" >"$2$(sed -n s/^0:://p /proc/self/cgroup)/cgroup.procs"
rmdir "$2/$3"
"""


def stage():
    # Each is looked for, so none is summed.
    return scene("tamper", POLICY, sensor={"connect": "cgroup"},
                 alerts={"window": "0s"},
                 collector={"url": "http://127.0.0.1:9/v1/logs"})


def alert_of(s, pid, what):
    """The one alert on what this process did to another."""
    found = [r for r in s.events("tamper", lambda r: record.pid(r) == pid)
             if record.judged(r)[2]]
    equal(len(found), 1, f"alerts on {what}: {found}")
    return found[0]


def tampering(s, argv, **kw):
    pid, _ = act(argv, **kw)
    return pid, alert_of(s, pid, argv)


def rule(r):
    return record.judged(r)[1]


# ---- picket -----------------------------------------------------------------

def picket(s):
    return str(s.agent.process.pid)


@test
def its_own_writes_are_no_events_and_anothers_in_its_directories_are(s):
    for path in (s.agent.journal / "odd", s.agent.policy / "odd.bak"):
        pid, _ = act(["/bin/sh", "-c", f"echo x >{path}; rm {path}"])
        found = s.events("write", lambda r: record.path(r)
                         == os.fsencode(path) and record.operation(r)
                         == "open")
        equal([record.pid(r) for r in found], [pid], f"who opened {path}")
    # All the while it wrote its journal: of that and all else, nothing.
    own = [r for r in s.tail.find(lambda r: record.pid(r)
                                  == s.agent.process.pid)
           if r["kind"] != "agent"]
    equal(own, [], "events of picket itself")


@test
def a_signal_is_an_alert_that_names_who_sent_it(s):
    # SIGUSR2 would end picket; SIGURG would not, and is no event.
    pid, r = tampering(s, ["/bin/sh", "-c", 'kill -STOP "$1"; kill -CONT "$1"',
                           "sh", picket(s)])
    equal(rule(r), "picket-signalled", "rule")
    equal(r["tamper"]["type"], "signal", "type")
    equal(r["tamper"]["arg"], signal.SIGSTOP, "signal")
    true(r["tamper"]["of_picket"], "of picket")
    equal(r["tamper"]["target_pid"], s.agent.process.pid, "target")


@test
def while_stopped_nothing_is_missed(s):
    s.agent.freeze()
    path = actor("act_tiny", s.dir, "meanwhile")
    pid, _ = act([path], code=1)
    os.kill(s.agent.process.pid, signal.SIGCONT)
    r = s.one("exec", lambda r: record.pid(r) == pid, "the exec meanwhile")
    equal(record.exe(r), os.fsencode(path), "executable")
    stops = s.events("tamper", lambda r: record.pid(r) == os.getpid()
                     and r["tamper"]["arg"] == signal.SIGSTOP)
    equal(len(stops), 1, "stops told")


@test
def tracing_is_an_alert(s):
    pid, r = tampering(s, [sys.executable, "-c", SEIZE, picket(s)])
    equal(rule(r), "picket-traced", "rule")
    equal(r["tamper"]["type"], "ptrace", "type")
    equal(r["tamper"]["target_pid"], s.agent.process.pid, "target")


@test
def writing_its_memory_is_an_alert(s):
    with open(f"/proc/{picket(s)}/maps", encoding="utf-8") as maps:
        heap = next(line for line in maps if line.rstrip().endswith("[heap]"))
    pid, r = tampering(s, [sys.executable, "-c", WRITE_MEMORY, picket(s),
                           heap.split("-")[0]])
    equal(rule(r), "picket-traced", "rule")
    equal(r["tamper"]["type"], "memory", "type")
    true(r["tamper"]["of_picket"], "of picket")


@test
def a_limit_set_on_it_is_an_alert(s):
    pid, r = tampering(s, ["prlimit", "--pid", picket(s), "--msgqueue=4711:"])
    equal(rule(r), "picket-crippled", "rule")
    equal(record.exe(r), b"/usr/bin/prlimit", "who")
    equal(r["tamper"]["type"], "limit", "type")
    equal(r["tamper"]["resource"], "msgqueue", "resource")
    equal(r["tamper"]["limit"]["soft"], 4711, "soft limit")
    equal(r["tamper"]["target_pid"], s.agent.process.pid, "target")


@test
def a_file_made_to_signal_it_is_an_alert(s):
    pid, r = tampering(s, [sys.executable, "-c", OWN, picket(s)])
    equal(rule(r), "picket-crippled", "rule")
    equal(r["tamper"]["type"], "sigio", "type")
    equal(r["tamper"]["target_pid"], s.agent.process.pid, "target")


@test
def moved_to_another_cgroup_and_frozen_there_it_tells_both(s):
    mount, name = s.dir / "cgroups", f"picket-test-{os.getpid()}"
    mount.mkdir()
    pid, _ = act(["unshare", "--mount", "/bin/sh", "-c", CONFINE, "sh",
                  picket(s), mount, name])
    told = s.events("tamper", lambda r: record.pid(r) == pid)
    equal([r["tamper"]["type"] for r in told], ["move", "freeze", "move"],
          "what is told")
    for r in told:
        equal(rule(r), "picket-confined", "rule")
        true(record.judged(r)[2], "an alert")
        true(r["tamper"]["of_picket"], "of picket")
        equal(r["tamper"]["target_pid"], s.agent.process.pid, "target")
    for r in told[:2]:
        equal(r["tamper"]["cgroup"], f"/{name}", "cgroup")


@test
def a_copy_of_its_descriptor_is_an_alert(s):
    pid, r = tampering(s, [sys.executable, "-c", TAKE, picket(s), "1"])
    equal(rule(r), "picket-traced", "rule")
    equal(r["tamper"]["type"], "descriptor", "type")
    equal(r["tamper"]["arg"], 1, "descriptor")
    equal(r["tamper"]["target_pid"], s.agent.process.pid, "target")


@test
def its_helpers_are_picket_too(s):
    for name in ("picket-helper", "picket-trust"):
        pid = s.agent.child(name)
        true(pid, f"there is no {name}")
        for rules, argv in (
                ("picket-signalled", ["/bin/sh", "-c",
                                      'kill -STOP "$1"; kill -CONT "$1"',
                                      "sh", str(pid)]),
                ("picket-traced", [sys.executable, "-c", SEIZE, str(pid)])):
            _, r = tampering(s, argv)
            equal(rule(r), rules, f"rule for {name}")
            true(r["tamper"]["of_picket"], f"{name} is of picket")
            equal(r["tamper"]["target_pid"], pid, f"{name} is the target")


@test
def its_shipper_is_picket_too_however_often_it_starts(s):
    """By a destination of this agent's settings that answers nothing."""
    for _ in range(2):
        ship = subprocess.Popen([SHIP, "--config", s.agent.config],
                                stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL)
        try:
            seize_until_told(s, ship.pid)
            _, r = tampering(s, ["/bin/sh", "-c",
                                 'kill -STOP "$1"; kill -CONT "$1"', "sh",
                                 str(ship.pid)])
            equal(rule(r), "picket-signalled", "rule")
            true(r["tamper"]["of_picket"], "the shipper is of picket")
            equal(r["tamper"]["target_pid"], ship.pid, "the target")
            pid, r = tampering(s, ["/bin/sh", "-c", 'kill -KILL "$1"', "sh",
                                   str(ship.pid)])
            equal(r["tamper"]["arg"], signal.SIGKILL, "signal")
        finally:
            ship.kill()
            ship.wait()


def seize_until_told(s, victim):
    """The agent looks for who ships from time to time: a trace of anybody is
    told, and from when on as one of picket is what it waits for."""
    def told():
        pid, _ = act([sys.executable, "-c", SEIZE, str(victim)])
        r = s.one("tamper", lambda r: record.pid(r) == pid, "the attach")
        equal(r["tamper"]["target_pid"], victim, "target")
        return r if r["tamper"].get("of_picket") else None

    r = wait_for(told, "the shipper traced as one of picket's", every=0.5)
    equal(rule(r), "picket-traced", "rule")


@test
def its_shipper_is_found_after_its_own_helper_was_killed(s):
    """Who belongs to picket is asked again, and one of them is gone."""
    del s
    with stage() as s:
        reader = s.agent.child("picket-trust")
        true(reader, "there is no picket-trust")
        _, r = tampering(s, ["/bin/sh", "-c", 'kill -KILL "$1"', "sh",
                             str(reader)])
        equal(rule(r), "picket-signalled", "rule")
        equal(r["tamper"]["target_pid"], reader, "the target")
        wait_for(lambda: not s.agent.status()["trust"]["followed"],
                 "picket to notice")
        # Found by asking once more, with nobody in the reader's place.
        ship = subprocess.Popen([SHIP, "--config", s.agent.config],
                                stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL)
        try:
            seize_until_told(s, ship.pid)
        finally:
            ship.kill()
            ship.wait()
        equal(s.agent.process.poll(), None, "picket's exit code")


WRITE_FILE = """
import sys
with open(f"/proc/{sys.argv[1]}/mem", "r+b", buffering=0) as f:
    f.seek(int(sys.argv[2], 16))
    word = f.read(8)
    f.seek(int(sys.argv[2], 16))
    f.write(word)
"""


@test
def its_memory_as_a_file_is_an_alert(s):
    with open(f"/proc/{picket(s)}/maps", encoding="utf-8") as maps:
        heap = next(line for line in maps if line.rstrip().endswith("[heap]"))
    pid, _ = act([sys.executable, "-c", WRITE_FILE, picket(s),
                  heap.split("-")[0]])
    found = [r for r in s.events("write", lambda r: record.pid(r) == pid)
             if record.judged(r)[2]]
    equal({rule(r) for r in found}, {"process-memory-as-file"}, "rules")
    equal({record.path(r) for r in found}, {f"/proc/{picket(s)}/mem".encode()},
          "paths")


@test
def tracing_another_is_told_and_no_alert(s):
    victim = subprocess.Popen(["sleep", "60"])
    try:
        pid, _ = act([sys.executable, "-c", SEIZE, str(victim.pid)])
    finally:
        victim.kill()
        victim.wait()
    r = s.one("tamper", lambda r: record.pid(r) == pid, "the attach")
    equal(record.judged(r)[2], False, "alert")
    equal(r["tamper"]["target_pid"], victim.pid, "target")
    true(not r["tamper"].get("of_picket"), "not picket")
    true(record.raw(r["tamper"], "target_exe").endswith(b"sleep"),
         "the target's executable")


def tables(s, count):
    """The tables of ways in that were told, so many at least."""
    return [r["agent"]["coverage"] for r in s.tail.wait(
        lambda r: r.get("kind") == "agent"
        and r["agent"]["what"] == "coverage", "coverage", count=count)]


@test
def a_hook_put_out_is_an_alert_a_row_that_is_off_and_attached_again(s):
    link = a_cgroup_link(s.agent.process.pid)
    pid, r = tampering(s, ["/usr/sbin/bpftool", "link", "detach", "id", link])
    equal(rule(r), "picket-bpf", "rule")
    equal(r["tamper"]["object_id"], int(link), "link")
    r, = s.tail.wait(lambda r: r.get("kind") == "agent"
                     and r["agent"]["what"] == "blinded", "being blinded")
    equal(r["agent"]["facts"]["hooks"], "1", "hooks")
    before, during, after = tables(s, 3)
    off = [row for row in during if "by somebody else" in
           row.get("reason", "")]
    equal(len(off), 1, f"rows: {off}")
    # Without the rights that picket gave up after its start.
    r, = s.tail.wait(lambda r: r.get("kind") == "agent"
                     and r["agent"]["what"] == "mended", "being mended")
    equal(r["agent"]["facts"]["hooks"], "1", "hooks")
    equal(after, before, "the table afterwards")


@test
def one_put_out_again_and_again_is_told_each_time_and_not_fought(s):
    def told(what):
        return len(s.tail.find(lambda r: r.get("kind") == "agent"
                               and r["agent"]["what"] == what))
    blinded, mended, rows = (told(x) for x in ("blinded", "mended",
                                               "coverage"))
    link = a_cgroup_link(s.agent.process.pid)
    tampering(s, ["/usr/sbin/bpftool", "link", "detach", "id", link])
    s.tail.wait(lambda r: r.get("kind") == "agent"
                and r["agent"]["what"] == "blinded", "being blinded",
                count=blinded + 1)
    off = [row for row in tables(s, rows + 1)[rows] if "next try within"
           in row.get("reason", "")]
    equal(len(off), 1, f"what is off for a while: {off}")
    true("next try within" in run([PICKET, "status", "--all", "--journal",
                                   s.agent.journal]).stdout.decode(),
         "picket status does not say so")
    s.tail.wait(lambda r: r.get("kind") == "agent"
                and r["agent"]["what"] == "mended", "being mended again",
                count=mended + 1)


if __name__ == "__main__":
    main(stage)
