#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""[rules] watch: a policy that changes on the disk is taken by itself, whole:
files that people edit, and a ConfigMap's volume as the kubelet swaps it."""
import contextlib
import os

import lib
from lib import Agent, contains, equal, main, test, wait_for, workdir

RULES = "[deny {0}]\nevent = exec\nexe = /nobody/{0}\n"


class Volume:
    """What the kubelet does (its AtomicWriter): a directory of its own for
    each state, a link "..data" to the newest that is renamed into place, names
    that are links through that."""

    def __init__(self, path):
        self.path, self.count = path, 0

    def put(self, files):
        self.count += 1
        state = self.path / f"..2026_11_27_00_00_{self.count:02}.1"
        state.mkdir()
        for name, text in files.items():
            (state / name).write_text(text)
        link = self.path / "..data"
        old = os.readlink(link) if link.is_symlink() else None
        new = self.path / "..data_tmp"
        new.symlink_to(state.name)
        new.rename(link)
        for name in files:
            if not (self.path / name).is_symlink():
                (self.path / name).symlink_to(f"..data/{name}")
        for entry in list(self.path.iterdir()):
            if entry.name[:2] != ".." and entry.name not in files:
                entry.unlink()
        if old:
            for file in (self.path / old).iterdir():
                file.unlink()
            (self.path / old).rmdir()


def put(file, text):
    """Whole or not at all: between two writes a look may fall."""
    new = file.with_suffix(".new")
    new.write_text(text)
    new.rename(file)


@contextlib.contextmanager
def ground():
    lib.need_root()
    yield None


@contextlib.contextmanager
def watching(name, policy=""):
    with workdir(name) as directory:
        with Agent(directory, policy, rules={"watch": "yes"}) as agent:
            yield agent


def in_force(agent):
    s = agent.status()
    return s and s["policy"]["generation"], s and s["policy"]["rules"]


def taken(agent, generation, rules):
    wait_for(lambda: in_force(agent) == (generation, rules),
             lambda: f"generation {generation} of {rules} rules, not "
                     f"{in_force(agent)}; its log:\n{agent.log_text()}")


@test
def a_volume_that_is_swapped_is_taken(_):
    with watching("volume") as agent:
        (agent.policy / "50-test.ini").unlink()
        volume = Volume(agent.policy)
        volume.put({"a.ini": RULES.format("a"), "b.ini": RULES.format("b")})
        agent.start()
        taken(agent, 1, 2)
        volume.put({"a.ini": RULES.format("a"), "c.ini": RULES.format("c")
                    + RULES.format("d")})
        taken(agent, 2, 3)
        volume.put({"c.ini": RULES.format("c")})
        taken(agent, 3, 1)
        last = wait_for(lambda: next((f for f in agent.facts("policy")
                                      if f["generation"] == "3"), None),
                        "the event")
        equal(last["by"], "watch", "who asked")
        contains(agent.log_text(), "policy reloaded", "its log")


@test
def a_wrong_state_changes_nothing_until_it_is_mended(_):
    with watching("wrong") as agent:
        (agent.policy / "50-test.ini").unlink()
        volume = Volume(agent.policy)
        volume.put({"a.ini": RULES.format("a")})
        agent.start()
        volume.put({"a.ini": RULES.format("a") + RULES.format("b"),
                    "b.ini": "[deny x]\ncolour = red\n"})
        refused = wait_for(lambda: [f for f in agent.facts("policy") if "refused" in f],
                           "a refusal")
        contains(refused[0]["refused"], "b.ini:2: unknown key", "why")
        equal(in_force(agent), (1, 1), "what is in force")
        volume.put({"a.ini": RULES.format("a") + RULES.format("b")})
        taken(agent, 2, 2)


@test
def files_that_people_edit_are_taken(_):
    with watching("files", RULES.format("a")) as agent:
        agent.start()
        file = agent.policy / "50-test.ini"
        put(file, RULES.format("a") + RULES.format("b"))
        taken(agent, 2, 2)
        more = agent.policy / ".60.swp"
        more.write_text(RULES.format("c"))
        more.rename(agent.policy / "60.ini")
        taken(agent, 3, 3)
        (agent.policy / "60.ini").unlink()
        taken(agent, 4, 2)
        # The directory itself gives way to another.
        other = agent.policy.with_name("other")
        other.mkdir()
        (other / "x.ini").write_text(RULES.format("x"))
        agent.policy.rename(agent.policy.with_name("old"))
        other.rename(agent.policy)
        wait_for(lambda: in_force(agent)[1] == 1, "the other directory's rule")


@test
def what_means_the_same_is_no_reload(_):
    with watching("same", RULES.format("a")) as agent:
        agent.start()
        file = agent.policy / "50-test.ini"
        for _ in range(5):
            put(file, RULES.format("a"))
        # Behind all of those, one that is told.
        put(file, RULES.format("a") + RULES.format("b"))
        taken(agent, 2, 2)
        equal([f["generation"] for f in agent.facts("policy")], ["1", "2"],
              "what was told")


main(ground)
