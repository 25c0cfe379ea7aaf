#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""picket status: each collector, and the same figures for Prometheus.

promtool of Prometheus itself says whether it can read them.
"""
import contextlib
import os
import re
import signal
import subprocess

import lib
from lib import Agent, Failure, PICKET, contains, equal, main, need_root, run, \
    test, true, wait_for
from shipping import Collector, free_port

PROMTOOL = lib.BUILD / "tools" / "promtool"


@contextlib.contextmanager
def place(**sections):
    need_root()
    with lib.workdir("status") as directory:
        with Agent(directory, **sections) as agent:
            yield agent


@contextlib.contextmanager
def shipping(agent):
    with open(agent.dir / "ship.log", "ab") as log:
        ship = subprocess.Popen([lib.SHIP, "--config", agent.config],
                                stdin=subprocess.DEVNULL, stdout=log,
                                stderr=log)
    try:
        yield ship
    finally:
        ship.kill()
        ship.wait()


def patient(url, **keys):
    return {"url": url, "retry_min": "20ms", "retry_max": "200ms",
            "batch_age": "50ms", **keys}


def metrics(text):
    """name{labels} -> value; a sample that comes twice is an error."""
    found = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        m = re.fullmatch(r"([a-z_]+(?:\{[a-z0-9_]+=\"[^\"]*\"\})?) ([0-9.]+)",
                         line)
        true(m, f"not a sample: {line!r}")
        true(m[1] not in found, f"twice: {m[1]}")
        found[m[1]] = float(m[2])
    return found


def ask(agent, *form):
    p = run([PICKET, "status", "--journal", agent.journal, *form])
    if p.returncode != 0:
        raise Failure(f"picket status: {p.stderr.decode()}")
    return p.stdout.decode()


def promtool(text):
    """What Prometheus' own linter finds wrong."""
    p = run([PROMTOOL, "check", "metrics"], input=text.encode(), stdin=None)
    equal((p.returncode, p.stdout + p.stderr), (0, b""), "promtool")


@test
def prometheus_can_read_the_metrics():
    with place(collector=patient(f"http://127.0.0.1:{free_port()}")) as agent:
        agent.start()
        text = ask(agent, "--prometheus")
        promtool(text)
        found = metrics(text)
        true(len(found) > 90, f"only {len(found)} samples")
        # A linter that finds nothing wrong with anything proves nothing.
        bad = text.replace("picket_alerts_total", "picket_alerts")
        p = run([PROMTOOL, "check", "metrics"], input=bad.encode(),
                stdin=None)
        true(p.returncode != 0, "promtool takes a counter without _total")


@test
def metrics_and_status_tell_the_same():
    with place() as agent:
        agent.start()
        run(["/bin/true"])
        wait_for(lambda: agent.status()["families"]["exec"]["received"],
                 "an exec")
        pairs = {
            'picket_events_made_total{family="exec"}':
                lambda s: s["families"]["exec"]["made"],
            'picket_events_lost_total{family="write"}':
                lambda s: s["families"]["write"]["lost"],
            "picket_journal_next_seq": lambda s: s["journal"]["next_seq"],
            "picket_journal_appended_total":
                lambda s: s["journal"]["appended"],
            "picket_policy_rules": lambda s: s["policy"]["rules"],
            "picket_alerts_total": lambda s: s["policy"]["alerts"],
        }
        before = agent.status()
        found = metrics(ask(agent, "--prometheus"))
        after = agent.status()
        for name, figure in pairs.items():
            low, high = figure(before), figure(after)
            true(low <= found[name] <= high,
                 f"{name}: {found[name]}, status says {low} to {high}")
        sha = before["policy"]["sha256"]
        equal(found[f'picket_policy_info{{sha256="{sha}"}}'], 1, "policy")

        # This one falls as well: between two looks it may have been anything.
        def processes():
            return (agent.status()["processes"]["known"],
                    metrics(ask(agent, "--prometheus"))["picket_processes"])
        wait_for(lambda: len(set(processes())) == 1,
                 lambda: f"one number of processes, have {processes()}")


@test
def each_collector_is_told_of():
    with lib.workdir("status-c") as d, Collector(d) as c, \
            place(collector=patient(c.url()), **{"collector soc": patient(
                f"http://127.0.0.1:{free_port()}")}) as agent:
        agent.start()
        one = agent.status()["collectors"]
        equal([(x["name"], x["state"]) for x in one],
              [("", "never started"), ("soc", "never started")], "before")
        there = agent.status()["journal"]["next_seq"] - 1
        with shipping(agent):
            # Both work on: each form must say all of it at one time.
            wait_for(lambda: one_caught_up_and_one_dead(agent, there),
                     lambda: f"one to have {there} and one to be dead: "
                     f"{agent.status()['collectors']}")
            found = metrics(ask(agent, "--prometheus"))
            equal(found['picket_collector_shipper_running{collector='
                        '"default"}'], 1, "running")
            true(found['picket_collector_backlog_records{collector="soc"}'],
                 "backlog")
            lines = (rf"collector {re.escape(c.url())}  (idle|sending)",
                     r"collector soc  http://\S+  waiting",
                     r"acknowledged to \d+, \d+\.\d s ago  backlog",
                     r"backlog \d+ records, \d+ \w+, oldest \d+\.\d s",
                     r"\d+ retries  0 dead letters  0 rejected",
                     r"last error \S+Z: .*onnect")

            def lacking():
                text = ask(agent)
                return [x for x in lines if not re.search(x, text)]
            wait_for(lambda: not lacking(),
                     lambda: f"{lacking()} in\n{ask(agent)}")
        wait_for(lambda: {x["state"] for x in agent.status()["collectors"]}
                 == {"not running"}, "the shipper to be missed")
        equal(agent.stop(), 0, "exit code")


@test
def many_collectors_fit_the_screen():
    dead = {f"collector c{n}": patient(f"http://127.0.0.1:{free_port()}")
            for n in range(5)}
    with lib.workdir("status-n") as d, Collector(d) as c, \
            place(collector=patient(c.url()), **dead) as agent:
        agent.start()
        with shipping(agent):
            wait_for(lambda: sum(x["state"] == "waiting" and x["retries"] > 0
                                 for x in agent.status()["collectors"]) == 5,
                     lambda: f"five to be dead: {agent.status()}")
            wait_for(lambda: len(brief(ask(agent))) == 4
                     and all("onnect" in x for x in brief(ask(agent))),
                     lambda: f"four of the dead in\n{ask(agent)}")
            text = ask(agent)
            true(len(text.splitlines()) <= 24, f"more than a screen:\n{text}")
            contains(text, "and 2 more, ", "the others")
            whole = ask(agent, "--all")
            equal(len(re.findall(r"^ +acknowledged to", whole, re.M)), 6,
                  "collectors told of in full")
        equal(agent.stop(), 0, "exit code")


def brief(text):
    return [x for x in text.splitlines() if x.startswith("collector ")]


def one_caught_up_and_one_dead(agent, there):
    first, soc = agent.status()["collectors"]
    return first["state"] in ("idle", "sending") and first["acknowledged"] \
        and first["acknowledged_seq"] >= there and first["error"] == "" \
        and soc["state"] == "waiting" and "onnect" in soc["error"] \
        and soc["error_time"] and soc["retries"] \
        and soc["acknowledged_seq"] == 0 \
        and soc["backlog"] > 0 and soc["backlog_bytes"] > 0


@test
def the_file_of_metrics_is_there_while_picket_runs():
    with lib.workdir("metrics") as d:
        path = d / "picket.prom"
        with place(agent={"metrics_file": path}) as agent:
            agent.start()
            text = path.read_text()
            promtool(text)
            true("picket_build_info{" in text, text)
            equal(path.stat().st_mode & 0o777, 0o644, "mode")
            # While it is written anew there are two.
            wait_for(lambda: [p.name for p in d.iterdir()] == ["picket.prom"],
                     lambda: f"that file alone, have {list(d.iterdir())}")
            equal(agent.stop(), 0, "exit code")
            true(not path.exists(), "figures of an agent that is gone")


@test
def a_file_that_cannot_be_written_is_said_and_stops_nothing():
    with place(agent={"metrics_file": "/proc/no/picket.prom"}) as agent:
        agent.start()
        true("cannot write metrics to '/proc/no/picket.prom'"
             in agent.log_text(), agent.log_text())
        equal(agent.stop(), 0, "exit code")


@test
def a_shipper_that_was_taken_over_cannot_hold_up_the_agent():
    """What lies in its directory is read by one who has more rights."""
    with place(collector=patient(f"http://127.0.0.1:{free_port()}")) as agent:
        agent.state.mkdir()
        for name in ("ship", "ship-status", "ship.lock"):
            os.mkfifo(agent.state / name)
        agent.start()
        first = agent.status()["journal"]["next_seq"]
        run(["/bin/true"])
        wait_for(lambda: agent.status()["journal"]["next_seq"] > first,
                 "picket to go on")
        equal(agent.status()["collectors"][0]["state"], "never started",
              "what is said of it")
        (agent.state / "ship-status").unlink()
        (agent.state / "ship-status").write_text(
            "picket-ship-status 1\nstate=\x1b[31mred\nerror=\x1b[32mgreen\n"
            "error_ns=5\n")
        wait_for(lambda: "red" in agent.status()["collectors"][0]["state"]
                 or "not running" in ask(agent), "the status to be read")
        for form in ([], ["--json"], ["--prometheus"]):
            true("\x1b" not in ask(agent, *form), f"escapes with {form}")
        equal(agent.stop(), 0, "exit code")


@test
def a_probe_gets_one_word_or_a_reason():
    with place() as agent:
        def probe():
            return run([PICKET, "status", "--health", "--journal",
                        agent.journal])
        p = probe()
        equal((p.returncode, p.stdout), (1, b""), "before picket runs")
        agent.start()
        p = probe()
        equal((p.returncode, p.stdout), (0, b"ok\n"), "while it runs")
        agent.freeze()
        p = probe()
        agent.process.send_signal(signal.SIGCONT)
        equal((p.returncode, p.stdout), (1, b""), "while it is stopped")
        true(b"does not answer" in p.stderr, p.stderr)
        equal(agent.stop(), 0, "exit code")
        equal(probe().returncode, 1, "after its end")


@test
def one_form_is_asked_for_at_a_time():
    p = run([PICKET, "status", "--json", "--prometheus", "--journal", "/x"])
    equal(p.returncode, 2, "exit code")
    equal(p.stdout, b"", "output")


if __name__ == "__main__":
    main()
