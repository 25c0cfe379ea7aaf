#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""After a loss of execs and exits the table of processes is put right by what
runs: what happens next is told under the right program."""
import contextlib
import os
import shutil
import signal
import subprocess

import record
from lib import (Agent, actor, equal, main, need_root, test, true, wait_for,
                 workdir)

# Of the smallest ring's records an exec takes a kilobyte.
FLOOD = 1500


@contextlib.contextmanager
def place():
    need_root()
    with workdir("heal") as directory:
        yield directory


def flood(tiny):
    for _ in range(FLOOD):
        subprocess.run([tiny], check=False, stdin=subprocess.DEVNULL)


@test
def exec_that_was_lost_is_looked_up(directory):
    tiny = actor("act_tiny", directory)
    shell = directory / "lost-shell"
    shutil.copy("/bin/sh", shell)
    target = directory / "written"
    with Agent(directory, "", sensor={"ring_size": "256K"},
               canary={"interval": "0s"}) as agent:
        agent.start()
        agent.freeze()
        try:
            flood(tiny)
            # Hardly room: its exec is lost, or was the last that fit.
            p = subprocess.Popen(
                [shell, "-c", f"read word && echo $word >{target}"],
                stdin=subprocess.PIPE)
            wait_for(lambda: os.readlink(f"/proc/{p.pid}/exe") == str(shell),
                     "the shell to run")
        finally:
            agent.process.send_signal(signal.SIGCONT)
        wait_for(lambda: "put right by what runs" in agent.log_text(),
                 "picket to look what runs")
        p.communicate(b"word\n")
        equal(p.returncode, 0, "the shell's exit code")
        wrote = wait_for(lambda: [
            r for r in agent.read("--kind", "write")
            if record.pid(r) == p.pid
            and r["write"].get("path") == str(target)], "its write")
        equal(record.exe(wrote[0]), os.fsencode(shell), "the program")
        told = [r for r in agent.read("--kind", "exec")
                if record.pid(r) == p.pid]
        true(told or wrote[0]["process"].get("snapshot"),
             "it says how it is known")
        true(not wrote[0]["process"].get("unknown"), "it is known")
        lost = [r for r in agent.read()
                if r.get("agent", {}).get("what") == "loss"]
        true(any(r["agent"]["facts"]["family"] == "exec" for r in lost),
             "execs were lost, and that was told")
        equal(agent.stop(), 0, "exit code")


if __name__ == "__main__":
    main(place)
