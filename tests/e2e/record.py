# SPDX-License-Identifier: Apache-2.0
"""Reading the lines of `picket tail --json` (agent/out/json.h has the names).

Whatever a process chose comes back as bytes, exact: where the line says that
a name was not UTF-8, from the base64 beside it.
"""
import base64
import os


def raw(obj, name):
    """The exact bytes of a member; b'' where it is left out."""
    if name + "_b64" in obj:
        return base64.b64decode(obj[name + "_b64"], validate=True)
    return obj.get(name, "").encode()


def raw_list(obj, name):
    if name + "_b64" in obj:
        return [base64.b64decode(s, validate=True)
                for s in obj[name + "_b64"]]
    return [s.encode() for s in obj.get(name, [])]


def key(r):
    return (r["epoch"], r["seq"])


def first_and_last(r):
    """The numbers that a record stands for: a gap may be many."""
    if r["kind"] == "gap":
        return r["gap"]["first_seq"], r["gap"]["last_seq"]
    return r["seq"], r["seq"]


def hole(records):
    """The first number that is missing or comes twice, and what stands there
    instead; None: each is there once. Gaps count as told."""
    due = records[0]["seq"]
    for r in records:
        first, last = first_and_last(r)
        if first != due:
            return due, first
        due = last + 1
    return None


# ---- who --------------------------------------------------------------------

def process(r):
    return r.get("process", {})


def pid(r):
    return process(r).get("pid")


def process_id(r):
    return (process(r)["pid"], process(r)["start_ns"])


def exe(r):
    return raw(process(r), "exe")


def exe_flags(r):
    return process(r).get("exe_flags", [])


def exe_file(r):
    return process(r).get("exe_file", {})


def argv(r):
    return raw_list(process(r), "args")


def argc(r):
    return process(r)["argc"]


def args_truncated(r):
    return process(r).get("args_truncated", False)


def env(r):
    return raw_list(process(r), "env")


def cwd(r):
    return raw(process(r), "cwd")


def script(r):
    return raw(process(r), "script")


def ids(r, *names):
    return tuple(process(r)[n] for n in names)


def stdio(r):
    return [s["type"] for s in process(r)["stdio"]]


def ancestors(r):
    """Nearest first: pid, start_ns, exe."""
    return process(r).get("parents", [])


# ---- verdict ----------------------------------------------------------------

def verdict(r):
    return r.get("verdict", {})


def judged(r):
    """(answer, rule or None, is an alert)"""
    v = verdict(r)
    return v.get("answer"), v.get("rule"), v.get("alert", False)


def settled(records):
    """With the verdict that came later, where it was pending at first."""
    late = {amends(r): r["amendment"]["resolution"]["verdict"]
            for r in records if "resolution" in r.get("amendment", {})}
    return [{**r, "verdict": late[key(r)]}
            if judged(r)[0] == "pending" and key(r) in late else r
            for r in records]


# ---- connect ----------------------------------------------------------------

def peer(r):
    return (r["connect"]["ip"], r["connect"]["port"])


def amends(r):
    """The key of the event that this record amends, or None."""
    if r["kind"] != "amendment":
        return None
    return (r["amendment"]["epoch"], r["amendment"]["seq"])


# ---- write ------------------------------------------------------------------

def operation(r):
    return r["write"]["operation"]


def path(r):
    return raw(r["write"], "path")


def path_flags(r):
    return r["write"].get("path_flags", [])


def new_path(r):
    return raw(r["write"], "new_path")


def written_file(r):
    return r["write"].get("file", {})


def device_of(name):
    """The superblock's device as mountinfo tells it; stat's may be another."""
    name = os.path.realpath(os.fsencode(name))
    best = (b"", "")
    with open("/proc/self/mountinfo", "rb") as f:
        for line in f:
            words = line.split()
            at = words[4].decode("unicode_escape").encode("latin-1")
            below = at == b"/" or name == at or name.startswith(at + b"/")
            # A later line covers an earlier one at the same place.
            if below and len(at) >= len(best[0]):
                best = (at, words[2].decode())
    return best[1]
