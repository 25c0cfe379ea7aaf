#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Which files are changed, how, and by whom: one event each, exact names."""
import contextlib
import errno
import os
import stat

import record
from lib import (Failure, Missing, act, actor, equal, main, remove_tree,
                 scene, test, true)

# Operations that reach the kernel with a name only: on hooks that see system
# calls the name comes from the caller's memory, and the event says so.
CLAIMED = "claimed"

PART = "größer-☃-日本語-"


class Place:
    """A scene and a deep directory with a long name that is not ASCII."""

    def __init__(self, s):
        self.s = s
        self.count = 0
        self.deep = os.fsencode(s.dir)
        while len(self.deep) < 2700:
            part = (PART + "%d-" % len(self.deep)).encode()
            self.deep += b"/" + part + b"x" * (250 - len(part))
            os.mkdir(self.deep)
        self.device = record.device_of(s.dir)

    def file(self, content=b"content\n"):
        """A new file down there, made by us and so not by any actor."""
        self.count += 1
        path = self.deep + b"/" + ("datei-%d-é" % self.count).encode()
        if content is not None:
            with open(path, "wb") as f:
                f.write(content)
        return path

    def act(self, *words, code=0, **kw):
        """One run of act_write; what it did, in order."""
        program = actor("act_write", self.s.dir, f"write-{self.count}")
        self.count += 1
        pid, _ = act([program, *words], code=code, **kw)
        program = os.fsencode(program)
        return self.s.events("write", lambda r: record.pid(r) == pid
                             and record.exe(r) == program)


@contextlib.contextmanager
def place():
    with scene("write") as s:
        p = Place(s)
        yield p
        remove_tree(s.dir)


def told_bytes(p, call, size):
    """What such a call is told with: size, or None where the coverage says
    that this backend does not know how many bytes."""
    row, = [row for row in p.s.agent.status()["coverage"]
            if row["hook"].startswith("bytes written")]
    _, unknown, by = row["reason"].partition("how many bytes")
    if not unknown or (by.startswith(" by ") and call not in by):
        return size
    return None


def check_bytes(p, r, call, size):
    """In the event, or in its sum where it is told before it is done."""
    told, expected = r["write"].get("bytes"), told_bytes(p, call, size)
    if told is None and expected is not None:
        amended, = p.s.tail.wait(
            lambda a: record.amends(a) == record.key(r)
            and "write" in a["amendment"], f"the sum of {call}")
        told = amended["amendment"]["write"]["bytes"]
    equal(told, expected, f"bytes of {call}")


def operations(found):
    return [record.operation(r) for r in found]


def check_file(p, r, path, st):
    """Path, device and inode as the kernel's own objects had them."""
    equal(record.path(r), path, "path")
    equal(record.path_flags(r), [], "flags of the path")
    f = record.written_file(r)
    equal((f.get("inode"), f.get("device")), (st.st_ino, p.device),
          "inode and device")
    equal(stat.S_IFMT(f["mode"]), stat.S_IFMT(st.st_mode), "type of file")


def one_of(p, name, path, *others, op=None, extra=()):
    """Exactly one event of this operation, and none but `extra` besides."""
    found = p.act(name, path, *others)
    equal(operations(found), [*extra, op or name], f"operations of {name}")
    return found[-1]


# ---- opened -----------------------------------------------------------------

@test
def creating_a_file_is_one_event(p):
    path = p.file(None)
    r = one_of(p, "create", path, op="open")
    check_file(p, r, path, os.stat(path))
    true(r["write"].get("created"), "not told as created")


@test
def opening_for_writing_is_one_event(p):
    path = p.file()
    r = one_of(p, "open-write", path, op="open")
    check_file(p, r, path, os.stat(path))
    true(not r["write"].get("created"), "told as created")
    true(not r["write"].get("truncated"), "told as truncated")


@test
def opening_with_truncation_says_so(p):
    path = p.file()
    r = one_of(p, "open-trunc", path, op="open")
    check_file(p, r, path, os.stat(path))
    true(r["write"].get("truncated"), "not told as truncated")


@test
def appending_is_one_write(p):
    path = p.file()
    opened, written = p.act("append", path)
    equal(operations([opened, written]), ["open", "write"], "operations")
    check_file(p, written, path, os.stat(path))
    check_bytes(p, written, "write", 5)
    true(opened["write"].get("append"), "not told as opened to append")


@test
def opening_for_reading_is_no_event(p):
    equal(operations(p.act("read", p.file())), [], "events of reading")


@test
def a_refused_open_is_no_event(p):
    path = p.file()
    os.chmod(path, 0o600)
    found = p.act("open-write", path, code=1, user=12345, group=12345,
                  extra_groups=[])
    equal(operations(found), [], "events of an open that failed")


@test
def dev_null_is_no_event(p):
    equal(operations(p.act("write", b"/dev/null")), [], "events of /dev/null")


# ---- written by each of the ways --------------------------------------------

def check_written(p, name, op="write", size=3, source=False):
    path = p.file(b"0123456789" * 1000)
    others = [p.file(b"source")] if source else []
    r = one_of(p, name, path, *others, op=op, extra=["open"])
    check_file(p, r, path, os.stat(path))
    if size is not None:
        check_bytes(p, r, name, size)


@test
def write_is_one_event(p):
    check_written(p, "write")


@test
def pwrite_is_one_event(p):
    check_written(p, "pwrite")


@test
def writev_is_one_event(p):
    check_written(p, "writev")


@test
def pwritev_is_one_event(p):
    check_written(p, "pwritev")


@test
def sendfile_is_one_event(p):
    check_written(p, "sendfile", source=True)


@test
def splice_is_one_event(p):
    check_written(p, "splice")


@test
def copy_file_range_is_one_event(p):
    check_written(p, "copy", source=True)


@test
def fallocate_is_one_event(p):
    check_written(p, "fallocate", size=None)


@test
def ftruncate_is_one_event(p):
    check_written(p, "ftruncate", op="truncate", size=None)


@test
def a_shared_mapping_is_one_event(p):
    check_written(p, "mmap", op="mmap", size=None)


@test
def an_inherited_descriptor_is_seen_when_it_is_written(p):
    path = p.file()
    with open(path, "ab") as f:
        found = p.act("stdout", b"-", stdout=f)
    equal(operations(found), ["write"], "operations")
    check_file(p, found[0], path, os.stat(path))


@test
def repeats_are_summed_and_not_repeated(p):
    path = p.file(b"")
    found = p.act("many", path)
    equal(operations(found), ["open", "write"], "operations of 100 writes")
    pid = record.process_id(found[0])
    keys = [record.key(r) for r in found]
    sums = p.s.tail.wait(
        lambda r: record.amends(r) in keys and "write" in r["amendment"],
        f"the sum of what {pid} wrote")
    equal(len(sums), 1, "sums of one file")
    total = sums[0]["amendment"]["write"]
    true(total["count"] >= 100, f"count {total['count']} of 100 writes")
    equal(total["bytes"], told_bytes(p, "write", 100) or 0,
          "bytes of 100 writes")
    true("write" in total["operations"], f"no write in {total}")


@test
def two_images_that_write_one_file_are_two_events(p):
    path = p.file()
    for _ in range(2):
        check = one_of(p, "append", path, op="write", extra=["open"])
        check_file(p, check, path, os.stat(path))


# ---- by descriptor, of the file itself --------------------------------------

@test
def fchmod_is_one_event(p):
    path = p.file()
    r = one_of(p, "fchmod", path, op="chmod")
    check_file(p, r, path, os.stat(path))
    equal(r["write"]["arg"] & 0o7777, 0o600, "mode")


# ---- by name ----------------------------------------------------------------

def check_named(p, r, path, st):
    """The path; device and inode where the kernel told them, else claimed."""
    equal(record.path(r), path, "path")
    equal([f for f in record.path_flags(r) if f not in (CLAIMED, "fs_unknown",
                                                        "deleted")],
          [], "flags of the path")
    if CLAIMED in record.path_flags(r):
        return
    f = record.written_file(r)
    equal((f.get("inode"), f.get("device")), (st.st_ino, p.device),
          "inode and device")


@test
def truncate_is_one_event(p):
    path = p.file()
    check_named(p, one_of(p, "truncate", path), path, os.stat(path))


@test
def chmod_is_one_event_with_its_mode(p):
    path = p.file()
    r = one_of(p, "chmod", path)
    check_named(p, r, path, os.stat(path))
    equal(r["write"]["arg"] & 0o7777, 0o600, "mode")


@test
def chown_is_one_event_with_its_ids(p):
    path = p.file()
    r = one_of(p, "chown", path)
    check_named(p, r, path, os.stat(path))
    equal((r["write"]["arg"], r["write"]["arg2"]), (12345, 23456), "ids")


@test
def utime_is_one_event(p):
    path = p.file()
    r = one_of(p, "utime", path)
    check_named(p, r, path, os.stat(path))
    equal(os.stat(path).st_mtime, 86400, "time")


@test
def setxattr_is_one_event(p):
    path = p.file()
    try:
        os.setxattr(path, "user.try", b"x")
    except OSError as error:
        if error.errno != errno.ENOTSUP:
            raise
        raise Missing("xattr", f"no user attributes on {p.s.dir}")
    check_named(p, one_of(p, "setxattr", path, op="xattr"), path,
                os.stat(path))


@test
def unlink_is_one_event(p):
    path = p.file()
    st = os.stat(path)
    check_named(p, one_of(p, "unlink", path), path, st)


@test
def rename_is_one_event_with_both_names(p):
    path, other = p.file(), p.file(None)
    st = os.stat(path)
    r = one_of(p, "rename", path, other)
    check_named(p, r, path, st)
    equal(record.new_path(r), other, "new path")


@test
def link_is_one_event_with_both_names(p):
    path, other = p.file(), p.file(None)
    r = one_of(p, "link", path, other)
    check_named(p, r, path, os.stat(path))
    equal(record.new_path(r), other, "new path")


@test
def symlink_is_one_event_with_its_target(p):
    path = p.file(None)
    target = "../ziel ☃\n".encode()
    r = one_of(p, "symlink", path, target)
    check_named(p, r, path, os.lstat(path))
    equal(record.raw(r["write"], "target"), target, "target")


@test
def mkdir_and_rmdir_are_one_event_each(p):
    path = p.file(None)
    r = one_of(p, "mkdir", path)
    st = os.stat(path)
    check_named(p, r, path, st)
    check_named(p, one_of(p, "rmdir", path), path, st)


@test
def mknod_is_one_event(p):
    path = p.file(None)
    r = one_of(p, "mknod", path)
    check_named(p, r, path, os.stat(path))
    equal(stat.S_IFMT(r["write"]["arg"]), stat.S_IFIFO, "type of node")


@test
def a_failed_call_is_no_event(p):
    path = p.file(None)
    for name in ("unlink", "chmod", "rmdir", "truncate", "chown"):
        equal(operations(p.act(name, path, code=1)), [],
              f"events of a {name} that failed")


# ---- how names are made -----------------------------------------------------

@test
def relative_names_are_made_absolute(p):
    path = p.file()
    name = os.path.basename(path)
    st = os.stat(path)
    for words, op in ((["open-write", name], "open"),
                      (["chmod", b"./" + name], "chmod"),
                      (["unlink", b"../" + os.path.basename(p.deep) + b"/"
                        + name], "unlink")):
        found = p.act(*words, cwd=p.deep)
        equal(operations(found), [op], f"operations of {words}")
        check_named(p, found[0], path, st)


@test
def an_open_through_a_link_names_the_file_and_not_the_link(p):
    path, link = p.file(), p.file(None)
    os.symlink(path, link)
    found = p.act("open-write", link)
    equal(operations(found), ["open"], "operations")
    check_file(p, found[0], path, os.stat(path))


@test
def a_name_through_a_linked_directory_says_where_it_leads(p):
    """By kernel objects it is the name; a claimed one gets it beside it."""
    real, link = p.file(None), p.file(None)
    os.mkdir(real)
    os.symlink(real, link)
    r = one_of(p, "mkdir", link + b"/sub")
    if CLAIMED in record.path_flags(r):
        equal(record.path(r), link + b"/sub", "path")
        equal(record.raw(r["write"], "path_host"), real + b"/sub",
              "host path")
    else:
        equal(record.path(r), real + b"/sub", "path")


@test
def a_path_longer_than_the_kernel_takes_at_once_is_whole_or_flagged(p):
    """Each step is a relative name; together they pass PATH_MAX."""
    where = os.open(p.deep, os.O_RDONLY | os.O_DIRECTORY)
    whole = p.deep
    try:
        for n in range(12):
            name = b"%02d-" % n + b"y" * 200
            os.mkdir(name, dir_fd=where)
            below = os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=where)
            os.close(where)
            where, whole = below, whole + b"/" + name
        true(len(whole) > 4096, "the path is too short for this test")
        found = p.act("create", b"end", cwd=f"/proc/self/fd/{where}",
                      pass_fds=[where])
    finally:
        os.close(where)
    equal(operations(found), ["open"], "operations")
    r = found[0]
    if "truncated" not in record.path_flags(r):
        raise Failure(f"not flagged as cut: {record.path_flags(r)}")
    kept = record.path(r)
    true(len(kept) > 3000, f"only {len(kept)} bytes are kept")
    true((whole + b"/end").endswith(kept.lstrip(b"/")), f"another end: {kept}")


# The kernel keeps the sums of 16384 files.
CROWD = 20000


def write_in_a_crowd(path):
    """A process writes to a file, others to very many, and it ends."""
    mine, theirs = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(theirs)
        file = os.open(path, os.O_WRONLY | os.O_CREAT)
        for _ in range(3):
            os.write(file, b"x")
        os.read(mine, 1)
        os._exit(0)
    os.close(mine)
    for _ in range(CROWD):
        file = os.memfd_create("crowd")
        os.write(file, b"x")
        os.close(file)
    os.close(theirs)
    equal(os.waitpid(pid, 0)[1], 0, "the writer's end")


@test
def sums_that_give_way_to_a_crowd_are_counted(p):
    """Who writes to more files than that pushes out the sums of others, but
    not in silence. What is lost on the way is kept of nobody: try again."""
    def lost():
        return p.s.agent.status()["totals_lost"]
    before = lost()
    for n in range(10):
        write_in_a_crowd(p.s.dir / f"among-others-{n}")
        p.s.settle()
        if lost() > before:
            return
    raise Failure(f"none in {n + 1} crowds of {CROWD}")


if __name__ == "__main__":
    main(place)
