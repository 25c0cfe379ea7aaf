#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What watching costs in guest instructions, on other kernels: see README.md.

    vm.py [--kernels 6.1,6.12] [--systems lsm,fentry,…,auditd,empty]
          [--kinds exec,open,…] [--programs]

Under qemu's -icount a guest's clock counts instructions, so that what tasks
ran for is instructions: the same in each run, whatever the host does besides.
"""
import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import systems

VM = systems.ROOT / "tests/vm"
CACHE = pathlib.Path(os.environ.get("PICKET_VM_CACHE")
                     or systems.BUILD / "vm")
KINDS = {"exec": 160, "open": 1600, "create": 1600, "unlink": 1600,
         "reopen": 3200, "connect": 800, "write": 16000, "call": 16000,
         "mix": 16}


def rules():
    for rule in systems.RULES:
        yield " ".join(["-a", "always,exit", "-F", "arch=b64", *rule])


def guest_files(place, programs):
    """What the guest needs, as arguments of boot."""
    conf = (systems.ROOT / "packaging/agent.ini").read_text()
    (place / "agent.ini").write_text(conf)
    (place / "auditd.conf").write_text(
        systems.AUDITD_CONF.format(log="/tmp/audit/audit.log"))
    (place / "rules").write_text("\n".join(rules()) + "\n")
    files = [place / "plan", place / "agent.ini", place / "auditd.conf",
             place / "rules", systems.ROOT / "packaging/policy.d",
             systems.BUILD / "picket", systems.BUILD / "tests/bench/load",
             systems.BUILD / "tests/bench/empty",
             "/bin/true:/bin/true.host"]
    for name in ("auditd", "auditctl"):
        path = shutil.which(name)
        if path:
            files.append(path)
    if programs:
        (place / "stats").touch()
        files += [place / "stats", shutil.which("bpftool")]
    return [str(f) for f in files]


def run(kernel, names, kinds, place, programs):
    """{(system, kind): instructions of one operation, the system's own of it}
    of one boot."""
    (place / "plan").write_text("".join(
        f"{s} {k} {KINDS[k]}\n" for s in ["bare", *names, "again"]
        for k in kinds))
    env = dict(os.environ, PICKET_VM_CPUS="1",
               PICKET_VM_QEMU="-icount shift=0,sleep=off")
    subprocess.run([VM / "fetch-kernel", kernel, CACHE / kernel], check=True)
    p = subprocess.run(
        [VM / "boot", CACHE / kernel, place / "work",
         systems.ROOT / "tests/bench/guest.sh", *guest_files(place, programs)],
        stdout=subprocess.PIPE, text=True, env=env)
    took = {}
    for line in p.stdout.splitlines():
        words = line.split()
        if line.startswith("= ") and len(words) == 8:
            count = int(words[3])
            took[words[1], words[2]] = (int(words[6]) / count,
                                        int(words[7]) / count)
        elif line.startswith("#"):
            print(f"{kernel}: {line[2:]}")
    if p.returncode:
        print(f"{kernel}: the guest did not come to its end")
    return took


def show(kernel, took, names, kinds):
    print(f"\n{kernel}: instructions of one operation; what each adds, what of"
          " that are its own threads, and the sum as a part of bare")
    print(f"{'':9}{'bare':>12}{' and again':>11}" + "".join(f"{n:>26}" for n in names))
    for kind in kinds:
        if ("again", kind) not in took:
            continue
        first, bare = took["bare", kind][0], took["again", kind][0]
        row = f"{kind:9}{first:12.0f} {bare:10.0f}"
        for name in names:
            with_it, own = took.get((name, kind), (0, 0))
            row += f"{with_it - bare:9.0f} {own:8.0f} " \
                f"{(with_it / bare - 1) * 100:6.2f}%" \
                if with_it else f"{'-':>26}"
        print(row)


def main(argv):
    p = argparse.ArgumentParser()
    p.add_argument("--kernels", default="6.1,6.12")
    p.add_argument("--systems", default="lsm,fentry,kprobe,tp_btf,auditd,empty")
    p.add_argument("--kinds", default=",".join(KINDS))
    p.add_argument("--programs", action="store_true",
                   help="what each program takes, too (which costs, itself)")
    asked = p.parse_args(argv)
    names, kinds = asked.systems.split(","), asked.kinds.split(",")
    if "auditd" in names and not shutil.which("auditd"):
        print("auditd is left out: it is not installed (apt-get install auditd)")
        names.remove("auditd")
    for kernel in asked.kernels.split(","):
        with tempfile.TemporaryDirectory(prefix="picket-bench-vm-") as place:
            took = run(kernel, names, kinds, pathlib.Path(place),
                       asked.programs)
        show(kernel, took, names, kinds)


if __name__ == "__main__":
    main(sys.argv[1:])
