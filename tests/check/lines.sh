#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# No instruction of an eBPF program has two lines of source, whatever compiler
# it was made by: every kernel refuses that, but only once it is asked, and the
# one that runs here is not asked about hooks it does not have. Speaks TAP.
set -u
cd "${SRC:-$(dirname "$0")/../..}" || exit 1
BUILD=${BUILD:-build}

. tests/tap.bash

mapfile -t objects < <(find "$BUILD"/ -maxdepth 3 -path '*/bpf/picket.bpf.o' | sort)
echo "1..$((${#objects[@]} + 1))"

{
	[ -e "$BUILD/bpf/picket.bpf.o" ] || echo "$BUILD: make it first"
} | found "there_is_an_object"

for object in "${objects[@]}"; do
	name=${object%/bpf/picket.bpf.o}
	tests/check/bpf_lines.py "$object" 2>&1 | awk '
		{ last = $0 }
		NR > 1 { print before }
		{ before = $0 }
		END { if (last !~ /^[0-9]+$/ || last < 10000) print last " lines, or not all" }
	' | found "an_instruction_has_one_line_in_${name##*/}"
done
