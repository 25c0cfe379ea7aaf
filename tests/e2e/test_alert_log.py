#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Alerts in the service's log: a line each, for people and for systemd's
journal, and a log that takes nothing holds nothing up."""
import contextlib
import fcntl
import os
import re
import signal

from lib import (PICKET, Agent, act, actor, contains, equal, main, need_root,
                 run, test, true, wait_for, workdir)

POLICY = """
[deny bad]
event = exec
exe = /**/bad*
severity = high
tag = T1059

[deny strange]
event = exec
exe = /**/strange*
trust = unpackaged
severity = high
tag = T1036
"""


@contextlib.contextmanager
def place(**sections):
    need_root()
    with workdir("alert-log") as directory:
        with Agent(directory, POLICY, **sections) as agent:
            yield agent


def provoke(agent, name):
    act([actor("act_tiny", agent.dir, name)], code=1)


def alerts(agent):
    return [line for line in agent.log_text().splitlines()
            if "alert: " in line]


@test
def an_alert_is_a_line_that_names_its_record():
    with place() as agent:
        agent.start()
        provoke(agent, "good")
        provoke(agent, "bad one")
        wait_for(lambda: alerts(agent), "the line")
        uid = next(r["uid"] for r in agent.read()
                   if r.get("verdict", {}).get("alert"))
        equal(len(alerts(agent)), 1, "lines")
        line = alerts(agent)[0]
        true(re.fullmatch(r"picket: high alert: .*\[\d+\] exec "
                          r"'/.*/bad one'.*, denied by bad \(T1059\)"
                          rf"  uid={uid}", line), line)
        equal(agent.stop(), 0, "exit code")


@test
def one_that_had_to_wait_has_its_severity_and_can_be_asked_about():
    with workdir("alert-log-db") as elsewhere, \
            place(trust={"db": elsewhere / "trust.db"}) as agent:
        agent.start()
        provoke(agent, "strange")
        wait_for(lambda: alerts(agent), "the line")
        line = alerts(agent)[0]
        found = re.fullmatch(r"picket: high alert: .* exec … /.*/strange is of "
                             r"no package, .*, denied by strange \(T1036\)"
                             r"  uid=(\S+)", line)
        true(found, line)
        uid = found.group(1)
        ours = next(r for r in agent.read() if r["uid"] == uid)
        equal(ours["kind"], "amendment", "what settled it")
        # They read no further than what is on the disk.
        why = [PICKET, "why", uid, "--policy", agent.policy, "--journal",
               agent.journal]
        wait_for(lambda: run(why).returncode == 0,
                 lambda: f"an answer: {run(why)!r}")
        contains(run(why).stdout.decode(), "denied by strange", "picket why")
        tree = run([PICKET, "query", "--tree", uid, "--journal",
                    agent.journal])
        equal(tree.returncode, 0, f"picket query --tree: {tree!r}")
        contains(tree.stdout.decode(), "/strange", "picket query --tree")
        equal(agent.stop(), 0, "exit code")


@test
def systemds_journal_gets_a_priority():
    with place() as agent:
        agent.log.touch()
        st = agent.log.stat()
        agent.start(env={**os.environ,
                         "JOURNAL_STREAM": f"{st.st_dev}:{st.st_ino}"})
        provoke(agent, "bad")
        wait_for(lambda: alerts(agent), "the line")
        true(alerts(agent)[0].startswith("<3>high alert: "), alerts(agent)[0])
        equal(agent.stop(), 0, "exit code")


@test
def there_are_none_where_none_are_wanted():
    with place(alerts={"log": "no"}) as agent:
        agent.start()
        provoke(agent, "bad")
        wait_for(lambda: [r for r in agent.read()
                          if r.get("verdict", {}).get("alert")], "the alert")
        equal(agent.stop(), 0, "exit code")
        equal(alerts(agent), [], "lines")


@test
def a_log_that_takes_nothing_holds_nothing_up():
    """Alerts wait in the journal, and every event is in it."""
    read, write = os.pipe()
    with open(read, "rb", buffering=0) as reader, \
            open(write, "wb", buffering=0) as writer, \
            place(alerts={"window": "0s"}) as agent:
        agent.log.touch()
        agent.start(stderr=writer)
        # Another open file: the agent's must keep its flags.
        full = os.open(f"/proc/self/fd/{write}", os.O_WRONLY | os.O_NONBLOCK)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(full, b"x")
        os.close(full)
        for i in range(50):
            provoke(agent, f"bad-{i}")
        # Its own lines have no room either.
        for _ in range(3):
            agent.process.send_signal(signal.SIGHUP)
        wait_for(lambda: sum(r.get("verdict", {}).get("alert", False)
                             for r in agent.read()) == 50,
                 "all alerts in the journal")
        wait_for(lambda: sum(r.get("agent", {}).get("what") == "policy"
                             for r in agent.read()) > 1, "the reload")
        true(agent.status(), "picket answers")
        equal(set(reader.read(1 << 20)[-1000:]), set(b"x"), "the pipe's end")
        wait_for(lambda: b"alert: " in reader.read(1 << 16),
                 "the alerts, once there is room")
        equal(agent.stop(), 0, "exit code")


if __name__ == "__main__":
    main()
