# SPDX-License-Identifier: Apache-2.0
"""What is measured against nothing: picket, auditd, an empty program.

A system is a context: watching while inside, gone without a trace after. It
says which processes are its own, so that their time can be counted.
"""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BUILD") or ROOT / "build").resolve()
PATIENCE = 60


class Unavailable(Exception):
    """This machine cannot run it; the text says why."""


def wait_for(condition, what):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"waited {PATIENCE} s for {what}")
        time.sleep(0.02)


class Bare:
    """Nobody watches."""
    name = "bare"

    def __init__(self, directory):
        self.dir = pathlib.Path(directory)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def processes(self):
        return []

    def figures(self):
        """What it counts itself, by name; only differences mean something."""
        return {}

    def memory(self):
        """Resident KiB: (anonymous, all); None where nothing runs."""
        pids = self.processes()
        if not pids:
            return None
        rollup = pathlib.Path(f"/proc/{pids[0]}/smaps_rollup").read_text()
        return tuple(int(re.search(rf"^{key}: *(\d+)", rollup, re.M)[1])
                     for key in ("Anonymous", "Rss"))


class Empty(Bare):
    """A program at each system call's end that does nothing."""
    name = "empty"

    def __enter__(self):
        self.process = subprocess.Popen(
            [BUILD / "tests/bench/empty"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE)
        if self.process.stdout.readline() != b"ready\n":
            self.process.wait()
            raise Unavailable("no program can be attached to sys_exit")
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class Picket(Bare):
    """As shipped: everything on, but for where it keeps its things."""
    name = "picket"

    def __init__(self, directory, policy=ROOT / "packaging/policy.d", keys=()):
        """keys: more of the configuration, (section, "key = value")."""
        super().__init__(directory)
        self.policy, self.keys = policy, keys

    def __enter__(self):
        base = self.dir / "picket"
        shutil.rmtree(base, ignore_errors=True)
        base.mkdir()
        self.journal = base / "journal"
        self.pins = pathlib.Path(f"/sys/fs/bpf/picket-bench-{os.getpid()}")
        shipped = (ROOT / "packaging/agent.ini").read_text()
        self.config = base / "agent.ini"
        text = shipped.replace("pin_dir = /sys/fs/bpf/picket",
                               f"pin_dir = {self.pins}")
        for section, line in self.keys:
            key = line.partition(" =")[0]
            text = re.sub(rf"^{key} =.*\n", "", text, flags=re.M)
            text = text.replace(f"\n[{section}]\n", f"\n[{section}]\n{line}\n")
        self.config.write_text(text)
        self.log = open(base / "log", "wb")
        self.process = subprocess.Popen(
            [BUILD / "picket", "run", "--config", self.config,
             "--policy", self.policy, "--journal", self.journal],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        wait_for(lambda: self.process.poll() is not None or self.status(),
                 "picket to watch")
        if self.process.poll() is not None:
            raise Unavailable((base / "log").read_text())
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        self.log.close()
        if self.pins.exists():
            self.pins.rmdir()

    def processes(self):
        return [self.process.pid]

    def status(self):
        p = subprocess.run([BUILD / "picket", "status", "--journal",
                            self.journal, "--json"], capture_output=True)
        status = json.loads(p.stdout) if p.returncode == 0 else {}
        return status if status.get("pid") == self.process.pid else None

    def figures(self):
        status = self.status()
        families = status["families"].values()
        return {
            "made": sum(f["made"] for f in families),
            "received": sum(f["received"] for f in families),
            "lost": sum(f["lost"] for f in families),
            "kept": status["journal"]["appended"],
            "bytes": status["journal"]["bytes"],
        }

    def backends(self):
        """Which backend serves each family's events, in words."""
        serving = {}
        for row in self.status()["coverage"]:
            if row["active"]:
                serving.setdefault(row["family"], set()).add(row["backend"])
        return ", ".join(f"{family} {'/'.join(sorted(which))}"
                         for family, which in sorted(serving.items()))


# Every exec, connection and change of a file or a name, as picket tells them.
CHANGES = ("creat truncate ftruncate unlink unlinkat rename renameat renameat2 "
           "link linkat symlink symlinkat mkdir mkdirat rmdir mknod mknodat "
           "chmod fchmod fchmodat chown fchown fchownat lchown setxattr "
           "lsetxattr fsetxattr removexattr lremovexattr fremovexattr")
RULES = [["-S", "execve,execveat"], ["-S", "connect"],
         ["-S", "open", "-F", "a1&3"], ["-S", "openat", "-F", "a2&3"],
         ["-S", "openat2"], ["-S", CHANGES.replace(" ", ",")],
         ["-S", "listen"], ["-S", "init_module,finit_module,bpf,ptrace"]]
AUDITD_CONF = """log_file = {log}
log_format = RAW
log_group = root
flush = INCREMENTAL_ASYNC
freq = 50
num_logs = 2
max_log_file = 512
max_log_file_action = ROTATE
name_format = NONE
space_left = 1
space_left_action = IGNORE
admin_space_left = 0
admin_space_left_action = IGNORE
disk_full_action = IGNORE
disk_error_action = IGNORE
"""
# Without it each process made since auditing was first on pays for it: between
# two systems of a bench, which takes it away at its end.
NOBODY = ["-a", "task,never"]


def auditctl(*words):
    p = subprocess.run(["auditctl", *words], capture_output=True, text=True)
    if p.returncode:
        raise Unavailable(f"auditctl {' '.join(words)}: {p.stderr.strip()}")
    return p.stdout


class Auditd(Bare):
    """Debian's auditd with rules that say what picket says."""
    name = "auditd"

    @staticmethod
    def why_not():
        """Why it cannot be measured here; None: it can."""
        if not shutil.which("auditd") or not shutil.which("auditctl"):
            return "auditd is not installed (apt-get install auditd)"
        try:
            if "pid 0" not in auditctl("-s"):
                return "an audit daemon runs already"
            # What an earlier bench left because of NOBODY is no rule.
            if auditctl("-l").strip() not in ("No rules",
                                              "-a never,task"):
                return "there are audit rules already"
        except Unavailable as error:
            return f"the kernel has no auditing for us: {error}"
        return None

    def __enter__(self):
        base = self.dir / "auditd"
        shutil.rmtree(base, ignore_errors=True)
        (base / "conf/plugins.d").mkdir(parents=True)
        self.out = base / "audit.log"
        conf = base / "conf/auditd.conf"
        conf.write_text(AUDITD_CONF.format(log=self.out))
        for path in (base, base / "conf", conf):
            path.chmod(0o750 if path.is_dir() else 0o640)
        self.backlog = re.search(r"^backlog_limit (\d+)", auditctl("-s"),
                                 re.M)[1]
        self.process = subprocess.Popen(
            ["auditd", "-n", "-c", base / "conf"], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            wait_for(lambda: self.process.poll() is not None
                     or f"pid {self.process.pid}" in auditctl("-s"),
                     "auditd to take over")
            if self.process.poll() is not None:
                raise Unavailable(self.process.stderr.read().decode())
            auditctl("-D")
            auditctl("-b", "65536")
            for rule in RULES:
                for arch in ("b64", "b32"):
                    self._add(arch, rule)
        except Exception:
            self.__exit__()
            raise
        return self

    @staticmethod
    def _add(arch, rule):
        words = ["-a", "always,exit", "-F", f"arch={arch}", *rule]
        try:
            auditctl(*words)
        except Unavailable:
            # Calls that the other number set lacks.
            if arch == "b64":
                raise

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.process.stderr.close()
        auditctl("-D")
        auditctl("-b", self.backlog)
        auditctl(*NOBODY)
        auditctl("-e", "0")

    @staticmethod
    def found():
        """What auditing was before: rules, and the settings that change."""
        status = auditctl("-s")
        return {"rules": auditctl("-l").split("\n"),
                "-b": re.search(r"^backlog_limit (\d+)", status, re.M)[1],
                "-e": re.search(r"^enabled (\d+)", status, re.M)[1]}

    @staticmethod
    def restore(found):
        """At the very end: all that was added is gone, NOBODY with it."""
        auditctl("-D")
        for rule in found["rules"]:
            if rule.startswith("-"):
                auditctl(*rule.split())
        for option in ("-b", "-e"):
            auditctl(option, found[option])
        now = Auditd.found()
        if now != found:
            raise RuntimeError(f"auditing was {found}, and is {now}")

    def processes(self):
        return [self.process.pid]

    def figures(self):
        lost = int(re.search(r"^lost (\d+)", auditctl("-s"), re.M)[1])
        text = self.out.read_bytes() if self.out.exists() else b""
        events = len(re.findall(rb"^type=SYSCALL", text, re.M))
        return {"made": events + lost, "received": events, "lost": lost,
                "kept": events, "bytes": len(text)}


ALL = {s.name: s for s in (Bare, Picket, Auditd, Empty)}
