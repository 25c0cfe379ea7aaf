#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The clusters' policy on a container: a root of its own, which is an overlay,
and a cgroup that is called as runtimes call it."""
import contextlib
import os
import pathlib
import shutil
import subprocess

import record
from deeds import IN_A_CONTAINER
from inside import alerts, deeds_of, need_overlay, run_inside
from lib import (ROOT, Agent, Failure, Missing, Scene, equal, main, need_root,
                 test, true, workdir)

ID = "%064x" % os.getpid()
MAKE = ("make", "-s", "-C", ROOT, "print-cluster-policy")


def cluster_policy(directory):
    """The set as `make install` puts it together."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith("M")}
    names = subprocess.run(MAKE, env=environ, check=True, text=True,
                           stdout=subprocess.PIPE).stdout.split()
    policy = directory / "cluster"
    policy.mkdir()
    for name in names:
        shutil.copy(ROOT / name, policy)
    return policy


@contextlib.contextmanager
def cgroup():
    mounts = [line.split() for line in open("/proc/mounts")]
    roots = [m[1] for m in mounts if m[2] == "cgroup2"]
    if not roots:
        raise Missing("cgroup2", "no unified hierarchy is mounted")
    path = pathlib.Path(roots[0]) / f"cri-containerd-{ID}.scope"
    path.mkdir()
    try:
        yield path
    finally:
        path.rmdir()


class Container:
    def __init__(self, s, path):
        self.s, self.path = s, path

    def run(self, script):
        """What was done by it."""
        pid = run_inside(self.s, "/bin/sh", "-c", script,
                         first=f"echo 0 >/.host{self.path}/cgroup.procs")
        did = [r for r in deeds_of(self.s, pid)
               if record.process(r).get("container") == ID]
        if not did:
            raise Failure(f"nothing was seen in the container: {script}")
        return did


@contextlib.contextmanager
def container():
    need_root()
    with workdir("policy-cluster") as directory:
        need_overlay(directory)
        with cgroup() as path, Agent(
                directory, cluster_policy(directory), sensor={"unix_sockets": "yes"},
                rules={"unlisted_exec": "alert"}) as agent:
            agent.start()
            yield Container(Scene(directory, agent), path)


@test
def what_the_image_brought_is_silent_and_the_rest_is_told(c):
    wrong = []
    for what, script, expected in IN_A_CONTAINER:
        found = [(record.judged(r)[1], r["verdict"].get("severity"),
                  r["verdict"].get("tag")) for r in alerts(c.run(script))]
        if sorted(found, key=str) != sorted(expected):
            wrong.append(f"{what}: {found}, expected {expected}")
    equal(wrong, [], "what was not told as it should")


@test
def what_rules_say_of_it_is_what_it_is(c):
    did = [r for r in c.run("cp /bin/ls /srv/y; /srv/y >/dev/null; /bin/true")
           if r["kind"] == "exec"]
    rules = {record.exe(r): record.judged(r)[1] for r in did}
    equal(rules[b"/srv/y"], "container-drift", "of what came later")
    true(rules[b"/usr/bin/true"] == "image-programs", f"of the image: {rules}")


if __name__ == "__main__":
    main(container)
