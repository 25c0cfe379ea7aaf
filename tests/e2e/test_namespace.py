#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""From another mount namespace, behind chroot and bind mounts, the same is
seen, and under the names that the host knows."""
import contextlib
import os
import signal
import socket
import sys

import record
from lib import act, actor, contains, equal, main, scene, test, true


class Jail:
    """data/ is mounted at jail/, and jail/ is the root of who acts."""

    def __init__(self, s):
        self.s = s
        self.data = s.dir / "dätä"
        self.jail = s.dir / "jail"
        self.data.mkdir()
        self.jail.mkdir()
        self.count = 0
        self.jailer = actor("act_jail", s.dir, "jailer")

    def program(self, name):
        """A copy of an actor inside; its name there."""
        self.count += 1
        called = f"{name}-{self.count}"
        actor(name, self.data, called)
        return called

    def act(self, name, *words, origin=None, code=0):
        """Run a program inside; (pid, its name inside)."""
        called = self.program(name)
        pid, out = act([self.jailer, origin or self.data, self.jail,
                        "/" + called, *words], code=code)
        return pid, called, out

    def inside(self, name):
        """As the mount namespace has it, from its root, not the chroot's."""
        return os.fsencode(self.jail / name)

    def outside(self, name):
        """As the host has it."""
        return os.fsencode(self.data / name)


POLICY = """
[deny host-name]
event = write
path  = {0}/dätä/geheim-*

[deny namespace-name]
event = write
path  = {0}/jail/secret-*

[deny dropped]
event = exec
exe   = {0}/dätä/act_tiny-*

[allow own-place]
event = write
path  = {0}/place/**

[allow known]
event = exec
exe   = {0}/dätä/detached
"""

# As runc has it start itself: by a mount that is in no tree any more.
DETACHED = """
mount --bind "$1" "$2"
exec 9<"$2"
umount -l "$2"
/proc/self/fd/9 || [ $? = 1 ]
"""

# Its file system is the process's own, and so are the names in it.
DISGUISED = """
mount -t tmpfs none "$(dirname "$2")"
cp "$1" "$2"
"$2" || [ $? = 1 ]
"""


# Directories made by name in a tree that was never mounted anywhere.
NOWHERE = """
import ctypes, os
call = ctypes.CDLL(None, use_errno=True).syscall
made = call(430, b"tmpfs", 0)          # fsopen
if made < 0 or call(431, made, 6, None, None, 0) < 0:  # fsconfig: create
    raise OSError(ctypes.get_errno(), "no tmpfs")
tree = call(432, made, 0, 0)           # fsmount
os.mkdir("nowhere", dir_fd=tree)
"""

# By its name in a copy of the mount, which is in no namespace either.
COPY = """
import ctypes, os, sys
call = ctypes.CDLL(None, use_errno=True).syscall
tree = call(428, -100, os.fsencode(sys.argv[1]), 1)  # open_tree: clone
if tree < 0:
    raise OSError(ctypes.get_errno(), "no copy of a mount")
os.unlink("copied", dir_fd=tree)
"""

# Whoever knows where the name leads is gone before anyone can be asked.
LED_AWAY = """
mount --bind "$1" "$2"
exec "$3" unlink "$2/file"
"""


@contextlib.contextmanager
def jail():
    with scene("namespace", POLICY.format) as s:
        yield Jail(s)


def host_path(obj, name):
    """By the host's mounts: left out where it is the same as the path."""
    return record.raw(obj, name + "_host") or record.raw(obj, name)


def check_names(j, obj, member, name):
    equal(record.raw(obj, member), j.inside(name),
          "path up to the mount namespace's root")
    equal(host_path(obj, member), j.outside(name), "path by the host's mounts")


def one_write(j, pid, op):
    return j.s.one("write", lambda r: record.pid(r) == pid
                   and record.operation(r) == op, f"{op} by {pid}")


@test
def an_exec_in_a_chroot_has_the_path_up_to_the_namespaces_root(j):
    pid, called, _ = j.act("act_tiny", "in", "jail", code=3)
    r = j.s.one("exec", lambda r: record.pid(r) == pid
                and record.argv(r)[0] == os.fsencode("/" + called), "exec")
    equal(record.exe(r), j.inside(called), "exe")
    equal(record.argv(r), [os.fsencode("/" + called), b"in", b"jail"], "argv")
    equal(record.cwd(r), os.fsencode(j.jail), "cwd")
    equal(record.exe_file(r)["inode"], os.stat(j.data / called).st_ino,
          "inode")
    own = os.stat("/proc/self/ns/mnt").st_ino
    true(record.process(r)["namespaces"]["mnt"] != own,
         "told as in our own mount namespace")
    equal(record.raw(record.process(r), "previous"),
          os.fsencode(j.jailer), "what the process ran before")


@test
def the_executables_host_path_is_known(j):
    pid, called, _ = j.act("act_tiny", code=1)
    r = j.s.one("exec", lambda r: record.pid(r) == pid
                and record.exe(r) == j.inside(called), "exec")
    check_names(j, record.process(r), "exe", called)
    equal(record.judged(r), ("denied", "dropped", True),
          "a rule on the host's name")


@test
def opening_in_a_chroot_has_both_names(j):
    pid, _, _ = j.act("act_write", "create", "/neu ☃")
    r = one_write(j, pid, "open")
    check_names(j, r["write"], "path", "neu ☃")
    st = os.stat(j.data / "neu ☃")
    equal((r["write"]["file"]["inode"], r["write"]["file"]["device"]),
          (st.st_ino, record.device_of(j.data)), "inode and device")


@test
def appending_in_a_chroot_has_both_names(j):
    (j.data / "log").write_text("old\n")
    pid, _, _ = j.act("act_write", "append", "/log")
    check_names(j, one_write(j, pid, "write")["write"], "path", "log")


@test
def names_from_the_caller_begin_at_its_root(j):
    (j.data / "away").write_text("x\n")
    pid, _, _ = j.act("act_write", "unlink", "/away")
    r = one_write(j, pid, "unlink")
    check_names(j, r["write"], "path", "away")
    (j.data / "from").write_text("x\n")
    pid, _, _ = j.act("act_write", "rename", "/from", "/to")
    r = one_write(j, pid, "rename")
    equal(record.path(r), j.inside("from"), "path")
    equal(record.new_path(r), j.inside("to"), "new path")


@test
def dot_dot_does_not_leave_the_chroot(j):
    (j.data / "stay").write_text("x\n")
    pid, _, _ = j.act("act_write", "unlink", "/../../stay")
    equal(record.path(one_write(j, pid, "unlink")), j.inside("stay"), "path")


@test
def a_rule_on_either_name_matches(j):
    for name, rule in (("geheim-1", "host-name"),
                       ("secret-1", "namespace-name")):
        pid, _, _ = j.act("act_write", "create", "/" + name)
        equal(record.judged(one_write(j, pid, "open")),
              ("denied", rule, True), f"verdict of {name}")
        pid, _, _ = j.act("act_write", "unlink", "/" + name)
        equal(record.judged(one_write(j, pid, "unlink")),
              ("denied", rule, True), f"verdict of unlinking {name}")


@test
def a_file_on_no_mount_is_known_by_the_hosts_name(j):
    program = actor("act_tiny", j.data, "detached")
    point = j.s.dir / "point"
    point.touch()
    act(["unshare", "-m", "sh", "-ec", DETACHED, "sh", program, point])
    j.s.settle()
    event = next(r for r in j.s.agent.read() if r["kind"] == "exec" and
                 record.raw(r["process"], "exe_host") == os.fsencode(program))
    contains(str(event["process"].get("exe_flags")), "unresolved",
             "the name that it had there")
    equal(record.judged(event)[:2], ("allowed", "known"), "the verdict")


@test
def a_name_in_a_file_system_of_its_own_allows_nothing(j):
    stranger = actor("act_tiny", j.s.dir, "stranger")
    allowed = j.data / "detached"
    act(["unshare", "-m", "sh", "-ec", DISGUISED, "sh", stranger, allowed])
    j.s.settle()
    event = next(r for r in j.s.agent.read() if r["kind"] == "exec" and
                 record.exe(r) == os.fsencode(allowed) and
                 "foreign" in r["process"].get("exe_flags", ()))
    equal(record.judged(event)[:2], ("unlisted", None), "the verdict")


@test
def a_name_that_leads_where_nobody_can_tell_any_more_allows_nothing(j):
    place = j.s.dir / "place"
    place.mkdir()
    remover = actor("act_write", j.s.dir, "remover")
    (j.data / "file").touch()
    j.s.agent.freeze()
    try:
        pid, _ = act(["unshare", "-m", "sh", "-ec", LED_AWAY, "sh", j.data,
                      place, remover])
    finally:
        j.s.agent.process.send_signal(signal.SIGCONT)
    true(not (j.data / "file").exists(), "it is still there")
    r = one_write(j, pid, "unlink")
    equal(record.path(r), os.fsencode(place / "file"), "path")
    if "claimed" in r["write"].get("path_flags", ()):
        contains(str(r["write"]["path_flags"]), "foreign", "what is said of it")
    equal(record.judged(r)[:2], ("unlisted", None), "the verdict")


@test
def a_directory_in_a_tree_that_is_nowhere_is_not_on_the_host(j):
    pid, _ = act([sys.executable, "-c", NOWHERE])
    r = one_write(j, pid, "mkdir")
    contains(str(r["write"]["path_flags"]), "foreign", "the name's flags")
    equal(record.raw(r["write"], "path_host"), b"", "path by the host's mounts")


@test
def a_name_in_a_copy_of_a_mount_is_the_hosts(j):
    (j.data / "copied").touch()
    pid, _ = act([sys.executable, "-c", COPY, j.data])
    r = one_write(j, pid, "unlink")
    equal(record.raw(r["write"], "path_host"), j.outside("copied"),
          "path by the host's mounts")


@test
def a_file_system_that_only_the_namespace_has_keeps_its_own_name(j):
    pid, _ = act_in_tmpfs(j)
    r = one_write(j, pid, "open")
    equal(record.path(r), j.inside("only here"), "path")
    true(record.raw(r["write"], "path_host") in (b"", record.path(r)),
         f"a host path where the host has none: {r['write']}")
    true(r["write"]["file"]["device"] != record.device_of(j.data),
         "told to be on the host's device")


def act_in_tmpfs(j):
    """Mounted by the shell, which then becomes the program inside."""
    program = actor("act_write", j.s.dir, "for-tmpfs")
    script = ('mount -t tmpfs none "$1" && cp "$2" "$1/act" && '
              'exec chroot "$1" /act create "/only here"')
    return act(["unshare", "--mount", "--propagation", "private", "sh", "-ec",
                script, "sh", j.jail, program])


@test
def a_connection_from_a_namespace_has_its_process(j):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        pid, called, _ = j.act("act_connect", "tcp", "127.0.0.1", str(port))
    r = j.s.one("connect", lambda r: record.pid(r) == pid, "connect")
    equal(record.peer(r), ("127.0.0.1", port), "destination")
    equal(record.exe(r), j.inside(called), "exe")


if __name__ == "__main__":
    main(jail)
