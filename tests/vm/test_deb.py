#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The Debian package where it belongs: in a Debian that systemd runs, on 6.1,
with a collector outside. Installed, attacked, asked by who may and who may not,
killed, reloaded, upgraded, stopped, hung, rebooted, removed, purged.

PICKET_VM_DEBS: "OLD NEW", packages made before; else they are made here.
"""
import contextlib
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]

from lib import Failure, contains, equal, main, need_root, test, true, workdir
from server import CONFIG, JOURNAL, Server
from shipping import Collector
from system import BUILD, COLLECTOR, NETWORK, ROOT, System

POLICY = "/etc/picket/policy.d/zz-own.ini"
RULE = "exec-from-world-writable"


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
def an_upgrade_is_silent_and_without_a_hole(s):
    pid, before = s.pid(), s.journal()
    s.marks("over-an-upgrade")
    said = s.do("apt-get -q -y install /root/new.deb 2>&1")
    true("picket:" not in said, f"no complaint of the package's in:\n{said}")
    true(s.pid() != pid, "the old one went on")
    s.watching()
    s.all_marks_seen("over-an-upgrade")
    equal(s.journal()["id"], before["id"], "the journal")
    contains(s.do(f"grep ^url {CONFIG}"), COLLECTOR, "the edited settings")
    s.do("/bin/true after-the-upgrade")
    s.delivered("after-the-upgrade", "what came after the upgrade")
    s.nothing_is_lost_or_twice()
    told = s.do(f"picket tail --journal {JOURNAL} --alerts --no-follow "
                f"--from {before['next_seq']}").splitlines()
    # Windows end with the old one: how often what was told before repeated.
    equal([line for line in told if "repeated by" not in line], [],
          "alerts of an upgrade")


@test
def an_upgrade_with_wrong_settings_is_put_off(s):
    pid = s.pid()
    s.do(f"cp {CONFIG} /root/right.ini; echo 'nonsense = 1' >>{CONFIG}")
    said = s.do("apt-get -q -y install --allow-downgrades /root/old.deb 2>&1")
    contains(said, f"{CONFIG}:", "what apt says of the settings")
    contains(said, "systemctl restart picket", "what apt says to do")
    equal(s.pid(), pid, "who watches")
    s.do("systemctl is-active picket-ship")
    s.do(f"cat /root/right.ini >{CONFIG}; dpkg-reconfigure picket 2>&1")
    s.eventually(f"[ $(systemctl show -P MainPID picket) != {pid} ]",
                 "the other picket")
    s.watching()
    s.do("/bin/true after-the-settings")
    s.delivered("after-the-settings", "what came after the settings")


@test
def a_stop_is_a_gap_with_its_bounds_and_who_asked(s):
    first = s.journal()["next_seq"]
    s.do("systemctl stop picket; date -u +%FT%T.%3NZ >/run/stopped")
    s.do("! ls /sys/fs/bpf/picket/* 2>/dev/null")
    s.do("/bin/true while-stopped; systemctl start picket", 400)
    s.watching()
    records = s.records(first, "--kind", "agent,exec")
    about = {r["agent"]["what"]: r["agent"] for r in records if "agent" in r}
    print("#> " + about["stopped"]["text"])
    print("#> " + about["started"]["text"])
    facts = about["stopped"]["facts"]
    equal((facts["by_pid"], facts["signal"]), ("1", "15"), "who stopped it")
    contains(facts["by_exe"], "systemd", "who stopped it")
    contains(str([r.get("exec", {}).get("args") for r in records]),
             "'systemctl', 'stop', 'picket'", "who asked for it")
    gap = about["started"]["facts"]
    stopped = s.do("cat /run/stopped").strip()
    true(gap["unwatched_from"] <= stopped < gap["unwatched_until"],
         f"{stopped} within {gap}")


@test
def one_that_hangs_is_ended_by_the_watchdog_and_told(s):
    # A minute and a half is what the package waits: the test does not.
    s.do("mkdir -p /run/systemd/system/picket.service.d\n"
         "printf '[Service]\nWatchdogSec=10\nTimeoutAbortSec=5\n' "
         ">/run/systemd/system/picket.service.d/soon.conf\n"
         "systemctl daemon-reload; systemctl restart picket", 400)
    s.watching()
    first, pid = s.journal()["next_seq"], s.pid()
    s.marks("over-a-hang")
    s.do(f"kill -STOP {pid}")
    s.eventually(f"p=$(systemctl show -P MainPID picket); "
                 f"[ $p != 0 ] && [ $p != {pid} ]", "another picket")
    s.do("rm -r /run/systemd/system/picket.service.d; "
         "systemctl daemon-reload")
    s.watching()
    s.all_marks_seen("over-a-hang")
    contains(s.do("journalctl -u picket -o cat --no-pager"),
             "Watchdog timeout", "what systemd says of it")
    what = [r["agent"]["what"] for r in s.records(first, "--kind", "agent")]
    true("unclean" in what, f"that it was not closed, in {what}")


@test
def a_reboot_goes_on(s):
    before = s.journal()
    s.guest.run("systemd-run --on-active=1 systemctl reboot")
    s.guest.wait_up()
    s.do(NETWORK)
    s.watching()
    equal(s.journal()["id"], before["id"], "the journal")
    about = {r["agent"]["what"]: r["agent"] for r in
             s.records(before["next_seq"], "--kind", "agent")
             if "agent" in r}
    print("#> " + about["stopped"]["text"])
    print("#> " + about["started"]["text"])
    gap = about["started"]["facts"]
    true(gap["unwatched_from"] < gap["unwatched_until"], f"bounds in {gap}")
    ready = s.do("systemctl show -P ActiveEnterTimestampMonotonic picket")
    others = s.do("systemctl show -P ExecMainStartTimestampMonotonic "
                  "ssh cron dbus systemd-logind").split()
    true(all(int(ready) < int(other) for other in others),
         f"watching at {ready.strip()} us, others began at {others}")
    s.do("/bin/true after-the-reboot")
    s.delivered("after-the-reboot", "what came after the reboot")
    s.nothing_is_lost_or_twice()
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
