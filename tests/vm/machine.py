# SPDX-License-Identifier: Apache-2.0
"""A kernel under qemu that runs a plan: rows of a program, the backend that is
forced on it and the tests of it that are meant, as tests/vm/guest.sh reads them.

Emulated, the whole plan takes hours, and QEMU may lose a guest in it: what had
ended by then is kept, and the rest runs in another boot.
"""
import collections
import compileall
import fnmatch
import modulefinder
import os
import pathlib
import py_compile
import re
import shutil
import subprocess
import sys
import sysconfig
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = pathlib.Path(os.environ.get("BUILD", ROOT / "build")).resolve()
CACHE = pathlib.Path(os.environ.get("PICKET_VM_CACHE", BUILD / "vm"))
LONG = bool(os.environ.get("PICKET_TEST_LONG"))

# What a guest may take: a run, and a boot.
RUN_SECONDS = 1800 if LONG else 600
BOOT_SECONDS = 7200 if LONG else 1500
# A row that two guests did not survive is given up.
TRIES = 2

OK = re.compile(r"^(not )?ok\b\s*\d*\s*(?:- ?)?([^#]*)(?:#\s*(.*))?$")
PLANNED = re.compile(r"^1\.\.(\d+)$")
# QEMU 7.2 runs each processor of a guest in a thread of its own, and its order of
# one's stores to code and another's fetches is looser than the hardware's: a
# kernel that patches a function while the other processor calls it runs into what
# is no longer there. Seen without picket too: with tracefs' kprobes coming and
# going under two writers 5.10, 6.1 and 6.12 all crash within a second, and with
# one thread for both processors none has. So a guest whose kernel fell over
# is booted again that way, where only what is the kernel's or ours happens
# again; what takes hours, and would meet it, begins so.
FELL_OVER = re.compile(
    r"(Oops|BUG: |Kernel panic|soft lockup|general protection fault).*")
IN_ORDER = "-accel tcg,thread=single"
GUEST_READS = ("plan", "env", "may_lack", "ended", "cells")


class Run:
    """What one program printed in the guest."""

    def __init__(self, program, force, pattern):
        self.force = "" if force == "-" else force
        self.pattern = "" if pattern == "-" else pattern
        self.program = program
        self.name = pathlib.PurePath(program).stem
        if "newest-clang" in program:
            self.name += "_newest_clang"
        self.row = (program, force, pattern)
        self.lines = []
        self.status = None
        self.seconds = 0

    def is_lost(self):
        """The guest, or its kernel, did not survive it."""
        return (self.status is None
                or any(map(FELL_OVER.search, self.lines)))

    def results(self):
        """[(passed, name, remark)], one more for what is wrong as a whole."""
        found, planned = [], 0
        for line in self.lines:
            plan, m = PLANNED.match(line), OK.match(line)
            if plan:
                planned += int(plan.group(1))
            elif m:
                found.append((not m.group(1), m.group(2).strip(), m.group(3)))
        wrong = ""
        if self.is_lost():
            wrong = "the guest died while it ran"
        elif not found:
            wrong = "ran no test"
        elif len(found) != planned:
            wrong = f"planned {planned} tests and ran {len(found)}"
        elif self.status and all(f[0] or f[2] for f in found):
            wrong = f"ended with exit code {self.status}"
        if wrong:
            found.append((False, wrong, ""))
        return found


def rows_of(name):
    """The words of a table in this directory, line by line."""
    for line in (HERE / name).read_text(encoding="utf-8").splitlines():
        words = line.split("#")[0].split()
        if words:
            yield words


class Machine:
    """A kernel to boot, and what is built for it."""

    def __init__(self, name):
        self.name = name
        self.version = name.removeprefix("arm64-")
        self.foreign = name != self.version
        self.build = BUILD / "aarch64-linux-gnu" if self.foreign else BUILD
        self.work = BUILD / "vm" / "guest" / name
        self.kernel = CACHE / name
        self.environ = {**os.environ, "PICKET_VM_SECONDS": str(BOOT_SECONDS)}
        if self.foreign:
            sysroot = CACHE / "sysroot-arm64"
            self.environ |= {"PICKET_VM_ARCH": "arm64",
                             "PICKET_VM_SYSROOT": str(sysroot),
                             "PICKET_VM_BUSYBOX": str(sysroot / "bin/busybox")}
        if LONG:
            self.put_in_order()

    def put_in_order(self):
        """Its processors in turn, from the next boot on."""
        options = self.environ.get("PICKET_VM_QEMU", "")
        if IN_ORDER not in options:
            self.environ["PICKET_VM_QEMU"] = f"{options} {IN_ORDER}".strip()


def python_tree(work, scripts):
    """Of Python's library what these import, compiled: a guest is in memory,
    and its processor slow."""
    stdlib = pathlib.Path(sysconfig.get_path("stdlib"))
    target = work / "python"
    shutil.rmtree(target, ignore_errors=True)
    finder = modulefinder.ModuleFinder([str(ROOT / "tests/e2e"), *sys.path])
    for script in scripts:
        finder.run_script(str(script))
    # What the interpreter itself begins with is in no script.
    for name in ("site", "sysconfig", "encodings.utf_8", "encodings.ascii",
                 "encodings.latin_1", "encodings.aliases",
                 "encodings.unicode_escape"):
        finder.import_hook(name)
    for module in finder.modules.values():
        source = pathlib.Path(module.__file__ or "/")
        if stdlib in source.parents:
            (target / source.relative_to(stdlib)).parent.mkdir(
                parents=True, exist_ok=True)
            shutil.copy2(source, target / source.relative_to(stdlib))
    compileall.compile_dir(
        target, quiet=2,
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    return target


def guest_files(machine, plan):
    """What boot puts where, as its arguments."""
    programs = {p for p, _, _ in plan}
    files = [(machine.build / p.removeprefix("build/"), "/picket/" + p)
             for p in sorted(programs) if p.startswith("build/")]
    scripts = [ROOT / p for p in programs if p.endswith(".py")]
    if scripts:
        version = f"python{sysconfig.get_python_version()}"
        files += [(sys.executable, "/usr/bin/python3"),
                  (python_tree(machine.work, scripts), f"/usr/lib/{version}"),
                  (BUILD / "picket", "/picket/build/picket"),
                  (BUILD / "picket-ship", "/picket/build/picket-ship"),
                  (ROOT / "packaging", "/picket/packaging")]
        files += [(p, f"/picket/build/tests/{p.name}")
                  for pattern in ("act_*", "picket-*")
                  for p in (BUILD / "tests").glob(pattern) if not p.suffix]
        files += [(p, f"/picket/tests/e2e/{p.name}")
                  for p in (ROOT / "tests/e2e").glob("*.py")]
    files += [(machine.work / name, "/picket/" + name)
              for name in GUEST_READS]
    return [f"{source}:{path}" for source, path in files]


def table_file(rows):
    return "".join(" ".join(row) + "\n" for row in rows)


def write_guest(machine, plan, ended=()):
    """What guest.sh reads; `ended`: runs of earlier boots, which it leaves out."""
    machine.work.mkdir(parents=True, exist_ok=True)
    settings = {"BUILD": "/picket/build", "SRC": "/picket",
                "CMOCKA_MESSAGE_OUTPUT": "TAP", "PICKET_PATIENCE": "300",
                "PICKET_TEST_EMULATED": "1",
                "PICKET_TEST_MAY_LACK": "/picket/may_lack",
                "RUN_SECONDS": str(RUN_SECONDS),
                "PYTHONDONTWRITEBYTECODE": "1"}
    lacks = [row for kernel, *row in rows_of("may_lack")
             if fnmatch.fnmatchcase(machine.name, kernel)]
    for name, text in {
            "plan": table_file(plan),
            "may_lack": table_file(lacks),
            "ended": table_file(run.row for run in ended),
            # The first run of every plan says what the others force.
            "cells": "".join(line + "\n" for run in ended
                             if run.row == plan[0] for line in run.lines),
            "env": "".join(f"export {k}={v}\n"
                           for k, v in settings.items())}.items():
        (machine.work / name).write_text(text, encoding="utf-8")


def parse(text):
    runs, run = [], None
    for line in text.splitlines():
        words = line.split()
        if line.startswith("== run ") and len(words) >= 5:
            run = Run(words[2], words[3], " ".join(words[4:]))
            runs.append(run)
        elif line.startswith("== end ") and run and len(words) == 4:
            run.status, run.seconds = int(words[2]), int(words[3])
            run = None
        elif run:
            run.lines.append(line)
    return runs


def boot(machine, plan, log):
    """(what went wrong, what the guest said)"""
    with open(log, "wb") as out:
        booted = subprocess.run(
            [HERE / "boot", machine.kernel, machine.work, HERE / "guest.sh",
             *guest_files(machine, plan)], env=machine.environ, stdout=out,
            stderr=subprocess.PIPE, text=True, errors="replace")
    wrong = booted.stderr.strip()
    if booted.returncode and not wrong:
        wrong = f"the guest's script ended with {booted.returncode}"
    return wrong, log.read_text(encoding="utf-8", errors="backslashreplace")


def run_plan(machine, plan):
    """As many boots as it takes: (runs, what went wrong)."""
    ended, tries, boots = [], collections.Counter(), 0
    while True:
        write_guest(machine, plan, ended)
        boots += 1
        log = BUILD / "vm" / f"{machine.name}{f'-{boots}' * (boots > 1)}.log"
        wrong, text = boot(machine, plan, log)
        runs = parse(text)
        lost = [run for run in runs if run.is_lost()]
        ended += [run for run in runs if not run.is_lost()]
        fell = FELL_OVER.search(text) or FELL_OVER.search(wrong)
        if not (fell or lost):
            return ended, wrong
        tries.update({run.row for run in lost} or {None})
        ended += [run for run in lost if tries[run.row] == TRIES]
        if tries[None] == TRIES:
            return ended, wrong or fell.group(0)
        print(f"# {machine.name}: {fell.group(0) if fell else 'out of time'}"
              f" ({lost[0].program if lost else 'no test'}): booted again")
        if fell:
            machine.put_in_order()


def test_kernel(name, plan_of):
    """Run plan_of(machine) on it: (runs, what went wrong, seconds)."""
    machine = Machine(name)
    began = time.monotonic()
    fetched = subprocess.run(
        [HERE / "fetch-kernel", machine.version, machine.kernel],
        capture_output=True, text=True, env=machine.environ)
    if fetched.returncode:
        return [], fetched.stderr.strip(), 0
    runs, wrong = run_plan(machine, plan_of(machine))
    return runs, wrong, time.monotonic() - began
