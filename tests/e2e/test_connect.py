#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Where programs connect to, how it ended, and by whom."""
import contextlib
import errno
import os
import socket

import record
from lib import (Missing, act, actor, equal, main, scene, test, true)


@contextlib.contextmanager
def listener(address, kind=socket.SOCK_STREAM):
    """A socket on loopback that takes what comes; its port."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, kind) as s:
        try:
            s.bind((address, 0))
        except OSError as error:
            raise Missing("ipv6" if ":" in address else "ipv4", str(error))
        if kind == socket.SOCK_STREAM:
            s.listen()
        yield s.getsockname()[1]


@contextlib.contextmanager
def unused_port(address):
    """A port that nobody else gets, and where nobody listens."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as s:
        s.bind((address, 0))
        yield s.getsockname()[1]


class Attempt:
    """One run of act_connect and what picket made of it."""

    count = 0

    def __init__(self, s, way, address, port):
        Attempt.count += 1
        self.s = s
        self.path = actor("act_connect", s.dir, f"connect-{Attempt.count}")
        self.pid, out = act([self.path, way, address, str(port)])
        self.local_port, self.error = map(int, out.split())
        self.event = s.one("connect", self.is_ours, f"{way} to {address}")

    def is_ours(self, r):
        return record.exe(r) == os.fsencode(self.path)

    def check(self, address, port, protocol):
        equal(record.pid(self.event), self.pid, "pid")
        equal(record.peer(self.event), (address, port), "destination")
        equal(self.event["connect"]["protocol"], protocol, "protocol")

    def outcomes(self):
        return self.s.tail.find(
            lambda r: record.amends(r) == record.key(self.event))

    def outcome(self):
        found = self.s.tail.wait(
            lambda r: record.amends(r) == record.key(self.event),
            f"outcome of {self.event}")
        equal(len(found), 1, "outcomes")
        return found[0]["amendment"]["connect"]


def stage():
    return scene("connect")


def check_established(s, way, address, shown=None):
    with listener(address if "ffff" not in address else shown) as port:
        a = Attempt(s, way, address, port)
        equal(a.error, 0, "errno of connect")
        a.check(shown or address, port, "tcp")
        o = a.outcome()
        equal((o["error"], o["local_port"], o["peer_ip"], o["peer_port"]),
              (0, a.local_port, shown or address, port), "outcome")


@test
def tcp_over_ipv4_is_established(s):
    check_established(s, "tcp", "127.0.0.1")


@test
def tcp_over_ipv6_is_established(s):
    check_established(s, "tcp", "::1")


@test
def an_ipv4_mapped_address_is_shown_as_ipv4(s):
    check_established(s, "tcp", "::ffff:127.0.0.1", "127.0.0.1")


@test
def a_connection_that_does_not_block_has_its_outcome(s):
    check_established(s, "poll", "127.0.0.1")


@test
def a_refused_connection_says_so(s):
    for way, address in (("tcp", "127.0.0.1"), ("tcp", "::1"),
                         ("poll", "127.0.0.1")):
        with unused_port(address) as port:
            a = Attempt(s, way, address, port)
            equal(a.error, errno.ECONNREFUSED, "errno of connect")
            a.check(address, port, "tcp")
            equal(a.outcome()["error"], errno.ECONNREFUSED,
                  f"outcome of {way} to {address}")


def is_untold(s, way):
    """A backend of tracepoints sees no datagrams. Where the coverage says so,
    it is the truth."""
    rows = {row["hook"]: row for row in s.agent.status()["coverage"]}
    if rows["datagrams, IPv4"]["active"] if way != "udp" else \
            "datagrams" not in rows["connect, IPv4"]["reason"]:
        return False
    path = actor("act_connect", s.dir, f"untold-{way}")
    with listener("127.0.0.1", socket.SOCK_DGRAM) as port:
        act([path, way, "127.0.0.1", str(port)])
    equal(s.events("connect", lambda r: record.exe(r) == os.fsencode(path)),
          [], f"{way}, of which the coverage says that it is not seen")
    return True


@test
def a_datagram_without_connect_is_seen(s):
    if is_untold(s, "sendto"):
        return
    for way in ("sendto", "sendmsg"):
        for address in ("127.0.0.1", "::1"):
            with listener(address, socket.SOCK_DGRAM) as port:
                a = Attempt(s, way, address, port)
                equal(a.error, 0, f"errno of {way}")
                a.check(address, port, "udp")
                true(a.event["connect"].get("send"), "not shown as a datagram")


@test
def a_datagram_to_an_ipv4_mapped_address_is_shown_as_ipv4(s):
    if is_untold(s, "sendmsg"):
        return
    with listener("127.0.0.1", socket.SOCK_DGRAM) as port:
        Attempt(s, "sendto", "::ffff:127.0.0.1", port).check(
            "127.0.0.1", port, "udp")


@test
def a_connected_datagram_socket_is_seen_once(s):
    if is_untold(s, "udp"):
        return
    with listener("127.0.0.1", socket.SOCK_DGRAM) as port:
        a = Attempt(s, "udp", "127.0.0.1", port)
        a.check("127.0.0.1", port, "udp")
        true(not a.event["connect"].get("send"), "shown as a datagram")
        s.settle()
        equal(a.outcomes(), [], "outcomes of what has none")


@test
def two_connections_of_one_process_are_two_events(s):
    with listener("127.0.0.1") as one, listener("127.0.0.1") as two:
        path = os.fsencode(actor("act_exec", s.dir, "launcher"))
        program = os.fsencode(actor("act_connect", s.dir, "pair"))
        for port in (one, two):
            act([path, "many", "1", program, "tcp", "127.0.0.1", str(port)])
        found = s.events("connect", lambda r: record.exe(r) == program)
        equal([record.peer(r) for r in found],
              [("127.0.0.1", one), ("127.0.0.1", two)], "destinations")
        true(all(record.raw(record.ancestors(r)[0], "exe") == path
                 for r in found), "the parent is another")


@test
def user_and_descriptors_are_the_processs(s):
    with listener("127.0.0.1") as port:
        path = actor("act_connect", s.dir, "as-user")
        act([path, "tcp", "127.0.0.1", str(port)], user=12345, group=23456,
            extra_groups=[])
        r = s.one("connect", lambda r: record.exe(r) == os.fsencode(path),
                  "connect as another user")
        equal(record.ids(r, "uid", "gid"), (12345, 23456), "ids")


@test
def datagrams_to_one_destination_are_one_event(s):
    if is_untold(s, "again"):
        return
    with listener("127.0.0.1", socket.SOCK_DGRAM) as port:
        Attempt(s, "again", "127.0.0.1", port).check("127.0.0.1", port, "udp")


def connect_from(s, port, fn):
    """A child of this test that runs fn and connects: its one event."""
    pid = os.fork()
    if pid == 0:
        code = 1
        with contextlib.suppress(OSError):
            fn()
            with socket.socket() as c:
                c.connect(("127.0.0.1", port))
            code = 0
        os._exit(code)
    _, status = os.waitpid(pid, 0)
    equal(status, 0, "status of the child")
    return s.one("connect", lambda r: record.pid(r) == pid,
                 "connect of a child")


@test
def a_child_that_runs_its_parents_program_says_so(s):
    with listener("127.0.0.1") as port:
        r = connect_from(s, port, lambda: None)
    true(record.process(r).get("forked"), "not told as forked")
    equal(record.exe(r), os.fsencode(os.path.realpath("/proc/self/exe")),
          "exe")
    equal(record.ancestors(r)[0]["pid"], os.getpid(), "parent")


@test
def the_user_is_that_of_the_act_and_not_of_the_exec(s):
    def change():
        os.setgid(23456)
        os.setuid(12345)

    with listener("127.0.0.1") as port:
        r = connect_from(s, port, change)
    equal(record.ids(r, "uid", "gid"), (0, 0), "ids of the program")
    actor_ids = {k: r.get("actor", {}).get(k) for k in ("uid", "euid", "gid")}
    equal(actor_ids, {"uid": 12345, "euid": 12345, "gid": 23456},
          "ids as of the act")


if __name__ == "__main__":
    main(stage)
