# SPDX-License-Identifier: Apache-2.0
"""A collector, a shipper, and what must hold between them.

The collector is collector.js, which decodes with OpenTelemetry's decoder; the
journal's set of names and the collector's must be the same, and what came
twice must be the same record byte for byte.
"""
import collections
import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import urllib.request

import completeness
import lib
from lib import Failure, true, wait_for

MAKE_JOURNAL = lib.BUILD / "tests" / "make_journal"
NPM = pathlib.Path(os.environ.get("PICKET_NPM")
                   or lib.ROOT / "build" / "npm")


class Collector:
    def __init__(self, directory, name="out", port=0, *more):
        self.out = pathlib.Path(directory) / name
        argv = ["node", str(lib.ROOT / "tests/e2e/collector.js"),
                "--npm", str(NPM), "--out", str(self.out),
                "--port", str(port), *more]
        self.errors = open(self.out.with_suffix(".stderr"), "ab")
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE,
                                        stderr=self.errors)
        line = self.process.stdout.readline().decode()
        if not line.startswith("port "):
            raise Failure("the collector did not start: "
                          + self.out.with_suffix(".stderr").read_text())
        self.port = int(line.split()[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        self.errors.close()

    def url(self, path=""):
        return f"http://127.0.0.1:{self.port}{path}"

    def rules(self, *rules):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/control",
            data=json.dumps(rules).encode(), method="POST")
        urllib.request.urlopen(request, timeout=lib.PATIENCE).read()

    def lines(self, path):
        """Whole lines only: the last may be under way."""
        if not path.exists():
            return []
        whole = path.read_text().rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    def all(self):
        return self.lines(self.out)

    def records(self):
        return [r for r in self.all() if r["event"] != "picket.manifest"]

    def uids(self):
        return [r["uid"] for r in self.records()]

    def manifests(self):
        return [r for r in self.all() if r["event"] == "picket.manifest"]

    def requests(self):
        return self.lines(self.out.with_suffix(".requests"))


class Shipper:
    def __init__(self, directory, url, **keys):
        self.dir = pathlib.Path(directory)
        self.state = self.dir / "state"
        self.journal = self.dir / "journal"
        self.config = self.dir / "agent.ini"
        self.log = self.dir / "ship.log"
        self.process = None
        self.keys = {"url": url, "state_dir": self.state, "retry_min": "20ms",
                     "retry_max": "200ms", "batch_age": "50ms",
                     "timeout": "20s"}
        self.named = {}
        self.configure(**keys)

    def configure(self, **keys):
        self.keys.update(keys)
        self.write_config()

    def also_to(self, name, url, **keys):
        """One more destination, as impatient as the first."""
        mine = ("retry_min", "retry_max", "batch_age", "timeout")
        self.named[name] = {**{k: self.keys[k] for k in mine}, "url": url,
                            **keys}
        self.write_config()

    def write_config(self):
        self.config.write_text(lib.dump_ini({
            "agent": {"log_level": "debug"},
            "journal": {"dir": self.journal},
            "collector": self.keys,
            **{f"collector {n}": keys for n, keys in self.named.items()}}))

    def state_of(self, name):
        return self.state / f"{name}.d" if name else self.state

    def make(self, count, *extra):
        """More records in the journal; their names in order."""
        p = lib.run([MAKE_JOURNAL, "--journal", self.journal,
                     "--count", str(count), *extra])
        if p.returncode != 0:
            raise Failure(f"make_journal: {p.stderr.decode()}")
        return [line.split()[0] for line in p.stdout.decode().splitlines()]

    def once(self, code=0):
        with open(self.log, "ab") as log:
            p = lib.run([lib.SHIP, "--config", self.config, "--once"],
                        stdout=log, stderr=log)
        if p.returncode != code:
            raise Failure(f"--once exited with {p.returncode}, expected "
                          f"{code}; its log ends:\n{self.log_end()}")

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [lib.SHIP, "--config", self.config],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return self.process

    def stop(self, signum=signal.SIGTERM):
        self.process.send_signal(signum)
        return self.process.wait(timeout=lib.PATIENCE)

    def log_text(self):
        return self.log.read_text(errors="replace")

    def log_end(self):
        """For a diagnosis: an hour of attempts helps nobody."""
        return "\n".join(self.log_text().splitlines()[-40:])

    def tries(self):
        """What each attempt that failed was told, in order."""
        return re.findall(r"collector does not .*?: (.*); trying again in",
                          self.log_text())

    def status(self, name=None):
        try:
            lines = (self.state_of(name) / "ship-status") \
                .read_text().splitlines()
        except FileNotFoundError:
            return {}
        return dict(line.split("=", 1) for line in lines[1:])

    def says(self, condition, name=None):
        """The first status for which the whole condition holds: what two
        statuses say need never have been true together."""
        def said():
            status = self.status(name)
            return status if status and condition(status) else None
        return wait_for(said, lambda: "another status, have "
                        f"{self.status(name)}; its log ends:\n"
                        + self.log_end())

    def cursor(self, name=None):
        try:
            text = (self.state_of(name) / "ship").read_text()
        except FileNotFoundError:
            return 0
        return int(text.split("seq ")[1])

    def dead(self, name=None):
        """What was set aside, as `picket tail` tells it; its refusal as an
        object of its own."""
        path = self.state_of(name) / "dead-letters"
        if not (path / "state").exists():
            return []
        p = lib.run([lib.PICKET, "tail", "--journal", path, "--json",
                     "--from", "oldest", "--no-follow"])
        if p.returncode != 0:
            raise Failure(f"tail: {p.stderr.decode()}")
        records = [json.loads(line) for line in p.stdout.splitlines()]
        return [{**r["refusal"], "letter": r} for r in records]

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@contextlib.contextmanager
def shipper(url, **keys):
    with lib.workdir("ship") as directory:
        s = Shipper(directory, url, **keys)
        try:
            yield s
        finally:
            s.close()


@contextlib.contextmanager
def pair(path="", **keys):
    with lib.workdir("ship") as directory:
        with Collector(directory) as c:
            s = Shipper(directory, c.url(path), **keys)
            try:
                yield c, s
            finally:
                s.close()


def sent_again(collector):
    """Requests that were kept and of which something was sent once more."""
    last = {r["uid"]: r["request"] for r in collector.records()}
    return {r["request"] for r in collector.records()
            if r["request"] != last[r["uid"]]}


def exactly(collector, names, doubles=False):
    """The receiver's set is the journal's; what came twice is the same, and
    did because an answer was lost: of as many requests as `doubles` says at
    most (False: of none; True: of any, where the test knows better)."""
    got = collections.Counter(collector.uids())
    missing = [n for n in names if n not in got]
    invented = sorted(set(got) - set(names))
    true(not missing, f"missing: {missing[:5]} … {len(missing)} in all")
    true(not invented, f"invented: {invented[:5]}")
    if not doubles:
        twice = [n for n, k in got.items() if k > 1]
        true(not twice, f"twice: {twice[:5]} … {len(twice)} in all")
    elif doubles is not True:
        again = sent_again(collector)
        true(len(again) <= doubles, f"sent again: requests {again}, where "
             f"{doubles} may have been without an answer")
    for journal, r in completeness.check([collector.out]).items():
        for key in ("missing", "holes", "uncovered"):
            true(not r[key].pairs, f"{key} in {journal}: {r[key]}")
        true(not r["differ"], f"doubled but not the same: {r['differ']}")
        true(not r["counts"], f"manifests: {r['counts']}")


def arrived(collector, names):
    wanted = set(names)
    wait_for(lambda: wanted <= set(collector.uids()),
             lambda: f"{len(names)} records, have "
                     f"{len(set(collector.uids()) & wanted)}")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]
