#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The whole way: from kernel hook to collector, real processes at one end and
somebody else's decoder at the other. What arrived is the journal, by name,
whoever was killed in between."""
import contextlib
import os
import socket
import subprocess

import lib
import record
from lib import Agent, act, actor, equal, main, need_root, test, true, wait_for
from shipping import Collector, exactly, free_port


class Way:
    """picket run, picket-ship and a collector, each to be stopped alone."""

    def __init__(self, directory):
        self.dir = directory
        self.port = free_port()
        self.collectors = []
        self.shippers = []
        self.ship_log = directory / "ship.log"
        # Each alert is counted, so none is summed.
        self.agent = Agent(directory, lambda d: RULES.format(d), alerts={
            "window": "0s"}, collector={
            "url": f"http://127.0.0.1:{self.port}",
            "batch_age": "50ms", "retry_min": "20ms", "retry_max": "200ms"})

    def close(self):
        for p in self.shippers:
            if p.poll() is None:
                p.kill()
            p.wait()
        for c in self.collectors:
            c.close()

    def start_collector(self):
        """One more, on the same port, going on in the same file."""
        c = Collector(self.dir, port=self.port)
        self.collectors.append(c)
        return c

    def start_shipper(self):
        with open(self.ship_log, "ab") as log:
            self.shippers.append(subprocess.Popen(
                [lib.SHIP, "--config", self.agent.config],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log))

    def kill(self, process):
        process.kill()
        process.wait()

    def ship_once(self):
        p = lib.run([lib.SHIP, "--config", self.agent.config, "--once"])
        equal(p.returncode, 0, f"exit code of picket-ship --once: {p.stderr!r}"
              f"\nlog of the one before:\n{self.ship_log.read_text()}")

    def acknowledged(self):
        """The last number that picket-ship is done with."""
        try:
            text = (self.agent.state / "ship").read_text()
        except FileNotFoundError:
            return 0
        return int(text.split("seq ")[1])

    def happen(self, name):
        """Some of everything, by programs called `name`: how many events."""
        program = actor("act_tiny", self.dir, f"{name}-denied")
        launcher = actor("act_exec", self.dir, f"{name}-launcher")
        act([launcher, "many", "20", program, "an argument", "☃"])
        writer = actor("act_write", self.dir, f"{name}-writer")
        act([writer, "create", self.dir / f"{name}-file"])
        act([writer, "unlink", self.dir / f"{name}-file"])
        caller = actor("act_connect", self.dir, f"{name}-caller")
        with socket.create_server(("127.0.0.1", 0)) as s:
            act([caller, "tcp", "127.0.0.1", str(s.getsockname()[1])])
        act([caller, "tcp", "127.0.0.1", "1"])

    def journal(self):
        """Every record that the journal holds, by name."""
        return {r["uid"]: r for r in self.agent.read()}


RULES = """
[deny by-name]
event    = exec
exe      = {0}/*-denied
severity = high
"""


def check_all_there(way, collector, doubles):
    """The collector's set of names is the journal's."""
    journal = way.journal()
    true(len(journal) > 60, f"only {len(journal)} records in the journal")
    exactly(collector, list(journal), doubles)
    return journal


def check_same(way, journal, collector):
    """And of our own doings, each says the same at both ends."""
    mine = os.fsencode(way.dir)
    received = {r["uid"]: r for r in collector.records()}
    count = 0
    for uid, r in journal.items():
        if not record.exe(r).startswith(mine) or r["kind"] == "amendment":
            continue
        count += 1
        got = received[uid]
        a = got["attributes"]
        equal(got["event"], "picket." + r["kind"], f"kind of {uid}")
        equal((a["process.pid"], a["process.executable.path"]),
              (record.pid(r), r["process"]["exe"]), f"process of {uid}")
        if r["kind"] == "exec":
            equal(a["process.command_args"], r["process"]["args"],
                  f"arguments of {uid}")
            equal(a.get("security_rule.name"), r["verdict"].get("rule"),
                  f"rule of {uid}")
        elif r["kind"] == "connect":
            equal((a["network.peer.address"], a["network.peer.port"]),
                  record.peer(r), f"destination of {uid}")
        elif r["kind"] == "write":
            equal(a["file.path"], r["write"]["path"], f"path of {uid}")
    true(count >= 46, f"only {count} events of our own")


def check_tally(journal, collector):
    """The last manifest sums up what the journal tells of picket itself."""
    last = max((m["attributes"] for m in collector.manifests()),
               key=lambda a: a["picket.manifest.last"])
    told = [r["agent"] for r in journal.values() if r["kind"] == "agent"]
    policies = [a["facts"]["sha256"] for a in told if a["what"] == "policy"]
    equal(last.get("picket.manifest.policy_sha256"), policies[-1], "policy")
    equal(last["picket.manifest.lost_kernel"],
          sum(int(a["facts"].get("count", 0)) for a in told if a["what"] == "loss"),
          "lost in the kernel")
    equal(last["picket.manifest.lost_journal"], 0, "lost at the journal")


@contextlib.contextmanager
def place():
    need_root()
    with lib.workdir("collector") as directory:
        way = Way(directory)
        try:
            with way.agent:
                yield way
        finally:
            way.close()


def fresh(fn):
    """A test with a way of its own."""
    def wrapped():
        with place() as way:
            fn(way)
    wrapped.__name__ = fn.__name__
    return test(wrapped)


@fresh
def what_arrives_is_the_journal(way):
    collector = way.start_collector()
    way.agent.start()
    way.start_shipper()
    way.happen("first")
    wait_for(lambda: any("first-denied" in r["body"]
                         for r in collector.records()),
             "the events to arrive while all three run")
    equal(way.agent.stop(), 0, "exit code of picket run")
    last = way.agent.read()[-1]["seq"]
    wait_for(lambda: way.acknowledged() == last,
             "picket-ship to come to the end")
    way.shippers[-1].terminate()
    equal(way.shippers[-1].wait(lib.PATIENCE), 0, "exit code of picket-ship")
    journal = check_all_there(way, collector, doubles=False)
    check_same(way, journal, collector)
    check_tally(journal, collector)
    denied = [r for r in journal.values() if record.judged(r)[2]]
    equal(len(denied), 20, "alerts")


@fresh
def nothing_is_missing_after_everything_was_killed(way):
    collector = way.start_collector()
    way.agent.start()
    way.start_shipper()
    way.happen("before")
    wait_for(lambda: any("before-denied" in r["body"]
                         for r in collector.records()), "the first events")

    # The collector dies; what happens now stays in the journal.
    collector.close()
    way.happen("without-collector")
    tail = way.agent.tail()
    tail.wait(lambda r: r["kind"] == "exec"
              and b"without-collector-denied" in record.exe(r),
              "the journal to go on", count=20)
    way.kill(way.shippers[-1])
    way.happen("without-shipper")
    durable = wait_for(lambda: sealed(way, tail), "a seal behind the events")
    way.kill(way.agent.process)
    killed_at = set(r["uid"] for r in tail.find(
        lambda r: r["seq"] <= durable))

    # Everything is started again, the reader last.
    way.agent.start()
    way.happen("after")
    way.start_shipper()
    collector = way.start_collector()
    wait_for(lambda: any("after-denied" in r["body"]
                         for r in collector.records()), "the last events")
    # Once more in the middle of shipping.
    way.kill(way.shippers[-1])
    equal(way.agent.stop(), 0, "exit code of picket run")
    way.ship_once()

    journal = check_all_there(way, collector, doubles=True)
    check_same(way, journal, collector)
    check_tally(journal, collector)
    true(killed_at <= set(journal), "sealed records are gone after the kill: "
         f"{sorted(killed_at - set(journal))[:5]}")
    for name in ("before", "without-collector", "without-shipper", "after"):
        program = os.fsencode(way.dir / f"{name}-denied")
        equal(len([r for r in journal.values() if r["kind"] == "exec"
                   and record.exe(r) == program]), 20, f"execs {name}")
    whats = [r["agent"]["what"] for r in journal.values()
             if r["kind"] == "agent"]
    equal(whats.count("unclean"), 1, f"kills that the journal tells: {whats}")


def sealed(way, tail):
    """The newest durable number, once it covers what was done last."""
    last = [r["seq"] for r in tail.find(
        lambda r: r["kind"] == "exit"
        and b"without-shipper-caller" in record.exe(r))]
    status = way.agent.status()
    if len(last) < 2 or not status:
        return None
    number = status["journal"]["sealed_seq"]
    return number if number >= last[-1] else None


@fresh
def a_dead_collector_slows_nothing(way):
    way.agent.start()
    way.start_shipper()
    before = way.agent.status()["journal"]["next_seq"]
    way.happen("unheard")
    tail = way.agent.tail()
    tail.wait(lambda r: r["kind"] == "exec"
              and b"unheard-denied" in record.exe(r), "events", count=20)
    status = wait_for(lambda: enough(way, before), "the backlog to be told")
    equal(status["collectors"][0]["acknowledged_seq"], 0, "acknowledged")
    equal(way.agent.stop(), 0, "exit code of picket run")


@fresh
def what_a_collector_refuses_is_an_event(way):
    collector = way.start_collector()
    collector.rules({"contains": "poison-denied", "status": 400})
    way.agent.start()
    way.start_shipper()
    program = actor("act_tiny", way.dir, "poison-denied")
    act([actor("act_exec", way.dir, "launcher"), "many", "1", program])
    told = wait_for(lambda: [r["attributes"] for r in collector.records()
                             if r["attributes"].get("picket.agent.what")
                             == "refused"], "the event")
    facts = [r for r in way.agent.read() if r["kind"] == "agent"
             and r["agent"]["what"] == "refused"][0]["agent"]["facts"]
    equal(facts["collector"], "default", "which collector")
    true(int(facts["count"]) >= 1, f"how many: {told}")
    dead = lib.run([lib.PICKET, "tail", "--json", "--no-follow", "--journal",
                    way.agent.state / "dead-letters"]).stdout
    true(dead.count(b'"refusal":{') >= int(facts["count"]),
         f"dead letters: {dead!r}")
    equal(way.agent.stop(), 0, "exit code of picket run")


def enough(way, before):
    status = way.agent.status()
    return status and status["collectors"][0]["backlog"] > before and status


if __name__ == "__main__":
    main()
