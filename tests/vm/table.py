# SPDX-License-Identifier: Apache-2.0
"""The table of kernels, families and backends, for people.

Two parts: what was seen when a backend was forced, and what the sensor takes
when nothing is. A reason is said once, below, by its number.
"""


class Notes:
    """Reasons, numbered as they come up."""

    def __init__(self):
        self.texts = []

    def number(self, text):
        if text not in self.texts:
            self.texts.append(text)
        return self.texts.index(text) + 1

    def lines(self):
        return [f"({n}) {text}" for n, text in enumerate(self.texts, 1)]


def unique(items):
    return list(dict.fromkeys(items))


def grid(head, rows):
    """Columns as wide as what is in them."""
    rows = [head] + rows
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    return ["  ".join(word.ljust(width)
                      for word, width in zip(row, widths)).rstrip()
            for row in rows]


def forced_part(columns, notes):
    keys = unique(key for cells, _ in columns.values() for key in cells)
    families = unique(family for family, _ in keys)
    rows, last = [], None
    for family, backend in sorted(keys, key=lambda k: families.index(k[0])):
        row = [family if family != last else "", backend]
        last = family
        for cells, _ in columns.values():
            state, why = cells.get((family, backend), ("-", ""))
            row.append(f"{state} ({notes.number(why)})" if why else state)
        rows.append(row)
    return grid(["family", "backend", *columns], rows)


def split_hook(line):
    """'connect cgroup connect, IPv4<tab>why' -> (family, backend, hook, why)"""
    family, backend, rest = line.split(" ", 2)
    hook, _, why = rest.partition("\t")
    return family, backend, hook, why.strip()


def chosen_part(columns, notes):
    told = {kernel: {(f, hook): (backend, why) for f, backend, hook, why
                     in map(split_hook, hooks)}
            for kernel, (_, hooks) in columns.items()}
    rows, last = [], None
    for family, hook in unique(k for hooks in told.values() for k in hooks):
        row = [family if family != last else "", hook]
        last = family
        for hooks in told.values():
            backend, why = hooks.get((family, hook), ("", ""))
            row.append(f"{backend} ({notes.number(why)})" if why else backend)
        rows.append(row)
    return grid(["family", "hook", *told], rows)


def draw(columns):
    """columns: {kernel: ({(family, backend): (state, why)}, [hook lines])}"""
    notes = Notes()
    lines = ["Forced: is it heard? (part: not by all hooks of the family)", ""]
    lines += forced_part(columns, notes)
    lines += ["", "Chosen when nothing is forced:", ""]
    lines += chosen_part(columns, notes)
    lines += [""] + notes.lines()
    return "\n".join(lines) + "\n"
