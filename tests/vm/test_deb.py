#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The Debian package where it belongs: in a Debian that systemd runs, on 6.1,
with a collector outside. Installed, attacked, asked by who may and who may not,
killed, reloaded, upgraded. Ends are test_deb_ends.py's.
"""
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]

from lib import contains, equal, main, test, true
from server import CONFIG, JOURNAL, OF_THE_NEW, install, with_packages
from system import COLLECTOR

POLICY = "/etc/picket/policy.d/zz-own.ini"
RULE = "exec-from-world-writable"


@test
def it_is_installed_and_watches(s):
    install(s)


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
def however_often_it_is_killed_it_is_taken_over(s):
    # A host that gives up on what starts more than five times in an hour: only
    # the unit's own word is against that.
    s.do("mkdir -p /etc/systemd/system.conf.d\n"
         "printf '[Manager]\nDefaultStartLimitIntervalSec=1h\n"
         "DefaultStartLimitBurst=5\n' >/etc/systemd/system.conf.d/strict.conf\n"
         "systemctl daemon-reload")
    equal(s.do("systemctl show -P StartLimitIntervalUSec cron").strip(), "1h",
          "what holds for others")
    s.marks("over-kills")
    for n in range(7):
        pid = s.pid()
        s.do(f"kill -KILL {pid}")
        s.eventually(f"p=$(systemctl show -P MainPID picket); "
                     f"[ $p != 0 ] && [ $p != {pid} ]",
                     f"another picket after kill {n + 1}")
    s.watching()
    s.all_marks_seen("over-kills")
    s.do("rm -r /etc/systemd/system.conf.d; systemctl daemon-reload")


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
    contains(s.do(f"tr '\\0' '\\n' </proc/{s.pid()}/environ"), OF_THE_NEW,
             "what the new package's unit says of picket's environment")
    equal(s.do("systemctl show -P NeedDaemonReload picket picket-ship").split(),
          ["no", "no"], "units that systemd has not read again")
    equal(s.journal()["id"], before["id"], "the journal")
    contains(s.do(f"grep ^url {CONFIG}"), COLLECTOR, "the edited settings")
    s.do("/bin/true after-the-upgrade")
    s.delivered("after-the-upgrade", "what came after the upgrade")
    s.nothing_is_lost_or_twice()
    told = s.do(f"picket tail --journal {JOURNAL} --alerts --no-follow "
                f"--from {before['next_seq']}").splitlines()
    # Windows end with the old one: how often what was told before repeated.
    equal([line for line in told if "told; the last is" not in line], [],
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


if __name__ == "__main__":
    main(with_packages)
