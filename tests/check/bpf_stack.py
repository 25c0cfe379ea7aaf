#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bpf_stack.py OBJECT...: what the eBPF programs of these objects take of the
stack, at most: "BYTES PROGRAM (BYTES) > FUNCTION (BYTES) > ..." each, the most
first. As the verifier counts it: the frames of all that call each other, each
rounded up to 32 bytes. It sees only what can be reached on that kernel; here
all is counted.
"""
import struct
import sys

ROUND = 32
FRAME = 10  # the register that points to the end of the frame
R_BPF_64_32 = 10
SHT_SYMTAB, SHT_REL, SHF_EXECINSTR, STT_FUNC = 2, 9, 4, 2
# Of an instruction's first byte.
LDX, ST, STX, ALU64, JMP, ALU = 1, 2, 3, 7, 5, 4
ADD_IMM, MOV_REG, CALL, WIDE = 0x07, 0xbf, 0x85, 0x18


class Object:
    """An ELF file of 64 bits, little-endian, as far as it is asked here."""

    def __init__(self, path):
        with open(path, "rb") as f:
            self.data = f.read()
        if self.data[:6] != b"\x7fELF\x02\x01":
            raise ValueError(f"{path}: no object file of 64 bits")
        at, = struct.unpack_from("<Q", self.data, 40)
        size, count = struct.unpack_from("<HH", self.data, 58)
        # name, type, flags, addr, offset, size, link, info, align, entsize
        self.sections = [
            struct.unpack_from("<IIQQQQIIQQ", self.data, at + i * size)
            for i in range(count)]
        table = next(s for s in self.sections if s[1] == SHT_SYMTAB)
        names = self.bytes_of(self.sections[table[6]])
        # name, info, section, value, size
        self.symbols = []
        for at in range(0, table[5], 24):
            name, info, _, section, value, size = struct.unpack_from(
                "<IBBHQQ", self.data, table[4] + at)
            end = names.index(b"\0", name)
            self.symbols.append((names[name:end].decode(), info & 15, section,
                                 value, size))

        index, = struct.unpack_from("<H", self.data, 62)
        self.names = self.bytes_of(self.sections[index])

    def section_named(self, name):
        name = name.encode() + b"\0"
        return next(s for s in self.sections
                    if self.names[s[0]:s[0] + len(name)] == name)

    def bytes_of(self, section):
        return self.data[section[4]:section[4] + section[5]]

    def calls(self):
        """{(section, offset): symbol} of calls that the linker fills in."""
        found = {}
        for section in self.sections:
            if section[1] != SHT_REL:
                continue
            for at in range(0, section[5], 16):
                offset, kind, symbol = struct.unpack_from(
                    "<QII", self.data, section[4] + at)
                if kind == R_BPF_64_32:
                    found[section[7], offset] = self.symbols[symbol]
        return found

    def functions(self):
        """{(section, offset): (name, bytes of code)}"""
        return {(s[2], s[3]): (s[0], s[4]) for s in self.symbols
                if s[1] == STT_FUNC
                and self.sections[s[2]][2] & SHF_EXECINSTR}


def frame_of(code):
    """Bytes below the end of its frame that a function touches."""
    lowest, points = 0, {FRAME: 0}
    skip = False
    for op, regs, off, imm in struct.iter_unpack("<BBhi", code):
        if skip:
            skip = False
            continue
        dst, src, kind = regs & 15, regs >> 4, op & 7
        skip = op == WIDE
        if kind in (ST, STX) and dst in points:
            lowest = min(lowest, points[dst] + off)
        elif kind == LDX and src in points:
            lowest = min(lowest, points[src] + off)
        if op == MOV_REG and src in points:
            points[dst] = points[src]
        elif op == ADD_IMM and dst in points:
            points[dst] += imm
            lowest = min(lowest, points[dst])
        elif kind in (LDX, ALU64, ALU) or op == WIDE:
            points.pop(dst, None)
    return -lowest


def frames_of(path):
    """{function: (bytes, [functions called])}, [programs]"""
    o = Object(path)
    functions, linked = o.functions(), o.calls()
    frames, called = {}, set()
    for (section, start), (name, size) in functions.items():
        code = o.bytes_of(o.sections[section])[start:start + size]
        callees = []
        for at in range(0, size, 8):
            op, regs, _, imm = struct.unpack_from("<BBhi", code, at)
            if op != CALL or regs >> 4 != 1:
                continue
            symbol = linked.get((section, start + at))
            if symbol and symbol[1] == STT_FUNC:
                callees.append(symbol[0])
                continue
            # Within a section, or to a place in one.
            to = ((symbol[2], (imm + 1) * 8) if symbol
                  else (section, start + at + (imm + 1) * 8))
            callees.append(functions[to][0])
        frames[name] = (frame_of(code), callees)
        called.update(callees)
    return frames, [name for name in frames if name not in called]


def deepest(frames, name):
    """(bytes, [(function, bytes)]) from here down."""
    own, callees = frames[name]
    own = max(own + ROUND - 1, ROUND) // ROUND * ROUND
    below = max((deepest(frames, c) for c in callees), default=(0, []))
    return own + below[0], [(name, own)] + below[1]


def main():
    for path in sys.argv[1:]:
        frames, programs = frames_of(path)
        for total, chain in sorted((deepest(frames, p) for p in programs),
                                   reverse=True):
            print(total, " > ".join(f"{n} ({b})" for n, b in chain))


if __name__ == "__main__":
    main()
