#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The same of rpm: packages that the real rpmbuild makes and the real rpm
installs, into a database of its own."""
import shutil
import subprocess

from ground import Ground, ground
from lib import equal, main, test, true, wait_for

SPEC = """
Name: picket-rpm-test
Version: {version}
Release: 1
Summary: made by a test
License: none
BuildArch: noarch
AutoReqProv: no
%description
Made by a test.
%define __os_install_post %{{nil}}
%define _binaries_in_noarch_packages_terminate_build 0
%install
mkdir -p %{{buildroot}}{place}/bin
cp {tree}/* %{{buildroot}}{place}/bin/
%files
%attr(0755,root,root) {place}/bin/*
"""


class Rpm(Ground):
    def __init__(self, directory, place):
        super().__init__(directory, place)
        self.db = directory / "rpmdb"
        self.db.mkdir()
        self._rpm("--initdb")

    def settings(self):
        return {"dpkg_dir": self.admin, "rpm_dir": self.db}

    def _rpm(self, *argv):
        subprocess.run(["rpm", "--dbpath", self.db, *argv], check=True,
                       stdout=subprocess.DEVNULL)

    def install(self, version, program):
        tree = self.dir / f"rpm-{version}"
        tree.mkdir()
        shutil.copy(program, tree / "tool")
        # Its interpreter is of the package, too.
        (tree / "script").write_text(f"#!{self.program}\n# {version}\n")
        spec = self.dir / f"{version}.spec"
        spec.write_text(SPEC.format(version=version, place=self.place,
                                    tree=tree))
        top = self.dir / "rpmbuild"
        p = subprocess.run(["rpmbuild", "-bb", "--define", f"_topdir {top}",
                            spec], capture_output=True, text=True)
        equal(p.returncode, 0, f"rpmbuild: {p.stderr}")
        self._rpm("-U", "--nodeps",
                  *top.glob(f"RPMS/noarch/*-{version}-*.rpm"))


def allowed(g, version, **kw):
    verdict, found = g.verdict(g.run(**kw), kw.get("program"))
    equal(verdict["answer"], "allowed", "verdict")
    if found["resolution"]:
        equal(found["resolution"]["exe"]["package"],
              f"picket-rpm-test {version}-1.noarch", "package")


@test
def what_rpm_installed_is_allowed(g):
    allowed(g, "1.0")
    equal(g.agent.status()["trust"]["packages"], 1, "packages")


@test
def a_script_of_the_package_is_allowed_where_its_file_is_seen(g):
    verdict, found = g.verdict(g.run(g.script))
    process = found["event"]["process"]
    equal(process["script"], str(g.script), "script")
    equal(verdict["answer"], "allowed" if "script_file" in process
          else "unlisted", "verdict")


@test
def a_copy_and_another_content_are_told(g):
    copy = g.place / "copy"
    shutil.copy(g.program, copy)
    verdict, _ = g.verdict(g.run(copy), copy)
    equal((verdict["answer"], verdict.get("alert")), ("unlisted", True),
          "a copy")
    g.put_program(g.program.read_bytes() + b"more")
    verdict, found = g.verdict(g.run())
    equal((verdict["rule"], verdict["alert"]), ("replaced", True), "changed")
    equal(found["resolution"]["exe"]["package"], "picket-rpm-test 1.0-1.noarch",
          "whose")


@test
def an_upgrade_and_an_erasure_are_followed(g):
    tool = g.dir / "newer"
    tool.write_bytes(g.program.read_bytes() + b"2")
    tool.chmod(0o755)
    g.install("2.0", tool)
    allowed(g, "2.0")
    kept = g.place / "kept"
    shutil.copy(g.program, kept)
    g._rpm("-e", "picket-rpm-test")
    true(not g.program.exists(), "it is still there")
    shutil.copy(kept, g.program)

    def is_told():
        verdict, _ = g.verdict(g.run())
        return verdict["answer"] == "unlisted"
    wait_for(is_told, "the erased program to be nobody's", every=0.5)


if __name__ == "__main__":
    main(lambda: ground(Rpm))
