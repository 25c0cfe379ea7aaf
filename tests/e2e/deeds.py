# SPDX-License-Identifier: Apache-2.0
"""What intruders do, for test_policy.py: run by /bin/sh in a system of its own,
as root. {act_exec} is the actor, {picket} the pid of the picket that watches,
{link} the number of a link of its that anybody can detach.

Each deny rule of the shipped policy has its deed here, or in tests/vm/noise.py
if it takes a kernel of its own; test_policy.py sees to that.
"""
import contextlib
import glob
import platform

from lib import Missing

PTRACE = 101 if platform.machine() == "x86_64" else 117


def a_cgroup_link(pid):
    """The number of its newest link that anybody can detach."""
    numbers = []
    for path in glob.glob(f"/proc/{pid}/fdinfo/*"):
        info = {}
        # Files that it reads come and go while we look.
        with contextlib.suppress(OSError), open(path, encoding="utf-8") as f:
            info = dict(line.split(":", 1) for line in f if ":" in line)
        if info.get("link_type", "").strip() == "cgroup":
            numbers.append(int(info["link_id"]))
    if not numbers:
        raise Missing("cgroup links", "this picket has none")
    return str(max(numbers))


# What is done, the path it is done to, and the rule that says so.
LEFT_BEHIND = [
    ("echo x > {}", "/etc/cron.d/picket-test", "cron-files"),
    ("echo x > /root/x; mv /root/x {}", "/etc/cron.daily/x", "cron-files"),
    ("echo x > {}", "/etc/systemd/system/x.service", "systemd-units"),
    ("echo x > {}", "/etc/profile.d/x.sh", "boot-and-login-scripts"),
    ("mkdir -p /root/.ssh; echo x >> {}", "/root/.ssh/authorized_keys",
     "ssh-keys"),
    ("mkdir -p /root/y; rm -rf /root/.ssh; mv /root/y {}", "/root/.ssh",
     "directory-replaced"),
    ("mkdir -p /etc/ssh; echo x >> {}", "/etc/ssh/sshd_config", "ssh-daemon"),
    ("mkdir -p /etc/sudoers.d; echo x > {}", "/etc/sudoers.d/x", "sudoers"),
    ("echo x > {}", "/etc/pam.d/x", "pam"),
    ("echo /x.so > {}; rm {}", "/etc/ld.so.preload", "ld-so-preload"),
    ("echo x >> {}", "/etc/passwd", "accounts"),
    ("chmod 0666 {}", "/etc/shadow", "accounts"),
    ("mkdir -p /usr/lib/modules; echo x > {}", "/usr/lib/modules/x.ko",
     "kernel-modules"),
    ("mkdir -p /etc/modprobe.d; echo x > {}", "/etc/modprobe.d/x.conf",
     "module-settings"),
    ("mkdir -p /etc/picket; echo x > {}", "/etc/picket/x.ini",
     "picket-files"),
    ("echo x >> {}", "/root/.bashrc", "shell-startup"),
    ("echo x > {}", "/etc/apt/apt.conf.d/99x", "tool-hooks"),
    ("cp /bin/true {}", "/usr/bin/picket-test-evil", "system-programs"),
    ("mkdir -p /etc/ld.so.conf.d; echo /tmp > {}", "/etc/ld.so.conf.d/x.conf",
     "ld-so-conf"),
    ("echo x >> {}", "/var/lib/dpkg/status", "package-database"),
    # As PID 1 does where `systemctl set-property` says so, and by hand.
    ("mkdir -p /etc/systemd/system.control/picket.service.d; echo x > {}",
     "/etc/systemd/system.control/picket.service.d/50-CPUQuota.conf",
     "picket-unit"),
    ("mkdir -p /run/systemd/transient/-.slice.d; echo x > {}",
     "/run/systemd/transient/-.slice.d/50-CPUQuota.conf", "picket-unit"),
    ("mkdir -p /run/systemd/system /root/z; echo x > /root/z/x.conf; "
     "mv /root/z {}", "/run/systemd/system/picket.service.d", "picket-unit"),
    ("mount -t tmpfs none /var/lib && mkdir {} && mv {} /var/lib/z",
     "/var/lib/picket", "picket-moved"),
    ("mkdir -p /run/systemd/system && ln -s /root {} && rm {}",
     "/run/systemd/system/-.slice.d", "picket-unit"),
    ("mkdir -p /run/systemd/system/service.d; echo x > {}",
     "/run/systemd/system/service.d/x.conf", "units-of-a-type"),
    # That it is opened for writing is enough, and all that is done here.
    (": >> {}", "/proc/sys/kernel/ftrace_enabled", "kernel-probes-off"),
    (": >> {}", "/proc/sys/kernel/core_pattern", "kernel-helpers"),
    # SELinux by its name: few hosts of tests run under it.
    ("mkdir -p /sys/fs/selinux; echo 0 > {}",
     "/sys/fs/selinux/enforce", "mandatory-access-off"),
    # Those of the kernel by a mount of one's own, and by one file of it.
    ("mount -t proc none /mnt && : >> /mnt/sys/kernel/ftrace_enabled",
     "/mnt/sys/kernel/ftrace_enabled", "kernel-probes-off"),
    ("mount -t proc none /mnt && touch /root/m &&"
     " mount --bind /mnt/$$/mem /root/m && : >> {}", "/root/m",
     "process-memory-as-file"),
]

# A shell at the other end of a socket, by whatever interpreter runs this.
SOCKET_SHELL = """perl -MSocket -e '
    socketpair(A, B, AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die;
    open(STDIN, "<&A"); open(STDOUT, ">&A");
    if (!fork) { exec "/bin/sh", "-c", ":" } wait'"""

# What a server was made to do: by the name and place of one, which is a change
# of /usr/sbin in itself.
def by_server(name, command):
    return (f"cp /usr/bin/perl /usr/sbin/{name}; /usr/sbin/{name} -e "
            f"'system(\"{command}\")'")


CONNECT = """-MSocket -e '
    socket(S, PF_INET, SOCK_STREAM, 0) or die;
    connect(S, pack_sockaddr_in(9, INADDR_LOOPBACK))'"""
LISTEN = """-MSocket -e '
    socket(S, PF_INET, SOCK_STREAM, 0) or die;
    bind(S, pack_sockaddr_in(0, INADDR_LOOPBACK)) or die;
    listen(S, 1) or die'"""
IN_PLACE = ("system-programs", "high", "T1554")
# And back to where it was, which is told, and no alert so soon after the other.
CONFINE = """mount -t cgroup2 none /mnt && mkdir /mnt/picket-deed &&
    echo {picket} >/mnt/picket-deed/cgroup.procs
    echo {picket} >/mnt$(sed -n s/^0:://p /proc/self/cgroup)/cgroup.procs
    rmdir /mnt/picket-deed"""
# By the hierarchy that the processors are in, of version 2 or 1. Moved by another
# program than above: the same one's alert may come too soon after that.
SLOW = r"""mount -t cgroup2 none /mnt; file=cpu.weight of=0:
    if ! grep -qw cpu /mnt/cgroup.subtree_control; then
        umount /mnt; mount -t cgroup -o cpu none /mnt
        file=cpu.shares of='[0-9]*:cpu\(,[^:]*\)*'
    fi
    own=/mnt$(sed -n "s/^$of://p" /proc/{picket}/cgroup)
    mkdir /mnt/picket-deed && echo {picket} | tee /mnt/picket-deed/cgroup.procs
    echo 2 >/mnt/picket-deed/$file; slow=$?
    echo {picket} | tee $own/cgroup.procs
    rmdir /mnt/picket-deed && [ $slow = 0 ]"""
FREEZER = "/sys/fs/cgroup/x/picket-deed.service"

# What runs: the rules that say so, with severity and tag; none: silence. A list
# where one says it of two files. Each exception of the policy stands beside what only looks like it.
RUNS = [
    ("a dropped program", "cp /bin/true /tmp/x; /tmp/x",
     {("exec-from-world-writable", "high", "T1204.002")}),
    ("a dropped script", "printf '#!/bin/sh\\n' >/dev/shm/x; chmod +x "
     "/dev/shm/x; /dev/shm/x",
     {("script-from-world-writable", "high", "T1059")}),
    ("a program from memory", "{act_exec} memfd /bin/true",
     {("exec-from-memory", "critical", "T1620")}),
    ("a deleted program", "cp /bin/true /root/x; {act_exec} deleted /root/x",
     {("exec-of-deleted-file", "high", "T1070.004")}),
    ("a preloaded library", "cp $(ldd /bin/true | awk '/libc/ { print $3 }') "
     "/tmp/x.so; LD_PRELOAD=/tmp/x.so /bin/true",
     {("preload-from-world-writable", "high", "T1574.006")}),
    ("a preloaded library behind another",
     "cp $(ldd /bin/true | awk '/libc/ { print $3 }') /tmp/x.so; "
     "LD_PRELOAD=/none.so:/tmp/x.so /usr/bin/env true",
     {("preload-from-world-writable", "high", "T1574.006")}),
    ("a preloaded library of the system's", "LD_PRELOAD=libm.so.6 /bin/true",
     set()),
    ("a library found there", "cp $(ldd /bin/true | awk '/libc/ { print $3 }')"
     " /tmp/libc.so.6; LD_LIBRARY_PATH=/tmp /bin/true",
     {("load-from-world-writable", "high", "T1574.006")}),
    ("the loader as a way around", "cp /bin/true /tmp/x; chmod -x /tmp/x; "
     "$(ldd /bin/true | awk '/ld-linux/ { print $1 }') /tmp/x",
     {("loader-runs-from-world-writable", "high", "T1218")}),
    ("the loader with a program of the system's",
     "$(ldd /bin/true | awk '/ld-linux/ { print $1 }') /bin/true", set()),
    ("a shell on a socket", SOCKET_SHELL,
     {("shell-on-a-socket", "critical", "T1059.004")}),
    ("a shell on a socket, by what is called sshd", "cp /usr/bin/perl "
     "/root/sshd; " + SOCKET_SHELL.replace("perl", "/root/sshd", 1),
     {("shell-on-a-socket", "critical", "T1059.004")}),
    ("a shell with a socket for its output alone", "perl -MSocket -e '"
     "socketpair(A, B, AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die; "
     'open(STDOUT, ">&A"); exec "/bin/sh", "-c", ":"\'', set()),
    ("a server's shell", by_server("nginx", "/bin/sh -c : ; :"),
     {("system-programs", "high", "T1554"),
      ("server-runs-shell", "high", "T1505.003")}),
    ("the shell of what is called nginx", "cp /usr/bin/perl /root/nginx; "
     "/root/nginx -e 'system(\"/bin/sh -c : ; :\")'", set()),
    ("a copy that is called dpkg", "cp /usr/bin/tee /root/dpkg; "
     "echo x | /root/dpkg /etc/cron.d/x",
     {("cron-files", "high", "T1053.003")}),
    ("what a copy called dpkg starts", "cp /bin/sh /root/dpkg; /root/dpkg -c "
     "'tee /etc/cron.d/x </dev/null; :'",
     {("cron-files", "high", "T1053.003")}),
    ("a program in a user's runtime directory", "mkdir -p /run/user/0; "
     "cp /bin/true /run/user/0/x; /run/user/0/x",
     {("exec-from-runtime-directory", "medium", "T1204.002")}),
    ("a script in a user's runtime directory", "mkdir -p /run/user/0; "
     "printf '#!/bin/sh\\n' >/run/user/0/y; chmod +x /run/user/0/y; "
     "/run/user/0/y", {("script-from-runtime-directory", "medium", "T1059")}),
    ("a tool that hands a shell out", "cp /usr/bin/perl /usr/bin/socat; "
     "/usr/bin/socat " + LISTEN,
     {IN_PLACE, ("shell-listens", "high", "T1059.004")}),
    ("what a server fetches", "cp /usr/bin/perl /usr/bin/wget\n"
     f"cat >/root/fetch <<'END'\n/usr/bin/wget {CONNECT}\n:\nEND\n"
     + by_server("apache2", "/bin/sh /root/fetch"),
     [IN_PLACE, IN_PLACE, ("server-runs-shell", "high", "T1505.003"),
      ("server-child-connects", "high", "T1105")]),
    ("an account looked at by a server", by_server("haproxy", "/usr/bin/chage --help"),
     {IN_PLACE, ("server-child-administers", "high", "T1505.003")}),
    ("an account looked at by a person", "/usr/bin/chage --help", set()),
    ("another's memory as a file", "perl -e 'open(F, \"+<\", "
     "\"/proc/$$/mem\") or die'",
     {("process-memory-as-file", "high", "T1055.009")}),
    ("a signal to picket", "kill -URG {picket}; kill -STOP {picket}; "
     "kill -CONT {picket}", {("picket-signalled", "high", "T1562.001")}),
    ("a limit set on picket", "prlimit --pid {picket} --msgqueue=4711:",
     {("picket-crippled", "high", "T1562.001")}),
    ("picket moved into another cgroup", CONFINE,
     {("picket-confined", "high", "T1562.001")}),
    ("picket to be ended first", "echo 500 >/proc/{picket}/oom_score_adj",
     {("picket-starved", "high", "T1562.001")}),
    ("picket to be ended first, by one of its threads",
     "echo 500 >/proc/{picket}/task/{picket}/oom_score_adj",
     {("picket-starved", "high", "T1562.001")}),
    ("picket to be ended first, by another mount of proc",
     "mount -t proc none /mnt; echo 500 >/mnt/{picket}/oom_score_adj",
     {("picket-starved", "high", "T1562.001")}),
    ("the shipper's cursor moved", "mkdir -p /var/lib/picket/ship; "
     "echo x >/var/lib/picket/ship/cursor",
     {("picket-files", "high", "T1562.001"),
      ("picket-ship-files", "high", "T1562.001")}),
    ("picket traced", f"perl -e 'syscall({PTRACE}, 0x4206, {{picket}}, 0, 0)'",
     {("picket-traced", "critical", "T1562.001")}),
    ("picket's hook put out", "/usr/sbin/bpftool link detach id {link}",
     {("picket-bpf", "critical", "T1562.001")}),
    ("picket's cgroup frozen", f"mkdir -p {FREEZER}; echo 1 >{FREEZER}/"
     "cgroup.freeze", {("picket-frozen", "high", "T1562.001")}),
    ("picket's share of the processors", SLOW,
     {("picket-confined", "high", "T1562.001"),
      ("picket-starved", "high", "T1562.001")}),
]

# The same in a container, under the clusters' policy.
SPEAK = """perl -MSocket -e '
    mkdir "/run/containerd"; $a = pack_sockaddr_un("/run/containerd/containerd.sock");
    socket(L, PF_UNIX, SOCK_STREAM, 0) or die; bind(L, $a) or die;
    listen(L, 1); socket(S, PF_UNIX, SOCK_STREAM, 0); connect(S, $a) or die'"""
IN_A_CONTAINER = [
    ("a program of the image", "/bin/true; perl -e 1; ls / >/dev/null", set()),
    ("a script of the image", "/usr/bin/ldd /bin/true >/dev/null", set()),
    ("what an application writes", "echo x >/root/x; mv /root/x /var/log/x; "
     "mkdir -p /srv/cache; echo x >/srv/cache/x", set()),
    ("a program that came later", "cp /bin/true /srv/x; /srv/x",
     {("container-drift", "high", "T1105")}),
    # Opened for writing, and no more.
    ("what the kernel runs outside", ": >>/proc/sys/kernel/core_pattern",
     {("container-escape", "critical", "T1611")}),
    ("the runtime spoken to", SPEAK,
     {("container-calls-runtime", "high", "T1610")}),
    ("a static pod", "mkdir -p /etc/kubernetes; "
     "echo x >/etc/kubernetes/x.yaml",
     {("kubernetes-files", "high", "T1543.005")}),
    ("a network plug-in", "mkdir -p /opt/cni/bin; cp /bin/true /opt/cni/bin/x",
     {("network-plugins", "medium", "T1543")}),
]
