# SPDX-License-Identifier: Apache-2.0
"""A Debian system of its own, with systemd, under qemu: what fetch-debian put
together on a kernel that fetch-kernel got, and picket in it as `make install`
installs it. What is done to it is gone when it ends.

    with System() as guest:
        guest.run("systemctl is-active ssh")
"""
import base64
import os
import pathlib
import re
import select
import shutil
import socket
import subprocess
import tarfile
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = pathlib.Path(os.environ.get("BUILD") or ROOT / "build").resolve()
CACHE = pathlib.Path(os.environ.get("PICKET_VM_CACHE")
                     or BUILD / "vm").resolve()
KERNEL = "6.1"
COLLECTOR = "10.0.2.100:4318"
# Its side of that; without a name service, a route or anything else.
NETWORK = """
for _ in $(seq 600); do
    nic=$(ls /sys/class/net | grep -v '^lo$' | head -n 1)
    [ -z "$nic" ] || break
    sleep 0.1
done
ip address add 10.0.2.15/24 dev "$nic" && ip link set "$nic" up
"""
DRIVERS = ["virtio_pci", "virtio_blk", "virtio_console", "virtio_rng"]

# Mounts the disk, adds what is new to it once, and hands over.
INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t devtmpfs dev /dev
for module in /modules/*; do insmod $module; done
while ! [ -b /dev/vda ]; do sleep 0.1; done
mount -t ext4 /dev/vda /root
if ! [ -e /root/etc/picket-guest ]; then
    tar -C /root -xf /overlay.tar
    chroot /root /bin/sh /etc/picket-guest
fi
umount /proc
exec switch_root /root /sbin/init
"""

# The same machine as tests/vm/boot makes.
QEMU = ["qemu-system-x86_64", "-machine", "pc", "-cpu", "qemu64,-cx16",
        "-smp", "2", "-nographic", "-nodefaults", "-monitor", "none"]
# An emulated timer that is late on a busy machine is not a broken one.
APPEND = ("console=ttyS0 root=/dev/vda rw quiet no_timer_check "
          "systemd.show_status=false")


class Broken(Exception):
    """The guest, not what is tested in it."""


def fetch():
    """The kernel's and the disk's directories."""
    kernel, disk = CACHE / KERNEL, CACHE / "debian"
    for argv in ([HERE / "fetch-kernel", KERNEL, kernel],
                 [HERE / "fetch-debian", kernel, disk]):
        p = subprocess.run(argv, capture_output=True, text=True,
                           stdin=subprocess.DEVNULL)
        if p.returncode:
            raise Broken(p.stderr.strip() or f"{argv[0]} failed")
    return kernel, disk


def in_order(modules_dep, names):
    """Files of modules below /lib/modules/VERSION, those needed first."""
    needs = {}
    for line in modules_dep.read_text().splitlines():
        file, _, rest = line.partition(":")
        needs[file] = rest.split()
    stem = {pathlib.Path(f).name.split(".")[0].replace("-", "_"): f
            for f in needs}
    found = []
    for name in names:
        for file in [*reversed(needs[stem[name]]), stem[name]]:
            if file not in found:
                found.append(file)
    return found


def put_program(file, tree, name):
    """With the libraries it needs, if it needs any."""
    shutil.copy(file, tree / name)
    p = subprocess.run(["ldd", file], capture_output=True, text=True)
    for library in re.findall(r"(/\S+)", p.stdout if not p.returncode else ""):
        target = tree / library.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, target)


def install_into(directory):
    """What `make install` installs."""
    argv = ["make", "-s", f"BUILD={BUILD}", f"DESTDIR={directory}",
            "PREFIX=/usr", "install"]
    environ = {k: v for k, v in os.environ.items()
               if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    p = subprocess.run(argv, cwd=ROOT, env=environ, capture_output=True,
                       text=True)
    if p.returncode:
        raise Broken(f"make install: {p.stderr}")


class System:
    """files: {path in the guest: (text, mode)}; copies: {path in the guest:
    file here}; first: shell, once, in it, before it boots; memory in MiB;
    picket: as `make install` installs it, enabled; port: of this machine's
    loopback, which is COLLECTOR in there, and all that is to be reached."""

    def __init__(self, files=None, first="", memory=2048, picket=True,
                 copies=None, port=None):
        self.files, self.copies = dict(files or {}), dict(copies or {})
        self.first, self.memory, self.picket = first, memory, picket
        self.port = port
        self.dir = self.process = self.socket = None
        self.heard = b""
        self.count, self.booted = 0, 0.0

    def __enter__(self):
        base = BUILD / "vm" / "guest"
        base.mkdir(parents=True, exist_ok=True)
        kernel, disk = fetch()
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="system-", dir=base))
        try:
            self.console = BUILD / "vm" / "system.log"
            self._boot(kernel, disk, self._initramfs(kernel, disk))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.socket:
            self.socket.close()
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    # ---- putting together ---------------------------------------------------

    def _overlay(self, path):
        """What is put over the disk, all of it root's."""
        tree = self.dir / "overlay"
        tree.mkdir()
        if self.picket:
            install_into(tree)
        script = self.first
        if self.picket:
            script = ("systemd-sysusers\nsystemctl -q enable picket.service\n"
                      + script)
        self.files["/etc/picket-guest"] = (script, 0o600)
        for name, (text, mode) in self.files.items():
            target = tree / name.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
            target.chmod(mode)
        for name, file in self.copies.items():
            target = tree / name.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target)

        def roots(info):
            info.uid = info.gid = 0
            info.uname = info.gname = "root"
            return info
        with tarfile.open(path, "w") as tar:
            # Directories that are there keep their modes.
            for file in sorted(tree.rglob("*")):
                if not file.is_dir():
                    tar.add(file, file.relative_to(tree), filter=roots)

    def _initramfs(self, kernel, disk):
        tree = self.dir / "initramfs"
        for name in ("bin", "dev", "proc", "root", "modules"):
            (tree / name).mkdir(parents=True)
        put_program(shutil.which("busybox"), tree, "bin/busybox")
        modules = next((kernel / "root/lib/modules").iterdir())
        for n, file in enumerate(in_order(disk / "modules/modules.dep",
                                          DRIVERS)):
            shutil.copy(modules / file, tree / "modules" / f"{n:02}.ko")
        (tree / "init").write_text(INIT)
        (tree / "init").chmod(0o755)
        self._overlay(tree / "overlay.tar")
        image = self.dir / "initramfs.cpio"
        subprocess.run("find . | cpio --quiet -o -H newc >../initramfs.cpio",
                       shell=True, cwd=tree, check=True)
        return image

    # ---- running ------------------------------------------------------------

    def _boot(self, kernel, disk, initramfs):
        address = self.dir / "line"
        network = []
        if self.port:
            network = ["-device", "virtio-net-pci,netdev=net", "-netdev",
                       "user,id=net,restrict=on,guestfwd=tcp:"
                       f"{COLLECTOR}-cmd:"
                       f"{shutil.which('busybox')} nc 127.0.0.1 {self.port}"]
        with open(self.console, "wb") as log:
            self.process = subprocess.Popen(
                [*QEMU, "-m", str(self.memory), "-serial", "stdio",
                 "-kernel", kernel / "vmlinuz", "-initrd", initramfs,
                 "-append", APPEND,
                 "-drive", f"file={disk}/disk,format=raw,if=virtio,snapshot=on,"
                 "cache=unsafe",
                 "-device", "virtio-rng-pci", "-device", "virtio-serial-pci",
                 "-chardev", f"socket,id=line,path={address},server=on",
                 "-device", "virtserialport,chardev=line,name=picket.test",
                 *network],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, "TMPDIR": str(self.dir)})
        self.socket = socket.socket(socket.AF_UNIX)
        deadline = time.monotonic() + 30
        while True:
            try:
                self.socket.connect(str(address))
                break
            except OSError as error:
                self._alive()
                if time.monotonic() > deadline:
                    raise Broken(f"qemu listens to nobody: {error}")
                time.sleep(0.05)
        self.wait_up()

    def _alive(self):
        if self.process.poll() is not None:
            raise Broken(f"qemu ended with {self.process.returncode}; "
                         + self.last_words())
        if b"Kernel panic" in self.console.read_bytes():
            raise Broken("the kernel panicked; " + self.last_words())

    def last_words(self):
        text = self.console.read_text(errors="backslashreplace")
        return "the console said:\n" + "\n".join(text.splitlines()[-20:])

    def _read_line(self, seconds):
        deadline = time.monotonic() + seconds
        while b"\n" not in self.heard:
            if time.monotonic() > deadline:
                raise Broken(f"the guest said nothing for {seconds} s; "
                             + self.last_words())
            if not select.select([self.socket], [], [], 5)[0]:
                self._alive()
                continue
            more = self.socket.recv(1 << 20)
            if not more:
                self.process.wait(timeout=30)
                self._alive()
            self.heard += more
        line, self.heard = self.heard.split(b"\n", 1)
        return line.decode().split(" ")

    def wait_up(self, seconds=1200):
        """Until it takes orders: after the start, and after a reboot. Emulated
        on a busy machine a boot takes minutes; one that ended is told at once."""
        while True:
            words = self._read_line(seconds)
            if words[0] == "HELLO":
                self.booted = float(words[1])
                return

    def run(self, script, seconds=600):
        """(exit status, what it printed)"""
        self.count += 1
        self.socket.sendall(b"%d %s\n" % (
            self.count, base64.b64encode(script.encode())))
        words = self._read_line(seconds)
        if words[:2] != ["END", str(self.count)]:
            raise Broken(f"not an answer: {words!r}")
        output = base64.b64decode(words[3]) if len(words) > 3 else b""
        return int(words[2]), output

    def do(self, script, seconds=600):
        """What it printed, as text; it must succeed."""
        status, output = self.run(script, seconds)
        text = output.decode(errors="backslashreplace")
        if status != 0:
            raise Broken(f"exit status {status} of:\n{script}\n{text}")
        return text

    def get(self, path, to):
        """A file or directory out of it, as a tar archive."""
        status, output = self.run(f"tar -C / -cf - {path.lstrip('/')} | gzip")
        if status != 0:
            raise Broken(f"cannot read {path}: {output!r}")
        pathlib.Path(to).write_bytes(output)
