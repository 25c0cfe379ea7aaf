# SPDX-License-Identifier: Apache-2.0
"""A place that packages made here are installed into, and who watches it."""
import contextlib
import hashlib
import os
import pathlib
import shutil
import subprocess
import tempfile

import record
from lib import (ACTORS, Agent, need_root, remove_tree, wait_for, workdir)

POLICY = """
[allow packaged]
event = exec
trust = package
owner = test

[deny replaced]
event    = exec
trust    = changed
severity = high
"""

CONTROL = """Package: picket-test
Version: {version}
Architecture: all
Maintainer: test <test@example.org>
Description: made by a test
"""


class Ground:
    """A directory that is root's alone down to the root: /tmp is not; and who
    installs packages into it."""

    def __init__(self, directory, place):
        self.dir = directory
        self.place = place
        self.admin = directory / "dpkg"
        self.program = place / "bin" / "tool"
        self.script = place / "bin" / "script"
        for name in ("info", "updates", "triggers", "alternatives"):
            (self.admin / name).mkdir(parents=True)
        for name in ("status", "available"):
            (self.admin / name).write_text("")
        # The process that reads it is nobody.
        directory.chmod(0o755)

    def put_program(self, content):
        """In its place, as a file of its own."""
        fresh = self.place / "fresh"
        fresh.write_bytes(content)
        fresh.chmod(0o755)
        fresh.rename(self.program)

    def settings(self):
        return {"dpkg_dir": self.admin, "rpm": ""}

    def install(self, version, program):
        tree = self.dir / f"tree-{version}"
        at = tree / self.program.relative_to("/")
        at.parent.mkdir(parents=True)
        shutil.copy(program, at)
        at.chmod(0o755)
        script = tree / self.script.relative_to("/")
        script.write_text(f"#!/bin/sh\n: {version}\n{self.program} x\n")
        script.chmod(0o755)
        debian = tree / "DEBIAN"
        debian.mkdir()
        (debian / "control").write_text(CONTROL.format(version=version))
        sums = ""
        for f in (at, script):
            digest = hashlib.md5(f.read_bytes()).hexdigest()
            sums += f"{digest}  {f.relative_to(tree)}\n"
        (debian / "md5sums").write_text(sums)
        deb = self.dir / f"{version}.deb"
        subprocess.run(["dpkg-deb", "--root-owner-group", "-b", tree, deb],
                       check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["dpkg", f"--admindir={self.admin}", "--force-all",
                        f"--log={self.dir}/log", "-i", deb],
                       check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)

    def run(self, program=None, word="x"):
        p = subprocess.Popen([program or self.program, word],
                             stdout=subprocess.DEVNULL)
        p.wait()
        return p.pid

    def verdict(self, pid, exe=None):
        """The exec event's verdict, settled; and what settled it."""
        exe = os.fsencode(exe or self.program)
        found = {}

        def settled():
            records = self.agent.read("--kind", "exec,amendment")
            mine = [r for r in records if r["kind"] == "exec"
                    and record.pid(r) == pid and record.exe(r) == exe]
            if not mine:
                return None
            found["event"] = mine[-1]
            if mine[-1]["verdict"]["answer"] != "pending":
                found["resolution"] = None
                return mine[-1]["verdict"]
            for r in records:
                a = r.get("amendment", {})
                if a.get("seq") == mine[-1]["seq"] and "resolution" in a:
                    found["resolution"] = a["resolution"]
                    return a["resolution"]["verdict"]
            return None
        wait_for(settled, f"a verdict of {exe!r} by {pid}")
        return settled(), found


@contextlib.contextmanager
def ground(packager=Ground):
    """With version 1.0 installed, and a picket that watches."""
    need_root()
    with workdir("trust") as directory:
        place = pathlib.Path(tempfile.mkdtemp(prefix="picket-test-",
                                              dir="/opt"))
        place.chmod(0o755)
        try:
            g = packager(directory, place)
            g.install("1.0", ACTORS / "act_tiny")
            trust = {"db": f"{directory}/trust.db", **g.settings()}
            with Agent(directory, POLICY, trust=trust,
                       rules={"unlisted_exec": "alert"}) as g.agent:
                g.agent.start()
                yield g
        finally:
            remove_tree(place)
