#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Each header compiles alone: whoever includes it needs to know nothing else.
# wire.h does so for the kernel side too. Speaks TAP.
set -u
cd "${SRC:-$(dirname "$0")/../..}" || exit 1
build=${BUILD:-build}
cc=${CC:-gcc}
flags="-std=gnu17 -D_GNU_SOURCE -fsyntax-only -Wall -Wextra -Werror"

mapfile -t headers < <(find agent include -name '*.h' | sort)
echo "1..$((${#headers[@]} + 1))"
n=0

check() # name, command...
{
	local name=$1
	shift
	n=$((n + 1))
	if "$@" 2>"$log"; then
		echo "ok $n - $name"
	else
		sed 's/^/# /' "$log"
		echo "not ok $n - $name"
	fi
}

log=$(mktemp)
probe=$(mktemp --suffix=.c)
trap 'rm -f "$log" "$probe"' EXIT

for h in "${headers[@]}"; do
	# A file that includes it, not the header itself: clang warns of
	# "#pragma once in main file" there.
	printf '#include "%s"\n' "${h#*/}" >"$probe"
	# shellcheck disable=SC2086
	check "$h" $cc $flags -Iagent -Iinclude -I"$build/gen" "$probe"
done
printf '#include "wire.h"\n' >"$probe"
check "wire.h_for_bpf" "${CLANG:-clang}" -target bpf -std=gnu17 -fsyntax-only \
	-Wall -Wextra -Werror -Iinclude \
	-idirafter "/usr/include/$(gcc -print-multiarch)" "$probe"
