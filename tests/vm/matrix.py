#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The tests of the kernel side, and the agent, on each supported kernel.

Each is booted once (machine.py); in it tests/vm/guest.sh runs a plan. Short, as
in `make test`: what the sensor chooses, which must be as tests/vm/chosen has it,
and tests/vm/witnesses; and on 5.10 every backend that the sensor's table has,
forced.
With PICKET_TEST_LONG: every test program of tests/bpf under each backend forced
in turn, and the agent's end-to-end tests the same way.

Speaks TAP; the table of what was seen where is printed too, and is in
build/vm/matrix.txt. Environment: BUILD, PICKET_VM_KERNELS ("5.10 arm64-6.1"),
PICKET_VM_CACHE (where kernels are kept), PICKET_VM_JOBS (boots at a time),
PICKET_VM_TESTS ("test_sense_write* test_exec.py": of the long plan these, beside
what each backend tells; all of it takes some hours a kernel).
"""
import concurrent.futures
import fnmatch
import os
import re
import shutil
import subprocess
import sys

import choices
import table
from machine import BUILD, LONG, Run, rows_of, test_kernel

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
TESTS = os.environ.get("PICKET_VM_TESTS", "*").split()
# Forcing every backend takes minutes: in short only where the verifier takes
# least, and elsewhere what the sensor chooses.
STRICTEST = "5.10"


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


def is_asked_for(row):
    return any(fnmatch.fnmatchcase(os.path.basename(row[0]), t) for t in TESTS)


def plan_of(machine):
    """[(program, force, pattern)]"""
    everything = LONG or machine.name == STRICTEST
    first = (BACKENDS, "-", "-" if everything else "choice_*")
    plan = []
    if LONG:
        programs = sorted((machine.build / "tests/bpf").glob("test_sense_*"))
        plan += [(locate(p.name), "*", "-") for p in programs
                 if p.suffix != ".d" and p.name != "test_sense_backends"]
    elif not machine.foreign:
        plan += witnesses()
    # There is no Python for another architecture.
    if LONG and not machine.foreign:
        plan.append((NEWEST, "-", "-"))
        plan += [(f"tests/e2e/test_{name}.py", "*", globs)
                 for name, globs in AGENT_TESTS.items()]
    return [first, *filter(is_asked_for, plan)] if LONG else [first, *plan]


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


def fallen(runs):
    """{(family, hook): why something better does not serve it}"""
    found = {}
    for run in runs:
        for line in run.lines:
            if run.program == BACKENDS and line.startswith("# fell "):
                family, rest = line.removeprefix("# fell ").split(" ", 1)
                hook, _, why = rest.partition("\t")
                found[family, hook] = why
    return found


def check_choice(tap, where, column, hooks, runs):
    wrong = choices.compare(column, hooks, fallen(runs))
    tap.tell(not wrong, f"{where} chooses as tests/vm/chosen has it", "",
             wrong)


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
    if hooks:
        check_choice(tap, kernel, kernel, hooks, runs)
    return cells, hooks


def this_machine(tap):
    """The cells of the kernel that runs here, where we may ask it. What it
    should choose is known where it has tracepoints alone."""
    if os.geteuid() != 0:
        return None
    p = subprocess.run([BUILD / BACKENDS.removeprefix("build/")],
                       capture_output=True, text=True, timeout=300)
    run = Run(BACKENDS, "-", "-")
    run.lines = p.stdout.splitlines()
    cells, hooks = cells_of([run])
    if choices.is_bare(cells):
        check_choice(tap, "this machine", choices.BARE, hooks, [run])
    return cells, hooks


def main():
    sys.stdout.reconfigure(line_buffering=True, errors="backslashreplace")
    if not shutil.which("apt-get"):
        print("ok 1 - kernels_from_debian # SKIP apt is not here\n1..1")
        return 0
    (BUILD / "vm").mkdir(parents=True, exist_ok=True)
    tap, columns = Tap(), {}
    jobs = int(os.environ.get("PICKET_VM_JOBS", 0)) or os.cpu_count() or 1
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        waiting = [pool.submit(test_kernel, k, plan_of) for k in KERNELS]
        for kernel, done in zip(KERNELS, waiting):
            runs, wrong, seconds = done.result()
            columns[kernel] = report(tap, kernel, runs, wrong)
            print(f"# {kernel}: {seconds:.0f} s: " + ", ".join(
                f"{r.name} {r.force} {r.seconds}" for r in runs))
    here = this_machine(tap)
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
