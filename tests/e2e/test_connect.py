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


@test
def a_datagram_without_connect_is_seen(s):
    for way in ("sendto", "sendmsg"):
        for address in ("127.0.0.1", "::1"):
            with listener(address, socket.SOCK_DGRAM) as port:
                a = Attempt(s, way, address, port)
                equal(a.error, 0, f"errno of {way}")
                a.check(address, port, "udp")
                true(a.event["connect"].get("send"), "not shown as a datagram")


@test
def a_datagram_to_an_ipv4_mapped_address_is_shown_as_ipv4(s):
    with listener("127.0.0.1", socket.SOCK_DGRAM) as port:
        Attempt(s, "sendto", "::ffff:127.0.0.1", port).check(
            "127.0.0.1", port, "udp")


@test
def a_connected_datagram_socket_is_seen_once(s):
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


if __name__ == "__main__":
    main(stage)
