#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A kernel locked down to confidentiality lets no program read its memory:
# picket says so at once, with the exit code for it, and what reads the journal
# goes on working. Locked down to integrity nothing changes. Speaks TAP.
set -u
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${BUILD:-$here/../../build}" && pwd)
cache=${PICKET_VM_CACHE:-$build/vm}
work=$build/vm/guest/lockdown
kernels=${PICKET_VM_KERNELS:-5.10 6.12}

mkdir -p "$work"
cat >"$work/script" <<'EOF'
sed 's/^/lockdown: /' /sys/kernel/security/lockdown
make_journal --journal /tmp/journal --count 3 --quiet
printf '[journal]\ndir = /tmp/journal\n[rules]\ndir = /t/policy.d\n' >/tmp/agent.ini
timeout -k 5 40 picket run --config /tmp/agent.ini >/tmp/run 2>&1
echo "exit: $?"
sed 's/^/run: /' /tmp/run
umount /sys/kernel/security
timeout -k 5 40 picket run --config /tmp/agent.ini 2>&1 | sed 's/^/blind: /'
picket tail --journal /tmp/journal --json --from oldest --no-follow | sed 's/^/tail: /'
picket verify --journal /tmp/journal >/dev/null 2>&1
echo "verify: $?"
EOF

. "$(dirname "$0")/../tap.bash"
has() # pattern name
{
	grep -qE "$1" "$log"
	result $? "$2"
}

set -- $kernels
echo "1..$((6 * $#))"
for kernel; do
	log=$work/$kernel.log
	{
		"$here/fetch-kernel" "$kernel" "$cache/$kernel" &&
			PICKET_VM_APPEND=lockdown=confidentiality "$here/boot" "$cache/$kernel" "$work" \
				"$work/script" "$build/picket" "$build/tests/make_journal" \
				"$here/../../packaging/policy.d:/t/policy.d"
	} >"$log" 2>&1
	has '^lockdown: .*\[confidentiality\]' "${kernel}_is_locked_down"
	has "^run: .*may not read this kernel's memory, as it is locked down" "${kernel}_says_that_it_is_lockdown"
	has "^blind: .*may not read this kernel's memory: nothing can be watched" "${kernel}_says_so_without_securityfs_too"
	has '^exit: 3$' "${kernel}_ends_as_without_any_hook"
	[ "$(grep -c '^tail: {' "$log")" -ge 3 ]
	result $? "${kernel}_journal_can_still_be_read"
	has '^verify: 0$' "${kernel}_journal_can_still_be_verified"
	sed 's/^/# /; s/^\(# tail: .\{80\}\).*/\1 …/' "$log"
done
