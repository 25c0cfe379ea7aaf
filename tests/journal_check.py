#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An independent reader of picket's journal.

Written from the text of include/journal_format.h alone, so that a mistake in
agent/store that its own reader shares does not go unseen. It holds a directory
against what a writer leaves, damage included: a file of another journal, or a
number that READING 7 to 9 say how to live with, is a problem here. Used by the
tests:

    journal_check.py DIR            check; one JSON object with what is there
    journal_check.py --frames DIR   one line per numbered frame as well
    journal_check.py --example      print the example of journal_format.h
    journal_check.py --serve        for each line "[--frames ]DIR" on stdin
                                    what the call would print

Exit status 0: every check passed; 1: not; 2: usage.
"""

import hashlib
import json
import os
import re
import struct
import sys

TABLE = []
for i in range(256):
    c = i
    for _ in range(8):
        c = (c >> 1) ^ (0x82F63B78 if c & 1 else 0)
    TABLE.append(c)


def crc32c(data, crc=0):
    crc ^= 0xFFFFFFFF
    for b in data:
        crc = (crc >> 8) ^ TABLE[(crc ^ b) & 0xFF]
    return crc ^ 0xFFFFFFFF


EVENT, AMENDMENT, GAP, DESCRIPTION, SEAL = 1, 2, 3, 4, 5
PAYLOAD_MAX = 128 << 10
LINK_MAX = 2 << 30
NEAR = 16 << 20
LIKE_MAX = 4096
NONE = (1 << 63) - 1


class Header:
    def __init__(self, data):
        (self.magic, self.version, self.size, self.compat, self.incompat,
         self.epoch, self.id, self.salt, self.number, self.first_seq,
         self.wall_ns, self.previous_sha) = struct.unpack_from(
            "<8sHHIII16s16sQQq32s", data)
        self.ok = (self.magic == b"picketj\n"
                   and struct.unpack_from("<I", data, 508)[0]
                   == crc32c(data[:508]))


def header_of(data):
    for at in (0, 512):
        if len(data) >= at + 512:
            h = Header(data[at:at + 512])
            if h.ok:
                if h.version != 1 or h.incompat & ~1:
                    return None
                return h
    return None


def frame_at(data, at, h):
    """(size, type, flags, seq, end, wall, payload) or None."""
    if len(data) - at < 32:
        return None
    crc, length, magic, kind, flags, epoch, seq, wall = struct.unpack_from(
        "<II2sBBIQq", data, at)
    if magic != b"JF" or length > PAYLOAD_MAX or epoch != h.epoch:
        return None
    if len(data) - at - 32 < length:
        return None
    payload = data[at + 32:at + 32 + length]
    if crc32c(h.salt + data[at + 4:at + 32] + payload) != crc:
        return None
    end = seq + 1 if seq else 0
    if seq >= 1 << 63 or kind == 0 or (kind in (EVENT, AMENDMENT, GAP) and not seq):
        return None
    if kind in (DESCRIPTION, SEAL) and seq:
        return None
    if kind == SEAL and (length < 64 or
                         struct.unpack_from("<Q", payload)[0] >= 1 << 63):
        return None
    if kind == GAP:
        if length < 24:
            return None
        first, count = struct.unpack_from("<QQ", payload)
        if first != seq or not count or first + count > 1 << 63:
            return None
        end = first + count
    return 32 + length, kind, flags, seq, end, wall, payload


def varint_at(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 128:
            return value, at


def fields_of(message):
    """{number: value, or None} of a protobuf message; None: it is none."""
    fields, at = {}, 0
    try:
        while at < len(message):
            tag, at = varint_at(message, at)
            value = None
            if tag & 7 == 0:
                value, at = varint_at(message, at)
            elif tag & 7 == 2:
                size, at = varint_at(message, at)
                at += size
            else:
                at += {1: 8, 5: 4}[tag & 7]
            fields[tag >> 3] = value
    except (IndexError, KeyError):
        return None
    return fields if at == len(message) else None


def check_like(rep, h, at, payload, described):
    """LIKE: what a description is like stands before it, near, and whole."""
    fields = fields_of(payload)
    if not fields or not fields.get(1):
        return
    like = fields.get(16)
    if like and not h.incompat & 1:
        rep.bad(f"segment {h.number} at {at}: like another, without the flag")
    base = described.get(like)
    if like and (base is None or base[1] or at - base[0] > NEAR
                 or base[2] > LIKE_MAX):
        rep.bad(f"segment {h.number} at {at}: like {like}, which is {base}")
    described[fields[1]] = (at, like, len(payload))


class Report:
    def __init__(self):
        self.problems = []
        self.events = 0         # numbered frames that are not gaps
        self.descriptions = 0
        self.seals = 0
        self.gaps = []          # [first, end) told by the journal
        self.missing = []       # [first, end) that nothing tells
        self.damaged = 0        # bytes that are no frame
        self.restarts = []      # (epoch, first sequence) of each new epoch
        self.next = 0
        self.sealed = 0
        self.segments = 0
        self.names = set()
        self.frames = []
        self.id = None

    def bad(self, what):
        self.problems.append(what)

    def dump(self):
        return {
            "problems": self.problems, "events": self.events,
            "descriptions": self.descriptions, "seals": self.seals,
            "gaps": self.gaps, "missing": self.missing,
            "damaged": self.damaged, "restarts": self.restarts,
            "next": self.next, "sealed": self.sealed,
            "segments": self.segments,
            "id": self.id.hex() if self.id else None,
        }


def missing(rep, end):
    if rep.next and end > rep.next:
        rep.missing.append([rep.next, end])
        rep.next = end


def read_segment(rep, data, h, last_epoch, last):
    at = h.size
    link = 0            # where the link of the chain begins
    last_seal = 0
    sound = data[:512] == data[512:1024]    # no damage since `link`
    whole = True        # no damage at all: all times are known
    walls, link_walls = [], []
    described = {}      # since the writer began: id -> offset, like, size
    while at < len(data):
        f = frame_at(data, at, h)
        if f is None:
            begin = at
            while at < len(data) and frame_at(data, at, h) is None:
                hit = data.find(b"JF", at + 9)
                at = hit - 8 if hit >= 0 else len(data)
            if at < len(data) or not last:
                rep.damaged += at - begin
            sound = whole = False
            continue
        size, kind, flags, seq, end, wall, payload = f
        if flags & 0x80:
            rep.bad(f"segment {h.number} at {at}: flag 0x80 on disk")
        if seq:
            walls.append(wall)
            link_walls.append(wall)
            if seq < rep.next:
                rep.bad(f"segment {h.number} at {at}: number {seq}, "
                        f"expected {rep.next}")
            missing(rep, seq)
            if not rep.next:
                rep.next = seq
            rep.next = end
            if kind == GAP:
                rep.gaps.append([seq, end])
            elif kind in (EVENT, AMENDMENT):
                rep.events += 1
                name = (h.epoch, seq)
                if name in rep.names:
                    rep.bad(f"name {name} given twice")
                rep.names.add(name)
                rep.frames.append((h.epoch, seq, kind, flags, wall, payload))
        elif kind == DESCRIPTION:
            rep.descriptions += 1
            if whole:
                check_like(rep, h, at, payload, described)
        elif kind == SEAL:
            rep.seals += 1
            seq_covered, previous, sflags, since = struct.unpack_from(
                "<QQI4xq", payload)
            sha = payload[32:64]
            if previous != last_seal and sound:
                rep.bad(f"segment {h.number} at {at}: previous seal "
                        f"{previous}, is {last_seal}")
            if hashlib.sha256(data[link:at][:LINK_MAX]).digest() != sha and sound:
                rep.bad(f"segment {h.number} at {at}: SHA")
            times = struct.unpack_from("<qq", payload, 64) \
                if len(payload) >= 80 else None
            want = (min(walls), max(walls)) if walls else (0, 0)
            if times not in (None, want) and whole:
                rep.bad(f"segment {h.number} at {at}: seal says times "
                        f"{times}, are {want}")
            least = min(link_walls) if link_walls else NONE
            if since not in (0, least) and sound and whole:
                rep.bad(f"segment {h.number} at {at}: seal says earliest "
                        f"{since}, is {least}")
            link_walls = []
            if sflags & 1:
                described = {}
            if seq_covered >= rep.next:
                missing(rep, seq_covered + 1)
            if rep.next and seq_covered + 1 < rep.next:
                rep.bad(f"segment {h.number} at {at}: seal says "
                        f"{seq_covered}, numbers go to {rep.next - 1}")
            rep.sealed = seq_covered
            link = last_seal = at
            sound = True
        at += size
    return hashlib.sha256(data[link:][:LINK_MAX]).digest()


def check(directory):
    rep = Report()
    names = sorted(n for n in os.listdir(directory)
                   if re.fullmatch(r"[0-9]{16}\.seg", n))
    sha = None
    number = epoch = 0
    for n in names:
        with open(os.path.join(directory, n), "rb") as f:
            data = f.read()
        rep.segments += 1
        h = header_of(data)
        if h is None:
            rep.damaged += len(data)
            sha = None
            continue
        if h.number != int(n[:16]):
            rep.bad(f"{n}: header says segment {h.number}")
        if rep.id not in (None, h.id):
            rep.bad(f"{n}: another journal")
        rep.id = h.id
        if data[:512] != data[512:1024]:
            rep.damaged += 512
        if h.epoch < epoch:
            rep.bad(f"{n}: epoch {h.epoch} after {epoch}")
        if h.epoch > epoch:
            rep.restarts.append([h.epoch, h.first_seq])
        elif rep.next and h.first_seq < rep.next:
            rep.bad(f"{n}: first sequence {h.first_seq}, expected {rep.next}")
        if h.epoch > epoch and h.first_seq < rep.next:
            rep.bad(f"{n}: numbers of epoch {epoch} go to {rep.next - 1}, "
                    f"epoch {h.epoch} begins at {h.first_seq}")
            rep.next = h.first_seq
        missing(rep, h.first_seq)
        if not rep.next:
            rep.next = h.first_seq
        if number and h.number == number + 1 and sha is not None \
                and h.previous_sha != sha:
            rep.bad(f"{n}: SHA of the segment before")
        epoch, number = h.epoch, h.number
        sha = read_segment(rep, data, h, epoch, n == names[-1])
    return rep


# ---- the example ------------------------------------------------------------

def example():
    head = struct.pack("<8sHHIII16s16sQQq32s", b"picketj\n", 1, 1024, 0, 0, 3,
                       bytes(range(16)), bytes(range(16, 32)), 2, 42,
                       1700000000000000000, bytes(32))
    head += bytes(508 - len(head))
    head += struct.pack("<I", crc32c(head))
    salt = bytes(range(16, 32))

    def frame(kind, flags, seq, payload):
        rest = struct.pack("<I2sBBIQq", len(payload), b"JF", kind, flags, 3,
                           seq, 1700000000000000000)
        return struct.pack("<I", crc32c(salt + rest + payload)) + rest + payload

    data = head + head + frame(EVENT, 1, 42, b"hello")
    sha = hashlib.sha256(data).digest()
    return data + frame(SEAL, 0, 0,
                        struct.pack("<QQIIQ", 42, 0, 0, 0, 1700000000000000000) + sha
                        + struct.pack("<qq", 1700000000000000000,
                                      1700000000000000000))


def hexdump(data):
    for at in range(0, len(data), 16):
        line = data[at:at + 16]
        if not any(line) or 512 <= at < 1024:
            continue
        yield f"{at:4}  " + " ".join(f"{b:02x}" for b in line)


def show(directory, frames):
    rep = check(directory)
    if frames:
        for epoch, seq, kind, flags, wall, payload in rep.frames:
            print(epoch, seq, kind, flags, wall, payload.hex())
    print(json.dumps(rep.dump()), flush=True)
    return rep


def main(argv):
    if argv == ["--example"]:
        print("\n".join(hexdump(example())))
        return 0
    if argv == ["--serve"]:
        for line in sys.stdin:
            words = line.rstrip("\n").rpartition(" ")
            show(words[2], words[0] == "--frames")
        return 0
    frames = argv[:1] == ["--frames"]
    if frames:
        argv = argv[1:]
    if len(argv) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    return 1 if show(argv[0], frames).problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
