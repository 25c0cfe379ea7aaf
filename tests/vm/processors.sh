#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A kernel with more processors than this machine has: what is kept in the kernel
# is there for the last of them as for the first. Speaks TAP. PICKET_VM_KERNELS
# (5.10) says where.
set -u
here=$(cd "$(dirname "$0")" && pwd)
# 2048 entries, of which each takes 128: see make_room in agent/sense/load.c.
export PICKET_VM_CPUS=20 FILTER='the_last_processor_*'
# One thread for all of them: the host has fewer, and they wait for each other.
export PICKET_VM_QEMU="-accel tcg,thread=single ${PICKET_VM_QEMU:-}"

n=0
# shellcheck disable=SC2086
set -- ${PICKET_VM_KERNELS:-5.10}
echo "1..$#"
for kernel; do
	n=$((n + 1))
	if log=$("$here/run" "$kernel" test_sense_write_crowd 2>&1) &&
		grep -q '^ok' <<<"$log"; then
		echo "ok $n - ${kernel}_has_room_for_each_processor"
	else
		echo "not ok $n - ${kernel}_has_room_for_each_processor"
	fi
	sed 's/^/# /' <<<"$log"
done
