#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# House rules that a machine can hold. Speaks TAP.
set -u
cd "${SRC:-$(dirname "$0")/../..}" || exit 1

mapfile -t sources < <(find agent bpf include tests -name '*.[ch]' | sort)
mapfile -t all < <(find agent bpf include proto packaging tests .ci .github \
	Makefile -type f -not -path 'tests/fuzz/corpus/*' \
	-not -path 'tests/golden/*' -not -name '*.pyc' | sort)

. tests/tap.bash

echo "1..8"

# A table of cases may be longer than what it tests.
wc -l "${sources[@]}" | awk '$2 != "total" && $1 > ($2 ~ /^tests/ ? 1000 : 700) {
	print $2 ": " $1 " lines" }' | found "no_source_file_is_longer_than_700_lines"

for f in "${all[@]}"; do
	case $f in
	*.c | *.h | *.sh | *.py | tests/run | packaging/install-deps)
		head -3 "$f" | grep -q 'SPDX-License-Identifier: ' || echo "$f"
		;;
	esac
done | found "each_source_file_names_its_licence"

# Spelt in two halves, so that this file does not find itself.
grep -nwE 'TO''DO|FIX''ME|X''XX|HA''CK|not imple''mented' "${all[@]}" |
	found "nothing_is_left_for_later"

grep -nE 'bpf_pri''ntk' bpf/*.[ch] 2>/dev/null | found "no_debug_prints_in_the_kernel_side"

grep -nP '[ \t]+$' "${all[@]}" | found "no_blanks_at_line_ends"

# Numbers are read by base/text.c, which forgives nothing.
grep -nE '\b(strto(l|ll|ul|ull)|ato[il]l?|sprintf|strcpy|strcat|gets)\(' \
	$(find agent -name '*.[ch]') | found "no_forgiving_or_unbounded_calls"

# Only what is the program's voice may print; stages return codes.
grep -nE '\b(log_(line|error|warning|notice|info|debug)|perror|exit)\(' \
	$(find agent/conf agent/sense agent/proc agent/rules agent/store agent/trust agent/out \
		-name '*.[ch]') | found "stages_do_not_log_or_exit"

# A descriptor that a child inherits is a hole in what it may touch.
grep -nE '\b(open|openat|socket|accept4|pipe2|epoll_create1|memfd_create|timerfd_create|signalfd|eventfd|inotify_init1)\(' \
	$(find agent -name '*.c') | cut -d: -f1,2 | while IFS=: read -r file line; do
	sed -n "${line},$((line + 3))p" "$file" | grep -qE 'CLOEXEC' || echo "$file:$line"
done | found "descriptors_are_close_on_exec"
