#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Each way around a sensor that tests/ways names is gone by the test that it
# names; and what the coverage table says of it, sensor and test say in the same
# words. Speaks TAP.
set -u
cd "${SRC:-$(dirname "$0")/../..}" || exit 1

# A string literal may go on in the next line.
joined() # file...
{
	sed -z 's/"[[:space:]]*"//g' "$@"
}

trim()
{
	sed 's/^[[:space:]]*//; s/[[:space:]]*$//' <<<"$1"
}

check_row() # program test words: says what is wrong
{
	local source=tests/bpf/test_$1.c
	[ -f "$source" ] || {
		echo "there is no $source"
		return
	}
	grep -q "^static void $2(" "$source" ||
		echo "$source has no test '$2'"
	[ "$(grep -c "\<$2\>" "$source")" -gt 1 ] ||
		echo "$source does not run '$2'"
	[ -n "$3" ] || return
	joined "$source" | grep -qF -- "$3" ||
		echo "$source does not ask for '$3'"
	joined agent/sense/*.[ch] | grep -qF -- "$3" ||
		echo "the coverage table does not say '$3'"
}

mapfile -t rows < <(grep -v '^#\|^[[:space:]]*$' tests/ways)
echo "1..${#rows[@]}"
n=0
for row in "${rows[@]}"; do
	n=$((n + 1))
	IFS='|' read -r family way where words <<<"$row"
	where=$(trim "$where")
	wrong=$(check_row "${where%%:*}" "${where#*:}" "$(trim "${words:-}")")
	name="$(trim "$family"): $(trim "$way")"
	if [ -z "$wrong" ]; then
		echo "ok $n - ${name//#/}"
	else
		sed 's/^/# /' <<<"$wrong"
		echo "not ok $n - ${name//#/}"
	fi
done
