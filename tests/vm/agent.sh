#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The agent itself on another architecture, whose Python there is none of: it
# starts in a guest, sees a program that is run, tells what it watches by, and
# ends in order. Speaks TAP. PICKET_VM_KERNELS (arm64-6.1) says where.
set -u
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${BUILD:-$here/../../build}" && pwd)
cache=${PICKET_VM_CACHE:-$build/vm}
work=$build/vm/guest/agent
kernels=${PICKET_VM_KERNELS:-arm64-6.1}
# Where every instruction is emulated loading takes a minute, or several.
export PICKET_VM_SECONDS=${PICKET_VM_SECONDS:-900}

mkdir -p "$work"
cat >"$work/script" <<'EOF'
printf '[sensor]\npin_dir =\n[journal]\ndir = /tmp/journal\n[rules]\ndir = /t/policy.d\n[redact]\nkey_file = /tmp/key\n' >/tmp/agent.ini
picket run --config /tmp/agent.ini >/tmp/run 2>&1 &
pid=$!
i=0
until picket status --journal /tmp/journal --json >/tmp/status 2>&1 &&
	grep -q running.:true /tmp/status; do
	[ $((i += 1)) -lt 600 ] && kill -0 $pid || break
	sleep 1
done
cp /bin/busybox /tmp/busybox-seen
/tmp/busybox-seen true
kill -TERM $pid
wait $pid
echo "exit: $?"
sed 's/^/run: /' /tmp/run
sed 's/^/status: /' /tmp/status
picket tail --journal /tmp/journal --json --from oldest --no-follow | grep busybox-seen | sed 's/^/tail: /'
picket verify --journal /tmp/journal >/dev/null 2>&1
echo "verify: $?"
EOF

n=0
has() # pattern name
{
	n=$((n + 1))
	grep -qE "$1" "$log" && echo "ok $n - $2" || echo "not ok $n - $2"
}

# shellcheck disable=SC2086
set -- $kernels
echo "1..$((5 * $#))"
for kernel; do
	log=$work/$kernel.log
	bin=$build
	[ "$kernel" = "${kernel#arm64-}" ] || {
		bin=$build/aarch64-linux-gnu
		export PICKET_VM_ARCH=arm64 PICKET_VM_SYSROOT=$cache/sysroot-arm64
		export PICKET_VM_BUSYBOX=$PICKET_VM_SYSROOT/bin/busybox
	}
	{
		"$here/fetch-kernel" "${kernel#arm64-}" "$cache/$kernel" &&
			"$here/boot" "$cache/$kernel" "$work" "$work/script" \
				"$bin/picket:/bin/picket" \
				"$here/../../packaging/policy.d:/t/policy.d"
	} >"$log" 2>&1
	has '^run: .*watching' "${kernel}_watches"
	has '^status: .*"hook"' "${kernel}_says_by_what"
	has '^tail: .*"kind":"exec".*busybox-seen' "${kernel}_sees_a_program_run"
	has '^exit: 0$' "${kernel}_ends_in_order"
	has '^verify: 0$' "${kernel}_leaves_a_journal_that_proves_itself"
	cut -c1-240 "$log" | sed 's/^/# /'
done
