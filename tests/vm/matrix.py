#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The tests of the kernel side, and the agent, on each supported kernel.

One boot a kernel; in it tests/vm/guest.sh runs a plan. Short, as in `make
test`: what the sensor chooses and tests/vm/witnesses, and on 5.10 every backend
that the sensor's table has, forced.
With PICKET_TEST_LONG: every test program of tests/bpf under each backend forced
in turn, and the agent's end-to-end tests the same way.

Speaks TAP; the table of what was seen where is printed too, and is in
build/vm/matrix.txt. Environment: BUILD, PICKET_VM_KERNELS ("5.10 arm64-6.1"),
PICKET_VM_CACHE (where kernels are kept), PICKET_VM_JOBS (boots at a time).
"""
import compileall
import concurrent.futures
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

import table

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = pathlib.Path(os.environ.get("BUILD", ROOT / "build")).resolve()
CACHE = pathlib.Path(os.environ.get("PICKET_VM_CACHE", BUILD / "vm"))
LONG = bool(os.environ.get("PICKET_TEST_LONG"))
KERNELS = os.environ.get("PICKET_VM_KERNELS", "").split() or (
    ["5.10", "6.1", "6.12"] +
    ([f"arm64-{k}" for k in ("5.10", "6.1", "6.12")] if LONG
     else ["arm64-6.1"]))

BACKENDS = "build/tests/bpf/test_sense_backends"
# The same, its programs for the kernel made by the newest clang there is.
NEWEST = "build/newest-clang/tests/bpf/test_sense_backends"
# Of the agent's tests those on which a kernel has a say, by globs; the rest is the
# same on every kernel, and each start of an agent takes a guest a minute or two,
# nearly all of it in the verifier.
AGENT_TESTS = {
    "exec": "-", "connect": "-", "write": "-", "listen": "-", "load": "-",
    "namespace": "-",
    "start": "as_root_without_* where_a_seccomp_* without_btf_* "
             "a_backend_that_* after_a_kill_*",
    "rules": "what_* deny_* an_* destination_* arguments_* a_user_* "
             "a_reload_*",
    "tail": "it_follows_* from_* no_follow_* kinds_* records_* since_* "
            "lines_* alerts_* a_line_* hostile_* output_*",
    "restart": "killed_* stopped_* ended_while_its_programs_* without_a_bpf_* "
               "pins_* hooks_*",
}
# Forcing every backend takes minutes: in short only where the verifier takes
# least, and elsewhere what the sensor chooses.
STRICTEST = "5.10"
# What a guest may take: a run, and the whole.
RUN_SECONDS = 1800 if LONG else 600
BOOT_SECONDS = 7200 if LONG else 1500

OK = re.compile(r"^(not )?ok\b\s*\d*\s*(?:- ?)?([^#]*)(?:#\s*(.*))?$")
PLANNED = re.compile(r"^1\.\.(\d+)$")
# QEMU 7.2 runs each processor of a guest in a thread of its own, and its order of
# one's stores to code and another's fetches is looser than the hardware's: a
# kernel that patches a function while the other processor calls it runs into what
# is no longer there. Seen without picket too: with tracefs' kprobes coming and
# going under two writers 5.10, 6.1 and 6.12 all crash within a second, and with
# one thread for both processors none has. So a guest whose kernel fell over
# is booted again that way, where only what is the kernel's or ours happens again.
FELL_OVER = re.compile(
    r"(Oops|BUG: |Kernel panic|soft lockup|general protection fault).*")
IN_ORDER = "-accel tcg,thread=single"


class Run:
    """What one program printed in the guest."""

    def __init__(self, program, force, pattern):
        self.force = "" if force == "-" else force
        self.pattern = "" if pattern == "-" else pattern
        self.program = program
        self.name = pathlib.PurePath(program).stem
        if program == NEWEST:
            self.name += "_newest_clang"
        self.lines = []
        self.status = None
        self.seconds = 0

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
        if self.status is None:
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


def locate(program):
    if program.endswith(".py"):
        return "tests/e2e/" + program
    return "build/tests/bpf/" + program


def witnesses():
    """Rows of one program and load are one run: loading is what takes long."""
    runs = {}
    for _, program, force, *patterns in rows_of("witnesses"):
        runs.setdefault((locate(program), force), []).extend(patterns)
    return [(program, force, " ".join(patterns))
            for (program, force), patterns in runs.items()]


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

    def plan(self):
        """[(program, force, pattern)]"""
        everything = LONG or self.name == STRICTEST
        plan = [(BACKENDS, "-", "-" if everything else "choice_*")]
        if LONG:
            programs = sorted((self.build / "tests/bpf").glob("test_sense_*"))
            plan += [(locate(p.name), "*", "-") for p in programs
                     if p.suffix != ".d" and p.name != "test_sense_backends"]
        elif not self.foreign:
            plan += witnesses()
        # There is no Python for another architecture.
        if LONG and not self.foreign:
            plan.append((NEWEST, "-", "-"))
            plan += [(f"tests/e2e/test_{name}.py", "*", globs)
                     for name, globs in AGENT_TESTS.items()]
        return plan


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
              for name in ("plan", "env", "may_lack")]
    return [f"{source}:{path}" for source, path in files]


def write_guest(machine, plan):
    work = machine.work
    work.mkdir(parents=True, exist_ok=True)
    (work / "may_lack").write_text(
        "".join(" ".join(row) + "\n" for kernel, *row in rows_of("may_lack")
                if fnmatch.fnmatchcase(machine.name, kernel)),
        encoding="utf-8")
    (work / "plan").write_text(
        "".join(" ".join(row) + "\n" for row in plan), encoding="utf-8")
    settings = {"BUILD": "/picket/build", "SRC": "/picket",
                "CMOCKA_MESSAGE_OUTPUT": "TAP", "PICKET_PATIENCE": "300",
                "PICKET_TEST_EMULATED": "1",
                "PICKET_TEST_MAY_LACK": "/picket/may_lack",
                "RUN_SECONDS": str(RUN_SECONDS),
                "PYTHONDONTWRITEBYTECODE": "1"}
    (work / "env").write_text(
        "".join(f"export {k}={v}\n" for k, v in settings.items()),
        encoding="utf-8")


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
    """(how it ended, what the guest said)"""
    with open(log, "wb") as out:
        booted = subprocess.run(
            [HERE / "boot", machine.kernel, machine.work, HERE / "guest.sh",
             *guest_files(machine, plan)], env=machine.environ, stdout=out,
            stderr=subprocess.PIPE, text=True, errors="replace")
    return booted, log.read_text(encoding="utf-8", errors="backslashreplace")


def test_kernel(name):
    """Boot it: (runs, what went wrong, seconds)."""
    machine = Machine(name)
    began = time.monotonic()
    fetched = subprocess.run(
        [HERE / "fetch-kernel", machine.version, machine.kernel],
        capture_output=True, text=True, env=machine.environ)
    if fetched.returncode:
        return [], fetched.stderr.strip(), 0
    plan = machine.plan()
    write_guest(machine, plan)
    log = BUILD / "vm" / f"{name}.log"
    booted, text = boot(machine, plan, log)
    fell = FELL_OVER.search(text) or FELL_OVER.search(booted.stderr)
    if fell:
        print(f"# {name}: {fell.group(0)}: booted again, its processors in turn")
        machine.environ["PICKET_VM_QEMU"] = " ".join(
            [machine.environ.get("PICKET_VM_QEMU", ""), IN_ORDER]).strip()
        booted, text = boot(machine, plan, log)
    runs = parse(text)
    wrong = booted.stderr.strip()
    if booted.returncode and not wrong:
        wrong = f"the guest's script ended with {booted.returncode}"
    return runs, wrong, time.monotonic() - began


def cells_of(runs, program=BACKENDS):
    """What that program said: {(family, backend): (seen|part|no, why)} and
    [hook lines]"""
    cells, hooks = {}, []
    lines = [line for run in runs if run.program == program
             for line in run.lines]
    for line in lines:
        words = line.split(None, 5)
        if line.startswith("# cell ") and len(words) > 4:
            cells[words[2], words[3]] = (
                words[4], words[5] if len(words) > 5 else "")
        elif line.startswith("# hook "):
            hooks.append(line.removeprefix("# hook "))
    return cells, hooks


def excused(where, family, backend, why):
    kernel = where.split()[0]
    for k, f, b, *reason in rows_of("may_lack"):
        if (fnmatch.fnmatchcase(kernel, k) and fnmatch.fnmatchcase(family, f)
                and fnmatch.fnmatchcase(backend, b)
                and re.search(" ".join(reason), why)):
            return True
    return False


class Tap:
    """Numbers what is told, and knows whether all of it was good."""

    def __init__(self):
        self.count, self.good = 0, True

    def tell(self, passed, name, remark="", diagnosis=()):
        self.count += 1
        self.good = self.good and (passed or bool(remark))
        name = name.replace("#", "")
        print(f"{'' if passed else 'not '}ok {self.count} - {name}"
              + (f" # {remark}" if remark else ""))
        for line in diagnosis:
            print("# " + line)


def check_cells(tap, where, cells):
    """What is in the sensor's table must be heard, or excused."""
    for (family, backend), (state, why) in sorted(cells.items()):
        lacks = state == "no" and not excused(where, family, backend, why)
        tap.tell(not lacks, f"{where} {family} by {backend}", "",
                 [why] if lacks else ())


def report(tap, kernel, runs, wrong):
    for run in runs:
        where = f"{kernel} {run.force or 'auto'} {run.name}"
        for passed, name, remark in run.results():
            tap.tell(passed, f"{where}: {name}", remark or "",
                     () if passed or remark else run.lines)
    cells, hooks = cells_of(runs)
    check_cells(tap, kernel, cells)
    newest, _ = cells_of(runs, NEWEST)
    check_cells(tap, f"{kernel} newest-clang", newest)
    tap.tell(not wrong and bool(hooks), f"{kernel} boots and ends",
             "", wrong.splitlines())
    return cells, hooks


def this_machine():
    """The cells of the kernel that runs here, where we may ask it."""
    if os.geteuid() != 0:
        return None
    p = subprocess.run([BUILD / BACKENDS.removeprefix("build/")],
                       capture_output=True, text=True, timeout=300)
    run = Run(BACKENDS, "-", "-")
    run.lines = p.stdout.splitlines()
    return cells_of([run])


def main():
    sys.stdout.reconfigure(line_buffering=True, errors="backslashreplace")
    if not shutil.which("apt-get"):
        print("ok 1 - kernels_from_debian # SKIP apt is not here\n1..1")
        return 0
    (BUILD / "vm").mkdir(parents=True, exist_ok=True)
    tap, columns = Tap(), {}
    jobs = int(os.environ.get("PICKET_VM_JOBS", 0)) or os.cpu_count() or 1
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        waiting = [pool.submit(test_kernel, k) for k in KERNELS]
        for kernel, done in zip(KERNELS, waiting):
            runs, wrong, seconds = done.result()
            columns[kernel] = report(tap, kernel, runs, wrong)
            print(f"# {kernel}: {seconds:.0f} s: " + ", ".join(
                f"{r.name} {r.force} {r.seconds}" for r in runs))
    here = this_machine()
    if here:
        columns[os.uname().release.split("-")[0] + " here"] = here
    print(f"1..{tap.count}")
    text = table.draw(columns)
    (BUILD / "vm" / "matrix.txt").write_text(text, encoding="utf-8")
    for line in text.splitlines():
        print("#> " + line)
    return 0 if tap.good else 1


if __name__ == "__main__":
    sys.exit(main())
