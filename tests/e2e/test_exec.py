#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What runs is told exactly: which file, with which arguments, by whom."""
import os
import socket
import subprocess

import record
from lib import (Missing, act, actor, equal, main, scene, test, true)

# The cap of what is kept (include/wire.h); the rest is flagged as cut.
ARGS_MAX = 4096

ODD = [b"plain", b"two words", b"new\nline", "ünïcødé ☃".encode(),
       b"not \xff\xfe utf-8", b"", b"\x1b[31mred", b"'quoted' \"too\" \\ $x"]


def policy(directory):
    return f"""
[deny dropped]
event    = exec
exe      = {directory}/drop/**
severity = high
tag      = T1204.002

[allow known]
event = exec
exe   = {directory}/known
"""


def stage():
    return scene("exec", policy)


def drop(s, name="act_tiny", called=b"dropped"):
    """A copy in a world-writable directory, as bytes."""
    directory = s.dir / "drop"
    directory.mkdir(exist_ok=True)
    directory.chmod(0o1777)
    return os.fsencode(actor(name, directory, os.fsdecode(called)))


def exec_of(s, pid, path):
    """The one exec event of this process and this file."""
    return s.one("exec", lambda r: record.pid(r) == pid
                 and record.exe(r) == path, f"exec of {path!r} by {pid}")


def run_with(s, args, called=b"dropped", **kw):
    path = drop(s, called=called)
    pid, _ = act([path, *args], code=(len(args) + 1) & 0xff, **kw)
    return path, exec_of(s, pid, path)


def check_args(r, argv):
    """argv as executed, or exactly what fits of it and the flag."""
    raw = b"".join(a + b"\0" for a in argv)
    equal(record.argc(r), len(argv), "argc")
    equal(record.args_truncated(r), len(raw) > ARGS_MAX, "truncated flag")
    kept = raw[:ARGS_MAX]
    want = kept.split(b"\0")
    if kept.endswith(b"\0"):
        want.pop()
    equal(record.argv(r), want, "argv")


# ---- arguments --------------------------------------------------------------

@test
def odd_arguments_arrive_exactly(s):
    path, r = run_with(s, ODD)
    check_args(r, [path, *ODD])


@test
def three_hundred_arguments_arrive_exactly(s):
    args = [b"argument-%03d" % n for n in range(299)]
    path, r = run_with(s, args)
    check_args(r, [path, *args])


@test
def more_empty_arguments_than_bytes_are_counted(s):
    args = [b""] * 5000
    path, r = run_with(s, args)
    equal(record.argc(r), 5001, "argc")
    check_args(r, [path, *args])


@test
def an_argument_of_5000_bytes_is_cut_and_flagged(s):
    args = [b"x" * 5000, b"after"]
    path, r = run_with(s, args)
    check_args(r, [path, *args])
    true(record.args_truncated(r), "the cut is not flagged")


@test
def arguments_of_exactly_the_cap_are_not_flagged(s):
    path = drop(s)
    args = [b"y" * (ARGS_MAX - len(path) - 2)]
    _, r = run_with(s, args)
    check_args(r, [path, *args])
    true(not record.args_truncated(r), "flagged as cut, and is not")


@test
def all_oddities_at_once_make_one_event(s):
    args = ODD + [b"%03d" % n for n in range(300)] + [b"z" * 5000, b"end"]
    path, r = run_with(s, args, called="drôle de\nnom \x1b[7m☃".encode())
    check_args(r, [path, *args])
    equal(record.verdict(r).get("rule"), "dropped", "rule")


@test
def a_program_whose_name_is_not_utf8_has_its_exact_path(s):
    path, r = run_with(s, [], called=b"bad-\xff\xfe\x80-name")
    equal(record.exe(r), path, "exe")


# ---- who --------------------------------------------------------------------

@test
def verdict_and_rule_are_those_of_the_policy(s):
    _, r = run_with(s, [])
    equal(record.verdict(r),
          {"answer": "denied", "alert": True, "severity": "high",
           "rule": "dropped", "tag": "T1204.002"}, "verdict")
    known = os.fsencode(actor("act_tiny", s.dir, "known"))
    pid, _ = act([known], code=1)
    r = exec_of(s, pid, known)
    equal(record.judged(r), ("allowed", "known", False),
          "verdict of what is allowed")
    other = os.fsencode(actor("act_tiny", s.dir, "other"))
    pid, _ = act([other], code=1)
    r = exec_of(s, pid, other)
    equal(record.judged(r), ("unlisted", None, False),
          "verdict of what no rule lists")


@test
def the_parent_chain_reaches_back_to_this_test(s):
    path = drop(s)
    launcher = os.fsencode(actor("act_exec", s.dir, "launcher"))
    shell = ["/bin/sh", "-c", '"$0" many 1 "$1"; :', launcher, path]
    shell_pid, _ = act(shell)
    r = s.one("exec", lambda r: record.exe(r) == path and any(
        a["pid"] == shell_pid for a in record.ancestors(r)),
        "exec below the shell")
    line = record.ancestors(r)
    equal(record.raw(line[0], "exe"), launcher, "parent")
    equal(record.raw(line[1], "exe"), os.fsencode(os.path.realpath("/bin/sh")),
          "grandparent")
    equal(line[1]["pid"], shell_pid, "pid of the grandparent")
    pids = [a["pid"] for a in line]
    true(os.getpid() in pids, f"{os.getpid()} is not in {pids}")
    equal(record.raw(line[pids.index(os.getpid())], "exe"),
          os.fsencode(os.path.realpath("/proc/self/exe")), "this test")


@test
def a_program_that_lives_a_moment_has_exec_and_exit(s):
    path = drop(s)
    pid, _ = act([path, b"a", b"b"], code=3)
    begun = exec_of(s, pid, path)
    ended = s.one("exit", lambda r: record.pid(r) == pid
                  and record.exe(r) == path, "exit")
    equal(ended["exit"].get("code"), 3, "exit code")
    true(ended["seq"] > begun["seq"], "the exit comes before the exec")
    equal(record.process_id(ended), record.process_id(begun), "process")


@test
def a_process_killed_by_a_signal_says_which(s):
    path = os.fsencode(s.dir / "sleeper")
    subprocess.run(["cp", "/bin/sleep", path], check=True)
    p = subprocess.Popen([path, "1000"])
    try:
        exec_of(s, p.pid, path)
    finally:
        p.kill()
        p.wait()
    ended = s.one("exit", lambda r: record.pid(r) == p.pid, "exit")
    equal(ended["exit"], {"signal": 9, "signal_name": "SIGKILL"}, "exit")


@test
def user_and_group_are_those_of_the_process(s):
    path = drop(s)
    pid, _ = act([path], code=1, user=12345, group=23456, extra_groups=[])
    r = exec_of(s, pid, path)
    equal(record.ids(r, "uid", "euid", "gid", "egid"),
          (12345, 12345, 23456, 23456), "ids")


@test
def a_setuid_program_is_seen_to_change_its_user(s):
    if os.statvfs(s.dir).f_flag & os.ST_NOSUID:
        raise Missing("setuid", f"{s.dir} is mounted nosuid")
    path = drop(s, called=b"setuid")
    os.chown(path, 12345, 23456)
    os.chmod(path, 0o6755)
    pid, _ = act([path], code=1)
    r = exec_of(s, pid, path)
    equal(record.ids(r, "uid", "euid", "suid", "gid", "egid", "sgid"),
          (0, 12345, 12345, 0, 23456, 23456), "ids")
    true(record.process(r).get("secure"), "not flagged as set-user-id")


@test
def only_listed_environment_variables_are_kept(s):
    env = {"LD_PRELOAD": "/tmp/évil.so", "BASH_ENV": "/tmp/rc",
           "SECRET": "s3cr3t", "LD_PRELOADED": "no", "XLD_PRELOAD": "no",
           "AWS_SECRET_ACCESS_KEY": "no", "PATH": "/bin"}
    _, r = run_with(s, [], env=env)
    equal(sorted(record.env(r)),
          sorted([b"BASH_ENV=/tmp/rc", "LD_PRELOAD=/tmp/évil.so".encode()]),
          "environment")
    whole = str(r)
    true("s3cr3t" not in whole, "a secret is in the record")


def padded(variables):
    """An environment whose last variable is one that is to be kept."""
    env = {f"FILLER_{n:05}": "f" * 50 for n in range(variables)}
    env["LD_PRELOAD"] = "/tmp/last.so"
    return env


@test
def a_variable_is_found_in_a_large_environment(s):
    _, r = run_with(s, [], env=padded(500))
    equal(record.env(r), [b"LD_PRELOAD=/tmp/last.so"], "environment")
    true(not record.process(r).get("env_truncated"), "flagged as cut")


@test
def an_environment_too_large_to_be_searched_is_flagged(s):
    _, r = run_with(s, [], env=padded(20000))
    true(record.env(r) or record.process(r).get("env_truncated"),
         "padding hides a variable, and nothing says so")


@test
def the_working_directory_is_the_callers(s):
    inside = s.dir / "à côté"
    inside.mkdir()
    _, r = run_with(s, [], cwd=inside)
    equal(record.cwd(r), os.fsencode(inside), "cwd")


@test
def standard_descriptors_are_what_they_are(s):
    one, two = socket.socketpair()
    with one, two:
        _, r = run_with(s, [], stdin=subprocess.DEVNULL,
                        stdout=subprocess.PIPE, stderr=two)
    equal(record.stdio(r), ["null", "pipe", "socket"], "kinds")
    with open(s.dir / "file", "w") as f:
        master, slave = os.openpty()
        _, r = run_with(s, [], stdin=slave, stdout=f,
                        stderr=subprocess.PIPE,
                        preexec_fn=lambda: os.close(2))
        os.close(master)
        os.close(slave)
    equal(record.stdio(r), ["tty", "file", "closed"], "kinds")


# ---- unusual ways to run ----------------------------------------------------

def way(s, *words, code=1):
    """Run by act_exec: the exec that is not act_exec's own."""
    launcher = actor("act_exec", s.dir, "launcher")
    pid, _ = act([launcher, *words], code=code)
    found = s.events("exec", lambda r: record.pid(r) == pid
                     and record.exe(r) != os.fsencode(launcher))
    equal(len(found), 1, f"exec events of {words}")
    return pid, found[0]


@test
def an_exec_from_another_thread_is_the_processs(s):
    path = drop(s)
    pid, r = way(s, "thread", path)
    equal((record.pid(r), record.exe(r)), (pid, path), "process and file")
    equal(record.argv(r), [path], "argv")
    s.one("exit", lambda r: record.pid(r) == pid, "exit")


@test
def an_exec_by_descriptor_has_the_files_path(s):
    path = drop(s)
    _, r = way(s, "fd", path)
    equal(record.exe(r), path, "exe")
    true("deleted" not in record.exe_flags(r), "flagged as deleted, and is not")
    st = os.stat(path)
    equal((record.exe_file(r)["inode"], record.exe_file(r)["device"]),
          (st.st_ino, record.device_of(path)), "inode and device")


@test
def an_executable_in_a_memfd_is_flagged(s):
    path = drop(s)
    _, r = way(s, "memfd", path)
    true(record.exe_file(r).get("memfd"), f"no memfd: {r}")
    equal(record.argv(r), [path], "argv")


@test
def a_deleted_executable_is_flagged(s):
    path = drop(s)
    _, r = way(s, "deleted", path)
    equal(record.exe(r), path, "exe")
    true("deleted" in record.exe_flags(r), "not flagged as deleted")
    true(not record.exe_file(r).get("memfd"), "flagged as memfd, and is not")


@test
def a_script_names_itself_and_its_interpreter(s):
    interpreter = drop(s, called=b"interpreter")
    script = os.fsencode(s.dir / "script with ☃")
    with open(script, "wb") as f:
        f.write(b"#!" + interpreter + b" option\n")
    os.chmod(script, 0o755)
    pid, _ = act([script, b"argument"], code=4)
    r = exec_of(s, pid, interpreter)
    equal(record.script(r), script, "script")
    equal(record.argv(r), [interpreter, b"option", script, b"argument"],
          "argv")
    # The same by a relative name.
    pid, _ = act([b"./" + os.path.basename(script)], code=3, cwd=s.dir)
    equal(record.script(exec_of(s, pid, interpreter)), script,
          "script by a relative name")


@test
def a_scripts_file_is_the_kernels_or_the_table_says_so(s):
    interpreter = drop(s, called=b"interpreter")
    script = s.dir / "script"
    script.write_bytes(b"#!" + interpreter + b"\n")
    script.chmod(0o755)
    # A link that leads somewhere else is what the caller names.
    link = s.dir / "innocent"
    link.symlink_to(script)
    pid, _ = act([link], code=2)
    process = exec_of(s, pid, interpreter)["process"]
    row, = [row for row in s.agent.status()["coverage"]
            if row["hook"].startswith("files of #! scripts")]
    if row["active"]:
        equal(process["script_file"]["inode"], script.stat().st_ino, "inode")
        equal(record.raw(process, "script"), os.fsencode(script), "script")
    else:
        true(row["reason"], "no reason is given")
        true("script_file" not in process, "a file that nobody saw")
        equal(record.raw(process, "script"), os.fsencode(link), "script")


@test
def a_failed_exec_is_no_exec(s):
    path = os.fsencode(s.dir / "not a program")
    with open(path, "wb") as f:
        f.write(b"\0garbage\n")
    os.chmod(path, 0o755)
    launcher = actor("act_exec", s.dir, "launcher")
    pid, _ = act([launcher, "fd", path], code=1)
    found = s.events("exec", lambda r: record.pid(r) == pid)
    equal([record.exe(r) for r in found], [os.fsencode(launcher)], "execs")


if __name__ == "__main__":
    main(stage)
