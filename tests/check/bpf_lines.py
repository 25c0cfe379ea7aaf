#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bpf_lines.py OBJECT: each line that its debug information has at the place of
the one before it: "SECTION INSTRUCTION: SOURCE". A kernel refuses the program
(check_btf_line of kernel/bpf/verifier.c). Ends with how many lines there are.
The format is that of .BTF.ext (Documentation/bpf/btf.rst).
"""
import struct
import sys

from bpf_stack import Object

INSN_BYTES = 8


class Lines:
    def __init__(self, path):
        o = Object(path)
        self.btf, self.ext = (o.bytes_of(o.section_named(name))
                              for name in (".BTF", ".BTF.ext"))
        header, = struct.unpack_from("<I", self.btf, 4)
        strings, = struct.unpack_from("<I", self.btf, 16)
        self.strings = header + strings

    def string(self, at):
        at += self.strings
        return self.btf[at:self.btf.index(b"\0", at)].decode(errors="replace")

    def all(self):
        """(section, byte, source) each, in the order of the object"""
        header, = struct.unpack_from("<I", self.ext, 4)
        start, size = struct.unpack_from("<II", self.ext, 16)
        at = header + start
        end = at + size
        record, = struct.unpack_from("<I", self.ext, at)
        at += 4
        while at < end:
            section, count = struct.unpack_from("<II", self.ext, at)
            at += 8
            for _ in range(count):
                byte, _, source, _ = struct.unpack_from("<IIII", self.ext, at)
                yield self.string(section), byte, self.string(source)
                at += record


def main():
    last, count = (None, 0), 0
    for section, byte, source in Lines(sys.argv[1]).all():
        if (section, byte) == last:
            print(f"{section} {byte // INSN_BYTES}: {source.strip()}")
        last = section, byte
        count += 1
    print(count)


if __name__ == "__main__":
    main()
