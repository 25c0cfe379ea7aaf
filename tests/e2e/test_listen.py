#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ports and names opened to others, and sockets beside TCP and UDP."""
import contextlib
import os
import socket
import subprocess

import record
from lib import (PICKET, actor, contains, equal, main, run, scene, test, true,
                 wait_for)

ETH_P_ALL = 3


def stage():
    return scene("listen", sensor={"unix_sockets": "yes"})


def child(fn):
    """A child of this test that runs fn, to its end; its process id."""
    pid = os.fork()
    if pid == 0:
        code = 1
        with contextlib.suppress(OSError):
            fn()
            code = 0
        os._exit(code)
    _, status = os.waitpid(pid, 0)
    equal(status, 0, "status of the child")
    return pid


def event_of(s, kind, fn):
    pid = child(fn)
    return s.one(kind, lambda r: record.pid(r) == pid, f"{kind} of a child")


def line_of(s, r):
    """What a person reads of this record: the line `picket tail` prints."""
    p = run([PICKET, "tail", "--journal", s.agent.journal, "--from", "oldest",
             "--no-follow", "--kind", r["kind"]])
    equal(p.returncode, 0, "exit code of tail")
    lines = [line for line in p.stdout.decode().splitlines()
             if f"[{record.pid(r)}] " in line]
    equal(len(lines), 1, f"lines of process {record.pid(r)}")
    return lines[0]


@contextlib.contextmanager
def free_port(kind=socket.SOCK_STREAM):
    """A port that is free now; it is taken by who binds it with REUSEADDR."""
    with socket.socket(socket.AF_INET, kind) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("127.0.0.1", 0))
        yield s.getsockname()[1]


@test
def a_bind_shell_is_seen_before_anybody_comes(s):
    shell = actor("act_exec", s.dir, "shell")
    port = None
    with subprocess.Popen(
            ["python3", "-c", "import os, socket, sys\n"
             "s = socket.socket()\n"
             "s.listen()\n"
             "print(s.getsockname()[1], flush=True)\n"
             "c, _ = s.accept()\n"
             "for fd in range(3): os.dup2(c.fileno(), fd)\n"
             "os.execv(sys.argv[1], [sys.argv[1], 'many', '0', '/none'])\n",
             shell], stdout=subprocess.PIPE) as p:
        try:
            port = int(p.stdout.readline())
            r = s.one("listen", lambda r: record.pid(r) == p.pid,
                      "the shell's port")
            # No name to resolve: a guest's Python has no codec for them.
            with socket.socket() as c:
                c.connect(("127.0.0.1", port))
        finally:
            p.kill()
    equal((r["listen"]["ip"], r["listen"]["port"]), ("0.0.0.0", port),
          "address")
    equal(r["listen"]["protocol"], "tcp", "protocol")
    contains(line_of(s, r), f"tcp 0.0.0.0:{port}", "line")


@test
def listening_twice_is_one_event(s):
    def twice():
        with socket.socket(socket.AF_INET6) as listener:
            listener.bind(("::1", 0))
            listener.listen(1)
            listener.listen(5)
    r = event_of(s, "listen", twice)
    equal(r["listen"]["ip"], "::1", "address")
    true(r["listen"]["port"] > 0, "no port")
    contains(line_of(s, r), f"tcp [::1]:{r['listen']['port']}", "line")


@test
def a_datagram_port_is_told_as_one(s):
    with free_port(socket.SOCK_DGRAM) as port:
        pass

    def bind():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as u:
            u.bind(("127.0.0.1", port))
    r = event_of(s, "listen", bind)
    equal((r["listen"]["ip"], r["listen"]["port"]), ("127.0.0.1", port),
          "address")
    true(r["listen"].get("bind"), "not told as a bind")
    contains(line_of(s, r), f"udp 127.0.0.1:{port}", "line")


@test
def a_unix_socket_is_told_by_its_escaped_name(s):
    path = os.fsencode(s.dir / "so\nck\x1b[31met")

    def serve():
        with socket.socket(socket.AF_UNIX) as u:
            u.bind(path)
            u.listen()
            child(lambda: socket.socket(socket.AF_UNIX).connect(path))
    r = event_of(s, "listen", serve)
    equal(record.raw(r["listen"], "unix_path"), path, "name")
    line = line_of(s, r)
    true("\x1b" not in line, f"an escape code in {line!r}")
    contains(line, r"so\nck\x1b[31met", "line")
    parent = record.process_id(r)
    c = s.one("connect", lambda c: record.raw(c["connect"], "unix_path")
              == path, "connect to it")
    equal(record.process_id({"process": record.ancestors(c)[0]}), parent,
          "who was the caller's parent")
    contains(line_of(s, c), r"so\nck\x1b[31met", "line")


@test
def an_abstract_name_is_written_with_an_at(s):
    name = b"\0picket-test-%d" % os.getpid()

    def serve():
        with socket.socket(socket.AF_UNIX) as u:
            u.bind(name)
            u.listen()
    r = event_of(s, "listen", serve)
    equal(record.raw(r["listen"], "unix_path"), name, "name")
    contains(line_of(s, r), "@picket-test-", "line")


@test
def a_packet_socket_is_an_event_when_made(s):
    def sniff():
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                      socket.htons(ETH_P_ALL)).close()
    r = event_of(s, "connect", sniff)
    true(r["connect"].get("socket"), "not told as a socket")
    contains(line_of(s, r), "raw socket packet, protocol 3", "line")


@test
def a_raw_socket_is_an_event_when_made(s):
    r = event_of(s, "connect", lambda: socket.socket(
        socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP).close())
    contains(line_of(s, r), "raw socket inet, protocol 1", "line")


@test
def the_status_says_what_is_seen_of_sockets(s):
    rows = wait_for(s.agent.status, "an answer")["coverage"]
    for hook in ("listening sockets, TCP", "unix sockets, streams",
                 "raw sockets", "packet sockets"):
        found = [r for r in rows if r["hook"] == hook]
        equal(len(found), 1, f"rows of {hook}")
        true(found[0]["active"], f"{hook} is off: {found[0]}")


main(stage)
