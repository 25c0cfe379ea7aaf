#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A restart without a hole: what happens while no picket runs is in the
journal afterwards, once, under the process that did it, or is counted as
lost; and what is stopped leaves nothing in the kernel."""
import contextlib
import ctypes
import datetime
import errno
import json
import os
import shutil
import signal
import struct
import subprocess
import threading

import record
from lib import (ACTORS, PATIENCE, PICKET, POLICY, Agent, act, contains, equal,
                 main, need_root, run, test, true, wait_for, workdir)

OTHER = ACTORS / "picket-other"
ALIEN = ACTORS / "picket-alien"


class Place:
    """A directory with a bpf file system of its own."""

    def __init__(self, directory):
        self.dir = directory
        self.bpf = directory / "bpf"
        self.pins = self.bpf / "picket"
        self.made = 0

    def agent(self, policy="", **sensor):
        self.made += 1
        return Agent(self.dir, policy, name=f"agent-{self.made}",
                     sensor={"pin_dir": self.pins, **sensor},
                     canary={"interval": "0s"})


@contextlib.contextmanager
def place():
    need_root()
    with workdir("restart") as directory:
        (directory / "bpf").mkdir()
        subprocess.run(["mount", "-t", "bpf", "bpf", directory / "bpf"],
                       check=True)
        try:
            yield Place(directory)
        finally:
            subprocess.run(["umount", directory / "bpf"], check=True)


class Bpf:
    """bpf(2) on what is pinned: so that the kernel itself says what it has."""

    NUMBER = {"x86_64": 321, "aarch64": 280}[os.uname().machine]
    LOOKUP, GET, PROGRAM_BY_ID, INFO, DETACH = 1, 7, 13, 15, 34

    def __init__(self):
        self.libc = ctypes.CDLL(None, use_errno=True)

    def call(self, command, layout, *values):
        attr = ctypes.create_string_buffer(struct.pack(layout, *values), 128)
        r = self.libc.syscall(self.NUMBER, command, attr, len(attr))
        if r < 0:
            raise OSError(ctypes.get_errno(), f"bpf command {command}")
        return r

    def open(self, pin):
        path = ctypes.create_string_buffer(os.fsencode(pin))
        return self.call(self.GET, "QII", ctypes.addressof(path), 0, 0)

    def program(self, pin):
        """The id of a program."""
        info = ctypes.create_string_buffer(256)
        fd = self.open(pin)
        try:
            self.call(self.INFO, "IIQ", fd, len(info), ctypes.addressof(info))
        finally:
            os.close(fd)
        return struct.unpack_from("II", info)[1]

    def detach(self, pin):
        """What a link attached, while it stays where it is."""
        fd = self.open(pin)
        try:
            self.call(self.DETACH, "I", fd)
        finally:
            os.close(fd)

    def is_there(self, program):
        try:
            os.close(self.call(self.PROGRAM_BY_ID, "II", program, 0))
        except OSError as error:
            if error.errno == errno.ENOENT:
                return False
            raise
        return True

    def value(self, fd, number, size):
        key = ctypes.c_uint32(number)
        value = ctypes.create_string_buffer(size)
        self.call(self.LOOKUP, "IIQQQ", fd, 0, ctypes.addressof(key),
                  ctypes.addressof(value), 0)
        return value.raw


bpf = Bpf()


class Counters:
    """The kernel's own, held on to when everybody else has let go."""

    FAMILIES = ("fork", "exec", "exit", "connect", "write", "cgroup",
                "listen", "load", "tamper")

    def __init__(self, pin):
        self.fd = bpf.open(pin)
        with open("/sys/devices/system/cpu/possible") as f:
            self.cpus = int(f.read().strip().split("-")[-1]) + 1

    def lost(self):
        """By family, over all CPUs; none where nothing was lost."""
        sums = {}
        for number, family in enumerate(self.FAMILIES):
            # made, lost, skipped, summed of each CPU
            words = struct.unpack(f"{4 * self.cpus}Q", bpf.value(
                self.fd, number, 32 * self.cpus))
            if sum(words[1::4]):
                sums[family] = sum(words[1::4])
        return sums

    def close(self):
        os.close(self.fd)


class Load:
    """Shells under a name nobody else has, one after the other: each lives
    for a moment, makes a file of its own, and dies."""

    def __init__(self, directory):
        self.dir = directory / f"load-{os.urandom(4).hex()}"
        self.dir.mkdir()
        # By its own name: busybox goes by it.
        self.shell = self.dir / "sh"
        shutil.copy("/bin/sh", self.shell)
        self.pids = []
        self.ending = False
        self.thread = threading.Thread(target=self._run)

    def step(self):
        name = self.dir / f"file-{len(self.pids)}"
        pid, _ = act([self.shell, "-c", f"echo x >{name}"])
        self.pids.append(pid)

    def _run(self):
        while not self.ending:
            self.step()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ending = True
        self.thread.join()

    def more(self, count):
        """Until so many more have lived."""
        want = len(self.pids) + count
        wait_for(lambda: len(self.pids) >= want, f"{count} more shells")


def kind(records, name):
    return [r for r in records if r["kind"] == name]


def losses(records, in_the_ring=False):
    """What agent events say was lost, by family: all of it, or only what found
    no room in the ring, whoever's it was."""
    sums = {}
    for r in kind(records, "agent"):
        facts = r["agent"].get("facts", {})
        if r["agent"]["what"] != "loss" or "count" not in facts:
            continue
        family = facts.get("family", "unexplained")
        if in_the_ring and ("files" in facts or
                            family in ("records", "unexplained")):
            continue
        sums[family] = sums.get(family, 0) + int(facts["count"])
    return sums


def check_load(load, records):
    """Each shell: one exec, one exit, one file, all by the same process, and
    nothing twice. What is missing was counted: others make floods, too."""
    shell = os.fsencode(load.shell)
    by_pid = {}
    for r in records:
        if record.exe(r) == shell and r["kind"] in ("exec", "exit", "write"):
            by_pid.setdefault(record.pid(r), []).append(r)
    spare = losses(records, in_the_ring=True)
    wrong = []
    for number, pid in enumerate(load.pids):
        mine = by_pid.get(pid, [])
        path = os.fsencode(load.dir / f"file-{number}")
        counts = {
            "exec": len(kind(mine, "exec")),
            "exit": len(kind(mine, "exit")),
            "write": len([r for r in kind(mine, "write")
                          if record.operation(r) == "open"
                          and record.path(r) == path]),
        }
        for family, count in counts.items():
            if count == 0 and spare.get(family, 0) > 0:
                spare[family] -= 1
            elif count != 1:
                told = [(r["kind"], record.exe(r), record.key(r))
                        for r in records if record.pid(r) == pid]
                wrong.append(f"shell {number}, pid {pid}: {counts}, all that "
                             f"is told of it: {told}")
        who = {record.process_id(r) for r in mine}
        if len(who) > 1:
            wrong.append(f"shell {number}, pid {pid}: {len(who)} processes")
    true(not wrong, f"{len(wrong)} of {len(load.pids)}:\n"
         + "\n".join(wrong[:10]))


def check_all_explained(agent, records):
    """Nothing but floods of others took room, and all that was made is known."""
    sums = losses(records)
    for family in losses(records, in_the_ring=True):
        sums.pop(family)
    # Repeats by whoever was running; none of ours writes a file twice.
    sums.pop("write", None)
    equal(sums, {}, "losses")
    contains(agent.log_text(), " 0 unexplained", "the last line")


def programs(place):
    """Ids of the programs that are pinned."""
    ids = [bpf.program(path) for path in place.pins.glob("*/prog_*")]
    true(len(ids) > 10, f"pinned programs: {ids}")
    return ids


def check_nothing_left(place, ids):
    equal(os.listdir(place.bpf), [f for f in os.listdir(place.bpf)
                                  if f.endswith(".debug")],
          "what is left in the bpf file system")
    wait_for(lambda: not any(bpf.is_there(i) for i in ids),
             lambda: f"programs to go: {[i for i in ids if bpf.is_there(i)]}")


def kill(agent):
    agent.process.kill()
    agent.process.wait()


@test
def a_limit_that_ends_it_is_an_alert_afterwards(p):
    """Its next write ends it, by a signal that it seems to send itself: who set
    the limit waits in the ring."""
    with p.agent(POLICY) as agent:
        agent.start()
        pid, _ = act(["prlimit", "--pid", str(agent.process.pid),
                      "--fsize=0:0"])
        wait_for(lambda: agent.process.poll() is not None,
                 "picket to end by the limit")
        equal(agent.process.returncode, -signal.SIGXFSZ, "how it ended")
        ended = agent.process.pid
        agent.start()
        found = wait_for(
            lambda: [r for r in agent.read("--kind", "tamper")
                     if record.pid(r) == pid], "the limit in the journal")
        equal(len(found), 1, "events")
        equal(record.judged(found[0])[1:], ("picket-crippled", True), "alert")
        equal(record.exe(found[0]), b"/usr/bin/prlimit", "who")
        equal(found[0]["tamper"]["resource"], "fsize", "resource")
        equal(found[0]["tamper"]["limit"], {"soft": 0, "hard": 0}, "limit")
        equal(found[0]["tamper"]["target_pid"], ended, "target")
        equal(agent.stop(signal.SIGTERM), 0, "exit code")


def restart_under_load(place, second):
    with place.agent() as agent:
        agent.start()
        before = programs(place)
        with Load(place.dir) as load:
            load.more(40)
            kill(agent)
            load.more(40)
            true(all(bpf.is_there(i) for i in before), "the programs run on")
            agent.program = second
            agent.start()
            load.more(40)
        after = programs(place)
        equal(agent.stop(signal.SIGTERM), 0, "exit code")
        records = agent.read()
        check_load(load, records)
        check_all_explained(agent, records)
        check_nothing_left(place, before + after)
        return records, before, after


@test
def killed_and_started_again_nothing_is_missing_or_twice(place):
    records, before, after = restart_under_load(place, PICKET)
    equal(sorted(after), sorted(before), "programs")
    texts = [r["agent"]["text"] for r in kind(records, "agent")
             if r["agent"]["what"] == "unclean"]
    contains("\n".join(texts), "waited in the kernel", "what is said of it")


@test
def killed_and_another_build_started_nothing_is_missing_or_twice(place):
    _, before, after = restart_under_load(place, OTHER)
    true(not set(before) & set(after), "the programs are others")


class Old:
    """A shell under a name of its own, which does something when told to."""

    def __init__(self, directory, name):
        self.exe = directory / f"{name}-{os.urandom(4).hex()}" / "sh"
        self.exe.parent.mkdir()
        self.file = self.exe.with_name("file")
        shutil.copy("/bin/sh", self.exe)
        # The file is the fork's, which runs what the shell runs.
        self.process = subprocess.Popen(
            [self.exe, "-c", f"read x; (echo $x >{self.file}); exit 0"],
            stdin=subprocess.PIPE)
        wait_for(lambda: os.readlink(f"/proc/{self.process.pid}/exe")
                 == str(self.exe), "the shell to run")

    def end(self):
        self.process.communicate(b"word\n")
        equal(self.process.returncode, 0, "the shell's exit code")

    def check(self, records):
        mine = [r for r in records if record.pid(r) == self.process.pid]
        wrote = [r for r in kind(records, "write")
                 if record.path(r) == os.fsencode(self.file)
                 and record.operation(r) == "open"]
        equal(len(kind(mine, "exit")), 1, f"exits of {self.exe}")
        equal(len(wrote), 1, f"files written by {self.exe}")
        for r in kind(mine, "exit") + wrote:
            equal(record.exe(r), os.fsencode(self.exe), f"who did {r}")
            true(not record.process(r).get("unknown"), f"it is known: {r}")
        true(self.process.pid in [record.pid(wrote[0]),
                                  *(p["pid"] for p in
                                    record.ancestors(wrote[0]))],
             f"the file's line: {wrote[0]}")


@test
def who_ended_before_the_next_start_is_known_however_old(place):
    with place.agent(ring_size="256K") as agent:
        # One is known by the snapshot alone and does nothing in between.
        before = Old(place.dir, "before")
        agent.start()
        after = Old(place.dir, "after")
        # More than the ring holds: of its history nothing tells of them.
        with Load(place.dir) as load:
            load.more(300)
        kill(agent)
        before.end()
        after.end()
        agent.start()
        equal(agent.stop(signal.SIGTERM), 0, "exit code")
        records = agent.read()
        before.check(records)
        after.check(records)


@test
def stopped_for_an_upgrade_it_leaves_the_kernel_side_running(place):
    with place.agent() as agent:
        agent.start()
        ids = programs(place)
        with Load(place.dir) as load:
            load.more(40)
            equal(agent.stop(signal.SIGUSR2), 0, "exit code")
            true(all(bpf.is_there(i) for i in ids), "the programs run on")
            load.more(40)
            agent.start()
            load.more(40)
        equal(agent.stop(signal.SIGTERM), 0, "exit code")
        records = agent.read()
    check_load(load, records)
    check_all_explained(agent, records)
    check_nothing_left(place, ids)
    equal({r["epoch"] for r in records}, {records[0]["epoch"]}, "epochs")


def blocks(pid, signum):
    with open(f"/proc/{pid}/status", encoding="utf-8") as f:
        mask = next(line for line in f if line.startswith("SigBlk:"))
    return int(mask.split()[1], 16) >> (signum - 1) & 1


def ended_while_it_loads(place, agent):
    """SIGTERM as soon as it has its pin directory: loading comes next."""
    agent.spawn()
    wait_for(lambda: (place.pins / "holder").exists()
             or agent.process.poll() is not None, "it to take the directory")
    return agent.stop(signal.SIGTERM)


@test
def ended_while_its_programs_load_it_leaves_nothing(place):
    with place.agent() as agent:
        # A machine may load them all between two looks of ours.
        for _ in range(10):
            equal(ended_while_it_loads(place, agent), 0, "exit code")
            check_nothing_left(place, [])
            if "being loaded" in agent.log_text():
                break
        contains(agent.log_text(), "stopped by signal 15 from pid "
                 f"{os.getpid()} while the programs were being loaded",
                 "the log")
        equal(os.path.exists(agent.journal), False, "a journal")


@test
def ended_while_it_starts_it_keeps_what_waited_in_the_kernel(place):
    with place.agent() as agent:
        agent.start()
        ids = programs(place)
        kill(agent)
        with Load(place.dir) as load:
            load.more(40)
        agent.program = OTHER
        agent.spawn()
        wait_for(lambda: blocks(agent.process.pid, signal.SIGTERM),
                 "it to take signals")
        equal(agent.stop(signal.SIGTERM), 0, "exit code")
        check_load(load, agent.read())
        check_nothing_left(place, ids)


def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat(
        timespec="milliseconds").replace("+00:00", "Z")


def coverage(agent, when):
    """What `picket coverage` says of execs at that time."""
    p = run([PICKET, "coverage", "--journal", agent.journal, "--json",
             "--kind", "exec", "--at", when])
    equal(p.returncode, 0, f"exit code; it said {p.stderr!r}")
    return json.loads(p.stdout)


def lost_then(agent, when):
    return [b for b in coverage(agent, when)["because"] if b["what"] == "lost"]


@test
def records_that_mean_something_else_are_counted(place):
    with place.agent() as agent:
        agent.start()
        ids = programs(place)
        quiet = now()
        with Load(place.dir) as load:
            load.more(5)
        kill(agent)
        with Load(place.dir) as missed:
            missed.more(10)
            dead = now()
            missed.more(10)
        agent.program = ALIEN
        agent.start()
        with Load(place.dir) as seen:
            seen.more(20)
        ids += programs(place)
        equal(agent.stop(), 0, "exit code")
        records = agent.read()
        true(lost_then(agent, dead), "coverage knows of the loss")
        equal(lost_then(agent, quiet), [], "what was lost at another time")
    check_load(seen, records)
    true(not [r for r in records if record.exe(r)
              == os.fsencode(missed.shell)], "what cannot be read is not told")
    # A fork, an exec, an exit and a file at least for each shell.
    lost = losses(records).get("records", 0)
    true(lost >= 4 * len(missed.pids), f"{lost} records of another layout "
         f"for {len(missed.pids)} shells")
    check_nothing_left(place, ids)


@test
def what_overflowed_is_told_once_over_two_kills(place):
    with place.agent(ring_size="256K") as agent:
        agent.start()
        pin, = place.pins.glob("*/map_counters")
        counters = Counters(pin)
        for _ in range(2):
            kill(agent)
            with Load(place.dir) as load:
                load.more(200)
            agent.start()
            # Some of it is told, and may not be durable, when it dies again.
            wait_for(lambda: losses(agent.read(), True), "a loss to be told")
        equal(agent.stop(signal.SIGTERM), 0, "exit code")
        lost = counters.lost()
        counters.close()
        true(lost.get("exec", 0) > 0, f"an overflow: {lost}")
        equal(losses(agent.read(), in_the_ring=True), lost, "losses told")
        contains(agent.log_text(), " 0 unexplained", "the last line")


@test
def nobody_is_unknown_at_a_start_and_at_an_end(place):
    with place.agent() as agent, contextlib.ExitStack() as stack:
        loads = [stack.enter_context(Load(place.dir)) for _ in range(3)]
        for _ in range(3):
            agent.start()
            loads[0].more(10)
            equal(agent.stop(signal.SIGTERM), 0, "exit code")
        of_ours = {str(load.dir): os.fsencode(load.shell) for load in loads}
        wrote = [r for r in kind(agent.read(), "write")
                 if os.path.dirname(os.fsdecode(record.path(r))) in of_ours]
        true(len(wrote) >= 30, f"{len(wrote)} writes")
        nameless = [r for r in wrote if record.exe(r) not in of_ours.values()]
        equal(nameless, [], "writes of somebody else, or of nobody")


@test
def second_picket_on_the_same_pins_says_who_runs(place):
    with place.agent() as first, place.agent() as second:
        first.start()
        p = second.spawn()
        equal(p.wait(PATIENCE), 1, "exit code")
        text = second.log_text()
        contains(text, f"pid {first.process.pid} since ", "the refusal")
        contains(text, str(first.journal), "the refusal")
        # Nothing of the first one's was touched.
        with Load(place.dir) as load:
            load.more(5)
        first.stop()
        check_load(load, first.read())


@test
def without_a_bpf_file_system_it_runs_and_says_what_is_missing(place):
    with place.agent(pin_dir=place.dir / "plain") as agent:
        agent.start()
        trouble = agent.status()["pin_trouble"]
        with Load(place.dir) as load:
            load.more(5)
        # For an upgrade: there is nothing that it could leave running.
        equal(agent.stop(signal.SIGUSR2), 0, "exit code")
        records = agent.read()
        check_load(load, records)
        check_all_explained(agent, records)
        true("goes on" not in records[-1]["agent"]["text"],
             f"it says that the kernel side goes on: {records[-1]}")
        contains(trouble, "is not in a bpf file system", "the status")
        contains(agent.log_text(), trouble, "the log")
        true(not (place.dir / "plain").exists(), "nothing was made")


@test
def plain_directory_of_somebody_is_left_as_it_is(place):
    plain = place.dir / "somebodys"
    plain.mkdir()
    with place.agent(pin_dir=plain) as agent:
        agent.start()
        equal(agent.stop(), 0, "exit code")
    true(plain.is_dir(), "the directory is still there")


@test
def directory_that_others_may_write_to_is_not_used(place):
    open_dir = place.bpf / "open"
    open_dir.mkdir()
    open_dir.chmod(0o777)
    with place.agent(pin_dir=open_dir) as agent:
        agent.start()
        equal(agent.stop(), 0, "exit code")
        contains(agent.log_text(), "others may write", "the log")
    open_dir.rmdir()


@test
def pins_that_somebody_takes_away_are_put_back_and_he_is_named(place):
    with place.agent() as agent:
        agent.start()
        pins = sorted(place.pins.glob("*/link_*"))
        remover, _ = act(["/bin/rm", *pins[:3]])
        # Three at once, or as rm comes to them.
        wait_for(lambda: sum(int(r["agent"]["facts"]["pins"])
                             for r in kind(agent.read(), "agent")
                             if r["agent"]["what"] == "blinded") == 3,
                 "three pins to be missed")
        wait_for(lambda: sorted(place.pins.glob("*/link_*")) == pins, "links")
        equal(len([r for r in kind(agent.read(), "write")
                   if record.operation(r) == "unlink"
                   and record.pid(r) == remover]), 3, "unlinks told")
        kill(agent)
        with Load(place.dir) as load:
            load.more(10)
        agent.start()
        contains(agent.log_text(), "went on with the programs", "the log")
        equal(agent.stop(signal.SIGTERM), 0, "exit code")
        check_load(load, agent.read())


def put_out_while_no_picket_runs(place, links, put_out):
    with place.agent(connect="cgroup") as agent:
        agent.start()
        ids = programs(place)
        kill(agent)
        links = list(place.pins.glob(links))
        for link in links:
            put_out(link)
        with Load(place.dir) as load:
            load.more(5)
        dead = now()
        agent.start()
        equal(agent.stop(signal.SIGTERM), 0, "exit code")
        told = [r["agent"] for r in kind(agent.read(), "agent")]
        equal([a["facts"] for a in told if a["what"] == "blinded"],
              [{"hooks": str(len(links))}], "how many")
        contains("\n".join(a["text"] for a in told
                           if a["what"] == "unclean"),
                 "was not all seen", "what is said of the time")
        equal(coverage(agent, dead)["answer"], "no", "coverage of it")
        check_nothing_left(place, ids)


@test
def hooks_put_out_while_no_picket_ran_are_told(place):
    put_out_while_no_picket_runs(place, "*/link_*", os.unlink)
    put_out_while_no_picket_runs(place, "*/link_connect4_cgroup", bpf.detach)


@test
def who_killed_picket_is_told_by_the_next(place):
    with place.agent() as agent:
        agent.start()
        killed = agent.process.pid
        killer, _ = act(["/bin/sh", "-c", 'kill -KILL "$1"', "sh",
                         str(killed)])
        agent.process.wait()
        agent.start()
        equal(agent.stop(signal.SIGTERM), 0, "exit code")
        told = [r for r in kind(agent.read(), "tamper")
                if record.pid(r) == killer]
        equal(len(told), 1, "events of the kill")
        equal(told[0]["tamper"]["arg"], signal.SIGKILL, "signal")
        equal(told[0]["tamper"]["target_pid"], killed, "target")
        true(told[0]["tamper"]["of_picket"], "of picket")


if __name__ == "__main__":
    main(place)
