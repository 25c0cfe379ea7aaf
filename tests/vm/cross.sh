#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# What `make arm64` built is for arm64, and has the same programs for the kernel
# as what was built here. Speaks TAP.
set -u
build=${BUILD:-build}
other=$build/aarch64-linux-gnu
PATH=$PATH:/usr/sbin:/usr/local/sbin

. "$(dirname "$0")/../tap.bash"

# Names of the programs that libbpf's parser finds in an object.
programs() # object
{
	bpftool gen skeleton "$1" name picket_bpf |
		sed -n 's/^\t\tstruct bpf_program \*\(.*\);/\1/p' | sort
}

echo "1..4"
wrong=0
for file in "$other"/picket "$other"/picket-ship "$other"/tests/bpf/test_sense_exec; do
	readelf -h "$file" | grep -q 'Machine: *AArch64' || {
		echo "# $file: $(file -b "$file" 2>&1)"
		wrong=1
	}
done
result $wrong "programs_are_for_arm64"

readelf -d "$other/picket" | grep -q 'NEEDED.*libbpf'
result $? "agent_needs_the_libraries_it_has_here"

readelf -h "$other/bpf/picket.bpf.o" | grep -q 'Machine: *Linux BPF'
result $? "kernel_side_is_bpf"

diff <(programs "$build/bpf/picket.bpf.o") <(programs "$other/bpf/picket.bpf.o") | sed 's/^/# /'
[ "${PIPESTATUS[0]}" = 0 ] && [ -n "$(programs "$other/bpf/picket.bpf.o")" ]
result $? "kernel_side_has_the_same_programs"
