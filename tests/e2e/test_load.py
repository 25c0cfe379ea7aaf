#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Code that is loaded beside a program, under the shipped policy."""
import glob
import mmap
import os
import shutil
import sys

import record
from lib import (POLICY, act, actor, equal, main, scene, test, true)


def stage():
    # Each is looked for, so none is summed.
    return scene("load", POLICY, alerts={"window": "0s"})


def a_library(s, name):
    """Something that can be loaded anywhere: the system's libm."""
    path = s.dir / name
    shutil.copyfile((glob.glob("/lib/*/libm.so.6") +
                     glob.glob("/usr/lib*/libm.so.6"))[0], path)
    return path


def loads_of(s, *pids):
    return s.events("load", lambda r: record.pid(r) in pids)


def paths(found):
    return [record.raw(r["load"], "path") for r in found]


def rules(found):
    """Of those that are alerts."""
    return [record.judged(r)[1] for r in found if record.judged(r)[2]]


def mapped_by_a_child(path, prot):
    """Its process id."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            with open(path, "rb") as f:
                mmap.mmap(f.fileno(), 4096, mmap.MAP_PRIVATE, prot).close()
            code = 0
        finally:
            os._exit(code)
    equal(os.waitpid(pid, 0)[1], 0, "status of the child")
    return pid


@test
def a_file_of_a_place_of_everybodys_mapped_executable_is_an_alert(s):
    path = a_library(s, "plugin.so")
    pid = mapped_by_a_child(path, mmap.PROT_READ | mmap.PROT_EXEC)
    found = loads_of(s, pid)
    equal(paths(found), [os.fsencode(path)], "paths")
    equal(found[0]["load"]["type"], "library", "type")
    equal(rules(found), ["load-from-world-writable"], "rules")
    equal(record.exe(found[0]), os.fsencode(os.path.realpath(sys.executable)),
          "who")


@test
def a_file_that_is_only_read_is_no_event(s):
    path = a_library(s, "data.so")
    pid = mapped_by_a_child(path, mmap.PROT_READ)
    last = mapped_by_a_child(a_library(s, "then.so"),
                             mmap.PROT_READ | mmap.PROT_EXEC)
    equal(len(loads_of(s, last)), 1, "a load afterwards")
    equal(loads_of(s, pid), [], "loads")


@test
def a_preloaded_library_is_one_alert_and_named(s):
    path = a_library(s, "preloaded.so")
    pid, _ = act([sys.executable, "-c", ""], env={"LD_PRELOAD": str(path)})
    # The alert is at the start of the program: what is loaded for it is an
    # event with its path.
    found = [r for r in s.events("exec", lambda r: record.pid(r) == pid)
             if record.judged(r)[2]]
    equal(rules(found), ["preload-from-world-writable"], "rules")
    equal(record.env(found[0]), [b"LD_PRELOAD=" + os.fsencode(path)],
          "environment")
    found = loads_of(s, pid)
    equal(rules(found), [], "further alerts")
    equal(paths(found).count(os.fsencode(path)), 1, f"the load in {found}")


@test
def the_systems_own_libraries_are_none(s):
    pids = [act([sys.executable, "-c", ""])[0] for _ in range(3)]
    found = loads_of(s, *pids)
    equal(rules(found), [], "alerts")
    # At the first, if nobody ran it before, and not at every one.
    equal(len(found), len(set(paths(found))), f"told once each: {found}")


@test
def the_loader_given_a_program_names_it(s):
    loaders = glob.glob("/lib64/ld-linux-*.so.?") + \
        glob.glob("/lib/ld-linux-*.so.?")
    path = actor("act_exec", s.dir, "program")
    pid, _ = act([loaders[0], path, "many", "0", "/none"])
    found = loads_of(s, pid)
    true(os.fsencode(path) in paths(found), f"it is not named: {found}")
    equal(set(rules(found)), {"loader-runs-from-world-writable"}, "rules")


if __name__ == "__main__":
    main(stage)
