#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a service manager hears of picket: that it is ready once it watches,
that it reloads, that its loop turns, that it ends."""
import contextlib
import signal
import socket

from lib import (PATIENCE, ROOT, Agent, Failure, equal, main, need_root,
                 test, true, wait_for, workdir)

UNIT = ROOT / "packaging" / "systemd" / "picket.service"

WATCHDOG_US = 900_000


class Managed:
    """An agent, and the manager's end of its socket."""

    def __init__(self, directory):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(directory / "notify"))
        self.socket.settimeout(PATIENCE)
        self.agent = Agent(directory)
        self.env = {"NOTIFY_SOCKET": str(directory / "notify"),
                    "WATCHDOG_USEC": str(WATCHDOG_US)}

    def hear(self):
        """The next message, as {name: value}."""
        try:
            text = self.socket.recv(4096).decode()
        except TimeoutError:
            raise Failure("nothing was heard; picket's log:\n"
                          + self.agent.log_text())
        return dict(line.split("=", 1) for line in text.splitlines())

    def hear_but_feeds(self):
        while (message := self.hear()) == {"WATCHDOG": "1"}:
            pass
        return message


@contextlib.contextmanager
def managed():
    need_root()
    with workdir("service") as directory:
        m = Managed(directory)
        with m.agent, m.socket:
            yield m


@test
def it_is_ready_when_it_watches(m):
    m.agent.spawn(env=m.env)
    message = m.hear()
    equal(message.get("READY"), "1", f"the first message: {message}")
    true(m.agent.status(), "a status as soon as it is ready")


@test
def a_loop_that_turns_is_heard_of(m):
    for _ in range(3):
        equal(m.hear(), {"WATCHDOG": "1"}, "what comes on an idle host")


@test
def a_stopped_one_is_not(m):
    m.agent.freeze()
    m.socket.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            m.socket.recv(4096)
    m.socket.settimeout(WATCHDOG_US / 1e6)
    with contextlib.suppress(TimeoutError):
        raise Failure(f"a stopped process said {m.socket.recv(4096)!r}")
    m.socket.settimeout(PATIENCE)
    m.agent.process.send_signal(signal.SIGCONT)
    equal(m.hear(), {"WATCHDOG": "1"}, "what comes when it goes on")


@test
def a_reload_begins_and_ends(m):
    m.agent.process.send_signal(signal.SIGHUP)
    message = m.hear_but_feeds()
    equal(message.get("RELOADING"), "1", f"on SIGHUP: {message}")
    true(int(message["MONOTONIC_USEC"]) > 0, "when it began")
    equal(m.hear_but_feeds().get("READY"), "1", "after it")


@test
def its_end_is_told(m):
    m.agent.process.send_signal(signal.SIGTERM)
    equal(m.hear_but_feeds(), {"STOPPING": "1"}, "on SIGTERM")
    equal(m.agent.process.wait(timeout=PATIENCE), 0, "exit code")


def unit_rights():
    """The capabilities that the unit leaves it, as setpriv has them."""
    names = [word.removeprefix("CAP_").lower()
             for line in UNIT.read_text().splitlines()
             if line.startswith("CapabilityBoundingSet=")
             for word in line.split("=", 1)[1].split()]
    return ",".join(["-all", *("+" + name for name in names)])


@test
def it_starts_with_the_rights_of_its_unit(m):
    m.agent.spawn(env={**m.env, "PATH": "/usr/bin:/bin"},
                  prefix=["setpriv", "--bounding-set", unit_rights()])
    equal(m.hear().get("READY"), "1", "the first message")
    m.agent.process.send_signal(signal.SIGTERM)
    equal(m.hear_but_feeds(), {"STOPPING": "1"}, "on SIGTERM")
    equal(m.agent.process.wait(timeout=PATIENCE), 0, "exit code")


@test
def what_cannot_start_is_never_ready(m):
    (m.agent.policy / "60-bad.ini").write_text("[allow x]\nnonsense = 1\n")
    m.agent.spawn(env=m.env)
    equal(m.agent.process.wait(timeout=PATIENCE), 6, "exit code")
    m.socket.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        raise Failure(f"it said {m.socket.recv(4096)!r}")


if __name__ == "__main__":
    main(managed)
