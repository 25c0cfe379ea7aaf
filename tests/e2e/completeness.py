#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Is everything there? Proves it from what arrived alone.

    completeness.py FILE...     JSON lines as tests/e2e/collector.js writes
                                them, whole or --lean

Manifests say which numbers they cover, how many records came of them and what
was withheld. They may arrive in any order, doubled, or overlapping (a batch
that was sent again after a crash has other bounds); records may have been
re-batched on the way. Per journal and epoch: every number that any manifest
covers must be there as a record, lie within a gap record, or be withheld by a
manifest; and the manifests of a journal must leave no hole between them. What
was withheld because it was sent early must be there all the same. A manifest
of such early alerts covers nothing: it says what came in that batch.

Prints what is missing (with reasons of what is withheld), doubled or not
covered by a manifest; exit 1 if anything is missing or two records of one
name differ.
"""
import json
import sys


class Ranges:
    """A set of numbers as sorted, disjoint, inclusive ranges."""

    def __init__(self, pairs=()):
        self.pairs = []
        for first, last in sorted(pairs):
            if self.pairs and first <= self.pairs[-1][1] + 1:
                self.pairs[-1][1] = max(self.pairs[-1][1], last)
            else:
                self.pairs.append([first, last])

    def minus(self, other):
        left = []
        for first, last in self.pairs:
            for a, b in other.pairs:
                if b < first or a > last:
                    continue
                if a > first:
                    left.append((first, a - 1))
                first = b + 1
                if first > last:
                    break
            if first <= last:
                left.append((first, last))
        return Ranges(left)

    def count(self):
        return sum(last - first + 1 for first, last in self.pairs)

    def __str__(self):
        return ", ".join(f"{a}-{b}" if a != b else str(a)
                         for a, b in self.pairs)


class Journal:
    def __init__(self):
        self.records = {}       # uid -> content
        self.seen = []          # numbers that are there, gaps included
        self.gaps = []          # those of gaps
        self.seen_in = {}       # epoch -> the same
        self.held_in = {}       # epoch -> pairs that need not be there
        self.covered = {}       # epoch -> pairs
        self.withheld = []      # (first, last, reason)
        self.doubled = {}       # uid -> times
        self.differ = []
        self.counts = []        # (epoch, first, last, count, withheld numbers)
        self.early = []         # (first, last, count) of early batches


def journal_of(uid):
    return uid.split(".")[0]


def take_manifest(journals, a):
    j = journals.setdefault(a["picket.manifest.journal"], Journal())
    first, last = a["picket.manifest.first"], a["picket.manifest.last"]
    if a.get("picket.manifest.early"):
        j.early.append((first, last, a["picket.manifest.count"]))
        return
    j.covered.setdefault(a["picket.manifest.epoch"], []).append((first, last))
    held = []
    for text in a.get("picket.manifest.withheld", []):
        numbers, reason = text.split(" ", 1)
        lo, hi = (int(n) for n in numbers.split("-"))
        held.append((lo, hi))
        j.withheld.append((lo, hi, reason))
        if reason != "sent early":
            j.held_in.setdefault(a["picket.manifest.epoch"], []) \
                .append((lo, hi))
    j.counts.append((first, last, a["picket.manifest.count"], held))


def take_record(journals, r):
    a = r["attributes"]
    j = journals.setdefault(journal_of(r["uid"]), Journal())
    content = r.get("sum") or json.dumps([r["event"], r["body"], r["time"], a],
                                         sort_keys=True)
    if r["uid"] in j.records:
        j.doubled[r["uid"]] = j.doubled.get(r["uid"], 1) + 1
        if j.records[r["uid"]] != content:
            j.differ.append(r["uid"])
        return
    j.records[r["uid"]] = content
    if r["event"] == "picket.gap":
        pair = a["picket.gap.first"], a["picket.gap.last"]
        j.gaps.append(pair)
    else:
        pair = a["picket.seq"], a["picket.seq"]
    j.seen.append(pair)
    j.seen_in.setdefault(int(r["uid"].split(".")[1]), []).append(pair)


def read(files):
    journals = {}
    for name in files:
        with open(name, encoding="utf-8") as f:
            for line in f:
                r = json.loads(line)
                if r["event"] == "picket.manifest":
                    take_manifest(journals, r["attributes"])
                else:
                    take_record(journals, r)
    return journals


def wrong_counts(j):
    """Manifests whose own sum does not add up."""
    bad = []
    there = Ranges(j.seen)
    for first, last, count, held in j.counts:
        own = Ranges([(first, last)])
        numbers = own.minus(Ranges(held)).count()
        # A gap is one record for many numbers, so a sum may be less.
        with_gap = own.minus(Ranges(j.gaps)).count() < own.count()
        if count > numbers or (count < numbers and not with_gap):
            bad.append(f"{first}-{last} claims {count} records")
    for first, last, count in j.early:
        if not 0 < count <= Ranges([(first, last)]).minus(
                Ranges([(first, last)]).minus(there)).count():
            bad.append(f"{first}-{last} claims {count} early records")
    return bad


def missing(j):
    """By epoch: the same number of another one is another record."""
    left = []
    for epoch, pairs in j.covered.items():
        left += Ranges(pairs).minus(Ranges(j.seen_in.get(epoch, []))) \
            .minus(Ranges(j.held_in.get(epoch, []))).pairs
    return Ranges(left)


def check(files):
    """Per journal: missing, hole, uncovered (Ranges), doubled, withheld."""
    result = {}
    for name, j in read(files).items():
        covered = Ranges(p for pairs in j.covered.values() for p in pairs)
        there = Ranges(j.seen)
        holes = Ranges()
        if covered.pairs:
            whole = Ranges([(covered.pairs[0][0], covered.pairs[-1][1])])
            holes = whole.minus(covered)
        result[name] = {
            "records": len(j.records),
            "names": j.records.keys(),
            "missing": missing(j),
            "holes": holes,
            "uncovered": there.minus(covered),
            "withheld": j.withheld,
            "doubled": j.doubled,
            "differ": j.differ,
            "counts": wrong_counts(j),
            "covered": covered,
        }
    return result


def main():
    bad = False
    for name, r in check(sys.argv[1:]).items():
        print(f"{name}: {r['records']} records, covered {r['covered']}")
        for key in ("missing", "holes", "uncovered"):
            if r[key].pairs:
                print(f"  {key}: {r[key]}")
        for first, last, reason in r["withheld"]:
            print(f"  withheld: {first}-{last} {reason}")
        for uid, times in sorted(r["doubled"].items()):
            print(f"  doubled: {uid} {times} times")
        for uid in r["differ"]:
            print(f"  differs: {uid}")
        for text in r["counts"]:
            print(f"  manifest: {text}")
        bad = bad or r["missing"].pairs or r["holes"].pairs or r["differ"] \
            or r["counts"]
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
