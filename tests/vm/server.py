# SPDX-License-Identifier: Apache-2.0
"""A guest of system.py where picket runs as a service and ships to a collector
outside, and what is asked of it in tests."""
import contextlib
import json
import os
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

import completeness
from lib import Failure, contains, equal, need_root, true, workdir
from shipping import Collector
from system import BUILD, COLLECTOR, NETWORK, ROOT, System

JOURNAL = "/var/lib/picket/journal"
CONFIG = "/etc/picket/agent.ini"
# Emulated, with everything else that the machine does.
PATIENCE = 240

# What attaching may take, and what ending it leaves as it was.
PATIENT = """
mkdir -p /etc/systemd/system/picket.service.d
printf '[Service]\\nTimeoutStartSec=600\\n' \\
    >/etc/systemd/system/picket.service.d/patient.conf
"""
# In the new package's units alone: there it is seen which are in force.
OF_THE_NEW = "UNIT_OF=the-new-package"
NOT_PATIENT = "rm -r /etc/systemd/system/picket.service.d\n"

# Programs started all the while, each with a number of its own.
MARKS = """
rm -f /run/marks.end
cat >/root/marks <<'END'
i=0
while ! [ -e /run/marks.end ]; do
    i=$((i + 1)); /bin/true %(name)s-$i; echo $i >/run/marks.count; sleep 0.2
done
touch /run/marks.over
END
rm -f /run/marks.over
setsid bash /root/marks </dev/null >/dev/null 2>&1 &
"""


class Server:
    def __init__(self, guest, collector):
        self.guest, self.collector = guest, collector

    def do(self, script, seconds=600):
        return self.guest.do(script, seconds)

    def eventually(self, script, what):
        """Until the script succeeds in there."""
        status, said = self.guest.run(
            f"end=$((SECONDS + {PATIENCE}))\n"
            f"until ( {script}\n) >/run/said 2>&1; do\n"
            "    [ $SECONDS -lt $end ] || { cat /run/said; exit 1; }\n"
            "    sleep 0.5\ndone; cat /run/said", PATIENCE + 60)
        text = said.decode(errors="backslashreplace")
        if status:
            raise Failure(f"{what}: not within {PATIENCE} s:\n{text}\n"
                          + self.do("journalctl -u picket -u picket-ship -n 30 "
                                    "-o cat --no-pager"))
        return text

    def pid(self):
        return self.do("systemctl show -P MainPID picket").strip()

    def watching(self):
        self.eventually("systemctl is-active picket && "
                        f"picket status --journal {JOURNAL} --health",
                        "picket to be well")

    def marks(self, name):
        self.do(MARKS % {"name": name})
        self.eventually("[ $(cat /run/marks.count) -ge 3 ]", "programs to run")

    def all_marks_seen(self, name):
        """Every one of them is in the journal."""
        self.do("touch /run/marks.end")
        self.eventually("[ -e /run/marks.over ]", "the programs to end")
        count = self.do("cat /run/marks.count").strip()
        seen = (f"picket query --journal {JOURNAL} --kind exec --json | "
                f"grep -o '{name}-[0-9]*\"' | sort -u | wc -l")
        self.eventually(f"n=$({seen}); echo $n of {count}; [ $n = {count} ]",
                        f"all of {name} in the journal")
        print(f"#> {name}: {count} programs, all seen")

    def journal(self):
        """What the status says of it."""
        return json.loads(self.do(
            f"picket status --journal {JOURNAL} --json"))["journal"]

    def records(self, first, *words):
        """Of the journal, those with this number and later ones."""
        said = self.do(f"picket tail --journal {JOURNAL} --json --no-follow "
                       f"--from {first} {' '.join(words)}")
        return [json.loads(line) for line in said.splitlines()]

    def delivered(self, text, what):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if any(text in json.dumps(r) for r in self.collector.records()):
                return
            time.sleep(0.5)
        raise Failure(f"{what}: the collector has "
                      f"{len(self.collector.records())} records, none with "
                      f"{text}\n" + self.do("journalctl -u picket-ship -n 20 "
                                            "-o cat --no-pager"))

    def nothing_is_lost_or_twice(self):
        """Of what the collector has; a manifest ends each batch."""
        for journal, found in completeness.check([self.collector.out]).items():
            for key in ("missing", "holes", "uncovered"):
                true(not found[key].pairs, f"{key} in {journal}: {found[key]}")
            equal((found["differ"], found["counts"], found["doubled"]),
                  ([], [], {}), f"other than once in {journal}")


def package(name, *arguments):
    """A package of this tree, made where it disturbs nobody, and once for a
    tree without changes."""
    build = BUILD / "vm" / name
    tree = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT,
                          capture_output=True, text=True).stdout.strip()
    stamp = build / "of"
    if tree and not tree.endswith("-dirty") and stamp.exists() and \
            stamp.read_text() == tree:
        return next((build / "deb").glob("picket_*.deb"))
    environ = {k: v for k, v in os.environ.items()
               if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    p = subprocess.run(["make", "-s", f"BUILD={build}", *arguments, "deb"],
                       cwd=ROOT, env=environ, capture_output=True, text=True)
    if p.returncode:
        raise Failure(f"make deb: {p.stdout}{p.stderr}")
    stamp.write_text(tree)
    return next((build / "deb").glob("picket_*.deb"))


def with_other_units(deb, directory):
    """The package, but for what its units give to what they start."""
    tree, made = directory / "other-units", directory / "other-units.deb"
    subprocess.run(["dpkg-deb", "-R", deb, tree], check=True)
    for unit in tree.glob("lib/systemd/system/*.service"):
        unit.write_text(unit.read_text().replace(
            "[Service]\n", f"[Service]\nEnvironment={OF_THE_NEW}\n"))
    subprocess.run("find -type f ! -path './DEBIAN/*' -printf '%P\\0' | "
                   "xargs -0 md5sum >DEBIAN/md5sums", shell=True, cwd=tree,
                   check=True)
    subprocess.run(["dpkg-deb", "-b", tree, made], check=True,
                   stdout=subprocess.DEVNULL)
    return made


def packages(directory):
    """An old one and a new one. PICKET_VM_DEBS: "OLD NEW", made before."""
    made = os.environ.get("PICKET_VM_DEBS", "").split()
    old, new = made or [package("deb-old"), package("deb-new", "VERSION=99.0")]
    return old, with_other_units(new, directory)


@contextlib.contextmanager
def with_packages():
    """A server where both lie and neither is installed."""
    need_root()
    with workdir("deb") as directory, Collector(directory) as collector:
        old, new = packages(directory)
        with System(picket=False, port=collector.port,
                    copies={"/root/old.deb": old, "/root/new.deb": new}) as g:
            g.do(NETWORK + PATIENT)
            yield Server(g, collector)


def install(s):
    said = s.do("apt-get -q -y install /root/old.deb 2>&1")
    contains(said, "Setting up picket", "what apt says")
    true("picket:" not in said, f"no complaint of the package's in:\n{said}")
    s.watching()
    equal(s.do("systemctl list-units --failed --no-legend --plain"), "",
          "failed units")
    s.do(f"sed -i 's,^url =.*,url = http://{COLLECTOR}/v1/logs,' {CONFIG}\n"
         "systemctl enable --now picket-ship 2>&1")
