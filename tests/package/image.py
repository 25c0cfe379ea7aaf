#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The container image for both processors: what it says it is for is what is in
it, its programs find all they need there, nothing else can be run in it.

PICKET_IMAGES: a directory where `make image` made both; else they are made.
"""
import contextlib
import functools
import io
import os
import pathlib
import re
import stat
import subprocess
import sys
import tarfile

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "e2e"), str(TESTS / "vm")]

import oci
from lib import BUILD, ROOT, Failure, equal, main, run, test, true, workdir

# e_machine, as elf.h has it
MACHINES = {"amd64": 62, "arm64": 183}
# Of packages that a shell, a package manager or a compiler come with.
UNWANTED = re.compile(r"/(sh|bash|dash|busybox|env|perl.*|python.*|apt.*|dpkg.*"
                      r"|tar|gcc.*|ld|curl|wget)$")
COMMAND = ["run", "--config", "/etc/picket/agent.ini"]


@functools.lru_cache(maxsize=None)
def made():
    there = os.environ.get("PICKET_IMAGES")
    if there:
        return pathlib.Path(there)
    environ = {k: v for k, v in os.environ.items()
               if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "CC")}
    where = BUILD / "package/image"
    p = subprocess.run(["make", "-s", f"BUILD={where}", "image",
                        "ARCHES=" + " ".join(MACHINES)],
                       cwd=ROOT, env=environ, capture_output=True, text=True)
    if p.returncode:
        raise Failure(f"make image: {p.stdout}{p.stderr}")
    return where / "image"


class Image:
    """What a runtime makes of an archive."""

    def __init__(self, arch, directory):
        self.arch, self.root = arch, directory / arch
        layers, self.config = oci.read(made() / f"picket-{arch}.tar")
        for _, data in layers:
            with tarfile.open(fileobj=io.BytesIO(data)) as tar:
                tar.extractall(self.root)

    def files(self):
        """Those that are no link, by their name in the image."""
        for path in sorted(self.root.rglob("*")):
            if path.is_file() and not path.is_symlink():
                yield "/" + str(path.relative_to(self.root)), path

    def programs(self):
        return [(name, path) for name, path in self.files()
                if path.open("rb").read(4) == b"\x7fELF"]


def readelf(option, path):
    return run(["readelf", "-W", option, path], check=True).stdout.decode()


@contextlib.contextmanager
def images():
    with workdir("image") as directory:
        yield [Image(arch, directory) for arch in MACHINES]


@test
def it_says_what_it_is_for_and_what_it_runs(both):
    for image in both:
        c = image.config
        equal((c["os"], c["architecture"]), ("linux", image.arch), "its platform")
        equal((c["config"]["Entrypoint"], c["config"]["Cmd"]),
              (["/usr/bin/picket"], COMMAND), "what it runs")


@test
def all_code_in_it_is_of_its_processor(both):
    for image in both:
        programs = image.programs()
        true(len(programs) > 10, f"{image.arch}: {len(programs)} programs")
        other = [name for name, path in programs if int.from_bytes(
            path.read_bytes()[18:20], "little") != MACHINES[image.arch]]
        equal(other, [], f"{image.arch}: code of another processor")


@test
def what_the_programs_need_is_there(both):
    for image in both:
        there = {path.name for path in image.root.joinpath("usr/lib").rglob("*")}
        lacking = [f"{name}: {need}" for name, path in image.programs()
                   for need in re.findall(r"NEEDED.*\[(.*)\]",
                                          readelf("-d", path))
                   if need not in there]
        for name in ("picket", "picket-ship"):
            path = image.root / "usr/bin" / name
            loader = re.search(r"interpreter: (.*)\]", readelf("-l", path))[1]
            if not image.root.joinpath(loader.lstrip("/")).exists():
                lacking.append(f"{name}: {loader}")
        equal(lacking, [], f"{image.arch}: lacking")
        for name in ("etc/ssl/certs/ca-certificates.crt", "etc/nsswitch.conf",
                     "etc/picket/agent.ini", "etc/picket/policy.d/10-exec.ini"):
            true((image.root / name).stat().st_size, f"{image.arch}: {name}")


@test
def nothing_but_picket_can_be_run_in_it(both):
    for image in both:
        runs = [name for name, path in image.files()
                if path.stat().st_mode & stat.S_IXUSR
                and not re.search(r"\.so(\.|$)|/ld-linux", name)]
        equal(runs, ["/usr/bin/picket", "/usr/bin/picket-ship"],
              f"{image.arch}: what can be run")
        equal([name for name, _ in image.files() if UNWANTED.search(name)], [],
              f"{image.arch}: what has no place there")
        true(not any(path.stat().st_mode & (stat.S_ISUID | stat.S_ISGID)
                     for _, path in image.files()), f"{image.arch}: setuid")


@test
def both_hold_the_same_files_but_for_their_libraries(both):
    of = [{name for name, _ in image.files()
           if not re.search(r"\.so|/share/doc/", name)} for image in both]
    equal(of[0] ^ of[1], set(), "what only one of them has")


@test
def the_programs_start_on_their_processor(both):
    """On another than this, by an emulator that is unpacked for it."""
    here = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine)
    for image in both:
        how = []
        if image.arch != here:
            tool = "qemu-aarch64-static" if image.arch == "arm64" \
                else "qemu-x86_64-static"
            run([TESTS / "get-tool", tool, BUILD / "tools", "qemu-user-static",
                 "qemu-user-static"], check=True, timeout=600)
            how = [BUILD / "tools" / tool, "-L", image.root]
        else:
            loader = next(image.root.joinpath("usr").rglob("ld-linux*"))
            how = [loader, "--library-path",
                   next(image.root.joinpath("usr/lib").glob("*-linux-gnu"))]
        for name in ("picket", "picket-ship"):
            p = run([*how, image.root / "usr/bin" / name, "--version"])
            true(p.returncode == 0 and p.stdout.startswith(name.encode()),
                 f"{image.arch}: {name} --version: {p}")


if __name__ == "__main__":
    main(images)
