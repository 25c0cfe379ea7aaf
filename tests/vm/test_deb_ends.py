#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The ends that a picket of the Debian package comes to, in a Debian that
systemd runs, on 6.1, with a collector outside: stopped, hung, rebooted, removed,
purged.
"""
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]

from lib import contains, equal, main, test, true
from server import CONFIG, JOURNAL, NOT_PATIENT, install, with_packages
from system import NETWORK


@test
def a_stop_is_a_gap_with_its_bounds_and_who_asked(s):
    install(s)
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
    contains(str(records),
             "'systemctl', 'stop', 'picket'", "who asked for it")
    gap = about["started"]["facts"]
    stopped = s.do("cat /run/stopped").strip()
    true(gap["unwatched_from"] <= stopped < gap["unwatched_until"],
         f"{stopped} within {gap}")


@test
def one_that_hangs_is_ended_by_the_watchdog_and_told(s):
    # A minute and a half is what the package waits: the test does not.
    s.do("mkdir -p /run/systemd/system/picket.service.d\n"
         "printf '[Service]\nWatchdogSec=20\nTimeoutAbortSec=5\n' "
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
    s.do(NOT_PATIENT + "apt-get -q -y remove picket 2>&1")
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
    main(with_packages)
