#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Starting and stopping: what is wrong is said in one place, with the right
exit code, and nothing is left half-started."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys

import record
from lib import (BUILD, Agent, Failure, Missing, contains, equal, main,
                 need_root, run, test, true, wait_for, workdir)

FAILED, USAGE, NO_HOOK, PRIVILEGE, CONFIG = 1, 2, 3, 4, 6

PRIVATE = ["unshare", "--mount", "--propagation", "private", "sh", "-ec"]


class Place:
    """A copy of picket where every user may run it, and a directory."""

    def __init__(self, directory):
        self.dir = directory
        self.picket = directory / "picket"
        shutil.copy(BUILD / "picket", self.picket)
        self.picket.chmod(0o755)
        self.count = 0

    def agent(self, policy="", **sections):
        self.count += 1
        return Agent(self.dir, policy, f"agent-{self.count}", **sections)

    def run(self, agent, prefix=(), *extra):
        """`picket run` that is expected to give up by itself."""
        try:
            p = run([*prefix, self.picket, "run", "--config", agent.config,
                     *extra])
        except subprocess.TimeoutExpired as late:
            raise Failure(f"picket runs instead of refusing: {late.stderr!r}")
        return p.returncode, p.stderr.decode(errors="replace"), p.stdout


@contextlib.contextmanager
def place():
    need_root()
    with workdir("start") as directory:
        yield Place(directory)


# ---- programs in the kernel -------------------------------------------------

def loaded():
    """Ids of all loaded programs of this build, by name."""
    tool = shutil.which("bpftool", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    if not tool:
        raise Missing("bpftool", "cannot list programs")
    listed = json.loads(run([tool, "prog", "show", "--json"]).stdout or "[]")
    ours = names_in_object(tool)
    return {p["id"] for p in listed if p.get("name") in ours}


def names_in_object(tool):
    """What our programs are called in the kernel: the first 15 bytes."""
    text = (BUILD / "gen" / "picket.skel.h").read_text()
    names = re.findall(r"struct bpf_program \*(\w+);", text)
    true(names, "the skeleton names no program")
    return {name[:15] for name in names}


def held_by(pid):
    """Ids of programs that a process holds, directly or by a link."""
    ids = set()
    # Processes and descriptors come and go while we look.
    with contextlib.suppress(OSError):
        for entry in os.scandir(f"/proc/{pid}/fdinfo"):
            with contextlib.suppress(OSError):
                text = pathlib.Path(entry.path).read_text()
                ids.update(int(n) for n in re.findall(
                    r"^prog_id:\s*(\d+)", text, re.M))
    return ids


def held():
    return set().union(*(held_by(name) for name in os.listdir("/proc")
                         if name.isdigit()))


@contextlib.contextmanager
def nothing_left(agent):
    """No program without an owner appears, and no journal."""
    before = loaded()
    yield
    # The kernel frees programs a grace period after their last user.
    wait_for(lambda: not (loaded() - before - held()),
             "programs to go: something of a failed start stayed attached")
    if agent:
        segments = [p.name for p in agent.journal.glob("*")] \
            if agent.journal.is_dir() else []
        equal(segments, [], "files in the journal after a failed start")


def refused(place, agent, code, says, prefix=(), extra=()):
    """picket run exits with code, and says each of the words on stderr."""
    got, text, out = place.run(agent, prefix, *extra)
    equal(got, code, f"exit code, having said:\n{text}")
    for word in says:
        true(re.search(word, text, re.I), f"no {word!r} in:\n{text}")
    equal(out, b"", "stdout is for data only")
    true(len(text.splitlines()) <= 6, f"more words than needed:\n{text}")


# ---- refusals ---------------------------------------------------------------

@test
def without_root_it_says_so_and_exits_4(place):
    agent = place.agent()
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    with nothing_left(agent):
        refused(place, agent, PRIVILEGE, ["root|privilege|capabilit"], nobody)


@test
def as_root_without_capabilities_it_exits_4(place):
    agent = place.agent()
    bare = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
    with nothing_left(agent):
        refused(place, agent, PRIVILEGE, ["root|privilege|capabilit"], bare)


# Runs a command that may call everything but bpf(2), as in a container whose
# runtime's profile asks for CAP_SYS_ADMIN.
NO_BPF = """
import ctypes, os, struct, sys
number = {"x86_64": 321, "aarch64": 280}[os.uname().machine]
code = b"".join(struct.pack("HBBI", *step) for step in (
    (0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, 0x50001),
    (0x06, 0, 0, 0x7fff0000)))
kept = ctypes.create_string_buffer(code, len(code))
program = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(kept))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, program, 0, 0) == 0
os.execvp(sys.argv[1], sys.argv[1:])
"""


@test
def where_a_seccomp_filter_refuses_bpf_it_names_it_and_exits_4(place):
    agent = place.agent()
    with nothing_left(agent):
        refused(place, agent, PRIVILEGE, ["seccomp", "though the capabilities"],
                [sys.executable, "-c", NO_BPF])


@test
def without_btf_it_names_what_is_missing_and_exits_3(place):
    agent = place.agent()
    hidden = [*PRIVATE, 'mount -t tmpfs none /sys/kernel/btf; exec "$@"', "sh"]
    with nothing_left(agent):
        refused(place, agent, NO_HOOK, ["BTF"], hidden)


@test
def a_backend_that_cannot_be_attached_is_named_and_exits_3(place):
    agent = place.agent()
    lines = [line for line in agent.config.read_text().splitlines()
             if not line.startswith("connect =")]
    lines.insert(lines.index("[sensor]") + 1, "connect = cgroup")
    agent.config.write_text("\n".join(lines) + "\n")
    hidden = [*PRIVATE, 'umount -l -a -t cgroup2; exec "$@"', "sh"]
    with nothing_left(agent):
        refused(place, agent, NO_HOOK,
                ["connect = cgroup: 'connect, IPv4': cgroup: no mount of the "
                 "unified hierarchy"], hidden)


BROKEN_POLICIES = [
    ("[allow a]\nevent = exec\ncolour = red\n", 3, "colour"),
    ("[allow a]\nevent = exec\nexe = /bin/a\n\n[deny a]\nevent = exec\n"
     "exe = /bin/b\n", 5, "a"),
    ("[allow net]\nevent = connect\ndest = 10.0.0.0/33\n", 3, "10.0.0.0/33"),
    ("[allow empty]\nevent = exec\nexe =\n", 3, "exe"),
    ("[allow long]\nevent = exec\nexe = /" + "x" * 70000 + "\n", 3, "70007"),
    ("[frobnicate a]\nevent = exec\n", 1, "frobnicate"),
    ("event = exec\n", 1, ""),
    ("[allow p]\nevent = connect\nport = 80-70\n", 3, "80-70"),
]


@test
def a_broken_policy_is_named_by_file_and_line_and_exits_6(place):
    for text, line, word in BROKEN_POLICIES:
        agent = place.agent(text)
        where = re.escape(f"50-test.ini:{line}: ")
        with nothing_left(agent):
            refused(place, agent, CONFIG, [where + ".*" + re.escape(word)])


@test
def one_broken_file_among_good_ones_stops_the_start(place):
    agent = place.agent("[allow a]\nevent = exec\nexe = /bin/a\n")
    (agent.policy / "90-local.ini").write_text("[allow b]\nevent = exek\n")
    with nothing_left(agent):
        refused(place, agent, CONFIG, [r"90-local\.ini:2: .*exek"])


@test
def a_missing_policy_directory_exits_6(place):
    agent = place.agent()
    shutil.rmtree(agent.policy)
    with nothing_left(agent):
        refused(place, agent, CONFIG, ["policy.d"])


@test
def a_broken_configuration_is_named_by_file_and_line_and_exits_6(place):
    for text, line, word in [
            ("[journal]\nmax_sise = 1G\n", 2, "max_sise"),
            ("[journal]\nmax_size = plenty\n", 2, "plenty"),
            ("[journal]\nmax_size = 8G\nmax_size = 9G\n", 3, "max_size"),
            ("[jornal]\nmax_size = 1G\n", 1, "jornal"),
            ("max_size = 1G\n", 1, "")]:
        agent = place.agent()
        agent.config.write_text(text)
        where = re.escape(f"agent.ini:{line}: ") + ".*" + re.escape(word)
        with nothing_left(agent):
            refused(place, agent, CONFIG, [where])
        p = run([place.picket, "check", "--config", agent.config])
        equal(p.returncode, CONFIG, "exit code of picket check")
        true(re.search(where, (p.stdout + p.stderr).decode()),
             f"picket check says {p.stderr!r}")


@test
def a_missing_configuration_exits_6(place):
    agent = place.agent()
    agent.config.unlink()
    with nothing_left(agent):
        refused(place, agent, CONFIG, ["agent.ini"])


@test
def check_accepts_what_run_accepts(place):
    agent = place.agent("[allow a]\nevent = exec\nexe = /bin/a\n")
    p = run([place.picket, "check", "--config", agent.config])
    equal(p.returncode, 0, f"exit code of picket check: {p.stderr!r}")


# ---- the journal ------------------------------------------------------------

@test
def a_file_in_place_of_the_journal_exits_1(place):
    agent = place.agent()
    agent.journal.write_text("not a directory\n")
    before = loaded()
    refused(place, agent, FAILED, [re.escape(str(agent.journal))])
    wait_for(lambda: not (loaded() - before - held()), "programs to go")
    equal(agent.journal.read_text(), "not a directory\n", "the file")


@test
def a_read_only_file_system_exits_1(place):
    agent = place.agent()
    agent.journal.mkdir()
    prefix = [*PRIVATE, f"mount -t tmpfs -o ro none '{agent.journal}'\n"
              'exec "$@"', "sh"]
    with nothing_left(agent):
        refused(place, agent, FAILED, ["read-only", "journal"], prefix)


@test
def a_journal_of_somebody_else_exits_1(place):
    agent = place.agent()
    agent.journal.mkdir(mode=0o755)
    os.chown(agent.journal, 65534, 65534)
    # Root may everything, and the agent has given that up by then.
    with nothing_left(agent):
        refused(place, agent, FAILED, ["denied|permitted|owner", "journal"])


@test
def a_journal_whose_parent_is_missing_exits_1(place):
    agent = place.agent(journal={"dir": place.dir / "no" / "such" / "dir"})
    with nothing_left(agent):
        refused(place, agent, FAILED, ["no/such"])


@test
def a_full_disk_exits_1(place):
    agent = place.agent()
    agent.journal.mkdir()
    prefix = [*PRIVATE, f"mount -t tmpfs -o size=64k none '{agent.journal}'\n"
              f"cat /dev/zero > '{agent.journal}/filler' 2>/dev/null || true\n"
              'exec "$@"', "sh"]
    with nothing_left(agent):
        refused(place, agent, FAILED, ["no space", "journal"], prefix)


@test
def a_disk_that_fills_up_stops_nothing_and_is_told(place):
    agent = place.agent()
    agent.journal.mkdir()
    inner = f"mount -t tmpfs -o size=64m none '{agent.journal}'\nexec \"$@\""
    with agent:
        agent.spawn(prefix=[*PRIVATE, inner, "sh"])
        # The same directory, as the agent's mount namespace has it.
        agent.journal = pathlib.Path(
            f"/proc/{agent.process.pid}/root{agent.journal}")
        agent.wait_watching()
        filler = agent.journal / "filler"
        with open(filler, "wb", buffering=0) as f:
            with contextlib.suppress(OSError):
                while True:
                    f.write(bytes(1 << 16))

        def touched(condition):
            # Each round is work to be journaled, so that it notices.
            run(["true"])
            return condition(agent.status())
        wait_for(lambda: touched(lambda s: s and s["journal"]["error"]),
                 "the status to tell that the disk is full", every=0.1)
        filler.unlink()
        status = wait_for(
            lambda: touched(lambda s: s and not s["journal"]["error"] and s),
            "the journal to be written again", every=0.1)
        mark = status["journal"]["next_seq"]
        wait_for(lambda: touched(lambda s: s
                                 and s["journal"]["sealed_seq"] > mark),
                 "new events to be durable", every=0.1)
        records = agent.read()
        equal(agent.stop(), 0, "exit code after the disk was full")
    equal(record.hole(records), None, "a hole in the numbers")


@test
def what_a_full_disk_never_took_is_lost_and_says_so(place):
    agent = place.agent()
    agent.journal.mkdir()
    inner = f"mount -t tmpfs -o size=2m none '{agent.journal}'\nexec \"$@\""
    with agent:
        agent.spawn(prefix=[*PRIVATE, inner, "sh"])
        agent.journal = pathlib.Path(
            f"/proc/{agent.process.pid}/root{agent.journal}")
        agent.wait_watching()
        with open(agent.journal / "filler", "wb", buffering=0) as f:
            with contextlib.suppress(OSError):
                while True:
                    f.write(bytes(1 << 12))

        def is_full():
            run(["true"])
            status = agent.status()
            return status and status["journal"]["error"]
        wait_for(is_full, "the status to tell that the disk is full",
                 every=0.1)
        equal(agent.stop(), FAILED, "exit code with a full disk")
    lost = re.search(r"(\d+) at the journal", agent.log_text())
    true(lost and int(lost[1]) > 0,
         f"a loss in the summary: {agent.log_text()}")


@test
def a_second_picket_on_one_journal_is_told_who_has_it(place):
    with place.agent() as agent:
        agent.start()
        first = agent.process.pid
        before = agent.status()["journal"]
        second = Agent(place.dir, "", "second",
                       journal={"dir": agent.journal})
        held_before = loaded()
        refused(place, second, FAILED, [rf"\b{first}\b"])
        wait_for(lambda: not (loaded() - held_before - held()),
                 "the second one's programs to go")
        after = agent.status()["journal"]
        equal((after["epoch"], after["id"]), (before["epoch"], before["id"]),
              "the first one's journal")
        equal(agent.stop(), 0, "exit code of the first")


# ---- usage ------------------------------------------------------------------

@test
def an_unknown_command_or_option_exits_2(place):
    agent = place.agent()
    for argv, word in [
            (["frobnicate"], "frobnicate"),
            (["run", "--config", agent.config, "--frobnicate"], "frobnicate"),
            (["run", "--config"], "config"),
            (["run", "--config", agent.config, "surplus"], "surplus"),
            (["tail", "--journal", place.dir, "--from", "yesterday"],
             "yesterday"),
            (["tail", "--journal", place.dir, "--kind", "exec,sleep"],
             "sleep"),
            (["status", "--frobnicate"], "frobnicate"),
            ([], "picket")]:
        p = run([place.picket, *argv])
        equal(p.returncode, USAGE, f"exit code of {argv}: {p.stderr!r}")
        contains(p.stderr.decode(), word, f"what {argv} says")
        equal(p.stdout, b"", "stdout is for data only")
    true(not agent.journal.exists(), "a usage error made a journal")


@test
def help_and_version_are_data(place):
    for argv in (["--help"], ["--version"], ["run", "--help"]):
        p = run([place.picket, *argv])
        equal(p.returncode, 0, f"exit code of {argv}: {p.stderr!r}")
        true(p.stdout.strip(), f"{argv} prints nothing")


@test
def status_and_tail_of_no_journal_exit_1(place):
    nowhere = place.dir / "nowhere"
    for argv in (["status", "--journal", nowhere],
                 ["tail", "--journal", nowhere, "--no-follow"]):
        p = run([place.picket, *argv])
        equal(p.returncode, FAILED, f"exit code of {argv[0]}: {p.stderr!r}")
        contains(p.stderr.decode(), "nowhere", f"what {argv[0]} says")


# ---- stopping ---------------------------------------------------------------

@test
def ctrl_c_prints_the_summary_and_exits_0(place):
    for signum in (signal.SIGINT, signal.SIGTERM):
        with place.agent() as agent:
            agent.start()
            ids = held_by(agent.process.pid)
            true(ids, "a picket that watches holds no programs")
            run(["true"])
            equal(agent.stop(signum), 0, f"exit code:\n{agent.log_text()}")
            text = agent.log_text()
            for word in ("seen", "kept", "shipped", "lost"):
                contains(text, word, "the summary")
            wait_for(lambda: not (loaded() & ids), "our programs to go")
            true(not (agent.journal / "status.sock").exists(),
                 "the status socket is left behind")
            last = agent.read()[-1]
            equal(last.get("agent", {}).get("what"), "stopped", "the last record")


@test
def after_a_clean_stop_numbering_goes_on_in_the_same_epoch(place):
    with place.agent() as agent:
        agent.start()
        agent.stop()
        last = agent.read()[-1]
        agent.start()
        status = agent.status()["journal"]
        agent.stop()
        records = agent.read()
    equal(status["epoch"], last["epoch"], "epoch after a clean stop")
    equal(record.hole(records), None, "a hole in the numbers")


@test
def after_a_kill_a_new_epoch_goes_on_numbering(place):
    with place.agent() as agent:
        agent.start()
        agent.process.kill()
        agent.process.wait()
        last = agent.read()[-1]
        agent.start()
        epoch = agent.status()["journal"]["epoch"]
        agent.stop()
        records = agent.read()
    true(epoch > last["epoch"], f"epoch {epoch} after {last['epoch']}")
    equal(record.hole(records), None, "a hole in the numbers")
    whats = [r["agent"]["what"] for r in records if r["kind"] == "agent"]
    contains(whats, "unclean", "what the journal says of the kill")


# ---- what is made for others ------------------------------------------------

@test
def in_a_group_of_its_own_it_makes_the_shippers_directories(place):
    """As in a pod, where the shipper may make none: it is not root."""
    group = 64997
    for name, prefix in (("shared", ["setpriv", f"--regid={group}",
                                     "--clear-groups"]), ("alone", [])):
        agent = place.agent(collector={"url": "http://127.0.0.1:9"})
        with open(agent.config, "a") as config:
            config.write(f"\n[collector soc]\nurl = http://127.0.0.1:9\n"
                         f"state_dir = {agent.dir}/soc\n")
        with agent:
            agent.start(prefix=prefix)
            made = {d.name: (d.stat().st_gid, oct(d.stat().st_mode & 0o7777))
                    for d in (agent.state, agent.dir / "soc") if d.exists()}
            equal(made, {d: (group, "0o2770") for d in ("ship", "soc")
                         if name == "shared"}, f"directories of the one {name}")
            equal(agent.stop(), 0, "exit code")


if __name__ == "__main__":
    main(place)
