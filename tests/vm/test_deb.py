#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The Debian package where it belongs: in a Debian that systemd runs, on 6.1,
with a collector outside. Installed, attacked, asked by who may and who may not,
killed, reloaded, upgraded, stopped, rebooted, removed, purged.

PICKET_VM_DEBS: "OLD NEW", packages made before; else they are made here.
"""
import contextlib
import json
import os
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]

from lib import Failure, contains, equal, main, need_root, test, true, workdir
from shipping import Collector
from system import BUILD, COLLECTOR, NETWORK, ROOT, System

JOURNAL = "/var/lib/picket/journal"
CONFIG = "/etc/picket/agent.ini"
POLICY = "/etc/picket/policy.d/zz-own.ini"
# Emulated, with everything else that the machine does.
PATIENCE = 120
RULE = "exec-from-world-writable"

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


def package(name, *arguments):
    """A package of this tree, made where it disturbs nobody."""
    build = BUILD / "vm" / name
    environ = {k: v for k, v in os.environ.items()
               if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    p = subprocess.run(["make", "-s", f"BUILD={build}", *arguments, "deb"],
                       cwd=ROOT, env=environ, capture_output=True, text=True)
    if p.returncode:
        raise Failure(f"make deb: {p.stdout}{p.stderr}")
    return next((build / "deb").glob("picket_*.deb"))


def packages():
    made = os.environ.get("PICKET_VM_DEBS", "").split()
    return made or [package("deb-old"), package("deb-new", "VERSION=99.0")]


class Server:
    def __init__(self, guest, collector):
        self.guest, self.collector = guest, collector

    def do(self, script, seconds=300):
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

    def journal_id(self):
        status = json.loads(self.do(
            f"picket status --journal {JOURNAL} --json"))
        return status["journal"]["id"] if "journal" in status else status

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


@contextlib.contextmanager
def server():
    need_root()
    old, new = packages()
    with workdir("deb") as directory, Collector(directory) as collector, \
            System(picket=False, port=collector.port,
                   copies={"/root/old.deb": old, "/root/new.deb": new}) as g:
        g.do(NETWORK)
        yield Server(g, collector)


@test
def it_is_installed_and_watches(s):
    said = s.do("apt-get -q -y install /root/old.deb 2>&1")
    contains(said, "Setting up picket", "what apt says")
    true("picket:" not in said, f"no complaint of the package's in:\n{said}")
    s.watching()
    equal(s.do("systemctl list-units --failed --no-legend --plain"), "",
          "failed units")
    s.do(f"sed -i 's,^url =.*,url = http://{COLLECTOR}/v1/logs,' {CONFIG}\n"
         "systemctl enable --now picket-ship 2>&1")


@test
def an_attack_alerts_at_the_terminal_and_the_collector(s):
    s.do("cp /bin/true /tmp/.x; /tmp/.x")
    s.eventually(f"picket tail --journal {JOURNAL} --alerts --since 1h "
                 f"--no-follow | grep {RULE}", "the alert in picket tail")
    s.eventually(f"journalctl -u picket -o cat --no-pager | grep {RULE}",
                 "the alert in the log")
    s.delivered(RULE, "the alert at the collector")


@test
def its_group_may_read_and_nobody_else(s):
    ask = (f"picket query --journal {JOURNAL} --kind exec | grep -q . && "
           f"picket tail --journal {JOURNAL} --no-follow --since 1h | "
           f"grep -q . && picket status --journal {JOURNAL}")
    status, said = s.guest.run(
        f"setpriv --reuid=admin --regid=admin --clear-groups "
        f"picket query --journal {JOURNAL}")
    equal((status, b"group 'picket'" in said), (4, True),
          f"the answer to a stranger: {said!r}")
    s.do("setpriv --reuid=admin --regid=admin --groups=picket "
         f"bash -o pipefail -c '{ask}' 2>&1")


@test
def killed_it_is_taken_over(s):
    s.marks("over-a-kill")
    pid = s.pid()
    s.do(f"kill -KILL {pid}")
    s.eventually(f"p=$(systemctl show -P MainPID picket); "
                 f"[ $p != 0 ] && [ $p != {pid} ]", "another picket")
    s.watching()
    s.all_marks_seen("over-a-kill")


@test
def a_wrong_policy_is_refused_by_a_reload(s):
    pid = s.pid()
    s.do(f"echo '[allow x]\nevnt = exec' >{POLICY}")
    status, _ = s.guest.run("systemctl reload picket")
    true(status != 0, "systemctl reload succeeded with a wrong policy")
    s.eventually("journalctl -u picket -o cat --no-pager | "
                 f"grep '{POLICY}:2'", "the line that is wrong in the log")
    s.do(f"rm {POLICY}; systemctl reload picket")
    equal(s.pid(), pid, "who watches")
    s.watching()


@test
def an_upgrade_that_would_not_start_is_put_off(s):
    pid, identity = s.pid(), s.journal_id()
    s.marks("over-an-upgrade")
    s.do(f"cp {CONFIG} /root/right.ini; echo 'nonsense = 1' >>{CONFIG}")
    said = s.do("apt-get -q -y install /root/new.deb 2>&1")
    contains(said, f"{CONFIG}:", "what apt says of the settings")
    contains(said, "systemctl restart picket", "what apt says to do")
    equal(s.pid(), pid, "who watches")
    s.do(f"cat /root/right.ini >{CONFIG}; dpkg-reconfigure picket 2>&1")
    s.eventually(f"[ $(systemctl show -P MainPID picket) != {pid} ]",
                 "the new picket")
    s.watching()
    s.all_marks_seen("over-an-upgrade")
    equal(s.journal_id(), identity, "the journal")
    contains(s.do(f"grep ^url {CONFIG}"), COLLECTOR, "the edited settings")
    s.do("/bin/true after-the-upgrade")
    s.delivered("after-the-upgrade", "what came after the upgrade")


@test
def an_upgrade_alerts_of_nothing(s):
    told = s.do(f"picket tail --journal {JOURNAL} --alerts --since 1h "
                f"--no-follow").splitlines()
    # The attack's, and those about what this test does to the settings.
    others = [line for line in told
              if not any(t in line for t in (RULE, CONFIG, "policy.d/zz-own"))]
    equal(others, [], "alerts but for the test's own")


@test
def a_stop_is_a_gap_with_who_asked(s):
    s.do("systemctl stop picket")
    s.do("! ls /sys/fs/bpf/picket/* 2>/dev/null")
    s.do("/bin/true while-stopped; systemctl start picket", 400)
    s.watching()
    text = s.eventually(
        f"picket query --journal {JOURNAL} | tail -n 200 >/run/lines; "
        "grep -A 30 'stopped by signal' /run/lines", "the end in the journal")
    print("#> " + text.splitlines()[0])
    s.eventually(f"picket query --journal {JOURNAL} --kind exec | "
                 "grep 'systemctl stop picket'", "who asked for it")


@test
def a_reboot_goes_on(s):
    identity = s.journal_id()
    s.guest.run("systemd-run --on-active=1 systemctl reboot")
    s.guest.wait_up()
    s.do(NETWORK)
    s.watching()
    equal(s.journal_id(), identity, "the journal")
    s.do("/bin/true after-the-reboot")
    s.delivered("after-the-reboot", "what came after the reboot")
    s.do(f"picket verify --journal {JOURNAL}")


@test
def removed_and_purged_it_leaves_nothing(s):
    s.do("apt-get -q -y remove picket 2>&1")
    equal(s.do("ls -d /sys/fs/bpf/picket /usr/bin/picket 2>/dev/null || :"),
          "", "what is left of a removed package")
    s.do(f"test -s {CONFIG} && ls {JOURNAL} | grep -q .")
    s.do("apt-get -q -y purge picket 2>&1")
    left = s.do("find / -xdev -name '*picket*' ! -path '/proc/*' "
                "! -path '/root/*' ! -path /etc/picket-guest "
                "! -path '/var/cache/apt/*'; getent passwd picket; "
                "getent group picket; ls -d /sys/fs/bpf/picket 2>/dev/null; :")
    equal(left, "", "what a purge leaves")


if __name__ == "__main__":
    main(server)
