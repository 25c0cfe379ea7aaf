#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Where a process belongs on a host whose containers are told apart by cgroups
of version 1 alone: all are in the unified hierarchy's root."""
import contextlib
import os
import pathlib
import re
import subprocess

import record
from lib import (PICKET, Agent, Missing, Scene, act, actor, equal, main,
                 need_root, run, test, true, wait_for, workdir)

# As picket chooses among those that are mounted.
RANKS = ("memory", "pids", "devices", "freezer", "cpu", "cpuacct", "blkio")
UID = "2c48913c-b29f-11e7-9350-020968147796"
UID_ = UID.replace("-", "_")
BURST = "kubepods.slice/kubepods-burstable.slice"

# A cgroup's path, of what id, and what is told of who is in it.
SHAPES = [
    ("docker/{id}", {}),
    ("system.slice/docker-{id}.scope", {}),
    ("libpod_parent/libpod-{id}", {}),
    ("machine.slice/libpod-{id}.scope", {}),
    ("machine.slice/libpod-{id}.scope/container", {}),
    ("kubepods/besteffort/pod" + UID + "/{id}", {"pod_uid": UID}),
    ("kubepods/pod" + UID + "/crio-{id}", {"pod_uid": UID}),
    (f"{BURST}/kubepods-burstable-pod{UID_}.slice/cri-containerd-{{id}}.scope",
     {"pod_uid": UID}),
    (f"{BURST}/kubepods-burstable-pod{UID_}.slice/crio-{{id}}.scope",
     {"pod_uid": UID}),
    ("system.slice/nginx.service", {"container": None,
                                    "unit": "nginx.service"}),
    ("machine.slice/libpod-conmon-{id}.scope",
     {"container": None, "unit": "libpod-conmon-{id}.scope"}),
]


def mounted():
    """Where the hierarchy is mounted that picket looks at."""
    found = {}
    for line in open("/proc/self/mounts", encoding="utf-8"):
        words = line.split()
        if words[2] == "cgroup":
            for option in words[3].split(","):
                found.setdefault(option, pathlib.Path(words[1]))
    return next((found[name] for name in RANKS if name in found), None)


@contextlib.contextmanager
def hierarchy(directory):
    """One of version 1, mounted if there is none: devices is of that alone."""
    at = mounted()
    if at:
        yield at
        return
    at = directory / "devices"
    at.mkdir()
    p = run(["mount", "-t", "cgroup", "-o", "devices", "none", at])
    if p.returncode:
        raise Missing("cgroup-v1", p.stderr.decode(errors="replace"))
    try:
        yield at
    finally:
        run(["umount", at])


class Cgroups:
    """Below one of our own; what is made is removed, the innermost first."""

    def __init__(self, at):
        self.top = at / f"picket-test-{os.getpid()}"
        self.made = []

    def make(self, path):
        full = self.top / path
        for d in [*reversed(full.relative_to(self.top).parents),
                  pathlib.Path(path)]:
            if not (self.top / d).exists():
                (self.top / d).mkdir()
                self.made.append(self.top / d)
        return full

    def close(self):
        for d in reversed(self.made):
            wait_for(lambda: not (d / "cgroup.procs").read_text(),
                     f"nobody in {d}")
            d.rmdir()


class Place:
    def __init__(self, s, cgroups, early):
        self.s, self.cgroups, self.early = s, cgroups, early

    def __getattr__(self, name):
        return getattr(self.s, name)

    def exec_in(self, cgroup, called):
        """The record of a program that runs there."""
        tiny = actor("act_tiny", self.dir, called)
        act(["/bin/sh", "-c", f"echo 0 >'{cgroup}/cgroup.procs' && exec '{tiny}'"],
            code=1)
        return self.one("exec", lambda r: record.exe(r) == os.fsencode(tiny),
                        f"what ran in {cgroup}")


def an_id(n):
    return f"{os.getpid():032x}{n:032x}"


EARLY = an_id(1000)
POLICY = f"""
[deny in-that-container]
event     = exec
container = {an_id(2000)}
severity  = high
"""


@contextlib.contextmanager
def waiting_in(cgroup, script):
    """A shell that was there before, and goes on when it is told."""
    p = subprocess.Popen(
        ["/bin/sh", "-c", f"echo 0 >'{cgroup}/cgroup.procs'; echo in; read x; "
         + script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        equal(p.stdout.readline(), b"in\n", "what it says when it is there")
        yield p
    finally:
        p.kill()
        p.communicate()


@contextlib.contextmanager
def place():
    need_root()
    with workdir("cgroup-v1") as directory, contextlib.ExitStack() as stack:
        cgroups = Cgroups(stack.enter_context(hierarchy(directory)))
        stack.callback(cgroups.close)
        early = stack.enter_context(waiting_in(
            cgroups.make(f"docker/{EARLY}"), f"echo >'{directory}/early'"))
        agent = stack.enter_context(Agent(directory, POLICY))
        agent.start()
        yield Place(Scene(directory, agent), cgroups, early)


@test
def the_names_of_every_runtime_are_told(p):
    wrong = []
    for n, (shape, told) in enumerate(SHAPES):
        r = p.exec_in(p.cgroups.make(shape.format(id=an_id(n))), f"in-{n}")
        want = {"container": an_id(n), "pod_uid": None, "unit": None, **told}
        got = {key: record.process(r).get(key) for key in want}
        if got != {k: v and v.format(id=an_id(n)) for k, v in want.items()}:
            wrong.append(f"{shape}: {got}")
    equal(wrong, [], "what was told otherwise")


@test
def who_was_there_before_picket_is_in_its_container(p):
    p.early.communicate(b"\n")
    did = p.events("write", lambda r: record.path(r)
                   == os.fsencode(p.dir / "early"))
    equal({record.process(r).get("container") for r in did}, {EARLY},
          "whose container did it")


@test
def a_move_is_followed(p):
    cgroup = p.cgroups.make("docker/" + an_id(3000))
    before, after = p.dir / "before", p.dir / "after"
    act(["/bin/sh", "-c", f"echo >'{before}'; echo 0 >'{cgroup}/cgroup.procs'; "
         f"echo >'{after}'"])
    told = {record.path(r): record.process(r).get("container")
            for r in p.events("write")}
    equal(told[os.fsencode(before)], None, "before it was moved")
    equal(told[os.fsencode(after)], an_id(3000), "afterwards")


@test
def rules_and_lines_know_the_container(p):
    r = p.exec_in(p.cgroups.make("docker/" + an_id(2000)), "denied")
    equal(record.judged(r), ("denied", "in-that-container", True), "the verdict")
    look = run([PICKET, "tail", "--journal", p.agent.journal, "--no-follow",
                "--container", an_id(2000), "--kind", "exec"])
    line = rb"^HIGH +[0-9:.]+ \S+denied\[%d\] +%s +exec +\S+/denied +denied by " \
        % (record.pid(r), an_id(2000)[:12].encode())
    true(re.search(line, look.stdout, re.M), f"the line is {look.stdout!r}")


if __name__ == "__main__":
    main(place)
