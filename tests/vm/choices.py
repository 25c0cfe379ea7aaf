# SPDX-License-Identifier: Apache-2.0
"""What the sensor chooses by itself, held against what it should.

A program that a kernel's verifier no longer takes lets its hooks fall to the
next backend, where they go on seeing something: that no other test goes red for.
The table is tests/vm/chosen.
"""
import pathlib

import table

TABLE = pathlib.Path(__file__).resolve().parent / "chosen"
# The column of a machine whose kernel has nothing but tracepoints for us.
BARE = "tracepoints"
NOT_TOLD = "."


def expectations(text):
    """{column: {(family, hook): backend}}"""
    lines = [line for line in text.splitlines()
             if line.strip() and not line.startswith("#")]
    # The last two words of the head are those of the rows' names.
    names = lines[0].split()[:-2]
    columns = {name: {} for name in names}
    for line in lines[1:]:
        *backends, family, hook = line.split(None, len(names) + 1)
        for name, backend in zip(names, backends, strict=True):
            columns[name][family, hook] = backend
    return columns


def is_bare(cells):
    """Whether a kernel refused all hooks but tracepoints and cgroups."""
    better = [state for (_, backend), (state, _) in cells.items()
              if backend in ("lsm", "fentry", "kprobe")]
    return bool(better) and all(state == "no" for state in better)


def compare(column, hooks, fell):
    """[what is not as the table has it], of the "# hook" lines of a kernel;
    fell: {(family, hook): why a better backend does not serve}."""
    expected = expectations(TABLE.read_text(encoding="utf-8")).get(column)
    if expected is None:
        return [f"tests/vm/chosen has no column {column}"]
    told, wrong = {}, []
    for family, backend, hook, why in map(table.split_hook, hooks):
        key = (family, hook)
        told[key] = backend
        # What nothing is for has no row, and is "-" everywhere.
        if backend != expected.get(key, "-"):
            why = fell.get(key) or why or "no reason was told"
            wrong.append(f"{family}, {hook}: {backend}, not "
                         f"{expected.get(key, '-')}: {why}")
    return wrong + [f"{family}, {hook}: not told, should be {backend}"
                    for (family, hook), backend in expected.items()
                    if backend != NOT_TOLD and (family, hook) not in told]
