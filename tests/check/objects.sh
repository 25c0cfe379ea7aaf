#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What every kernel's verifier asks of each object that is built, whatever
# compiler and whatever machine it was made for. Asked of the objects, because the
# verifier of the kernel that runs here counts less of the stack than that of 5.10,
# and is not asked about hooks it does not have. Speaks TAP.
set -u
cd "${SRC:-$(dirname "$0")/../..}" || exit 1
BUILD=${BUILD:-build}

# All frames together, of 512 that there are: room for a compiler that spills
# one more than today's.
MOST=480

. tests/tap.bash

mapfile -t objects < <(find "$BUILD"/ -maxdepth 3 -path '*/bpf/picket.bpf.o' | sort)
echo "1..$((2 * ${#objects[@]} + 1))"

{
	[ -e "$BUILD/bpf/picket.bpf.o" ] || echo "$BUILD: make it first"
} | found "there_is_an_object"

for object in "${objects[@]}"; do
	name=${object%/bpf/picket.bpf.o}
	name=${name##*/}
	tests/check/bpf_stack.py "$object" 2>&1 | awk -v most=$MOST '
		$1 > most || $1 !~ /^[0-9]+$/ { print }
		/ exec_tp_btf .* > next_env / { known = 1 }
		END { if (NR < 100 || !known) print NR " programs, or not all" }
	' | found "frames_fit_in_$name"
	# A line at the place of the one before it, which no kernel takes.
	tests/check/bpf_lines.py "$object" 2>&1 | awk '
		{ last = $0 }
		NR > 1 { print before }
		{ before = $0 }
		END { if (last !~ /^[0-9]+$/ || last < 10000) print last " lines, or not all" }
	' | found "an_instruction_has_one_line_in_$name"
done
