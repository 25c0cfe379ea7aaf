#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The manual pages are well-formed, and name each command, option, setting and
# condition that there is. Speaks TAP.
set -u
cd "${SRC:-$(dirname "$0")/../..}" || exit 1
build=${BUILD:-build}
man=packaging/man

. tests/tap.bash

# Lines of the first list that the second has not.
lacking() { comm -23 <(sort -u "$1") <(sort -u "$2"); }

# What a page says: "command --option" per line, and of letters "command -o".
options_told()
{
	awk '/^\.It Ic [a-z]/ { command = $3 }
	     /^\.It Fl / {
		for (i = 3; i <= NF; i++)
			if ($i ~ /^-[a-z]/ || ($(i - 1) == "Fl" && $i ~ /^[a-zA-Z]$/))
				print command, "-" $i
	     }' "$1"
}

echo "1..6"
mandoc -T lint -W warning "$man"/*.5 "$man"/*.8 "$build/man/picket.ini.5" 2>&1 |
	found manual_pages_are_well_formed

lacking <("$build/picket" --list-options | awk 'NF == 3 && $3 !~ /^(--help|-h)$/ {
		sub(/=.*/, "", $3); print $2, $3 }') \
	<(options_told $man/picket.8) | found picket_8_names_each_option
lacking <(options_told $man/picket.8) \
	<("$build/picket" --list-options | awk 'NF == 3 {
		sub(/=.*/, "", $3); print $2, $3 }') |
	found picket_8_names_no_other_option

lacking <("$build/picket-ship" --help | grep -oE '^  (-.,|   ) --[a-z]*' | grep -o -e '--.*') \
	<(options_told $man/picket-ship.8 | tr -d ' ') |
	found picket_ship_8_names_each_option

lacking <("$build/picket" check --print --config packaging/agent.ini \
		--policy packaging/policy.d |
		sed -n 's/^\([a-z_]*\) *=.*/\1/p') \
	<(sed -n 's/^\.It Ic //p' "$build/man/picket.ini.5") |
	found picket_ini_5_names_each_setting

# From the tables that the parser reads.
lacking <(grep -hoP '(EVENT_KEY|PROCESS_KEY)\("\K[^"]+|\.key = "\K[^"]+' \
		agent/rules/conds.c agent/rules/parse.c \
		agent/rules/redact_parse.c) \
	<(sed -n 's/^\.It Ic //p' $man/picket-policy.5 | tr ',' '\n' |
		awk '{ print $1 }') |
	found picket_policy_5_names_each_condition
