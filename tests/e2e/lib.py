# SPDX-License-Identifier: Apache-2.0
"""What the end-to-end tests share: TAP, waiting, a directory of one's own,
and a real picket to look at.

Three ideas keep these tests true on a machine that does other things too:

  - A test looks only at processes that it started, and knows them by the
    path of an executable that exists only in its own directory.
  - Nobody sleeps for a while and hopes. What has to come is waited for as a
    condition; what must not come is shown absent behind a marker: one ring
    and one journal keep the order, so once an exec that was made afterwards
    stands in the journal, everything made before it does too.
  - Whatever was started or mounted is undone by the same `with`.
"""
import contextlib
import fnmatch
import json
import os
import pathlib
import pty
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback

import record

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("PICKET_BUILD")
                     or os.environ.get("BUILD") or ROOT / "build").resolve()
PICKET = BUILD / "picket"
SHIP = BUILD / "picket-ship"
ACTORS = BUILD / "tests"
POLICY = ROOT / "packaging" / "policy.d"

# Long enough for a loaded machine under a sanitizer, and never waited out
# unless the test fails.
PATIENCE = float(os.environ.get("PICKET_PATIENCE", "60"))


# ---- TAP --------------------------------------------------------------------

class Failure(Exception):
    """An expectation that did not hold; its text is the diagnosis."""


class Missing(Exception):
    """The machine lacks an ability: (name as in tests/may_skip, why)."""


_tests = []


def test(fn):
    """Register a test: its name says the behaviour, in order of the file."""
    _tests.append(fn)
    return fn


def _diagnose(text):
    for line in str(text).splitlines():
        print("# " + line)


def _run_one(number, fn, args):
    name = fn.__name__
    began = time.monotonic()
    try:
        fn(*args)
    except Missing as lack:
        ability, why = lack.args
        print(f"ok {number} - {name} # SKIP {ability}: {why}")
        return True
    except Failure as failure:
        print(f"not ok {number} - {name}")
        _diagnose(failure)
        where = traceback.extract_tb(failure.__traceback__)
        own = [f for f in where if not f.filename.endswith("lib.py")]
        for frame in own[-2:]:
            _diagnose(f"at {frame.filename}:{frame.lineno}: {frame.line}")
        return False
    except Exception:
        print(f"not ok {number} - {name}")
        _diagnose(traceback.format_exc())
        return False
    print(f"ok {number} - {name}")
    _diagnose(f"{time.monotonic() - began:.1f} s")
    return True


def main(setup=None):
    """Run the registered tests; setup is a context whose value they get.

    Arguments on the command line pick tests by name, PICKET_TEST_FILTER in
    the environment by globs.
    """
    sys.stdout.reconfigure(line_buffering=True, errors="backslashreplace")
    # A runner that gives up asks with SIGTERM: leave through the cleaning up.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    patterns = os.environ.get("PICKET_TEST_FILTER", "").split() or ["*"]
    wanted = [t for t in _tests
              if any(fnmatch.fnmatchcase(t.__name__, p) for p in patterns)
              and (len(sys.argv) == 1 or t.__name__ in sys.argv[1:])]
    print(f"1..{len(wanted)}")
    good = True
    try:
        with contextlib.ExitStack() as stack:
            args = [stack.enter_context(setup())] if setup else []
            for number, fn in enumerate(wanted, 1):
                good = _run_one(number, fn, args) and good
    except Missing as lack:
        ability, why = lack.args
        for number, fn in enumerate(wanted, 1):
            print(f"ok {number} - {fn.__name__} # SKIP {ability}: {why}")
    except Exception:
        # Without its setup nothing could run: say so once, and fail.
        print("Bail out! the tests could not be set up")
        _diagnose(traceback.format_exc())
        good = False
    sys.exit(0 if good else 1)


def equal(got, want, what):
    if got != want:
        raise Failure(f"{what}:\n  got      {got!r}\n  expected {want!r}")


def true(condition, what):
    if not condition:
        raise Failure(what)


def contains(text, part, what):
    if part not in text:
        raise Failure(f"{what}: {part!r} is not in\n{text}")


# ---- waiting ----------------------------------------------------------------

def wait_for(condition, what, timeout=None, every=0.02):
    """The first truthy value of condition(); what may be a callable."""
    deadline = time.monotonic() + (timeout or PATIENCE)
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            text = what() if callable(what) else what
            raise Failure(f"waited {timeout or PATIENCE:.0f} s for {text}")
        time.sleep(every)


# ---- a directory and actors of one's own ------------------------------------

@contextlib.contextmanager
def workdir(name):
    """A directory that every user may enter, gone afterwards."""
    sweep()
    path = pathlib.Path(tempfile.mkdtemp(
        prefix=f"picket-e2e-{name}-{os.getpid()}-"))
    path.chmod(0o755)
    try:
        yield path
    finally:
        remove_tree(path)


def sweep():
    """What tests left that were killed: the name says whose it was."""
    for path in pathlib.Path(tempfile.gettempdir()).glob("picket-e2e-*-*-*"):
        pid = path.name.split("-")[-2]
        if not pid.isdigit() or os.path.exists(f"/proc/{pid}"):
            continue
        with open("/proc/self/mounts", encoding="utf-8",
                  errors="replace") as mounts:
            below = [line.split()[1] for line in mounts
                     if line.split()[1].startswith(f"{path}/")]
        for mount in reversed(below):
            subprocess.run(["umount", "-l", mount], check=False)
        remove_tree(path)


def remove_tree(path):
    """rm -rf that also manages names longer than PATH_MAX."""
    # A guest's busybox knows no such option.
    within = [] if "PICKET_GUEST" in os.environ else ["--one-file-system"]
    subprocess.run(["rm", "-rf", *within, "--", str(path)], check=False)


def actor(name, directory, called=None):
    """A copy of one of the small programs, under a path nobody else has."""
    source = ACTORS / name
    if not source.exists():
        raise Failure(f"{source} is not built")
    target = pathlib.Path(directory) / (called or name)
    shutil.copy(source, target)
    target.chmod(0o755)
    return target


def run(argv, **kw):
    """A process to its end; output is captured as bytes."""
    kw.setdefault("stdin", subprocess.DEVNULL)
    kw.setdefault("timeout", PATIENCE * 2)
    if "stdout" not in kw and "stderr" not in kw:
        kw["capture_output"] = True
    return subprocess.run([os.fspath(a) if isinstance(a, os.PathLike) else a
                           for a in argv], **kw)


def run_on_terminal(argv):
    """Run it with a terminal for stderr: its exit code, its output, and what
    the terminal was sent."""
    master, slave = pty.openpty()
    p = subprocess.Popen(argv, stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=slave)
    os.close(slave)
    out, shown = p.communicate()[0], b""
    with contextlib.suppress(OSError):
        while some := os.read(master, 65536):
            shown += some
    os.close(master)
    return p.returncode, out, shown


def act(argv, code=0, **kw):
    """Run an actor and return (pid, stdout); it must exit with `code`."""
    kw.setdefault("stdin", subprocess.DEVNULL)
    kw.setdefault("stdout", subprocess.PIPE)
    kw.setdefault("stderr", subprocess.PIPE)
    p = subprocess.Popen(argv, **kw)
    try:
        out, err = p.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        p.kill()
        p.communicate()
        raise Failure(f"{argv!r} did not end")
    if p.returncode != code:
        raise Failure(f"{argv!r} exited with {p.returncode}: {err!r}")
    return p.pid, out


def need_root():
    if os.geteuid() != 0:
        raise Missing("root", "tracing the kernel needs root")


# ---- picket -----------------------------------------------------------------

def dump_ini(sections):
    lines = []
    for section, keys in sections.items():
        lines.append(f"[{section}]")
        lines += [f"{key} = {value}" for key, value in keys.items()]
    return "\n".join(lines) + "\n"


def forced():
    """What PICKET_TEST_BACKEND asks for ('connect=lsm write=fentry'), as the
    [sensor] section says it."""
    words = os.environ.get("PICKET_TEST_BACKEND", "").replace(",", " ").split()
    return dict(word.split("=", 1) for word in words)


def is_frozen(pid):
    """Has each thread of it stopped?"""
    stats = pathlib.Path(f"/proc/{pid}/task").glob("*/stat")
    return {p.read_text().rpartition(")")[2].split()[0] for p in stats} \
        == {"T"}


class Agent:
    """`picket run` with a configuration, policy and journal of its own."""

    def __init__(self, directory, policy="", name="agent", **sections):
        self.dir = pathlib.Path(directory) / name
        self.dir.mkdir(mode=0o755, exist_ok=True)
        self.journal = self.dir / "journal"
        self.state = self.dir / "ship"
        self.config = self.dir / "agent.ini"
        self.policy = self.dir / "policy.d"
        self.log = self.dir / "log"
        self.process = None
        self.watches = False    # it answered once
        self.program = PICKET
        self.tails = []
        if callable(policy):
            policy = policy(self.dir.parent)
        if isinstance(policy, os.PathLike):
            shutil.copytree(policy, self.policy)
        else:
            self.policy.mkdir(exist_ok=True)
            (self.policy / "50-test.ini").write_text(policy)
        settings = {
            "sensor": {"pin_dir": "", **forced()},
            # Nothing that tests make is of a package.
            "rules": {"dir": self.policy, "unlisted_exec": "record"},
            "redact": {"key_file": self.dir / "redact.key"},
            "journal": {"dir": self.journal, "sync_interval": "50ms"},
            "collector": {"state_dir": self.state},
        }
        for section, keys in sections.items():
            settings.setdefault(section, {}).update(keys)
        self.config.write_text(dump_ini(settings))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for tail in self.tails:
            tail.close()
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def spawn(self, *extra, prefix=(), **kw):
        """Start it and wait for nothing."""
        self.watches = False
        with open(self.log, "ab") as log:
            kw.setdefault("stdout", log)
            kw.setdefault("stderr", log)
            self.process = subprocess.Popen(
                [*prefix, self.program, "run", "--config", self.config, *extra],
                stdin=subprocess.DEVNULL, **kw)
        return self.process

    def start(self, *extra, **kw):
        """Start it and wait until it watches."""
        need_root()
        self.spawn(*extra, **kw)
        self.wait_watching()
        return self

    def wait_watching(self):
        wait_for(self._answers_or_dead, lambda: "picket to watch; its log:\n"
                 + self.log_text())
        if self.process.poll() is not None:
            raise Failure(f"picket ended with {self.process.returncode}:\n"
                          + self.log_text())
        self.watches = True

    def _answers_or_dead(self):
        return self._ask() or self.process.poll() is not None

    def status(self):
        """The answer of `picket status`; None before it watches and after its
        end. On a busy machine one that is late is waited for."""
        answer = self._ask()
        if not answer and self.watches:
            answer = wait_for(self._answers_or_dead, lambda: "an answer of "
                              "picket; its log:\n" + self.log_text())
        return answer if isinstance(answer, dict) else None

    def _ask(self):
        p = run([PICKET, "status", "--journal", self.journal, "--json"])
        if p.returncode != 0:
            return None
        status = json.loads(p.stdout)
        if status.get("running") and status["pid"] == self.process.pid:
            return status
        return None

    def child(self, name):
        """The pid of its child of that name; 0: it has none."""
        for entry in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                stat = pathlib.Path(f"/proc/{entry}/stat").read_text()
                start, rest = stat.rsplit(")", 1)
                if (int(rest.split()[1]) == self.process.pid
                        and start.endswith(f"({name}")):
                    return int(entry)
        return 0

    def log_text(self):
        return self.log.read_text(errors="replace")

    def freeze(self):
        """SIGSTOP, until each of its threads has stopped."""
        self.process.send_signal(signal.SIGSTOP)
        wait_for(lambda: is_frozen(self.process.pid), "picket to be stopped")

    def stop(self, signum=signal.SIGINT):
        """End it; the exit code."""
        self.process.send_signal(signum)
        try:
            return self.process.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            raise Failure(f"picket did not end on signal {signum}:\n"
                          + self.log_text())

    def tail(self, *extra, shape=None):
        """A follower of the journal from its beginning."""
        tail = Tail(self.journal, *extra, shape=shape)
        self.tails.append(tail)
        return tail

    def read(self, *extra):
        """All records that the journal holds now."""
        p = run([PICKET, "tail", "--journal", self.journal, "--json",
                 "--from", "oldest", "--no-follow", *extra])
        if p.returncode != 0:
            raise Failure(f"picket tail exited with {p.returncode}: "
                          f"{p.stderr.decode(errors='replace')}")
        return [json.loads(line) for line in p.stdout.splitlines()]

    def facts(self, what):
        """The facts of each event of picket's own that is of this kind."""
        return [r["agent"]["facts"] for r in self.read("--kind", "agent")
                if r["agent"]["what"] == what]


class Tail:
    """`picket tail --json`, read by a thread as it comes.

    shape makes of a record what is kept of it; None is not kept.
    """

    def __init__(self, journal, *extra, shape=None):
        self.records = []
        self.shape = shape
        self.bad = None
        self.process = subprocess.Popen(
            [PICKET, "tail", "--journal", journal, "--json",
             "--from", "oldest", *extra],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        for line in self.process.stdout:
            try:
                r = json.loads(line)
            except ValueError as error:
                self.bad = f"not JSON ({error}): {line!r}"
                continue
            kept = self.shape(r) if self.shape else r
            if kept is not None:
                self.records.append(kept)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.thread.join(PATIENCE)
        self.process.stdout.close()
        self.process.stderr.close()

    def find(self, condition):
        if self.bad:
            raise Failure(self.bad)
        return [r for r in list(self.records) if condition(r)]

    def wait(self, condition, what, count=1):
        """At least `count` records for which condition holds."""
        def enough():
            found = self.find(condition)
            return found if len(found) >= count else None
        return wait_for(enough, lambda: f"{count} of {what}, have "
                        f"{len(self.find(condition))}")


class Scene:
    """A directory, a picket that watches, a follower and a marker."""

    def __init__(self, directory, agent):
        self.dir = directory
        self.agent = agent
        self.tail = agent.tail()
        self._marks = 0
        self._lost = 0          # exits, as last looked at
        self._tiny = actor("act_tiny", directory, "marker")

    def settle(self):
        """Until all that was done before this call stands in the journal."""
        while not self._marked():
            pass

    def _marked(self):
        """Has a marker come through? Not if it was lost, and that counted: on
        a busy machine others' floods take the room."""
        self._marks += 1
        mark = self.dir / f"marker-{self._marks}"
        os.link(self._tiny, mark)
        pid, _ = act([mark], code=1)

        def arrived():
            return self.tail.find(lambda r: r.get("kind") == "exit"
                                  and record.pid(r) == pid
                                  and record.exe(r) == os.fsencode(mark))
        try:
            wait_for(arrived, "", timeout=PATIENCE / 4)
        except Failure:
            lost = self.agent.status()["families"]["exit"]["lost"]
            if lost > self._lost:
                self._lost = lost
                return False
            wait_for(arrived, lambda: f"the exit of {mark}, of those lost "
                     f"{self.agent.status()['families']['exit']}")
        return True

    def events(self, kind, condition=lambda r: True):
        """Events of one kind, after everything done so far has arrived."""
        self.settle()
        return self.tail.find(lambda r: r.get("kind") == kind
                              and condition(r))

    def one(self, kind, condition, what):
        found = self.events(kind, condition)
        if len(found) != 1:
            raise Failure(f"{what}: {len(found)} events instead of one:\n"
                          + "\n".join(json.dumps(r) for r in found))
        return found[0]


@contextlib.contextmanager
def scene(name, policy="", **sections):
    need_root()
    with workdir(name) as directory:
        with Agent(directory, policy, **sections) as agent:
            agent.start()
            yield Scene(directory, agent)
